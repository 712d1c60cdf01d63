/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include <criterion/criterion.h>
#include <errno.h>

Test(diag, context_stands_before_the_cause)
{
	struct diag *d = NULL;
	char buf[200];

	cr_assert_eq(diag_errno(&d, E_IO, ENOENT, "cannot open %s", "x"), E_IO);
	cr_assert_eq(diag_set(&d, E_PARSE, "reading the configuration"), E_PARSE);
	cr_assert_str_eq(diag_text(d, 0, buf, sizeof buf),
		"reading the configuration: cannot open x: No such file or directory");
	cr_assert_eq(d->code, E_PARSE);
	cr_assert_eq(d->sys_errno, ENOENT);
	diag_free(&d);
	cr_assert_null(d);
	cr_assert_str_eq(diag_text(NULL, E_NOMEM, buf, sizeof buf), "out of memory");
	cr_assert_eq(diag_set(NULL, E_NOMEM, "unwanted"), E_NOMEM);
}

Test(diag, findings_in_their_order)
{
	struct diag *d = NULL;
	char buf[100];

	cr_assert_eq(diag_at(&d, E_UNKNOWN_KEY, "a.conf", 3, 7, "unknown key \"%s\"", "k"), E_UNKNOWN_KEY);
	cr_assert_eq(diag_at(&d, E_BAD_VALUE, "a.conf", 4, 1, "no number"), E_BAD_VALUE);
	cr_assert_eq(diag_at(&d, E_UNKNOWN_KEY, "a.conf", 3, 7, "unknown key \"%s\"", "k"), E_UNKNOWN_KEY);
	cr_assert(d->next && !d->next->next, "the same one is there once");
	cr_assert_str_eq(diag_text(d, 0, buf, sizeof buf), "a.conf:3:7: unknown key \"k\"");
	cr_assert_str_eq(diag_text(d->next, 0, buf, sizeof buf), "a.conf:4:1: no number");
	diag_free(&d);
}

Test(diag, every_error_has_a_name_a_sentence_and_a_class)
{
#define row(cls, name, num, notify, text) \
	cr_assert_str_eq(err_name(E_##name), #name); \
	cr_assert_str_eq(err_text(E_##name), text); \
	cr_assert_eq(err_class(E_##name), ERR_##cls); \
	cr_assert_eq(err_number(E_##name), num); \
	cr_assert_eq(err_notify(E_##name), notify);
	ERR_ROWS(row)
#undef row
	cr_assert_str_eq(err_name(0), "OK");
	cr_assert_str_eq(err_name(ERR_MAKE(ERR_PEER, 4711)), "UNKNOWN");
}
