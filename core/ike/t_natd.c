/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NAT detection (RFC 7296 section 2.23): SHA-1 over SPIs, address and port in both directions. A mismatch of what the
 * peer says about us: we are behind a NAT; about itself: the peer is. From IKE_AUTH on an initiator that found one
 * floats to port 4500. With conn->encap, or when the data plane has no raw ESP, we pretend to be behind one by sending a
 * wrong hash of our own address.
 */
#include "ike/init.h"

#define HASH_SHA1 1
#define NATD_LEN 20

static err_t natd_hash(struct ike_engine *e, uint64_t spi_i, uint64_t spi_r, const struct net_addr *a, uint8_t out[NATD_LEN])
{
	const struct hash_ops *h = crypto_hash(e->env.crypto, HASH_SHA1);
	uint8_t buf[8 + 8 + 16 + 2];
	struct wr w = wr_of(buf, sizeof buf);

	if (!h || h->out_len != NATD_LEN)
		return E_NOT_SUPPORTED;
	wr_u64(&w, spi_i);
	wr_u64(&w, spi_r);
	wr_bytes(&w, slice_of(a->a, net_addr_len(a->family)));
	wr_u16(&w, a->port);
	slice s = wr_done(&w);
	return h->digest(&s, 1, out);
}

/* What the payloads say of both ends; false: they did not come. */
static bool natd_seen(struct ike_xch *x, uint64_t spi_r)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	const struct ike_msg *m = x->in;
	uint8_t about_me[NATD_LEN], about_peer[NATD_LEN];
	bool has_src = false, has_dst = false, src_ok = false, dst_ok = false;

	if (natd_hash(e, m->hdr.spi_i, spi_r, &sa->local, about_me) || natd_hash(e, m->hdr.spi_i, spi_r, &sa->remote, about_peer)) {
		SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "no NAT detection: no plugin provides SHA-1 (load crypto-gcrypt)");
		return false;
	}
	for (uint16_t i = 0; i < m->n_notifies; i++) {
		const struct wire_notify *n = &m->notifies[i];
		if (n->type == N_NAT_DETECTION_SOURCE_IP) {
			has_src = true;
			src_ok |= slice_equal(n->data, slice_of(about_peer, NATD_LEN));
		} else if (n->type == N_NAT_DETECTION_DESTINATION_IP) {
			has_dst = true;
			dst_ok |= slice_equal(n->data, slice_of(about_me, NATD_LEN));
		}
	}
	if (!has_src || !has_dst)
		return false;
	sa->flags &= ~(uint32_t)(SA_NAT_LOCAL | SA_NAT_REMOTE);
	sa->flags |= SA_PEER_NATD | (dst_ok ? 0 : SA_NAT_LOCAL) | (src_ok ? 0 : SA_NAT_REMOTE);
	if (!dst_ok)
		SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "local host is behind NAT, sending keep alives");
	if (!src_ok)
		SA_LOG(e, sa, LOG_IKE, LOG_CONTROL, "remote host is behind NAT");
	return true;
}

static enum verdict natd_apply(struct ike_xch *x)
{
	(void)natd_seen(x, x->dir == XCH_RX_REQUEST ? 0 : x->in->hdr.spi_r);
	return V_DONE;
}

/* Do we claim to be behind a NAT, so that ESP goes in UDP: by configuration, or because the data plane cannot send it
 * without? */
static bool natd_fake(const struct ike_xch *x)
{
	uint32_t caps = x->e->env.kern_caps;

	return (x->sa->conn && x->sa->conn->encap) || ((caps & KERN_CAP_ENCAP) && !(caps & KERN_CAP_RAW_ESP));
}

/* To the ports for NAT traversal. */
static void natd_float(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	const struct conf_daemon *c = x->e->env.conf;

	if (sa->local.port == c->port)
		sa->local.port = c->port_natt;
	if (sa->remote.port == IKE_PORT)
		sa->remote.port = IKE_PORT_NATT;
}

static void natd_done(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	bool nat = (sa->flags & (SA_NAT_LOCAL | SA_NAT_REMOTE)) != 0;

	if (!(sa->facts & FACT_KE_FIRST) || !(sa->flags & SA_PEER_NATD))
		return;
	if (natd_fake(x)) {
		sa->flags |= SA_NAT_FAKE;
		nat = true;
	}
	if (nat)
		sa->flags |= SA_NATT;
	/* A side that may move later cannot change the port then (RFC 4555 section 3.3). */
	bool mobile = sa->conn->mobike && sa->remote.port == IKE_PORT;
	if (x->dir == XCH_RX_RESPONSE && (nat || mobile))
		natd_float(x);
}

void natd_again(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;

	if (!natd_seen(x, x->in->hdr.spi_r))
		return;
	if (sa->flags & (SA_NAT_LOCAL | SA_NAT_REMOTE | SA_NAT_FAKE))
		sa->flags |= SA_NATT;
	else
		sa->flags &= ~(uint32_t)SA_NATT;
}

void natd_put(const struct ike_xch *x, struct ike_out *out, uint64_t spi_r)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	uint8_t src[NATD_LEN], dst[NATD_LEN];
	struct net_addr me = sa->local;

	/* Our own address may be unknown when the kernel chooses it: then no hash can fit, which is what it shall say. */
	if (natd_fake(x))
		me.port = 0;
	if (natd_hash(e, sa->spi_i, spi_r, &me, src) || natd_hash(e, sa->spi_i, spi_r, &sa->remote, dst))
		return;
	wire_put_notify(out, N_NAT_DETECTION_SOURCE_IP, slice_of(src, NATD_LEN));
	wire_put_notify(out, N_NAT_DETECTION_DESTINATION_IP, slice_of(dst, NATD_LEN));
}

static enum verdict natd_emit(struct ike_xch *x, struct ike_out *out)
{
	natd_put(x, out, x->dir == XCH_RX_REQUEST ? x->sa->spi_r : 0);
	return V_DONE;
}

const struct task_ops task_natd = {
	.name = "nat-detection",
	.order = 20,
	.apply = natd_apply,
	.emit = natd_emit,
	.done = natd_done,
};
