/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of the data planes: every kernel plugin through the plugin ABI, row by row. What a plugin declares it can,
 * it has to do; what it declares it cannot, it has to refuse with E_NOT_SUPPORTED and a sentence. The answer is TAP, then
 * a matrix of what each can.
 *
 *   contract [PLUGIN…]      runs; a plugin that this host has no kernel or privilege for is skipped with the reason
 *   contract --page         prints docs/kernel-planes.md: what the plugins declare
 *
 * ADIT_BUILD names the build tree, CONTRACT_LOG=1 shows the plugins' logs, CONTRACT_ROW=TEXT picks rows.
 */
#include "tests/contract/lab.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PLANES = 4, ROWS_MAX = 128 };

static const char *const planes[PLANES] = { "kernel-xfrm", "kernel-pfkey", "kernel-user", "kernel-null" };
static char cell[PLANES][ROWS_MAX]; /* Y, N, B (books only), ! failed, - not asked */
static unsigned n_tap, n_bad;

static const struct plug_desc *load(const char *name)
{
	const char *build = getenv("ADIT_BUILD");
	char path[4096];

	snprintf(path, sizeof path, "%s/.libs/%s.so", build ? build : ".", name);
	void *dl = access(path, R_OK) ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct plug_desc *d = dl ? dlsym(dl, "adit_plugin") : NULL;
	return d && d->magic == ADIT_ABI_MAGIC && d->abi_major == ADIT_ABI_MAJOR ? d : NULL;
}

static void tap(bool ok, const char *plane, const char *row, const char *more)
{
	printf("%s %u - %s: %s%s%s\n", ok ? "ok" : "not ok", ++n_tap, plane, row, *more ? ": " : "", more);
	n_bad += !ok;
	fflush(stdout);
}

/* What a row means for a plane: '-' nothing. */
static char meaning(const struct row *r, const struct kern_ops *ops, uint32_t caps)
{
	if ((r->flags & ROW_MOVES && caps & KERN_CAP_NULL) || (r->flags & ROW_KERNEL && !(caps & KERN_CAP_SOCKETS)))
		return '-';
	if (!row_declared(r, ops, caps))
		return 'N';
	return caps & KERN_CAP_NULL ? 'B' : 'Y';
}

static char run_row(struct lab *l, const struct row *r, const char *plane)
{
	char as = meaning(r, l->ops, l->caps), text[LAB_TEXT + 64] = "";

	if (as == '-' || (as == 'N' && r->flags & ROW_GIVEN))
		return as;
	l->why[0] = 0;
	l->refused = 0;
	unsigned said = l->side[LAB_A].n_said + l->side[LAB_B].n_said;
	bool done = r->fn(l, r);
	lab_clear(l);
	if (as != 'N') {
		snprintf(text, sizeof text, "%s", done ? "" : l->why);
		tap(done, plane, r->name, text);
		return done ? as : '!';
	}
	bool told = l->side[LAB_A].n_said + l->side[LAB_B].n_said > said;
	bool fine = l->refused == E_NOT_SUPPORTED && told;
	if (!l->refused)
		snprintf(text, sizeof text, "not declared, and not refused (%s)", done ? "it works" : l->why);
	else if (l->refused != E_NOT_SUPPORTED)
		snprintf(text, sizeof text, "not declared, and refused as \"%s\"", err_text(l->refused));
	else
		snprintf(text, sizeof text, "%s", told ? "refused" : "refused without a word");
	tap(fine, plane, r->name, text);
	return fine ? 'N' : '!';
}

static void run_plane(int at, const struct plug_desc *crypto)
{
	const struct plug_desc *d = load(planes[at]);
	const char *only = getenv("CONTRACT_ROW"), *why;
	static struct lab l;

	memset(cell[at], '-', sizeof cell[at]);
	if (!d) {
		printf("ok %u - %s # SKIP it was not built\n", ++n_tap, planes[at]);
		return;
	}
	why = lab_open(&l, d, crypto);
	for (int i = 0; !why && i < LAB_SIDES; i++)
		why = lab_start(&l, i);
	if (why)
		printf("ok %u - %s # SKIP %s\n", ++n_tap, planes[at], why);
	for (size_t i = 0; !why && i < n_contract_rows; i++)
		if (!only || strstr(contract_rows[i].name, only))
			cell[at][i] = run_row(&l, &contract_rows[i], planes[at]);
	lab_close(&l);
}

static const char *word(char c, bool page)
{
	switch (c) {
	case 'Y': return "yes";
	case 'B': return page ? "books" : "books";
	case 'N': return page ? "–" : "refused";
	case '!': return "FAILED";
	}
	return page ? "" : ".";
}

static void matrix(void)
{
	printf("#\n# %-64s", "");
	for (int p = 0; p < PLANES; p++)
		printf(" %-12s", planes[p]);
	putchar('\n');
	for (size_t i = 0; i < n_contract_rows; i++) {
		printf("# %-64s", contract_rows[i].name);
		for (int p = 0; p < PLANES; p++)
			printf(" %-12s", word(cell[p][i], false));
		putchar('\n');
	}
}

static int page(void)
{
	puts("# What each data plane can\n\n"
		"Made by `make kernel-docs` from what the plugins declare; `tests/contract` holds each to it on two hosts with a wire\n"
		"between them: what is declared has to work, what is not has to be refused with a sentence. `make check` runs it for\n"
		"the planes that need no kernel of their own, `tests/vm/contract.test` for all on Debian's kernel.\n\n"
		"*yes*: it does; *–*: refused, and the log says what; *books*: kernel-null moves no packets, it keeps books of what is\n"
		"asked; empty: means nothing there. What the kernel at hand lacks (AH, IPComp) is taken off at the start.\n");
	printf("| |");
	for (int p = 0; p < PLANES; p++)
		printf(" %s |", planes[p]);
	printf("\n|---|");
	for (int p = 0; p < PLANES; p++)
		printf("---|");
	for (size_t i = 0; i < n_contract_rows; i++) {
		printf("\n| %s |", contract_rows[i].name);
		for (int p = 0; p < PLANES; p++) {
			const struct plug_desc *d = load(planes[p]);
			if (!d) {
				fprintf(stderr, "%s was not built\n", planes[p]);
				return 77;
			}
			const struct kern_ops *ops = d->feats[0].ops;
			printf(" %s |", word(meaning(&contract_rows[i], ops, ops->caps), true));
		}
	}
	puts("\n\nAlgorithms are those the host has: `adit list algorithms` shows them.");
	return 0;
}

int main(int argc, char **argv)
{
	void *self = NULL;

	if (argc > 1 && strcmp(argv[1], "--page") == 0)
		return page();
	const struct plug_desc *crypto = load("crypto-openssl");
	if (crypto && crypto->start && crypto->start(NULL, &self))
		crypto = NULL;
	for (int p = 0; p < PLANES; p++) {
		bool wanted = argc < 2;
		for (int i = 1; i < argc; i++)
			wanted |= strcmp(argv[i], planes[p]) == 0;
		memset(cell[p], '-', sizeof cell[p]);
		if (wanted)
			run_plane(p, crypto);
	}
	matrix();
	printf("1..%u\n", n_tap);
	return n_bad ? 1 : 0;
}
