/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rest/limit.h"

#include <pthread.h>
#include <stdlib.h>

enum { ROWS = 1024, KEY = 80, ONE = 1000000 };

struct row {
	char key[KEY]; /* "" unused */
	uint64_t level; /* millionths of a request */
	uint64_t at_ms;
};

struct limiter {
	pthread_mutex_t lock;
	uint64_t milli_per_s, burst;
	struct row row[ROWS];
};

struct limiter *limiter_new(uint32_t milli_per_s, uint32_t burst)
{
	struct limiter *l = calloc(1, sizeof *l);
	if (l) {
		pthread_mutex_init(&l->lock, NULL);
		l->milli_per_s = milli_per_s;
		l->burst = burst ? burst : 1;
	}
	return l;
}

void limiter_free(struct limiter *l)
{
	if (l)
		pthread_mutex_destroy(&l->lock);
	free(l);
}

static struct row *row_of(struct limiter *l, const char *key)
{
	struct row *oldest = &l->row[0];
	for (size_t i = 0; i < ROWS; i++) {
		struct row *r = &l->row[i];
		if (!r->key[0] || !strncmp(r->key, key, KEY - 1))
			return r;
		if (r->at_ms < oldest->at_ms)
			oldest = r;
	}
	oldest->key[0] = 0;
	return oldest;
}

unsigned limiter_take(struct limiter *l, const char *key, bool take, uint64_t now_ms)
{
	unsigned wait_s = 0;
	if (!l->milli_per_s)
		return 0;
	pthread_mutex_lock(&l->lock);
	struct row *r = row_of(l, key);
	if (!r->key[0]) {
		*r = (struct row){ .level = l->burst * ONE, .at_ms = now_ms };
		memcpy(r->key, key, strnlen(key, KEY - 1));
	}
	uint64_t gone_ms = now_ms > r->at_ms ? now_ms - r->at_ms : 0, full = l->burst * ONE;
	r->level = gone_ms > full / l->milli_per_s ? full : r->level + gone_ms * l->milli_per_s;
	r->level = r->level > full ? full : r->level;
	r->at_ms = now_ms;
	if (r->level < ONE)
		wait_s = (unsigned)((ONE - r->level) / (l->milli_per_s * 1000)) + 1;
	else if (take)
		r->level -= ONE;
	pthread_mutex_unlock(&l->lock);
	return wait_s;
}
