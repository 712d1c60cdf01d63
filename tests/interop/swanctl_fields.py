#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""swanctl_fields.py OURS THEIRS [KNOWN]: outputs of `swanctl … --pretty` of aditd and of strongSwan for the same tunnel: is
every field of theirs in ours, with a value of the same form?

KNOWN: lines "PATH reason": fields that may differ. Names of connections, children and policies are made equal."""
import re, sys


def fields(path):
    """Path -> form of the value: a number, hexadecimal, a word in capitals, or text."""
    out, at, in_list = {}, [], False
    for line in (raw.strip() for raw in open(path)):
        if in_list:
            in_list = line != "]"
            if not in_list:
                at.pop()
        elif line == "}":
            at.pop()
        elif line.endswith("{"):
            name = re.sub(r" (event|reply)$", "", line[:-1].strip())
            if at and at[-1] in ("child-sas", "children"):
                name = "C"
            elif at in (["list-sa"], ["list-conn"], ["list-policy"], ["get-counters", "counters"], ["get-pools"]):
                name = "T"
            elif at and at[-1].endswith("proposals"):
                name = "P"
            at.append(name)
        elif line.endswith("= ["):
            at.append(line[:-3].strip())
            out["/".join(at)] = "list"
            in_list = True
        elif " = " in line or line.endswith(" ="):
            key, _, v = line.partition(" =")
            v = v.strip()
            out["/".join(at + [key])] = "number" if re.fullmatch(r"-?[0-9]+", v) else \
                "hex" if re.fullmatch(r"[0-9a-f]{8}|[0-9a-f]{16}", v) else "text"
    return out


ours, theirs = fields(sys.argv[1]), fields(sys.argv[2])
known = {}
if len(sys.argv) > 3:
    known = dict((l.split(" ", 1) + [""])[:2] for l in open(sys.argv[3]).read().splitlines() if l and l[0] != "#")
bad = []
for k, form in sorted(theirs.items()):
    if k in known or any(k.startswith(p[:-1]) for p in known if p.endswith("*")):
        continue
    if k not in ours:
        bad.append("missing: " + k)
    elif ours[k] != form and {ours[k], form} != {"hex", "number"}:
        bad.append("%s is a %s, theirs a %s" % (k, ours[k], form))
if not theirs:
    bad.append("strongSwan said nothing")
print("\n".join(bad) if bad else "%d fields" % len(theirs))
sys.exit(bool(bad))
