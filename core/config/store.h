/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running configuration: connections by name, in order of loading and indexed by address; secrets; settings.
 *
 * Changes come as a set: `conf_set` is built from a tree and checked whole (all errors at once), and only a set
 * without errors is applied, which changes nothing when it fails. A connection whose configuration did not change
 * keeps its object (same generation), so its tunnels are not touched. 100,000 connections load in O(n).
 * One thread (the loop's). What is borrowed from the store stays until the next change.
 */
#ifndef ADIT_CONFIG_STORE_H
#define ADIT_CONFIG_STORE_H

#include "config/psk.h"
#include "config/typed.h"

struct conf_store;

MUST err_t conf_store_new(struct conf_store **out);
void conf_store_free(struct conf_store *s);

/* What an apply did to one connection. */
enum conf_change { CONF_SAME = 0, CONF_ADDED, CONF_CHANGED, CONF_REMOVED };
typedef void conf_change_fn(void *arg, enum conf_change what, const struct conf_conn *old, const struct conf_conn *now);

enum { /* flags of conf_store_apply */
	CONF_REPLACE_CONNS = 1,   /* connections that are not in the set go */
	CONF_REPLACE_SECRETS = 2, /* the secrets of the set are all there are */
	CONF_REPLACE_ALL = CONF_REPLACE_CONNS | CONF_REPLACE_SECRETS /* reload of the whole file */
};

/* Takes connections, secrets and rest out of the set (the settings stay in it); a rest of NULL changes nothing. cb (may be NULL) is called once per
 * connection of the set and per removed one, after the change is complete. E_NOMEM: no connection was changed. */
MUST err_t conf_store_apply(struct conf_store *s, struct conf_set *set, uint32_t flags, conf_change_fn *cb, void *arg);
/* Adds or replaces one connection; takes the caller's reference. *change may be NULL. */
MUST err_t conf_store_load(struct conf_store *s, struct conf_conn **c, enum conf_change *change);
/* E_NOT_FOUND. */
MUST err_t conf_store_unload(struct conf_store *s, const char *name);

/* Borrowed; take a reference with conf_conn_ref to keep one. */
struct conf_conn *conf_store_find(const struct conf_store *s, const char *name);
size_t conf_store_count(const struct conf_store *s);
/* In order of loading; *cursor starts with 0; NULL at the end. */
struct conf_conn *conf_store_next(const struct conf_store *s, uint64_t *cursor);
/* Connections whose own and peer addresses fit, best first: an exact peer address before the longer prefix before
 * any, then the same for our address, then the order of loading. NET_NONE of `remote` or `local` fits everything.
 * *cursor starts with 0; NULL at the end; no change in between. */
struct conf_conn *conf_store_match(const struct conf_store *s, const struct net_addr *local,
				   const struct net_addr *remote, size_t *cursor);
uint64_t conf_store_generation(const struct conf_store *s); /* grows by one with each change */
struct conf_secrets *conf_store_secrets(struct conf_store *s);
/* Sections that are neither connections nor secrets, as they were applied last (conf_set.rest); never NULL. */
const struct conf_node *conf_store_rest(const struct conf_store *s);

/* The functions struct ike_env wants; arg is the store. */
struct conf_conn *conf_env_match(void *arg, const struct net_addr *local, const struct net_addr *remote,
				 size_t *cursor);
struct conf_conn *conf_env_find(void *arg, const char *name);
bool conf_env_psk(void *arg, const struct conf_psk_ask *ask, struct conf_psk *out);

#endif
