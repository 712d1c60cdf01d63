/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings below `aditd { plugins { NAME { … } } }` against what each plugin declares (struct plug_conf_key): all
 * findings at once, each with its place and the nearest key.
 */
#include "daemon/daemon.h"

#include <stdio.h>

enum { KEY_MAX = 512 };

struct check {
	const struct plug_desc *desc;
	struct diag **why;
	err_t first;
};

static void fail(struct check *c, err_t e)
{
	c->first = c->first ? c->first : e;
}

/* The last parts of the plugin's keys: what the unknown one may have been meant to be. */
static const char *nearest(const struct plug_desc *d, const char *name)
{
	struct conf_near near = conf_near_of(name);

	for (const struct plug_conf_key *k = d->conf; k && k->key; k++) {
		const char *dot = strrchr(k->key, '.');
		conf_near_try(&near, dot ? dot + 1 : k->key);
	}
	return near.best;
}

static void check_value(struct check *c, const struct conf_node *n, const char *key)
{
	char wanted[96] = "";
	err_t e = host_conf_check(c->desc->conf, key, n->text, wanted, sizeof wanted);

	if (!e)
		return;
	const char *near = e == E_UNKNOWN_KEY ? nearest(c->desc, n->name) : NULL;
	if (e == E_UNKNOWN_KEY)
		fail(c, conf_node_fail(n, false, c->why, e, "plugin %s has no setting \"%s\"%s%s%s", c->desc->name, key,
			near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : ""));
	else
		fail(c, conf_node_fail(n, true, c->why, e, "%s of plugin %s: expected %s", key, c->desc->name, wanted));
}

static void check_section(struct check *c, const struct conf_node *section, const char *prefix, unsigned depth)
{
	char key[KEY_MAX];

	for (const struct conf_node *n = section->first; n; n = n->next) {
		int len = snprintf(key, sizeof key, "%s%s%s", prefix, *prefix ? "." : "", n->name);
		if (len < 0 || (size_t)len >= sizeof key || depth > 4 || n->kind == CONF_LIST)
			fail(c, conf_node_fail(n, false, c->why, E_UNKNOWN_KEY, "plugin %s has no such "
				"setting", c->desc->name));
		else if (n->kind == CONF_SECTION)
			check_section(c, n, key, depth + 1);
		else
			check_value(c, n, key);
	}
}

static const struct reg_plugin *plugin_of(const struct plug_registry *reg, const char *name)
{
	const struct reg_plugin *p;
	size_t cursor = 0;

	while ((p = registry_each_plugin(reg, &cursor)))
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

err_t plugconf_check(struct daemon *d, const struct conf_settings *s, struct diag **why)
{
	struct check c = { .why = why };

	for (const struct conf_node *n = s->plugins ? s->plugins->first : NULL; n; n = n->next) {
		/* The choice among all crypto plugins, read where they are ranked. */
		if (strcmp(n->name, "crypto") == 0)
			continue;
		const struct reg_plugin *p = plugin_of(d->reg, n->name);
		/* A plugin that is not installed is no reason not to start: it may be another host's. */
		if (!p || !p->desc) {
			LOGF(d->log, LOG_CONFIG, LOG_CONTROL, NULL, "aditd.plugins.%s: there is no plugin of this "
				"name", n->name);
			continue;
		}
		c.desc = p->desc;
		if (n->kind == CONF_SECTION)
			check_section(&c, n, "", 0);
	}
	return c.first;
}
