/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every crypto plugin against every other on random input: differ PLUGIN-DIR [INPUTS [WORKERS]]. Each algorithm that
 * several plugins offer gets INPUTS inputs (10,000); what one computes all others have to compute, open what it sealed,
 * verify what it signed and refuse what was changed. What an input is stands in differ_packet.c, differ_kex.c and
 * differ_sign.c. WORKERS processes (as many as there are processors) share the algorithms. One TAP line per algorithm
 * with its providers, what became of the inputs and the processor time; exit status 1 when a pair differs.
 */
#include "crypto/algs.h"
#include "differ.h"
#include "plugin/loader.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { INPUTS = 10000, ALGS_MAX = 512, WORKERS_MAX = 64 };

static uint64_t state[2];

void differ_seed(uint64_t seed)
{
	state[0] = 0x9e3779b97f4a7c15u ^ seed;
	state[1] = 0xbf58476d1ce4e5b9u;
}

uint64_t differ_next(void)
{
	uint64_t a = state[0], b = state[1];
	state[0] = b;
	a ^= a << 23;
	state[1] = a ^ b ^ a >> 17 ^ b >> 26;
	return state[1] + b;
}

void differ_fill(uint8_t *p, size_t n)
{
	for (; n >= 8; p += 8, n -= 8) {
		uint64_t v = differ_next();
		memcpy(p, &v, 8);
	}
	for (; n; n--)
		*p++ = (uint8_t)(differ_next() >> 24);
}

size_t differ_len(void)
{
	return differ_next() % (differ_next() % 2 ? 160 : DIFFER_LEN_MAX);
}

static double cpu_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Shared by the processes. */
struct board {
	atomic_uint next;
	struct {
		bool done, same;
		unsigned inputs;
		struct differ_count count;
		double seconds;
	} v[ALGS_MAX];
};

static bool (*const agree[])(struct differ_round *r) = { [PLUG_ENCR] = differ_encr, [PLUG_INTEG] = differ_mac,
	[PLUG_PRF] = differ_mac, [PLUG_HASH] = differ_hash, [PLUG_KEX] = differ_kex, [PLUG_SIGN] = differ_sign };

static void work(struct board *b, struct differ_round *v, size_t n, unsigned inputs)
{
	/* The last ones first: key exchange and signatures take longest. */
	for (unsigned taken; (taken = atomic_fetch_add(&b->next, 1)) < n;) {
		size_t at = n - 1 - taken;
		struct differ_round *r = &v[at];
		double start = cpu_seconds();
		bool same = true;
		differ_seed((uint64_t)r->is.kind << 32 | (uint32_t)r->is.id << 16 | r->is.arg);
		while (r->turn < inputs && same) {
			same = agree[r->is.kind](r);
			r->turn++;
		}
		b->v[at].same = same;
		b->v[at].inputs = r->turn;
		b->v[at].count = r->count;
		b->v[at].seconds = cpu_seconds() - start;
		b->v[at].done = true;
	}
}

static size_t collect(const struct plug_registry *reg, struct differ_round *v)
{
	const struct reg_feat *f;
	size_t cursor = 0, n = 0;

	f = registry_each_feat(reg, 0, &cursor);
	while (f && n < ALGS_MAX) {
		struct differ_round *r = &v[n];
		*r = (struct differ_round){ .is = f->is };
		for (; f && f->is.kind == r->is.kind && f->is.id == r->is.id && f->is.arg == r->is.arg;
		     f = registry_each_feat(reg, 0, &cursor))
			if (f->offered && r->n < DIFFER_PROVIDERS) {
				r->ops[r->n] = f->row->ops;
				r->row[r->n] = f->row;
				r->plugin[r->n++] = f->plugin->name;
			}
		n += r->n >= 2 && r->is.kind < ARRAY_LEN(agree) && agree[r->is.kind];
	}
	return n;
}

static int report(const struct board *b, const struct differ_round *v, size_t n, unsigned inputs)
{
	static const char *const made[] = { [PLUG_KEX] = "secrets", [PLUG_SIGN] = "signatures taken" };
	static const char *const whole[] = { [PLUG_KEX] = "whole exchanges", [PLUG_SIGN] = "signatures made" };
	int wrong = 0;

	for (size_t i = 0; i < n; i++) {
		char name[48];
		uint16_t kind = v[i].is.kind;
		bool good = b->v[i].done && b->v[i].same;
		crypto_alg_name(&v[i].is, name);
		printf("%sok %zu - %s %s:", good ? "" : "not ", i + 1, plug_kind_name(kind), name);
		for (size_t k = 0; k < v[i].n; k++)
			printf("%s %s", k ? "," : "", v[i].plugin[k] + strlen("crypto-"));
		printf(" %s %u inputs", !b->v[i].done ? "did not end after" : good ? "agree on" : "differ at the last of",
			b->v[i].inputs);
		if (kind == PLUG_KEX || kind == PLUG_SIGN)
			printf(" (%ld %s, %ld refused by all, %ld %s)", b->v[i].count.made, made[kind], b->v[i].count.refused,
				b->v[i].count.whole, whole[kind]);
		printf(", %.1f s\n", b->v[i].seconds);
		wrong += !good;
	}
	printf("1..%zu\n# %zu algorithms, each %u inputs, ", n, n, inputs);
	if (wrong)
		printf("%d differ\n", wrong);
	else
		printf("none differ\n");
	return wrong;
}

int main(int argc, char **argv)
{
	static struct differ_round v[ALGS_MAX];
	const char *dir = argc > 1 ? argv[1] : ".libs";
	unsigned inputs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : INPUTS;
	long workers = argc > 3 ? strtol(argv[3], NULL, 10) : sysconf(_SC_NPROCESSORS_ONLN);
	struct log *log = log_new();
	struct plug_services services = { .log = log, .reg = registry_new() };
	struct board *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct loader *l = NULL;

	if (!log || !services.reg || b == MAP_FAILED || loader_new(&services, &l, NULL) || loader_open(l, dir, NULL, NULL)) {
		fprintf(stderr, "differ: no plugins in %s\n", dir);
		return 2;
	}
	loader_keep_only(l, PLUG_KERNEL_SA, NULL);
	loader_start(l, 0, NULL);
	size_t n = collect(services.reg, v);
	fflush(NULL);
	for (long i = 1; i < workers && i < WORKERS_MAX; i++)
		if (fork() == 0) {
			work(b, v, n, inputs);
			_exit(0);
		}
	work(b, v, n, inputs);
	while (wait(NULL) > 0)
		;
	int wrong = report(b, v, n, inputs);
	loader_free(l);
	registry_free(services.reg);
	log_free(log);
	return wrong || !n;
}
