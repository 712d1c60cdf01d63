# SPDX-License-Identifier: Apache-2.0
"""seek_key.py PID FILE…: are the secret numbers of these private keys in the memory a process can write to? Ends with 1, and says
where, when one is."""
import re, subprocess, sys
pid, needles = sys.argv[1], []
for path in sys.argv[2:]:
    text = subprocess.run(["openssl", "pkey", "-in", path, "-noout", "-text"], check=True, capture_output=True, text=True).stdout
    for name in ("priv", "privateExponent", "prime1", "prime2", "exponent1", "exponent2"):
        m = re.search(r"^%s:\n((?:    [0-9a-f:]+\n)+)" % name, text, re.M)
        if m:
            n = bytes.fromhex(re.sub(r"[:\s]", "", m.group(1))).lstrip(b"\0")
            n = n[len(n) // 2 - 8:len(n) // 2 + 8] if len(n) > 40 else n[4:20]
            needles += [(path, name, n), (path, name, n[::-1])]
assert needles
hits = seen = 0
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
    for line in maps:
        m = re.match(r"([0-9a-f]+)-([0-9a-f]+) (....)", line)
        if "rw" not in m.group(3):
            continue
        start, end = int(m.group(1), 16), int(m.group(2), 16)
        try:
            mem.seek(start)
            data = mem.read(end - start)
        except (OSError, ValueError):
            continue
        seen += len(data)
        for path, name, n in needles:
            if n in data:
                hits += 1
                print(f"{name} of {path} is in {line.strip()}")
assert seen > 1 << 20, "nothing could be read"
sys.exit(1 if hits else 0)
