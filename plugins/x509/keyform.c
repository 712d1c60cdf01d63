/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys in the forms that files have (PEM; PKCS #1 of RFC 8017, SEC 1 of RFC 5915, PKCS #8 of RFC 5958, encrypted by
 * PBES2 of RFC 8018) to PKCS #8, in locked memory from the first byte to the last: a library that reads keys leaves parts of
 * them in memory it has given back.
 */
#include "base/secret.h"
#include "der.h"
#include "verify.h"

#include <gnutls/crypto.h>

enum { KEY_MAX = 65536, IV_MAX = 16, KEK_MAX = 32, HEAD_MAX = 64 };

static int base64_of(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 :
		c == '+' ? 62 : c == '/' ? 63 : -1;
}

err_t x_pem_body(slice block, struct secret *out)
{
	const uint8_t *p = memchr(block.p, '\n', block.n), *end = block.p + block.n;
	const uint8_t *stop = p ? memmem(p, (size_t)(end - p), "-----END ", 9) : NULL;
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t n = 0;

	/* With headers it is the old encryption of OpenSSL. */
	if (!stop || memchr(p, ':', (size_t)(stop - p)))
		return E_NOT_SUPPORTED;
	err_t e = secret_init(out, (size_t)(stop - p));
	for (; !e && p < stop && *p != '='; p++) {
		int v = base64_of(*p);
		if (v < 0 && !strchr(" \t\r\n", *p))
			e = E_SYNTAX;
		if (v < 0)
			continue;
		acc = acc << 6 | (uint32_t)v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out->p[n++] = (uint8_t)(acc >> bits);
		}
	}
	mem_wipe(&acc, sizeof acc);
	if (e || !n) {
		secret_fini(out);
		return e ? e : E_SYNTAX;
	}
	secret_trim(out, n);
	return 0;
}

/* ---- PKCS #1 and SEC 1 ------------------------------------------------------------------------------------------------- */

static const uint8_t alg_rsa[] = { ASN_SEQ, 13, ASN_OID, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, ASN_NULL, 0 };
static const uint8_t oid_ec[] = { ASN_OID, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1 };

/* PrivateKeyInfo around a key: version 0, algorithm, the key as OCTET STRING. */
static err_t wrapped(slice alg, slice key, struct secret *out)
{
	static const uint8_t version[] = { ASN_INT, 1, 0 };
	struct secret in = { 0 };
	err_t e = secret_init(&in, key.n + alg.n + HEAD_MAX);

	if (e)
		return e;
	struct wr w = wr_of(in.p, in.n);
	wr_bytes(&w, slice_of(version, sizeof version));
	wr_bytes(&w, alg);
	asn_put(&w, ASN_OCTETS, key);
	size_t n = wr_done(&w).n;
	e = w.err ? w.err : secret_init(out, n + HEAD_MAX);
	if (!e) {
		struct wr whole = wr_of(out->p, out->n);
		asn_put(&whole, ASN_SEQ, slice_of(in.p, n));
		n = wr_done(&whole).n;
		e = whole.err;
		if (e)
			secret_fini(out);
		else
			secret_trim(out, n);
	}
	secret_fini(&in);
	return e;
}

/* 0: it was one, and is in *out. */
static err_t from_pkcs1(slice der, struct secret *out)
{
	struct rd all = rd_of(der), r = asn_in(&all, ASN_SEQ);
	slice version = asn_int(&r, ASN_INT);

	for (int i = 0; i < 8; i++)
		(void)asn_int(&r, ASN_INT);
	if (rd_close(&r) || rd_close(&all) || version.n != 1 || version.p[0])
		return E_NOT_SUPPORTED;
	return wrapped(slice_of(alg_rsa, sizeof alg_rsa), der, out);
}

static err_t from_sec1(slice der, struct secret *out)
{
	struct rd all = rd_of(der), r = asn_in(&all, ASN_SEQ);
	slice version = asn_int(&r, ASN_INT);
	uint8_t alg[HEAD_MAX];
	struct wr w = wr_of(alg, sizeof alg), in;
	uint8_t body[HEAD_MAX - 4];

	(void)asn_next(&r, ASN_OCTETS);
	if (r.err || version.n != 1 || version.p[0] != 1 || !asn_at(&r, 0xa0))
		return E_NOT_SUPPORTED;
	struct rd params = asn_in(&r, 0xa0);
	slice curve = asn_whole(&params, ASN_OID);
	in = wr_of(body, sizeof body);
	wr_bytes(&in, slice_of(oid_ec, sizeof oid_ec));
	wr_bytes(&in, curve);
	if (rd_close(&params) || in.err)
		return E_NOT_SUPPORTED;
	asn_put(&w, ASN_SEQ, wr_done(&in));
	return w.err ? E_NOT_SUPPORTED : wrapped(wr_done(&w), der, out);
}

/* ---- PBES2 --------------------------------------------------------------------------------------------------------------- */

#define OID(s) { (const uint8_t *)(s), sizeof(s) - 1 }
static const slice pbes2 = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d"), pbkdf2 = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c");
static const struct {
	slice oid;
	gnutls_mac_algorithm_t mac;
} prfs[] = {
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x02\x07"), GNUTLS_MAC_SHA1 }, { OID("\x2a\x86\x48\x86\xf7\x0d\x02\x08"), GNUTLS_MAC_SHA224 },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x02\x09"), GNUTLS_MAC_SHA256 }, { OID("\x2a\x86\x48\x86\xf7\x0d\x02\x0a"), GNUTLS_MAC_SHA384 },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x02\x0b"), GNUTLS_MAC_SHA512 },
};
static const struct {
	slice oid;
	gnutls_cipher_algorithm_t cipher;
	uint8_t key, block;
} ciphers[] = {
	{ OID("\x60\x86\x48\x01\x65\x03\x04\x01\x02"), GNUTLS_CIPHER_AES_128_CBC, 16, 16 },
	{ OID("\x60\x86\x48\x01\x65\x03\x04\x01\x16"), GNUTLS_CIPHER_AES_192_CBC, 24, 16 },
	{ OID("\x60\x86\x48\x01\x65\x03\x04\x01\x2a"), GNUTLS_CIPHER_AES_256_CBC, 32, 16 },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x03\x07"), GNUTLS_CIPHER_3DES_CBC, 24, 8 },
};

struct pbe {
	slice salt, iv, data;
	int32_t rounds;
	size_t prf, cipher; /* rows; beyond the last: unknown */
};

/* EncryptedPrivateKeyInfo. false: it is none, or of another kind. */
static bool read_pbe(slice der, struct pbe *p)
{
	struct rd all = rd_of(der), r = asn_in(&all, ASN_SEQ), alg = asn_in(&r, ASN_SEQ);
	slice kind = asn_next(&alg, ASN_OID);
	struct rd both = asn_in(&alg, ASN_SEQ), kdf = asn_in(&both, ASN_SEQ), enc = asn_in(&both, ASN_SEQ);
	slice how = asn_next(&kdf, ASN_OID), cipher = asn_next(&enc, ASN_OID);
	struct rd k = asn_in(&kdf, ASN_SEQ);

	*p = (struct pbe){ .prf = 0 };
	p->salt = asn_next(&k, ASN_OCTETS);
	p->rounds = asn_small(&k, ASN_INT, INT32_MAX);
	if (asn_at(&k, ASN_INT))
		(void)asn_int(&k, ASN_INT);
	if (asn_at(&k, ASN_SEQ)) {
		struct rd prf = asn_in(&k, ASN_SEQ);
		slice oid = asn_next(&prf, ASN_OID);
		while (p->prf < ARRAY_LEN(prfs) && !slice_equal(oid, prfs[p->prf].oid))
			p->prf++;
	}
	p->iv = asn_next(&enc, ASN_OCTETS);
	p->data = asn_next(&r, ASN_OCTETS);
	while (p->cipher < ARRAY_LEN(ciphers) && !slice_equal(cipher, ciphers[p->cipher].oid))
		p->cipher++;
	return !rd_close(&k) && !rd_close(&enc) && !rd_close(&both) && !rd_close(&r) && !rd_close(&all) && slice_equal(kind, pbes2) &&
		slice_equal(how, pbkdf2) && p->prf < ARRAY_LEN(prfs) && p->cipher < ARRAY_LEN(ciphers) &&
		p->iv.n == ciphers[p->cipher].block && p->data.n && p->data.n % ciphers[p->cipher].block == 0 && p->rounds > 0;
}

static err_t decrypt(const struct pbe *p, const char *passphrase, struct secret *out)
{
	const gnutls_datum_t pass = { (unsigned char *)(uintptr_t)passphrase, (unsigned)strlen(passphrase) };
	const gnutls_datum_t salt = { (unsigned char *)(uintptr_t)p->salt.p, (unsigned)p->salt.n };
	uint8_t kek[KEK_MAX], iv[IV_MAX];
	gnutls_datum_t key = { kek, ciphers[p->cipher].key }, start = { iv, (unsigned)p->iv.n };
	gnutls_cipher_hd_t c = NULL;
	err_t e = secret_init(out, p->data.n);

	if (e)
		return e;
	memcpy(iv, p->iv.p, p->iv.n);
	if (gnutls_pbkdf2(prfs[p->prf].mac, &pass, &salt, (unsigned)p->rounds, kek, key.size) ||
	    gnutls_cipher_init(&c, ciphers[p->cipher].cipher, &key, &start) ||
	    gnutls_cipher_decrypt2(c, p->data.p, p->data.n, out->p, out->n))
		e = E_CRYPTO;
	if (c)
		gnutls_cipher_deinit(c);
	mem_wipe(kek, sizeof kek);
	uint8_t pad = e ? 0 : out->p[out->n - 1];
	if (!e && (!pad || pad > ciphers[p->cipher].block || out->p[0] != ASN_SEQ))
		e = E_CERT_PASSPHRASE;
	for (size_t i = 0; !e && i < pad; i++)
		e = out->p[out->n - 1 - i] == pad ? 0 : E_CERT_PASSPHRASE;
	if (e)
		secret_fini(out);
	else
		secret_trim(out, out->n - pad);
	return e;
}

err_t x_key_plain(slice der, const char *passphrase, struct secret *out)
{
	struct rd all = rd_of(der), r = asn_in(&all, ASN_SEQ);
	struct pbe p;

	if (der.n > KEY_MAX)
		return E_NOT_SUPPORTED;
	if (read_pbe(der, &p))
		return passphrase ? decrypt(&p, passphrase, out) : E_CERT_PASSPHRASE;
	/* PKCS #8 has an AlgorithmIdentifier behind its version. */
	(void)asn_int(&r, ASN_INT);
	if (asn_at(&r, ASN_SEQ))
		return secret_copy(out, der);
	err_t e = from_pkcs1(der, out);
	return e == E_NOT_SUPPORTED ? from_sec1(der, out) : e;
}
