/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipsec.conf, of strongSwan's starter and of libreswan, to our connections: what each setting of a conn means here. "also"
 * and "conn %default" are followed.
 */
#include "tools/adit/import_ipsec.h"

#include "base/text.h"
#include "config/value.h"

#include <stdlib.h>
#include <string.h>

enum { ALSO_MAX = 16 };

/* ---- settings of a connection ---------------------------------------------------------------------------------------- */

/* The lines of a conn with what it takes over: own lines first. */
struct view {
	struct ipsec_conf *c;
	struct ipsec_sect *from[ALSO_MAX];
	size_t n;
	struct conf_node *conn, *local, *remote, *child;
};

static void collect(struct view *v, struct ipsec_sect *s)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->from[i] == s)
			return;
	if (v->n == ALSO_MAX)
		return;
	v->from[v->n++] = s;
	for (struct ipsec_line *l = s->lines; l; l = l->next)
		if (!strcmp(l->key, "also")) {
			l->used = true;
			for (struct ipsec_sect *o = v->c->sects; o; o = o->next)
				if (!strcmp(o->kind, s->kind) && !strcmp(o->name, l->value))
					collect(v, o);
		}
}

static struct ipsec_line *find(const struct view *v, const char *key)
{
	struct ipsec_line *got = NULL;

	for (size_t i = 0; i < v->n && !got; i++)
		for (struct ipsec_line *l = v->from[i]->lines; l; l = l->next)
			if (!strcmp(l->key, key)) {
				got = l; /* a later one wins within a section */
				l->used = true;
			}
	if (got) {
		v->c->im->file = got->file;
		v->c->im->line = got->number;
	}
	return got;
}

static const char *get(const struct view *v, const char *key)
{
	const struct ipsec_line *l = find(v, key);

	return l && *l->value ? l->value : NULL;
}

static const char *get_side(const struct view *v, const char *side, const char *key)
{
	char full[64];

	snprintf(full, sizeof full, "%s%s", side, key);
	return get(v, full);
}

static bool is_yes(const char *s)
{
	return s && (!strcasecmp(s, "yes") || !strcasecmp(s, "true") || !strcmp(s, "1"));
}

static bool is_no(const char *s)
{
	return s && (!strcasecmp(s, "no") || !strcasecmp(s, "false") || !strcmp(s, "0"));
}

static uint64_t seconds(const struct view *v, const char *key, const char *other, uint64_t otherwise)
{
	const char *s = get(v, key);
	uint64_t t = otherwise;

	if (!s && other)
		s = get(v, other);
	if (s && !import_time(s, &t))
		import_report(v->c->im, "'%s' is no time", s);
	return t;
}

/* One selector: subnet or dynamic, with [proto/port]. */
static void put_ts(const struct view *v, const char *side, const char *key)
{
	struct import *im = v->c->im;
	const char *nets = get_side(v, side, "subnet"), *pp = get_side(v, side, "protoport");
	char out[4096], suffix[128] = "", one[512];
	struct text t = text_of(out, sizeof out);

	if (!nets)
		nets = get_side(v, side, "subnets");
	if (pp) {
		char proto[32] = "", port[32] = "";
		sscanf(pp, "%31[^/]/%31s", proto, port);
		snprintf(suffix, sizeof suffix, "[%s%s%s]", !strcmp(proto, "%any") || !strcmp(proto, "0") ? "0" : proto,
			*port && strcmp(port, "%any") ? "/" : "", strcmp(port, "%any") ? port : "");
	}
	if (!nets && !pp)
		return;
	for (const char *p = nets ? nets : "dynamic"; *p;) {
		p += strspn(p, " ,{}\t");
		size_t n = strcspn(p, " ,{}\t");
		if (!n)
			break;
		snprintf(one, sizeof one, "%.*s", (int)n, p);
		p += n;
		if (!strncmp(one, "vhost:", 6) || !strncmp(one, "vnet:", 5) || !strncmp(one, "%priv", 5)) {
			import_report(im, "%ssubnet = %s has no meaning here", side, one);
			continue;
		}
		text_fmt(&t, "%s%s%s", t.n ? ", " : "", one, strchr(one, '[') ? "" : suffix);
	}
	import_set(im, v->child, key, out);
}

static const char *auth_of(struct import *im, const char *word)
{
	static const char *const words[][2] = { { "psk", "psk" }, { "secret", "psk" }, { "pubkey", "pubkey" }, { "rsasig", "pubkey" },
		{ "rsa", "pubkey" }, { "rsakey", "pubkey" }, { "ecdsasig", "pubkey" }, { "ecdsa", "pubkey" }, { "ecdsa-sha2", "pubkey" },
		{ "ecdsa-sha2_256", "pubkey" }, { "ecdsa-sha2_384", "pubkey" }, { "ecdsa-sha2_512", "pubkey" }, { "rsa-sha2", "pubkey" },
		{ "rsa-sha1", "pubkey" }, { "rsa-sha2_256", "pubkey" }, { "rsa-sha2_384", "pubkey" }, { "rsa-sha2_512", "pubkey" },
		{ "xauthpsk", "psk" }, { "xauthrsasig", "pubkey" } };
	char first[64];

	snprintf(first, sizeof first, "%.*s", (int)strcspn(word, ", "), word);
	if (strcmp(first, word) && strchr(word, ','))
		import_report(im, "of '%s' the first is taken", word);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strcasecmp(first, words[i][0])) {
			if (!strncmp(first, "xauth", 5))
				import_report(im, "'%s': XAuth is of IKEv1", first);
			return words[i][1];
		}
	if (!strncmp(first, "eap", 3) || !strncmp(first, "xauth", 5) || !strncmp(first, "pubkey-", 7) || !strncmp(first, "rsa-", 4) ||
	    !strncmp(first, "ecdsa-", 6))
		return word;
	import_report(im, "'%s' is no authentication here", word);
	return NULL;
}

static void put_side(const struct view *v, const char *side, bool local)
{
	struct import *im = v->c->im;
	struct conf_node *at = local ? v->local : v->remote;
	const char *addr = get(v, side), *auth = get_side(v, side, "auth"), *s;
	char buf[1024];

	if (addr && !strcmp(addr, "%defaultroute"))
		addr = NULL;
	if (addr && (!strncmp(addr, "%any", 4) || !strcmp(addr, "%group") || !strncmp(addr, "%opp", 4) || !strcmp(addr, "0.0.0.0"))) {
		if (strncmp(addr, "%any", 4) && strcmp(addr, "0.0.0.0"))
			import_report(im, "%s = %s: opportunistic connections are not known here", side, addr);
		addr = NULL;
	}
	import_set(im, v->conn, local ? "local_addrs" : "remote_addrs", addr);
	if ((s = get_side(v, side, "ikeport")))
		import_set(im, v->conn, local ? "local_port" : "remote_port", s);
	if (!auth)
		auth = get(v, "authby");
	if (!auth || strcmp(auth, "never")) /* of shunts */
		import_set(im, at, "auth", auth ? auth_of(im, auth) : "pubkey");
	if ((s = get_side(v, side, "id")) && strcmp(s, "%fromcert") && strcmp(s, "%any"))
		import_set(im, at, "id", import_id(s, buf, sizeof buf));
	if ((s = get_side(v, side, "cert"))) {
		if (im->libreswan)
			import_report(im, "%scert = %s: a certificate of an NSS database: export it with its key (pk12util) and name the file",
				side, s);
		else
			import_set(im, at, "certs", s);
	}
	if ((s = get_side(v, side, "ca")) && strcmp(s, "%same") && strcmp(s, "%any"))
		import_report(im, "%sca = %s: name the CA's file in remote.cacerts", side, s);
	if (!local && (s = get_side(v, side, "groups")))
		import_set(im, at, "groups", s);
	if (!local && (s = get_side(v, side, "certpolicy")))
		import_set(im, at, "cert_policy", s);
	if ((s = get_side(v, side, "sendcert")) && local)
		import_set(im, v->conn, "send_cert", !strcmp(s, "ifasked") ? "ifasked" : is_no(s) || !strcmp(s, "never") ? "never" : "always");
	else if (s && (is_no(s) || !strcmp(s, "never")))
		import_set(im, v->conn, "send_certreq", "no");
	if ((s = get_side(v, side, "updown")) && local && strcmp(s, "%disabled"))
		import_set(im, v->child, "updown", s);
	if (is_yes(get_side(v, side, "firewall")) && local)
		import_report(im, "%sfirewall = yes: rules are not set here; a script in updown can do it", side);
	if (is_yes(get_side(v, side, "hostaccess")))
		import_set(im, v->child, "hostaccess", "yes");
	put_ts(v, side, local ? "local_ts" : "remote_ts");
}

/* A pool has addresses of one family: each part of a list is one of its own. */
static void put_pools(const struct view *v, const char *name, const char *addrs)
{
	struct import *im = v->c->im;
	const char *dns = get(v, "rightdns");
	char names[1024], one[CONF_NAME_MAX + 16], part[256];
	struct text list = text_of(names, sizeof names);
	unsigned n = 0;

	if (!dns)
		dns = get(v, "modecfgdns");
	for (const char *p = addrs; *p;) {
		p += strspn(p, " ,\t");
		size_t len = strcspn(p, " ,\t");
		if (!len)
			break;
		snprintf(part, sizeof part, "%.*s", (int)len, p);
		p += len;
		if (*part == '%') {
			text_fmt(&list, "%s%s", list.n ? ", " : "", part + 1);
			continue;
		}
		snprintf(one, sizeof one, n ? "%s-%u" : "%s", name, n + 1);
		n++;
		struct conf_node *pool = import_section(im, "pools", one);
		import_set(im, pool, "addrs", part);
		import_set(im, pool, "dns", dns);
		text_fmt(&list, "%s%s", list.n ? ", " : "", one);
	}
	import_set(im, v->conn, "pools", names);
}

/* Virtual addresses: ours are asked for, the peer's come from a pool. */
static void put_vips(const struct view *v, const char *name)
{
	struct import *im = v->c->im;
	const char *s = get(v, "leftsourceip");

	if (s && *s == '%') {
		bool v4 = !strncmp(s, "%mode", 5) || !strncmp(s, "%config", 7), v6 = strstr(s, "%config6") != NULL;
		v4 = v4 && (strncmp(s, "%config6", 8) != 0 || strstr(s, "%config4"));
		import_set(im, v->conn, "vips", v4 && v6 ? "0.0.0.0, ::" : v6 ? "::" : "0.0.0.0");
	} else if (s && im->libreswan) {
		import_report(im, "leftsourceip = %s: the source address follows from local_ts here", s);
	} else if (s) {
		import_set(im, v->conn, "vips", s);
	}
	s = get(v, "rightsourceip");
	if (!s)
		s = get(v, "rightaddresspool");
	if (s)
		put_pools(v, name, s);
}

static void put_lifetimes(const struct view *v)
{
	struct import *im = v->c->im;
	bool libre = im->libreswan;
	uint64_t ike = seconds(v, "ikelifetime", NULL, libre ? 28800 : 10800);
	uint64_t life = seconds(v, libre ? "salifetime" : "lifetime", libre ? "lifetime" : "keylife", libre ? 28800 : 3600);
	uint64_t margin = seconds(v, "margintime", "rekeymargin", 540), fuzz = 100;
	const char *s = get(v, "rekeyfuzz");

	if (s)
		fuzz = strtoull(s, NULL, 10);
	bool rekey = !is_no(get(v, "rekey")), reauth = !is_no(get(v, "reauth")) && !libre;
	if (libre && is_yes(get(v, "reauth")))
		reauth = true;
	if (margin >= ike || margin >= life) {
		import_report(im, "margintime is not below the lifetimes: a tenth of them is taken");
		margin = (ike < life ? ike : life) / 10;
	}
	uint64_t rnd = margin * fuzz / 100;
	if (!rekey) {
		import_set(im, v->conn, "rekey_time", "0");
		import_set(im, v->child, "rekey_time", "0");
	} else {
		import_put_time(im, v->conn, reauth ? "reauth_time" : "rekey_time", ike - margin);
		import_put_time(im, v->conn, "over_time", margin);
		import_put_time(im, v->conn, "rand_time", rnd);
		import_put_time(im, v->child, "rekey_time", life - margin);
		import_put_time(im, v->child, "rand_time", rnd);
	}
	import_put_time(im, v->child, "life_time", life);
	static const char *const traffic[][3] = { { "lifebytes", "marginbytes", "bytes" }, { "lifepackets", "marginpackets", "packets" } };
	for (size_t i = 0; i < ARRAY_LEN(traffic); i++) {
		char key[32];
		const char *all = get(v, traffic[i][0]), *less = get(v, traffic[i][1]);
		if (!all || !strtoull(all, NULL, 10))
			continue;
		snprintf(key, sizeof key, "life_%s", traffic[i][2]);
		import_set(im, v->child, key, all);
		uint64_t n = strtoull(all, NULL, 10), m = less ? strtoull(less, NULL, 10) : n / 10;
		char num[32];
		snprintf(num, sizeof num, "%llu", (unsigned long long)(n > m ? n - m : n));
		snprintf(key, sizeof key, "rekey_%s", traffic[i][2]);
		import_set(im, v->child, key, num);
	}
}

static void put_dpd(const struct view *v)
{
	struct import *im = v->c->im;
	const char *action = get(v, "dpdaction"), *delay = get(v, "dpddelay"), *timeout = get(v, "dpdtimeout"), *s;

	if (action && strcmp(action, "none")) {
		import_set(im, v->child, "dpd_action", !strcmp(action, "hold") ? "trap" : !strncmp(action, "restart", 7) ? "restart" : "clear");
		import_set(im, v->conn, "dpd_delay", delay ? delay : "30s");
	} else if (delay && im->libreswan) {
		import_set(im, v->conn, "dpd_delay", delay);
	}
	if (timeout && action)
		import_set(im, v->conn, "dpd_timeout", timeout);
	if ((s = get(v, "closeaction")))
		import_set(im, v->child, "close_action", !strcmp(s, "hold") ? "trap" : !strcmp(s, "restart") ? "start" : "none");
}

static void put_algs(const struct view *v)
{
	struct import *im = v->c->im;
	const char *s = get(v, "ike"), *pfs = get(v, "pfs");
	char out[2048];

	if (s && import_proposals(im, s, false, out, sizeof out))
		import_set(im, v->conn, "proposals", out);
	s = get(v, "esp");
	if (!s)
		s = get(v, "phase2alg");
	if (s && import_proposals(im, s, true, out, sizeof out))
		import_set(im, v->child, "esp_proposals", out);
	if ((s = get(v, "ah")))
		import_set(im, v->child, "ah_proposals", s);
	if (is_no(pfs) && !get(v, "esp"))
		import_report(im, "pfs = no: leave key exchanges out of esp_proposals");
}

/* key -> where it goes, as it is. */
static const struct {
	const char *key, *to;
	bool child;
} plain[] = {
	{ "mobike", "mobike", false }, { "fragmentation", "fragmentation", false }, { "ikedscp", "dscp", false },
	{ "keyingtries", "keyingtries", false }, { "aggressive", "aggressive", false }, { "forceencaps", "encap", false },
	{ "mark", "mark_in", true }, { "mark-in", "mark_in", true }, { "mark-out", "mark_out", true }, { "reqid", "reqid", true },
	{ "tfc", "tfc_padding", true }, { "inactivity", "inactivity", true }, { "replay-window", "replay_window", true },
	{ "compress", "ipcomp", true }, { "installpolicy", "policies", true }, { "priority", "priority", true },
	{ "send-redirect", NULL, false },
};

static void put_plain(const struct view *v)
{
	struct import *im = v->c->im;
	const char *s;

	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (plain[i].to && (s = get(v, plain[i].key))) {
			if (!strcmp(s, "%forever") || !strcmp(s, "%mtu"))
				s = s[1] == 'f' ? "0" : "mtu";
			if (!strcmp(plain[i].key, "mark"))
				import_set(im, v->child, "mark_out", s);
			import_set(im, plain[i].child ? v->child : v->conn, plain[i].to, s);
		}
	if (is_yes(get(v, "encapsulation")))
		import_set(im, v->conn, "encap", "yes");
	if ((s = get(v, "modeconfig")) && !strcmp(s, "push"))
		import_set(im, v->conn, "pull", "no");
	if ((s = get(v, "type"))) {
		static const char *const types[][2] = { { "tunnel", "tunnel" }, { "transport", "transport" }, { "beet", "beet" },
			{ "passthrough", "pass" }, { "pass", "pass" }, { "drop", "drop" }, { "reject", "drop" },
			{ "transport_proxy", "transport_proxy" } };
		const char *mode = NULL;
		for (size_t i = 0; i < ARRAY_LEN(types); i++)
			mode = strcmp(s, types[i][0]) ? mode : types[i][1];
		if (mode)
			import_set(im, v->child, "mode", mode);
		else
			import_report(im, "type = %s is not known here", s);
	}
	const char *version = get(v, im->libreswan ? "ikev2" : "keyexchange");
	if (im->libreswan)
		import_set(im, v->conn, "version", is_no(version) || (version && !strcmp(version, "never")) ? "1" : "2");
	else
		import_set(im, v->conn, "version", !version || !strcmp(version, "ike") ? "0" : !strcmp(version, "ikev1") ? "1" : "2");
	if ((s = get(v, "eap-identity")))
		import_set(im, v->remote, "eap_id", strcmp(s, "%identity") ? s : "%any");
	if ((s = get(v, "aaa-identity")))
		import_set(im, v->local, "aaa_id", s);
}

static void put_start(const struct view *v)
{
	const char *s = get(v, "auto");

	if (s && (!strcmp(s, "start") || !strcmp(s, "up")))
		import_set(v->c->im, v->child, "start_action", "start");
	else if (s && (!strcmp(s, "route") || !strcmp(s, "ondemand")))
		import_set(v->c->im, v->child, "start_action", "trap");
	else if (s && !strcmp(s, "keep"))
		import_set(v->c->im, v->child, "dpd_action", "restart");
}

/* Does another conn take this one over with "also"? */
static bool taken_over(const struct ipsec_conf *c, const struct ipsec_sect *s)
{
	for (const struct ipsec_sect *o = c->sects; o; o = o->next)
		for (const struct ipsec_line *l = o->lines; l; l = l->next)
			if (!strcmp(l->key, "also") && !strcmp(l->value, s->name))
				return true;
	return false;
}

static void put_conn(struct ipsec_conf *c, struct ipsec_sect *s, struct ipsec_sect *base, const char *unique)
{
	struct view v = { .c = c };

	collect(&v, s);
	if (base)
		collect(&v, base);
	const char *start = get(&v, "auto");
	if (start ? !strcmp(start, "ignore") : !c->im->libreswan) {
		if (!start && !taken_over(c, s)) {
			c->im->file = s->file;
			c->im->line = s->number;
			import_report(c->im, "conn %s has no auto, so it is not loaded there: auto = add writes it", s->name);
		}
		for (struct ipsec_line *l = s->lines; l; l = l->next)
			l->used = true; /* a template for "also" */
		return;
	}
	v.conn = import_section(c->im, "connections", s->name);
	v.local = v.conn ? conf_node_section(v.conn, "local") : NULL;
	v.remote = v.conn ? conf_node_section(v.conn, "remote") : NULL;
	struct conf_node *children = v.conn ? conf_node_section(v.conn, "children") : NULL;
	v.child = children ? conf_node_section(children, v.conn->name) : NULL;
	if (!v.child) {
		c->im->failed = true;
		return;
	}
	const char *left = get(&v, "left"), *right = get(&v, "right");
	/* Which side is ours: left, unless the other one says it is. */
	bool any = left && !strncmp(left, "%any", 4), route = right && !strcmp(right, "%defaultroute");
	bool swap = c->im->libreswan ? any && right && strncmp(right, "%any", 4) : route && (!left || strcmp(left, right));
	if (swap)
		import_report(c->im, "conn %s: right is taken as this side, because %s", s->name,
			route ? "it is %defaultroute" : "left is %any");
	put_side(&v, swap ? "right" : "left", true);
	put_side(&v, swap ? "left" : "right", false);
	put_vips(&v, v.conn->name);
	put_algs(&v);
	put_lifetimes(&v);
	put_dpd(&v);
	put_plain(&v);
	put_start(&v);
	import_set(c->im, v.conn, "unique", unique);
}

/* ---- the whole ------------------------------------------------------------------------------------------------------- */

static const char *put_setup(struct ipsec_conf *c, struct ipsec_sect *s)
{
	struct view v = { .c = c };
	const char *unique = NULL;

	collect(&v, s);
	const char *u = get(&v, "uniqueids");
	if (u)
		unique = is_yes(u) || !strcmp(u, "replace") ? "replace" : is_no(u) ? "no" : u;
	const char *strict = get(&v, "strictcrlpolicy");
	if (strict && !is_no(strict))
		import_report(c->im, "strictcrlpolicy = %s: set revocation = %s in the remote sections", strict,
			is_yes(strict) ? "strict" : "ifuri");
	return unique;
}

static void put_ca(struct ipsec_conf *c, struct ipsec_sect *s)
{
	struct view v = { .c = c };
	struct conf_node *at;

	collect(&v, s);
	const char *start = get(&v, "auto");
	if (start && !strcmp(start, "ignore"))
		return;
	at = import_section(c->im, "authorities", s->name);
	import_set(c->im, at, "cacert", get(&v, "cacert"));
	import_set(c->im, at, "crl_uris", get(&v, "crluri"));
	import_set(c->im, at, "ocsp_uris", get(&v, "ocspuri"));
}

void import_ipsec_conf(struct import *im, const char *path)
{
	struct ipsec_conf c = { .im = im };
	struct ipsec_sect *base = NULL;
	const char *unique = NULL;

	c.tail = &c.sects;
	ipsec_conf_read(&c, path);
	for (struct ipsec_sect *s = c.sects; s; s = s->next) {
		if (!strcmp(s->kind, "config"))
			unique = put_setup(&c, s);
		if (!strcmp(s->kind, "conn") && !strcmp(s->name, "%default"))
			base = s;
	}
	for (struct ipsec_sect *s = c.sects; s && !im->failed; s = s->next) {
		if (!strcmp(s->kind, "ca") && *s->name != '%')
			put_ca(&c, s);
		else if (!strcmp(s->kind, "conn") && *s->name != '%')
			put_conn(&c, s, base, unique);
	}
	ipsec_conf_free(&c);
}
