# SPDX-License-Identifier: Apache-2.0
# Functions for tests of the REST gateway; source behind lib.sh.
#
#   rest_start NAME [adit-rest options]   a gateway; its files are in $WORK/rest-NAME
#   rest_token NAME ROLE                  makes a token for every gateway of this test; $TOKEN_NAME holds it
#   req NAME VERB PATH [curl options]     one request with the token in $TOKEN; sets $STATUS, $BODY, $HEAD
#   status is N                           for check
REST_TOKENS=$WORK/rest.tokens
declare -A REST_PID=() REST_URL=() REST_OPTS=()
TOKEN=
rest_token() {
	local t
	t=$("$TOP/tools/in-tree" adit-rest token add "$1" --role "$2" --tokens "$REST_TOKENS" "${@:3}") || return 1
	printf -v "TOKEN_${1^^}" %s "$t"
}
rest_start() {
	local n=$1 d=$WORK/rest-$1 end
	shift
	mkdir -p "$d"
	[ ! -e "$d/log" ] || mv "$d/log" "$d/log.$((++N_START))"
	"$TOP/tools/in-tree" adit-rest --tokens "$REST_TOKENS" --web "$TOP/web" "$@" >>"$d/log" 2>&1 </dev/null &
	REST_PID[$n]=$!
	BACKGROUND+=($!)
	end=$((SECONDS + 60))
	while kill -0 "${REST_PID[$n]}" 2>/dev/null && [ $SECONDS -lt $end ]; do
		grep -qs 'adit-rest: ready' "$d/log" && break
		sleep 0.05
	done
	REST_OPTS[$n]=
	case " $* " in
	*" unix:"*) REST_OPTS[$n]="--unix-socket $(echo "$*" | sed 's/.*unix:\([^ ,]*\).*/\1/')"; REST_URL[$n]=http://localhost ;;
	esac
	grep -qs 'adit-rest: ready' "$d/log" && return 0
	echo "# adit-rest $n did not start:"; sed 's/^/#   /' "$d/log"
	return 1
}
rest_stop() {
	local p=${REST_PID[$1]:-} i
	[ -n "$p" ] || return 0
	kill -"${2:-TERM}" "$p" 2>/dev/null
	for ((i = 0; i < 600; i++)); do kill -0 "$p" 2>/dev/null || break; sleep 0.05; done
	kill -KILL "$p" 2>/dev/null && echo "# adit-rest $1 had to be killed"
	wait "$p" 2>/dev/null
	LAST_EXIT=$?
	unset "REST_PID[$1]"
	if grep -qE 'ERROR: (Address|Leak|Thread)Sanitizer|runtime error:' "$WORK/rest-$1/log"; then
		grep -E -A12 'ERROR: (Address|Leak|Thread)Sanitizer|runtime error:' "$WORK/rest-$1/log" | head -40 | sed 's/^/#   /'
		N_TEST=$((N_TEST + 1)) N_FAIL=$((N_FAIL + 1)); echo "not ok $N_TEST - adit-rest $1 is clean under sanitizers"
	fi
}
req() {
	local n=$1 verb=$2 path=$3
	shift 3
	# shellcheck disable=SC2086
	STATUS=$(curl -sS -o "$WORK/body" -D "$WORK/head" -w '%{http_code}' --max-time 60 ${REST_OPTS[$n]} -X "$verb" \
		${TOKEN:+-H "Authorization: Bearer $TOKEN"} "$@" "${REST_URL[$n]}$path" 2>"$WORK/curl.err")
	BODY=$(tr -d '\0' <"$WORK/body" 2>/dev/null) HEAD=$(tr -d '\r' <"$WORK/head" 2>/dev/null)
}
JSON=(-H 'Content-Type: application/json')
# answers STATUS [TEXT-IN-BODY]: of the last request
answers() {
	[ "$STATUS" = "$1" ] || { echo "status $STATUS, expected $1: $BODY $(cat "$WORK/curl.err")"; return 1; }
	[ -z "${2:-}" ] || case $BODY in *"$2"*) ;; *) echo "body: $BODY"; return 1 ;; esac
}
header() { printf '%s\n' "$HEAD" | sed -n "s/^$1: //Ip" | tail -1; }
# jq without jq: a Python expression over the JSON of the last answer, as j
json() { printf '%s' "$BODY" | python3 -c "import json,sys; j = json.load(sys.stdin); print($1)"; }
json_is() { local v; v=$(json "$1") || return 1; [ "$v" = "$2" ] || { echo "$1 is $v, expected $2"; return 1; }; }
