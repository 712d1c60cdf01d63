/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Picking a page or an item out of what a method streams: the smallest keys behind a place, never more than a page in
 * memory, however many there are. On the thread of the request; nothing waits.
 */
#ifndef ADIT_REST_PICK_H
#define ADIT_REST_PICK_H

#include "api/rest/rest.h"

struct picked {
	char *key; /* as it is compared */
	json_t *item;
};

struct pick {
	const struct rest_route *route;
	const struct api_event *event;
	bool by_number;
	char after[REST_PARAM_MAX], only[REST_PARAM_MAX]; /* "" none */
	size_t limit, n;
	bool more;
	struct picked *v;
	struct { const char *name; char value[REST_PARAM_MAX]; } filter[8];
	size_t n_filters;
};

/* A page as the query asks for it; false: answered. */
bool pick_page(struct pick *p, struct rest_req *q);
/* The item of the path. */
void pick_item(struct pick *p, struct rest_req *q);
/* Callback for adit_api_stream. */
void pick_event(void *pick, const char *event, const struct adit_node *body);
/* Answers with the page. */
void pick_answer(struct pick *p, struct rest_req *q);
/* The item, which is the caller's; NULL none. */
json_t *pick_take(struct pick *p);
void pick_fini(struct pick *p);

#endif
