/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool: regions of 256 KiB aligned to their size, so that the region of a secret is found by masking its address.
 * The first page of a region is its book-keeping; each other page holds slots of one size class, or is free. Secrets
 * larger than the largest class get a region of their own. Free slots are all zero.
 */
#include "base/secret.h"
#include "base/count.h"
#include "base/poison.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { REGION = 256 * 1024, PAGE = 4096, PAGES = REGION / PAGE, MAP_WORDS = PAGE / 16 / 64 };

static const uint16_t class_bytes[] = { 16, 32, 48, 64, 80, 96, 128, 160, 192, 256, 320, 448, 576, 1024, 2048 };
enum { CLASSES = ARRAY_LEN(class_bytes) };

struct page {
	struct page *prev, *next; /* pages of the class with a free slot; or free pages */
	uint16_t used, slots;
	uint8_t cls;
	bool listed;
	uint64_t map[MAP_WORDS];  /* 1: taken */
};

struct region {
	struct region *prev, *next;
	size_t mapped_bytes;
	uint32_t pages_used;
	bool big, locked;
	struct page page[PAGES]; /* [0] is this book-keeping itself */
};
_Static_assert(sizeof(struct region) <= PAGE, "the book-keeping has to fit in the first page of its region");

static COUNTER(c_unlocked, "secret.unlocked", "regions of secrets that could not be locked in memory (RLIMIT_MEMLOCK)");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct page *with_room[CLASSES];
static struct page *free_pages;
static struct region *regions;
static uint32_t region_count;

static struct region *region_of(const void *p)
{
	return (struct region *)((uintptr_t)p & ~(uintptr_t)(REGION - 1));
}

static uint8_t *page_base(struct page *g)
{
	struct region *r = region_of(g);

	return (uint8_t *)r + (size_t)(g - r->page) * PAGE;
}

static void list_add(struct page **head, struct page *g)
{
	g->prev = NULL;
	g->next = *head;
	if (*head)
		(*head)->prev = g;
	*head = g;
	g->listed = true;
}

static void list_del(struct page **head, struct page *g)
{
	if (g->prev)
		g->prev->next = g->next;
	else
		*head = g->next;
	if (g->next)
		g->next->prev = g->prev;
	g->listed = false;
}

/* Pages aligned to REGION, zero, kept out of dumps and forks, locked when possible. */
static struct region *region_map(size_t data_bytes)
{
	size_t bytes = PAGE + data_bytes, room = bytes + REGION;
	uint8_t *raw = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (raw == MAP_FAILED)
		return NULL;
	uint8_t *base = (uint8_t *)(((uintptr_t)raw + REGION - 1) & ~(uintptr_t)(REGION - 1));
	size_t before = (size_t)(base - raw), behind = room - before - bytes;
	if (before)
		munmap(raw, before);
	if (behind)
		munmap(base + bytes, behind);
	/* Old kernels know neither advice; the secrets are then as safe as the limits of the process make them. */
	madvise(base + PAGE, data_bytes, MADV_DONTDUMP);
	madvise(base + PAGE, data_bytes, MADV_WIPEONFORK);
	struct region *r = (struct region *)base;
	r->mapped_bytes = bytes;
	r->locked = mlock(base + PAGE, data_bytes) == 0;
	if (!r->locked)
		count_inc(&c_unlocked);
	r->next = regions;
	if (regions)
		regions->prev = r;
	regions = r;
	return r;
}

static void region_unmap(struct region *r)
{
	if (r->prev)
		r->prev->next = r->next;
	else
		regions = r->next;
	if (r->next)
		r->next->prev = r->prev;
	mem_unpoison(r, r->mapped_bytes);
	munmap(r, r->mapped_bytes);
}

static uint8_t *big_get(size_t n)
{
	size_t bytes = (n + PAGE - 1) & ~(size_t)(PAGE - 1);
	struct region *r = region_map(bytes);

	if (!r)
		return NULL;
	r->big = true;
	return (uint8_t *)r + PAGE;
}

static struct page *free_page_get(void)
{
	if (!free_pages) {
		struct region *r = region_map(REGION - PAGE);
		if (!r)
			return NULL;
		region_count++;
		for (size_t i = PAGES; --i > 0;)
			list_add(&free_pages, &r->page[i]);
	}
	struct page *g = free_pages;
	list_del(&free_pages, g);
	region_of(g)->pages_used++;
	return g;
}

static uint8_t *slot_get(uint8_t cls)
{
	struct page *g = with_room[cls];

	if (!g) {
		g = free_page_get();
		if (!g)
			return NULL;
		g->cls = cls;
		g->used = 0;
		g->slots = (uint16_t)(PAGE / class_bytes[cls]);
		memset(g->map, 0, sizeof g->map);
		list_add(&with_room[cls], g);
	}
	size_t w = 0;
	while (g->map[w] == UINT64_MAX)
		w++;
	size_t i = w * 64 + (size_t)__builtin_ctzll(~g->map[w]);
	g->map[w] |= UINT64_C(1) << (i % 64);
	if (++g->used == g->slots)
		list_del(&with_room[cls], g);
	return page_base(g) + i * class_bytes[cls];
}

static void slot_put(uint8_t *p)
{
	struct region *r = region_of(p);
	struct page *g = &r->page[(size_t)(p - (uint8_t *)r) / PAGE];
	size_t i = (size_t)(p - page_base(g)) / class_bytes[g->cls];

	g->map[i / 64] &= ~(UINT64_C(1) << (i % 64));
	if (!g->listed)
		list_add(&with_room[g->cls], g);
	if (--g->used)
		return;
	list_del(&with_room[g->cls], g);
	list_add(&free_pages, g);
	if (--r->pages_used || region_count <= 1)
		return;
	for (size_t k = 1; k < PAGES; k++)
		list_del(&free_pages, &r->page[k]);
	region_count--;
	region_unmap(r);
}

static size_t slot_bytes(const uint8_t *p)
{
	struct region *r = region_of(p);

	return r->big ? r->mapped_bytes - PAGE : class_bytes[r->page[(size_t)(p - (const uint8_t *)r) / PAGE].cls];
}

err_t secret_init(struct secret *s, size_t n)
{
	uint8_t cls = 0;

	*s = (struct secret){ NULL, 0 };
	if (!n)
		return 0;
	if (n > UINT32_MAX / 2)
		return E_NOMEM;
	while (cls < CLASSES && class_bytes[cls] < n)
		cls++;
	pthread_mutex_lock(&lock);
	uint8_t *p = cls < CLASSES ? slot_get(cls) : big_get(n);
	size_t room = p ? slot_bytes(p) : 0;
	pthread_mutex_unlock(&lock);
	if (!p)
		return E_NOMEM;
	mem_unpoison(p, room);
	mem_poison(p + n, room - n);
	*s = (struct secret){ p, (uint32_t)n };
	return 0;
}

err_t secret_copy(struct secret *s, slice from)
{
	err_t e = secret_init(s, from.n);

	if (!e && from.n)
		memcpy(s->p, from.p, from.n);
	return e;
}

void secret_fini(struct secret *s)
{
	if (s->p) {
		pthread_mutex_lock(&lock);
		size_t room = slot_bytes(s->p);
		pthread_mutex_unlock(&lock);
		mem_unpoison(s->p, room);
		mem_wipe(s->p, room);
		bool big = region_of(s->p)->big;
		if (!big)
			mem_poison(s->p, room);
		pthread_mutex_lock(&lock);
		if (big)
			region_unmap(region_of(s->p));
		else
			slot_put(s->p);
		pthread_mutex_unlock(&lock);
	}
	*s = (struct secret){ NULL, 0 };
}

void secret_move(struct secret *dst, struct secret *src)
{
	*dst = *src;
	*src = (struct secret){ NULL, 0 };
}

void secret_trim(struct secret *s, size_t n)
{
	if (n >= s->n)
		return;
	mem_wipe(s->p + n, s->n - n);
	mem_poison(s->p + n, s->n - n);
	s->n = (uint32_t)n;
}

void mem_wipe(void *p, size_t n)
{
	if (n)
		explicit_bzero(p, n);
}

bool mem_equal_ct(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= x[i] ^ y[i];
	return differ == 0;
}
