/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the kernel in batches, with the reasons it gives when it refuses. */
#include "plugins/kernel-xfrm/xfrm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

enum { MSG_MAX = 4096, SEND_BYTES = 1 << 20 };

static const struct {
	int err;
	err_t is;
	const char *remedy; /* NULL: the kernel's own words have to do */
} meanings[] = {
	{ EPERM, E_PERM, "CAP_NET_ADMIN is missing" },
	{ EEXIST, E_EXISTS, "there is one already, of another program: ip xfrm state and ip xfrm policy show it; delete it "
		"there or choose other selectors" },
	{ ENOENT, E_NOT_FOUND, NULL },
	{ ESRCH, E_NOT_FOUND, NULL },
	{ ENOMEM, E_NOMEM, "the kernel has no memory for it" },
	{ ENOBUFS, E_NOMEM, "the kernel has no memory for it" },
	{ ENOSYS, E_NOT_SUPPORTED, "the kernel has no such algorithm: load its module or change the proposal" },
	{ EPROTONOSUPPORT, E_NOT_SUPPORTED, "the kernel has no such protocol or mode: load the modules esp4, esp6, ah4, ah6, "
		"ipcomp and xfrm_user, or take the data plane kernel-user" },
	{ EOPNOTSUPP, E_NOT_SUPPORTED, "the kernel or the network interface cannot do it" },
	{ EINVAL, E_BAD_VALUE, "the kernel is too old for it or does not allow this combination" },
	{ ENODEV, E_NOT_FOUND, "there is no such network interface" },
};

err_t xfrm_err(int err)
{
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (meanings[i].err == err)
			return meanings[i].is;
	return err ? E_IO : 0;
}

void xfrm_log(struct xfrm *k, int level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	k->host->log(k->host->h, level, text);
}

void xfrm_say(struct xfrm *k, const char *what, const struct nl_fail *f)
{
	const char *remedy = NULL;

	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (meanings[i].err == f->err)
			remedy = meanings[i].remedy;
	xfrm_log(k, 0, "the kernel refused %s: %s%s%s%s%s%s", what, strerrordesc_np(f->err), f->text[0] ? " (" : "", f->text,
		f->text[0] ? ")" : "", remedy ? ": " : "", remedy ? remedy : "");
}

err_t nl_open(struct nl *nl)
{
	int on = 1, bytes = SEND_BYTES;

	nl->s = mnl_socket_open2(NETLINK_XFRM, SOCK_CLOEXEC);
	if (!nl->s || mnl_socket_bind(nl->s, 0, MNL_SOCKET_AUTOPID) < 0)
		return errno == EPROTONOSUPPORT ? E_NOT_SUPPORTED : errno == EPERM ? E_PERM : E_IO;
	/* Acknowledgements without the request in them, with the kernel's reason. */
	(void)mnl_socket_setsockopt(nl->s, NETLINK_CAP_ACK, &on, sizeof on);
	(void)mnl_socket_setsockopt(nl->s, NETLINK_EXT_ACK, &on, sizeof on);
	int fd = mnl_socket_get_fd(nl->s);
	(void)!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	(void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	return 0;
}

void nl_close(struct nl *nl)
{
	if (nl->s)
		mnl_socket_close(nl->s);
	explicit_bzero(nl->buf, sizeof nl->buf);
	nl->s = NULL;
}

void nl_clear(struct nl *nl)
{
	nl->fail = (struct nl_fail){ 0 };
	nl->used = nl->n = 0;
}

struct nlmsghdr *nl_msg(struct nl *nl, uint16_t type, uint16_t flags, size_t op, bool forgive)
{
	if (nl->n == NL_MSGS || nl->used + MSG_MAX > sizeof nl->buf)
		(void)nl_flush(nl);
	struct nlmsghdr *m = mnl_nlmsg_put_header(nl->buf + nl->used);
	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	m->nlmsg_seq = ++nl->seq;
	if (!nl->n)
		nl->first = nl->seq;
	nl->op[nl->n] = op;
	nl->forgive[nl->n] = forgive;
	return m;
}

void nl_end(struct nl *nl, struct nlmsghdr *m)
{
	nl->used += NLMSG_ALIGN(m->nlmsg_len);
	nl->n++;
}

static void read_reason(const struct nlmsghdr *m, struct nl_fail *f)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(m);
	size_t skip = sizeof *e;

	if (!(m->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(m->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - sizeof e->msg;
	if (m->nlmsg_len < sizeof *m + skip)
		return;
	const struct nlattr *a;
	mnl_attr_for_each(a, m, (unsigned)skip)
		if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
			snprintf(f->text, sizeof f->text, "%s", mnl_attr_get_str(a));
}

static void refuse(struct nl *nl, int err, size_t op)
{
	if (!nl->fail.err)
		nl->fail = (struct nl_fail){ .err = err, .op = op };
}

int nl_flush(struct nl *nl)
{
	unsigned n = nl->n, seen = 0;
	size_t used = nl->used;

	nl->used = nl->n = 0;
	if (!n)
		return nl->fail.err;
	ssize_t sent = mnl_socket_sendto(nl->s, nl->buf, used);
	if (sent < 0)
		refuse(nl, errno, nl->op[0]);
	while (sent >= 0 && seen < n) {
		ssize_t got = recv(mnl_socket_get_fd(nl->s), nl->in, sizeof nl->in, MSG_DONTWAIT);
		if (got < 0) {
			refuse(nl, errno == EAGAIN ? EIO : errno, nl->op[0]);
			break;
		}
		int left = (int)got;
		for (const struct nlmsghdr *m = (void *)nl->in; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
			uint32_t at = m->nlmsg_seq - nl->first;
			if (m->nlmsg_type != NLMSG_ERROR || at >= n || mnl_nlmsg_get_payload_len(m) < sizeof(struct nlmsgerr))
				continue; /* rest of an older answer */
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(m);
			int err = -e->error;
			seen++;
			if (!err || nl->fail.err || (nl->forgive[at] && (err == ENOENT || err == ESRCH)))
				continue;
			refuse(nl, err, nl->op[at]);
			read_reason(m, &nl->fail);
		}
	}
	explicit_bzero(nl->buf, used); /* keys */
	return nl->fail.err;
}

struct nlmsghdr *nl_ask_head(struct nl *nl, void *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);

	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST | flags;
	m->nlmsg_seq = ++nl->seq;
	return m;
}

int nl_ask(struct nl *nl, struct nlmsghdr *m, mnl_cb_t cb, void *arg)
{
	uint32_t seq = m->nlmsg_seq;

	if (mnl_socket_sendto(nl->s, m, m->nlmsg_len) < 0)
		return errno;
	for (;;) {
		ssize_t n = recv(mnl_socket_get_fd(nl->s), nl->in, sizeof nl->in, MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN ? EIO : errno;
		int v = mnl_cb_run(nl->in, (size_t)n, seq, mnl_socket_get_portid(nl->s), cb, arg);
		if (v < 0 && errno == EPROTO)
			continue; /* rest of an older answer */
		if (v < 0)
			return errno;
		if (v == MNL_CB_STOP)
			return 0;
	}
}
