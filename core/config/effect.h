/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a change of the configuration does to living SAs: one class per key, declared in one table, and the comparison
 * of two versions of a connection key by key. The classes grow: what has several changes gets the greatest.
 *
 * none     nothing that lives is concerned (the next set-up looks at it)
 * hot      taken over by living SAs at once
 * rekey    SAs get it with fresh keys, which the commit asks for
 * reauth   the IKE SA is set up anew beside or behind the old one (RFC 7296 section 2.8.3)
 * restart  SAs are closed and set up again; of a setting of the daemon: it holds when the daemon is started again
 * close    SAs are closed, because what they belong to is gone
 *
 * Static data and pure functions; any thread.
 */
#ifndef ADIT_CONFIG_EFFECT_H
#define ADIT_CONFIG_EFFECT_H

#include "config/schema.h"

enum conf_effect { CONF_FX_NONE = 0, CONF_FX_HOT, CONF_FX_REKEY, CONF_FX_REAUTH, CONF_FX_RESTART, CONF_FX_CLOSE };

const char *conf_effect_name(uint8_t effect);
/* Of a key below a section of this schema; the most cautious class of the schema when the table has no row. */
uint8_t conf_effect_of(const struct conf_schema *s, const char *key);

struct conf_delta_key {
	char *path;      /* "children.net.rekey_time", from the object; owned */
	char *was, *now; /* NULL not set; secrets are CONF_HIDDEN_TEXT */
	uint8_t effect;
};

struct conf_delta_child {
	char *name;
	uint8_t change; /* enum conf_change of store.h */
	uint8_t effect;
};

/* Two versions of one object. */
struct conf_delta {
	uint8_t effect;   /* on the IKE SA; of other objects: on what uses them */
	uint8_t greatest; /* with the children's */
	struct conf_delta_key *keys;
	size_t n_keys;
	struct conf_delta_child *children; /* of a connection: those that changed */
	size_t n_children;
};

/* was, now: sections of the same schema; NULL: not there. E_NOMEM; out is empty then. */
MUST err_t conf_delta_of(const struct conf_schema *s, const struct conf_node *was, const struct conf_node *now,
			 struct conf_delta *out);
void conf_delta_fini(struct conf_delta *d);
const struct conf_delta_child *conf_delta_child(const struct conf_delta *d, const char *name);

#endif
