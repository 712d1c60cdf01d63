/* SPDX-License-Identifier: Apache-2.0 */
/* Proposal text of swanctl.conf into proposals, "default", and back into words. */
#include "crypto/suite.h"

#include "crypto/crypto.h"

#include <stdio.h>
#include <stdlib.h>

enum { TF_MAX = 255, WORD_MAX = 48, KE_PREFIX = 4 };

/* A proposal that is being put together, on the stack. */
struct draft {
	struct suite_tf tf[TF_MAX];
	size_t n;
	slice integ; /* the first word of an integrity algorithm, where it stands and what it is */
	uint32_t integ_at;
	uint16_t integ_id;
};

static bool word_is(slice w, const char *s)
{
	return w.n == strlen(s) && memcmp(w.p, s, w.n) == 0;
}

/* Does the word fit the pattern of an algorithm? *bits is the key length it names, 0 for one without that attribute. */
static bool pattern_fits(slice w, const char *pattern, const struct suite_fact *f, uint16_t *bits)
{
	*bits = 0;
	const char *mark = pattern ? strstr(pattern, "%u") : NULL;
	if (!mark)
		return pattern && word_is(w, pattern);
	for (size_t i = 0; i < ARRAY_LEN(f->bits) && f->bits[i]; i++) {
		char s[WORD_MAX];
		struct text t = text_of(s, sizeof s);
		text_fmt(&t, "%.*s%u%s", (int)(mark - pattern), pattern, (unsigned)f->bits[i], mark + 2);
		*bits = f->bits[i];
		if (word_is(w, s))
			return true;
	}
	return false;
}

static bool find_word(slice w, struct suite_tf *out)
{
	uint16_t bits;

	const struct suite_fact *f;
	for (size_t i = 0; (f = suite_fact_at(i)) != NULL; i++)
		if (pattern_fits(w, f->word, f, &bits)) {
			*out = (struct suite_tf){ f->type, false, f->id, bits };
			return true;
		}
	const struct suite_alias *a;
	for (size_t i = 0; (a = suite_alias_at(i)) != NULL; i++) {
		f = suite_fact(a->type, a->id);
		if (f && pattern_fits(w, a->word, f, &bits)) {
			*out = (struct suite_tf){ f->type, false, f->id, a->bits ? a->bits : bits };
			return true;
		}
	}
	return false;
}

/* "ke3_mlkem768" has a prefix; from 1 to 7. */
static bool has_ke_prefix(slice w)
{
	return w.n > KE_PREFIX && w.p[0] == 'k' && w.p[1] == 'e' && w.p[3] == '_' && w.p[2] >= '0' && w.p[2] <= '9';
}

/* "ke3_mlkem768": the number of the additional key exchange, 0 when the word has no such prefix. */
static uint8_t ake_number(slice w)
{
	return has_ke_prefix(w) && w.p[2] >= '1' && w.p[2] <= '7' ? (uint8_t)(w.p[2] - '0') : 0;
}

/* Edit distance, bounded by the words' length. */
static unsigned distance(slice a, const char *b)
{
	size_t nb = strlen(b);
	unsigned row[WORD_MAX + 1];

	if (a.n > WORD_MAX || nb > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= nb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned best = diagonal + (a.p[i - 1] != (uint8_t)b[j - 1]);
			best = row[j] + 1 < best ? row[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[nb];
}

static void fact_word(const struct suite_fact *f, uint16_t bits, char *buf, size_t cap)
{
	struct text t = text_of(buf, cap);
	const char *mark = strstr(f->word, "%u");
	if (mark)
		text_fmt(&t, "%.*s%u%s", (int)(mark - f->word), f->word, (unsigned)bits, mark + 2);
	else
		text_str(&t, f->word);
}

static void nearest_word(slice w, char *buf, size_t cap)
{
	unsigned best = WORD_MAX;
	const struct suite_fact *f;

	for (size_t i = 0; (f = suite_fact_at(i)) != NULL; i++)
		for (size_t k = 0; f->word && k < ARRAY_LEN(f->bits) && (k == 0 || f->bits[k]); k++) {
			char s[WORD_MAX];
			fact_word(f, f->bits[k], s, sizeof s);
			unsigned d = distance(w, s);
			if (d < best) {
				best = d;
				snprintf(buf, cap, "%s", s);
			}
		}
}

static bool has_tf(const struct suite_env *env, uint8_t proto, const struct suite_tf *tf)
{
	/* What is decided by the protocol alone, no algorithm stands behind it. */
	bool plain = tf->type == SUITE_ESN || (tf->id == 0 && tf->type != SUITE_ENCR);
	return plain || !env || env->has(env->arg, proto, tf);
}

static bool draft_has(const struct draft *d, uint8_t type)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->tf[i].type == type)
			return true;
	return false;
}

static bool draft_add(struct draft *d, struct suite_tf tf)
{
	if (d->n == TF_MAX)
		return false;
	d->tf[d->n++] = tf;
	return true;
}

static void draft_drop(struct draft *d, uint8_t type)
{
	size_t n = 0;
	for (size_t i = 0; i < d->n; i++)
		if (d->tf[i].type != type)
			d->tf[n++] = d->tf[i];
	d->n = n;
}

static err_t word_unknown(struct diag **why, uint32_t column, slice w)
{
	char near[WORD_MAX] = "";
	const struct suite_refusal *known = suite_refusal_of(w);
	if (known)
		return diag_at(why, E_NOT_SUPPORTED, NULL, 0, column, "\"%.*s\" is refused: %s", (int)w.n, (const char *)w.p,
			known->why);
	if (!w.n)
		return diag_at(why, E_BAD_VALUE, NULL, 0, column, "a word is missing in a proposal: one dash between two words, none "
			"before the first and behind the last");
	nearest_word(w, near, sizeof near);
	return diag_at(why, E_BAD_VALUE, NULL, 0, column, "unknown algorithm \"%.*s\" in a proposal; the nearest is \"%s\"",
		(int)w.n, (const char *)w.p, near);
}

static err_t word_not_provided(struct diag **why, uint32_t column, slice w, uint8_t proto, const struct suite_tf *tf)
{
	const struct suite_fact *f = suite_fact(tf->type, tf->id);
	if (proto != SUITE_IKE && (tf->type == SUITE_ENCR || tf->type == SUITE_INTEG || tf->type == SUITE_ESN))
		return diag_at(why, E_NEEDS, NULL, 0, column, "the data plane that is loaded does not carry \"%.*s\" (%s): load the "
			"kernel's module for it or choose another one", (int)w.n, (const char *)w.p, f->name);
	return diag_at(why, E_NOT_SUPPORTED, NULL, 0, column, "nothing that is loaded provides \"%.*s\" (%s)%s%s", (int)w.n,
		(const char *)w.p, f->name, f->needs ? ": load the plugin " : ": no plugin of Adit has it", f->needs ? f->needs : "");
}

static err_t word_add(struct draft *d, const struct suite_env *env, uint8_t proto, slice w, uint32_t column,
	struct diag **why)
{
	struct suite_tf tf = { 0 };
	uint8_t ake = ake_number(w);
	const slice name = ake ? slice_of(w.p + KE_PREFIX, w.n - KE_PREFIX) : w;

	if (has_ke_prefix(w) && !ake)
		return diag_at(why, E_BAD_VALUE, NULL, 0, column, "\"%.*s\": additional key exchanges are numbered from ke1_ to ke7_",
			(int)w.n, (const char *)w.p);
	if (!find_word(name, &tf))
		return word_unknown(why, column + (ake ? KE_PREFIX : 0), name);
	if (ake && tf.type != SUITE_KE)
		return diag_at(why, E_BAD_VALUE, NULL, 0, column, "\"%.*s\": an additional key exchange is expected behind ke%u_, "
			"such as mlkem768", (int)w.n, (const char *)w.p, (unsigned)ake);
	const struct suite_fact *f = suite_fact(tf.type, tf.id);
	/* "aes128gmac" is an algorithm of its own type in AH. */
	if (proto == SUITE_AH && tf.type == SUITE_ENCR && tf.id == 21)
		tf = (struct suite_tf){ SUITE_INTEG, false, tf.bits == 256 ? 11 : tf.bits == 192 ? 10 : 9, 0 };
	if (proto == SUITE_IKE && (f->flags & SUITE_NO_IKE))
		return diag_at(why, E_BAD_VALUE, NULL, 0, column, "\"%.*s\" cannot be used for IKE, only for child SAs",
			(int)w.n, (const char *)w.p);
	if (proto == SUITE_AH && tf.type == SUITE_ENCR)
		return diag_at(why, E_BAD_VALUE, NULL, 0, column, "\"%.*s\" encrypts, but AH does not: use esp_proposals",
			(int)w.n, (const char *)w.p);
	if ((f->flags & SUITE_BROKEN) && env && !env->broken)
		return diag_at(why, E_BAD_VALUE, NULL, 0, column,
			"\"%.*s\" can be broken by anybody: set aditd.plugins.crypto.broken = yes to use it all the same", (int)w.n,
			(const char *)w.p);
	/* Written into the proposals of children by habit; a child SA uses the PRF of its IKE SA. */
	if (proto != SUITE_IKE && tf.type == SUITE_PRF)
		return 0;
	if (ake)
		tf.type = (uint8_t)(SUITE_AKE1 + ake - 1);
	if (!has_tf(env, proto, &tf))
		return word_not_provided(why, column, w, proto, &tf);
	if (tf.type == SUITE_INTEG && !d->integ.n) {
		d->integ = w;
		d->integ_at = column;
		d->integ_id = tf.id;
	}
	if (!draft_add(d, tf))
		return diag_at(why, E_BAD_VALUE, NULL, 0, column, "more than %d algorithms in one proposal", TF_MAX);
	return 0;
}

/* The PRF of the same hash as an integrity algorithm; 0 none. */
static uint16_t prf_of_integ(uint16_t integ)
{
	static const uint16_t pairs[][2] = { { 12, 5 }, { 13, 6 }, { 14, 7 }, { 2, 2 }, { 1, 1 }, { 5, 4 }, { 8, 8 } };
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		if (pairs[i][0] == integ)
			return pairs[i][1];
	return 0;
}

static void add_prfs(struct draft *d, const struct suite_env *env)
{
	size_t n = d->n;
	for (size_t i = 0; i < n; i++) {
		struct suite_tf prf = { SUITE_PRF, false, prf_of_integ(d->tf[i].id), 0 };
		if (d->tf[i].type == SUITE_INTEG && prf.id && has_tf(env, SUITE_IKE, &prf))
			draft_add(d, prf);
	}
	if (draft_has(d, SUITE_PRF))
		return;
	const struct suite_fact *f;
	for (size_t i = 0; (f = suite_fact_at(i)) != NULL; i++) {
		struct suite_tf prf = { SUITE_PRF, false, f->id, 0 };
		if (f->type == SUITE_PRF && (f->flags & SUITE_DEFAULT) && has_tf(env, SUITE_IKE, &prf))
			draft_add(d, prf);
	}
}

/* Integrity beside an AEAD: accepted, because many write it for the PRF, but never silently. */
static void drop_integ(struct draft *d, bool made_prf, struct diag **why)
{
	const struct suite_fact *prf = made_prf ? suite_fact(SUITE_PRF, prf_of_integ(d->integ_id)) : NULL;
	const char *word = (const char *)d->integ.p;

	draft_drop(d, SUITE_INTEG);
	if (d->integ.n && prf)
		diag_at(why, E_BAD_VALUE, NULL, 0, d->integ_at, "\"%.*s\" beside an AEAD stands for the pseudo-random function "
			"only: write \"%s\" instead", (int)d->integ.n, word, prf->word);
	else if (d->integ.n)
		diag_at(why, E_BAD_VALUE, NULL, 0, d->integ_at, "\"%.*s\" is left out, because an AEAD protects integrity by "
			"itself: take the word out", (int)d->integ.n, word);
}

/* Makes the proposal complete or says what it lacks. */
static err_t draft_finish(struct draft *d, const struct suite_env *env, uint8_t proto, struct diag **why)
{
	size_t n_encr = 0, n_aead = 0;
	for (size_t i = 0; i < d->n; i++)
		if (d->tf[i].type == SUITE_ENCR) {
			n_encr++;
			n_aead += suite_fact(SUITE_ENCR, d->tf[i].id)->flags & SUITE_AEAD ? 1 : 0;
		}
	if (!n_encr && proto != SUITE_AH)
		return diag_set(why, E_BAD_VALUE, "the proposal has no encryption algorithm: add one, such as aes256gcm16");
	if (n_aead && n_aead < n_encr)
		return diag_set(why, E_BAD_VALUE, "AEAD and classic encryption cannot stand in one proposal: write two");
	bool made_prf = proto == SUITE_IKE && !draft_has(d, SUITE_PRF);
	if (made_prf)
		add_prfs(d, env);
	if (n_aead)
		drop_integ(d, made_prf, why);
	else if (!draft_has(d, SUITE_INTEG))
		return diag_set(why, E_BAD_VALUE, "the proposal has no integrity algorithm: add one, such as sha256");
	if (proto == SUITE_IKE && !draft_has(d, SUITE_PRF))
		return diag_set(why, E_BAD_VALUE, "the proposal has no pseudo-random function: add one, such as prfsha256");
	bool ke = false, ake = false;
	for (size_t i = 0; i < d->n; i++) {
		ke |= d->tf[i].type == SUITE_KE;
		ake |= d->tf[i].type >= SUITE_AKE1;
		if (proto == SUITE_IKE && d->tf[i].type == SUITE_KE && d->tf[i].id == SUITE_KE_NONE)
			return diag_set(why, E_BAD_VALUE, "an IKE proposal cannot do without key exchange");
	}
	if ((proto == SUITE_IKE || ake) && !ke)
		return diag_set(why, E_BAD_VALUE, "the proposal has no key exchange method: add one, such as x25519");
	if (proto != SUITE_IKE && !draft_has(d, SUITE_ESN))
		draft_add(d, (struct suite_tf){ SUITE_ESN, false, SUITE_ESN_NO, 0 });
	return 0;
}

static err_t list_push(struct suite_list *l, const struct draft *d, uint8_t proto)
{
	struct suite_prop *p = calloc(1, sizeof *p + d->n * sizeof p->tf[0]);
	struct suite_prop **v = p && l->n < UINT8_MAX ? realloc(l->v, (l->n + 1u) * sizeof *v) : NULL;
	if (!v) {
		free(p);
		return E_NOMEM;
	}
	p->proto = proto;
	p->num = (uint8_t)(l->n + 1);
	p->n = (uint8_t)d->n;
	memcpy(p->tf, d->tf, d->n * sizeof d->tf[0]);
	suite_prop_order(p);
	l->v = v;
	l->v[l->n++] = p;
	return 0;
}

static void default_rows(struct draft *d, const struct suite_env *env, uint8_t proto, bool aead, uint8_t type)
{
	const struct suite_fact *f;
	for (size_t i = 0; (f = suite_fact_at(i)) != NULL; i++) {
		if (f->type != type || !(f->flags & SUITE_DEFAULT) || (proto == SUITE_IKE && (f->flags & SUITE_NO_IKE)))
			continue;
		if (type == SUITE_ENCR && aead != !!(f->flags & SUITE_AEAD))
			continue;
		bool by_len = f->flags & SUITE_KEYLEN;
		for (size_t k = 0; k < (by_len ? ARRAY_LEN(f->bits) : 1) && (!by_len || f->bits[k]); k++) {
			struct suite_tf tf = { type, false, f->id, by_len ? f->bits[k] : 0 };
			if (has_tf(env, proto, &tf))
				draft_add(d, tf);
		}
	}
}

/* For an engine that does several key exchanges (RFC 9370): a curve and ML-KEM together, before everything else. The
 * proposals behind it are the fallback for peers that do not. */
static err_t add_hybrid(struct suite_list *l, const struct suite_env *env, uint8_t proto)
{
	static const uint16_t kems[] = { 36, 37 };
	struct draft d;
	bool kem = false;

	d.n = d.integ.n = 0;
	if (proto != SUITE_IKE || !env || !env->hybrid)
		return 0;
	default_rows(&d, env, proto, true, SUITE_ENCR);
	default_rows(&d, env, proto, true, SUITE_PRF);
	default_rows(&d, env, proto, true, SUITE_KE);
	for (size_t i = 0; i < ARRAY_LEN(kems); i++) {
		struct suite_tf tf = { SUITE_AKE1, false, kems[i], 0 };
		if (has_tf(env, proto, &tf) && draft_add(&d, tf))
			kem = true;
	}
	return kem && draft_finish(&d, env, proto, NULL) == 0 ? list_push(l, &d, proto) : 0;
}

/* An AEAD and a classic proposal; a part that nothing provides is left out. Children get no key exchange: PFS is
 * asked for by naming a method. */
static err_t add_default(struct suite_list *l, const struct suite_env *env, uint8_t proto, struct diag **why)
{
	uint16_t before = l->n;
	err_t hybrid = add_hybrid(l, env, proto);
	if (hybrid)
		return hybrid;
	for (int aead = 1; aead >= 0; aead--) {
		struct draft d;
		d.n = d.integ.n = 0;
		if (proto != SUITE_AH)
			default_rows(&d, env, proto, aead, SUITE_ENCR);
		if (!aead)
			default_rows(&d, env, proto, aead, SUITE_INTEG);
		if (proto == SUITE_IKE) {
			default_rows(&d, env, proto, aead, SUITE_PRF);
			default_rows(&d, env, proto, aead, SUITE_KE);
		}
		if (d.n == 0 || draft_finish(&d, env, proto, NULL) != 0)
			continue;
		err_t e = list_push(l, &d, proto);
		if (e)
			return e;
	}
	if (l->n == before)
		return diag_set(why, proto == SUITE_IKE ? E_NOT_SUPPORTED : E_NEEDS, "nothing that is loaded provides what the default "
			"proposal needs");
	return 0;
}

err_t suite_list_add(struct suite_list *l, const struct suite_env *env, uint8_t proto, const char *text,
	struct diag **why)
{
	struct draft d;
	d.n = d.integ.n = 0;

	if (strcmp(text, "default") == 0)
		return add_default(l, env, proto, why);
	for (const char *p = text;; p++) {
		slice w = slice_of(p, strcspn(p, "-"));
		err_t e = word_add(&d, env, proto, w, (uint32_t)(p - text) + 1, why);
		if (e)
			return e;
		p += w.n;
		if (!*p)
			break;
	}
	err_t e = draft_finish(&d, env, proto, why);
	return e ? e : list_push(l, &d, proto);
}

void suite_prop_words(struct text *t, const struct suite_prop *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct suite_fact *f = suite_fact(p->tf[i].type, p->tf[i].id);
		char s[WORD_MAX];
		if (!f || !f->word)
			continue;
		fact_word(f, p->tf[i].bits, s, sizeof s);
		text_str(t, i ? "-" : "");
		if (p->tf[i].type >= SUITE_AKE1)
			text_fmt(t, "ke%u_", (unsigned)(p->tf[i].type - SUITE_AKE1 + 1));
		text_str(t, s);
	}
}

static bool crypto_has(void *arg, uint8_t proto, const struct suite_tf *tf)
{
	const struct crypto *c = arg;
	(void)proto;
	switch (tf->type) {
	case SUITE_ENCR:
		return crypto_encr(c, tf->id, tf->bits) != NULL;
	case SUITE_PRF:
		return crypto_prf(c, tf->id) != NULL;
	case SUITE_INTEG:
		return crypto_integ(c, tf->id) != NULL;
	default:
		return crypto_kex(c, tf->id) != NULL;
	}
}

struct suite_env suite_env_crypto(const struct crypto *c)
{
	return (struct suite_env){ .has = crypto_has, .arg = (void *)(uintptr_t)c };
}
