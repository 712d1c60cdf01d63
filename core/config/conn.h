/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections as the engine uses them: typed, checked, immutable, with every default filled in. Made by the
 * configuration (from swanctl.conf text or from a load-conn message, by the same schema) and shared by reference: an
 * IKE SA keeps the version it was set up with. Names and meanings are the keys of swanctl.conf; times are in seconds.
 */
#ifndef ADIT_CONFIG_CONN_H
#define ADIT_CONFIG_CONN_H

#include "base/err.h"
#include "base/netaddr.h"
#include "base/secret.h"
#include "crypto/suite.h"

#include <stdatomic.h>

/* Identity, RFC 7296 section 3.5: type and the bytes of the payload's data. ID_ANY (0) matches everyone. */
struct conf_id {
	uint8_t type;  /* 0 any, 1 IPv4, 2 FQDN, 3 RFC822, 5 IPv6, 9 DN, 10 GN, 11 KEY_ID */
	uint16_t n;
	uint8_t *data; /* owned */
};

enum conf_auth_class {
	CONF_AUTH_ANY = 0, CONF_AUTH_PSK, CONF_AUTH_PUBKEY, CONF_AUTH_EAP, CONF_AUTH_XAUTH, CONF_AUTH_NULL
};

/* Signatures a round may have: of `auth = rsa-2048-sha256-ike:rsa/pss-sha384`. All zero: every one. */
enum { CONF_SIG_RSA = 1, CONF_SIG_ECDSA = 2, CONF_SIG_ED25519 = 4, CONF_SIG_ED448 = 8 };
enum { CONF_SIG_IKE = 1, CONF_SIG_CHAIN = 2 };
/* One of those that are allowed. EdDSA has its hash built in: a hash of another kind of key says nothing about it. */
struct conf_sig {
	uint8_t kinds; /* of the key; 0 any */
	uint8_t where; /* bits: the AUTH payload, the certificates */
	uint8_t hash;  /* PLUG_HASH_…; 0 any */
	bool pss;      /* RSA has to be PSS */
};
struct conf_sigs {
	uint8_t kinds;          /* of the end's key; 0 any */
	uint16_t rsa_bits, ecdsa_bits; /* at least */
	struct conf_sig *v;     /* in order of preference; owned. None for one of the two places: all are allowed there */
	uint8_t n;
	char *text;             /* the words as they stand in the configuration; owned */
};

/* A certificate or public key of the configuration, DER. */
struct conf_blob {
	uint8_t *p; /* owned */
	uint32_t n;
};

enum conf_revocation { CONF_REV_RELAXED = 0, CONF_REV_IFURI, CONF_REV_STRICT, CONF_REV_OFF };

/* One authentication round: local or remote. */
struct conf_auth {
	char *name;  /* section name: "local-1" */
	uint8_t cls; /* enum conf_auth_class */
	struct conf_id id;
	char *method; /* the word as configured: "psk", "eap-md5", "rsa-sha256" */
	struct conf_sigs sigs;
	struct conf_blob *certs, *cacerts, *pubkeys; /* local: what we may use; remote: what the peer may have */
	uint16_t n_certs, n_cacerts, n_pubkeys;
	char *cert_map;        /* remote: rules its certificate has to satisfy, or NULL */
	char **policies;       /* remote: OIDs of which the certificate needs one; NULL-terminated or NULL */
	uint32_t ekus;         /* remote: purposes of which the certificate needs one, CERT_EKU_…; 0 any */
	char **groups;
	struct conf_id ca_id;  /* remote: a DN that a CA of the chain must have; type 0 any */
	uint8_t revocation;    /* enum conf_revocation */
};

enum conf_action { CONF_NONE = 0, CONF_TRAP = 1, CONF_START = 2 }; /* bits: start_action = trap|start */
enum conf_dpd { CONF_DPD_CLEAR = 0, CONF_DPD_TRAP = 1, CONF_DPD_RESTART = 2 };
enum conf_unique { CONF_UNIQUE_NO = 0, CONF_UNIQUE_NEVER, CONF_UNIQUE_KEEP, CONF_UNIQUE_REPLACE };
/* IKE SAs without a first child: as responder never taken, taken, the only ones taken; as initiator only with FORCE, and
 * with PREFER when the peer can. */
enum conf_childless { CONF_CHILDLESS_NEVER = 0, CONF_CHILDLESS_ALLOW, CONF_CHILDLESS_FORCE, CONF_CHILDLESS_PREFER };
/* OCSP within IKE (RFC 4806): bits. */
enum conf_ocsp { CONF_OCSP_NEVER = 0, CONF_OCSP_REPLY = 1, CONF_OCSP_REQUEST = 2, CONF_OCSP_BOTH = 3 };
enum conf_fragmentation { CONF_FRAG_NO = 0, CONF_FRAG_YES, CONF_FRAG_ACCEPT };
enum conf_childmode { CONF_TUNNEL = 1, CONF_TRANSPORT, CONF_BEET, CONF_PASS, CONF_DROP };

/* Instead of a mark or interface id: one of the child's own, one for each direction, as the mark. */
#define CONF_UNIQUE_VALUE UINT32_MAX
#define CONF_UNIQUE_PER_DIR (UINT32_MAX - 1)
#define CONF_UNIQUE_SAME (UINT32_MAX - 2)

struct conf_ts {
	bool dynamic;      /* the address is the tunnel's own end or virtual address; proto and ports below hold */
	struct ts_sel sel;
};

enum conf_vif_kind { CONF_VIF_NONE = 0, CONF_VIF_XFRM, CONF_VIF_VTI, CONF_VIF_GRE, CONF_VIF_AUTO };

/* The virtual interface of a connection. */
struct conf_vif {
	uint8_t kind;             /* enum conf_vif_kind */
	bool mss_clamp;
	char name[16];            /* with "%u" a template: one interface per session */
	char link[16], vrf[16], borrow[16]; /* "" none */
	char *netns;              /* or NULL */
	uint32_t mtu;             /* 0: from the SA and the path */
	uint32_t key;             /* of GRE, 0 none */
	char **addr_texts;        /* as configured */
	struct net_addr *addrs;
	uint8_t *bits;            /* prefix lengths of addrs */
	uint16_t n_addrs;
};

/* Routes to the remote selectors that a child brings along. */
struct conf_inject {
	bool on;
	char *next_hop;           /* address or interface; NULL: the connection's interface, else the next hop to the peer */
	char vrf[16];             /* "" none */
	uint32_t table;           /* default 254, main */
	uint32_t metric;          /* 0 the kernel's default */
};

/* A pair of SAs with SPIs and keys of the configuration, without IKE. */
struct conf_fixed {
	uint32_t spi_in, spi_out; /* 0: the child is negotiated */
	uint16_t encr_len, integ_len; /* bytes */
	struct suite suite;
	struct secret keys;       /* outbound encryption and integrity, then inbound */
};

struct conf_child {
	char *name;
	uint8_t mode;             /* enum conf_childmode */
	uint8_t start_action;     /* bits of enum conf_action */
	uint8_t close_action;
	uint8_t dpd_action;       /* enum conf_dpd */
	struct suite_prop **props; /* ESP (or AH) proposals in order */
	uint16_t n_props;
	struct conf_ts *local_ts, *remote_ts;
	uint16_t n_local_ts, n_remote_ts;
	uint64_t rekey_time_s, life_time_s, rand_time_s;
	uint64_t rekey_bytes, life_bytes, rand_bytes;
	uint64_t rekey_packets, life_packets, rand_packets;
	uint64_t inactivity_s;
	uint32_t reqid;           /* 0: assigned */
	uint32_t priority;        /* 0: from the selectors */
	char interface[16];
	uint32_t mark_in, mark_in_mask, mark_out, mark_out_mask, if_id_in, if_id_out; /* or CONF_UNIQUE_… */
	uint32_t set_mark_in, set_mark_in_mask, set_mark_out, set_mark_out_mask;
	uint32_t replay_window;
	uint16_t tfc_pad;         /* 65535: mtu */
	uint8_t copy_df, copy_dscp;
	uint8_t hw_offload;       /* enum kern_offload */
	bool copy_ecn, policies, policies_fwd_out, ipcomp, sha256_96, hostaccess, mark_in_sa;
	char *updown;             /* or NULL */
	struct conf_inject inject;
	struct conf_fixed fixed;
	/* What this host lacks for it, one sentence with the remedy, or NULL: it is neither set up nor answered, everything
	 * else works. lacks_caps: it is these KERN_CAP_… alone, and may be there by now (a module that was loaded since). */
	char *lacks;
	uint32_t lacks_caps;
};

struct conf_conn {
	atomic_uint refs;
	uint64_t generation;      /* the commit that brought this version */
	uint8_t digest[16];       /* of the text it was made from: equal means unchanged */
	char *name;
	uint8_t *source;          /* the section it was made from, packed (config/pack.h): for looking and comparing */
	uint32_t source_n;
	uint8_t version;          /* 0 any, 1, 2 */
	struct net_addr *local_addrs; /* those we can call from, in order; none: any */
	uint16_t n_local_addrs;
	struct ts_sel *local_nets;    /* where we answer, local_addrs included; none: any */
	uint16_t n_local_nets;
	struct ts_sel *remote_nets;   /* whom we answer to, remote_addrs included; none: any */
	uint16_t n_remote_nets;
	struct net_addr *remote_addrs; /* whom we can call, in order */
	uint16_t n_remote_addrs;
	char **local_texts, **remote_texts; /* as configured, for list-conns; NULL-terminated */
	uint16_t local_port, remote_port;   /* default 500 */
	struct suite_prop **props;
	uint16_t n_props;
	struct conf_auth *local, *remote;
	uint16_t n_local, n_remote;
	struct conf_child **children;
	uint16_t n_children;
	struct diag *remarks;     /* what was accepted but does not count as it was written, with its place; NULL none */
	char **vips;              /* requested virtual addresses */
	char **pools;
	char *redirect_gateway;   /* its clients are sent there once they are authenticated (RFC 5685), or NULL */
	uint8_t unique;           /* enum conf_unique */
	bool mobike, encap, aggressive, pull, send_certreq, hash_and_url, close_on_expiry, close_on_revocation;
	uint8_t childless;        /* enum conf_childless */
	uint8_t fragmentation;    /* enum conf_fragmentation */
	uint8_t ocsp;             /* enum conf_ocsp */
	char *ppk_id;             /* name of the post-quantum preshared key (RFC 8784), as responder also a pattern; NULL none */
	bool ppk_required;
	uint8_t send_cert;        /* 0 never, 1 ifasked, 2 always */
	uint8_t dscp;
	uint32_t keyingtries;     /* 0 for ever */
	uint64_t dpd_delay_s, dpd_timeout_s;
	uint64_t rekey_time_s, reauth_time_s, over_time_s, rand_time_s;
	uint32_t if_id_in, if_id_out;
	struct conf_vif vif;
	/* Retransmission of this connection (vendors' knobs, W-53 to W-57); from the daemon's settings when not set. */
	struct conf_retry {
		uint32_t tries;       /* 0..100, default 5: retransmissions; packets sent = tries + 1 */
		uint32_t timeout_ms;  /* default 4000 */
		uint32_t base_x1000;  /* default 1800 */
		uint32_t jitter_pct;  /* 0..20 */
		uint32_t limit_ms;    /* 0 no cap */
	} retry;
};

struct conf_conn *conf_conn_ref(struct conf_conn *c);
void conf_conn_unref(struct conf_conn **c); /* takes and nulls it; the last one frees it */
/* Says its remarks, one line each. */
struct log;
void conf_log_remarks(struct log *log, const struct conf_conn *c);
const struct conf_child *conf_conn_child(const struct conf_conn *c, const char *name);

/* "gwa.test", "a@b", "10.0.0.1", "%any", "fqdn:…", "keyid:…", "@#hex", "C=CH, O=x" (as swanctl): E_BAD_VALUE. */
MUST err_t conf_id_parse(const char *text, struct conf_id *out);
MUST err_t conf_id_copy(struct conf_id *dst, uint8_t type, slice data);
void conf_id_fini(struct conf_id *id);
/* Printable form, as strongSwan shows it; peer bytes are escaped. */
char *conf_id_text(uint8_t type, slice data, char *buf, size_t cap);
/* 0 no match, else the more exact the higher: any 1, wildcards ("*.test", "*@test", DN with "*") 2.., equal 100. */
int conf_id_match(const struct conf_id *pattern, uint8_t type, slice data);
/* Does it stand for several ("%any", "*.test", "CN=*", a prefix or range)? Such a one is never sent. */
bool conf_id_is_pattern(const struct conf_id *id);

/* Shared secrets with their owners. */
struct conf_secrets;
struct conf_secrets *conf_secrets_new(void);
void conf_secrets_free(struct conf_secrets *s);
/* Takes the owners (copied) and the secret (moved). type: "IKE", "EAP", "XAUTH", "NTLM", "PPK". remote: what the peer
 * proves itself with when that is another secret (moved, too), or NULL. What has the same id is replaced. */
MUST err_t conf_secrets_add(struct conf_secrets *s, const char *unique_id, const char *type,
			    const struct conf_id *owners, size_t n_owners, struct secret *data, struct secret *remote);
/* Moves all secrets of `from` over; those of the same id are replaced. E_NOMEM: some are moved. */
MUST err_t conf_secrets_absorb(struct conf_secrets *into, struct conf_secrets *from);
bool conf_secrets_del(struct conf_secrets *s, const char *unique_id);
void conf_secrets_clear(struct conf_secrets *s);
size_t conf_secrets_count(const struct conf_secrets *s);
/* unique_id of the i-th, NULL behind the last. */
const char *conf_secrets_at(const struct conf_secrets *s, size_t i);
/* The same secrets once more, at no cost: who changes his copy first gets one of his own. NULL: no memory. */
struct conf_secrets *conf_secrets_share(const struct conf_secrets *s);
/* Are both copies of the same, unchanged since? */
bool conf_secrets_shared(const struct conf_secrets *a, const struct conf_secrets *b);
/* Is it a private key in a file or on a token, "PRIVATE", "RSA", "ECDSA", "PKCS8", "PKCS12", "TOKEN"? Its data is the section,
 * packed (config/pack.h). */
bool conf_secret_is_key(const char *type);
struct conf_secret_view {
	const char *id, *type;
	const struct conf_id *owners;
	size_t n_owners;
	slice data, remote; /* remote empty: data serves both ways */
};
/* Borrowed until the next change; false: there is none of this id. */
bool conf_secrets_find(const struct conf_secrets *s, const char *unique_id, struct conf_secret_view *out);
/* Are type, owners and data of both equal? Time does not depend on the data. */
bool conf_secret_same(const struct conf_secret_view *a, const struct conf_secret_view *b);
/* Settings of the daemon (`aditd { … }` and the mapped options of strongswan.conf) that the engine looks at. */
struct conf_pool;
struct conf_daemon {
	uint16_t port, port_natt;             /* 500, 4500 */
	struct conf_retry retry;
	uint32_t half_open_timeout_ms;        /* 30000 */
	uint32_t init_limit_half_open;        /* 0 none: IKE_SA_INIT dropped beyond it */
	uint32_t cookie_threshold;            /* half-open SAs before cookies are asked for; default 30 */
	uint32_t block_threshold;             /* half-open SAs of one address before it needs a cookie (256 times: dropped); 5 */
	bool dos_protection;                  /* default true: the two thresholds above hold */
	uint32_t keep_alive_s;                /* NAT keepalive, 20 */
	uint32_t delete_rekeyed_delay_s;      /* 5 */
	bool hash_and_url;                    /* certificates may come as hash and URL, default no */
	bool make_before_break, accept_private_algs, initiator_only, flexible_addresses;
	uint32_t fragment_size;               /* IP packets of IKE fragments, bytes; 0 the smallest the family allows; 1280 */
	bool follow_redirects;                /* as client: go to another gateway when sent there (RFC 5685), default yes */
	uint32_t redirect_limit;              /* so often within redirect_period_s, 5 */
	uint32_t redirect_period_s;           /* 300 */
	const struct conf_pool *attributes;   /* for all who get a virtual address, NULL none; of struct conf_settings */
	const char *redirect_gateway;         /* as gateway: where strangers are sent, NULL none; of struct conf_settings */
	uint32_t redirect_ike_sas, redirect_half_open; /* from so many SAs on; both 0: always */
	uint32_t redirect_delete_delay_s;     /* how long a redirected SA may stay, 0 for ever; 30 */
	uint32_t max_children_per_ike;        /* bound, default 1024 */
	uint32_t max_ike_sas;                 /* bound, 0 none */
	uint32_t max_pending_per_ike;         /* inbox bound, default 8 */
};
void conf_daemon_defaults(struct conf_daemon *d);

#endif
