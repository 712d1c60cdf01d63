/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/kernel-user/replay.h"

#include <stdlib.h>

err_t replay_init(struct replay *r, uint32_t window, bool esn)
{
	*r = (struct replay){ .window = window, .esn = esn };
	if (window > REPLAY_WINDOW_MAX)
		return E_BAD_VALUE;
	if (!window)
		return 0;
	/* One word more than the window: the word of `top` is only partly used. */
	uint32_t words = 2;
	while (words < (window + 63) / 64 + 1)
		words *= 2;
	r->bits = calloc(words, sizeof *r->bits);
	if (!r->bits)
		return E_NOMEM;
	r->mask = words - 1;
	return 0;
}

void replay_fini(struct replay *r)
{
	free(r->bits);
	*r = (struct replay){ 0 };
}

static bool replay_fresh(const struct replay *r, uint64_t seq)
{
	if (!r->bits || seq > r->top)
		return true;
	if (r->top - seq >= r->window)
		return false;
	return !(r->bits[seq / 64 & r->mask] >> seq % 64 & 1);
}

/* RFC 4303 appendix A2.2. Without a window the number nearest to the top is meant. */
static uint64_t replay_infer(const struct replay *r, uint32_t lo)
{
	uint64_t w = r->bits ? r->window : UINT64_C(1) << 31;
	uint32_t top_hi = (uint32_t)(r->top >> 32), top_lo = (uint32_t)r->top;
	uint32_t bottom = top_lo - (uint32_t)w + 1; /* wraps when the window reaches into the half before */
	uint32_t hi;

	if (top_lo >= w - 1)
		hi = lo >= bottom ? top_hi : top_hi + 1;
	else
		hi = lo >= bottom && top_hi > 0 ? top_hi - 1 : top_hi;
	return (uint64_t)hi << 32 | lo;
}

bool replay_check(const struct replay *r, uint32_t on_wire, uint64_t *seq)
{
	*seq = r->esn ? replay_infer(r, on_wire) : on_wire;
	return *seq != 0 && replay_fresh(r, *seq);
}

bool replay_mark(struct replay *r, uint64_t seq)
{
	if (!replay_fresh(r, seq))
		return false;
	if (!r->bits) {
		r->top = seq > r->top ? seq : r->top;
		return true;
	}
	if (seq > r->top) {
		uint64_t words = seq / 64 - r->top / 64;
		if (words > r->mask)
			words = (uint64_t)r->mask + 1; /* the whole ring */
		for (uint64_t i = 0; i < words; i++)
			r->bits[(seq / 64 - i) & r->mask] = 0;
		r->top = seq;
	}
	r->bits[seq / 64 & r->mask] |= UINT64_C(1) << seq % 64;
	return true;
}
