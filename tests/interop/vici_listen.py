#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vici_listen.py SOCKET EVENT…: registers for events and prints each on a line, in the form of swanctl --raw."""
import socket, struct, sys


def text(body):
    out, at, first = [], 0, True

    def name():
        nonlocal at
        n = body[at]
        at += 1 + n
        return body[at - n:at].decode()

    def value():
        nonlocal at
        n = struct.unpack(">H", body[at:at + 2])[0]
        at += 2 + n
        return body[at - n:at].decode("utf-8", "replace")

    while at < len(body):
        kind = body[at]
        at += 1
        if kind in (1, 3, 4, 5) and not first:
            out.append(" ")
        first = kind in (1, 4)
        out.append({1: lambda: name() + " {", 2: lambda: "}", 3: lambda: name() + "=" + value(),
                    4: lambda: name() + "=[", 5: value, 6: lambda: "]"}[kind]())
    return "".join(out)


s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
for event in sys.argv[2:]:
    p = bytes([3, len(event)]) + event.encode()
    s.sendall(struct.pack(">I", len(p)) + p)
f = s.makefile("rb")
waiting = len(sys.argv) - 2
while True:
    head = f.read(4)
    if len(head) < 4:
        break
    p = f.read(struct.unpack(">I", head)[0])
    if p[0] == 7:
        print("%s event {%s}" % (p[2:2 + p[1]].decode(), text(p[2 + p[1]:])), flush=True)
    elif p[0] == 5:
        waiting -= 1
        if waiting == 0:
            print("listening", flush=True)
    elif p[0] == 6:
        sys.exit("no such event")
