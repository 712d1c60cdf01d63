/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of other implementations, from captures. ADIT_VECTORS names the folder they are in; without it: skipped. */
#include "wire/esp.h"
#include "wire/out.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* Columns of pcap/messages.tsv. */
enum { COL_NAME = 0, COL_KIND = 7, COL_VERDICT = 10, COL_HEX = 11, COLS = 12 };

static size_t unhex(const char *hex, uint8_t *out, size_t cap)
{
	size_t n = 0;
	unsigned int b;
	while (n < cap && sscanf(hex + 2 * n, "%2x", &b) == 1)
		out[n++] = (uint8_t)b;
	return n;
}

static void one(char *col[COLS], size_t *parsed, size_t *refused)
{
	static uint8_t bytes[1 << 16];
	struct arena a;
	struct ike_msg m;
	struct diag *why = NULL;
	size_t n = unhex(col[COL_HEX], bytes, sizeof bytes);
	uint8_t *exact = malloc(n ? n : 1);
	slice body;

	arena_init(&a, 1 << 20);
	memcpy(exact, bytes, n);
	body = slice_of(exact, n);
	if (strncmp(col[COL_KIND], "natt", 4) == 0) {
		enum esp_kind kind = esp_classify(slice_of(exact, n), &body);
		cr_expect_eq(kind == ESP_IS_IKE, strcmp(col[COL_KIND], "natt-ike") == 0, "%s", col[COL_NAME]);
	}
	err_t e = wire_parse(&m, body, &a, &why);
	if (e == 0) {
		TEXT_ON_STACK(t, 1024);
		wire_text(&t, &m);
		++*parsed;
	} else {
		/* A capture with a good verdict is either IKEv1 or one of those made to break parsers. */
		bool good = strncmp(col[COL_VERDICT], "ok", 2) == 0 && e != E_VERSION;
		cr_expect(!good || strstr(col[COL_NAME], "segfault") || strstr(col[COL_NAME], "oobr"), "%s: %s", col[COL_NAME],
			  why ? why->text : err_text(e));
		++*refused;
	}
	diag_free(&why);
	arena_fini(&a);
	free(exact);
}

Test(wire_vectors, captured_messages_parse)
{
	const char *dir = getenv("ADIT_VECTORS");
	if (!dir)
		cr_skip_test("ADIT_VECTORS is not set");
	char path[512], *line = NULL;
	size_t cap = 0, parsed = 0, refused = 0;
	snprintf(path, sizeof path, "%s/pcap/messages.tsv", dir);
	FILE *f = fopen(path, "r");
	if (!f)
		cr_skip_test("no pcap/messages.tsv in ADIT_VECTORS");
	while (getline(&line, &cap, f) > 0) {
		char *col[COLS], *at = line;
		int n = 0;
		while (n < COLS && at)
			col[n++] = strsep(&at, "\t");
		if (n == COLS && *line != '#')
			one(col, &parsed, &refused);
	}
	free(line);
	fclose(f);
	cr_log_info("%zu parsed, %zu refused", parsed, refused);
	cr_expect_gt(parsed, 50);
}
