/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THE public plugin header: everything a plugin of Adit may use. Installed as <adit/plugin/abi.h>.
 *
 * A plugin is one shared object that exports one symbol, `adit_plugin` (ADIT_PLUGIN below). aditd loads it with
 * RTLD_NOW | RTLD_LOCAL before its sandbox closes, checks magic and ABI (the major must be equal; a minor only appends
 * to structs, and every struct that crosses the border carries its size), resolves what each feature needs, runs its
 * known-answer tests and only then offers it. What fails is left out with one clear line, never a crash.
 *
 * Threads: start, stop and reconfigure are called on the loop thread. Crypto functions may be called from any thread,
 * at the same time for different contexts, and never wait. Kernel functions are called on the loop thread and may
 * answer later. Memory that a plugin allocates it frees itself; nothing of the host is freed by a plugin.
 */
#ifndef ADIT_PLUGIN_ABI_H
#define ADIT_PLUGIN_ABI_H

#include "../base/err.h"
#include "../base/netaddr.h"
#include "../base/slice.h"

#define ADIT_ABI_MAGIC 0x41444954u /* "ADIT" */
#define ADIT_ABI_MAJOR 1
#define ADIT_ABI_MINOR 1

enum plug_kind {
	PLUG_ENCR = 1,  /* id: IANA transform type 1, arg: key bits (without salt)  ops: encr_ops */
	PLUG_INTEG,     /* id: IANA transform type 3                                ops: mac_ops */
	PLUG_PRF,       /* id: IANA transform type 2                                ops: mac_ops */
	PLUG_HASH,      /* id: IANA IKEv2 hash algorithms, PLUG_HASH_*              ops: hash_ops */
	PLUG_KEX,       /* id: IANA transform type 4                                ops: kex_ops */
	PLUG_SIGN,      /* id: enum plug_sign_id, arg: ECDSA the KE group of the curve  ops: sign_ops */
	PLUG_RNG,       /* id: 0                                                    ops: rng_ops */
	PLUG_KERNEL_SA, /* id: 0                                                    ops: kern_ops */
	PLUG_KERNEL_NET, /* id: 0                                                   ops: knet_ops */
	PLUG_CRED,      /* id: enum plug_cred_id                                    ops: cred_ops (plugin/abi_cred.h) */
	PLUG_CERT_VERIFY, /* id: 0                                              ops: cert_ops (plugin/abi_cert.h) */
	PLUG_FETCH,     /* id: 0                                                    ops: fetch_ops (plugin/abi_cred.h) */
	PLUG_AUTH,      /* reserved */
	PLUG_EAP,       /* reserved */
	PLUG_LOG,       /* id: 0                                                    ops: log_ops */
	PLUG_ATTR,      /* reserved */
	PLUG_DECIDE,    /* reserved */
	PLUG_LISTEN,    /* id: 0                                                    ops: listen_ops */
	PLUG_API,       /* reserved */
	PLUG_KIND_END
};

struct plug_feat {
	uint16_t kind; /* enum plug_kind; 0 ends a list */
	uint16_t id;
	uint16_t arg;
};

/* One known-answer test. `op` tells what is computed; the meaning of the fields by kind:
 *   encr  key, nonce = salt, iv, aad, in = plain text, out = cipher text followed by the ICV (both directions are tried)
 *   mac   key, in, out (integ: truncated as on the wire)
 *   hash  in, out
 *   kex   key = private value of ours as kex_ops.test_private takes it, in = the peer's public value, out = secret
 *   sign  key = public key, aad = private key (empty: only verified), in = message, out = signature, how */
struct sign_how {
	uint16_t hash;     /* IANA IKEv2 hash algorithm or PLUG_HASH_*; not looked at for EdDSA */
	uint16_t mgf_hash; /* RSA PSS: hash of MGF1; 0: as hash */
	uint16_t salt_len; /* RSA PSS: exact length of the salt in bytes */
};
struct plug_kat {
	slice key, salt, iv, aad, in, out;
	struct sign_how how;
};

struct plug_feat_row {
	struct plug_feat is;
	int16_t prio;                   /* several providers: the configuration's order, else speed, else this */
	const struct plug_feat *needs;  /* ends with kind 0; NULL none: without one of these the feature is left out */
	const struct plug_feat *likes;  /* as needs, but only orders the start */
	const void *ops;                /* function table of the kind; its first member is its size */
	const struct plug_kat *kats;    /* every one has to pass */
	size_t n_kats;
	uint32_t flags;                 /* PLUG_WEAK… */
};

enum { PLUG_WEAK = 1 }; /* offered only when a configuration asks for it by name */

/* One configuration key of the plugin, below `aditd { plugins { NAME { … } } }`. */
enum plug_conf_type { PLUG_CONF_BOOL = 1, PLUG_CONF_INT, PLUG_CONF_STRING, PLUG_CONF_PATH, PLUG_CONF_TIME_S };
struct plug_conf_key {
	const char *key;    /* NULL ends the list; "*" stands for any name of a subsection (log files) */
	uint8_t type;       /* enum plug_conf_type */
	int64_t min, max;   /* of INT and TIME_S */
	const char *def;    /* default as it would be written */
	const char *doc;    /* one sentence, with unit */
};

/* Seconds of a value of PLUG_CONF_TIME_S as plug_host.conf gives it ("90", "5m"); NULL: 0. */
static inline uint64_t plug_conf_time_s(const char *v)
{
	uint64_t n = 0;

	for (; v && *v >= '0' && *v <= '9'; v++)
		n = n * 10 + (uint64_t)(*v - '0');
	return n * (!v ? 1 : *v == 'm' ? 60 : *v == 'h' ? 3600 : *v == 'd' ? 86400 : 1);
}

struct plug_host;

struct plug_desc {
	uint32_t magic; /* ADIT_ABI_MAGIC */
	uint32_t size;  /* sizeof(struct plug_desc) as the plugin was built */
	uint16_t abi_major, abi_minor;
	const char *name;    /* a-z 0-9 -, equal to the file's name without ".so" */
	const char *version;
	const char *summary; /* one line */
	const struct plug_feat_row *feats;
	size_t n_feats;
	const struct plug_conf_key *conf; /* or NULL */
	/* *self is the plugin's own state, given back in every later call. Features that need a start are offered after it. */
	err_t (*start)(const struct plug_host *host, void **self);                    /* may be NULL */
	err_t (*reconfigure)(void *self, const struct plug_host *host);               /* may be NULL */
	void (*stop)(void *self);                                                     /* may be NULL */
};

#define ADIT_PLUGIN \
	__attribute__((visibility("default"))) extern const struct plug_desc adit_plugin; \
	const struct plug_desc adit_plugin
#define ADIT_PLUGIN_HEAD .magic = ADIT_ABI_MAGIC, .size = sizeof(struct plug_desc), .abi_major = ADIT_ABI_MAJOR, \
	.abi_minor = ADIT_ABI_MINOR

/* ---- crypto ------------------------------------------------------------------------------------------------- */

/* One packet, in place. For an AEAD `icv` is written by seal and compared (constant time) by open. For CBC `len` is a
 * multiple of the block. */
struct encr_op {
	const uint8_t *iv; /* iv_len bytes, as on the wire */
	slice aad;
	uint8_t *buf;
	size_t len;
	uint8_t *icv;
	err_t res; /* set by the plugin: 0, E_INTEGRITY, E_CRYPTO */
};

struct encr_ops {
	uint32_t size;
	uint16_t key_len;   /* bytes, without salt */
	uint8_t salt_len;   /* bytes of keying material behind the key (RFC 4106: 4) */
	uint8_t iv_len;     /* bytes on the wire */
	uint8_t icv_len;    /* 0: not an AEAD */
	uint8_t block_len;  /* what `len` has to be a multiple of; 1 for counter modes */
	uint32_t ctx_size;  /* bytes the caller provides, 16-byte aligned */
	uint64_t max_packets; /* with one key; 0 no limit beside the algorithm's own (crypto/limits.h) */
	uint64_t max_bytes;
	err_t (*init)(void *ctx, slice key, slice salt);
	void (*seal)(void *ctx, struct encr_op *v, size_t n);
	void (*open)(void *ctx, struct encr_op *v, size_t n);
	void (*fini)(void *ctx); /* wipes */
};

/* A keyed MAC: integrity algorithms (out_len is the truncated length) and PRFs (out_len is the full length). */
struct mac_ops {
	uint32_t size;
	uint16_t key_len;   /* fixed length of integrity keys; preferred length of a PRF */
	uint16_t out_len;
	uint32_t ctx_size;
	err_t (*init)(void *ctx, slice key); /* a PRF takes any key length */
	/* MAC over the n pieces in order, to out_len bytes. The context can be used again afterwards. */
	err_t (*mac)(void *ctx, const slice *v, size_t n, uint8_t *out);
	void (*fini)(void *ctx);
};

/* Hashes without an IANA number of IKEv2 (5 is "identity": EdDSA hashes by itself). */
enum {
	PLUG_HASH_SHA1 = 1, PLUG_HASH_SHA256 = 2, PLUG_HASH_SHA384 = 3, PLUG_HASH_SHA512 = 4, PLUG_HASH_IDENTITY = 5,
	PLUG_HASH_MD5 = 0x8001, PLUG_HASH_SHA224, PLUG_HASH_SHA512_224, PLUG_HASH_SHA512_256,
	PLUG_HASH_SHA3_224 = 0x8010, PLUG_HASH_SHA3_256, PLUG_HASH_SHA3_384, PLUG_HASH_SHA3_512,
	PLUG_HASH_SHAKE128, /* 32 bytes of output */
	PLUG_HASH_SHAKE256  /* 64 bytes of output */
};

struct hash_ops {
	uint32_t size;
	uint16_t out_len;
	err_t (*digest)(const slice *v, size_t n, uint8_t *out);
};

/* Key exchange: one shape for Diffie-Hellman and KEMs (RFC 9370). offer() makes the initiator's value, answer() the
 * responder's together with the secret, finish() the initiator's secret. Public values are checked (RFC 6989):
 * E_BAD_PUBLIC. The secret is written to `ss` (secret_len bytes). */
struct kex_ops {
	uint32_t size;
	uint16_t pub_i_len, pub_r_len, secret_len;
	uint32_t ctx_size;
	err_t (*offer)(void *ctx, uint8_t *pub_i);
	err_t (*answer)(slice pub_i, uint8_t *pub_r, uint8_t *ss);
	err_t (*finish)(void *ctx, slice pub_r, uint8_t *ss);
	void (*fini)(void *ctx); /* wipes; also after a failed offer */
	/* For known-answer tests; each may be NULL when the library cannot. test_private: ctx from a given private value
	 * (ML-KEM: the seed d | z, or the expanded decapsulation key). test_public: our public value of a ctx.
	 * test_answer: answer() with given randomness. test_export: the expanded private key (ML-KEM), *n bytes. */
	err_t (*test_private)(void *ctx, slice priv);
	err_t (*test_public)(void *ctx, uint8_t *pub);
	err_t (*test_answer)(slice pub_i, slice random, uint8_t *pub_r, uint8_t *ss);
	err_t (*test_export)(void *ctx, uint8_t *out, size_t cap, size_t *n);
};

/* Signatures. An ECDSA feature is one curve (arg: its KE group, 19 is P-256); RSA and EdDSA have arg 0. */
enum plug_sign_id {
	PLUG_SIGN_RSA_PKCS1 = 1, /* RSASSA-PKCS1-v1_5 */
	PLUG_SIGN_RSA_PSS,
	PLUG_SIGN_ECDSA,         /* signature: DER of r and s (RFC 7427, certificates) */
	PLUG_SIGN_ECDSA_RAW,     /* signature: r | s, each as long as the order (RFC 4754) */
	PLUG_SIGN_ED25519,
	PLUG_SIGN_ED448
};

/* A context is a public key (load_public) or a private one (load_private, which also verifies). Encodings are strict:
 * DER only, named curves and uncompressed points only, no parameters that do not belong there. Any error of a key is
 * E_BAD_VALUE, a key or hash the library does not do is E_NOT_SUPPORTED; fini wipes and is right after every failure. */
struct sign_ops {
	uint32_t size;
	uint32_t ctx_size;
	uint16_t sig_max;   /* longest signature, bytes */
	err_t (*load_public)(void *ctx, slice spki);   /* SubjectPublicKeyInfo */
	err_t (*load_private)(void *ctx, slice pkcs8); /* PrivateKeyInfo, not encrypted; NULL: the library cannot sign */
	/* The message is n pieces in order. *len is the room at `out` and then the length of the signature. E_SPACE. */
	err_t (*sign)(void *ctx, const struct sign_how *how, const slice *v, size_t n, uint8_t *out, size_t *len);
	err_t (*verify)(void *ctx, const struct sign_how *how, const slice *v, size_t n, slice sig); /* E_AUTH_FAILED */
	void (*fini)(void *ctx); /* wipes */
};

struct rng_ops {
	uint32_t size;
	err_t (*fill)(uint8_t *out, size_t n);
};

/* ---- kernel: SAs, policies, routes -------------------------------------------------------------------------- */

enum { KERN_IN = 0, KERN_OUT = 1, KERN_FWD = 2 };
enum kern_mode { KERN_TUNNEL = 1, KERN_TRANSPORT = 2, KERN_BEET = 3 };
enum kern_action { KERN_PROTECT = 0, KERN_PASS = 1, KERN_DROP = 2, KERN_TRAP = 3 };
enum { KERN_COPY_DF_YES = 0, KERN_COPY_DF_SET = 1, KERN_COPY_DF_CLEAR = 2 };
enum { KERN_DSCP_OUT = 1, KERN_DSCP_IN = 2 };

struct kern_life {
	uint64_t soft_s, hard_s; /* seconds since installation; 0 none */
	uint64_t soft_bytes, hard_bytes;
	uint64_t soft_packets, hard_packets;
};

struct kern_sa {
	uint8_t dir;   /* KERN_IN, KERN_OUT */
	uint8_t proto; /* 50 ESP, 51 AH */
	uint8_t mode;  /* enum kern_mode */
	bool esn;
	uint32_t spi;  /* host order */
	uint32_t reqid;
	struct net_addr src, dst; /* outer; ports are those of the UDP encapsulation */
	bool encap;               /* UDP encapsulation, RFC 3948 */
	uint16_t encr_id, encr_bits, integ_id;
	slice encr_key;  /* with salt; borrowed for the call */
	slice integ_key;
	uint32_t replay_window; /* packets, 0 off */
	struct kern_life life;
	uint16_t tfc_pad;       /* pad plain packets to this many bytes (0 off, 65535 to the MTU) */
	uint8_t copy_df, copy_dscp;
	bool copy_ecn;
	uint32_t mark_in, mark_in_mask, mark_out, mark_out_mask, if_id;
	const struct ts_sel *local_ts, *remote_ts; /* for the check of decrypted packets; borrowed */
	uint16_t n_local_ts, n_remote_ts;
	uint64_t cookie; /* names the child SA in kern_event */
	/* Since 1.1 */
	uint32_t set_mark, set_mark_mask; /* on packets after the SA has worked on them; mask 0: not */
	bool mark_sa;      /* an inbound SA is only found by packets with mark_in */
	bool sha256_96;    /* HMAC-SHA-256 cut to 96 bits, as old kernels had it */
	uint8_t offload;   /* enum kern_offload */
	uint16_t cpi;      /* ADD: with an IPComp SA (deflate) of this CPI inside, 0 without; DEL takes both away */
};

enum kern_offload { KERN_OFFLOAD_NO = 0, KERN_OFFLOAD_AUTO, KERN_OFFLOAD_CRYPTO, KERN_OFFLOAD_PACKET };

struct kern_policy {
	uint8_t dir;
	uint8_t action; /* enum kern_action */
	uint8_t mode;
	uint8_t proto;
	uint32_t reqid, spi; /* of the outbound SA; 0 any with the reqid */
	struct ts_sel local, remote;
	struct net_addr src, dst; /* outer */
	uint32_t priority;        /* lower wins; 0: from the selectors */
	uint32_t mark, mark_mask, if_id;
	bool route;               /* make the route and rule this policy needs */
	struct net_addr source_ip;/* preferred source of that route, NET_NONE none */
	char interface[16];       /* outbound interface of the policy, "" any */
	uint64_t cookie;          /* names the child configuration of a trap in kern_event */
	/* Since 1.1 */
	bool ipcomp;              /* its SAs are bundled with an IPComp SA */
	bool bare;                /* PROTECT: packets need not have come through an SA, only the priority counts */
	uint8_t offload;          /* KERN_OFFLOAD_PACKET: the network card applies it, as it does to the SAs; else NO */
};

enum kern_verb { KERN_SA_ADD = 1, KERN_SA_UPDATE, KERN_SA_DEL, KERN_POLICY_ADD, KERN_POLICY_DEL };

struct kern_op {
	uint8_t verb;
	err_t res; /* set by the plugin */
	union {
		struct kern_sa sa;      /* ADD; UPDATE changes src, dst, encap of (spi, dir); DEL looks at dir, proto, spi, dst */
		/* A policy is named by dir, selectors, mark, if_id, priority. A name may be added again (a tunnel above a
		 * trap, a new tunnel beside the old): the newest is in effect; DEL takes away the newest with the same
		 * reqid and action, else the newest. */
		struct kern_policy pol;
	};
};

struct kern_usage {
	uint64_t bytes, packets;
	uint64_t use_time_s; /* seconds since the last packet; UINT64_MAX never */
	uint64_t replay_drops, icv_fails, policy_drops, other_drops;
};

enum kern_event_type {
	KERN_EV_ACQUIRE = 1, /* a packet hit a trap: local, remote (of the packet), cookie */
	KERN_EV_EXPIRE_SOFT, /* spi, dir, cookie */
	KERN_EV_EXPIRE_HARD,
	KERN_EV_MAPPING,     /* a packet of a known SA came from a new address: spi, cookie, peer */
	KERN_EV_LINK         /* addresses or routes of the host changed */
};

struct kern_event {
	uint8_t type, dir, proto;
	uint32_t spi;
	uint64_t cookie;
	struct ts_sel local, remote;
	struct net_addr peer;
};

/* A UDP payload as it came. The plugin may change the bytes (it decrypts in place), only during the call. */
struct kern_udp {
	const struct net_addr *local, *remote;
	uint8_t *p;
	size_t n;
	uint8_t tos; /* TOS or traffic class of the IP header (for ECN), 0 when unknown */
};

enum { /* kern_ops.caps */
	KERN_CAP_ESN = 1u << 0, KERN_CAP_ENCAP = 1u << 1, KERN_CAP_RAW_ESP = 1u << 2, KERN_CAP_TRANSPORT = 1u << 3,
	KERN_CAP_BEET = 1u << 4, KERN_CAP_AH = 1u << 5, KERN_CAP_TRAP = 1u << 6, KERN_CAP_TFC = 1u << 7,
	KERN_CAP_IF_ID = 1u << 8, KERN_CAP_MARK = 1u << 9, KERN_CAP_ROUTE = 1u << 10,
	KERN_CAP_SOCKETS = 1u << 11, /* the host makes its IKE sockets bypass the policies and take ESP in UDP */
	KERN_CAP_IPCOMP = 1u << 12, KERN_CAP_SET_MARK = 1u << 13, /* set_mark, mark_sa */
	KERN_CAP_OFFLOAD = 1u << 14, KERN_CAP_FWD = 1u << 15,     /* KERN_FWD policies are looked at */
	KERN_CAP_SHA256_96 = 1u << 16,
	KERN_CAP_MOVE = 1u << 17,        /* KERN_SA_UPDATE; without it the engine makes new SAs when addresses change */
	KERN_CAP_MIXED = 1u << 18,       /* IPv4 and IPv6 in one SA */
	KERN_CAP_PORT_RANGES = 1u << 19, /* selectors with more than one port and less than all */
	KERN_CAP_INTERFACE = 1u << 20,   /* kern_policy.interface */
	KERN_CAP_DROPS = 1u << 21,       /* kern_usage tells replays and failed ICVs */
	KERN_CAP_DSCP_OFF = 1u << 22,    /* copy_dscp without KERN_DSCP_OUT is honoured */
	KERN_CAP_NULL = 1u << 31 /* moves no packets: tests, load runs */
};

struct kern_ops {
	uint32_t size;
	uint32_t caps;
	uint32_t max_replay_window;
	/* Is the combination of algorithms one this plane can do? E_NOT_SUPPORTED. */
	err_t (*can)(void *self, uint16_t encr_id, uint16_t encr_bits, uint16_t integ_id, bool esn);
	/* Does the n operations in order; op[i].res says how each went. Returns 0 when all are done, the first error when
	 * one failed (the plugin has then undone the ones before it), or E_AGAIN: the host's kern_done(token) follows. */
	err_t (*submit)(void *self, struct kern_op *ops, size_t n, uint64_t token);
	/* Counters of an SA; answers from memory, never waits. E_NOT_FOUND. */
	err_t (*usage)(void *self, uint8_t dir, uint32_t spi, const struct net_addr *dst, struct kern_usage *out);
	/* n ESP packets that came in UDP on the IKE sockets (RFC 3948; not IKE, no keepalives), as many as one read gave.
	 * May be NULL when the kernel takes them itself. */
	void (*esp_in_udp)(void *self, const struct kern_udp *v, size_t n);
	/* The algorithms this plane does: calls cb for each (for `list-algs`). */
	void (*each_alg)(void *self, void (*cb)(void *arg, uint8_t kind, uint16_t id, uint16_t bits), void *arg);
	/* Since 1.1; each may be NULL. */
	/* Can this plane work on this host? Called before start, so that another can be taken; *why is one sentence with
	 * the remedy. NULL: yes. */
	err_t (*probe)(char *why, size_t cap);
	/* What the host's kernel really can: replaces `caps` after start. */
	uint32_t (*caps_now)(void *self);
	/* SAs and policies of an earlier run may still stand. The reqid of a policy of this name that was left, 0 none: a
	 * new child that takes it replaces the old one without a gap. */
	uint32_t (*left_reqid)(void *self, const struct kern_policy *pol);
	/* The first reqid that nothing left behind uses. */
	uint32_t (*first_reqid)(void *self);
	/* At the end everything stays as it is, for the next run. */
	void (*keep)(void *self);
	uint32_t last_reqid; /* the highest it takes; 0: every one */
};
#define KERN_OPS_HAS(ops, member) \
	((ops)->size >= offsetof(struct kern_ops, member) + sizeof((ops)->member) && (ops)->member)

/* ---- kernel: addresses, routes, interfaces ------------------------------------------------------------------- */

/* What the daemon asks of the host's network. Loop thread; every function answers at once. What is made is marked as
 * ours; nothing else is changed or removed, and what an earlier run left behind is taken over when it is asked for
 * again, else removed after a while. `why` gets one sentence with the remedy when a function fails (cap bytes).
 * Changes of addresses, links and routes are told with kern_event (KERN_EV_LINK). */

struct knet_path { /* how packets to an address leave */
	struct net_addr source, gateway; /* NET_NONE: none */
	uint32_t mtu;                    /* 0 unknown */
	char dev[16];
};

struct knet_route {
	struct ts_sel dst;        /* its addresses; as many prefixes as it takes */
	struct net_addr peer;     /* next hop and device are those of the way to it, unless gateway or dev are set */
	struct net_addr gateway;  /* NET_NONE none */
	char dev[16];             /* "" none */
	struct net_addr source;   /* preferred source address, NET_NONE: an address of ours inside `local` */
	struct ts_sel local;      /* family NET_NONE: none */
	uint32_t table;           /* 0: the plugin's own, which a rule looks up */
	char vrf[16];             /* its table instead, "" none */
	uint32_t metric;          /* 0 the kernel's default */
};

struct knet_addr {
	struct net_addr addr;
	uint8_t bits;             /* prefix length */
	char dev[16];             /* "": the device the plugin is set up for */
};

enum knet_vif_kind { KNET_XFRM = 1, KNET_VTI, KNET_GRE };

struct knet_vif { /* a virtual interface */
	uint8_t kind;
	char name[16];
	const char *owner;        /* what it is for: shown by `ip link` */
	char link[16];            /* device its packets leave through, "" any */
	uint32_t if_id;           /* XFRM */
	uint32_t key_in, key_out; /* VTI: the marks; GRE: keys, 0 none */
	struct net_addr local, remote; /* VTI, GRE: outer addresses; NET_NONE any */
	uint32_t mtu;             /* bytes; 0: the kernel's default */
	uint16_t mss_v4, mss_v6;  /* TCP connections through it announce no more; 0 not touched */
	char vrf[16];             /* master, "" none */
	const char *netns;        /* name below /run/netns, NULL: stays here */
	const struct knet_addr *addrs;
	size_t n_addrs;
	char borrow[16];          /* addresses of this interface are its own, too (as host addresses); "" none */
};

enum { KNET_CAP_VIF = 1u << 0, KNET_CAP_MSS = 1u << 1 };

struct knet_ops {
	uint32_t size;
	uint32_t caps;
	/* src NET_NONE: any. The routes into tunnels are not looked at. E_NOT_FOUND: no route. */
	err_t (*path)(void *self, const struct net_addr *src, const struct net_addr *dst, struct knet_path *out);
	/* The device an address of ours is on. E_NOT_FOUND. */
	err_t (*device_of)(void *self, const struct net_addr *a, char dev[16]);
	/* Equal routes and addresses are counted: as many dels as adds. */
	err_t (*route)(void *self, const struct knet_route *r, bool add, char *why, size_t cap);
	err_t (*addr)(void *self, const struct knet_addr *a, bool add, char *why, size_t cap);
	/* Makes it, takes it over or brings it to this state. E_EXISTS: the name is somebody else's. */
	err_t (*vif)(void *self, const struct knet_vif *v, char *why, size_t cap);
	void (*vif_del)(void *self, const char *name);
	/* Policies of the data plane want routes (settings of the plugin). */
	bool (*wants_routes)(void *self);
	/* Since 1.1; may be NULL. At the end everything stays as it is, for the next run. */
	void (*keep)(void *self);
};
#define KNET_OPS_HAS(ops, member) \
	((ops)->size >= offsetof(struct knet_ops, member) + sizeof((ops)->member) && (ops)->member)

/* ---- log, events ---------------------------------------------------------------------------------------------- */

struct log_record; /* base/log.h, installed beside this header */
struct log_ops {
	uint32_t size;
	/* Called on the log's own thread, one record at a time; may wait on the disk. The levels are set by the
	 * configuration of the plugin through plug_host.log_sink. */
	void (*write)(void *sink, const struct log_record *r);
	void (*flush)(void *sink);
};

/* Events as the message API sends them (api/schema): name and the encoded vici body, after the change happened. */
struct listen_ops {
	uint32_t size;
	void (*event)(void *self, const char *name, slice body);
};

/* ---- services of the host --------------------------------------------------------------------------------------- */

enum { PLUG_UDP_DF = 1u << 8 }; /* IPv4: set DF; IPv6: no fragment header */

struct plug_watch; /* a file descriptor in the loop */
struct plug_timer;

struct plug_host {
	uint32_t size;
	void *h; /* first argument of every function below */
	/* Configuration of this plugin as text; NULL when not set and without default. The string lives until the next
	 * start or reconfigure. Subsections: "main.path". */
	const char *(*conf)(void *h, const char *key);
	/* Names of the subsections below `key` ("" for the plugin's own section), one call each. */
	void (*conf_each)(void *h, const char *key, void (*cb)(void *arg, const char *name), void *arg);
	/* Level as in base/log.h; the subsystem is `plugin`. Any thread. */
	void (*log)(void *h, int level, const char *text);
	/* Offers a sink; levels as text, "1, ike=2"; the returned id goes to log_unsink. Ops have to stay. -1: refused. */
	int (*log_sink)(void *h, const struct log_ops *ops, void *sink, const char *levels);
	void (*log_unsink)(void *h, int id);
	/* Best provider of a crypto feature, or NULL. */
	const void *(*find)(void *h, uint16_t kind, uint16_t id, uint16_t arg);
	err_t (*random)(void *h, uint8_t *out, size_t n); /* any thread */
	uint64_t (*now_ms)(void *h);                      /* monotonic; any thread */
	/* The loop. Callbacks run on the loop thread. events: 1 readable, 2 writable. */
	struct plug_watch *(*watch)(void *h, int fd, int events, void (*cb)(void *arg, int fd, int events), void *arg);
	void (*unwatch)(void *h, struct plug_watch *w);
	struct plug_timer *(*timer)(void *h, uint64_t after_ms, uint64_t every_ms, void (*cb)(void *arg), void *arg);
	void (*untimer)(void *h, struct plug_timer *t);
	/* Runs cb on the loop thread soon; from any thread. E_FULL when the bounded mailbox is full. */
	err_t (*post)(void *h, void (*cb)(void *arg), void *arg);
	/* Sends n UDP payloads from a socket of the daemon (local port 4500 style); best effort, counted. how: TOS or
	 * traffic class in the low 8 bits, PLUG_UDP_DF. E_SPACE: longer than the path allows without fragments. Payloads
	 * of one size (the last may be shorter) in one call are cheapest. Loop thread. */
	err_t (*udp_send)(void *h, const struct net_addr *local, const struct net_addr *remote, const slice *v, size_t n,
		unsigned how);
	/* Kernel plugins tell events and late answers with these. Loop thread. */
	void (*kern_event)(void *h, const struct kern_event *ev);
	void (*kern_done)(void *h, uint64_t token, err_t res);
	/* Adds n to a counter "plugin.NAME.<name>". Any thread. */
	void (*count)(void *h, const char *name, uint64_t n);
	uint32_t fwmark; /* SO_MARK of the daemon's own sockets, 0 none; plugins set it on theirs (routing rules) */
	/* Since 1.1. Late answers of stores and fetchers (plugin/abi_cred.h). Loop thread; the bytes are borrowed. `why`:
	 * one sentence with cause and remedy when res is an error, or NULL. */
	void (*cred_done)(void *h, uint64_t token, err_t res, slice sig, const char *why);
	void (*cred_loaded)(void *h, uint64_t token, err_t res, uint64_t key, const char *why);
	/* Keys, certificates or secrets of this plugin's stores came or went. */
	void (*cred_changed)(void *h);
	/* status: of HTTP, 0 for other schemes; an answer of any status but 200 is E_REFUSED. */
	void (*fetch_done)(void *h, uint64_t token, err_t res, unsigned status, slice body, const char *why);
	/* What one of several sinks is called ("main"), so that its levels can be changed while the daemon runs. */
	void (*log_sink_name)(void *h, int id, const char *name);
};

#endif
