# SPDX-License-Identifier: Apache-2.0
"""ML-KEM (FIPS 203) for the tests, as the standard writes it."""
import hashlib

Q, N = 3329, 256
SETS = {"ML-KEM-512": (2, 3, 10, 4), "ML-KEM-768": (3, 2, 10, 4), "ML-KEM-1024": (4, 2, 11, 5)}
ZETA = [pow(17, int(f"{i:07b}"[::-1], 2), Q) for i in range(128)]
GAMMA = [pow(17, 2 * int(f"{i:07b}"[::-1], 2) + 1, Q) for i in range(128)]


def bits_of(b):
    return [b[i // 8] >> i % 8 & 1 for i in range(8 * len(b))]


def encode(f, d):
    v = sum(x << d * i for i, x in enumerate(f))
    return v.to_bytes(32 * d, "little")


def decode(b, d):
    v = int.from_bytes(b, "little")
    return [(v >> d * i) & (1 << d) - 1 for i in range(N)]


def compress(f, d):
    return [((x << d) + Q // 2) // Q % (1 << d) for x in f]


def decompress(f, d):
    return [(x * Q + (1 << d - 1)) >> d for x in f]


def sample_ntt(seed):
    out, stream = [], hashlib.shake_128(seed).digest(3 * 700)
    for i in range(0, len(stream), 3):
        a, b, c = stream[i:i + 3]
        for x in (a + 256 * (b % 16), b // 16 + 16 * c):
            if x < Q and len(out) < N:
                out.append(x)
    return out


def cbd(seed, n, eta):
    b = bits_of(hashlib.shake_256(seed + bytes([n])).digest(64 * eta))
    return [(sum(b[2 * i * eta:2 * i * eta + eta]) - sum(b[2 * i * eta + eta:2 * i * eta + 2 * eta])) % Q for i in range(N)]


def ntt(f):
    f, i, size = list(f), 1, 128
    while size >= 2:
        for start in range(0, N, 2 * size):
            z = ZETA[i]
            i += 1
            for j in range(start, start + size):
                t = z * f[j + size] % Q
                f[j + size], f[j] = (f[j] - t) % Q, (f[j] + t) % Q
        size //= 2
    return f


def ntt_back(f):
    f, i, size = list(f), 127, 2
    while size <= 128:
        for start in range(0, N, 2 * size):
            z = ZETA[i]
            i -= 1
            for j in range(start, start + size):
                t = f[j]
                f[j], f[j + size] = (t + f[j + size]) % Q, z * (f[j + size] - t) % Q
        size *= 2
    return [x * 3303 % Q for x in f]


def times(f, g):
    out = []
    for i in range(128):
        a, b, c, d = f[2 * i], f[2 * i + 1], g[2 * i], g[2 * i + 1]
        out += [(a * c + b * d * GAMMA[i]) % Q, (a * d + b * c) % Q]
    return out


def add(f, g):
    return [(x + y) % Q for x, y in zip(f, g)]


def dot(u, v):
    total = [0] * N
    for f, g in zip(u, v):
        total = add(total, times(f, g))
    return total


def matrix(rho, k):
    return [[sample_ntt(rho + bytes([j, i])) for j in range(k)] for i in range(k)]


def keys(name, seed):
    k, eta, _, _ = SETS[name]
    d, z = seed[:32], seed[32:]
    g = hashlib.sha3_512(d + bytes([k])).digest()
    rho, sigma = g[:32], g[32:]
    a = matrix(rho, k)
    s = [ntt(cbd(sigma, i, eta)) for i in range(k)]
    e = [ntt(cbd(sigma, k + i, eta)) for i in range(k)]
    ek = b"".join(encode(add(dot(a[i], s), e[i]), 12) for i in range(k)) + rho
    dk = b"".join(encode(f, 12) for f in s) + ek + hashlib.sha3_256(ek).digest() + z
    return ek, dk


def encrypt(name, ek, m, r):
    k, eta, du, dv = SETS[name]
    t = [decode(ek[384 * i:384 * i + 384], 12) for i in range(k)]
    a = matrix(ek[384 * k:], k)
    y = [ntt(cbd(r, i, eta)) for i in range(k)]
    e1 = [cbd(r, k + i, 2) for i in range(k)]
    u = [add(ntt_back(dot([a[j][i] for j in range(k)], y)), e1[i]) for i in range(k)]
    v = add(add(ntt_back(dot(t, y)), cbd(r, 2 * k, 2)), decompress(decode(m, 1), 1))
    return b"".join(encode(compress(f, du), du) for f in u) + encode(compress(v, dv), dv)


def encaps(name, ek, m):
    g = hashlib.sha3_512(m + hashlib.sha3_256(ek).digest()).digest()
    return g[:32], encrypt(name, ek, m, g[32:])


def decaps(name, dk, c):
    k, _, du, dv = SETS[name]
    s = [decode(dk[384 * i:384 * i + 384], 12) for i in range(k)]
    ek, h, z = dk[384 * k:768 * k + 32], dk[768 * k + 32:768 * k + 64], dk[768 * k + 64:]
    u = [decompress(decode(c[32 * du * i:32 * du * (i + 1)], du), du) for i in range(k)]
    v = decompress(decode(c[32 * du * k:], dv), dv)
    w = ntt_back(dot(s, [ntt(f) for f in u]))
    m = encode(compress([(x - y) % Q for x, y in zip(v, w)], 1), 1)
    g = hashlib.sha3_512(m + h).digest()
    return g[:32] if encrypt(name, ek, m, g[32:]) == c else hashlib.shake_256(z + c).digest(32)
