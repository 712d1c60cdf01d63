/* SPDX-License-Identifier: Apache-2.0 */
#include "ike/msgio.h"
#include "crypto/sk.h"
#include "ike/dos.h"
#include "ike/life.h"
#include "ike/wait.h"

#include <stdlib.h>

/* An answer is kept this long for a request that comes again; peers give up earlier. */
#define ANSWER_KEEP_MS 200000

static COUNTER(c_sent, "ike.tx.messages", "IKE messages sent, retransmissions included");
static COUNTER(c_bytes, "ike.tx.bytes", "bytes of IKE messages sent");

static bool is_protected(const struct ike_xch *x)
{
	return x->exchange != XCHG_IKE_SA_INIT && x->sa->keys.all.n;
}

void msg_begin(struct ike_xch *x, struct ike_out *out, bool answer)
{
	const struct ike_sa *sa = x->sa;
	struct ike_hdr h = {
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.version = IKE_V2,
		.exchange = x->exchange,
		.flags = (uint8_t)((sa->initiator ? IKE_FLAG_INITIATOR : 0) | (answer ? IKE_FLAG_RESPONSE : 0)),
		.mid = x->mid,
	};

	wire_begin(out, x->e->buf, ENGINE_BUF, &h);
	if (is_protected(x))
		wire_sk_begin(out, sa->algs.encr->iv_len);
}

static err_t msg_end(struct ike_xch *x, struct ike_out *out, slice *msg)
{
	struct ike_engine *e = x->e;
	struct ike_sa *sa = x->sa;
	size_t n_inner, n;

	if (log_wants(e->env.log, LOG_ENCODING, LOG_CONTROL)) {
		TEXT_ON_STACK(t, 1024);
		arena_reset(&e->scratch);
		wire_out_text(&t, out, &e->scratch);
		SA_LOG(e, sa, LOG_ENCODING, LOG_CONTROL, "generating %s", t.p);
	}
	if (!is_protected(x))
		return wire_end(out, msg);
	err_t err = wire_sk_end(out, &n_inner);
	if (err)
		return err;
	struct sk_key key = sk_key_of(&sa->algs, &sa->keys, sa->initiator);
	err = sk_seal(e->env.crypto, &key, &sa->iv_counter, e->buf, ENGINE_BUF, out->payload_at, out->body_at, n_inner, &n);
	*msg = slice_of(e->buf, err ? 0 : n);
	return err;
}

static struct ike_packet *packet_of(slice msg)
{
	struct ike_packet *p = malloc(sizeof *p + msg.n);

	if (!p)
		return NULL;
	p->of = 0;
	p->n = (uint32_t)msg.n;
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

err_t msg_end_answer(struct ike_xch *x, struct ike_out *out)
{
	slice msg;
	err_t err = msg_end(x, out, &msg);

	if (err)
		return err;
	struct ike_packet *p = packet_of(msg);
	if (!p)
		return E_NOMEM;
	p->of = x->in_hash;
	free(x->sa->answer);
	x->sa->answer = p;
	return keep_init(x, msg);
}

err_t msg_end_request(struct ike_xch *x, struct ike_out *out)
{
	slice msg;
	err_t err = msg_end(x, out, &msg);

	if (err)
		return err;
	free(x->packet);
	x->packet = packet_of(msg);
	if (!x->packet)
		return E_NOMEM;
	return keep_init(x, msg);
}

void ike_send(struct ike_engine *e, struct ike_sa *sa, slice msg)
{
	if (log_wants(e->env.log, LOG_NETWORK, LOG_CONTROL)) {
		char l[NET_ADDR_TEXT], r[NET_ADDR_TEXT];
		SA_LOG(e, sa, LOG_NETWORK, LOG_CONTROL, "sending packet: from %s to %s (%zu bytes)",
			net_addr_text(&sa->local, true, l), net_addr_text(&sa->remote, true, r), msg.n);
	}
	count_inc(&c_sent);
	count_add(&c_bytes, msg.n);
	sa->last_out_ms = e->now_ms;
	fx_send(e, &sa->local, &sa->remote, msg);
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
	ike_send(e, sa, slice_of(sa->answer->b, sa->answer->n));
	timer_set(&e->timers, &sa->t_answer, e->now_ms + ANSWER_KEEP_MS, answer_release);
}

void msg_send_answer_again(struct ike_engine *e, struct ike_sa *sa)
{
	ike_send(e, sa, slice_of(sa->answer->b, sa->answer->n));
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
	uint8_t buf[256];
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
	fx_send(e, local, remote, msg);
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

	*authentic = false;
	err_t err = msg_read_clear(x, datagram, why);
	if (err)
		return err;
	if (x->in->sk.payload_at && sa->keys.all.n && !x->in->sk.total) {
		struct sk_key key = sk_key_of(&sa->algs, &sa->keys, !sa->initiator);
		err = sk_open(&key, (uint8_t *)x->in_bytes.p, datagram.n, x->in->sk.body_at, &plain);
		if (err)
			return diag_set(why, err, "the message cannot be opened with the keys of this IKE SA");
		*authentic = true;
		err = wire_parse_inner(x->in, plain, x->in->sk.first, why);
	}
	return err;
}
