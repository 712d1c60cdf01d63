/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Crypto services for tests: the crypto plugins of the build tree, opened as the daemon would, behind a registry.
 * A plugin that was not built is left out; a test that needs what then is missing is skipped.
 */
#ifndef ADIT_TEST_CRYPTO_HOST_H
#define ADIT_TEST_CRYPTO_HOST_H

#include "crypto/crypto.h"
#include "plugin/registry.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

static const char *const crypto_plugin_names[] = { "crypto-gcrypt", "crypto-gnutls", "crypto-sodium",
	"crypto-openssl", "crypto-ipsecmb" };
enum { CRYPTO_PLUGINS = ARRAY_LEN(crypto_plugin_names) };

struct crypto_host {
	struct plug_registry *reg;
	const struct plug_desc *desc[CRYPTO_PLUGINS]; /* NULL: not built */
	struct crypto c;
};

static inline const void *crypto_host_find(void *arg, uint16_t kind, uint16_t id, uint16_t bits)
{
	return registry_find(arg, kind, id, bits);
}

static inline err_t crypto_host_random(void *arg, uint8_t *out, size_t n)
{
	(void)arg;
	return n <= 256 && getrandom(out, n, 0) == (ssize_t)n ? 0 : E_CRYPTO;
}

/* mask: bit i for crypto_plugin_names[i]. The objects stay open: a test is a process of its own. */
static inline void crypto_host_init(struct crypto_host *h, unsigned mask)
{
	*h = (struct crypto_host){ .reg = registry_new() };
	for (size_t i = 0; i < CRYPTO_PLUGINS; i++) {
		char path[4096];
		void *self;
		snprintf(path, sizeof path, "%s/%s.so", TEST_PLUGIN_DIR, crypto_plugin_names[i]);
		if (!(mask & 1u << i) || access(path, R_OK) != 0)
			continue;
		void *dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		cr_assert_not_null(dl, "%s", dlerror());
		h->desc[i] = dlsym(dl, "adit_plugin");
		cr_assert_not_null(h->desc[i]);
		cr_assert_eq(h->desc[i]->magic, ADIT_ABI_MAGIC);
		if (h->desc[i]->start)
			cr_assert_eq(h->desc[i]->start(NULL, &self), 0);
		cr_assert_eq(registry_add_desc(h->reg, h->desc[i], NULL), 0);
	}
	crypto_init(&h->c, crypto_host_find, crypto_host_random, h->reg);
}

#define CRYPTO_NEED(h, what) \
	do { \
		if (!(what)) { \
			registry_free((h)->reg); \
			cr_skip_test("no crypto plugin that provides this was built"); \
		} \
	} while (0)

#endif
