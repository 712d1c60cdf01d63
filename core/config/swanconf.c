/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of a strongswan.conf that have a meaning here, put into the tree of `aditd { }`; every other one is reported.
 * The values keep their place, so that an error in one points into the strongswan.conf.
 */
#include "config/settings.h"

#include "base/text.h"

#include <ctype.h>
#include <stdio.h>

/* Daemons whose sections are read; the later ones refine the first, as strongSwan has it. */
static const char *const daemons[] = { "charon", "charon-systemd" };

static const struct map {
	const char *from, *to; /* below the daemon's section; below aditd */
} maps[] = {
	{ "port", "port" },
	{ "port_nat_t", "port_nat_t" },
	{ "retransmit_tries", "retransmit_tries" },
	{ "retransmit_timeout", "retransmit_timeout" },
	{ "retransmit_base", "retransmit_base" },
	{ "retransmit_jitter", "retransmit_jitter" },
	{ "retransmit_limit", "retransmit_limit" },
	{ "half_open_timeout", "half_open_timeout" },
	{ "init_limit_half_open", "init_limit_half_open" },
	{ "cookie_threshold", "cookie_threshold" },
	{ "block_threshold", "block_threshold" },
	{ "dos_protection", "dos_protection" },
	{ "keep_alive", "keep_alive" },
	{ "delete_rekeyed_delay", "delete_rekeyed_delay" },
	{ "make_before_break", "make_before_break" },
	{ "initiator_only", "initiator_only" },
	{ "ikesa_limit", "max_ike_sas" },
	{ "follow_redirects", "follow_redirects" },
	{ "fragment_size", "fragment_size" },
	{ "hash_and_url", "hash_and_url" },
	{ "install_routes", "plugins.kernel-net.install_routes" },
	{ "routing_table", "plugins.kernel-net.table" },
	{ "routing_table_prio", "plugins.kernel-net.rule_priority" },
	{ "install_virtual_ip", "plugins.kernel-net.install_virtual_ips" },
	{ "install_virtual_ip_on", "plugins.kernel-net.virtual_ip_device" },
	{ "interfaces_use", "interfaces_use" },
	{ "interfaces_ignore", "interfaces_ignore" },
	{ "dns1", "attributes.dns" },
	{ "dns2", "attributes.dns" },
	{ "nbns1", "attributes.nbns" },
	{ "nbns2", "attributes.nbns" },
};

/* What says here what an option that is not taken over says there. */
static const struct hint {
	const char *from, *instead; /* below the daemon's section, to its end or to a dot */
} hints[] = {
	{ "threads", "aditd.workers is the number of threads for cryptography" },
	{ "replay_window", "write replay_window into the children" },
	{ "rsa_pss", "write auth = rsa/pss into the connections" },
	{ "load", "aditd.load lists plugins, which have other names" },
	{ "user", "the service's unit says as whom aditd runs" },
	{ "group", "the service's unit says as whom aditd runs" },
	{ "cookie_threshold_ip", "aditd.block_threshold is the number of half-open IKE SAs of one address from which on it has to prove itself" },
	{ "plugins.vici.socket", "the API has a Unix socket; over the network it is adit-rest's" },
	{ "plugins.kernel-netlink.fwmark", "the rule for the routing table leaves out packets with aditd.fwmark, and no others can be named" },
	{ "plugins.revocation", "write revocation into the remote sections of the connections" },
	{ "plugins.resolve", "an updown script of the connection can do it" },
	{ "plugins.save-keys", "aditd.log_secrets allows the keys in the log" },
	{ "start-scripts", "aditd loads its configuration by itself" },
};

/* Names of log subsystems there and here; what is not in the list is not logged on its own here. */
static const char *const subsystems[][2] = {
	{ "default", NULL }, { "dmn", "daemon" }, { "mgr", "manager" }, { "ike", "ike" }, { "chd", "child" },
	{ "job", "job" }, { "cfg", "config" }, { "knl", "kernel" }, { "net", "network" }, { "asn", "asn1" },
	{ "enc", "encoding" }, { "esp", "ipsec" }, { "lib", "pki" },
};

/* Options of strongSwan's plugins: below plugins; below aditd. */
static const struct map plugin_maps[] = {
	{ "kernel-netlink.receive_buffer_size", "plugins.kernel-xfrm.receive_buffer" },
	{ "kernel-netlink.spdh_thresh.ipv4.lbits", "plugins.kernel-xfrm.hash_ipv4_local" },
	{ "kernel-netlink.spdh_thresh.ipv4.rbits", "plugins.kernel-xfrm.hash_ipv4_remote" },
	{ "kernel-netlink.spdh_thresh.ipv6.lbits", "plugins.kernel-xfrm.hash_ipv6_local" },
	{ "kernel-netlink.spdh_thresh.ipv6.rbits", "plugins.kernel-xfrm.hash_ipv6_remote" },
	{ "socket-default.fwmark", "fwmark" },
	{ "attr.dns", "attributes.dns" },
	{ "attr.nbns", "attributes.nbns" },
	{ "attr.dhcp", "attributes.dhcp" },
	{ "attr.netmask", "attributes.netmask" },
	{ "attr.server", "attributes.server" },
	{ "attr.subnet", "attributes.subnet" },
	{ "attr.split-include", "attributes.split_include" },
	{ "attr.split-exclude", "attributes.split_exclude" },
	{ "attr.dns-domain", "attributes.25" },
};

struct mapper {
	struct conf_node *aditd;
	struct diag **notes, **why;
	bool said_load;
	bool has_attributes; /* the file that counts more has them: those here are not added */
	const char *mark;    /* of socket-default, NULL none */
	err_t err;
};

static const char *hint_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
		size_t n = strlen(hints[i].from);
		if (strncmp(path, hints[i].from, n) == 0 && (!path[n] || path[n] == '.'))
			return hints[i].instead;
	}
	return NULL;
}

static void ignored(struct mapper *m, const struct conf_node *n)
{
	char path[512];

	if (n->kind == CONF_SECTION) {
		for (const struct conf_node *c = n->first; c; c = c->next)
			ignored(m, c);
		return;
	}
	conf_node_path(n, path, sizeof path);
	const char *below = strchr(path, '.'), *hint = below ? hint_of(below + 1) : NULL;
	conf_node_fail(n, false, m->notes, E_NOT_SUPPORTED, "'%s' is ignored: %s", path, hint ? hint : "it has no meaning here");
}

/* Lists that several options add to. */
static bool adds_up(const char *path)
{
	return !strcmp(path, "attributes.dns") || !strcmp(path, "attributes.nbns");
}

/* Copies a value to `path` below aditd, unless it is set there. */
static void put(struct mapper *m, const struct conf_node *from, const char *path, const char *text)
{
	struct conf_node *at = m->aditd;
	char name[CONF_NAME_MAX + 1];
	bool add = adds_up(path);
	size_t len;

	for (; at && (len = strcspn(path, "."), path[len]); path += len + 1) {
		snprintf(name, sizeof name, "%.*s", (int)len, path);
		at = conf_node_section(at, name);
	}
	struct conf_node *there = at ? conf_node_child(at, path) : NULL;
	char list[1024];
	if (there && (!add || m->has_attributes || there->kind != CONF_VALUE))
		return;
	if (there && snprintf(list, sizeof list, "%s, %s", there->text, text) < (int)sizeof list)
		text = list;
	struct conf_node *n = at ? conf_node_set_str(at, path, text) : NULL;
	if (!n || conf_node_place(n, conf_node_file(from), from->line, from->column)) {
		m->err = m->err ? m->err : E_NOMEM;
		return;
	}
	n->quoted = from->quoted;
	n->value_line = from->value_line;
	n->value_column = from->value_column;
}

static bool is_level(const struct conf_node *n)
{
	for (size_t i = 0; i < ARRAY_LEN(subsystems); i++)
		if (strcmp(n->name, subsystems[i][0]) == 0)
			return true;
	return false;
}

/* "1, ike=2, config=0" of the levels in a section, to `path`. */
static void map_levels(struct mapper *m, const struct conf_node *sink, const char *path)
{
	char levels[512];
	struct text t = text_of(levels, sizeof levels);
	const struct conf_node *any = NULL;

	for (size_t i = 0; i < ARRAY_LEN(subsystems); i++) {
		const struct conf_node *n = conf_node_child(sink, subsystems[i][0]);
		if (!n || n->kind != CONF_VALUE || !n->len)
			continue;
		any = any ? any : n;
		text_fmt(&t, "%s%s%s%s", t.n ? ", " : "", subsystems[i][1] ? subsystems[i][1] : "", subsystems[i][1] ? "=" : "", n->text);
	}
	if (any)
		put(m, any, path, levels);
}

/* A file may have its path as its name, as older configurations have it; the dots in it have become sections. */
static const struct conf_node *sink_of_path(const struct conf_node *sink, char *path, size_t cap)
{
	struct text t = text_of(path, cap);

	text_str(&t, sink->name);
	while (path[0] == '/' && sink->first && !sink->first->next && sink->first->kind == CONF_SECTION) {
		sink = sink->first;
		text_fmt(&t, ".%s", sink->name);
	}
	return sink;
}

/* The name of a sink here. */
static void sink_name(const char *path, char *out, size_t cap)
{
	size_t n = 0;
	for (const char *p = path; *p && n + 1 < cap; p++)
		if (n || isalnum((unsigned char)*p))
			out[n++] = *p == '.' || *p == '/' ? '-' : *p;
	out[n] = 0;
}

static void map_sink(struct mapper *m, const struct conf_node *sink, const char *plugin, const char *const *keep)
{
	char path[CONF_NAME_MAX + 64], name[CONF_NAME_MAX + 1], file[1024];

	sink = sink_of_path(sink, file, sizeof file);
	sink_name(file, name, sizeof name);
	if (keep[0] && !conf_node_child(sink, keep[0])) {
		snprintf(path, sizeof path, "plugins.%s.%s.%s", plugin, name, keep[0]);
		put(m, sink, path, file);
	}
	for (const struct conf_node *n = sink->first; n; n = n->next) {
		bool known = is_level(n);
		for (size_t i = 0; !known && keep[i] && n->kind == CONF_VALUE; i++)
			if (strcmp(n->name, keep[i]) == 0) {
				known = true;
				snprintf(path, sizeof path, "plugins.%s.%s.%s", plugin, name, n->name);
				put(m, n, path, n->text);
			}
		if (!known)
			ignored(m, n);
	}
	snprintf(path, sizeof path, "plugins.%s.%s.levels", plugin, name);
	map_levels(m, sink, path);
}

static void map_sinks(struct mapper *m, const struct conf_node *sinks, const char *plugin, const char *const *keep)
{
	for (const struct conf_node *n = sinks->first; n; n = n->next)
		if (n->kind == CONF_SECTION)
			map_sink(m, n, plugin, keep);
		else if (n->kind == CONF_VALUE && strcmp(n->name, "identifier") == 0 && n->len)
			put(m, n, "plugins.log-syslog.ident", n->text);
		else
			ignored(m, n);
}

/* The journal is one sink: its levels stand in the section itself. */
static void map_journal(struct mapper *m, const struct conf_node *sink)
{
	for (const struct conf_node *n = sink->first; n; n = n->next)
		if (!is_level(n))
			ignored(m, n);
	map_levels(m, sink, "plugins.log-journald.levels");
}

/* An option of a plugin, or a section of options. */
static void map_plugin(struct mapper *m, const struct conf_node *n, const char *path)
{
	char at[CONF_NAME_MAX * 2 + 2];

	if (n->kind == CONF_SECTION) {
		for (const struct conf_node *c = n->first; c; c = c->next) {
			snprintf(at, sizeof at, "%s.%s", path, c->name);
			map_plugin(m, c, at);
		}
		return;
	}
	if (!n->len)
		return;
	for (size_t i = 0; i < ARRAY_LEN(plugin_maps); i++)
		if (strcmp(path, plugin_maps[i].from) == 0) {
			put(m, n, plugin_maps[i].to, n->text);
			return;
		}
	/* Attributes by their numbers. */
	if (strncmp(path, "attr.", 5) == 0 && path[5] && strspn(path + 5, "0123456789") == strlen(path + 5)) {
		snprintf(at, sizeof at, "attributes.%s", path + 5);
		put(m, n, at, n->text);
	} else if (strncmp(path, "pkcs11.modules.", 15) == 0 && strlen(path) > 20 && strcmp(path + strlen(path) - 5, ".path") == 0) {
		snprintf(at, sizeof at, "plugins.cred-pkcs11.%s", path + 15);
		put(m, n, at, n->text);
	} else if (strcmp(path, "kernel-netlink.fwmark") == 0 && n->text[0] == '!' && m->mark && strcmp(n->text + 1, m->mark) == 0) {
		/* What goes out with the mark is not led back: so it is here, with aditd.fwmark. */
	} else if (strcmp(path, "vici.socket") == 0 && strncmp(n->text, "unix://", 7) == 0) {
		put(m, n, "socket", n->text + 7);
	} else {
		ignored(m, n);
	}
}

static void map_plugins(struct mapper *m, const struct conf_node *plugins)
{
	for (const struct conf_node *p = plugins->first; p; p = p->next) {
		for (const struct conf_node *n = p->kind == CONF_SECTION ? p->first : NULL; n; n = n->next) {
			char path[CONF_NAME_MAX * 2 + 2];
			snprintf(path, sizeof path, "%s.%s", p->name, n->name);
			if (strcmp(n->name, "load") != 0 || n->kind != CONF_VALUE) {
				map_plugin(m, n, path);
			} else if (!m->said_load) {
				/* One per plugin in a distribution's files: said once. */
				conf_node_fail(n, false, m->notes, E_NOT_SUPPORTED, "'charon.plugins.*.load' are ignored: "
					"the plugins there are other ones");
				m->said_load = true;
			}
		}
		if (p->kind != CONF_SECTION)
			ignored(m, p);
	}
}

static void map_daemon(struct mapper *m, const struct conf_node *sec)
{
	static const char *const file_keys[] = { "path", "append", NULL };
	static const char *const no_keys[] = { NULL };

	const struct conf_node *mark = conf_node_at(sec, "plugins.socket-default.fwmark");

	m->mark = mark && mark->kind == CONF_VALUE && mark->len ? mark->text : NULL;
	for (const struct conf_node *n = sec->first; n; n = n->next) {
		const struct map *to = NULL;
		for (size_t i = 0; i < ARRAY_LEN(maps); i++)
			if (strcmp(maps[i].from, n->name) == 0)
				to = &maps[i];
		if (to && n->kind == CONF_VALUE) {
			if (n->len)
				put(m, n, to->to, n->text);
		} else if (n->kind != CONF_SECTION) {
			ignored(m, n);
		} else if (strcmp(n->name, "filelog") == 0) {
			map_sinks(m, n, "log-file", file_keys);
		} else if (strcmp(n->name, "syslog") == 0) {
			map_sinks(m, n, "log-syslog", no_keys);
		} else if (strcmp(n->name, "journal") == 0) {
			map_journal(m, n);
		} else if (strcmp(n->name, "plugins") == 0) {
			map_plugins(m, n);
		} else {
			ignored(m, n);
		}
	}
}

err_t conf_swan_map(const struct conf_node *strongswan, struct conf_node *into, struct diag **notes, struct diag **why)
{
	struct mapper m = { .notes = notes, .why = why };

	m.has_attributes = conf_node_at(into, "aditd.attributes") != NULL;
	for (const struct conf_node *n = strongswan->first; n; n = n->next) {
		bool known = false;
		for (size_t i = 0; i < ARRAY_LEN(daemons); i++)
			known |= strcmp(n->name, daemons[i]) == 0;
		if (!known)
			conf_node_fail(n, false, notes, E_NOT_SUPPORTED, "'%s' is ignored: only charon and charon-systemd are read", n->name);
	}
	for (size_t i = ARRAY_LEN(daemons); i-- > 0 && !m.err;) {
		const struct conf_node *sec = conf_node_child(strongswan, daemons[i]);
		if (!sec || sec->kind != CONF_SECTION)
			continue;
		if (!m.aditd)
			m.aditd = conf_node_section(into, "aditd");
		if (!m.aditd)
			return diag_set(why, E_BAD_VALUE, "'aditd' has to be a section");
		map_daemon(&m, sec);
	}
	return m.err;
}
