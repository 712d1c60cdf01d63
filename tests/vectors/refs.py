# SPDX-License-Identifier: Apache-2.0
"""Plain reference algorithms for the tests: written for reading, from the standards, with none of the libraries that Adit uses.
Slow, and not for secrets. Elliptic curves take their parameters from `openssl ecparam`."""
import functools
import hashlib
import re
import secrets
import subprocess

# ---- DER ----


def der(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    size = bytes([n]) if n < 128 else (lambda b: bytes([128 + len(b)]) + b)(n.to_bytes((n.bit_length() + 7) // 8, "big"))
    return bytes([tag]) + size + body


def der_int(v):
    return der(2, v.to_bytes(v.bit_length() // 8 + 1, "big"))


def der_oid(text):
    v = [int(x) for x in text.split(".")]
    out = bytes([v[0] * 40 + v[1]])
    for x in v[2:]:
        b = [x & 127]
        while x > 127:
            x >>= 7
            b.insert(0, 128 | (x & 127))
        out += bytes(b)
    return der(6, out)


# ---- elliptic curves in Weierstrass form ----

OIDS = {"secp192r1": "1.2.840.10045.3.1.1", "secp224r1": "1.3.132.0.33", "secp256r1": "1.2.840.10045.3.1.7",
        "secp384r1": "1.3.132.0.34", "secp521r1": "1.3.132.0.35", "brainpoolP224r1": "1.3.36.3.3.2.8.1.1.5",
        "brainpoolP256r1": "1.3.36.3.3.2.8.1.1.7", "brainpoolP384r1": "1.3.36.3.3.2.8.1.1.11",
        "brainpoolP512r1": "1.3.36.3.3.2.8.1.1.13"}
OPENSSL_NAMES = {"secp192r1": "prime192v1", "secp256r1": "prime256v1"}


@functools.lru_cache(None)
def curve(name):
    return Curve(name)


class Curve:
    def __init__(self, name):
        text = subprocess.run(["openssl", "ecparam", "-name", OPENSSL_NAMES.get(name, name), "-param_enc", "explicit", "-text",
                               "-noout"], capture_output=True, text=True, check=True).stdout
        def number(label):
            return int(re.search(label + r"[^:]*:\s*((?:[0-9a-f]{2}:?\s*)+)", text).group(1).replace(":", "")
                       .replace("\n", "").replace(" ", ""), 16)
        self.name, self.p, self.a, self.b, self.n = name, number("Prime"), number("A"), number("B"), number("Order")
        self.len = (self.p.bit_length() + 7) // 8
        g = number("Generator").to_bytes(2 * self.len + 1, "big")
        self.g = (int.from_bytes(g[1:1 + self.len], "big"), int.from_bytes(g[1 + self.len:], "big"))

    def add(self, u, v):
        if u is None or v is None:
            return u or v
        if u[0] == v[0]:
            if (u[1] + v[1]) % self.p == 0:
                return None
            m = (3 * u[0] * u[0] + self.a) * pow(2 * u[1], -1, self.p)
        else:
            m = (v[1] - u[1]) * pow(v[0] - u[0], -1, self.p)
        x = (m * m - u[0] - v[0]) % self.p
        return x, (m * (u[0] - x) - u[1]) % self.p

    def _double(self, x, y, z):
        p = self.p
        yy = y * y % p
        s, zz = 4 * x * yy % p, z * z % p
        m = (3 * x * x + self.a * zz * zz) % p
        x3 = (m * m - 2 * s) % p
        return x3, (m * (s - x3) - 8 * yy * yy) % p, 2 * y * z % p

    def mul(self, k, u=None):
        """In Jacobian coordinates; where the addition has no case for equal points `add` does it."""
        u, p, r = u or self.g, self.p, None
        for bit in bin(k)[2:]:
            r = r and self._double(*r)
            if bit == "0":
                continue
            if r is None or r[2] == 0:
                r = (*u, 1)
                continue
            zz = r[2] * r[2] % p
            h, w = (u[0] * zz - r[0]) % p, (u[1] * zz * r[2] - r[1]) % p
            if h == 0:
                t = self.add(self._affine(r), u)
                r = (*t, 1) if t else (1, 1, 0)
                continue
            hh = h * h % p
            hhh, v = h * hh % p, r[0] * hh % p
            x3 = (w * w - hhh - 2 * v) % p
            r = x3, (w * (v - x3) - r[1] * hhh) % p, r[2] * h % p
        return self._affine(r)

    def _affine(self, r):
        if r is None or r[2] == 0:
            return None
        i = pow(r[2], -1, self.p)
        return r[0] * i * i % self.p, r[1] * i * i * i % self.p

    def draw(self):
        return 1 + secrets.randbelow(self.n - 1)

    def bytes(self, v):
        return v.to_bytes(self.len, "big")

    def point(self, u, form=4):
        if form == 4:
            return b"\4" + self.bytes(u[0]) + self.bytes(u[1])
        return bytes([2 + u[1] % 2]) + self.bytes(u[0])

    def spki(self, point, curve_oid=None):
        return der(0x30, der(0x30, der_oid("1.2.840.10045.2.1"), curve_oid or der_oid(OIDS[self.name])), der(3, b"\0", point))

    def pkcs8(self, d):
        key = der(0x30, der_int(1), der(4, self.bytes(d)))
        return der(0x30, der_int(0), der(0x30, der_oid("1.2.840.10045.2.1"), der_oid(OIDS[self.name])), der(4, key))

    def hash_number(self, digest):
        return int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - self.n.bit_length())

    def verify(self, q, digest, r, s):
        if not (0 < r < self.n and 0 < s < self.n):
            return False
        w = pow(s, -1, self.n)
        z = self.hash_number(digest)
        u1, u2 = z * w % self.n, r * w % self.n
        sum_ = self.add(self.mul(u1) if u1 else None, self.mul(u2, q))
        return sum_ is not None and sum_[0] % self.n == r


# ---- X25519, X448, Ed25519, Ed448 (RFC 7748, RFC 8032) ----

def xdh(k, u, bits):
    p = 2**255 - 19 if bits == 255 else 2**448 - 2**224 - 1
    a24 = 121665 if bits == 255 else 39081
    n = 32 if bits == 255 else 56
    s = bytearray(k)
    if bits == 255:
        s[0] &= 248
        s[31] = s[31] & 127 | 64
    else:
        s[0] &= 252
        s[55] |= 128
    k = int.from_bytes(s, "little")
    x1 = int.from_bytes(u, "little") % 2**bits % p
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in range(bits - 1, -1, -1):
        kt = k >> t & 1
        if swap ^ kt:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = kt
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a, c * b, a * a, b * b
        e = aa - bb
        x3, z3 = pow(da + cb, 2, p), x1 * pow(da - cb, 2, p) % p
        x2, z2 = aa * bb % p, e * (aa + a24 * e) % p
    if swap:
        x2, x3, z2, z3 = x3, x2, z3, z2
    return (x2 * pow(z2, p - 2, p) % p).to_bytes(n, "little")


class Edwards:
    def __init__(self, bits):
        if bits == 255:
            self.p, self.len = 2**255 - 19, 32
            self.q = 2**252 + 27742317777372353535851937790883648493
            self.a, self.d = -1, -121665 * pow(121666, -1, self.p) % self.p
            self.b = (15112221349535400772501151409588531511454012693041857206046113283949847762202,
                      46316835694926478169428394003475163141307993866256225615783033603165251855960)
            self.hash = lambda m: hashlib.sha512(m).digest()
        else:
            self.p, self.len = 2**448 - 2**224 - 1, 57
            self.q = 2**446 - 0x8335dc163bb124b65129c96fde933d8d723a70aadc873d6d54a7bb0d
            self.a, self.d = 1, -39081 % self.p
            self.b = (0x4f1970c66bed0ded221d15a622bf36da9e146570470f1767ea6de324a3d3a46412ae1af72ab66511433b80e18b00938e2626a82bc70cc05e,
                      0x693f46716eb6bc248876203756c9c7624bea73736ca3984087789c1e05a0c2d73ad3ff1ce67c39c4fdbd132c4ed7c8ad9808795bf230fa14)
            self.hash = lambda m: hashlib.shake_256(b"SigEd448\0\0" + m).digest(114)
        self.plain = (lambda m: hashlib.sha512(m).digest()) if bits == 255 else (lambda m: hashlib.shake_256(m).digest(114))
        self.bits = bits

    def add(self, u, v):
        x1, y1, x2, y2 = *u, *v
        t = self.d * x1 * x2 * y1 * y2
        return ((x1 * y2 + x2 * y1) * pow(1 + t, -1, self.p) % self.p,
                (y1 * y2 - self.a * x1 * x2) * pow(1 - t, -1, self.p) % self.p)

    def mul(self, k):
        r, u = (0, 1), self.b
        while k:
            if k & 1:
                r = self.add(r, u)
            u = self.add(u, u)
            k >>= 1
        return r

    def encode(self, u):
        b = bytearray(u[1].to_bytes(self.len, "little"))
        b[-1] |= (u[0] & 1) << 7
        return bytes(b)

    def key(self, seed):
        h = bytearray(self.plain(seed))
        s = h[:self.len]
        if self.bits == 255:
            s[0] &= 248
            s[31] = s[31] & 127 | 64
        else:
            s[0] &= 252
            s[56] = 0
            s[55] |= 128
        return int.from_bytes(s, "little"), bytes(h[self.len:])

    def public(self, seed):
        return self.encode(self.mul(self.key(seed)[0]))

    def sign(self, seed, m):
        s, prefix = self.key(seed)
        a = self.encode(self.mul(s))
        r = int.from_bytes(self.hash(prefix + m), "little") % self.q
        rr = self.encode(self.mul(r))
        k = int.from_bytes(self.hash(rr + a + m), "little") % self.q
        return rr + ((r + k * s) % self.q).to_bytes(self.len, "little")


# ---- AES and what is made of it (FIPS 197, SP 800-38B, -38C, -38D) ----

def _sbox():
    box, p, q = [0] * 256, 1, 1
    while True:
        p ^= (p << 1 & 0xff) ^ (0x1b if p & 0x80 else 0)
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xff
        if q & 0x80:
            q ^= 0x09
        x = q ^ (q << 1 | q >> 7) ^ (q << 2 | q >> 6) ^ (q << 3 | q >> 5) ^ (q << 4 | q >> 4)
        box[p] = (x ^ 0x63) & 0xff
        if p == 1:
            break
    box[0] = 0x63
    return box


SBOX = _sbox()


def aes(key, block):
    nk = len(key) // 4
    w = [list(key[4 * i:4 * i + 4]) for i in range(nk)]
    rcon = 1
    for i in range(nk, 4 * (nk + 7)):
        t = list(w[-1])
        if i % nk == 0:
            t = [SBOX[x] for x in t[1:] + t[:1]]
            t[0] ^= rcon
            rcon = rcon << 1 ^ (0x11b if rcon & 0x80 else 0)
        elif nk > 6 and i % nk == 4:
            t = [SBOX[x] for x in t]
        w.append([a ^ b for a, b in zip(w[i - nk], t)])
    xt = lambda x: x << 1 & 0xff ^ (0x1b if x & 0x80 else 0)
    rounds = nk + 6
    s = [b ^ k for b, k in zip(block, sum(w[:4], []))]
    for r in range(1, rounds + 1):
        s = [SBOX[s[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if r < rounds:
            o = []
            for c in range(4):
                a = s[4 * c:4 * c + 4]
                o += [xt(a[i]) ^ xt(a[(i + 1) % 4]) ^ a[(i + 1) % 4] ^ a[(i + 2) % 4] ^ a[(i + 3) % 4] for i in range(4)]
            s = o
        s = [b ^ k for b, k in zip(s, sum(w[4 * r:4 * r + 4], []))]
    return bytes(s)


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def aes_cmac(key, m):
    def double(b):
        v = int.from_bytes(b, "big") << 1
        return ((v ^ (0x87 if v >> 128 else 0)) & (2**128 - 1)).to_bytes(16, "big")
    k1 = double(aes(key, bytes(16)))
    blocks = [m[i:i + 16] for i in range(0, len(m), 16)] or [b""]
    last = xor(blocks[-1], k1) if len(blocks[-1]) == 16 else xor((blocks[-1] + b"\x80").ljust(16, b"\0"), double(k1))
    x = bytes(16)
    for b in blocks[:-1] + [last]:
        x = aes(key, xor(x, b))
    return x


def aes_ctr(key, start, m):
    n, out = int.from_bytes(start, "big"), b""
    for i in range(0, len(m), 16):
        out += xor(m[i:i + 16], aes(key, (n + i // 16 & 2**128 - 1).to_bytes(16, "big")))
    return out


def aes_ccm(key, nonce, aad, m, tag):
    q = 15 - len(nonce)
    pad = lambda b: b + bytes(-len(b) % 16)
    b = bytes([(64 if aad else 0) | (tag - 2) // 2 << 3 | q - 1]) + nonce + len(m).to_bytes(q, "big")
    if aad:
        b += pad(len(aad).to_bytes(2, "big") + aad)
    b += pad(m)
    x = bytes(16)
    for i in range(0, len(b), 16):
        x = aes(key, xor(x, b[i:i + 16]))
    a0 = bytes([q - 1]) + nonce + bytes(q)
    return aes_ctr(key, a0[:-1] + b"\1", m), xor(x, aes(key, a0))[:tag]


def aes_gcm(key, nonce, aad, m):
    h = int.from_bytes(aes(key, bytes(16)), "big")

    def times(x):
        z, v = 0, h
        for i in range(127, -1, -1):
            if x >> i & 1:
                z ^= v
            v = v >> 1 ^ (0xe1 << 120 if v & 1 else 0)
        return z
    j0 = nonce + b"\0\0\0\1"
    ct = aes_ctr(key, j0[:-1] + b"\2", m)
    pad = lambda b: b + bytes(-len(b) % 16)
    y = 0
    text = pad(aad) + pad(ct) + (8 * len(aad)).to_bytes(8, "big") + (8 * len(ct)).to_bytes(8, "big")
    for i in range(0, len(text), 16):
        y = times(y ^ int.from_bytes(text[i:i + 16], "big"))
    return ct, xor(y.to_bytes(16, "big"), aes(key, j0))


# ---- RSA (RFC 8017) ----

HASH_OIDS = {"SHA-1": "1.3.14.3.2.26", "SHA-224": "2.16.840.1.101.3.4.2.4", "SHA-256": "2.16.840.1.101.3.4.2.1",
             "SHA-384": "2.16.840.1.101.3.4.2.2", "SHA-512": "2.16.840.1.101.3.4.2.3",
             "SHA-512/224": "2.16.840.1.101.3.4.2.5", "SHA-512/256": "2.16.840.1.101.3.4.2.6",
             "SHA3-224": "2.16.840.1.101.3.4.2.7", "SHA3-256": "2.16.840.1.101.3.4.2.8",
             "SHA3-384": "2.16.840.1.101.3.4.2.9", "SHA3-512": "2.16.840.1.101.3.4.2.10"}


def digest(name, m):
    if name.startswith("SHA3-"):
        return hashlib.new("sha3_" + name[5:], m).digest()
    return hashlib.new(name.replace("SHA-512/", "sha512_").replace("SHA-", "sha"), m).digest()


def _openssl(*args, text=None):
    return subprocess.run(["openssl", *args], input=text, capture_output=True, check=True).stdout


class Rsa:
    """bits: 2049 and such are made of two primes, since openssl rounds them."""

    def __init__(self, bits):
        self.e, self.pkcs8 = 65537, None
        if bits % 8:
            self.n = 0
            while self.n.bit_length() != bits:
                p, q = (int(_openssl("prime", "-generate", "-bits", str(n), "-hex"), 16) for n in (bits // 2, bits - bits // 2))
                self.n, order = p * q, (p - 1) * (q - 1)
            self.d = pow(self.e, -1, order)
        else:
            key = _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}")
            self.pkcs8 = _openssl("pkcs8", "-topk8", "-nocrypt", "-outform", "DER", text=key)
            text = _openssl("rsa", "-text", "-noout", text=key).decode()
            self.n, self.d = (int(re.sub(r"[:\s]", "", re.search(label + r":\s*((?:[0-9a-f]{2}:?\s*)+)", text).group(1)), 16)
                              for label in ("modulus", "privateExponent"))
        self.len = (bits + 7) // 8

    def spki(self, algorithm=None):
        algorithm = algorithm or der(0x30, der_oid("1.2.840.113549.1.1.1"), der(5))
        return der(0x30, algorithm, der(3, b"\0", der(0x30, der_int(self.n), der_int(self.e))))

    def raw(self, em):
        return pow(int.from_bytes(em, "big"), self.d, self.n).to_bytes(self.len, "big")

    def pkcs1(self, sha, m, null=True, info=None):
        h = digest(sha, m)
        t = info or der(0x30, der(0x30, der_oid(HASH_OIDS[sha]), der(5) if null else b""), der(4, h))
        return self.raw(b"\0\1" + b"\xff" * (self.len - len(t) - 3) + b"\0" + t)

    def pss(self, sha, mgf, salt, m, trailer=0xbc, em_bits=None):
        em_bits = em_bits or self.n.bit_length() - 1
        em_len = (em_bits + 7) // 8
        h = digest(sha, bytes(8) + digest(sha, m) + salt)
        db = bytes(em_len - len(salt) - len(h) - 2) + b"\1" + salt
        mask = b"".join(digest(mgf, h + i.to_bytes(4, "big")) for i in range(len(db) // len(digest(mgf, b"")) + 1))
        masked = bytearray(xor(db, mask))
        masked[0] &= 0xff >> 8 * em_len - em_bits
        return self.raw(bytes(masked) + h + bytes([trailer]))


def pss_algorithm(sha, mgf, salt):
    alg = lambda name: der(0x30, der_oid(HASH_OIDS[name]), der(5))
    parts = [] if sha == "SHA-1" else [der(0xa0, alg(sha))]
    parts += [] if mgf == "SHA-1" else [der(0xa1, der(0x30, der_oid("1.2.840.113549.1.1.8"), alg(mgf)))]
    parts += [] if salt == 20 else [der(0xa2, der_int(salt))]
    return der(0x30, der_oid("1.2.840.113549.1.1.10"), der(0x30, *parts))
