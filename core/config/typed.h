/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees to typed objects: connections, secrets, settings. Used for files and for messages of the API alike.
 * One thread; nothing waits. Everything wrong is found at once and listed in *why with its place.
 */
#ifndef ADIT_CONFIG_TYPED_H
#define ADIT_CONFIG_TYPED_H

#include "config/conn.h"
#include "config/settings.h"
#include "config/tree.h"

enum conf_cred_kind { CONF_CRED_CERT = 1, CONF_CRED_CA, CONF_CRED_PUBKEY, CONF_CRED_MAP /* checked alone, out stays empty */ };

/* What can be honoured here. All zero: nothing is known (an offline check), so every algorithm that exists is fine. */
struct conf_can {
	const struct suite_env *ike;   /* who provides algorithms for IKE; NULL: accept all that exist */
	const struct suite_env *child; /* for ESP and AH */
	bool kern_known;               /* the next two say what the data plane can do */
	uint32_t kern_caps;            /* KERN_CAP_… of plugin/abi.h */
	uint32_t max_replay_window;
	bool net_vifs;                 /* with kern_known: interfaces and routes can be made */
	/* Can a round be authenticated this way? NULL: "psk" and signatures. */
	bool (*auth)(void *arg, uint8_t cls, const char *method);
	/* What `certs`, `cacerts` or `pubkeys` names (a path, or PEM or DER itself) as DER; out is filled with a heap copy.
	 * An error with one sentence in why[cap]. NULL: it is not looked at (an offline check). */
	err_t (*cred)(void *arg, uint8_t kind, slice text, struct conf_blob *out, char *why, size_t cap);
	/* The identity of an end that has this certificate: *id stays when the certificate confirms it, else it becomes the
	 * subject. NULL: it stays. */
	err_t (*cred_id)(void *arg, const char *conn, const struct conf_blob *cert, struct conf_id *id);
	/* Can this section of `authorities` be used? Changes nothing. NULL: it is not looked at. */
	err_t (*authority)(void *arg, const struct conf_node *section, struct diag **why);
	void *arg;
	const struct conf_daemon *daemon; /* defaults of the connections; NULL: those of conf_daemon_defaults */
};

/* A section `name { … }` of `connections` (or the one section of a load-conn message). */
MUST err_t conf_conn_from(const struct conf_node *section, const struct conf_can *can, struct conf_conn **out,
			  struct diag **why);
/* A section of `secrets` ("ike-1 { id = …, secret = … }"); its name is the secret's id. */
MUST err_t conf_secret_from(const struct conf_node *section, struct conf_secrets *into, struct diag **why);

/* A whole configuration, checked. {0} is empty. */
struct conf_set {
	struct conf_conn **conns;
	size_t n_conns;
	struct conf_secrets *secrets;   /* NULL none */
	struct conf_settings *settings; /* NULL: no aditd section */
	struct conf_node *rest;         /* the other sections as they were read (aditd, pools, authorities); NULL none */
	char **gone;                    /* connections to take out; n_gone of them, owned */
	size_t n_gone;
};

/* Everything below a root: connections, secrets, settings (pools are refused by name until they are
 * honoured). The set is empty after an error. */
MUST err_t conf_set_from(const struct conf_node *root, const struct conf_can *can, struct conf_set *out,
			 struct diag **why);
void conf_set_fini(struct conf_set *set);
/* What is allowed, but not wise (shared secrets that are weaker than the connection, remarks of connections); root is what the
 * set was made of. At most CONF_WARNINGS_MAX; secrets are compared for the first CONF_WARNINGS_LOOK connections. */
enum { CONF_WARNINGS_MAX = 50, CONF_WARNINGS_LOOK = 10000 };
void conf_set_warnings(const struct conf_set *set, const struct conf_node *root, struct diag **why);
/* Is it a section of the configuration that is neither connections nor secrets? */
bool conf_is_rest(const char *section);

/* Parses and checks a file without a daemon: 0, or the first error and all of them in *why. */
MUST err_t conf_check_file(const char *path, struct diag **why);

#endif
