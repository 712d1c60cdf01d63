#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What lists and big configurations cost the tunnels, between two aditd in two namespaces (kernel-null). Needs root.

    control.py [list] [config] [-n SAS] [--rate R] [--seconds S] [--limit MS]

list: SAS IKE SAs stand; then R set-ups a second, first alone, then while `adit --json list sas` runs again and again and one
client asks for the list and never reads it. Told: the time each set-up takes in both, the memory of the daemon. Ends with 1
when the 99th percentile grows by more than --limit milliseconds.
config: 10,000, 50,000 and 100,000 connections committed in one transaction; a commit that changes one of them."""
import argparse, os, socket, subprocess, sys, threading, time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from ike_setups import CONN, SECRET, SERVER, TOP, BUILD, Lab, Vici, rss_kib

ENV = dict(os.environ, ADIT_BUILD=BUILD)


def conns(n):
    return "connections {\n" + "".join(CONN % (i, i, i, i >> 16 & 255, i >> 8 & 255, i & 255) for i in range(n)) + "}\n" + SECRET


def adit(lab, *words, **kw):
    return subprocess.Popen([os.path.join(TOP, "tools", "in-tree"), "adit", "--socket", lab.path("a", "sock")] + list(words),
                            env=ENV, **kw)


def bring_up(lab, va, lo, hi):
    vi, sent = Vici(lab.path("a", "sock")), lo
    deadline = time.monotonic() + 180
    while va.sas()[0] - va.sas()[1] < hi and time.monotonic() < deadline:
        room = min(64 - va.sas()[1], hi - sent)
        for i in range(sent, sent + max(room, 0)):
            vi.call("initiate", ike="c%d" % i, child="c%d" % i, timeout="-1")
        sent += max(room, 0)
        if room <= 0:
            time.sleep(0.002)


def setups(lab, first, rate, seconds):
    """Milliseconds of each set-up, at `rate` a second."""
    local = threading.local()

    def one(i):
        if not hasattr(local, "v"):
            local.v = Vici(lab.path("a", "sock"))
        t = time.monotonic()
        answer = local.v.call("initiate", ike="c%d" % i, child="c%d" % i, timeout="10000", loglevel="-1")
        return (time.monotonic() - t) * 1e3, b"yes" in answer
    out, t0 = [], time.monotonic()
    with ThreadPoolExecutor(32) as pool:
        jobs = []
        for k in range(rate * seconds):
            wait = t0 + k / rate - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            jobs.append(pool.submit(one, first + k))
        out = [j.result() for j in jobs]
    bad = sum(not ok for _, ok in out)
    if bad:
        print("%d of %d set-ups failed" % (bad, len(out)))
    return sorted(ms for ms, _ in out)


def pct(v, p):
    return v[min(len(v) - 1, int(len(v) * p))]


def told(what, v):
    print("%-28s %5d set-ups: median %6.2f ms, 99 %% %6.2f ms, longest %6.2f ms" % (what, len(v), pct(v, .5), pct(v, .99), v[-1]),
          flush=True)


def bench_list(n, rate, seconds, limit):
    lab, more = Lab(False), rate * seconds
    try:
        lab.write("b", SERVER + SECRET)
        lab.write("a", conns(n + 2 * more))
        lab.start_adit("b", None)
        va, pid = lab.start_adit("a", None)
        bring_up(lab, va, 0, n)
        print("%d IKE SAs stand" % va.sas()[0], flush=True)
        alone = setups(lab, n, rate, seconds)
        told("alone", alone)
        before = rss_kib(pid)
        deaf = socket.socket(socket.AF_UNIX)
        deaf.connect(lab.path("a", "sock"))
        deaf.sendall(b"\0\0\0\x09\x03\x07list-sa" + Vici.pack("list-sas"))
        stop, lists, sizes = threading.Event(), [], []

        def lister():
            while not stop.is_set():
                t = time.monotonic()
                p = adit(lab, "--json", "list", "sas", stdout=subprocess.PIPE)
                out = p.communicate()[0]
                lists.append(time.monotonic() - t)
                sizes.append(out.count(b'"uniqueid"') // 2)
        t = threading.Thread(target=lister)
        t.start()
        busy = setups(lab, n + more, rate, seconds)
        stop.set()
        t.join()
        told("while lists run", busy)
        grown = rss_kib(pid) - before
        print("%d lists of up to %d SAs, %.2f s each; memory grew by %d KiB, %d of it for %d more SAs and a client that does not "
              "read" % (len(lists), max(sizes), sum(lists) / len(lists), grown, grown, more))
        later = pct(busy, .99) - pct(alone, .99)
        print("the 99th percentile is %.2f ms later" % later)
        return later <= limit and max(sizes) >= n
    finally:
        lab.close()


def bench_config():
    for n in (10000, 50000, 100000):
        lab = Lab(False)
        try:
            lab.write("a", "")
            va, pid = lab.start_adit("a", None)
            lab.write("a", conns(n))
            file = lab.path("a", "swanctl.conf")
            t = time.monotonic()
            if adit(lab, "config", "commit", file, stdout=subprocess.DEVNULL).wait():
                sys.exit("the commit failed")
            all_s = time.monotonic() - t
            for path in ("connections.c7.dpd_delay",):
                adit(lab, "config", "set", path, "30s").wait()
                t = time.monotonic()
                adit(lab, "config", "commit", stdout=subprocess.DEVNULL).wait()
                one_s = time.monotonic() - t
            print("%6d connections in one transaction: %6.2f s (%.0f us each), %d MiB; one changed: %.2f s" % (
                n, all_s, all_s / n * 1e6, rss_kib(pid) // 1024, one_s), flush=True)
        finally:
            lab.close()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("what", nargs="*")
    ap.add_argument("-n", type=int, default=10000)
    ap.add_argument("--rate", type=int, default=200)
    ap.add_argument("--seconds", type=int, default=10)
    ap.add_argument("--limit", type=float, default=50)
    a = ap.parse_args()
    if os.geteuid() != 0:
        sys.exit("control: needs root for network namespaces")
    fine = True
    if not a.what or "list" in a.what:
        fine = bench_list(a.n, a.rate, a.seconds, a.limit)
    if not a.what or "config" in a.what:
        bench_config()
    sys.exit(not fine)


main()
