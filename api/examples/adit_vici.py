#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A client of aditd in Python without any dependency: the vici wire format, calls, streams, events.

As a module:

    from adit_vici import Client
    with Client("/run/aditd.sock") as c:
        print(c.call("version")["version"])
        for sa in c.stream("list-sas", "list-sa"):
            print(sa)

As a program, for shells and other languages (arguments are JSON, answers are JSON lines):

    adit_vici.py [--socket PATH] call METHOD ['{"name": "value"}']
    adit_vici.py [--socket PATH] stream METHOD EVENT ['{…}']
    adit_vici.py [--socket PATH] listen EVENT…
"""
import json, os, socket, struct, sys

REQUEST, RESPONSE, UNKNOWN, REGISTER, UNREGISTER, CONFIRM, EVENT_UNKNOWN, EVENT = range(8)


class Refused(Exception):
    """The daemon said no: str() is its sentence, .code the stable name of the error, .answer everything."""

    def __init__(self, answer):
        super().__init__(answer.get("errmsg", "refused"))
        self.code, self.answer = answer.get("errcode", ""), answer


def _bytes(v):
    if isinstance(v, bytes):
        return v
    if isinstance(v, bool):
        return b"yes" if v else b"no"
    return str(v).encode()


def encode(d):
    out = []
    for k, v in d.items():
        name = bytes([len(k.encode())]) + k.encode()
        if isinstance(v, dict):
            out.append(b"\1" + name + encode(v) + b"\2")
        elif isinstance(v, (list, tuple)):
            out.append(b"\4" + name + b"".join(b"\5" + struct.pack(">H", len(_bytes(i))) + _bytes(i) for i in v) + b"\6")
        else:
            out.append(b"\3" + name + struct.pack(">H", len(_bytes(v))) + _bytes(v))
    return b"".join(out)


def decode(body):
    at = 0

    def name():
        nonlocal at
        n = body[at]
        at += 1 + n
        return body[at - n:at].decode()

    def value():
        nonlocal at
        n = struct.unpack_from(">H", body, at)[0]
        at += 2 + n
        raw = body[at - n:at]
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw

    def section():
        nonlocal at
        out = {}
        while at < len(body):
            kind = body[at]
            at += 1
            if kind == 2:
                break
            if kind == 1:
                k = name()
                out[k] = section()
            elif kind == 3:
                k = name()
                out[k] = value()
            elif kind == 4:
                k = name()
                out[k] = []
                while body[at] == 5:
                    at += 1
                    out[k].append(value())
                at += 1
            else:
                raise ValueError("no element of type %d" % kind)
        return out
    return section()


class Client:
    def __init__(self, path=None, timeout=None):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(timeout)
        self.s.connect(path or os.environ.get("ADIT_SOCKET", "/run/aditd.sock"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def _read(self, n):
        out = b""
        while len(out) < n:
            part = self.s.recv(n - len(out))
            if not part:
                raise ConnectionError("aditd closed the connection")
            out += part
        return out

    def _send(self, kind, name, body=b""):
        p = bytes([kind, len(name)]) + name.encode() + body
        self.s.sendall(struct.pack(">I", len(p)) + p)

    def _packet(self):
        p = self._read(struct.unpack(">I", self._read(4))[0])
        if p[0] == EVENT:
            return EVENT, p[2:2 + p[1]].decode(), decode(p[2 + p[1]:])
        return p[0], None, decode(p[1:])

    def call(self, method, **args):
        """The answer as a dict; raises Refused. Names with a dash are written with one: call("x", **{"ike-id": 1})."""
        return self.call_dict(method, args)

    def call_dict(self, method, args):
        self._send(REQUEST, method, encode(args))
        while True:
            kind, _, body = self._packet()
            if kind == EVENT:
                continue
            if kind == UNKNOWN:
                raise Refused({"errmsg": "aditd has no method " + method, "errcode": "UNKNOWN"})
            if body.get("success") == "no":
                raise Refused(body)
            return body

    def listen(self, *events):
        for e in events:
            self._send(REGISTER, e)
            kind = self._packet()[0]
            while kind == EVENT:
                kind = self._packet()[0]
            if kind != CONFIRM:
                raise Refused({"errmsg": "no event %s for this user" % e})

    def unlisten(self, event):
        self._send(UNREGISTER, event)
        while self._packet()[0] == EVENT:
            pass

    def events(self):
        """(name, body) of every event from now on."""
        while True:
            kind, name, body = self._packet()
            if kind == EVENT:
                yield name, body

    def stream(self, method, event, **args):
        """The bodies of the events that the method streams."""
        self.listen(event)
        self._send(REQUEST, method, encode(args))
        while True:
            kind, name, body = self._packet()
            if kind == EVENT:
                if name == event:
                    yield body
                continue
            self.unlisten(event)
            if kind == UNKNOWN:
                raise Refused({"errmsg": "aditd has no method " + method})
            if body.get("success") == "no":
                raise Refused(body)
            return


def main(argv):
    path = None
    if argv[:1] == ["--socket"]:
        path, argv = argv[1], argv[2:]
    if len(argv) < 2 or argv[0] not in ("call", "stream", "listen"):
        sys.exit(__doc__)

    def say(x):
        print(json.dumps(x, default=lambda b: b.hex()), flush=True)
    try:
        with Client(path) as c:
            if argv[0] == "call":
                say(c.call_dict(argv[1], json.loads(argv[2]) if len(argv) > 2 else {}))
            elif argv[0] == "stream":
                for body in c.stream(argv[1], argv[2], **(json.loads(argv[3]) if len(argv) > 3 else {})):
                    say(body)
            else:
                c.listen(*argv[1:])
                for name, body in c.events():
                    say({"event": name, **body})
    except Refused as e:
        say(e.answer)
        sys.exit(1)
    except (OSError, ConnectionError) as e:
        print("adit_vici: %s" % e, file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main(sys.argv[1:])
