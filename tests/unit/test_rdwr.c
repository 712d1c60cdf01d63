/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rdwr.h"

#include <criterion/criterion.h>

Test(rdwr, reading_past_the_end_is_sticky_and_gives_zeros)
{
	struct rd r = rd_of(SLICE_LIT("\x01\x02\x03"));

	cr_assert_eq(rd_u16(&r), 0x0102);
	cr_assert_eq(rd_u32(&r), 0);
	cr_assert_eq(rd_u8(&r), 0);
	cr_assert_eq(rd_close(&r), E_TRUNCATED);
	cr_assert_eq(rd_left(&r), 0);
	struct rd none = rd_of(SLICE_NONE);
	cr_assert_eq(rd_close(&none), 0);
	cr_assert_eq(rd_bytes(&none, 0).n, 0);
}

Test(rdwr, windows_have_to_be_consumed)
{
	struct rd r = rd_of(SLICE_LIT("\x01\x02\x03\x04"));
	struct rd sub = rd_sub(&r, 2);

	cr_assert_eq(rd_u8(&sub), 1);
	cr_assert_eq(rd_close(&sub), E_TRAILING);
	cr_assert_eq(rd_u16(&r), 0x0304);
	cr_assert_eq(rd_close(&r), 0);
	struct rd too = rd_sub(&r, 1);
	cr_assert_eq(rd_close(&too), E_TRUNCATED);
	cr_assert_eq(rd_close(&r), E_TRUNCATED);
}

Test(rdwr, lengths_are_filled_in)
{
	uint8_t buf[16];
	struct wr w = wr_of(buf, sizeof buf);

	wr_u8(&w, 7);
	struct wr_mark in = wr_open(&w, 2);
	wr_bytes(&w, SLICE_LIT("abc"));
	wr_shut(&w, in);
	struct wr_mark self = wr_open_from(&w, 4, 0);
	wr_shut(&w, self);
	cr_assert(slice_equal(wr_done(&w), SLICE_LIT("\x07\x00\x03" "abc\x00\x00\x00\x0a")));
	wr_zero(&w, 7);
	cr_assert_eq(w.err, E_SPACE);
	wr_u8(&w, 1);
	cr_assert_eq(wr_done(&w).n, 0);
}

Test(rdwr, a_length_too_large_for_its_field)
{
	uint8_t buf[400];
	struct wr w = wr_of(buf, sizeof buf);
	struct wr_mark m = wr_open(&w, 1);

	wr_zero(&w, 256);
	wr_shut(&w, m);
	cr_assert_eq(w.err, E_SPACE);
}
