/* SPDX-License-Identifier: Apache-2.0 */
/* SAs: algorithms, adding, removing, counters. */
#include "plugins/kernel-pfkey/pfkey.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

enum { INTEG_SHA384 = 13, INTEG_SHA512 = 14 };

/* IANA numbers and those of PF_KEY. AEADs and CMAC are not to be had over it, and HMAC-SHA-256 only with the 96 bits of
 * old kernels: for these there is kernel-xfrm. */
static const struct alg {
	uint16_t kind, iana;
	uint16_t bits[3]; /* of keys without salt; 0: one length */
	uint8_t sadb;
} algs[] = {
	{ PLUG_ENCR, 11, { 0 }, SADB_EALG_NULL }, { PLUG_ENCR, 2, { 64 }, SADB_EALG_DESCBC },
	{ PLUG_ENCR, 3, { 192 }, SADB_EALG_3DESCBC }, { PLUG_ENCR, 6, { 128 }, SADB_X_EALG_CASTCBC },
	{ PLUG_ENCR, 7, { 128 }, SADB_X_EALG_BLOWFISHCBC }, { PLUG_ENCR, 12, { 128, 192, 256 }, SADB_X_EALG_AESCBC },
	{ PLUG_ENCR, 13, { 128, 192, 256 }, SADB_X_EALG_AESCTR }, { PLUG_ENCR, 23, { 128, 192, 256 }, SADB_X_EALG_CAMELLIACBC },
	{ PLUG_INTEG, 1, { 0 }, SADB_AALG_MD5HMAC }, { PLUG_INTEG, 2, { 0 }, SADB_AALG_SHA1HMAC },
	{ PLUG_INTEG, 13, { 0 }, SADB_X_AALG_SHA2_384HMAC }, { PLUG_INTEG, 14, { 0 }, SADB_X_AALG_SHA2_512HMAC },
	{ PLUG_INTEG, 5, { 0 }, SADB_X_AALG_AES_XCBC_MAC },
};

/* NULL: not over PF_KEY, or not in this kernel. bits 0: any. */
static const struct alg *alg_of(const struct pfkey *k, uint16_t kind, uint16_t iana, uint16_t bits)
{
	for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
		const struct alg *a = &algs[i];
		if (a->kind != kind || a->iana != iana)
			continue;
		if (!((kind == PLUG_ENCR ? k->encr : k->auth) >> a->sadb & 1))
			return NULL;
		for (size_t b = 0; b < ARRAY_LEN(a->bits); b++)
			if (!bits || !a->bits[0] || a->bits[b] == bits)
				return a;
	}
	return NULL;
}

err_t pf_can(const struct pfkey *k, uint16_t encr, uint16_t bits, uint16_t integ, bool esn)
{
	if (esn || (encr && !alg_of(k, PLUG_ENCR, encr, bits)) || !integ || !alg_of(k, PLUG_INTEG, integ, 0))
		return E_NOT_SUPPORTED;
	return 0;
}

void pf_each_alg(const struct pfkey *k, void (*cb)(void *arg, uint8_t kind, uint16_t id, uint16_t bits), void *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
		const struct alg *a = &algs[i];
		if (!((a->kind == PLUG_ENCR ? k->encr : k->auth) >> a->sadb & 1))
			continue;
		for (size_t b = 0; b < ARRAY_LEN(a->bits); b++)
			if (a->bits[b] || !b)
				cb(arg, (uint8_t)a->kind, a->iana, a->bits[b]);
	}
}

/* ---- the table ---- */

static uint32_t sa_hash(struct pfkey *k, uint8_t dir, uint32_t spi)
{
	uint32_t key[2] = { dir, spi };

	return tab_hash(&k->sas, key, sizeof key);
}

struct pf_sa *pf_sa_find(struct pfkey *k, uint8_t dir, uint32_t spi, const struct net_addr *dst)
{
	uint32_t h = sa_hash(k, dir, spi);

	for (struct tab_node *n = tab_first(&k->sas, h); n; n = tab_next(n, h)) {
		struct pf_sa *s = (struct pf_sa *)n;
		if (s->dir == dir && s->spi == spi && (!dst || !dst->family || net_addr_same(&s->dst, dst)))
			return s;
	}
	return NULL;
}

void pf_sa_forget(struct pfkey *k, struct pf_sa *s)
{
	pf_journal_sa(k, s, PF_GOES);
	tab_del(&k->sas, &s->node);
	pool_put(&k->sa_pool, s);
}

/* ---- adding ---- */

static void put_life(struct pf_msg *m, uint16_t type, uint64_t seconds, uint64_t bytes, uint64_t packets)
{
	struct sadb_lifetime *l = pf_ext(m, type, sizeof *l);

	if (!l)
		return;
	/* A count of packets over 32 bits is no limit here: the other two hold. */
	l->sadb_lifetime_allocations = packets > UINT32_MAX ? 0 : (uint32_t)packets;
	l->sadb_lifetime_bytes = bytes;
	l->sadb_lifetime_addtime = seconds;
}

static void put_natt(struct pf_msg *m, const struct kern_sa *a)
{
	struct sadb_x_nat_t_type *t = pf_ext(m, SADB_X_EXT_NAT_T_TYPE, sizeof *t);
	struct sadb_x_nat_t_port *s = t ? pf_ext(m, SADB_X_EXT_NAT_T_SPORT, sizeof *s) : NULL;
	struct sadb_x_nat_t_port *d = s ? pf_ext(m, SADB_X_EXT_NAT_T_DPORT, sizeof *d) : NULL;

	if (!d)
		return;
	t->sadb_x_nat_t_type_type = 2; /* UDP_ENCAP_ESPINUDP */
	s->sadb_x_nat_t_port_port = htons(a->src.port);
	d->sadb_x_nat_t_port_port = htons(a->dst.port);
}

/* The family of what is inside; NET_NONE: both. */
static uint8_t inside(const struct kern_sa *a)
{
	uint8_t family = a->n_local_ts ? a->local_ts[0].family : a->dst.family;

	for (uint16_t i = 1; i < a->n_local_ts; i++)
		if (a->local_ts[i].family != family)
			return NET_NONE;
	return family;
}

/* NULL: it can be done; else what cannot. */
static const char *beyond(const struct pfkey *k, const struct kern_sa *a)
{
	if (a->esn)
		return "extended sequence numbers";
	if (a->replay_window > WINDOW_MAX)
		return "replay windows over 32 packets";
	if (a->mode == KERN_BEET)
		return "BEET mode";
	if (a->mark_in || a->mark_in_mask || a->mark_out || a->mark_out_mask || a->set_mark_mask)
		return "marks";
	if (a->if_id)
		return "interface ids";
	if (!inside(a))
		return "IPv4 and IPv6 in one SA: make a child for each";
	if (a->cpi)
		return "IPComp";
	if (a->tfc_pad)
		return "padding of packets";
	if (a->copy_df == KERN_COPY_DF_SET)
		return "setting the DF bit";
	if (a->dir == KERN_OUT && a->mode == KERN_TUNNEL && !(a->copy_dscp & KERN_DSCP_OUT))
		return "an outer header without the DSCP of the inner one";
	if (a->offload > KERN_OFFLOAD_AUTO)
		return "hardware offload";
	if (a->sha256_96)
		return "HMAC-SHA-256 cut to 96 bits";
	/* RFC 4302 wants the header to end at a multiple of 4 bytes; the kernel takes 8 unless told, which it cannot be. */
	if (a->proto == 51 && a->dst.family == NET_V4 && (a->integ_id == INTEG_SHA384 || a->integ_id == INTEG_SHA512))
		return "AH over IPv4 with SHA-384 or SHA-512 as other hosts expect it";
	if (a->reqid > REQID_MAX)
		return "request ids over 16383";
	if (a->proto == 50 && !alg_of(k, PLUG_ENCR, a->encr_id, a->encr_bits))
		return "this encryption algorithm";
	return alg_of(k, PLUG_INTEG, a->integ_id, 0) ? NULL : "this integrity algorithm";
}

err_t pf_sa_add(struct pfkey *k, const struct kern_sa *a)
{
	const char *what = beyond(k, a);
	uint8_t bits = (uint8_t)(net_addr_len(a->dst.family) * 8);
	struct pf_msg m;

	if (what) {
		pf_log(k, 1, "kernel-pfkey: an SA cannot be added: PF_KEY has no room for %s", what);
		return E_NOT_SUPPORTED;
	}
	struct pf_sa *s = pool_get(&k->sa_pool);
	if (!s)
		return E_NOMEM;
	pf_left_make_room(k, a);
	pf_begin(k, &m, SADB_ADD, pf_satype(a->proto));
	struct sadb_sa *e = pf_ext(&m, SADB_EXT_SA, sizeof *e);
	e->sadb_sa_spi = htonl(a->spi);
	e->sadb_sa_replay = (uint8_t)a->replay_window;
	e->sadb_sa_state = SADB_SASTATE_MATURE;
	e->sadb_sa_auth = alg_of(k, PLUG_INTEG, a->integ_id, 0)->sadb;
	if (a->proto == 50)
		e->sadb_sa_encrypt = alg_of(k, PLUG_ENCR, a->encr_id, a->encr_bits)->sadb;
	e->sadb_sa_flags = (a->copy_ecn ? 0u : SADB_SAFLAGS_NOECN) | (a->copy_dscp & KERN_DSCP_IN ? SADB_SAFLAGS_DECAP_DSCP : 0u) |
		(a->copy_df == KERN_COPY_DF_CLEAR ? SADB_SAFLAGS_NOPMTUDISC : 0u);
	struct sadb_x_sa2 *e2 = pf_ext(&m, SADB_X_EXT_SA2, sizeof *e2);
	e2->sadb_x_sa2_mode = a->mode == KERN_TRANSPORT ? IPSEC_MODE_TRANSPORT : IPSEC_MODE_TUNNEL;
	e2->sadb_x_sa2_reqid = a->reqid;
	/* Linux wants both or none, and a key also for NULL. */
	put_life(&m, SADB_EXT_LIFETIME_HARD, a->life.hard_s, a->life.hard_bytes, a->life.hard_packets);
	put_life(&m, SADB_EXT_LIFETIME_SOFT, a->life.soft_s, a->life.soft_bytes, a->life.soft_packets);
	pf_put_addr(&m, SADB_EXT_ADDRESS_SRC, &a->src, bits, 0, 0);
	pf_put_addr(&m, SADB_EXT_ADDRESS_DST, &a->dst, bits, 0, 0);
	/* An SA carries the family it is of, unless this says otherwise. */
	if (inside(a) != a->dst.family)
		pf_put_addr(&m, SADB_EXT_ADDRESS_PROXY, &(struct net_addr){ .family = inside(a) }, 0, 0, 0);
	pf_put_key(&m, SADB_EXT_KEY_AUTH, a->integ_key);
	if (a->proto == 50)
		pf_put_key(&m, SADB_EXT_KEY_ENCRYPT, a->encr_key);
	if (a->encap)
		put_natt(&m, a);
	s->spi = a->spi;
	s->reqid = a->reqid;
	s->dir = a->dir;
	s->proto = a->proto;
	s->src = a->src;
	s->dst = a->dst;
	s->cookie = a->cookie;
	pf_journal_sa(k, s, PF_COMES);
	int err = pf_ask(k, &m, NULL, NULL);
	explicit_bzero(m.buf, m.n);
	if (err) {
		pf_journal_sa(k, s, PF_GOES);
		pool_put(&k->sa_pool, s);
		return pf_fail(k, err, "add an SA with SPI %08x", a->spi);
	}
	tab_add(&k->sas, &s->node, sa_hash(k, s->dir, s->spi));
	return 0;
}

int pf_sa_remove(struct pfkey *k, uint8_t proto, uint32_t spi, const struct net_addr *src, const struct net_addr *dst)
{
	uint8_t bits = (uint8_t)(net_addr_len(dst->family) * 8);
	struct pf_msg m;

	pf_begin(k, &m, SADB_DELETE, pf_satype(proto));
	struct sadb_sa *e = pf_ext(&m, SADB_EXT_SA, sizeof *e);
	e->sadb_sa_spi = htonl(spi);
	pf_put_addr(&m, SADB_EXT_ADDRESS_SRC, src, bits, 0, 0);
	pf_put_addr(&m, SADB_EXT_ADDRESS_DST, dst, bits, 0, 0);
	return pf_ask(k, &m, NULL, NULL);
}

err_t pf_sa_del(struct pfkey *k, const struct kern_sa *a)
{
	struct pf_sa *s = pf_sa_find(k, a->dir, a->spi, &a->dst);

	/* The tunnel has moved and this SA stayed where it was: it is known by the rest of its name. */
	if (!s)
		s = pf_sa_find(k, a->dir, a->spi, NULL);
	if (!s || s->reqid != a->reqid)
		return E_NOT_FOUND;
	int err = pf_sa_remove(k, s->proto, s->spi, &s->src, &s->dst);
	/* One that the kernel has let go of already is no error. */
	if (err && err != ESRCH)
		return pf_fail(k, err, "remove the SA with SPI %08x", a->spi);
	pf_sa_forget(k, s);
	return 0;
}

/* ---- counters ---- */

struct usage_look {
	uint64_t bytes, packets;
};

static void on_get(void *arg, const struct pf_in *in)
{
	const struct sadb_lifetime *l = (const struct sadb_lifetime *)in->ext[SADB_EXT_LIFETIME_CURRENT];
	struct usage_look *u = arg;

	if (l)
		*u = (struct usage_look){ l->sadb_lifetime_bytes, l->sadb_lifetime_allocations };
}

err_t pf_sa_usage(struct pfkey *k, struct pf_sa *s, struct kern_usage *out)
{
	uint8_t bits = (uint8_t)(net_addr_len(s->dst.family) * 8);
	struct usage_look u = { 0, 0 };
	uint32_t now_s = pf_now_s(k);
	struct pf_msg m;

	pf_begin(k, &m, SADB_GET, pf_satype(s->proto));
	struct sadb_sa *e = pf_ext(&m, SADB_EXT_SA, sizeof *e);
	e->sadb_sa_spi = htonl(s->spi);
	pf_put_addr(&m, SADB_EXT_ADDRESS_SRC, &s->src, bits, 0, 0);
	pf_put_addr(&m, SADB_EXT_ADDRESS_DST, &s->dst, bits, 0, 0);
	int err = pf_ask(k, &m, on_get, &u);
	if (err)
		return pf_err(err);
	/* The protocol tells the first use, not the last: a change of the counter is a use. */
	if (u.packets != s->seen_packets) {
		s->seen_packets = u.packets;
		s->seen_s = now_s;
	}
	*out = (struct kern_usage){ .bytes = u.bytes, .packets = u.packets,
		.use_time_s = s->seen_s ? now_s - s->seen_s : UINT64_MAX };
	return 0;
}
