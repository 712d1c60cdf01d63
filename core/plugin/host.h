/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The services a plugin gets (struct plug_host of abi.h), one host per plugin, made over what the daemon provides.
 * A host lives as long as the process: its plugin may keep the pointer. Threads as abi.h says for each function.
 */
#ifndef ADIT_PLUGIN_HOST_H
#define ADIT_PLUGIN_HOST_H

#include "base/log.h"
#include "os/loop.h"
#include "plugin/registry.h"

/* What the daemon provides; borrowed, has to outlive the plugins. A function may be NULL: its service then answers
 * E_NOT_SUPPORTED or nothing. loop may be NULL (tests of crypto plugins): no watches, timers, posts. */
struct plug_services {
	struct log *log;
	struct loop *loop;
	struct plug_registry *reg;
	void *arg;
	/* Configuration text of a plugin, NULL when not set. */
	const char *(*conf)(void *arg, const char *plugin, const char *key);
	void (*conf_each)(void *arg, const char *plugin, const char *key, void (*cb)(void *cb_arg, const char *name),
		void *cb_arg);
	err_t (*udp_send)(void *arg, const struct net_addr *local, const struct net_addr *remote, const slice *v,
		size_t n, unsigned how);
	void (*kern_event)(void *arg, const struct kern_event *ev);
	void (*kern_done)(void *arg, uint64_t token, err_t res);
	uint32_t fwmark; /* of the daemon's own sockets */
	void (*cred_done)(void *arg, uint64_t token, err_t res, slice sig, const char *why);
	void (*cred_loaded)(void *arg, uint64_t token, err_t res, uint64_t key, const char *why);
	void (*cred_changed)(void *arg, const char *plugin);
	void (*fetch_done)(void *arg, uint64_t token, err_t res, unsigned status, slice body, const char *why);
};

struct host;

/* Fits `key` ("main.path") one of the plugin's rows, and the text its type? 0; E_UNKNOWN_KEY; E_BAD_VALUE with what is
 * expected in buf. conf may be NULL. */
MUST err_t host_conf_check(const struct plug_conf_key *conf, const char *key, const char *value, char *buf, size_t cap);

struct host *host_new(const struct plug_services *s, const char *plugin, const struct plug_conf_key *conf);
const struct plug_host *host_api(struct host *h);
/* Takes back log sinks the plugin left. */
void host_free(struct host *h);

#endif
