/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds of the fuzz targets: how one is written, and who writes which. What cannot be written ends the program. */
#ifndef ADIT_TESTS_FUZZ_MAKE_SEEDS_H
#define ADIT_TESTS_FUZZ_MAKE_SEEDS_H

#include "wire/out.h"

#include <stdio.h>
#include <stdlib.h>

/* Bytes where any will do. */
extern const uint8_t seed_filler[512];

/* A new file of the target. */
FILE *seed_create(const char *target, const char *name);
/* A seed of `n` parts, one after the other. */
void seed(const char *target, const char *name, const slice *v, size_t n);
void seed1(const char *target, const char *name, slice s);

/* make_seeds_ike.c: the payloads of each message, which the engine's seeds take, too. */
struct seed_story {
	const char *name;
	void (*write)(struct ike_out *o);
	uint8_t exchange;
	bool clear;
};
extern const struct seed_story seed_stories[];
extern const size_t n_seed_stories;
/* The proposals they have; before and after all that writes them. */
void seed_stories_init(void);
void seed_stories_fini(void);

/* msg, inner, sk, frag */
void ike_seeds(void);
/* make_seeds_engine.c: engine */
void engine_seeds(void);
/* make_seeds_api.c: vici, api */
void vici_seeds(void);
void api_seeds(void);
/* make_seeds_packets.c: esp, inet */
void esp_seeds(void);
void inet_seeds(void);
/* make_seeds_text.c: words, conf, hashurl */
void word_seeds(void);
void conf_seeds(void);
void url_seeds(void);

#endif
