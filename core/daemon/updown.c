/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The updown scripts of child SAs: once per pair of selectors, when it comes up and when it goes, with the environment
 * that scripts of this field expect (PLUTO_…). os/hooks runs them; their output goes to the log.
 */
#include "base/text.h"
#include "daemon/daemon.h"

#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ENV_MAX = 96, ENV_BYTES = HOOKS_JOB_MAX - 1024 };

struct env {
	const char *v[ENV_MAX + 1];
	size_t n, at;
	char buf[ENV_BYTES];
};

/* What does not fit is left out. */
static void PRINTF_LIKE(3, 4) put(struct env *e, const char *name, const char *fmt, ...)
{
	va_list ap;
	size_t room = sizeof e->buf - e->at;
	char *p = e->buf + e->at;
	size_t head = (size_t)snprintf(p, room, "%s=", name), n;

	if (e->n == ENV_MAX || head >= room)
		return;
	va_start(ap, fmt);
	n = head + (size_t)vsnprintf(p + head, room - head, fmt, ap);
	va_end(ap);
	if (n >= room)
		return;
	e->v[e->n++] = p;
	e->at += n + 1;
}

/* The network interface an address of ours is on. */
static void interface_of(const struct net_addr *a, char out[IF_NAMESIZE])
{
	struct ifaddrs *all, *i;

	snprintf(out, IF_NAMESIZE, "unknown");
	if (getifaddrs(&all))
		return;
	for (i = all; i; i = i->ifa_next) {
		if (!i->ifa_addr)
			continue;
		if ((a->family == NET_V4 && i->ifa_addr->sa_family == AF_INET &&
			    memcmp(&((struct sockaddr_in *)i->ifa_addr)->sin_addr, a->a, 4) == 0) ||
			(a->family == NET_V6 && i->ifa_addr->sa_family == AF_INET6 &&
				memcmp(&((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, a->a, 16) == 0)) {
			snprintf(out, IF_NAMESIZE, "%s", i->ifa_name);
			break;
		}
	}
	freeifaddrs(all);
}

/* "10.1.0.0/24": of a range the smallest prefix that holds it. */
static void put_client(struct env *e, const char *name, const struct ts_sel *t)
{
	char addr[NET_ADDR_TEXT];
	struct net_addr a = { .family = t->family };
	unsigned bits = 0, all = net_addr_len(t->family) * 8u;

	while (bits < all && !((t->lo[bits / 8] ^ t->hi[bits / 8]) & 0x80 >> bits % 8))
		bits++;
	for (unsigned i = 0; i < bits; i++)
		a.a[i / 8] |= (uint8_t)(t->lo[i / 8] & 0x80 >> i % 8);
	put(e, name, "%s/%u", net_addr_text(&a, false, addr), bits);
}

static void put_side(struct env *e, const char *who, uint8_t id_type, slice id, const struct ts_sel *t)
{
	char name[40], buf[512];

	snprintf(name, sizeof name, "PLUTO_%s_ID", who);
	put(e, name, "%s", conf_id_text(id_type, id, buf, sizeof buf));
	snprintf(name, sizeof name, "PLUTO_%s_CLIENT", who);
	put_client(e, name, t);
	snprintf(name, sizeof name, "PLUTO_%s_PORT", who);
	put(e, name, "%u", t->port_lo == 0 && t->port_hi == UINT16_MAX ? 0 : t->port_lo);
	snprintf(name, sizeof name, "PLUTO_%s_PROTOCOL", who);
	put(e, name, "%u", t->proto);
}

/* PLUTO_MY_SOURCEIP is the first, PLUTO_MY_SOURCEIP4_1, …IP6_1, … are all. */
static void put_vips(struct env *e, const char *who, const struct net_addr *v, uint8_t n)
{
	unsigned count[2] = { 0, 0 };
	char name[48], addr[NET_ADDR_TEXT];

	for (uint8_t i = 0; i < n; i++) {
		unsigned family = v[i].family == NET_V6 ? 6 : 4;
		net_addr_text(&v[i], false, addr);
		if (!i) {
			snprintf(name, sizeof name, "PLUTO_%s_SOURCEIP", who);
			put(e, name, "%s", addr);
		}
		snprintf(name, sizeof name, "PLUTO_%s_SOURCEIP%u_%u", who, family, ++count[family == 6]);
		put(e, name, "%s", addr);
	}
}

static void put_marks(struct env *e, const struct ike_child_view *c)
{
	const struct conf_child *f = c->conf;

	if (f->mark_in || f->mark_in_mask)
		put(e, "PLUTO_MARK_IN", "%u/0x%08x", c->mark_in, f->mark_in_mask);
	if (f->mark_out || f->mark_out_mask)
		put(e, "PLUTO_MARK_OUT", "%u/0x%08x", c->mark_out, f->mark_out_mask);
	if (c->if_id_in)
		put(e, "PLUTO_IF_ID_IN", "%u", c->if_id_in);
	if (c->if_id_out)
		put(e, "PLUTO_IF_ID_OUT", "%u", c->if_id_out);
}

static void run(struct daemon *d, const struct ike_view *sa, const struct ike_child_view *c, const struct ts_sel *l,
	const struct ts_sel *r, const char *interface, bool up)
{
	struct env *e = malloc(sizeof *e);
	char label[128], addr[NET_ADDR_TEXT];
	struct ts_sel me = ts_of_addr(&sa->local);
	bool host = l->family == me.family && memcmp(l->lo, me.lo, 16) == 0 && memcmp(l->hi, me.hi, 16) == 0;
	TEXT_ON_STACK(verb, 32);

	text_fmt(&verb, "%s-%s%s", up ? "up" : "down", host ? "host" : "client", l->family == NET_V6 ? "-v6" : "");
	snprintf(label, sizeof label, "updown %s of child '%.64s{%" PRIu64 "}'", verb.p, c->name, c->unique);
	if (!e) {
		LOGF(d->log, LOG_CHILD, LOG_AUDIT, NULL, "%s: not run, out of memory", label);
		return;
	}
	e->n = e->at = 0;
	put(e, "PLUTO_VERSION", "1.1");
	put(e, "PLUTO_VERB", "%s", verb.p);
	put(e, "PLUTO_CONNECTION", "%s", c->name);
	put(e, "PLUTO_IKE_CONNECTION", "%s", sa->conn);
	put(e, "PLUTO_INTERFACE", "%s", interface);
	put(e, "PLUTO_REQID", "%u", c->reqid);
	put(e, "PLUTO_PROTO", "%s", c->proto == 51 ? "ah" : "esp");
	put(e, "PLUTO_UNIQUEID", "%" PRIu64, sa->unique);
	put(e, "PLUTO_ME", "%s", net_addr_text(&sa->local, false, addr));
	put_side(e, "MY", sa->local_id_type, sa->local_id, l);
	put(e, "PLUTO_PEER", "%s", net_addr_text(&sa->remote, false, addr));
	put_side(e, "PEER", sa->remote_id_type, sa->remote_id, r);
	put_vips(e, "MY", sa->local_vips, sa->n_local_vips);
	put_vips(e, "PEER", sa->remote_vips, sa->n_remote_vips);
	put_marks(e, c);
	if (c->encap)
		put(e, "PLUTO_UDP_ENC", "%u", sa->remote.port);
	if (c->mtu)
		put(e, "PLUTO_MTU", "%u", c->mtu);
	if (c->conf->hostaccess)
		put(e, "PLUTO_HOST_ACCESS", "1");
	e->v[e->n] = NULL;
	const struct hooks_job job = { .key = c->reqid, .timeout_ms = (uint32_t)d->settings->updown_timeout_s * 1000,
		.label = label, .script = c->conf->updown, .env = e->v };
	err_t err = d->hooks ? hooks_run(d->hooks, &job) : E_STALE;
	if (err)
		LOGF(d->log, LOG_CHILD, LOG_AUDIT, &(struct log_ctx){ .code = err }, "%s: not run, %s", label,
			err == E_FULL ? "too many scripts wait: they are slower than the child SAs come and go" :
			err == E_LIMIT ? "script and environment are too long" :
			err == E_STALE ? "the helper that runs scripts has ended; start aditd again" : err_text(err));
	free(e);
}

void updown_child(struct daemon *d, const struct ike_view *sa, const struct ike_child_view *c, bool up, const char *dev)
{
	char interface[IF_NAMESIZE];

	if (!c->conf || !c->conf->updown || !*c->conf->updown)
		return;
	if (*dev)
		snprintf(interface, sizeof interface, "%s", dev);
	else if (!netplane_device_of(d, &sa->local, interface))
		interface_of(&sa->local, interface);
	for (uint16_t i = 0; i < c->n_local_ts; i++)
		for (uint16_t j = 0; j < c->n_remote_ts; j++)
			if (c->local_ts[i].family == c->remote_ts[j].family)
				run(d, sa, c, &c->local_ts[i], &c->remote_ts[j], interface, up);
}

static void news(void *arg, enum hooks_news what, const char *label, int status, const char *line)
{
	struct daemon *d = arg;

	switch (what) {
	case HOOKS_LINE:
		LOGF(d->log, LOG_CHILD, LOG_CONTROL, NULL, "%s: %s", label, line);
		break;
	case HOOKS_END:
		if (status)
			LOGF(d->log, LOG_CHILD, LOG_AUDIT, NULL, "%s: the script ended with %d%s", label, status,
				status == 127 ? " (not found: check the path)" : status == 126 ? " (not executable)" : "");
		else
			LOGF(d->log, LOG_CHILD, LOG_DETAIL, NULL, "%s: done", label);
		break;
	case HOOKS_KILLED:
		LOGF(d->log, LOG_CHILD, LOG_AUDIT, NULL, "%s: the script was killed after %" PRIu64 " s: make it faster, or raise "
			"aditd.updown_timeout", label, d->settings->updown_timeout_s);
		break;
	case HOOKS_CUT:
		LOGF(d->log, LOG_CHILD, LOG_CONTROL, NULL, "%s: %d more lines of output", label, status);
		break;
	case HOOKS_FULL:
		LOGF(d->log, LOG_CHILD, LOG_AUDIT, NULL, "%s: not run, too many scripts wait: they are slower than the child SAs "
			"come and go", label);
		break;
	}
}

err_t updown_start(struct daemon *d, struct diag **why)
{
	err_t e = hooks_new(d->loop, d->log, &d->hooks_child, news, d, &d->hooks);

	return e ? diag_set(why, e, "no memory for updown scripts") : 0;
}

void updown_stop(struct daemon *d)
{
	hooks_free(d->hooks);
	d->hooks = NULL;
	hooks_child_end(&d->hooks_child);
}
