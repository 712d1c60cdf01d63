#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends what no honest peer sends to a running aditd and looks at what comes back.

bad_input.py CASE ADDRESS [ARGUMENTS]: ends with 0 when the answer is right. The cases are the functions case_* below; the
sentence in each says what RFC 7296 wants. Runs inside a network namespace of tests/interop/bad_input.test.
"""
import os
import random
import select
import socket
import struct
import sys
import time

SA, KE, IDI, AUTH, NONCE, NOTIFY, DELETE, VID, SK, SKF = 33, 34, 35, 39, 40, 41, 42, 43, 46, 53
INIT, IKE_AUTH, CREATE_CHILD, INFORMATIONAL = 34, 35, 36, 37
INITIATOR, RESPONSE = 0x08, 0x20
CRITICAL, INVALID_IKE_SPI, INVALID_MAJOR, INVALID_SYNTAX = 1, 4, 5, 7
NO_PROPOSAL, INVALID_KE, COOKIE = 14, 17, 16390


def pld(kind, body, critical=0, length=None):
    return kind, bytes([critical]) + struct.pack("!H", len(body) + 4 if length is None else length) + body


def msg(plds, spi_i=None, spi_r=0, xchg=INIT, flags=INITIATOR, mid=0, version=0x20, length=None):
    body = b""
    kinds = [k for k, _ in plds] + [0]
    for i, (_, rest) in enumerate(plds):
        body += bytes([kinds[i + 1]]) + rest
    spi_i = random.getrandbits(64) | 1 if spi_i is None else spi_i
    size = 28 + len(body) if length is None else length
    return struct.pack("!QQBBBBII", spi_i, spi_r, kinds[0], version, xchg, flags, mid, size) + body


def transform(kind, number, bits=0, last=False):
    attr = struct.pack("!HH", 0x800E, bits) if bits else b""
    return struct.pack("!BBHBBH", 0 if last else 3, 0, 8 + len(attr), kind, 0, number) + attr


def proposal(encr=20, bits=128, prf=5, ke=31):
    tfs = transform(1, encr, bits) + transform(2, prf) + transform(4, ke, last=True)
    return struct.pack("!BBHBBBB", 0, 0, 8 + len(tfs), 1, 1, 0, 3) + tfs


def good(ke=31, key=32, offered=31, encr=20, extra=()):
    return [pld(SA, proposal(encr=encr, ke=offered)), pld(KE, struct.pack("!HH", ke, 0) + os.urandom(key)),
            pld(NONCE, os.urandom(32))] + list(extra)


class Peer:
    def __init__(self, address, port=500):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.s = socket.socket(family, socket.SOCK_DGRAM)
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.to = (address, port)

    def send(self, data):
        self.s.sendto(data, self.to)

    def receive(self, seconds=1.0):
        if not select.select([self.s], [], [], seconds)[0]:
            return None
        return self.s.recv(65536)

    def ask(self, data, seconds=30.0):
        """The answer to this request; one that comes late to another is none."""
        self.send(data)
        end = time.monotonic() + seconds
        while True:
            got = self.receive(max(0, end - time.monotonic()))
            if got is None or self.spi_of(got) == self.spi_of(data):
                return got

    @staticmethod
    def spi_of(data):
        return data[4:12] if data[:4] == bytes(4) else data[:8]


def notifies(data):
    """[(type, data)] of an unprotected answer."""
    kind, at, found = data[16], 28, []
    while kind:
        following, _, size = struct.unpack_from("!BBH", data, at)
        if kind == NOTIFY:
            _, spi_size, what = struct.unpack_from("!BBH", data, at + 4)
            found.append((what, data[at + 8 + spi_size:at + size]))
        kind, at = following, at + size
    return found


def expect_notify(request, answer, what, data=None):
    assert answer is not None, "no answer"
    assert answer[:8] == request[:8], "another SPI of the initiator"
    assert answer[19] & RESPONSE, "not a response"
    assert bool(answer[19] & INITIATOR) != bool(request[19] & INITIATOR), "wrong initiator flag"
    assert answer[20:24] == request[20:24], "another message ID"
    found = notifies(answer)
    assert [n for n, _ in found] == [what], "notifies %s instead of %d" % (found, what)
    assert data is None or found[0][1] == data, "notify data %s" % found[0][1].hex()


def expect_silence(peer, *datagrams):
    for d in datagrams:
        peer.send(d)
    got = peer.receive(0.7)
    assert got is None, "an answer came: %s" % got.hex()


def case_short(p):
    "Less than a header is no IKE message: no answer."
    expect_silence(p, *[b"\x01" * n for n in range(0, 28)])


def case_length(p):
    "A length field that is not the datagram's: no answer."
    expect_silence(p, msg(good(), length=27), msg(good(), length=0xFFFFFFFF), msg(good(), length=5000), msg(good()) + b"x")


def case_huge(p):
    "The largest datagrams: noise, and one message of thousands of payloads (INVALID_SYNTAX or nothing)."
    noise = bytearray(os.urandom(65507))
    noise[17] = 0x20  # another version would be answered
    noise[24:28] = bytes(4)
    expect_silence(p, noise, msg([pld(VID, b"")], length=65507) + bytes(65507 - 33))
    m = msg([pld(VID, b"")] * 16000)
    a = p.ask(m)
    if a:
        expect_notify(m, a, INVALID_SYNTAX)


def case_version_3(p):
    "A higher major version is answered with INVALID_MAJOR_VERSION (section 2.5)."
    m = msg(good(), version=0x30)
    expect_notify(m, p.ask(m), INVALID_MAJOR)


def case_version_1(p):
    "IKEv1 has no answer here."
    expect_silence(p, msg([pld(1, bytes(8))], xchg=2, flags=0, version=0x10))


def case_critical(p):
    "An unknown payload with the critical bit: UNSUPPORTED_CRITICAL_PAYLOAD with its type (section 2.5)."
    m = msg(good(extra=[pld(201, b"abc", critical=0x80)]))
    expect_notify(m, p.ask(m), CRITICAL, bytes([201]))


def case_unknown(p):
    "An unknown payload without it is skipped: the exchange goes on."
    m = msg([pld(201, b"abc")] + good())
    a = p.ask(m)
    assert a and a[16] == SA, "no regular answer"


def case_reserved(p):
    "Reserved bits and a higher minor version mean nothing (section 2.5)."
    m = msg([(k, bytes([r[0] | 0x7F]) + r[1:]) for k, r in good()], version=0x2F, flags=INITIATOR | 0x10)
    a = p.ask(m)
    assert a and a[16] == SA, "no regular answer"


def case_syntax(p):
    "Malformed payloads of an IKE_SA_INIT: INVALID_SYNTAX or nothing (section 2.21.1), and no SA."
    for plds in ([pld(SA, proposal()[:-2])], [pld(KE, b"\0\x1f")], good() + [pld(NONCE, bytes(32))], [pld(NONCE, bytes(257))],
                 [pld(NONCE, bytes(15))], [pld(VID, b"", length=3)], [pld(VID, b"", length=4000)],
                 [pld(NOTIFY, struct.pack("!BBH", 3, 200, 16388))], [pld(SK, bytes(3))], [pld(SKF, bytes(4))]):
        m = msg(plds)
        a = p.ask(m, 0.3)
        if a:
            expect_notify(m, a, INVALID_SYNTAX)


def case_no_proposal(p):
    "Algorithms nobody has: NO_PROPOSAL_CHOSEN."
    m = msg(good(encr=3))
    expect_notify(m, p.ask(m), NO_PROPOSAL)


def case_invalid_ke(p):
    "A KE payload of a method that is not the one chosen: INVALID_KE_PAYLOAD with ours (section 1.3)."
    m = msg(good(ke=14, key=256))
    expect_notify(m, p.ask(m), INVALID_KE, b"\0\x1f")


def case_bad_public(p):
    "A public value of the wrong length or all zero: refused, no crash."
    for key in (bytes(32), bytes(31), bytes(33), bytes(1)):
        m = msg([pld(SA, proposal()), pld(KE, struct.pack("!HH", 31, 0) + key), pld(NONCE, os.urandom(32))])
        a = p.ask(m, 1)
        assert a is None or a[16] == NOTIFY, "a regular answer to a bad public value"


def case_repeated(p):
    "The same IKE_SA_INIT again gets the same answer (section 2.1)."
    m = msg(good())
    a, b = p.ask(m), p.ask(m)
    assert a and a == b, "another answer"


def case_unknown_spi(p):
    "A request for an SA that is not here: INVALID_IKE_SPI, SPIs and message ID copied; a response: nothing (section 2.21.4)."
    m = msg([pld(SK, os.urandom(60))], spi_r=7, xchg=INFORMATIONAL, mid=3)
    a = p.ask(m)
    expect_notify(m, a, INVALID_IKE_SPI)
    assert a[8:16] == m[8:16], "another SPI of the responder"
    expect_silence(p, msg([pld(SK, os.urandom(60))], spi_r=7, xchg=INFORMATIONAL, mid=3, flags=RESPONSE))


def case_rate(p):
    "Answers to strangers are limited in their rate."
    got = 0
    for i in range(2000):
        p.send(msg([], spi_r=i + 1, xchg=INFORMATIONAL, mid=i))
    while p.receive(0.5):
        got += 1
    assert got < 1500, "%d answers to 2000 requests" % got


def case_init_with_spi(p):
    "An IKE_SA_INIT with a responder SPI or another message ID is not one."
    expect_silence(p, msg(good(), spi_r=5), msg(good(), mid=1), msg(good(), flags=0), msg(good(), spi_i=0))


def case_init_response(p):
    "Answers nobody asked for."
    expect_silence(p, msg(good(), spi_r=9, flags=RESPONSE), msg(good(), spi_r=9, flags=RESPONSE | INITIATOR))


def case_auth_garbage(p):
    "A half-open SA and an IKE_AUTH that cannot be opened: no answer, and the SA still waits for the right one."
    m = msg(good())
    a = p.ask(m)
    assert a and a[16] == SA
    spi_i, spi_r = struct.unpack("!QQ", a[:16])
    for body in (b"", bytes(7), os.urandom(8), os.urandom(24), os.urandom(200), os.urandom(2000)):
        for kind in (SK, SKF):
            expect = msg([pld(kind, body)], spi_i=spi_i, spi_r=spi_r, xchg=IKE_AUTH, mid=1)
            p.send(expect)
    clear = msg([pld(IDI, b"\2\0\0\0gwa.test"), pld(AUTH, b"\2\0\0\0" + bytes(32))], spi_i=spi_i, spi_r=spi_r, xchg=IKE_AUTH, mid=1)
    p.send(clear)
    got = p.receive(0.7)
    assert got is None, "an answer came: %s" % got.hex()


def case_flood(p):
    "Many half-open SAs of one address: cookies are asked for, or nothing more is taken (section 2.6)."
    cookies = regular = 0
    for _ in range(120):
        a = p.ask(msg(good()), 0.2)
        if a and a[16] == NOTIFY:
            cookies += COOKIE in [n for n, _ in notifies(a)]
        elif a:
            regular += 1
    assert regular <= 60, "%d SAs for one address" % regular


def case_noise(p, seed="1", count="3000"):
    "Mutations of good and of protected messages: whatever the answer, the daemon stays."
    rng = random.Random(int(seed))
    for _ in range(int(count)):
        kind = rng.randrange(4)
        if kind == 0:
            m = bytearray(msg(good()))
        elif kind == 1:
            m = bytearray(msg([pld(SK, rng.randbytes(rng.randrange(100)))], spi_r=rng.getrandbits(64), xchg=rng.randrange(256),
                              mid=rng.randrange(3)))
        elif kind == 2:
            m = bytearray(rng.randbytes(rng.randrange(1, 400)))
        else:
            m = bytearray(msg([pld(rng.randrange(256), rng.randbytes(rng.randrange(60))) for _ in range(rng.randrange(8))]))
        for _ in range(rng.randrange(5)):
            m[rng.randrange(len(m))] = rng.randrange(256)
        if len(m) >= 28 and rng.randrange(8):
            m[24:28] = struct.pack("!I", len(m))
            m[17] = 0x20
        p.send(bytes(m))
        while p.receive(0):
            pass


def case_natt(address):
    "Port 4500: keepalive, too short, ESP of nobody, marker with nothing, IKE behind the marker."
    p = Peer(address, 4500)
    expect_silence(p, b"\xff", b"\xff\xff", b"\0", b"\0\0\0", b"\0\0\0\0", b"\0\0\0\0" + b"\1" * 27, os.urandom(3),
                   struct.pack("!II", 0xC0000001, 1) + os.urandom(40), struct.pack("!II", 1, 0), b"\x11" * 7)
    m = msg(good())
    a = p.ask(b"\0\0\0\0" + m)
    assert a and a[:4] == bytes(4) and a[4:12] == m[:8], "no answer behind the marker"


def case_established(address, spi_i, spi_r):
    "Forgeries with the SPIs of an established SA change nothing: no answer that an outsider could cause."
    spi_i, spi_r = int(spi_i, 16), int(spi_r, 16)
    for port in (500, 4500):
        p = Peer(address, port)
        marker = bytes(4) if port == 4500 else b""
        for mid in list(range(8)) + [0xFFFFFFFF]:
            for flags in (0, INITIATOR, RESPONSE, RESPONSE | INITIATOR):
                for xchg in (INIT, IKE_AUTH, CREATE_CHILD, INFORMATIONAL, 200):
                    if xchg == INIT and flags == INITIATOR:
                        continue
                    for plds in ([pld(SK, os.urandom(48))], [pld(SKF, b"\0\1\0\2" + os.urandom(44))],
                                 [pld(DELETE, b"\1\0\0\0")], [pld(NOTIFY, struct.pack("!BBH", 0, 0, INVALID_IKE_SPI))],
                                 [pld(201, b"", critical=0x80)], []):
                        p.send(marker + msg(plds, spi_i=spi_i, spi_r=spi_r, xchg=xchg, flags=flags, mid=mid))


def case_api(path):
    "Frames of the message API that are none: the connection may end, the daemon does not."
    frames = [b"", b"\0", b"\0\0\0\0", b"\0\0\0\1", struct.pack("!I", 0xFFFFFFFF), struct.pack("!I", 512 * 1024 + 1) + b"x" * 100,
              struct.pack("!I", 3) + b"\0\xffv", struct.pack("!I", 2) + b"\0\0", struct.pack("!I", 1) + b"\x09",
              struct.pack("!I", 9) + b"\0\x07version"[:9], struct.pack("!I", 10) + b"\0\x07version\6",
              struct.pack("!I", 14) + b"\0\x07version\3\1a\0\5", struct.pack("!I", 4) + b"\3\2xy",
              struct.pack("!I", 11) + b"\0\x09load-conn"]
    frames += [struct.pack("!I", 11 + 2 * n) + b"\0\x09load-conn" + b"\1\0" * n for n in (16, 17, 1000)]
    rng = random.Random(1)
    frames += [rng.randbytes(rng.randrange(1, 200)) for _ in range(300)]
    frames += [struct.pack("!I", n) + rng.randbytes(n) for n in (rng.randrange(1, 300) for _ in range(300))]
    for f in frames:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(path)
            try:
                s.sendall(f)
                s.shutdown(socket.SHUT_WR)
                while s.recv(4096):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass
    half = [socket.socket(socket.AF_UNIX) for _ in range(64)]
    for s in half:
        s.settimeout(60)
        try:
            s.connect(path)
            s.sendall(b"\0\0")
        except OSError:
            break
    for s in half:
        s.close()


def main():
    case = globals()["case_" + sys.argv[1]]
    where = sys.argv[2] if case in (case_natt, case_established, case_api) else Peer(sys.argv[2])
    case(where, *sys.argv[3:])


if __name__ == "__main__":
    main()
