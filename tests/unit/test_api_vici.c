/* SPDX-License-Identifier: Apache-2.0 */
/* The message encoding: round trips, every truncation, limits, bad nesting. */
#include "api/vici/vici.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void sample(struct vici_out *o)
{
	vici_out_init(o, VICI_EVENT, "list-sa", 0);
	vici_section(o, "net");
	vici_kv_u64(o, "uniqueid", 7);
	vici_kv_fmt(o, "spi", "%08x", 0xc0ffee01u);
	vici_list(o, "local-ts");
	vici_item_str(o, "10.1.0.0/24");
	vici_item_str(o, "fd00::/64");
	vici_list_end(o);
	vici_section(o, "child-sas");
	vici_section_end(o);
	vici_section_end(o);
	vici_kv_str(o, "up", "yes");
}

static slice sample_body(struct vici_out *o, struct vici_packet *p)
{
	slice frame;
	sample(o);
	cr_assert_eq(vici_out_frame(o, &frame), 0);
	struct rd r = rd_of(frame);
	cr_assert_eq(rd_u32(&r), frame.n - 4);
	cr_assert_eq(vici_packet_read(rd_rest(&r), p), 0);
	return p->body;
}

Test(vici, round_trip)
{
	struct vici_out o;
	struct vici_packet p;
	slice v, body = sample_body(&o, &p);
	cr_assert_eq(p.type, VICI_EVENT);
	cr_assert(slice_equal(p.name, SLICE_LIT("list-sa")));
	cr_assert_eq(vici_check(body), 0);

	static const uint8_t types[] = { VICI_SECTION_START, VICI_KEY_VALUE, VICI_KEY_VALUE, VICI_LIST_START, VICI_LIST_ITEM,
					 VICI_LIST_ITEM, VICI_LIST_END, VICI_SECTION_START, VICI_SECTION_END,
					 VICI_SECTION_END, VICI_KEY_VALUE, VICI_END };
	struct vici_in in = vici_in_of(body);
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		cr_assert_eq(vici_next(&in).type, types[i], "element %zu", i);
	cr_assert_eq(vici_in_close(&in), 0);
	cr_assert(vici_find(body, "up", &v) && slice_equal(v, SLICE_LIT("yes")));
	cr_assert(!vici_find(body, "uniqueid", &v), "keys in sections are not at the top");
	vici_out_fini(&o);
}

/* A cut body never passes the check, never reads past its end (the sanitizers watch a copy of exact size). */
Test(vici, every_truncation)
{
	struct vici_out o;
	struct vici_packet p;
	slice body = sample_body(&o, &p);
	size_t tops = 0;
	for (size_t n = 0; n < body.n; n++) {
		uint8_t *copy = malloc(n + !n);
		if (n)
			memcpy(copy, body.p, n);
		tops += vici_check(slice_of(copy, n)) == 0;
		slice v;
		size_t cursor = 0;
		vici_find(slice_of(copy, n), "up", &v);
		vici_find_item(slice_of(copy, n), "local-ts", &cursor, &v);
		free(copy);
	}
	cr_assert_eq(tops, 2, "only nothing and the whole section are complete, %zu were taken", tops);
	vici_out_fini(&o);
}

Test(vici, bad_nesting_is_refused)
{
	static const struct {
		const char *bytes;
		size_t n;
		err_t want;
	} rows[] = {
		{ "\x02", 1, E_SYNTAX },                         /* end without start */
		{ "\x06", 1, E_SYNTAX },                         /* list end outside */
		{ "\x05\0\1x", 4, E_SYNTAX },                    /* item outside */
		{ "\x04\1l\x03\1k\0\1v\x06", 10, E_SYNTAX },     /* key in a list */
		{ "\x04\1l\x04\1m\x06\x06", 8, E_SYNTAX },       /* list in a list */
		{ "\x04\1l\x01\1s", 6, E_SYNTAX },               /* section in a list */
		{ "\x04\1l", 3, E_TRUNCATED },                   /* list left open */
		{ "\x01\1s", 3, E_TRUNCATED },                   /* section left open */
		{ "\x00", 1, E_SYNTAX },  { "\x07", 1, E_SYNTAX }, { "\xff", 1, E_SYNTAX },
		{ "\x03\5ab", 4, E_TRUNCATED }, { "\x03\1k\xff\xff", 5, E_TRUNCATED },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_assert_eq(vici_check(slice_of(rows[i].bytes, rows[i].n)), rows[i].want, "row %zu", i);
}

Test(vici, depth_is_bounded)
{
	struct vici_out o;
	uint8_t deep[3 * (VICI_DEPTH_MAX + 1)];
	for (size_t i = 0; i < sizeof deep; i += 3)
		memcpy(deep + i, "\x01\1s", 3);
	cr_assert_eq(vici_check(slice_of(deep, sizeof deep)), E_TOO_MANY);
	vici_out_init_body(&o, 0);
	for (int i = 0; i <= VICI_DEPTH_MAX; i++)
		vici_section(&o, "s");
	cr_assert_eq(o.err, E_MISUSE);
	vici_out_fini(&o);
}

Test(vici, writer_keeps_its_bound_and_nesting)
{
	struct vici_out o;
	slice frame;
	static const uint8_t big[70000];
	vici_out_init(&o, VICI_CMD_RESPONSE, NULL, 64);
	vici_kv(&o, "k", slice_of(big, 40));
	cr_assert_eq(o.err, 0);
	vici_kv(&o, "k", slice_of(big, 40));
	cr_assert_eq(vici_out_frame(&o, &frame), E_SPACE);
	vici_out_fini(&o);

	vici_out_init(&o, VICI_CMD_RESPONSE, NULL, 0);
	vici_kv(&o, "k", slice_of(big, sizeof big));
	cr_assert_eq(vici_out_frame(&o, &frame), E_SPACE);
	vici_out_fini(&o);

	vici_out_init(&o, VICI_CMD_RESPONSE, NULL, 0);
	vici_list(&o, "l");
	vici_kv_str(&o, "k", "v");
	cr_assert_eq(vici_out_frame(&o, &frame), E_MISUSE);
	vici_out_fini(&o);

	vici_out_init(&o, VICI_CMD_RESPONSE, NULL, 0);
	vici_section(&o, "s");
	cr_assert_eq(vici_out_frame(&o, &frame), E_MISUSE);
	vici_out_fini(&o);
}

Test(vici, packets)
{
	struct vici_packet p;
	cr_assert_eq(vici_packet_read(SLICE_NONE, &p), E_TRUNCATED);
	cr_assert_eq(vici_packet_read(SLICE_LIT("\x08"), &p), E_SYNTAX);
	cr_assert_eq(vici_packet_read(SLICE_LIT("\0"), &p), E_TRUNCATED);
	cr_assert_eq(vici_packet_read(SLICE_LIT("\0\0"), &p), 0, "an unknown command like any other");
	cr_assert_eq(vici_packet_read(SLICE_LIT("\0\x05" "abc"), &p), E_TRUNCATED);
	cr_assert_eq(vici_packet_read(SLICE_LIT("\x01"), &p), 0);
	cr_assert_eq(vici_packet_read(slice_of("\0\7version", 9), &p), 0);
	cr_assert(slice_equal(p.name, SLICE_LIT("version")));
}

Test(vici, items_and_texts)
{
	struct vici_out o;
	slice frame, v;
	char buf[8];
	vici_out_init_body(&o, 0);
	vici_kv(&o, "zero", slice_of("a\0b", 3));
	vici_kv_str(&o, "long", "12345678");
	vici_kv_str(&o, "fits", "1234567");
	vici_list(&o, "owners");
	vici_item_str(&o, "a");
	vici_item_str(&o, "b");
	vici_list_end(&o);
	frame = slice_of(o.p, o.n);
	cr_assert(!vici_find_text(frame, "zero", buf, sizeof buf));
	cr_assert(!vici_find_text(frame, "long", buf, sizeof buf));
	cr_assert(vici_find_text(frame, "fits", buf, sizeof buf));
	cr_assert_str_eq(buf, "1234567");
	size_t cursor = 0, n = 0;
	while (vici_find_item(frame, "owners", &cursor, &v))
		n += v.n;
	cr_assert_eq(n, 2);
	vici_out_fini(&o);
}
