# SPDX-License-Identifier: Apache-2.0
"""A SCEP server (RFC 8894) for the tests: scep_server.py PORT CA.crt CA.key. The challenge is "secret". openssl opens and makes
the envelopes; the signed answer with its attributes is written here."""
import datetime as dt
import hashlib
import http.server
import os
import subprocess
import sys
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import pkcs7

from maker import oid_der, tlv

port, ca_file, ca_key_file = sys.argv[1:]
ca = x509.load_pem_x509_certificate(open(ca_file, "rb").read())
ca_key = serialization.load_pem_private_key(open(ca_key_file, "rb").read(), None)
SCEP = "2.16.840.1.113733.1.9."
SHA256 = tlv(0x30, oid_der("2.16.840.1.101.3.4.2.1"), tlv(5))


def openssl(*args, data=b""):
    return subprocess.run(("openssl",) + args, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def value_of(message, oid):
    """Contents of the first value of a signed attribute."""
    at = message.index(oid_der(oid)) + len(oid_der(oid))
    assert message[at] == 0x31
    at += 2
    return message[at + 2:at + 2 + message[at + 1]]


def attribute(oid, value):
    return tlv(0x30, oid_der(oid), tlv(0x31, value))


def signed(content, attributes, damage=False):
    attrs = sorted([attribute("1.2.840.113549.1.9.3", oid_der("1.2.840.113549.1.7.1")),
                    attribute("1.2.840.113549.1.9.4", tlv(4, hashlib.sha256(content).digest()))] + attributes)
    sig = ca_key.sign(tlv(0x31, *attrs), padding.PKCS1v15(), hashes.SHA256())
    if damage:
        sig = sig[:-1] + bytes([sig[-1] ^ 1])
    serial = ca.serial_number.to_bytes(ca.serial_number.bit_length() // 8 + 1, "big")
    info = tlv(0x30, b"\x02\x01\x01", tlv(0x30, ca.subject.public_bytes(), tlv(2, serial)), SHA256, tlv(0xa0, *attrs),
               tlv(0x30, oid_der("1.2.840.113549.1.1.1"), tlv(5)), tlv(4, sig))
    body = [tlv(0xa0, tlv(4, content))] if content else []
    data = tlv(0x30, b"\x02\x01\x01", tlv(0x31, SHA256), tlv(0x30, oid_der("1.2.840.113549.1.7.1"), *body), tlv(0x31, info))
    return tlv(0x30, oid_der("1.2.840.113549.1.7.2"), tlv(0xa0, data))


def answer(message):
    with tempfile.TemporaryDirectory() as d:
        open(d + "/m", "wb").write(message)
        envelope = openssl("cms", "-verify", "-noverify", "-inform", "DER", "-in", d + "/m", "-binary", "-signer", d + "/signer")
        der = openssl("cms", "-decrypt", "-inform", "DER", "-recip", ca_file, "-inkey", ca_key_file, "-binary", data=envelope)
        req = x509.load_der_x509_csr(der)
        common = [attribute(SCEP + "2", tlv(0x13, b"3")), attribute(SCEP + "7", tlv(0x13, value_of(message, SCEP + "7"))),
                  attribute(SCEP + "6", tlv(4, value_of(message, SCEP + "5"))), attribute(SCEP + "5", tlv(4, os.urandom(16)))]
        name = req.subject.rfc4514_string()
        if "CN=wait" in name:
            return signed(b"", common + [attribute(SCEP + "3", tlv(0x13, b"3"))])
        if oid_der("1.2.840.113549.1.9.7") not in der or value_of(der, "1.2.840.113549.1.9.7") != b"secret":
            return signed(b"", common + [attribute(SCEP + "3", tlv(0x13, b"2")), attribute(SCEP + "4", tlv(0x13, b"2"))])
        now = dt.datetime.utcnow()
        b = x509.CertificateBuilder(ca.subject, req.subject, req.public_key(), x509.random_serial_number(), now - dt.timedelta(minutes=5),
                                    now + dt.timedelta(days=90))
        for e in req.extensions:
            b = b.add_extension(e.value, e.critical)
        bundle = pkcs7.serialize_certificates([b.sign(ca_key, hashes.SHA256())], serialization.Encoding.DER)
        cipher = "-aes256" if "CN=big" in name else "-des3" if "CN=old" in name else "-aes128"
        sealed = openssl("cms", "-encrypt", cipher, "-binary", "-outform", "DER", d + "/signer", data=bundle)
        if "CN=replay" in name:
            common[2] = attribute(SCEP + "6", tlv(4, bytes(16)))
        return signed(sealed, common + [attribute(SCEP + "3", tlv(0x13, b"0"))], "CN=damaged" in name)


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def reply(self, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(ca.public_bytes(serialization.Encoding.DER), "application/x-x509-ca-cert")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.reply(answer(body), "application/x-pki-message")


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
print("serving", flush=True)
server.serve_forever()
