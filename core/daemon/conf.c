/* SPDX-License-Identifier: Apache-2.0 */
/* From files to settings, connections and secrets; reload; start actions. */
#include "config/parse.h"
#include "daemon/daemon.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- files to one tree ---- */

/* What a strongswan.conf says goes below what our own configuration says. */
static err_t add_strongswan(struct daemon *d, struct conf_node *root, bool say, struct diag **why)
{
	struct conf_node *swan = NULL;
	struct diag *notes = NULL;
	char buf[512];

	err_t e = conf_parse_file(d->opt.strongswan_conf, NULL, &swan, why);
	if (!e)
		e = conf_swan_map(swan, root, &notes, why);
	for (const struct diag *n = notes; n && say && !e; n = n->next)
		LOGF(d->log, LOG_CONFIG, LOG_CONTROL, NULL, "%s", diag_text(n, 0, buf, sizeof buf));
	diag_free(&notes);
	conf_node_free(&swan);
	return e;
}

/* say: options of a strongswan.conf that have no meaning here go to the log. */
static err_t read_tree(struct daemon *d, bool say, struct conf_node **out, struct diag **why)
{
	err_t e = 0;

	*out = NULL;
	if (d->opt.config) {
		e = conf_parse_file(d->opt.config, NULL, out, why);
	} else {
		*out = conf_node_section(NULL, "");
		e = *out ? 0 : diag_set(why, E_NOMEM, "no memory for the configuration");
	}
	if (!e && d->opt.strongswan_conf)
		e = add_strongswan(d, *out, say, why);
	if (e)
		conf_node_free(out);
	return e;
}

/* ---- settings ---- */

static err_t levels_of(const char *spec, const struct conf_settings *s, int8_t level[LOG_SUB_COUNT], struct diag **why)
{
	err_t e = log_levels_parse(spec, level, why);

	for (int i = 0; !e && !s->log_secrets && i < LOG_SUB_COUNT; i++)
		if (level[i] > LOG_RAW)
			e = diag_set(why, E_DENIED, "log level 4 writes keys: it is refused unless aditd.log_secrets = yes stands in the "
				"configuration");
	return e;
}

/* Those of the command line count; those of the file have to be right nevertheless. */
static err_t levels(struct daemon *d, const struct conf_settings *s, int8_t level[LOG_SUB_COUNT], struct diag **why)
{
	err_t e = levels_of(s->log ? s->log : "1", s, level, why);

	return e || !d->opt.log ? e : levels_of(d->opt.log, s, level, why);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_list(char **a, char **b)
{
	for (; a && b && *a && *b; a++, b++)
		if (strcmp(*a, *b) != 0)
			return false;
	return (!a || !*a) && (!b || !*b);
}

/* What is only looked at when the daemon starts. */
static void say_later(const struct daemon *d, const struct conf_settings *old, const struct conf_settings *now)
{
	const struct {
		const char *key;
		bool same;
	} rows[] = {
		{ "port", old->daemon.port == now->daemon.port },
		{ "port_nat_t", old->daemon.port_natt == now->daemon.port_natt },
		{ "workers", old->workers == now->workers },
		{ "socket", same_text(old->socket, now->socket) },
		{ "pidfile", same_text(old->pidfile, now->pidfile) },
		{ "plugin_dir", same_text(old->plugin_dir, now->plugin_dir) },
		{ "state_dir", same_text(old->state_dir, now->state_dir) },
		{ "load", same_list(old->load, now->load) },
		{ "kernel", same_text(old->kernel, now->kernel) },
		{ "fwmark", old->fwmark == now->fwmark },
		{ "max_api_clients", old->max_api_clients == now->max_api_clients },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!rows[i].same)
			LOGF(d->log, LOG_CONFIG, LOG_CONTROL, NULL, "aditd.%s has changed: it takes effect when aditd "
				"is started again", rows[i].key);
}

/* Takes the settings over; before the start and at a reload. */
static err_t take_settings(struct daemon *d, struct conf_settings **s, struct diag **why)
{
	int8_t level[LOG_SUB_COUNT];
	err_t e = levels(d, *s, level, why);

	if (e)
		return e;
	log_allow_secrets(d->log, (*s)->log_secrets);
	log_rate_set(d->log, (*s)->log_rate);
	log_levels(d->log, d->log_stderr, level);
	if (d->udp) {
		say_later(d, d->settings, *s);
		udp_interfaces(d->udp, (const char *const *)(*s)->interfaces_use,
			(const char *const *)(*s)->interfaces_ignore);
	}
	conf_settings_free(d->settings);
	d->settings = *s;
	*s = NULL;
	uint16_t port = d->conf.port, natt = d->conf.port_natt;
	d->conf = d->settings->daemon;
	/* The sockets stay as they are: a port changes with a restart only. */
	if (d->udp) {
		d->conf.port = port;
		d->conf.port_natt = natt;
		return 0;
	}
	if (d->opt.port >= 0)
		d->conf.port = (uint16_t)d->opt.port;
	if (d->opt.port_natt >= 0)
		d->conf.port_natt = (uint16_t)d->opt.port_natt;
	return 0;
}

static err_t settings_of(const struct conf_node *root, struct conf_settings **out, struct diag **why)
{
	return conf_settings_from(conf_node_child(root, "aditd"), out, why);
}

err_t conf_read_settings(struct daemon *d, struct diag **why)
{
	struct conf_node *root;
	struct conf_settings *s = NULL;
	err_t e = read_tree(d, true, &root, why);

	if (e)
		return e;
	e = settings_of(root, &s, why);
	if (!e)
		e = take_settings(d, &s, why);
	conf_settings_free(s);
	conf_node_free(&root);
	return e;
}

/* ---- connections ---- */

static void start_child(struct daemon *d, const struct conf_conn *c, const struct conf_child *child)
{
	struct ike_cmd cmd = { .ike = c->name, .child = child->name };

	if (child->lacks && !(child->lacks_caps && plane_has(d, child->lacks_caps)))
		return; /* that was said when it was loaded */
	bool shunt = child->mode == CONF_PASS || child->mode == CONF_DROP || child->fixed.spi_in;
	/* What an earlier run has left goes on only for a while: a tunnel has to take its place. A trap takes the name. */
	bool left = !shunt && c->n_remote_addrs && d->engine && ike_left_behind(d->engine, c, child);
	if (child->start_action & CONF_TRAP || (shunt && child->start_action)) {
		cmd.verb = IKE_CMD_INSTALL;
		drive_cmd(d, &cmd);
	}
	if ((child->start_action & CONF_START || left) && !shunt) {
		cmd.verb = IKE_CMD_INITIATE;
		cmd.unless_there = true; /* a reload must not double what is up */
		drive_cmd(d, &cmd);
	}
}

void conf_start_actions(struct daemon *d, const struct conf_conn *c)
{
	if (d->stop_at_ms)
		return;
	netplane_conn(d, c);
	for (uint16_t i = 0; i < c->n_children; i++)
		start_child(d, c, c->children[i]);
}

err_t conf_check_settings(struct daemon *d, const struct conf_settings *s, struct diag **why)
{
	int8_t level[LOG_SUB_COUNT];
	err_t e = levels(d, s, level, why);

	return e ? e : plugconf_check(d, s, why);
}

void conf_take_settings(struct daemon *d, struct conf_settings **s)
{
	/* What could be wrong with them has been checked. */
	if (take_settings(d, s, NULL) == 0)
		loader_reconfigure(d->loader);
}

/* What is allowed, but not wise. */
static void say_warnings(struct daemon *d)
{
	unsigned n = 0, looks = 0;
	uint64_t at = 0;
	char text[500];

	for (const struct conf_conn *c; n < CONF_WARNINGS_MAX && looks++ < CONF_WARNINGS_LOOK && (c = conf_store_next(d->store, &at));)
		if (conf_psk_weak(c, conf_store_secrets(d->store), NULL, text, sizeof text)) {
			LOGF(d->log, LOG_CONFIG, LOG_CONTROL, &(struct log_ctx){ .code = E_WEAK_SECRET }, "%s", text);
			n++;
		}
}

err_t conf_load_all(struct daemon *d, struct diag **why)
{
	struct conf_node *root;
	struct conf_committed done;
	struct conf_commit how = { .comment = "start" };

	if (!d->opt.config)
		return 0;
	err_t e = read_tree(d, false, &root, why);
	if (e)
		return e;
	e = conf_hub_load(d->hub, root, CONF_LOAD_ALL, d->opt.config, &how, &done, why);
	conf_node_free(&root);
	if (!e)
		say_warnings(d);
	return e;
}

static err_t reload(struct daemon *d, bool conns, struct diag **why)
{
	struct conf_node *root;
	struct conf_committed done;
	struct conf_commit how = { .comment = conns ? "read again" : "settings read again" };

	err_t e = read_tree(d, true, &root, why);
	if (e)
		return e;
	if (!conns) {
		/* The settings alone: everything else stays as the API made it. */
		for (struct conf_node *n = root->first, *next; n; n = next) {
			next = n->next;
			if (strcmp(n->name, "aditd") != 0)
				conf_node_remove(root, n->name);
		}
		if (!conf_node_section(root, "aditd"))
			e = E_NOMEM;
	}
	if (!e)
		e = conf_hub_load(d->hub, root, conns ? CONF_LOAD_ALL : CONF_LOAD_SECTIONS,
			d->opt.config ? d->opt.config : "aditd", &how, &done, why);
	/* Files that settings name (logs, keys) may have changed though the settings did not. */
	if (!e && !done.revision) {
		loader_reconfigure(d->loader);
		LOGF(d->log, LOG_CONFIG, LOG_CONTROL, NULL, "configuration: nothing has changed, %zu connections",
			conf_store_count(d->store));
	}
	conf_node_free(&root);
	if (!e && done.revision)
		say_warnings(d);
	return e;
}

err_t conf_reload(void *arg, struct diag **why)
{
	struct daemon *d = arg;

	return reload(d, d->opt.config != NULL, why);
}

err_t conf_reload_settings(void *arg, struct diag **why)
{
	return reload(arg, false, why);
}

void conf_conn_changed(void *arg, const char *name)
{
	struct daemon *d = arg;
	struct conf_conn *c = conf_store_find(d->store, name);

	drive_conf_changed(d);
	if (!c) {
		netplane_conn_gone(d, name);
		return;
	}
	conf_conn_ref(c);
	conf_start_actions(d, c);
	conf_conn_unref(&c);
}
