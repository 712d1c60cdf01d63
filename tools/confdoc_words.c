/* SPDX-License-Identifier: Apache-2.0 */
/* docs/proposals.md: every word of a proposal, out of the tables of core/crypto. */
#include "confdoc.h"

#include "crypto/suite.h"

#include <stdio.h>
#include <string.h>

static void word(const char *pattern, const struct suite_fact *f)
{
	const char *mark = strstr(pattern, "%u"), *sep = "";

	if (!mark) {
		printf("`%s`", pattern);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(f->bits) && f->bits[i]; i++, sep = ", ")
		printf("%s`%.*s%u%s`", sep, (int)(mark - pattern), pattern, (unsigned)f->bits[i], mark + 2);
}

static void other_words(const struct suite_fact *f)
{
	const struct suite_alias *a;
	const char *sep = "";

	for (size_t i = 0; (a = suite_alias_at(i)) != NULL; i++)
		if (a->type == f->type && a->id == f->id) {
			printf("%s", sep);
			word(a->word, f);
			if (a->bits && f->bits[1])
				printf(" (%u)", (unsigned)a->bits);
			sep = ", ";
		}
}

static const char *where(const struct suite_fact *f)
{
	return f->type == SUITE_PRF ? "IKE" : f->flags & SUITE_NO_IKE || (f->type == SUITE_KE && f->id == SUITE_KE_NONE) ?
		"children" : "IKE, children";
}

static void rows_of(uint8_t type)
{
	const struct suite_fact *f;

	printf("\n## %s\n\n| words | other words | algorithm | for | | provided by |\n|---|---|---|---|---|---|\n",
		suite_type_name(type));
	for (size_t i = 0; (f = suite_fact_at(i)) != NULL; i++) {
		if (f->type != type || !f->word)
			continue;
		printf("| ");
		word(f->word, f);
		printf(" | ");
		other_words(f);
		printf(" | %s%s | %s | %s | %s |\n", f->name, f->flags & SUITE_AEAD ? " (AEAD)" : "", where(f),
			f->flags & SUITE_BROKEN ? "broken: only with `aditd.plugins.crypto.broken = yes`" :
			f->flags & SUITE_WEAK ? "weak: only by name" : f->flags & SUITE_DEFAULT ? "in `default`" : "",
			f->needs ? f->needs : f->type == SUITE_ESN || (f->id == 0 && f->type == SUITE_KE) ? "" :
			"data planes that have it");
	}
}

void words_page(void)
{
	static const uint8_t types[] = { SUITE_ENCR, SUITE_INTEG, SUITE_PRF, SUITE_KE, SUITE_ESN };
	const struct suite_refusal *r;

	printf("<!-- SPDX-License-Identifier: Apache-2.0. Made by tools/confdoc: `make conf-docs`. -->\n"
		"# Words of a proposal\n\n"
		"A proposal is words with dashes between, as in swanctl.conf: `aes256gcm16-prfsha384-x25519-ke1_mlkem768`. Within a\n"
		"type the first word is preferred most. `default` is one proposal with AEADs and one without of everything marked\n"
		"below that is loaded; for IKE ML-KEM beside a curve comes before both. An IKE proposal needs encryption, integrity\n"
		"(unless the encryption is an AEAD) and a key exchange; without a PRF it gets those of its integrity algorithms. What is\n"
		"missing is an error. AEADs and other encryption cannot stand in one proposal. An integrity algorithm beside an AEAD is\n"
		"left out with a warning in the check, at loading and in the log. `ke1_` to `ke7_` before a key exchange make it an\n"
		"additional one (RFC 9370). What nothing that is loaded provides is an error that names the word and what has it;\n"
		"`adit list algs` tells what is loaded.\n");
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		rows_of(types[i]);
	printf("\n## Refused\n\nWords that swanctl knows; a star stands for digits or nothing. Numbers for private use\n"
		"(`accept_private_algs`) are refused, because each vendor means something else by them.\n\n| word | why |\n|---|---|\n");
	for (size_t i = 0; (r = suite_refusal_at(i)) != NULL; i++)
		printf("| `%s` | %s |\n", r->word, r->why);
}
