/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <criterion/criterion.h>

Test(text, appending_never_overflows)
{
	TEXT_ON_STACK(t, 8);

	text_str(&t, "abc");
	text_fmt(&t, "%d", 12);
	cr_assert_str_eq(t.p, "abc12");
	cr_assert_not(t.cut);
	text_fmt(&t, "%s", "more");
	cr_assert_str_eq(t.p, "abc12mo");
	cr_assert(t.cut);
	text_str(&t, "x");
	cr_assert_str_eq(t.p, "abc12mo");
	struct text none = text_of(NULL, 0);
	text_str(&none, "x");
	text_fmt(&none, "x");
	cr_assert_eq(none.n, 0);
}

Test(text, bytes_of_a_peer_stay_one_line)
{
	TEXT_ON_STACK(t, 64);

	text_peer(&t, SLICE_LIT("a\nb\\\x7f\xff~"));
	cr_assert_str_eq(t.p, "a\\x0ab\\x5c\\x7f\\xff~");
	t = text_of(t_buf, sizeof t_buf);
	text_hex(&t, SLICE_LIT("\x01\xaf"));
	cr_assert_str_eq(t.p, "01af");
}

Test(text, utf8)
{
	static const struct { const char *s; size_t n; } rows[] = {
		{ "", 0 }, { "a", 1 }, { "\x7f", 1 }, { "\xc3\xa4", 2 }, { "\xe2\x82\xac", 3 }, { "\xf0\x9f\x94\x92", 4 }, { "\xf4\x8f\xbf\xbf", 4 },
		{ "\xff", 0 }, { "\x80", 0 }, { "\xc3", 0 }, { "\xc3(", 0 }, { "\xe2\x82", 0 }, { "\xf0\x9f\x94", 0 }, /* cut */
		{ "\xc0\xaf", 0 }, { "\xe0\x80\x80", 0 }, { "\xf0\x80\x80\x80", 0 }, /* longer than needed */
		{ "\xed\xa0\x80", 0 }, { "\xf4\x90\x80\x80", 0 }, { "\xf5\x80\x80\x80", 0 }, /* a surrogate, beyond the last character */
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_expect_eq(text_utf8(rows[i].s), rows[i].n, "row %zu", i);
}
