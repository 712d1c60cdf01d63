/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema: every key of the configuration declared once (principle P8), with type, range, unit, default, one
 * sentence of documentation and whether we honour it yet. Checking, defaults, `describe`, docs and the command line
 * come from these tables.
 *
 * conf_check() goes over one section along its schema: unknown keys (with the nearest known one), wrong kinds, types
 * and ranges, keys that are not honoured yet. When it is given an object it also stores what it read, by the offsets of
 * the table; keys that are not set get their defaults. All findings are collected. Static data; any thread.
 */
#ifndef ADIT_CONFIG_SCHEMA_H
#define ADIT_CONFIG_SCHEMA_H

#include "config/conn.h"
#include "config/tree.h"

/* row(name, name for people and machines) */
#define CONF_TYPES(row) \
	row(SECTION, "section") row(SECTIONS, "sections") row(BOOL, "boolean") row(INT, "integer") \
	row(TIME_S, "duration") row(TIME_MS, "duration-ms") row(DECIMAL, "decimal") row(BYTES, "size") \
	row(STRING, "string") row(PATH, "path") row(ENUM, "enum") row(FLAGS, "flags") row(STRINGS, "list") \
	row(ADDRS, "address-list") row(TS, "selector-list") row(IKE_PROPS, "ike-proposals") \
	row(ESP_PROPS, "esp-proposals") row(AH_PROPS, "ah-proposals") row(ID, "identity") row(AUTH, "auth-method") \
	row(MARK, "mark") row(IF_ID, "interface-id") row(IFNAME, "interface-name") row(DSCP, "dscp") row(GATEWAY, "gateway") \
	row(SECRET, "secret") row(ANY, "any")

enum conf_type {
#define row(name, text) CONF_T_##name,
	CONF_TYPES(row)
#undef row
	CONF_T_COUNT
};

enum { /* struct conf_key.flags */
	CONF_LATER = 1,    /* known, not honoured yet: setting it is an error that says so */
	CONF_SUFFIX = 2,   /* the name is a prefix: "local" stands for local, local-1, local-b, … */
	CONF_ANY_NAME = 4, /* any name (the connections below `connections`) */
	CONF_CAN_OFF = 8,  /* with CONF_LATER: the default may be written down ("aggressive = no") */
	CONF_SAFE_IGNORED = 16, /* accepted without effect here; the doc says why that is harmless */
	CONF_HIDDEN = 32,  /* never shown or logged: secrets */
	CONF_SPACES = 64   /* the items of a list may be separated by white space, too */
};

struct conf_word {
	const char *word; /* NULL ends a list */
	int32_t value;
	const char *later; /* known but not honoured yet: what it waits for */
};

struct conf_schema;

struct conf_key {
	const char *name;
	uint8_t type;   /* enum conf_type */
	uint8_t flags;
	uint16_t off;   /* in the typed object; CONF_NOWHERE: checked, stored by other code or not at all */
	uint8_t size;   /* bytes of the field there */
	int64_t min, max; /* in s, ms, thousandths, bytes as the type says; both 0: no bounds but the type's */
	const char *unit; /* "s", "ms", "bytes", "packets" or NULL */
	const char *def;  /* as it would be written; NULL: none, or said in the doc (derived) */
	const char *doc;  /* one sentence */
	const char *later; /* CONF_LATER: the heading of docs/ROADMAP.md it waits under */
	const struct conf_word *words; /* ENUM, FLAGS, and special words of INT, MARK, … */
	const struct conf_schema *sub; /* SECTION (one) or SECTIONS (any names): what is inside */
};

#define CONF_NOWHERE UINT16_MAX

struct conf_schema {
	const char *name; /* "connection" */
	const char *doc;
	const struct conf_key *keys;
	size_t n;
};

extern const struct conf_schema conf_schema_root;    /* everything: a whole file */
extern const struct conf_schema conf_schema_conn;    /* below connections.<conn> */
extern const struct conf_schema conf_schema_child;
extern const struct conf_schema conf_schema_local, conf_schema_remote;
extern const struct conf_schema conf_schema_secrets; /* below secrets */
extern const struct conf_schema conf_schema_pool, conf_schema_authority;
extern const struct conf_schema conf_schema_aditd;   /* below aditd */

const char *conf_type_name(uint8_t type);
/* NULL when there is no such key. */
const struct conf_key *conf_schema_key(const struct conf_schema *s, const char *name);

/* Sections inside and the types from ADDRS to AUTH, and SECRET and ANY, are left to the caller, who knows what they
 * become; all else is checked and, when obj is not NULL, stored. Strings and lists in obj are allocated for it.
 * Returns the first error; the rest is in *why. */
MUST err_t conf_check(const struct conf_schema *s, const struct conf_node *section, void *obj, struct diag **why);
/* Stores the defaults of the table in a zeroed object. */
MUST err_t conf_defaults(const struct conf_schema *s, void *obj);
/* Calls cb for every key, those of a section before the sections inside it, with its path ("connections.<conn>.local<suffix>.auth"): docs, describe. */
void conf_schema_each(const struct conf_schema *s,
		      void (*cb)(void *arg, const char *path, const struct conf_key *key), void *arg);

#endif
