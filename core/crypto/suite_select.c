/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The choice of a suite out of our and the peer's proposals: RFC 7296 section 3.3, RFC 5282 section 8, RFC 9370
 * section 2.2.1. A pair of proposals is tried type by type; what differs first is remembered for the explanation.
 */
#include "crypto/suite.h"

enum { KE_TYPES = 8 }; /* KE and the seven additional ones */

struct pair {
	const struct suite_prop *ours, *theirs;
	uint32_t flags;
	uint16_t ke_hint;
	struct suite *out;
	uint8_t differs; /* type that could not be agreed on */
};

static bool is_present(const struct suite_prop *p, uint8_t type)
{
	return suite_prop_first(p, type) != NULL;
}

static bool holds(const struct suite_prop *p, uint8_t type, uint16_t id, uint16_t bits)
{
	for (uint8_t i = 0; i < p->n; i++) {
		const struct suite_tf *t = &p->tf[i];
		if (t->type == type && t->id == id && t->bits == bits && !t->unusable)
			return true;
	}
	return false;
}

/* As holds, but a type that is left out stands for its number 0: no integrity, no key exchange, no ESN. */
static bool holds_or_none(const struct suite_prop *p, uint8_t type, uint16_t id)
{
	return is_present(p, type) ? holds(p, type, id, 0) : id == 0;
}

/* One of the two proposals gives the order. */
static const struct suite_prop *leader(const struct pair *p)
{
	return p->flags & SUITE_PREFER_PEER ? p->theirs : p->ours;
}

static const struct suite_prop *follower(const struct pair *p)
{
	return p->flags & SUITE_PREFER_PEER ? p->ours : p->theirs;
}

/* First common transform of a type both must have; NULL none. */
static const struct suite_tf *first_common(const struct pair *p, uint8_t type)
{
	const struct suite_prop *lead = leader(p), *follow = follower(p);
	for (uint8_t i = 0; i < lead->n; i++) {
		const struct suite_tf *t = &lead->tf[i];
		if (t->type == type && !t->unusable && holds(follow, type, t->id, t->bits))
			return t;
	}
	return NULL;
}

/* As first_common for a type that may be left out; *id 0 stands for none. */
static bool common_or_none(const struct pair *p, uint8_t type, uint16_t *id)
{
	const struct suite_tf *t = first_common(p, type);
	*id = t ? t->id : 0;
	return t || (holds_or_none(p->ours, type, 0) && holds_or_none(p->theirs, type, 0));
}

/* Encryption together with integrity: an AEAD goes with none, all else with one. */
static bool choose_protection(struct pair *p)
{
	const struct suite_prop *lead = leader(p), *follow = follower(p);
	uint16_t integ;

	p->differs = SUITE_ENCR;
	if (p->ours->proto == SUITE_AH) {
		p->differs = SUITE_INTEG;
		return common_or_none(p, SUITE_INTEG, &p->out->integ) && p->out->integ != SUITE_INTEG_NONE;
	}
	for (uint8_t i = 0; i < lead->n; i++) {
		const struct suite_tf *t = &lead->tf[i];
		if (t->type != SUITE_ENCR || t->unusable || !holds(follow, SUITE_ENCR, t->id, t->bits))
			continue;
		p->differs = SUITE_INTEG;
		p->out->encr = t->id;
		p->out->encr_bits = t->bits;
		p->out->integ = SUITE_INTEG_NONE;
		if (suite_is_aead(p->out)) {
			if (holds_or_none(p->ours, SUITE_INTEG, 0) && holds_or_none(p->theirs, SUITE_INTEG, 0))
				return true;
		} else if (common_or_none(p, SUITE_INTEG, &integ) && integ != SUITE_INTEG_NONE) {
			p->out->integ = integ;
			return true;
		}
	}
	return false;
}

static uint8_t ke_type(size_t n)
{
	return n ? (uint8_t)(SUITE_AKE1 + n - 1) : SUITE_KE;
}

static uint16_t *ke_slot(struct suite *s, size_t n)
{
	return n ? &s->ake[n - 1] : &s->ke;
}

static bool ke_fits(const struct pair *p, size_t n, uint16_t id)
{
	if (id == SUITE_KE_NONE)
		return n > 0 || p->ours->proto != SUITE_IKE;
	/* No method twice among the exchanges of one SA. */
	for (size_t i = 0; i < n; i++)
		if (*ke_slot(p->out, i) == id)
			return false;
	return true;
}

static bool choose_kes(struct pair *p, size_t n);

static bool try_ke(struct pair *p, size_t n, uint16_t id)
{
	uint8_t type = ke_type(n);
	if (!ke_fits(p, n, id) || !holds_or_none(p->ours, type, id) || !holds_or_none(p->theirs, type, id))
		return false;
	*ke_slot(p->out, n) = id;
	if (choose_kes(p, n + 1))
		return true;
	*ke_slot(p->out, n) = SUITE_KE_NONE;
	return false;
}

/* Key exchanges n and on, in order of preference; going back when a later one finds nothing left. */
static bool choose_kes(struct pair *p, size_t n)
{
	if (n == KE_TYPES)
		return true;
	uint8_t type = ke_type(n);
	if (type > p->differs)
		p->differs = type;
	if (n == 0 && p->ke_hint != SUITE_KE_NONE && try_ke(p, n, p->ke_hint))
		return true;
	const struct suite_prop *lead = leader(p);
	for (uint8_t i = 0; i < lead->n; i++) {
		const struct suite_tf *t = &lead->tf[i];
		if (t->type == type && !t->unusable && try_ke(p, n, t->id))
			return true;
	}
	return try_ke(p, n, SUITE_KE_NONE);
}

static bool choose_key_exchange(struct pair *p)
{
	p->differs = SUITE_KE;
	if (p->flags & SUITE_STRIP_KE)
		return true;
	if ((p->flags & SUITE_OPTIONAL_KE) && p->ours->proto != SUITE_IKE) {
		bool any = false;
		for (size_t n = 0; n < KE_TYPES; n++)
			any |= is_present(p->theirs, ke_type(n));
		if (!any)
			return true;
	}
	return choose_kes(p, 0);
}

static bool choose_rest(struct pair *p)
{
	if (p->ours->proto == SUITE_IKE) {
		const struct suite_tf *prf = first_common(p, SUITE_PRF);
		p->differs = SUITE_PRF;
		if (!prf)
			return false;
		p->out->prf = prf->id;
	} else if (is_present(p->theirs, SUITE_PRF)) {
		p->differs = SUITE_PRF;
		return false;
	}
	if (!choose_key_exchange(p))
		return false;
	uint16_t esn;
	p->differs = SUITE_ESN;
	if (p->ours->proto == SUITE_IKE)
		return !is_present(p->theirs, SUITE_ESN);
	if (!common_or_none(p, SUITE_ESN, &esn) || esn > SUITE_ESN_YES)
		return false;
	p->out->esn = esn == SUITE_ESN_YES;
	return true;
}

static bool choose(struct pair *p)
{
	*p->out = (struct suite){ .proto = p->ours->proto };
	p->differs = 0;
	if (p->ours->proto != p->theirs->proto)
		return false;
	for (uint8_t i = 0; i < p->theirs->n; i++)
		if (p->theirs->tf[i].type == 0 || p->theirs->tf[i].type >= SUITE_TYPE_END) {
			p->differs = SUITE_TYPE_END;
			return false;
		}
	if (!choose_protection(p) || !choose_rest(p))
		return false;
	p->differs = 0;
	return true;
}

/* How far a pair came: more is nearer to a match. ESN is looked at last though its number is smaller than AKE's. */
static unsigned progress(uint8_t differs)
{
	static const uint8_t rank[SUITE_TYPE_END + 1] = { [0] = 0, [SUITE_TYPE_END] = 1, [SUITE_ENCR] = 2,
		[SUITE_INTEG] = 3, [SUITE_PRF] = 4, [SUITE_KE] = 5, [6] = 6, [7] = 7, [8] = 8, [9] = 9, [10] = 10, [11] = 11,
		[SUITE_AKE7] = 12, [SUITE_ESN] = 13 };
	return differs <= SUITE_TYPE_END ? rank[differs] : 0;
}

static void alternatives(struct text *t, const struct suite_prop *p, uint8_t type)
{
	char buf[32];
	const char *sep = "";
	for (uint8_t i = 0; i < p->n; i++)
		if (p->tf[i].type == type) {
			text_fmt(t, "%s%s", sep, suite_alg_name(type, p->tf[i].id, buf));
			if (p->tf[i].bits)
				text_fmt(t, "_%u", (unsigned)p->tf[i].bits);
			sep = " ";
		}
	if (!*sep)
		text_str(t, "none");
}

/* One finding for a proposal of ours: the peer's that came nearest and what differs. */
static void explain(struct diag **why, const struct suite_prop *ours, const struct suite_prop *theirs, uint8_t differs)
{
	TEXT_ON_STACK(a, 256);
	TEXT_ON_STACK(b, 256);

	if (!why)
		return;
	if (!theirs || differs == 0) {
		diag_at(why, E_NO_PROPOSAL, NULL, 0, 0, "our proposal %u: the peer offers nothing for this protocol",
			(unsigned)ours->num);
		return;
	}
	if (differs == SUITE_TYPE_END) {
		diag_at(why, E_NO_PROPOSAL, NULL, 0, 0, "the peer's proposal %u has a transform type that is not known",
			(unsigned)theirs->num);
		return;
	}
	alternatives(&a, ours, differs);
	alternatives(&b, theirs, differs);
	diag_at(why, E_NO_PROPOSAL, NULL, 0, 0, "our proposal %u and the peer's proposal %u differ in %s: ours %s, theirs %s",
		(unsigned)ours->num, (unsigned)theirs->num, suite_type_name(differs), a.p, b.p);
}

static void explain_all(const struct suite_prop *const *ours, size_t n_ours, const struct suite_prop *const *theirs,
	size_t n_theirs, uint32_t flags, struct diag **why)
{
	struct suite scratch;
	for (size_t i = 0; i < n_ours; i++) {
		const struct suite_prop *nearest = NULL;
		uint8_t differs = 0;
		for (size_t j = 0; j < n_theirs; j++) {
			struct pair p = { ours[i], theirs[j], flags, 0, &scratch, 0 };
			choose(&p);
			if (!nearest || progress(p.differs) > progress(differs)) {
				nearest = theirs[j];
				differs = p.differs;
			}
		}
		explain(why, ours[i], nearest, differs);
	}
}

err_t suite_select(const struct suite_prop *const *ours, size_t n_ours, const struct suite_prop *const *theirs,
	size_t n_theirs, uint32_t flags, uint16_t ke_hint, struct suite *out, size_t *ours_at, size_t *theirs_at,
	struct diag **why)
{
	bool by_peer = flags & SUITE_PREFER_PEER;
	size_t n_outer = by_peer ? n_theirs : n_ours, n_inner = by_peer ? n_ours : n_theirs;

	for (size_t a = 0; a < n_outer; a++)
		for (size_t b = 0; b < n_inner; b++) {
			size_t i = by_peer ? b : a, j = by_peer ? a : b;
			struct pair p = { ours[i], theirs[j], flags, ke_hint, out, 0 };
			if (!choose(&p))
				continue;
			if (ours_at)
				*ours_at = i;
			if (theirs_at)
				*theirs_at = j;
			return 0;
		}
	*out = (struct suite){ 0 };
	if (why) {
		explain_all(ours, n_ours, theirs, n_theirs, flags, why);
		if (n_ours == 0)
			diag_at(why, E_NO_PROPOSAL, NULL, 0, 0, "no proposal is configured");
	}
	return E_NO_PROPOSAL;
}

err_t suite_accept(const struct suite_prop *const *ours, size_t n_ours, const struct suite_prop *answer,
	uint32_t flags, struct suite *out, struct diag **why)
{
	*out = (struct suite){ 0 };
	for (uint8_t i = 1; i < answer->n; i++)
		if (answer->tf[i].type == answer->tf[i - 1].type)
			return diag_set(why, E_NO_PROPOSAL, "the peer's answer has more than one %s",
				suite_type_name(answer->tf[i].type));
	for (size_t i = 0; i < n_ours; i++) {
		if (ours[i]->num != answer->num || ours[i]->proto != answer->proto)
			continue;
		struct pair p = { ours[i], answer, flags & SUITE_STRIP_KE, 0, out, 0 };
		if (choose(&p))
			return 0;
		*out = (struct suite){ 0 };
		explain(why, ours[i], answer, p.differs);
		return E_NO_PROPOSAL;
	}
	return diag_set(why, E_NO_PROPOSAL, "the peer answers with proposal %u, which we did not make",
		(unsigned)answer->num);
}
