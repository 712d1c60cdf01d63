/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The routes of the gateway: made by tools/restgen from api/rest/routes.json, which says what the words mean. Constant
 * data; any thread; nothing waits.
 */
#ifndef ADIT_REST_ROUTE_H
#define ADIT_REST_ROUTE_H

#include "api/schema/schema.h"

struct rest_req;

enum rest_kind {
	REST_LIST = 1, /* pages of what a method streams, ordered by `key` */
	REST_ITEM,     /* the one of these that has the name or number of the path */
	REST_PART,     /* an array within such an item, or one element of it */
	REST_CALL,     /* arguments in, result out */
	REST_ACT,      /* the same for what may take its time */
	REST_SECTION,  /* the body is a section under the name of the path */
	REST_STREAM,   /* all that a method streams */
	REST_TREE,     /* the same as one tree; with `part` the object of the path in this section of it */
	REST_BUILTIN   /* `run` */
};

/* Does a change name the version it was made for? */
enum rest_condition {
	REST_COND_NONE = 0,
	REST_COND_MAY, /* when it does, it is held to it */
	REST_COND_MUST /* of what is there already */
};

/* Parameters in a path, bytes of one, bytes of a path. */
enum { REST_PARAMS = 3, REST_PARAM_MAX = 256, REST_PATH_MAX = 1024 };

struct rest_route {
	const char *path; /* "/api/v1/sas/{ike-id}" */
	const char *verb;
	uint8_t kind; /* enum rest_kind */
	uint8_t role; /* enum api_perm; API_PERM_NONE: open to everyone */
	const char *method;
	const char *key;
	const char *part;
	const char *bind;    /* "name=ike": the parameter {name} is the argument ike */
	const char *leave;   /* arguments that make no sense here, with commas between */
	const char *set;     /* "leases=yes": arguments that are always so; {who}: the name of the caller */
	const char *filters; /* fields of an item a query may ask for */
	const char *names;   /* "get-shared,keys": what nobody may read is there when this list of that method has its name */
	uint8_t conditional; /* enum rest_condition, of a change */
	bool section;        /* GET: the section of the result that has the name of the path */
	void (*run)(struct rest_req *q);
};

extern const struct rest_route rest_routes[];
extern const size_t rest_n_routes;
extern const unsigned char rest_openapi[];
extern const size_t rest_n_openapi;

struct rest_path {
	char param[REST_PARAMS][REST_PARAM_MAX]; /* in the order of the route, decoded */
	const char *name[REST_PARAMS];           /* points into the route, name_n bytes */
	size_t name_n[REST_PARAMS];
	int n;
};

/* The route of a verb and an undecoded path (without query). NULL: none; *path_known tells whether another verb has it.
 * HEAD is looked for as GET. */
const struct rest_route *rest_route_find(const char *verb, const char *path, struct rest_path *out, bool *path_known);
/* Decodes %XX of one path segment or query value; false: it does not fit, or holds %00 or a broken escape. */
bool rest_unescape(slice in, char *out, size_t cap);
/* Is this word in a list with commas between? NULL list: no. */
bool rest_word_in(const char *list, slice word);
/* The value of "a=b,c=d" for a key: false when it is not there. */
bool rest_pair(const char *pairs, slice key, slice *value);

#endif
