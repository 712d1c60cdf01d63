/* SPDX-License-Identifier: Apache-2.0 */
#include "os/caps.h"
#include "base/diag.h"

#include <cap-ng.h>
#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct {
	unsigned cap;
	const char *name, *loses;
} keep[] = {
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN", "tunnels cannot be installed" },
	{ CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE", "ports below 1024 cannot be bound" },
	{ CAP_NET_RAW, "CAP_NET_RAW", "ESP without UDP encapsulation cannot be sent" },
};

static void raise_limit(int what, rlim_t to)
{
	struct rlimit r;

	if (getrlimit(what, &r))
		return;
	/* RLIM_INFINITY is the largest number. */
	struct rlimit want = { to, to > r.rlim_max ? to : r.rlim_max };
	if (setrlimit(what, &want) == 0)
		return;
	/* Not privileged: up to the hard limit. */
	r.rlim_cur = r.rlim_max;
	setrlimit(what, &r);
}

err_t caps_drop(struct log *log, bool debug, struct diag **why)
{
	raise_limit(RLIMIT_MEMLOCK, RLIM_INFINITY);
	raise_limit(RLIMIT_NOFILE, 65536);
	if (!debug && (setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)))
		return diag_errno(why, E_IO, errno, "cannot switch off core dumps");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return diag_errno(why, E_IO, errno, "cannot give up new privileges");
	if (capng_get_caps_process())
		return diag_set(why, E_IO, "cannot read the capabilities of the process");
	bool have[ARRAY_LEN(keep)], bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	for (size_t i = 0; i < ARRAY_LEN(keep); i++) {
		have[i] = capng_have_capability(CAPNG_PERMITTED, keep[i].cap);
		if (!have[i])
			LOGF(log, LOG_DAEMON, LOG_CONTROL, NULL, "the process does not have %s: %s; start it as root "
				"or with this capability", keep[i].name, keep[i].loses);
	}
	capng_type_t sets = CAPNG_EFFECTIVE | CAPNG_PERMITTED | (bounding ? CAPNG_BOUNDING_SET : 0);
	capng_clear(bounding ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS);
	for (size_t i = 0; i < ARRAY_LEN(keep); i++)
		if (have[i])
			capng_update(CAPNG_ADD, sets, keep[i].cap);
	if (capng_apply(bounding ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS))
		return diag_set(why, E_PERM, "cannot give up capabilities");
	return 0;
}

void caps_for_scripts(void)
{
	if (getuid() == 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(keep); i++)
		if (capng_have_capability(CAPNG_PERMITTED, keep[i].cap))
			capng_update(CAPNG_ADD, CAPNG_INHERITABLE | CAPNG_AMBIENT, keep[i].cap);
	/* An old kernel without ambient capabilities: scripts run without. */
	(void)!capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT);
}
