/* SPDX-License-Identifier: Apache-2.0 */
/* Loader and resolver with small plugins made here by the compiler: ABI, trust, order, needs, known answers. */
#include "base/diag.h"
#include "base/log.h"
#include "plugin/loader.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], said[8192], order[256];
static struct log *hub;
static struct plug_registry *reg;
static struct plug_services services;
static struct loader *loader;

static void note(void *self, const struct log_record *r)
{
	size_t n = strlen(said);

	(void)self;
	/* The plugins say "start" and "stop" through the host's log. */
	if (r->sub == LOG_PLUGIN && strstr(r->text, ": st"))
		snprintf(order + strlen(order), sizeof order - strlen(order), "%s;", r->text);
	snprintf(said + n, sizeof said - n, "%s\n", r->text);
}

/* Compiles a plugin; `decl` stands before the descriptor, `init` are designated members of it. */
static void plugin(const char *name, const char *decl, const char *init)
{
	char path[200], cmd[1200];
	const char *top = getenv("top_srcdir");

	snprintf(path, sizeof path, "%s/%s.c", dir, name);
	FILE *f = fopen(path, "w");
	fprintf(f, "#include \"plugin/abi.h\"\n"
		"static const struct plug_host *host;\n"
		"static err_t start(const struct plug_host *h, void **self) { (void)self; host = h; h->log(h->h, 0, \"start\"); return 0; }\n"
		"static void stop(void *self) { (void)self; host->log(host->h, 0, \"stop\"); }\n"
		"%s\n"
		"ADIT_PLUGIN = { ADIT_PLUGIN_HEAD, .name = \"%s\", .version = \"1\", .summary = \"test\", .start = start, .stop = stop, %s };\n",
		decl, name, init);
	fclose(f);
	snprintf(cmd, sizeof cmd, "cc -std=gnu11 -Wno-override-init -w -shared -fPIC -I%s/core -o %s/%s.so %s", top ? top : "..", dir,
		name, path);
	cr_assert_eq(system(cmd), 0);
	unlink(path);
}

static void up(void)
{
	struct log_sink s = { .write = note };

	strcpy(dir, "/tmp/adit-unit-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	memset(s.level, LOG_DETAIL, sizeof s.level);
	hub = log_new();
	log_add(hub, &s);
	reg = registry_new();
	services = (struct plug_services){ .log = hub, .reg = reg };
	cr_assert_eq(loader_new(&services, &loader, NULL), 0);
}

static void down(void)
{
	char cmd[100];

	loader_free(loader);
	registry_free(reg);
	log_free(hub);
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	cr_assert_eq(system(cmd), 0);
}

static void load(void)
{
	cr_assert_eq(loader_open(loader, dir, NULL, NULL), 0);
	loader_start(loader, 0, NULL);
}

#define HAS(text) cr_assert(strstr(said, text), "\"%s\" is not in:\n%s", text, said)

TestSuite(loader, .init = up, .fini = down, .timeout = 300);

Test(loader, another_abi_is_refused_in_one_line)
{
	char path[100];

	plugin("old", "", ".abi_major = 7");
	plugin("renamed", "", ".name = \"other\"");
	plugin("small", "", ".size = 16");
	plugin("good", "", ".abi_minor = 9");
	snprintf(path, sizeof path, "%s/text.so", dir);
	FILE *f = fopen(path, "w");
	fputs("not a shared object", f);
	fclose(f);
	load();
	HAS("plugin old is left out: it was built for plugin ABI 7.1, this aditd has 1.1: install");
	HAS("plugin renamed is left out: it calls itself other");
	HAS("plugin small is left out: its descriptor is incomplete");
	HAS("plugin text is left out: ");
	HAS("plugin good 1: 0 of 0 features");
}

Test(loader, files_others_may_write_are_not_loaded)
{
	char path[100];
	struct diag *why = NULL;

	plugin("open", "", ".abi_minor = 0");
	snprintf(path, sizeof path, "%s/open.so", dir);
	chmod(path, 0777);
	load();
	HAS("open.so is writable for everybody");
	chmod(dir, 0777);
	cr_assert_eq(loader_open(loader, dir, NULL, &why), E_PERM);
	diag_free(&why);
	cr_assert_eq(loader_open(loader, "/nonexistent", NULL, &why), E_NOT_FOUND);
	diag_free(&why);
	cr_assert_eq(loader_open(loader, "/dev/null", NULL, &why), E_BAD_VALUE);
	diag_free(&why);
}

static const char uses[] = "static const struct listen_ops ops = { .size = sizeof ops };\n";

Test(loader, needs_and_likes_order_the_start)
{
	char decl[600];

	/* In order of name a, b, c; in order of need c, b, a. */
	snprintf(decl, sizeof decl, "%s static const struct plug_feat need[] = { { PLUG_LISTEN, 2, 0 }, { 0 } };"
		"static const struct plug_feat_row f[] = { { .is = { PLUG_LISTEN, 1, 0 }, .needs = need, .ops = &ops } };", uses);
	plugin("a", decl, ".feats = f, .n_feats = 1");
	snprintf(decl, sizeof decl, "%s static const struct plug_feat like[] = { { PLUG_LISTEN, 3, 0 }, { PLUG_LISTEN, 99, 0 }, { 0 } };"
		"static const struct plug_feat_row f[] = { { .is = { PLUG_LISTEN, 2, 0 }, .likes = like, .ops = &ops } };", uses);
	plugin("b", decl, ".feats = f, .n_feats = 1");
	/* Likes a, which would be a circle. */
	snprintf(decl, sizeof decl, "%s static const struct plug_feat like[] = { { PLUG_LISTEN, 1, 0 }, { 0 } };"
		"static const struct plug_feat_row f[] = { { .is = { PLUG_LISTEN, 3, 0 }, .likes = like, .ops = &ops } };", uses);
	plugin("c", decl, ".feats = f, .n_feats = 1");
	snprintf(decl, sizeof decl, "%s static const struct plug_feat need[] = { { PLUG_LISTEN, 77, 0 }, { 0 } };"
		"static const struct plug_feat_row f[] = { { .is = { PLUG_LISTEN, 4, 0 }, .needs = need, .ops = &ops } };", uses);
	plugin("d", decl, ".feats = f, .n_feats = 1");
	load();
	HAS("plugin d: listen 4 is left out: it needs listen 77, which no loaded plugin offers");
	HAS("plugin d is left out: nothing it offers can be used");
	loader_free(loader);
	loader = NULL;
	cr_assert_str_eq(order, "b: start;a: start;c: start;c: stop;a: stop;b: stop;");
	cr_assert_not_null(registry_find(reg, PLUG_LISTEN, 1, 0));
	cr_assert_null(registry_find(reg, PLUG_LISTEN, 4, 0));
}

Test(loader, a_wrong_answer_leaves_the_feature_out)
{
	static const char decl[] =
		"static err_t digest(const slice *v, size_t n, uint8_t *out)\n"
		"{ *out = 0; for (size_t i = 0; i < n; i++) for (size_t k = 0; k < v[i].n; k++) *out ^= v[i].p[k]; return 0; }\n"
		"static const struct hash_ops ops = { .size = sizeof ops, .out_len = 1, .digest = digest };\n"
		"static const struct hash_ops small = { .size = 4, .out_len = 1, .digest = digest };\n"
		"static const struct plug_kat good = { .in = { (const uint8_t *)\"ab\", 2 }, .out = { (const uint8_t *)\"\\3\", 1 } };\n"
		"static const struct plug_kat bad = { .in = { (const uint8_t *)\"ab\", 2 }, .out = { (const uint8_t *)\"\\4\", 1 } };\n"
		"static const struct plug_feat_row f[] = {\n"
		"	{ .is = { PLUG_HASH, 1, 0 }, .ops = &ops, .kats = &good, .n_kats = 1 },\n"
		"	{ .is = { PLUG_HASH, 2, 0 }, .ops = &ops, .kats = &bad, .n_kats = 1 },\n"
		"	{ .is = { PLUG_HASH, 3, 0 }, .ops = &ops },\n"
		"	{ .is = { PLUG_HASH, 4, 0 }, .ops = &small, .kats = &good, .n_kats = 1 },\n"
		"	{ .is = { 999, 4, 0 }, .ops = &ops } };\n";

	plugin("hash", decl, ".feats = f, .n_feats = 5");
	load();
	cr_assert_not_null(registry_find(reg, PLUG_HASH, 1, 0));
	for (uint16_t id = 2; id <= 4; id++)
		cr_assert_null(registry_find(reg, PLUG_HASH, id, 0));
	HAS("plugin hash: hash 2 is left out: known-answer test 1: gives another result");
	HAS("plugin hash: hash 3 is left out: it brings no known-answer test");
	HAS("plugin hash: hash 4 is left out: its function table is smaller");
	HAS("plugin hash: ? 4 is left out: this aditd does not know features of kind 999");
	HAS("plugin hash 1: 1 of 5 features");
}

Test(loader, what_is_in_reserve_is_tested_before_it_serves)
{
	/* A key exchange whose secret is always the same; the initiator of the faulty one gets another. */
	static const char kex[] = "#include <string.h>\n"
		"static err_t offer(void *c, uint8_t *pub) { (void)c; memset(pub, 1, 32); return 0; }\n"
		"static err_t answer(slice i, uint8_t *pub, uint8_t *ss) { (void)i; memset(pub, 2, 32); memset(ss, 7, 32); return 0; }\n"
		"static err_t finish(void *c, slice r, uint8_t *ss) { (void)c; (void)r; memset(ss, %d, 32); return 0; }\n"
		"static void fini(void *c) { (void)c; }\n"
		"static const struct kex_ops ops = { .size = sizeof ops, .pub_i_len = 32, .pub_r_len = 32, .secret_len = 32, "
		".ctx_size = 16, .offer = offer, .answer = answer, .finish = finish, .fini = fini };\n"
		"static const struct kex_ops small = { .size = 8 };\n"
		"static const struct plug_feat_row rows[] = { { .is = { PLUG_KEX, 31, 0 }, .prio = %d, .ops = &ops },\n"
		"	{ .is = { PLUG_KEX, 32, 0 }, .ops = &small } };\n";
	char decl[2000];
	const char *const first[] = { "faulty", "good", "spare" };

	snprintf(decl, sizeof decl, kex, 8, 9);
	plugin("faulty", decl, ".feats = rows, .n_feats = 2");
	snprintf(decl, sizeof decl, kex, 7, 2);
	plugin("good", decl, ".feats = rows, .n_feats = 1");
	plugin("spare", decl, ".feats = rows, .n_feats = 1");
	cr_assert_eq(loader_open(loader, dir, NULL, NULL), 0);
	loader_start(loader, 1, NULL);
	HAS("plugin faulty: kex 32 is left out: its function table is smaller");
	cr_assert_null(registry_find(reg, PLUG_KEX, 31, 0));
	registry_prefer(reg, first, 3);
	loader_settle(loader);
	HAS("plugin faulty: kex 31 is left out: ");
	cr_assert_str_eq(registry_best(reg, PLUG_KEX, 31, 0)->plugin->name, "good");
	cr_assert(registry_of(reg, "spare", PLUG_KEX, 31, 0)->reserve);
}

Test(loader, those_asked_for_by_name)
{
	static const char *const names[] = { "one", NULL }, *const missing[] = { "one", "nosuch", NULL },
		*const evil[] = { "../one", NULL };
	struct diag *why = NULL;
	char buf[400];

	plugin("one", "", ".abi_minor = 0");
	plugin("two", "", ".abi_minor = 0");
	cr_assert_eq(loader_open(loader, dir, names, NULL), 0);
	cr_assert_eq(loader_open(loader, dir, missing, &why), E_NOT_FOUND);
	cr_assert(strstr(diag_text(why, 0, buf, sizeof buf), "plugin \"nosuch\" is asked for"));
	diag_free(&why);
	cr_assert_eq(loader_open(loader, dir, evil, NULL), E_BAD_VALUE);
	loader_start(loader, 0, NULL);
	cr_assert_str_eq(order, "one: start;");
}
