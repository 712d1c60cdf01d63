/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An IKE SA and the exchange it is in: the objects all tasks work on.
 *
 * struct ike_sa is what an established SA needs and nothing else; what only the set-up needs (nonces, first messages,
 * key exchange) is in struct ike_setup and is freed when the SA is up. struct ike_xch is one exchange in flight: one
 * that we started (sa->tx) and one that the peer started (sa->rx); between exchanges there is none.
 *
 * Ownership: SAs live in the engine's slab and are named by handle across waits. An exchange owns its arena, in which
 * the message it works on and all its small pieces live; it is freed as a whole. One thread (the engine's owner).
 */
#ifndef ADIT_IKE_SA_H
#define ADIT_IKE_SA_H

#include "base/arena.h"
#include "base/slab.h"
#include "config/conn.h"
#include "crypto/crypto.h"
#include "crypto/keymat.h"
#include "crypto/suite.h"
#include "ike/timer.h"
#include "wire/frag.h"

struct ike_engine;
struct ike_sa;
struct ike_xch;
struct ike_job;
struct xch_row;
struct child_sa;
struct child_neg;

/* ---- states and facts ---------------------------------------------------------------------------------------- */

enum ike_state {
	IKE_S_NONE = 0, /* before the first message: initiator not yet sent, responder's IKE_SA_INIT being handled */
	IKE_S_INIT_I,   /* initiator: IKE_SA_INIT is out */
	IKE_S_MORE_I,   /* initiator: an additional key exchange is next or out (RFC 9370) */
	IKE_S_AUTH_I,   /* initiator: keys agreed, IKE_AUTH is next or out */
	IKE_S_MORE_R,   /* responder: waits for an additional key exchange */
	IKE_S_AUTH_R,   /* responder: key exchange answered, waits for IKE_AUTH */
	IKE_S_UP,       /* established */
	IKE_S_REKEYED,  /* replaced by a new IKE SA, waits for its delete */
	IKE_S_DELETING, /* our delete is out or queued */
	IKE_S_GONE,     /* to be freed as soon as nobody is inside */
	IKE_S_COUNT
};

/* A state is only reachable when its facts are proven (column `facts` of the exchange table). */
enum ike_fact {
	FACT_COOKIE_OK = 1u << 0,    /* responder: the address is proven by a cookie, or none was asked for */
	FACT_SUITE_OK = 1u << 1,     /* a proposal was agreed on */
	FACT_KE_DONE = 1u << 2,      /* all key exchanges are through */
	FACT_AUTH_SENT = 1u << 3,    /* our AUTH payload went out */
	FACT_PEER_ID_OK = 1u << 4,   /* a connection was found for the peer's identity */
	FACT_PEER_AUTH_OK = 1u << 5, /* the peer's AUTH payload was verified */
	FACT_KE_FIRST = 1u << 7,     /* the first shared secret was computed, SK_* keys exist */
	FACT_REKEYED = 1u << 6       /* keys come from the SA before this one: it was authenticated */
};

enum ike_flag { /* of an SA; readings, not steps */
	SA_NAT_LOCAL = 1u << 0,
	SA_NAT_REMOTE = 1u << 1,
	SA_NAT_FAKE = 1u << 2,      /* conn->encap: we pretend to be behind a NAT */
	SA_NATT = 1u << 3,          /* on port 4500, ESP in UDP */
	SA_PEER_NATD = 1u << 4,     /* the peer sent NAT detection payloads */
	SA_INIT_CONTACT = 1u << 5,  /* INITIAL_CONTACT was received */
	SA_ESP_TFC_OFF = 1u << 6,   /* the peer sent ESP_TFC_PADDING_NOT_SUPPORTED */
	SA_CHILDLESS_OK = 1u << 7,  /* the responder takes IKE_AUTH without a child (RFC 6023) */
	SA_REAUTHING = 1u << 8,     /* a new SA is being made to take over from this one */
	SA_CLOSE_TOLD = 1u << 9,    /* ike-updown (down) was published */
	SA_UP_TOLD = 1u << 10,
	SA_KEEP_QUIET = 1u << 11,   /* end without actions of children (replaced, asked for by an operator) */
	SA_HALF_OPEN = 1u << 12,    /* counts as half-open */
	SA_CONNECTING = 1u << 14,    /* ours as initiator, not up yet: counted */
	SA_FRAG = 1u << 15,          /* both sides can put fragments together (RFC 7383) */
	SA_MOBIKE = 1u << 17,        /* both sides can move (RFC 4555) */
	SA_MOVER = 1u << 18,         /* we set up the first IKE SA: we decide about addresses */
	SA_REDIRECTABLE = 1u << 19,  /* the peer set up the first IKE SA and follows redirects (RFC 5685) */
	SA_FOLLOWS = 1u << 20,       /* we did, and said that we follow */
	SA_PQ = 1u << 16,            /* a post-quantum secret is part of its keys, or of those they come from */
	SA_PPK = 1u << 21,           /* a preshared one (RFC 8784), likewise */
	SA_STANDBY = 1u << 13       /* made by a rekeying that is not decided yet: neither shown nor commanded */
};

/* ---- what an SA is waiting to do ----------------------------------------------------------------------------- */

/* What an exchange is about: one story is three rows in the table (we ask, the peer asks, the answer to us). */
enum ike_story {
	STORY_NONE = 0,
	STORY_INIT,         /* IKE_SA_INIT */
	STORY_MORE,         /* IKE_INTERMEDIATE: an additional key exchange */
	STORY_AUTH,         /* IKE_AUTH with the first child */
	STORY_CHILD_NEW,    /* CREATE_CHILD_SA: a further child */
	STORY_CHILD_REKEY,
	STORY_IKE_REKEY,
	STORY_CHILD_DELETE, /* INFORMATIONAL: D of protocol ESP or AH */
	STORY_IKE_DELETE,   /* INFORMATIONAL: D of protocol IKE */
	STORY_MOVE,         /* INFORMATIONAL: UPDATE_SA_ADDRESSES */
	STORY_REACH,        /* INFORMATIONAL: COOKIE2, is the peer where it says? */
	STORY_REDIRECT,     /* INFORMATIONAL: REDIRECT, the client is to go to another gateway */
	STORY_INFO,         /* INFORMATIONAL: nothing (liveness) or notifies */
	STORY_COUNT
};

/* An exchange of ours that waits for its turn (one request in flight). Owned by the SA's queue, then by the exchange. */
struct ike_work {
	struct ike_work *next;
	uint8_t story;             /* enum ike_story */
	uint8_t proto;             /* of a child: 50, 51 */
	uint8_t tries;             /* times it was put off by TEMPORARY_FAILURE */
	bool from_trap;            /* made by an acquire: ts_local, ts_remote are of the packet */
	bool by_command;           /* of a child: refused when the SA has the same one already */
	bool single_pair;          /* the peer wants one pair of addresses only: that of the packet */
	uint16_t notify;           /* STORY_INFO: error notify to tell, 0 liveness */
	uint16_t ke;               /* method the peer asked for with INVALID_KE_PAYLOAD, 0 our first */
	err_t reason;              /* of a delete: why; goes into the events */
	uint64_t cmd_id;           /* command that waits for it, 0 none */
	uint64_t not_before_ms;    /* put off until */
	uint64_t child_unique;     /* child to rekey or delete */
	uint32_t reqid;            /* of the trap or of the child that it replaces, 0 new */
	struct conf_conn *conn;    /* of `child`; reference held */
	const struct conf_child *child; /* child to make; lives in conn */
	struct ts_sel ts_local, ts_remote;
	struct wire_gateway *gateway; /* of STORY_REDIRECT; owned */
};

/* ---- set-up -------------------------------------------------------------------------------------------------- */

/* A key exchange of ours: from the offer to the shared secret. Moves into a job and back (ike/job.h). */
struct ike_ke {
	const struct kex_ops *ops;
	uint16_t id;
	struct secret ctx; /* the provider's context between offer and finish */
	uint8_t *pub;      /* our public value, ours to free */
	uint16_t pub_len;
	struct secret ss;  /* the shared secret when done */
};

#define IKE_NONCE_LEN 32
#define IKE_COOKIE_MAX 64

struct ike_setup {
	struct ike_ke ke;
	uint8_t nonce[IKE_NONCE_LEN];            /* ours */
	uint8_t peer_nonce[WIRE_NONCE_MAX];
	uint16_t peer_nonce_len;
	uint8_t prop_num;                        /* responder: number of the peer's proposal that was chosen */
	uint16_t ke_id;                          /* responder: for the answer; the secret part is gone by then */
	slice ke_pub;                            /* in the exchange's arena */
	uint16_t kes[SUITE_EXTRA_KES];           /* additional key exchanges in their order */
	uint8_t n_kes, ke_at;
	struct ike_keys next_keys;               /* responder: of the peer's next request; empty: those of the SA */
	struct ike_keys plain_keys;              /* those of the SA before a PPK was mixed in; empty: none was (ike/ppk.h) */
	bool ppk_offered, peer_ppk, ppk_aside;   /* USE_PPK was sent; went both ways; AUTH is just made without it */
	uint32_t int_mid;                        /* message ID of IKE_AUTH after IKE_INTERMEDIATE, 0 there was none */
	uint8_t int_auth[2 * CRYPTO_MAC_MAX + 4]; /* IntAuth_i | IntAuth_r | that ID (RFC 9242) */
	uint16_t want_ke;                        /* method asked for by INVALID_KE_PAYLOAD, 0 our first */
	uint8_t ke_retries, cookie_retries;
	uint8_t cookie[IKE_COOKIE_MAX];
	uint8_t cookie_len;
	uint32_t tried;                          /* keyingtries: how often, this one included */
	uint32_t peer_hashes;                    /* SIGNATURE_HASH_ALGORITHMS of the peer: 1 << number; 0 none (RFC 7427) */
	bool peer_asked, peer_http, peer_ocsp;   /* a CERTREQ for X.509 came; hash and URL are taken; OCSP is asked for */
	uint8_t *peer_cas;                       /* its CAs, 20 bytes each */
	uint32_t peer_cas_len;
	uint8_t *init_mine, *init_peer;          /* IKE_SA_INIT messages as on the wire, for AUTH */
	uint32_t init_mine_len, init_peer_len;
	uint64_t init_hash;                      /* responder: tells a retransmitted request from another */
	struct net_addr init_from;               /* responder: key of the table of half-open SAs */
	uint16_t remote_at;                      /* which of conn->remote_addrs is being tried */
};

/* ---- the SA --------------------------------------------------------------------------------------------------- */

/* The identity of one end: type and payload bytes, heap. */
struct ike_id {
	uint8_t *data;
	uint16_t n;
	uint8_t type;
};

/* A message kept to be sent again: one datagram, or its fragments one behind the other. Heap, one piece. */
struct ike_packet {
	uint64_t of; /* of an answer: seeded hash of its request, to tell that one from a forgery with its message ID */
	uint32_t n;
	uint16_t pieces;
	uint8_t again; /* of an answer: how often it was sent again, up to 255 */
	bool cut_anew; /* it has been tried to cut it smaller */
	uint8_t b[];
};

/* The datagram at *at (from 0), which moves behind it; empty at the end. */
static inline slice ike_packet_piece(const struct ike_packet *p, size_t *at)
{
	struct rd r = rd_of(slice_of(p->b, p->n));

	rd_bytes(&r, *at + 24);
	slice piece = slice_of(p->b + *at, rd_u32(&r));
	if (r.err || piece.n < IKE_HDR_LEN || piece.n > p->n - *at)
		return SLICE_NONE;
	*at += piece.n;
	return piece;
}

/* Place in a list of SAs that share a key (index.c). */
struct ike_link {
	struct ike_sa *prev, *next;
	uint64_t key; /* 0: in no list */
};

/* What happened to an SA: static texts only, so that the ring costs 128 bytes. */
#define IKE_RING 8
struct ike_ring {
	const char *text;
	uint64_t at_ms;
};

struct ike_sa {
	handle h;
	uint64_t unique;
	uint64_t spi_i, spi_r;
	uint8_t state; /* enum ike_state; changed by ike_state_set alone */
	bool initiator; /* of this SA: our flag in the header */
	uint8_t busy;  /* depth of calls that are inside; an SA in state GONE ends for good at 0 */
	uint8_t ring_at;
	uint32_t facts, flags;
	struct net_addr local, remote; /* with ports */
	struct conf_conn *conn;        /* reference held; the version the SA was made with. Responder before IKE_AUTH:
	                                * the best candidate by address */
	struct suite suite;
	struct crypto_algs algs;
	struct ike_keys keys;
	uint64_t iv_counter;
	uint32_t tx_mid;               /* next message ID of ours */
	uint32_t rx_mid;               /* the peer's next */
	struct ike_xch *tx, *rx;       /* ours and the peer's exchange in flight */
	struct ike_xch *parked;        /* of the peer, waits for its next key exchange (ike/followup.h) */
	struct ike_packet *answer;     /* the last response sent, for a request that comes again */
	struct ike_half *half;         /* fragments of a request that is not whole yet (ike/fragment.h) */
	struct ike_inbox *inbox;       /* messages that wait while an exchange waits */
	struct ike_work *work, **work_end;
	struct ike_setup *setup;       /* NULL once established */
	struct ike_id local_id, remote_id;
	struct child_sa *children;     /* list; the child part's */
	struct ike_vips *vips;         /* virtual addresses (ike/vips.h), NULL none */
	struct ike_peer_addrs *peer_addrs; /* further addresses of the peer (t_mobike.c), or NULL */
	struct ike_redir *redir;       /* the redirects that led here (ike/redirect.h), or NULL */
	struct ike_link ids, peers;
	handle replaces;               /* the SA this one takes over from when it is up (re-authentication) */
	handle heir;                   /* the SA that starts when this one has ended (re-authentication, break first) */
	err_t end_err;                 /* state GONE: why it ends, and what is said about it */
	char *end_text;                /* owned */
	bool end_by_peer;
	struct ike_timer t_life;       /* half-open limit, then rekey, re-authentication, hard end: the first of them */
	struct ike_timer t_alive;      /* DPD and NAT keepalive: the first of them */
	struct ike_timer t_work;       /* queued work that was put off */
	struct ike_timer t_answer;     /* release of `answer` */
	uint64_t rekey_ms, reauth_ms, end_ms; /* absolute; 0 none */
	uint64_t expire_ms;            /* the certificates of the peer end then (close_on_expiry); 0 never */
	uint64_t established_ms, created_ms;
	uint64_t valid_until_s;        /* wall clock: end of the certificates the peer came with, 0 never */
	void *peer;                    /* what the host keeps about them (struct ike_trusted); given back by env.peer_free */
	uint64_t last_in_ms;           /* last authenticated message of the peer */
	uint64_t last_out_ms;          /* last datagram of ours (keepalive) */
	struct ike_ring ring[IKE_RING];
};

/* ---- one exchange ---------------------------------------------------------------------------------------------- */

enum xch_dir { XCH_TX_REQUEST = 0, XCH_RX_REQUEST, XCH_RX_RESPONSE, XCH_DIR_COUNT };
enum xch_stage { XCH_CHECK = 0, XCH_APPLY, XCH_EMIT, XCH_IDLE };

struct ike_xch {
	struct ike_engine *e;
	struct ike_sa *sa;
	const struct xch_row *row;
	uint8_t dir;          /* enum xch_dir; TX_REQUEST becomes RX_RESPONSE when the answer is here */
	uint8_t story, exchange;
	uint8_t stage, task;  /* where it is; resumed there after a wait */
	bool vips_none;       /* RX_REQUEST: the peer asked for a virtual address and gets none */
	bool more;            /* a further round follows: the row's `more` is the state, not `to` */
	bool waiting;         /* for `job` or the kernel */
	bool for_kern;        /* what it waits for is the kernel */
	bool kern_ready;      /* kern_res is the kernel's answer (ike_kern) */
	bool for_cred;        /* what it waits for are the credentials (ike/ask.h) */
	bool for_name;        /* what it waits for is the address of a name (ike/redirect.h) */
	struct ike_turn *turn; /* the client goes to another gateway (ike/redirect.h); NULL: it stays */
	struct ike_proof *proof; /* of IKE_AUTH: how far authentication is, in the arena */
	uint32_t mid;
	uint32_t serial;      /* unlike that of every other exchange of this engine: results name it */
	struct ike_msg *in; /* the peer's message: request (RX_REQUEST) or answer (RX_RESPONSE); in in_arena */
	uint64_t in_hash;     /* RX_REQUEST: seeded hash of the datagram */
	slice in_bytes;       /* the whole datagram, for AUTH; in in_arena */
	size_t in_piece;      /* RX_REQUEST: bytes of its largest fragment, 0 it came whole */
	struct net_addr in_local, in_remote; /* where the peer's message came to and from */
	slice cookie2;        /* TX: in the arena */
	slice in_plain;       /* what was inside SK, whole; in in_arena */
	uint8_t in_first;     /* its first payload */
	struct frag_set frags; /* TX: fragments of the answer that are here */
	struct arena arena;
	struct arena in_arena; /* emptied for each message: forged answers cannot use up what the true one needs */
	uint64_t token;       /* of what it waits for */
	struct ike_job *job;  /* finished job, until its result is taken */
	err_t kern_res;
	struct child_neg *neg; /* the child part's state of this exchange; its tasks' drop releases what it holds */
	struct ike_work *work; /* TX: what asked for it; owned */
	/* Why it was rejected: set by ike_reject and ike_close. */
	err_t err;
	uint16_t notify;      /* to send, 0 none */
	slice notify_data;
	uint32_t notify_spi;   /* the child SA it is about, as the peer named it, with notify_proto (wire); 0 none */
	uint8_t notify_proto;
	const char *why;      /* in the arena */
	struct ike_timer timer; /* TX: retransmission; both: how long a wait may last */
	/* TX: retransmission */
	struct ike_packet *packet;
	uint32_t sent;        /* how often */
	const char *unsent;   /* why the last try did not leave this host, in the arena; NULL: it did, as far as we know */
	bool doubtful;        /* an unprotected refusal came: given up at the next time-out unless a real answer comes */
	struct ike_xch *next_free;
};

#endif
