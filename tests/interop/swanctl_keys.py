#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""swanctl_keys.py KEYS MESSAGE < output of `swanctl … --pretty`: does it have every field of MESSAGE in KEYS?

Prints what is missing or has another form, and ends with 1 then. In KEYS the connection is T, its child C."""
import re, sys


def fields(text):
    """Path -> value; lists are joined by blanks. Names of child SAs and policies are made equal."""
    out, path, items = {}, [], None
    for line in (raw.strip() for raw in text):
        if items is not None:
            if line == "]":
                out["/".join(path)] = " ".join(items)
                path.pop()
                items = None
            else:
                items.append(line)
        elif line == "}":
            path.pop()
        elif line.endswith("{"):
            name = re.sub(r" (event|reply)$", "", line[:-1].strip())
            if path and path[-1] == "child-sas":
                name = "C"
            elif path == ["list-sa"] or path == ["list-conn"]:
                name = "T"
            elif path == ["list-policy"]:
                name = "POL"
            path.append(name)
        elif line.endswith("= ["):
            path.append(line[:-3].strip())
            items = []
        elif " = " in line or line.endswith(" ="):
            key, _, value = line.partition(" =")
            out["/".join(path + [key])] = value.strip()
    return out


got = fields(sys.stdin)
bad = []
for row in open(sys.argv[1]):
    row = row.rstrip("\n")
    key, _, form = row.partition(" ")
    if row.startswith("#") or key.split("/")[0] != sys.argv[2]:
        continue
    form = "t" if form == "T" else form
    if key not in got:
        bad.append("missing: " + key)
    elif form and not re.fullmatch(form, got[key]):
        bad.append("%s is '%s', wanted %s" % (key, got[key], form))
if bad:
    print("\n".join(bad))
    print("came: " + ", ".join(sorted(got)))
sys.exit(bool(bad))
