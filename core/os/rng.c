/* SPDX-License-Identifier: Apache-2.0 */
#include "os/rng.h"
#include "base/secret.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/random.h>

enum { BUFFER = 1024 };

static _Thread_local struct {
	uint8_t b[BUFFER];
	size_t left; /* unused bytes, at the end */
	unsigned fork_count;
} mine;

static _Atomic(rng_source_fn *) source;

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

static err_t from_kernel(uint8_t *out, size_t n)
{
	while (n) {
		ssize_t got = getrandom(out, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return E_CRYPTO;
		out += got;
		n -= (size_t)got;
	}
	return 0;
}

void rng_use(rng_source_fn *fill)
{
	atomic_store(&source, fill);
}

err_t rng_fill(uint8_t *out, size_t n)
{
	rng_source_fn *other = atomic_load(&source);

	if (other && other(out, n))
		goto fail;
	if (other)
		return 0;
	pthread_once(&once, prepare);
	if (mine.fork_count != atomic_load(&forks)) {
		mine.left = 0;
		mine.fork_count = atomic_load(&forks);
	}
	if (n > BUFFER / 4)
		goto direct;
	if (mine.left < n) {
		if (from_kernel(mine.b, BUFFER))
			goto fail;
		mine.left = BUFFER;
	}
	uint8_t *from = mine.b + BUFFER - mine.left;
	memcpy(out, from, n);
	mem_wipe(from, n);
	mine.left -= n;
	return 0;
direct:
	if (from_kernel(out, n) == 0)
		return 0;
fail:
	memset(out, 0, n);
	return E_CRYPTO;
}

err_t rng_random(void *arg, uint8_t *out, size_t n)
{
	(void)arg;
	return rng_fill(out, n);
}
