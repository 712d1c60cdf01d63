# SPDX-License-Identifier: Apache-2.0
# What the shell tests of adit-pki share: the program, a folder that goes away, TAP lines.
build=$(cd "${ADIT_BUILD:-.}" && pwd)
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
pki() { "$build/adit-pki" --plugins "$build/.libs" "$@"; }
dir=$(mktemp -d) && cd "$dir" || exit 1
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$dir"' EXIT
n=0 failed=0
ok() { # STATUS NAME
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; sed 's/^/# /' log 2>/dev/null; fi
}
t() { # NAME COMMAND...
	local name=$1; shift
	"$@" >log 2>&1
	ok $? "$name"
}
status() { # WANTED NAME COMMAND...
	local want=$1 name=$2 rc; shift 2
	"$@" >log 2>&1
	rc=$?
	[ $rc = "$want" ] || echo "status $rc instead of $want" >>log
	[ $rc = "$want" ]; ok $? "$name"
}
has() { # NAME TEXT COMMAND...
	local name=$1 text=$2; shift 2
	"$@" >log 2>&1
	grep -qF -- "$text" log; ok $? "$name"
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
need() { type -P "$1" >/dev/null; }
serving() { local i; for ((i = 0; i < 600; i++)); do grep -q serving "$1" && return; sleep 0.1; done; }
finish() { echo 1..$n; exit $failed; }
