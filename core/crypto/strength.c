/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/strength.h"

#include <limits.h>

static const struct {
	uint16_t ke, bits;
} kes[] = {
	{ 1, 56 }, { 2, 80 }, { 5, 90 }, { 14, 112 }, { 15, 128 }, { 16, 152 }, { 17, 176 }, { 18, 200 },
	{ 19, 128 }, { 20, 192 }, { 21, 256 }, { 22, 80 }, { 23, 112 }, { 24, 112 }, { 25, 96 }, { 26, 112 }, { 27, 112 },
	{ 28, 128 }, { 29, 192 }, { 30, 256 }, { 31, 128 }, { 32, 224 }, { 33, 128 }, { 34, 256 }, { 35, 128 }, { 36, 192 },
	{ 37, 256 },
};
/* Ciphers whose key length is not their strength. */
static const struct {
	uint16_t encr, bits;
} encrs[] = {
	{ 3, 112 }, /* three keys of DES, meet in the middle */
	{ 2, 56 }, { 1, 56 }, { 9, 56 }, { SUITE_NULL, 0 },
};

unsigned suite_tf_strength(uint8_t type, uint16_t id, uint16_t bits)
{
	const struct suite_fact *f = suite_fact(type, id);

	if (type == SUITE_KE || (type >= SUITE_AKE1 && type <= SUITE_AKE7)) {
		for (size_t i = 0; i < ARRAY_LEN(kes); i++)
			if (kes[i].ke == id)
				return kes[i].bits;
		return UINT_MAX;
	}
	if (type == SUITE_PRF)
		return f ? f->out_len * 8u : UINT_MAX;
	if (type != SUITE_ENCR)
		return UINT_MAX;
	for (size_t i = 0; i < ARRAY_LEN(encrs); i++)
		if (encrs[i].encr == id)
			return encrs[i].bits;
	return bits ? bits : f && f->bits[0] ? f->bits[0] : UINT_MAX;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned suite_strength(const struct suite *s)
{
	unsigned ke = s->ke ? suite_tf_strength(SUITE_KE, s->ke, 0) : UINT_MAX;
	uint16_t extra[SUITE_EXTRA_KES];
	uint8_t n = suite_extra_kes(s, extra);

	for (uint8_t i = 0; i < n; i++) {
		unsigned more = suite_tf_strength(SUITE_KE, extra[i], 0);
		ke = more != UINT_MAX && (ke == UINT_MAX || more > ke) ? more : ke;
	}
	ke = least(ke, suite_tf_strength(SUITE_ENCR, s->encr, s->encr_bits));
	ke = s->prf ? least(ke, suite_tf_strength(SUITE_PRF, s->prf, 0)) : ke;
	return ke == UINT_MAX ? 0 : ke;
}

unsigned suite_prop_strength(const struct suite_prop *p)
{
	struct suite s = { .proto = p->proto };
	const struct suite_tf *t;

	if ((t = suite_prop_first(p, SUITE_ENCR))) {
		s.encr = t->id;
		s.encr_bits = t->bits;
	}
	if ((t = suite_prop_first(p, SUITE_PRF)))
		s.prf = t->id;
	if ((t = suite_prop_first(p, SUITE_KE)))
		s.ke = t->id;
	for (uint8_t i = 0; i < SUITE_EXTRA_KES; i++)
		if ((t = suite_prop_first(p, (uint8_t)(SUITE_AKE1 + i))))
			s.ake[i] = t->id;
	return suite_strength(&s);
}
