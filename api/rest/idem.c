/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rest/idem.h"

#include <gnutls/crypto.h>
#include <stdlib.h>

enum { HASH = 32 };

struct idem_entry {
	uint8_t id[HASH], what[HASH];
	uint64_t at_ms;
	unsigned status; /* 0: under way */
	bool used;
	char *body;
};

struct idem {
	pthread_mutex_t lock;
	struct idem_entry v[IDEM_ENTRIES];
};

struct idem *idem_new(void)
{
	struct idem *i = calloc(1, sizeof *i);
	if (i)
		pthread_mutex_init(&i->lock, NULL);
	return i;
}

static void forget(struct idem_entry *e)
{
	free(e->body);
	*e = (struct idem_entry){ 0 };
}

void idem_free(struct idem *i)
{
	if (!i)
		return;
	for (size_t n = 0; n < IDEM_ENTRIES; n++)
		forget(&i->v[n]);
	pthread_mutex_destroy(&i->lock);
	free(i);
}

static bool id_of(const char *who, const char *key, uint8_t out[HASH])
{
	gnutls_hash_hd_t h;
	if (gnutls_hash_init(&h, GNUTLS_DIG_SHA256))
		return false;
	/* The zero between keeps "a" and "bc" apart from "ab" and "c". */
	gnutls_hash(h, who, strlen(who) + 1);
	gnutls_hash(h, key, strlen(key));
	gnutls_hash_deinit(h, out);
	return true;
}

static enum idem_verdict known(const struct idem_entry *e, const uint8_t what[HASH], unsigned *status, char **body)
{
	if (memcmp(e->what, what, HASH))
		return IDEM_OTHER;
	if (!e->status)
		return IDEM_RUNNING;
	*status = e->status;
	*body = strdup(e->body ? e->body : "");
	return *body ? IDEM_AGAIN : IDEM_FULL;
}

enum idem_verdict idem_begin(struct idem *i, const char *who, const char *key, slice what, uint64_t now_ms,
			     struct idem_entry **entry, unsigned *status, char **body)
{
	uint8_t id[HASH], hash[HASH];
	struct idem_entry *room = NULL;
	enum idem_verdict v = IDEM_FIRST;
	if (!id_of(who, key, id) || gnutls_hash_fast(GNUTLS_DIG_SHA256, what.p, what.n, hash))
		return IDEM_FULL;
	pthread_mutex_lock(&i->lock);
	for (size_t n = 0; n < IDEM_ENTRIES && v == IDEM_FIRST; n++) {
		struct idem_entry *e = &i->v[n];
		if (e->used && e->status && now_ms - e->at_ms > IDEM_KEEP_S * UINT64_C(1000))
			forget(e);
		if (e->used && !memcmp(e->id, id, HASH))
			v = known(e, hash, status, body);
		/* A free place, else the oldest that is done. */
		else if (!e->used ? !room || room->used : e->status && (!room || (room->used && e->at_ms < room->at_ms)))
			room = e;
	}
	if (v == IDEM_FIRST && !room)
		v = IDEM_FULL;
	if (v == IDEM_FIRST) {
		forget(room);
		room->used = true;
		room->at_ms = now_ms;
		memcpy(room->id, id, HASH);
		memcpy(room->what, hash, HASH);
		*entry = room;
	}
	pthread_mutex_unlock(&i->lock);
	return v;
}

void idem_done(struct idem *i, struct idem_entry *e, unsigned status, const char *body)
{
	pthread_mutex_lock(&i->lock);
	if (status >= 500 || (body && strlen(body) > IDEM_BODY_MAX)) {
		forget(e);
	} else {
		e->body = body ? strdup(body) : NULL;
		e->status = status;
	}
	pthread_mutex_unlock(&i->lock);
}
