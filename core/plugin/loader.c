/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/loader.h"
#include "base/diag.h"
#include "plugin/kat.h"
#include "plugin/loader_int.h"

#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FEATS_MAX = 4096, NAME_MAX_LEN = 64 };

err_t loader_new(const struct plug_services *s, struct loader **out, struct diag **why)
{
	struct loader *l = calloc(1, sizeof *l);

	if (!l)
		return diag_set(why, E_NOMEM, "no memory for plugins");
	l->s = s;
	*out = l;
	return 0;
}

void loader_free(struct loader *l)
{
	if (!l)
		return;
	for (size_t i = l->n; i-- > 0;) {
		struct loaded *p = l->v[i];
		if (p->started && p->desc->stop)
			p->desc->stop(p->reg->self);
		host_free(p->host);
		free(p);
	}
	free(l->v);
	free(l);
}

/* ---- may we trust a file? ---- */

static bool owner_ok(uid_t uid)
{
	struct stat st;

	if (uid == 0 || uid == geteuid())
		return true;
	/* Who can write the program itself needs no plugin to take it over. */
	return stat("/proc/self/exe", &st) == 0 && st.st_uid == uid;
}

static err_t trusted(const char *path, bool dir, struct diag **why)
{
	struct stat st;

	if (stat(path, &st))
		return diag_errno(why, errno == ENOENT ? E_NOT_FOUND : E_IO, errno, "plugin %s %s",
			dir ? "directory" : "file", path);
	if (dir ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
		return diag_set(why, E_BAD_VALUE, "%s is not a %s", path, dir ? "directory (--plugin-dir)" : "regular "
			"file");
	if (!owner_ok(st.st_uid))
		return diag_set(why, E_PERM, "%s belongs to uid %u: plugins are loaded only from root or our own user "
			"(chown root %s)", path, (unsigned)st.st_uid, path);
	if (st.st_mode & S_IWOTH)
		return diag_set(why, E_PERM, "%s is writable for everybody: no plugin is loaded from it (chmod o-w "
			"%s)", path, path);
	return 0;
}

/* ---- is it a plugin of ours? ---- */

static bool name_ok(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (!(islower((unsigned char)s[i]) || isdigit((unsigned char)s[i]) || s[i] == '-'))
			return false;
	return n > 0 && n <= NAME_MAX_LEN;
}

static err_t desc_check(const struct plug_desc *d, const char *name, struct diag **why)
{
	if (!d)
		return diag_set(why, E_ABI, "it exports no adit_plugin: not a plugin of Adit");
	if (d->magic != ADIT_ABI_MAGIC)
		return diag_set(why, E_ABI, "its magic number is wrong: not a plugin of Adit");
	if (d->abi_major != ADIT_ABI_MAJOR)
		return diag_set(why, E_ABI, "it was built for plugin ABI %u.%u, this aditd has %d.%d: install the "
			"version of the plugin for this aditd, or build it again with these headers", d->abi_major,
			d->abi_minor, ADIT_ABI_MAJOR, ADIT_ABI_MINOR);
	if (d->size < sizeof *d || d->n_feats > FEATS_MAX || (d->n_feats && !d->feats) || !d->name || !d->version ||
	    !d->summary)
		return diag_set(why, E_ABI, "its descriptor is incomplete");
	if (strcmp(d->name, name) != 0)
		return diag_set(why, E_ABI, "it calls itself %.64s: the file has to be named %.64s.so", d->name,
			d->name);
	return 0;
}

void loader_refuse(struct loader *l, struct reg_plugin *p, const struct diag *why, err_t e)
{
	char buf[512];

	registry_refuse(l->s->reg, p, diag_text(why, e, buf, sizeof buf));
	LOGF(l->s->log, LOG_PLUGIN, LOG_AUDIT, &(struct log_ctx){ .code = e }, "plugin %s is left out: "
		"%s", p->name, p->why);
}

static err_t add(struct loader *l, const char *name, const char *path, const struct plug_desc *d,
	struct reg_plugin **out)
{
	*out = registry_add_plugin(l->s->reg, name, path, d);
	return *out ? 0 : E_NOMEM;
}

static err_t push(struct loader *l, struct reg_plugin *reg)
{
	struct loaded **v = reallocarray(l->v, l->n + 1, sizeof *v);

	if (!v)
		return E_NOMEM;
	l->v = v;
	struct loaded *p = calloc(1, sizeof *p);
	if (!p)
		return E_NOMEM;
	p->reg = reg;
	p->desc = reg->desc;
	p->host = host_new(l->s, reg->name, p->desc->conf);
	if (!p->host) {
		free(p);
		return E_NOMEM;
	}
	l->v[l->n++] = p;
	return 0;
}

/* A file that was cut short (an installation that broke off) would end the process inside dlopen. What is no ELF file of
 * ours is left to dlopen, which says so. */
static err_t whole(const char *path, struct diag **why)
{
	ElfW(Ehdr) h;
	ElfW(Phdr) ph;
	struct stat st;
	err_t e = 0;
	FILE *f = fopen(path, "re");

	if (!f || fstat(fileno(f), &st) || fread(&h, sizeof h, 1, f) != 1 || memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 ||
	    h.e_phentsize != sizeof ph)
		goto out;
	for (unsigned i = 0; i < h.e_phnum && !e; i++) {
		bool got = !fseek(f, (long)(h.e_phoff + i * sizeof ph), SEEK_SET) && fread(&ph, sizeof ph, 1, f) == 1;
		if (!got || ph.p_offset > (uint64_t)st.st_size || ph.p_filesz > (uint64_t)st.st_size - ph.p_offset)
			e = diag_set(why, E_TRUNCATED, "the file is cut short: install it again");
	}
out:
	if (f)
		fclose(f);
	return e;
}

/* Opens one file. Only running out of memory is an error here. */
static err_t open_one(struct loader *l, const char *dir, const char *name)
{
	char path[4096];
	struct diag *why = NULL;
	void *so = NULL;
	const struct plug_desc *d = NULL;
	struct reg_plugin *reg;

	snprintf(path, sizeof path, "%s/%s.so", dir, name);
	err_t e = trusted(path, false, &why);
	if (!e)
		e = whole(path, &why);
	if (!e) {
		so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		e = so ? 0 : diag_set(&why, E_NEEDS, "%s", dlerror());
	}
	if (!e) {
		d = dlsym(so, "adit_plugin");
		e = desc_check(d, name, &why);
	}
	err_t mem = add(l, name, path, e ? NULL : d, &reg);
	if (!mem && !e)
		mem = push(l, reg);
	if (!mem && e)
		loader_refuse(l, reg, why, e);
	/* One that is refused here has never run: nobody has a pointer into it. */
	if ((e || mem) && so)
		dlclose(so);
	diag_free(&why);
	return mem;
}

static bool known(const struct loader *l, const char *name)
{
	size_t cursor = 0;
	const struct reg_plugin *p;

	while ((p = registry_each_plugin(l->s->reg, &cursor)))
		if (strcmp(p->name, name) == 0)
			return true;
	return false;
}

static int is_plugin_file(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 3 && strcmp(d->d_name + n - 3, ".so") == 0 && strncmp(d->d_name, "lib", 3) != 0;
}

static err_t open_all(struct loader *l, const char *dir, struct diag **why)
{
	struct dirent **v;
	char name[sizeof v[0]->d_name];
	err_t e = 0;

	int n = scandir(dir, &v, is_plugin_file, alphasort);
	if (n < 0)
		return diag_errno(why, E_IO, errno, "cannot read the plugin directory %s", dir);
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof name, "%.*s", (int)strlen(v[i]->d_name) - 3, v[i]->d_name);
		if (!e && !known(l, name) && name_ok(name))
			e = open_one(l, dir, name);
		free(v[i]);
	}
	free(v);
	if (!e && !n)
		LOGF(l->s->log, LOG_PLUGIN, LOG_AUDIT, NULL, "the plugin directory %s has no plugin (another one: "
			"--plugin-dir)", dir);
	return e;
}

err_t loader_open(struct loader *l, const char *dir, const char *const *names, struct diag **why)
{
	char path[4096];
	err_t e = trusted(dir, true, why);

	if (e)
		return e;
	if (!names)
		return open_all(l, dir, why);
	for (; *names && !e; names++) {
		if (!name_ok(*names))
			return diag_set(why, E_BAD_VALUE, "\"%s\" is no name of a plugin (a-z, 0-9, -)", *names);
		snprintf(path, sizeof path, "%s/%s.so", dir, *names);
		if (access(path, F_OK))
			return diag_set(why, E_NOT_FOUND, "plugin \"%s\" is asked for by the configuration, but %s "
				"does not exist: install it or take it out of aditd.load", *names, path);
		if (!known(l, *names))
			e = open_one(l, dir, *names);
	}
	return e ? diag_set(why, e, "cannot load plugins") : 0;
}

void loader_keep_only(struct loader *l, uint16_t kind, const char *name)
{
	for (size_t i = 0; i < l->n; i++) {
		struct loaded *p = l->v[i];
		bool offers = false;
		for (size_t k = 0; k < p->desc->n_feats; k++)
			offers |= p->desc->feats[k].is.kind == kind;
		if (!offers || (name && strcmp(p->reg->name, name) == 0))
			continue;
		p->tried = true;
		registry_refuse(l->s->reg, p->reg, name ? "another plugin of its kind was chosen" :
			"it is only used when the configuration asks for it by name");
	}
}

void loader_reconfigure(struct loader *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct loaded *p = l->v[i];
		if (!p->started || !p->desc->reconfigure)
			continue;
		err_t e = p->desc->reconfigure(p->reg->self, host_api(p->host));
		if (e)
			LOGF(l->s->log, LOG_PLUGIN, LOG_AUDIT, &(struct log_ctx){ .code = e },
				"plugin %s could not take over its new configuration: %s", p->reg->name, err_text(e));
	}
}
