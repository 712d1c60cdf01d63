/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPComp in child SAs (RFC 7296 section 2.22, RFC 3173): each side tells the CPI it takes compressed packets with; the
 * SAs of it stand inside those of ESP or AH. The one transform there is on both sides of the world is DEFLATE.
 */
#include "ike/child_int.h"

enum { IPCOMP_DEFLATE = 2, CPI_FIRST = 256, CPI_LAST = 61439, CPI_TRIES = 32 };

static bool wanted(const struct ike_xch *x, const struct child_neg *n)
{
	const struct ike_env *env = &x->e->env;

	/* No kernel has IPComp in BEET mode. */
	if (!n->conf->ipcomp || n->conf->mode == CONF_BEET)
		return false;
	return env->kern_caps & KERN_CAP_IPCOMP || (env->kern_has && env->kern_has(env->arg, KERN_CAP_IPCOMP));
}

/* A CPI of ours; it stands beside the SPIs so that none is given twice. 0: none is free, and it goes without. */
static uint16_t cpi_new(struct ike_engine *e)
{
	for (int i = 0; i < CPI_TRIES; i++) {
		uint32_t v = CPI_FIRST + (uint32_t)ike_rand_below(e, CPI_LAST - CPI_FIRST + 1);
		err_t err = htab_add(e->children->by_spi, slice_of(&v, sizeof v), 0);
		if (!err)
			return (uint16_t)v;
		if (err != E_EXISTS)
			break;
	}
	return 0;
}

static uint16_t cpi_of(const struct ike_msg *m)
{
	for (uint16_t i = 0; i < m->n_notifies; i++) {
		struct rd r = rd_of(m->notifies[i].data);
		if (m->notifies[i].type != N_IPCOMP_SUPPORTED)
			continue;
		uint16_t cpi = rd_u16(&r);
		uint8_t transform = rd_u8(&r);
		if (!r.err && transform == IPCOMP_DEFLATE && cpi >= CPI_FIRST)
			return cpi;
	}
	return 0;
}

void ipcomp_offer(struct ike_xch *x, struct child_neg *n)
{
	if (wanted(x, n) && !n->cpi_in)
		n->cpi_in = cpi_new(x->e);
	n->cpi_held = n->cpi_in != 0;
}

void ipcomp_accept(struct ike_xch *x, struct child_neg *n)
{
	uint16_t theirs = wanted(x, n) ? cpi_of(x->in) : 0;

	if (theirs && !n->cpi_in)
		n->cpi_in = cpi_new(x->e);
	n->cpi_held = n->cpi_in != 0;
	n->cpi_out = n->cpi_in ? theirs : 0;
}

void ipcomp_take(struct ike_xch *x, struct child_neg *n)
{
	n->cpi_out = n->cpi_in ? cpi_of(x->in) : 0;
	if (!n->cpi_out)
		ipcomp_drop(x->e, n);
}

void ipcomp_emit(const struct child_neg *n, struct ike_out *out)
{
	uint8_t b[3];
	struct wr w = wr_of(b, sizeof b);

	if (!n->cpi_in)
		return;
	wr_u16(&w, n->cpi_in);
	wr_u8(&w, IPCOMP_DEFLATE);
	wire_put_notify(out, N_IPCOMP_SUPPORTED, slice_of(b, sizeof b));
}

void ipcomp_drop(struct ike_engine *e, struct child_neg *n)
{
	if (n->cpi_held)
		child_spi_free(e, n->cpi_in);
	n->cpi_held = false;
	n->cpi_in = 0;
}
