/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One verification: what is shared by the search for paths (path.c), the checks of a path (check.c, policy.c,
 * limits.c), revocation (revoke.c, crlfind.c, ocsp.c) and the report (report.c). Everything it makes lives in the
 * report's arena.
 */
#ifndef ADIT_X509_VERIFY_H
#define ADIT_X509_VERIFY_H

#include "x509.h"

enum {
	V_DEPTH_MAX = 32,    /* certificates of a path, with leaf and anchor */
	V_PATHS_MAX = 64,    /* candidate paths that are judged */
	V_SIGNATURES_MAX = 512, /* signatures that are computed for one verification */
	V_REACH_MAX = 2048,  /* certificates that one search looks at */
	V_STEPS_MAX = 8192,  /* certificates that are put on a path, in all searches of one verification */
	V_NO_HEIGHT = 0xffff,
	V_NODES_MAX = 4096,
	V_WANTS_MAX = 64,
	V_NEST_MAX = 3,      /* signers of CRLs whose own status depends on signers of CRLs… */
	V_OID_MAX = 64
};

struct v_report {
	struct cert_report pub; /* first */
	struct arena arena;
	struct cert_node *nodes;
	struct cert_want *wants;
	struct cert **chain;
	size_t n_nodes, cap_nodes;
};

/* A path: v[0] the leaf, v[n-1] the anchor. */
struct v_path {
	struct cert *v[V_DEPTH_MAX];
	size_t n;
};

struct v {
	const struct cert_verify *req;
	struct v_report *rep;
	slice *policies; /* of the request, as contents of OIDs */
	size_t n_policies;
	unsigned n_paths, n_signatures, n_steps;
	bool gave_up;    /* one of the bounds was met */
	uint16_t path;   /* number of the path at hand */
	bool nomem;
	unsigned quiet;  /* > 0: nested (the signer of a CRL): nothing goes into the tree */
	unsigned nest;
	unsigned delegates; /* > 0: the status of a delegate of OCSP is looked for */
	/* CRL signers whose status is being looked at: one that depends on itself is taken as good (RFC 5280 leaves
	 * it open; an indirect CRL may list its own issuer). */
	const struct cert *busy[V_NEST_MAX + 1];
	/* What the best failed path came to. */
	struct v_path best;
	size_t best_fails;
	err_t best_err;
	uint16_t best_no;
	const char *best_text;
	/* What the path at hand came to. */
	size_t fails;
	err_t err;
	const char *text;
	int64_t rev_until;
	const char *const *good_policies;
	size_t n_good_policies;
	const struct cert_name *matched;
	bool dates_off; /* a date or time of update did not fit: the clock is worth a look */
};

/* What a path is for. */
enum v_goal { V_GOAL_PEER = 1, V_GOAL_CRL_SIGNER, V_GOAL_OCSP_SIGNER };

/* ---- report.c ---- */

/* A line of the tree; a CERT_FAIL also is the path's error when it is the first. */
void v_node(struct v *v, size_t depth, const struct cert *c, enum cert_check check, enum cert_verdict verdict, err_t e,
	const char *fmt, ...) PRINTF_LIKE(7, 8);
#define V_FAIL(v, depth, c, check, e, ...) v_node(v, depth, c, CERT_CHECK_##check, CERT_FAIL, e, __VA_ARGS__)
#define V_NOTE(v, depth, c, check, e, ...) v_node(v, depth, c, CERT_CHECK_##check, CERT_NOTE, e, __VA_ARGS__)
#define V_OK(v, depth, c, check, ...) v_node(v, depth, c, CERT_CHECK_##check, CERT_OK, 0, __VA_ARGS__)
const char *v_dn(struct v *v, slice name);
const char *v_oid(struct v *v, slice oid);
const char *v_hex(struct v *v, slice s);
/* "2026-11-27T03:23:00Z", or "never" for 0. */
const char *v_time(struct v *v, int64_t t);
void v_want(struct v *v, struct cert_want w);
err_t v_report_new(struct v_report **out);
void x_report_free(struct cert_report *r);

/* ---- sig.c ---- */

/* Did the key of `by` sign? Remembered in the memo when it did. */
bool v_signed(struct v *v, struct x_memo *memo, slice tbs, slice sig, const struct x_sigalg *alg,
	      const struct cert *by);
static inline bool v_signed_cert(struct v *v, struct cert *c, const struct cert *by)
{
	return v_signed(v, &c->memo, c->tbs, c->sig, &c->alg, by);
}
bool x_signature_ok(slice tbs, slice sig, const struct x_sigalg *alg, slice spki);
/* May something be signed like this? NULL, or what is wrong with it. */
const char *v_alg_weak(const struct v *v, const struct x_sigalg *alg);

/* ---- reach.c: the certificates that names and signatures lead to from a leaf ---- */

/* A name with its key: one place of a path, whatever number of certificates it has. */
struct v_who {
	const struct cert *any;
	unsigned first, n; /* its certificates in v_reach.order */
	unsigned tried;    /* the last node whose signature was tried with it, from 1 */
	bool reached;
};

enum { V_BY_MAX = 4 };

struct v_node_up {
	struct cert *c;
	uint16_t who;          /* of the leaf: none */
	uint16_t by[V_BY_MAX]; /* whose key signed it */
	uint16_t depth;        /* steps above the leaf */
	uint16_t height;       /* steps below the next anchor, V_NO_HEIGHT: none is above */
	uint8_t n_by;
	bool anchor, in_date;
};

struct v_reach {
	struct v_node_up *nodes; /* the leaf first */
	struct v_who *who;
	uint16_t *order;         /* nodes by who; those in date first, then by height */
	uint16_t *who_of;        /* of each anchor and intermediate, from 1 */
	size_t n_nodes, n_who;
};

/* False: no memory, which v was told. What does not fit is left out, and v->gave_up set. anchor: the only one, or NULL. */
bool v_reach_find(struct v *v, struct cert *leaf, const struct cert *anchor, struct v_reach *r);
void v_reach_fini(struct v_reach *r);
/* The highest certificate whose issuer is not here, else (CAs in a circle) the highest of all. */
const struct v_node_up *v_reach_top(const struct v_reach *r);
bool v_is_anchor(const struct v *v, const struct cert *c, const struct cert *anchor);
static inline bool v_same_cert(const struct cert *a, const struct cert *b)
{
	return a == b || slice_equal(a->info.der, b->info.der);
}

/* ---- path.c, check.c ---- */

err_t x_verify(const struct cert_verify *req, struct cert_report **out);
/* Is there a valid path from c to this anchor, for the purpose? For signers of CRLs and OCSP answers. */
bool v_find_signer_path(struct v *v, struct cert *c, const struct cert *anchor, enum v_goal goal);
/* All checks of one path; v->fails, v->err, v->text tell. */
void v_check_path(struct v *v, const struct v_path *p, enum v_goal goal);

/* ---- policy.c: certificate policies (RFC 5280 section 6.1 as updated by RFC 9618: a graph, not a tree) ---- */

struct v_policy;
struct v_policy *v_policy_new(struct v *v, size_t n);
/* Certificate i of n (1 the one below the anchor); false: something failed and v_node was told. */
bool v_policy_step(struct v_policy *g, const struct cert *c, size_t i, size_t depth);
/* After the last certificate. */
bool v_policy_end(struct v_policy *g, const struct cert *c, size_t depth);

/* ---- limits.c: name constraints ---- */

struct v_limit {
	const struct cert *by[V_DEPTH_MAX];
	size_t n;
};
/* NULL: every name of c is allowed by all of them; else a sentence in the report's arena. */
const char *v_limit_check(struct v *v, const struct v_limit *l, const struct cert *c);

/* ---- name matching: ident.c ---- */

err_t x_name_check(const struct cert *c, const struct cert_name *name, uint32_t flags, struct cert_why *why);
const struct cert_name *x_name_find(const struct cert *c, const struct cert_name *name, uint32_t flags,
				    struct cert_why *why);

/* ---- map.c ---- */

err_t x_map_parse(const char *text, struct cert_map **out, struct cert_why *why);
void x_map_free(struct cert_map *m);
err_t x_map_match(const struct cert_map *m, const struct cert *c, struct cert_why *why);

/* ---- revoke.c ---- */

enum v_state { V_UNKNOWN = 0, V_GOOD, V_REVOKED };

struct v_status {
	enum v_state state;
	err_t err;          /* of V_UNKNOWN: E_CRL_MISSING, E_CRL_STALE, E_CRL_BAD, E_OCSP_BAD */
	int64_t until;      /* when the answer gets stale */
	const char *text;   /* which CRL or answer said what */
	bool stale;
};

/* Path position i (0: leaf), its issuer is i + 1. */
void v_check_revocation(struct v *v, const struct v_path *p, size_t i);
/* crlfind.c: RFC 5280 section 6.3.3. */
void v_status_by_crl(struct v *v, const struct v_path *p, size_t i, struct v_status *s);
/* ocsp.c */
void v_status_by_ocsp(struct v *v, const struct v_path *p, size_t i, struct v_status *s);
err_t x_ocsp_request(const struct cert *cert, const struct cert *issuer, slice nonce, uint8_t *out, size_t *n);
err_t x_ocsp_answer(const struct cert_ocsp *o, const struct cert *cert, const struct cert *issuer, int64_t time,
	struct cert_ocsp_answer *out, struct cert_why *why);

const char *x_reason_name(unsigned reason);

#endif
