#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every suite that Adit and strongSwan share, one tunnel each: suite_product.py INITIATOR-SOCKET RESPONDER-SOCKET SIDE ADIT.

Both are sockets of the vici protocol. SIDE is the gateway of the initiator (a or b), ADIT names the socket that is Adit's
(initiator or responder). The responder gets one connection with every algorithm, the initiator one with a single suite, again and
again: the tunnel comes up, a datagram goes through it and back, it goes down. A line from standard input is wanted from the
program that sends the datagrams: it is asked on file descriptor 3 and answers on 4. ADIT_MATRIX=quick takes every pair of
values once in a while instead of the product; ADIT_MATRIX_PART=N/M takes the N-th of M parts."""
import os
import socket
import struct
import sys
import time

CBC = "aes128 aes192 aes256 camellia128 camellia192 camellia256 3des".split()
CTR = "aes128ctr aes192ctr aes256ctr camellia128ctr camellia192ctr camellia256ctr".split()
AEAD = [f"aes{bits}{mode}{icv}" for mode in ("gcm", "ccm") for icv in (16, 12, 8) for bits in (128, 192, 256)] + ["chacha20poly1305"]
INTEGS = "sha256 sha384 sha512 sha1 aesxcbc aescmac md5".split()
PRFS = "prfsha256 prfsha384 prfsha512 prfsha1 prfaesxcbc prfaescmac prfmd5".split()
KES = ("x25519 x448 ecp256 ecp384 ecp521 ecp224 ecp192 ecp224bp ecp256bp ecp384bp ecp512bp modp768 modp1024 modp1536 modp2048 "
       "modp3072 modp4096 modp6144 modp8192 modp1024s160 modp2048s224 modp2048s256").split()


class Vici:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(60)
        self.s.connect(path)
        self.f = self.s.makefile("rb")

    @staticmethod
    def pack(v):
        name = lambda n: bytes([len(n)]) + n.encode()
        text = lambda t: struct.pack(">H", len(t)) + t.encode()
        out = b""
        for k, x in v.items():
            if isinstance(x, dict):
                out += b"\1" + name(k) + Vici.pack(x) + b"\2"
            elif isinstance(x, list):
                out += b"\4" + name(k) + b"".join(b"\5" + text(i) for i in x) + b"\6"
            else:
                out += b"\3" + name(k) + text(x)
        return out

    @staticmethod
    def unpack(b):
        """Only keys with values, of all depths: the answers here are flat."""
        out, at = {}, 0
        while at < len(b):
            kind = b[at]
            at += 1
            if kind in (1, 3, 4):
                n = b[at]
                key = b[at + 1:at + 1 + n].decode()
                at += 1 + n
            if kind in (3, 5):
                n = struct.unpack(">H", b[at:at + 2])[0]
                if kind == 3:
                    out[key] = b[at + 2:at + 2 + n].decode()
                at += 2 + n
        return out

    def ask(self, command, **args):
        p = b"\0" + bytes([len(command)]) + command.encode() + self.pack({k.replace("_", "-"): v for k, v in args.items()} if
                                                                          command != "load-conn" else args)
        self.s.sendall(struct.pack(">I", len(p)) + p)
        n = struct.unpack(">I", self.f.read(4))[0]
        answer = self.f.read(n)
        if answer[0] != 1:
            raise RuntimeError(f"{command}: packet of type {answer[0]}")
        return self.unpack(answer[1:])

    def must(self, command, **args):
        r = self.ask(command, **args)
        if r.get("success", "yes") != "yes":
            raise RuntimeError(f"{command}: {r.get('errmsg', r)}")
        return r


def conn(side, ike, esp):
    me, peer, l, r = ("198.51.100.2", "203.0.113.2", "10.1.0.0/24", "10.2.0.0/24")
    ids = ["gwa.test", "gwb.test"]
    if side == "b":
        me, peer, l, r = peer, me, r, l
        ids.reverse()
    return {"t": {"version": "2", "local_addrs": [me], "remote_addrs": [peer], "proposals": ike,
                  "local-1": {"auth": "psk", "id": ids[0]}, "remote-1": {"auth": "psk", "id": ids[1]},
                  "children": {"net": {"local_ts": [l], "remote_ts": [r], "esp_proposals": esp}}}}


def packet():
    """Asks the sender in the initiator's host for a datagram through the tunnel and back."""
    os.write(3, b"go\n")
    return ANSWERS.readline() == "ok\n"


ANSWERS = os.fdopen(4)


def suites(encrs, seconds, kes):
    quick = os.environ.get("ADIT_MATRIX") == "quick"
    part, parts = (int(x) for x in os.environ.get("ADIT_MATRIX_PART", "1/1").split("/"))
    n = 0
    for i, e in enumerate(encrs):
        for j, s in enumerate(seconds):
            for k, ke in enumerate(kes):
                n += 1
                if (not quick or (i + j) % len(seconds) == k % len(seconds)) and n % parts == part - 1:
                    yield e, s, ke


def try_one(init, side, ike, esp, rekey):
    """None, or what went wrong."""
    try:
        init.must("load-conn", **conn(side, [ike], [esp]))
        init.must("initiate", child="net", ike="t", timeout="60000")
        ok = packet()
        if ok and rekey:
            init.must("rekey", child="net", ike="t")
            time.sleep(0.05)
            ok = packet()
        init.must("terminate", ike="t", timeout="60000")
        return None if ok else "no packet came through"
    except (RuntimeError, OSError) as x:
        try:
            init.ask("terminate", ike="t", force="yes", timeout="30000")
        except (RuntimeError, OSError):
            pass
        return str(x)


def main():
    init, resp, side, name = Vici(sys.argv[1]), Vici(sys.argv[2]), sys.argv[3], sys.argv[4]
    other = "b" if side == "a" else "a"
    who = "adit" if name == "initiator" else "strongSwan"
    classic, kes = "-".join(CBC + CTR) + "-" + "-".join(INTEGS), "-".join(KES)
    aead, prfs = "-".join(AEAD), "-".join(PRFS)
    resp.must("load-conn", **conn(other, [f"{classic}-{kes}", f"{aead}-{prfs}-{kes}"],
                                  [f"{classic}-null-{kes}", f"{aead}-{kes}"]))
    rows, n, bad = {}, 0, 0
    start = time.time()
    # What only children have: no encryption.
    for s in INTEGS:
        why = try_one(init, side, "aes128-sha256-x25519", f"null-{s}", False)
        n += 1
        bad += why is not None
        print(f"# {who} initiates ESP null-{s}: {why or 'carries traffic'}", flush=True)
    for encrs, seconds in ((CBC + CTR, INTEGS), (AEAD, PRFS)):
        for e, s, ke in suites(encrs, seconds, KES):
            child = e if s.startswith("prf") else f"{e}-{s}"
            # Key exchange of its own for the children: once with each method.
            rekey = e in ("aes128", "aes128gcm16") and s in ("sha256", "prfsha256")
            why = try_one(init, side, f"{e}-{s}-{ke}", child + f"-{ke}" * rekey, rekey)
            n += 1
            rows.setdefault((e, s), {})[ke] = why
            if why:
                bad += 1
                if bad <= 20:
                    print(f"# {who} initiates {e}-{s}-{ke}: {why}", flush=True)
    print(f"# {who} initiates; one column per key exchange: {' '.join(KES)}")
    for (e, s), row in rows.items():
        print(f"# {e:18} {s:12} " + "".join("+" if k in row and row[k] is None else "-" if k in row else "." for k in KES))
    print(f"# {n} suites in {time.time() - start:.0f} s")
    print(f"result {n - bad} {n}")


main()
