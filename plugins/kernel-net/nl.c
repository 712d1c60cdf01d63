/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to rtnetlink, and what their refusals mean. */
#include "plugins/kernel-net/net.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

err_t nl_open(struct nl *nl)
{
	int yes = 1;

	nl->s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl->s || mnl_socket_bind(nl->s, 0, MNL_SOCKET_AUTOPID) < 0)
		return errno == EPERM ? E_PERM : E_IO;
	/* Texts of refusals, and dumps of what was asked for alone; older kernels have neither. */
	(void)mnl_socket_setsockopt(nl->s, NETLINK_EXT_ACK, &yes, sizeof yes);
	(void)mnl_socket_setsockopt(nl->s, NETLINK_GET_STRICT_CHK, &yes, sizeof yes);
	return 0;
}

void nl_close(struct nl *nl)
{
	if (nl->s)
		mnl_socket_close(nl->s);
	nl->s = NULL;
}

struct nlmsghdr *nl_head(struct nl *nl, void *buf, uint16_t type, uint16_t flags)
{
	memset(buf, 0, MSG);
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);

	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST | flags;
	m->nlmsg_seq = ++nl->seq;
	return m;
}

static void note_text(struct nl *nl, const struct nlmsghdr *m)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(m);
	size_t skip = sizeof *e;
	const struct nlattr *a;

	if (!(m->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(m->nlmsg_flags & NLM_F_CAPPED))
		skip += mnl_nlmsg_get_payload_len(&e->msg);
	mnl_attr_for_each(a, m, skip)
		if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG)
			snprintf(nl->text, sizeof nl->text, "%.*s", (int)mnl_attr_get_payload_len(a),
				(const char *)mnl_attr_get_payload(a));
}

int nl_ask(struct nl *nl, struct nlmsghdr *m, mnl_cb_t cb, void *arg)
{
	uint32_t seq = m->nlmsg_seq;

	nl->text[0] = 0;
	if (mnl_socket_sendto(nl->s, m, m->nlmsg_len) < 0)
		return errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl->s, nl->in, sizeof nl->in);
		if (n < 0)
			return errno;
		const struct nlmsghdr *h = (const void *)nl->in;
		if (mnl_nlmsg_ok(h, (int)n) && h->nlmsg_seq == seq && h->nlmsg_type == NLMSG_ERROR &&
			mnl_nlmsg_get_payload_len(h) >= sizeof(struct nlmsgerr))
			note_text(nl, h);
		int v = mnl_cb_run(nl->in, (size_t)n, seq, mnl_socket_get_portid(nl->s), cb, arg);
		if (v < 0 && errno == EPROTO)
			continue; /* rest of an older answer */
		if (v < 0)
			return errno;
		if (v == MNL_CB_STOP)
			return 0;
	}
}

/* ---- words ---- */

static const struct refusal {
	int err;
	err_t code;
	const char *text;
} refusals[] = {
	{ EPERM, E_PERM, "no privilege: aditd needs CAP_NET_ADMIN in this network namespace" },
	{ EACCES, E_PERM, "no privilege: aditd needs CAP_NET_ADMIN in this network namespace" },
	{ EOPNOTSUPP, E_NOT_SUPPORTED, "the kernel cannot do it: load its module (modprobe), or take another kind" },
	{ EAFNOSUPPORT, E_NOT_SUPPORTED, "the kernel has no such address family: is IPv6 switched off?" },
	{ EEXIST, E_EXISTS, "there is one already that is not ours: choose another, or remove it" },
	{ ENODEV, E_NOT_FOUND, "there is no such device" },
	{ ENETUNREACH, E_NOT_FOUND, "the next hop cannot be reached: check the gateway or the device" },
	{ EHOSTUNREACH, E_NOT_FOUND, "the next hop cannot be reached: check the gateway or the device" },
	{ ENOENT, E_NOT_FOUND, "there is none of this name" },
	{ EINVAL, E_BAD_VALUE, "the kernel does not take these values" },
	{ ERANGE, E_BAD_VALUE, "the kernel does not take these values" },
	{ ENOBUFS, E_NOMEM, "out of memory" },
	{ ENOMEM, E_NOMEM, "out of memory" },
};

err_t nl_fail(struct net *k, int err, char *why, size_t cap, const char *fmt, ...)
{
	const struct refusal *r = NULL;
	char what[160];
	va_list ap;

	for (size_t i = 0; i < ARRAY_LEN(refusals) && !r; i++)
		if (refusals[i].err == err)
			r = &refusals[i];
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	snprintf(why, cap, "cannot %s: %s%s%s%s", what, r ? r->text : strerrordesc_np(err), *k->nl.text ? " (" : "",
		k->nl.text, *k->nl.text ? ")" : "");
	return r ? r->code : E_IO;
}

void net_log(struct net *k, int level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	k->host->log(k->host->h, level, text);
}
