/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small texts with a syntax of their own: proposals, traffic selectors, addresses. What is taken is printed and read again.
 * Input: one byte that chooses, then the text.
 */
#include "base/netaddr.h"
#include "crypto/suite.h"
#include "fuzz.h"

const char *const fuzz_name = "words";

static void proposal(const char *text, uint8_t proto)
{
	struct suite_list l = { 0 }, again = { 0 };
	struct diag *why = NULL;
	TEXT_ON_STACK(words, 4096);

	err_t e = suite_list_add(&l, NULL, proto, text, &why);
	FUZZ_CHECK(!e == !why);
	if (!e) {
		FUZZ_CHECK(l.n > 0);
		suite_prop_words(&words, l.v[0]);
		FUZZ_CHECK(words.cut || suite_list_add(&again, NULL, proto, words.p, NULL) == 0);
	}
	diag_free(&why);
	suite_list_fini(&l);
	suite_list_fini(&again);
}

static void selector(const char *text)
{
	struct ts_sel s, again;
	char buf[TS_TEXT];
	if (ts_parse(text, &s) == 0) {
		FUZZ_CHECK(ts_parse(ts_text(&s, buf), &again) == 0);
		FUZZ_CHECK(ts_equal(&s, &again));
		FUZZ_CHECK(ts_prefix_len(&s) <= 128);
	}
}

static void address(const char *text)
{
	struct net_addr a, again;
	char buf[NET_ADDR_TEXT];
	if (net_addr_parse(text, &a) == 0 && a.family != NET_NONE && !a.scope) {
		FUZZ_CHECK(net_addr_parse(net_addr_text(&a, false, buf), &again) == 0);
		FUZZ_CHECK(net_addr_same(&a, &again));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	slice in = slice_of(data, n);
	uint8_t which = fuzz_u8(&in);
	char *text = malloc(in.n + 1);
	FUZZ_CHECK(text);
	if (in.n)
		memcpy(text, in.p, in.n);
	text[in.n] = 0;
	switch (which % 4) {
	case 0:
		proposal(text, SUITE_IKE);
		break;
	case 1:
		proposal(text, SUITE_ESP);
		break;
	case 2:
		selector(text);
		break;
	default:
		address(text);
		break;
	}
	free(text);
	return 0;
}
