/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks of IKE_AUTH, both roles; the first child SA is the child part's task. Inside of core/ike. */
#ifndef ADIT_IKE_AUTH_H
#define ADIT_IKE_AUTH_H

#include "ike/engine_int.h"

/* IDi, IDr; the responder chooses its connection by them. */
extern const struct task_ops task_ident;
/* CERT, CERTREQ, AUTH: by shared secret or signature, as the connection says for each side. */
extern const struct task_ops task_auth;
/* INITIAL_CONTACT, one IKE SA per pair of identities (conn->unique), and what follows when the SA is up. */
extern const struct task_ops task_contact;

/* The connection the responder chose does not accept the peer (x->err, x->why): the next one that fits its identities and
 * addresses is taken. False: there is none, or too many were tried (x->proof->tried tells them). */
bool ident_next(struct ike_xch *x);

/* ---- how a side proves who it is ------------------------------------------------------------------------------------ */

/* Octets of one side (RFC 7296 section 2.15). `id` and `buf` (id->n + 8 bytes) stay as long as *o is used. */
MUST err_t auth_octets(const struct ike_sa *sa, bool of_initiator, const struct ike_id *id, uint8_t *buf, size_t cap,
	struct keymat_octets *o);

/* Each makes our AUTH into x->proof, or verifies the peer's in x->in, who says it is *peer. V_WAIT: called again with the
 * same arguments. V_CLOSE: said why.
 * auth_psk: RFC 7296 section 2.15, method 2. auth_sig: certificates and raw public keys, methods 1, 9 to 11 and 14. */
/* An initiator without a shared secret need not begin: false, and *why says so. */
bool auth_psk_begin(struct ike_engine *e, const struct conf_conn *c, const struct net_addr *local, const struct net_addr *remote,
	struct diag **why);
enum verdict auth_psk_make(struct ike_xch *x, uint8_t peer_type, slice peer);
enum verdict auth_psk_verify(struct ike_xch *x, const struct ike_id *peer);
enum verdict auth_sig_make(struct ike_xch *x, uint8_t peer_type, slice peer);
enum verdict auth_sig_verify(struct ike_xch *x, const struct ike_id *peer);
/* Our identity in IKE_AUTH: the configured one, or our address. Borrowed from both. */
void auth_my_id(const struct conf_conn *c, const struct net_addr *local, uint8_t *type, slice *data);
/* Does the connection want certificates of the peer? */
bool auth_wants_certs(const struct conf_conn *c);
/* Is this AUTH method (enum auth_method) one of the class (enum conf_auth_class)? */
bool auth_is_of(uint8_t method, uint8_t cls);

#endif
