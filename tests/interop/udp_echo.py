#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""udp_echo.py serve ADDRESS: sends back what comes to port 7777. udp_echo.py send FROM TO: for each line on standard input
a datagram to there; "ok" when it came back within half a minute (sent again every 100 ms), else "no"."""
import socket
import sys
import time

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[2], 7777))
if sys.argv[1] == "serve":
    while True:
        data, peer = s.recvfrom(2048)
        s.sendto(data, peer)
s.connect((sys.argv[3], 7777))
s.settimeout(0.1)
n = 0
for line in iter(sys.stdin.readline, ""):
    n += 1
    want, answer = b"%d" % n * 20, "no"
    for i in range(300):
        try:
            s.send(want)
            while answer != "ok":
                answer = "ok" if s.recv(2048) == want else "no"
            break
        except TimeoutError:
            pass
        except OSError:
            time.sleep(0.1)  # a router said that there is no way yet
    print(answer, flush=True)
