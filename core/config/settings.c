/* SPDX-License-Identifier: Apache-2.0 */
/* `aditd { … }` to struct conf_settings, and the settings of plugins in it. */
#include "config/settings.h"

#include "config/pool.h"

#include "config/schema.h"

#include <stdlib.h>

err_t conf_settings_new(struct conf_settings **out)
{
	struct conf_settings *s = calloc(1, sizeof *s);
	err_t e = s ? conf_defaults(&conf_schema_aditd, s) : E_NOMEM;

	if (e) {
		conf_settings_free(s);
		return e;
	}
	s->workers = UINT32_MAX;
	*out = s;
	return 0;
}

void conf_daemon_defaults(struct conf_daemon *d)
{
	struct conf_settings *s;

	memset(d, 0, sizeof *d);
	if (conf_settings_new(&s) == 0) {
		*d = s->daemon;
		conf_settings_free(s);
	}
}

static void strings_free(char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		free(v[i]);
	free(v);
}

void conf_settings_free(struct conf_settings *s)
{
	if (!s)
		return;
	free(s->socket);
	free(s->pidfile);
	free(s->plugin_dir);
	free(s->state_dir);
	free(s->redirect_gateway);
	conf_pool_free(s->attributes);
	free(s->kernel);
	free(s->log);
	free(s->api_group_read);
	free(s->api_group_operate);
	free(s->api_group_configure);
	strings_free(s->load);
	strings_free(s->hash_and_url_hosts);
	strings_free(s->interfaces_use);
	strings_free(s->interfaces_ignore);
	conf_node_free(&s->plugins);
	free(s);
}

err_t conf_settings_from(const struct conf_node *sec, struct conf_settings **out, struct diag **why)
{
	struct conf_settings *s = NULL;
	err_t e = conf_settings_new(&s);

	*out = NULL;
	if (e || !sec)
		goto out;
	e = conf_check(&conf_schema_aditd, sec, s, why);
	s->daemon.redirect_gateway = s->redirect_gateway;
	const struct conf_node *attributes = conf_node_child(sec, "attributes");
	if (attributes && attributes->kind == CONF_SECTION) {
		err_t bad = conf_attributes_from(attributes, &s->attributes, why);
		e = e ? e : bad;
		s->daemon.attributes = s->attributes;
	}
	const struct conf_node *plugins = conf_node_child(sec, "plugins");
	if (plugins && plugins->kind == CONF_SECTION) {
		for (const struct conf_node *n = plugins->first; n; n = n->next)
			if (n->kind != CONF_SECTION) {
				err_t bad = conf_node_fail(n, false, why, E_BAD_VALUE,
					"'%s': a section with the settings of a "
					"plugin is expected here, '{' behind its name", n->name);
				e = e ? e : bad;
			}
		s->plugins = conf_node_copy(plugins);
		if (!s->plugins)
			e = e ? e : E_NOMEM;
	}
out:
	if (e)
		conf_settings_free(s);
	else
		*out = s;
	return e;
}

static const struct conf_node *plugin_node(const struct conf_settings *s, const char *plugin, const char *key)
{
	const struct conf_node *n = conf_node_child(s->plugins, plugin);

	return n && *key ? conf_node_at(n, key) : n;
}

const char *conf_settings_plugin(const struct conf_settings *s, const char *plugin, const char *key)
{
	const struct conf_node *n = plugin_node(s, plugin, key);

	return n && n->kind == CONF_VALUE && n->len ? n->text : NULL;
}

void conf_settings_plugin_each(const struct conf_settings *s, const char *plugin, const char *key,
			       void (*cb)(void *arg, const char *name), void *arg)
{
	const struct conf_node *n = plugin_node(s, plugin, key);

	for (n = n && n->kind == CONF_SECTION ? n->first : NULL; n; n = n->next)
		if (n->kind == CONF_SECTION)
			cb(arg, n->name);
}
