#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes `configure` from a fresh clone.
set -e
cd "$(dirname "$0")"
mkdir -p build-aux
autoreconf --force --install --warnings=all,no-obsolete
