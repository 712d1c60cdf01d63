#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What swanctl prints of aditd and of strongSwan in the same place of the same lab, compared value by value.

  swanctl_twin.py pretty OURS THEIRS KNOWN    outputs of `… --pretty`: every value of theirs is in ours and equal
  swanctl_twin.py lines OURS THEIRS KNOWN     outputs for people: the same lines, numbers that must differ made equal
  swanctl_twin.py events OURS THEIRS KNOWN    outputs of `--monitor-sa --raw`: the same events of the same SAs in the same
                                              order, every field of theirs in ours
KNOWN: lines "VERB/PATH kind reason". kind: number or hex (both are one), near (numbers, at most 120 apart), text (a text of
its own), absent (ours has it not), begins (ours begins with theirs). A * in a path stands for anything."""
import fnmatch, re, sys

mode, ours_name, theirs_name, known_name = sys.argv[1:5]
KNOWN = []
for raw in open(known_name):
    if raw.strip() and raw[0] != "#":
        path, kind, _ = raw.split(None, 2)
        KNOWN.append((path, kind))


def kind_of(path):
    return next((k for p, k in KNOWN if fnmatch.fnmatchcase(path, p)), "equal")


def tree(name):
    """Path -> value of `--pretty`; the messages of one name are numbered when their first section has no name."""
    out, at, items, n = {}, [], None, {}
    for line in (raw.strip() for raw in open(name)):
        if items is not None:
            if line == "]":
                out["/".join(at)] = " ".join(sorted(items)) if at[-1] in ("plugins", "keys") else " ".join(items)
                at.pop()
                items = None
            else:
                items.append(line)
        elif line == "}":
            at.pop()
        elif line.endswith("{"):
            name = re.sub(r" (event|reply)$", "", line[:-1].strip())
            if not at and (name == "list-cert" or name.startswith(("load-", "unload-"))):
                n[name] = n.get(name, 0) + 1
                name += "/%d" % n[name]
            at.append(name)
        elif line.endswith("= ["):
            at.append(line[:-3].strip())
            items = []
        elif " = " in line or line.endswith(" ="):
            key, _, value = line.partition(" =")
            out["/".join(at + [key])] = value.strip()
    return renamed(out)


def renamed(values):
    """Certificates by what they are instead of their place; the CHILD SAs of a name by their age."""
    names = {}
    for path, v in values.items():
        if re.fullmatch(r"list-cert/[0-9]+/data", path):
            names[path[:-4]] = "list-cert/%s…/" % v[-40:]
    for m in sorted({m[0] for p in values if (m := re.match(r".*/child-sas/[^/]+-[0-9]+/", p))}, key=lambda p: int(p[:-1].rsplit("-", 1)[1])):
        base = m[:-1].rsplit("-", 1)[0]
        names[m] = "%s-%d/" % (base, 1 + sum(v.startswith(base + "-") for v in names.values()))
    out = {}
    for path, v in values.items():
        old = next((o for o in names if path.startswith(o)), "")
        out[names.get(old, "") + path[len(old):]] = v
    return out


def number(v):
    return re.fullmatch(r"-?[0-9]+", v or "")


def differ(path, ours, theirs):
    kind = kind_of(path)
    if kind == "absent":
        return None
    if ours is None:
        return "%s is missing, theirs is '%s'" % (path, theirs)
    if kind == "text" or ours == theirs:
        return None
    if kind == "number" and number(ours) and number(theirs):
        return None
    if kind == "near" and number(ours) and number(theirs) and abs(int(ours) - int(theirs)) <= 120:
        return None
    if kind == "hex" and re.fullmatch("[0-9a-fx]+", ours) and len(ours) == len(theirs):
        return None
    if kind == "begins" and ours.startswith(theirs):
        return None
    return "%s is '%s', theirs '%s'" % (path, ours, theirs)


def pretty():
    ours, theirs = tree(ours_name), tree(theirs_name)
    if not theirs:
        sys.exit("strongSwan said nothing")
    return [d for p, v in theirs.items() if (d := differ(p, ours.get(p), v))], len(theirs)


def plain(name):
    """Lines without what no two runs share: SPIs, times, ids of keys, ages."""
    out = []
    for line in open(name):
        line = re.sub(r"0x[0-9a-f]{16,}|\b[0-9a-f]{40}\b|\b[0-9a-f]{16}\b|\b[0-9a-f]{8}\b", "HEX", line.rstrip())
        line = re.sub(r"[0-9]+s\b", "Ns", line)
        line = re.sub(r", *Ns ago$", "", line)
        line = re.sub(r"expires in [0-9]+ ", "expires in N ", line)  # one of them was asked a minute later
        out.append(re.sub(r"/tmp/[^/']*/", "", line))
    return out


def blocks(lines):
    """What begins at the left margin with what is indented below; certificates are paragraphs. Their order is free."""
    out = []
    for line in lines:
        if out and line.startswith(" ") and out[-1] and not out[-1].endswith("\n"):
            out[-1] += "\n" + line
        else:
            out.append(line)
    return sorted(b.rstrip() for b in out if b.strip())


def lines():
    ours, theirs = blocks(plain(ours_name)), blocks(plain(theirs_name))
    rest = list(ours)
    bad = []
    for b in theirs:
        near = next((o for o in rest if o == b or (o.startswith(b) and "failed" in b)), None)
        if near is None:
            bad.append("missing:\n" + b)
        else:
            rest.remove(near)
    return bad + ["more:\n" + b for b in rest], len(theirs)


def raw_events(name):
    """(event, up, connection, child names, keys of the IKE SA and of the child) per line of --raw."""
    out = []
    for line in open(name):
        m = re.match(r"((?:ike|child)-updown) event \{(up=yes )?(\S+) \{(.*)\}\}$", line.strip())
        if m:
            ike, _, child = m[4].partition(" child-sas {")
            out.append(((m[1], bool(m[2]), m[3], " ".join(re.findall(r"name=(\S+)", child)), *re.findall(r" state=(\S+)", m[4])),
                        set(re.findall(r"([a-z-]+)=", ike)), set(re.findall(r"([a-z-]+)=", child))))
    return out


def events():
    ours, theirs = raw_events(ours_name), raw_events(theirs_name)
    bad = ["event %d is %s, theirs %s" % (i, o[0], t[0]) for i, (o, t) in enumerate(zip(ours, theirs)) if o[0] != t[0]]
    if len(ours) != len(theirs):
        bad.append("%d events, theirs %d: %s / %s" % (len(ours), len(theirs), [o[0] for o in ours], [t[0] for t in theirs]))
    for o, t in zip(ours, theirs):
        for at, a, b in (("ike", o[1], t[1]), ("child", o[2], t[2])):
            lost = [k for k in b - a if kind_of("%s/%s/%s" % (t[0][0], at, k)) != "absent"]
            bad += ["%s has no %s" % (t[0], k) for k in lost]
    return bad, len(theirs)


found, n = {"pretty": pretty, "lines": lines, "events": events}[mode]()
print("\n".join(found) if found else "%d equal" % n)
sys.exit(bool(found) or not n)
