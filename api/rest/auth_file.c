/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the callers, and the commands that change it. */
#include "api/rest/auth_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TOKEN_BYTES = 32, LINE = 512 };
static const char token_head[] = "adit_";
static const char *const kind_words[] = { [AUTH_TOKEN] = "token", [AUTH_CERT] = "cert" };

uint8_t auth_role(const char *word)
{
	for (uint8_t p = API_PERM_READ; p <= API_PERM_CONFIGURE; p++)
		if (!strcmp(word, api_perm_name(p)))
			return p;
	return API_PERM_NONE;
}

bool auth_name_ok(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	return n && !name[n] && n <= AUTH_NAME_MAX;
}

err_t auth_callers_add(struct auth_callers *l, const struct auth_caller *c)
{
	if (l->n == AUTH_CALLERS_MAX)
		return E_LIMIT;
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		struct auth_caller *v = reallocarray(l->v, cap, sizeof *v);
		if (!v)
			return E_NOMEM;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = *c;
	return 0;
}

void auth_callers_free(struct auth_callers *l)
{
	free(l->v);
	*l = (struct auth_callers){ 0 };
}

static bool unhex(const char *s, uint8_t out[AUTH_HASH])
{
	for (size_t i = 0; i < AUTH_HASH; i++) {
		unsigned v;
		char two[3] = { s[2 * i], s[2 * i] ? s[2 * i + 1] : 0, 0 };
		if (strspn(two, "0123456789abcdef") != 2 || sscanf(two, "%2x", &v) != 1)
			return false;
		out[i] = (uint8_t)v;
	}
	return !s[2 * AUTH_HASH];
}

static bool line_read(const char *line, struct auth_caller *out)
{
	char kind[8], name[AUTH_NAME_MAX + 2], role[12], hash[2 * AUTH_HASH + 2];
	*out = (struct auth_caller){ 0 };
	if (sscanf(line, "%7s %41s %11s %65s %" SCNu64 " %" SCNu64, kind, name, role, hash, &out->created_s, &out->expires_s) != 6)
		return false;
	for (uint8_t k = AUTH_TOKEN; k <= AUTH_CERT; k++)
		if (!strcmp(kind, kind_words[k]))
			out->kind = k;
	out->role = auth_role(role);
	memcpy(out->name, name, strnlen(name, AUTH_NAME_MAX));
	return out->kind && out->role && auth_name_ok(name) && unhex(hash, out->hash);
}

static err_t rows_read(FILE *f, const char *path, struct auth_callers *out, struct diag **why)
{
	char line[LINE];
	for (uint32_t n = 1; fgets(line, sizeof line, f); n++) {
		struct auth_caller c;
		if (line[0] == '#' || line[strspn(line, " \t\n")] == 0)
			continue;
		if (!line_read(line, &c))
			return diag_at(why, E_PARSE, path, n, 1, "expected: token|cert NAME ROLE HASH CREATED EXPIRES; use \"adit-rest token\"");
		err_t err = auth_callers_add(out, &c);
		if (err)
			return diag_at(why, err, path, n, 1, "a file may have %d callers", AUTH_CALLERS_MAX);
	}
	return ferror(f) ? diag_set(why, E_IO, "cannot read %s", path) : 0;
}

err_t auth_file_read(const char *path, struct auth_callers *out, struct diag **why)
{
	struct stat st;
	*out = (struct auth_callers){ 0 };
	FILE *f = fopen(path, "re");
	if (!f)
		return diag_errno(why, E_IO, errno, "cannot read the tokens in %s: the gateway's user has to be allowed to", path);
	err_t err = 0;
	if (!fstat(fileno(f), &st) && (st.st_mode & (S_IWGRP | S_IRWXO)))
		err = diag_set(why, E_PERM, "%s may be read or changed by others: chmod 640 %s", path, path);
	if (!err)
		err = rows_read(f, path, out, why);
	fclose(f);
	if (err)
		auth_callers_free(out);
	return err;
}

static err_t rows_write(const char *path, const struct auth_callers *l, struct diag **why)
{
	char tmp[4096];
	struct stat st;
	bool there = stat(path, &st) == 0;
	if (snprintf(tmp, sizeof tmp, "%s.new", path) >= (int)sizeof tmp)
		return diag_set(why, E_BAD_VALUE, "the path of the tokens is too long");
	unlink(tmp);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		err_t err = diag_errno(why, E_IO, errno, "cannot write %s", tmp);
		if (fd >= 0)
			close(fd);
		return err;
	}
	/* Owner and group stay as the administrator set them. */
	if (there && (fchown(fd, st.st_uid, st.st_gid) || fchmod(fd, st.st_mode & 0640)))
		there = false;
	for (size_t i = 0; i < l->n; i++) {
		const struct auth_caller *c = &l->v[i];
		fprintf(f, "%s %s %s ", kind_words[c->kind], c->name, api_perm_name(c->role));
		for (size_t j = 0; j < AUTH_HASH; j++)
			fprintf(f, "%02x", c->hash[j]);
		fprintf(f, " %" PRIu64 " %" PRIu64 "\n", c->created_s, c->expires_s);
	}
	bool bad = fflush(f) || fsync(fd);
	bad |= fclose(f) != 0;
	if (!bad && !rename(tmp, path))
		return 0;
	err_t err = diag_errno(why, E_IO, errno, "cannot write %s", path);
	unlink(tmp);
	return err;
}

/* The first token of a host may be the first file in its folder. */
static bool folder_make(const char *path)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');
	if (!slash || slash == path || (size_t)(slash - path) >= sizeof folder)
		return false;
	snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
	return !mkdir(folder, 0755);
}

/* Two commands at once must not lose what the other wrote. */
static err_t locked(const char *path, int *fd, struct auth_callers *l, struct diag **why)
{
	char lock[4096];
	*l = (struct auth_callers){ 0 };
	if (snprintf(lock, sizeof lock, "%s.lock", path) >= (int)sizeof lock)
		return diag_set(why, E_BAD_VALUE, "the path of the tokens is too long");
	*fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0 && errno == ENOENT && folder_make(path))
		*fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0 || flock(*fd, LOCK_EX)) {
		err_t err = diag_errno(why, E_IO, errno, "cannot lock %s", lock);
		if (*fd >= 0)
			close(*fd);
		return err;
	}
	err_t err = access(path, F_OK) ? 0 : auth_file_read(path, l, why);
	if (err)
		close(*fd);
	return err;
}

static err_t token_make(char *token)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t random[TOKEN_BYTES + 1] = { 0 };
	size_t at = sizeof token_head - 1;
	if (gnutls_rnd(GNUTLS_RND_KEY, random, TOKEN_BYTES))
		return E_CRYPTO;
	memcpy(token, token_head, at);
	for (size_t i = 0; i < TOKEN_BYTES * 8; i += 6) {
		unsigned two = (unsigned)random[i / 8] << 8 | random[i / 8 + 1];
		token[at++] = digits[two >> (10 - i % 8) & 63];
	}
	token[at] = 0;
	explicit_bzero(random, sizeof random);
	return 0;
}

err_t auth_add(const char *path, const char *name, uint8_t role, uint64_t expires_s, slice der, char *token, struct diag **why)
{
	struct auth_caller c = { .kind = der.n ? AUTH_CERT : AUTH_TOKEN, .role = role, .created_s = (uint64_t)time(NULL),
				 .expires_s = expires_s };
	struct auth_callers l;
	int fd;
	if (!auth_name_ok(name))
		return diag_set(why, E_BAD_VALUE, "a name has 1 to %d letters, digits, dots, _ or -", AUTH_NAME_MAX);
	err_t err = locked(path, &fd, &l, why);
	if (err)
		return err;
	memcpy(c.name, name, strlen(name));
	for (size_t i = 0; !err && i < l.n; i++)
		if (!strcmp(l.v[i].name, name))
			err = diag_set(why, E_EXISTS, "there is already a caller '%s': revoke it first", name);
	if (!err && !der.n)
		err = token_make(token);
	if (!err && gnutls_hash_fast(GNUTLS_DIG_SHA256, der.n ? (const void *)der.p : token, der.n ? der.n : strlen(token), c.hash))
		err = E_CRYPTO;
	if (!err && auth_callers_add(&l, &c))
		err = diag_set(why, E_LIMIT, "a file may have %d callers", AUTH_CALLERS_MAX);
	if (!err)
		err = rows_write(path, &l, why);
	auth_callers_free(&l);
	close(fd);
	return err;
}

err_t auth_share(const char *path, const char *user, struct diag **why)
{
	static const char usual[] = "adit-rest";
	const struct passwd *p = geteuid() ? NULL : getpwnam(user ? user : usual);
	struct stat st;
	/* A group that the administrator chose stays. */
	if (!p || stat(path, &st) || st.st_gid)
		return 0;
	return !lchown(path, (uid_t)-1, p->pw_gid) ? 0 : diag_errno(why, E_IO, errno, "cannot let the user '%s' read %s", p->pw_name, path);
}

err_t auth_revoke(const char *path, const char *name, struct diag **why)
{
	struct auth_callers l;
	size_t kept = 0;
	int fd;
	err_t err = locked(path, &fd, &l, why);
	if (err)
		return err;
	for (size_t i = 0; i < l.n; i++)
		if (strcmp(l.v[i].name, name))
			l.v[kept++] = l.v[i];
	if (kept == l.n) {
		err = diag_set(why, E_NOT_FOUND, "there is no caller '%s'; \"adit-rest token list\" shows them", name);
	} else {
		l.n = kept;
		err = rows_write(path, &l, why);
	}
	auth_callers_free(&l);
	close(fd);
	return err;
}

static void when(uint64_t s, const char *none, char buf[32])
{
	time_t t = (time_t)s;
	struct tm tm;
	if (!s || !gmtime_r(&t, &tm) || !strftime(buf, 32, "%Y-%m-%d %H:%M", &tm))
		snprintf(buf, 32, "%s", none);
}

err_t auth_list(const char *path, struct diag **why)
{
	struct auth_callers l;
	err_t err = auth_file_read(path, &l, why);
	if (err)
		return err;
	printf("%-24s %-6s %-10s %-17s %s\n", "NAME", "BY", "ROLE", "CREATED (UTC)", "EXPIRES (UTC)");
	for (size_t i = 0; i < l.n; i++) {
		char created[32], expires[32];
		when(l.v[i].created_s, "", created);
		when(l.v[i].expires_s, "never", expires);
		printf("%-24s %-6s %-10s %-17s %s\n", l.v[i].name, kind_words[l.v[i].kind], api_perm_name(l.v[i].role), created, expires);
	}
	auth_callers_free(&l);
	return 0;
}
