/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of the daemon: `aditd { … }` of the configuration file, and what a strongswan.conf says that has a meaning
 * here. Owned, immutable once made; one thread.
 */
#ifndef ADIT_CONFIG_SETTINGS_H
#define ADIT_CONFIG_SETTINGS_H

#include "config/conn.h"
#include "config/tree.h"

struct conf_settings {
	struct conf_daemon daemon;  /* what the engine looks at */
	char *socket, *pidfile, *plugin_dir, *state_dir; /* NULL: what the program was built with */
	char **load;                /* plugins in this order of preference, NULL-terminated; NULL: all there are */
	char **interfaces_use, **interfaces_ignore; /* NULL-terminated; NULL none given */
	char *redirect_gateway;     /* daemon.redirect_gateway is the same */
	struct conf_pool *attributes; /* daemon.attributes is the same */
	char **hash_and_url_hosts;  /* hosts certificates are fetched from; NULL-terminated; NULL every one */
	char *kernel;               /* the data plane's plugin by name; NULL: the best one that carries packets */
	bool keep_state;            /* at the end SAs stay in the kernel for the next start */
	uint32_t fwmark;            /* SO_MARK of our sockets, 0 none */
	uint32_t log_rate;          /* lines of one message per second, 0 no limit */
	bool log_secrets;           /* level 4 may be asked for */
	char *log;                  /* levels of the standard error, "1, ike=2"; NULL default */
	uint32_t workers;           /* crypto threads; UINT32_MAX: cores - 1 */
	uint64_t expiry_warning_s;  /* before a certificate of ours or of an authority expires, 0 none */
	uint64_t updown_timeout_s;  /* how long an updown script may run */
	uint32_t max_api_clients;
	char *api_group_read, *api_group_operate, *api_group_configure; /* names of Unix groups; NULL none */
	struct conf_node *plugins;  /* owned copy of the section `plugins`, NULL none */
};

/* All defaults. */
MUST err_t conf_settings_new(struct conf_settings **out);
void conf_settings_free(struct conf_settings *s);
/* From a section `aditd` (NULL: defaults). */
MUST err_t conf_settings_from(const struct conf_node *section, struct conf_settings **out, struct diag **why);

/* For plug_host.conf: the text of `key` ("main.path") of a plugin; NULL when not set. */
const char *conf_settings_plugin(const struct conf_settings *s, const char *plugin, const char *key);
/* For plug_host.conf_each: the subsections below key ("" the plugin's own section). */
void conf_settings_plugin_each(const struct conf_settings *s, const char *plugin, const char *key,
			       void (*cb)(void *arg, const char *name), void *arg);

/* Reads a strongswan.conf tree: what has a meaning here is put into the section `aditd` of `into` unless it is set
 * there already (with its place, so that a wrong value is later reported where it stands). *notes gets one finding per
 * option that has none ("ignored"). Sections of other programs (swanctl, pki, …) are passed over. */
MUST err_t conf_swan_map(const struct conf_node *strongswan, struct conf_node *into, struct diag **notes,
			 struct diag **why);

#endif
