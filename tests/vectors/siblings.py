#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""siblings.py FOLDER: test vectors in Project Wycheproof's form for every kind, curve, hash and size that Adit's runner
knows, made by the reference algorithms beside this file. Edge cases are those the originals have: signatures whose halves
meet in one point, numbers at the borders, encodings that are nearly right."""
import base64
import hmac
import json
import os
import secrets
import sys

import mlkem_ref
import refs
from refs import der, der_int, der_oid

HMAC_NAMES = {"SHA-1": "HMACSHA1", "SHA-224": "HMACSHA224", "SHA-256": "HMACSHA256", "SHA-384": "HMACSHA384",
              "SHA-512": "HMACSHA512", "SHA-512/224": "HMACSHA512/224", "SHA-512/256": "HMACSHA512/256",
              "SHA3-224": "HMACSHA3-224", "SHA3-256": "HMACSHA3-256", "SHA3-384": "HMACSHA3-384", "SHA3-512": "HMACSHA3-512"}
BLOCKS = {"SHA-384": 128, "SHA-512": 128, "SHA-512/224": 128, "SHA-512/256": 128, "SHA3-224": 144, "SHA3-256": 136,
          "SHA3-384": 104, "SHA3-512": 72}
rnd = secrets.token_bytes


class File:
    def __init__(self, name, algorithm):
        self.name, self.algorithm, self.groups, self.n = name, algorithm, [], 0

    def group(self, kind, **about):
        self.groups.append({"type": kind, **about, "tests": []})

    def test(self, result, comment, **fields):
        self.n += 1
        fields = {k: v.hex() if isinstance(v, bytes) else v for k, v in fields.items()}
        self.groups[-1]["tests"].append({"tcId": self.n, "comment": comment, "flags": [], **fields, "result": result})

    def write(self, folder):
        with open(os.path.join(folder, self.name + "_test.json"), "w") as f:
            json.dump({"algorithm": self.algorithm, "numberOfTests": self.n, "header": [], "notes": {},
                       "testGroups": self.groups}, f, indent=1)


def flip(b, at=0):
    return b[:at] + bytes([b[at] ^ 1]) + b[at + 1:]


# ---- signatures ----

def ecdsa_der(r, s):
    return der(0x30, der_int(r), der_int(s))


def ecdsa_keys(c, z):
    """(comment, key, r, s): what the two halves of the verification come to is chosen, and the key made to fit."""
    n = c.n
    for what in ("random", "random", "u1 is 1", "u2 is 1", "s is 1", "s is n-1", "halves are equal", "sum doubles", "k is 1",
                 "k is n-1", "u1 is n-1", "u2 is n-1", "s has a zero byte"):
        k, s = c.draw(), c.draw()
        if what.startswith("k is"):
            k = 1 if what == "k is 1" else n - 1
        if what == "halves are equal":
            k = 2 * c.draw() % n
        r = c.mul(k)[0] % n
        if what == "u1 is 1":
            s = z % n
        elif what == "u1 is n-1":
            s = n - z % n
        elif what == "u2 is 1":
            s = r
        elif what == "u2 is n-1":
            s = n - r
        elif what.startswith("s is"):
            s = 1 if what == "s is 1" else n - 1
        elif what == "halves are equal":
            s = z * pow(k * pow(2, -1, n), -1, n) % n
        elif what == "s has a zero byte":
            s >>= 9
        d = (s * k - z) * pow(r, -1, n) % n
        if what == "sum doubles":
            d = pow(2, -1, n)
            s = (z + r * d) * pow(k, -1, n) % n
        if d == 0 or s == 0:
            continue
        yield what, c.mul(d), r, s


def ecdsa(name, sha, p1363):
    c = refs.curve(name)
    f = File(f"ecdsa_{name}_{sha.lower().replace('-', '').replace('/', '_')}" + ("_p1363" if p1363 else ""), "ECDSA")
    write = (lambda r, s: c.bytes(r) + c.bytes(s)) if p1363 else ecdsa_der
    m = b"123400"
    h = refs.digest(sha, m)
    for what, q, r, s in ecdsa_keys(c, c.hash_number(h)):
        assert c.verify(q, h, r, s), (name, what)
        f.group("EcdsaP1363Verify" if p1363 else "EcdsaVerify", sha=sha, publicKeyDer=c.spki(c.point(q)).hex(), publicKey={
            "type": "EcPublicKey", "curve": name, "keySize": c.p.bit_length(), "uncompressed": c.point(q).hex()})
        good = write(r, s)
        f.test("valid", what, msg=m, sig=good)
        f.test("valid", what + ", -s", msg=m, sig=write(r, c.n - s))
        f.test("invalid", "another message", msg=m + b"0", sig=good)
        f.test("invalid", "another r", msg=m, sig=write(r ^ 2, s))
        if what != "random":
            continue
        for comment, sig in (("r + n", (r + c.n, s)), ("s + n", (r, s + c.n)), ("-r", (c.n - r, s)), ("r, s change places", (s, r)),
                             ("zeros", (0, 0)), ("r 0", (0, s)), ("s 0", (r, 0)), ("r n", (c.n, s)), ("s n", (r, c.n)),
                             ("r 1", (1, s)), ("n n", (c.n, c.n)), ("p", (c.p, s)), ("n-1 n-1", (c.n - 1, c.n - 1))):
            if max(sig) < 256 ** c.len or not p1363:
                f.test("invalid", comment, msg=m, sig=write(*sig))
        for comment, sig in (("none", b""), ("cut", good[:-1]), ("a byte more", good + b"\0"), ("a byte before", b"\0" + good),
                             ("half", good[:len(good) // 2])):
            f.test("invalid", comment, msg=m, sig=sig)
        if p1363:
            continue
        rb, sb = der_int(r), der_int(s)
        for comment, sig in (("long length", b"\x30\x81" + bytes([len(rb + sb)]) + rb + sb if len(rb + sb) < 128 else
                              b"\x30\x82\0" + bytes([len(rb + sb)]) + rb + sb), ("indefinite", b"\x30\x80" + rb + sb + b"\0\0"),
                             ("zero before r", der(0x30, der(2, b"\0" + rb[2:]), sb)), ("a set", der(0x31, rb, sb)),
                             ("one number", der(0x30, rb)), ("three numbers", der(0x30, rb, sb, sb)),
                             ("a null", der(0x30, rb, sb, der(5))), ("negative r", der(0x30, der(2, (r - c.n).to_bytes(
                                 c.len + 1, "big", signed=True)), sb)), ("octets", der(0x30, der(4, rb[2:]), sb)),
                             ("empty number", der(0x30, der(2), sb)), ("empty", der(0x30)), ("null", der(5))):
            f.test("invalid", comment, msg=m, sig=sig)
    return f


def eddsa(bits):
    e = refs.Edwards(bits)
    f = File("ed25519" if bits == 255 else "ed448", "EDDSA")
    oid = der(0x30, der_oid("1.3.101.112" if bits == 255 else "1.3.101.113"))
    for i in range(4):
        seed = rnd(e.len)
        pub = e.public(seed)
        f.group("EddsaVerify", publicKeyDer=der(0x30, oid, der(3, b"\0", pub)).hex(), publicKey={
            "type": "EDDSAPublicKey", "curve": "edwards25519" if bits == 255 else "edwards448", "pk": pub.hex()})
        for m in (b"", b"x", rnd(63), rnd(300)):
            sig = e.sign(seed, m)
            s = int.from_bytes(sig[e.len:], "little")
            f.test("valid", "random", msg=m, sig=sig)
            f.test("invalid", "another message", msg=m + b"\0", sig=sig)
            for comment, bad in (("R", flip(sig)), ("S", flip(sig, e.len)), ("last byte", sig[:-1] +
                                 bytes([sig[-1] ^ 1])), ("top bit", sig[:-1] + bytes([sig[-1] ^ 0x80])), ("cut", sig[:-1]), ("none", b""), ("a byte more", sig + b"\0"), ("S + q", sig[:e.len] + (s + e.q)
                                 .to_bytes(e.len, "little")), ("S 0", sig[:e.len] + bytes(e.len)), ("S q", sig[:e.len] +
                                 e.q.to_bytes(e.len, "little")), ("R 0", bytes(e.len) + sig[e.len:]), ("R high", b"\xff" * e.len +
                                 sig[e.len:]), ("twice", sig + sig)):
                f.test("invalid", comment, msg=m, sig=bad)
    return f


RSA_KEYS = {}


def rsa_key(bits):
    if bits not in RSA_KEYS:
        RSA_KEYS[bits] = refs.Rsa(bits)
    return RSA_KEYS[bits]


def rsa_pkcs1(bits, sha):
    k = rsa_key(bits)
    f = File(f"rsa_signature_{bits}_{sha.lower().replace('-', '').replace('/', '_')}", "RSASSA-PKCS1-v1_5")
    f.group("RsassaPkcs1Verify", keySize=bits, sha=sha, publicKeyDer=k.spki().hex())
    m = b"123400"
    good, h, oid = k.pkcs1(sha, m), refs.digest(sha, m), der_oid(refs.HASH_OIDS[sha])
    for x in (m, b"", rnd(200)):
        f.test("valid", "random", msg=x, sig=k.pkcs1(sha, x))
    f.test("acceptable", "no NULL", msg=m, sig=k.pkcs1(sha, m, null=False))
    whole = der(0x30, der(0x30, oid, der(5)), der(4, h))
    for comment, info in (("long length", b"\x30\x81" + whole[1:]), ("zero after", whole + b"\0"),
                          ("appended null", der(0x30, der(0x30, oid, der(5)), der(4, h), der(5))),
                          ("inner long length", der(0x30, b"\x30\x81" + der(0x30, oid, der(5))[1:], der(4, h))),
                          ("cut hash", der(0x30, der(0x30, oid, der(5)), der(4, h[:-1]))), ("bare hash", h),
                          ("octets", der(0x30, der(0x30, oid, der(4)), der(4, h))), ("another hash", der(0x30, der(0x30, der_oid(
                              "1.2.840.113549.2.5"), der(5)), der(4, h)))):
        f.test("invalid", comment, msg=m, sig=k.pkcs1(sha, m, info=info))
    pad = k.len - len(whole) - 3
    for comment, em in (("type 2", b"\0\2" + b"\xff" * pad + b"\0" + whole), ("type 0", b"\0\0" + bytes(pad) + b"\0" + whole),
                        ("short padding", b"\0\1" + b"\xff" * 8 + b"\0" + whole + bytes(pad - 8)),
                        ("no padding", b"\0\1\0" + whole + bytes(pad)), ("padding of 7f", b"\0\1" + b"\x7f" * pad + b"\0" + whole)):
        f.test("invalid", comment, msg=m, sig=k.raw(em))
    number = int.from_bytes(good, "big")
    for comment, sig in (("another", flip(good, 9)), ("a byte more", good + b"\0"), ("a byte before", b"\0" + good), ("cut", good[:-1]),
                         ("none", b""), ("0", bytes(k.len)), ("1", bytes(k.len - 1) + b"\1"), ("n", k.n.to_bytes(k.len, "big")),
                         ("n-1", (k.n - 1).to_bytes(k.len, "big")), ("s + n", (number + k.n).to_bytes(k.len + 1, "big")),
                         ("PSS", k.pss("SHA-256", "SHA-256", rnd(32), m))):
        f.test("invalid", comment, msg=m, sig=sig)
    f.test("invalid", "another message", msg=m + b"0", sig=good)
    return f


def rsa_generate(bits):
    k = rsa_key(bits)
    f = File(f"rsa_pkcs1_{bits}_sig_gen", "RSASSA-PKCS1-v1_5")
    for sha in refs.HASH_OIDS:
        f.group("RsassaPkcs1Generate", keySize=bits, sha=sha, privateKeyPkcs8=k.pkcs8.hex())
        for m in (b"", b"123400", rnd(120)):
            f.test("valid", "random", msg=m, sig=k.pkcs1(sha, m))
    return f


def rsa_pss(bits, sha, mgf, salt_len, params):
    k = rsa_key(bits)
    name = sha.lower().replace("-", "").replace("/", "_"), mgf.lower().replace("-", "").replace("/", "_")
    f = File(f"rsa_pss_{bits}_{name[0]}_mgf1{'' if mgf == sha else name[1]}_{salt_len}" + ("_params" if params else ""), "RSASSA-PSS")
    f.group("RsassaPssWithParametersVerify" if params else "RsassaPssVerify", keySize=bits, sha=sha, mgf="MGF1", mgfSha=mgf,
            sLen=salt_len, publicKeyDer=k.spki(refs.pss_algorithm(sha, mgf, salt_len) if params else None).hex())
    m = b"123400"
    good = k.pss(sha, mgf, rnd(salt_len), m)
    for x in (m, b"", rnd(200)):
        f.test("valid", "random", msg=x, sig=k.pss(sha, mgf, rnd(salt_len), x))
    other = "SHA-384" if sha != "SHA-384" else "SHA-256"
    for comment, sig in (("salt longer", k.pss(sha, mgf, rnd(salt_len + 1), m)), ("salt 0" if salt_len else "salt 20",
                          k.pss(sha, mgf, rnd(0 if salt_len else 20), m)), ("another hash", k.pss(other, mgf, rnd(salt_len), m)),
                         ("another MGF hash", k.pss(sha, "SHA-224" if mgf != "SHA-224" else "SHA-256", rnd(salt_len), m)),
                         ("another trailer", k.pss(sha, mgf, rnd(salt_len), m, trailer=0xcc)), ("PKCS #1", k.pkcs1("SHA-256", m)),
                         ("another", flip(good, 9)), ("a byte more", good + b"\0"), ("a byte before", b"\0" + good), ("cut", good[:-1]),
                         ("none", b""), ("0", bytes(k.len)), ("1", bytes(k.len - 1) + b"\1"), ("n", k.n.to_bytes(k.len, "big")),
                         ("s + n", (int.from_bytes(good, "big") + k.n).to_bytes(k.len + 1, "big"))):
        f.test("invalid", comment, msg=m, sig=sig)
    f.test("invalid", "another message", msg=m + b"0", sig=good)
    return f


# ---- key exchange ----

def pem(label, b):
    text = base64.b64encode(b).decode()
    lines = "\n".join(text[i:i + 64] for i in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----"


def b64(b):
    return base64.urlsafe_b64encode(b).decode().rstrip("=")


def ecdh(name, encoding):
    c = refs.curve(name)
    f = File(f"ecdh_{name}" + ("" if encoding == "asn" else "_" + encoding), "ECDH")
    f.group({"asn": "EcdhTest", "ecpoint": "EcdhEcpointTest", "pem": "EcdhPemTest", "webcrypto": "EcdhWebcryptoTest"}[encoding],
            curve=name, encoding=encoding)
    crv = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}.get(name, name)

    def put(result, comment, d, q, shared, spki=None, point=None, form=4):
        d_bytes = d.to_bytes(d.bit_length() // 8 + 1, "big")
        point = point if point is not None else c.point(q, form)
        public, private = spki or c.spki(point), d_bytes
        if encoding == "ecpoint":
            public = point
        elif encoding == "pem":
            public, private = pem("PUBLIC KEY", public), pem("PRIVATE KEY", c.pkcs8(d))
        elif encoding == "webcrypto":
            x, y = point[1:1 + c.len], point[1 + c.len:]
            public = {"kty": "EC", "crv": crv, "x": b64(x), "y": b64(y)}
            own = c.mul(d)
            private = {"kty": "EC", "crv": crv, "x": b64(c.bytes(own[0])), "y": b64(c.bytes(own[1])), "d": b64(c.bytes(d))}
        f.test(result, comment, public=public, private=private, shared=shared)
    for what in ("random", "random", "d 1", "d 2", "d n-1", "d small", "d n-2", "q is G", "q is -G", "q is 2G"):
        d = {"d 1": 1, "d 2": 2, "d n-1": c.n - 1, "d n-2": c.n - 2, "d small": 12345}.get(what, c.draw())
        q = {"q is G": c.g, "q is -G": (c.g[0], c.p - c.g[1]), "q is 2G": c.mul(2)}.get(what, c.mul(c.draw()))
        put("valid", what, d, q, c.bytes(c.mul(d, q)[0]))
    d, q = c.draw(), c.mul(c.draw())
    shared = c.bytes(c.mul(d, q)[0])
    if encoding != "webcrypto":
        put("acceptable" if encoding != "ecpoint" else "valid", "compressed", d, q, shared, form=2)
    for comment, point in (("not on the curve", b"\4" + c.bytes(q[0]) + c.bytes(q[1] ^ 1)), ("0, 0", b"\4" + bytes(2 * c.len)),
                           ("x is p", b"\4" + c.bytes(c.p) + c.bytes(q[1])), ("y cut", b"\4" + c.bytes(q[0]) + c.bytes(q[1])[:-1]),
                           ("y longer", c.point(q) + b"\0"), ("x only", b"\4" + c.bytes(q[0]))):
        put("invalid", comment, d, q, b"", point=point)
    if max(q[0] + c.p, 0) < 256 ** c.len:
        put("invalid", "x + p", d, q, b"", point=b"\4" + c.bytes(q[0] + c.p) + c.bytes(q[1]))
    if encoding != "webcrypto":
        for comment, point in (("infinity", b"\0"), ("none", b""), ("hybrid", bytes([6 + q[1] % 2]) + c.point(q)[1:])):
            put("invalid", comment, d, q, b"", point=point)
    if encoding in ("asn", "pem"):
        other = "secp384r1" if name != "secp384r1" else "secp256r1"
        for comment, spki in (("another curve", c.spki(c.point(q), der_oid(refs.OIDS[other]))), ("no curve", c.spki(c.point(q), b"")),
                              ("a NULL for the curve", c.spki(c.point(q), der(5))), ("trailing", c.spki(c.point(q)) + b"\0")):
            put("invalid", comment, d, q, b"", spki=spki)
    return f


def xdh(bits, form):
    name, n = ("x25519", 32) if bits == 255 else ("x448", 56)
    f = File(name + ("" if form == "comp" else "_" + form), "XDH")
    f.group({"comp": "XdhComp", "asn": "XdhAsnComp", "pem": "XdhPemComp", "jwk": "XdhJwkComp"}[form],
            curve="curve25519" if bits == 255 else "curve448")
    oid = der(0x30, der_oid("1.3.101.110" if bits == 255 else "1.3.101.111"))
    p = 2**255 - 19 if bits == 255 else 2**448 - 2**224 - 1

    def put(result, comment, k, u, shared):
        spki, pkcs8 = der(0x30, oid, der(3, b"\0", u)), der(0x30, der_int(0), oid, der(4, der(4, k)))
        public, private = {"comp": (u, k), "asn": (spki, pkcs8), "pem": (pem("PUBLIC KEY", spki), pem("PRIVATE KEY", pkcs8)),
                           "jwk": ({"kty": "OKP", "crv": name.upper(), "x": b64(u)}, {"kty": "OKP", "crv": name.upper(), "d": b64(k),
                                   "x": b64(u)})}[form]
        f.test(result, comment, public=public, private=private, shared=shared)
    base = (9 if bits == 255 else 5).to_bytes(n, "little")
    for i in range(8):
        k, u = rnd(n), refs.xdh(rnd(n), base, bits)
        put("valid", "random", k, u, refs.xdh(k, u, bits))
    k = rnd(n)
    for v in (2, 3, p - 2, p + 3, p + 5, 2**bits - 3):
        u = v.to_bytes(n, "little")
        put("acceptable", "edge or not canonical", k, u, refs.xdh(k, u, bits))
    if bits == 255:
        u = rnd(31) + b"\xff"
        put("acceptable", "high bit", k, u, refs.xdh(k, u, bits))
    for v in (0, 1, p - 1, p, p + 1):
        put("acceptable", "low order", k, v.to_bytes(n, "little"), bytes(n))
    put("invalid", "cut", k, base[:-1], b"")
    put("invalid", "longer", k, base + b"\0", b"")
    put("invalid", "none", k, b"", b"")
    return f


# ---- encryption and MACs ----

def aead(name, tag_bits, make, iv_bytes, file):
    f = File(file, name)
    for bits in (128, 192, 256):
        for tag in tag_bits:
            for iv_len in iv_bytes:
                group = {"AES-GMAC": "MacWithIvTest"}.get(name, "AeadTest")
                f.group(group, keySize=bits, ivSize=8 * iv_len, tagSize=tag)
                for n in (0, 1, 15, 16, 17, 48, 100):
                    key, iv, aad, m = rnd(bits // 8), rnd(iv_len), rnd(n % 33), rnd(n)
                    ct, t = make(key, iv, aad, m, tag // 8)
                    fields = {"key": key, "iv": iv, "msg": m} if name == "AES-GMAC" else {"key": key, "iv": iv, "aad": aad, "msg": m, "ct": ct}
                    f.test("valid", "random", tag=t, **fields)
                    for comment, bad in (("first bit", flip(t)), ("last bit", t[:-1] + bytes([t[-1] ^ 0x80])), ("zeros", bytes(len(t))),
                                         ("ones", b"\xff" * len(t)), ("all flipped", bytes(x ^ 0xff for x in t))):
                        f.test("invalid", comment, tag=bad, **fields)
    return f


def cmac():
    f = File("aes_cmac", "AES-CMAC")
    for bits in (128, 192, 256):
        f.group("MacTest", keySize=bits, tagSize=128)
        for n in (0, 1, 16, 17, 32, 40):
            key, m = rnd(bits // 8), rnd(n)
            t = refs.aes_cmac(key, m)
            f.test("valid", "random", key=key, msg=m, tag=t)
            f.test("invalid", "flipped", key=key, msg=m, tag=flip(t))
    for bits in (0, 64, 160, 320):
        f.group("MacTest", keySize=bits, tagSize=128)
        f.test("invalid", "key size", key=rnd(bits // 8), msg=b"", tag=rnd(16))
    return f


def hmac_of(sha, key, m):
    block = BLOCKS.get(sha, 64)
    key = refs.digest(sha, key) if len(key) > block else key
    key = key.ljust(block, b"\0")
    inner = refs.digest(sha, bytes(x ^ 0x36 for x in key) + m)
    return refs.digest(sha, bytes(x ^ 0x5c for x in key) + inner)


def hmacs(sha):
    f = File("hmac_" + sha.lower().replace("-", "").replace("/", "_").replace("sha3", "sha3_"), HMAC_NAMES[sha])
    full = 8 * len(refs.digest(sha, b""))
    for bits in (full, full // 2):
        for key_bits in (8, 256, 520, 1200):
            f.group("MacTest", keySize=key_bits, tagSize=bits)
            for n in (0, 1, 64, 130):
                key, m = rnd(key_bits // 8), rnd(n)
                t = hmac_of(sha, key, m)[:bits // 8]
                f.test("valid", "random", key=key, msg=m, tag=t)
                for comment, bad in (("flipped", flip(t)), ("last", t[:-1] + bytes([t[-1] ^ 0x80])), ("zeros", bytes(len(t)))):
                    f.test("invalid", comment, key=key, msg=m, tag=bad)
    return f


def hkdf(sha):
    f = File("hkdf_" + sha.lower().replace("-", ""), "HKDF-" + sha)
    n = len(refs.digest(sha, b""))
    for ikm_len in (16, 32, 64):
        f.group("HkdfTest", keySize=8 * ikm_len)
        for size in (1, 20, n, 64, 255 * n, 255 * n + 1):
            for salt_len, info_len in ((0, 0), (16, 20), (n, 0), (64, 3)):
                ikm, salt, info = rnd(ikm_len), rnd(salt_len), rnd(info_len)
                if size > 255 * n:
                    f.test("invalid", "too long", ikm=ikm, salt=salt, info=info, size=size, okm=b"")
                    continue
                prk, t, out = hmac_of(sha, salt or bytes(n), ikm), b"", b""
                for i in range(1, (size + n - 1) // n + 1):
                    t = hmac.new(prk, t + info + bytes([i]), sha.replace("-", "").lower()).digest()
                    out += t
                f.test("valid", "random", ikm=ikm, salt=salt, info=info, size=size, okm=out[:size])
    return f


# ---- ML-KEM ----

def mlkem(name):
    k, _, du, dv = mlkem_ref.SETS[name]
    short = name.lower().replace("-kem-", "kem_")
    ct_len = 32 * (du * k + dv)
    files = [File(short + x, "ML-KEM") for x in ("", "_keygen_seed", "_encaps", "_semi_expanded_decaps")]
    for f, kind in zip(files, ("MLKEMTest", "MLKEMKeyGen", "MLKEMEncapsTest", "MLKEMDecapsValidationTest")):
        f.group(kind, parameterSet=name)
    test, keygen, encaps, decaps = files
    for i in range(4):
        seed, m = rnd(64), rnd(32)
        ek, dk = mlkem_ref.keys(name, seed)
        key, ct = mlkem_ref.encaps(name, ek, m)
        assert mlkem_ref.decaps(name, dk, ct) == key
        test.test("valid", "random", seed=seed, ek=ek, c=ct, K=key)
        keygen.test("valid", "random", seed=seed, ek=ek, dk=dk)
        encaps.test("valid", "random", m=m, ek=ek, c=ct, K=key)
        decaps.test("valid", "random", dk=dk, c=ct, K=key)
        for comment, bad in (("changed", flip(ct, 7)), ("zeros", bytes(ct_len)), ("ones", b"\xff" * ct_len)):
            test.test("valid", comment + ": implicit rejection", seed=seed, ek=ek, c=bad, K=mlkem_ref.decaps(name, dk, bad))
        test.test("invalid", "cut", seed=seed, ek=ek, c=ct[:-1], K=b"")
        test.test("invalid", "longer", seed=seed, ek=ek, c=ct + b"\0", K=b"")
        test.test("invalid", "short seed", seed=seed[:-1], ek=b"", c=ct, K=b"")
        for comment, bad in (("cut", ek[:-1]), ("longer", ek + b"\0"), ("none", b""),
                             ("a coefficient of q", (3329).to_bytes(2, "little")[:1] + bytes([ek[1] & 0xf0 | 3329 >> 8]) + ek[2:]),
                             ("a coefficient of 4095", b"\xff" + bytes([ek[1] | 15]) + ek[2:])):
            encaps.test("invalid", comment, m=m, ek=bad, c=b"", K=b"")
        decaps.test("invalid", "cut key", dk=dk[:-1], c=ct, K=b"")
        decaps.test("invalid", "longer key", dk=dk + b"\0", c=ct, K=b"")
        decaps.test("invalid", "cut", dk=dk, c=ct[:-1], K=b"")
        decaps.test("invalid", "another hash of ek", dk=flip(dk, 768 * k + 40), c=ct, K=b"")
    return files


def gmac(key, iv, aad, m, tag):
    return b"", refs.aes_gcm(key, iv, m, b"")[1][:tag]


def gcm(key, iv, aad, m, tag):
    ct, t = refs.aes_gcm(key, iv, aad, m)
    return ct, t[:tag]


def all_files():
    curves = list(refs.OIDS)
    for name in curves:
        yield from (ecdh(name, e) for e in ("asn", "ecpoint", "pem", "webcrypto"))
        shas = ("SHA-256", "SHA-512", "SHA3-256") if name not in ("secp384r1", "secp521r1") else ("SHA-384", "SHA-512", "SHA3-512")
        yield from (ecdsa(name, sha, p1363) for sha in shas for p1363 in (False, True))
    yield from (ecdsa("secp224r1", sha, False) for sha in ("SHA-224", "SHA3-224", "SHA3-512"))
    yield from (ecdsa("secp521r1", sha, False) for sha in ("SHA-1", "SHA-512/256"))
    yield from (eddsa(bits) for bits in (255, 448))
    yield from (xdh(bits, form) for bits in (255, 448) for form in ("comp", "asn", "pem", "jwk"))
    yield from (rsa_pkcs1(bits, sha) for bits in (1024, 2048, 3072) for sha in refs.HASH_OIDS)
    yield from (rsa_pkcs1(bits, "SHA-512") for bits in (1536, 2049, 4096))
    yield from (rsa_generate(bits) for bits in (1024, 1536, 2048))
    for params in (False, True):
        for bits, sha, mgf, salt in ((2048, "SHA-256", "SHA-256", 0), (2048, "SHA-256", "SHA-256", 32), (2048, "SHA-1", "SHA-1", 20),
                                     (2048, "SHA-512", "SHA-256", 32), (2048, "SHA-512/224", "SHA-512/224", 28), (2048, "SHA-384",
                                     "SHA-384", 48), (2048, "SHA-256", "SHA-1", 20), (3072, "SHA-256", "SHA-256", 32), (3072, "SHA-512",
                                     "SHA-512", 64), (4096, "SHA-512", "SHA-512", 32), (4096, "SHA-384", "SHA-384", 48), (2049, "SHA-256",
                                     "SHA-256", 32), (2048, "SHA3-256", "SHA3-256", 32), (1024, "SHA-224", "SHA-224", 28),
                                     (2048, "SHA-512/256", "SHA-512/256", 32), (1536, "SHA3-384", "SHA3-384", 48)):
            yield rsa_pss(bits, sha, mgf, salt, params)
    yield aead("AES-GCM", (128, 96, 64), gcm, (12,), "aes_gcm")
    yield aead("AES-CCM", (128, 96, 64, 32), lambda k, iv, aad, m, tag: refs.aes_ccm(k, iv, aad, m, tag), (11, 12, 13), "aes_ccm")
    yield aead("AES-GMAC", (128,), gmac, (12,), "aes_gmac")
    yield cmac()
    yield from (hmacs(sha) for sha in HMAC_NAMES)
    yield from (hkdf(sha) for sha in ("SHA-1", "SHA-256", "SHA-384", "SHA-512"))
    for name in mlkem_ref.SETS:
        yield from mlkem(name)


def main():
    count = 0
    for f in all_files():
        f.write(sys.argv[1])
        count += f.n
    print(count)


if __name__ == "__main__":
    main()
