# SPDX-License-Identifier: Apache-2.0
# Shell library of the interop tests: a lab of namespaces, aditd and strongSwan in them, results as TAP lines.
#
# A test script sources this, uses the functions below and ends with `finish`. Whatever happens, what it started is
# stopped by pid and its namespaces are removed (trap on EXIT). Needs root. ADIT_BUILD names the build folder.
#
#   lab_up [netns-lab options]        namespaces $L-ha $L-ga $L-r $L-gb $L-hb
#   adit_start SIDE [aditd options]   an aditd in gateway SIDE (a or b); configuration text on standard input
#                                     data plane: what the configuration says, else $ADIT_PLANE, else kernel-user
#   adit_ctl SIDE ARGS…               the adit command against it
#   adit_log SIDE                     prints its log
#   adit_stop SIDE [TERM|KILL]
#   ss_start SIDE [peer-strongswan options]   a strongSwan in gateway SIDE; swanctl.conf on standard input
#   ss_ctl SIDE ARGS…                 swanctl against it
#   check NAME COMMAND…               a test: passes when COMMAND ends with 0
#   skip NAME REASON                  counted as skipped
#   wait_for SECONDS COMMAND…         until COMMAND succeeds; SECONDS suffice on an idle machine, others have $WAIT_LEAST
#   pings FROM TO [COUNT [INTERVAL [ping options]]]   all answered, none lost, however late (FROM: ha, hb, ga, gb)
#   reaches FROM TO [ping options]    a packet is answered, sooner or later
#   unanswered FROM TO [ping options] no packet is
#   stream_start FROM TO COUNT INTERVAL [ping options]   COUNT pings beside what follows
#   stream_end                        waits until they are answered; passes when none was lost
#   listens NODE PORT                 somebody takes TCP connections there
#   free_port                         prints a TCP port of this host that nobody has
set -u
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
: "${ADIT_BUILD:=$TOP/build}" "${WAIT_LEAST:=30}"
LABDIR=$TOP/tests/lab
WORK=$(mktemp -d /tmp/adit-test.XXXXXX)
export PEERDIR=$WORK/peers
mkdir -p "$PEERDIR"
L=t$(($$ % 1000000))
N_TEST=0 N_FAIL=0 N_START=0
declare -A PID=()
BACKGROUND=()

[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root for network namespaces"; exit 0; }

cleanup() {
	local s
	for s in "${BACKGROUND[@]:-}"; do [ -z "$s" ] || kill "$s" 2>/dev/null; done
	for s in a b; do
		[ -z "${PID[$s]:-}" ] || adit_stop $s TERM
		[ ! -e "$PEERDIR/$L-$s" ] || "$LABDIR/peer-strongswan" stop $L-$s
	done
	"$LABDIR/netns-lab" down $L 2>/dev/null
	if [ $N_FAIL = 0 ] || [ -z "${ADIT_KEEP:-}" ]; then rm -rf "$WORK"; else echo "# kept: $WORK"; fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM

lab_up() { "$LABDIR/netns-lab" up $L "$@" || { echo "Bail out! no lab"; exit 1; }; }
ns() { local n=$1; shift; ip netns exec "$L-$n" "$@"; }

adit_start() {
	local s=$1 d=$WORK/$1 end
	shift
	mkdir -p "$d"
	cat > "$d/aditd.conf"
	grep -qE '(^|[{ 	])kernel *=' "$d/aditd.conf" ||
		printf '\naditd { kernel = %s }\n' "${ADIT_PLANE:-kernel-user}" >> "$d/aditd.conf"
	rm -f "$d/sock"
	[ ! -e "$d/log" ] || mv "$d/log" "$d/log.$((++N_START))"
	ip netns exec $L-g$s "$TOP/tools/in-tree" aditd --foreground --config "$d/aditd.conf" --socket "$d/sock" \
		--pidfile "$d/pid" --log "${ADIT_LOG:-default=1,ike=2}" "$@" >>"$d/log" 2>&1 </dev/null &
	PID[$s]=$!
	end=$((SECONDS + 300))
	while kill -0 "${PID[$s]}" 2>/dev/null && [ $SECONDS -lt $end ]; do
		grep -qs 'aditd: ready' "$d/log" && return 0
		sleep 0.05
	done
	echo "# aditd $s did not start:"; sed 's/^/#   /' "$d/log"
	return 1
}
adit_ctl() { local s=$1; shift; "$TOP/tools/in-tree" adit --socket "$WORK/$s/sock" "$@"; }
adit_log() { cat "$WORK/$1/log"; }
adit_stop() {
	local p=${PID[$1]:-} i
	[ -n "$p" ] || return 0
	kill -"${2:-TERM}" "$p" 2>/dev/null
	for ((i = 0; i < 600; i++)); do kill -0 "$p" 2>/dev/null || break; sleep 0.05; done
	kill -KILL "$p" 2>/dev/null && echo "# aditd $1 had to be killed"
	wait "$p" 2>/dev/null
	LAST_EXIT=$?
	unset "PID[$1]"
	# a sanitizer's report is a failure of the test that ran
	if grep -qE 'ERROR: (Address|Leak|Thread)Sanitizer|runtime error:' "$WORK/$1/log"; then
		grep -E -A12 'ERROR: (Address|Leak|Thread)Sanitizer|runtime error:' "$WORK/$1/log" | head -40 | sed 's/^/#   /'
		N_TEST=$((N_TEST + 1)) N_FAIL=$((N_FAIL + 1)); echo "not ok $N_TEST - aditd $1 is clean under sanitizers"
	fi
}
ss_start() {
	local s=$1; shift
	mkdir -p "$WORK/ss-$s"
	cat > "$WORK/ss-$s/swanctl.conf"
	"$LABDIR/peer-strongswan" start $L-$s --netns $L-g$s --conf "$WORK/ss-$s" "$@"
}
ss_ctl() { local s=$1; shift; "$LABDIR/peer-strongswan" ctl $L-$s "$@"; }
ss_log() { "$LABDIR/peer-strongswan" log $L-$1; }
ss_stop() { "$LABDIR/peer-strongswan" stop $L-$1; }
ss_kill() { ( eval "$("$LABDIR/peer-strongswan" env $L-$1)"; kill -KILL "$PID" ); "$LABDIR/peer-strongswan" stop $L-$1; }

check() {
	local name=$1 out rc; shift
	N_TEST=$((N_TEST + 1))
	out=$("$@" 2>&1); rc=$?
	if [ $rc = 0 ]; then echo "ok $N_TEST - $name"; return 0; fi
	N_FAIL=$((N_FAIL + 1))
	echo "not ok $N_TEST - $name"
	printf '%s\n' "command: $* -> $rc" "$out" | tail -25 | sed 's/^/#   /'
	return 1
}
skip() { N_TEST=$((N_TEST + 1)); echo "ok $N_TEST - $1 # SKIP $2"; }
logs() { # of both sides, for a failed script
	local s
	for s in a b; do
		[ ! -e "$WORK/$s/log" ] || { echo "# --- aditd $s"; tail -${1:-30} "$WORK/$s/log" | sed 's/^/#   /'; }
		[ ! -e "$PEERDIR/$L-$s/charon.log" ] || { echo "# --- strongswan $s"; tail -${1:-30} "$PEERDIR/$L-$s/charon.log" | sed 's/^/#   /'; }
	done
}
finish() { [ $N_FAIL = 0 ] || logs; echo "1..$N_TEST"; exit $((N_FAIL > 0)); }
wait_for() {
	local end=$((SECONDS + ($1 > WAIT_LEAST ? $1 : WAIT_LEAST))); shift
	while ! "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; sleep 0.1; done
}
# ping alone waits for the last answers no longer than twice the longest way so far. With a deadline it goes on until COUNT
# are answered: none was lost when these are the first COUNT.
answered() { # COUNT, the output of ping on standard input
	awk -v n="$1" '/ ttl=/ && match($0, /icmp_seq=[0-9]+/) { s = substr($0, RSTART + 9, RLENGTH - 9) + 0; if (s <= n && !seen[s]++) got++ }
		END { exit got != n }'
}
pings() {
	local from=$1 to=$2 n=${3:-3} i=${4:-0.05} until=-w out
	shift $(($# < 4 ? $# : 4))
	[ "$n" -gt 1 ] || until=-W
	out=$(ns "$from" ping -n -c "$n" -i "$i" $until "$WAIT_LEAST" "$@" "$to")
	printf '%s\n' "$out"
	answered "$n" <<<"$out"
}
reaches() { local from=$1 to=$2; shift 2; wait_for 60 ns "$from" ping -n -q -c 1 -W 3 "$@" "$to"; }
unanswered() { # 1: sent, and no answer came
	local from=$1 to=$2; shift 2
	ns "$from" ping -n -q -c 2 -i 0.2 -W 1 "$@" "$to"
	[ $? = 1 ]
}
stream_start() {
	local from=$1 to=$2 i=$4
	STREAM_COUNT=$3; shift 4
	(exec ip netns exec "$L-$from" stdbuf -oL ping -n -c "$STREAM_COUNT" -i "$i" -w $(awk "BEGIN { print int($STREAM_COUNT * $i) + 60 }") "$@" "$to") >"$WORK/stream" 2>&1 &
	BACKGROUND+=($!)
	wait_for 30 grep -q ttl= "$WORK/stream"
}
stream_end() {
	wait_for 600 grep -q 'packets transmitted' "$WORK/stream"
	tail -4 "$WORK/stream"
	answered "$STREAM_COUNT" <"$WORK/stream"
}
listens() { ns "$1" ss -ltnH "sport = :$2" | grep -q .; }
free_port() {
	python3 -c 'import random, socket
while True:
	port = random.randrange(10000, 32000) # below those that clients are given
	with socket.socket() as s:
		try: s.bind(("127.0.0.1", port))
		except OSError: continue
	print(port)
	break'
}
# The first packet of FILTER on DEV of node NS, as tcpdump prints it, in $WORK/packet; COMMAND is run until it comes, half a
# minute at most. A capture may miss what comes while it starts.
on_wire() { # NS DEV FILTER COMMAND…
	local node=$1 dev=$2 filter=$3 p end; shift 3
	ns "$node" timeout 60 tcpdump --immediate-mode -n -l -c 1 -i "$dev" "$filter" >"$WORK/packet" 2>"$WORK/packet.said" & p=$!
	BACKGROUND+=($p)
	wait_for 30 grep -q listening "$WORK/packet.said"
	end=$((SECONDS + 30))
	while kill -0 $p 2>/dev/null && [ $SECONDS -lt $end ]; do "$@"; sleep 0.2; done
	kill $p 2>/dev/null
	wait $p 2>/dev/null
	cat "$WORK/packet" "$WORK/packet.said"
	[ -s "$WORK/packet" ]
}
# The SAs of SIDE as JSON in one line.
sas() { adit_ctl "$1" --json list sas; }
no_sas() { # SIDE…: no IKE SA is left in the aditd or strongSwan of each
	local s
	for s; do
		if [ -n "${PID[$s]:-}" ]; then [ "$(sas "$s" | tr -d ' \n')" = "[]" ]; else [ -z "$(ss_ctl "$s" --list-sas)" ]; fi || return
	done
}

# tunnel SIDE [NAME=VALUE…]: prints a swanctl.conf for gateway SIDE, the same words for aditd and strongSwan.
#   IKE, ESP   proposals            FAM    4 or 6: the outer addresses
#   TS         4, 6 or 46           CONN, CHILD   further lines of the connection and of the child
#   REMOTE     remote_addrs (b behind no NAT: %any is fine for the side that only answers)
#   LID, RID   identities           SECRET
tunnel() {
	local s=$1 IKE=aes128gcm16-prfsha256-x25519 ESP=aes128gcm16-x25519 FAM=4 TS=4 CONN= CHILD= REMOTE= LID= RID= SECRET=
	shift
	local w me peer l r l6 r6 id_me id_peer lts rts
	for w in "$@"; do local "${w%%=*}=${w#*=}"; done
	if [ $s = a ]; then
		me=198.51.100.2 peer=203.0.113.2; [ $FAM = 4 ] || me=fd0a::2 peer=fd0b::2
		l=10.1.0.0/24 r=10.2.0.0/24 l6=fd01::/64 r6=fd02::/64 id_me=gwa.test id_peer=gwb.test
	else
		me=203.0.113.2 peer=198.51.100.2; [ $FAM = 4 ] || me=fd0b::2 peer=fd0a::2
		l=10.2.0.0/24 r=10.1.0.0/24 l6=fd02::/64 r6=fd01::/64 id_me=gwb.test id_peer=gwa.test
	fi
	case $TS in
	4) lts=$l rts=$r ;;
	6) lts=$l6 rts=$r6 ;;
	46) lts="$l, $l6" rts="$r, $r6" ;;
	host) lts=dynamic rts=dynamic ;;
	esac
	cat <<EOT
connections {
  t {
    version = 2
    local_addrs = $me
    remote_addrs = ${REMOTE:-$peer}
    proposals = $IKE
    $CONN
    local { auth = psk
            id = ${LID:-$id_me} }
    remote { auth = psk
             id = ${RID:-$id_peer} }
    children {
      net {
        local_ts = $lts
        remote_ts = $rts
        esp_proposals = $ESP
        $CHILD
      }
    }
  }
}
secrets {
  ike-1 { id-a = ${LID:-$id_me}
          id-b = ${RID:-$id_peer}
          secret = "${SECRET:-correct horse battery staple}" }
}
EOT
}
