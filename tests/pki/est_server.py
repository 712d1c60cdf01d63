# SPDX-License-Identifier: Apache-2.0
"""An EST server (RFC 7030) for the tests: est_server.py PORT CA.crt CA.key SERVER.crt SERVER.key. Users: lab, secret."""
import base64
import datetime as dt
import http.server
import ssl
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7

port, ca_file, ca_key_file, cert_file, key_file = sys.argv[1:]
ca = x509.load_pem_x509_certificate(open(ca_file, "rb").read())
ca_key = serialization.load_pem_private_key(open(ca_key_file, "rb").read(), None)


def issue(der):
    req = x509.load_der_x509_csr(der)
    assert req.is_signature_valid
    now = dt.datetime.utcnow()
    b = x509.CertificateBuilder(ca.subject, req.subject, req.public_key(), x509.random_serial_number(), now - dt.timedelta(minutes=5),
                                now + dt.timedelta(days=90))
    for e in req.extensions:
        b = b.add_extension(e.value, e.critical)
    return b.sign(ca_key, hashes.SHA256())


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def reply(self, status, body=b"", kind="text/plain", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.end_headers()
        self.wfile.write(body)

    def certs(self, *certs):
        der = pkcs7.serialize_certificates(list(certs), serialization.Encoding.DER)
        self.reply(200, base64.encodebytes(der), "application/pkcs7-mime; smime-type=certs-only", Content_Transfer_Encoding="base64")

    def do_GET(self):
        if self.path in ("/.well-known/est/cacerts", "/.well-known/est/lab/cacerts"):
            self.certs(ca)
        else:
            self.reply(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        peer = self.connection.getpeercert()
        what = self.path.rsplit("/", 1)[-1]
        user = self.headers.get("Authorization", "")
        if "/none/" in self.path:
            self.reply(404)
        elif what == "simpleenroll" and user != "Basic " + base64.b64encode(b"lab:secret").decode() and not peer:
            self.reply(401, b"who are you?", WWW_Authenticate='Basic realm="est"')
        elif what == "simplereenroll" and not peer:
            self.reply(403, b"no client certificate")
        elif what not in ("simpleenroll", "simplereenroll"):
            self.reply(404)
        else:
            cert = issue(base64.b64decode(body))
            name = cert.subject.rfc4514_string()
            if "CN=wait" in name:
                self.reply(202, Retry_After="120")
            elif "CN=html" in name:
                self.reply(200, b"<html>login</html>", "text/html")
            else:
                self.certs(cert)


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert_file, key_file)
context.load_verify_locations(ca_file)
context.verify_mode = ssl.CERT_OPTIONAL
server.socket = context.wrap_socket(server.socket, server_side=True)
print("serving", flush=True)
server.serve_forever()
