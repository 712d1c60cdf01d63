/* SPDX-License-Identifier: Apache-2.0 */
#include "os/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void ready_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof sa.sun_path)
		return;
	size_t n = strlen(path);
	memcpy(sa.sun_path, path, n);
	if (path[0] == '@')
		sa.sun_path[0] = 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	/* Nothing can be done about a manager that does not listen. */
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&sa,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}

void ready_reloading(void)
{
	struct timespec ts;
	char text[64];

	clock_gettime(CLOCK_MONOTONIC, &ts);
	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld", ts.tv_sec * 1000000ll + ts.tv_nsec / 1000);
	ready_notify(text);
}

static err_t taken(const char *path, int fd, struct diag **why)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof pid - 1, 0);

	pid[n > 0 ? strspn(pid, "0123456789") : 0] = 0;
	return diag_set(why, E_EXISTS, "another aditd (pid %s) holds %s: stop it, or give this one its own --pidfile, "
		"--socket and ports", *pid ? pid : "unknown", path);
}

/* Was the file we locked replaced or removed meanwhile? */
static bool still_there(const char *path, int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

err_t pidfile_take(const char *path, int *out, struct diag **why)
{
	char pid[16];
	err_t e = 0;

	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (fd < 0)
			return diag_errno(why, errno == EACCES ? E_PERM : E_IO, errno, "cannot make the pid file %s "
				"(another place: --pidfile PATH)", path);
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			e = errno == EWOULDBLOCK ? taken(path, fd, why) : diag_errno(why, E_IO, errno, "cannot lock "
				"%s", path);
			close(fd);
			return e;
		}
		if (!still_there(path, fd)) {
			close(fd);
			continue;
		}
		int n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
		if (ftruncate(fd, 0) || pwrite(fd, pid, (size_t)n, 0) != n) {
			e = diag_errno(why, E_IO, errno, "cannot write the pid file %s", path);
			close(fd);
			return e;
		}
		*out = fd;
		return 0;
	}
}

void pidfile_drop(const char *path, int fd)
{
	if (fd < 0)
		return;
	unlink(path);
	close(fd);
}
