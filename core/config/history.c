/* SPDX-License-Identifier: Apache-2.0 */
#include "config/history.h"

#include "config/pack.h"
#include "config/parse.h"
#include "config/write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- in memory --------------------------------------------------------------------------------------------------- */

struct conf_snap *conf_snap_of(const struct conf_store *s)
{
	struct conf_snap *snap = calloc(1, sizeof *snap);
	uint64_t cursor = 0;

	if (!snap)
		return NULL;
	atomic_init(&snap->refs, 1);
	snap->conns = calloc(conf_store_count(s) + 1, sizeof *snap->conns);
	snap->secrets = conf_secrets_share(conf_store_secrets((struct conf_store *)s));
	if (!snap->conns || !snap->secrets || conf_pack(conf_store_rest(s), &snap->rest)) {
		conf_snap_unref(&snap);
		return NULL;
	}
	for (struct conf_conn *c; (c = conf_store_next(s, &cursor));)
		snap->conns[snap->n_conns++] = conf_conn_ref(c);
	return snap;
}

struct conf_snap *conf_snap_ref(struct conf_snap *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void conf_snap_unref(struct conf_snap **ref)
{
	struct conf_snap *s = *ref;

	*ref = NULL;
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < s->n_conns; i++)
		conf_conn_unref(&s->conns[i]);
	free(s->conns);
	conf_secrets_free(s->secrets);
	conf_packed_fini(&s->rest);
	free(s);
}

bool conf_snap_is_now(const struct conf_snap *snap, const struct conf_store *s)
{
	uint64_t cursor = 0;
	size_t i = 0;

	if (snap->n_conns != conf_store_count(s) ||
	    !conf_secrets_shared(snap->secrets, conf_store_secrets((struct conf_store *)s)))
		return false;
	for (struct conf_conn *c; (c = conf_store_next(s, &cursor)); i++)
		if (snap->conns[i] != c)
			return false;
	return true;
}

struct conf_rev *conf_history_add(struct conf_history *h, struct conf_rev *r, uint64_t *gone)
{
	*gone = 0;
	if (h->n == CONF_REVS_MAX) {
		struct conf_rev *old = &h->revs[0];
		*gone = old->number;
		free(old->who);
		free(old->comment);
		conf_snap_unref(&old->snap);
		memmove(h->revs, h->revs + 1, --h->n * sizeof h->revs[0]);
	}
	r->number = ++h->last;
	h->revs[h->n] = *r;
	return &h->revs[h->n++];
}

struct conf_rev *conf_history_find(struct conf_history *h, uint64_t number)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->revs[i].number == number)
			return &h->revs[i];
	return NULL;
}

/* ---- on disk ----------------------------------------------------------------------------------------------------- */

static const char head[] = "# adit revision ";

static void path_of(const char *dir, uint64_t number, const char *tail, char *buf, size_t cap)
{
	snprintf(buf, cap, "%s/%010" PRIu64 ".conf%s", dir, number, tail);
}

static void write_conns(FILE *f, const struct conf_snap *snap, bool *failed)
{
	if (!snap->n_conns)
		return;
	fputs("connections {\n", f);
	for (size_t i = 0; i < snap->n_conns; i++) {
		const struct conf_conn *c = snap->conns[i];
		struct conf_node *root = conf_node_section(NULL, ""), *at = root ? conf_node_section(root, c->name) : NULL;
		char *text = at && !conf_unpack(slice_of(c->source, c->source_n), at) ?
			conf_write(root, NULL, 0, 1, NULL) : NULL;
		if (text)
			fputs(text, f);
		*failed = *failed || !text;
		free(text);
		conf_node_free(&root);
	}
	fputs("}\n", f);
}

static void write_rest(FILE *f, const struct conf_snap *snap, bool *failed)
{
	struct conf_node *root = conf_node_section(NULL, "");
	char *text = root && !conf_unpack(slice_of(snap->rest.p, snap->rest.n), root) ?
		conf_write(root, &conf_schema_root, CONF_WRITE_DROP, 0, NULL) : NULL;

	if (text)
		fputs(text, f);
	*failed = *failed || !text;
	free(text);
	conf_node_free(&root);
}

static void write_all(FILE *f, const struct conf_rev *r, bool *failed)
{
	fprintf(f, "%s%" PRIu64 "\n# time %" PRIu64 "\n# who %s\n", head, r->number, r->time_s, r->who ? r->who : "");
	fprintf(f, "# comment %s\n# changes %u %u %u %u\n", r->comment ? r->comment : "", r->added, r->changed, r->removed,
		(unsigned)r->confirmed);
	write_conns(f, r->snap, failed);
	write_rest(f, r->snap, failed);
}

err_t conf_rev_write(const char *dir, const struct conf_rev *r, struct diag **why)
{
	char path[4096], tmp[4096];
	bool failed = false;

	path_of(dir, r->number, "", path, sizeof path);
	path_of(dir, r->number, ".new", tmp, sizeof tmp);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f) {
		int e = errno;
		if (fd >= 0)
			close(fd);
		return diag_errno(why, E_IO, e, "cannot write the revision to %s", tmp);
	}
	write_all(f, r, &failed);
	failed = fflush(f) || ferror(f) || fsync(fd) || failed;
	int e = errno;
	failed = fclose(f) || failed;
	if (!failed && rename(tmp, path) == 0)
		return 0;
	e = failed ? e : errno;
	unlink(tmp);
	return diag_errno(why, E_IO, e, "cannot write the revision to %s", path);
}

void conf_rev_remove(const char *dir, uint64_t number)
{
	char path[4096];

	path_of(dir, number, "", path, sizeof path);
	unlink(path);
}

/* The rest of a line "# word …"; NULL: another line. */
static const char *line_of(const char *line, const char *word)
{
	size_t n = strlen(word);

	return strncmp(line, "# ", 2) == 0 && strncmp(line + 2, word, n) == 0 && line[2 + n] == ' ' ? line + 3 + n : NULL;
}

static bool read_head(const char *path, struct conf_rev *r)
{
	char line[1024];
	const char *v;
	FILE *f = fopen(path, "re");
	bool ours = f && fgets(line, sizeof line, f) && strncmp(line, head, sizeof head - 1) == 0;

	while (ours && fgets(line, sizeof line, f) && line[0] == '#') {
		unsigned ok;
		line[strcspn(line, "\n")] = 0;
		if ((v = line_of(line, "time")))
			r->time_s = strtoull(v, NULL, 10);
		else if ((v = line_of(line, "who")) && !r->who)
			r->who = strdup(v);
		else if ((v = line_of(line, "comment")) && !r->comment && *v)
			r->comment = strdup(v);
		else if ((v = line_of(line, "changes")) && sscanf(v, "%u %u %u %u", &r->added, &r->changed, &r->removed, &ok) == 4)
			r->confirmed = ok;
	}
	if (f)
		fclose(f);
	return ours;
}

static int is_rev(const struct dirent *d)
{
	return strspn(d->d_name, "0123456789") >= 10 && strcmp(d->d_name + strspn(d->d_name, "0123456789"), ".conf") == 0;
}

static void scan(struct conf_history *h)
{
	struct dirent **v;
	int n = scandir(h->dir, &v, is_rev, alphasort);

	for (int i = 0; i < n; i++) {
		char path[4096];
		struct conf_rev r = { .number = strtoull(v[i]->d_name, NULL, 10) };
		snprintf(path, sizeof path, "%s/%s", h->dir, v[i]->d_name);
		if (n - i > CONF_REVS_MAX)
			unlink(path);
		else if (r.number && read_head(path, &r))
			h->revs[h->n++] = r;
		if (r.number > h->last)
			h->last = r.number;
		free(v[i]);
	}
	if (n >= 0)
		free(v);
}

err_t conf_history_open(struct conf_history *h, const char *dir, struct diag **why)
{
	*h = (struct conf_history){ .lock_fd = -1 };
	if (!dir)
		return 0;
	if (mkdir(dir, 0700) && errno != EEXIST)
		return diag_errno(why, errno == EACCES ? E_PERM : E_IO, errno, "cannot make the folder %s for the history of "
			"the configuration", dir);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return diag_errno(why, E_IO, errno, "cannot open the folder %s of the history", dir);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return diag_set(why, E_EXISTS, "another daemon keeps its history in %s: give this one a folder of its own "
			"with aditd.state_dir", dir);
	}
	(void)!fchmod(fd, 0700);
	h->dir = strdup(dir);
	if (!h->dir) {
		close(fd);
		return E_NOMEM;
	}
	h->lock_fd = fd;
	scan(h);
	return 0;
}

void conf_history_close(struct conf_history *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->revs[i].who);
		free(h->revs[i].comment);
		conf_snap_unref(&h->revs[i].snap);
	}
	if (h->lock_fd >= 0)
		close(h->lock_fd);
	free(h->dir);
	*h = (struct conf_history){ .lock_fd = -1 };
}

err_t conf_rev_read(const struct conf_history *h, uint64_t number, struct conf_node **out, struct diag **why)
{
	char path[4096];

	*out = NULL;
	if (!h->dir)
		return diag_set(why, E_NOT_FOUND, "there is no revision %" PRIu64, number);
	path_of(h->dir, number, "", path, sizeof path);
	return conf_parse_file(path, NULL, out, why);
}
