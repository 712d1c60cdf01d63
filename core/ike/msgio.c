/* SPDX-License-Identifier: Apache-2.0 */
#include "ike/msgio.h"
#include "crypto/sk.h"
#include "ike/dos.h"
#include "ike/fragment.h"
#include "ike/intermediate.h"
#include "ike/life.h"
#include "ike/wait.h"

#include <stdlib.h>

/* An answer is kept this long for a request that comes again; peers give up earlier. */
#define ANSWER_KEEP_MS 200000

/* Sent again more often, an answer may be too large for the path. */
#define SAME_SIZE_TRIES 2

static COUNTER(c_sent, "ike.tx.messages", "IKE messages sent, retransmissions included");
static COUNTER(c_bytes, "ike.tx.bytes", "bytes of IKE messages sent");

static bool is_protected(const struct ike_xch *x)
{
	return x->exchange != XCHG_IKE_SA_INIT && x->sa->keys.all.n;
}

static struct ike_hdr hdr_of(const struct ike_xch *x, bool answer)
{
	const struct ike_sa *sa = x->sa;

	return (struct ike_hdr){
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.version = IKE_V2,
		.exchange = x->exchange,
		.flags = (uint8_t)((sa->initiator ? IKE_FLAG_INITIATOR : 0) | (answer ? IKE_FLAG_RESPONSE : 0)),
		.mid = x->mid,
	};
}

void msg_begin(struct ike_xch *x, struct ike_out *out, bool answer)
{
	struct ike_hdr h = hdr_of(x, answer);

	wire_begin(out, x->e->buf, ENGINE_BUF, &h);
	if (is_protected(x))
		wire_sk_begin(out, x->sa->algs.encr->iv_len);
}

static struct ike_packet *packet_of(slice msg)
{
	struct ike_packet *p = calloc(1, sizeof *p + msg.n);

	if (!p)
		return NULL;
	p->n = (uint32_t)msg.n;
	p->pieces = 1;
	memcpy(p->b, msg.p, msg.n);
	return p;
}

/* IKE_SA_INIT messages are what AUTH covers. */
static err_t keep_init(struct ike_xch *x, slice msg)
{
	struct ike_setup *s = x->sa->setup;

	if (x->exchange != XCHG_IKE_SA_INIT || !s)
		return 0;
	free(s->init_mine);
	s->init_mine = mem_dup(msg);
	s->init_mine_len = s->init_mine ? (uint32_t)msg.n : 0;
	return s->init_mine ? 0 : E_NOMEM;
}

static err_t msg_end(struct ike_xch *x, struct ike_out *out, struct ike_packet **packet)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	slice msg;

	if (log_wants(e->env.log, LOG_ENCODING, LOG_CONTROL)) {
		TEXT_ON_STACK(t, 1024);
		arena_reset(&e->scratch);
		wire_out_text(&t, out, &e->scratch);
		SA_LOG(e, sa, LOG_ENCODING, LOG_CONTROL, "generating %s", t.p);
	}
	if (x->exchange == XCHG_IKE_INTERMEDIATE && sa->setup) {
		err_t err = more_seen_ours(sa, out);
		if (err)
			return err;
	}
	if (is_protected(x)) {
		struct ike_hdr h = hdr_of(x, x->dir == XCH_RX_REQUEST);
		return frag_seal(e, sa, &h, out, x->in_piece, packet);
	}
	err_t err = wire_end(out, &msg);
	if (err)
		return err;
	*packet = packet_of(msg);
	return *packet ? keep_init(x, msg) : E_NOMEM;
}

err_t msg_end_answer(struct ike_xch *x, struct ike_out *out)
{
	struct ike_packet *p = NULL;
	err_t err = msg_end(x, out, &p);

	if (err) {
		free(p);
		return err;
	}
	p->of = x->in_hash;
	free(x->sa->answer);
	x->sa->answer = p;
	return 0;
}

err_t msg_end_request(struct ike_xch *x, struct ike_out *out)
{
	struct ike_packet *p = NULL;
	err_t err = msg_end(x, out, &p);

	if (err) {
		free(p);
		return err;
	}
	free(x->packet);
	x->packet = p;
	return 0;
}

static void send_bytes(struct ike_engine *e, struct ike_sa *sa, slice msg, const struct net_addr *local,
	const struct net_addr *remote)
{
	if (log_wants(e->env.log, LOG_NETWORK, LOG_CONTROL)) {
		char l[NET_ADDR_TEXT], r[NET_ADDR_TEXT];
		SA_LOG(e, sa, LOG_NETWORK, LOG_CONTROL, "sending packet: from %s to %s (%zu bytes)", net_addr_text(local, true, l),
			net_addr_text(remote, true, r), msg.n);
	}
	count_inc(&c_sent);
	count_add(&c_bytes, msg.n);
	sa->last_out_ms = e->now_ms;
	fx_send(e, local, remote, sa->conn ? sa->conn->dscp : 0, msg);
}

void ike_send_to(struct ike_engine *e, struct ike_sa *sa, const struct ike_packet *p, const struct net_addr *local,
	const struct net_addr *remote)
{
	size_t at = 0;

	for (slice piece; (piece = ike_packet_piece(p, &at)).n;)
		send_bytes(e, sa, piece, local, remote);
}

void ike_send(struct ike_engine *e, struct ike_sa *sa, const struct ike_packet *p)
{
	ike_send_to(e, sa, p, &sa->local, &sa->remote);
}

void ike_send_bytes(struct ike_engine *e, struct ike_sa *sa, slice msg)
{
	send_bytes(e, sa, msg, &sa->local, &sa->remote);
}

static void answer_release(struct ike_engine *e, struct ike_timer *t)
{
	struct ike_sa *sa = TIMER_OF(t, struct ike_sa, t_answer);

	(void)e;
	free(sa->answer);
	sa->answer = NULL;
}

static const uint8_t answer_counter[] = { [XCHG_IKE_SA_INIT] = IKE_CNT_INIT_OUT_RESP, [XCHG_IKE_AUTH] = IKE_CNT_AUTH_OUT_RESP,
	[XCHG_CREATE_CHILD_SA] = IKE_CNT_CREATE_CHILD_OUT_RESP, [XCHG_INFORMATIONAL] = IKE_CNT_INFO_OUT_RESP };

void msg_send_answer(struct ike_xch *x)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;

	if (x->exchange >= XCHG_IKE_SA_INIT && x->exchange < ARRAY_LEN(answer_counter))
		ike_count(e, sa, answer_counter[x->exchange]);
	if (x->in_remote.family)
		ike_send_to(e, sa, sa->answer, &x->in_local, &x->in_remote);
	else
		ike_send(e, sa, sa->answer);
	timer_set(&e->timers, &sa->t_answer, e->now_ms + ANSWER_KEEP_MS, answer_release);
}

void msg_send_answer_again(struct ike_engine *e, struct ike_sa *sa, const struct net_addr *local, const struct net_addr *remote,
	bool smaller)
{
	if (sa->answer->again < UINT8_MAX)
		sa->answer->again++;
	if (smaller || sa->answer->again >= SAME_SIZE_TRIES)
		frag_smaller(e, sa, &sa->answer);
	ike_send_to(e, sa, sa->answer, local, remote);
}

err_t msg_answer_error(struct ike_xch *x, uint16_t notify, slice data)
{
	struct ike_out out;

	msg_begin(x, &out, true);
	if (x->notify_proto)
		wire_put_notify_spi(&out, notify, x->notify_proto, x->notify_spi, data);
	else
		wire_put_notify(&out, notify, data);
	err_t err = msg_end_answer(x, &out);
	if (!err)
		msg_send_answer(x);
	return err;
}

void msg_answer_stranger(struct ike_engine *e, const struct net_addr *local, const struct net_addr *remote,
	const struct ike_hdr *hdr, uint16_t notify, slice data)
{
	uint8_t buf[640]; /* the longest is a REDIRECT with a nonce */
	struct ike_out out;
	slice msg;
	struct ike_hdr h = *hdr;

	/* A cookie is the defence itself and costs less than what it saves; its rate is that of the requests. */
	if (notify != N_COOKIE && !dos_may_answer(e))
		return;
	h.version = IKE_V2;
	h.flags = (uint8_t)(IKE_FLAG_RESPONSE | (hdr->flags & IKE_FLAG_INITIATOR ? 0 : IKE_FLAG_INITIATOR));
	wire_begin(&out, buf, sizeof buf, &h);
	wire_put_notify(&out, notify, data);
	if (wire_end(&out, &msg))
		return;
	count_inc(&c_sent);
	count_add(&c_bytes, msg.n);
	fx_send(e, local, remote, 0, msg);
}

err_t msg_read_clear(struct ike_xch *x, slice datagram, struct diag **why)
{
	arena_reset(&x->in_arena);
	uint8_t *copy = arena_dup(&x->in_arena, datagram.p, datagram.n);

	x->in = arena_get(&x->in_arena, sizeof *x->in);
	if (!copy || !x->in)
		return E_NOMEM;
	x->in_bytes = slice_of(copy, datagram.n);
	return wire_parse(x->in, x->in_bytes, &x->in_arena, why);
}

void msg_log_in(struct ike_xch *x)
{
	if (!log_wants(x->e->env.log, LOG_ENCODING, LOG_CONTROL))
		return;
	TEXT_ON_STACK(t, 1024);
	wire_text(&t, x->in);
	SA_LOG(x->e, x->sa, LOG_ENCODING, LOG_CONTROL, "parsed %s", t.p);
}

err_t msg_read(struct ike_xch *x, slice datagram, bool *authentic, struct diag **why)
{
	struct ike_sa *sa = x->sa;
	slice plain;
	uint8_t first;

	*authentic = false;
	err_t err = msg_read_clear(x, datagram, why);
	if (err)
		return err;
	if (x->in->sk.total && !(sa->flags & SA_FRAG))
		return diag_set(why, E_SYNTAX, "a fragment, without fragmentation having been agreed on");
	if (x->in->sk.payload_at && sa->keys.all.n) {
		struct sk_key key = sk_key_of(&sa->algs, &sa->keys, !sa->initiator);
		err = sk_open(&key, (uint8_t *)x->in_bytes.p, datagram.n, x->in->sk.body_at, &plain);
		if (err)
			return diag_set(why, err, "the message cannot be opened with the keys of this IKE SA");
		*authentic = true;
		first = x->in->sk.first;
		if (x->in->sk.total)
			err = frag_take(x, plain, &plain, &first, why);
		if (err)
			return err;
		x->in_plain = plain;
		x->in_first = first;
		err = wire_parse_inner(x->in, plain, first, why);
	}
	return err;
}
