/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tells by itself: acquires, lifetimes, new NAT mappings. */
#include "plugins/kernel-pfkey/pfkey.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROUNDS = 64 };

static void tell(struct pfkey *k, const struct kern_event *ev)
{
	k->host->kern_event(k->host->h, ev);
}

/* ---- acquire ---- */

static struct ts_sel end_of(const struct pf_key *key, bool src)
{
	struct ts_sel t = { .family = key->family, .proto = key->proto };
	const uint8_t *a = src ? key->src : key->dst;
	uint8_t bits = src ? key->src_bits : key->dst_bits;
	uint16_t port = src ? key->src_port : key->dst_port;
	size_t len = net_addr_len(key->family);

	memcpy(t.lo, a, len);
	memcpy(t.hi, a, len);
	for (size_t i = bits; i < len * 8; i++)
		t.hi[i / 8] |= (uint8_t)(0x80 >> i % 8);
	t.port_lo = port;
	t.port_hi = port ? port : UINT16_MAX;
	return t;
}

/* The message names the policy, not the packet: what is told are the policy's selectors. */
static void on_acquire(struct pfkey *k, const struct pf_in *in)
{
	const struct sadb_x_policy *p = (const struct sadb_x_policy *)in->ext[SADB_X_EXT_POLICY];
	const struct pf_name *x = p ? pf_policy_by_id(k, p->sadb_x_policy_id) : NULL;
	const struct pf_use *u = x ? x->top : NULL;

	while (u && u->action != KERN_TRAP)
		u = u->next;
	if (!u || x->key.dir != KERN_OUT)
		return;
	struct kern_event ev = { .type = KERN_EV_ACQUIRE, .dir = KERN_OUT, .proto = u->proto, .cookie = u->cookie,
		.local = end_of(&x->key, true), .remote = end_of(&x->key, false) };
	k->host->count(k->host->h, "acquires", 1);
	tell(k, &ev);
}

/* ---- lifetimes, mappings ---- */

static struct pf_sa *sa_of(struct pfkey *k, const struct pf_in *in, bool by_dst)
{
	const struct sadb_sa *e = (const struct sadb_sa *)in->ext[SADB_EXT_SA];
	struct net_addr dst = pf_addr_of(in->ext[SADB_EXT_ADDRESS_DST]);

	if (!e)
		return NULL;
	const struct net_addr *at = by_dst ? &dst : NULL;
	struct pf_sa *s = pf_sa_find(k, KERN_IN, ntohl(e->sadb_sa_spi), at);
	return s ? s : pf_sa_find(k, KERN_OUT, ntohl(e->sadb_sa_spi), at);
}

static void on_expire(struct pfkey *k, const struct pf_in *in)
{
	struct pf_sa *s = sa_of(k, in, true);
	bool hard = in->ext[SADB_EXT_LIFETIME_HARD] != NULL;

	if (!s)
		return;
	struct kern_event ev = { .type = hard ? KERN_EV_EXPIRE_HARD : KERN_EV_EXPIRE_SOFT, .dir = s->dir, .proto = s->proto,
		.spi = s->spi, .cookie = s->cookie };
	if (hard)
		pf_sa_forget(k, s);
	k->host->count(k->host->h, hard ? "expired_hard" : "expired_soft", 1);
	tell(k, &ev);
}

static void on_mapping(struct pfkey *k, const struct pf_in *in)
{
	const struct sadb_x_nat_t_port *port = (const struct sadb_x_nat_t_port *)in->ext[SADB_X_EXT_NAT_T_DPORT];
	struct pf_sa *s = sa_of(k, in, false);

	if (!s || s->dir != KERN_IN)
		return;
	struct kern_event ev = { .type = KERN_EV_MAPPING, .dir = KERN_IN, .proto = s->proto, .spi = s->spi, .cookie = s->cookie,
		.peer = pf_addr_of(in->ext[SADB_EXT_ADDRESS_DST]) };
	ev.peer.port = port ? ntohs(port->sadb_x_nat_t_port_port) : 0;
	k->host->count(k->host->h, "mappings", 1);
	tell(k, &ev);
}

static void on_news(void *arg, int fd, int events)
{
	_Alignas(8) static uint8_t buf[16 * 1024];
	struct pfkey *k = arg;
	struct pf_in in;

	(void)events;
	for (int i = 0; i < ROUNDS; i++) {
		ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
		if (n < 0 && errno == ENOBUFS) {
			/* An acquire comes again with the next packet; a lifetime in seconds is the engine's, too. */
			k->host->count(k->host->h, "news_lost", 1);
			continue;
		}
		if (n <= 0)
			return;
		if (!pf_parse(buf, (size_t)n, &in))
			continue;
		if (in.msg->sadb_msg_type == SADB_ACQUIRE)
			on_acquire(k, &in);
		else if (in.msg->sadb_msg_type == SADB_EXPIRE)
			on_expire(k, &in);
		else if (in.msg->sadb_msg_type == SADB_X_NAT_T_NEW_MAPPING)
			on_mapping(k, &in);
		explicit_bzero(buf, (size_t)n); /* others' keys are in what is broadcast */
	}
}

err_t pf_news_open(struct pfkey *k)
{
	static const uint8_t types[] = { SADB_SATYPE_ESP, SADB_SATYPE_AH };
	int bytes = NEWS_BYTES;

	k->news = pf_open();
	if (k->news < 0)
		return pf_fail(k, errno, "open a second socket");
	(void)!setsockopt(k->news, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct pf_msg m;
		pf_begin(k, &m, SADB_REGISTER, types[i]);
		((struct sadb_msg *)m.buf)->sadb_msg_len = (uint16_t)(m.n / 8);
		if (send(k->news, m.buf, m.n, 0) < 0)
			return pf_fail(k, errno, "register for events");
	}
	k->watch = k->host->watch(k->host->h, k->news, 1, on_news, k);
	return k->watch ? 0 : E_NOMEM;
}

void pf_news_close(struct pfkey *k)
{
	if (k->watch)
		k->host->unwatch(k->host->h, k->watch);
	if (k->news >= 0)
		close(k->news);
	k->watch = NULL;
	k->news = -1;
}
