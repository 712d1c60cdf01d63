/* SPDX-License-Identifier: Apache-2.0 */
/* The anti-replay window against a model that keeps every number it has seen. */
#include "plugins/kernel-user/replay.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static uint64_t rnd_state;

static uint32_t rnd(uint32_t below)
{
	rnd_state = rnd_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(rnd_state >> 33) % below;
}

enum { SPAN = 1 << 16 };

/* Seen numbers relative to `base`; the window as RFC 4303 section 3.4.3 words it. */
struct model {
	uint64_t base, top;
	uint32_t window;
	uint8_t seen[SPAN];
};

static bool model_takes(const struct model *m, uint64_t seq)
{
	if (seq == 0)
		return false;
	if (seq > m->top || !m->window)
		return true;
	return m->top - seq < m->window && !m->seen[seq - m->base];
}

static void model_mark(struct model *m, uint64_t seq)
{
	m->seen[seq - m->base] = 1;
	if (seq > m->top)
		m->top = seq;
}

static void run(uint32_t window, bool esn, uint64_t base, uint64_t seed)
{
	static struct model m;
	struct replay r;

	memset(&m, 0, sizeof m);
	m.base = base;
	m.top = base;
	m.window = window;
	rnd_state = seed;
	cr_assert_eq(replay_init(&r, window, esn), 0);
	r.top = base;
	if (r.bits && base)
		r.bits[base / 64 & r.mask] |= UINT64_C(1) << base % 64; /* as if base itself had come */
	m.seen[0] = base != 0;
	/* Before `base` all is unknown to the model: it must not be asked for. */
	for (int i = 0; i < 60000; i++) {
		uint32_t jump = rnd(100) == 0 ? rnd(3 * window + 200) : rnd(8);
		uint64_t ahead = m.top + jump, back = rnd(window ? 2 * window : 50);
		uint64_t seq = rnd(3) ? ahead : m.top - (back < m.top - m.base ? back : m.top - m.base);
		uint64_t full;
		if (seq - m.base >= SPAN)
			break;
		bool want = model_takes(&m, seq), got = replay_check(&r, (uint32_t)seq, &full);
		/* Numbers below the window of an ESN SA are taken for the next half: then the integrity check fails. */
		if (esn && seq < m.top && m.top - seq >= window)
			continue;
		if (got)
			cr_assert_eq(full, seq, "window %u top %llx seq %llx full %llx", window, (unsigned long long)m.top,
				(unsigned long long)seq, (unsigned long long)full);
		cr_assert_eq(got, want, "window %u top %llx seq %llx", window, (unsigned long long)m.top,
			(unsigned long long)seq);
		if (!got)
			continue;
		cr_assert(replay_mark(&r, seq));
		model_mark(&m, seq);
		if (window)
			cr_assert_not(replay_mark(&r, seq));
	}
	replay_fini(&r);
}

Test(esp_replay, as_the_model, .timeout = 300)
{
	static const uint32_t windows[] = { 0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 1000, 1024, 4095, 4096, 20000 };

	for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
		run(windows[i], false, 0, i + 1);
		run(windows[i], false, 0xfffe0000u, i + 100);
	}
}

Test(esp_replay, extended_numbers_across_the_wrap, .timeout = 300)
{
	static const uint32_t windows[] = { 32, 64, 100, 1024, 4096 };

	for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
		run(windows[i], true, 0, i + 1);
		run(windows[i], true, 0xffff8000u, i + 7);
		run(windows[i], true, 0x5ffff8000u, i + 9);
		run(windows[i], true, 0x5ffffffffu, i + 11);
	}
}

Test(esp_replay, limits)
{
	struct replay r;
	uint64_t seq;

	cr_assert_eq(replay_init(&r, REPLAY_WINDOW_MAX + 1, false), E_BAD_VALUE);
	cr_assert_eq(replay_init(&r, 64, false), 0);
	cr_assert_not(replay_check(&r, 0, &seq));
	cr_assert(replay_check(&r, UINT32_MAX, &seq));
	cr_assert(replay_mark(&r, UINT32_MAX));
	cr_assert_not(replay_check(&r, 5, &seq), "no wrap without extended numbers");
	replay_fini(&r);
	/* The first number of a new half is 0 on the wire and still valid. */
	cr_assert_eq(replay_init(&r, 64, true), 0);
	r.top = UINT32_MAX;
	cr_assert(replay_check(&r, 0, &seq));
	cr_assert_eq(seq, UINT64_C(1) << 32);
	/* Nothing came yet: a high number is not of the half before. */
	r.top = 1;
	cr_assert(replay_check(&r, 0xfffffff0u, &seq));
	cr_assert_eq(seq, 0xfffffff0u);
	replay_fini(&r);
}
