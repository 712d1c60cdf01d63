/* SPDX-License-Identifier: Apache-2.0 */
/* list-algorithms: who provides what, how fast, and where it is used. The data plane's own algorithms come last. */
#include "api/server/internal.h"
#include "config/typed.h"
#include "crypto/algs.h"
#include "crypto/suite.h"

enum { PLUGINS = 0, PLANE, SOURCE, END }; /* call->walk.stage */

static const struct reg_plugin *plane_of(const struct api_call *call)
{
	const struct reg_feat *f = registry_best(call->s->env.registry, PLUG_KERNEL_SA, 0, 0);

	return f ? f->plugin : NULL;
}

/* The plane that takes its algorithms from the crypto plugins. */
static bool in_user_space(const struct reg_plugin *plane)
{
	return plane && strcmp(plane->name, "kernel-user") == 0;
}

static bool plane_has(const struct api_call *call, uint8_t type, uint16_t id, uint16_t bits)
{
	const struct conf_can *can = call->s->env.can;
	const struct suite_tf tf = { .type = type, .id = id, .bits = bits };

	return can && can->kern_known && can->child && can->child->has(can->child->arg, SUITE_ESP, &tf);
}

static void give(struct api_call *call, const struct crypto_alg_row *row, const char *tests, bool ike, bool esp, bool kernel)
{
	char kind[16], name[64];
	struct vici_out o;

	if ((api_arg(call, "kind", kind, sizeof kind) && strcmp(kind, row->kind) != 0) ||
	    (api_arg(call, "name", name, sizeof name) && strcmp(name, row->name) != 0))
		return;
	api_event_start(&o, API_E_LIST_ALGORITHM);
	vici_section(&o, row->name);
	vici_kv_str(&o, "kind", row->kind);
	vici_kv_str(&o, "provider", row->plugin);
	vici_kv_u64(&o, "rank", row->rank);
	vici_kv_str(&o, "why", row->why);
	vici_kv_str(&o, "tests", tests);
	vici_kv_u64(&o, "speed", row->speed);
	vici_kv_str(&o, "weak", row->weak ? "yes" : "no");
	vici_list(&o, "used");
	if (ike)
		vici_item_str(&o, "ike");
	if (esp)
		vici_item_str(&o, "esp");
	if (kernel)
		vici_item_str(&o, "kernel");
	vici_list_end(&o);
	vici_section_end(&o);
	api_event_to(call, &o, API_E_LIST_ALGORITHM);
}

static bool step_plugins(struct api_call *call)
{
	size_t cursor = (size_t)call->cursor;
	struct crypto_alg_row row;

	if (!crypto_algs_next(call->s->env.registry, &cursor, &row)) {
		call->walk.stage++;
		return true;
	}
	call->cursor = cursor;
	uint8_t type = row.is.kind == PLUG_ENCR ? SUITE_ENCR : row.is.kind == PLUG_INTEG ? SUITE_INTEG : 0;
	bool esp = type && row.child && in_user_space(plane_of(call)) && plane_has(call, type, row.is.id, row.is.arg);
	give(call, &row, row.reserve ? "reserve" : row.rank ? "passed" : strstr(row.why, "known-answer") ? "failed" : "none", row.ike && row.rank,
		esp && row.rank, false);
	return true;
}

/* Rows of the fact table with each of their key lengths; walk.at is row × 8 + length. */
static bool step_plane(struct api_call *call)
{
	const struct reg_plugin *plane = plane_of(call);
	const struct suite_fact *f = suite_fact_at(call->walk.at / 8);
	size_t i = call->walk.at++ % 8;

	if (!f || !plane || in_user_space(plane)) {
		call->walk.stage++;
		return true;
	}
	bool sized = f->flags & SUITE_KEYLEN;
	if ((f->type != SUITE_ENCR && f->type != SUITE_INTEG) || f->flags & SUITE_NO_CHILD || i >= (sized ? ARRAY_LEN(f->bits) : 1) ||
	    (sized && !f->bits[i]) || !plane_has(call, f->type, f->id, sized ? f->bits[i] : 0))
		return true;
	struct crypto_alg_row row = { .is = { f->type == SUITE_ENCR ? PLUG_ENCR : PLUG_INTEG, f->id, sized ? f->bits[i] : 0 },
		.plugin = plane->name, .rank = 1, .why = "data plane", .weak = f->flags & (SUITE_WEAK | SUITE_BROKEN) };
	row.kind = plug_kind_name(row.is.kind);
	crypto_alg_name(&row.is, row.name);
	give(call, &row, "none", false, false, true);
	return true;
}

static bool step_algs(struct api_call *call)
{
	switch (call->walk.stage) {
	case PLUGINS:
		return step_plugins(call);
	case PLANE:
		return step_plane(call);
	case SOURCE:
		call->walk.stage++;
		if (!registry_find(call->s->env.registry, PLUG_RNG, 0, 0))
			give(call, &(struct crypto_alg_row){ .kind = "rng", .name = "RNG", .plugin = "kernel", .rank = 1,
				.why = "only provider" }, "none", true, false, false);
		return true;
	default:
		return false;
	}
}

void api_do_list_algorithms(struct api_call *call)
{
	call->walk.stage = PLUGINS;
	call->walk.at = 0;
	api_stream(call, step_algs);
}
