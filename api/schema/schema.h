/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema of the message API as tables: what the JSON files of this folder declare, turned into C by tools/apigen. The server
 * checks arguments with it and answers `describe` from it, the command line makes its help and JSON types from it.
 * Constant data; any thread.
 */
#ifndef ADIT_API_SCHEMA_H
#define ADIT_API_SCHEMA_H

#include "base/diag.h"

/* Major version of the API that `hello` negotiates. */
#define API_MAJOR 1
/* Longest text of an argument that does not say otherwise, in bytes. */
#define API_TEXT_MAX 127u

enum api_type {
	API_BOOL = 1, /* "yes", "no" */
	API_UINT,
	API_INT,
	API_TEXT,
	API_HEX,
	API_ENUM,    /* one of `values` */
	API_LIST,    /* of texts */
	API_SECTION, /* with `fields` */
	API_MAP,     /* a section of sections with free names, each with `fields` */
	API_ANY,     /* anything; its meaning is documented elsewhere */
	API_BYTES    /* a file: any bytes */
};

enum api_perm { API_PERM_NONE = 0, API_PERM_READ, API_PERM_OPERATE, API_PERM_CONFIGURE };

struct api_field {
	const char *name; /* "*": any name */
	uint8_t type;     /* enum api_type */
	bool required, secret, ranged;
	int64_t min, max;   /* when ranged: of the number; max of a text: its bytes */
	const char *unit;   /* or NULL */
	const char *values; /* of an enum: comma-separated, else NULL */
	const char *doc;
	const struct api_field *fields;
	uint16_t n_fields;
};

struct api_method {
	const char *name, *group, *doc, *since, *status;
	uint8_t perm;       /* enum api_perm: what the caller needs */
	const char *stream; /* event it streams, or NULL */
	const char *errors; /* comma-separated */
	const struct api_field *args, *result;
	uint16_t n_args, n_result;
};

struct api_event {
	const char *name, *doc, *since, *status;
	uint8_t perm;
	const struct api_field *fields;
	uint16_t n_fields;
};

extern const struct api_method api_methods[]; /* ordered by name; the index is enum api_method_id */
extern const size_t api_n_methods;
extern const struct api_event api_events[];   /* ordered by name; the index is enum api_event_id */
extern const size_t api_n_events;

/* Index, or -1. */
int api_method_find(slice name);
int api_event_find(slice name);
/* The field of this name, else the field "*", else NULL. */
const struct api_field *api_field_find(const struct api_field *f, size_t n, slice name);
const char *api_type_name(uint8_t type);
const char *api_perm_name(uint8_t perm);

/* The known name nearest to a wrong one, NULL when nothing is near. */
const char *api_method_near(slice name);

/* Checks the arguments of a call (body well-formed): unknown, missing, wrong type, out of range, each with the name and
 * the nearest valid one in why. */
MUST err_t api_args_check(const struct api_method *m, slice body, struct diag **why);
/* "yes", "no" and their usual other spellings; false when it is neither. */
bool api_bool(slice v, bool *out);
/* A decimal number; false when it is none or does not fit. */
bool api_int(slice v, int64_t *out);

#endif
