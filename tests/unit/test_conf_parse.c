/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_host.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *at(const struct conf_node *root, const char *path)
{
	const char *s = conf_node_str(root, path);

	return s ? s : "(none)";
}

Test(conf_parse, the_syntax_of_the_field)
{
	struct conf_node *r = conf_tree(
		"# comment\n"
		"a = b\n"
		"one {\n"
		"  value = asdf   # behind it\n"
		"  sub { other = x y\tz }\n"
		"  quoted = \"a # b } \\\"c\\\"\\n\\t\\\\ end\"  \n"
		"  joined = first, \\\n     second\n"
		"  dn = C=CH, O=Lab, CN=*\n"
		"  empty =\n"
		"}\n"
		"one { sub { more = 1 } value = changed }\n"
		"x.y.z = deep\n"
		"two\n{\n k=v }\n"
		"kind = {9}:#0aff\n"
		"\"with.dot and blank\" { k = \"\" }\n"
		"last = no newline");

	cr_assert_str_eq(at(r, "a"), "b");
	cr_assert_str_eq(at(r, "one.value"), "changed");
	cr_assert_str_eq(at(r, "one.sub.other"), "x y\tz");
	cr_assert_str_eq(at(r, "one.sub.more"), "1");
	cr_assert_str_eq(at(r, "one.quoted"), "a # b } \"c\"\n\t\\ end");
	cr_assert_str_eq(at(r, "one.joined"), "first, second");
	cr_assert_str_eq(at(r, "one.dn"), "C=CH, O=Lab, CN=*");
	cr_assert_str_eq(at(r, "one.empty"), "(none)");
	cr_assert_not_null(conf_node_at(r, "one.empty"));
	cr_assert_str_eq(at(r, "x.y.z"), "deep");
	cr_assert_str_eq(at(r, "two.k"), "v");
	cr_assert_str_eq(at(r, "kind"), "{9}:");
	cr_assert_not_null(conf_node_child(r, "with.dot and blank"));
	cr_assert_str_eq(at(r, "last"), "no newline");
	conf_node_free(&r);
}

Test(conf_parse, every_item_knows_its_place)
{
	struct conf_node *r = conf_tree("a {\n\tkey =  value\n  list = x, yy ,z\n q = \"m, n\"\n}\n");
	struct conf_node *n = conf_node_at(r, "a.key");
	struct conf_items it = { 0 };

	cr_assert_eq(n->line, 2);
	cr_assert_eq(n->column, 2);
	cr_assert_eq(n->value_line, 2);
	cr_assert_eq(n->value_column, 9);
	cr_assert_str_eq(conf_node_file(n), "t.conf");
	n = conf_node_at(r, "a.list");
	cr_assert(conf_items_next(n, &it) && it.column == 10);
	cr_assert(conf_items_next(n, &it) && it.column == 13 && it.text.n == 2);
	cr_assert(conf_items_next(n, &it) && it.column == 17 && it.text.n == 1);
	cr_assert_not(conf_items_next(n, &it));
	it = (struct conf_items){ 0 };
	n = conf_node_at(r, "a.q");
	cr_assert(conf_items_next(n, &it) && it.column == 7);
	cr_assert(conf_items_next(n, &it) && it.column == 10);
	char path[64];
	cr_assert_str_eq(conf_node_path(n, path, sizeof path), "a.q");
	conf_node_free(&r);
}

Test(conf_parse, templates)
{
	struct conf_node *r = conf_tree(
		"base { a = 1\n b = 1\n sub { x = 1\n y = 1 } }\n"
		"more { a = 2\n c = 2 }\n"
		"child-base { mode = tunnel }\n"
		"conns {\n"
		"  one : base, more { b = own\n sub { x = own } }\n"
		"  two : conns.one { a = \n }\n"
		"  three { children { k : child-base { } } }\n"
		"  four : conns.three { children { k { extra = 1 } } }\n"
		"}\n");

	cr_assert_str_eq(at(r, "conns.one.a"), "1");
	cr_assert_str_eq(at(r, "conns.one.b"), "own");
	cr_assert_str_eq(at(r, "conns.one.c"), "2");
	cr_assert_str_eq(at(r, "conns.one.sub.x"), "own");
	cr_assert_str_eq(at(r, "conns.one.sub.y"), "1");
	cr_assert_str_eq(at(r, "conns.two.b"), "own");
	cr_assert_str_eq(at(r, "conns.two.a"), "(none)"); /* cleared by an empty value */
	cr_assert_str_eq(at(r, "conns.two.sub.y"), "1");
	cr_assert_str_eq(at(r, "conns.three.children.k.mode"), "tunnel");
	cr_assert_str_eq(at(r, "conns.four.children.k.mode"), "tunnel");
	cr_assert_str_eq(at(r, "conns.four.children.k.extra"), "1");
	/* Own items first, then what is taken over. */
	cr_assert_str_eq(conf_node_at(r, "conns.one")->first->name, "b");
	conf_node_free(&r);
}

Test(conf_parse, errors_of_templates)
{
	char buf[1024];

	cr_assert_eq(conf_bad_text("a {\n  b : nosuch.thing { }\n}", buf, sizeof buf), E_NOT_FOUND);
	HAS(buf, "t.conf:2:7: there is no section 'nosuch.thing'");
	cr_assert_eq(conf_bad_text("a : b { }\nb : a { }", buf, sizeof buf), E_PARSE);
	HAS(buf, "circle");
	cr_assert_eq(conf_bad_text("a { b : a { } }", buf, sizeof buf), E_PARSE);
	HAS(buf, "t.conf:1:9: 'a'");
	cr_assert_eq(conf_bad_text("a : { }", buf, sizeof buf), E_PARSE);
	HAS(buf, "t.conf:1:5: the name of a template");
	cr_assert_eq(conf_bad_text("a : b c", buf, sizeof buf), E_PARSE);
	HAS(buf, "'{' is expected");
}

Test(conf_parse, a_bomb_of_templates_is_bounded)
{
	char text[4096], buf[1024];
	size_t off = (size_t)snprintf(text, sizeof text, "t0 { a { k = 1 }\n b { k = 1 } }\n");
	struct conf_limits lim = conf_limits_default;
	struct conf_node *root;
	struct diag *why = NULL;

	for (int i = 1; i < 12; i++)
		off += (size_t)snprintf(text + off, sizeof text - off, "t%d { a : t%d { }\n b : t%d { } }\n", i, i - 1, i - 1);
	lim.max_nodes = 5000;
	cr_assert_eq(conf_parse_text(slice_str(text), "t.conf", &lim, &root, &why), E_LIMIT);
	HAS(conf_findings(&why, buf, sizeof buf), "too large");
}

Test(conf_parse, a_chain_of_templates_is_bounded)
{
	enum { N = 20000 };
	char *text = malloc(N * 32), buf[1024];
	size_t off = 0;

	for (int i = 0; i < N; i++)
		off += (size_t)snprintf(text + off, 32, "t%d : t%d { }\n", i, i + 1);
	snprintf(text + off, 32, "t%d { }\n", N);
	cr_assert_eq(conf_bad_text(text, buf, sizeof buf), E_LIMIT);
	HAS(buf, "take over from each other in a row");
	free(text);
}

Test(conf_parse, all_errors_at_once_with_their_places)
{
	char buf[2048];
	err_t e = conf_bad_text(
		"a = 1\n"
		"= 2\n"
		"b { c = { }\n"
		"    d\n"
		"    e = 5\n"
		"}\n"
		"}\n"
		"f & { g = 1 }\n"
		"a { }\n", buf, sizeof buf);

	cr_assert_eq(e, E_PARSE);
	HAS(buf, "t.conf:2:1: a name is missing before '='");
	HAS(buf, "t.conf:3:9: '{' in a value has to stand in quotes");
	HAS(buf, "t.conf:4:6: '=' or '{' is expected behind 'd'");
	HAS(buf, "t.conf:7:1: '}' without a section that is open");
	HAS(buf, "t.conf:8:3: '=' or '{' is expected behind 'f'");
	HAS(buf, "t.conf:9:1: 'a' is a value (line 1)");
}

Test(conf_parse, what_is_open_is_said_where_it_opens)
{
	char buf[1024];

	cr_assert_eq(conf_bad_text("a = 1\n b {\n c = 2\n", buf, sizeof buf), E_PARSE);
	HAS(buf, "t.conf:2:4: the section that opens here is never closed");
	cr_assert_eq(conf_bad_text("x = \"abc\ndef", buf, sizeof buf), E_PARSE);
	HAS(buf, "t.conf:1:5: the quote that opens here is never closed");
	cr_assert_eq(conf_bad_text("\"abc", buf, sizeof buf), E_PARSE);
	HAS(buf, "t.conf:1:1:");
	cr_assert_eq(conf_bad_text("a b = c\n", buf, sizeof buf), E_PARSE);
	HAS(buf, "t.conf:1:3:");
	cr_assert_eq(conf_bad_text("a.{}", buf, sizeof buf), E_PARSE);
	HAS(buf, "t.conf:1:3: a name is expected behind '.'");
	cr_assert_eq(conf_bad_text("a { b = 1 }\na.b.c = 2", buf, sizeof buf), E_PARSE);
	HAS(buf, "'b' is a value (line 1)");
	cr_assert_eq(conf_bad_text("k = a\001b", buf, sizeof buf), E_PARSE);
	HAS(buf, "t.conf:1:6: a control character");
}

Test(conf_parse, limits)
{
	char buf[1024], text[4096];
	struct conf_limits lim = conf_limits_default;
	struct conf_node *root;
	struct diag *why = NULL;
	size_t off = 0;

	for (int i = 0; i < 40; i++)
		off += (size_t)snprintf(text + off, sizeof text - off, "s {");
	cr_assert_eq(conf_bad_text(text, buf, sizeof buf), E_LIMIT);
	HAS(buf, "nested more than 16 deep");
	lim.max_nodes = 3;
	cr_assert_eq(conf_parse_text(SLICE_LIT("a=1\nb=1\nc=1\nd=1"), "t.conf", &lim, &root, &why), E_LIMIT);
	HAS(conf_findings(&why, buf, sizeof buf), "t.conf:4:1: the configuration has more than 3 items");
	lim = conf_limits_default;
	lim.max_bytes = 5;
	cr_assert_eq(conf_parse_text(SLICE_LIT("abcdef=1"), "t.conf", &lim, &root, &why), E_LIMIT);
	diag_free(&why);
	lim = conf_limits_default;
	lim.max_includes = 0;
	cr_assert_eq(conf_parse_text(SLICE_LIT("include /etc/passwd"), "t.conf", &lim, &root, &why), E_PARSE);
	HAS(conf_findings(&why, buf, sizeof buf), "t.conf:1:9: files cannot be included here");
	off = 0;
	for (int i = 0; i < 60; i++)
		off += (size_t)snprintf(text + off, sizeof text - off, "= %d\n", i);
	cr_assert_eq(conf_bad_text(text, buf, sizeof buf), E_PARSE);
	memset(text, 'n', 300);
	snprintf(text + 300, sizeof text - 300, " = 1");
	cr_assert_neq(conf_bad_text(text, buf, sizeof buf), 0);
	HAS(buf, "longer than 127 bytes");
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

Test(conf_parse, includes)
{
	char dir[] = "/tmp/adit-conf-XXXXXX", path[256], cmd[64], buf[1024];
	struct conf_node *root;
	struct diag *why = NULL;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/conf.d", dir);
	cr_assert_eq(mkdir(path, 0700), 0);
	write_file(dir, "conf.d/10.conf", "x = ten\ny = ten\n");
	write_file(dir, "conf.d/20.conf", "x = twenty\n");
	write_file(dir, "main.conf", "s {\n  include conf.d/*.conf\n  include nothing-*.conf\n}\nz = 1\n");
	snprintf(path, sizeof path, "%s/main.conf", dir);
	cr_assert_eq(conf_parse_file(path, NULL, &root, &why), 0);
	cr_assert_str_eq(at(root, "s.x"), "twenty");
	cr_assert_str_eq(at(root, "s.y"), "ten");
	cr_assert(strstr(conf_node_file(conf_node_at(root, "s.x")), "conf.d/20.conf"));
	cr_assert(strstr(conf_node_file(conf_node_at(root, "z")), "main.conf"));
	conf_node_free(&root);

	write_file(dir, "conf.d/20.conf", "x = {\n");
	cr_assert_eq(conf_parse_file(path, NULL, &root, &why), E_PARSE);
	HAS(conf_findings(&why, buf, sizeof buf), "conf.d/20.conf:1:5:");
	write_file(dir, "main.conf", "a = 1\ninclude gone.conf\n");
	cr_assert_eq(conf_parse_file(path, NULL, &root, &why), E_NOT_FOUND);
	HAS(conf_findings(&why, buf, sizeof buf), "main.conf:2:9: there is no file");
	write_file(dir, "main.conf", "include main.conf\ninclude main.conf\n");
	cr_assert_eq(conf_parse_file(path, NULL, &root, &why), E_LIMIT);
	HAS(conf_findings(&why, buf, sizeof buf), "a circle?");
	cr_assert_eq(conf_parse_file("/nonexistent/x.conf", NULL, &root, &why), E_NOT_FOUND);
	HAS(conf_findings(&why, buf, sizeof buf), "/nonexistent/x.conf");
	snprintf(cmd, sizeof cmd, "rm -r %s", dir);
	cr_assert_eq(system(cmd), 0);
}

Test(conf_parse, building_and_copying)
{
	struct conf_node *r = conf_node_section(NULL, ""), *c, *l;
	char name[16];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "n%d", i);
		cr_assert_not_null(conf_node_set_str(r, name, name));
	}
	cr_assert_str_eq(at(r, "n77"), "n77");
	conf_node_remove(r, "n77");
	conf_node_remove(r, "n99");
	cr_assert_null(conf_node_child(r, "n77"));
	cr_assert_eq(conf_node_count(r), 98);
	cr_assert_not_null(conf_node_set_str(r, "n99", "again"));
	l = conf_node_list(conf_node_section(r, "s"), "l");
	cr_assert_eq(conf_node_add_item(l, SLICE_LIT("a\0b")), 0);
	cr_assert_eq(conf_node_add_item(l, SLICE_LIT("c")), 0);
	cr_assert_null(conf_node_section(r, "n1"));
	cr_assert_null(conf_node_set_str(r, "s", "x"));
	c = conf_node_copy(r);
	conf_node_free(&r);
	struct conf_items it = { 0 };
	l = conf_node_at(c, "s.l");
	cr_assert(conf_items_next(l, &it) && it.text.n == 3);
	cr_assert(conf_items_next(l, &it) && it.text.n == 1);
	cr_assert_not(conf_items_next(l, &it));
	cr_assert_str_eq(at(c, "n99"), "again");
	r = c;
	for (int i = 0; i < CONF_DEPTH_MAX && c; i++)
		c = conf_node_section(c, "d");
	cr_assert_null(c);
	conf_node_free(&r);
}

Test(conf_parse, any_cut_of_a_file_is_survived)
{
	static const char text[] = "a : b, c.d { k = \"x\\n\\\n y\" \\\n z # c\n include {1}:x\n e.f { } }\nb { }\nc.d { }\n";
	struct conf_node *root;

	for (size_t n = 0; n < sizeof text; n++) {
		struct diag *why = NULL;
		char *copy = malloc(n ? n : 1);
		memcpy(copy, text, n);
		err_t e = conf_parse_text(slice_of(copy, n), "t.conf", NULL, &root, &why);
		cr_assert_eq(e == 0, root != NULL);
		cr_assert_eq(e == 0, why == NULL);
		conf_node_free(&root);
		diag_free(&why);
		free(copy);
	}
}
