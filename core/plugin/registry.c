/* SPDX-License-Identifier: Apache-2.0 */
/* The registry: one array of features, kept ordered by (kind, id, arg, best first) so that a look-up is
 * a binary search. */
#include "plugin/registry.h"

#include <stdio.h>
#include <stdlib.h>

struct plug_registry {
	struct reg_feat *feat;
	size_t n_feat, cap_feat;
	struct reg_plugin **plug;
	size_t n_plug, cap_plug;
};

static const char *const kind_names[PLUG_KIND_END] = {
	[PLUG_ENCR] = "encr", [PLUG_INTEG] = "integ", [PLUG_PRF] = "prf", [PLUG_HASH] = "hash", [PLUG_KEX] = "kex",
	[PLUG_SIGN] = "sign", [PLUG_RNG] = "rng", [PLUG_KERNEL_SA] = "kernel-sa", [PLUG_KERNEL_NET] = "kernel-net",
	[PLUG_CRED] = "cred", [PLUG_CERT_VERIFY] = "cert-verify", [PLUG_FETCH] = "fetch", [PLUG_AUTH] = "auth",
	[PLUG_EAP] = "eap", [PLUG_LOG] = "log", [PLUG_ATTR] = "attr", [PLUG_DECIDE] = "decide",
	[PLUG_LISTEN] = "listen", [PLUG_API] = "api",
};

const char *plug_kind_name(uint16_t kind)
{
	const char *s = kind < PLUG_KIND_END ? kind_names[kind] : NULL;

	return s ? s : "?";
}

struct plug_registry *registry_new(void)
{
	return calloc(1, sizeof(struct plug_registry));
}

static void plugin_free(struct reg_plugin *p)
{
	free((char *)p->name);
	free((char *)p->path);
	free((char *)p->version);
	free((char *)p->summary);
	free((char *)p->why);
	free(p);
}

void registry_free(struct plug_registry *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_plug; i++)
		plugin_free(r->plug[i]);
	for (size_t i = 0; i < r->n_feat; i++)
		if (!r->feat[i].offered)
			free((char *)r->feat[i].why);
	free(r->plug);
	free(r->feat);
	free(r);
}

static uint64_t feat_key(const struct plug_feat *f)
{
	return (uint64_t)f->kind << 32 | (uint32_t)f->id << 16 | f->arg;
}

/* 0 offered, 1 in reserve, 2 left out. */
static int feat_state(const struct reg_feat *f)
{
	return f->offered ? 0 : f->reserve ? 1 : 2;
}

/* Less than 0: a stands before b. A left out feature stands behind all others. */
static int feat_compare(const struct reg_feat *a, const struct reg_feat *b)
{
	uint64_t ka = feat_key(&a->is), kb = feat_key(&b->is);

	if (ka != kb)
		return ka < kb ? -1 : 1;
	if (feat_state(a) != feat_state(b))
		return feat_state(a) - feat_state(b);
	if (a->order != b->order) {
		if (!a->order || !b->order)
			return a->order ? -1 : 1;
		return a->order < b->order ? -1 : 1;
	}
	if (a->speed != b->speed && a->speed && b->speed)
		return a->speed > b->speed ? -1 : 1;
	if (a->row->prio != b->row->prio)
		return a->row->prio > b->row->prio ? -1 : 1;
	return 0;
}

static const char *why_best(const struct reg_feat *f, const struct reg_feat *second)
{
	if (!second)
		return "only provider";
	if (f->order != second->order)
		return "configured";
	if (f->speed && second->speed && f->speed != second->speed)
		return "speed";
	return f->row->prio != second->row->prio ? "priority" : "first loaded";
}

/* Orders again and says who is best; stable, so that the first to come wins among equals. */
static void registry_sort(struct plug_registry *r)
{
	for (size_t i = 1; i < r->n_feat; i++) {
		struct reg_feat f = r->feat[i];
		size_t j = i;
		for (; j > 0 && feat_compare(&f, &r->feat[j - 1]) < 0; j--)
			r->feat[j] = r->feat[j - 1];
		r->feat[j] = f;
	}
	for (size_t i = 0; i < r->n_feat; i++) {
		struct reg_feat *f = &r->feat[i];
		f->best = f->offered && (i == 0 || feat_key(&f[-1].is) != feat_key(&f->is));
		if (!f->offered)
			continue;
		bool more = i + 1 < r->n_feat && feat_state(&f[1]) < 2 && feat_key(&f[1].is) == feat_key(&f->is);
		f->why = f->best ? why_best(f, more ? &f[1] : NULL) : "";
	}
}

const struct reg_feat *registry_best(const struct plug_registry *r, uint16_t kind, uint16_t id, uint16_t arg)
{
	struct plug_feat want = { kind, id, arg };
	uint64_t key = feat_key(&want);
	size_t lo = 0, hi = r->n_feat;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (feat_key(&r->feat[mid].is) < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < r->n_feat && r->feat[lo].best && feat_key(&r->feat[lo].is) == key ? &r->feat[lo] : NULL;
}

const void *registry_find(const struct plug_registry *r, uint16_t kind, uint16_t id, uint16_t arg)
{
	const struct reg_feat *f = registry_best(r, kind, id, arg);

	return f ? f->row->ops : NULL;
}

const struct reg_feat *registry_of(const struct plug_registry *r, const char *plugin, uint16_t kind, uint16_t id,
	uint16_t arg)
{
	struct plug_feat want = { kind, id, arg };

	for (size_t i = 0; i < r->n_feat; i++)
		if (feat_key(&r->feat[i].is) == feat_key(&want) && strcmp(r->feat[i].plugin->name, plugin) == 0)
			return &r->feat[i];
	return NULL;
}

const struct reg_feat *registry_each_feat(const struct plug_registry *r, uint16_t kind, size_t *cursor)
{
	while (*cursor < r->n_feat) {
		const struct reg_feat *f = &r->feat[(*cursor)++];
		if (!kind || f->is.kind == kind)
			return f;
	}
	return NULL;
}

const struct reg_plugin *registry_each_plugin(const struct plug_registry *r, size_t *cursor)
{
	return *cursor < r->n_plug ? r->plug[(*cursor)++] : NULL;
}

struct reg_plugin *registry_add_plugin(struct plug_registry *r, const char *name, const char *path,
	const struct plug_desc *desc)
{
	if (r->n_plug == r->cap_plug) {
		size_t cap = r->cap_plug ? 2 * r->cap_plug : 16;
		struct reg_plugin **v = reallocarray(r->plug, cap, sizeof *v);
		if (!v)
			return NULL;
		r->plug = v;
		r->cap_plug = cap;
	}
	struct reg_plugin *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->name = strdup(name);
	p->path = strdup(path ? path : "");
	p->version = strdup(desc && desc->version ? desc->version : "");
	p->summary = strdup(desc && desc->summary ? desc->summary : "");
	p->why = strdup("");
	p->desc = desc;
	p->state = REG_LOADED;
	if (!p->name || !p->path || !p->version || !p->summary || !p->why) {
		plugin_free(p);
		return NULL;
	}
	r->plug[r->n_plug++] = p;
	return p;
}

static void feat_leave_out(struct reg_feat *f, const char *why)
{
	char *copy = strdup(why);

	if (!f->offered)
		free((char *)f->why);
	f->offered = f->reserve = false;
	f->why = copy ? copy : strdup("");
}

void registry_refuse(struct plug_registry *r, struct reg_plugin *p, const char *why)
{
	char *copy = strdup(why);

	if (copy) {
		free((char *)p->why);
		p->why = copy;
	}
	p->state = REG_REFUSED;
	for (size_t i = 0; i < r->n_feat; i++)
		if (r->feat[i].plugin == p)
			feat_leave_out(&r->feat[i], why);
	registry_sort(r);
}

err_t registry_add_feat(struct plug_registry *r, struct reg_plugin *p, const struct plug_feat_row *row, const char *why)
{
	if (r->n_feat == r->cap_feat) {
		size_t cap = r->cap_feat ? 2 * r->cap_feat : 64;
		struct reg_feat *v = reallocarray(r->feat, cap, sizeof *v);
		if (!v)
			return E_NOMEM;
		r->feat = v;
		r->cap_feat = cap;
	}
	struct reg_feat *f = &r->feat[r->n_feat];
	*f = (struct reg_feat){ .is = row->is, .row = row, .plugin = p, .offered = true, .why = "" };
	if (why) {
		feat_leave_out(f, why);
		if (!f->why)
			return E_NOMEM;
	}
	r->n_feat++;
	registry_sort(r);
	return 0;
}

err_t registry_add_reserve(struct plug_registry *r, struct reg_plugin *p, const struct plug_feat_row *row)
{
	err_t e = registry_add_feat(r, p, row, "in reserve: its known-answer tests run when it is to serve");

	for (size_t i = 0; i < r->n_feat && !e; i++)
		if (r->feat[i].plugin == p && r->feat[i].row == row)
			r->feat[i].reserve = true;
	registry_sort(r);
	return e;
}

void registry_offer(struct plug_registry *r, struct reg_plugin *p, const struct plug_feat_row *row)
{
	for (size_t i = 0; i < r->n_feat; i++)
		if (r->feat[i].plugin == p && r->feat[i].row == row && r->feat[i].reserve) {
			free((char *)r->feat[i].why);
			r->feat[i].why = "";
			r->feat[i].offered = true;
			r->feat[i].reserve = false;
		}
	registry_sort(r);
}

void registry_withdraw(struct plug_registry *r, struct reg_plugin *p, const struct plug_feat_row *row, const char *why)
{
	for (size_t i = 0; i < r->n_feat; i++)
		if (r->feat[i].plugin == p && r->feat[i].row == row)
			feat_leave_out(&r->feat[i], why);
	registry_sort(r);
}

err_t registry_add_desc(struct plug_registry *r, const struct plug_desc *desc, void *self)
{
	struct reg_plugin *p = registry_add_plugin(r, desc->name, NULL, desc);

	if (!p)
		return E_NOMEM;
	p->self = self;
	p->state = REG_ACTIVE;
	for (size_t i = 0; i < desc->n_feats; i++) {
		err_t e = registry_add_feat(r, p, &desc->feats[i], NULL);
		if (e)
			return e;
	}
	return 0;
}

void registry_prefer(struct plug_registry *r, const char *const *plugins, size_t n)
{
	for (size_t i = 0; i < r->n_feat; i++) {
		r->feat[i].order = 0;
		for (size_t k = 0; k < n; k++)
			if (strcmp(r->feat[i].plugin->name, plugins[k]) == 0)
				r->feat[i].order = (int)k + 1;
	}
	registry_sort(r);
}

void registry_pin(struct plug_registry *r, const char *plugin, uint16_t kind, uint16_t id, uint16_t arg)
{
	struct plug_feat want = { kind, id, arg };

	/* Less than every place in the configured order, and not 0. */
	for (size_t i = 0; i < r->n_feat; i++)
		if (feat_key(&r->feat[i].is) == feat_key(&want) && strcmp(r->feat[i].plugin->name, plugin) == 0)
			r->feat[i].order = -1;
	registry_sort(r);
}

void registry_speed(struct plug_registry *r, const char *plugin, uint16_t kind, uint16_t id, uint16_t arg,
	uint32_t speed)
{
	struct reg_feat *f = (struct reg_feat *)registry_of(r, plugin, kind, id, arg);

	if (!f)
		return;
	f->speed = speed;
	registry_sort(r);
}
