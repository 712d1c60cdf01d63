/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains of nodes under a power of two of buckets. While it changes size there are two bucket arrays: a few buckets of
 * the old one are moved with every change. A change first moves the bucket of its own key, so that all values of one
 * key are always in one chain.
 */
#include "base/htab.h"

#include <stdlib.h>

enum { MIN_BUCKETS = 16, MOVE_STEP = 4, KEY_MAX = 256 };

struct node {
	struct node *next;
	uint64_t val;
	uint8_t key[]; /* tables of any key length: two bytes of length before it */
};

struct buckets {
	struct node **b;
	size_t n; /* power of two, 0: none */
};

struct htab {
	uint8_t seed[16];
	size_t key_len;
	size_t count;
	struct buckets now, old;
	size_t moved; /* buckets of `old` below this are empty */
};

static inline uint64_t rotl(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static inline uint64_t le64(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static void sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
}

uint64_t siphash(const uint8_t seed[16], slice data)
{
	uint64_t k0 = le64(seed, 8), k1 = le64(seed + 8, 8);
	uint64_t v[4] = { k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
		k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573) };
	size_t i = 0;

	for (; i + 8 <= data.n; i += 8)
		sip_word(v, le64(data.p + i, 8));
	uint64_t last = (uint64_t)data.n << 56;
	if (data.n > i)
		last |= le64(data.p + i, data.n - i);
	sip_word(v, last);
	v[2] ^= 0xff;
	for (int r = 0; r < 4; r++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct htab *htab_new(size_t key_len, const uint8_t seed[16])
{
	struct htab *t = key_len <= 64 ? calloc(1, sizeof *t) : NULL;

	if (!t)
		return NULL;
	t->now.b = calloc(MIN_BUCKETS, sizeof *t->now.b);
	if (!t->now.b) {
		free(t);
		return NULL;
	}
	t->now.n = MIN_BUCKETS;
	t->key_len = key_len;
	memcpy(t->seed, seed, sizeof t->seed);
	return t;
}

static void buckets_free(struct buckets *b)
{
	for (size_t i = 0; i < b->n; i++)
		for (struct node *n = b->b[i], *next; n; n = next) {
			next = n->next;
			free(n);
		}
	free(b->b);
}

void htab_free(struct htab *t)
{
	if (!t)
		return;
	buckets_free(&t->now);
	buckets_free(&t->old);
	free(t);
}

static inline slice node_key(const struct htab *t, const struct node *n)
{
	return t->key_len ? slice_of(n->key, t->key_len) : slice_of(n->key + 2, (size_t)n->key[0] << 8 | n->key[1]);
}

static inline bool key_fits(const struct htab *t, slice key)
{
	return t->key_len ? key.n == t->key_len : key.n <= KEY_MAX;
}

static inline size_t bucket_of(const struct buckets *b, uint64_t hash)
{
	return (size_t)hash & (b->n - 1);
}

static void move_bucket(struct htab *t, size_t i)
{
	struct node *n = t->old.b[i];

	t->old.b[i] = NULL;
	while (n) {
		struct node *next = n->next;
		struct node **to = &t->now.b[bucket_of(&t->now, siphash(t->seed, node_key(t, n)))];
		n->next = *to;
		*to = n;
		n = next;
	}
}

/* One step of moving, and the bucket of `hash` entirely. */
static void move_some(struct htab *t, uint64_t hash)
{
	if (!t->old.n)
		return;
	move_bucket(t, bucket_of(&t->old, hash));
	for (int i = 0; i < MOVE_STEP && t->moved < t->old.n; i++)
		move_bucket(t, t->moved++);
	if (t->moved == t->old.n) {
		free(t->old.b);
		t->old = (struct buckets){ NULL, 0 };
	}
}

/* Begins to change size when that is due; without memory it goes on with longer chains. */
static void resize_when_due(struct htab *t)
{
	size_t want = t->now.n;

	if (t->count > t->now.n)
		want = t->now.n * 2;
	else if (t->now.n > MIN_BUCKETS && t->count < t->now.n / 8)
		want = t->now.n / 2;
	if (want == t->now.n || t->old.n)
		return;
	struct node **b = calloc(want, sizeof *b);
	if (!b)
		return;
	t->old = t->now;
	t->now = (struct buckets){ b, want };
	t->moved = 0;
}

static struct node *chain_find(const struct htab *t, struct node *n, slice key)
{
	while (n && !slice_equal(node_key(t, n), key))
		n = n->next;
	return n;
}

static struct node *find(const struct htab *t, slice key)
{
	if (!key_fits(t, key))
		return NULL;
	uint64_t hash = siphash(t->seed, key);
	struct node *n = t->old.n ? chain_find(t, t->old.b[bucket_of(&t->old, hash)], key) : NULL;
	return n ? n : chain_find(t, t->now.b[bucket_of(&t->now, hash)], key);
}

err_t htab_add_multi(struct htab *t, slice key, uint64_t val)
{
	if (!key_fits(t, key))
		return E_MISUSE;
	struct node *n = malloc(sizeof *n + key.n + (t->key_len ? 0 : 2));
	if (!n)
		return E_NOMEM;
	uint64_t hash = siphash(t->seed, key);
	move_some(t, hash);
	n->val = val;
	uint8_t *k = n->key;
	if (!t->key_len) {
		*k++ = (uint8_t)(key.n >> 8);
		*k++ = (uint8_t)key.n;
	}
	if (key.n)
		memcpy(k, key.p, key.n);
	struct node **to = &t->now.b[bucket_of(&t->now, hash)];
	n->next = *to;
	*to = n;
	t->count++;
	resize_when_due(t);
	return 0;
}

err_t htab_add(struct htab *t, slice key, uint64_t val)
{
	return find(t, key) ? E_EXISTS : htab_add_multi(t, key, val);
}

bool htab_find(const struct htab *t, slice key, uint64_t *val)
{
	const struct node *n = find(t, key);

	if (!n)
		return false;
	if (val)
		*val = n->val;
	return true;
}

bool htab_find_next(const struct htab *t, slice key, uint64_t *cursor, uint64_t *val)
{
	const struct node *last = (const struct node *)(uintptr_t)*cursor;
	const struct node *n = last ? chain_find(t, last->next, key) : find(t, key);

	if (!n)
		return false;
	*cursor = (uint64_t)(uintptr_t)n;
	*val = n->val;
	return true;
}

static bool del(struct htab *t, slice key, const uint64_t *val)
{
	if (!key_fits(t, key))
		return false;
	uint64_t hash = siphash(t->seed, key);
	move_some(t, hash);
	for (struct node **at = &t->now.b[bucket_of(&t->now, hash)]; *at; at = &(*at)->next) {
		struct node *n = *at;
		if (!slice_equal(node_key(t, n), key) || (val && *val != n->val))
			continue;
		*at = n->next;
		free(n);
		t->count--;
		resize_when_due(t);
		return true;
	}
	return false;
}

bool htab_del(struct htab *t, slice key)
{
	return del(t, key, NULL);
}

bool htab_del_val(struct htab *t, slice key, uint64_t val)
{
	return del(t, key, &val);
}

size_t htab_count(const struct htab *t)
{
	return t->count;
}

static const struct node *first_from(const struct buckets *b, size_t i)
{
	for (; i < b->n; i++)
		if (b->b[i])
			return b->b[i];
	return NULL;
}

bool htab_each(const struct htab *t, uint64_t *cursor, uint64_t *val)
{
	const struct node *n = (const struct node *)(uintptr_t)*cursor;

	if (!n) {
		n = first_from(&t->old, 0);
		n = n ? n : first_from(&t->now, 0);
	} else if (n->next) {
		n = n->next;
	} else {
		uint64_t hash = siphash(t->seed, node_key(t, n));
		size_t at = t->old.n ? bucket_of(&t->old, hash) : 0;
		bool in_old = t->old.n && chain_find(t, t->old.b[at], node_key(t, n));
		const struct node *next = in_old ? first_from(&t->old, at + 1) : NULL;
		n = next ? next : first_from(&t->now, in_old ? 0 : bucket_of(&t->now, hash) + 1);
	}
	if (!n)
		return false;
	*cursor = (uint64_t)(uintptr_t)n;
	*val = n->val;
	return true;
}
