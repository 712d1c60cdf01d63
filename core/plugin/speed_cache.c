/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was measured, kept for the next start: a text file, valid for one processor; each line names the plugin with its
 * version and a stamp of the files it and its libraries are in. A file that is not as we write it is as good as none, and one
 * that cannot be written costs only time.
 */
#include "plugin/speed_cache.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 512, ROWS_MAX = 4096, VERSION_MAX = 48 };

struct speed_row {
	char plugin[64], version[VERSION_MAX];
	struct plug_feat is;
	uint32_t speed;
};

struct speed_cache {
	char path[512], cpu[LINE_MAX_BYTES];
	struct speed_row *v;
	size_t n;
	bool changed;
	const struct reg_plugin *stamped; /* whose version `version` is */
	char version[VERSION_MAX];
};

static void cpu_name(char *out, size_t cap)
{
	char line[LINE_MAX_BYTES];
	FILE *f = fopen("/proc/cpuinfo", "re");

	snprintf(out, cap, "adit-speed 1 unknown processor\n");
	while (f && fgets(line, sizeof line, f)) {
		char *colon = strchr(line, ':');
		if (colon && strncmp(line, "model name", 10) == 0) {
			snprintf(out, cap, "adit-speed 1%s", colon + 1);
			break;
		}
	}
	if (f)
		fclose(f);
}

/* FNV-1a over what changes with a file's content. */
static void stamp_file(uint64_t *h, const char *path)
{
	struct stat st;
	if (stat(path, &st))
		return;
	const uint64_t v[] = { (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec, (uint64_t)st.st_mtim.tv_nsec, st.st_ino };
	for (size_t i = 0; i < sizeof v; i++)
		*h = (*h ^ ((const uint8_t *)v)[i]) * 0x100000001b3u;
}

static const struct link_map *loaded(const struct link_map *any, const char *soname)
{
	while (any->l_prev)
		any = any->l_prev;
	for (; any; any = any->l_next) {
		const char *slash = strrchr(any->l_name, '/');
		if (slash && strcmp(slash + 1, soname) == 0)
			return any;
	}
	return NULL;
}

/* A library that was exchanged for another may be faster or slower: the version of the plugin does not tell. */
static void stamp_libraries(uint64_t *h, const struct link_map *of)
{
	const char *names = NULL;
	const ElfW(Dyn) *d;
	for (d = of->l_ld; d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_STRTAB) /* some loaders leave it relative */
			names = (const char *)(d->d_un.d_ptr < of->l_addr ? of->l_addr + d->d_un.d_ptr : d->d_un.d_ptr);
	for (d = of->l_ld; names && d->d_tag != DT_NULL; d++) {
		const struct link_map *lib = d->d_tag == DT_NEEDED ? loaded(of, names + d->d_un.d_val) : NULL;
		if (lib)
			stamp_file(h, lib->l_name);
	}
}

static const char *version_of(struct speed_cache *c, const struct reg_plugin *p)
{
	uint64_t h = 0xcbf29ce484222325u;
	struct link_map *map = NULL;
	if (c->stamped == p)
		return c->version;
	stamp_file(&h, p->path);
	void *so = p->path[0] ? dlopen(p->path, RTLD_LAZY | RTLD_NOLOAD) : NULL;
	if (so && dlinfo(so, RTLD_DI_LINKMAP, &map) == 0)
		stamp_libraries(&h, map);
	if (so)
		dlclose(so);
	snprintf(c->version, sizeof c->version, "%.24s-%016llx", p->version, (unsigned long long)h);
	c->stamped = p;
	return c->version;
}

static struct speed_row *row_of(struct speed_cache *c, const struct reg_plugin *p, const struct plug_feat *is)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].is.kind == is->kind && c->v[i].is.id == is->id && c->v[i].is.arg == is->arg &&
		    strcmp(c->v[i].plugin, p->name) == 0)
			return &c->v[i];
	return NULL;
}

static struct speed_row *row_add(struct speed_cache *c)
{
	struct speed_row *v = c->n < ROWS_MAX ? reallocarray(c->v, c->n + 1, sizeof *v) : NULL;

	if (!v)
		return NULL;
	c->v = v;
	v[c->n] = (struct speed_row){ .speed = 0 };
	return &v[c->n++];
}

static void read_rows(struct speed_cache *c, FILE *f)
{
	char line[LINE_MAX_BYTES];
	unsigned kind, id, arg, speed;
	struct speed_row r;

	if (!fgets(line, sizeof line, f) || strcmp(line, c->cpu) != 0)
		return;
	while (fgets(line, sizeof line, f) &&
	       sscanf(line, "%63s %47s %u %u %u %u", r.plugin, r.version, &kind, &id, &arg, &speed) == 6) {
		struct speed_row *to = row_add(c);
		if (!to)
			return;
		*to = r;
		to->is = (struct plug_feat){ (uint16_t)kind, (uint16_t)id, (uint16_t)arg };
		to->speed = speed;
	}
}

struct speed_cache *speed_cache_open(const char *path)
{
	struct speed_cache *c = calloc(1, sizeof *c);
	FILE *f;

	if (!c)
		return NULL;
	snprintf(c->path, sizeof c->path, "%s", path ? path : "");
	cpu_name(c->cpu, sizeof c->cpu);
	f = path ? fopen(path, "re") : NULL;
	if (f) {
		read_rows(c, f);
		fclose(f);
	}
	return c;
}

uint32_t speed_cache_get(struct speed_cache *c, const struct reg_plugin *p, const struct plug_feat *is)
{
	const struct speed_row *r = c ? row_of(c, p, is) : NULL;

	return r && strcmp(r->version, version_of(c, p)) == 0 ? r->speed : 0;
}

void speed_cache_put(struct speed_cache *c, const struct reg_plugin *p, const struct plug_feat *is, uint32_t speed)
{
	struct speed_row *r = c ? row_of(c, p, is) : NULL;

	if (c && !r)
		r = row_add(c);
	if (!r)
		return;
	snprintf(r->plugin, sizeof r->plugin, "%s", p->name);
	snprintf(r->version, sizeof r->version, "%s", version_of(c, p));
	r->is = *is;
	r->speed = speed;
	c->changed = true;
}

static void save(const struct speed_cache *c)
{
	char tmp[sizeof c->path + 8];
	FILE *f;

	snprintf(tmp, sizeof tmp, "%s.new", c->path);
	f = fopen(tmp, "we");
	if (!f)
		return;
	bool ok = fputs(c->cpu, f) >= 0;
	for (size_t i = 0; i < c->n && ok; i++)
		ok = fprintf(f, "%s %s %u %u %u %u\n", c->v[i].plugin, c->v[i].version, c->v[i].is.kind, c->v[i].is.id,
			c->v[i].is.arg, c->v[i].speed) > 0;
	ok = fclose(f) == 0 && ok;
	if (!ok || rename(tmp, c->path) != 0)
		unlink(tmp);
}

void speed_cache_close(struct speed_cache *c)
{
	if (!c)
		return;
	if (c->changed && c->path[0])
		save(c);
	free(c->v);
	free(c);
}
