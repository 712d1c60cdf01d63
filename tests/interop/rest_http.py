# SPDX-License-Identifier: Apache-2.0
"""What curl would not send: raw requests to a gateway.

  rest_http.py HOST:PORT TOKEN      a line of TAP per case; ends with 0 whatever came out"""
import socket, sys

WAIT_S = 30
host, port = sys.argv[1].split(":")
AUTH = b"Authorization: Bearer " + sys.argv[2].encode() + b"\r\n"
JSON = b"Content-Type: application/json\r\n"
n = 0


def ask(data):
    s = socket.create_connection((host, int(port)), timeout=WAIT_S)
    out = b""
    try:
        s.sendall(data)
        while d := s.recv(65536):
            out += d
    except ConnectionError:
        pass
    s.close()
    return out


def request(verb, path, headers=b"", body=None):
    length = b"Content-Length: %d\r\n" % len(body) if body is not None and b"ransfer-" not in headers else b""
    return b"%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s%s%s\r\n%s" % (verb, path, AUTH, headers, length, body or b"")


def case(name, data, status, has=b"", no_body=False):
    global n
    n += 1
    got = ask(data)
    head, _, body = got.partition(b"\r\n\r\n")
    good = head.startswith(b"HTTP/1.1 %d " % status) and has in got and not (no_body and body)
    print("%sok %d - %s" % ("" if good else "not ", n, name))
    if not good:
        print("#   " + repr(got[:300]))


UP = b"/api/v1/connections/nobody/up"
up = lambda body, more=b"": request(b"POST", UP, JSON + more, body)
case("Content-Length twice is told", up(b"{}", b"Content-Length: 0\r\n"), 400, b"Content-Length")
case("so is Authorization", request(b"GET", b"/api/v1/version", AUTH), 400, b"Authorization")
case("a length beside chunks as well", request(b"POST", UP, JSON + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n"), 400, b"Transfer-Encoding")
case("chunks alone are a body", request(b"POST", UP, JSON + b"Transfer-Encoding: chunked\r\n", b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"), 404, b"NOT_FOUND")
case("the form for proxies", request(b"GET", b"http://elsewhere/api/v1/version"), 200, b"aditd")
case("an escaped letter is the letter", request(b"GET", b"/api/v1/%76ersion"), 200, b"aditd")
for verb, path in ((b"HEAD", b"/api/v1/events"), (b"HEAD", b"/api/v1/logs"), (b"HEAD", b"/api/v1/trace"), (b"HEAD", b"/metrics"), (b"HEAD", b"/")):
    case("%s %s has no body" % (verb.decode(), path.decode()), request(verb, path), 200, no_body=True)
case("the page takes no POST", request(b"POST", b"/"), 405, b"Allow: GET, HEAD")
case("a name that is no UTF-8 is nobody's", request(b"PUT", b"/api/v1/connections/%ff%fe", JSON, b"{}"), 404)
case("a number is no 0", request(b"GET", b"/api/v1/child-sas/0"), 404)
case("nor is a transaction", request(b"GET", b"/api/v1/configuration/transactions/0"), 404)
case("nor a rule of the log", request(b"DELETE", b"/api/v1/logs/levels/00"), 404)
case("nor an SA", request(b"DELETE", b"/api/v1/sas/0"), 404)
case("a parameter twice", request(b"GET", b"/api/v1/sas?state=ESTABLISHED&state=CONNECTING"), 400, b"'state'")
case("a parameter without a value", request(b"GET", b"/api/v1/connections?limit"), 400, b"no value")
case("a page behind what is no number", request(b"GET", b"/api/v1/sas?after=x"), 400, b"'after'")
for what, body, status in (
        ("bytes that are no UTF-8", b'{"child":"\xff"}', 400), ("half a surrogate", b'{"child":"\\ud800"}', 400),
        ("a zero byte", b'{"child":"a\\u0000b"}', 400), ("two values", b"{} {}", 400), ("a number alone", b"1", 400),
        ("a mark of byte order", b"\xef\xbb\xbf{}", 400), ("a fraction", b'{"timeout":1.5}', 422), ("an endless number", b'{"timeout":' + b"9" * 400 + b"}", 400),
        ("no name", b'{"":1}', 422), ("a text of 300,000 bytes", b'{"child":"' + b"x" * 300000 + b'"}', 422),
        ("100,000 brackets", b"[" * 100000, 400)):
    case("a body of " + what, up(body), status, b"application/problem+json")
case("a header of 40 KiB", request(b"GET", b"/api/v1/version", b"X: " + b"x" * 40000 + b"\r\n"), 431)
print("# %d cases" % n)
