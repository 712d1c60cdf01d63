/* SPDX-License-Identifier: Apache-2.0 */
/* Start and end of the daemon, signals, what is done once per second. */
#include "crypto/algs.h"
#include "base/count.h"
#include "base/log_line.h"
#include "daemon/creds.h"
#include "daemon/daemon.h"
#include "daemon/version.h"
#include "os/caps.h"
#include "os/ready.h"
#include "os/rng.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void daemon_say(struct daemon *d, const struct diag *why, err_t code)
{
	char buf[2048];
	const struct diag *at = why;

	do {
		diag_text(at, code, buf, sizeof buf);
		if (d->running)
			LOGF(d->log, LOG_CONFIG, LOG_AUDIT, &(struct log_ctx){ .code = at ? at->code : code }, "%s",
				buf);
		else
			fprintf(stderr, "aditd: %s\n", buf);
		at = at ? at->next : NULL;
	} while (at);
}

/* ---- standard error as a log ---- */

enum { MEASURE_US = 300 }; /* for each algorithm of each crypto plugin, at the first start */

static void stderr_write(void *self, const struct log_record *r)
{
	static _Thread_local char line[LOG_LINE];
	struct text t = text_of(line, sizeof line - 1);

	(void)self;
	/* The journal notes the time itself. */
	log_line_text(&t, r, getenv("JOURNAL_STREAM") ? 0 : LOG_LINE_TIME);
	line[t.n++] = '\n';
	fwrite(line, 1, t.n, stderr);
}

static err_t stderr_start(struct daemon *d, struct diag **why)
{
	struct log_sink s = { .write = stderr_write, .may_wait = true, .focus = true, .name = "stderr" };
	err_t e = log_levels_parse(d->opt.log ? d->opt.log : "1", s.level, why);

	d->log_stderr = -1;
	if (e || !d->opt.foreground)
		return e;
	d->log_stderr = log_add(d->log, &s);
	return d->log_stderr >= 0 ? 0 : diag_set(why, E_NOMEM, "cannot start the log");
}

/* ---- services for plugins ---- */

static const char *svc_conf(void *arg, const char *plugin, const char *key)
{
	return conf_settings_plugin(((struct daemon *)arg)->settings, plugin, key);
}

static void count_name(void *arg, const char *name)
{
	(void)name;
	++*(unsigned *)arg;
}

static void svc_conf_each(void *arg, const char *plugin, const char *key, void (*cb)(void *cb_arg, const char *name),
	void *cb_arg)
{
	struct daemon *d = arg;
	unsigned n = 0;

	conf_settings_plugin_each(d->settings, plugin, key, count_name, &n);
	/* In the background there is no standard error: unless told otherwise the system's log takes its place. */
	if (!n && !d->opt.foreground && !*key && strcmp(plugin, "log-syslog") == 0)
		cb(cb_arg, "daemon");
	else
		conf_settings_plugin_each(d->settings, plugin, key, cb, cb_arg);
}

static err_t svc_udp_send(void *arg, const struct net_addr *local, const struct net_addr *remote, const slice *v,
	size_t n, unsigned how)
{
	struct daemon *d = arg;

	return d->udp ? udp_send_raw(d->udp, local, remote, v, n, how) : E_NOT_SUPPORTED;
}

static void svc_kern_event(void *arg, const struct kern_event *ev)
{
	if (ev->type == KERN_EV_LINK)
		netplane_changed(arg);
	drive_kern_event(arg, ev);
}

static void svc_kern_done(void *arg, uint64_t token, err_t res)
{
	drive_kern_done(arg, token, res);
}

static const void *crypto_find(void *arg, uint16_t kind, uint16_t id, uint16_t bits)
{
	return registry_find(arg, kind, id, bits);
}

/* "aditd { plugins { crypto { pin { AES_GCM_16_128 = crypto-gcrypt } } } }" */
static const char *pin_of(void *arg, const char *name)
{
	TEXT_ON_STACK(key, 80);
	text_fmt(&key, "pin.%s", name);
	return conf_settings_plugin(((struct daemon *)arg)->settings, "crypto", key.p);
}

static void say_crypto(const struct daemon *d)
{
	char names[512];

	if (crypto_missing_plugins(d->reg, names, sizeof names))
		LOGF(d->log, LOG_PLUGIN, LOG_AUDIT, NULL, "not loaded: %s; what only they provide is refused by name", names);
	if (crypto_weak_names(d->reg, names, sizeof names))
		LOGF(d->log, LOG_PLUGIN, LOG_CONTROL, NULL, "weak algorithms, used only when a configuration names them: %s", names);
}

static err_t plugins_start(struct daemon *d, struct diag **why)
{
	const char *dir = d->opt.plugin_dir ? d->opt.plugin_dir : d->settings->plugin_dir ? d->settings->plugin_dir :
		ADIT_PLUGIN_DIR;

	d->reg = registry_new();
	if (!d->reg)
		return diag_set(why, E_NOMEM, "no memory for plugins");
	d->services = (struct plug_services){ .log = d->log, .loop = d->loop, .reg = d->reg, .arg = d, .conf = svc_conf,
		.conf_each = svc_conf_each, .udp_send = svc_udp_send, .kern_event = svc_kern_event,
		.kern_done = svc_kern_done, .cred_done = creds_cred_done, .cred_loaded = creds_cred_loaded,
		.cred_changed = creds_cred_changed, .fetch_done = creds_fetch_done, .fwmark = d->settings->fwmark };
	crypto_init(&d->crypto, crypto_find, rng_random, d->reg);
	err_t e = loader_new(&d->services, &d->loader, why);
	if (!e)
		e = loader_open(d->loader, dir, (const char *const *)d->settings->load, why);
	if (!e)
		e = plugconf_check(d, d->settings, why);
	if (!e)
		e = plane_choose(d, why);
	if (e)
		return e;
	/* Kept over a restart of the machine where there is a place for it. */
	loader_start(d->loader, MEASURE_US, access(ADIT_STATE_DIR, W_OK) == 0 ? ADIT_STATE_DIR "/aditd.speed" :
		ADIT_RUN_DIR "/aditd.speed");
	size_t n = 0;
	while (d->settings->load && d->settings->load[n])
		n++;
	registry_prefer(d->reg, (const char *const *)d->settings->load, n);
	e = crypto_pin_all(d->reg, pin_of, d, why);
	if (e)
		return e;
	loader_settle(d->loader);
	const struct rng_ops *rng = registry_find(d->reg, PLUG_RNG, 0, 0);
	if (rng)
		rng_use(rng->fill);
	say_crypto(d);
	e = plane_start(d, why);
	return e ? e : netplane_start(d, why);
}

/* ---- sockets, workers, API ---- */

static void rx(void *arg, const struct net_addr *local, const struct net_addr *remote, slice data)
{
	drive_rx(arg, local, remote, data);
}

static bool unsent(void *arg, const struct net_addr *local, const struct net_addr *remote, slice data, int err)
{
	struct daemon *d = arg;

	return ike_unsent(d->engine, local, remote, data, err == EADDRNOTAVAIL || err == EINVAL ?
		"this host does not have the address" : strerrordesc_np(err));
}

static err_t sockets_start(struct daemon *d, struct diag **why)
{
	struct udp_conf c = { .port = d->conf.port, .port_natt = d->conf.port_natt, .v4 = true, .v6 = true,
		.fwmark = d->settings->fwmark, .interfaces_use = (const char *const *)d->settings->interfaces_use,
		.interfaces_ignore = (const char *const *)d->settings->interfaces_ignore };
	struct udp_user user = { .arg = d, .ike = rx, .esp = plane_esp, .unsent = unsent };
	err_t e = udp_open(d->loop, d->log, &c, &user, &d->udp, why);

	if (e)
		return e;
	d->conf.port = udp_port(d->udp);
	d->conf.port_natt = udp_port_natt(d->udp);
	return 0;
}

static unsigned worker_count(const struct daemon *d)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (d->opt.workers >= 0)
		return (unsigned)d->opt.workers;
	if (d->settings->workers != UINT32_MAX)
		return d->settings->workers;
	return cpus > 257 ? 256 : cpus > 1 ? (unsigned)cpus - 1 : 0;
}

static void api_run(void *arg, const struct ike_cmd *cmd)
{
	drive_cmd(arg, cmd);
}

static void api_forget(void *arg, uint64_t cmd_id)
{
	drive_forget(arg, cmd_id);
}

static void api_figures_get(void *arg, struct api_figures *out)
{
	struct daemon *d = arg;
	unsigned n = worker_count(d), busy = workers_busy(d->workers);

	*out = (struct api_figures){ .workers = n, .workers_busy = busy < n ? busy : n,
		.jobs_waiting = busy > n ? busy - n : 0 };
}

static void api_events_wanted(void *arg, uint32_t mask)
{
	struct daemon *d = arg;

	d->events_api = mask;
	ike_events_wanted(d->engine, mask | d->events_own);
}

static const char *socket_path(const struct daemon *d)
{
	return d->opt.socket ? d->opt.socket : d->settings->socket ? d->settings->socket : ADIT_RUN_DIR "/aditd.sock";
}

/* A group of the settings by name or number; (gid_t)-1 when none is set. */
static err_t group_of(const char *name, gid_t *out, struct diag **why)
{
	char *end;

	*out = (gid_t)-1;
	if (!name)
		return 0;
	const struct group *g = getgrnam(name);
	unsigned long n = strtoul(name, &end, 10);
	if (!g && (*end || end == name || n >= UINT32_MAX))
		return diag_set(why, E_BAD_VALUE, "there is no group '%s' for the users of the API: make it with "
			"groupadd, or correct the setting aditd.api_group_*", name);
	*out = g ? g->gr_gid : (gid_t)n;
	return 0;
}

static err_t api_start(struct daemon *d, struct diag **why)
{
	struct api_env env = { .loop = d->loop, .log = d->log, .engine = d->engine, .store = d->store,
		.registry = d->reg, .can = &d->can, .version = ADIT_VERSION,
		.max_clients = d->settings->max_api_clients, .arg = d, .run = api_run, .forget = api_forget,
		.hub = d->hub, .conf_changed = conf_conn_changed, .reload = conf_reload_settings, .figures = api_figures_get,
		.events_wanted = api_events_wanted };

	env.creds = d->creds->ops ? &creds_api : NULL;
	err_t e = group_of(d->settings->api_group_read, &env.group_read, why);
	if (!e)
		e = group_of(d->settings->api_group_operate, &env.group_operate, why);
	if (!e)
		e = group_of(d->settings->api_group_configure, &env.group_configure, why);
	return e ? e : api_server_new(&env, socket_path(d), &d->api, why);
}

/* ---- signals and time ---- */

static void stop_when_idle(void *arg)
{
	struct daemon *d = arg;

	if (loop_now_ms() < d->stop_at_ms && !ike_idle(d->engine)) {
		loop_timer_set(d->idle, 10);
		return;
	}
	if (!ike_idle(d->engine))
		LOGF(d->log, LOG_DAEMON, LOG_CONTROL, NULL, "not every peer answered the deletion of its SAs: they go "
			"without");
	loop_stop(d->loop);
}

static void on_stop(void *arg, int signo)
{
	struct daemon *d = arg;

	if (d->stop_at_ms) {
		loop_stop(d->loop);
		return;
	}
	ready_notify("STOPPING=1");
	if (d->settings->keep_state && plane_keep(d)) {
		LOGF(d->log, LOG_DAEMON, LOG_CONTROL, NULL, "%s: SAs and policies stay in the kernel for the next start",
			signo == SIGINT ? "SIGINT" : "SIGTERM");
		netplane_keep(d);
		d->kept = true;
		d->stop_at_ms = loop_now_ms();
		loop_stop(d->loop);
		return;
	}
	LOGF(d->log, LOG_DAEMON, LOG_CONTROL, NULL, "%s: deleting all SAs", signo == SIGINT ? "SIGINT" : "SIGTERM");
	d->stop_at_ms = loop_now_ms() + SHUTDOWN_MS;
	drive_shutdown(d);
	d->idle = loop_timer(d->loop, 0, 0, stop_when_idle, d);
	if (!d->idle)
		loop_stop(d->loop);
}

static void on_reload(void *arg, int signo)
{
	struct daemon *d = arg;
	struct diag *why = NULL;

	(void)signo;
	LOGF(d->log, LOG_DAEMON, LOG_CONTROL, NULL, "SIGHUP: reading the configuration again");
	ready_reloading();
	err_t e = conf_reload(d, &why);
	if (e) {
		daemon_say(d, why, e);
		LOGF(d->log, LOG_CONFIG, LOG_AUDIT, &(struct log_ctx){ .code = e }, "the configuration was not "
			"changed");
	}
	diag_free(&why);
	ready_notify("READY=1");
}

static void look_for_unlocked(void *arg, const struct counter *c)
{
	struct daemon *d = arg;

	if (d->secrets_said || strcmp(c->name, "secret.unlocked") != 0 || !counter_get(c))
		return;
	d->secrets_said = true;
	LOGF(d->log, LOG_DAEMON, LOG_AUDIT, NULL, "not all keys could be locked in memory, so they may reach the swap: "
		"raise the limit of locked memory (LimitMEMLOCK=, ulimit -l)");
}

static void each_second(void *arg)
{
	struct daemon *d = arg;

	log_tick(d->log);
	conf_hub_tick(d->hub);
	effects_tick(d);
	creds_second(d);
	if (!d->secrets_said)
		counter_each(look_for_unlocked, d);
}

static err_t signals_start(struct daemon *d, struct diag **why)
{
	d->signals[0] = loop_signal(d->loop, SIGTERM, on_stop, d);
	d->signals[1] = loop_signal(d->loop, SIGINT, on_stop, d);
	d->signals[2] = loop_signal(d->loop, SIGHUP, on_reload, d);
	d->second = loop_timer(d->loop, 1000, 1000, each_second, d);
	for (size_t i = 0; i < 3; i++)
		if (!d->signals[i] || !d->second)
			return diag_set(why, E_NOMEM, "cannot catch signals");
	return 0;
}

/* ---- start and end ---- */

static err_t pidfile_start(struct daemon *d, struct diag **why)
{
	const char *path = d->opt.pidfile ? d->opt.pidfile : d->settings->pidfile ? d->settings->pidfile :
		ADIT_RUN_DIR "/aditd.pid";

	d->pidfile_path = strdup(path);
	return d->pidfile_path ? pidfile_take(path, &d->pidfile, why) : diag_set(why, E_NOMEM, "no memory");
}

err_t daemon_start(struct daemon *d, struct diag **why)
{
	/* A peer or client that went away is an error of its write, not a signal for us. */
	signal(SIGPIPE, SIG_IGN);
	err_t e = hooks_fork(d->opt.debug, &d->hooks_child, why);
	if (e)
		return e;
	d->log_stderr = d->pidfile = -1;
	d->log = log_new();
	if (!d->log)
		return diag_set(why, E_NOMEM, "no memory for the log");
	e = caps_drop(d->log, d->opt.debug, why);
	if (!e)
		e = stderr_start(d, why);
	if (!e)
		e = loop_new(&d->loop, why);
	if (!e)
		e = updown_start(d, why);
	if (!e)
		e = conf_read_settings(d, why);
	if (!e)
		e = pidfile_start(d, why);
	/* Before the plugins: a busy port or a missing privilege is then the only thing that is said. */
	if (!e)
		e = sockets_start(d, why);
	if (!e)
		e = plugins_start(d, why);
	if (!e)
		e = conf_store_new(&d->store) ? diag_set(why, E_NOMEM, "no memory for the configuration") : 0;
	if (!e)
		e = workers_new(d->loop, worker_count(d), JOBS_WAITING, &d->workers, why);
	if (!e)
		e = creds_start(d, why);
	if (!e)
		e = drive_start(d, why);
	if (!e)
		e = commit_start(d, why);
	if (!e)
		e = api_start(d, why);
	if (!e)
		e = conf_load_all(d, why);
	if (!e)
		e = signals_start(d, why);
	d->running = !e;
	return e;
}

void daemon_stop(struct daemon *d)
{
	if (d->udp)
		udp_flush(d->udp);
	api_server_free(d->api);
	d->api = NULL;
	d->running = false;
	/* Gives jobs back to the engine. */
	workers_free(d->workers);
	d->workers = NULL;
	if (d->engine) {
		/* What stays has not gone down. */
		if (!d->kept)
			netplane_all_down(d);
		drive_stop(d);
	}
	updown_stop(d);
	creds_stop(d);
	commit_stop(d);
	rng_use(NULL);
	netplane_end_use(d);
	loader_free(d->loader);
	udp_close(d->udp);
	plane_stop(d);
	netplane_stop(d);
	registry_free(d->reg);
	conf_store_free(d->store);
	conf_settings_free(d->settings);
	loop_free(d->loop);
	/* A second SIGTERM while the rest is put away is no reason to end badly. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	log_free(d->log);
	pidfile_drop(d->pidfile_path, d->pidfile);
	free(d->pidfile_path);
}
