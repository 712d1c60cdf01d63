# SPDX-License-Identifier: Apache-2.0
# For tests of the web page and of what npm has validators for; source behind ../interop/lib.sh. Packages are installed once
# per build folder. Ends the test as skipped when node or the registry is not there.
NODE_DIR=$ADIT_BUILD/tests-web
node_ready() {
	command -v node >/dev/null && command -v npm >/dev/null || { echo "1..0 # SKIP no node or npm"; exit 0; }
	mkdir -p "$NODE_DIR"
	if ! cmp -s "$TOP/tests/web/package.json" "$NODE_DIR/package.json" || [ ! -d "$NODE_DIR/node_modules" ]; then
		cp "$TOP/tests/web/package.json" "$NODE_DIR/package.json"
		( cd "$NODE_DIR" && timeout 300 npm install --no-fund --no-audit --ignore-scripts >npm.log 2>&1 ) ||
			{ rm -f "$NODE_DIR/package.json"; echo "1..0 # SKIP npm cannot install playwright-core and the validator"; exit 0; }
	fi
}
