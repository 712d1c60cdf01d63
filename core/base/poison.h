/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that was given back inside a pool: told to AddressSanitizer, so that a late use is found.
 * Nothing otherwise. */
#ifndef ADIT_BASE_POISON_H
#define ADIT_BASE_POISON_H

#include "slice.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define mem_poison(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define mem_unpoison(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define mem_poison(p, n) ((void)(p), (void)(n))
#define mem_unpoison(p, n) ((void)(p), (void)(n))
#endif

/* Makes old content unlike anything useful in builds without NDEBUG; the memory must not be poisoned yet. */
static inline void mem_poison_fill(void *p, size_t n)
{
#if defined(__SANITIZE_ADDRESS__)
	ASAN_UNPOISON_MEMORY_REGION(p, n);
	memset(p, 0xdb, n);
#elif !defined(NDEBUG)
	memset(p, 0xdb, n);
#else
	(void)p;
	(void)n;
#endif
}

#endif
