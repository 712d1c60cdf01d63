/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the userspace data plane and how they hang together. Everything runs on the loop thread; the SA and
 * policy tables change only in submit, and the data path calls the host only at the ends of a batch (sending, events),
 * so that worker threads with a lane each can be added.
 *
 *   TUN ── out_read ── policy_find ── sa of the reqid ── esp_seal ── host->udp_send / raw socket
 *   host (ESP in UDP), raw socket ── in_batch ── sa by SPI ── esp_open ── selectors, ECN ── TUN
 */
#ifndef ADIT_KERNEL_USER_PLANE_H
#define ADIT_KERNEL_USER_PLANE_H

#include "plugins/kernel-user/esp.h"
#include "plugins/kernel-user/frag.h"
#include "plugins/kernel-user/gso.h"
#include "plugins/kernel-user/policy.h"
#include "plugins/kernel-user/rtnl.h"

#include <sys/socket.h>

enum {
	LANE_SLOTS = ESP_BATCH,
	LANE_FLOWS = 8,         /* TCP connections whose packets are joined at one time */
	PARK_SLOTS = 64,        /* packets of SPIs that are not known yet */
	PARK_MS = 2000,
	HELD_MS = 20000,        /* packets of a trap wait so long; after it the trap asks again */
	PMTU_REFRESH_MS = 10000,
	ICMP_PER_SECOND = 100,
	SLOT_HEAD = 64,         /* room for ESP header and IV, a multiple of 16 */
	SLOT_TAIL = 256
};

/* Counters: "plugin.kernel-user.<name>". */
#define PLANE_COUNTERS(row) \
	row(OUT_PACKETS, "out_packets") row(OUT_BYTES, "out_bytes") row(OUT_LARGE, "out_large") row(IN_JOINED, "in_joined") row(IN_PACKETS, "in_packets") \
	row(IN_BYTES, "in_bytes") row(OUT_MALFORMED, "out_malformed") row(OUT_NO_POLICY, "out_no_policy") \
	row(OUT_NO_SA, "out_no_sa") row(OUT_DROPPED, "out_dropped_by_policy") row(OUT_PASSED, "out_passed") \
	row(OUT_TOO_BIG, "out_too_big") row(OUT_FRAGMENTS, "out_fragments") row(OUT_WHOLE, "out_reassembled") row(OUT_HELD, "out_held") \
	row(OUT_HELD_FULL, "out_held_full") row(OUT_HELD_OLD, "out_held_expired") row(OUT_SEND_FAILED, "out_send_failed") \
	row(OUT_CRYPTO, "out_crypto_failed") row(OUT_EXPIRED, "out_sa_expired") row(ICMP_SENT, "icmp_sent") \
	row(ICMP_LIMITED, "icmp_limited") row(ACQUIRES, "acquires") row(IN_SHORT, "in_too_short") \
	row(IN_UNKNOWN_SPI, "in_unknown_spi") row(IN_PARKED, "in_parked") row(IN_PARK_FULL, "in_park_full") \
	row(IN_REPLAY, "in_replay") row(IN_ICV, "in_icv_failed") row(IN_MALFORMED, "in_malformed") \
	row(IN_SELECTOR, "in_selector_mismatch") row(IN_ECN, "in_ecn_dropped") row(IN_DUMMY, "in_dummy") \
	row(IN_EXPIRED, "in_sa_expired") row(TUN_FAILED, "tun_write_failed") row(UNKNOWN_PROTO, "in_unknown_next_header")

enum plane_counter {
#define row(id, name) CTR_##id,
	PLANE_COUNTERS(row)
#undef row
	CTR_COUNT
};

enum { SA_EV_SOFT = 1, SA_EV_HARD = 2, SA_EV_MAPPING = 4 };

struct plane;

struct sa {
	struct tab_node node;   /* must be first; in plane.sas by (dir, spi) */
	struct wheel_node life;
	struct esp_keys keys;
	uint8_t dir, mode, copy_df, copy_dscp;
	bool copy_ecn, encap, soft_told, dead; /* dead: hard limit reached, no packet any more */
	uint16_t tfc_pad;
	uint32_t reqid;
	uint64_t cookie;
	struct net_addr src, dst;
	struct ts_sel *ts;      /* local ones, then remote ones; owned */
	uint16_t n_local, n_remote;
	uint64_t soft_bytes, hard_bytes, soft_packets, hard_packets; /* UINT64_MAX none */
	uint32_t installed_s, soft_s, hard_s;
	uint64_t bytes, packets, replay_drops, icv_fails, policy_drops, other_drops;
	uint64_t used_ms;       /* 0 never */
	uint32_t pmtu;          /* out: of the path, outer packets */
	uint32_t room;          /* out: longest inner packet (transport: ESP payload) for that */
	uint64_t pmtu_ms;       /* when it was asked */
	uint16_t ip_id;
	struct net_addr mapped; /* in: the new address that was told */
	struct sa_group *group; /* out: of the reqid */
	struct sa *group_next;
	struct sa *ev_next;
	uint8_t ev_bits;
	bool ev_queued;
};

/* Outbound SAs of one reqid, newest first; also held by policies that refer to it. */
struct sa_group {
	struct tab_node node; /* must be first */
	uint32_t reqid, refs;
	struct sa *sas;
};

struct in_pkt {
	const struct net_addr *local, *remote; /* with ports when it came in UDP */
	uint8_t *p;
	uint32_t n;
	uint8_t tos;
	bool udp;
};

/* A packet of an SPI nobody knows (yet): a peer may use a new SA before our side of it is in place. */
struct parked {
	uint64_t until_ms; /* 0 free */
	uint32_t spi, n;
	struct net_addr local, remote;
	uint8_t tos;
	bool udp;
	uint8_t p[2048];
};

struct out_item {
	struct sa *sa;
	unsigned how; /* as host->udp_send */
};

enum { SCRATCH_BYTES = 65536 + 64 };

/* Buffers of one thread. */
struct lane {
	uint8_t *slots;
	uint8_t *scratch; /* one packet of any size */
	uint8_t *large;   /* another, as the device gave it, behind room for what is in a slot */
	uint32_t slot_bytes;
	uint32_t n; /* slots in use */
	struct esp_pkt pkt[LANE_SLOTS];
	struct out_item item[LANE_SLOTS];
	struct esp_rand rnd;
	struct frags frags;
	struct gro flow[LANE_FLOWS];
	unsigned n_flows;
};

struct raw;

struct plane {
	const struct plug_host *host;
	struct tab sas, groups;
	struct pool sa_pool, group_pool;
	struct policies policies;
	struct wheel *wheel;
	struct rtnl *rtnl;
	struct raw *raw;            /* NULL: no raw sockets */
	int tun, wake; /* wake: an eventfd */
	uint32_t mtu;
	bool offload;    /* the device gives and takes large packets */
	bool pass_other; /* packets no policy is for go their own way, else they are dropped */
	struct lane lane;
	struct parked *park;
	uint32_t n_parked;
	struct sa *ev_sa;           /* SAs and traps with something to tell */
	struct policy *ev_trap;
	bool ev_posted;
	struct policy *held;        /* traps with packets */
	uint64_t now_ms;            /* taken once a batch */
	uint32_t icmp_left;
	uint64_t ctr[CTR_COUNT], ctr_told[CTR_COUNT];
	struct plug_watch *tun_watch, *raw_watch[2], *rtnl_watch, *wake_watch;
	struct plug_timer *tick;
	char device[16];
};

/* ---- sa.c ---- */

MUST err_t sa_add(struct plane *k, const struct kern_sa *in, struct sa **out);
struct sa *sa_find_in(struct plane *k, uint32_t spi);
/* dst NULL or of family NET_NONE: any. */
struct sa *sa_find(struct plane *k, uint8_t dir, uint32_t spi, const struct net_addr *dst);
/* Takes it out of the tables and puts it back; it stays whole. */
void sa_unlink(struct plane *k, struct sa *s);
void sa_link(struct plane *k, struct sa *s);
/* Of one that is unlinked; keys are wiped. */
void sa_free(struct plane *k, struct sa *s);
/* Arms the next of its time lifetimes. */
void sa_arm(struct plane *k, struct sa *s);
/* The group of a reqid, made when it is new; NULL out of memory. Given back with sa_group_put. */
struct sa_group *sa_group_get(struct plane *k, uint32_t reqid);
void sa_group_put(struct plane *k, struct sa_group *g);
/* The SA a policy sends with: its spi when that lives, else the newest of the reqid; NULL none. */
struct sa *sa_of_policy(const struct policy *p);
/* Counts a packet and looks at the volume limits. */
void sa_count(struct plane *k, struct sa *s, uint32_t bytes);
/* Asks the path MTU when it is time, and what fits into it. `now`: whatever the time. */
void sa_path(struct plane *k, struct sa *s, bool now);
void sa_lifetimes(struct plane *k, uint32_t now_s);
err_t sa_algs(struct plane *k, uint16_t encr_id, uint16_t encr_bits, uint16_t integ_id, const struct encr_ops **encr,
	const struct mac_ops **integ);

/* ---- event.c: what is told to the host, from the loop, never out of the data path or submit ---- */

void event_sa(struct plane *k, struct sa *s, uint8_t bit);
void event_trap(struct plane *k, struct policy *p, const struct ip_pkt *ip);
void event_forget_sa(struct plane *k, struct sa *s);
void event_forget_trap(struct plane *k, struct policy *p);
/* The wake-up of the loop came. */
void event_wake(struct plane *k);
void event_flush(struct plane *k);

/* ---- esp_out.c ---- */

/* The tunnel device is readable. */
void out_read(struct plane *k);
/* Tries the packets of traps again, after policies or SAs came. */
void out_held(struct plane *k);
/* Packets it kept are dropped. */
void out_forget_held(struct policy *p);
MUST err_t lane_init(struct lane *l, uint32_t mtu, const struct plug_host *host);
void lane_fini(struct lane *l);

/* ---- esp_in.c ---- */

void in_batch(struct plane *k, struct in_pkt *v, size_t n);
/* Packets of this SPI that came before its SA. */
void in_unpark(struct plane *k, uint32_t spi);

/* ---- tun.c ---- */

/* Opens the device, not yet up. E_PERM, E_IO, E_EXISTS; says why in the log. */
MUST err_t tun_open(struct plane *k, bool offload);
/* One packet, into `slot` when it fits there, else into lane.large. Returns its length, 0 none; *p tells where it is.
 * *gso: payload of a segment when it has to be cut. Checksums are complete but for that case. */
size_t tun_read(struct plane *k, uint8_t *slot, size_t slot_bytes, uint8_t **p, uint16_t *gso);
/* One packet, at once; counted when it fails. */
void tun_write(struct plane *k, const uint8_t *p, size_t n);
/* One packet whose bytes stay until tun_flush: TCP packets are joined. */
void tun_write_later(struct plane *k, uint8_t *p, const struct ip_pkt *ip);
void tun_flush(struct plane *k);

/* ---- raw.c: ESP and passed packets on raw sockets ---- */

struct raw_fds { int v4, v6; };
/* E_PERM, E_IO. */
MUST err_t raw_open(struct raw **out, uint32_t fwmark);
void raw_close(struct raw *r);
struct raw_fds raw_fds(const struct raw *r);
/* One batch from fd into in_batch. */
void raw_read(struct plane *k, int fd);
/* n ESP packets of one SA. E_SPACE: longer than the path allows. */
err_t raw_send(struct raw *r, const struct net_addr *src, const struct net_addr *dst, const slice *v, size_t n,
	unsigned how);
/* A whole IP packet, as it is, round the tunnel. */
err_t raw_pass(struct raw *r, const struct ip_pkt *ip, slice packet);

/* ---- plugin.c ---- */

void plane_log(struct plane *k, int level, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Says what of an SA or a policy is beyond this plane: E_NOT_SUPPORTED. */
err_t plane_cannot(struct plane *k, const char *it, const char *what);

static inline void plane_count(struct plane *k, enum plane_counter c)
{
	k->ctr[c]++;
}

#endif
