/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of PF_KEY: written, asked, read. Lengths count units of 8 bytes. */
#include "plugins/kernel-pfkey/pfkey.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { UNIT = 8, ANSWERS = 4096 };

static size_t units(size_t n)
{
	return (n + UNIT - 1) / UNIT;
}

void pf_begin(struct pfkey *k, struct pf_msg *m, uint8_t type, uint8_t satype)
{
	struct sadb_msg *h = (struct sadb_msg *)m->buf;

	*h = (struct sadb_msg){ .sadb_msg_version = PF_KEY_V2, .sadb_msg_type = type, .sadb_msg_satype = satype,
		.sadb_msg_seq = ++k->seq, .sadb_msg_pid = (uint32_t)getpid() };
	m->n = sizeof *h;
}

void *pf_ext(struct pf_msg *m, uint16_t type, size_t len)
{
	size_t all = units(len) * UNIT;
	struct sadb_ext *e = (struct sadb_ext *)(m->buf + m->n);

	if (all > sizeof m->buf - m->n)
		return NULL;
	memset(e, 0, all);
	e->sadb_ext_len = (uint16_t)(all / UNIT);
	e->sadb_ext_type = type;
	m->n += all;
	return e;
}

size_t pf_sockaddr(void *out, const struct net_addr *a, uint16_t port)
{
	if (a->family == NET_V4) {
		struct sockaddr_in s = { .sin_family = AF_INET, .sin_port = htons(port) };
		memcpy(&s.sin_addr, a->a, 4);
		memcpy(out, &s, sizeof s);
		return sizeof s;
	}
	struct sockaddr_in6 s = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	memcpy(&s.sin6_addr, a->a, 16);
	memcpy(out, &s, sizeof s);
	return sizeof s;
}

void pf_put_addr(struct pf_msg *m, uint16_t type, const struct net_addr *a, uint8_t bits, uint8_t proto, uint16_t port)
{
	size_t len = a->family == NET_V4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	struct sadb_address *e = pf_ext(m, type, sizeof *e + len);

	if (!e)
		return;
	e->sadb_address_proto = proto;
	e->sadb_address_prefixlen = bits;
	pf_sockaddr(e + 1, a, port);
}

void pf_put_key(struct pf_msg *m, uint16_t type, slice key)
{
	struct sadb_key *e = pf_ext(m, type, sizeof *e + key.n);

	if (!e)
		return;
	e->sadb_key_bits = (uint16_t)(key.n * 8);
	if (key.n)
		memcpy(e + 1, key.p, key.n);
}

struct net_addr pf_addr_of(const struct sadb_ext *ext)
{
	const struct sadb_address *e = (const struct sadb_address *)ext;
	struct net_addr a = { .family = NET_NONE };
	size_t room = ext ? ext->sadb_ext_len * (size_t)UNIT : 0;

	if (room >= sizeof *e + sizeof(struct sockaddr_in) && ((const struct sockaddr *)(e + 1))->sa_family == AF_INET) {
		a.family = NET_V4;
		memcpy(a.a, &((const struct sockaddr_in *)(e + 1))->sin_addr, 4);
	} else if (room >= sizeof *e + sizeof(struct sockaddr_in6) &&
		((const struct sockaddr *)(e + 1))->sa_family == AF_INET6) {
		a.family = NET_V6;
		memcpy(a.a, &((const struct sockaddr_in6 *)(e + 1))->sin6_addr, 16);
	}
	return a;
}

bool pf_parse(const void *p, size_t n, struct pf_in *in)
{
	const struct sadb_msg *h = p;

	memset(in, 0, sizeof *in);
	if (n < sizeof *h || h->sadb_msg_version != PF_KEY_V2 || h->sadb_msg_len * (size_t)UNIT > n)
		return false;
	in->msg = h;
	n = h->sadb_msg_len * (size_t)UNIT;
	for (size_t at = sizeof *h; at + sizeof(struct sadb_ext) <= n;) {
		const struct sadb_ext *e = (const struct sadb_ext *)((const uint8_t *)p + at);
		size_t len = e->sadb_ext_len * (size_t)UNIT;
		if (!len || len > n - at)
			return false;
		if (e->sadb_ext_type <= SADB_EXT_MAX)
			in->ext[e->sadb_ext_type] = e;
		at += len;
	}
	return true;
}

int pf_ask(struct pfkey *k, struct pf_msg *m, void (*cb)(void *arg, const struct pf_in *in), void *arg)
{
	_Alignas(8) static uint8_t buf[64 * 1024];
	struct sadb_msg *h = (struct sadb_msg *)m->buf;
	uint8_t type = h->sadb_msg_type;
	struct pf_in in;

	h->sadb_msg_len = (uint16_t)(m->n / UNIT);
	/* What others did since is broadcast to every socket. */
	while (recv(k->ask, buf, sizeof buf, MSG_DONTWAIT) > 0)
		;
	if (send(k->ask, m->buf, m->n, 0) < 0)
		return errno;
	for (int i = 0; i < ANSWERS; i++) {
		ssize_t n = recv(k->ask, buf, sizeof buf, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? EPROTO : errno;
		if (!pf_parse(buf, (size_t)n, &in) || in.msg->sadb_msg_pid != (uint32_t)getpid() ||
			in.msg->sadb_msg_seq != k->seq || in.msg->sadb_msg_type != type)
			continue;
		int err = in.msg->sadb_msg_errno;
		if (!err && cb)
			cb(arg, &in);
		explicit_bzero(buf, (size_t)n);
		return err;
	}
	return EPROTO;
}

int pf_dump(struct pfkey *k, struct pf_msg *m, void (*cb)(void *arg, const struct pf_in *in), void *arg)
{
	_Alignas(8) static uint8_t buf[64 * 1024];
	struct sadb_msg *h = (struct sadb_msg *)m->buf;
	struct pf_in in;

	h->sadb_msg_len = (uint16_t)(m->n / UNIT);
	while (recv(k->ask, buf, sizeof buf, MSG_DONTWAIT) > 0)
		;
	if (send(k->ask, m->buf, m->n, 0) < 0)
		return errno == ENOENT ? 0 : errno;
	/* The kernel puts more into the socket while it is being read. */
	for (;;) {
		ssize_t n = recv(k->ask, buf, sizeof buf, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? EPROTO : errno;
		if (!pf_parse(buf, (size_t)n, &in) || in.msg->sadb_msg_pid != (uint32_t)getpid() ||
			in.msg->sadb_msg_type != h->sadb_msg_type)
			continue;
		int err = in.msg->sadb_msg_errno;
		bool last = err || !in.msg->sadb_msg_seq;
		if (!err)
			cb(arg, &in);
		explicit_bzero(buf, (size_t)n); /* keys */
		if (last)
			return err == ENOENT ? 0 : err;
	}
}

int pf_open(void)
{
	return socket(AF_KEY, SOCK_RAW | SOCK_CLOEXEC, PF_KEY_V2);
}

/* ---- words ---- */

static const struct {
	int err;
	err_t code;
	const char *text;
} refusals[] = {
	{ EPERM, E_PERM, "no privilege: aditd needs CAP_NET_ADMIN in this network namespace" },
	{ EACCES, E_PERM, "no privilege: aditd needs CAP_NET_ADMIN in this network namespace" },
	{ EAFNOSUPPORT, E_NOT_SUPPORTED, "the kernel has no PF_KEY: load its module (modprobe af_key), or take kernel-xfrm" },
	{ EPROTONOSUPPORT, E_NOT_SUPPORTED, "the kernel has no ESP or AH: load its modules (modprobe -a esp4 esp6 ah4 ah6)" },
	{ ENOSYS, E_NOT_SUPPORTED, "the kernel does not have these algorithms over PF_KEY" },
	{ EEXIST, E_EXISTS, "there is one already that is not ours: remove it (ip xfrm), or keep the programs apart" },
	{ ESRCH, E_NOT_FOUND, "there is none" },
	{ ENOENT, E_NOT_FOUND, "there is none" },
	{ EINVAL, E_BAD_VALUE, "the kernel does not take these values" },
	{ ENOBUFS, E_NOMEM, "out of memory" },
	{ ENOMEM, E_NOMEM, "out of memory" },
	{ EPROTO, E_IO, "the kernel did not answer: too much goes on over PF_KEY" },
};

err_t pf_err(int err)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		if (refusals[i].err == err)
			return refusals[i].code;
	return err ? E_IO : 0;
}

err_t pf_fail(struct pfkey *k, int err, const char *fmt, ...)
{
	const char *text = strerrordesc_np(err);
	char what[192];
	va_list ap;

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		if (refusals[i].err == err)
			text = refusals[i].text;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	pf_log(k, 1, "kernel-pfkey: cannot %s: %s", what, text);
	return pf_err(err);
}

void pf_log(struct pfkey *k, int level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	k->host->log(k->host->h, level, text);
}

/* ---- what the kernel has ---- */

static void note_algs(uint64_t *mask, const struct sadb_ext *ext)
{
	const struct sadb_supported *s = (const struct sadb_supported *)ext;
	const struct sadb_alg *a = (const struct sadb_alg *)(s + 1);
	size_t n = ext ? (ext->sadb_ext_len * (size_t)UNIT - sizeof *s) / sizeof *a : 0;

	for (size_t i = 0; i < n; i++)
		if (a[i].sadb_alg_id < 64)
			*mask |= UINT64_C(1) << a[i].sadb_alg_id;
}

static void on_register(void *arg, const struct pf_in *in)
{
	struct pfkey *k = arg;

	note_algs(&k->auth, in->ext[SADB_EXT_SUPPORTED_AUTH]);
	note_algs(&k->encr, in->ext[SADB_EXT_SUPPORTED_ENCRYPT]);
}

err_t pf_register(struct pfkey *k)
{
	struct pf_msg m;
	static const uint8_t types[] = { SADB_SATYPE_ESP, SADB_SATYPE_AH };
	int err = 0;

	for (size_t i = 0; i < ARRAY_LEN(types) && !err; i++) {
		pf_begin(k, &m, SADB_REGISTER, types[i]);
		err = pf_ask(k, &m, on_register, k);
	}
	return err ? pf_fail(k, err, "register with the kernel") : 0;
}
