/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every fuzz target offers and may use. A target is one file with fuzz_name and LLVMFuzzerTestOneInput(). Built with
 * --enable-fuzzers (CC=clang) libFuzzer drives it; else fuzz_driver.c does: all seeds of seeds/NAME/ and 20,000 mutations
 * of them, the same ones in every run, as part of `make check`.
 *
 * A target checks what has to hold for any input with FUZZ_CHECK; crashes and undefined behaviour the sanitizers find.
 */
#ifndef ADIT_TESTS_FUZZ_H
#define ADIT_TESTS_FUZZ_H

#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>

/* Also the name of the folder of the seeds. */
extern const char *const fuzz_name;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FUZZ_CHECK(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #cond); \
			abort(); \
		} \
	} while (0)

/* Takes numbers off the front of an input that is a list of operations; zeros when it is used up. */
static inline uint8_t fuzz_u8(slice *s)
{
	if (!s->n)
		return 0;
	s->n--;
	return *s->p++;
}

static inline uint16_t fuzz_u16(slice *s)
{
	uint16_t hi = fuzz_u8(s);
	return (uint16_t)(hi << 8 | fuzz_u8(s));
}

/* At most n bytes. */
static inline slice fuzz_bytes(slice *s, size_t n)
{
	slice got = { s->p, n < s->n ? n : s->n };
	s->p += got.n;
	s->n -= got.n;
	return got;
}

#endif
