#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a CRL server that does not answer costs under a relaxed policy: IKE SAs per second with the peer's certificate verified,
once without looking at revocation, once with a certificate whose CRL is at an address where nobody is.

    cert_setups.py [-n SAS] [-c CONCURRENT] [--rounds R]

The responder proves itself with a certificate, the initiators with a shared secret. Both kinds take turns between the same two
daemons, so that what else the machine does hits both. Prints both rates and their ratio; ends with an error when it is below
0.9. Needs root and openssl."""
import argparse, os, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import ike_setups as base

CRL = "http://192.0.2.77/root.crl"


def openssl(*args, **kw):
    subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kw)


def certificates(lab):
    p = lambda *x: lab.path(*x)
    for side, folders in (("a", ["x509ca"]), ("b", ["x509ca", "x509", "private"])):
        for f in folders:
            os.makedirs(p(side, f), exist_ok=True)
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *ec, "-keyout", p("ca.key"), "-out", p("a", "x509ca", "ca.crt"), "-days", "30", "-subj", "/CN=bench CA",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", *ec, "-keyout", p("b", "private", "b.key"), "-out", p("b.csr"), "-subj", "/CN=server.bench")
    with open(p("ext"), "w") as f:
        f.write("basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nauthorityKeyIdentifier=keyid\n"
                "subjectAltName=DNS:server.bench\ncrlDistributionPoints=URI:%s\n" % CRL)
    openssl("x509", "-req", "-in", p("b.csr"), "-CA", p("a", "x509ca", "ca.crt"), "-CAkey", p("ca.key"), "-CAcreateserial", "-days",
            "30", "-extfile", p("ext"), "-out", p("b", "x509", "b.crt"))


class Lab(base.Lab):
    def write(self, side, text):
        text = "aditd { plugins { cred-file { directory = %s } } }\n" % self.path(side) + text
        super().write(side, text)


MODES = ("off", "relaxed")


class Pair:
    """Two daemons; the initiator has n connections of each mode, which differ in `revocation` alone."""

    def __init__(self, n, conc):
        self.lab, self.conc, self.up = Lab(False), conc, 0
        self.next = dict.fromkeys(MODES, 0)
        lab = self.lab
        certificates(lab)
        lab.write("b", base.SERVER.replace("local { auth = psk", "local { auth = pubkey") + base.SECRET)
        text = []
        for k, mode in enumerate(MODES):
            conn = base.CONN.replace("remote { auth = psk", "remote { auth = pubkey\n             revocation = %s" % mode)
            text += [conn % (i, i, i, i >> 16 & 255, i >> 8 & 255, i & 255) for i in range(k * n, (k + 1) * n)]
        self.first = {mode: k * n for k, mode in enumerate(MODES)}
        lab.write("a", "connections {\n" + "".join(text) + "}\n" + base.SECRET)
        lab.start_adit("b", None)
        self.va, self.pid = lab.start_adit("a", None)
        self.vi = base.Vici(lab.path("a", "sock"))

    def round(self, mode, n):
        """n set-ups; wall and CPU seconds of the initiator."""
        at, end = self.first[mode] + self.next[mode], self.first[mode] + self.next[mode] + n
        self.next[mode] += n
        want, pid = self.up + n, self.pid
        t0, c0 = time.monotonic(), cpu_s(pid)
        while True:
            total, half = self.va.sas()
            if total - half >= want:
                self.up = want
                return time.monotonic() - t0, cpu_s(pid) - c0
            if time.monotonic() - t0 > 300:
                sys.exit("only %d of %d SAs came up" % (total - half - want + n, n))
            room = min(self.conc - half, end - at)
            if room > 0:
                self.vi.s.sendall(b"".join(base.Vici.pack("initiate", ike="c%d" % i, child="c%d" % i, timeout="-1")
                                           for i in range(at, at + room)))
                for _ in range(room):
                    self.vi.answer()
                at += room
            else:
                time.sleep(0.001)


def cpu_s(pid):
    """In microsecond steps: the sum over the threads."""
    return sum(int(open("/proc/%d/task/%s/schedstat" % (pid, t)).read().split()[0]) for t in os.listdir("/proc/%d/task" % pid)) / 1e9


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("-n", type=int, default=10000, help="set-ups of each kind")
    ap.add_argument("-c", type=int, default=64)
    ap.add_argument("--rounds", type=int, default=20, help="turns of each kind")
    o = ap.parse_args()
    each = o.n // o.rounds
    pair = Pair(o.n + each, o.c)
    try:
        for mode in MODES:  # what is loaded and fetched once
            pair.round(mode, each)
        wall, cpu, ratios = dict.fromkeys(MODES, 0.0), dict.fromkeys(MODES, 0.0), []
        for r in range(o.rounds):
            # A B, then B A: what grows from round to round hits both alike.
            took = {}
            for mode in MODES if r % 2 == 0 else MODES[::-1]:
                took[mode], c = pair.round(mode, each)
                wall[mode] += took[mode]
                cpu[mode] += c
            ratios.append(took["off"] / took["relaxed"])
    finally:
        pair.lab.close()
    n = each * o.rounds
    for mode in MODES:
        print("revocation = %-8s %6d SAs: %6.0f set-ups/s, %6.1f us of the initiator's CPU each" %
              (mode, n, n / wall[mode], 1e6 * cpu[mode] / n))
    ratio = wall["off"] / wall["relaxed"]
    median = sorted(ratios)[len(ratios) // 2]
    print("with a CRL server that does not answer: %.3f of the rate without revocation (median of the %d rounds %.3f), CPU %.3f" %
          (ratio, o.rounds, median, cpu["relaxed"] / cpu["off"]))
    return max(ratio, median) < 0.9


if __name__ == "__main__":
    sys.exit(main())
