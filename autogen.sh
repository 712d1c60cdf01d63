#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes `configure` from a fresh clone.
set -e
cd "$(dirname "$0")"
mkdir -p build-aux
autoreconf --force --install --warnings=all,no-obsolete
# configure cleans up with `rm -f core`, which fails where a folder has that name, and then leaves its other files behind.
sed -i 's/rm -f core \*\.core/rm -f *.core/' configure
