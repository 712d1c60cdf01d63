/* SPDX-License-Identifier: Apache-2.0 */
/* adit mtu: the arithmetic of core/crypto/esp_mtu.h for people who plan a network. */
#include "tools/adit/cli.h"

#include "crypto/esp_mtu.h"
#include "crypto/suite.h"
#include "plugin/abi.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_DEFAULT = 1500, PATH_MAX_MTU = 65535 };

struct ask {
	struct esp_shape shape;
	uint32_t path;
};

static enum cli_exit read_word(struct ask *a, const char *w)
{
	static const struct {
		const char *word;
		size_t off;
		uint8_t value, add;
	} words[] = {
#define AT(field) offsetof(struct esp_shape, field)
		{ "tunnel", AT(mode), KERN_TUNNEL, 0 }, { "transport", AT(mode), KERN_TRANSPORT, 0 },
		{ "beet", AT(mode), KERN_BEET, 0 }, { "v4", AT(outer), NET_V4, 0 }, { "v6", AT(outer), NET_V6, 0 },
		{ "ah", AT(proto), 51, 0 }, { "udp", AT(encap), ESP_IN_UDP, 0 }, { "tcp", AT(encap), ESP_IN_TCP, 0 },
		{ "gre", AT(gre), UINT8_MAX, 0 }, { "gre4", AT(gre), NET_V4, 0 }, { "gre6", AT(gre), NET_V6, 0 },
		{ "key", AT(gre_words), 0, 1 }, { "checksum", AT(gre_words), 0, 1 }, { "sequence", AT(gre_words), 0, 1 },
#undef AT
	};
	char *end;
	unsigned long n = strtoul(w, &end, 10);

	if (*w >= '0' && *w <= '9' && !*end) {
		if (n < 68 || n > PATH_MAX_MTU)
			return cli_fail(CLI_USAGE, "an MTU is 68 to %d bytes, not %s", PATH_MAX_MTU, w);
		a->path = (uint32_t)n;
		return CLI_OK;
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		uint8_t *field = (uint8_t *)&a->shape + words[i].off;
		if (strcmp(words[i].word, w))
			continue;
		*field = words[i].add ? (uint8_t)(*field + words[i].add) : words[i].value;
		return CLI_OK;
	}
	return cli_fail(CLI_USAGE, "'%s' is not understood; \"adit help mtu\" shows the words", w);
}

static void show(const struct ask *a, const char *suite)
{
	static const char *const modes[] = { [KERN_TUNNEL] = "tunnel", [KERN_TRANSPORT] = "transport", [KERN_BEET] = "BEET" };
	const struct esp_shape *s = &a->shape;
	uint32_t mtu = esp_plain_mtu(s, a->path);

	printf("%s  %s %s%s%s over IPv%u, path MTU %u\n", suite, s->proto == 51 ? "AH" : "ESP", modes[s->mode],
		s->gre ? " around GRE" : "", s->encap == ESP_IN_UDP ? " in UDP" : s->encap == ESP_IN_TCP ? " in TCP" : "",
		s->outer, a->path);
	printf("  plaintext MTU  %u\n  overhead       %u of a packet of this length, %u at most\n", mtu,
		mtu ? esp_wire_len(s, mtu) - mtu : 0, esp_overhead_max(s));
	printf("  TCP MSS        %u (IPv4), %u (IPv6)\n", esp_mss(mtu, NET_V4), esp_mss(mtu, NET_V6));
	if (mtu < 1280)
		printf("  below 1280: IPv6 cannot go through without fragments\n");
}

enum cli_exit cmd_mtu(struct cli *c)
{
	struct ask a = { .shape = { .proto = 50, .mode = KERN_TUNNEL, .outer = NET_V4 }, .path = PATH_DEFAULT };
	struct suite_list l = { 0 };
	struct diag *why = NULL;
	char name[256];

	for (int i = 1; i < c->n_words; i++) {
		enum cli_exit code = read_word(&a, c->word[i]);
		if (code)
			return code;
	}
	if (a.shape.gre == UINT8_MAX)
		a.shape.gre = a.shape.outer;
	err_t e = suite_list_add(&l, NULL, a.shape.proto == 51 ? SUITE_AH : SUITE_ESP, c->word[0], &why);
	if (e) {
		cli_diag(why);
		diag_free(&why);
		return CLI_USAGE;
	}
	const struct suite_tf *encr = suite_prop_first(l.v[0], SUITE_ENCR), *integ = suite_prop_first(l.v[0], SUITE_INTEG);
	struct suite suite = { .proto = l.v[0]->proto, .encr = encr ? encr->id : 0, .encr_bits = encr ? encr->bits : 0,
		.integ = integ ? integ->id : 0 };
	suite_list_fini(&l);
	struct text t = text_of(name, sizeof name);
	suite_text(&t, &suite);
	a.shape.encr = suite.encr;
	a.shape.integ = suite.integ;
	e = esp_shape_check(&a.shape);
	if (e)
		return cli_fail(CLI_USAGE, "%s", e == E_NOT_SUPPORTED ? "the lengths of this algorithm are not known" :
			"these words do not go together: GRE in transport mode is of the path's family, AH is not encapsulated, "
			"and key, checksum and sequence belong to GRE");
	if (!c->json) {
		show(&a, name);
		return CLI_OK;
	}
	uint32_t mtu = esp_plain_mtu(&a.shape, a.path);
	return cli_print_json(json_pack("{s:s, s:i, s:i, s:i, s:i, s:i}", "suite", name, "path-mtu", (int)a.path, "mtu",
		(int)mtu, "overhead-max", (int)esp_overhead_max(&a.shape), "mss-v4", (int)esp_mss(mtu, NET_V4), "mss-v6",
		(int)esp_mss(mtu, NET_V6)));
}
