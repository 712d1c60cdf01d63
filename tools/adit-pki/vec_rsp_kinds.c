/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the records of NIST's response files test. The kind is seen from the names a record has; the name of the file and its
 * first comments tell what no line does (the hash of SHA files, the mode of AES, PSS or not).
 */
#include "base/rdwr.h"
#include "crypto/keyfmt.h"
#include "vec_rsp.h"

#include <stdio.h>
#include <stdlib.h>

static slice bytes(struct vec_runner *r, const struct vec_record *rec, const char *key)
{
	slice s = slice_of("", 0);
	vec_get_hex(r, rec, key, &s);
	return s;
}

static int number(const struct vec_record *rec, const char *key)
{
	const char *s = vec_get(rec, key);
	return s ? atoi(s) : -1;
}

static slice cut(slice s, int n)
{
	return n >= 0 && (size_t)n < s.n ? slice_of(s.p, (size_t)n) : s;
}

/* "Result = P (0 )", "Pass", "F (3 - signature changed)" */
static enum vec_want wanted(const struct vec_record *rec)
{
	const char *s = vec_get(rec, "Result");
	return rec->fail || (s && (s[0] == 'F' || s[0] == 'f')) ? VEC_INVALID : VEC_VALID;
}

/* Does the file's name or a comment at its top have the word? */
static bool says(const struct vec_record *rec, const char *word)
{
	return strstr(rec->base, word) || strstr(rec->about, word);
}

static const char monte_carlo[] = "a Monte Carlo test: thousands of rounds on one value";

/* ---- one function per kind: false when the record is not of it ---- */

static bool gcm(struct vec_runner *r, const struct vec_record *rec, struct vec *v)
{
	if (!vec_get(rec, "IV") || !vec_get(rec, "Tag") || !vec_get(rec, "Key"))
		return false;
	slice iv = bytes(r, rec, "IV");
	v->icv = bytes(r, rec, "Tag");
	v->key = bytes(r, rec, "Key");
	v->aad = bytes(r, rec, "AAD");
	v->in = bytes(r, rec, "PT");
	v->out = bytes(r, rec, "CT");
	v->want = wanted(rec);
	v->kind = PLUG_ENCR;
	v->alg = v->icv.n == 16 ? 20 : v->icv.n == 12 ? 19 : v->icv.n == 8 ? 18 : 0;
	v->arg = (uint16_t)(8 * v->key.n);
	v->run = vec_open_aead;
	if (!v->alg)
		vec_skip(v, "ICVs of IKE and ESP have 8, 12 or 16 bytes");
	if (iv.n != 12) {
		vec_skip(v, "nonces of IKE and ESP have 12 bytes (RFC 4106)");
	} else {
		v->salt = slice_of(iv.p, 4);
		v->iv = slice_of(iv.p + 4, 8);
	}
	return true;
}

static bool ccm(struct vec_runner *r, const struct vec_record *rec, struct vec *v)
{
	if (!vec_get(rec, "Nonce") || !vec_get(rec, "CT") || !vec_get(rec, "Adata"))
		return false;
	slice ct = bytes(r, rec, "CT"), nonce = bytes(r, rec, "Nonce");
	int tag = number(rec, "Tlen");
	v->key = bytes(r, rec, "Key");
	v->aad = cut(bytes(r, rec, "Adata"), number(rec, "Alen"));
	v->in = cut(bytes(r, rec, "Payload"), number(rec, "Plen"));
	v->want = wanted(rec);
	v->kind = PLUG_ENCR;
	v->alg = tag == 16 ? 16 : tag == 12 ? 15 : tag == 8 ? 14 : 0;
	v->arg = (uint16_t)(8 * v->key.n);
	v->run = vec_open_aead;
	if (!v->alg || (size_t)tag > ct.n) {
		vec_skip(v, "ICVs of IKE and ESP have 8, 12 or 16 bytes");
	} else {
		v->out = slice_of(ct.p, ct.n - (size_t)tag);
		v->icv = slice_of(ct.p + ct.n - (size_t)tag, (size_t)tag);
	}
	if (nonce.n != 11) {
		vec_skip(v, "nonces of IKE and ESP have 11 bytes here (RFC 4309)");
	} else {
		v->salt = slice_of(nonce.p, 3);
		v->iv = slice_of(nonce.p + 3, 8);
	}
	return true;
}

static bool cbc(struct vec_runner *r, const struct vec_record *rec, struct vec *v)
{
	/* Interleaved modes have three texts. */
	if (!vec_get(rec, vec_get(rec, "PLAINTEXT1") ? "PLAINTEXT1" : "PLAINTEXT") ||
	    !vec_get(rec, vec_get(rec, "CIPHERTEXT1") ? "CIPHERTEXT1" : "CIPHERTEXT"))
		return false;
	bool tdes = vec_get(rec, "KEYs") || vec_get(rec, "KEY1");
	slice k[3] = { bytes(r, rec, vec_get(rec, "KEYs") ? "KEYs" : "KEY1"), bytes(r, rec, "KEY2"), bytes(r, rec, "KEY3") };
	if (vec_get(rec, "KEYs"))
		k[1] = k[2] = k[0];
	v->key = tdes ? vec_join(r, k, 3) : bytes(r, rec, "KEY");
	v->iv = bytes(r, rec, "IV");
	v->in = bytes(r, rec, "PLAINTEXT");
	v->out = bytes(r, rec, "CIPHERTEXT");
	v->icv = slice_of("", 0);
	v->kind = PLUG_ENCR;
	v->alg = tdes ? 3 : 12;
	v->arg = tdes ? 192 : (uint16_t)(8 * v->key.n);
	v->run = vec_crypt_cbc;
	if (!says(rec, "CBC") || says(rec, "CBCI") || vec_get(rec, "IV2"))
		vec_skip(v, "a mode that IKE and ESP do not have");
	if (says(rec, "MCT") || says(rec, "Monte"))
		vec_skip(v, monte_carlo);
	return true;
}

static bool cmac(struct vec_runner *r, const struct vec_record *rec, struct vec *v)
{
	if (!vec_get(rec, "Mac") || !vec_get(rec, "Klen") || !vec_get(rec, "Msg"))
		return false;
	v->want = wanted(rec);
	v->out = cut(bytes(r, rec, "Mac"), number(rec, "Tlen"));
	v->kind = PLUG_PRF;
	v->run = vec_mac;
	if (vec_get(rec, "L")) { /* HMAC */
		int l = number(rec, "L");
		v->key = cut(bytes(r, rec, "Key"), number(rec, "Klen"));
		v->in = bytes(r, rec, "Msg");
		v->alg = l == 20 ? 2 : l == 32 ? 5 : l == 48 ? 6 : l == 64 ? 7 : 0;
		if (l == 28) {
			v->kind = PLUG_HASH;
			v->alg = PLUG_HASH_SHA224;
			v->cut = 64;
			v->run = vec_hmac_of_hash;
		}
		if (!v->alg)
			vec_skip(v, "a hash of which IKE has no PRF");
		return true;
	}
	v->key = bytes(r, rec, "Key");
	v->in = number(rec, "Mlen") == 0 ? slice_of("", 0) : cut(bytes(r, rec, "Msg"), number(rec, "Mlen"));
	v->alg = 8;
	if (v->key.n != 16 || vec_get(rec, "Key1"))
		vec_skip(v, "AES-CMAC of IKE and ESP has keys of 128 bits (RFC 4494, 4615)");
	return true;
}

/* The hash that the name of the file begins with ("SHA512_256ShortMsg.rsp"), or ends with ("rfc-2202-md5.txt"). */
static uint16_t hash_of_name(const char *base)
{
	static const char *const ends[] = { ".", "Short", "Long", "Variable", "Monte" };
	const char *dash = strrchr(base, '-');
	size_t n = strlen(base);
	char name[32];
	if (dash)
		base = dash + 1;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		const char *end = strstr(base, ends[i]);
		n = end && (size_t)(end - base) < n ? (size_t)(end - base) : n;
	}
	snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : 0), base);
	return vec_hash(name);
}

static bool sha(struct vec_runner *r, const struct vec_record *rec, struct vec *v)
{
	const char *md = vec_get(rec, "MD") ? "MD" : "Output";
	if (!vec_get(rec, md))
		return false;
	v->kind = PLUG_HASH;
	v->alg = hash_of_name(rec->base);
	v->in = number(rec, "Len") == 0 ? slice_of("", 0) : bytes(r, rec, "Msg");
	v->out = bytes(r, rec, md);
	v->run = vec_digest;
	if (says(rec, "Monte") || !vec_get(rec, "Msg"))
		vec_skip(v, monte_carlo);
	if (!v->alg)
		vec_skip(v, "a hash that nothing of IKE uses");
	if (number(rec, "Len") % 8 > 0)
		vec_skip(v, "a message that does not end with a byte");
	if (vec_get(rec, "Key")) { /* HMAC as RFC 2202 and RFC 4231 test it */
		v->key = bytes(r, rec, "Key");
		v->cut = vec_hash_block(v->alg);
		v->run = vec_hmac_of_hash;
	}
	return true;
}

/* DER of a public key out of its numbers. */
static slice der_wrap(struct vec_runner *r, uint8_t tag, slice s)
{
	uint8_t *p = vec_mem(r, s.n + 6);
	struct wr w = wr_of(p, s.n + 6);
	wr_u8(&w, tag);
	if (s.n >= 0x100) {
		wr_u8(&w, 0x82);
		wr_u16(&w, (uint16_t)s.n);
	} else {
		if (s.n >= 0x80)
			wr_u8(&w, 0x81);
		wr_u8(&w, (uint8_t)s.n);
	}
	wr_bytes(&w, s);
	return wr_done(&w);
}

static slice der_positive(struct vec_runner *r, slice n)
{
	while (n.n > 1 && !n.p[0])
		n = slice_of(n.p + 1, n.n - 1);
	const slice v[] = { slice_of("", n.n && n.p[0] & 0x80 ? 1 : 0), n };
	return der_wrap(r, DER_INT, vec_join(r, v, 2));
}

static slice spki(struct vec_runner *r, slice algorithm, slice key)
{
	const slice bits[] = { slice_of("", 1), key };
	const slice both[] = { algorithm, der_wrap(r, DER_BITS, vec_join(r, bits, 2)) };
	return der_wrap(r, DER_SEQ, vec_join(r, both, 2));
}

static bool rsa(struct vec_runner *r, const struct vec_record *rec, struct vec *v)
{
	static const char algorithm[] = "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
	if (!vec_get(rec, "SHAAlg") || !vec_get(rec, "S") || !vec_get(rec, "n") || !vec_get(rec, "e"))
		return false;
	const slice numbers[] = { der_positive(r, bytes(r, rec, "n")), der_positive(r, bytes(r, rec, "e")) };
	bool pss = says(rec, "PSS");
	const char *salt = strstr(rec->about, "Salt len:");
	v->key = spki(r, SLICE_LIT(algorithm), der_wrap(r, DER_SEQ, vec_join(r, numbers, 2)));
	v->in = bytes(r, rec, "Msg");
	v->out = bytes(r, rec, "S");
	/* NIST writes numbers without the zeros a signature has before it. */
	v->out = vec_number(r, v->out, (size_t)(number(rec, "mod") > 0 ? number(rec, "mod") / 8 : (int)v->out.n));
	v->how.hash = v->how.mgf_hash = vec_hash(vec_get(rec, "SHAAlg"));
	v->how.salt_len = (uint16_t)(vec_get(rec, "SaltVal") ? bytes(r, rec, "SaltVal").n :
		salt ? strtoul(salt + strlen("Salt len:"), NULL, 10) : 0);
	v->want = wanted(rec);
	v->kind = PLUG_SIGN;
	v->alg = pss ? PLUG_SIGN_RSA_PSS : PLUG_SIGN_RSA_PKCS1;
	v->run = vec_verify;
	if (says(rec, "931") || says(rec, "X9.31"))
		vec_skip(v, "X9.31 signatures, which IKE does not have");
	if (!v->how.hash)
		vec_skip(v, "a hash that no signature of IKE has");
	return true;
}

static bool ecdsa(struct vec_runner *r, const struct vec_record *rec, struct vec *v)
{
	static const struct {
		uint16_t group;
		slice algorithm;
	} curves[] = {
		{ 19, KEYFMT_OID("\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07") },
		{ 20, KEYFMT_OID("\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22") },
		{ 21, KEYFMT_OID("\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23") },
		{ 25, KEYFMT_OID("\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x01") },
		{ 26, KEYFMT_OID("\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x21") },
	};
	uint16_t len = 0;
	if (!vec_get(rec, "Qx") || !vec_get(rec, "R") || !vec_get(rec, "S"))
		return false;
	v->alg = PLUG_SIGN_ECDSA_RAW;
	v->arg = vec_curve(vec_get(rec, "curve"), &len);
	v->how.hash = vec_hash(vec_get(rec, "hash"));
	v->kind = PLUG_SIGN;
	v->want = wanted(rec);
	v->in = bytes(r, rec, "Msg");
	v->run = vec_verify;
	if (!v->arg || !v->how.hash) {
		vec_skip(v, "a curve or hash that IKE does not have");
		return true;
	}
	const slice q[] = { slice_of("\x04", 1), vec_number(r, bytes(r, rec, "Qx"), len), vec_number(r, bytes(r, rec, "Qy"), len) };
	const slice rs[] = { vec_number(r, bytes(r, rec, "R"), len), vec_number(r, bytes(r, rec, "S"), len) };
	for (size_t i = 0; i < ARRAY_LEN(curves); i++)
		if (curves[i].group == v->arg)
			v->key = spki(r, curves[i].algorithm, vec_join(r, q, 3));
	v->out = vec_join(r, rs, 2);
	return true;
}

/* x and y of a point as a KE payload has them; not set when one is too long. */
static void point(struct vec_runner *r, const struct vec_record *rec, const char *x, const char *y, uint16_t len, struct vec *v)
{
	const slice q[] = { vec_number(r, bytes(r, rec, x), len), vec_number(r, bytes(r, rec, y), len) };
	if (q[0].n == len && q[1].n == len)
		v->in = vec_join(r, q, 2);
	else
		v->run = vec_kex_refused;
}

/* Key exchange; validation of public keys (PKV), pairs of keys (KeyPair). */
static bool ecdh(struct vec_runner *r, const struct vec_record *rec, struct vec *v)
{
	static const struct {
		const char *x, *y, *own, *out;
		vec_run_fn *run;
	} forms[] = { { "QCAVSx", "QCAVSy", "dIUT", "ZIUT", vec_kex }, { "x_qB", "y_qB", "dA", "x_Z", vec_kex },
		{ "Qx", "Qy", "d", NULL, vec_mlkem_keys }, { "Qx", "Qy", NULL, NULL, vec_kex_answer } };
	uint16_t len = 0;
	size_t f = 0;
	for (; f < ARRAY_LEN(forms); f++)
		if (vec_get(rec, forms[f].x) && (!forms[f].own || vec_get(rec, forms[f].own)) &&
		    (!forms[f].out || vec_get(rec, forms[f].out)) && (forms[f].own || vec_get(rec, "Result")))
			break;
	if (f == ARRAY_LEN(forms))
		return false;
	v->kind = PLUG_KEX;
	v->alg = vec_curve(vec_get(rec, "curve"), &len);
	v->run = forms[f].run;
	v->want = wanted(rec);
	if (!v->alg) {
		vec_skip(v, "not a curve of IKE");
		return true;
	}
	point(r, rec, forms[f].x, forms[f].y, len, v);
	v->key = forms[f].own ? vec_number(r, bytes(r, rec, forms[f].own), len) : SLICE_NONE;
	v->out = forms[f].out ? vec_number(r, bytes(r, rec, forms[f].out), len) : SLICE_NONE;
	return true;
}

bool vec_rsp_record(struct vec_runner *r, const struct vec_record *rec)
{
	static bool (*const kinds[])(struct vec_runner *, const struct vec_record *, struct vec *) = { gcm, ccm, cbc, cmac, sha,
		rsa, ecdsa, ecdh };
	const char *count = vec_get(rec, "COUNT") ? vec_get(rec, "COUNT") : vec_get(rec, "Count");
	char id[64];

	if (count)
		snprintf(id, sizeof id, "%s", count);
	else
		snprintf(id, sizeof id, "%u in the file", r->tests + 1);
	if (vec_kdf(r, rec, id))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct vec v = { .want = VEC_VALID };
		memcpy(v.id, id, sizeof id);
		if (kinds[i](r, rec, &v)) {
			vec_run(r, &v);
			return true;
		}
	}
	return false;
}
