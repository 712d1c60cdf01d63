#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vici_probe.py SOCKET: the vici protocol to the letter: packets that are right and wrong, and what comes back, a line each.
Two daemons that speak the same protocol print the same lines."""
import socket, struct, sys

NAMES = {1: "CMD_RESPONSE", 2: "CMD_UNKNOWN", 5: "EVENT_CONFIRM", 6: "EVENT_UNKNOWN", 7: "EVENT"}
EVENTS = ["log", "control-log", "list-sa", "list-policy", "list-conn", "list-cert", "list-authority", "ike-updown", "ike-rekey",
          "ike-update", "child-updown", "child-rekey"]
# what answers to an empty message; for those that need arguments the answer is an error
COMMANDS = ["version", "stats", "reload-settings", "initiate", "terminate", "rekey", "redirect", "install", "uninstall", "list-sas",
            "list-policies", "list-conns", "get-conns", "list-certs", "list-authorities", "get-authorities", "load-conn", "unload-conn",
            "load-cert", "load-key", "unload-key", "get-keys", "load-token", "load-shared", "unload-shared", "get-shared", "flush-certs",
            "clear-creds", "load-authority", "unload-authority", "load-pool", "unload-pool", "get-pools", "get-algorithms",
            "get-counters", "reset-counters"]


class Client:
    def __init__(self):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(60)
        self.s.connect(sys.argv[1])
        self.f = self.s.makefile("rb")

    def send(self, kind, name=None, body=b""):
        p = bytes([kind]) + (bytes([len(name)]) + name.encode() if name is not None else b"") + body
        self.raw(struct.pack(">I", len(p)) + p)

    def raw(self, bytes_):
        try:
            self.s.sendall(bytes_)
        except OSError:
            pass

    def read(self):
        """The next answer as text; events are passed over."""
        got = "EVENT"
        while got == "EVENT":
            got = self.packet()
        return got

    def packet(self):
        try:
            head = self.f.read(4)
            if len(head) < 4:
                return "closed"
            p = self.f.read(struct.unpack(">I", head)[0])
        except TimeoutError:
            return "nothing"
        except OSError:
            return "closed"
        body = p[1:]
        success = b"success" in body
        return NAMES.get(p[0], str(p[0])) + (" success=" + ("yes" if b"success\0\3yes" in body else "no") if success else "")


def kv(k, v):
    return bytes([3, len(k)]) + k.encode() + struct.pack(">H", len(v)) + v.encode()


def section(k, body=b""):
    return bytes([1, len(k)]) + k.encode() + body + bytes([2])


def once(what, kind, name=None, body=b""):
    c = Client()
    c.send(kind, name, body)
    print("%-44s %s" % (what, c.read()))


def after(what, send):
    """Is the connection still good after this?"""
    c = Client()
    send(c)
    first = c.read()
    c.send(0, "version")
    print("%-44s %s, then %s" % (what, first, c.read()))


c = Client()
for e in EVENTS:
    c.send(3, e)
    print("%-44s %s" % ("register " + e, c.read()))
for e in EVENTS:
    c.send(4, e)
    print("%-44s %s" % ("unregister " + e, c.read()))
once("register nosuch", 3, "nosuch")
once("unregister nosuch", 4, "nosuch")
once("register of no name", 3, "")
for cmd in COMMANDS:
    once(cmd, 0, cmd)
once("command nosuch", 0, "nosuch")
once("a command of no name", 0, "")
once("a list nobody registered for", 0, "list-sas", kv("noblock", "yes"))
after("an unknown command", lambda c: c.send(0, "nosuch"))
after("two requests at once", lambda c: (c.send(0, "version"), c.send(0, "get-conns")))
after("a section that does not end", lambda c: c.send(0, "load-conn", section("a")[:-1]))
after("an end without a section", lambda c: c.send(0, "load-conn", bytes([2])))
after("a value that is cut", lambda c: c.send(0, "load-conn", kv("a", "bcd")[:-1]))
after("an element that does not exist", lambda c: c.send(0, "load-conn", bytes([99])))
after("an item outside of a list", lambda c: c.send(0, "load-conn", bytes([5, 0, 1, 65])))
after("a list in a list", lambda c: c.send(0, "load-conn", bytes([4, 1, 65, 4, 1, 65, 6, 6])))
