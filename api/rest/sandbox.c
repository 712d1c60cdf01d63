/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "api/rest/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static err_t become(const char *user, struct diag **why)
{
	errno = 0;
	const struct passwd *p = getpwnam(user);
	if (!p)
		return diag_set(why, E_NOT_FOUND, "there is no user '%s': make one (useradd --system %s), or leave the setting user out", user,
				user);
	if (geteuid() == p->pw_uid)
		return 0;
	if (initgroups(user, p->pw_gid) || setgid(p->pw_gid) || setuid(p->pw_uid))
		return diag_errno(why, E_PERM, errno, "cannot become the user '%s': start as root or as this user", user);
	return 0;
}

/* A list of what is refused, since the libraries' list of what they use changes with each release. */
static err_t refuse_calls(struct diag **why)
{
#ifdef ADIT_SANITIZED
	(void)why; /* the leak check at the end traces the process */
	return 0;
#else
	static const int calls[] = {
		SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
		SCMP_SYS(process_vm_writev), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
		SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(init_module),
		SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(reboot),
		SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl), SCMP_SYS(userfaultfd),
		SCMP_SYS(io_uring_setup), SCMP_SYS(open_by_handle_at), SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setgroups),
		SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(acct), SCMP_SYS(quotactl), SCMP_SYS(settimeofday), SCMP_SYS(clock_settime),
	};
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int bad = f ? 0 : -ENOMEM;
	for (size_t i = 0; !bad && i < ARRAY_LEN(calls); i++)
		bad = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
	/* Only these kinds of sockets: nothing below IP, no netlink. */
	for (int n = 0; !bad && n < AF_INET6; n++)
		if (n != AF_UNIX && n != AF_INET)
			bad = seccomp_rule_add(f, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)n));
	if (!bad)
		bad = seccomp_rule_add(f, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, AF_INET6));
	if (!bad)
		bad = seccomp_load(f);
	if (f)
		seccomp_release(f);
	return bad ? diag_errno(why, E_IO, -bad, "cannot install the filter of system calls") : 0;
#endif
}

err_t sandbox_enter(const char *user, struct log *log, struct diag **why)
{
	err_t err = user ? become(user, why) : 0;
	if (err)
		return err;
	if (!geteuid())
		LOGF(log, LOG_DAEMON, LOG_CONTROL, NULL, "runs as root, without capabilities: the setting user = adit-rest is better");
	if (setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return diag_errno(why, E_IO, errno, "cannot switch off core dumps");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return diag_errno(why, E_IO, errno, "cannot give up new privileges");
	capng_get_caps_process();
	capng_select_t what = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS;
	capng_clear(what);
	if (capng_apply(what))
		return diag_set(why, E_PERM, "cannot give up capabilities");
	return refuse_calls(why);
}
