/* SPDX-License-Identifier: Apache-2.0 */
#include "cred/trust.h"

#include "base/text.h"
#include "wire/proto.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Sequences of the rules handed to the verifier. */
enum { SCHEMES_MAX = 24, STRENGTHS_MAX = 8, CAS_MAX = 64 };

static err_t PRINTF_LIKE(3, 4) fail(struct cred_trust *t, err_t e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->why, sizeof t->why, fmt, ap);
	va_end(ap);
	t->err = e;
	return e;
}

static const char *peer_name(const struct cred_trust *t, char buf[256])
{
	return conf_id_text(t->ask->peer_type, t->ask->peer_id, buf, 256);
}

/* ---- what the peer sent ------------------------------------------------------------------------------------------- */

static err_t take_certs(struct cred_trust *t)
{
	const struct cert_ops *ops = t->pool->ops;
	struct cert_why why;

	for (uint16_t i = 0; i < t->ask->n_certs && t->n_certs < CRED_PEER_CERTS_MAX; i++) {
		const struct ike_cert *c = &t->ask->certs[i];
		if (c->enc != CERT_X509_SIGNATURE)
			continue;
		if (c->data.n > CRED_CERT_BYTES_MAX)
			return fail(t, E_CERT_MALFORMED, "a certificate of the peer has %zu bytes, %d are allowed", c->data.n,
				CRED_CERT_BYTES_MAX);
		err_t e = ops->parse(c->data, &t->certs[t->n_certs], &why);
		if (e)
			return fail(t, e, "certificate %u of the peer cannot be read: %s", i + 1u, why.text);
		t->n_certs++;
	}
	for (size_t i = 0; i < t->n_fetched && t->n_certs < CRED_PEER_CERTS_MAX; i++)
		t->certs[t->n_certs++] = ops->ref(t->fetched[i]);
	return 0;
}

static slice raw_of_peer(const struct cred_trust *t)
{
	for (uint16_t i = 0; i < t->ask->n_certs; i++)
		if (t->ask->certs[i].enc == CERT_RAW_PUBLIC_KEY)
			return t->ask->certs[i].data;
	return SLICE_NONE;
}

/* ---- the signature -------------------------------------------------------------------------------------------------- */

static err_t verify_auth(struct cred_trust *t, slice spki)
{
	const struct cred_scheme *s;
	struct cred_scheme room;
	struct cred_pub pub;
	struct cert_why why = { "" };
	char name[256];
	slice sig;
	err_t e = cred_pub_of(spki, &pub);

	if (e)
		return fail(t, e, "the public key of '%s' is of a kind that is not supported for signatures; use RSA, ECDSA, Ed25519 or "
			"Ed448", peer_name(t, name));
	e = cred_scheme_of(t->ask->method, t->ask->auth, &pub, &t->round->sigs, &room, &s, &sig, &why);
	if (e)
		return fail(t, e, "the signature of '%s' is not accepted: %s", peer_name(t, name), why.text);
	e = cred_verify(t->crypto, s, spki, pub.group, t->ask->octets, sig);
	snprintf(t->scheme, sizeof t->scheme, "%s", s->name);
	if (e == E_AUTH_FAILED)
		return fail(t, e, "the signature of '%s' (%s) is wrong: its private key does not belong to its certificate, or the "
			"messages were changed on the way; compare key and certificate on the peer", peer_name(t, name), s->name);
	return e ? fail(t, e, "the signature of '%s' (%s) cannot be verified: %s", peer_name(t, name), s->name, err_text(e)) : 0;
}

/* ---- raw public keys (RFC 7670) -------------------------------------------------------------------------------------- */

/* `sent`: the key that came, alone or in a certificate; empty: none. */
static err_t trust_raw(struct cred_trust *t, slice sent)
{
	char name[256];
	err_t e = E_CERT_CONSTRAINT;

	for (uint16_t i = 0; i < t->round->n_pubkeys; i++) {
		slice have = slice_of(t->round->pubkeys[i].p, t->round->pubkeys[i].n);
		if (sent.n && !slice_equal(sent, have))
			continue;
		e = verify_auth(t, have);
		if (!e) {
			t->err = 0;
			return 0;
		}
	}
	if (e == E_CERT_CONSTRAINT && !t->why[0])
		return fail(t, e, "the public key of '%s' is none of remote { pubkeys }; add it there", peer_name(t, name));
	return e;
}

/* ---- certificates ------------------------------------------------------------------------------------------------------ */

static bool is_blob(const struct conf_blob *v, uint16_t n, slice der)
{
	for (uint16_t i = 0; i < n; i++)
		if (slice_equal(slice_of(v[i].p, v[i].n), der))
			return true;
	return false;
}

/* Nobody here can be it: who was asked for what. */
static err_t no_leaf(struct cred_trust *t)
{
	enum { CAS_NAMED = 4 };
	const struct cert_ops *ops = t->pool->ops;
	char cas[4 * 100] = "", dn[96], name[256];
	struct text s = text_of(cas, sizeof cas);
	bool asked = t->ask->conn->send_certreq;

	for (size_t i = 0; asked && i < t->pool->n_anchors && i < CAS_NAMED; i++)
		text_fmt(&s, "%s\"%s\"", i ? ", " : " under ", ops->dn_text(ops->info(t->pool->anchors[i])->subject, dn, sizeof dn));
	if (asked && t->pool->n_anchors > CAS_NAMED)
		text_fmt(&s, " and %zu more", t->pool->n_anchors - CAS_NAMED);
	return fail(t, E_CERT_UNKNOWN_CA, "the peer '%s' sent no certificate, %s%s, and none here names it; let it send its certificate "
		"(send_cert = always) or load it here", peer_name(t, name), asked ? "though it was asked for one" :
		"and was not asked for one (send_certreq = no)", cas);
}

/* The leaf: the first certificate of the peer; without any the one of ours that carries its name and made the signature. */
static err_t find_leaf(struct cred_trust *t, struct cert **out)
{
	const struct cert_ops *ops = t->pool->ops;
	struct cert_name name = { t->ask->peer_type, t->ask->peer_id };
	struct cert_why why;
	err_t e = 0;

	if (t->n_certs) {
		*out = t->certs[0];
		return verify_auth(t, ops->info(*out)->spki);
	}
	for (size_t i = 0; i < t->n_known; i++) {
		if (ops->name_check(t->known[i], &name, CERT_NAME_IN_CN | CERT_NAME_EXACT, &why))
			continue;
		e = verify_auth(t, ops->info(t->known[i])->spki);
		*out = t->known[i];
		if (!e)
			return 0;
	}
	return e ? e : no_leaf(t);
}

static size_t strengths_of(const struct conf_sigs *r, struct cert_strength out[STRENGTHS_MAX])
{
	static const struct {
		uint8_t bit, kind;
	} kinds[] = {
		{ CONF_SIG_RSA, CERT_KEY_RSA }, { CONF_SIG_RSA, CERT_KEY_RSA_PSS }, { CONF_SIG_ECDSA, CERT_KEY_EC },
		{ CONF_SIG_ED25519, CERT_KEY_ED25519 }, { CONF_SIG_ED448, CERT_KEY_ED448 },
	};
	size_t n = 0;

	if (!r->rsa_bits && !r->ecdsa_bits)
		return 0;
	/* Strength binds the whole chain; the kind is that of the peer's own key alone, which was looked at. */
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		out[n++] = (struct cert_strength){ kinds[i].kind,
			kinds[i].bit == CONF_SIG_RSA ? r->rsa_bits : kinds[i].bit == CONF_SIG_ECDSA ? r->ecdsa_bits : 0 };
	return n;
}

/* What signs certificates, and the kind of key that does. EdDSA has its hash built in. */
static const struct {
	uint8_t sign_id, kind;
	bool pss;
} signers[] = {
	{ PLUG_SIGN_RSA_PSS, CONF_SIG_RSA, true }, { PLUG_SIGN_ECDSA, CONF_SIG_ECDSA, false },
	{ PLUG_SIGN_RSA_PKCS1, CONF_SIG_RSA, false },
};

static bool chain_allows(const struct conf_sigs *r, size_t signer, uint16_t hash)
{
	for (uint8_t i = 0; i < r->n; i++) {
		const struct conf_sig *v = &r->v[i];
		if (v->where & CONF_SIG_CHAIN && (!v->kinds || v->kinds & signers[signer].kind) && (!v->hash || v->hash == hash) &&
		    (!v->pss || signers[signer].kind != CONF_SIG_RSA || signers[signer].pss))
			return true;
	}
	return false;
}

static size_t schemes_of(const struct conf_sigs *r, struct cert_scheme out[SCHEMES_MAX])
{
	size_t n = 0;
	uint8_t limited = 0;

	for (uint8_t i = 0; i < r->n; i++)
		limited |= r->v[i].where & CONF_SIG_CHAIN;
	if (!limited)
		return 0;
	out[n++] = (struct cert_scheme){ PLUG_SIGN_ED25519, 0 };
	out[n++] = (struct cert_scheme){ PLUG_SIGN_ED448, 0 };
	for (uint16_t h = 1; h < 8; h++)
		for (size_t i = 0; i < ARRAY_LEN(signers) && n < SCHEMES_MAX; i++)
			if (chain_allows(r, i, h))
				out[n++] = (struct cert_scheme){ signers[i].sign_id, h };
	return n;
}

static uint8_t rev_mode(uint8_t revocation)
{
	static const uint8_t modes[] = { [CONF_REV_RELAXED] = CERT_REV_RELAXED, [CONF_REV_IFURI] = CERT_REV_IFURI,
		[CONF_REV_STRICT] = CERT_REV_STRICT, [CONF_REV_OFF] = CERT_REV_OFF };

	return modes[revocation];
}

struct lists {
	struct cert **anchors, **others, *need[CAS_MAX];
	struct cert_crl **crls;
	size_t n_need, n_anchors, n_others, n_crls;
};

static bool lists_make(const struct cred_trust *t, struct lists *l)
{
	const struct cred_pool *p = t->pool;

	l->anchors = calloc(p->n_anchors + t->round->n_cacerts + 1u, sizeof(void *));
	l->others = calloc(p->n_others + t->n_certs + 1, sizeof(void *));
	l->crls = calloc(p->n_crls + t->n_crls + 1, sizeof(void *));
	if (!l->anchors || !l->others || !l->crls)
		return false;
	for (size_t i = 0; i < p->n_anchors; i++)
		l->anchors[l->n_anchors++] = p->anchors[i];
	for (size_t i = 1; i < t->n_certs; i++)
		l->others[l->n_others++] = t->certs[i];
	for (size_t i = 0; i < p->n_others; i++)
		l->others[l->n_others++] = p->others[i];
	for (size_t i = 0; i < t->n_crls; i++)
		l->crls[l->n_crls++] = t->crls[i];
	for (size_t i = 0; i < p->n_crls; i++)
		l->crls[l->n_crls++] = p->crls[i];
	for (uint16_t i = 0; i < t->round->n_cacerts && l->n_need < CAS_MAX; i++)
		if (p->ops->parse(slice_of(t->round->cacerts[i].p, t->round->cacerts[i].n), &l->need[l->n_need], NULL) == 0)
			l->n_need++;
	return true;
}

static void lists_free(const struct cred_trust *t, struct lists *l)
{
	while (l->n_need)
		t->pool->ops->unref(l->need[--l->n_need]);
	free(l->anchors);
	free(l->others);
	free(l->crls);
}

static void say(struct cred_trust *t, err_t e)
{
	const struct cert_report *r = t->report;
	bool remedy = r->remedy && *r->remedy && !strstr(r->text, r->remedy);

	(void)fail(t, e, "%s%s%s", r->text, remedy ? "; " : "", remedy ? r->remedy : "");
}

/* pinned: the leaf is trusted as it is. */
static err_t trust_chain(struct cred_trust *t, struct cert *leaf, bool pinned)
{
	const struct cert_ops *ops = t->pool->ops;
	struct cert_strength strengths[STRENGTHS_MAX];
	struct cert_scheme schemes[SCHEMES_MAX];
	struct cert_name ca = { t->round->ca_id.type, slice_of(t->round->ca_id.data, t->round->ca_id.n) };
	struct lists l = { 0 };
	err_t e = lists_make(t, &l) ? 0 : E_NOMEM;
	size_t n_policies = 0;

	while (t->round->policies && t->round->policies[n_policies])
		n_policies++;
	struct cert_verify v = {
		.size = sizeof v, .flags = CERT_FOR_IKE | CERT_NAME_IN_CN | CERT_NAME_EXACT | (n_policies ? CERT_EXPLICIT_POLICY : 0),
		.leaf = leaf,
		.intermediates = l.others, .n_intermediates = l.n_others, .anchors = pinned ? &leaf : l.anchors,
		.n_anchors = pinned ? 1 : l.n_anchors,
		.crls = l.crls, .n_crls = l.n_crls, .ocsp = t->ocsp, .n_ocsp = t->n_ocsp, .time = t->now_s,
		.rev_mode = rev_mode(t->round->revocation), .anchor_rev_mode = pinned ? NULL : t->anchor_rev_mode,
		.policies = (const char *const *)t->round->policies, .n_policies = n_policies,
		.name = { t->ask->peer_type, t->ask->peer_id }, .need_ca = l.need, .n_need_ca = l.n_need,
		.need_ca_name = ca.type ? &ca : NULL, .strengths = strengths, .schemes = schemes,
		.need_eku = t->round->ekus,
	};
	struct cert_map *map = NULL;
	if (!e && t->round->cert_map && !(e = ops->map_parse(t->round->cert_map, &map, NULL)))
		v.map = map;
	v.n_strengths = strengths_of(&t->round->sigs, strengths);
	v.n_schemes = schemes_of(&t->round->sigs, schemes);
	if (!e)
		e = ops->verify(&v, &t->report);
	if (map)
		ops->map_free(map);
	lists_free(t, &l);
	if (e)
		return fail(t, e, "the certificate of the peer cannot be verified: %s", err_text(e));
	t->err = t->report->verdict;
	if (t->err)
		say(t, t->err);
	else
		t->valid_until_s = t->report->valid_until > 0 ? (uint64_t)t->report->valid_until : 0;
	return t->err;
}

/* A certificate that the connection names needs nobody above it, unless the connection wants somebody there; but a CA that is
 * here may have revoked it. */
static void trust_pinned(struct cred_trust *t, struct cert *leaf)
{
	const struct conf_auth *r = t->round;
	bool above = r->n_cacerts || r->ca_id.type || r->policies || r->revocation == CONF_REV_STRICT || r->revocation == CONF_REV_IFURI;
	err_t e = trust_chain(t, leaf, false);

	if (!e || above || e == E_CERT_REVOKED)
		return;
	if (t->report)
		t->pool->ops->report_free(t->report);
	t->report = NULL;
	(void)trust_chain(t, leaf, true);
}

void cred_trust_run(struct cred_trust *t)
{
	struct cert *leaf = NULL;
	char name[256];

	t->why[0] = 0;
	if (raw_of_peer(t).n || (t->round->n_pubkeys && !t->ask->n_certs)) {
		(void)trust_raw(t, raw_of_peer(t));
		return;
	}
	if (take_certs(t) || find_leaf(t, &leaf))
		return;
	const struct cert_info *info = t->pool->ops->info(leaf);
	if (is_blob(t->round->certs, t->round->n_certs, info->der))
		trust_pinned(t, leaf);
	else if (t->round->n_pubkeys)
		(void)trust_raw(t, info->spki);
	else if (t->round->n_certs)
		(void)fail(t, E_CERT_CONSTRAINT, "the certificate of '%s' is none of remote { certs }; add it there", peer_name(t, name));
	else
		(void)trust_chain(t, leaf, false);
}

void cred_trust_clear(struct cred_trust *t)
{
	const struct cert_ops *ops = t->pool ? t->pool->ops : NULL; /* NULL: it never ran */

	while (t->n_certs)
		ops->unref(t->certs[--t->n_certs]);
	if (t->report)
		ops->report_free(t->report);
	t->report = NULL;
	t->err = 0;
}
