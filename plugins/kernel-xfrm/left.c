/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an earlier run has left in the kernel, after a crash or a planned restart. It goes on carrying traffic. A new
 * policy of the same name takes the old one's place in one update; a new outbound SA of the same reqid retires the old
 * SAs a little later, as after a rekey. What nobody took when the time is over is removed.
 */
#include "plugins/kernel-xfrm/xfrm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

enum { FOREIGN_REQID_MAX = 1 << 24 };

struct attrs {
	struct xfrm_mark mark;
	uint32_t if_id, reqid;
};

static struct attrs attrs_of(const struct nlmsghdr *m, size_t skip)
{
	const struct nlattr *a;
	struct attrs out = { 0 };

	mnl_attr_for_each(a, m, (unsigned)skip) {
		const void *p = mnl_attr_get_payload(a);
		size_t n = mnl_attr_get_payload_len(a);
		if (mnl_attr_get_type(a) == XFRMA_MARK && n >= sizeof out.mark)
			memcpy(&out.mark, p, sizeof out.mark);
		else if (mnl_attr_get_type(a) == XFRMA_IF_ID && n >= 4)
			out.if_id = mnl_attr_get_u32(a);
		else if (mnl_attr_get_type(a) == XFRMA_TMPL && n >= sizeof(struct xfrm_user_tmpl))
			out.reqid = ((const struct xfrm_user_tmpl *)p)->reqid;
	}
	return out;
}

/* The kernel finds the SA of a policy by ends and reqid, whoever made it: what others use is not ours to take. The
 * highest numbers are left out, so that there is always room above. */
static void note_reqid(struct xfrm *k, uint32_t reqid, bool ours)
{
	if (reqid >= k->next_reqid && reqid < (ours ? UINT32_MAX - 1 : FOREIGN_REQID_MAX))
		k->next_reqid = reqid + 1;
}

static int on_policy(const struct nlmsghdr *m, void *arg)
{
	struct xfrm *k = arg;
	const struct xfrm_userpolicy_info *i = mnl_nlmsg_get_payload(m);
	struct xkey key;

	if (m->nlmsg_type != XFRM_MSG_NEWPOLICY || mnl_nlmsg_get_payload_len(m) < sizeof *i)
		return MNL_CB_OK;
	struct attrs a = attrs_of(m, sizeof *i);
	bool ours = i->index >> 24 == k->owner;
	note_reqid(k, a.reqid, ours);
	if (!ours || policy_by_index(k, i->index))
		return MNL_CB_OK;
	memset(&key, 0, sizeof key);
	key.sel.daddr = i->sel.daddr;
	key.sel.saddr = i->sel.saddr;
	key.sel.dport = i->sel.dport;
	key.sel.dport_mask = i->sel.dport_mask;
	key.sel.sport = i->sel.sport;
	key.sel.sport_mask = i->sel.sport_mask;
	key.sel.family = i->sel.family;
	key.sel.prefixlen_d = i->sel.prefixlen_d;
	key.sel.prefixlen_s = i->sel.prefixlen_s;
	key.sel.proto = i->sel.proto;
	key.sel.ifindex = i->sel.ifindex;
	key.mark = a.mark.v;
	key.mark_mask = a.mark.m;
	key.if_id = a.if_id;
	key.dir = i->dir;
	struct xname *x = policy_name(k, &key, true);
	if (!x)
		return MNL_CB_OK;
	tab_del(&k->index, &x->by_index);
	x->index = i->index;
	tab_add(&k->index, &x->by_index, tab_hash(&k->index, &x->index, sizeof x->index));
	x->in_kernel = x->left = true;
	x->left_reqid = a.reqid;
	k->n_left_pol++;
	return MNL_CB_OK;
}

static int on_sa(const struct nlmsghdr *m, void *arg)
{
	struct xfrm *k = arg;
	const struct xfrm_usersa_info *i = mnl_nlmsg_get_payload(m);

	if (m->nlmsg_type != XFRM_MSG_NEWSA || mnl_nlmsg_get_payload_len(m) < sizeof *i)
		return MNL_CB_OK;
	bool ours = i->seq >> 24 == k->owner;
	note_reqid(k, i->reqid, ours);
	if (!ours || !i->id.spi)
		return MNL_CB_OK;
	struct attrs a = attrs_of(m, sizeof *i);
	struct xleft *l = calloc(1, sizeof *l);
	if (!l)
		return MNL_CB_OK;
	*l = (struct xleft){ .next = k->left, .dst = i->id.daddr, .family = i->family, .proto = i->id.proto,
		.spi = i->id.spi, .reqid = i->reqid, .mark = a.mark.v, .mark_mask = a.mark.m };
	k->left = l;
	k->n_left_sa++;
	return MNL_CB_OK;
}

err_t left_find(struct xfrm *k, uint32_t keep_s)
{
	_Alignas(struct nlmsghdr) uint8_t buf[256];
	struct nlmsghdr *m = nl_ask_head(&k->nl, buf, XFRM_MSG_GETPOLICY, NLM_F_DUMP);

	mnl_nlmsg_put_extra_header(m, sizeof(struct xfrm_userpolicy_id));
	int err = nl_ask(&k->nl, m, on_policy, k);
	if (!err) {
		m = nl_ask_head(&k->nl, buf, XFRM_MSG_GETSA, NLM_F_DUMP);
		err = nl_ask(&k->nl, m, on_sa, k);
	}
	if (err)
		return xfrm_err(err);
	if (k->n_left_sa || k->n_left_pol) {
		k->left_until_s = xfrm_now_s(k) + keep_s;
		xfrm_log(k, 1, "an earlier run has left %u SAs and %u policies in the kernel: they go on working, and what no new "
			"tunnel has taken over in %u s is removed", k->n_left_sa, k->n_left_pol, keep_s);
		left_tick(k, xfrm_now_s(k));
	}
	return 0;
}

void left_retire(struct xfrm *k, uint32_t reqid)
{
	uint32_t at = xfrm_now_s(k) + k->left_delay_s;

	for (struct xleft *l = k->left; l; l = l->next)
		if (l->reqid == reqid && !l->go_s)
			l->go_s = at;
}

void left_remove(struct xfrm *k, const struct xleft *l, size_t op)
{
	struct nlmsghdr *m = nl_msg(&k->nl, XFRM_MSG_DELSA, 0, op, true);
	struct xfrm_usersa_id *id = mnl_nlmsg_put_extra_header(m, sizeof *id);

	*id = (struct xfrm_usersa_id){ .daddr = l->dst, .spi = l->spi, .family = l->family, .proto = l->proto };
	if (l->mark_mask)
		mnl_attr_put(m, XFRMA_MARK, sizeof(struct xfrm_mark), &(struct xfrm_mark){ l->mark, l->mark_mask });
	nl_end(&k->nl, m);
}

/* Policies first, so that nothing asks for the SAs. */
static uint32_t remove_policies(struct xfrm *k)
{
	uint32_t n = 0;

	for (uint32_t b = 0; b <= k->name.mask; b++)
		for (struct tab_node *t = k->name.bucket[b]; t; t = t->next) {
			struct xname *x = (struct xname *)t;
			if (!x->left)
				continue;
			x->left = false;
			policy_dirty(k, x);
			n++;
		}
	nl_clear(&k->nl);
	if (policy_sync(k))
		xfrm_say(k, "to remove policies of an earlier run", &k->nl.fail);
	return n;
}

void left_tick(struct xfrm *k, uint32_t now_s)
{
	bool over = k->left_until_s && now_s >= k->left_until_s;
	uint32_t pols = 0, sas = 0;

	if (!k->left_until_s && !k->left)
		return;
	if (over)
		pols = remove_policies(k);
	nl_clear(&k->nl);
	for (struct xleft **at = &k->left; *at;) {
		struct xleft *l = *at;
		bool go = l->go_s && now_s >= l->go_s;
		if (!go && !(over && !l->go_s)) {
			at = &l->next;
			continue;
		}
		sas += !go;
		left_remove(k, l, 0);
		*at = l->next;
		free(l);
	}
	if (nl_flush(&k->nl))
		xfrm_say(k, "to remove SAs of an earlier run", &k->nl.fail);
	if (!over)
		return;
	k->left_until_s = 0;
	xfrm_log(k, 1, "of the earlier run %u policies were taken over; %u policies and %u SAs that nobody took were removed",
		k->taken, pols, sas);
}

void left_free(struct xfrm *k)
{
	while (k->left) {
		struct xleft *l = k->left;
		k->left = l->next;
		free(l);
	}
}
