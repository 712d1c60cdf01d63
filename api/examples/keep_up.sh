#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# keep_up.sh NAME [SOCKET]: brings the connection NAME up when it is not, and prints what its child SAs have carried, a line each.
# For cron or a monitor. Ends with 0 when it is up, with 1 when it cannot be, with 3 when aditd cannot be reached.
set -u
name=${1:?usage: keep_up.sh NAME [SOCKET]}
[ -z "${2:-}" ] || export ADIT_SOCKET="$2"

# the answer is made for programs: one "key: value" in a line
state() {
	adit --yaml list sas | awk -v name="$name" '
		/^- name: / { here = ($3 == name || $3 == "\"" name "\"") }
		here && /^  state: / { print $2; exit }'
}
traffic() {
	adit --yaml list sas | awk -v name="$name" '
		/^- name: / { here = ($3 == name || $3 == "\"" name "\"") }
		here && /^    - name: / { child = $3 }
		here && /^      bytes-in: / { in_bytes = $2 }
		here && /^      bytes-out: / { print child, in_bytes, $2 }'
}

adit version >/dev/null || exit 3
if [ "$(state)" != ESTABLISHED ]; then
	# the reason, when it fails, is on standard error, in one sentence at the end
	adit up "$name" --timeout 20000 || exit 1
fi
traffic
