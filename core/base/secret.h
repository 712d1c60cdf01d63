/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets: keys, shared secrets, private values. Kept in a pool of pages that are locked in memory, left out of core
 * dumps and not inherited by a fork, and wiped when given back. There is no function that prints one.
 * Owned: one owner, who calls secret_fini. secret_move() hands it on and empties the source. Any thread.
 */
#ifndef ADIT_BASE_SECRET_H
#define ADIT_BASE_SECRET_H

#include "err.h"

struct secret {
	uint8_t *p;
	uint32_t n;
};

/* E_NOMEM, or E_LIMIT when the locked pool may not grow (RLIMIT_MEMLOCK without CAP_IPC_LOCK): then ordinary pages
 * that are left out of dumps are taken, counted by "secret.unlocked" and said once in the log. n may be 0. */
MUST err_t secret_init(struct secret *s, size_t n);
MUST err_t secret_copy(struct secret *s, slice from);
/* Wipes and gives back; s is empty afterwards; an empty one is fine. */
void secret_fini(struct secret *s);
/* dst must be empty. */
void secret_move(struct secret *dst, struct secret *src);
/* Lowers the length; the bytes behind are wiped. */
void secret_trim(struct secret *s, size_t n);

static inline slice secret_slice(const struct secret *s)
{
	return (slice){ s->p, s->n };
}

/* Not removed by the compiler. */
void mem_wipe(void *p, size_t n);
/* Time depends on n alone. */
MUST bool mem_equal_ct(const void *a, const void *b, size_t n);

#endif
