/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_rate.h"

enum { SECOND_MS = 1000 };

static void tell(struct log_rate_row *w, struct log_rate_told *told)
{
	*told = (struct log_rate_told){ w->fmt, w->suppressed, w->sub, w->level };
	w->suppressed = 0;
}

bool log_rate_allow(struct log_rate *r, const char *fmt, enum log_sub sub, enum log_level level, uint32_t per_s, uint64_t now_ms,
	struct log_rate_told *told)
{
	/* Formats are static texts, some bytes apart: the middle bits of the address spread well enough. */
	struct log_rate_row *set = r->row[((uintptr_t)fmt >> 3 ^ (uintptr_t)fmt >> 10) % LOG_RATE_SETS], *w = &set[0];

	*told = (struct log_rate_told){ 0 };
	for (size_t i = 0; i < LOG_RATE_WAYS; i++) {
		if (set[i].fmt == fmt) {
			w = &set[i];
			break;
		}
		if (set[i].since_ms < w->since_ms)
			w = &set[i];
	}
	if (w->fmt != fmt || now_ms - w->since_ms >= SECOND_MS) {
		if (w->suppressed)
			tell(w, told);
		*w = (struct log_rate_row){ .fmt = fmt, .since_ms = now_ms, .sub = (uint8_t)sub, .level = (int8_t)level };
	}
	if (w->lines < per_s) {
		w->lines++;
		return true;
	}
	w->suppressed++;
	return false;
}

bool log_rate_next(struct log_rate *r, uint64_t now_ms, struct log_rate_told *told)
{
	for (; r->sweep < LOG_RATE_SETS * LOG_RATE_WAYS; r->sweep++) {
		struct log_rate_row *w = &r->row[r->sweep / LOG_RATE_WAYS][r->sweep % LOG_RATE_WAYS];
		if (!w->suppressed || now_ms - w->since_ms < SECOND_MS)
			continue;
		tell(w, told);
		return true;
	}
	r->sweep = 0;
	return false;
}
