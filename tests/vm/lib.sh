# SPDX-License-Identifier: Apache-2.0
# Shell library of the VM tests: the lab of tests/interop/lib.sh on a real kernel. Emulation is slow, so that a script
# starts its daemons once and has many child SAs between them, each with an address of its own on the far side.
#
#   cases NAME ESP [LINES]…     (three words a case; LINES are further lines of the child, ESP "ah:…" an AH proposal)
#   many SIDE [NAME=VALUE…]     prints a configuration with a child of each case; words as tunnel's, LOCAL6=1: IPv6
#                               inside for all
#   try PEER                    brings up each case from a and pings through it; a check each. PEER names the other end
WAIT_LEAST=120 # a machine in emulation on a machine that has other things to do
. "$(dirname "${BASH_SOURCE[0]}")/../interop/lib.sh"

[ -e /proc/net/xfrm_stat ] && ip xfrm state >/dev/null 2>&1 ||
	{ echo "1..0 # SKIP needs a kernel with ESP: tests/run --only vm starts one"; exit 0; }
# The self-tests of all crypto plugins take half a minute in emulation.
LOAD="aditd { load = crypto-openssl, ${ADIT_PLANE:=kernel-xfrm}
  plugins { crypto { broken = yes } } }"
export ADIT_PLANE
CASE=() CASE_ESP=() CASE_LINES=()
# As adit_start; without the daemon there is nothing to test.
start() { adit_start "$@" || { check "aditd $1 starts" false; logs() { :; }; finish; }; }

cases() { while [ $# -ge 3 ]; do CASE+=("$1"); CASE_ESP+=("$2"); CASE_LINES+=("$3"); shift 3; done; }

case_ts() { # INDEX local|remote, as a sees it
	local v6=${LOCAL6:-}
	case $2 in
	local) [ -n "$v6" ] && echo fd01::10/128 || echo 10.1.0.10/32 ;;
	remote) [ -n "$v6" ] && printf 'fd02::1:%x/128\n' $((100 + $1)) || echo 10.2.0.$((100 + $1))/32 ;;
	esac
}

many() {
	local s=$1 i esp l r me=local peer=remote; shift
	[ $s = a ] || me=remote peer=local
	tunnel $s "$@" | sed '/children {/,$d'
	echo "    children {"
	for i in "${!CASE[@]}"; do
		esp="esp_proposals = ${CASE_ESP[i]}"
		[ "${CASE_ESP[i]#ah:}" = "${CASE_ESP[i]}" ] || esp="ah_proposals = ${CASE_ESP[i]#ah:}"
		printf '      c%d {\n        local_ts = %s\n        remote_ts = %s\n        %s\n        %s\n      }\n' $i \
			"$(case_ts $i $me)" "$(case_ts $i $peer)" "$esp" "${CASE_LINES[i]}"
	done
	printf '    }\n  }\n}\n'
	tunnel $s "$@" | sed -n '/^secrets {/,$p'
}

case_addresses() { # on host B
	local i t
	for i in "${!CASE[@]}"; do
		t=$(case_ts $i remote)
		ip -n $L-hb addr add "$t" dev lan $([ -z "${LOCAL6:-}" ] || echo nodad)
	done
}

try_case() { # INDEX
	local t
	t=$(case_ts $1 remote)
	adit_ctl a up t --child c$1 || return
	pings ha "${t%/*}" ${2:-2} 0.05
}
try() {
	local i
	for i in "${!CASE[@]}"; do check "$1: ${CASE[i]}" try_case $i; done
}
# What a stream of pings in FILE has lost up to the last answer, and the longest time between two of them (ping -D).
lost() { awk '/ ttl=/ && match($0, /icmp_seq=[0-9]+/) { s = substr($0, RSTART + 9, RLENGTH - 9) + 0; if (!seen[s]++) n++; if (s > max) max = s }
	END { print max - n }' "$1"; }
gap_ms() { awk -F'[][]' '/bytes from/ { if (last && $2 - last > max) max = $2 - last; last = $2 } END { printf "%d\n", max * 1000 }' "$1"; }
states() { ip -n $L-g$1 xfrm state; }
policies() { ip -n $L-g$1 xfrm policy | awk '/^src/ { line = $0; next } /socket/ { next } { if (line) print line; line = ""; print }'; }
