/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The negotiation of one child SA (RFC 7296 sections 1.3.1, 1.3.3, 2.9, 2.17): what creation and rekeying, IKE_AUTH and
 * CREATE_CHILD_SA have in common. See child_int.h.
 */
#include "ike/keylog.h"
#include "ike/followup.h"
#include "ike/vips.h"

#include <stdlib.h>

static COUNTER(ts_refused, "child.ts_refused", "child SAs refused because of their traffic selectors");
static COUNTER(limit_refused, "child.limit_refused", "child SAs refused because an IKE SA has its maximum");

/* SA, Ni | Nr of IKE_AUTH come from IKE_SA_INIT and there is no key exchange. */
static bool in_auth(const struct ike_xch *x)
{
	return x->exchange == XCHG_IKE_AUTH;
}

struct child_neg *neg_get(struct ike_xch *x)
{
	if (!x->neg)
		x->neg = arena_get(&x->arena, sizeof *x->neg);
	return x->neg;
}

static const struct suite_prop *const *props(const struct child_neg *n)
{
	return (const struct suite_prop *const *)n->conf->props;
}

static uint8_t conf_proto(const struct conf_child *f)
{
	return f->n_props && f->props[0]->proto == SUITE_AH ? 51 : 50;
}

static enum verdict no_memory(struct ike_xch *x)
{
	return ike_reject(x, E_NOMEM, "out of memory");
}

/* The first selector is the one of the packet that asked for the child (RFC 7296 section 2.9). */
static void put_first(struct tsm_set *s, const struct ts_sel *t)
{
	if (!t->family || !tsm_inside(t, 1, s->v, s->n))
		return;
	if (s->n == TSM_MAX)
		s->n--;
	memmove(s->v + 1, s->v, s->n * sizeof *s->v);
	s->v[0] = *t;
	s->n++;
}

/* What of the set concerns the packet's address. */
static void only_address(struct tsm_set *s, const struct ts_sel *packet)
{
	struct ts_sel t = *packet;
	struct tsm_set all = *s;
	t.proto = 0;
	t.port_lo = 0;
	t.port_hi = 65535;
	tsm_narrow(all.v, all.n, &t, 1, s);
}

static enum verdict no_reqid(struct ike_xch *x, const struct child_neg *n)
{
	return ike_reject(x, E_LIMIT, "no request id is free for child '%s': the data plane has %u, and all are in use", n->conf->name,
			  x->e->env.kern_last_reqid);
}

/* ---- initiator: request ------------------------------------------------------------------------------------------ */

static enum verdict propose_once(struct ike_xch *x, struct child_neg *n)
{
	struct ike_sa *sa = x->sa;
	struct tsm_end local, remote;
	vips_ends(sa, &local, &remote);
	n->proto = conf_proto(n->conf);
	n->mode = n->conf->mode;
	tsm_expand(n->conf->local_ts, n->conf->n_local_ts, &local, &n->local);
	tsm_expand(n->conf->remote_ts, n->conf->n_remote_ts, &remote, &n->remote);
	if (x->work && x->work->single_pair) {
		only_address(&n->local, &x->work->ts_local);
		only_address(&n->remote, &x->work->ts_remote);
	} else if (x->work && x->work->from_trap) {
		put_first(&n->local, &x->work->ts_local);
		put_first(&n->remote, &x->work->ts_remote);
	}
	if (x->work && !n->reqid)
		n->reqid = x->work->reqid;
	if (n->conf->reqid)
		n->reqid = n->conf->reqid;
	if (!n->reqid)
		n->reqid = child_reqid_pick(x->e, n->conn, n->conf, n->local.v, n->remote.v);
	if (!n->reqid)
		return no_reqid(x, n);
	uint8_t *nonce = in_auth(x) ? sa->setup->nonce : arena_get(&x->arena, IKE_NONCE_LEN);
	if (!nonce)
		return no_memory(x);
	err_t err = in_auth(x) ? 0 : crypto_random(x->e->env.crypto, nonce, IKE_NONCE_LEN);
	if (!err)
		err = child_spi_new(x->e, &n->spi_in);
	if (err)
		return ike_reject(x, err, "no nonce or SPI for child '%s': %s", n->conf->name, err_text(err));
	n->spi_held = true;
	ipcomp_offer(x, n);
	n->ni = slice_of(nonce, IKE_NONCE_LEN);
	return V_DONE;
}

enum verdict neg_propose(struct ike_xch *x, struct child_neg *n)
{
	if (follow_round(x))
		return ke_offer(x, &n->ke, follow_method(n));
	if (!n->spi_held) {
		enum verdict v = propose_once(x, n);
		if (v != V_DONE)
			return v;
	}
	if (in_auth(x))
		return V_DONE;
	uint16_t ke = x->work && x->work->ke ? x->work->ke : suite_list_first_ke(props(n), n->conf->n_props);
	if (ke == SUITE_KE_NONE)
		return V_DONE;
	n->want_ke = true;
	return ke_offer(x, &n->ke, ke);
}

static void put_mode(struct ike_out *out, uint8_t mode)
{
	if (mode == KERN_TRANSPORT)
		wire_put_notify(out, N_USE_TRANSPORT_MODE, SLICE_NONE);
	if (mode == KERN_BEET)
		wire_put_notify(out, N_USE_BEET_MODE, SLICE_NONE);
}

static void put_tfc(const struct ike_xch *x, struct ike_out *out)
{
	if (!(x->e->env.kern_caps & (KERN_CAP_TFC | KERN_CAP_NULL)))
		wire_put_notify(out, N_ESP_TFC_PADDING_NOT_SUPPORTED, SLICE_NONE);
}

static void put_spi(uint8_t b[4], uint32_t spi)
{
	struct wr w = wr_of(b, 4);
	wr_u32(&w, spi);
}

enum verdict neg_emit_request(struct ike_xch *x, struct child_neg *n, struct ike_out *out)
{
	uint8_t spi[4];
	if (follow_round(x)) {
		follow_emit(n, out);
		return V_DONE;
	}
	put_spi(spi, n->spi_in);
	put_mode(out, n->mode);
	ipcomp_emit(n, out);
	put_tfc(x, out);
	wire_put_sa_list(out, props(n), n->conf->n_props, slice_of(spi, 4), in_auth(x) ? WIRE_SA_NO_KE : 0);
	if (!in_auth(x))
		wire_put_nonce(out, n->ni);
	if (n->want_ke)
		wire_put_ke(out, n->ke.id, slice_of(n->ke.pub, n->ke.pub_len));
	wire_put_ts(out, PLD_TSI, n->local.v, n->local.n);
	wire_put_ts(out, PLD_TSR, n->remote.v, n->remote.n);
	return V_DONE;
}

/* ---- responder: request ------------------------------------------------------------------------------------------ */

static uint32_t prop_spi(const struct wire_sa *sa, size_t at)
{
	return at < sa->n ? wire_spi4(sa->spis[at]) : 0;
}

static uint8_t asked_mode(const struct ike_msg *m)
{
	if (wire_notify(m, N_USE_TRANSPORT_MODE))
		return KERN_TRANSPORT;
	return wire_notify(m, N_USE_BEET_MODE) ? KERN_BEET : KERN_TUNNEL;
}

static void set_from(struct tsm_set *s, const struct wire_ts *w)
{
	s->n = w->n < TSM_MAX ? w->n : TSM_MAX;
	s->cut = w->n > TSM_MAX;
	memcpy(s->v, w->v, s->n * sizeof *s->v);
}

static enum verdict no_selectors(struct ike_xch *x, const struct child_neg *n)
{
	const struct ike_msg *m = x->in;
	char l[TS_TEXT], r[TS_TEXT];
	count_inc(&ts_refused);
	return ike_reject(x, E_TS_UNACCEPTABLE,
			  "the peer's selectors %s === %s (as seen from here) do not fit %s%s%s: "
			  "local_ts and remote_ts of the two sides have to overlap",
			  m->ts_r->n ? ts_text(&m->ts_r->v[0], l) : "-", m->ts_i->n ? ts_text(&m->ts_i->v[0], r) : "-",
			  n->conf ? "child '" : "any child", n->conf ? n->conf->name : "", n->conf ? "'" : "");
}

static bool usable(const void *engine, const struct conf_child *f)
{
	return child_usable(engine, f, NULL) == 0;
}

/* Which child, which mode, which selectors (RFC 7296 sections 2.9 and 2.23.1). */
static enum verdict pick_child(struct ike_xch *x, struct child_neg *n)
{
	struct ike_sa *sa = x->sa;
	const struct ike_msg *m = x->in;
	struct tsm_set want_l, want_r, seen_l, seen_r, ours_l, ours_r;
	struct diag *why = NULL;
	uint8_t asked = asked_mode(m);
	set_from(&want_l, m->ts_r);
	set_from(&want_r, m->ts_i);
	if (!want_l.n || !want_r.n)
		return no_selectors(x, n);
	seen_l = want_l;
	seen_r = want_r;
	bool nat = asked == KERN_TRANSPORT && (sa->flags & (SA_NAT_LOCAL | SA_NAT_REMOTE)) &&
		   tsm_single_addrs(want_l.v, want_l.n) && tsm_single_addrs(want_r.v, want_r.n);
	if (nat && (sa->flags & SA_NAT_LOCAL))
		tsm_readdress(&seen_l, &sa->local);
	if (nat && (sa->flags & SA_NAT_REMOTE))
		tsm_readdress(&seen_r, &sa->remote);
	struct tsm_offer o = {
		.local = seen_l.v,
		.remote = seen_r.v,
		.n_local = seen_l.n,
		.n_remote = seen_r.n,
		.transport = asked == KERN_TRANSPORT,
		.usable = usable,
		.arg = x->e,
	};
	vips_ends(sa, &o.local_end, &o.remote_end);
	if (!n->conf) {
		n->conf = tsm_choose(sa->conn, &o);
		if (nat && (!n->conf || n->conf->mode != CONF_TRANSPORT)) {
			o = (struct tsm_offer){ .local = want_l.v,
						.remote = want_r.v,
						.n_local = want_l.n,
						.n_remote = want_r.n,
						.local_end = o.local_end,
						.remote_end = o.remote_end,
						.usable = usable,
						.arg = x->e };
			n->conf = tsm_choose(sa->conn, &o);
			nat = false;
		}
		if (!n->conf)
			return no_selectors(x, n);
		n->conn = conf_conn_ref(sa->conn);
	}
	if (child_usable(x->e, n->conf, &why)) {
		char text[512];
		enum verdict v = ike_reject(x, E_NO_PROPOSAL, "%s", diag_text(why, E_NEEDS, text, sizeof text));
		diag_free(&why);
		return v;
	}
	n->mode = asked == n->conf->mode ? asked : KERN_TUNNEL;
	nat = nat && n->mode == KERN_TRANSPORT;
	if (!nat) {
		seen_l = want_l;
		seen_r = want_r;
	}
	tsm_expand(n->conf->local_ts, n->conf->n_local_ts, &o.local_end, &ours_l);
	tsm_expand(n->conf->remote_ts, n->conf->n_remote_ts, &o.remote_end, &ours_r);
	tsm_narrow(ours_l.v, ours_l.n, seen_l.v, seen_l.n, &n->local);
	tsm_narrow(ours_r.v, ours_r.n, seen_r.v, seen_r.n, &n->remote);
	while (n->local.n * n->remote.n > CHILD_PAIRS_MAX) {
		struct tsm_set *larger = n->local.n > n->remote.n ? &n->local : &n->remote;
		larger->n--;
		larger->cut = true;
	}
	if (!n->local.n || !n->remote.n)
		return no_selectors(x, n);
	n->tell_local = n->local;
	n->tell_remote = n->remote;
	if (nat) {
		/* The answer speaks of the addresses the peer wrote. */
		struct net_addr a = { .family = want_l.v[0].family };
		memcpy(a.a, want_l.v[0].lo, 16);
		tsm_readdress(&n->tell_local, &a);
		a.family = want_r.v[0].family;
		memcpy(a.a, want_r.v[0].lo, 16);
		tsm_readdress(&n->tell_remote, &a);
	}
	return V_DONE;
}

static enum verdict check_plane(struct ike_xch *x, const struct child_neg *n)
{
	const struct suite *s = &n->suite;
	if (n->proto == 51 && x->sa->flags & (SA_NAT_LOCAL | SA_NAT_REMOTE | SA_NAT_FAKE))
		return ike_reject(x, E_NO_PROPOSAL, "AH covers the addresses, so that child '%s' cannot pass the NAT between the ends; "
				  "take esp_proposals (aes128gmac protects without encryption)", n->conf->name);
	if (x->e->env.kern_can && x->e->env.kern_can(x->e->env.arg, s->encr, s->encr_bits, s->integ, s->esn)) {
		TEXT_ON_STACK(t, 128);
		suite_text(&t, s);
		return ike_reject(x, E_NO_PROPOSAL, "the data plane cannot do %s; change esp_proposals of child '%s'",
				  t.p, n->conf->name);
	}
	return V_DONE;
}

static enum verdict pick_suite(struct ike_xch *x, struct child_neg *n)
{
	const struct ike_msg *m = x->in;
	struct diag *why = NULL;
	char text[512];
	size_t at = 0;
	uint16_t hint = m->ke ? m->ke->method : SUITE_KE_NONE;
	err_t err = suite_select(props(n), n->conf->n_props, (const struct suite_prop *const *)m->sa->props, m->sa->n,
				 in_auth(x) ? SUITE_STRIP_KE : 0, hint, &n->suite, NULL, &at, &why);
	if (err) {
		enum verdict v =
			ike_reject(x, err, "child '%s': %s", n->conf->name, diag_text(why, err, text, sizeof text));
		diag_free(&why);
		return v;
	}
	n->prop_num = m->sa->props[at]->num;
	n->spi_out = prop_spi(m->sa, at);
	n->proto = n->suite.proto == SUITE_AH ? 51 : 50;
	if (n->spi_out < 256)
		return ike_reject(x, E_SYNTAX, "SPI %u of the peer's child is reserved", n->spi_out);
	n->want_ke = n->suite.ke != SUITE_KE_NONE && !in_auth(x);
	follow_begin(n);
	if (n->want_ke && hint != n->suite.ke) {
		uint8_t method[2] = { (uint8_t)(n->suite.ke >> 8), (uint8_t)n->suite.ke };
		char name[32];
		ike_reject(x, E_INVALID_KE, "child '%s' wants key exchange %s", n->conf->name,
			   suite_alg_name(SUITE_KE, n->suite.ke, name));
		ike_reject_data(x, slice_of(method, 2));
		return V_REJECT;
	}
	return check_plane(x, n);
}

/* Keys of both directions. */
static enum verdict make_keys(struct ike_xch *x, struct child_neg *n)
{
	struct ike_sa *sa = x->sa;
	slice ss[1 + SUITE_EXTRA_KES];
	err_t err = keymat_child(sa->algs.prf, ike_key(&sa->keys, IKE_SK_D), &n->suite, n->ni, n->nr, ss,
				 follow_secrets(n, ss), &n->keys);
	follow_fini(n);
	if (err)
		return ike_reject(x, err, "keys of child '%s' cannot be made: %s", n->conf->name, err_text(err));
	keylog_child(x->e, sa, n->conf->name, n->spi_in, n->spi_out, x->dir != XCH_RX_REQUEST, &n->keys);
	return V_DONE;
}

static enum verdict request_once(struct ike_xch *x, struct child_neg *n)
{
	const struct ike_msg *m = x->in;
	struct ike_sa *sa = x->sa;
	if (!m->sa || !m->ts_i || !m->ts_r || (!in_auth(x) && !m->nonce))
		return ike_reject(x, E_SYNTAX, "a payload is missing that a new child needs");
	/* While it is rekeyed a child counts twice. */
	if (child_count_of(sa) >= (n->old ? 2 : 1) * x->e->env.conf->max_children_per_ike) {
		count_inc(&limit_refused);
		return ike_reject(x, E_NO_ADDITIONAL_SAS, "this IKE SA has %u children, the most it may have",
				  x->e->env.conf->max_children_per_ike);
	}
	enum verdict v = pick_child(x, n);
	if (v == V_DONE)
		v = pick_suite(x, n);
	if (v != V_DONE)
		return v;
	if (in_auth(x)) {
		n->ni = slice_of(sa->setup->peer_nonce, sa->setup->peer_nonce_len);
		n->nr = slice_of(sa->setup->nonce, IKE_NONCE_LEN);
	} else {
		uint8_t *nonce = arena_get(&x->arena, IKE_NONCE_LEN);
		if (!nonce)
			return no_memory(x);
		err_t err = crypto_random(x->e->env.crypto, nonce, IKE_NONCE_LEN);
		if (err)
			return ike_reject(x, err, "no nonce: %s", err_text(err));
		n->ni = arena_slice(&x->arena, *m->nonce);
		n->nr = slice_of(nonce, IKE_NONCE_LEN);
		if (!n->ni.p)
			return no_memory(x);
	}
	if (!n->reqid)
		n->reqid = child_reqid_pick(x->e, n->conn, n->conf, n->local.v, n->remote.v);
	if (!n->reqid)
		return no_reqid(x, n);
	n->peer_tfc_off = wire_notify(m, N_ESP_TFC_PADDING_NOT_SUPPORTED) != NULL;
	err_t err = child_spi_new(x->e, &n->spi_in);
	if (err)
		return ike_reject(x, err, "no SPI for child '%s': %s", n->conf->name, err_text(err));
	n->spi_held = true;
	ipcomp_accept(x, n);
	return V_DONE;
}

enum verdict neg_check_request(struct ike_xch *x, struct child_neg *n)
{
	enum verdict v = n->spi_held ? V_DONE : request_once(x, n);
	if (v == V_DONE && n->want_ke)
		v = follow_expect(x, n);
	if (v == V_DONE && n->want_ke)
		v = ke_answer(x, &n->ke, follow_method(n), x->in->ke->data);
	if (v == V_DONE && n->want_ke)
		v = follow_next(x, n);
	return v == V_DONE ? make_keys(x, n) : v;
}

enum verdict neg_emit_answer(struct ike_xch *x, struct child_neg *n, struct ike_out *out)
{
	uint8_t spi[4];
	if (follow_round(x)) {
		follow_emit(n, out);
		return V_DONE;
	}
	put_spi(spi, n->spi_in);
	put_mode(out, n->mode);
	ipcomp_emit(n, out);
	put_tfc(x, out);
	wire_put_sa_suite(out, &n->suite, n->prop_num, slice_of(spi, 4));
	if (!in_auth(x))
		wire_put_nonce(out, n->nr);
	if (n->want_ke)
		wire_put_ke(out, n->ke.id, slice_of(n->ke.pub, n->ke.pub_len));
	wire_put_ts(out, PLD_TSI, n->tell_remote.v, n->tell_remote.n);
	wire_put_ts(out, PLD_TSR, n->tell_local.v, n->tell_local.n);
	if (n->local.cut || n->remote.cut)
		wire_put_notify(out, N_ADDITIONAL_TS_POSSIBLE, SLICE_NONE);
	follow_emit_link(n, out);
	return V_DONE;
}

/* ---- initiator: answer ------------------------------------------------------------------------------------------- */

/* What the responder chose has to be inside what we asked for. */
static enum verdict answer_selectors(struct ike_xch *x, struct child_neg *n)
{
	struct ike_sa *sa = x->sa;
	struct tsm_set l, r;
	uint8_t mode = asked_mode(x->in);
	set_from(&l, x->in->ts_i);
	set_from(&r, x->in->ts_r);
	if (mode != n->mode) {
		if (mode != KERN_TUNNEL)
			return ike_reject(x, E_SYNTAX, "the peer chose a mode for child '%s' that was not asked for",
					  n->conf->name);
		SA_LOG(x->e, sa, LOG_CHILD, LOG_CONTROL,
		       "the peer does not do the configured mode for child '%s': tunnel mode it is", n->conf->name);
		n->mode = KERN_TUNNEL;
	}
	if (n->mode == KERN_TRANSPORT && (sa->flags & (SA_NAT_LOCAL | SA_NAT_REMOTE)) && tsm_single_addrs(l.v, l.n) &&
	    tsm_single_addrs(r.v, r.n)) {
		/* A peer behind a NAT may answer with its inside address. */
		tsm_readdress(&l, &sa->local);
		tsm_readdress(&r, &sa->remote);
	}
	if (!l.n || !r.n || l.n * r.n > CHILD_PAIRS_MAX || !tsm_inside(l.v, l.n, n->local.v, n->local.n) ||
	    !tsm_inside(r.v, r.n, n->remote.v, n->remote.n)) {
		count_inc(&ts_refused);
		return ike_reject(x, E_TS_UNACCEPTABLE,
				  "the peer's selectors for child '%s' are not inside those we proposed",
				  n->conf->name);
	}
	n->local = l;
	n->remote = r;
	return V_DONE;
}

enum verdict neg_check_answer(struct ike_xch *x, struct child_neg *n)
{
	const struct ike_msg *m = x->in;
	struct ike_sa *sa = x->sa;
	struct diag *why = NULL;
	char text[512];
	if (n->nr.p)
		goto finish; /* resumed */
	if (!m->sa || m->sa->n != 1 || !m->ts_i || !m->ts_r || (!in_auth(x) && !m->nonce))
		return ike_reject(x, E_SYNTAX, "the answer for child '%s' lacks a payload or has several proposals",
				  n->conf->name);
	err_t err = suite_accept(props(n), n->conf->n_props, m->sa->props[0], in_auth(x) ? SUITE_STRIP_KE : 0,
				 &n->suite, &why);
	if (err) {
		ike_reject(x, err, "child '%s': %s", n->conf->name, diag_text(why, err, text, sizeof text));
		diag_free(&why);
		return V_REJECT;
	}
	n->spi_out = prop_spi(m->sa, 0);
	if (n->spi_out < 256)
		return ike_reject(x, E_SYNTAX, "SPI %u of the peer's child is reserved", n->spi_out);
	bool ke = n->suite.ke != SUITE_KE_NONE && !in_auth(x);
	if (ke && (!m->ke || !n->want_ke || m->ke->method != n->suite.ke || n->ke.id != n->suite.ke))
		return ike_reject(x, E_SYNTAX, "the key exchange of the answer is not the one of its proposal");
	n->want_ke = ke;
	n->proto = n->suite.proto == SUITE_AH ? 51 : 50;
	enum verdict v = answer_selectors(x, n);
	if (v == V_DONE)
		v = check_plane(x, n);
	if (v != V_DONE)
		return v;
	n->peer_tfc_off = wire_notify(m, N_ESP_TFC_PADDING_NOT_SUPPORTED) != NULL;
	ipcomp_take(x, n);
	n->nr = in_auth(x) ? slice_of(sa->setup->peer_nonce, sa->setup->peer_nonce_len) : arena_slice(&x->arena, *m->nonce);
	if (!n->nr.p)
		return no_memory(x);
	follow_begin(n);
finish:
	if (n->want_ke) {
		v = follow_expect(x, n);
		if (v == V_DONE)
			v = ke_finish(x, &n->ke, m->ke->data);
		if (v == V_DONE)
			v = follow_next(x, n);
		if (v != V_DONE)
			return v;
	}
	return make_keys(x, n);
}

uint64_t neg_retry_ms(struct ike_engine *e, const struct ike_work *w)
{
	uint64_t base = 4000ull << (w->tries < 5 ? w->tries : 5);
	return base + ike_rand_below(e, base / 2);
}

bool neg_try_again(struct ike_xch *x, const struct wire_notify *err, uint16_t offered,
		   const struct suite_prop *const *v, size_t n_props)
{
	enum { TEMPORARY_TRIES = 8 };
	if (!x->work)
		return false;
	struct rd r = rd_of(err->data);
	uint16_t ke = err->type == N_INVALID_KE_PAYLOAD ? rd_u16(&r) : SUITE_KE_NONE;
	if (err->type == N_INVALID_KE_PAYLOAD && offered && rd_close(&r) == 0) {
		/* Asked for once: a peer that goes on asking would keep us busy for ever. */
		if (x->work->ke || ke == offered || !suite_list_has_ke(v, n_props, ke))
			return false;
		x->work->ke = ke;
		(void)ike_reject(x, E_INVALID_KE, "the peer wants another key exchange method: asked again with it");
		ike_work_again(x, 0);
		return true;
	}
	/* The peer has forgotten the exchange we were going on with: as if it were busy. */
	if ((err->type == N_TEMPORARY_FAILURE || err->type == N_STATE_NOT_FOUND) && x->work->tries < TEMPORARY_TRIES) {
		uint64_t after = neg_retry_ms(x->e, x->work);
		(void)ike_reject(x, E_TEMPORARY, "the peer is busy: tried again in %llu s",
				 (unsigned long long)(after / 1000));
		ike_work_again(x, after);
		return true;
	}
	return false;
}
