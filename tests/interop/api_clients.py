#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several hundred clients of the message API that do not behave: they never read the list they asked for, leave half a frame
behind, go away in the middle of a stream, connect and say nothing. Meanwhile one that behaves gets all its answers.

    api_clients.py SOCKET PID CONNECTIONS    prints a line of TAP for each check; the daemon allows 512 clients"""
import os, socket, struct, sys, threading, time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "api", "examples"))
from adit_vici import Client, encode

path, pid, conns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
n, failed = 0, 0


def check(ok, name, *why):
    global n, failed
    n += 1
    failed += not ok
    print("%sok %d - %s" % ("" if ok else "not ", n, name))
    if not ok:
        print("#  ", *why)
    sys.stdout.flush()


def rss_kib():
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def sanitized():
    """Sanitizers keep what is freed for a while: the memory says nothing then."""
    with open("/proc/%d/maps" % pid) as f:
        return "libasan" in f.read()


def counters():
    with Client(path) as c:
        return {k: int(v) for k, v in c.call("stats")["counters"].items()}


def frame(kind, name, body=b""):
    p = bytes([kind, len(name)]) + name.encode() + body
    return struct.pack(">I", len(p)) + p


def raw():
    s = socket.socket(socket.AF_UNIX)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(path)
    return s


def ask_list():
    s = raw()
    s.sendall(frame(3, "list-conn") + frame(0, "list-conns"))
    return s


before, start = rss_kib(), counters()
slowest, answers, stop = [0.0], [0], threading.Event()


def behave():
    with Client(path) as c:
        while not stop.is_set():
            t = time.monotonic()
            c.call("version")
            slowest[0] = max(slowest[0], time.monotonic() - t)
            answers[0] += 1


good = threading.Thread(target=behave)
good.start()
deaf = [ask_list() for _ in range(150)]
half = [raw() for _ in range(100)]
for k, s in enumerate(half):
    whole = frame(0, "list-conns", encode({"ike": "c%d" % k}))
    s.sendall(whole[:1 + k % (len(whole) - 1)])
mute = [raw() for _ in range(50)]
for _ in range(3):
    going = [ask_list() for _ in range(50)]
    for s in going:
        s.recv(1000)
    for k, s in enumerate(going):
        if k & 1:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
with Client(path) as c:
    got = sum(1 for _ in c.stream("list-conns", "list-conn"))
    check(got == conns, "a list is whole beside 300 clients that do not behave", got)
# A reader that takes its time still gets all of it.
with Client(path) as c:
    got = 0
    for _ in c.stream("list-conns", "list-conn"):
        got += 1
        if got % 100 == 0:
            time.sleep(0.005)
    check(got == conns, "a slow reader gets the whole list", got)
grown = rss_kib() - before
# Of each deaf client a queue of 256 KiB and what was being added to it; the rest is the daemon's own.
check(sanitized() or grown < 150 * 400 + 30000, "what they hold is bounded", "%d KiB" % grown)
# The others are there until the end: who waited for one of them would wait for ever.
check(answers[0] > 100 and slowest[0] < 30, "who behaves gets answers all the time", answers[0], slowest[0])

# As many as there may be, and one more.
more = []
try:
    for _ in range(600):
        more.append(raw())
except OSError as e:
    check(False, "connecting", e)


def closed(s):
    s.setblocking(False)
    try:
        return s.recv(100) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def until(what):
    """What it says at last: as soon as it holds, after half a minute at the latest."""
    end = time.monotonic() + 30
    while not what() and time.monotonic() < end:
        time.sleep(0.2)
    return what()


until(lambda: sum(map(closed, more)) > 50)
refused = sum(map(closed, more))
check(50 < refused < 600, "clients beyond the bound are refused", refused)
for s in more:
    s.close()
t = time.monotonic()
while True:
    try:
        end = counters()
        break
    except (OSError, EOFError, ConnectionError):
        if time.monotonic() - t > 60:
            raise
        time.sleep(0.1)
check(end.get("api.clients_refused", 0) - start.get("api.clients_refused", 0) >= refused, "and counted", end.get("api.clients_refused"))
stop.set()
good.join()

for s in deaf + half + mute:
    s.close()
with Client(path) as c:
    got = sum(1 for _ in c.stream("list-conns", "list-conn"))
check(got == conns, "all is well when they are gone", got)
# The allocator keeps pages that are free in part.
check(until(lambda: sanitized() or rss_kib() - before < grown * 3 // 4 + 10000), "and their memory is given back",
      "%d of %d KiB" % (rss_kib() - before, grown))
print("1..%d" % n)
sys.exit(failed != 0)
