/* SPDX-License-Identifier: Apache-2.0 */
/* The socket file: made, taken over when stale, refused when a daemon answers on it; credentials of clients. */
#include "api/server/socket.h"

#include "api/schema/schema.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NO_GROUP ((gid_t)-1)

static err_t sys_fail(struct diag **why, int e, const char *what, const char *path)
{
	const char *hint = e == EACCES || e == EPERM ? ": start as root or choose a folder of yours with --socket" :
			   e == ENOENT ? ": its folder does not exist, make it or choose another one with --socket" : "";
	return diag_errno(why, e == EACCES || e == EPERM ? E_PERM : E_IO, e, "cannot %s the API socket %s%s", what, path, hint);
}

/* Nobody behind the file: it may be taken. */
static err_t take_stale(const struct sockaddr_un *a, struct diag **why)
{
	struct stat st;
	if (lstat(a->sun_path, &st))
		return errno == ENOENT ? 0 : sys_fail(why, errno, "look at", a->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return diag_set(why, E_EXISTS, "%s is there and is no socket: remove it or choose another one with --socket",
				a->sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return sys_fail(why, errno, "try", a->sun_path);
	int r = connect(fd, (const struct sockaddr *)a, sizeof *a);
	int e = errno;
	close(fd);
	/* EAGAIN: a living one whose backlog is full. */
	if (r == 0 || e == EAGAIN || e == EINPROGRESS)
		return diag_set(why, E_EXISTS, "another daemon already answers on %s: stop it or choose another one with --socket",
				a->sun_path);
	if (e != ECONNREFUSED)
		return sys_fail(why, e, "try", a->sun_path);
	if (unlink(a->sun_path) && errno != ENOENT)
		return sys_fail(why, errno, "remove the left-over file of", a->sun_path);
	return 0;
}

static mode_t socket_mode(const struct api_env *env, gid_t *group)
{
	const gid_t g[] = { env->group_operate, env->group_read, env->group_configure };
	unsigned n = 0;
	*group = NO_GROUP;
	for (size_t i = 0; i < ARRAY_LEN(g); i++)
		if (g[i] != NO_GROUP && g[i] != *group) {
			*group = n ? *group : g[i];
			n++;
		}
	return n == 0 ? 0600 : n == 1 ? 0660 : 0666;
}

err_t api_socket_listen(const struct api_env *env, const char *path, int *fd, dev_t *dev, ino_t *ino, struct diag **why)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;
	gid_t group;
	mode_t mode = socket_mode(env, &group);
	if (strlen(path) >= sizeof a.sun_path)
		return diag_set(why, E_BAD_VALUE, "the path of the API socket is longer than %zu bytes: %s", sizeof a.sun_path - 1,
				path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	err_t err = take_stale(&a, why);
	if (err)
		return err;
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return sys_fail(why, errno, "make", path);
	/* Made closed and opened up afterwards, so that nobody slips in before the mode is right. */
	mode_t old = umask(0177);
	int r = bind(s, (const struct sockaddr *)&a, sizeof a);
	int e = errno;
	umask(old);
	if (r) {
		close(s);
		return sys_fail(why, e, "make", path);
	}
	/* Without the right to give the file away the credentials decide alone, as with several groups. */
	if (mode == 0660 && chown(path, (uid_t)-1, group))
		mode = 0666;
	if (chmod(path, mode) || listen(s, 64) || stat(path, &st)) {
		err = sys_fail(why, errno, "open", path);
		close(s);
		unlink(path);
		return err;
	}
	*fd = s;
	*dev = st.st_dev;
	*ino = st.st_ino;
	return 0;
}

void api_socket_remove(const char *path, dev_t dev, ino_t ino)
{
	struct stat st;
	if (!stat(path, &st) && st.st_dev == dev && st.st_ino == ino)
		unlink(path);
}

int api_socket_accept(int listen_fd, struct api_peer *peer)
{
	struct ucred cred;
	socklen_t n = sizeof cred;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return -1;
	*peer = (struct api_peer){ .uid = (uid_t)-1, .gid = NO_GROUP };
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n)) {
		peer->uid = cred.uid;
		peer->gid = cred.gid;
		peer->pid = cred.pid;
	}
	n = sizeof peer->groups;
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &n))
		peer->n_groups = (unsigned)(n / sizeof peer->groups[0]);
	return fd;
}

static bool in_group(const struct api_peer *p, gid_t g)
{
	if (g == NO_GROUP)
		return false;
	for (unsigned i = 0; i < p->n_groups; i++)
		if (p->groups[i] == g)
			return true;
	return p->gid == g;
}

uint8_t api_peer_perm(const struct api_env *env, const struct api_peer *p)
{
	if (p->uid == 0 || (p->uid == geteuid() && p->uid != (uid_t)-1) || in_group(p, env->group_configure))
		return API_PERM_CONFIGURE;
	if (in_group(p, env->group_operate))
		return API_PERM_OPERATE;
	return in_group(p, env->group_read) ? API_PERM_READ : API_PERM_NONE;
}
