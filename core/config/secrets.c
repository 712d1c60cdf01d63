/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared secrets with their owners. Found by a hash of the owners' identities, so that a gateway with 100,000 of them
 * answers at once; owners with wildcards (and names too long for the hash) stand in a list that is walked.
 */
#include "config/psk.h"

#include "base/htab.h"

#include <ctype.h>
#include <stdlib.h>
#include <sys/random.h>

struct entry {
	char *id;
	char type[8];
	struct conf_id *owners;
	size_t n_owners;
	struct secret data;
	struct secret remote; /* of the peer, when it has another one */
	uint64_t seq; /* order of loading */
	size_t at;    /* in conf_secrets.v */
	bool wild;    /* stands in conf_secrets.wild, too */
};

struct list {
	struct entry **v;
	size_t n, cap;
};

/* Shared by all who have the same secrets; copied when one of them makes a change. */
struct body {
	unsigned refs;
	struct list all, wild;
	struct htab *by_id;    /* unique id → entry */
	struct htab *by_owner; /* each exact owner → entries */
	struct htab *sole;     /* the owner of an entry that has only this one → entries */
	uint64_t seq;
};

struct conf_secrets {
	struct body *b;
};

enum { KEY_MAX = 255 };
/* What conf_id_match says of an owner that is the same. */
enum { MATCH_EQUAL = 100 };
enum { ID_IPV4 = 1, ID_FQDN = 2, ID_RFC822 = 3, ID_IPV6 = 5, ID_IPV4_NET = 4, ID_IPV6_NET = 6, ID_IPV4_RANGE = 7, ID_IPV6_RANGE = 8, ID_DN = 9 };

static struct htab *new_table(void)
{
	uint8_t seed[16];

	return getrandom(seed, sizeof seed, 0) == (ssize_t)sizeof seed ? htab_new(0, seed) : NULL;
}

static void entry_free(struct entry *e)
{
	for (size_t i = 0; i < e->n_owners; i++)
		conf_id_fini(&e->owners[i]);
	free(e->owners);
	secret_fini(&e->data);
	secret_fini(&e->remote);
	free(e->id);
	free(e);
}

static bool list_add(struct list *l, struct entry *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		struct entry **v = realloc(l->v, cap * sizeof *v);
		if (!v)
			return false;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = e;
	return true;
}

static void list_del(struct list *l, const struct entry *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i] == e) {
			l->v[i] = l->v[--l->n];
			return;
		}
}

/* The hash key of an identity; n 0: it has none. */
static slice key_of(uint8_t type, slice data, uint8_t buf[KEY_MAX])
{
	bool fold = type == ID_FQDN || type == ID_RFC822;

	if (data.n + 1 > KEY_MAX)
		return SLICE_NONE;
	buf[0] = type;
	for (size_t i = 0; i < data.n; i++)
		buf[1 + i] = fold ? (uint8_t)tolower(data.p[i]) : data.p[i];
	return slice_of(buf, data.n + 1);
}

/* Can the owner match only what is equal to it? */
static slice owner_key(const struct conf_id *o, uint8_t buf[KEY_MAX])
{
	bool wild = o->type == 0 || o->type == ID_DN || o->type == ID_IPV4_NET || o->type == ID_IPV6_NET ||
		o->type == ID_IPV4_RANGE || o->type == ID_IPV6_RANGE ||
		((o->type == ID_FQDN || o->type == ID_RFC822) && o->n && o->data[0] == '*');

	return wild ? SLICE_NONE : key_of(o->type, slice_of(o->data, o->n), buf);
}

static void take_out(struct body *s, struct entry *e)
{
	uint8_t buf[KEY_MAX];

	for (size_t i = 0; i < e->n_owners; i++) {
		slice k = owner_key(&e->owners[i], buf);
		if (k.n) {
			htab_del_val(s->by_owner, k, (uintptr_t)e);
			htab_del_val(s->sole, k, (uintptr_t)e);
		}
	}
	if (e->wild)
		list_del(&s->wild, e);
	htab_del_val(s->by_id, slice_str(e->id), (uintptr_t)e);
	if (e->at < s->all.n && s->all.v[e->at] == e) {
		s->all.v[e->at] = s->all.v[--s->all.n];
		s->all.v[e->at]->at = e->at;
	}
	entry_free(e);
}

static err_t put_in(struct body *s, struct entry *e)
{
	uint8_t buf[KEY_MAX];
	err_t err = 0;

	e->at = s->all.n;
	if (!list_add(&s->all, e))
		return E_NOMEM;
	for (size_t i = 0; !err && i < e->n_owners; i++) {
		slice k = owner_key(&e->owners[i], buf);
		if (!k.n)
			e->wild = true;
		else
			err = htab_add_multi(s->by_owner, k, (uintptr_t)e);
		if (!err && k.n && e->n_owners == 1)
			err = htab_add_multi(s->sole, k, (uintptr_t)e);
	}
	e->wild = e->wild || e->n_owners == 0;
	if (!err && e->wild && !list_add(&s->wild, e))
		err = E_NOMEM;
	return err;
}

static void body_clear(struct body *b)
{
	while (b->all.n)
		take_out(b, b->all.v[b->all.n - 1]);
}

static void body_unref(struct body *b)
{
	if (!b || --b->refs)
		return;
	if (b->by_id && b->by_owner && b->sole)
		body_clear(b);
	htab_free(b->by_id);
	htab_free(b->by_owner);
	htab_free(b->sole);
	free(b->all.v);
	free(b->wild.v);
	free(b);
}

static struct body *body_new(void)
{
	struct body *b = calloc(1, sizeof *b);

	if (!b)
		return NULL;
	b->refs = 1;
	b->by_id = new_table();
	b->by_owner = new_table();
	b->sole = new_table();
	if (b->by_id && b->by_owner && b->sole)
		return b;
	body_unref(b);
	return NULL;
}

static err_t body_add(struct body *s, const char *unique_id, const char *type, const struct conf_id *owners,
		      size_t n_owners, struct secret *data, struct secret *remote)
{
	size_t tn = strlen(type);
	uint64_t old = 0;
	struct entry *e;
	err_t err = 0;

	if (tn >= sizeof e->type || strlen(unique_id) > KEY_MAX || !unique_id[0])
		return E_BAD_VALUE;
	e = calloc(1, sizeof *e);
	if (!e)
		return E_NOMEM;
	memcpy(e->type, type, tn);
	e->id = strdup(unique_id);
	e->owners = n_owners ? calloc(n_owners, sizeof *owners) : NULL;
	if (!e->id || (n_owners && !e->owners)) {
		entry_free(e);
		return E_NOMEM;
	}
	for (; e->n_owners < n_owners && !err; e->n_owners++)
		err = conf_id_copy(&e->owners[e->n_owners], owners[e->n_owners].type,
			slice_of(owners[e->n_owners].data, owners[e->n_owners].n));
	if (err) {
		entry_free(e);
		return err;
	}
	e->seq = s->seq++;
	bool have = htab_find(s->by_id, slice_str(unique_id), &old);
	err = put_in(s, e);
	if (!err)
		err = htab_add_multi(s->by_id, slice_str(unique_id), (uintptr_t)e);
	if (err) {
		take_out(s, e);
		return err;
	}
	if (have) {
		e->seq = ((struct entry *)(uintptr_t)old)->seq;
		take_out(s, (struct entry *)(uintptr_t)old);
	}
	secret_move(&e->data, data);
	if (remote)
		secret_move(&e->remote, remote);
	return 0;
}

/* A body of one's own, to be changed. */
static err_t own(struct conf_secrets *s)
{
	struct body *b;
	err_t err = 0;

	if (s->b->refs == 1)
		return 0;
	b = body_new();
	if (!b)
		return E_NOMEM;
	for (size_t i = 0; !err && i < s->b->all.n; i++) {
		const struct entry *e = s->b->all.v[i];
		struct secret data = { 0 }, remote = { 0 };
		err = secret_copy(&data, secret_slice(&e->data));
		if (!err && e->remote.n)
			err = secret_copy(&remote, secret_slice(&e->remote));
		if (!err)
			err = body_add(b, e->id, e->type, e->owners, e->n_owners, &data, &remote);
		secret_fini(&data);
		secret_fini(&remote);
		if (!err)
			b->all.v[b->all.n - 1]->seq = e->seq;
	}
	b->seq = s->b->seq;
	if (err) {
		body_unref(b);
		return err;
	}
	body_unref(s->b);
	s->b = b;
	return 0;
}

bool conf_secret_is_key(const char *type)
{
	static const char *const types[] = { "PRIVATE", "RSA", "ECDSA", "PKCS8", "PKCS12", "TOKEN" };

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

struct conf_secrets *conf_secrets_new(void)
{
	struct conf_secrets *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->b = body_new();
	if (s->b)
		return s;
	free(s);
	return NULL;
}

struct conf_secrets *conf_secrets_share(const struct conf_secrets *s)
{
	struct conf_secrets *copy = calloc(1, sizeof *copy);

	if (!copy)
		return NULL;
	copy->b = s->b;
	copy->b->refs++;
	return copy;
}

bool conf_secrets_shared(const struct conf_secrets *a, const struct conf_secrets *b)
{
	return a->b == b->b;
}

void conf_secrets_free(struct conf_secrets *s)
{
	if (!s)
		return;
	body_unref(s->b);
	free(s);
}

err_t conf_secrets_add(struct conf_secrets *s, const char *unique_id, const char *type, const struct conf_id *owners,
		       size_t n_owners, struct secret *data, struct secret *remote)
{
	err_t err = own(s);

	return err ? err : body_add(s->b, unique_id, type, owners, n_owners, data, remote);
}

err_t conf_secrets_absorb(struct conf_secrets *into, struct conf_secrets *from)
{
	err_t err = own(into);

	if (!err)
		err = own(from);
	for (size_t i = 0; !err && i < from->b->all.n; i++) {
		struct entry *e = from->b->all.v[i];
		err = body_add(into->b, e->id, e->type, e->owners, e->n_owners, &e->data, &e->remote);
	}
	if (!err)
		body_clear(from->b);
	return err;
}

bool conf_secrets_del(struct conf_secrets *s, const char *unique_id)
{
	uint64_t v;

	if (!htab_find(s->b->by_id, slice_str(unique_id), &v) || own(s) ||
	    !htab_find(s->b->by_id, slice_str(unique_id), &v))
		return false;
	take_out(s->b, (struct entry *)(uintptr_t)v);
	return true;
}

void conf_secrets_clear(struct conf_secrets *s)
{
	struct body *b;

	if (s->b->refs == 1) {
		body_clear(s->b);
		return;
	}
	b = body_new();
	/* Without memory for an empty one the others lose theirs, too: secrets have to go when they are told to. */
	if (!b) {
		body_clear(s->b);
		return;
	}
	body_unref(s->b);
	s->b = b;
}

size_t conf_secrets_count(const struct conf_secrets *s)
{
	return s->b->all.n;
}

const char *conf_secrets_at(const struct conf_secrets *s, size_t i)
{
	return i < s->b->all.n ? s->b->all.v[i]->id : NULL;
}

bool conf_secrets_find(const struct conf_secrets *s, const char *unique_id, struct conf_secret_view *out)
{
	uint64_t v;

	if (!htab_find(s->b->by_id, slice_str(unique_id), &v))
		return false;
	const struct entry *e = (const struct entry *)(uintptr_t)v;
	*out = (struct conf_secret_view){ e->id, e->type, e->owners, e->n_owners, secret_slice(&e->data), secret_slice(&e->remote) };
	return true;
}

bool conf_secret_same(const struct conf_secret_view *a, const struct conf_secret_view *b)
{
	if (strcmp(a->type, b->type) != 0 || a->n_owners != b->n_owners || a->data.n != b->data.n || a->remote.n != b->remote.n)
		return false;
	for (size_t i = 0; i < a->n_owners; i++)
		if (a->owners[i].type != b->owners[i].type || a->owners[i].n != b->owners[i].n ||
		    (a->owners[i].n && memcmp(a->owners[i].data, b->owners[i].data, a->owners[i].n) != 0))
			return false;
	return (!a->data.n || mem_equal_ct(a->data.p, b->data.p, a->data.n)) &&
		(!a->remote.n || mem_equal_ct(a->remote.p, b->remote.p, a->remote.n));
}

/* What conf_secrets_psk looks for, and the best so far. */
struct look {
	const struct conf_psk_ask *ask;
	const struct entry *best;
	uint32_t score;
	uint8_t by;
};

/* By which of the peer's names is it an owner, and how exactly? */
static int peer_match(const struct look *l, const struct conf_id *o, uint8_t *by)
{
	const struct conf_psk_ask *a = l->ask;
	int m = a->peer_type ? conf_id_match(o, a->peer_type, a->peer_id) : 0;

	*by = CONF_PSK_ID;
	if (m > 1)
		return m;
	for (const char *const *h = a->hosts; h && *h; h++) {
		int host = conf_id_match(o, ID_FQDN, slice_str(*h));
		*by = CONF_PSK_HOST;
		if (host > 1)
			return host;
	}
	if (a->addr && a->addr->family != NET_NONE) {
		int addr = conf_id_match(o, a->addr->family == NET_V4 ? ID_IPV4 : ID_IPV6, slice_of(a->addr->a, net_addr_len(a->addr->family)));
		*by = CONF_PSK_ADDRESS;
		if (addr > 1)
			return addr;
	}
	*by = CONF_PSK_ANY;
	return m;
}

static void consider(struct look *l, const struct entry *e)
{
	const struct conf_psk_ask *a = l->ask;
	int me = 0, peer = 0;
	size_t mine = 0;
	bool any = e->n_owners == 0 || a->anyone;
	uint8_t by = CONF_PSK_ANY;

	if (strcmp(e->type, a->kind ? a->kind : "IKE") != 0)
		return;
	for (size_t i = 0; i < e->n_owners; i++) {
		const struct conf_id *o = &e->owners[i];
		uint8_t how;
		int m = a->my_type ? conf_id_match(o, a->my_type, a->my_id) : 0;
		int p = peer_match(l, o, &how);
		me = m > me ? m : me;
		if (how > by || (how == by && p > peer)) {
			by = how;
			peer = p;
		}
		mine += m == MATCH_EQUAL;
		any = any || o->type == 0;
	}
	/* A secret that names others beside us is theirs: it says nothing about a peer it does not name. */
	if (by == CONF_PSK_ANY && mine && (mine == e->n_owners || !a->peer_type))
		by = CONF_PSK_OWN;
	if (by == CONF_PSK_ANY && !any)
		return;
	uint32_t score = ((uint32_t)by << 16 | (uint32_t)peer << 8 | (uint32_t)me) + 1;
	if (score > l->score || (score == l->score && e->seq < l->best->seq)) {
		l->score = score;
		l->best = e;
		l->by = by;
	}
}

static void consider_all(struct look *l, const struct htab *t, uint8_t type, slice id)
{
	uint8_t buf[KEY_MAX];
	slice k = type ? key_of(type, id, buf) : SLICE_NONE;
	uint64_t cursor = 0, v;

	while (k.n && htab_find_next(t, k, &cursor, &v))
		consider(l, (const struct entry *)(uintptr_t)v);
}

bool conf_secrets_psk(const struct conf_secrets *set, const struct conf_psk_ask *ask, struct conf_psk *out)
{
	const struct body *s = set->b;
	struct look l = { .ask = ask };

	consider_all(&l, s->by_owner, ask->peer_type, ask->peer_id);
	for (const char *const *h = ask->hosts; h && *h; h++)
		consider_all(&l, s->by_owner, ID_FQDN, slice_str(*h));
	if (ask->addr && ask->addr->family != NET_NONE)
		consider_all(&l, s->by_owner, ask->addr->family == NET_V4 ? ID_IPV4 : ID_IPV6,
			slice_of(ask->addr->a, net_addr_len(ask->addr->family)));
	consider_all(&l, ask->peer_type ? s->sole : s->by_owner, ask->my_type, ask->my_id);
	for (size_t i = 0; i < s->wild.n; i++)
		consider(&l, s->wild.v[i]);
	for (size_t i = 0; ask->anyone && !l.best && i < s->all.n; i++)
		consider(&l, s->all.v[i]);
	if (!l.best)
		return false;
	bool other = ask->of_peer && l.best->remote.n;
	*out = (struct conf_psk){ secret_slice(other ? &l.best->remote : &l.best->data), l.best->id, l.by, l.score };
	return true;
}
