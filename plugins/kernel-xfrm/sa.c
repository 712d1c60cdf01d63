/* SPDX-License-Identifier: Apache-2.0 */
/* SAs: what a struct kern_sa is in the kernel's words, moving an SA to other addresses, counters. */
#include "plugins/kernel-xfrm/xfrm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#ifndef XFRM_OFFLOAD_PACKET
#define XFRM_OFFLOAD_PACKET 4 /* Linux 6.2, and the headers of Debian 12's later security updates */
#endif

enum { IP_COMP = 108, SEQ_SKIP = 256, ESP_IN_UDP = 2 /* UDP_ENCAP_ESPINUDP */ };

uint16_t xfrm_af(uint8_t family)
{
	return family == NET_V6 ? AF_INET6 : AF_INET;
}

xfrm_address_t xfrm_addr(const struct net_addr *a)
{
	xfrm_address_t x = { 0 };

	memcpy(&x, a->a, net_addr_len(a->family));
	return x;
}

struct net_addr xfrm_net_addr(const xfrm_address_t *a, uint16_t family)
{
	struct net_addr n = { .family = family == AF_INET6 ? NET_V6 : NET_V4 };

	memcpy(n.a, a, net_addr_len(n.family));
	return n;
}

bool sa_encap(const struct xsa *s)
{
	return s->src.port != 0;
}

/* ---- table ---- */

static uint32_t sa_hash(struct xfrm *k, uint8_t dir, uint32_t spi)
{
	uint32_t key[2] = { spi, dir };

	return tab_hash(&k->sa, key, sizeof key);
}

struct xsa *sa_find(struct xfrm *k, uint8_t dir, uint32_t spi, const struct net_addr *dst)
{
	uint32_t h = sa_hash(k, dir, spi);

	for (struct tab_node *n = tab_first(&k->sa, h); n; n = tab_next(n, h)) {
		struct xsa *s = (struct xsa *)n;
		if (s->spi == spi && s->dir == dir && (dst->family == NET_NONE || net_addr_same(&s->dst, dst)))
			return s;
	}
	return NULL;
}

struct xsa *sa_of_event(struct xfrm *k, uint32_t spi, const xfrm_address_t *dst, uint16_t family)
{
	struct net_addr a = xfrm_net_addr(dst, family);
	struct xsa *s = sa_find(k, KERN_IN, ntohl(spi), &a);

	return s ? s : sa_find(k, KERN_OUT, ntohl(spi), &a);
}

void sa_forget(struct xfrm *k, struct xsa *s)
{
	tab_del(&k->sa, &s->node);
	pool_put(&k->sa_pool, s);
}

/* ---- messages ---- */

static void put_mark(struct nlmsghdr *m, uint32_t mark, uint32_t mask)
{
	if (mask)
		mnl_attr_put(m, XFRMA_MARK, sizeof(struct xfrm_mark), &(struct xfrm_mark){ mark, mask });
}

static struct xfrm_lifetime_cfg life_of(const struct kern_life *l)
{
	return (struct xfrm_lifetime_cfg){
		.soft_byte_limit = l->soft_bytes ? l->soft_bytes : XFRM_INF,
		.hard_byte_limit = l->hard_bytes ? l->hard_bytes : XFRM_INF,
		.soft_packet_limit = l->soft_packets ? l->soft_packets : XFRM_INF,
		.hard_packet_limit = l->hard_packets ? l->hard_packets : XFRM_INF,
		.soft_add_expires_seconds = l->soft_s, .hard_add_expires_seconds = l->hard_s,
	};
}

static uint8_t xfrm_mode(uint8_t mode)
{
	return mode == KERN_TRANSPORT ? XFRM_MODE_TRANSPORT : mode == KERN_BEET ? XFRM_MODE_BEET : XFRM_MODE_TUNNEL;
}

/* BEET: the addresses inside, which the packets do not carry. */
static void beet_selector(struct xfrm_selector *sel, const struct kern_sa *a)
{
	const struct ts_sel *src = a->dir == KERN_OUT ? a->local_ts : a->remote_ts;
	const struct ts_sel *dst = a->dir == KERN_OUT ? a->remote_ts : a->local_ts;

	if (!a->n_local_ts || !a->n_remote_ts)
		return;
	size_t n = net_addr_len(src->family);
	sel->family = xfrm_af(src->family);
	memcpy(&sel->saddr, src->lo, n);
	memcpy(&sel->daddr, dst->lo, n);
	sel->prefixlen_s = sel->prefixlen_d = (uint8_t)(n * 8);
}

static struct xfrm_usersa_info *head(struct xfrm *k, struct nlmsghdr *m, const struct kern_sa *a, uint8_t mode)
{
	struct xfrm_usersa_info *s = mnl_nlmsg_put_extra_header(m, sizeof *s);

	s->family = xfrm_af(a->dst.family);
	s->saddr = xfrm_addr(&a->src);
	s->id.daddr = xfrm_addr(&a->dst);
	s->reqid = a->reqid;
	s->mode = mode;
	s->seq = k->owner << 24 | (k->next_seq++ & 0xffffff);
	if (mode == XFRM_MODE_TUNNEL)
		s->flags |= XFRM_STATE_AF_UNSPEC;
	/* RFC 4302: with IPv4 the header ends at a multiple of 4 bytes; the kernel takes 8 unless told. */
	if (a->proto == 51 && a->dst.family == NET_V4)
		s->flags |= XFRM_STATE_ALIGN4;
	if (!a->copy_ecn)
		s->flags |= XFRM_STATE_NOECN;
	if (a->dir == KERN_IN && a->copy_dscp & KERN_DSCP_IN)
		s->flags |= XFRM_STATE_DECAP_DSCP;
	if (a->dir == KERN_OUT && a->copy_df == KERN_COPY_DF_CLEAR)
		s->flags |= XFRM_STATE_NOPMTUDISC;
	if (a->dir == KERN_OUT && !(a->copy_dscp & KERN_DSCP_OUT))
		mnl_attr_put_u32(m, XFRMA_SA_EXTRA_FLAGS, XFRM_SA_XFLAG_DONT_ENCAP_DSCP);
	if (a->dir == KERN_OUT || a->mark_sa)
		put_mark(m, a->dir == KERN_OUT ? a->mark_out : a->mark_in,
			a->dir == KERN_OUT ? a->mark_out_mask : a->mark_in_mask);
	if (a->if_id)
		mnl_attr_put_u32(m, XFRMA_IF_ID, a->if_id);
	return s;
}

static void put_encap(struct nlmsghdr *m, uint16_t sport, uint16_t dport)
{
	struct xfrm_encap_tmpl e = { .encap_type = ESP_IN_UDP, .encap_sport = htons(sport),
		.encap_dport = htons(dport) };

	mnl_attr_put(m, XFRMA_ENCAP, sizeof e, &e);
}

static void put_replay(struct nlmsghdr *m, struct xfrm_usersa_info *s, const struct kern_sa *a)
{
	struct {
		struct xfrm_replay_state_esn r;
		uint32_t bitmap[WINDOW_MAX / 32];
	} e = { 0 };
	uint32_t window = a->dir == KERN_IN ? a->replay_window : 0;

	if (a->esn) {
		s->flags |= XFRM_STATE_ESN;
		/* The kernel wants a window with extended sequence numbers, in both directions. */
		window = window ? window : 32;
	}
	if (!a->esn && window <= 32) {
		s->replay_window = (uint8_t)window;
		return;
	}
	e.r.bmp_len = (window + 31) / 32;
	e.r.replay_window = window;
	mnl_attr_put(m, XFRMA_REPLAY_ESN_VAL, sizeof e.r + e.r.bmp_len * sizeof(uint32_t), &e);
}

unsigned sa_device(const struct net_addr *a)
{
	struct ifaddrs *all = NULL;
	unsigned found = 0;

	if (getifaddrs(&all))
		return 0;
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != xfrm_af(a->family))
			continue;
		const void *at = a->family == NET_V6 ? (void *)&((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr :
			(void *)&((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr;
		if (memcmp(at, a->a, net_addr_len(a->family)) == 0)
			found = if_nametoindex(i->ifa_name);
	}
	freeifaddrs(all);
	return found;
}

static void put_comp(struct xfrm *k, const struct kern_sa *a, size_t op)
{
	struct nlmsghdr *m = nl_msg(&k->nl, XFRM_MSG_NEWSA, 0, op, false);
	struct xfrm_algo comp = { .alg_name = "deflate" };
	struct xfrm_usersa_info *s = head(k, m, a, xfrm_mode(a->mode));

	s->id.proto = IP_COMP;
	s->id.spi = htonl(a->cpi);
	s->lft = life_of(&(struct kern_life){ .hard_s = a->life.hard_s });
	mnl_attr_put(m, XFRMA_ALG_COMP, sizeof comp, &comp);
	nl_end(&k->nl, m);
}

/*
 * With that module the kernel builds the packets of every SA it knows by then to be without UDP encapsulation in another
 * place, which has no padding: the attribute is taken and does nothing.
 */
static void say_no_padding(struct xfrm *k, const struct kern_sa *a)
{
	const char *module = a->dst.family == NET_V6 ? "esp6_offload" : "esp4_offload";
	char path[64];

	(void)snprintf(path, sizeof path, "/sys/module/%s", module);
	if (k->padding_said || a->encap || access(path, F_OK))
		return;
	k->padding_said = true;
	xfrm_log(k, 0, "tfc_padding does nothing while the kernel's module %s is loaded: unload it (rmmod %s, hw_offload = no on "
		"every child), or set encap = yes on the connection", module, module);
}

static err_t put_sa(struct xfrm *k, const struct kern_sa *a, size_t op)
{
	struct nlmsghdr *m = nl_msg(&k->nl, XFRM_MSG_NEWSA, 0, op, false);
	/* What the IPComp SA has taken in its tunnel is carried as it is. */
	uint8_t mode = a->cpi ? XFRM_MODE_TRANSPORT : xfrm_mode(a->mode);
	struct xfrm_usersa_info *s = head(k, m, a, mode);

	s->id.proto = a->proto;
	s->id.spi = htonl(a->spi);
	s->lft = life_of(&a->life);
	if (mode == XFRM_MODE_BEET)
		beet_selector(&s->sel, a);
	err_t e = algs_put(m, a);
	if (e)
		return e; /* the message was not ended: it is not sent */
	put_replay(m, s, a);
	if (a->encap)
		put_encap(m, a->src.port, a->dst.port);
	if (a->set_mark_mask) {
		mnl_attr_put_u32(m, XFRMA_SET_MARK, a->set_mark);
		mnl_attr_put_u32(m, XFRMA_SET_MARK_MASK, a->set_mark_mask);
	}
	if (a->tfc_pad && a->dir == KERN_OUT && mode == XFRM_MODE_TUNNEL && a->proto == 50) {
		mnl_attr_put_u32(m, XFRMA_TFCPAD, a->tfc_pad);
		say_no_padding(k, a);
	}
	if (a->offload) {
		struct xfrm_user_offload o = { .ifindex = (int)sa_device(a->dir == KERN_OUT ? &a->src : &a->dst),
			.flags = (uint8_t)((a->dir == KERN_IN ? XFRM_OFFLOAD_INBOUND : 0) |
				(a->offload == KERN_OFFLOAD_PACKET ? XFRM_OFFLOAD_PACKET : 0)) };
		mnl_attr_put(m, XFRMA_OFFLOAD_DEV, sizeof o, &o);
	}
	nl_end(&k->nl, m);
	return 0;
}

/* A static SA that an earlier run has left has the same name: it makes room in the same batch. */
static void left_in_the_way(struct xfrm *k, const struct kern_sa *a, size_t op)
{
	const xfrm_address_t dst = xfrm_addr(&a->dst);

	for (struct xleft **at = &k->left, *l; (l = *at); at = &l->next) {
		if (l->spi != htonl(a->spi) || l->proto != a->proto || memcmp(&l->dst, &dst, net_addr_len(a->dst.family)))
			continue;
		left_remove(k, l, op);
		*at = l->next;
		free(l);
		return;
	}
}

err_t sa_add(struct xfrm *k, const struct kern_sa *a, size_t op, struct xsa **out)
{
	if (sa_find(k, a->dir, a->spi, &a->dst))
		return E_EXISTS;
	if (a->replay_window > WINDOW_MAX || a->dst.family == NET_NONE || a->src.family != a->dst.family)
		return E_BAD_VALUE;
	struct xsa *s = pool_get(&k->sa_pool);
	if (!s)
		return E_NOMEM;
	bool marked = a->dir == KERN_OUT || a->mark_sa;
	*s = (struct xsa){
		.cookie = a->cookie, .spi = a->spi, .reqid = a->reqid, .cpi = a->cpi, .dir = a->dir, .proto = a->proto,
		.mode = a->mode, .src = a->src, .dst = a->dst, .if_id = a->if_id,
		.mark = !marked ? 0 : a->dir == KERN_OUT ? a->mark_out : a->mark_in,
		.mark_mask = !marked ? 0 : a->dir == KERN_OUT ? a->mark_out_mask : a->mark_in_mask,
	};
	if (!a->encap)
		s->src.port = s->dst.port = 0;
	left_in_the_way(k, a, op);
	if (a->cpi)
		put_comp(k, a, op);
	err_t e = put_sa(k, a, op);
	if (e) {
		pool_put(&k->sa_pool, s);
		return e;
	}
	tab_add(&k->sa, &s->node, sa_hash(k, s->dir, s->spi));
	*out = s;
	return 0;
}

static struct xfrm_usersa_id id_of(const struct xsa *s, uint8_t proto, uint32_t spi)
{
	return (struct xfrm_usersa_id){ .daddr = xfrm_addr(&s->dst), .spi = htonl(spi), .family = xfrm_af(s->dst.family),
		.proto = proto };
}

static void del_one(struct xfrm *k, const struct xsa *s, uint8_t proto, uint32_t spi, size_t op)
{
	struct nlmsghdr *m = nl_msg(&k->nl, XFRM_MSG_DELSA, 0, op, true);
	struct xfrm_usersa_id *id = mnl_nlmsg_put_extra_header(m, sizeof *id);

	*id = id_of(s, proto, spi);
	put_mark(m, s->mark, s->mark_mask);
	nl_end(&k->nl, m);
}

void sa_del_msg(struct xfrm *k, const struct xsa *s, size_t op)
{
	del_one(k, s, s->proto, s->spi, op);
	if (s->cpi)
		del_one(k, s, IP_COMP, s->cpi, op);
}

/* ---- moving ---- */

struct copy {
	size_t n;
	_Alignas(struct nlmsghdr) uint8_t msg[4096];
};

static int on_sa(const struct nlmsghdr *m, void *arg)
{
	struct copy *c = arg;

	if (m->nlmsg_type == XFRM_MSG_NEWSA && m->nlmsg_len <= sizeof c->msg) {
		memcpy(c->msg, m, m->nlmsg_len);
		c->n = m->nlmsg_len;
	}
	return MNL_CB_STOP;
}

static int get_sa(struct xfrm *k, const struct xsa *s, uint8_t proto, uint32_t spi, struct copy *c)
{
	_Alignas(struct nlmsghdr) uint8_t buf[256];
	struct nlmsghdr *m = nl_ask_head(&k->nl, buf, XFRM_MSG_GETSA, 0);
	struct xfrm_usersa_id *id = mnl_nlmsg_put_extra_header(m, sizeof *id);

	*id = id_of(s, proto, spi);
	put_mark(m, s->mark, s->mark_mask);
	c->n = 0;
	int err = nl_ask(&k->nl, m, on_sa, c);
	return err ? err : c->n ? 0 : ESRCH;
}

/* Packets that leave between the look and the move must not get a number twice. */
static void skip_numbers(struct nlattr *a)
{
	if (mnl_attr_get_type(a) == XFRMA_REPLAY_ESN_VAL) {
		struct xfrm_replay_state_esn *r = mnl_attr_get_payload(a);
		uint32_t old = r->oseq;
		r->oseq += SEQ_SKIP;
		r->oseq_hi += r->oseq < old;
	} else if (mnl_attr_get_type(a) == XFRMA_REPLAY_VAL) {
		struct xfrm_replay_state *r = mnl_attr_get_payload(a);
		r->oseq += SEQ_SKIP;
	}
}

/* The SA as the kernel told it, with other ends. */
static void put_moved(struct xfrm *k, struct copy *c, const struct xsa *s, const struct net_addr *src,
	const struct net_addr *dst, bool encap, uint32_t new_reqid)
{
	const struct nlmsghdr *old = (void *)c->msg;
	const struct xfrm_usersa_info *was = mnl_nlmsg_get_payload(old);
	struct nlmsghdr *m = nl_msg(&k->nl, XFRM_MSG_NEWSA, 0, 0, false);
	struct xfrm_usersa_info *i = mnl_nlmsg_put_extra_header(m, sizeof *i);
	struct nlattr *a;

	*i = *was;
	i->saddr = xfrm_addr(src);
	i->id.daddr = xfrm_addr(dst);
	i->family = xfrm_af(dst->family);
	/* The kernel has filled in its family; it does so again, with the new one. */
	if (!i->sel.prefixlen_s && !i->sel.prefixlen_d)
		i->sel.family = AF_UNSPEC;
	if (new_reqid)
		i->reqid = new_reqid;
	mnl_attr_for_each(a, old, sizeof *was) {
		uint16_t type = mnl_attr_get_type(a);
		/* AUTH is a shorter form of AUTH_TRUNC; the device of an offload belongs to the old addresses. */
		if (type == XFRMA_ENCAP || type == XFRMA_LASTUSED || type == XFRMA_ALG_AUTH || type == XFRMA_COADDR ||
			type == XFRMA_OFFLOAD_DEV || type == XFRMA_UNSPEC)
			continue;
		if (s->dir == KERN_OUT)
			skip_numbers(a);
		mnl_attr_put(m, type, mnl_attr_get_payload_len(a), mnl_attr_get_payload(a));
	}
	if (encap && i->id.proto != IP_COMP)
		put_encap(m, src->port, dst->port);
	nl_end(&k->nl, m);
}

static int move_one(struct xfrm *k, const struct xsa *s, uint8_t proto, uint32_t spi, const struct net_addr *src,
	const struct net_addr *dst, bool encap, uint32_t new_reqid)
{
	struct copy c;
	int err = get_sa(k, s, proto, spi, &c);

	if (err)
		return err;
	nl_clear(&k->nl);
	/* The kernel finds an SA by its destination: with another one both can stand for a moment. */
	bool apart = !net_addr_same(&s->dst, dst);
	if (!apart)
		del_one(k, s, proto, spi, 0);
	put_moved(k, &c, s, src, dst, encap, new_reqid);
	if (apart)
		del_one(k, s, proto, spi, 0);
	err = nl_flush(&k->nl);
	explicit_bzero(&c, sizeof c);
	return err;
}

err_t sa_move(struct xfrm *k, struct xsa *s, const struct net_addr *src, const struct net_addr *dst, bool encap,
	uint32_t new_reqid)
{
	int err = move_one(k, s, s->proto, s->spi, src, dst, encap, new_reqid);

	if (!err && s->cpi)
		err = move_one(k, s, IP_COMP, s->cpi, src, dst, encap, new_reqid);
	if (err) {
		if (!k->nl.fail.err)
			k->nl.fail.err = err;
		return xfrm_err(err);
	}
	s->src = *src;
	s->dst = *dst;
	if (new_reqid)
		s->reqid = new_reqid;
	if (!encap)
		s->src.port = s->dst.port = 0;
	return 0;
}

/* ---- counters ---- */

err_t sa_usage(struct xfrm *k, struct xsa *s, struct kern_usage *out)
{
	struct copy c;
	int err = get_sa(k, s, s->proto, s->spi, &c);

	if (err)
		return xfrm_err(err);
	const struct xfrm_usersa_info *i = mnl_nlmsg_get_payload((struct nlmsghdr *)(void *)c.msg);
	uint32_t now_s = xfrm_now_s(k);
	/* The kernel's own time of the last use is not kept by all versions; a change of the counter tells as much. */
	if (i->curlft.packets != s->seen_packets) {
		s->seen_packets = i->curlft.packets;
		s->seen_s = now_s;
	}
	*out = (struct kern_usage){
		.bytes = i->curlft.bytes, .packets = i->curlft.packets, .replay_drops = i->stats.replay + i->stats.replay_window,
		.icv_fails = i->stats.integrity_failed, .use_time_s = s->seen_s ? now_s - s->seen_s : UINT64_MAX,
	};
	explicit_bzero(&c, sizeof c);
	return 0;
}

bool sa_offloaded(struct xfrm *k, const struct xsa *s)
{
	struct copy c;
	const struct nlattr *a;
	bool yes = false;

	if (get_sa(k, s, s->proto, s->spi, &c))
		return false;
	mnl_attr_for_each(a, (struct nlmsghdr *)(void *)c.msg, sizeof(struct xfrm_usersa_info))
		yes |= mnl_attr_get_type(a) == XFRMA_OFFLOAD_DEV;
	explicit_bzero(&c, sizeof c);
	return yes;
}
