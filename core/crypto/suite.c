/* SPDX-License-Identifier: Apache-2.0 */
/* Proposals as data: order, look-ups, text, lengths. The choice between two lists is suite_select.c. */
#include "crypto/suite.h"

#include <stdlib.h>

struct suite_prop *suite_prop_get(struct arena *a, uint8_t proto, uint8_t num, uint8_t n)
{
	struct suite_prop *p = arena_get(a, sizeof *p + n * sizeof p->tf[0]);
	if (p) {
		p->proto = proto;
		p->num = num;
		p->n = n;
	}
	return p;
}

static bool same_tf(const struct suite_tf *a, const struct suite_tf *b)
{
	return a->type == b->type && a->id == b->id && a->bits == b->bits && a->unusable == b->unusable;
}

void suite_prop_order(struct suite_prop *p)
{
	uint8_t n = 0;
	for (uint8_t i = 0; i < p->n; i++) {
		struct suite_tf tf = p->tf[i];
		bool twice = false;
		uint8_t at = n;
		for (uint8_t k = 0; k < n; k++) {
			twice |= same_tf(&p->tf[k], &tf);
			if (p->tf[k].type > tf.type && at == n)
				at = k;
		}
		if (twice)
			continue;
		memmove(&p->tf[at + 1], &p->tf[at], (size_t)(n - at) * sizeof tf);
		p->tf[at] = tf;
		n++;
	}
	p->n = n;
}

void suite_list_fini(struct suite_list *l)
{
	for (uint16_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct suite_list){ 0 };
}

static void tf_text(struct text *t, const struct suite_tf *tf)
{
	char buf[32];
	if (tf->type >= SUITE_AKE1)
		text_fmt(t, "KE%u_", (unsigned)(tf->type - SUITE_AKE1 + 1));
	text_str(t, suite_alg_name(tf->type, tf->id, buf));
	if (tf->bits)
		text_fmt(t, "_%u", (unsigned)tf->bits);
	if (tf->unusable)
		text_str(t, "(unknown attribute)");
}

void suite_prop_text(struct text *t, const struct suite_prop *p)
{
	static const char *const protos[] = { "?", "IKE", "AH", "ESP" };
	text_fmt(t, "%s:", protos[p->proto < ARRAY_LEN(protos) ? p->proto : 0]);
	for (uint8_t i = 0; i < p->n; i++) {
		text_str(t, i ? "/" : "");
		tf_text(t, &p->tf[i]);
	}
}

const struct suite_tf *suite_prop_first(const struct suite_prop *p, uint8_t type)
{
	for (uint8_t i = 0; i < p->n; i++)
		if (p->tf[i].type == type)
			return &p->tf[i];
	return NULL;
}

bool suite_list_has_ke(const struct suite_prop *const *v, size_t n, uint16_t ke)
{
	for (size_t i = 0; i < n; i++)
		for (uint8_t k = 0; k < v[i]->n; k++)
			if (v[i]->tf[k].type == SUITE_KE && v[i]->tf[k].id == ke)
				return true;
	return false;
}

uint16_t suite_list_first_ke(const struct suite_prop *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (uint8_t k = 0; k < v[i]->n; k++)
			if (v[i]->tf[k].type == SUITE_KE && v[i]->tf[k].id != SUITE_KE_NONE)
				return v[i]->tf[k].id;
	return SUITE_KE_NONE;
}

uint8_t suite_transforms(const struct suite *s, struct suite_tf out[SUITE_TF_MAX])
{
	uint8_t n = 0;
	if (s->encr)
		out[n++] = (struct suite_tf){ SUITE_ENCR, false, s->encr, s->encr_bits };
	if (s->prf)
		out[n++] = (struct suite_tf){ SUITE_PRF, false, s->prf, 0 };
	if (s->integ != SUITE_INTEG_NONE)
		out[n++] = (struct suite_tf){ SUITE_INTEG, false, s->integ, 0 };
	if (s->ke != SUITE_KE_NONE)
		out[n++] = (struct suite_tf){ SUITE_KE, false, s->ke, 0 };
	if (s->proto != SUITE_IKE)
		out[n++] = (struct suite_tf){ SUITE_ESN, false, s->esn ? SUITE_ESN_YES : SUITE_ESN_NO, 0 };
	for (uint8_t i = 0; i < ARRAY_LEN(s->ake) && n < SUITE_TF_MAX; i++)
		if (s->ake[i] != SUITE_KE_NONE)
			out[n++] = (struct suite_tf){ (uint8_t)(SUITE_AKE1 + i), false, s->ake[i], 0 };
	return n;
}

uint8_t suite_extra_kes(const struct suite *s, uint16_t out[SUITE_EXTRA_KES])
{
	uint8_t n = 0;

	for (size_t i = 0; i < SUITE_EXTRA_KES; i++) {
		if (s->ake[i] == SUITE_KE_NONE)
			continue;
		if (out)
			out[n] = s->ake[i];
		n++;
	}
	return n;
}

bool suite_is_pq(const struct suite *s)
{
	enum { ML_KEM_512 = 35, ML_KEM_1024 = 37 };
	bool pq = s->ke >= ML_KEM_512 && s->ke <= ML_KEM_1024;

	for (size_t i = 0; i < SUITE_EXTRA_KES; i++)
		pq |= s->ake[i] >= ML_KEM_512 && s->ake[i] <= ML_KEM_1024;
	return pq;
}

bool suite_is_aead(const struct suite *s)
{
	const struct suite_fact *f = suite_fact(SUITE_ENCR, s->encr);
	return s->encr && f && (f->flags & SUITE_AEAD);
}

err_t suite_key_lens(const struct suite *s, uint16_t *encr_len, uint16_t *integ_len)
{
	*encr_len = *integ_len = 0;
	if (s->encr) {
		const struct suite_fact *f = suite_fact(SUITE_ENCR, s->encr);
		if (!f)
			return E_NOT_SUPPORTED;
		uint16_t bits = (f->flags & SUITE_KEYLEN) ? s->encr_bits : f->bits[0];
		*encr_len = (uint16_t)(bits / 8 + f->salt_len);
	}
	if (s->integ != SUITE_INTEG_NONE) {
		const struct suite_fact *f = suite_fact(SUITE_INTEG, s->integ);
		if (!f)
			return E_NOT_SUPPORTED;
		/* GMAC takes a salt of four bytes behind its key (RFC 4543). */
		*integ_len = (uint16_t)(f->bits[0] / 8 + f->salt_len);
	}
	return 0;
}

void suite_text(struct text *t, const struct suite *s)
{
	struct suite_tf tf[SUITE_TF_MAX];
	uint8_t n = suite_transforms(s, tf);
	char buf[32];
	const char *sep = "";

	/* The order in which swanctl shows them: encryption, integrity, PRF, key exchanges. */
	static const uint8_t order[] = { SUITE_ENCR, SUITE_INTEG, SUITE_PRF, SUITE_KE, SUITE_ESN };
	for (size_t o = 0; o < ARRAY_LEN(order); o++)
		for (uint8_t i = 0; i < n; i++) {
			if (tf[i].type != order[o] || (order[o] == SUITE_ESN && !s->esn))
				continue;
			text_fmt(t, "%s%s", sep, order[o] == SUITE_ESN ? "ESN" : suite_alg_name(tf[i].type, tf[i].id, buf));
			if (tf[i].bits)
				text_fmt(t, "-%u", (unsigned)tf[i].bits);
			sep = "/";
		}
	for (uint8_t i = 0; i < n; i++)
		if (tf[i].type >= SUITE_AKE1) {
			text_fmt(t, "%sKE%u_%s", sep, (unsigned)(tf[i].type - SUITE_AKE1 + 1),
				suite_alg_name(tf[i].type, tf[i].id, buf));
			sep = "/";
		}
}
