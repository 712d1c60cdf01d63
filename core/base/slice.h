/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Borrowed bytes and handles: the two ways this project names something it does not own.
 *
 * A slice points into memory of somebody else (a datagram, an arena, a string literal) and is never freed.
 * It does not outlive what it points into. A handle names an object in a slab by index and generation: it may be
 * kept for ever, sent to another thread and looked up later; "gone" is then a normal answer (base/slab.h).
 */
#ifndef ADIT_BASE_SLICE_H
#define ADIT_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Result must be looked at. */
#define MUST __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

typedef struct {
	const uint8_t *p;
	size_t n;
} slice;

typedef struct {
	uint32_t idx;
	uint32_t gen; /* 0 only in the handle that names nothing */
} handle;

#define SLICE_NONE ((slice){ NULL, 0 })
#define HANDLE_NONE ((handle){ 0, 0 })
/* A string literal or array as bytes, without its closing zero. */
#define SLICE_LIT(s) ((slice){ (const uint8_t *)(s), sizeof(s) - 1 })

static inline slice slice_of(const void *p, size_t n)
{
	return (slice){ (const uint8_t *)p, n };
}

static inline slice slice_str(const char *s)
{
	return (slice){ (const uint8_t *)s, s ? strlen(s) : 0 };
}

/* Not for secrets: takes less time when the first bytes differ (secret.h has secret_equal). */
static inline bool slice_equal(slice a, slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool handle_none(handle h)
{
	return h.gen == 0;
}

static inline bool handle_equal(handle a, handle b)
{
	return a.idx == b.idx && a.gen == b.gen;
}

static inline uint64_t handle_u64(handle h)
{
	return (uint64_t)h.gen << 32 | h.idx;
}

static inline handle handle_from_u64(uint64_t v)
{
	return (handle){ (uint32_t)v, (uint32_t)(v >> 32) };
}

#endif
