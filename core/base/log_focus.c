/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_focus.h"
#include "base/count.h"

#include <stdlib.h>
#include <string.h>

static COUNTER(c_lost, "log.early_lost", "early lines of IKE SAs that had no room until it was known whether a rule wants them");

static void rule_clear(struct focus_rule *r)
{
	if (r->is.id && r->is.id_free)
		r->is.id_free(r->is.id);
	*r = (struct focus_rule){ 0 };
}

uint64_t focus_add(struct focus *f, const struct log_focus *is, uint64_t now_ms)
{
	for (size_t i = 0; i < FOCUS_RULES; i++) {
		struct focus_rule *r = &f->rule[i];
		if (r->number)
			continue;
		r->is = *is;
		r->number = ++f->next_number;
		r->until_ms = is->seconds ? now_ms + is->seconds * 1000 : UINT64_MAX;
		return r->number;
	}
	if (is->id && is->id_free)
		is->id_free(is->id);
	return 0;
}

bool focus_del(struct focus *f, uint64_t number)
{
	bool some = false;

	for (size_t i = 0; i < FOCUS_RULES; i++)
		if (f->rule[i].number && (!number || f->rule[i].number == number)) {
			rule_clear(&f->rule[i]);
			some = true;
		}
	return some;
}

bool focus_expire(struct focus *f, uint64_t now_ms)
{
	bool some = false;

	for (size_t i = 0; i < FOCUS_RULES; i++)
		if (f->rule[i].number && f->rule[i].until_ms <= now_ms) {
			rule_clear(&f->rule[i]);
			some = true;
		}
	return some;
}

int8_t focus_most(const struct focus *f, enum log_sub sub)
{
	int8_t most = LOG_SILENT;

	for (size_t i = 0; i < FOCUS_RULES; i++)
		if (f->rule[i].number && f->rule[i].is.level[sub] > most)
			most = f->rule[i].is.level[sub];
	return most;
}

bool focus_any(const struct focus *f)
{
	for (size_t i = 0; i < FOCUS_RULES; i++)
		if (f->rule[i].number)
			return true;
	return false;
}

static bool in_range(const struct ts_sel *t, const struct net_addr *a)
{
	size_t n = net_addr_len(a->family);

	return t->family == a->family && memcmp(t->lo, a->a, n) <= 0 && memcmp(a->a, t->hi, n) <= 0;
}

static bool fits(const struct log_focus *is, const struct log_ctx *ctx, bool *unknown)
{
	*unknown = false;
	switch (is->kind) {
	case LOG_FOCUS_CONN:
		*unknown = ctx->ike_unique && ctx->conn_guess;
		return ctx->conn && strcmp(ctx->conn, is->text) == 0 && !ctx->conn_guess;
	case LOG_FOCUS_PEER:
		return ctx->peer && in_range(&is->peer, ctx->peer);
	default:
		*unknown = ctx->ike_unique && !ctx->id_type;
		return ctx->id_type && is->id_fits(is->id, ctx->id_type, ctx->id);
	}
}

int8_t focus_level(const struct focus *f, enum log_sub sub, enum log_level level, const struct log_ctx *ctx, bool *maybe)
{
	int8_t most = LOG_SILENT;
	bool unknown;

	*maybe = false;
	for (size_t i = 0; ctx && i < FOCUS_RULES; i++) {
		const struct focus_rule *r = &f->rule[i];
		if (!r->number || (int)level > r->is.level[sub])
			continue;
		if (fits(&r->is, ctx, &unknown))
			most = r->is.level[sub] > most ? r->is.level[sub] : most;
		*maybe |= unknown;
	}
	*maybe = *maybe && (int)level > most;
	return most;
}

/* ---- early lines ----------------------------------------------------------------------------------------------- */

static size_t bytes_of(const struct focus_line *l)
{
	return sizeof *l + strlen(l->text) + 1;
}

void focus_lines_free(struct focus_line *l)
{
	while (l) {
		struct focus_line *next = l->next;
		free(l);
		l = next;
	}
}

static struct focus_line *take(struct focus *f, struct focus_kept *k)
{
	struct focus_line *first = k->first;

	for (const struct focus_line *l = first; l; l = l->next)
		f->bytes -= bytes_of(l);
	*k = (struct focus_kept){ 0 };
	return first;
}

struct focus_line *focus_take(struct focus *f, uint64_t ike_unique)
{
	struct focus_kept *k = f->kept ? &f->kept[ike_unique % FOCUS_SAS] : NULL;

	return k && k->unique == ike_unique ? take(f, k) : NULL;
}

void focus_keep(struct focus *f, const struct log_record *r)
{
	size_t n = strlen(r->text) + 1;

	if (!f->kept)
		f->kept = calloc(FOCUS_SAS, sizeof *f->kept);
	struct focus_kept *k = f->kept ? &f->kept[r->ctx.ike_unique % FOCUS_SAS] : NULL;
	/* The numbers of SAs go up: who stands in the row came long before. */
	if (k && k->unique != r->ctx.ike_unique) {
		uint64_t lost = k->n;
		focus_lines_free(take(f, k));
		count_add(&c_lost, lost);
		*k = (struct focus_kept){ .unique = r->ctx.ike_unique, .last = &k->first };
	}
	struct focus_line *l = k && k->n < FOCUS_LINES && f->bytes + sizeof *l + n <= FOCUS_BYTES ? malloc(sizeof *l + n) : NULL;
	if (!l) {
		count_inc(&c_lost);
		return;
	}
	*l = (struct focus_line){ .time_ns = r->time_ns, .spi_i = r->ctx.spi_i, .spi_r = r->ctx.spi_r, .code = r->ctx.code,
		.sub = (uint8_t)r->sub, .level = (int8_t)r->level };
	if (r->ctx.peer)
		l->peer = *r->ctx.peer;
	memcpy(l->text, r->text, n);
	*k->last = l;
	k->last = &l->next;
	k->n++;
	f->bytes += bytes_of(l);
}

void focus_fini(struct focus *f)
{
	focus_del(f, 0);
	for (size_t i = 0; f->kept && i < FOCUS_SAS; i++)
		focus_lines_free(take(f, &f->kept[i]));
	free(f->kept);
	f->kept = NULL;
}
