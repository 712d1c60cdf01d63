/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The differential test: what one input is, by kind of algorithm. Each function makes the next random input of a round,
 * gives it to all providers and answers whether they agree; `what` then counts it. One process works on one round at a
 * time and begins it with turn 0.
 */
#ifndef ADIT_TESTS_DIFFER_H
#define ADIT_TESTS_DIFFER_H

#include "crypto/crypto.h"
#include "plugin/registry.h"

enum { DIFFER_PROVIDERS = 8, DIFFER_LEN_MAX = 2048 };

struct differ_count {
	long made;    /* all came to the same result: packet, MAC, digest, secret, accepted signature */
	long refused; /* all refused it */
	long whole;   /* exchanges between two providers, signatures made */
};

/* One algorithm. */
struct differ_round {
	struct plug_feat is;
	const void *ops[DIFFER_PROVIDERS];
	const struct plug_feat_row *row[DIFFER_PROVIDERS];
	const char *plugin[DIFFER_PROVIDERS];
	size_t n;
	unsigned turn; /* inputs so far */
	struct differ_count count;
};

/* Repeatable input (xorshift128+), not random numbers for keys. */
void differ_seed(uint64_t seed);
uint64_t differ_next(void);
void differ_fill(uint8_t *p, size_t n);
/* Below DIFFER_LEN_MAX; half of them short, where blocks begin and end. */
size_t differ_len(void);

bool differ_encr(struct differ_round *r);
bool differ_mac(struct differ_round *r);
bool differ_hash(struct differ_round *r);
bool differ_kex(struct differ_round *r);
bool differ_sign(struct differ_round *r);

#endif
