/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the seeds of the fuzz targets with the project's own encoders, and the dictionary of the codec's numbers for
 * libFuzzer. Run by `make fuzz-seeds`; what it writes is committed.
 *
 *   make_seeds FOLDER
 */
#include "tests/fuzz/make_seeds.h"

#include <sys/stat.h>

static const char *folder;
const uint8_t seed_filler[512] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

FILE *seed_create(const char *target, const char *name)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/%s", folder, target);
	mkdir(path, 0755);
	snprintf(path, sizeof path, "%s/%s/%s", folder, target, name);
	FILE *f = fopen(path, "wb");
	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

void seed(const char *target, const char *name, const slice *v, size_t n)
{
	FILE *f = seed_create(target, name);
	for (size_t i = 0; i < n; i++)
		if (v[i].n && fwrite(v[i].p, 1, v[i].n, f) != v[i].n)
			exit(1);
	fclose(f);
}

void seed1(const char *target, const char *name, slice s)
{
	seed(target, name, &s, 1);
}

static void dictionary(void)
{
	const struct pld_fact *f;
	const struct notify_row *n;
	char path[1024];
	snprintf(path, sizeof path, "%s/ike.dict", folder);
	FILE *out = fopen(path, "w");
	if (!out)
		exit(1);
	fprintf(out, "# Made by make_seeds from the tables of core/wire.\n");
	for (size_t i = 0; (f = pld_fact_at(i)) != NULL; i++)
		fprintf(out, "pld_%s=\"\\x%02x\\x00\\x00\"\n", f->shrt, f->type);
	for (size_t i = 0; (n = notify_row_at(i)) != NULL; i++)
		fprintf(out, "n_%s=\"\\x%02x\\x%02x\"\n", n->name, n->type >> 8, n->type & 255);
	fclose(out);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	folder = argv[1];
	seed_stories_init();
	ike_seeds();
	vici_seeds();
	api_seeds();
	word_seeds();
	esp_seeds();
	inet_seeds();
	conf_seeds();
	engine_seeds();
	url_seeds();
	dictionary();
	seed_stories_fini();
	return 0;
}
