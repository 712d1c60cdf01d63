/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loaded plugins offer. The loader fills it (plugin/loader.h); the core looks up who serves an algorithm or a
 * service: registry_find(reg, kind, id, arg) gives the function table of the best provider, or NULL.
 *
 * Best: the order the configuration gave (registry_prefer), else measured speed when somebody measured
 * (registry_speed), else the priority of the feature, else who came first. A PLUG_WEAK feature is found as any other:
 * that it is used only when asked for by name is the business of proposals.
 * Owned: the registry owns its rows and plugin records, the plugins own what the rows point to. Filled and changed on
 * the loop thread before workers run; registry_find and the enumerations may then be called from any
 * thread. Nothing waits.
 */
#ifndef ADIT_PLUGIN_REGISTRY_H
#define ADIT_PLUGIN_REGISTRY_H

#include "plugin/abi.h"

struct plug_registry;

enum reg_state {
	REG_LOADED = 1, /* opened, not started */
	REG_ACTIVE,     /* started, its features are offered */
	REG_REFUSED     /* left out; `why` tells */
};

/* One plugin file, also those that were refused. Lives as long as the registry. */
struct reg_plugin {
	const char *name;    /* of the descriptor, or of the file when it could not be opened */
	const char *version; /* "" when unknown */
	const char *summary;
	const char *path;    /* "" when linked in (tests) */
	enum reg_state state;
	const char *why;     /* one sentence when refused, else "" */
	const struct plug_desc *desc; /* NULL when refused before it could be read */
	void *self;          /* what start() gave */
	void *priv;          /* of the loader */
};

/* One feature of a plugin. */
struct reg_feat {
	struct plug_feat is;
	const struct plug_feat_row *row;
	const struct reg_plugin *plugin;
	bool offered;      /* else `why` tells what it lacks */
	bool reserve;      /* not offered, because its known-answer tests did not run: another provider serves */
	bool best;         /* registry_find answers with this one */
	const char *why;   /* why left out, or why best: "only provider", "configured", "speed", "priority" */
	uint32_t speed;    /* as measured, larger is better; 0 not measured */
	int order;         /* place in the configured order, 0 none */
};

struct plug_registry *registry_new(void); /* NULL: out of memory */
void registry_free(struct plug_registry *r); /* does not stop plugins: loader_free does, before */

/* ---- looking up ---- */

/* Function table of the best offered provider; NULL when nobody offers it. The caller knows its type from the kind. */
const void *registry_find(const struct plug_registry *r, uint16_t kind, uint16_t id, uint16_t arg);
/* The whole row of the best provider, for its plugin's name and `self`; NULL as above. */
const struct reg_feat *registry_best(const struct plug_registry *r, uint16_t kind, uint16_t id, uint16_t arg);
/* The feature of one named plugin, offered or not. */
const struct reg_feat *registry_of(const struct plug_registry *r, const char *plugin, uint16_t kind, uint16_t id,
	uint16_t arg);
/* All features ordered by kind, id, arg, best first; *cursor starts with 0, NULL at the end. kind 0: all kinds. */
const struct reg_feat *registry_each_feat(const struct plug_registry *r, uint16_t kind, size_t *cursor);
/* All plugins in the order they were added; NULL at the end. */
const struct reg_plugin *registry_each_plugin(const struct plug_registry *r, size_t *cursor);

/* "encr", "integ", "prf", "hash", "kex", "kernel-sa"…; "?" for none. Static. */
const char *plug_kind_name(uint16_t kind);

/* ---- filling: loader and tests ---- */

/* Strings are copied, desc is borrowed and may be NULL. NULL: out of memory. */
struct reg_plugin *registry_add_plugin(struct plug_registry *r, const char *name, const char *path,
	const struct plug_desc *desc);
/* Marks it refused with a sentence; its features are withdrawn. */
void registry_refuse(struct plug_registry *r, struct reg_plugin *p, const char *why);
/* Offers a feature of p, or records with `why` that it is left out (why NULL: offered). E_NOMEM. */
MUST err_t registry_add_feat(struct plug_registry *r, struct reg_plugin *p, const struct plug_feat_row *row,
	const char *why);
/* As registry_add_feat, but for later: nobody finds it before registry_offer. E_NOMEM. */
MUST err_t registry_add_reserve(struct plug_registry *r, struct reg_plugin *p, const struct plug_feat_row *row);
/* One of the reserve passed its tests. */
void registry_offer(struct plug_registry *r, struct reg_plugin *p, const struct plug_feat_row *row);
/* A feature that fails later (known-answer test, start) is withdrawn. */
void registry_withdraw(struct plug_registry *r, struct reg_plugin *p, const struct plug_feat_row *row, const char *why);
/* Adds a whole descriptor at once without loading, resolving or testing it: for unit tests. E_NOMEM. */
MUST err_t registry_add_desc(struct plug_registry *r, const struct plug_desc *desc, void *self);
/* The configuration's order of plugins, first is best; n 0 takes it back. */
void registry_prefer(struct plug_registry *r, const char *const *plugins, size_t n);
/* The configuration names the provider of one algorithm: it stands before every order. After registry_prefer. */
void registry_pin(struct plug_registry *r, const char *plugin, uint16_t kind, uint16_t id, uint16_t arg);
/* Result of a measurement. */
void registry_speed(struct plug_registry *r, const char *plugin, uint16_t kind, uint16_t id, uint16_t arg,
	uint32_t speed);

#endif
