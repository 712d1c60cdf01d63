/* SPDX-License-Identifier: Apache-2.0 */
#include "ike/index.h"
#include "ike/redirect.h"

static struct ike_link *link_of(struct ike_sa *sa, size_t at)
{
	return (struct ike_link *)(void *)((char *)sa + at);
}

static struct ike_sa *head(struct ike_engine *e, const struct htab *t, uint64_t key)
{
	uint64_t v;

	return htab_find(t, slice_of(&key, sizeof key), &v) ? slab_at(e->sas, handle_from_u64(v)) : NULL;
}

/* In front of the list; without memory it stays out, and is not found. */
static void link_add(struct ike_engine *e, struct htab *t, struct ike_sa *sa, size_t at, uint64_t key)
{
	struct ike_link *l = link_of(sa, at);
	slice k = slice_of(&key, sizeof key);

	if (l->key)
		return;
	struct ike_sa *first = head(e, t, key);
	if (first)
		htab_del(t, k);
	if (htab_add(t, k, handle_u64(sa->h)))
		return;
	*l = (struct ike_link){ NULL, first, key };
	if (first)
		link_of(first, at)->prev = sa;
}

static void link_del(struct ike_engine *e, struct htab *t, struct ike_sa *sa, size_t at)
{
	struct ike_link *l = link_of(sa, at);
	uint64_t key = l->key;
	slice k = slice_of(&key, sizeof key);

	(void)e;
	if (!key)
		return;
	if (l->next)
		link_of(l->next, at)->prev = l->prev;
	if (l->prev) {
		link_of(l->prev, at)->next = l->next;
	} else {
		htab_del(t, k);
		/* Room for the entry was just given back. */
		if (l->next && htab_add(t, k, handle_u64(l->next->h)))
			link_of(l->next, at)->key = 0;
	}
	*l = (struct ike_link){ 0 };
}

static uint64_t hash(struct ike_engine *e, const uint64_t *part, size_t n)
{
	uint64_t key = siphash(e->seed, slice_of(part, n * sizeof *part));

	return key ? key : 1;
}

static uint64_t ids_key(struct ike_engine *e, const struct ike_sa *sa)
{
	const uint64_t part[] = { siphash(e->seed, ike_id_slice(&sa->local_id)), siphash(e->seed, ike_id_slice(&sa->remote_id)),
		(uint64_t)sa->local_id.type << 8 | sa->remote_id.type };

	return hash(e, part, ARRAY_LEN(part));
}

void index_ids_add(struct ike_engine *e, struct ike_sa *sa)
{
	link_add(e, e->by_ids, sa, offsetof(struct ike_sa, ids), ids_key(e, sa));
}

void index_ids_del(struct ike_engine *e, struct ike_sa *sa)
{
	link_del(e, e->by_ids, sa, offsetof(struct ike_sa, ids));
}

static bool ids_same(const struct ike_id *a, const struct ike_id *b)
{
	return a->type == b->type && slice_equal(ike_id_slice(a), ike_id_slice(b));
}

struct ike_sa *index_same_ids(struct ike_engine *e, const struct ike_sa *sa, const struct ike_sa *after)
{
	struct ike_sa *o = after ? after->ids.next : head(e, e->by_ids, ids_key(e, sa));

	for (; o; o = o->ids.next)
		if (o != sa && o->state == IKE_S_UP && ids_same(&o->local_id, &sa->local_id) && ids_same(&o->remote_id, &sa->remote_id))
			return o;
	return NULL;
}

static uint64_t conn_key(struct ike_engine *e, const char *name, const struct net_addr *remote)
{
	const uint64_t part[] = { siphash(e->seed, slice_str(name)), siphash(e->seed, slice_of(remote->a, sizeof remote->a)) };

	return hash(e, part, ARRAY_LEN(part));
}

/* One that was redirected is found under the address it was meant for. */
void index_conn_add(struct ike_engine *e, struct ike_sa *sa)
{
	link_add(e, e->by_conn, sa, offsetof(struct ike_sa, peers),
		conn_key(e, sa->conn->name, sa->redir ? &sa->redir->home : &sa->remote));
}

void index_conn_del(struct ike_engine *e, struct ike_sa *sa)
{
	link_del(e, e->by_conn, sa, offsetof(struct ike_sa, peers));
}

struct ike_sa *index_conn_first(struct ike_engine *e, const struct conf_conn *c, const struct net_addr *remote)
{
	return head(e, e->by_conn, conn_key(e, c->name, remote));
}
