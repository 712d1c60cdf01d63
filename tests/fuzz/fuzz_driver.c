/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target without libFuzzer: every seed, then mutations of the seeds. Deterministic: the same mutations in
 * every run, so that what fails once fails again. What crashed is left in fuzz-NAME.crash in the current folder.
 *
 *   fuzz_NAME [-n MUTATIONS] [-s SEED] [FILE | FOLDER]…     (no path: the seeds of the source tree; output is TAP)
 */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_BYTES = 1 << 16, SEEDS_MAX = 4096, FILE_BYTES = 1 << 20 };

static slice seeds[SEEDS_MAX];
static size_t n_seeds;
static uint8_t input[INPUT_BYTES];
static slice current;
static uint64_t rng_state;
static uint64_t rng_seed = 1;

static uint32_t rnd(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (uint32_t)(rng_state >> 16);
}

static size_t below(size_t n)
{
	return n ? rnd() % n : 0;
}

/* Keeps what crashed; only calls that a signal handler may make. */
static void keep(void)
{
	char path[128] = "fuzz-";
	size_t n = strlen(path), m = strlen(fuzz_name);
	memcpy(path + n, fuzz_name, m);
	memcpy(path + n + m, ".crash", sizeof ".crash");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd >= 0 && write(fd, current.p, current.n) == (ssize_t)current.n) {
		static const char said[] = "the input that failed was kept in ";
		if (write(2, said, sizeof said - 1) > 0 && write(2, path, strlen(path)) > 0 && write(2, "\n", 1) > 0)
			close(fd);
	}
}

static void on_signal(int sig)
{
	keep();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* There in sanitizer builds only. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*cb)(void));

/* In a piece of memory of exactly its size, so that a sanitizer sees a read beyond it. */
static void run(slice s)
{
	uint8_t *p = malloc(s.n ? s.n : 1);
	if (!p)
		exit(1);
	if (s.n)
		memcpy(p, s.p, s.n);
	current = slice_of(p, s.n);
	alarm(120); /* an input that makes the target hang is a finding, too */
	LLVMFuzzerTestOneInput(p, s.n);
	current = SLICE_NONE;
	free(p);
}

static void load_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p = f ? malloc(FILE_BYTES) : NULL;
	if (!p || n_seeds == SEEDS_MAX) {
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	seeds[n_seeds++] = slice_of(p, fread(p, 1, FILE_BYTES, f));
	fclose(f);
}

static void load(const char *path)
{
	struct stat st;
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		load_file(path);
		return;
	}
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char file[4096];
		snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			load_file(file);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static const uint32_t interesting[] = { 0, 1, 2, 3, 4, 5, 7, 8, 16, 20, 28, 31, 33, 36, 41, 46, 53, 63, 64, 100, 127, 128, 192,
	255, 256, 257, 1023, 1024, 1280, 4095, 16384, 16388, 16390, 32767, 32768, 65535, 65536, 0x7fffffff, 0x80000000,
	0xffffffff };

static size_t insert(size_t n, size_t at, slice what)
{
	if (n + what.n > INPUT_BYTES)
		return n;
	memmove(input + at + what.n, input + at, n - at);
	memcpy(input + at, what.p, what.n);
	return n + what.n;
}

static size_t mutate_once(size_t n)
{
	size_t at = below(n), len = below(n - at) + (n != at);
	uint32_t v = interesting[below(ARRAY_LEN(interesting))];
	uint8_t be[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };
	size_t w = (size_t)1 << below(3);
	slice other = seeds[below(n_seeds)];
	uint8_t copy[256];

	if (n == 0)
		return insert(0, 0, slice_of(be + 4 - w, w));
	if (len > 64 && below(4))
		len = below(64) + 1;
	switch (below(10)) {
	case 0:
		input[at] ^= (uint8_t)(1u << below(8));
		return n;
	case 1:
		input[at] = (uint8_t)rnd();
		return n;
	case 2:
		input[at] = (uint8_t)(input[at] + below(9) - 4);
		return n;
	case 3:
	case 4:
		if (at + w <= n)
			memcpy(input + at, be + 4 - w, w);
		return n;
	case 5:
		memmove(input + at, input + at + len, n - at - len);
		return n - len;
	case 6:
		if (len > sizeof copy)
			len = sizeof copy;
		memcpy(copy, input + at, len);
		return insert(n, below(n), slice_of(copy, len));
	case 7:
		return below(8) ? insert(n, at, slice_of(be + 4 - w, w)) : at;
	case 8:
		if (other.n) {
			size_t from = below(other.n), take = below(other.n - from) + 1;
			return insert(n, at, slice_of(other.p + from, take > sizeof copy ? sizeof copy : take));
		}
		return n;
	default:
		if (other.n > at && at + len <= other.n)
			memcpy(input + at, other.p + at, len);
		return n;
	}
}

static void mutations(unsigned long n_runs)
{
	for (unsigned long i = 0; i < n_runs; i++) {
		slice s = n_seeds ? seeds[below(n_seeds)] : SLICE_NONE;
		size_t n = s.n < INPUT_BYTES ? s.n : INPUT_BYTES;
		if (n)
			memcpy(input, s.p, n);
		for (size_t k = below(6) + 1; k > 0; k--)
			n = mutate_once(n);
		run(slice_of(input, n));
	}
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	unsigned long n_runs = 20000;
	bool named = false;
	int opt;

	while ((opt = getopt(argc, argv, "n:s:")) != -1) {
		if (opt == 'n')
			n_runs = strtoul(optarg, NULL, 0);
		else if (opt == 's')
			rng_seed = strtoul(optarg, NULL, 0);
		else
			return 2;
	}
	for (; optind < argc; optind++, named = true)
		load(argv[optind]);
	if (!named) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", FUZZ_SEEDS, fuzz_name);
		load(path);
	}
	signal(SIGABRT, on_signal);
	signal(SIGSEGV, on_signal);
	signal(SIGBUS, on_signal);
	signal(SIGFPE, on_signal);
	signal(SIGILL, on_signal);
	signal(SIGALRM, on_signal);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(keep);
	printf("1..2\n");
	double t = now();
	for (size_t i = 0; i < n_seeds; i++)
		run(seeds[i]);
	printf("%sok 1 - %s: %zu seeds, %.2f s\n", n_seeds ? "" : "not ", fuzz_name, n_seeds, now() - t);
	fflush(stdout);
	t = now();
	rng_state = 0x9e3779b97f4a7c15u * rng_seed;
	mutations(n_runs);
	printf("ok 2 - %s: %lu mutations, %.2f s\n", fuzz_name, n_runs, now() - t);
	for (size_t i = 0; i < n_seeds; i++)
		free((void *)seeds[i].p);
	return n_seeds ? 0 : 1;
}
