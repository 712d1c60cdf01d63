/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers for the tests of the configuration: text in, tree or findings out. */
#ifndef ADIT_TESTS_CONF_HOST_H
#define ADIT_TESTS_CONF_HOST_H

#include "config/parse.h"
#include "config/typed.h"

#include <criterion/criterion.h>
#include <stdio.h>

static inline struct conf_node *conf_tree(const char *text)
{
	struct conf_node *root = NULL;
	struct diag *why = NULL;
	char buf[512];
	err_t e = conf_parse_text(slice_str(text), "t.conf", NULL, &root, &why);

	cr_assert_eq(e, 0, "%s", diag_text(why, e, buf, sizeof buf));
	cr_assert_null(why);
	return root;
}

/* All findings, one line each, as a user sees them. */
static inline char *conf_findings(struct diag **why, char *buf, size_t cap)
{
	size_t off = 0;

	buf[0] = 0;
	for (const struct diag *d = *why; d && off < cap; d = d->next) {
		diag_text(d, d->code, buf + off, cap - off);
		off += strlen(buf + off);
		off += (size_t)snprintf(buf + off, cap - off, "\n");
	}
	diag_free(why);
	return buf;
}

/* What parsing says about a text: the error, and findings in `buf`. */
static inline err_t conf_bad_text(const char *text, char *buf, size_t cap)
{
	struct conf_node *root;
	struct diag *why = NULL;
	err_t e = conf_parse_text(slice_str(text), "t.conf", NULL, &root, &why);

	conf_findings(&why, buf, cap);
	cr_assert_null(e ? root : NULL);
	conf_node_free(&root);
	return e;
}

/* Parses and builds everything; findings in `buf`. */
static inline err_t conf_build(const char *text, const struct conf_can *can, struct conf_set *set, char *buf, size_t cap)
{
	static const struct conf_can all;
	struct conf_node *root = conf_tree(text);
	struct diag *why = NULL;
	err_t e = conf_set_from(root, can ? can : &all, set, &why);

	conf_findings(&why, buf, cap);
	conf_node_free(&root);
	return e;
}

#define HAS(text, part) cr_assert(strstr((text), (part)), "'%s' is not in:\n%s", (part), (text))
#define HAS_NOT(text, part) cr_assert_not(strstr((text), (part)), "'%s' is in:\n%s", (part), (text))

#endif
