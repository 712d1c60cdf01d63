/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the daemon's part for the host's network. One thread (the loop's). */
#ifndef ADIT_DAEMON_NETPLANE_H
#define ADIT_DAEMON_NETPLANE_H

#include "daemon/daemon.h"

struct netpaths;
struct netvifs;

struct netplane {
	const struct knet_ops *ops; /* NULL: there is no plugin */
	void *self;
	struct netpaths *paths;
	struct netvifs *vifs;
};

/* ---- netvif.c: interfaces of connections and sessions, routes of children ---- */

bool netvif_start(struct netplane *n);
void netvif_stop(struct netplane *n);
/* Makes the interface of a connection that has one of its own, before its children start. */
void netvif_conn(struct daemon *d, const struct conf_conn *c);
/* dev: the interface of the child, "" none. */
void netvif_child(struct daemon *d, const struct ike_view *sa, const struct ike_child_view *c, bool up, char dev[16]);
/* A rekey has replaced one child by another. */
void netvif_renamed(struct daemon *d, const struct ike_child_view *old, const struct ike_child_view *now);
/* The addresses of an IKE SA have changed. */
void netvif_moved(struct daemon *d, const struct ike_view *sa);
/* The network has changed: automatic MTUs follow. */
void netvif_follow(struct daemon *d);

#endif
