/* SPDX-License-Identifier: Apache-2.0 */
#include "cred/scheme.h"

#include "crypto/keyfmt.h"
#include "wire/proto.h"

#include <stdio.h>
#include <stdlib.h>

#define OID_RSA "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01"
#define PSS_ID(hash, salt) { (const uint8_t *)("\x30\x41" OID_RSA "\x0a\x30\x34\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02" \
	hash "\x05\x00\xa1\x1c\x30\x1a" OID_RSA "\x08\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02" hash "\x05\x00\xa2\x03\x02\x01" \
	salt), 67 }
#define DER_ID(s) { (const uint8_t *)(s), sizeof(s) - 1 }
#define RSA_ID(last) DER_ID("\x30\x0d" OID_RSA last "\x05\x00")
#define EC_ID(last) DER_ID("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03" last)
#define HOW(h) { PLUG_HASH_##h, 0, 0 }
#define PSS(h, salt) { PLUG_HASH_##h, PLUG_HASH_##h, salt }
#define SIGNATURE AUTH_DIGITAL_SIGNATURE

/* In the order of preference for a key; what RFC 7427 offers stands before the older methods. */
static const struct cred_scheme rows[] = {
	{ "ED25519", CERT_KEY_ED25519, 0, PLUG_SIGN_ED25519, HOW(IDENTITY), SIGNATURE, DER_ID("\x30\x05\x06\x03\x2b\x65\x70") },
	{ "ED448", CERT_KEY_ED448, 0, PLUG_SIGN_ED448, HOW(IDENTITY), SIGNATURE, DER_ID("\x30\x05\x06\x03\x2b\x65\x71") },
	{ "ECDSA_WITH_SHA256_DER", CERT_KEY_EC, 0, PLUG_SIGN_ECDSA, HOW(SHA256), SIGNATURE, EC_ID("\x02") },
	{ "ECDSA_WITH_SHA384_DER", CERT_KEY_EC, 0, PLUG_SIGN_ECDSA, HOW(SHA384), SIGNATURE, EC_ID("\x03") },
	{ "ECDSA_WITH_SHA512_DER", CERT_KEY_EC, 0, PLUG_SIGN_ECDSA, HOW(SHA512), SIGNATURE, EC_ID("\x04") },
	{ "RSA_EMSA_PKCS1_SHA2_256", CERT_KEY_RSA, 0, PLUG_SIGN_RSA_PKCS1, HOW(SHA256), SIGNATURE, RSA_ID("\x0b") },
	{ "RSA_EMSA_PKCS1_SHA2_384", CERT_KEY_RSA, 0, PLUG_SIGN_RSA_PKCS1, HOW(SHA384), SIGNATURE, RSA_ID("\x0c") },
	{ "RSA_EMSA_PKCS1_SHA2_512", CERT_KEY_RSA, 0, PLUG_SIGN_RSA_PKCS1, HOW(SHA512), SIGNATURE, RSA_ID("\x0d") },
	{ "RSA_EMSA_PSS_SHA2_256", CERT_KEY_RSA, 0, PLUG_SIGN_RSA_PSS, PSS(SHA256, 32), SIGNATURE, PSS_ID("\x01", "\x20") },
	{ "RSA_EMSA_PSS_SHA2_384", CERT_KEY_RSA, 0, PLUG_SIGN_RSA_PSS, PSS(SHA384, 48), SIGNATURE, PSS_ID("\x02", "\x30") },
	{ "RSA_EMSA_PSS_SHA2_512", CERT_KEY_RSA, 0, PLUG_SIGN_RSA_PSS, PSS(SHA512, 64), SIGNATURE, PSS_ID("\x03", "\x40") },
	{ "ECDSA_WITH_SHA1_DER", CERT_KEY_EC, 0, PLUG_SIGN_ECDSA, HOW(SHA1), SIGNATURE, DER_ID("\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01") },
	{ "RSA_EMSA_PKCS1_SHA1", CERT_KEY_RSA, 0, PLUG_SIGN_RSA_PKCS1, HOW(SHA1), SIGNATURE, RSA_ID("\x05") },
	{ "ECDSA-256", CERT_KEY_EC, 19, PLUG_SIGN_ECDSA_RAW, HOW(SHA256), AUTH_ECDSA_256, { NULL, 0 } },
	{ "ECDSA-384", CERT_KEY_EC, 20, PLUG_SIGN_ECDSA_RAW, HOW(SHA384), AUTH_ECDSA_384, { NULL, 0 } },
	{ "ECDSA-521", CERT_KEY_EC, 21, PLUG_SIGN_ECDSA_RAW, HOW(SHA512), AUTH_ECDSA_521, { NULL, 0 } },
	{ "RSA signature (SHA-1)", CERT_KEY_RSA, 0, PLUG_SIGN_RSA_PKCS1, HOW(SHA1), AUTH_RSA, { NULL, 0 } },
};

/* ---- keys -------------------------------------------------------------------------------------------------------- */

err_t cred_pub_of(slice spki, struct cred_pub *out)
{
	static const struct {
		uint8_t from, kind;
		uint16_t bits;
	} kinds[] = {
		{ KEYFMT_RSA, CERT_KEY_RSA, 0 }, { KEYFMT_RSA_PSS, CERT_KEY_RSA_PSS, 0 }, { KEYFMT_EC, CERT_KEY_EC, 0 },
		{ KEYFMT_ED25519, CERT_KEY_ED25519, 256 }, { KEYFMT_ED448, CERT_KEY_ED448, 448 },
	};
	struct keyfmt k;
	err_t e = keyfmt_public(spki, &k);

	*out = (struct cred_pub){ 0 };
	if (e)
		return e;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].from == k.type)
			*out = (struct cred_pub){ kinds[i].kind, kinds[i].bits, k.group };
	if (!out->kind)
		return E_NOT_SUPPORTED;
	if (out->kind == CERT_KEY_EC)
		out->bits = k.group == 21 ? 521 : (uint16_t)(8 * k.len);
	else if (k.n.n)
		out->bits = (uint16_t)(8 * k.n.n - (size_t)(__builtin_clz(k.n.p[0]) - 24));
	return 0;
}

const char *cred_pub_text(const struct cred_pub *p, char buf[32])
{
	if (p->kind == CERT_KEY_ED25519 || p->kind == CERT_KEY_ED448)
		return p->kind == CERT_KEY_ED448 ? "ED448" : "ED25519";
	snprintf(buf, 32, "%s %u", p->kind == CERT_KEY_EC ? "ECDSA" : p->kind == CERT_KEY_RSA_PSS ? "RSA-PSS" : "RSA", p->bits);
	return buf;
}

static uint8_t kind_bit(uint8_t kind)
{
	return kind == CERT_KEY_RSA || kind == CERT_KEY_RSA_PSS ? CONF_SIG_RSA : kind == CERT_KEY_EC ? CONF_SIG_ECDSA :
		kind == CERT_KEY_ED25519 ? CONF_SIG_ED25519 : kind == CERT_KEY_ED448 ? CONF_SIG_ED448 : 0;
}

err_t cred_key_allowed(const struct cred_pub *pub, const struct conf_sigs *rules, struct cert_why *why)
{
	uint8_t bit = kind_bit(pub->kind);
	uint16_t least = bit == CONF_SIG_RSA ? rules->rsa_bits : bit == CONF_SIG_ECDSA ? rules->ecdsa_bits : 0;
	char name[32];

	if (bit && (!rules->kinds || rules->kinds & bit) && pub->bits >= least)
		return 0;
	snprintf(why->text, sizeof why->text, "the key is %s, the connection wants %s%s", cred_pub_text(pub, name),
		least > pub->bits ? "a longer one: " : "", rules->text ? rules->text : "another kind");
	return E_CERT_CONSTRAINT;
}

/* ---- rules ------------------------------------------------------------------------------------------------------- */

/* PSS only is asked of RSA alone. */
static bool rule_takes(const struct conf_sig *r, const struct cred_scheme *s)
{
	if (r->kinds && !(r->kinds & kind_bit(s->kind)))
		return false;
	if (r->pss && s->kind == CERT_KEY_RSA && s->sign_id != PLUG_SIGN_RSA_PSS)
		return false;
	return !r->hash || r->hash == s->how.hash || s->how.hash == PLUG_HASH_IDENTITY;
}

static const struct conf_sig any_sig = { .where = CONF_SIG_IKE };

/* The i-th rule about AUTH; without any, one that allows everything. NULL behind the last. */
static const struct conf_sig *rule_at(const struct conf_sigs *r, size_t i)
{
	size_t have = 0;

	for (uint8_t k = 0; k < r->n; k++)
		if (r->v[k].where & CONF_SIG_IKE && have++ == i)
			return &r->v[k];
	return have || i ? NULL : &any_sig;
}

static bool rules_allow(const struct conf_sigs *r, const struct cred_scheme *s)
{
	const struct conf_sig *rule;

	for (size_t i = 0; (rule = rule_at(r, i)); i++)
		if (rule_takes(rule, s))
			return true;
	return false;
}

/* The hash that fits the strength of the key. */
static uint16_t fit_hash(const struct cred_pub *pub)
{
	if (pub->kind == CERT_KEY_EC)
		return pub->bits > 384 ? PLUG_HASH_SHA512 : pub->bits > 256 ? PLUG_HASH_SHA384 : PLUG_HASH_SHA256;
	return pub->bits > 7680 ? PLUG_HASH_SHA512 : pub->bits > 3072 ? PLUG_HASH_SHA384 : PLUG_HASH_SHA256;
}

static bool can_use(const struct cred_scheme *s, const struct cred_pub *pub, uint32_t hashes, const struct conf_sigs *rules)
{
	bool pss_key = pub->kind == CERT_KEY_RSA_PSS;

	if (s->kind != (pss_key ? CERT_KEY_RSA : pub->kind) || (s->group && s->group != pub->group))
		return false;
	if ((pss_key && s->sign_id != PLUG_SIGN_RSA_PSS) || !rules_allow(rules, s))
		return false;
	/* SHA-1 only where the peer knows nothing better. */
	if (s->method == AUTH_DIGITAL_SIGNATURE)
		return hashes & 1u << s->how.hash && (s->how.hash != PLUG_HASH_SHA1 || hashes == 1u << PLUG_HASH_SHA1);
	return !hashes;
}

const struct cred_scheme *cred_scheme_next(const struct cred_pub *pub, uint32_t hashes, const struct conf_sigs *rules, size_t *at)
{
	const size_t n = ARRAY_LEN(rows);
	const struct conf_sig *rule;

	/* In the order of the rules; one that names no hash takes that which fits first, then the others. */
	for (; (rule = rule_at(rules, *at / (2 * n))); ++*at) {
		const struct cred_scheme *s = &rows[*at % n];
		bool first = *at % (2 * n) < n;
		bool fits = rule->hash || s->how.hash == PLUG_HASH_IDENTITY || s->how.hash == fit_hash(pub);
		if (fits == first && rule_takes(rule, s) && can_use(s, pub, hashes, rules)) {
			++*at;
			return s;
		}
	}
	return NULL;
}

/* ---- the peer's --------------------------------------------------------------------------------------------------- */

static err_t bad(struct cert_why *why, err_t e, const char *text)
{
	snprintf(why->text, sizeof why->text, "%s", text);
	return e;
}

static bool same_kind(const struct cred_scheme *s, const struct cred_pub *pub)
{
	return s->kind == pub->kind || (pub->kind == CERT_KEY_RSA_PSS && s->sign_id == PLUG_SIGN_RSA_PSS);
}

static const struct cred_scheme *by_alg(slice alg, struct cred_scheme *room)
{
	static const slice pss = DER_ID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a");
	slice oid;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].method == AUTH_DIGITAL_SIGNATURE && slice_equal(rows[i].alg_id, alg))
			return &rows[i];
	/* Other parameters of PSS, or NULL where none belongs or none where NULL does. */
	struct rd all = rd_of(alg), r = rd_of(der_next(&all, DER_SEQ));
	oid = der_next(&r, DER_OID);
	if (rd_close(&all) || r.err)
		return NULL;
	if (slice_equal(oid, pss)) {
		*room = (struct cred_scheme){ "RSA_EMSA_PSS", CERT_KEY_RSA, 0, PLUG_SIGN_RSA_PSS, { 0 }, AUTH_DIGITAL_SIGNATURE, alg };
		struct rd params = rd_left(&r) ? rd_of(der_next(&r, DER_SEQ)) : rd_of(SLICE_NONE);
		return rd_close(&r) || keyfmt_pss_params(params, &room->how) ? NULL : room;
	}
	if (rd_left(&r) && der_next(&r, DER_NULL).n)
		return NULL;
	if (rd_close(&r))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rd have = rd_of(rows[i].alg_id), in = rd_of(der_next(&have, DER_SEQ));
		if (rows[i].alg_id.n && slice_equal(der_next(&in, DER_OID), oid))
			return &rows[i];
	}
	return NULL;
}

err_t cred_scheme_of(uint8_t method, slice auth, const struct cred_pub *pub, const struct conf_sigs *rules,
	struct cred_scheme *room, const struct cred_scheme **out, slice *sig, struct cert_why *why)
{
	const struct cred_scheme *s = NULL;
	char key[32];

	*sig = auth;
	if (method == AUTH_DIGITAL_SIGNATURE) {
		struct rd r = rd_of(auth);
		slice alg = rd_bytes(&r, rd_u8(&r));
		*sig = rd_rest(&r);
		if (r.err || !alg.n || !sig->n)
			return bad(why, E_SYNTAX, "the AUTH payload has no algorithm or no signature");
		s = by_alg(alg, room);
	}
	for (size_t i = 0; !s && method != AUTH_DIGITAL_SIGNATURE && i < ARRAY_LEN(rows); i++)
		if (rows[i].method == method)
			s = &rows[i];
	if (!s)
		return bad(why, E_NOT_SUPPORTED, "the peer signs with an algorithm that is not supported here; let it use RSA or ECDSA "
			"with SHA-2, or Ed25519");
	if (!same_kind(s, pub) || (s->group && s->group != pub->group)) {
		snprintf(why->text, sizeof why->text, "the signature is %s, but the key of the peer is %s", s->name,
			cred_pub_text(pub, key));
		return E_AUTH_FAILED;
	}
	err_t e = cred_key_allowed(pub, rules, why);
	if (e)
		return e;
	if (!rules_allow(rules, s)) {
		snprintf(why->text, sizeof why->text, "the peer signs with %s, the connection allows only %s", s->name,
			rules->text ? rules->text : "other algorithms");
		return E_CERT_CONSTRAINT;
	}
	*out = s;
	return 0;
}

/* ---- providers ------------------------------------------------------------------------------------------------------ */

uint32_t cred_hashes(const struct crypto *c)
{
	static const uint16_t hashes[] = { PLUG_HASH_SHA256, PLUG_HASH_SHA384, PLUG_HASH_SHA512 };
	uint32_t v = 0;

	if (c->find(c->arg, PLUG_SIGN, PLUG_SIGN_RSA_PKCS1, 0) || c->find(c->arg, PLUG_SIGN, PLUG_SIGN_ECDSA, 19))
		for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
			v |= 1u << hashes[i];
	if (c->find(c->arg, PLUG_SIGN, PLUG_SIGN_ED25519, 0) || c->find(c->arg, PLUG_SIGN, PLUG_SIGN_ED448, 0))
		v |= 1u << PLUG_HASH_IDENTITY;
	return v;
}

err_t cred_verify(const struct crypto *c, const struct cred_scheme *s, slice spki, uint16_t group, slice octets, slice sig)
{
	bool ec = s->sign_id == PLUG_SIGN_ECDSA || s->sign_id == PLUG_SIGN_ECDSA_RAW;
	const struct sign_ops *ops = c->find(c->arg, PLUG_SIGN, s->sign_id, ec ? group : 0);
	void *ctx = ops ? calloc(1, ops->ctx_size) : NULL;

	if (!ops)
		return E_NOT_SUPPORTED;
	if (!ctx)
		return E_NOMEM;
	err_t e = ops->load_public(ctx, spki);
	if (!e)
		e = ops->verify(ctx, &s->how, &octets, 1, sig);
	ops->fini(ctx);
	free(ctx);
	return e == E_BAD_VALUE ? E_AUTH_FAILED : e;
}
