/* SPDX-License-Identifier: Apache-2.0 */
/* `aditd { … }` to struct conf_settings, and the settings of plugins in it. */
#include "config/settings.h"

#include "config/schema.h"
#include "config/value.h"
#include "plugin/abi.h"

#include <stdio.h>
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
	free(s->kernel);
	free(s->log);
	free(s->api_group_read);
	free(s->api_group_operate);
	free(s->api_group_configure);
	strings_free(s->load);
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

/* Does the declared key ("*.path") stand for this one ("main.path")? A "*" at the end takes all that follows. */
static bool key_fits(const char *declared, const char *key)
{
	for (;;) {
		size_t d = strcspn(declared, "."), k = strcspn(key, ".");
		bool star = d == 1 && declared[0] == '*';

		if (!star && (d != k || memcmp(declared, key, d) != 0))
			return false;
		if (star && !declared[d])
			return true;
		if (!declared[d] || !key[k])
			return declared[d] == key[k];
		declared += d + 1;
		key += k + 1;
	}
}

static err_t check_plugin_value(const struct conf_node *n, const struct plug_conf_key *k, struct diag **why)
{
	slice s = slice_of(n->text, n->len);
	uint64_t u = 0;
	int64_t v = 0;
	bool b;
	err_t e = 0;

	if (!n->len)
		return 0;
	switch (k->type) {
	case PLUG_CONF_BOOL:
		e = conf_value_bool(s, &b);
		break;
	case PLUG_CONF_INT:
		e = conf_value_int(s, &v);
		break;
	case PLUG_CONF_TIME_S:
		e = conf_value_time_s(s, &u);
		v = u > INT64_MAX ? INT64_MAX : (int64_t)u;
		break;
	default:
		return 0;
	}
	bool ranged = k->type != PLUG_CONF_BOOL && (k->min || k->max);
	if (!e && (!ranged || (v >= k->min && v <= k->max)))
		return 0;
	if (k->type == PLUG_CONF_BOOL)
		return conf_node_fail(n, true, why, E_BAD_VALUE, "'%s' = '%s': yes or no is expected", n->name,
		n->text);
	if (!ranged)
		return conf_node_fail(n, true, why, E_BAD_VALUE, "'%s' = '%s': %s is expected", n->name, n->text,
			k->type == PLUG_CONF_INT ? "a number" : "a time as 30s or 1h 30m");
	return conf_node_fail(n, true, why, E_BAD_VALUE, "'%s' = '%s': %s from %lld to %lld is expected", n->name,
		n->text,
		k->type == PLUG_CONF_INT ? "a number" : "a time in seconds", (long long)k->min, (long long)k->max);
}

static err_t check_plugin(const struct conf_node *sec, const char *plugin, const char *path,
			  const struct plug_conf_key *keys, struct diag **why)
{
	err_t first = 0, e;
	char full[512];

	for (const struct conf_node *n = sec->first; n; n = n->next) {
		const struct plug_conf_key *k = keys;
		snprintf(full, sizeof full, "%s%s%s", path, *path ? "." : "", n->name);
		if (n->kind == CONF_SECTION) {
			e = check_plugin(n, plugin, full, keys, why);
			first = first ? first : e;
			continue;
		}
		while (k && k->key && !key_fits(k->key, full))
			k++;
		if (k && k->key) {
			e = n->kind == CONF_VALUE ? check_plugin_value(n, k, why) : 0;
		} else {
			struct conf_near near = conf_near_of(n->name);
			for (k = keys; k && k->key; k++) {
				const char *dot = strrchr(k->key, '.');
				conf_near_try(&near, dot ? dot + 1 : k->key);
			}
			e = conf_node_fail(n, false, why, E_UNKNOWN_KEY, "plugin %s has no setting '%s'%s%s%s",
				plugin, full,
				near.best ? ": did you mean '" : "", near.best ? near.best : "", near.best ? "'?" : "");
		}
		first = first ? first : e;
	}
	return first;
}

err_t conf_settings_plugin_check(const struct conf_settings *s, const char *plugin, const struct plug_conf_key *keys,
				 struct diag **why)
{
	const struct conf_node *sec = conf_node_child(s->plugins, plugin);

	return sec && sec->kind == CONF_SECTION ? check_plugin(sec, plugin, "", keys, why) : 0;
}
