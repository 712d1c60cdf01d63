/* SPDX-License-Identifier: Apache-2.0 */
/* test-vectors: every test of public vector files against every loaded crypto plugin. */
#include "pki.h"
#include "vec.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static err_t run_file(struct vec_runner *r, const char *path)
{
	const char *slash = strrchr(path, '/');
	slice text = SLICE_NONE;
	err_t e = vec_read(r, path, &text);
	r->file = slash ? slash + 1 : path;
	fflush(stdout); /* both streams may be one file */
	if (e) {
		fprintf(stderr, "adit-pki: %s: cannot be read\n", path);
		vec_free_all(r);
		return e;
	}
	size_t at = strspn((const char *)text.p, " \t\r\n\xef\xbb\xbf");
	const unsigned before = r->passes + r->failures + r->skips + r->unserved;
	e = text.p[at] == '{' ? vec_json(r, path, text) : vec_rsp(r, path, text, NULL);
	if (!e && before == r->passes + r->failures + r->skips + r->unserved)
		e = E_NOT_FOUND;
	if (e == E_NOT_FOUND)
		fprintf(stderr, "adit-pki: %s: no test in a form of Wycheproof JSON or of NIST .rsp files is in it\n", path);
	else if (e)
		fprintf(stderr, "adit-pki: %s: neither Wycheproof JSON nor a NIST .rsp file: %s\n", path, err_text(e));
	vec_table(r);
	return e;
}

int pki_test_vectors(struct pki *p, int argc, char **argv)
{
	static const struct option options[] = { { "provider", required_argument, NULL, 'p' }, { NULL, 0, NULL, 0 } };
	const struct plug_registry *reg = p->reg;
	struct vec_runner r = { .reg = reg };
	bool unreadable = false;
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c != 'p') {
			return pki_usage(p);
		}
		r.only = optarg;
	}
	if (optind == argc) {
		return pki_usage(p);
	}
	if (r.only) {
		const struct reg_plugin *has;
		size_t cursor = 0;
		while ((has = registry_each_plugin(reg, &cursor)) && strcmp(has->name, r.only) != 0)
			;
		if (!has || has->state != REG_ACTIVE) {
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

