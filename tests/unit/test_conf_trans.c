/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions over a store without a daemon: all or nothing, conflicts, effects, confirmation, history. */
#include "conf_host.h"

#include "config/trans.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct conf_store *store;
static struct conf_hub *hub;
static struct conf_daemon runs;
static const struct conf_can can = { .daemon = &runs };
static uint64_t clock_ms;
static unsigned applied, told[4];
static err_t refuse;
static char kept[64];

static uint64_t now_ms(void *arg)
{
	(void)arg;
	return clock_ms;
}

static uint64_t wall_s(void *arg)
{
	(void)arg;
	return 1700000000;
}

static err_t apply(void *arg, struct conf_set *set, uint32_t flags, bool effects, conf_change_fn *cb, void *cb_arg,
		   struct diag **why)
{
	(void)arg;
	(void)effects;
	if (refuse)
		return diag_set(why, refuse, "refused by the test");
	applied++;
	if (set->settings)
		runs = set->settings->daemon;
	return conf_store_apply(store, set, flags, cb, cb_arg);
}

static void keep(void *arg, const struct conf_rev *rev, uint64_t gone)
{
	(void)arg;
	if (kept[0])
		cr_assert_eq(conf_rev_write(kept, rev, NULL), 0);
	if (kept[0] && gone)
		conf_rev_remove(kept, gone);
}

static void tell(void *arg, const struct conf_told *t)
{
	(void)arg;
	told[t->what]++;
}

static void start_hub(void)
{
	struct conf_hub_env env = { .store = store, .can = &can, .now_ms = now_ms, .wall_s = wall_s, .apply = apply,
		.keep = keep, .tell = tell };

	cr_assert_eq(conf_hub_new(&env, &hub), 0);
}

static void setup(void)
{
	conf_daemon_defaults(&runs);
	cr_assert_eq(conf_store_new(&store), 0);
	clock_ms = 1000;
	applied = 0;
	refuse = 0;
	kept[0] = 0;
	memset(told, 0, sizeof told);
	start_hub();
}

static void teardown(void)
{
	conf_hub_free(hub);
	conf_store_free(store);
}

#define AUTH "local { auth = psk }\n remote { auth = psk }\n"
#define NET "children { net { local_ts = 10.1.0.0/24\n remote_ts = 10.2.0.0/24 } }\n"

static struct conf_trans *begin(void)
{
	struct conf_trans *t;

	cr_assert_eq(conf_trans_begin(hub, "test", &t, NULL), 0);
	return t;
}

static err_t load(struct conf_trans *t, const char *text, enum conf_load how, char *buf, size_t cap)
{
	struct conf_node *root = conf_tree(text);
	struct diag *why = NULL;
	err_t e = conf_trans_load(t, root, how, &why);

	conf_findings(&why, buf, cap);
	conf_node_free(&root);
	return e;
}

static uint64_t commit(struct conf_trans *t, uint32_t confirm_s)
{
	struct conf_commit how = { .comment = "c", .confirm_s = confirm_s };
	struct conf_committed out;
	struct diag *why = NULL;
	char buf[1000];
	err_t e = conf_trans_commit(&t, &how, &out, &why);

	cr_assert_eq(e, 0, "%s", conf_findings(&why, buf, sizeof buf));
	cr_assert_null(t);
	return out.revision;
}

static uint64_t loaded(const char *text)
{
	struct conf_trans *t = begin();
	char buf[1000];

	cr_assert_eq(load(t, text, CONF_LOAD_ALL, buf, sizeof buf), 0, "%s", buf);
	return commit(t, 0);
}

static void set(struct conf_trans *t, const char *path, const char *value)
{
	struct diag *why = NULL;
	char buf[500];
	err_t e = conf_trans_set(t, path, value, &why);

	cr_assert_eq(e, 0, "%s", conf_findings(&why, buf, sizeof buf));
}

/* "connections.gw changed rekey; …" of a transaction. */
static const char *diff(struct conf_trans *t)
{
	static char text[4000];
	struct conf_diff_at at = { 0 };
	struct conf_diff d;
	size_t n = 0;

	text[0] = 0;
	while (conf_trans_diff(t, &at, &d)) {
		static const char *const words[] = { "same", "added", "changed", "removed" };
		n += (size_t)snprintf(text + n, sizeof text - n, "%s.%s %s %s", d.section, d.name, words[d.change],
			conf_effect_name(d.delta.greatest));
		for (size_t i = 0; i < d.delta.n_keys; i++)
			n += (size_t)snprintf(text + n, sizeof text - n, " %s:%s->%s", d.delta.keys[i].path,
				d.delta.keys[i].was ? d.delta.keys[i].was : "-",
				d.delta.keys[i].now ? d.delta.keys[i].now : "-");
		n += (size_t)snprintf(text + n, sizeof text - n, "\n");
		conf_delta_fini(&d.delta);
	}
	return text;
}

TestSuite(conf_trans, .init = setup, .fini = teardown);

Test(conf_trans, nothing_runs_before_the_commit_and_all_after_it)
{
	struct conf_trans *t = begin();
	char buf[1000];

	cr_assert_eq(load(t, "connections { a { " AUTH " }\n b { " AUTH " } }\nsecrets { ike-1 { secret = x } }",
		CONF_LOAD_MERGE, buf, sizeof buf), 0);
	cr_assert_eq(conf_store_count(store), 0);
	cr_assert_eq(conf_secrets_count(conf_store_secrets(store)), 0);
	cr_assert_str_eq(diff(t), "connections.a added none\nconnections.b added none\nsecrets.ike-1 added none\n");
	cr_assert_eq(commit(t, 0), 1);
	cr_assert_eq(conf_store_count(store), 2);
	cr_assert_eq(conf_secrets_count(conf_store_secrets(store)), 1);
	cr_assert_eq(told[CONF_TOLD_COMMITTED], 1);
}

Test(conf_trans, a_wrong_object_keeps_the_whole_from_being_committed)
{
	struct conf_trans *t = begin();
	struct conf_commit how = { 0 };
	struct conf_committed out;
	struct diag *why = NULL;
	char buf[2000];

	cr_assert_neq(load(t, "connections { a { " AUTH " }\n b { versio = 2\n " AUTH " } }\nsecrets { ike-1 { id = x } }",
		CONF_LOAD_MERGE, buf, sizeof buf), 0);
	HAS(buf, "t.conf:4:6: unknown key 'versio' in connection: did you mean 'version'?");
	cr_assert_neq(conf_trans_commit(&t, &how, &out, &why), 0);
	conf_findings(&why, buf, sizeof buf);
	HAS(buf, "t.conf:4:6: unknown key 'versio'");
	HAS(buf, "'ike-1' has no secret");
	cr_assert_not_null(t);
	cr_assert_eq(applied, 0);
	set(t, "connections.b.versio", NULL);
	set(t, "secrets.ike-1.secret", "x");
	cr_assert_eq(commit(t, 0), 1);
	cr_assert_eq(conf_store_count(store), 2);
}

Test(conf_trans, the_second_writer_gets_a_conflict_and_changes_nothing)
{
	loaded("connections { a { " AUTH " }\n b { " AUTH " } }");
	struct conf_trans *one = begin(), *two = begin();
	struct conf_commit how = { 0 };
	struct conf_committed out;
	struct diag *why = NULL;
	char buf[500];

	set(one, "connections.a.dpd_delay", "10s");
	set(two, "connections.b.dpd_delay", "20s");
	commit(one, 0);
	cr_assert_eq(conf_trans_commit(&two, &how, &out, &why), E_CONFLICT);
	HAS(conf_findings(&why, buf, sizeof buf), "has changed since this transaction began");
	cr_assert_eq(conf_store_find(store, "a")->dpd_delay_s, 10);
	cr_assert_eq(conf_store_find(store, "b")->dpd_delay_s, 0);
	conf_trans_abort(&two);
}

Test(conf_trans, effects_are_told_per_key_and_object)
{
	loaded("connections { gw { proposals = aes128-sha256-x25519\n dpd_delay = 5s\n " AUTH NET " }\n same { " AUTH " } }\n"
		"secrets { ike-1 { secret = x } }");
	struct conf_trans *t = begin();

	set(t, "connections.gw.dpd_delay", "10s");
	cr_assert_str_eq(diff(t), "connections.gw changed hot dpd_delay:5s->10s\n");
	set(t, "connections.gw.children.net.rekey_time", "30m");
	cr_assert_str_eq(diff(t), "connections.gw changed hot dpd_delay:5s->10s children.net.rekey_time:-->30m\n");
	set(t, "connections.gw.proposals", "aes256-sha256-x25519");
	HAS(diff(t), "connections.gw changed rekey ");
	set(t, "connections.gw.local.id", "me.example");
	HAS(diff(t), "connections.gw changed reauth ");
	set(t, "connections.gw.children.net.local_ts", "10.9.0.0/24");
	HAS(diff(t), "connections.gw changed restart ");
	set(t, "connections.same", NULL);
	set(t, "secrets.ike-1.secret", "y");
	set(t, "aditd.port", "1500");
	HAS(diff(t), "connections.same removed close\n");
	HAS(diff(t), "secrets.ike-1 changed none\n");
	HAS(diff(t), "aditd. changed restart port:-->1500\n");
	HAS_NOT(diff(t), "y->");
	set(t, "connections.same.version", "2"); /* anew, and wrong: it has no rounds */
	HAS(diff(t), "connections.same changed");
	conf_trans_abort(&t);
}

Test(conf_trans, a_commit_is_taken_back_unless_confirmed)
{
	uint64_t first = loaded("connections { a { " AUTH " } }\nsecrets { ike-1 { secret = old } }");
	struct conf_conn *a = conf_conn_ref(conf_store_find(store, "a"));
	struct conf_trans *t = begin(), *other;
	struct conf_secret_view v;
	struct diag *why = NULL;
	uint32_t left;
	char buf[500];

	set(t, "connections.a.dpd_delay", "10s");
	set(t, "secrets.ike-1.secret", "new");
	uint64_t second = commit(t, 60);
	cr_assert_eq(conf_hub_pending(hub, &left), second);
	cr_assert_eq(left, 60);
	other = begin();
	struct conf_commit how = { 0 };
	struct conf_committed out;
	set(other, "connections.a.dpd_delay", "11s");
	cr_assert_eq(conf_trans_commit(&other, &how, &out, &why), E_CONFLICT);
	HAS(conf_findings(&why, buf, sizeof buf), "waits for its confirmation");
	cr_assert_eq(conf_hub_may_change(hub, NULL), E_CONFLICT);
	clock_ms += 59000;
	conf_hub_tick(hub);
	cr_assert_eq(conf_store_find(store, "a")->dpd_delay_s, 10);
	clock_ms += 1000;
	conf_hub_tick(hub);
	cr_assert_eq(conf_store_find(store, "a"), a, "the object of before comes back");
	cr_assert(conf_secrets_find(conf_store_secrets(store), "ike-1", &v));
	cr_assert(slice_equal(v.data, slice_str("old")));
	cr_assert_eq(conf_hub_pending(hub, &left), 0);
	cr_assert_eq(told[CONF_TOLD_ROLLED_BACK], 1);
	cr_assert_not(conf_history_find(conf_hub_history(hub), second)->confirmed);
	cr_assert(conf_history_find(conf_hub_history(hub), first)->confirmed);
	conf_trans_abort(&other);
	conf_conn_unref(&a);

	t = begin();
	set(t, "connections.a.dpd_delay", "12s");
	commit(t, 60);
	cr_assert_eq(conf_hub_confirm(hub, NULL), 0);
	cr_assert_eq(conf_hub_confirm(hub, NULL), E_NOT_FOUND);
	clock_ms += 100000;
	conf_hub_tick(hub);
	cr_assert_eq(conf_store_find(store, "a")->dpd_delay_s, 12);
}

Test(conf_trans, what_came_by_single_commands_can_be_gone_back_to)
{
	loaded("connections { a { " AUTH " } }");
	struct conf_node *root = conf_tree("b { " AUTH " }");
	struct conf_conn *b;
	bool changed;

	cr_assert_eq(conf_conn_from(root->first, &can, &b, NULL), 0);
	cr_assert_eq(conf_store_load(store, &b, NULL), 0);
	conf_node_free(&root);
	cr_assert_eq(conf_hub_revision(hub, &changed), 1);
	cr_assert(changed);
	struct conf_trans *t = begin();
	set(t, "connections.b", NULL);
	cr_assert_eq(commit(t, 0), 3, "what ran became revision 2");
	cr_assert_null(conf_store_find(store, "b"));
	struct conf_commit how = { 0 };
	struct conf_committed out;
	cr_assert_eq(conf_hub_rollback(hub, 0, "test", &how, &out, NULL), 0);
	cr_assert_not_null(conf_store_find(store, "b"));
	cr_assert_eq(conf_hub_rollback(hub, 1, "test", &how, &out, NULL), 0);
	cr_assert_null(conf_store_find(store, "b"));
	cr_assert_eq(conf_hub_rollback(hub, 99, "test", &how, &out, NULL), E_NOT_FOUND);
}

Test(conf_trans, a_refused_commit_leaves_everything_as_it_was)
{
	loaded("connections { a { " AUTH " } }");
	struct conf_trans *t = begin();
	struct conf_commit how = { .confirm_s = 10 };
	struct conf_committed out;
	uint32_t left;

	set(t, "connections.a.dpd_delay", "10s");
	refuse = E_IO;
	cr_assert_eq(conf_trans_commit(&t, &how, &out, NULL), E_IO);
	cr_assert_eq(conf_hub_pending(hub, &left), 0);
	cr_assert_eq(conf_hub_revision(hub, NULL), 1);
	cr_assert_eq(conf_store_find(store, "a")->dpd_delay_s, 0);
	refuse = 0;
	cr_assert_eq(commit(t, 0), 2);
}

Test(conf_trans, defaults_of_the_settings_reach_every_connection)
{
	loaded("connections { a { " AUTH " }\n b { retransmit_tries = 9\n " AUTH " } }");
	struct conf_trans *t = begin();

	set(t, "aditd.retransmit_tries", "7");
	commit(t, 0);
	cr_assert_eq(conf_store_find(store, "a")->retry.tries, 7);
	cr_assert_eq(conf_store_find(store, "b")->retry.tries, 9);
}

Test(conf_trans, bounds_and_wrong_paths)
{
	struct conf_trans *t = begin(), *more;
	struct diag *why = NULL;
	char buf[500];

	for (int i = 1; i < TRANS_MAX; i++)
		begin();
	cr_assert_eq(conf_trans_begin(hub, "x", &more, NULL), E_LIMIT);
	cr_assert_eq(conf_trans_set(t, "connection.a.version", "2", &why), E_UNKNOWN_KEY);
	HAS(conf_findings(&why, buf, sizeof buf), "did you mean 'connections'?");
	cr_assert_eq(conf_trans_set(t, "connections", "2", NULL), E_BAD_VALUE);
	cr_assert_eq(conf_trans_set(t, "connections..x", "2", NULL), E_BAD_VALUE);
	cr_assert_eq(conf_trans_set(t, "connections.\"x", "2", NULL), E_BAD_VALUE);
	cr_assert_eq(conf_trans_set(t, "connections.x", NULL, NULL), E_NOT_FOUND);
	cr_assert_eq(conf_trans_set(t, "secrets.x", NULL, NULL), E_NOT_FOUND);
	clock_ms += TRANS_IDLE_MS;
	cr_assert_not_null(conf_trans_find(hub, conf_trans_id(t)));
	conf_hub_tick(hub);
	cr_assert_null(conf_trans_next(hub, t));
	cr_assert_not_null(conf_trans_next(hub, NULL), "the one that was used is still there");
}

Test(conf_trans, history_outlives_the_daemon_without_secrets)
{
	char buf[4000] = "", cmd[100], path[128];
	struct conf_commit how = { 0 };
	struct conf_committed out;
	struct stat st;

	strcpy(kept, "/tmp/adit-history-XXXXXX");
	cr_assert_not_null(mkdtemp(kept));
	cr_assert_eq(conf_history_open(conf_hub_history(hub), kept, NULL), 0);
	loaded("connections { a { dpd_delay = 5s\n " AUTH " } }\nsecrets { ike-1 { secret = geheim\n id = x } }\n"
		"aditd { plugins { p { secret = auch } } }");
	loaded("connections { b { " AUTH " } }\nsecrets { ike-1 { secret = geheim } }");
	snprintf(path, sizeof path, "%s/0000000001.conf", kept);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	FILE *f = fopen(path, "r");
	cr_assert_gt(fread(buf, 1, sizeof buf - 1, f), 0);
	fclose(f);
	HAS(buf, "dpd_delay = 5s");
	HAS_NOT(buf, "geheim");
	HAS_NOT(buf, "auch");
	struct conf_history second;
	cr_assert_eq(conf_history_open(&second, kept, NULL), E_EXISTS, "the folder is taken");
	conf_history_close(&second);

	conf_hub_free(hub);
	start_hub();
	cr_assert_eq(conf_history_open(conf_hub_history(hub), kept, NULL), 0);
	cr_assert_eq(conf_hub_revision(hub, NULL), 2);
	cr_assert_eq(conf_hub_rollback(hub, 1, "test", &how, &out, NULL), 0);
	cr_assert_not_null(conf_store_find(store, "a"));
	cr_assert_null(conf_store_find(store, "b"));
	cr_assert_eq(conf_store_find(store, "a")->dpd_delay_s, 5);
	cr_assert_eq(conf_secrets_count(conf_store_secrets(store)), 1, "the secret that runs stays");
	cr_assert_gt(out.revision, 2);
	snprintf(cmd, sizeof cmd, "rm -rf %s", kept);
	cr_assert_eq(system(cmd), 0);
}

Test(conf_trans, every_class_of_effect_is_reachable_and_every_row_names_a_key)
{
	cr_assert_eq(conf_effect_of(&conf_schema_conn, "dpd_delay"), CONF_FX_HOT);
	cr_assert_eq(conf_effect_of(&conf_schema_conn, "remote_addrs"), CONF_FX_RESTART);
	cr_assert_eq(conf_effect_of(&conf_schema_conn, "a key of tomorrow"), CONF_FX_REAUTH);
	cr_assert_eq(conf_effect_of(&conf_schema_child, "a key of tomorrow"), CONF_FX_RESTART);
	cr_assert_eq(conf_effect_of(&conf_schema_child, "start_action"), CONF_FX_NONE);
}
