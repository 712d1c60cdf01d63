/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/cred-common/keys.h"
#include "base/secret.h"
#include "crypto/keyfmt.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { KEYS_MAX = 4096, SPARE_MAX = 8 };

/* A provider's context of a key, kept for the next signature: loading a key can cost as much as a signature. */
struct spare {
	struct spare *next;
	const struct sign_ops *ops;
	_Alignas(16) uint8_t ctx[];
};

struct key {
	_Atomic unsigned refs;
	uint64_t number, tag;
	struct secret pkcs8;
	uint16_t group; /* EC: KE group, else 0 */
	uint8_t *spki;
	size_t n_spki;
	char *label;
	pthread_mutex_t lock; /* of the spares */
	struct spare *spare;
	unsigned n_spare;
};

struct keys {
	const struct plug_host *host;
	pthread_mutex_t lock; /* of the array; the loop alone changes it */
	struct key **v;
	size_t n;
	uint64_t next;
};

static void spare_free(struct spare *s)
{
	s->ops->fini(s->ctx);
	free(s);
}

static void key_unref(struct key *k)
{
	if (atomic_fetch_sub(&k->refs, 1) != 1)
		return;
	while (k->spare) {
		struct spare *next = k->spare->next;
		spare_free(k->spare);
		k->spare = next;
	}
	pthread_mutex_destroy(&k->lock);
	secret_fini(&k->pkcs8);
	free(k->spki);
	free(k->label);
	free(k);
}

struct keys *keys_new(const struct plug_host *host)
{
	struct keys *k = calloc(1, sizeof *k);

	if (!k)
		return NULL;
	k->host = host;
	k->next = 1;
	pthread_mutex_init(&k->lock, NULL);
	return k;
}

void keys_free(struct keys *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->n; i++)
		key_unref(k->v[i]);
	free(k->v);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

static err_t key_new(slice pkcs8, slice spki, const char *label, struct key **out)
{
	struct key *n = calloc(1, sizeof *n);
	struct keyfmt f;

	if (!n)
		return E_NOMEM;
	atomic_init(&n->refs, 1);
	pthread_mutex_init(&n->lock, NULL);
	n->spki = malloc(spki.n ? spki.n : 1);
	n->label = strdup(label ? label : "");
	err_t e = n->spki && n->label ? secret_copy(&n->pkcs8, pkcs8) : E_NOMEM;
	if (!e)
		e = keyfmt_public(spki, &f);
	if (e) {
		key_unref(n);
		return e;
	}
	memcpy(n->spki, spki.p, spki.n);
	n->n_spki = spki.n;
	n->group = f.group;
	*out = n;
	return 0;
}

err_t keys_add(struct keys *k, slice pkcs8, slice spki, const char *label, uint64_t tag, uint64_t *number)
{
	struct key *n;

	for (size_t i = 0; i < k->n; i++)
		if (slice_equal(slice_of(k->v[i]->spki, k->v[i]->n_spki), spki)) {
			k->v[i]->tag = tag;
			*number = k->v[i]->number;
			return 0;
		}
	if (k->n >= KEYS_MAX)
		return E_LIMIT;
	err_t e = key_new(pkcs8, spki, label, &n);
	if (e)
		return e;
	n->tag = tag;
	n->number = k->next++;
	pthread_mutex_lock(&k->lock);
	struct key **v = reallocarray(k->v, k->n + 1, sizeof *v);
	if (v) {
		k->v = v;
		v[k->n++] = n;
	}
	pthread_mutex_unlock(&k->lock);
	if (!v) {
		key_unref(n);
		return E_NOMEM;
	}
	*number = n->number;
	return 0;
}

static void drop(struct keys *k, size_t i)
{
	pthread_mutex_lock(&k->lock);
	struct key *gone = k->v[i];
	k->v[i] = k->v[--k->n];
	pthread_mutex_unlock(&k->lock);
	key_unref(gone);
}

err_t keys_del(struct keys *k, uint64_t number)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->v[i]->number == number) {
			drop(k, i);
			return 0;
		}
	return E_NOT_FOUND;
}

size_t keys_del_other(struct keys *k, uint64_t tag)
{
	size_t gone = 0;

	for (size_t i = k->n; i-- > 0;)
		if (k->v[i]->tag != tag) {
			drop(k, i);
			gone++;
		}
	return gone;
}

void keys_each(struct keys *k, void (*cb)(void *arg, const struct cred_key_info *i), void *arg)
{
	for (size_t i = 0; i < k->n; i++)
		cb(arg, &(struct cred_key_info){ .key = k->v[i]->number, .spki = slice_of(k->v[i]->spki, k->v[i]->n_spki),
			.label = k->v[i]->label });
}

size_t keys_count(const struct keys *k)
{
	return k->n;
}

static struct key *key_take(struct keys *k, uint64_t number)
{
	struct key *found = NULL;

	pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < k->n && !found; i++)
		if (k->v[i]->number == number)
			found = k->v[i];
	if (found)
		atomic_fetch_add(&found->refs, 1);
	pthread_mutex_unlock(&k->lock);
	return found;
}

static err_t spare_get(struct key *k, const struct sign_ops *ops, struct spare **out)
{
	struct spare **at = &k->spare, *s = NULL;

	pthread_mutex_lock(&k->lock);
	while (*at && (*at)->ops != ops)
		at = &(*at)->next;
	if ((s = *at)) {
		*at = s->next;
		k->n_spare--;
	}
	pthread_mutex_unlock(&k->lock);
	*out = s;
	if (s)
		return 0;
	s = calloc(1, sizeof *s + ops->ctx_size);
	if (!s)
		return E_NOMEM;
	s->ops = ops;
	*out = s;
	return ops->load_private(s->ctx, secret_slice(&k->pkcs8));
}

static void spare_put(struct key *k, struct spare *s)
{
	pthread_mutex_lock(&k->lock);
	bool keep = k->n_spare < SPARE_MAX;
	if (keep) {
		s->next = k->spare;
		k->spare = s;
		k->n_spare++;
	}
	pthread_mutex_unlock(&k->lock);
	if (!keep)
		spare_free(s);
}

err_t keys_sign(struct keys *k, const struct cred_sign *what, uint8_t *sig, size_t *len)
{
	struct key *key = key_take(k, what->key);
	struct spare *s = NULL;

	if (!key)
		return E_NOT_FOUND;
	bool ec = what->sign_id == PLUG_SIGN_ECDSA || what->sign_id == PLUG_SIGN_ECDSA_RAW;
	const struct sign_ops *ops = k->host->find(k->host->h, PLUG_SIGN, what->sign_id, ec ? key->group : 0);
	err_t e = ops && ops->load_private && ops->sign ? spare_get(key, ops, &s) : E_NOT_SUPPORTED;
	if (!e)
		e = ops->sign(s->ctx, &what->how, &what->octets, 1, sig, len);
	if (s && !e)
		spare_put(key, s);
	else if (s)
		spare_free(s);
	key_unref(key);
	return e;
}
