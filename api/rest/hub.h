/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events of aditd for any number of listeners: one connection to the daemon, one thread, one ring of events as JSON.
 * A listener has a place in the ring; one that is too slow finds its place overwritten and is told how many events it
 * lost. Kept events let a listener go on where its connection broke. The ring is bounded in number and bytes.
 *
 * The daemon is listened to while anybody listens, and for a minute after; a connection that breaks is made again, and an
 * event `gateway` tells of both. Lines of the log are asked for only while somebody wants them.
 */
#ifndef ADIT_REST_HUB_H
#define ADIT_REST_HUB_H

#include "api/rest/rest.h"

enum { HUB_EVENTS = 4096, HUB_BYTES = 4 * 1024 * 1024, HUB_LINGER_MS = 60000 };

struct hub;
struct hub_sub;

MUST err_t hub_new(const char *socket, unsigned max_subs, struct hub **out);
/* Wakes every listener: their hub_next says that it is over. */
void hub_stop(struct hub *h);
bool hub_stopped(struct hub *h);
void hub_free(struct hub *h);

/* Listens to these events: a mask of 1 << index in api_events. last_id: what the listener saw last ("" nothing).
 * Waits until the daemon has been told, or a second. E_LIMIT: too many listeners. */
MUST err_t hub_subscribe(struct hub *h, uint64_t mask, const char *last_id, struct hub_sub **out);
void hub_unsubscribe(struct hub_sub *s);
/* The next event as a block of a text/event-stream, in *text (of the heap); waits up to timeout_ms. *text NULL: none came.
 * False: the gateway stops. */
bool hub_next(struct hub_sub *s, unsigned timeout_ms, char **text);

#endif
