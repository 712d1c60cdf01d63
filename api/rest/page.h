/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The web page: the files of one folder, read once at the start, so that no path of a request ever meets a file system.
 * Constant afterwards; any thread.
 */
#ifndef ADIT_REST_PAGE_H
#define ADIT_REST_PAGE_H

#include "api/rest/rest.h"

enum { PAGE_FILES = 64, PAGE_BYTES = 4 * 1024 * 1024 };

struct pages;
/* A folder that is not there: no pages. */
MUST err_t pages_new(const char *folder, struct pages **out, struct diag **why);
void pages_free(struct pages *p);
size_t pages_count(const struct pages *p);
bool pages_have(const struct pages *p, const char *path);
/* Answers a GET of a page; false: there is none of this path. */
bool pages_serve(struct rest_req *q, const char *path);

#endif
