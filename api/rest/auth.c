/* SPDX-License-Identifier: Apache-2.0 */
/* The callers of the gateway: reading the file, comparing. */
#include "api/rest/auth_file.h"

#include "base/count.h"
#include "base/secret.h"

#include <gnutls/crypto.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

static COUNTER(c_right, "rest.auth.right", "requests of known callers");
static COUNTER(c_wrong, "rest.auth.wrong", "requests with a token or certificate that is not known");

struct auth {
	char *path;
	pthread_mutex_t lock;
	struct auth_callers callers;
	struct timespec mtime;
	off_t size;
	ino_t ino;
	bool missing, wrong;
};

static void reread(struct auth *a, struct diag **why)
{
	struct stat st;
	bool missing = stat(a->path, &st) != 0;
	if (missing == a->missing && (missing || (st.st_mtim.tv_sec == a->mtime.tv_sec && st.st_mtim.tv_nsec == a->mtime.tv_nsec &&
						  st.st_size == a->size && st.st_ino == a->ino)))
		return;
	struct auth_callers now = { 0 };
	a->missing = missing;
	a->wrong = false;
	if (!missing) {
		a->mtime = st.st_mtim;
		a->size = st.st_size;
		a->ino = st.st_ino;
		/* What cannot be read as a whole lets nobody in: half a list could hold one that was revoked. */
		a->wrong = auth_file_read(a->path, &now, why) != 0;
	}
	auth_callers_free(&a->callers);
	a->callers = now;
}

err_t auth_new(const char *path, struct auth **out, struct diag **why)
{
	struct auth *a = calloc(1, sizeof *a);
	struct diag *said = NULL;
	if (!a)
		return E_NOMEM;
	pthread_mutex_init(&a->lock, NULL);
	a->path = strdup(path);
	a->missing = true;
	if (a->path)
		reread(a, &said);
	if (!a->path || a->wrong) {
		err_t err = a->path && said ? said->code : E_NOMEM;
		auth_free(a);
		if (why)
			*why = said;
		else
			diag_free(&said);
		return err;
	}
	*out = a;
	return 0;
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	auth_callers_free(&a->callers);
	pthread_mutex_destroy(&a->lock);
	free(a->path);
	free(a);
}

/* Goes over all rows and compares every one, so that time tells nothing. */
static bool find(struct auth *a, enum auth_kind kind, const uint8_t hash[AUTH_HASH], struct principal *out, struct diag **why)
{
	uint64_t now = (uint64_t)time(NULL);
	bool found = false;
	pthread_mutex_lock(&a->lock);
	reread(a, why);
	for (size_t i = 0; i < a->callers.n; i++) {
		const struct auth_caller *c = &a->callers.v[i];
		bool same = mem_equal_ct(c->hash, hash, AUTH_HASH);
		if (same && c->kind == kind && (!c->expires_s || now < c->expires_s)) {
			memcpy(out->name, c->name, sizeof c->name);
			memcpy(out->hash, hash, AUTH_HASH);
			out->kind = c->kind;
			out->role = c->role;
			found = true;
		}
	}
	pthread_mutex_unlock(&a->lock);
	return found;
}

static bool by_hash(struct auth *a, enum auth_kind kind, slice of, struct principal *out, struct diag **why)
{
	uint8_t hash[AUTH_HASH];
	*out = (struct principal){ 0 };
	bool found = gnutls_hash_fast(GNUTLS_DIG_SHA256, of.p, of.n, hash) == 0 && find(a, kind, hash, out, why);
	count_inc(found ? &c_right : &c_wrong);
	return found;
}

bool auth_token(struct auth *a, const char *token, struct principal *out, struct diag **why)
{
	return by_hash(a, AUTH_TOKEN, slice_str(token), out, why);
}

bool auth_cert(struct auth *a, slice der, struct principal *out, struct diag **why)
{
	return by_hash(a, AUTH_CERT, der, out, why);
}

bool auth_holds(struct auth *a, const struct principal *who)
{
	struct principal now = { 0 };
	return find(a, who->kind, who->hash, &now, NULL) && now.role == who->role;
}
