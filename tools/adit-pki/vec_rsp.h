/* SPDX-License-Identifier: Apache-2.0 */
/* Between the reader of NIST's response files (vec_rsp.c: lines to records) and the kinds of tests (vec_rsp_kinds.c). */
#ifndef ADIT_PKI_VEC_RSP_H
#define ADIT_PKI_VEC_RSP_H

#include "vec.h"

enum { VEC_PAIRS = 64 };

/*
 * A paragraph with all that holds for it: first what stands above the first section, then that of the section, then its own
 * lines. Later pairs win.
 */
struct vec_record {
	struct vec_pair {
		const char *key, *value;
	} v[VEC_PAIRS];
	size_t n, n_file, n_section;
	const char *base;     /* name of the file without folders */
	char about[512];      /* the comments at its top: they name the kind, too */
	bool fail;            /* a line FAIL */
	const json_t *over;   /* expected values by name, or NULL */
};

/* Makes a test of the record and runs it. False: it is none, so what it says holds for those that follow. */
bool vec_rsp_record(struct vec_runner *r, const struct vec_record *rec);

#endif
