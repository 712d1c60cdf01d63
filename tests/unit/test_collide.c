/* SPDX-License-Identifier: Apache-2.0 */
/* The collision table is total and says what RFC 7296 sections 2.8.1 and 2.25 say. */
#include "ike/collide.h"

#include <criterion/criterion.h>

Test(collide, total)
{
	enum clash_mine m = CLASH_M_NONE;
	enum clash_peer p = CLASH_P_INFO;
	cr_assert(clash_check(&m, &p), "%s x %s", clash_mine_name(m), clash_peer_name(p));
	size_t n;
	const struct clash_row *rows = clash_rows(&n);
	for (size_t i = 0; i < n; i++) {
		cr_assert_neq(rows[i].mine, 0u);
		cr_assert_gt(strlen(rows[i].story), 0u);
		cr_assert_gt(strlen(rows[i].rfc), 0u);
		cr_assert_str_neq(clash_verdict_name(rows[i].verdict), "?");
	}
}

struct want {
	uint32_t mine;
	enum clash_peer peer;
	enum clash_verdict verdict;
};

Test(collide, as_the_rfc_says)
{
#define M(x) (1u << CLASH_M_##x)
	static const struct want w[] = {
		{ 0, CLASH_P_CHILD_REKEY, CLASH_ACCEPT },
		{ M(CHILD_REKEY), CLASH_P_CHILD_REKEY, CLASH_COMPARE },
		{ M(CHILD_DELETE), CLASH_P_CHILD_REKEY, CLASH_TEMPORARY },
		{ M(CHILD_GONE), CLASH_P_CHILD_REKEY, CLASH_NOT_FOUND },
		{ M(CHILD_DELETE), CLASH_P_CHILD_DELETE, CLASH_SILENT },
		{ M(CHILD_REKEY), CLASH_P_CHILD_DELETE, CLASH_ACCEPT },
		{ M(IKE_REKEY), CLASH_P_IKE_REKEY, CLASH_COMPARE },
		{ M(IKE_DELETE), CLASH_P_IKE_REKEY, CLASH_TEMPORARY },
		{ M(IKE_REKEY), CLASH_P_IKE_DELETE, CLASH_FORGET },
		{ M(IKE_DELETE), CLASH_P_IKE_DELETE, CLASH_FORGET },
		{ M(IKE_REKEY), CLASH_P_CHILD_CREATE, CLASH_TEMPORARY },
		{ M(IKE_REKEY), CLASH_P_CHILD_DELETE, CLASH_ACCEPT },
		{ M(OTHER_DELETE), CLASH_P_IKE_REKEY, CLASH_TEMPORARY },
		/* several at once: the strictest holds */
		{ M(IKE_REKEY) | M(CHILD_GONE), CLASH_P_CHILD_REKEY, CLASH_TEMPORARY },
		{ M(IKE_REKEY) | M(CHILD_GONE), CLASH_P_CHILD_DELETE, CLASH_SILENT },
	};
#undef M
	for (size_t i = 0; i < ARRAY_LEN(w); i++) {
		const struct clash_row *r = clash_find(w[i].mine, w[i].peer);
		cr_assert_not_null(r);
		cr_assert_eq(r->verdict, w[i].verdict, "case %zu: %s", i, r->story);
	}
}

Test(collide, lowest_nonce)
{
	cr_assert(clash_mine_lowest(SLICE_LIT("\x01zz"), SLICE_LIT("\xff"), SLICE_LIT("\x02"), SLICE_LIT("\x03")));
	cr_assert(clash_mine_lowest(SLICE_LIT("\xff"), SLICE_LIT("\x01"), SLICE_LIT("\x02"), SLICE_LIT("\x03")));
	cr_assert_not(clash_mine_lowest(SLICE_LIT("\x05"), SLICE_LIT("\x06"), SLICE_LIT("\x02"), SLICE_LIT("\x07")));
	cr_assert(clash_mine_lowest(SLICE_LIT("ab"), SLICE_LIT("zz"), SLICE_LIT("abc"), SLICE_LIT("zz")),
		"the beginning of another is lower");
}
