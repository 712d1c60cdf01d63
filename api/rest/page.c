/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rest/page.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static const struct {
	const char *ending, *type;
} types[] = { { ".html", "text/html; charset=utf-8" }, { ".js", "text/javascript; charset=utf-8" },
	      { ".css", "text/css; charset=utf-8" },   { ".svg", "image/svg+xml" } };

/* Nothing but what we serve ourselves runs, loads or frames; what a peer calls itself can do nothing even if it were put
 * into the page. */
static const char csp[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
			  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

struct page {
	char name[128];
	const char *type;
	char *bytes;
	size_t n;
	char etag[REST_ETAG];
};

struct pages {
	struct page v[PAGE_FILES];
	size_t n, bytes;
};

static const char *type_of(const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		size_t k = strlen(types[i].ending);
		if (n > k && !strcmp(name + n - k, types[i].ending))
			return types[i].type;
	}
	return NULL;
}

static err_t load(struct pages *p, const char *folder, const char *name, struct diag **why)
{
	char path[4096];
	struct page *g = &p->v[p->n];
	struct stat st;
	if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path || strlen(name) >= sizeof g->name)
		return diag_set(why, E_BAD_VALUE, "the name of the page %s is too long", name);
	FILE *f = fopen(path, "re");
	if (!f || fstat(fileno(f), &st) || !S_ISREG(st.st_mode) || st.st_size < 0 || (size_t)st.st_size > PAGE_BYTES - p->bytes) {
		err_t err = f ? diag_set(why, E_LIMIT, "the page %s is no file, or all pages together are too large", path) :
				diag_errno(why, E_IO, errno, "cannot read the page %s", path);
		if (f)
			fclose(f);
		return err;
	}
	g->n = (size_t)st.st_size;
	g->bytes = malloc(g->n + 1);
	bool ok = g->bytes && fread(g->bytes, 1, g->n, f) == g->n;
	fclose(f);
	if (!ok) {
		free(g->bytes);
		return diag_set(why, E_IO, "cannot read the page %s", path);
	}
	snprintf(g->name, sizeof g->name, "%s", name);
	g->type = type_of(name);
	rest_etag(g->bytes, g->n, g->etag);
	p->bytes += g->n;
	p->n++;
	return 0;
}

err_t pages_new(const char *folder, struct pages **out, struct diag **why)
{
	struct pages *p = calloc(1, sizeof *p);
	DIR *d = opendir(folder);
	err_t err = p ? 0 : E_NOMEM;
	for (const struct dirent *e; d && !err && (e = readdir(d));)
		if (e->d_name[0] != '.' && type_of(e->d_name))
			err = p->n == PAGE_FILES ? diag_set(why, E_LIMIT, "%s has more than %d pages", folder, PAGE_FILES) :
						   load(p, folder, e->d_name, why);
	if (d)
		closedir(d);
	if (err)
		pages_free(p);
	else
		*out = p;
	return err;
}

void pages_free(struct pages *p)
{
	for (size_t i = 0; p && i < p->n; i++)
		free(p->v[i].bytes);
	free(p);
}

size_t pages_count(const struct pages *p)
{
	return p->n;
}

static const struct page *page_of(const struct pages *p, const char *path)
{
	const char *name = !strcmp(path, "/") ? "index.html" : *path == '/' ? path + 1 : "";
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->v[i].name, name))
			return &p->v[i];
	return NULL;
}

bool pages_have(const struct pages *p, const char *path)
{
	return page_of(p, path) != NULL;
}

bool pages_serve(struct rest_req *q, const char *path)
{
	const struct page *g = page_of(q->r->pages, path);
	if (!g)
		return false;
	const char *known = rest_header(q, "If-None-Match");
	bool same = known && strstr(known, g->etag);
	struct MHD_Response *resp = MHD_create_response_from_buffer(same ? 0 : g->n, g->bytes, MHD_RESPMEM_PERSISTENT);
	if (resp) {
		MHD_add_response_header(resp, "Content-Type", g->type);
		MHD_add_response_header(resp, "Content-Security-Policy", csp);
		MHD_add_response_header(resp, "Cache-Control", "no-cache");
		MHD_add_response_header(resp, "Cross-Origin-Opener-Policy", "same-origin");
		MHD_add_response_header(resp, "ETag", g->etag);
	}
	rest_queue(q, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, resp);
	return true;
}
