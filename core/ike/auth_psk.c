/* SPDX-License-Identifier: Apache-2.0 */
/* AUTH by a shared secret (RFC 7296 section 2.15, method 2). */
#include "ike/ask.h"
#include "ike/auth.h"
#include "ike/ppk.h"

#include "crypto/strength.h"

#include <alloca.h>

/* Who was called by a name may be found by it; who calls is known by identity and address alone. */
static bool secret_of(struct ike_xch *x, bool of_peer, uint8_t peer_type, slice peer, struct conf_psk *out)
{
	struct ike_sa *sa = x->sa;
	struct conf_psk_ask ask = { .my_type = sa->local_id.type, .my_id = ike_id_slice(&sa->local_id), .peer_type = peer_type,
		.peer_id = peer, .hosts = sa->initiator ? (const char *const *)sa->conn->remote_texts : NULL, .addr = &sa->remote,
		.of_peer = of_peer };

	return x->e->env.psk(x->e->env.arg, &ask, out);
}

static err_t no_secret_text(struct diag **why, uint8_t my_type, slice me, uint8_t peer_type, slice peer, const struct net_addr *addr)
{
	char a[256], b[256], at[NET_ADDR_TEXT];

	return diag_set(why, E_NO_SECRET, "no shared secret for '%s' and '%s' (%s); add one to secrets with both as id",
		conf_id_text(my_type, me, a, sizeof a), conf_id_text(peer_type, peer, b, sizeof b), net_addr_text(addr, false, at));
}

static enum verdict no_secret(struct ike_xch *x, uint8_t peer_type, slice peer)
{
	struct diag *why = NULL;
	char text[700];
	err_t e = no_secret_text(&why, x->sa->local_id.type, ike_id_slice(&x->sa->local_id), peer_type, peer, &x->sa->remote);

	diag_text(why, e, text, sizeof text);
	diag_free(&why);
	return ike_close(x, E_NO_SECRET, "%s", text);
}

bool auth_psk_begin(struct ike_engine *e, const struct conf_conn *c, const struct net_addr *local, const struct net_addr *remote,
	struct diag **why)
{
	const struct conf_id *peer = c->n_remote ? &c->remote[0].id : NULL;
	uint8_t cls = c->n_local ? c->local[0].cls : CONF_AUTH_PSK;
	struct conf_psk_ask ask = { .hosts = (const char *const *)c->remote_texts, .addr = remote };
	struct conf_psk psk;

	if (cls != CONF_AUTH_PSK && cls != CONF_AUTH_ANY)
		return true;
	if (peer) {
		ask.peer_type = peer->type;
		ask.peer_id = slice_of(peer->data, peer->n);
	}
	auth_my_id(c, local, &ask.my_type, &ask.my_id);
	if (e->env.psk(e->env.arg, &ask, &psk))
		return true;
	(void)no_secret_text(why, ask.my_type, ask.my_id, ask.peer_type, ask.peer_id, remote);
	return false;
}

/* Says which secret it is, and when it is easier to guess than the rest of the SA is to break. */
static void tell(struct ike_xch *x, const struct conf_psk *psk, bool of_peer)
{
	unsigned want = suite_strength(&x->sa->suite), have = conf_psk_bits(psk->data);

	SA_LOG(x->e, x->sa, LOG_IKE, LOG_DETAIL, "shared secret '%s' of %s, found by %s", psk->name, of_peer ? "the peer" : "ours",
		conf_psk_by_text(psk->by));
	if (have >= want || x->proof->weak_told)
		return;
	x->proof->weak_told = true;
	SA_LOG(x->e, x->sa, LOG_IKE, LOG_CONTROL, "the shared secret '%s' is weak: about %u bits, what was negotiated has %u; take %u random "
		"characters or more (adit-pki psk)", psk->name, have, want, conf_psk_chars(want));
}

enum verdict auth_psk_make(struct ike_xch *x, uint8_t peer_type, slice peer)
{
	struct ike_sa *sa = x->sa;
	size_t cap = sa->local_id.n + 8u, len = sa->algs.prf->out_len;
	uint8_t *auth = arena_get(&x->arena, len);
	struct keymat_octets o;
	struct conf_psk psk;

	if (!secret_of(x, false, peer_type, peer, &psk))
		return no_secret(x, peer_type, peer);
	err_t err = auth ? auth_octets(sa, sa->initiator, &sa->local_id, alloca(cap), cap, &o) : E_NOMEM;
	if (!err)
		err = keymat_psk_auth(sa->algs.prf, psk.data, &o, auth);
	if (err)
		return ike_close(x, err, "the AUTH payload cannot be made: %s", err_text(err));
	tell(x, &psk, false);
	x->proof->method = AUTH_PSK;
	x->proof->auth = slice_of(auth, len);
	x->proof->n_certs = 0;
	x->proof->scheme = "pre-shared key";
	return V_DONE;
}

enum verdict auth_psk_verify(struct ike_xch *x, const struct ike_id *peer)
{
	struct ike_sa *sa = x->sa;
	size_t cap = peer->n + 8u;
	struct keymat_octets o;
	struct conf_psk psk;
	char name[256];

	if (!secret_of(x, true, peer->type, ike_id_slice(peer), &psk))
		return no_secret(x, peer->type, ike_id_slice(peer));
	err_t err = auth_octets(sa, !sa->initiator, peer, alloca(cap), cap, &o);
	if (!err)
		err = keymat_psk_verify(sa->algs.prf, psk.data, &o, ppk_auth_of(x));
	if (err == E_AUTH_FAILED)
		return ike_close(x, err, "the peer '%s' has another shared secret than '%s' (found by %s); compare the secrets on both sides, "
			"also how they are written (text, 0x hexadecimal, 0s base64)",
			conf_id_text(peer->type, ike_id_slice(peer), name, sizeof name), psk.name, conf_psk_by_text(psk.by));
	if (err)
		return ike_close(x, err, "the peer's AUTH payload cannot be verified: %s", err_text(err));
	tell(x, &psk, true);
	x->proof->scheme = "pre-shared key";
	return V_DONE;
}
