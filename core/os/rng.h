/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random bytes for keys, nonces, SPIs and seeds: the kernel's generator, fetched in larger pieces per thread; what was
 * handed out is wiped from the buffer at once. Or another source that rng_use() named. Safe after fork. Any thread; waits only before the kernel's generator
 * is seeded for the first time after boot.
 */
#ifndef ADIT_OS_RNG_H
#define ADIT_OS_RNG_H

#include "base/err.h"

/* Another source instead (the plugin's of kind rng); NULL: the kernel again. Loop thread, while no worker runs. */
typedef err_t rng_source_fn(uint8_t *out, size_t n);
void rng_use(rng_source_fn *fill);

/* E_CRYPTO: the source refused; out is then all zero and must not be used. */
MUST err_t rng_fill(uint8_t *out, size_t n);
/* The same in the shape of crypto.h's random function; arg is not looked at. */
MUST err_t rng_random(void *arg, uint8_t *out, size_t n);

#endif
