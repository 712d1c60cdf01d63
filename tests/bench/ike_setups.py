#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""IKE SAs set up per second, CPU per set-up on each side and memory per SA, between two daemons in two namespaces.

    ike_setups.py [--peer adit|strongswan|both] [-n SAS] [-c CONCURRENT] [--runs R] [--workers W] [--dos]

PSK, x25519, aes128gcm16, one child per IKE SA. aditd uses kernel-null (no packets); Debian's strongSwan has no such plane,
so it uses kernel-libipsec. Every SA has a connection of its own on the initiator and is started over the vici socket
of its daemon, at most CONCURRENT at once; the responder has one connection. Both daemons share the machine's cores.
The memory
of the initiator is understated: it reuses what reading its many connections left behind; the responder's is the figure
to quote. Ends with an error when not every SA comes up within 400 s. Needs root."""
import argparse, os, shutil, signal, socket, struct, subprocess, sys, tempfile, time

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", ".."))
BUILD = os.environ.get("ADIT_BUILD", os.path.join(TOP, "build"))


class Vici:
    """Just enough of the vici wire format to start SAs and to read three numbers."""

    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(path)
        self.f = self.s.makefile("rb")

    @staticmethod
    def pack(name, **kv):
        m = b"\x00" + bytes([len(name)]) + name.encode()
        for k, v in kv.items():
            m += bytes([3, len(k)]) + k.encode() + struct.pack(">H", len(v)) + v.encode()
        return struct.pack(">I", len(m)) + m

    def call(self, name, **kv):
        self.s.sendall(self.pack(name, **kv))
        return self.answer()

    def answer(self):
        return self.f.read(struct.unpack(">I", self.f.read(4))[0])

    def sas(self):
        p = self.call("stats")
        p = p[p.index(b"\x01\x06ikesas"):]

        def val(k):
            i = p.index(bytes([3, len(k)]) + k) + 2 + len(k)
            n = struct.unpack(">H", p[i:i + 2])[0]
            return int(p[i + 2:i + 2 + n])
        return val(b"total"), val(b"half-open")


def cpu_s(pid):
    f = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")


def rss_kib(pid):
    return int([l for l in open("/proc/%d/status" % pid) if l.startswith("VmRSS")][0].split()[1])


CONN = """  c%d { version = 2
    local_addrs = 192.0.2.1
    remote_addrs = 192.0.2.2
    proposals = aes128gcm16-prfsha256-x25519
    unique = never
    mobike = no
    local { auth = psk
            id = c%d.bench }
    remote { auth = psk
             id = server.bench }
    children { c%d { local_ts = 10.%d.%d.%d/32
                     remote_ts = 10.255.0.0/16
                     esp_proposals = aes128gcm16 } } }
"""
SERVER = """connections {
  server { version = 2
    local_addrs = 192.0.2.2
    remote_addrs = %any
    proposals = aes128gcm16-prfsha256-x25519
    unique = never
    mobike = no
    local { auth = psk
            id = server.bench }
    remote { auth = psk
             id = *.bench }
    children { net { local_ts = 10.255.0.0/16
                     remote_ts = 10.0.0.0/8
                     esp_proposals = aes128gcm16 } } }
}
"""
SECRET = 'secrets {\n  ike-1 { secret = "correct horse battery staple" }\n}\n'


class Lab:
    def __init__(self, dos):
        self.dos = dos
        self.name = "ib%d" % (os.getpid() % 1000000)
        self.dir = tempfile.mkdtemp(prefix="adit-bench.")
        self.procs = {}
        for side in "ab":
            subprocess.check_call(["ip", "netns", "add", self.ns(side)])
            subprocess.check_call(["ip", "-n", self.ns(side), "link", "set", "lo", "up"])
        subprocess.check_call(["ip", "link", "add", "x", "netns", self.ns("a"), "type", "veth", "peer", "name", "x",
                               "netns", self.ns("b")])
        for side, addr in (("a", "192.0.2.1/24"), ("b", "192.0.2.2/24")):
            subprocess.check_call(["ip", "-n", self.ns(side), "addr", "add", addr, "dev", "x"])
            subprocess.check_call(["ip", "-n", self.ns(side), "link", "set", "x", "up"])

    def ns(self, side):
        return "%s-%s" % (self.name, side)

    def path(self, *p):
        return os.path.join(self.dir, *p)

    def close(self):
        for p in self.procs.values():
            if p.poll() is None:
                p.terminate()
        for p in self.procs.values():
            try:
                p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
        for side in "ab":
            subprocess.call(["ip", "netns", "del", self.ns(side)], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)

    def write(self, side, text):
        d = self.path(side)
        os.makedirs(d, exist_ok=True)
        open(os.path.join(d, "swanctl.conf"), "w").write(text)

    def start_adit(self, side, workers):
        sock, log = self.path(side, "sock"), self.path(side, "log")
        # kernel-null has to be said: kernel-user would be taken
        with open(self.path(side, "aditd.conf"), "w") as f:
            f.write("aditd {\n  kernel = kernel-null\n%s}\n" % ("" if self.dos else "  dos_protection = no\n"))
            f.write(open(self.path(side, "swanctl.conf")).read())
        cmd = ["ip", "netns", "exec", self.ns(side), os.path.join(TOP, "tools", "in-tree"), "aditd", "--foreground",
               "--config", self.path(side, "aditd.conf"), "--socket", sock, "--pidfile", self.path(side, "pid"),
               "--log", "default=0"]
        if workers is not None:
            cmd += ["--workers", str(workers)]
        self.procs[side] = subprocess.Popen(cmd, stdout=open(log, "w"), stderr=subprocess.STDOUT,
                                            env=dict(os.environ, ADIT_BUILD=BUILD))
        self.wait_ready(side, sock, log)
        return Vici(sock), self.procs[side].pid

    def start_strongswan(self, side, _workers):
        env = dict(os.environ, PEERDIR=self.path("peers"))
        os.makedirs(self.path("peers"), exist_ok=True)
        tool = os.path.join(TOP, "tests", "lab", "peer-strongswan")
        name = "%s-%s" % (self.name, side)
        cmd = [tool, "start", name, "--netns", self.ns(side), "--conf", self.path(side), "--log", "-1"]
        for s in ("dos_protection=no", "reuse_ikesa=no", "ikesa_table_size=4096", "ikesa_table_segments=16"):
            cmd += ["--set", s]
        subprocess.check_call(cmd, env=env)
        out = subprocess.check_output([tool, "env", name], env=env, text=True)
        kv = dict(x.split("=", 1) for x in out.split())

        class Peer:
            pid = int(kv["PID"])

            def poll(self):
                return None

            def terminate(self):
                subprocess.call([tool, "stop", name], env=env)

            def wait(self, _t):
                return 0
        self.procs[side] = Peer()
        return Vici(kv["VICI"]), Peer.pid

    def wait_ready(self, side, sock, log):
        for _ in range(400):
            if "aditd: ready" in open(log).read():
                return
            if self.procs[side].poll() is not None:
                break
            time.sleep(0.05)
        sys.exit("aditd did not start:\n" + open(log).read()[-2000:])


def run(peer, n, conc, workers, dos):
    lab = Lab(dos)
    try:
        lab.write("b", SERVER + SECRET)
        lab.write("a", "connections {\n" + "".join(
            CONN % (i, i, i, i >> 16 & 255, i >> 8 & 255, i & 255) for i in range(n)) + "}\n" + SECRET)
        start = lab.start_adit if peer == "adit" else lab.start_strongswan
        vb, pb = start("b", workers)
        va, pa = start("a", workers)
        time.sleep(1)
        c0, m0 = (cpu_s(pa), cpu_s(pb)), (rss_kib(pa), rss_kib(pb))
        vi = Vici(lab.path("a", "sock")) if peer == "adit" else va
        t0 = time.monotonic()
        sent, deadline = 0, t0 + 400
        while True:
            total, half = va.sas()
            if total - half >= n and vb.sas()[0] - vb.sas()[1] >= n:
                break
            if time.monotonic() > deadline:
                print("%s: only %d of %d SAs came up" % (peer, total - half, n))
                return None
            room = min(conc - half, n - sent)
            if room > 0:
                batch = b"".join(Vici.pack("initiate", ike="c%d" % i, child="c%d" % i, timeout="-1")
                                 for i in range(sent, sent + room))
                vi.s.sendall(batch)
                for _ in range(room):
                    vi.answer()
                sent += room
            else:
                time.sleep(0.001)
        dt = time.monotonic() - t0
        c1, m1 = (cpu_s(pa), cpu_s(pb)), (rss_kib(pa), rss_kib(pb))
        r = {"rate": n / dt, "cpu_i": (c1[0] - c0[0]) / n * 1e3, "cpu_r": (c1[1] - c0[1]) / n * 1e3,
             "mem_i": (m1[0] - m0[0]) * 1024 / n, "mem_r": (m1[1] - m0[1]) * 1024 / n}
        print("%-11s %6d SAs in %6.2f s: %7.0f set-ups/s, CPU %.3f ms initiator, %.3f ms responder, memory %5.0f and "
              "%5.0f bytes per SA" % (peer, n, dt, r["rate"], r["cpu_i"], r["cpu_r"], r["mem_i"], r["mem_r"]), flush=True)
        return r
    finally:
        lab.close()


def median(rows, key):
    v = sorted(r[key] for r in rows)
    return v[len(v) // 2]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--peer", choices=["adit", "strongswan", "both"], default="both")
    ap.add_argument("-n", type=int, default=2000)
    ap.add_argument("-c", type=int, default=64)
    ap.add_argument("--runs", type=int, default=3)
    ap.add_argument("--workers", type=int, default=None)
    ap.add_argument("--dos", action="store_true", help="leave aditd's protection against floods on: cookies")
    a = ap.parse_args()
    if os.geteuid() != 0:
        sys.exit("ike_setups: needs root for network namespaces")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    peers = ["adit", "strongswan"] if a.peer == "both" else [a.peer]
    rows = {p: [] for p in peers}
    for _ in range(a.runs):  # in turn, so that a drift of the machine's speed hits both
        for p in peers:
            r = run(p, a.n, a.c, a.workers, a.dos)
            if r is None:
                sys.exit(1)
            rows[p].append(r)
    if len(peers) == 2:
        print("ratio adit/strongswan (medians): rate %.2f, CPU %.2f, memory of the responder %.2f" % (
            median(rows["adit"], "rate") / median(rows["strongswan"], "rate"),
            (median(rows["adit"], "cpu_i") + median(rows["adit"], "cpu_r")) /
            (median(rows["strongswan"], "cpu_i") + median(rows["strongswan"], "cpu_r")),
            median(rows["adit"], "mem_r") / median(rows["strongswan"], "mem_r")))


if __name__ == "__main__":
    main()
