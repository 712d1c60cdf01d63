/* SPDX-License-Identifier: Apache-2.0 */
/* Methods about the daemon itself: who it is, how it does, what plugins and algorithms it has. */
#include "api/server/internal.h"

#include "base/count.h"
#include "plugin/registry.h"

#include <malloc.h>
#include <sys/utsname.h>
#include <time.h>

void api_do_hello(struct api_call *call)
{
	char client[128];
	int64_t major = api_arg_i64(call, "api", API_MAJOR);
	if (api_arg(call, "client", client, sizeof client)) {
		TEXT_ON_STACK(t, 512);
		text_peer(&t, slice_str(client));
		LOGF(call->s->env.log, LOG_API, LOG_DETAIL, NULL, "client %s says hello", t.p);
		snprintf(call->client->name, sizeof call->client->name, "%.60s", t.p);
	}
	if (major != API_MAJOR) {
		api_failf(call, E_NOT_SUPPORTED, "this daemon speaks version %d of the API, the client version %lld: use the client "
			  "that came with the daemon", API_MAJOR, (long long)major);
		return;
	}
	struct vici_out o;
	api_response(&o);
	vici_kv_str(&o, "success", "yes");
	vici_kv_str(&o, "daemon", "aditd");
	vici_kv_str(&o, "version", call->s->env.version);
	vici_kv_u64(&o, "api", API_MAJOR);
	vici_kv_str(&o, "permission", api_perm_name(call->client->perm));
	vici_list(&o, "methods");
	for (size_t i = 0; i < api_n_methods; i++)
		vici_item_str(&o, api_methods[i].name);
	vici_list_end(&o);
	vici_list(&o, "events");
	for (size_t i = 0; i < api_n_events; i++)
		vici_item_str(&o, api_events[i].name);
	vici_list_end(&o);
	api_reply(call, &o);
}

void api_do_version(struct api_call *call)
{
	struct utsname u;
	struct vici_out o;
	if (uname(&u))
		memset(&u, 0, sizeof u);
	api_response(&o);
	vici_kv_str(&o, "daemon", "aditd");
	vici_kv_str(&o, "version", call->s->env.version);
	vici_kv_str(&o, "sysname", u.sysname);
	vici_kv_str(&o, "release", u.release);
	vici_kv_str(&o, "machine", u.machine);
	api_reply(call, &o);
}

static void put_uptime(struct vici_out *o, const struct api_server *s)
{
	static const struct {
		uint64_t s;
		const char *unit;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	uint64_t up = (loop_now_ms() - s->started_ms) / 1000, n = up;
	const char *unit = "second";
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (up >= 2 * units[i].s || units[i].s == 1) {
			n = up / units[i].s;
			unit = units[i].unit;
			break;
		}
	time_t since = (time_t)s->started_wall_s;
	struct tm tm;
	char when[64] = "";
	if (localtime_r(&since, &tm))
		strftime(when, sizeof when, "%b %d %H:%M:%S %Y", &tm);
	vici_section(o, "uptime");
	vici_kv_fmt(o, "running", "%llu %s%s", (unsigned long long)n, unit, n == 1 ? "" : "s");
	vici_kv_str(o, "since", when);
	vici_section_end(o);
}

/* Our jobs have one priority. */
static void put_priorities(struct vici_out *o, uint64_t medium)
{
	vici_kv_str(o, "critical", "0");
	vici_kv_str(o, "high", "0");
	vici_kv_u64(o, "medium", medium);
	vici_kv_str(o, "low", "0");
}

static void put_counter(void *arg, const struct counter *c)
{
	vici_kv_u64(arg, c->name, counter_get(c));
}

enum { HEAP_KEEP_MS = 1000 };

/* The allocator walks all its free pieces for these figures: not for every client that asks again and again. */
static void heap_look(struct api_server *s)
{
	uint64_t now_ms = loop_now_ms();

	if (s->heap.at_ms && now_ms - s->heap.at_ms < HEAP_KEEP_MS)
		return;
	struct mallinfo2 m = mallinfo2();
	s->heap.at_ms = now_ms;
	s->heap.sbrk = m.arena;
	s->heap.mmap = m.hblkhd;
	s->heap.used = m.uordblks;
	s->heap.free = m.fordblks;
}

void api_do_stats(struct api_call *call)
{
	const struct api_env *env = &call->s->env;
	struct api_figures f = { 0 };
	struct ike_stats st = { 0 };
	struct vici_out o;
	if (env->figures)
		env->figures(env->arg, &f);
	ike_stats_get(env->engine, &st);
	heap_look(call->s);
	api_response(&o);
	put_uptime(&o, call->s);
	vici_section(&o, "workers");
	vici_kv_u64(&o, "total", f.workers);
	vici_kv_u64(&o, "idle", f.workers - f.workers_busy);
	vici_section(&o, "active");
	put_priorities(&o, f.workers_busy);
	vici_section_end(&o);
	vici_section_end(&o);
	vici_section(&o, "queues");
	put_priorities(&o, f.jobs_waiting);
	vici_section_end(&o);
	vici_kv_u64(&o, "scheduled", f.timers);
	vici_section(&o, "ikesas");
	vici_kv_u64(&o, "total", st.ike_sas);
	vici_kv_u64(&o, "half-open", st.half_open);
	vici_section_end(&o);
	vici_list(&o, "plugins");
	size_t cursor = 0;
	for (const struct reg_plugin *p; (p = registry_each_plugin(env->registry, &cursor));)
		if (p->state == REG_ACTIVE)
			vici_item_str(&o, p->name);
	vici_list_end(&o);
	vici_section(&o, "mallinfo");
	vici_kv_u64(&o, "sbrk", call->s->heap.sbrk);
	vici_kv_u64(&o, "mmap", call->s->heap.mmap);
	vici_kv_u64(&o, "used", call->s->heap.used);
	vici_kv_u64(&o, "free", call->s->heap.free);
	vici_section_end(&o);
	vici_kv_u64(&o, "childsas", st.children);
	vici_section(&o, "counters");
	counter_each(put_counter, &o);
	vici_section_end(&o);
	api_reply(call, &o);
}

void api_do_reload_settings(struct api_call *call)
{
	struct diag *why = NULL;
	if (!call->s->env.reload) {
		api_failf(call, E_NOT_SUPPORTED, "this daemon was started without a file to reload");
		return;
	}
	err_t err = call->s->env.reload(call->s->env.arg, &why);
	if (err)
		api_fail(call, err, why);
	else
		api_ok(call);
}

/* Transform types of suite.h by kind of feature; 0: the id is no transform. */
static const uint8_t tf_type[PLUG_KIND_END] = { [PLUG_ENCR] = SUITE_ENCR, [PLUG_INTEG] = SUITE_INTEG,
						[PLUG_PRF] = SUITE_PRF, [PLUG_KEX] = SUITE_KE };

static const char *feat_name(const struct plug_feat *f, char buf[48])
{
	char alg[32];
	const char *hash;
	if (f->kind < PLUG_KIND_END && tf_type[f->kind])
		snprintf(buf, 48, "%s", suite_alg_name(tf_type[f->kind], f->id, alg));
	else if (f->kind == PLUG_HASH && (hash = suite_hash_name(f->id)))
		snprintf(buf, 48, "%s", hash);
	else if (f->kind == PLUG_HASH)
		snprintf(buf, 48, "HASH_%u", f->id);
	else
		buf[0] = 0;
	return buf;
}

/* What is no algorithm has the name of its plugin. */
static const char *full_name(const struct reg_feat *f, char buf[48])
{
	static const char *const signs[] = { [PLUG_SIGN_RSA_PKCS1] = "RSA_PKCS1", [PLUG_SIGN_RSA_PSS] = "RSA_PSS", [PLUG_SIGN_ECDSA] = "ECDSA",
					     [PLUG_SIGN_ECDSA_RAW] = "ECDSA_RAW", [PLUG_SIGN_ED25519] = "ED25519", [PLUG_SIGN_ED448] = "ED448" };
	char curve[32];
	if (f->is.kind == PLUG_SIGN && f->is.id < ARRAY_LEN(signs) && signs[f->is.id])
		snprintf(buf, 48, "%s%s%s", signs[f->is.id], f->is.arg ? "-" : "", f->is.arg ? suite_alg_name(SUITE_KE, f->is.arg, curve) : "");
	else if (f->is.kind == PLUG_ENCR && f->is.arg)
		snprintf(buf, 48, "%s-%u", suite_alg_name(SUITE_ENCR, f->is.id, curve), f->is.arg);
	else if (!*feat_name(&f->is, buf))
		snprintf(buf, 48, "%s", f->plugin->name);
	return buf;
}

static void put_features(struct vici_out *o, const struct plug_registry *r, const struct reg_plugin *p)
{
	size_t cursor = 0;
	vici_list(o, "features");
	for (const struct reg_feat *f; (f = registry_each_feat(r, 0, &cursor));) {
		char name[48];
		if (f->plugin != p)
			continue;
		TEXT_ON_STACK(t, 512);
		text_fmt(&t, "%s:%s", plug_kind_name(f->is.kind), full_name(f, name));
		if (f->reserve)
			text_str(&t, " (in reserve)");
		else if (!f->offered)
			text_fmt(&t, " (left out: %s)", f->why ? f->why : "");
		else if (f->best)
			text_fmt(&t, " (best: %s)", f->why ? f->why : "");
		vici_item_str(o, t.p);
	}
	vici_list_end(o);
}

void api_do_list_plugins(struct api_call *call)
{
	static const char *const states[] = { [REG_LOADED] = "loaded", [REG_ACTIVE] = "active", [REG_REFUSED] = "refused" };
	const struct plug_registry *r = call->s->env.registry;
	struct vici_out o;
	size_t cursor = 0;
	api_response(&o);
	vici_section(&o, "plugins");
	for (const struct reg_plugin *p; (p = registry_each_plugin(r, &cursor));) {
		vici_section(&o, p->name);
		vici_kv_str(&o, "version", p->version);
		vici_kv_str(&o, "summary", p->summary);
		vici_kv_str(&o, "path", p->path);
		vici_kv_str(&o, "state", states[p->state]);
		if (p->why && *p->why)
			vici_kv_str(&o, "why", p->why);
		put_features(&o, r, p);
		vici_section_end(&o);
	}
	vici_section_end(&o);
	api_reply(call, &o);
}

/* Algorithm = plugin, each algorithm once whatever its key lengths. */
static void put_algs(struct vici_out *o, const struct plug_registry *r, const char *section, uint16_t kind, bool aead)
{
	size_t cursor = 0;
	int32_t last = -1;
	vici_section(o, section);
	for (const struct reg_feat *f; (f = registry_each_feat(r, kind, &cursor));) {
		char name[48];
		const struct suite_fact *fact = kind == PLUG_ENCR ? suite_fact(SUITE_ENCR, f->is.id) : NULL;
		bool is_aead = fact && (fact->flags & SUITE_AEAD);
		if (!f->offered || !f->best || f->is.id == last || is_aead != aead)
			continue;
		last = f->is.id;
		vici_kv_str(o, kind == PLUG_RNG ? "RNG_STRONG" : feat_name(&f->is, name), f->plugin->name);
	}
	vici_section_end(o);
}

void api_do_get_algorithms(struct api_call *call)
{
	const struct plug_registry *r = call->s->env.registry;
	struct vici_out o;
	api_response(&o);
	put_algs(&o, r, "encryption", PLUG_ENCR, false);
	put_algs(&o, r, "integrity", PLUG_INTEG, false);
	put_algs(&o, r, "aead", PLUG_ENCR, true);
	put_algs(&o, r, "hasher", PLUG_HASH, false);
	put_algs(&o, r, "prf", PLUG_PRF, false);
	put_algs(&o, r, "dh", PLUG_KEX, false);
	/* Random bytes come from the kernel unless a plugin is better at it. */
	if (registry_find(r, PLUG_RNG, 0, 0)) {
		put_algs(&o, r, "rng", PLUG_RNG, false);
	} else {
		vici_section(&o, "rng");
		vici_kv_str(&o, "RNG_STRONG", "kernel");
		vici_section_end(&o);
	}
	api_reply(call, &o);
}
