/* SPDX-License-Identifier: Apache-2.0 */
/* Records as datagrams to a socket of this host, whose reader may go and come. Header only; the log's thread. */
#ifndef ADIT_LOG_COMMON_DATAGRAM_H
#define ADIT_LOG_COMMON_DATAGRAM_H

#include "plugin/abi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LOG_DATAGRAM_AGAIN_MS = 5000 };

struct log_datagram {
	int fd;            /* -1: not connected */
	uint64_t again_ms; /* not tried before */
	char path[sizeof((struct sockaddr_un *)0)->sun_path];
};

/* Connects with the first datagram. */
static inline void log_datagram_init(struct log_datagram *d, const char *path)
{
	*d = (struct log_datagram){ .fd = -1 };
	snprintf(d->path, sizeof d->path, "%s", path);
}

static inline void log_datagram_fini(struct log_datagram *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

static inline bool log_datagram_connected(const struct plug_host *host, struct log_datagram *d)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	uint64_t now_ms = host->now_ms(host->h);

	if (d->fd >= 0)
		return true;
	if (now_ms < d->again_ms)
		return false;
	d->again_ms = now_ms + LOG_DATAGRAM_AGAIN_MS;
	memcpy(sa.sun_path, d->path, sizeof sa.sun_path);
	d->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd >= 0 && connect(d->fd, (struct sockaddr *)&sa, sizeof sa))
		log_datagram_fini(d);
	return d->fd >= 0;
}

/* What is not taken at once is counted (lines_lost), not waited for. */
static inline void log_datagram_send(const struct plug_host *host, struct log_datagram *d, const char *p, size_t n)
{
	bool connected = log_datagram_connected(host, d);

	if (connected && send(d->fd, p, n, MSG_NOSIGNAL) >= 0)
		return;
	host->count(host->h, "lines_lost", 1);
	/* Its reader was started anew: connect again, but not for every line. */
	if (connected && errno != EAGAIN && errno != ENOBUFS && errno != EMSGSIZE)
		log_datagram_fini(d);
}

#endif
