/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that never get to the end of their request: one byte now and then keeps a connection from being idle, and the
 * number of connections is bounded. From its opening, or the end of the request before, until a request is there as a whole,
 * its body and a TLS handshake included, a connection has the time of the setting `request_timeout`; then it is shut down.
 * Answers have no such limit: an event stream lasts, and who does not read is idle for the HTTP library.
 * Any thread; nothing waits.
 */
#ifndef ADIT_REST_DEADLINE_H
#define ADIT_REST_DEADLINE_H

#include "base/err.h"

#include <microhttpd.h>

struct deadlines;
struct deadlines *deadlines_new(void);
/* After the HTTP library has been stopped. */
void deadlines_free(struct deadlines *d);

/* Callback of the library (MHD_OPTION_NOTIFY_CONNECTION); arg is the struct deadlines. */
void deadlines_notify(void *arg, struct MHD_Connection *c, void **ctx, enum MHD_ConnectionNotificationCode what);
/* The request of this connection is there; or it is answered, and the next one is waited for. */
void deadlines_arrived(struct MHD_Connection *c);
void deadlines_again(struct MHD_Connection *c);
/* Shuts down the connections that have waited longer than this. How many? */
size_t deadlines_sweep(struct deadlines *d, uint64_t longest_ms);

#endif
