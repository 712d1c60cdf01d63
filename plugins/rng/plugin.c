/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rng: random bytes from a generator in the process that is seeded from the operating system and seeded again after a
 * number of bytes, after a time and after a fork. A state per thread, so nobody waits for a lock. See README.md.
 */
#include "plugins/crypto-common/common.h"
#include "plugins/rng/drbg.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { SEED = 96 /* entropy of 64 bytes and a nonce of 32 */, PIECE = 4096 };

static struct {
	const struct mac_ops *hmac;
	uint64_t reseed_bytes, reseed_s;
	pthread_key_t key;
	bool open;
} rng;

struct state {
	struct drbg d;
	uint64_t given, seeded_s;
	unsigned forks;
};

/* A child must not give out what its parent has. */
static _Atomic unsigned forks = 1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void forked(void)
{
	atomic_fetch_add(&forks, 1);
}

static void prepare(void)
{
	pthread_atfork(NULL, NULL, forked);
}

static void state_free(void *p)
{
	explicit_bzero(p, sizeof(struct state));
	free(p);
}

static uint64_t now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec;
}

/* Fresh entropy goes on top of the old state: a weak seed does not make a good state worse. */
static err_t seed(struct state *s, bool first)
{
	uint8_t entropy[SEED];
	err_t e = crypto_common_random(entropy, sizeof entropy);
	if (!e)
		e = first ? drbg_seed(&s->d, rng.hmac, slice_of(entropy, sizeof entropy)) :
			drbg_reseed(&s->d, rng.hmac, slice_of(entropy, sizeof entropy));
	explicit_bzero(entropy, sizeof entropy);
	s->given = 0;
	s->seeded_s = now_s();
	s->forks = atomic_load(&forks);
	return e;
}

static err_t state_of(struct state **out)
{
	struct state *s = pthread_getspecific(rng.key);
	bool first = !s;

	if (first) {
		s = calloc(1, sizeof *s);
		if (!s || pthread_setspecific(rng.key, s)) {
			free(s);
			return E_NOMEM;
		}
	}
	*out = s;
	if (first || s->given >= rng.reseed_bytes || s->forks != atomic_load(&forks) || now_s() - s->seeded_s >= rng.reseed_s)
		return seed(s, first);
	return 0;
}

static err_t fill(uint8_t *out, size_t n)
{
	struct state *s;
	err_t e = 0;

	for (size_t at = 0, piece; at < n && !e; at += piece) {
		piece = n - at < PIECE ? n - at : PIECE;
		e = state_of(&s);
		if (!e)
			e = drbg_fill(&s->d, rng.hmac, out + at, piece);
		if (!e)
			s->given += piece;
	}
	if (e)
		memset(out, 0, n);
	return e;
}

static const struct rng_ops ops = { .size = sizeof ops, .fill = fill };
static const struct plug_feat needs[] = { { PLUG_PRF, 7, 0 }, { 0, 0, 0 } };
static const struct plug_feat_row feats[] = {
	{ .is = { PLUG_RNG, 0, 0 }, .prio = 50, .needs = needs, .ops = &ops },
};
static const struct plug_conf_key conf[] = {
	{ "reseed_bytes", PLUG_CONF_INT, 1024, 1 << 30, "1048576", "Bytes that a thread gives out before it takes fresh entropy." },
	{ "reseed_time", PLUG_CONF_TIME_S, 1, 86400, "5m", "Seconds after which a thread takes fresh entropy, at its next request." },
	{ NULL, 0, 0, 0, NULL, NULL },
};

static uint64_t seconds_of(const char *s)
{
	char *end;
	uint64_t n = strtoull(s, &end, 10);
	return *end == 'm' ? n * 60 : *end == 'h' ? n * 3600 : *end == 'd' ? n * 86400 : n;
}

static void configure(const struct plug_host *host)
{
	rng.reseed_bytes = strtoull(host->conf(host->h, "reseed_bytes"), NULL, 10);
	rng.reseed_s = seconds_of(host->conf(host->h, "reseed_time"));
}

static err_t start(const struct plug_host *host, void **self)
{
	uint8_t probe[16];

	*self = NULL;
	pthread_once(&once, prepare);
	rng.hmac = host->find(host->h, PLUG_PRF, 7, 0);
	if (!rng.hmac)
		return E_NEEDS;
	if (pthread_key_create(&rng.key, state_free))
		return E_NOMEM;
	rng.open = true;
	configure(host);
	return fill(probe, sizeof probe);
}

static err_t reconfigure(void *self, const struct plug_host *host)
{
	(void)self;
	configure(host);
	return 0;
}

static void stop(void *self)
{
	(void)self;
	if (!rng.open)
		return;
	/* The loop's own; workers have ended, and theirs went with them. */
	struct state *s = pthread_getspecific(rng.key);
	if (s)
		state_free(s);
	pthread_key_delete(rng.key);
	rng.open = false;
}

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "rng",
	.version = "0.1.0",
	.summary = "random bytes from a generator that is seeded again and again from the operating system (HMAC_DRBG)",
	.feats = feats,
	.n_feats = ARRAY_LEN(feats),
	.conf = conf,
	.start = start,
	.reconfigure = reconfigure,
	.stop = stop,
};
