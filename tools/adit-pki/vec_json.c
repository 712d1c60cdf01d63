/* SPDX-License-Identifier: Apache-2.0 */
/* Project Wycheproof's JSON: one row of a table per type of test group. */
#include "crypto/keyfmt.h"
#include "vec.h"

#include <stdio.h>
#include <stdlib.h>

struct job {
	struct vec_runner *r;
	const char *algorithm;
	const json_t *g, *t; /* group, test */
	struct vec v;
};

static const char *str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static int num(const json_t *o, const char *key)
{
	return (int)json_integer_value(json_object_get(o, key));
}

/* Hex of the test; empty and not NULL when absent. */
static slice hex(struct job *j, const char *key)
{
	slice s = slice_of("", 0);
	const char *text = str(j->t, key);
	if (text && !vec_hex(j->r, text, &s))
		vec_skip(&j->v, "its bytes are not hex");
	return s;
}

static void ask(struct job *j, uint16_t kind, uint16_t alg, uint16_t arg, vec_run_fn *run)
{
	j->v.kind = kind;
	j->v.alg = alg;
	j->v.arg = arg;
	j->v.run = run;
	vec_run(j->r, &j->v);
}

/* ---- encryption ---- */

static void aead(struct job *j)
{
	static const struct {
		const char *name;
		uint16_t iv_bits, salt;
		uint16_t id[3]; /* ICV of 128, 96, 64 bits */
	} algs[] = { { "AES-GCM", 96, 4, { 20, 19, 18 } }, { "AES-CCM", 88, 3, { 16, 15, 14 } },
		{ "CHACHA20-POLY1305", 96, 4, { 28, 0, 0 } } };
	struct vec *v = &j->v;
	int bits = num(j->g, "keySize"), tag = num(j->g, "tagSize"), iv_bits = num(j->g, "ivSize");
	slice iv = hex(j, "iv");
	uint16_t id = 0;

	v->key = hex(j, "key");
	v->aad = hex(j, "aad");
	v->in = hex(j, "msg");
	v->out = hex(j, "ct");
	v->icv = hex(j, "tag");
	for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
		if (strcmp(j->algorithm, algs[i].name) != 0)
			continue;
		id = algs[i].id[tag == 128 ? 0 : tag == 96 ? 1 : 2];
		if (iv_bits != algs[i].iv_bits || iv.n * 8 != algs[i].iv_bits)
			vec_skip(v, algs[i].salt == 3 ? "nonces of IKE and ESP have 11 bytes here (RFC 4309)" :
				"nonces of IKE and ESP have 12 bytes (RFC 4106, 7634)");
		else {
			v->salt = slice_of(iv.p, algs[i].salt);
			v->iv = slice_of(iv.p + algs[i].salt, iv.n - algs[i].salt);
		}
		if (!id || (tag != 128 && tag != 96 && tag != 64))
			vec_skip(v, "ICVs of IKE and ESP have 8, 12 or 16 bytes");
		if (bits != 128 && bits != 192 && bits != 256)
			vec_skip(v, "keys of AES have 128, 192 or 256 bits");
	}
	if (!id)
		vec_skip(v, "not an encryption algorithm of IKE or ESP");
	/* A tag of another length than the group's is never asked of the library: the length is the algorithm's. */
	ask(j, PLUG_ENCR, id, (uint16_t)bits, vec_open_aead);
}

/* IKE and ESP have padding of their own: valid tests are done with the padding of PKCS #5 put on by us. */
static void cbc(struct job *j)
{
	struct vec *v = &j->v;
	slice msg = hex(j, "msg");
	uint8_t pad[16];
	uint8_t n = (uint8_t)(16 - msg.n % 16);
	memset(pad, n, sizeof pad);
	const slice both[] = { msg, slice_of(pad, n) };

	const bool camellia = strcmp(j->algorithm, "CAMELLIA-CBC-PKCS5") == 0;
	if (!camellia && strcmp(j->algorithm, "AES-CBC-PKCS5") != 0)
		vec_skip(v, "not an encryption algorithm of IKE or ESP");
	if (v->want != VEC_VALID)
		vec_skip(v, "tests of PKCS #5 padding, which IKE and ESP do not have (RFC 7296 section 3.14)");
	v->key = hex(j, "key");
	v->iv = hex(j, "iv");
	v->in = vec_join(j->r, both, 2);
	v->out = hex(j, "ct");
	v->icv = slice_of("", 0);
	ask(j, PLUG_ENCR, camellia ? 23 : 12, (uint16_t)num(j->g, "keySize"), vec_crypt_cbc);
}

/* GMAC is GCM with all of the message as associated data. */
static void gmac(struct job *j)
{
	struct vec *v = &j->v;
	slice iv = hex(j, "iv");
	v->key = hex(j, "key");
	v->aad = hex(j, "msg");
	v->in = v->out = slice_of("", 0);
	v->icv = hex(j, "tag");
	if (strcmp(j->algorithm, "AES-GMAC") != 0)
		vec_skip(v, "not a MAC of IKE or ESP");
	else if (iv.n != 12)
		vec_skip(v, "nonces of IKE and ESP have 12 bytes (RFC 4543)");
	else if (num(j->g, "tagSize") != 128)
		vec_skip(v, "the ICV of GMAC has 16 bytes (RFC 4543)");
	else {
		v->salt = slice_of(iv.p, 4);
		v->iv = slice_of(iv.p + 4, 8);
	}
	ask(j, PLUG_ENCR, 20, (uint16_t)num(j->g, "keySize"), vec_open_aead);
}

/* ---- MACs ---- */

static void cmac(struct job *j)
{
	int bits = num(j->g, "keySize");
	if (bits == 192 || bits == 256) {
		vec_skip(&j->v, "AES-CMAC of IKE and ESP has keys of 128 bits (RFC 4494, 4615)");
		ask(j, PLUG_PRF, 8, 0, vec_mac);
	} else if (j->v.key.n == 16) {
		ask(j, PLUG_PRF, 8, 0, vec_mac);
	} else {
		ask(j, PLUG_INTEG, 8, 0, vec_mac_key_refused);
	}
}

static void mac(struct job *j)
{
	static const struct {
		uint16_t hash, prf;
	} prfs[] = { { PLUG_HASH_SHA1, 2 }, { PLUG_HASH_SHA256, 5 }, { PLUG_HASH_SHA384, 6 }, { PLUG_HASH_SHA512, 7 },
		{ PLUG_HASH_MD5, 1 } };
	struct vec *v = &j->v;
	v->key = hex(j, "key");
	v->in = hex(j, "msg");
	v->out = hex(j, "tag");
	if (v->out.n * 8 != (size_t)num(j->g, "tagSize")) {
		/* A tag of another length is no tag: IKE compares lengths first. */
		ask(j, PLUG_PRF, 5, 0, vec_kex_refused);
		return;
	}
	if (strcmp(j->algorithm, "AES-CMAC") == 0) {
		cmac(j);
		return;
	}
	uint16_t hash = strncmp(j->algorithm, "HMAC", 4) == 0 ? vec_hash(j->algorithm + 4) : 0;
	if (!hash)
		vec_skip(v, "not a MAC of IKE or ESP");
	for (size_t i = 0; i < ARRAY_LEN(prfs); i++)
		if (hash == prfs[i].hash) {
			ask(j, PLUG_PRF, prfs[i].prf, 0, vec_mac);
			return;
		}
	v->cut = vec_hash_block(hash);
	ask(j, PLUG_HASH, hash, 0, vec_hmac_of_hash);
}

static void hkdf(struct job *j)
{
	struct vec *v = &j->v;
	const char *of = strncmp(j->algorithm, "HKDF-", 5) == 0 ? j->algorithm + 5 : NULL;
	uint16_t hash = vec_hash(of);
	uint16_t prf = hash == PLUG_HASH_SHA1 ? 2 : hash >= PLUG_HASH_SHA256 && hash <= PLUG_HASH_SHA512 ? hash + 3 : 0;
	v->key = hex(j, "ikm");
	v->salt = hex(j, "salt");
	v->aad = hex(j, "info");
	v->out = hex(j, "okm");
	v->cut = (uint32_t)num(j->t, "size");
	if (!prf)
		vec_skip(v, "HKDF here is prf+ of IKE's PRFs");
	ask(j, PLUG_PRF, prf, 0, vec_hkdf);
}

/* ---- key exchange ---- */

static bool jwk(struct job *j, const json_t *key, const char *part, slice *out)
{
	return vec_base64(j->r, str(key, part), out);
}

static void xdh(struct job *j)
{
	const char *curve = str(j->g, "curve"), *type = str(j->g, "type");
	const json_t *pub = json_object_get(j->t, "public"), *priv = json_object_get(j->t, "private");
	bool is448 = curve && strstr(curve, "448");
	uint8_t want_type = is448 ? KEYFMT_X448 : KEYFMT_X25519;
	struct vec *v = &j->v;
	struct keyfmt k;
	bool ok = true;

	v->out = hex(j, "shared");
	if (json_is_object(pub)) {
		const char *crv = str(pub, "crv"), *own = str(priv, "crv");
		ok = jwk(j, pub, "x", &v->in) && jwk(j, priv, "d", &v->key) && crv && own && strcmp(crv, own) == 0 &&
			strcmp(crv, is448 ? "X448" : "X25519") == 0;
	} else if (strcmp(type, "XdhComp") == 0) {
		v->in = hex(j, "public");
		v->key = hex(j, "private");
	} else {
		slice spki = SLICE_NONE, pkcs8 = SLICE_NONE;
		bool pem = strstr(type, "Pem") != NULL;
		ok = pem ? vec_base64(j->r, str(j->t, "public"), &spki) && vec_base64(j->r, str(j->t, "private"), &pkcs8) :
			vec_hex(j->r, str(j->t, "public"), &spki) && vec_hex(j->r, str(j->t, "private"), &pkcs8);
		ok = ok && keyfmt_public(spki, &k) == 0 && k.type == want_type;
		if (ok)
			v->in = k.point;
		ok = ok && keyfmt_private(pkcs8, &k) == 0 && k.type == want_type;
		if (ok)
			v->key = k.priv;
	}
	/* RFC 8031 section 3: a secret of zeros is refused whatever the file thinks of it. */
	bool zero = v->out.n > 0;
	for (size_t i = 0; i < v->out.n; i++)
		zero = zero && !v->out.p[i];
	if (zero)
		v->want = VEC_INVALID;
	ask(j, PLUG_KEX, is448 ? 32 : 31, 0, ok ? vec_kex : vec_kex_refused);
}

static bool is_compressed(slice point)
{
	return point.n && (point.p[0] == 2 || point.p[0] == 3);
}

/* The point behind the header of an otherwise readable SubjectPublicKeyInfo. */
static bool spki_compressed(slice spki)
{
	struct rd all = rd_of(spki), r = rd_of(der_next(&all, DER_SEQ));
	der_next(&r, DER_SEQ);
	slice bits = der_next(&r, DER_BITS);
	return !r.err && bits.n > 1 && is_compressed(slice_of(bits.p + 1, bits.n - 1));
}

static bool ecdh_public(struct job *j, uint16_t group, uint16_t len)
{
	const json_t *pub = json_object_get(j->t, "public");
	const char *encoding = str(j->g, "encoding");
	struct vec *v = &j->v;
	struct keyfmt k;
	slice s;

	if (json_is_object(pub)) {
		slice xy[2];
		uint16_t n;
		if (vec_curve(str(pub, "crv"), &n) != group || !jwk(j, pub, "x", &xy[0]) || !jwk(j, pub, "y", &xy[1]) ||
		    xy[0].n != len || xy[1].n != len)
			return false;
		v->in = vec_join(j->r, xy, 2);
		return true;
	}
	bool pem = json_is_string(pub) && strncmp(json_string_value(pub), "-----", 5) == 0;
	if (!(pem ? vec_base64(j->r, json_string_value(pub), &s) : vec_hex(j->r, json_string_value(pub), &s)))
		return false;
	if (encoding && strcmp(encoding, "ecpoint") == 0) {
		if (is_compressed(s) && v->want == VEC_VALID)
			vec_skip(v, "compressed points: KE payloads of IKE have none (RFC 5903)");
		v->in = slice_of(s.p + 1, s.n ? s.n - 1 : 0);
		return s.n == 2u * len + 1u && s.p[0] == 4;
	}
	if (v->want == VEC_VALID && spki_compressed(s))
		vec_skip(v, "compressed points: KE payloads of IKE have none (RFC 5903)");
	err_t e = keyfmt_public(s, &k);
	v->in = k.point;
	return !e && k.type == KEYFMT_EC && k.group == group;
}

static bool ecdh_private(struct job *j, uint16_t group, uint16_t len)
{
	const json_t *priv = json_object_get(j->t, "private");
	struct vec *v = &j->v;
	struct keyfmt k;
	slice s;

	if (json_is_object(priv)) {
		if (!jwk(j, priv, "d", &s))
			return false;
	} else if (!json_is_string(priv)) {
		return false;
	} else if (strncmp(json_string_value(priv), "-----", 5) == 0) {
		if (!vec_base64(j->r, json_string_value(priv), &s) || keyfmt_private(s, &k) || k.group != group)
			return false;
		s = k.priv;
	} else if (!vec_hex(j->r, json_string_value(priv), &s)) {
		return false;
	}
	v->key = vec_number(j->r, s, len);
	return v->key.n == len;
}

/* A group that does not name its curve: that of the private key. */
static uint16_t curve_of_key(struct job *j, uint16_t *len)
{
	const char *text = str(j->t, "private");
	struct keyfmt k;
	slice s;
	if (!text || strncmp(text, "-----", 5) != 0 || !vec_base64(j->r, text, &s) || keyfmt_private(s, &k))
		return 0;
	*len = k.len;
	return k.group;
}

static void ecdh(struct job *j)
{
	const char *curve = str(j->g, "curve");
	uint16_t len = 0, group = curve ? vec_curve(curve, &len) : curve_of_key(j, &len);
	j->v.out = hex(j, "shared");
	if (!group) {
		vec_skip(&j->v, "not a curve of IKE");
		ask(j, PLUG_KEX, 0, 0, vec_kex_refused);
		return;
	}
	bool ok = ecdh_public(j, group, len) && ecdh_private(j, group, len);
	ask(j, PLUG_KEX, group, 0, ok ? vec_kex : vec_kex_refused);
}

/* ---- signatures ---- */

static void sign_start(struct job *j)
{
	struct vec *v = &j->v;
	const char *der = str(j->g, "publicKeyDer"), *sha = str(j->g, "sha");
	if (!der)
		der = str(j->g, "keyDer"); /* files of the first form */
	if (!der || !vec_hex(j->r, der, &v->key))
		vec_skip(v, "the group has no public key in DER");
	v->in = hex(j, "msg");
	v->out = hex(j, "sig");
	v->how.hash = vec_hash(sha);
	if (sha && !v->how.hash)
		vec_skip(v, "a hash that no signature of IKE has");
}

/* What the group says of its public key; files of the first form call it "key". NULL: nothing. */
static const json_t *group_key(const struct job *j)
{
	const json_t *key = json_object_get(j->g, "publicKey");
	return key ? key : json_object_get(j->g, "key");
}

static void ecdsa(struct job *j)
{
	const json_t *key = group_key(j);
	const char *curve = key ? str(key, "curve") : NULL;
	const char *type = str(j->g, "type");
	uint16_t len, group = vec_curve(curve, &len);
	struct keyfmt k;
	sign_start(j);
	if (!curve && !j->v.skip && keyfmt_public(j->v.key, &k) == 0)
		group = k.group;
	if (!group)
		vec_skip(&j->v, "not a curve of IKE");
	if (strstr(type, "Bitcoin"))
		vec_skip(&j->v, "Bitcoin's rules for signatures");
	ask(j, PLUG_SIGN, strstr(type, "P1363") ? PLUG_SIGN_ECDSA_RAW : PLUG_SIGN_ECDSA, group, vec_verify);
}

static void eddsa(struct job *j)
{
	const json_t *key = group_key(j);
	const char *curve = key ? str(key, "curve") : NULL;
	sign_start(j);
	ask(j, PLUG_SIGN, curve && strstr(curve, "448") ? PLUG_SIGN_ED448 : PLUG_SIGN_ED25519, 0, vec_verify);
}

static void rsa_pkcs1(struct job *j)
{
	sign_start(j);
	ask(j, PLUG_SIGN, PLUG_SIGN_RSA_PKCS1, 0, vec_verify);
}

static void rsa_generate(struct job *j)
{
	const char *pkcs8 = str(j->g, "privateKeyPkcs8");
	struct vec *v = &j->v;
	v->in = hex(j, "msg");
	v->out = hex(j, "sig");
	v->how.hash = vec_hash(str(j->g, "sha"));
	if (!pkcs8 || !vec_hex(j->r, pkcs8, &v->key))
		vec_skip(v, "the group has no private key in PKCS #8");
	if (!v->how.hash)
		vec_skip(v, "a hash that no signature of IKE has");
	ask(j, PLUG_SIGN, PLUG_SIGN_RSA_PKCS1, 0, vec_sign);
}

static void rsa_pss(struct job *j)
{
	const char *mgf = str(j->g, "mgf");
	sign_start(j);
	j->v.how.mgf_hash = vec_hash(str(j->g, "mgfSha"));
	j->v.how.salt_len = (uint16_t)num(j->g, "sLen");
	if ((mgf && strcmp(mgf, "MGF1") != 0) || !j->v.how.mgf_hash)
		vec_skip(&j->v, "a mask generation function that no signature of IKE has");
	ask(j, PLUG_SIGN, PLUG_SIGN_RSA_PSS, 0, vec_verify);
}

/* ---- ML-KEM ---- */

static uint16_t mlkem_id(struct job *j)
{
	const char *set = str(j->g, "parameterSet");
	uint16_t id = !set ? 0 : strstr(set, "1024") ? 37 : strstr(set, "768") ? 36 : strstr(set, "512") ? 35 : 0;
	if (!id)
		vec_skip(&j->v, "an unknown parameter set");
	return id;
}

static void mlkem_keys(struct job *j)
{
	struct vec *v = &j->v;
	uint16_t id = mlkem_id(j);
	v->key = hex(j, "seed");
	v->in = hex(j, "ek");
	v->out = hex(j, "dk");
	if (json_object_get(j->t, "c")) {
		v->icv = hex(j, "c");
		v->salt = hex(j, "K");
	}
	ask(j, PLUG_KEX, id, 0, vec_mlkem_keys);
}

static void mlkem_encaps(struct job *j)
{
	struct vec *v = &j->v;
	uint16_t id = mlkem_id(j);
	v->key = hex(j, "ek");
	v->iv = hex(j, "m");
	v->in = hex(j, "c");
	v->out = hex(j, "K");
	ask(j, PLUG_KEX, id, 0, vec_mlkem_encaps);
}

static void mlkem_decaps(struct job *j)
{
	struct vec *v = &j->v;
	uint16_t id = mlkem_id(j);
	v->key = hex(j, "dk");
	v->in = hex(j, "c");
	v->out = hex(j, "K");
	ask(j, PLUG_KEX, id, 0, vec_mlkem_decaps);
}

static const struct {
	const char *type; /* start of the group's type */
	void (*f)(struct job *j);
} types[] = {
	{ "AeadTest", aead }, { "IndCpaTest", cbc }, { "MacWithIvTest", gmac }, { "MacTest", mac }, { "HkdfTest", hkdf },
	{ "Xdh", xdh }, { "Ecdh", ecdh }, { "Ecdsa", ecdsa }, { "Eddsa", eddsa }, { "EDDSA", eddsa },
	{ "RsassaPkcs1Verify", rsa_pkcs1 }, { "RsassaPkcs1Generate", rsa_generate }, { "RsassaPss", rsa_pss },
	{ "MLKEMTest", mlkem_keys }, { "MLKEMKeyGen", mlkem_keys }, { "MLKEMEncaps", mlkem_encaps },
	{ "MLKEMDecaps", mlkem_decaps },
};

static void run_group(struct vec_runner *r, const char *algorithm, const json_t *g)
{
	const char *type = str(g, "type");
	const json_t *tests = json_object_get(g, "tests");
	for (size_t i = 0; i < json_array_size(tests); i++) {
		struct job j = { .r = r, .algorithm = algorithm, .g = g, .t = json_array_get(tests, i) };
		const char *result = str(j.t, "result");
		snprintf(j.v.id, sizeof j.v.id, "%d", num(j.t, "tcId"));
		j.v.want = !result || strcmp(result, "valid") == 0 ? VEC_VALID : strcmp(result, "invalid") == 0 ? VEC_INVALID :
			VEC_ACCEPTABLE;
		size_t k = 0;
		while (k < ARRAY_LEN(types) && (!type || strncmp(type, types[k].type, strlen(types[k].type)) != 0))
			k++;
		if (k < ARRAY_LEN(types)) {
			types[k].f(&j);
		} else {
			vec_skip(&j.v, "not a kind of test that concerns IKE or ESP");
			vec_run(r, &j.v);
		}
	}
}

err_t vec_json(struct vec_runner *r, const char *path, slice text)
{
	json_error_t why;
	json_t *doc = json_loadb((const char *)text.p, text.n, 0, &why);
	const json_t *groups = json_object_get(doc, "testGroups");
	const char *algorithm = str(doc, "algorithm");
	err_t e = doc ? 0 : E_PARSE;

	if (!doc)
		fprintf(stderr, "adit-pki: %s:%d:%d: %s\n", path, why.line, why.column, why.text);
	else if (!groups)
		e = vec_acvp_answers(r, path, doc);
	else if (vec_acvp_kdf(r, doc))
		groups = NULL;
	for (size_t i = 0; i < json_array_size(groups); i++) {
		const json_t *g = json_array_get(groups, i);
		const json_t *own = json_object_get(json_object_get(g, "algorithm"), "name");
		run_group(r, algorithm ? algorithm : json_is_string(own) ? json_string_value(own) : "", g);
	}
	json_decref(doc);
	return e;
}
