/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets a script ask one crypto plugin: crypto_answer PLUGIN-FILE, a question per line on standard input, an answer per
 * line on standard output. Bytes are hex, "-" is no bytes. Answers are hex, "refused" (E_INTEGRITY, E_BAD_PUBLIC) or
 * "none" (the plugin does not offer it).
 *
 *     seal ID BITS KEY SALT IV AAD PLAIN      open ID BITS KEY SALT IV AAD SEALED
 *     mac KIND ID KEY DATA                    kex ID PRIVATE PUBLIC
 */
#include "crypto/crypto.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS = 8, BYTES_MAX = 1 << 16, LINE_MAX_BYTES = 4 * BYTES_MAX };

static const struct plug_desc *desc;
static uint8_t bytes[WORDS][BYTES_MAX];

static const void *find(unsigned kind, unsigned id, unsigned bits)
{
	for (size_t i = 0; i < desc->n_feats; i++)
		if (desc->feats[i].is.kind == kind && desc->feats[i].is.id == id && desc->feats[i].is.arg == bits)
			return desc->feats[i].ops;
	return NULL;
}

static slice hex(const char *word, int at)
{
	size_t n = 0;
	if (strcmp(word, "-") == 0)
		return slice_of(bytes[at], 0);
	for (; word[0] && word[1] && n < BYTES_MAX; word += 2) {
		unsigned v;
		if (sscanf(word, "%2x", &v) != 1)
			exit(2);
		bytes[at][n++] = (uint8_t)v;
	}
	return slice_of(bytes[at], n);
}

static void answer(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%02x", p[i]);
	printf(n ? "\n" : "-\n");
}

static void crypt(bool seal, char **w)
{
	const struct encr_ops *o = find(PLUG_ENCR, (unsigned)atoi(w[1]), (unsigned)atoi(w[2]));
	slice key = hex(w[3], 0), salt = hex(w[4], 1), iv = hex(w[5], 2), aad = hex(w[6], 3), in = hex(w[7], 4);
	struct crypto_ctx ctx;
	if (!o) {
		puts("none");
		return;
	}
	size_t n = seal ? in.n : in.n - o->icv_len;
	struct encr_op op = { .iv = iv.p, .aad = aad, .buf = bytes[4], .len = n, .icv = bytes[4] + n, .res = E_CRYPTO };
	if (iv.n != o->iv_len || (!seal && in.n < o->icv_len) || o->init(ctx.b, key, salt)) {
		puts("refused");
		return;
	}
	(seal ? o->seal : o->open)(ctx.b, &op, 1);
	o->fini(ctx.b);
	if (op.res)
		puts("refused");
	else
		answer(bytes[4], seal ? n + o->icv_len : n);
}

static void mac(char **w)
{
	const struct mac_ops *o = find((unsigned)atoi(w[1]), (unsigned)atoi(w[2]), 0);
	slice key = hex(w[3], 0), in = hex(w[4], 1);
	uint8_t out[CRYPTO_MAC_MAX];
	struct crypto_ctx ctx;
	if (!o) {
		puts("none");
		return;
	}
	if (o->init(ctx.b, key) || o->mac(ctx.b, &in, 1, out)) {
		puts("refused");
		return;
	}
	o->fini(ctx.b);
	answer(out, o->out_len);
}

static void kex(char **w)
{
	const struct kex_ops *o = find(PLUG_KEX, (unsigned)atoi(w[1]), 0);
	slice priv = hex(w[2], 0), pub = hex(w[3], 1);
	uint8_t ss[CRYPTO_SS_MAX];
	struct crypto_ctx ctx;
	if (!o) {
		puts("none");
		return;
	}
	err_t e = o->test_private(ctx.b, priv);
	if (!e)
		e = o->finish(ctx.b, pub, ss);
	if (e)
		puts("refused");
	else
		answer(ss, o->secret_len);
	o->fini(ctx.b);
}

int main(int argc, char **argv)
{
	static char line[LINE_MAX_BYTES];
	void *self;
	void *dl = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;

	desc = dl ? dlsym(dl, "adit_plugin") : NULL;
	if (!desc || (desc->start && desc->start(NULL, &self))) {
		fprintf(stderr, "usage: crypto_answer PLUGIN-FILE (which has to load)\n");
		return 2;
	}
	while (fgets(line, sizeof line, stdin)) {
		char *w[WORDS] = { NULL };
		int n = 0;
		for (char *p = strtok(line, " \n"); p && n < WORDS; p = strtok(NULL, " \n"))
			w[n++] = p;
		if (n == 8 && strcmp(w[0], "seal") == 0)
			crypt(true, w);
		else if (n == 8 && strcmp(w[0], "open") == 0)
			crypt(false, w);
		else if (n == 5 && strcmp(w[0], "mac") == 0)
			mac(w);
		else if (n == 4 && strcmp(w[0], "kex") == 0)
			kex(w);
		else
			return 2;
	}
	return 0;
}
