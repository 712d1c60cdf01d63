/* SPDX-License-Identifier: Apache-2.0 */
#include "cred/set.h"

#include "crypto/keyfmt.h"

#include <stdatomic.h>
#include <stdlib.h>

struct held_cert {
	struct cred_item is;
	char *name;
};

struct held_key {
	struct cred_key is;
	uint8_t *spki;
	char *label;
};

struct held_crl {
	struct cert_crl *crl;
	uint16_t source;
};

struct cred_set {
	const struct cert_ops *ops;
	const struct crypto *crypto;
	struct held_cert *certs;
	struct held_key *keys;
	struct held_crl *crls;
	size_t n_certs, n_keys, n_crls;
	struct cred_pool *pool; /* NULL: to be made */
	uint8_t *cas;
	size_t n_cas;
	uint64_t crls_added;
};

err_t cred_set_new(const struct cert_ops *ops, const struct crypto *crypto, struct cred_set **out)
{
	struct cred_set *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	s->ops = ops;
	s->crypto = crypto;
	*out = s;
	return 0;
}

static void changed(struct cred_set *s)
{
	cred_pool_unref(s->pool);
	s->pool = NULL;
}

static void drop_cert(struct cred_set *s, size_t i)
{
	s->ops->unref(s->certs[i].is.cert);
	free(s->certs[i].name);
	memmove(&s->certs[i], &s->certs[i + 1], (s->n_certs - i - 1) * sizeof s->certs[0]);
	s->n_certs--;
}

static void drop_key(struct cred_set *s, size_t i)
{
	free(s->keys[i].spki);
	free(s->keys[i].label);
	s->keys[i] = s->keys[--s->n_keys];
}

static void drop_crl(struct cred_set *s, size_t i)
{
	s->ops->crl_unref(s->crls[i].crl);
	s->crls[i] = s->crls[--s->n_crls];
}

void cred_set_free(struct cred_set *s)
{
	if (!s)
		return;
	while (s->n_certs)
		drop_cert(s, s->n_certs - 1);
	while (s->n_keys)
		drop_key(s, s->n_keys - 1);
	while (s->n_crls)
		drop_crl(s, s->n_crls - 1);
	changed(s);
	free(s->certs);
	free(s->keys);
	free(s->crls);
	free(s->cas);
	free(s);
}

const struct cert_ops *cred_set_ops(const struct cred_set *s)
{
	return s->ops;
}

/* Room for one more of n; false: no memory. */
static bool grow(void **v, size_t n, size_t size)
{
	if (n & (n - 1) || (n && n < 8))
		return true;
	void *p = reallocarray(*v, n ? 2 * n : 8, size);
	if (!p)
		return false;
	*v = p;
	return true;
}

err_t cred_set_add_cert(struct cred_set *s, uint16_t source, struct cert *c, uint32_t flags, const char *name)
{
	const struct cert_info *info = s->ops->info(c);
	void *v = s->certs;

	for (size_t i = 0; i < s->n_certs; i++)
		if (s->certs[i].is.source == source && !memcmp(s->certs[i].is.info->sha256, info->sha256, sizeof info->sha256)) {
			s->certs[i].is.flags |= flags;
			changed(s);
			return 0;
		}
	if (s->n_certs >= CRED_CERTS_MAX)
		return E_LIMIT;
	char *copy = strdup(name ? name : "");
	if (!copy || !grow(&v, s->n_certs, sizeof s->certs[0])) {
		free(copy);
		return E_NOMEM;
	}
	s->certs = v;
	s->certs[s->n_certs++] = (struct held_cert){ { s->ops->ref(c), info, flags, source, copy }, copy };
	changed(s);
	return 0;
}

/* Is a the older list of what b is a list of? */
static bool is_older(const struct cert_crl_info *a, const struct cert_crl_info *b)
{
	return slice_equal(a->issuer, b->issuer) && slice_equal(a->akid, b->akid) && !a->base.n == !b->base.n &&
		a->this_update <= b->this_update;
}

err_t cred_set_add_crl(struct cred_set *s, uint16_t source, struct cert_crl *c)
{
	const struct cert_crl_info *info = s->ops->crl_info(c);
	size_t same = 0, oldest = SIZE_MAX;
	void *v;

	for (size_t i = 0; i < s->n_crls; i++) {
		const struct cert_crl_info *o = s->ops->crl_info(s->crls[i].crl);
		if (slice_equal(o->der, info->der))
			return 0;
		if (!is_older(o, info))
			continue;
		same++;
		if (oldest == SIZE_MAX || o->this_update < s->ops->crl_info(s->crls[oldest].crl)->this_update)
			oldest = i;
	}
	/* A CA may have several lists that are valid at once, one for each distribution point. */
	if (same >= CRED_CRLS_PER_ISSUER)
		drop_crl(s, oldest);
	if (s->n_crls >= CRED_CRLS_MAX)
		return E_LIMIT;
	v = s->crls;
	if (!grow(&v, s->n_crls, sizeof s->crls[0]))
		return E_NOMEM;
	s->crls = v;
	s->crls[s->n_crls++] = (struct held_crl){ s->ops->crl_ref(c), source };
	s->crls_added++;
	changed(s);
	return 0;
}

err_t cred_keyid(const struct crypto *c, slice spki, uint8_t out[CRED_KEYID_LEN])
{
	const struct hash_ops *h = crypto_hash(c, PLUG_HASH_SHA1);
	struct rd all = rd_of(spki), r = rd_of(der_next(&all, DER_SEQ));

	der_next(&r, DER_SEQ);
	slice bits = der_next(&r, DER_BITS);
	if (rd_close(&all) || rd_close(&r) || bits.n < 2)
		return E_BAD_VALUE;
	bits = slice_of(bits.p + 1, bits.n - 1);
	return h ? h->digest(&bits, 1, out) : E_NOT_SUPPORTED;
}

err_t cred_set_add_key(struct cred_set *s, uint16_t source, const struct cred_key_info *k)
{
	struct held_key n = { .is = { .source = source, .key = k->key } };
	void *v = s->keys;

	for (size_t i = 0; i < s->n_keys; i++)
		if (s->keys[i].is.source == source && s->keys[i].is.key == k->key)
			return 0;
	if (s->n_keys >= CRED_KEYS_MAX)
		return E_LIMIT;
	err_t e = cred_pub_of(k->spki, &n.is.pub);
	if (!e)
		e = cred_keyid(s->crypto, k->spki, n.is.id);
	if (e)
		return e;
	n.spki = malloc(k->spki.n);
	n.label = strdup(k->label ? k->label : "");
	if (!n.spki || !n.label || !grow(&v, s->n_keys, sizeof s->keys[0])) {
		free(n.spki);
		free(n.label);
		return E_NOMEM;
	}
	memcpy(n.spki, k->spki.p, k->spki.n);
	n.is.spki = slice_of(n.spki, k->spki.n);
	n.is.label = n.label;
	s->keys = v;
	s->keys[s->n_keys++] = n;
	return 0;
}

void cred_set_clear(struct cred_set *s, uint16_t source, const char *name)
{
	for (size_t i = s->n_certs; i-- > 0;)
		if (s->certs[i].is.source == source && (!name || strcmp(name, s->certs[i].name) == 0))
			drop_cert(s, i);
	for (size_t i = s->n_crls; i-- > 0;)
		if (!name && s->crls[i].source == source)
			drop_crl(s, i);
	changed(s);
}

void cred_set_clear_keys(struct cred_set *s, uint16_t source)
{
	for (size_t i = s->n_keys; i-- > 0;)
		if (s->keys[i].is.source == source)
			drop_key(s, i);
}

bool cred_set_del_key(struct cred_set *s, const struct cred_key *k)
{
	for (size_t i = 0; i < s->n_keys; i++)
		if (&s->keys[i].is == k) {
			drop_key(s, i);
			return true;
		}
	return false;
}

/* ---- looking ------------------------------------------------------------------------------------------------------ */

const struct cred_item *cred_set_cert(const struct cred_set *s, size_t i)
{
	return i < s->n_certs ? &s->certs[i].is : NULL;
}

const struct cred_key *cred_set_key(const struct cred_set *s, size_t i)
{
	return i < s->n_keys ? &s->keys[i].is : NULL;
}

struct cert_crl *cred_set_crl(const struct cred_set *s, size_t i, uint16_t *source)
{
	if (i >= s->n_crls)
		return NULL;
	*source = s->crls[i].source;
	return s->crls[i].crl;
}

const struct cred_key *cred_set_key_of(const struct cred_set *s, slice spki)
{
	for (size_t i = 0; i < s->n_keys; i++)
		if (slice_equal(s->keys[i].is.spki, spki))
			return &s->keys[i].is;
	return NULL;
}

const struct cred_key *cred_set_key_by_id(const struct cred_set *s, const uint8_t id[CRED_KEYID_LEN])
{
	for (size_t i = 0; i < s->n_keys; i++)
		if (!memcmp(s->keys[i].is.id, id, CRED_KEYID_LEN))
			return &s->keys[i].is;
	return NULL;
}

/* ---- pools --------------------------------------------------------------------------------------------------------- */

struct cred_pool *cred_pool_ref(struct cred_pool *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void cred_pool_unref(struct cred_pool *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < p->n_anchors; i++)
		p->ops->unref(p->anchors[i]);
	for (size_t i = 0; i < p->n_others; i++)
		p->ops->unref(p->others[i]);
	for (size_t i = 0; i < p->n_crls; i++)
		p->ops->crl_unref(p->crls[i]);
	free(p->anchors);
	free(p->others);
	free(p->crls);
	free(p);
}

/* ---- which CAs are anchors ---- */

enum place { NO_CA = 0, ANCHOR, BELOW, OPEN };

static bool is_issuer(const struct cert_info *by, const struct cert_info *of)
{
	bool ids = of->akid.n && by->skid.n;

	return slice_equal(by->subject, of->issuer) && (!ids || slice_equal(of->akid, by->skid));
}

/* Is one of the CAs that have the place `want` (OPEN: any) its issuer? */
static bool has_issuer(const struct cred_set *s, const uint8_t *place, const struct cert_info *info, enum place want)
{
	for (size_t i = 0; i < s->n_certs; i++)
		if (place[i] && (want == OPEN || place[i] == want) && s->certs[i].is.info != info && is_issuer(s->certs[i].is.info, info))
			return true;
	return false;
}

/* A CA of ours below another CA of ours is no anchor of its own: its revocation would not be looked at. But CAs that sign one
 * another, with none above them, are anchors all. */
static void find_places(const struct cred_set *s, uint8_t *place)
{
	bool changed = true;

	for (size_t i = 0; i < s->n_certs; i++)
		place[i] = s->certs[i].is.flags & CRED_CERT_CA ? OPEN : NO_CA;
	for (size_t i = 0; i < s->n_certs; i++) {
		const struct cert_info *info = s->certs[i].is.info;
		if (place[i] && (slice_equal(info->subject, info->issuer) || !has_issuer(s, place, info, OPEN)))
			place[i] = ANCHOR;
	}
	while (changed) {
		changed = false;
		for (size_t i = 0; i < s->n_certs; i++) {
			const struct cert_info *info = s->certs[i].is.info;
			if (place[i] == OPEN && (has_issuer(s, place, info, ANCHOR) || has_issuer(s, place, info, BELOW))) {
				place[i] = BELOW;
				changed = true;
			}
		}
	}
}

static bool has_cert(const struct cred_set *s, struct cert *const *v, size_t n, const struct cert_info *info)
{
	for (size_t i = 0; i < n; i++)
		if (!memcmp(s->ops->info(v[i])->sha256, info->sha256, sizeof info->sha256))
			return true;
	return false;
}

uint64_t cred_set_crls_added(const struct cred_set *s)
{
	return s->crls_added;
}

struct cred_pool *cred_set_pool(struct cred_set *s)
{
	struct cred_pool *p = s->pool;

	if (p)
		return cred_pool_ref(p);
	p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	atomic_init(&p->refs, 1);
	p->ops = s->ops;
	p->anchors = calloc(s->n_certs + 1, sizeof *p->anchors);
	p->others = calloc(s->n_certs + 1, sizeof *p->others);
	p->crls = calloc(s->n_crls + 1, sizeof *p->crls);
	uint8_t *place = calloc(s->n_certs + 1, 1);
	if (!p->anchors || !p->others || !p->crls || !place) {
		free(place);
		cred_pool_unref(p);
		return NULL;
	}
	find_places(s, place);
	for (size_t i = 0; i < s->n_certs; i++) {
		const struct cred_item *c = &s->certs[i].is;
		bool anchor = place[i] == ANCHOR || place[i] == OPEN;
		/* A CA that came from several sources is one anchor. */
		if (anchor && !has_cert(s, p->anchors, p->n_anchors, c->info))
			p->anchors[p->n_anchors++] = s->ops->ref(c->cert);
		else if (!anchor)
			p->others[p->n_others++] = s->ops->ref(c->cert);
	}
	free(place);
	for (size_t i = 0; i < s->n_crls; i++)
		p->crls[p->n_crls++] = s->ops->crl_ref(s->crls[i].crl);
	s->pool = p;
	return cred_pool_ref(p);
}

slice cred_set_cas(struct cred_set *s)
{
	struct cred_pool *p = cred_set_pool(s);
	uint8_t *v = p ? reallocarray(s->cas, p->n_anchors + 1, CRED_KEYID_LEN) : NULL;

	if (v) {
		s->cas = v;
		s->n_cas = p->n_anchors;
		for (size_t i = 0; i < p->n_anchors; i++)
			memcpy(v + i * CRED_KEYID_LEN, s->ops->info(p->anchors[i])->key_sha1, CRED_KEYID_LEN);
	}
	cred_pool_unref(p);
	return v ? slice_of(s->cas, s->n_cas * CRED_KEYID_LEN) : SLICE_NONE;
}
