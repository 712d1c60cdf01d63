/* SPDX-License-Identifier: Apache-2.0 */
#include "ike/ppk.h"

#include "config/psk.h"

#include <stdlib.h>

enum { PPK_ID_OPAQUE = 1, PPK_ID_FIXED = 2 }; /* RFC 8784 section 5.1 */
enum { CONNS_MAX = 64, NAME_MAX = 256 };

static COUNTER(c_used, "ike.ppk.used", "IKE SAs whose keys have a post-quantum preshared key in them");
static COUNTER(c_without, "ike.ppk.without", "IKE SAs that could have had a post-quantum preshared key, but the peer does not have it");

/* ---- which key ------------------------------------------------------------------------------------------------------- */

/* A name as it came: what reads as an identity is one, other bytes are a key ID. */
static err_t name_of(slice s, struct conf_id *out)
{
	char text[NAME_MAX];
	bool printable = s.n > 0 && s.n < sizeof text;

	for (size_t i = 0; printable && i < s.n; i++)
		printable = s.p[i] >= ' ' && s.p[i] <= '~';
	if (printable) {
		memcpy(text, s.p, s.n);
		text[s.n] = 0;
		if (conf_id_parse(text, out) == 0 && !conf_id_is_pattern(out))
			return 0;
		conf_id_fini(out);
	}
	return conf_id_copy(out, ID_KEY_ID, s);
}

static bool key_of(struct ike_engine *e, const struct conf_id *name, struct conf_psk *out)
{
	struct conf_psk_ask ask = { .kind = "PPK", .peer_type = name->type, .peer_id = slice_of(name->data, name->n) };

	return e->env.psk(e->env.arg, &ask, out);
}

/* The key that a connection of ours names; what it is called is in *name, to be given back. */
static err_t configured(struct ike_engine *e, const struct conf_conn *c, struct conf_id *name, struct conf_psk *out, struct diag **why)
{
	if (!c->ppk_id)
		return diag_set(why, E_NO_SECRET, "connection '%s' has ppk_required, but no ppk_id: name the post-quantum preshared key to use",
			c->name);
	err_t err = conf_id_parse(c->ppk_id, name);
	if (err || conf_id_is_pattern(name))
		return diag_set(why, E_NO_SECRET, "ppk_id = '%.100s' of connection '%s' names no key: one name is needed to call a peer", c->ppk_id,
			c->name);
	return key_of(e, name, out) ? 0 : diag_set(why, E_NO_SECRET, "no post-quantum preshared key '%.100s'; add one to secrets: ppk { id = "
		"%.100s secret = … }", c->ppk_id, c->ppk_id);
}

bool ppk_begin(struct ike_engine *e, const struct conf_conn *c, struct diag **why)
{
	struct conf_id name = { 0 };
	struct conf_psk key;

	if (!c->ppk_required)
		return true;
	err_t err = configured(e, c, &name, &key, why);
	conf_id_fini(&name);
	return !err;
}

/* ---- keys ------------------------------------------------------------------------------------------------------------ */

const struct ike_keys *ppk_keys(const struct ike_sa *sa)
{
	return sa->setup->ppk_aside ? &sa->setup->plain_keys : &sa->keys;
}

static void unmix(struct ike_sa *sa)
{
	if (sa->setup->plain_keys.all.n)
		ike_keys_move(&sa->keys, &sa->setup->plain_keys);
}

static enum verdict mix(struct ike_xch *x, const struct conf_psk *key)
{
	struct ike_sa *sa = x->sa;
	err_t err = ike_keys_copy(&sa->setup->plain_keys, &sa->keys);

	if (!err)
		err = keymat_ppk(sa->algs.prf, key->data, &sa->keys);
	if (!err)
		return V_DONE;
	ike_keys_fini(&sa->setup->plain_keys);
	return ike_close(x, err, "the post-quantum preshared key '%s' cannot be mixed into the keys: %s", key->name, err_text(err));
}

/* ---- IKE_SA_INIT ----------------------------------------------------------------------------------------------------- */

/* Does any connection for these addresses name a PPK, or is there a key at all? */
static bool some_here(struct ike_xch *x)
{
	struct ike_env *env = &x->e->env;
	struct conf_psk_ask any = { .kind = "PPK", .anyone = true };
	struct conf_psk key;
	struct conf_conn *c;
	size_t cursor = 0;

	for (int i = 0; i < CONNS_MAX && (c = env->conn_match(env->arg, &x->sa->local, &x->sa->remote, &cursor)); i++)
		if (c->ppk_id || c->ppk_required)
			return true;
	return env->psk(env->arg, &any, &key);
}

/* Who has no key to name does not say that it has. */
static bool has_one(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	struct conf_id name = { 0 };
	struct diag *why = NULL;
	struct conf_psk key;
	char text[700];

	if (!sa->conn->ppk_id)
		return false;
	err_t err = configured(x->e, sa->conn, &name, &key, &why);
	if (err)
		SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "%s; going on without", diag_text(why, err, text, sizeof text));
	conf_id_fini(&name);
	diag_free(&why);
	return !err;
}

static enum verdict init_check(struct ike_xch *x)
{
	struct ike_setup *s = x->sa->setup;
	const struct conf_conn *c = x->sa->conn;
	bool told = x->dir != XCH_TX_REQUEST && wire_notify(x->in, N_USE_PPK);

	if (x->dir == XCH_TX_REQUEST) {
		s->ppk_offered = s->ppk_offered || has_one(x);
		return V_DONE;
	}
	/* A cookie or another key exchange is asked for: the answer that counts follows. */
	if (x->dir == XCH_RX_RESPONSE && !x->in->sa)
		return V_DONE;
	s->peer_ppk = told && (x->dir == XCH_RX_REQUEST ? some_here(x) : s->ppk_offered);
	if (x->dir == XCH_RX_RESPONSE && c->ppk_required && !told)
		return ike_close(x, E_AUTH_FAILED, "the peer uses no post-quantum preshared keys (no USE_PPK in its answer), connection '%s' has "
			"ppk_required; give the peer the key, or relax ppk_required", c->name);
	return V_DONE;
}

static enum verdict init_emit(struct ike_xch *x, struct ike_out *out)
{
	if (x->dir == XCH_TX_REQUEST ? x->sa->setup->ppk_offered : x->sa->setup->peer_ppk)
		wire_put_notify(out, N_USE_PPK, SLICE_NONE);
	return V_DONE;
}

const struct task_ops task_ppk = {
	.name = "post-quantum preshared key",
	.order = 16,
	.check = init_check,
	.emit = init_emit,
};

/* ---- IKE_AUTH, initiator --------------------------------------------------------------------------------------------- */

enum verdict ppk_choose(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	struct conf_id name = { 0 };
	struct diag *why = NULL;
	struct conf_psk key;
	enum verdict v = V_DONE;
	char text[700];

	if (!sa->setup->peer_ppk || sa->setup->plain_keys.all.n)
		return V_DONE;
	err_t err = configured(x->e, sa->conn, &name, &key, &why);
	conf_id_fini(&name);
	if (!err) {
		SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "using the post-quantum preshared key '%s' for ppk_id '%s'", key.name, sa->conn->ppk_id);
		v = mix(x, &key);
	} else {
		v = ike_close(x, err, "%s", diag_text(why, err, text, sizeof text));
	}
	diag_free(&why);
	return v;
}

bool ppk_optional(const struct ike_xch *x)
{
	return x->dir == XCH_TX_REQUEST && x->sa->setup->plain_keys.all.n && !x->sa->conn->ppk_required;
}

enum verdict ppk_answered(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;

	if (!sa->setup->plain_keys.all.n || wire_notify(x->in, N_PPK_IDENTITY))
		return V_DONE;
	if (sa->conn->ppk_required)
		return ike_close(x, E_AUTH_FAILED, "the peer did not use the post-quantum preshared key '%s', connection '%s' has ppk_required; "
			"compare ppk_id and the key on both sides", sa->conn->ppk_id, sa->conn->name);
	SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "the peer has no post-quantum preshared key '%s': going on without it", sa->conn->ppk_id);
	count_inc(&c_without);
	unmix(sa);
	return V_DONE;
}

/* ---- IKE_AUTH, responder --------------------------------------------------------------------------------------------- */

/* The name in PPK_IDENTITY; only those that stand for one key for good are known here. */
static bool name_in(slice data, struct conf_id *out)
{
	struct rd r = rd_of(data);
	uint8_t type = rd_u8(&r);
	slice name = rd_rest(&r);

	return !r.err && type == PPK_ID_FIXED && name.n && name_of(name, out) == 0;
}

/* Is it one the connection takes? Without ppk_id every one is. */
static bool allowed(const struct conf_conn *c, const struct conf_id *name)
{
	struct conf_id want = { 0 };
	bool yes = !c->ppk_id || (conf_id_parse(c->ppk_id, &want) == 0 && conf_id_match(&want, name->type, slice_of(name->data, name->n)));

	conf_id_fini(&want);
	return yes;
}

enum verdict ppk_named(struct ike_xch *x)
{
	struct ike_sa *sa = x->sa;
	const struct conf_conn *c = sa->conn;
	const struct wire_notify *id = wire_notify(x->in, N_PPK_IDENTITY), *plain = wire_notify(x->in, N_NO_PPK_AUTH);
	struct conf_id name = { 0 };
	struct conf_psk key;
	enum verdict v = V_DONE;
	char text[NAME_MAX];

	unmix(sa);
	if (!sa->setup->peer_ppk)
		return !c->ppk_required ? V_DONE : ike_close(x, E_AUTH_FAILED, "the peer uses no post-quantum preshared key, connection '%s' has "
			"ppk_required; set ppk_id on the peer, or relax ppk_required", c->name);
	if (!id)
		return ike_close(x, E_AUTH_FAILED, "the peer agreed to use a post-quantum preshared key and names none (no PPK_IDENTITY)");
	bool known = name_in(id->data, &name);
	conf_id_text(name.type, slice_of(name.data, name.n), text, sizeof text);
	bool fits = known && allowed(c, &name);
	if (fits && key_of(x->e, &name, &key)) {
		SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "using the post-quantum preshared key '%s' for ppk_id '%s'", key.name, text);
		v = mix(x, &key);
	} else if (!plain || c->ppk_required) {
		v = ike_close(x, E_NO_SECRET, "the peer names the post-quantum preshared key '%s', %s, and %s; add it to secrets (ppk { id … secret … "
			"}), or correct ppk_id", known ? text : "of a kind that is not known", fits ? "which is not here" :
			known ? "but the connection has another ppk_id" : "which cannot be found",
			c->ppk_required ? "the connection has ppk_required" : "the peer does not go on without it");
	} else {
		SA_LOG(x->e, sa, LOG_IKE, LOG_CONTROL, "no post-quantum preshared key '%s' for connection '%s': going on without it",
			known ? text : "?", c->name);
		count_inc(&c_without);
	}
	conf_id_fini(&name);
	return v;
}

slice ppk_auth_of(const struct ike_xch *x)
{
	const struct ike_setup *s = x->sa->setup;
	const struct wire_notify *plain = wire_notify(x->in, N_NO_PPK_AUTH);

	return x->dir == XCH_RX_REQUEST && s->peer_ppk && !s->plain_keys.all.n && plain ? plain->data : x->in->auth->data;
}

/* ---- both ------------------------------------------------------------------------------------------------------------ */

void ppk_emit(const struct ike_xch *x, struct ike_out *out, slice no_ppk)
{
	const struct ike_sa *sa = x->sa;
	uint8_t buf[1 + NAME_MAX];
	struct wr w = wr_of(buf, sizeof buf);
	struct conf_id name = { 0 };

	if (!sa->setup->plain_keys.all.n)
		return;
	if (x->dir == XCH_RX_REQUEST) {
		wire_put_notify(out, N_PPK_IDENTITY, SLICE_NONE);
		return;
	}
	if (conf_id_parse(sa->conn->ppk_id, &name) == 0) {
		wr_u8(&w, PPK_ID_FIXED);
		wr_bytes(&w, slice_of(name.data, name.n));
		wire_put_notify(out, N_PPK_IDENTITY, wr_done(&w));
	}
	conf_id_fini(&name);
	if (no_ppk.n)
		wire_put_notify(out, N_NO_PPK_AUTH, no_ppk);
}

void ppk_doubt(struct ike_xch *x)
{
	const char *said = x->why;

	if (said && x->sa->setup->plain_keys.all.n)
		(void)ike_close(x, x->err, "%s; the post-quantum preshared key is in it, too: compare that on both sides", said);
}

void ppk_apply(struct ike_xch *x)
{
	if (x->dir == XCH_TX_REQUEST || !x->sa->setup->plain_keys.all.n)
		return;
	x->sa->flags |= SA_PQ | SA_PPK;
	count_inc(&c_used);
}
