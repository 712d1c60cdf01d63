/* SPDX-License-Identifier: Apache-2.0 */
/* Trees to text and to packed bytes, and back: nothing is lost on the way. */
#include "conf_host.h"

#include "config/pack.h"
#include "config/write.h"

#include <stdlib.h>

static void same_tree(const struct conf_node *a, const struct conf_node *b)
{
	cr_assert_str_eq(a->name, b->name);
	cr_assert_eq(a->kind, b->kind, "%s", a->name);
	if (a->kind == CONF_VALUE) {
		cr_assert_eq(a->len, b->len, "%s", a->name);
		cr_assert(a->len == 0 || memcmp(a->text, b->text, a->len) == 0, "%s", a->name);
		return;
	}
	cr_assert_eq(a->n, b->n, "%s", a->name);
	for (const struct conf_node *x = a->first, *y = b->first; x; x = x->next, y = y->next)
		same_tree(x, y);
}

static struct conf_node *hard(void)
{
	struct conf_node *root = conf_node_section(NULL, ""), *s = conf_node_section(root, "a.b:c d");

	conf_node_set_str(s, "plain", "10.0.0.0/8, 192.0.2.1");
	conf_node_set_str(s, "hash", "a # b");
	conf_node_set_str(s, "brace", "C=CH, O=\"x\" {9}");
	conf_node_set_str(s, "back", "\\n \n\t\r");
	conf_node_set_str(s, "blank", "  x ");
	conf_node_set_str(s, "empty", "");
	conf_node_set_str(s, "include", "include x");
	conf_node_set_str(s, "utf8", "Zürich");
	conf_node_section(s, "void");
	return root;
}

Test(conf_write, text_reads_back_as_the_same_tree)
{
	struct conf_node *root = hard(), *again;
	char *text = conf_write(root, NULL, 0, 0, NULL);

	cr_assert_not_null(text);
	again = conf_tree(text);
	same_tree(root, again);
	free(text);
	conf_node_free(&again);
	conf_node_free(&root);
}

Test(conf_write, packed_reads_back_as_the_same_tree_with_any_byte)
{
	struct conf_node *root = hard(), *again = conf_node_section(NULL, "");
	struct conf_packed p = { 0 };
	struct conf_node *list = conf_node_list(root, "list");

	conf_node_set(root, "bytes", SLICE_LIT("\0\1\2\xff"));
	cr_assert_eq(conf_node_add_item(list, SLICE_LIT("a,b\0")), 0);
	cr_assert_eq(conf_node_add_item(list, SLICE_NONE), 0);
	cr_assert_eq(conf_pack(root, &p), 0);
	cr_assert_eq(conf_unpack(slice_of(p.p, p.n), again), 0);
	same_tree(root, again);
	for (uint32_t cut = 1; cut < p.n; cut++) {
		struct conf_node *part = conf_node_section(NULL, "");
		(void)!conf_unpack(slice_of(p.p, cut), part); /* ends, and stays inside */
		conf_node_free(&part);
	}
	conf_packed_fini(&p);
	conf_node_free(&again);
	conf_node_free(&root);
}

Test(conf_write, secrets_are_hidden_by_schema_and_by_name)
{
	struct conf_node *root = conf_tree("secrets { ike-1 { id = a\n secret = geheim } }\n"
		"aditd { plugins { x { server { secret = s1\n radius_password = s2\n pin { AES = y } } } } }");
	char *text = conf_write(root, &conf_schema_root, CONF_WRITE_HIDE, 0, NULL);

	HAS_NOT(text, "geheim");
	HAS_NOT(text, "s1");
	HAS_NOT(text, "s2");
	HAS(text, "secret = <hidden>");
	HAS(text, "AES = y");
	HAS(text, "id = a");
	free(text);
	text = conf_write(root, &conf_schema_root, CONF_WRITE_DROP, 0, NULL);
	HAS_NOT(text, "hidden");
	HAS_NOT(text, "geheim");
	free(text);
	conf_node_free(&root);
}
