/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adit-pki: keys, certificates and proofs of the cryptography. Loads the crypto plugins itself; needs no daemon.
 *
 *     adit-pki [--plugins DIR] test-vectors [--provider NAME] FILE...
 *
 * Exit status: 0 every test that concerns IKE or ESP passed; 1 a test failed, or no provider could be asked; 2 usage, or
 * a file cannot be read.
 */
#include "plugin/loader.h"
#include "vec.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static const char usage[] =
	"usage: adit-pki [--plugins DIR] test-vectors [--provider NAME] FILE...\n"
	"\n"
	"test-vectors runs each test of Wycheproof JSON files (plain or .gz), NIST .rsp files and IKE KDF files against\n"
	"every loaded crypto plugin and prints a table: provider, passed, failed, skipped with the reasons.\n"
	"\n"
	"  --plugins DIR     folder of the plugins (default: " ADIT_PLUGIN_DIR ", or ADIT_PLUGIN_DIR of the environment)\n"
	"  --provider NAME   ask this plugin only\n"
	"Exit status: 0 all that concern IKE or ESP passed, 1 a test failed or no provider could be asked, 2 wrong usage or\n"
	"unreadable file.\n";

/* Plugins that are left out say so on standard error. */
static void say(void *sink, const struct log_record *rec)
{
	(void)sink;
	fprintf(stderr, "%s\n", rec->text);
}

static err_t run_file(struct vec_runner *r, const char *path)
{
	const char *slash = strrchr(path, '/');
	slice text = SLICE_NONE;
	err_t e = vec_read(r, path, &text);
	r->file = slash ? slash + 1 : path;
	if (e) {
		fprintf(stderr, "adit-pki: %s: cannot be read\n", path);
		vec_free_all(r);
		return e;
	}
	size_t at = strspn((const char *)text.p, " \t\r\n\xef\xbb\xbf");
	e = text.p[at] == '{' ? vec_json(r, path, text) : vec_rsp(r, path, text, NULL);
	if (e)
		fprintf(stderr, "adit-pki: %s: neither Wycheproof JSON nor a NIST .rsp file: %s\n", path, err_text(e));
	vec_table(r);
	return e;
}

static int test_vectors(const struct plug_registry *reg, int argc, char **argv)
{
	static const struct option options[] = { { "provider", required_argument, NULL, 'p' }, { NULL, 0, NULL, 0 } };
	struct vec_runner r = { .reg = reg };
	bool unreadable = false;
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c != 'p') {
			fputs(usage, stderr);
			return 2;
		}
		r.only = optarg;
	}
	if (optind == argc) {
		fputs(usage, stderr);
		return 2;
	}
	if (r.only) {
		const struct reg_plugin *p;
		size_t cursor = 0;
		while ((p = registry_each_plugin(reg, &cursor)) && strcmp(p->name, r.only) != 0)
			;
		if (!p || p->state != REG_ACTIVE) {
			fprintf(stderr, "adit-pki: no plugin %s is loaded\n", r.only);
			return 2;
		}
	}
	for (int i = optind; i < argc; i++)
		unreadable |= run_file(&r, argv[i]) != 0;
	printf("total: %u passed, %u failed; %u tests concern neither IKE nor ESP, %u found no provider\n", r.passes, r.failures,
		r.skips, r.unserved);
	return unreadable ? 2 : r.failures || (!r.passes && (r.unserved || !r.skips)) ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "plugins", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	const char *dir = getenv("ADIT_PLUGIN_DIR");
	int c, status = 2;

	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (c != 'd') {
			fputs(usage, stderr);
			return 2;
		}
		dir = optarg;
	}
	if (optind == argc || strcmp(argv[optind], "test-vectors") != 0) {
		fputs(usage, stderr);
		return 2;
	}
	struct log *log = log_new();
	struct plug_registry *reg = registry_new();
	struct plug_services services = { .log = log, .reg = reg };
	struct loader *loader = NULL;
	struct diag *why = NULL;
	char text[256];
	struct log_sink sink = { .write = say };
	memset(sink.level, LOG_AUDIT, sizeof sink.level);
	int id = log ? log_add(log, &sink) : -1;
	err_t e = reg && id >= 0 ? loader_new(&services, &loader, &why) : E_NOMEM;
	if (!e)
		e = loader_open(loader, dir ? dir : ADIT_PLUGIN_DIR, NULL, &why);
	if (e) {
		fprintf(stderr, "adit-pki: %s\n", diag_text(why, e, text, sizeof text));
	} else {
		loader_keep_only(loader, PLUG_KERNEL_SA, NULL);
		loader_start(loader, 0, NULL);
		status = test_vectors(reg, argc - optind, argv + optind);
	}
	diag_free(&why);
	loader_free(loader);
	registry_free(reg);
	log_free(log);
	return status;
}
