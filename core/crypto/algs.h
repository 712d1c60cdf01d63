/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who provides what, for people: the rows of `adit list algs`, pins of the configuration, and what is missing. Loop
 * thread; nothing waits.
 */
#ifndef ADIT_CRYPTO_ALGS_H
#define ADIT_CRYPTO_ALGS_H

#include "base/diag.h"
#include "plugin/registry.h"

/* One algorithm of one plugin. Strings live as long as the registry. */
struct crypto_alg_row {
	struct plug_feat is;
	const char *kind;    /* "encr", "integ", "prf", "kex", "sign", "hash", "rng" */
	char name[48];       /* "AES_GCM_16_128", "CURVE_25519", "ECDSA_ECP_256" */
	const char *plugin;
	unsigned rank;       /* 1 is the one that serves; 0 left out */
	bool reserve;        /* its known-answer tests run when it is to serve */
	const char *why;     /* why it serves, or why it is left out (a known-answer test that failed, a need); "" */
	uint32_t speed;      /* operations per second as kat_speed() measures them; 0 not measured */
	bool weak;           /* used only when a configuration names it */
	bool ike, child;     /* where it may be used: IKE SAs; child SAs */
};

/* The next crypto feature, ordered by kind and number, best first; *cursor starts with 0. false at the end. */
bool crypto_algs_next(const struct plug_registry *reg, size_t *cursor, struct crypto_alg_row *row);

/* "AES_GCM_16_128" of a feature. */
void crypto_alg_name(const struct plug_feat *f, char buf[48]);

/* Pins: asks pin(arg, name) for every algorithm that is offered; a plugin's name as answer makes that plugin the one
 * that serves it. E_NOT_FOUND: it does not offer it (or is not installed); why names both. */
MUST err_t crypto_pin_all(struct plug_registry *reg, const char *(*pin)(void *arg, const char *name), void *arg,
	struct diag **why);

/* The crypto plugins of this release that are not loaded, each with the Debian package of its library, ", " between
 * them; returns how many. */
size_t crypto_missing_plugins(const struct plug_registry *reg, char *buf, size_t cap);
/* Names of weak algorithms that are loaded, cut with "…" when there are too many; returns how many. */
size_t crypto_weak_names(const struct plug_registry *reg, char *buf, size_t cap);

#endif
