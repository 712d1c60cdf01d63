/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the network namespace (hash thresholds, default policies) and its error counters. */
#include "plugins/kernel-xfrm/xfrm.h"

#include <ctype.h>
#include <stdio.h>

/* ---- hash thresholds ---- */

static int on_thresholds(const struct nlmsghdr *m, void *arg)
{
	struct xfrmu_spdhthresh *t = arg;
	const struct nlattr *a;

	mnl_attr_for_each(a, m, sizeof(uint32_t)) {
		uint16_t type = mnl_attr_get_type(a);
		if ((type == XFRMA_SPD_IPV4_HTHRESH || type == XFRMA_SPD_IPV6_HTHRESH) &&
			mnl_attr_get_payload_len(a) >= sizeof *t)
			memcpy(&t[type == XFRMA_SPD_IPV6_HTHRESH], mnl_attr_get_payload(a), sizeof *t);
	}
	return MNL_CB_STOP;
}

static int thresholds_get(struct xfrm *k, struct xfrmu_spdhthresh t[2])
{
	_Alignas(struct nlmsghdr) uint8_t buf[128];
	struct nlmsghdr *m = nl_ask_head(&k->nl, buf, XFRM_MSG_GETSPDINFO, 0);

	*(uint32_t *)mnl_nlmsg_put_extra_header(m, sizeof(uint32_t)) = 0;
	return nl_ask(&k->nl, m, on_thresholds, t);
}

static int thresholds_set(struct xfrm *k, const struct xfrmu_spdhthresh t[2])
{
	nl_clear(&k->nl);
	struct nlmsghdr *m = nl_msg(&k->nl, XFRM_MSG_NEWSPDINFO, 0, 0, false);
	*(uint32_t *)mnl_nlmsg_put_extra_header(m, sizeof(uint32_t)) = 0;
	mnl_attr_put(m, XFRMA_SPD_IPV4_HTHRESH, sizeof *t, &t[0]);
	mnl_attr_put(m, XFRMA_SPD_IPV6_HTHRESH, sizeof *t, &t[1]);
	nl_end(&k->nl, m);
	return nl_flush(&k->nl);
}

/* False: not set. The loader has checked type and range. */
static bool bits_of(const struct xfrm *k, const char *key, uint8_t *out)
{
	const char *s = k->host->conf(k->host->h, key);

	if (!s)
		return false;
	*out = (uint8_t)strtoul(s, NULL, 10);
	return true;
}

static err_t thresholds(struct xfrm *k)
{
	struct xfrmu_spdhthresh old[2] = { { 32, 32 }, { 128, 128 } }, now[2];

	int err = thresholds_get(k, old);
	memcpy(now, old, sizeof now);
	bool set = bits_of(k, "hash_ipv4_local", &now[0].lbits);
	set |= bits_of(k, "hash_ipv4_remote", &now[0].rbits);
	set |= bits_of(k, "hash_ipv6_local", &now[1].lbits);
	set |= bits_of(k, "hash_ipv6_remote", &now[1].rbits);
	if (!set)
		return 0;
	if (!err)
		err = thresholds_set(k, now);
	if (err) {
		k->nl.fail.err = err;
		xfrm_say(k, "other hash thresholds of policies", &k->nl.fail);
		return 0; /* slower, not wrong */
	}
	memcpy(k->thresh_old, old, sizeof old);
	k->thresh_set = true;
	return 0;
}

/* ---- default policies ---- */

static int on_default(const struct nlmsghdr *m, void *arg)
{
	if (mnl_nlmsg_get_payload_len(m) >= sizeof(struct xfrm_userpolicy_default))
		memcpy(arg, mnl_nlmsg_get_payload(m), sizeof(struct xfrm_userpolicy_default));
	return MNL_CB_STOP;
}

static int default_set(struct xfrm *k, const struct xfrm_userpolicy_default *d)
{
	nl_clear(&k->nl);
	struct nlmsghdr *m = nl_msg(&k->nl, XFRM_MSG_SETDEFAULT, 0, 0, false);
	memcpy(mnl_nlmsg_put_extra_header(m, sizeof *d), d, sizeof *d);
	nl_end(&k->nl, m);
	return nl_flush(&k->nl);
}

static err_t defaults(struct xfrm *k)
{
	_Alignas(struct nlmsghdr) uint8_t buf[128];
	struct xfrm_userpolicy_default old = { 0 }, now;
	static const char *const keys[] = { "default_in", "default_fwd", "default_out" };
	uint8_t *fields[] = { &now.in, &now.fwd, &now.out };
	bool set = false;

	struct nlmsghdr *m = nl_ask_head(&k->nl, buf, XFRM_MSG_GETDEFAULT, 0);
	mnl_nlmsg_put_extra_header(m, sizeof old);
	int err = nl_ask(&k->nl, m, on_default, &old);
	now = old;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *s = k->host->conf(k->host->h, keys[i]);
		if (!s)
			continue;
		if (strcmp(s, "block") != 0 && strcmp(s, "accept") != 0) {
			xfrm_log(k, 0, "%s = %s: expected accept or block", keys[i], s);
			return E_BAD_VALUE;
		}
		*fields[i] = *s == 'b' ? XFRM_USERPOLICY_BLOCK : XFRM_USERPOLICY_ACCEPT;
		set = true;
	}
	if (!set)
		return 0;
	if (!err)
		err = default_set(k, &now);
	if (err) {
		/* Whoever wants traffic blocked must not believe that it is. */
		k->nl.fail.err = err;
		xfrm_say(k, "other default policies", &k->nl.fail);
		return xfrm_err(err);
	}
	k->default_old = old;
	k->default_set = true;
	return 0;
}

/* ---- packets that wait for an SA ---- */

static const char drop_path[] = "/proc/sys/net/core/xfrm_larval_drop";

/* The number in the file, -1 none. */
static int drop_get(void)
{
	FILE *f = fopen(drop_path, "re");
	int v = -1;

	if (f && fscanf(f, "%d", &v) != 1)
		v = -1;
	if (f)
		fclose(f);
	return v;
}

static bool drop_set(int v)
{
	FILE *f = fopen(drop_path, "we");
	bool ok = f && fprintf(f, "%d\n", v) > 0;

	if (f)
		ok &= fclose(f) == 0;
	return ok;
}

static void hold(struct xfrm *k)
{
	const char *s = k->host->conf(k->host->h, "hold");
	int old = drop_get();

	if ((s && strcmp(s, "no") == 0) || old <= 0)
		return;
	if (drop_set(0))
		k->drop_set = true;
	else
		xfrm_log(k, 1, "packets that ask for a tunnel are lost until it is up: %s cannot be written", drop_path);
}

err_t host_apply(struct xfrm *k)
{
	hold(k);
	err_t e = thresholds(k);

	return e ? e : defaults(k);
}

void host_restore(struct xfrm *k)
{
	if (k->thresh_set)
		(void)thresholds_set(k, k->thresh_old);
	if (k->drop_set)
		(void)drop_set(1);
	if (k->default_set)
		(void)default_set(k, &k->default_old);
}

/* ---- /proc/net/xfrm_stat ---- */

void host_stat(struct xfrm *k, bool first)
{
	FILE *f = fopen("/proc/net/xfrm_stat", "re");
	char line[128], name[64];
	unsigned long long v;

	if (!f)
		return;
	for (size_t i = 0; i < ARRAY_LEN(k->stat) && fgets(line, sizeof line, f);) {
		if (sscanf(line, "%63s %llu", name, &v) != 2)
			continue;
		/* "XfrmInNoStates": the kernel's word, so that its documentation can be searched for it. */
		if (!first && v > k->stat[i])
			k->host->count(k->host->h, name, v - k->stat[i]);
		k->stat[i++] = v;
	}
	fclose(f);
}
