/* SPDX-License-Identifier: Apache-2.0 */
/* aditd: the command line, going to the background, the ready line. */
#include "daemon/daemon.h"
#include "os/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Forks; the first process waits until the other one is ready and ends with its verdict. Returns in the child with the
 * descriptor to tell it on, or -1 in the first process with *exit_code. */
static int background(int *exit_code)
{
	int p[2];
	char ready = 0;

	if (pipe2(p, O_CLOEXEC)) {
		fprintf(stderr, "aditd: cannot go to the background: %s\n", strerrordesc_np(errno));
		*exit_code = 1;
		return -1;
	}
	pid_t pid = fork();
	if (pid == 0) {
		close(p[0]);
		setsid();
		return p[1];
	}
	close(p[1]);
	if (pid < 0)
		fprintf(stderr, "aditd: cannot go to the background: %s\n", strerrordesc_np(errno));
	*exit_code = pid > 0 && read(p[0], &ready, 1) == 1 ? 0 : 1;
	close(p[0]);
	return -1;
}

static void say_ready(int parent)
{
	if (parent >= 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		for (int fd = 0; fd < 3 && null >= 0; fd++)
			dup2(null, fd);
		if (null >= 0)
			close(null);
		(void)!write(parent, "R", 1);
		close(parent);
	} else {
		fprintf(stderr, "aditd: ready\n");
		fflush(stderr);
	}
	ready_notify("READY=1");
}

int main(int argc, char *argv[])
{
	struct daemon d = { 0 };
	struct diag *why = NULL;
	int parent = -1, code = 0;

	switch (options_parse(argc, argv, &d.opt)) {
	case OPTIONS_DONE:
		return 0;
	case OPTIONS_WRONG:
		return 2;
	case OPTIONS_RUN:
		break;
	}
	if (!d.opt.foreground) {
		parent = background(&code);
		if (parent < 0)
			return code;
	}
	err_t e = daemon_start(&d, &why);
	if (d.log)
		log_flush(d.log);
	if (e) {
		daemon_say(&d, why, e);
	} else {
		say_ready(parent);
		loop_run(d.loop);
	}
	diag_free(&why);
	daemon_stop(&d);
	return e ? 1 : 0;
}
