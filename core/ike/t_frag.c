/* SPDX-License-Identifier: Apache-2.0 */
/* Task: IKE fragmentation is announced (RFC 7383 section 2.3); cutting and joining, for fragment.h. */
#include "ike/fragment.h"

#include "crypto/sk.h"
#include "ike/wait.h"

#include <stdlib.h>

enum {
	IP4_LEN = 20, IP6_LEN = 40, UDP_LEN = 8, MARKER_LEN = 4,
	SMALLEST_V4 = 576, SMALLEST_V6 = 1280, /* what every host takes and every path carries (RFC 7383 section 2.5.1) */
	WAIT_MS = 30000,
	HALF_MAX_BYTES = 64 << 20 /* of half requests, all SAs together */
};

static COUNTER(c_cut, "ike.frag.cut", "messages sent in fragments");
static COUNTER(c_out, "ike.frag.out", "fragments sent for the first time");
static COUNTER(c_smaller, "ike.frag.smaller", "messages cut anew into smaller fragments because no answer came");
static COUNTER(c_full, "ike.frag.full", "fragments dropped because too much waits for its other fragments");
static COUNTER(c_late, "ike.frag.expired", "requests dropped because their other fragments did not come");

/* ---- sizes ------------------------------------------------------------------------------------------------------ */

/* Bytes of an IKE message in an IP packet of at most ip_bytes. */
static size_t room(const struct ike_engine *e, const struct ike_sa *sa, size_t ip_bytes)
{
	size_t over = (sa->remote.family == NET_V6 ? IP6_LEN : IP4_LEN) + UDP_LEN;

	if (sa->local.port == e->env.conf->port_natt)
		over += MARKER_LEN;
	return ip_bytes > over ? ip_bytes - over : 0;
}

static size_t smallest(const struct ike_sa *sa)
{
	return sa->remote.family == NET_V6 ? SMALLEST_V6 : SMALLEST_V4;
}

static size_t wanted(const struct ike_engine *e, const struct ike_sa *sa)
{
	return e->env.conf->fragment_size ? e->env.conf->fragment_size : smallest(sa);
}

static bool may_cut(const struct ike_sa *sa)
{
	return (sa->flags & SA_FRAG) && sa->conn->fragmentation != CONF_FRAG_ACCEPT;
}

/* ---- cutting ---------------------------------------------------------------------------------------------------- */

static struct ike_packet *packet_new(size_t cap)
{
	struct ike_packet *p = calloc(1, sizeof *p + cap);

	if (p)
		p->pieces = 1;
	return p;
}

static err_t one_piece(struct ike_engine *e, struct ike_sa *sa, const struct sk_key *key, struct ike_out *out, size_t n_inner,
	struct ike_packet **packet)
{
	size_t n;
	err_t err = sk_seal(e->env.crypto, key, &sa->iv_counter, e->buf, ENGINE_BUF, out->payload_at, out->body_at, n_inner, &n);

	if (err)
		return err;
	*packet = packet_new(n);
	if (!*packet)
		return E_NOMEM;
	memcpy((*packet)->b, e->buf, n);
	(*packet)->n = (uint32_t)n;
	return 0;
}

static err_t pieces(struct ike_engine *e, struct ike_sa *sa, const struct sk_key *key, const struct ike_hdr *h, uint8_t first,
	slice inner, size_t limit, struct ike_packet **packet)
{
	struct ike_out o;
	size_t each = sk_inner_max(key, IKE_HDR_LEN + IKE_PLD_LEN + 4, limit);
	size_t total = each ? (inner.n + each - 1) / each : 0, at = 0;
	err_t err = 0;

	if (!total || total > FRAG_MAX)
		return E_SPACE;
	struct ike_packet *p = packet_new(total * limit);
	if (!p)
		return E_NOMEM;
	for (size_t i = 0; i < total && !err; i++) {
		slice piece = slice_of(inner.p + i * each, i + 1 < total ? each : inner.n - i * each);
		size_t n;
		wire_begin(&o, p->b + at, limit, h);
		wire_skf_begin(&o, first, (uint16_t)(i + 1), (uint16_t)total, key->encr->iv_len);
		wr_bytes(&o.w, piece);
		err = wire_sk_end(&o, &n);
		if (!err)
			err = sk_seal(e->env.crypto, key, &sa->iv_counter, p->b + at, limit, o.payload_at, o.body_at, n, &n);
		if (!err)
			at += n;
	}
	if (err) {
		free(p);
		return err;
	}
	p->n = (uint32_t)at;
	p->pieces = (uint16_t)total;
	*packet = p;
	return 0;
}

err_t frag_seal(struct ike_engine *e, struct ike_sa *sa, const struct ike_hdr *h, struct ike_out *out,
	size_t peer_bytes, struct ike_packet **packet)
{
	struct sk_key key = sk_key_of(&sa->algs, &sa->keys, sa->initiator);
	size_t n_inner;

	*packet = NULL;
	err_t err = wire_sk_end(out, &n_inner);
	if (err)
		return err;
	size_t limit = room(e, sa, wanted(e, sa));
	if (peer_bytes && peer_bytes < limit)
		limit = peer_bytes > room(e, sa, smallest(sa)) ? peer_bytes : room(e, sa, smallest(sa));
	size_t whole = sk_sealed_len(&key, out->body_at, n_inner);
	if (!may_cut(sa) || whole <= limit)
		return one_piece(e, sa, &key, out, n_inner, packet);
	err = pieces(e, sa, &key, h, wire_sk_first(out), wire_sk_inner(out), limit, packet);
	if (err)
		return err;
	count_inc(&c_cut);
	count_add(&c_out, (*packet)->pieces);
	SA_LOG(e, sa, LOG_ENCODING, LOG_CONTROL, "message of %zu bytes is sent in %u fragments", whole, (*packet)->pieces);
	return 0;
}

/* Opens what we have sealed ourselves: *inner is malloc'd. */
static err_t reopen(struct ike_engine *e, const struct sk_key *key, const struct ike_packet *p, slice *inner, uint8_t *first)
{
	uint8_t *all = malloc(p->n);
	struct wr w = wr_of(all, p->n);
	size_t at = 0;
	err_t err = all ? 0 : E_NOMEM;

	*first = PLD_NONE;
	while (!err && at < p->n) {
		slice msg = ike_packet_piece(p, &at), plain;
		struct ike_msg m;
		if (!msg.n || msg.n > ENGINE_BUF) {
			err = E_INTERNAL;
			break;
		}
		memcpy(e->buf, msg.p, msg.n);
		arena_reset(&e->scratch);
		err = wire_parse(&m, slice_of(e->buf, msg.n), &e->scratch, NULL);
		if (!err && !m.sk.payload_at)
			err = E_MISUSE;
		if (!err)
			err = sk_open(key, e->buf, msg.n, m.sk.body_at, &plain);
		if (err)
			break;
		if (m.sk.frag <= 1)
			*first = m.sk.first;
		wr_bytes(&w, plain);
	}
	arena_reset(&e->scratch);
	if (err) {
		free(all);
		return err;
	}
	*inner = slice_of(all, wr_done(&w).n);
	return w.err;
}

void frag_smaller(struct ike_engine *e, struct ike_sa *sa, struct ike_packet **packet)
{
	struct sk_key key = sk_key_of(&sa->algs, &sa->keys, sa->initiator);
	struct ike_packet *p = *packet, *fresh = NULL;
	size_t limit = room(e, sa, smallest(sa)), at = 0, largest = 0;
	struct rd r = rd_of(slice_of(p->b, p->n));
	struct ike_hdr h;
	slice inner = SLICE_NONE;
	uint8_t first;

	while (at < p->n) {
		size_t n = ike_packet_piece(p, &at).n;
		largest = n > largest ? n : largest;
	}
	if (!may_cut(sa) || p->cut_anew || largest <= limit || wire_parse_hdr(&r, &h) || h.exchange == XCHG_IKE_SA_INIT)
		return;
	p->cut_anew = true;
	if (reopen(e, &key, p, &inner, &first))
		return;
	err_t err = pieces(e, sa, &key, &h, first, inner, limit, &fresh);
	mem_wipe((void *)inner.p, inner.n);
	free((void *)inner.p);
	if (err)
		return;
	count_inc(&c_smaller);
	SA_LOG(e, sa, LOG_ENCODING, LOG_CONTROL, "the message may be too large for the path: sent in %u smaller fragments from now on",
		fresh->pieces);
	fresh->of = p->of;
	fresh->again = p->again;
	fresh->cut_anew = true;
	free(p);
	*packet = fresh;
}

/* ---- joining ---------------------------------------------------------------------------------------------------- */

/* Half a request of the peer. */
struct ike_half {
	struct frag_set set;
	uint64_t first_hash;
	size_t largest;
	struct ike_sa *sa;
	struct ike_timer timer;
};

void frag_drop(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_half *h = sa->half;

	if (!h)
		return;
	e->half_bytes -= h->set.bytes;
	timer_stop(&e->timers, &h->timer);
	timer_release(&e->timers, 1);
	frag_fini(&h->set);
	free(h);
	sa->half = NULL;
}

static void half_due(struct ike_engine *e, struct ike_timer *t)
{
	struct ike_sa *sa = TIMER_OF(t, struct ike_half, timer)->sa;

	count_inc(&c_late);
	SA_LOG(e, sa, LOG_ENCODING, LOG_CONTROL, "request %u dropped: %u of its %u fragments came within %d s", sa->half->set.mid,
		sa->half->set.have, sa->half->set.total, WAIT_MS / 1000);
	frag_drop(e, sa);
}

static struct ike_half *half_of(struct ike_engine *e, struct ike_sa *sa)
{
	if (sa->half)
		return sa->half;
	struct ike_half *h = timer_reserve(&e->timers, 1) ? NULL : calloc(1, sizeof *h);
	if (!h)
		return NULL;
	h->sa = sa;
	timer_set(&e->timers, &h->timer, e->now_ms + WAIT_MS, half_due);
	return sa->half = h;
}

void frag_request_whole(struct ike_xch *x)
{
	struct ike_half *h = x->sa->half;

	if (h && x->in->sk.total) {
		x->in_hash = h->first_hash;
		x->in_piece = h->largest;
	}
	frag_drop(x->e, x->sa);
}

static err_t add(struct ike_xch *x, struct frag_set *set, slice fragment, slice *plain, uint8_t *first)
{
	slice whole;
	err_t err = frag_add(set, x->in->hdr.mid, &x->in->sk, fragment, &whole, first);

	if (err)
		return err;
	if (!whole.p) {
		SA_LOG(x->e, x->sa, LOG_ENCODING, LOG_CONTROL, "fragment %u of %u is here, %u are missing", x->in->sk.frag,
			x->in->sk.total, set->total - set->have);
		return E_AGAIN;
	}
	*plain = arena_slice(&x->in_arena, whole);
	mem_wipe((void *)whole.p, whole.n);
	free((void *)whole.p);
	if (whole.n && !plain->p)
		return E_NOMEM;
	/* To the exchange table it is one protected message. */
	x->in->clear = (x->in->clear & ~PAYSET(PLD_SKF)) | PAYSET(PLD_SK);
	return 0;
}

err_t frag_take(struct ike_xch *x, slice fragment, slice *plain, uint8_t *first, struct diag **why)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	err_t err;

	if (x->dir != XCH_RX_REQUEST) {
		err = add(x, &x->frags, fragment, plain, first);
		return err && err != E_AGAIN ? diag_set(why, err, "the fragments of the answer make no message") : err;
	}
	struct ike_half *h = half_of(e, sa);
	if (!h)
		return E_NOMEM;
	if (e->half_bytes + fragment.n > HALF_MAX_BYTES) {
		count_inc(&c_full);
		return E_AGAIN;
	}
	if (x->in->sk.frag == 1)
		h->first_hash = x->in_hash;
	if (!h->set.active || x->in->sk.total > h->set.total)
		h->largest = 0;
	h->largest = x->in_bytes.n > h->largest ? x->in_bytes.n : h->largest;
	e->half_bytes -= h->set.bytes;
	err = add(x, &h->set, fragment, plain, first);
	e->half_bytes += h->set.bytes;
	return err && err != E_AGAIN ? diag_set(why, err, "the fragments of the request make no message") : err;
}

/* ---- the task --------------------------------------------------------------------------------------------------- */

static enum verdict frag_apply(struct ike_xch *x)
{
	if (x->sa->conn->fragmentation != CONF_FRAG_NO && wire_notify(x->in, N_IKEV2_FRAGMENTATION_SUPPORTED))
		x->sa->flags |= SA_FRAG;
	return V_DONE;
}

static enum verdict frag_emit(struct ike_xch *x, struct ike_out *out)
{
	if (x->dir == XCH_TX_REQUEST ? x->sa->conn->fragmentation != CONF_FRAG_NO : (x->sa->flags & SA_FRAG) != 0)
		wire_put_notify(out, N_IKEV2_FRAGMENTATION_SUPPORTED, SLICE_NONE);
	return V_DONE;
}

const struct task_ops task_frag = {
	.name = "fragmentation",
	.order = 30,
	.apply = frag_apply,
	.emit = frag_emit,
};
