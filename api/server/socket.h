/* SPDX-License-Identifier: Apache-2.0 */
/* The listening socket of the API and the credentials of who connects. Loop thread; nothing waits. */
#ifndef ADIT_API_SOCKET_H
#define ADIT_API_SOCKET_H

#include "api/server/server.h"

struct api_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	gid_t groups[64]; /* supplementary */
	unsigned n_groups;
};

MUST err_t api_socket_listen(const struct api_env *env, const char *path, int *fd, dev_t *dev, ino_t *ino,
			     struct diag **why);
/* Removes the file if it is still the one we made. */
void api_socket_remove(const char *path, dev_t dev, ino_t ino);
/* A connection, non-blocking, or -1 when there is none. */
int api_socket_accept(int listen_fd, struct api_peer *peer);
/* What this caller may do: enum api_perm. */
uint8_t api_peer_perm(const struct api_env *env, const struct api_peer *peer);

#endif
