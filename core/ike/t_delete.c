/* SPDX-License-Identifier: Apache-2.0 */
/* Task: delete of child SAs in an INFORMATIONAL exchange, both roles (RFC 7296 section 1.4.1). */
#include "ike/child_int.h"

/* ---- ours -------------------------------------------------------------------------------------------------------- */

static enum verdict check_tx(struct ike_xch *x)
{
	struct child_sa *c = child_of(x->sa, x->work->child_unique);
	if (!c || c->state == CHILD_S_DELETED) {
		/* The peer has deleted it before us. */
		ike_cmd_done(x->e, x->work->cmd_id, 0, NULL, x->sa->unique, x->work->child_unique);
		x->work->cmd_id = 0;
		return V_DROP;
	}
	struct child_neg *n = neg_get(x);
	if (!n)
		return ike_reject(x, E_NOMEM, "out of memory");
	n->old = c->unique;
	return V_DONE;
}

static enum verdict emit_tx(struct ike_xch *x, struct ike_out *out)
{
	const struct child_sa *c = child_of(x->sa, x->neg->old);
	if (!c)
		return V_DROP;
	SA_LOG(x->e, x->sa, LOG_CHILD, LOG_CONTROL, "sending DELETE for CHILD_SA with SPI %08x (%s{%llu})", c->spi_in,
	       c->conf->name, (unsigned long long)c->unique);
	wire_put_delete(out, child_wire_proto(c->proto), &c->spi_in, 1);
	return V_DONE;
}

static void done_answer(struct ike_xch *x)
{
	struct child_sa *c = child_of(x->sa, x->neg->old);
	uint64_t unique = x->neg->old;
	if (c && c->state != CHILD_S_DELETED)
		child_deleted(x->e, c, x->work ? x->work->reason : 0, false);
	if (x->work) {
		ike_cmd_done(x->e, x->work->cmd_id, 0, NULL, x->sa->unique, unique);
		x->work->cmd_id = 0;
	}
}

/* ---- the peer's -------------------------------------------------------------------------------------------------- */

static bool listed(const struct child_neg *n, uint64_t unique)
{
	for (uint32_t i = 0; i < n->n_gone; i++)
		if (n->gone[i] == unique)
			return true;
	return false;
}

static enum verdict check_request(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	struct child_neg *n = neg_get(x);
	ike_rekey_claimed(x->e, sa);
	uint16_t most = child_count_of(sa);
	if (n && most)
		n->gone = arena_get(&x->arena, most * sizeof *n->gone);
	if (!n || (most && !n->gone))
		return ike_reject(x, E_NOMEM, "out of memory");
	for (uint16_t i = 0; i < x->in->n_deletes; i++) {
		const struct wire_delete *d = &x->in->deletes[i];
		for (uint16_t j = 0; child_ip_proto(d->proto) && j < d->n; j++) {
			uint32_t spi = wire_delete_spi(d, j);
			struct child_sa *c = child_by_out(sa, child_ip_proto(d->proto), spi);
			const struct clash_row *row = child_clash(x, c, true);
			struct child_neg *out = c ? NULL : child_awaited(sa);
			if (out && out->n_early < ARRAY_LEN(out->early))
				out->early[out->n_early++] = spi;
			if (c && row && row->verdict == CLASH_ACCEPT && !listed(n, c->unique) && n->n_gone < most)
				n->gone[n->n_gone++] = c->unique;
			else
				SA_LOG(x->e, sa, LOG_CHILD, LOG_DETAIL, "delete of SPI %08x changes nothing: %s", spi,
				       row ? row->story : "no such child");
		}
	}
	return V_DONE;
}

static enum verdict emit_answer(struct ike_xch *x, struct ike_out *out)
{
	struct child_neg *n = x->neg;
	static const uint8_t protos[] = { 50, 51 };
	uint32_t *spis = n->n_gone ? arena_get(&x->arena, n->n_gone * sizeof *spis) : NULL;
	for (size_t p = 0; spis && p < ARRAY_LEN(protos); p++) {
		size_t k = 0;
		for (uint32_t i = 0; i < n->n_gone; i++) {
			const struct child_sa *c = child_of(x->sa, n->gone[i]);
			if (c && c->proto == protos[p])
				spis[k++] = c->spi_in;
		}
		if (k)
			wire_put_delete(out, child_wire_proto(protos[p]), spis, k);
	}
	return V_DONE;
}

static enum verdict check(struct ike_xch *x)
{
	if (x->dir == XCH_TX_REQUEST)
		return check_tx(x);
	return x->dir == XCH_RX_REQUEST ? check_request(x) : V_DONE;
}

static enum verdict emit(struct ike_xch *x, struct ike_out *out)
{
	return x->dir == XCH_TX_REQUEST ? emit_tx(x, out) : emit_answer(x, out);
}

static void done(struct ike_xch *x)
{
	if (x->dir == XCH_RX_RESPONSE)
		done_answer(x);
	for (uint32_t i = 0; x->dir == XCH_RX_REQUEST && i < x->neg->n_gone; i++) {
		struct child_sa *c = child_of(x->sa, x->neg->gone[i]);
		if (c && c->state != CHILD_S_DELETED)
			child_deleted(x->e, c, 0, true);
	}
}

const struct task_ops task_child_delete = {
	.name = "child-delete", .order = 60, .check = check, .emit = emit, .done = done, .drop = neg_drop,
};
