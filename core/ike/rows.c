/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of the exchange table, in the order they are tried. Within a group: what is allowed, then named rejections,
 * the last of which takes the rest. tools/tablecheck proves that the whole is total.
 */
#include "ike/auth.h"
#include "ike/child.h"
#include "ike/fragment.h"
#include "ike/info.h"
#include "ike/init.h"
#include "ike/intermediate.h"
#include "ike/mobike.h"
#include "ike/ppk.h"
#include "ike/redirect.h"
#include "ike/vips.h"

#define P(id) PAYSET(PLD_##id)
#define IN_SK P(SK)
/* What may stand beside SK: nothing there is authenticated, so it is not looked at. */
#define BESIDE (P(NOTIFY) | P(VID) | PS_UNKNOWN | PS_N_ERROR)
#define NOT_SK (PS_ALL & ~P(SK))
#define EXTRA (P(NOTIFY) | P(VID) | PS_UNKNOWN)
#define EXTRA_E (EXTRA | PS_N_ERROR)
#define TS (P(TSI) | P(TSR))
#define FIRST_CHILD (P(SA) | TS)
#define CREDS (P(CERT) | P(CERTREQ) | P(CP))
#define DEL P(DELETE)

#define ANY_STATE 0xffff
#define LIVE (ST(IKE_S_UP) | ST(IKE_S_REKEYED) | ST(IKE_S_DELETING))
#define SAME IKE_S_COUNT

#define F_INIT_R (FACT_COOKIE_OK | FACT_SUITE_OK | FACT_KE_FIRST | FACT_KE_DONE)
#define F_INIT_I (FACT_SUITE_OK | FACT_KE_FIRST | FACT_KE_DONE)
#define F_AUTH (FACT_SUITE_OK | FACT_KE_DONE | FACT_PEER_ID_OK | FACT_PEER_AUTH_OK | FACT_AUTH_SENT)

static const struct task_ops *const t_init[] = { &task_init, &task_certreq, &task_ppk, &task_natd, &task_redirect, &task_frag, NULL };
static const struct task_ops *const t_more[] = { &task_more, NULL };
static const struct task_ops *const t_auth[] = { &task_ident, &task_certreq, &task_auth, &task_redirect, &task_contact, &task_mobike, &task_vips, &task_child_create, NULL };
static const struct task_ops *const t_auth_bare[] = { &task_ident, &task_certreq, &task_auth, &task_redirect, &task_contact, &task_mobike, &task_vips, NULL };
static const struct task_ops *const t_child_new[] = { &task_child_create, NULL };
static const struct task_ops *const t_child_rekey[] = { &task_child_rekey, NULL };
static const struct task_ops *const t_ike_rekey[] = { &task_ike_rekey, NULL };
static const struct task_ops *const t_child_delete[] = { &task_info, &task_child_delete, NULL };
static const struct task_ops *const t_ike_delete[] = { &task_info, &task_ike_delete, NULL };
static const struct task_ops *const t_move[] = { &task_move, NULL };
static const struct task_ops *const t_reach[] = { &task_info, &task_reach, NULL };
static const struct task_ops *const t_reach_out[] = { &task_reach, NULL };
static const struct task_ops *const t_away[] = { &task_redirect, NULL };
static const struct task_ops *const t_redirect[] = { &task_info, &task_redirect, NULL };
static const struct task_ops *const t_info[] = { &task_info, NULL };

#define INIT XCHG_IKE_SA_INIT
#define MORE XCHG_IKE_INTERMEDIATE
#define AUTH XCHG_IKE_AUTH
#define CHILD XCHG_CREATE_CHILD_SA
#define FOLLOW XCHG_IKE_FOLLOWUP_KE
#define INFO XCHG_INFORMATIONAL
#define TX XCH_TX_REQUEST
#define RQ XCH_RX_REQUEST
#define RS XCH_RX_RESPONSE
#define NO STORY_NONE

/* clang-format off */
const struct xch_row xch_rows[] = {
/* ---- what we ask: name, story, exchange, dir, kind, from, to, clear must/may, SK must/may, notify, facts, tasks, timer, err, more */
{ "init request out", STORY_INIT, INIT, TX, ROW_TASKS, ST(IKE_S_NONE), IKE_S_INIT_I, P(SA) | P(KE) | P(NONCE), EXTRA, 0, 0, 0, 0, t_init, ROW_T_RETRANSMIT, 0, 0 },
{ "additional key exchange out", STORY_MORE, MORE, TX, ROW_TASKS, ST(IKE_S_MORE_I), SAME, IN_SK, 0, P(KE), EXTRA, 0, 0, t_more, ROW_T_RETRANSMIT, 0, 0 },
{ "auth request out, with child", STORY_AUTH, AUTH, TX, ROW_TASKS, ST(IKE_S_AUTH_I), SAME, IN_SK, 0, P(IDI) | P(AUTH) | FIRST_CHILD, P(IDR) | P(CP) | P(CERT) | P(CERTREQ) | EXTRA, 0, F_INIT_I | FACT_AUTH_SENT, t_auth, ROW_T_RETRANSMIT, 0, 0 },
{ "auth request out, no child", STORY_AUTH, AUTH, TX, ROW_TASKS, ST(IKE_S_AUTH_I), SAME, IN_SK, 0, P(IDI) | P(AUTH), P(IDR) | P(CP) | P(CERT) | P(CERTREQ) | EXTRA, 0, F_INIT_I | FACT_AUTH_SENT, t_auth_bare, ROW_T_RETRANSMIT, 0, 0 },
{ "child request out", STORY_CHILD_NEW, CHILD, TX, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, 0, P(SA) | P(NONCE) | TS, P(KE) | EXTRA, 0, 0, t_child_new, ROW_T_RETRANSMIT, 0, 0 },
{ "child rekey request out", STORY_CHILD_REKEY, CHILD, TX, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, 0, P(SA) | P(NONCE) | TS | P(NOTIFY), P(KE) | EXTRA, N_REKEY_SA, 0, t_child_rekey, ROW_T_RETRANSMIT, 0, 0 },
{ "IKE rekey request out", STORY_IKE_REKEY, CHILD, TX, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, 0, P(SA) | P(NONCE) | P(KE), EXTRA, 0, 0, t_ike_rekey, ROW_T_RETRANSMIT, 0, 0 },
{ "child follow-up out", STORY_CHILD_NEW, FOLLOW, TX, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, 0, P(KE) | P(NOTIFY), EXTRA, N_ADDITIONAL_KEY_EXCHANGE, 0, t_child_new, ROW_T_RETRANSMIT, 0, 0 },
{ "child rekey follow-up out", STORY_CHILD_REKEY, FOLLOW, TX, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, 0, P(KE) | P(NOTIFY), EXTRA, N_ADDITIONAL_KEY_EXCHANGE, 0, t_child_rekey, ROW_T_RETRANSMIT, 0, 0 },
{ "IKE rekey follow-up out", STORY_IKE_REKEY, FOLLOW, TX, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, 0, P(KE) | P(NOTIFY), EXTRA, N_ADDITIONAL_KEY_EXCHANGE, 0, t_ike_rekey, ROW_T_RETRANSMIT, 0, 0 },
{ "child delete out", STORY_CHILD_DELETE, INFO, TX, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, 0, DEL | PS_D_CHILD, EXTRA, 0, 0, t_child_delete, ROW_T_RETRANSMIT, 0, 0 },
{ "IKE delete out", STORY_IKE_DELETE, INFO, TX, ROW_TASKS, LIVE, IKE_S_DELETING, IN_SK, 0, DEL | PS_D_IKE, EXTRA, 0, 0, t_ike_delete, ROW_T_RETRANSMIT, 0, 0 },
{ "address update out", STORY_MOVE, INFO, TX, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, 0, P(NOTIFY), EXTRA, N_UPDATE_SA_ADDRESSES, 0, t_move, ROW_T_RETRANSMIT, 0, 0 },
{ "reachability check out", STORY_REACH, INFO, TX, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, 0, P(NOTIFY), EXTRA, N_COOKIE2, 0, t_reach_out, ROW_T_RETRANSMIT, 0, 0 },
{ "redirect out", STORY_REDIRECT, INFO, TX, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, 0, P(NOTIFY), EXTRA, N_REDIRECT, 0, t_away, ROW_T_RETRANSMIT, 0, 0 },
{ "info out", STORY_INFO, INFO, TX, ROW_TASKS, ST(IKE_S_UP) | ST(IKE_S_DELETING), SAME, IN_SK, 0, 0, EXTRA_E, 0, 0, t_info, ROW_T_RETRANSMIT, 0, 0 },
{ "not ours to ask", NO, 0, TX, ROW_NEVER, ANY_STATE, SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_MISUSE, 0 },

/* ---- what the peer asks */
{ "init request", STORY_INIT, INIT, RQ, ROW_TASKS, ST(IKE_S_NONE), IKE_S_AUTH_R, P(SA) | P(KE) | P(NONCE), EXTRA_E | P(CERTREQ), 0, 0, 0, F_INIT_R, t_init, ROW_T_HALF_OPEN, 0, IKE_S_MORE_R },
{ "init request lacks SA, KE or nonce", NO, INIT, RQ, ROW_CLOSE, ST(IKE_S_NONE), SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_SYNTAX, 0 },
{ "init request for an SA that is there", NO, INIT, RQ, ROW_IGNORE, ANY_STATE & ~ST(IKE_S_NONE), SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_UNEXPECTED, 0 },
{ "request without protection", NO, 0, RQ, ROW_IGNORE, ANY_STATE, SAME, 0, NOT_SK, 0, PS_ALL, 0, 0, NULL, 0, E_UNEXPECTED, 0 },

{ "additional key exchange", STORY_MORE, MORE, RQ, ROW_TASKS, ST(IKE_S_MORE_R), IKE_S_AUTH_R, IN_SK, BESIDE, P(KE), EXTRA_E, 0, F_INIT_R, t_more, ROW_T_HALF_OPEN, 0, IKE_S_MORE_R },
{ "IKE_INTERMEDIATE with the wrong payloads", NO, MORE, RQ, ROW_CLOSE, ST(IKE_S_MORE_R), SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_SYNTAX, 0 },

{ "auth request, with child", STORY_AUTH, AUTH, RQ, ROW_TASKS, ST(IKE_S_AUTH_R), IKE_S_UP, IN_SK, BESIDE, P(IDI) | P(AUTH) | FIRST_CHILD, P(IDR) | CREDS | EXTRA_E, 0, F_AUTH, t_auth, 0, 0, 0 },
{ "auth request, no child", STORY_AUTH, AUTH, RQ, ROW_TASKS, ST(IKE_S_AUTH_R), IKE_S_UP, IN_SK, BESIDE, P(IDI) | P(AUTH), P(IDR) | CREDS | EXTRA_E, 0, F_AUTH, t_auth_bare, 0, 0, 0 },
{ "auth request without AUTH: the peer wants EAP, which this connection does not offer", NO, AUTH, RQ, ROW_CLOSE, ST(IKE_S_AUTH_R), SAME, IN_SK, BESIDE, P(IDI), PS_ALL & ~P(AUTH), 0, 0, NULL, 0, E_AUTH_FAILED, 0 },
{ "auth request with the wrong payloads", NO, AUTH, RQ, ROW_CLOSE, ST(IKE_S_AUTH_R), SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_SYNTAX, 0 },

{ "child rekey request", STORY_CHILD_REKEY, CHILD, RQ, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, BESIDE, P(SA) | P(NONCE) | TS | P(NOTIFY), P(KE) | EXTRA_E, N_REKEY_SA, 0, t_child_rekey, 0, 0, 0 },
{ "child request", STORY_CHILD_NEW, CHILD, RQ, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, BESIDE, P(SA) | P(NONCE) | TS, P(KE) | P(CP) | EXTRA_E, 0, 0, t_child_new, 0, 0, 0 },
{ "IKE rekey request", STORY_IKE_REKEY, CHILD, RQ, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, BESIDE, P(SA) | P(NONCE) | P(KE), EXTRA_E, 0, 0, t_ike_rekey, 0, 0, 0 },
{ "CREATE_CHILD_SA with the wrong payloads", NO, CHILD, RQ, ROW_CLOSE, ST(IKE_S_UP), SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_SYNTAX, 0 },
{ "CREATE_CHILD_SA on an SA that is being replaced or deleted", NO, CHILD, RQ, ROW_ANSWER, ST(IKE_S_REKEYED) | ST(IKE_S_DELETING), SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_TEMPORARY, 0 },

{ "child follow-up", STORY_CHILD_NEW, FOLLOW, RQ, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, BESIDE, P(KE) | P(NOTIFY), EXTRA_E, N_ADDITIONAL_KEY_EXCHANGE, 0, t_child_new, 0, 0, 0 },
{ "child rekey follow-up", STORY_CHILD_REKEY, FOLLOW, RQ, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, BESIDE, P(KE) | P(NOTIFY), EXTRA_E, N_ADDITIONAL_KEY_EXCHANGE, 0, t_child_rekey, 0, 0, 0 },
{ "IKE rekey follow-up", STORY_IKE_REKEY, FOLLOW, RQ, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, BESIDE, P(KE) | P(NOTIFY), EXTRA_E, N_ADDITIONAL_KEY_EXCHANGE, 0, t_ike_rekey, 0, 0, 0 },
{ "IKE_FOLLOWUP_KE that belongs to nothing", NO, FOLLOW, RQ, ROW_ANSWER, LIVE, SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_STATE_NOT_FOUND, 0 },

{ "IKE delete", STORY_IKE_DELETE, INFO, RQ, ROW_TASKS, LIVE, IKE_S_GONE, IN_SK, BESIDE, DEL | PS_D_IKE, PS_D_CHILD | P(CP) | EXTRA_E, 0, 0, t_ike_delete, 0, 0, 0 },
{ "child delete", STORY_CHILD_DELETE, INFO, RQ, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, DEL | PS_D_CHILD, P(CP) | EXTRA_E, 0, 0, t_child_delete, 0, 0, 0 },
{ "address update", STORY_MOVE, INFO, RQ, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, BESIDE, P(NOTIFY), EXTRA, N_UPDATE_SA_ADDRESSES, 0, t_move, 0, 0, 0 },
{ "reachability check", STORY_REACH, INFO, RQ, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, P(NOTIFY), EXTRA, N_COOKIE2, 0, t_reach, 0, 0, 0 },
{ "redirect", STORY_REDIRECT, INFO, RQ, ROW_TASKS, ST(IKE_S_UP), SAME, IN_SK, BESIDE, P(NOTIFY), EXTRA, N_REDIRECT, 0, t_redirect, 0, 0, 0 },
{ "info", STORY_INFO, INFO, RQ, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, 0, P(CP) | EXTRA_E, 0, 0, t_info, 0, 0, 0 },
{ "INFORMATIONAL with the wrong payloads", NO, INFO, RQ, ROW_CLOSE, LIVE, SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_SYNTAX, 0 },

{ "exchange not allowed once the SA is up", NO, 0, RQ, ROW_ANSWER, LIVE, SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_UNEXPECTED, 0 },
{ "exchange not allowed before the SA is up", NO, 0, RQ, ROW_IGNORE, ANY_STATE & ~LIVE, SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_UNEXPECTED, 0 },

/* ---- answers to what we asked */
{ "init answer", STORY_INIT, INIT, RS, ROW_TASKS, ST(IKE_S_INIT_I), IKE_S_AUTH_I, P(SA) | P(KE) | P(NONCE), EXTRA | P(CERTREQ), 0, 0, 0, F_INIT_I, t_init, 0, 0, IKE_S_MORE_I },
{ "init answer: cookie wanted", STORY_INIT, INIT, RS, ROW_TASKS, ST(IKE_S_INIT_I), IKE_S_NONE, P(NOTIFY), EXTRA, 0, 0, N_COOKIE, 0, t_init, 0, 0, 0 },
{ "init answer: other key exchange wanted", STORY_INIT, INIT, RS, ROW_TASKS, ST(IKE_S_INIT_I), IKE_S_NONE, P(NOTIFY) | PS_N_ERROR, EXTRA, 0, 0, N_INVALID_KE_PAYLOAD, 0, t_init, 0, 0, 0 },
{ "init answer: redirected", STORY_INIT, INIT, RS, ROW_TASKS, ST(IKE_S_INIT_I), IKE_S_NONE, P(NOTIFY), EXTRA, 0, 0, N_REDIRECT, 0, t_away, 0, 0, 0 },
{ "init answer: refused", STORY_INIT, INIT, RS, ROW_TASKS, ST(IKE_S_INIT_I), SAME, P(NOTIFY) | PS_N_ERROR, PS_ALL, 0, PS_ALL, 0, 0, t_init, 0, 0, 0 },
{ "init answer with the wrong payloads", NO, INIT, RS, ROW_IGNORE, ST(IKE_S_INIT_I), SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_SYNTAX, 0 },
{ "answer without protection", NO, 0, RS, ROW_IGNORE, ANY_STATE, SAME, 0, NOT_SK, 0, PS_ALL, 0, 0, NULL, 0, E_UNEXPECTED, 0 },

{ "additional key exchange answer", STORY_MORE, MORE, RS, ROW_TASKS, ST(IKE_S_MORE_I), IKE_S_AUTH_I, IN_SK, BESIDE, P(KE), EXTRA, 0, F_INIT_I, t_more, 0, 0, IKE_S_MORE_I },
{ "additional key exchange: refused", STORY_MORE, MORE, RS, ROW_TASKS, ST(IKE_S_MORE_I), SAME, IN_SK, BESIDE, P(NOTIFY) | PS_N_ERROR, PS_ALL & ~P(KE), 0, 0, t_more, 0, 0, 0 },
{ "IKE_INTERMEDIATE answer with the wrong payloads", NO, MORE, RS, ROW_CLOSE, ST(IKE_S_MORE_I), SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_SYNTAX, 0 },

{ "auth answer, with child", STORY_AUTH, AUTH, RS, ROW_TASKS, ST(IKE_S_AUTH_I), IKE_S_UP, IN_SK, BESIDE, P(IDR) | P(AUTH), P(SA) | TS | CREDS | EXTRA_E, 0, F_AUTH, t_auth, 0, 0, 0 },
{ "auth answer: refused", STORY_AUTH, AUTH, RS, ROW_TASKS, ST(IKE_S_AUTH_I), SAME, IN_SK, BESIDE, P(NOTIFY) | PS_N_ERROR, PS_ALL & ~P(AUTH), 0, 0, t_auth, 0, 0, 0 },
{ "auth answer with the wrong payloads", NO, AUTH, RS, ROW_CLOSE, ST(IKE_S_AUTH_I), SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_SYNTAX, 0 },

{ "child answer", STORY_CHILD_NEW, CHILD, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, P(SA) | P(NONCE) | TS, P(KE) | P(CP) | EXTRA, 0, 0, t_child_new, 0, 0, 0 },
{ "child answer: refused", STORY_CHILD_NEW, CHILD, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, P(NOTIFY) | PS_N_ERROR, PS_ALL, 0, 0, t_child_new, 0, 0, 0 },
{ "child rekey answer", STORY_CHILD_REKEY, CHILD, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, P(SA) | P(NONCE) | TS, P(KE) | P(CP) | EXTRA, 0, 0, t_child_rekey, 0, 0, 0 },
{ "child rekey answer: refused", STORY_CHILD_REKEY, CHILD, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, P(NOTIFY) | PS_N_ERROR, PS_ALL, 0, 0, t_child_rekey, 0, 0, 0 },
{ "IKE rekey answer", STORY_IKE_REKEY, CHILD, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, P(SA) | P(NONCE) | P(KE), EXTRA, 0, 0, t_ike_rekey, 0, 0, 0 },
{ "IKE rekey answer: refused", STORY_IKE_REKEY, CHILD, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, P(NOTIFY) | PS_N_ERROR, PS_ALL, 0, 0, t_ike_rekey, 0, 0, 0 },
{ "CREATE_CHILD_SA answer with the wrong payloads", NO, CHILD, RS, ROW_CLOSE, LIVE, SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_SYNTAX, 0 },

{ "child follow-up answer", STORY_CHILD_NEW, FOLLOW, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, P(KE), EXTRA, 0, 0, t_child_new, 0, 0, 0 },
{ "child follow-up answer: refused", STORY_CHILD_NEW, FOLLOW, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, P(NOTIFY) | PS_N_ERROR, PS_ALL, 0, 0, t_child_new, 0, 0, 0 },
{ "child rekey follow-up answer", STORY_CHILD_REKEY, FOLLOW, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, P(KE), EXTRA, 0, 0, t_child_rekey, 0, 0, 0 },
{ "child rekey follow-up answer: refused", STORY_CHILD_REKEY, FOLLOW, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, P(NOTIFY) | PS_N_ERROR, PS_ALL, 0, 0, t_child_rekey, 0, 0, 0 },
{ "IKE rekey follow-up answer", STORY_IKE_REKEY, FOLLOW, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, P(KE), EXTRA, 0, 0, t_ike_rekey, 0, 0, 0 },
{ "IKE rekey follow-up answer: refused", STORY_IKE_REKEY, FOLLOW, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, P(NOTIFY) | PS_N_ERROR, PS_ALL, 0, 0, t_ike_rekey, 0, 0, 0 },
{ "IKE_FOLLOWUP_KE answer with the wrong payloads", NO, FOLLOW, RS, ROW_CLOSE, LIVE, SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_SYNTAX, 0 },

{ "child delete answer", STORY_CHILD_DELETE, INFO, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, 0, PS_ALL, 0, 0, t_child_delete, 0, 0, 0 },
{ "IKE delete answer", STORY_IKE_DELETE, INFO, RS, ROW_TASKS, LIVE, IKE_S_GONE, IN_SK, BESIDE, 0, PS_ALL, 0, 0, t_ike_delete, 0, 0, 0 },
{ "address update answer", STORY_MOVE, INFO, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, 0, PS_ALL, 0, 0, t_move, 0, 0, 0 },
{ "reachability check answer", STORY_REACH, INFO, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, 0, PS_ALL, 0, 0, t_reach_out, 0, 0, 0 },
{ "redirect answer", STORY_REDIRECT, INFO, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, 0, PS_ALL, 0, 0, t_redirect, 0, 0, 0 },
{ "info answer", STORY_INFO, INFO, RS, ROW_TASKS, LIVE, SAME, IN_SK, BESIDE, 0, PS_ALL, 0, 0, t_info, 0, 0, 0 },
{ "answer nobody waits for", NO, 0, RS, ROW_IGNORE, ANY_STATE, SAME, 0, PS_ALL, 0, PS_ALL, 0, 0, NULL, 0, E_UNEXPECTED, 0 },
};
/* clang-format on */

const size_t xch_rows_n = ARRAY_LEN(xch_rows);

const uint8_t xch_census[STORY_COUNT][XCH_DIR_COUNT] = {
	[STORY_NONE] = { 1, 12, 7 },
	[STORY_INIT] = { 1, 1, 5 },
	[STORY_MORE] = { 1, 1, 2 },
	[STORY_AUTH] = { 2, 2, 2 },
	[STORY_CHILD_NEW] = { 2, 2, 4 },
	[STORY_CHILD_REKEY] = { 2, 2, 4 },
	[STORY_IKE_REKEY] = { 2, 2, 4 },
	[STORY_CHILD_DELETE] = { 1, 1, 1 },
	[STORY_IKE_DELETE] = { 1, 1, 1 },
	[STORY_MOVE] = { 1, 1, 1 },
	[STORY_REACH] = { 1, 1, 1 },
	[STORY_REDIRECT] = { 1, 1, 1 },
	[STORY_INFO] = { 1, 1, 1 },
};
