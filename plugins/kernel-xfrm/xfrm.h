/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of kernel-xfrm: SAs and policies in the kernel over NETLINK_XFRM. One thread (the loop's).
 *
 * The kernel works off a request while it is being sent, so that a request and its acknowledgement are two system calls
 * that do not wait; only events come by themselves.
 *
 * What is ours in the kernel carries our number (`owner`) in its highest byte: policies in their index, SAs in their
 * sequence number of the key manager. Nothing else is ever changed or deleted, and after a crash it tells which SAs and
 * policies are left from the earlier run.
 */
#ifndef ADIT_KERNEL_XFRM_H
#define ADIT_KERNEL_XFRM_H

#include "plugins/kernel-common/table.h"

#include <libmnl/libmnl.h>
#include <linux/xfrm.h>

enum { NL_BUF = 64 * 1024, NL_MSGS = 64, SPLIT_MAX = 256, WINDOW_MAX = 4096, ALGS = 32 };

/* An SA of ours. */
struct xsa {
	struct tab_node node; /* by dir and SPI; must be first */
	uint64_t cookie;
	uint64_t seen_packets; /* at the last look, */
	uint32_t seen_s;       /* when they had changed; monotonic seconds, 0 never */
	uint32_t spi, reqid;   /* host order */
	uint32_t mark, mark_mask, if_id;
	uint16_t cpi;          /* of its IPComp SA, 0 none */
	uint8_t dir, proto, mode;
	struct net_addr src, dst;
};

/* One use of a policy's name: what a KERN_POLICY_ADD brought. */
struct xuse {
	struct xuse *next;  /* less important or older */
	uint64_t cookie;
	uint32_t reqid, prio; /* as it is in the kernel */
	uint8_t action, mode, proto, family;
	bool ipcomp, bare, offload;
	uint8_t src[16], dst[16];
};

/* What names a policy for the kernel. */
struct xkey {
	struct xfrm_selector sel;
	uint32_t mark, mark_mask, if_id;
	uint32_t dir; /* XFRM_POLICY_IN… */
};

struct xname {
	struct tab_node node;     /* by key; must be first */
	struct tab_node by_index;
	struct xname *dirty_next;
	struct xuse *top;         /* in effect; NULL: only left from an earlier run, or to go */
	struct xkey key;
	uint32_t index;
	uint32_t left_reqid;      /* of the earlier run's template, 0 none */
	bool in_kernel, dirty, left;
};

/* An SA of an earlier run. */
struct xleft {
	struct xleft *next;
	xfrm_address_t dst;
	uint16_t family;
	uint8_t proto;
	uint32_t spi;  /* network order */
	uint32_t reqid, mark, mark_mask;
	uint32_t go_s; /* when it is removed, monotonic seconds; 0: when the time for left ones is over */
};

/* The first refusal of a batch. */
struct nl_fail {
	int err;   /* errno, 0 none */
	size_t op; /* as given to nl_msg */
	char text[160]; /* what the kernel says, "" nothing */
};

struct nl {
	struct mnl_socket *s;
	uint32_t seq, first;   /* of the last message, of the first in the buffer */
	size_t used;
	unsigned n;
	size_t op[NL_MSGS];
	bool forgive[NL_MSGS]; /* what is not there any more is no error */
	struct nl_fail fail;
	_Alignas(struct nlmsghdr) uint8_t buf[NL_BUF];
	_Alignas(struct nlmsghdr) uint8_t in[NL_BUF];
};

struct xfrm {
	const struct plug_host *host;
	struct nl nl;
	struct mnl_socket *news;
	struct plug_watch *watch;
	struct plug_timer *tick;
	struct pool sa_pool, name_pool, use_pool;
	struct tab sa, name, index;
	struct xname *dirty;
	struct xleft *left;
	uint32_t n_left_sa, n_left_pol; /* found at the start */
	uint32_t taken;                 /* policies of those that were taken over */
	uint32_t left_until_s;          /* monotonic; 0: nothing is left */
	uint32_t left_delay_s, next_reqid;
	uint32_t owner, next_index, next_seq;
	uint32_t caps;
	bool keep;                      /* at the end everything stays in the kernel */
	bool padding_said;              /* that this kernel leaves padding out */
	bool has_alg[ALGS];
	uint32_t report_s;              /* the last report that was said; monotonic seconds */
	uint64_t stat[64];              /* /proc/net/xfrm_stat at the last look */
	bool thresh_set, default_set, drop_set;   /* other settings of the namespace were there before us: */
	struct xfrmu_spdhthresh thresh_old[2]; /* v4, v6 */
	struct xfrm_userpolicy_default default_old;
};

/* ---- nl.c: requests ---- */

err_t nl_open(struct nl *nl);
void nl_close(struct nl *nl);
/* Starts a message of the batch behind those before it, which may send them. Attributes are put behind the extra
 * header with mnl_attr_put… and nl_end ends it. forgive: ENOENT and ESRCH are fine. */
struct nlmsghdr *nl_msg(struct nl *nl, uint16_t type, uint16_t flags, size_t op, bool forgive);
void nl_end(struct nl *nl, struct nlmsghdr *m);
/* Sends what is in the batch and reads what became of it; errno of the first refusal since nl_clear, which nl->fail
 * describes. */
int nl_flush(struct nl *nl);
void nl_clear(struct nl *nl);
/* One request with answers (a dump or a single one); errno. The batch has to be empty. */
int nl_ask(struct nl *nl, struct nlmsghdr *m, mnl_cb_t cb, void *arg);
struct nlmsghdr *nl_ask_head(struct nl *nl, void *buf, uint16_t type, uint16_t flags);
/* What an errno of the kernel means here. */
err_t xfrm_err(int err);
/* Says in one line what was refused, why and what to do. */
void xfrm_say(struct xfrm *k, const char *what, const struct nl_fail *f);
PRINTF_LIKE(3, 4) void xfrm_log(struct xfrm *k, int level, const char *fmt, ...);

/* ---- algs.c ---- */

/* Tries every algorithm in the kernel. E_NOT_SUPPORTED: it has no ESP at all; E_PERM. *why: one sentence. */
err_t algs_probe(struct nl *nl, bool has[ALGS], uint32_t *caps, char *why, size_t cap);
/* AH and IPComp, whose modules may come while we run: adds what is there now. The batch has to be empty. */
void algs_modules(struct nl *nl, uint32_t *caps);
/* Puts the algorithms of an SA into a message; E_NOT_SUPPORTED. */
err_t algs_put(struct nlmsghdr *m, const struct kern_sa *a);
bool algs_has(const struct xfrm *k, uint8_t kind, uint16_t id, uint16_t bits);
void algs_each(const struct xfrm *k, void (*cb)(void *arg, uint8_t kind, uint16_t id, uint16_t bits), void *arg);

/* ---- sa.c ---- */

xfrm_address_t xfrm_addr(const struct net_addr *a);
struct net_addr xfrm_net_addr(const xfrm_address_t *a, uint16_t family);
uint16_t xfrm_af(uint8_t family);
struct xsa *sa_find(struct xfrm *k, uint8_t dir, uint32_t spi, const struct net_addr *dst);
/* By what an event of the kernel names. */
struct xsa *sa_of_event(struct xfrm *k, uint32_t spi, const xfrm_address_t *dst, uint16_t family);
/* Notes the SA and puts its messages into the batch; a refusal shows at nl_flush. */
err_t sa_add(struct xfrm *k, const struct kern_sa *a, size_t op, struct xsa **out);
/* Moves an SA to other addresses, at once. Sequence numbers and the window of what came go along. */
err_t sa_move(struct xfrm *k, struct xsa *s, const struct net_addr *src, const struct net_addr *dst, bool encap,
	uint32_t new_reqid);
/* Puts the delete into the batch. */
void sa_del_msg(struct xfrm *k, const struct xsa *s, size_t op);
void sa_forget(struct xfrm *k, struct xsa *s);
err_t sa_usage(struct xfrm *k, struct xsa *s, struct kern_usage *out);
bool sa_encap(const struct xsa *s);
/* The interface that has an address of ours; 0: none. */
unsigned sa_device(const struct net_addr *a);
/* Does hardware work on it? */
bool sa_offloaded(struct xfrm *k, const struct xsa *s);

/* ---- policy.c ---- */

/* The kernel names of a policy; how many, or more than SPLIT_MAX. E_NOT_FOUND: there is no such interface. */
err_t policy_keys(const struct kern_policy *p, struct xkey *v, size_t *n);
uint32_t policy_prio(const struct kern_policy *p, const struct xfrm_selector *sel);
struct xname *policy_name(struct xfrm *k, const struct xkey *key, bool make);
struct xname *policy_by_index(struct xfrm *k, uint32_t index);
/* How to take back one use. */
struct policy_undo {
	struct xname *name;
	struct xuse *use, *before; /* behind which it stood, NULL: first */
	bool added;
};
err_t policy_add(struct xfrm *k, const struct kern_policy *p, const struct xkey *key, struct policy_undo *u);
err_t policy_del(struct xfrm *k, const struct kern_policy *p, const struct xkey *key, struct policy_undo *u);
void policy_undo(struct xfrm *k, struct policy_undo *u);
/* Brings what has changed into the kernel. errno: the batch is to be taken back and this to be called again;
 * nl->fail.op is then the struct xname. */
int policy_sync(struct xfrm *k);
/* What happened is final. */
void policy_settle(struct xfrm *k, struct policy_undo *u);
void policy_dirty(struct xfrm *k, struct xname *n);
void policy_key_text(const struct xkey *key, char *buf, size_t cap);

/* ---- event.c ---- */

err_t event_open(struct xfrm *k, uint32_t buffer_bytes);
void event_close(struct xfrm *k);

/* ---- left.c ---- */

/* Finds what an earlier run has left. */
err_t left_find(struct xfrm *k, uint32_t keep_s);
/* A new outbound SA of the reqid stands: the earlier run's are not needed any more. */
void left_retire(struct xfrm *k, uint32_t reqid);
/* Puts the delete of one of them into the batch. */
void left_remove(struct xfrm *k, const struct xleft *l, size_t op);
void left_tick(struct xfrm *k, uint32_t now_s);
void left_free(struct xfrm *k);

/* ---- host.c: settings of the namespace ---- */

err_t host_apply(struct xfrm *k);
void host_restore(struct xfrm *k);
void host_stat(struct xfrm *k, bool first);

static inline uint32_t xfrm_now_s(const struct xfrm *k)
{
	return (uint32_t)(k->host->now_ms(k->host->h) / 1000) + 1;
}

#endif
