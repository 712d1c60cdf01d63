# SPDX-License-Identifier: Apache-2.0
"""A small CA in Python for the tests of path validation: certificates and CRLs with any extension, right or wrong."""
import datetime as dt
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier as OID

NOW = dt.datetime(2026, 6, 1)
DAY = dt.timedelta(days=1)
KEYS = []


def key(i):
    """Keys are slow to make and of no interest: one per place in a path."""
    while len(KEYS) <= i:
        KEYS.append(ec.generate_private_key(ec.SECP256R1()))
    return KEYS[i]


def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    head = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else bytes([0x82, n >> 8, n & 255])
    return bytes([tag]) + head + body


def outer(der, old, new):
    """A certificate with a piece of its inside replaced, all lengths around it corrected; its signature is wrong then."""
    def parts(b):
        while b:
            at = 2 if b[1] < 128 else 2 + (b[1] & 127)
            n = b[1] if b[1] < 128 else int.from_bytes(b[2:at], "big")
            yield b[:at + n], b[at:at + n]
            b = b[at + n:]
    tbs, alg, sig = (whole for whole, _ in parts(next(parts(der))[1]))
    return tlv(0x30, tlv(0x30, next(parts(tbs))[1].replace(old, new)), alg, sig)


def oid_der(dotted):
    arcs = [int(a) for a in dotted.split(".")]
    out = b""
    for v in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        part = [v & 127]
        while v >> 7:
            v >>= 7
            part.append(v & 127 | 128)
        out += bytes(reversed(part))
    return tlv(6, out)


def name(text):
    """"O=Lab,CN=x" """
    kinds = {"C": NameOID.COUNTRY_NAME, "O": NameOID.ORGANIZATION_NAME, "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
             "CN": NameOID.COMMON_NAME, "E": NameOID.EMAIL_ADDRESS}
    return x509.Name([x509.NameAttribute(kinds[p.split("=")[0]], p.split("=")[1]) for p in text.split(",")])


def general(text):
    """"dns:a.b", "email:x@y", "uri:http://…", "ip:10.0.0.1" or "ip:10.0.0.0/8", "dn:O=Lab" """
    import ipaddress
    kind, value = text.split(":", 1)
    if kind == "dns":
        return x509.DNSName(value)
    if kind == "email":
        return x509.RFC822Name(value)
    if kind == "uri":
        return x509.UniformResourceIdentifier(value)
    if kind == "ip":
        return x509.IPAddress(ipaddress.ip_network(value) if "/" in value else ipaddress.ip_address(value))
    return x509.DirectoryName(name(value))


def raw(dotted, der, critical=False):
    return (x509.UnrecognizedExtension(OID(dotted), der), critical)


def policies(*oids):
    return (x509.CertificatePolicies([x509.PolicyInformation(OID(o), None) for o in oids]), True)


def mappings(*pairs):
    return raw("2.5.29.33", tlv(0x30, *[tlv(0x30, oid_der(a), oid_der(b)) for a, b in pairs]), True)


def constraints(explicit=None, mapping=None):
    return (x509.PolicyConstraints(explicit, mapping), True)


def inhibit_any(n):
    return (x509.InhibitAnyPolicy(n), True)


def names(permit=(), exclude=()):
    return (x509.NameConstraints([general(g) for g in permit] or None, [general(g) for g in exclude] or None), True)


def alt(*texts):
    return (x509.SubjectAlternativeName([general(t) for t in texts]), False)


def dp(full=None, relative=None, reasons=None, issuer=None):
    """One DistributionPoint; relative: "CN=x" """
    rdn = x509.RelativeDistinguishedName(list(name(relative))) if relative else None
    return x509.DistributionPoint([general(full)] if full else None, rdn, frozenset(reasons) if reasons else None,
                                  [general("dn:" + issuer)] if issuer else None)


def dps(*points):
    return (x509.CRLDistributionPoints(points), False)


def idp(full=None, relative=None, user=False, ca=False, attr=False, reasons=None, indirect=False):
    rdn = x509.RelativeDistinguishedName(list(name(relative))) if relative else None
    return (x509.IssuingDistributionPoint([general(full)] if full else None, rdn, user, ca,
                                          frozenset(reasons) if reasons else None, indirect, attr), True)


class Lab:
    """Files of one test; paths are given to adit-pki."""

    def __init__(self, folder):
        self.folder, self.n, self.serial = folder, 0, 100
        os.makedirs(folder, exist_ok=True)

    def write(self, der, suffix):
        self.n += 1
        path = "%s/%d.%s" % (self.folder, self.n, suffix)
        with open(path, "wb") as f:
            f.write(der)
        return path

    def cert(self, subject, issuer, pub, priv, *exts, ca=None, path_len=None, usage=None, serial=None, before=NOW - DAY,
             after=NOW + 100 * DAY, no_basic=False):
        """usage: None is keyCertSign and cRLSign of a CA, digitalSignature of others; False none at all."""
        self.serial += 1
        self.last = serial or self.serial
        b = x509.CertificateBuilder(name(issuer), name(subject), pub.public_key(), self.last, before, after)
        if ca is not None and not no_basic:
            b = b.add_extension(x509.BasicConstraints(ca, path_len), True)
        if usage is None:
            usage = ("sign", "crl") if ca else ("dig",)
        if usage is not False:
            b = b.add_extension(x509.KeyUsage("dig" in usage, False, False, False, False, "sign" in usage, "crl" in usage, False,
                                              False), True)
        for e, critical in exts:
            b = b.add_extension(e, critical)
        return self.write(b.sign(priv, hashes.SHA256()).public_bytes(serialization.Encoding.DER), "crt")

    def crl(self, issuer, priv, *exts, revoked=(), this=NOW - DAY, next=NOW + 10 * DAY, number=1, base=None):
        """revoked: serial, (serial, reason) or (serial, reason, issuer of the certificate)"""
        b = x509.CertificateRevocationListBuilder(name(issuer), this, next)
        if number is not None:
            b = b.add_extension(x509.CRLNumber(number), False)
        if base is not None:
            b = b.add_extension(x509.DeltaCRLIndicator(base), True)
        for e, critical in exts:
            b = b.add_extension(e, critical)
        for r in revoked:
            r = r if isinstance(r, tuple) else (r,)
            e = x509.RevokedCertificateBuilder().serial_number(r[0]).revocation_date(this)
            if len(r) > 1 and r[1]:
                e = e.add_extension(x509.CRLReason(r[1]), False)
            if len(r) > 2:
                e = e.add_extension(x509.CertificateIssuer([general("dn:" + r[2])]), True)
            b = b.add_revoked_certificate(e.build())
        return self.write(b.sign(priv, hashes.SHA256()).public_bytes(serialization.Encoding.DER), "crl")
