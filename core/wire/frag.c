/* SPDX-License-Identifier: Apache-2.0 */
/* Reassembly of fragments that were opened. */
#include "wire/frag.h"

#include "base/count.h"

#include <stdlib.h>

static COUNTER(n_in, "wire.frag.in", "fragments taken into reassembly");
static COUNTER(n_dropped, "wire.frag.dropped", "fragments that were duplicates or belonged to an older splitting");
static COUNTER(n_refused, "wire.frag.refused", "fragmented messages given up because they break a limit");
static COUNTER(n_whole, "wire.frag.reassembled", "fragmented messages put together");

void frag_fini(struct frag_set *f)
{
	for (uint16_t i = 0; f->v && i < f->total; i++)
		free((void *)f->v[i].p);
	free(f->v);
	*f = (struct frag_set){ 0 };
}

static err_t start(struct frag_set *f, uint32_t mid, uint16_t total)
{
	frag_fini(f);
	f->v = calloc(total, sizeof *f->v);
	if (!f->v)
		return E_NOMEM;
	f->mid = mid;
	f->total = total;
	f->active = true;
	return 0;
}

static err_t join(struct frag_set *f, slice *whole, uint8_t *first)
{
	uint8_t *all = malloc(f->bytes ? f->bytes : 1);
	if (!all)
		return E_NOMEM;
	struct wr w = wr_of(all, f->bytes);
	for (uint16_t i = 0; i < f->total; i++)
		wr_bytes(&w, f->v[i]);
	*whole = slice_of(all, f->bytes);
	*first = f->first;
	count_inc(&n_whole);
	frag_fini(f);
	return 0;
}

static err_t refuse(struct frag_set *f, err_t e)
{
	count_inc(&n_refused);
	frag_fini(f);
	return e;
}

err_t frag_add(struct frag_set *f, uint32_t mid, const struct wire_sk *sk, slice plain, slice *whole, uint8_t *first)
{
	*whole = SLICE_NONE;
	*first = PLD_NONE;
	if (sk->frag == 0 || sk->frag > sk->total)
		return refuse(f, E_SYNTAX);
	if (sk->total > FRAG_MAX)
		return refuse(f, E_TOO_MANY);
	if (!f->active || f->mid != mid || sk->total > f->total) {
		err_t e = start(f, mid, sk->total);
		if (e)
			return e;
	}
	slice *at = &f->v[sk->frag - 1];
	if (sk->total < f->total || at->p) {
		count_inc(&n_dropped);
		return 0;
	}
	if (f->bytes + plain.n > WIRE_MAX_BYTES)
		return refuse(f, E_TOO_MANY);
	uint8_t *copy = malloc(plain.n ? plain.n : 1);
	if (!copy)
		return E_NOMEM;
	if (plain.n)
		memcpy(copy, plain.p, plain.n);
	*at = slice_of(copy, plain.n);
	f->bytes += (uint32_t)plain.n;
	if (sk->frag == 1)
		f->first = sk->first;
	count_inc(&n_in);
	return ++f->have == f->total ? join(f, whole, first) : 0;
}
