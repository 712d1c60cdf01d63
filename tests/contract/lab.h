/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bench of the kernel plugins' contract: two hosts, A and B, each a network namespace with an instance of the plugin
 * as the daemon would load it, a wire between them, and packets that are sent, looked at, sent again and spoilt.
 *
 *   A: outer 198.51.100.1, fd0a::1 (dev wire)   inner 10.1.0.1, fd01::1 (dev lo)
 *   B: outer 198.51.100.2, fd0a::2              inner 10.2.0.1 … 10.2.0.9, fd02::1
 *
 * The whole bench is one thread that steps from one namespace into the other. Nothing of it outlives the process.
 */
#ifndef ADIT_CONTRACT_LAB_H
#define ADIT_CONTRACT_LAB_H

#include "plugin/abi.h"

#include <sys/types.h>

enum { LAB_A, LAB_B, LAB_SIDES, LAB_EVENTS = 64, LAB_LIVE = 64, LAB_WATCHES = 16, LAB_TIMERS = 8, LAB_TEXT = 512,
	LAB_MARK = 0x77, LAB_PORT = 4000, FRAME_MAX = 2048, NATT = 4500, NATT_OTHER = 4501 };

struct plug_watch {
	int fd, events;
	void (*cb)(void *arg, int fd, int events);
	void *arg;
};

struct plug_timer {
	uint64_t due_ms, every_ms;
	void (*cb)(void *arg);
	void *arg;
};

struct lab_side {
	struct lab *lab;
	int ns;                /* its namespace */
	struct plug_host host;
	void *self;            /* of the plugin, NULL: not started */
	struct kern_event ev[LAB_EVENTS];
	size_t n_ev;
	char said[LAB_TEXT];   /* the last line of the plugin's log at level 0 or 1 */
	unsigned n_said;
	struct plug_watch watch[LAB_WATCHES];
	struct plug_timer timer[LAB_TIMERS];
	int udp[2];            /* ports NATT and NATT_OTHER, as the daemon's IKE sockets */
	struct kern_op live[LAB_LIVE]; /* what was added and not deleted */
	size_t n_live;
};

struct lab {
	struct lab_side side[LAB_SIDES];
	const struct plug_desc *desc, *crypto;
	const struct kern_ops *ops;
	uint32_t caps;
	bool moves;            /* packets */
	bool in_kernel;        /* the kernel's own IPsec does the work */
	uint32_t next_spi;
	char state[64];        /* folder of files a plugin keeps */
	char why[LAB_TEXT];    /* what went wrong in a row */
	err_t refused;         /* the first refusal of the plugin in this row */
};

/* NULL: done; else the reason it cannot be had here (a skip). */
const char *lab_open(struct lab *l, const struct plug_desc *desc, const struct plug_desc *crypto);
void lab_close(struct lab *l);
const char *lab_start(struct lab *l, int side);
void lab_stop(struct lab *l, int side);
void lab_enter(struct lab *l, int side);
/* A shell command in the side's namespace; its exit status. */
int lab_sh(struct lab *l, int side, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Notes why the row has failed; false. */
bool lab_fail(struct lab *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Lets timers and sockets of both sides run. */
void lab_run(struct lab *l, unsigned ms);
uint64_t lab_now_ms(void);

/* ---- the plugin ---- */

err_t lab_submit(struct lab *l, int side, struct kern_op *ops, size_t n);
/* Deletes what rows have added and not deleted. */
void lab_clear(struct lab *l);
/* Waits for it, half a minute at most. */
bool lab_event(struct lab *l, int side, uint8_t type, uint64_t cookie);
bool lab_usage(struct lab *l, int side, uint8_t dir, uint32_t spi, struct kern_usage *out);

/* ---- tunnels ---- */

struct tun {
	uint8_t proto, mode, outer, inner;
	bool mixed;                  /* IPv4 and IPv6 inside */
	bool esn, encap, comp;
	uint32_t window;
	uint16_t encr, bits, integ;
	uint32_t reqid;
	void (*sa)(struct kern_sa *s, int side);      /* changes what is asked for, or NULL */
	void (*pol)(struct kern_policy *p, int side);
	struct kern_life life;       /* of A's outbound SA */
	uint32_t spi[LAB_SIDES];     /* of the SA into that side; made by tun_up */
};

struct tun tun_default(void);
/* Both sides get SAs and policies. False: refused or failed, see l->why and l->refused. */
bool tun_up(struct lab *l, struct tun *t);
/* Takes away just this one. */
bool tun_down(struct lab *l, const struct tun *t);
void tun_policy(const struct tun *t, int side, uint8_t dir, uint8_t family, struct kern_policy *out);
void tun_sa(const struct tun *t, int side, uint8_t dir, struct kern_sa *out);
struct net_addr lab_addr(int side, bool inner, uint8_t family, unsigned n);

/* ---- packets ---- */

struct talk {
	int from;
	uint8_t family;
	unsigned dst;       /* which inner address of the far side; 0: the first */
	bool outer;         /* between the outer addresses */
	uint16_t port;      /* 0: LAB_PORT */
	unsigned n, size;   /* packets and bytes in each */
	uint32_t mark;
	uint8_t tos;
	const char *dev;    /* SO_BINDTODEVICE */
	unsigned quiet_ms;  /* how long to wait when none are expected; 0: until all came or 3 s have passed */
	const uint8_t *inject; /* an IP packet put on the wire to B once all is ready, NULL none */
	size_t inject_len;
	uint32_t got_mark;  /* out: SO_MARK of the last packet that came */
};

/* How many arrived. */
unsigned lab_talk(struct lab *l, struct talk *t);

/* Frames as they come to B over the wire. */
struct sniff {
	int fd, ifindex;
};
struct sniff sniff_open(struct lab *l);
/* The next frame with ESP, AH or ESP in UDP: from its IP header on; 0: none within ms. */
size_t sniff_next(struct lab *l, const struct sniff *s, uint8_t *p, unsigned ms);
/* Puts a frame's IP packet on the wire again, towards B. */
void sniff_send(struct lab *l, const uint8_t *ip, size_t n);
void sniff_close(const struct sniff *s);

/* ---- rows.c ---- */

enum { ROW_MOVES = 1, ROW_KERNEL = 2, ROW_KEEPS = 4, ROW_GIVEN = 8 };

struct row {
	const char *name;
	uint32_t caps;      /* declared: all of these */
	uint32_t window;    /* and a replay window of this many packets */
	uint32_t flags;     /* ROW_MOVES: means nothing without packets, ROW_KERNEL: only of planes in the kernel,
			       ROW_KEEPS: of planes that can leave their state, ROW_GIVEN: nothing one asks for, so
			       that it cannot be refused */
	bool (*fn)(struct lab *l, const struct row *r);
	uint32_t arg;
};

extern const struct row contract_rows[];
extern const size_t n_contract_rows;
bool row_declared(const struct row *r, const struct kern_ops *ops, uint32_t caps);

#endif
