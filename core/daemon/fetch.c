/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching by the PLUG_FETCH plugins, with a memory of what failed: an address that did not answer is not asked again for
 * half a minute, then for twice as long each time, up to ten minutes. So a server that is gone costs one wait, not one for each
 * peer.
 */
#include "daemon/creds.h"

#include "base/count.h"
#include "base/htab.h"

#include <stdio.h>
#include <stdlib.h>

enum { RUNNING_MAX = 256, FAILED_MAX = 1024, RETRY_FIRST_MS = 30000, RETRY_LAST_MS = 600000, URL_KEY_MAX = 255 };

static COUNTER(c_started, "fetch.started", "requests for CRLs, OCSP answers and certificates");
static COUNTER(c_failed, "fetch.failed", "of these, those that failed");
static COUNTER(c_spared, "fetch.spared", "requests not made because the address failed a moment ago");
static COUNTER(c_full, "fetch.full", "requests not made because too many were under way");

struct fetch {
	struct fetch *next;
	uint64_t token;
	const struct fetch_ops *ops;
	void *self;
	fetch_fn *cb;
	void *arg;
	char url[];
};

struct failed {
	struct failed *next;
	uint64_t retry_ms, wait_ms;
	char *why;
	char url[];
};

struct fetcher {
	struct daemon *d;
	struct fetch *running;
	unsigned n_running;
	uint64_t next_token;
	struct htab *by_url; /* of what failed */
	struct failed *failed;
	unsigned n_failed;
};

err_t fetcher_new(struct daemon *d, struct fetcher **out)
{
	struct fetcher *f = calloc(1, sizeof *f);
	uint8_t seed[16];

	if (!f)
		return E_NOMEM;
	f->d = d;
	f->next_token = 1;
	f->by_url = crypto_random(&d->crypto, seed, sizeof seed) ? NULL : htab_new(0, seed);
	if (!f->by_url) {
		free(f);
		return E_NOMEM;
	}
	*out = f;
	return 0;
}

static void failed_drop(struct fetcher *f, struct failed *x)
{
	struct failed **at = &f->failed;

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	htab_del(f->by_url, slice_str(x->url));
	f->n_failed--;
	free(x->why);
	free(x);
}

static struct failed *failed_of(const struct fetcher *f, const char *url)
{
	uint64_t v;

	/* Longer ones are no keys of the table and not remembered. */
	if (strlen(url) > URL_KEY_MAX)
		return NULL;
	return htab_find(f->by_url, slice_str(url), &v) ? (struct failed *)(uintptr_t)v : NULL;
}

void fetcher_free(struct fetcher *f)
{
	if (!f)
		return;
	while (f->failed)
		failed_drop(f, f->failed);
	while (f->running) {
		struct fetch *next = f->running->next;
		f->running->ops->cancel(f->running->self, f->running->token);
		free(f->running);
		f->running = next;
	}
	htab_free(f->by_url);
	free(f);
}

static void note_failed(struct fetcher *f, const char *url, const char *why)
{
	struct failed *x = failed_of(f, url);
	uint64_t now = loop_now_ms();

	count_inc(&c_failed);
	if (x) {
		x->wait_ms = x->wait_ms * 2 < RETRY_LAST_MS ? x->wait_ms * 2 : RETRY_LAST_MS;
		free(x->why);
	} else {
		/* The oldest stands last. */
		for (struct failed *last = f->failed; f->n_failed >= FAILED_MAX && last; last = f->failed) {
			while (last->next)
				last = last->next;
			failed_drop(f, last);
		}
		size_t n = strlen(url) + 1;
		x = calloc(1, sizeof *x + n);
		if (!x)
			return;
		memcpy(x->url, url, n);
		if (htab_add(f->by_url, slice_str(x->url), (uintptr_t)x)) {
			free(x);
			return;
		}
		x->wait_ms = RETRY_FIRST_MS;
		x->next = f->failed;
		f->failed = x;
		f->n_failed++;
	}
	x->why = strdup(why);
	x->retry_ms = now + x->wait_ms;
}

void fetcher_blame(struct fetcher *f, const char *url, const char *why)
{
	if (strlen(url) <= URL_KEY_MAX)
		note_failed(f, url, why);
}

static bool scheme_is(const struct fetch_ops *ops, const char *url)
{
	for (const char *const *s = ops->schemes; s && *s; s++) {
		size_t n = strlen(*s);
		if (strncasecmp(url, *s, n) == 0 && url[n] == ':')
			return true;
	}
	return false;
}

static const struct reg_feat *provider(const struct fetcher *f, const char *url)
{
	const struct reg_feat *p;
	size_t cursor = 0;

	while ((p = registry_each_feat(f->d->reg, PLUG_FETCH, &cursor)))
		if (p->offered && scheme_is(p->row->ops, url))
			return p;
	return NULL;
}

bool fetcher_has(const struct fetcher *f, const char *scheme)
{
	char url[32];

	snprintf(url, sizeof url, "%s:", scheme);
	return provider(f, url) != NULL;
}

void fetcher_text(char *out, size_t cap, const char *url, const char *why)
{
	bool has = strncmp(why, url, strlen(url)) == 0;

	snprintf(out, cap, "%.160s%s%.330s", has ? "" : url, has ? "" : ": ", why);
}

bool fetcher_failed(const struct fetcher *f, const char *url)
{
	return failed_of(f, url) != NULL;
}

bool fetcher_spares(const struct fetcher *f, const char *url, char *why, size_t cap)
{
	const struct failed *before = failed_of(f, url);
	uint64_t now = before ? loop_now_ms() : 0;

	if (!before || before->retry_ms <= now)
		return false;
	count_inc(&c_spared);
	if (why)
		snprintf(why, cap, "%s (asked again in %llu s)", before->why ? before->why : "it failed a moment ago",
			(unsigned long long)(before->retry_ms - now + 999) / 1000);
	return true;
}

err_t fetcher_get(struct fetcher *f, const struct fetch_req *req, fetch_fn *cb, void *arg, char *why, size_t cap)
{
	size_t n = strlen(req->url) + 1;

	if (!req->post.n && fetcher_spares(f, req->url, why, cap))
		return E_REFUSED;
	const struct reg_feat *p = provider(f, req->url);
	if (!p) {
		snprintf(why, cap, "nothing that is loaded fetches %.200s (plugin fetch-http does http, https and file)", req->url);
		return E_NOT_SUPPORTED;
	}
	struct fetch *x = f->n_running < RUNNING_MAX ? calloc(1, sizeof *x + n) : NULL;
	if (!x) {
		count_inc(&c_full);
		snprintf(why, cap, "too many requests are under way");
		return E_FULL;
	}
	*x = (struct fetch){ .next = f->running, .token = f->next_token++, .ops = p->row->ops, .self = p->plugin->self, .cb = cb,
		.arg = arg };
	memcpy(x->url, req->url, n);
	f->running = x;
	f->n_running++;
	count_inc(&c_started);
	err_t e = x->ops->get(x->self, req, x->token);
	if (e == E_AGAIN)
		return e;
	f->running = x->next;
	f->n_running--;
	free(x);
	snprintf(why, cap, "%.200s cannot be fetched: %s", req->url, err_text(e));
	note_failed(f, req->url, why);
	return e ? e : E_INTERNAL;
}

void fetcher_forget(struct fetcher *f, void *arg)
{
	for (struct fetch **at = &f->running, *x; (x = *at);) {
		if (x->arg != arg) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		f->n_running--;
		x->ops->cancel(x->self, x->token);
		free(x);
	}
}

void fetcher_done(struct fetcher *f, uint64_t token, err_t res, slice body, const char *why)
{
	struct fetch **at = &f->running, *x;
	char text[400];

	while (*at && (*at)->token != token)
		at = &(*at)->next;
	x = *at;
	if (!x)
		return;
	*at = x->next;
	f->n_running--;
	snprintf(text, sizeof text, "%s", why ? why : res ? err_text(res) : "");
	if (res)
		note_failed(f, x->url, text);
	else if (failed_of(f, x->url))
		failed_drop(f, failed_of(f, x->url));
	x->cb(x->arg, res, body, text);
	free(x);
}

void creds_fetch_done(void *arg, uint64_t token, err_t res, unsigned status, slice body, const char *why)
{
	struct daemon *d = arg;

	(void)status;
	if (d->creds)
		fetcher_done(d->creds->fetcher, token, res, body, why);
}
