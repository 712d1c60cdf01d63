/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an earlier run has left in the kernel, after a crash or a planned restart: what the journal names and the kernel
 * has as it is written there. It goes on carrying traffic. A new policy of the same name takes the old one's place in
 * one update; a new outbound SA of the same reqid retires the old SAs a little later. What nobody took when the time is
 * over is removed.
 */
#include "plugins/kernel-pfkey/pfkey.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

struct look {
	struct pfkey *k;
	struct pf_rec *v; /* sorted by name, those of one name in order of time */
	size_t n;
	uint32_t lowest, highest; /* reqids in use, 0 none */
	uint32_t sas, policies;
	err_t err;
};

static int by_name(const void *a, const void *b)
{
	const struct pf_rec *x = a, *y = b;

	if (x->what != y->what)
		return x->what < y->what ? -1 : 1;
	if (x->what == PF_REC_POLICY)
		return memcmp(&x->key, &y->key, sizeof x->key);
	if (x->spi != y->spi)
		return x->spi < y->spi ? -1 : 1;
	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	int c = memcmp(x->dst.a, y->dst.a, net_addr_len(x->dst.family));
	return x->dst.family != y->dst.family ? (x->dst.family < y->dst.family ? -1 : 1) : c;
}

static int by_name_and_time(const void *a, const void *b)
{
	const struct pf_rec *x = a, *y = b;
	int c = by_name(a, b);

	return c ? c : (x->at > y->at) - (x->at < y->at);
}

/* Is one like this in the kernel by our hand? An update that was only noted may or may not have been done: of one name
 * every record since it came is looked at. */
static bool is_ours(const struct look *l, const struct pf_rec *want)
{
	const struct pf_rec *r = bsearch(want, l->v, l->n, sizeof *r, by_name);
	size_t i = r ? (size_t)(r - l->v) + 1 : 0;

	while (i && i < l->n && by_name(&l->v[i], want) == 0)
		i++;
	for (; i && by_name(&l->v[i - 1], want) == 0 && !l->v[i - 1].gone; i--) {
		r = &l->v[i - 1];
		bool same = want->what == PF_REC_POLICY ? r->prio == want->prio : net_addr_same(&r->src, &want->src);
		if (same && r->reqid == want->reqid)
			return true;
	}
	return false;
}

static void note_reqid(struct look *l, uint32_t reqid)
{
	if (!reqid || reqid > REQID_MAX)
		return;
	if (!l->lowest || reqid < l->lowest)
		l->lowest = reqid;
	if (reqid > l->highest)
		l->highest = reqid;
}

static void on_sa(void *arg, const struct pf_in *in)
{
	struct look *l = arg;
	const struct sadb_sa *e = (const struct sadb_sa *)in->ext[SADB_EXT_SA];
	const struct sadb_x_sa2 *e2 = (const struct sadb_x_sa2 *)in->ext[SADB_X_EXT_SA2];
	struct pf_rec want;

	if (!e || !e2)
		return;
	note_reqid(l, e2->sadb_x_sa2_reqid);
	memset(&want, 0, sizeof want);
	want.what = PF_REC_SA;
	want.proto = in->msg->sadb_msg_satype == SADB_SATYPE_AH ? 51 : 50;
	want.spi = ntohl(e->sadb_sa_spi);
	want.reqid = e2->sadb_x_sa2_reqid;
	want.src = pf_addr_of(in->ext[SADB_EXT_ADDRESS_SRC]);
	want.dst = pf_addr_of(in->ext[SADB_EXT_ADDRESS_DST]);
	if (!want.spi || !is_ours(l, &want))
		return;
	struct pf_left *x = calloc(1, sizeof *x);
	if (!x) {
		l->err = E_NOMEM;
		return;
	}
	*x = (struct pf_left){ .next = l->k->left, .src = want.src, .dst = want.dst, .spi = want.spi, .reqid = want.reqid,
		.proto = want.proto };
	l->k->left = x;
	l->sas++;
}

static uint16_t port_of(const struct sadb_ext *ext)
{
	const struct sockaddr *s = (const struct sockaddr *)((const struct sadb_address *)ext + 1);

	return ntohs(s->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)s)->sin6_port :
		((const struct sockaddr_in *)s)->sin_port);
}

/* The reqid of the first template, 0 none. */
static uint32_t template_of(const struct sadb_x_policy *p)
{
	const struct sadb_x_ipsecrequest *r = (const struct sadb_x_ipsecrequest *)(p + 1);

	return p->sadb_x_policy_len * 8u >= sizeof *p + sizeof *r ? r->sadb_x_ipsecrequest_reqid : 0;
}

static void on_policy(void *arg, const struct pf_in *in)
{
	static const uint8_t dirs[] = {
		[IPSEC_DIR_INBOUND] = KERN_IN, [IPSEC_DIR_OUTBOUND] = KERN_OUT, [IPSEC_DIR_FWD] = KERN_FWD,
	};
	struct look *l = arg;
	const struct sadb_x_policy *p = (const struct sadb_x_policy *)in->ext[SADB_X_EXT_POLICY];
	const struct sadb_address *src = (const struct sadb_address *)in->ext[SADB_EXT_ADDRESS_SRC];
	const struct sadb_address *dst = (const struct sadb_address *)in->ext[SADB_EXT_ADDRESS_DST];
	struct net_addr s = pf_addr_of((const struct sadb_ext *)src), d = pf_addr_of((const struct sadb_ext *)dst);
	struct pf_rec want;

	if (!p || s.family == NET_NONE || s.family != d.family || p->sadb_x_policy_dir < IPSEC_DIR_INBOUND ||
		p->sadb_x_policy_dir > IPSEC_DIR_FWD)
		return;
	memset(&want, 0, sizeof want);
	want.what = PF_REC_POLICY;
	want.reqid = template_of(p);
	want.prio = p->sadb_x_policy_priority;
	want.key.dir = dirs[p->sadb_x_policy_dir];
	want.key.family = s.family;
	want.key.proto = src->sadb_address_proto == 255 ? 0 : src->sadb_address_proto;
	want.key.src_bits = src->sadb_address_prefixlen;
	want.key.dst_bits = dst->sadb_address_prefixlen;
	want.key.src_port = port_of((const struct sadb_ext *)src);
	want.key.dst_port = port_of((const struct sadb_ext *)dst);
	memcpy(want.key.src, s.a, net_addr_len(s.family));
	memcpy(want.key.dst, d.a, net_addr_len(d.family));
	note_reqid(l, want.reqid);
	if (!is_ours(l, &want))
		return;
	err_t e = pf_policy_left(l->k, &want.key, p->sadb_x_policy_id, want.reqid, want.prio);
	if (e)
		l->err = e;
	l->policies++;
}

/* A reqid that nobody uses, with room above: others' SAs between the same ends would be taken for ours. */
static uint32_t free_reqid(const struct look *l)
{
	if (!l->highest)
		return 1;
	return l->highest < REQID_MAX / 2 || l->lowest < REQID_MAX / 4 ? l->highest + 1 : 1;
}

err_t pf_left_find(struct pfkey *k, const struct pf_rec *v, size_t n, uint32_t keep_s)
{
	struct look l = { .k = k, .n = n };
	struct pf_msg m;

	l.v = calloc(n + 1, sizeof *l.v);
	if (!l.v)
		return E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		l.v[i] = v[i];
		l.v[i].at = (uint32_t)i;
	}
	qsort(l.v, n, sizeof *l.v, by_name_and_time);
	pf_begin(k, &m, SADB_DUMP, SADB_SATYPE_UNSPEC);
	int err = pf_dump(k, &m, on_sa, &l);
	if (!err) {
		pf_begin(k, &m, SADB_X_SPDDUMP, SADB_SATYPE_UNSPEC);
		err = pf_dump(k, &m, on_policy, &l);
	}
	free(l.v);
	if (err)
		return pf_fail(k, err, "look what an earlier run has left");
	if (l.err)
		return l.err;
	k->first_reqid = free_reqid(&l);
	k->n_live = l.sas + l.policies;
	if (l.sas || l.policies) {
		k->left_until_s = pf_now_s(k) + keep_s;
		pf_log(k, 1, "kernel-pfkey: an earlier run has left %u SAs and %u policies in the kernel: they go on working, and "
			"what no new tunnel has taken over in %u s is removed", l.sas, l.policies, keep_s);
		pf_left_tick(k, pf_now_s(k));
	}
	return 0;
}

void pf_left_retire(struct pfkey *k, uint32_t reqid)
{
	uint32_t at = pf_now_s(k) + k->left_delay_s;

	for (struct pf_left *l = k->left; l; l = l->next)
		if (l->reqid == reqid && !l->go_s)
			l->go_s = at;
}

void pf_left_make_room(struct pfkey *k, const struct kern_sa *a)
{
	for (struct pf_left **at = &k->left, *l; (l = *at); at = &l->next) {
		if (l->spi != a->spi || l->proto != a->proto || !net_addr_same(&l->dst, &a->dst))
			continue;
		(void)!pf_sa_remove(k, l->proto, l->spi, &l->src, &l->dst);
		*at = l->next;
		pf_journal_left_gone(k, l);
		free(l);
		return;
	}
}

void pf_left_tick(struct pfkey *k, uint32_t now_s)
{
	bool over = k->left_until_s && now_s >= k->left_until_s;
	uint32_t pols = 0, sas = 0;

	if (!k->left_until_s && !k->left)
		return;
	/* Policies first, so that nothing asks for the SAs. */
	if (over)
		pols = pf_policies_unleave(k);
	for (struct pf_left **at = &k->left; *at;) {
		struct pf_left *l = *at;
		bool retired = l->go_s && (now_s >= l->go_s);
		if (!retired && !(over && !l->go_s)) {
			at = &l->next;
			continue;
		}
		sas += !retired;
		/* One that the kernel has let go of is gone, too. */
		(void)!pf_sa_remove(k, l->proto, l->spi, &l->src, &l->dst);
		*at = l->next;
		pf_journal_left_gone(k, l);
		free(l);
	}
	if (!over)
		return;
	k->left_until_s = 0;
	pf_log(k, 1, "kernel-pfkey: of the earlier run %u policies were taken over; removed %u policies and %u SAs that nobody "
		"took", k->taken, pols, sas);
}

void pf_left_free(struct pfkey *k)
{
	while (k->left) {
		struct pf_left *l = k->left;
		k->left = l->next;
		free(l);
	}
}
