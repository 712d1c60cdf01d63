/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the REST gateway without HTTP: who may, how often, what is remembered, which path is which resource. */
#include "api/rest/auth.h"
#include "api/rest/idem.h"
#include "api/rest/limit.h"
#include "api/rest/route.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- answers that are remembered ---- */

static enum idem_verdict idem_ask(struct idem *i, const char *who, const char *key, const char *what, uint64_t now_ms, struct idem_entry **e)
{
	unsigned status = 0;
	char *body = NULL;
	enum idem_verdict v = idem_begin(i, who, key, slice_str(what), now_ms, e, &status, &body);
	if (v == IDEM_AGAIN) {
		cr_expect_eq(status, 200);
		cr_expect_str_eq(body, "{\"n\":1}");
	}
	free(body);
	return v;
}

Test(rest, a_repetition_has_the_first_answer)
{
	struct idem *i = idem_new();
	struct idem_entry *e = NULL, *other = NULL;
	cr_assert_eq(idem_ask(i, "a", "k", "POST /x {}", 0, &e), IDEM_FIRST);
	cr_expect_eq(idem_ask(i, "a", "k", "POST /x {}", 1, &other), IDEM_RUNNING);
	cr_expect_eq(idem_ask(i, "a", "k", "POST /y {}", 1, &other), IDEM_OTHER, "also while it runs");
	idem_done(i, e, 200, "{\"n\":1}");
	cr_expect_eq(idem_ask(i, "a", "k", "POST /x {}", 2, &other), IDEM_AGAIN);
	cr_expect_eq(idem_ask(i, "a", "k", "POST /x {} ", 2, &other), IDEM_OTHER);
	cr_expect_eq(idem_ask(i, "b", "k", "POST /x {}", 2, &other), IDEM_FIRST, "keys of others are others");
	cr_expect_eq(idem_ask(i, "", "ak", "POST /x {}", 2, &other), IDEM_FIRST, "nor do name and key run together");
	cr_expect_eq(idem_ask(i, "a", "k", "POST /x {}", IDEM_KEEP_S * UINT64_C(1000) + 1, &other), IDEM_FIRST, "not for ever");
	idem_free(i);
}

Test(rest, what_failed_may_be_tried_again)
{
	struct idem *i = idem_new();
	struct idem_entry *e = NULL;
	char *large = malloc(IDEM_BODY_MAX + 2);
	memset(large, 'x', IDEM_BODY_MAX + 1);
	large[IDEM_BODY_MAX + 1] = 0;
	cr_assert_eq(idem_ask(i, "a", "k", "x", 0, &e), IDEM_FIRST);
	idem_done(i, e, 503, "{}");
	cr_assert_eq(idem_ask(i, "a", "k", "x", 1, &e), IDEM_FIRST);
	idem_done(i, e, 200, large);
	cr_expect_eq(idem_ask(i, "a", "k", "x", 2, &e), IDEM_FIRST, "an answer that is too large is not kept");
	free(large);
	idem_free(i);
}

Test(rest, remembered_answers_are_bounded)
{
	struct idem *i = idem_new();
	struct idem_entry *e[IDEM_ENTRIES], *more = NULL;
	char key[16];
	for (int n = 0; n < IDEM_ENTRIES; n++) {
		snprintf(key, sizeof key, "%d", n);
		cr_assert_eq(idem_ask(i, "a", key, "x", (uint64_t)n, &e[n]), IDEM_FIRST);
	}
	cr_expect_eq(idem_ask(i, "a", "more", "x", 1000, &more), IDEM_FULL, "what runs makes no room");
	for (int n = 0; n < IDEM_ENTRIES; n++)
		idem_done(i, e[n], 200, "{\"n\":1}");
	cr_expect_eq(idem_ask(i, "a", "more", "x", 1000, &more), IDEM_FIRST);
	cr_expect_eq(idem_ask(i, "a", "1", "x", 1001, &more), IDEM_AGAIN, "the second oldest is there");
	cr_expect_eq(idem_ask(i, "a", "0", "x", 1001, &more), IDEM_FIRST, "the oldest made room");
	idem_free(i);
}

/* ---- how often ---- */

Test(rest, a_burst_then_the_rate)
{
	struct limiter *l = limiter_new(2000, 5); /* two a second */
	for (int i = 0; i < 5; i++)
		cr_assert_eq(limiter_take(l, "a", true, 1000), 0);
	cr_expect_eq(limiter_take(l, "a", true, 1000), 1, "seconds to wait");
	cr_expect_eq(limiter_take(l, "b", true, 1000), 0, "another one has a bucket of his own");
	cr_expect_eq(limiter_take(l, "a", true, 1499), 1);
	cr_expect_eq(limiter_take(l, "a", false, 1500), 0, "a look takes nothing");
	cr_expect_eq(limiter_take(l, "a", true, 1500), 0);
	cr_expect_eq(limiter_take(l, "a", true, 1500), 1);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(limiter_take(l, "a", true, UINT64_MAX / 2), 0, "a long pause fills it, and no more");
	cr_expect_eq(limiter_take(l, "a", true, UINT64_MAX / 2), 1);
	limiter_free(l);
	l = limiter_new(0, 1);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(limiter_take(l, "a", true, 0), 0, "0: no limit");
	limiter_free(l);
}

Test(rest, many_clients_are_a_bounded_number)
{
	struct limiter *l = limiter_new(1, 1);
	char key[128];
	cr_assert_eq(limiter_take(l, "first", true, 1), 0);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(key, sizeof key, "@2001:db8:%x::", i);
		cr_assert_eq(limiter_take(l, key, true, 2 + i), 0);
		cr_assert_gt(limiter_take(l, key, true, 2 + i), 0);
	}
	memset(key, 'k', sizeof key - 1);
	key[sizeof key - 1] = 0;
	cr_expect_eq(limiter_take(l, key, true, 9000), 0, "a long key is cut, not overrun");
	cr_expect_gt(limiter_take(l, key, true, 9000), 0);
	limiter_free(l);
}

/* ---- who may ---- */

static char folder[] = "/tmp/adit-test-rest-XXXXXX", file[64];

static void folder_make(void)
{
	cr_assert(mkdtemp(folder));
	snprintf(file, sizeof file, "%s/tokens", folder);
}

static void folder_drop(void)
{
	char lock[80];
	snprintf(lock, sizeof lock, "%s.lock", file);
	unlink(file);
	unlink(lock);
	rmdir(folder);
}

static void put(const char *text, mode_t mode)
{
	FILE *f = fopen(file, "w");
	cr_assert(f);
	fputs(text, f);
	fclose(f);
	chmod(file, mode);
}

Test(rest, tokens, .init = folder_make, .fini = folder_drop)
{
	char look[AUTH_TOKEN_TEXT], act[AUTH_TOKEN_TEXT], old[AUTH_TOKEN_TEXT];
	struct auth *a = NULL;
	struct principal p, kept;
	struct diag *why = NULL;
	cr_assert_eq(auth_new(file, &a, NULL), 0, "no file: nobody may");
	cr_expect_not(auth_token(a, "", &p, NULL));
	cr_assert_eq(auth_add(file, "look", API_PERM_READ, 0, SLICE_NONE, look, NULL), 0);
	cr_assert_eq(auth_add(file, "act", API_PERM_OPERATE, (uint64_t)time(NULL) + 3600, SLICE_NONE, act, NULL), 0);
	cr_assert_eq(auth_add(file, "old", API_PERM_CONFIGURE, 1, SLICE_NONE, old, NULL), 0);
	cr_expect_str_neq(look, act);
	cr_assert(auth_token(a, look, &p, NULL), "the file is read again by itself");
	cr_expect_str_eq(p.name, "look");
	cr_expect_eq(p.role, API_PERM_READ);
	cr_expect(auth_holds(a, &p));
	kept = p;
	cr_assert(auth_token(a, act, &p, NULL));
	cr_expect_eq(p.role, API_PERM_OPERATE);
	cr_expect_not(auth_token(a, old, &p, NULL), "it is over");
	cr_expect_eq(p.role, API_PERM_NONE, "and nothing is left of the caller before");
	cr_expect_not(auth_cert(a, slice_str(look), &p, NULL), "a token is no certificate");
	look[10] ^= 1;
	cr_expect_not(auth_token(a, look, &p, NULL));
	cr_expect_eq(auth_add(file, "act", API_PERM_READ, 0, SLICE_NONE, old, &why), E_EXISTS);
	diag_free(&why);
	cr_expect_eq(auth_add(file, "a b", API_PERM_READ, 0, SLICE_NONE, old, &why), E_BAD_VALUE);
	diag_free(&why);
	cr_assert_eq(auth_revoke(file, "look", NULL), 0);
	cr_expect_not(auth_holds(a, &kept), "revoked");
	cr_expect_eq(auth_revoke(file, "look", &why), E_NOT_FOUND);
	diag_free(&why);
	auth_free(a);
	char deep[96], at[80];
	snprintf(at, sizeof at, "%s/new", folder);
	snprintf(deep, sizeof deep, "%s/tokens", at);
	cr_expect_eq(auth_add(deep, "me", API_PERM_READ, 0, SLICE_NONE, look, NULL), 0, "the folder is made");
	unlink(deep);
	snprintf(deep, sizeof deep, "%s/tokens.lock", at);
	unlink(deep);
	rmdir(at);
}

Test(rest, a_file_that_is_wrong_lets_nobody_in, .init = folder_make, .fini = folder_drop)
{
	static const char line[] = "token me read 0000000000000000000000000000000000000000000000000000000000000000 1 0\n";
	static const char *const wrong[] = {
		"token me root 0000000000000000000000000000000000000000000000000000000000000000 1 0\n",
		"token me read 00 1 0\n", "key me read 0000000000000000000000000000000000000000000000000000000000000000 1 0\n", "nonsense\n",
		"token me read 000000000000000000000000000000000000000000000000000000000000000g 1 0\n" };
	char token[AUTH_TOKEN_TEXT];
	struct auth *a = NULL;
	struct principal p;
	struct diag *why = NULL;
	cr_assert_eq(auth_add(file, "me", API_PERM_READ, 0, SLICE_NONE, token, NULL), 0);
	cr_assert_eq(auth_new(file, &a, NULL), 0);
	cr_assert(auth_token(a, token, &p, NULL));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		put(wrong[i], 0640);
		cr_expect_not(auth_token(a, token, &p, &why), "row %zu", i);
		cr_expect(why, "row %zu", i);
		diag_free(&why);
	}
	put(line, 0644);
	cr_expect_not(auth_token(a, token, &p, &why));
	cr_expect(why && why->code == E_PERM, "others may read it");
	diag_free(&why);
	auth_free(a);
	cr_expect_eq(auth_new(file, &a, &why), E_PERM, "nor does the gateway start with it");
	diag_free(&why);
}

/* ---- which resource ---- */

Test(rest, routes)
{
	struct rest_path p;
	bool known;
	const struct rest_route *r = rest_route_find("GET", "/api/v1/connections/a%2Fb/children/c", &p, &known);
	cr_assert(r && p.n == 2);
	cr_expect_str_eq(p.param[0], "a/b");
	cr_expect_str_eq(p.param[1], "c");
	cr_expect_eq(rest_route_find("HEAD", "/api/v1/sas", &p, &known), rest_route_find("GET", "/api/v1/s%61s", &p, &known));
	cr_expect_not(rest_route_find("POST", "/api/v1/sas", &p, &known));
	cr_expect(known, "another verb has it");
	static const char *const none[] = { "", "/", "/api/v1", "/api/v1/", "/api/v1/sas/", "/api/v1//sas", "api/v1/sas", "/api/v1/connections/",
					    "/api/v1/connections/%", "/api/v1/connections/%0", "/api/v1/connections/%00", "/api/v1/connections/a%zz",
					    "/api/v1/connections/%ff", "/api/v1/connections/%c0%af", "/api/v1/connections/%ed%a0%80", "/API/v1/sas" };
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		cr_expect_not(rest_route_find("GET", none[i], &p, &known), "%s", none[i]);
		cr_expect_not(known, "%s", none[i]);
	}
	char large[REST_PATH_MAX + 64];
	snprintf(large, sizeof large, "/api/v1/connections/%0*d", REST_PATH_MAX, 1);
	cr_expect_not(rest_route_find("GET", large, &p, &known));
}

Test(rest, the_role_of_a_route_is_that_of_its_method)
{
	size_t open = 0;
	for (size_t i = 0; i < rest_n_routes; i++) {
		const struct rest_route *r = &rest_routes[i];
		int m = r->method ? api_method_find(slice_str(r->method)) : -1;
		cr_expect(r->method ? m >= 0 : r->run != NULL, "%s", r->path);
		if (m >= 0)
			cr_expect_eq(r->role, api_methods[m].perm, "%s %s", r->verb, r->path);
		else if (r->role == API_PERM_NONE)
			open++;
		/* What changes something is for nobody who may only look. */
		if (strcmp(r->verb, "GET"))
			cr_expect_gt(r->role, API_PERM_READ, "%s %s", r->verb, r->path);
	}
	cr_expect_eq(open, 3, "health, readiness and the document are open to everyone, and nothing else");
}
