# SPDX-License-Identifier: Apache-2.0
# Shell library of the interop tests with certificates, behind lib.sh: a CA by openssl, directories as swanctl has them.
#
#   ca NAME KEYTYPE [ISSUER [EXT…]]   $PKI/NAME.key, NAME.crt: a root, or a CA below ISSUER
#   leaf NAME KEYTYPE CA SAN [EXT…]   an end certificate; SAN as openssl takes it ("DNS:gw.test"), EXT are extension lines
#   give SIDE FOLDER FILE…            copies files of $PKI into a swanctl folder of SIDE (x509, x509ca, x509crl, private…)
#   adit_creds SIDE                   Debian's swanctl loads everything of SIDE's folder into aditd
# KEYTYPE: rsa2048 rsa3072 rsa4096 p256 p384 p521 bp256 bp384 bp512 (brainpool) ed25519 ed448
PKI=$WORK/pki
mkdir -p "$PKI"
DAYS=30

key() {
	case $2 in
	rsa*) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:"${2#rsa}" -out "$PKI/$1.key" ;;
	bp*) openssl genpkey -quiet -algorithm EC -pkeyopt ec_param_enc:named_curve -pkeyopt ec_paramgen_curve:"brainpoolP${2#bp}r1" -out "$PKI/$1.key" ;;
	p*) openssl genpkey -quiet -algorithm EC -pkeyopt ec_param_enc:named_curve -pkeyopt ec_paramgen_curve:"P-${2#p}" -out "$PKI/$1.key" ;;
	*) openssl genpkey -quiet -algorithm "${2^^}" -out "$PKI/$1.key" ;;
	esac
}
# signed NAME ISSUER SUBJECT EXTENSIONS
signed() {
	openssl req -new -key "$PKI/$1.key" -subj "$3" -out "$PKI/$1.csr"
	openssl x509 -req -in "$PKI/$1.csr" -CA "$PKI/$2.crt" -CAkey "$PKI/$2.key" -CAcreateserial -days "$DAYS" ${NOT_BEFORE:+-not_before "$NOT_BEFORE"} \
		-extfile <(printf '%s\n' "$4") -out "$PKI/$1.crt" 2>/dev/null
}
ca() {
	local n=$1 t=$2 up=${3:-}
	shift $(($# > 2 ? 3 : 2))
	key "$n" "$t"
	if [ -z "$up" ]; then
		openssl req -x509 -new -key "$PKI/$n.key" -days 3650 -subj "/C=CH/O=Lab/CN=$n" -addext keyUsage=critical,keyCertSign,cRLSign \
			-addext basicConstraints=critical,CA:TRUE -out "$PKI/$n.crt"
	else
		signed "$n" "$up" "/C=CH/O=Lab/CN=$n" "$(printf '%s\n' basicConstraints=critical,CA:TRUE keyUsage=keyCertSign,cRLSign \
			subjectKeyIdentifier=hash authorityKeyIdentifier=keyid "$@")"
	fi
}
leaf() {
	local n=$1 t=$2 up=$3 san=$4
	shift 4
	key "$n" "$t"
	signed "$n" "$up" "/C=CH/O=Lab/CN=$n" "$(printf '%s\n' basicConstraints=CA:FALSE keyUsage=digitalSignature subjectKeyIdentifier=hash \
		authorityKeyIdentifier=keyid extendedKeyUsage=serverAuth,clientAuth "subjectAltName=$san" "$@")"
}
give() {
	local d=$WORK/sw-$1/$2 f
	shift 2
	mkdir -p "$d"
	for f in "$@"; do cp "$PKI/$f" "$d/"; done
}
adit_creds() { SWANCTL_DIR=$WORK/sw-$1 swanctl --load-all --noprompt --uri "unix://$WORK/$1/sock"; }
# strongSwan in gateway SIDE with the folder of SIDE
ss_start_dir() {
	local s=$1; shift
	"$LABDIR/peer-strongswan" start $L-$s --netns $L-g$s --conf "$WORK/sw-$s" "$@"
}
# conn SIDE NAME LOCAL-LINES REMOTE-LINES [CONN-LINES]: a connection with child NAME, text of swanctl.conf
conn() {
	local me=198.51.100.2 peer=203.0.113.2 l=10.1.0.0/24 r=10.2.0.0/24
	[ "$1" = a ] || { me=203.0.113.2 peer=198.51.100.2 l=10.2.0.0/24 r=10.1.0.0/24; }
	cat <<-EOT
	connections { $2 {
	    version = 2
	    local_addrs = $me
	    remote_addrs = $peer
	    proposals = aes128gcm16-prfsha256-x25519
	    ${5:-}
	    local { $3
	    }
	    remote { $4
	    }
	    children { $2 {
	        local_ts = $l
	        remote_ts = $r
	        esp_proposals = aes128gcm16
	    } }
	} }
	EOT
}
# serve NS DIR PORT: an HTTP server for CRLs in a namespace (prints nothing); stopped at the end
serve() {
	ip netns exec $L-$1 python3 -m http.server --directory "$2" "$3" >/dev/null 2>&1 &
	BACKGROUND+=($!)
	wait_for 5 ip netns exec $L-$1 python3 -c "import socket; socket.create_connection(('127.0.0.1', $3), 1)"
}
# crl CA FILE [SERIAL…]: a CRL of CA with these serial numbers (0x…), DER in $PKI/FILE; CRL_DAYS its life
crl() {
	local ca=$1 out=$2 s
	shift 2
	: > "$PKI/$ca.index"
	for s in "$@"; do printf 'R\t491231235959Z\t260101000000Z\t%s\tunknown\t/CN=x\n' "${s#0x}" >> "$PKI/$ca.index"; done
	echo "0$((RANDOM % 9 + 1))" > "$PKI/$ca.crlnumber"
	cat > "$PKI/$ca.cnf" <<-EOC
	[ca]
	default_ca = d
	[d]
	database = $PKI/$ca.index
	crlnumber = $PKI/$ca.crlnumber
	default_md = sha256
	EOC
	openssl ca -config "$PKI/$ca.cnf" -gencrl -keyfile "$PKI/$ca.key" -cert "$PKI/$ca.crt" ${CRL_DAYS:--crldays 7} -out "$PKI/$out.pem" 2>/dev/null &&
		openssl crl -in "$PKI/$out.pem" -outform DER -out "$PKI/$out"
}
serial() { openssl x509 -in "$PKI/$1.crt" -noout -serial | cut -d= -f2; }
