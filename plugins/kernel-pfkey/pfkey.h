/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of kernel-pfkey: SAs and policies in the kernel over PF_KEY version 2 (RFC 2367) with the policy extensions of
 * KAME as Linux has them. One thread (the loop's). The kernel works a message off while it is being sent; its answer
 * lies in the socket when the call returns.
 *
 * PF_KEY has no room for a mark of the owner, so that a journal in a file tells the next run what an earlier one left:
 * that, and nothing else, is taken over or removed.
 */
#ifndef ADIT_KERNEL_PFKEY_H
#define ADIT_KERNEL_PFKEY_H

#include "plugins/kernel-common/table.h"

#include <linux/ipsec.h>
#include <linux/pfkeyv2.h>

enum { PF_BUF = 4096, WINDOW_MAX = 32, REQID_MAX = 0x3fff, SPLIT_MAX = 64, NEWS_BYTES = 4 << 20 };

/* A message being written. */
struct pf_msg {
	_Alignas(8) uint8_t buf[PF_BUF];
	size_t n;
};

/* Extensions of a message that was read, by type; NULL: not there. */
struct pf_in {
	const struct sadb_msg *msg;
	const struct sadb_ext *ext[SADB_EXT_MAX + 1];
};

struct pf_sa {
	struct tab_node node; /* by dir and SPI; must be first */
	uint32_t spi, reqid;
	uint8_t dir, proto;
	struct net_addr src, dst;
	uint64_t cookie, seen_packets;
	uint32_t seen_s;      /* monotonic, 0 never */
};

/* What names a policy for the kernel; big-endian where the kernel has it so. */
struct pf_key {
	uint8_t dir, family, proto, src_bits, dst_bits, pad[3];
	uint16_t src_port, dst_port; /* host order, 0 any */
	uint8_t src[16], dst[16];
};

struct pf_use { /* one KERN_POLICY_ADD of the name */
	struct pf_use *next; /* less important or older */
	uint64_t cookie;
	uint32_t reqid, prio;
	uint8_t action, mode, proto;
	bool bare;
	struct net_addr src, dst;
};

struct pf_name {
	struct tab_node node; /* must be first */
	struct pf_key key;
	struct pf_use *top;   /* in effect */
	struct pf_name *dirty_next;
	uint32_t id;          /* the kernel's number, 0 none */
	uint32_t left_reqid, left_prio; /* of the earlier run's, reqid 0: without a template */
	bool in_kernel, dirty, left;
};

/* An SA of an earlier run. */
struct pf_left {
	struct pf_left *next;
	struct net_addr src, dst;
	uint32_t spi, reqid;
	uint32_t go_s;        /* when it is removed, monotonic seconds; 0: when the time for left ones is over */
	uint8_t proto;
};

/* What a batch has changed in the lists, to take it back. */
struct pf_change {
	struct pf_name *x;
	struct pf_use *u, *before; /* behind which it stood, NULL: first */
	size_t op;
	bool added;
};

/* One line of the journal. It is written before the kernel is asked: what is in it may be there. */
struct pf_rec {
	uint8_t what;         /* PF_REC_… */
	uint8_t proto;
	uint8_t gone;         /* it was removed, or not made after all */
	uint8_t pad;
	uint32_t at;          /* number of the line, in memory only */
	uint32_t spi;
	uint32_t reqid, prio; /* of the policy's template; of the SA */
	struct net_addr src, dst;
	struct pf_key key;
};
enum { PF_REC_HEAD = 0xa1, PF_REC_SA = 1, PF_REC_POLICY };
enum pf_rec_step { PF_COMES, PF_CHANGES, PF_GOES };

struct pfkey {
	const struct plug_host *host;
	int ask, news;        /* sockets */
	struct plug_watch *watch;
	uint32_t seq;
	struct tab sas, names;
	struct pool sa_pool, name_pool, use_pool;
	struct pf_name *dirty;
	struct pf_change *changes; /* of the batch that is being done */
	size_t n_changes, cap_changes;
	uint64_t encr, auth;  /* bits: what the kernel has, by SADB number below 64 */
	struct pf_left *left;
	struct plug_timer *tick;
	uint32_t left_until_s;     /* monotonic; 0: nothing is left */
	uint32_t left_delay_s, taken, first_reqid;
	bool keep;                 /* at the end everything stays in the kernel */
	int journal;          /* -1 none */
	size_t n_recs, n_live;
	char journal_path[108];
};

/* ---- msg.c ---- */

void pf_begin(struct pfkey *k, struct pf_msg *m, uint8_t type, uint8_t satype);
/* Zeroed room of len bytes for an extension; its length is set. NULL: full. */
void *pf_ext(struct pf_msg *m, uint16_t type, size_t len);
void pf_put_addr(struct pf_msg *m, uint16_t type, const struct net_addr *a, uint8_t bits, uint8_t proto, uint16_t port);
void pf_put_key(struct pf_msg *m, uint16_t type, slice key);
size_t pf_sockaddr(void *out, const struct net_addr *a, uint16_t port);
struct net_addr pf_addr_of(const struct sadb_ext *address);
bool pf_parse(const void *p, size_t n, struct pf_in *in);
/* Sends, and reads the answer: 0 or an errno. cb (may be NULL) gets it. */
int pf_ask(struct pfkey *k, struct pf_msg *m, void (*cb)(void *arg, const struct pf_in *in), void *arg);
/* Sends, and gives cb every entry of the answer; 0 or an errno. */
int pf_dump(struct pfkey *k, struct pf_msg *m, void (*cb)(void *arg, const struct pf_in *in), void *arg);
int pf_open(void);
err_t pf_err(int err);
/* "cannot WHAT: reason; remedy" to the log. */
err_t pf_fail(struct pfkey *k, int err, const char *fmt, ...) PRINTF_LIKE(3, 4);
void pf_log(struct pfkey *k, int level, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* What the kernel has; E_NOT_SUPPORTED: no PF_KEY. */
err_t pf_register(struct pfkey *k);

/* ---- sa.c ---- */

err_t pf_can(const struct pfkey *k, uint16_t encr, uint16_t bits, uint16_t integ, bool esn);
void pf_each_alg(const struct pfkey *k, void (*cb)(void *arg, uint8_t kind, uint16_t id, uint16_t bits), void *arg);
struct pf_sa *pf_sa_find(struct pfkey *k, uint8_t dir, uint32_t spi, const struct net_addr *dst);
err_t pf_sa_add(struct pfkey *k, const struct kern_sa *a);
err_t pf_sa_del(struct pfkey *k, const struct kern_sa *a);
int pf_sa_remove(struct pfkey *k, uint8_t proto, uint32_t spi, const struct net_addr *src, const struct net_addr *dst);
void pf_sa_forget(struct pfkey *k, struct pf_sa *s);
err_t pf_sa_usage(struct pfkey *k, struct pf_sa *s, struct kern_usage *out);
static inline uint8_t pf_satype(uint8_t proto)
{
	return proto == 51 ? SADB_SATYPE_AH : SADB_SATYPE_ESP;
}

/* ---- policy.c ---- */

/* The kernel's names of a policy, at most SPLIT_MAX. E_LIMIT: more; E_NOT_SUPPORTED: a range of ports. */
err_t pf_policy_keys(const struct kern_policy *p, struct pf_key *v, size_t *n);
/* Change the lists only: pf_policies_sync brings the kernel in line, so that a policy which is taken away and put back
 * in one batch is never missing there. */
err_t pf_policy_add(struct pfkey *k, const struct kern_policy *p, size_t op);
err_t pf_policy_del(struct pfkey *k, const struct kern_policy *p, size_t op);
/* *op: which operation was refused. */
err_t pf_policies_sync(struct pfkey *k, size_t *op);
/* The batch has failed or is done. */
void pf_policies_undo(struct pfkey *k);
void pf_policies_settle(struct pfkey *k);
int pf_policy_remove(struct pfkey *k, const struct pf_key *key);
/* A policy of an earlier run: it stays until a new use takes its place or pf_policies_unleave. E_NOMEM. */
err_t pf_policy_left(struct pfkey *k, const struct pf_key *key, uint32_t id, uint32_t reqid, uint32_t prio);
/* Removes those that nobody took; how many. */
uint32_t pf_policies_unleave(struct pfkey *k);
/* The reqid of a policy of this name that an earlier run has left, 0 none. */
uint32_t pf_policy_left_reqid(struct pfkey *k, const struct kern_policy *p);
struct pf_name *pf_policy_by_id(struct pfkey *k, uint32_t id);
void pf_policies_clear(struct pfkey *k);

/* ---- event.c ---- */

err_t pf_news_open(struct pfkey *k);
void pf_news_close(struct pfkey *k);

/* ---- journal.c ---- */

/* Opens the file and reads what an earlier run may have left: *v (free()) and *n; none: NULL. Where it stands for other
 * programs, or cannot be written, that is said and there is no journal. */
void pf_journal_open(struct pfkey *k, const char *path, struct pf_rec **v, size_t *n);
void pf_journal_sa(struct pfkey *k, const struct pf_sa *s, enum pf_rec_step step);
void pf_journal_left_gone(struct pfkey *k, const struct pf_left *l);
void pf_journal_policy(struct pfkey *k, const struct pf_key *key, uint32_t reqid, uint32_t prio, enum pf_rec_step step);
/* At the end: there is nothing left, unless it is to be kept. */
void pf_journal_close(struct pfkey *k);

/* ---- left.c ---- */

/* Finds in the kernel what the journal says, and which reqids others use. */
err_t pf_left_find(struct pfkey *k, const struct pf_rec *v, size_t n, uint32_t keep_s);
/* A static SA that was left has the name of the new one: it goes first. */
void pf_left_make_room(struct pfkey *k, const struct kern_sa *a);
/* A new outbound SA of the reqid stands: the earlier run's are not needed any more. */
void pf_left_retire(struct pfkey *k, uint32_t reqid);
/* UINT32_MAX: the time is over. */
void pf_left_tick(struct pfkey *k, uint32_t now_s);
void pf_left_free(struct pfkey *k);

static inline uint32_t pf_now_s(const struct pfkey *k)
{
	return (uint32_t)(k->host->now_ms(k->host->h) / 1000) + 1;
}

#endif
