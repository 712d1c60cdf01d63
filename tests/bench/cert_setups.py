#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a CRL server that does not answer costs under a relaxed policy: IKE SAs per second with the peer's certificate verified,
once without looking at revocation, once with a certificate whose CRL is at an address where nobody is.

    cert_setups.py [-n SAS] [-c CONCURRENT] [--runs R]

The responder proves itself with a certificate, the initiators with a shared secret. Prints both rates and the difference; ends
with an error when it is more than 10 %. Needs root and openssl."""
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


def run(n, conc, revocation):
    lab = Lab(False)
    try:
        certificates(lab)
        server = base.SERVER.replace("local { auth = psk", "local { auth = pubkey")
        conn = base.CONN.replace("remote { auth = psk", "remote { auth = pubkey\n             revocation = %s" % revocation)
        lab.write("b", server + base.SECRET)
        lab.write("a", "connections {\n" + "".join(conn % (i, i, i, i >> 16 & 255, i >> 8 & 255, i & 255) for i in range(n)) + "}\n" +
                  base.SECRET)
        vb, _ = lab.start_adit("b", None)
        va, _ = lab.start_adit("a", None)
        vi = base.Vici(lab.path("a", "sock"))
        t0, sent = time.monotonic(), 0
        while True:
            total, half = va.sas()
            if total - half >= n:
                return n / (time.monotonic() - t0)
            if time.monotonic() - t0 > 300:
                sys.exit("only %d of %d SAs came up" % (total - half, n))
            room = min(conc - half, n - sent)
            if room > 0:
                vi.s.sendall(b"".join(base.Vici.pack("initiate", ike="c%d" % i, child="c%d" % i, timeout="-1")
                                      for i in range(sent, sent + room)))
                for _ in range(room):
                    vi.answer()
                sent += room
            else:
                time.sleep(0.001)
    finally:
        lab.close()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("-n", type=int, default=10000)
    ap.add_argument("-c", type=int, default=64)
    ap.add_argument("--runs", type=int, default=3)
    o = ap.parse_args()
    rates = {"off": [], "relaxed": []}
    for _ in range(o.runs):
        for mode, v in rates.items():
            v.append(run(o.n, o.c, mode))
            print("revocation = %-8s %6d SAs: %6.0f set-ups/s" % (mode, o.n, v[-1]), flush=True)
    off, relaxed = (sorted(v)[len(v) // 2] for v in rates.values())
    cost = 100 * (1 - relaxed / off)
    print("a CRL server that does not answer costs %.1f %% of %.0f set-ups/s" % (cost, off))
    return cost > 10


if __name__ == "__main__":
    sys.exit(main())
