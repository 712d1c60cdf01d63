/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of swanctl.conf (as of strongSwan 6.0) for connections, authentication rounds and children, with a few of
 * our own beside them. A key that is not honoured yet is in the table with what it waits for: it is refused by name.
 */
#include "config/schema.h"
#include "plugin/abi.h"

#define AT(type, field) .off = offsetof(struct type, field), .size = sizeof(((struct type *)0)->field)
#define NOWHERE .off = CONF_NOWHERE
#define YEAR_S 31536000

static const char v1[] = "IKEv1";
static const char certs[] = "certificates";
static const char eap[] = "EAP";

static const struct conf_word versions[] = { { "0", 0, NULL }, { "1", 1, v1 }, { "2", 2, NULL }, { 0 } };
static const struct conf_word fragmentations[] = {
	{ "no", CONF_FRAG_NO, NULL }, { "yes", CONF_FRAG_YES, NULL }, { "accept", CONF_FRAG_ACCEPT, NULL }, { "force", CONF_FRAG_YES, NULL }, { 0 }
};
static const struct conf_word childlesses[] = {
	{ "never", CONF_CHILDLESS_NEVER, NULL }, { "allow", CONF_CHILDLESS_ALLOW, NULL },
	{ "prefer", CONF_CHILDLESS_PREFER, NULL }, { "force", CONF_CHILDLESS_FORCE, NULL }, { 0 }
};
static const struct conf_word send_certs[] = {
	{ "never", 0, NULL }, { "ifasked", 1, NULL }, { "always", 2, NULL }, { 0 }
};
static const struct conf_word ocsps[] = {
	{ "never", CONF_OCSP_NEVER, NULL }, { "reply", CONF_OCSP_REPLY, NULL }, { "request", CONF_OCSP_REQUEST, NULL },
	{ "both", CONF_OCSP_BOTH, NULL }, { 0 }
};
static const struct conf_word uniques[] = {
	{ "no", CONF_UNIQUE_NO, NULL }, { "never", CONF_UNIQUE_NEVER, NULL }, { "keep", CONF_UNIQUE_KEEP, NULL },
	{ "replace", CONF_UNIQUE_REPLACE, NULL }, { 0 }
};
static const struct conf_word modes[] = {
	{ "tunnel", CONF_TUNNEL, NULL }, { "transport", CONF_TRANSPORT, NULL }, { "beet", CONF_BEET, NULL },
	{ "pass", CONF_PASS, NULL }, { "drop", CONF_DROP, NULL }, { "transport_proxy", 0, "Mobile IPv6" },
	{ "iptfs", 0, "IP-TFS" }, { 0 }
};
static const struct conf_word actions[] = {
	{ "none", CONF_NONE, NULL }, { "trap", CONF_TRAP, NULL }, { "start", CONF_START, NULL },
	{ "route", CONF_TRAP, NULL }, { "clear", CONF_NONE, NULL }, { 0 }
};
static const struct conf_word dpd_actions[] = {
	{ "clear", CONF_DPD_CLEAR, NULL }, { "trap", CONF_DPD_TRAP, NULL }, { "restart", CONF_DPD_RESTART, NULL },
	{ "none", CONF_DPD_CLEAR, NULL }, { "hold", CONF_DPD_TRAP, NULL }, { "start", CONF_DPD_RESTART, NULL }, { 0 }
};
static const struct conf_word paddings[] = { { "mtu", UINT16_MAX, NULL }, { 0 } };
static const struct conf_word copy_dfs[] = {
	{ "yes", KERN_COPY_DF_YES, NULL }, { "no", KERN_COPY_DF_CLEAR, NULL }, { "set", KERN_COPY_DF_SET, NULL },
	{ "clear", KERN_COPY_DF_CLEAR, NULL }, { 0 }
};
static const struct conf_word copy_dscps[] = {
	{ "out", KERN_DSCP_OUT, NULL }, { "in", KERN_DSCP_IN, NULL }, { "yes", KERN_DSCP_OUT | KERN_DSCP_IN, NULL },
	{ "no", 0, NULL }, { 0 }
};
static const struct conf_word offloads[] = {
	{ "no", KERN_OFFLOAD_NO, NULL }, { "auto", KERN_OFFLOAD_AUTO, NULL }, { "yes", KERN_OFFLOAD_CRYPTO, NULL },
	{ "crypto", KERN_OFFLOAD_CRYPTO, NULL }, { "packet", KERN_OFFLOAD_PACKET, NULL }, { 0 }
};
static const struct conf_word label_modes[] = {
	{ "system", 0, NULL }, { "simple", 1, NULL }, { "selinux", 2, NULL }, { 0 }
};
static const struct conf_word unique_words[] = {
	{ "%unique", (int32_t)CONF_UNIQUE_VALUE, NULL }, { "%unique-dir", (int32_t)CONF_UNIQUE_PER_DIR, NULL }, { 0 }
};
static const struct conf_word same_words[] = { { "%same", (int32_t)CONF_UNIQUE_SAME, NULL }, { 0 } };

static const struct conf_word vif_kinds[] = {
	{ "none", CONF_VIF_NONE, NULL }, { "xfrm", CONF_VIF_XFRM, NULL }, { "vti", CONF_VIF_VTI, NULL },
	{ "gre", CONF_VIF_GRE, NULL }, { "auto", CONF_VIF_AUTO, NULL }, { 0 }
};
static const struct conf_word vif_mtus[] = { { "auto", 0, NULL }, { 0 } };
static const struct conf_word tables[] = { { "main", 254, NULL }, { "default", 253, NULL }, { "local", 255, NULL }, { 0 } };

static const struct conf_key child_keys[] = {
	{ "local_ts", CONF_T_TS, NOWHERE, .def = "dynamic",
	  .doc = "Local traffic selectors: addresses, prefixes or ranges with [proto/port]; dynamic is the tunnel's "
		 "own end." },
	{ "remote_ts", CONF_T_TS, NOWHERE, .def = "dynamic", .doc = "Remote traffic selectors, as local_ts." },
	{ "esp_proposals", CONF_T_ESP_PROPS, NOWHERE, .def = "default",
	  .doc = "ESP proposals in order of preference; a key exchange in one gives rekeys perfect forward secrecy." },
	{ "ah_proposals", CONF_T_AH_PROPS, NOWHERE, .doc = "AH proposals; instead of ESP." },
	{ "mode", CONF_T_ENUM, AT(conf_child, mode), .def = "tunnel", .words = modes,
	  .doc = "IPsec mode, or pass and drop for policies without a tunnel." },
	{ "start_action", CONF_T_FLAGS, AT(conf_child, start_action), .def = "none", .words = actions,
	  .doc = "What is done when the configuration is loaded; trap|start does both." },
	{ "close_action", CONF_T_FLAGS, AT(conf_child, close_action), .def = "none", .words = actions,
	  .doc = "What is done when the peer closes the child SA." },
	{ "dpd_action", CONF_T_ENUM, AT(conf_child, dpd_action), .def = "clear", .words = dpd_actions,
	  .doc = "What is done when the peer does not answer any more." },
	{ "rekey_time", CONF_T_TIME_S, AT(conf_child, rekey_time_s), .max = YEAR_S, .unit = "s",
	  .doc = "Age at which the child SA is rekeyed, less a random part; 1h unless life_time is set; 0 never." },
	{ "life_time", CONF_T_TIME_S, AT(conf_child, life_time_s), .max = YEAR_S, .unit = "s",
	  .doc = "Age at which the child SA is closed; 10 % over rekey_time unless set; 0 never." },
	{ "rand_time", CONF_T_TIME_S, AT(conf_child, rand_time_s), .max = YEAR_S, .unit = "s",
	  .doc = "Up to this much is taken off rekey_time; life_time - rekey_time unless set." },
	{ "rekey_bytes", CONF_T_BYTES, AT(conf_child, rekey_bytes), .unit = "bytes", .def = "0",
	  .doc = "Traffic after which the child SA is rekeyed; 0 never." },
	{ "life_bytes", CONF_T_BYTES, AT(conf_child, life_bytes), .unit = "bytes",
	  .doc = "Traffic after which the child SA is closed; 10 % over rekey_bytes unless set." },
	{ "rand_bytes", CONF_T_BYTES, AT(conf_child, rand_bytes), .unit = "bytes",
	  .doc = "Up to this much is taken off rekey_bytes; life_bytes - rekey_bytes unless set." },
	{ "rekey_packets", CONF_T_BYTES, AT(conf_child, rekey_packets), .unit = "packets", .def = "0",
	  .doc = "Packets after which the child SA is rekeyed; 0 never." },
	{ "life_packets", CONF_T_BYTES, AT(conf_child, life_packets), .unit = "packets",
	  .doc = "Packets after which the child SA is closed; 10 % over rekey_packets unless set." },
	{ "rand_packets", CONF_T_BYTES, AT(conf_child, rand_packets), .unit = "packets",
	  .doc = "Up to this much is taken off rekey_packets; life_packets - rekey_packets unless set." },
	{ "inactivity", CONF_T_TIME_S, AT(conf_child, inactivity_s), .max = YEAR_S, .unit = "s", .def = "0",
	  .doc = "The child SA is closed after this long without traffic; 0 never." },
	{ "reqid", CONF_T_INT, AT(conf_child, reqid), .max = UINT32_MAX, .def = "0",
	  .doc = "Fixed request id in the kernel; 0 gives one automatically." },
	{ "priority", CONF_T_INT, AT(conf_child, priority), .max = UINT32_MAX, .def = "0",
	  .doc = "Fixed priority of the policies; 0 computes it from the selectors." },
	{ "interface", CONF_T_IFNAME, AT(conf_child, interface),
	  .doc = "Network interface the policies are limited to." },
	{ "mark_in", CONF_T_MARK, .off = offsetof(struct conf_child, mark_in), .size = 8, .def = "0/0",
	  .words = unique_words,
	  .doc = "Mark and mask of inbound policies." },
	{ "mark_in_sa", CONF_T_BOOL, AT(conf_child, mark_in_sa), .def = "no",
	  .doc = "Whether mark_in is set on the inbound SA, too." },
	{ "mark_out", CONF_T_MARK, .off = offsetof(struct conf_child, mark_out), .size = 8, .def = "0/0",
	  .words = unique_words, .doc = "Mark and mask of outbound policies and SAs." },
	{ "set_mark_in", CONF_T_MARK, .off = offsetof(struct conf_child, set_mark_in), .size = 8, .def = "0/0",
	  .words = same_words, .doc = "Mark set on packets after inbound processing; %same is that of mark_in." },
	{ "set_mark_out", CONF_T_MARK, .off = offsetof(struct conf_child, set_mark_out), .size = 8, .def = "0/0",
	  .words = same_words, .doc = "Mark set on packets after outbound processing; %same is that of mark_out." },
	{ "if_id_in", CONF_T_IF_ID, AT(conf_child, if_id_in), .max = UINT32_MAX, .words = unique_words,
	  .doc = "XFRM interface id of inbound policies and SAs; that of the connection unless set." },
	{ "if_id_out", CONF_T_IF_ID, AT(conf_child, if_id_out), .max = UINT32_MAX, .words = unique_words,
	  .doc = "XFRM interface id of outbound policies and SAs; that of the connection unless set." },
	{ "label", CONF_T_STRING, CONF_LATER, NOWHERE, .later = "security labels", .doc = "Security label of the child SA." },
	{ "label_mode", CONF_T_ENUM, CONF_SAFE_IGNORED, NOWHERE, .def = "system", .words = label_modes,
	  .doc = "How labels are used; without label it has no effect." },
	{ "tfc_padding", CONF_T_INT, AT(conf_child, tfc_pad), .max = 65535, .unit = "bytes", .def = "0",
	  .words = paddings,
	  .doc = "Pads packets to this many bytes; mtu: to the path's MTU." },
	{ "replay_window", CONF_T_INT, AT(conf_child, replay_window), .max = 1 << 20, .unit = "packets", .def = "32",
	  .doc = "Anti-replay window; 0 turns the check off." },
	{ "hw_offload", CONF_T_ENUM, AT(conf_child, hw_offload), .def = "no", .words = offloads,
	  .doc = "Hardware offload; auto takes it where it is offered." },
	{ "copy_df", CONF_T_ENUM, AT(conf_child, copy_df), .def = "yes", .words = copy_dfs,
	  .doc = "Whether the DF bit is copied to the outer header, set or cleared." },
	{ "copy_ecn", CONF_T_BOOL, AT(conf_child, copy_ecn), .def = "yes",
	  .doc = "Whether ECN is copied to and from the outer header." },
	{ "copy_dscp", CONF_T_ENUM, AT(conf_child, copy_dscp), .def = "out", .words = copy_dscps,
	  .doc = "In which direction DSCP is copied between inner and outer header." },
	{ "sha256_96", CONF_T_BOOL, AT(conf_child, sha256_96), .def = "no",
	  .doc = "HMAC-SHA-256 with the wrong 96-bit truncation of old kernels." },
	{ "hostaccess", CONF_T_BOOL, AT(conf_child, hostaccess), .def = "no",
	  .doc = "Handed to the updown script as PLUTO_HOST_ACCESS; without one it has no effect." },
	{ "updown", CONF_T_STRING, AT(conf_child, updown),
	  .doc = "Command run by /bin/sh when the child SA comes up and when it goes, once per pair of selectors, with PLUTO_… "
		 "variables; in a process of its own, with the privileges of the daemon." },
	{ "inject_routes", CONF_T_BOOL, AT(conf_child, inject.on), .def = "no",
	  .doc = "Whether routes to the remote selectors are made while the child SA is up, in addition to those of policies." },
	{ "route_next_hop", CONF_T_STRING, AT(conf_child, inject.next_hop),
	  .doc = "Next hop of these routes: an address or an interface; unless set the virtual interface of the connection, "
		 "else the next hop to the peer. With if_id_out and no virtual interface it has to be set." },
	{ "route_vrf", CONF_T_IFNAME, AT(conf_child, inject.vrf),
	  .doc = "VRF these routes are put into; excludes route_table." },
	{ "route_table", CONF_T_INT, AT(conf_child, inject.table), .min = 1, .max = UINT32_MAX, .def = "main", .words = tables,
	  .doc = "Routing table these routes are put into." },
	{ "route_metric", CONF_T_INT, AT(conf_child, inject.metric), .max = UINT32_MAX, .def = "0",
	  .doc = "Metric of these routes; 0: that of the kernel." },
	{ "policies", CONF_T_BOOL, AT(conf_child, policies), .def = "yes", .doc = "Whether policies are installed." },
	{ "policies_fwd_out", CONF_T_BOOL, AT(conf_child, policies_fwd_out), .def = "no",
	  .doc = "Whether outbound forward policies are installed." },
	{ "ipcomp", CONF_T_BOOL, AT(conf_child, ipcomp), .def = "no",
	  .doc = "Compression before encryption." },
	{ "static_spi_in", CONF_T_INT, AT(conf_child, fixed.spi_in), .max = UINT32_MAX,
	  .doc = "SPI of the inbound SA of a static pair (RFC 4301 section 4.5.1), which is not negotiated: with static_spi_out, "
		 "static_key_in and static_key_out the child is installed as policies and SAs (start_action = trap, or install)." },
	{ "static_spi_out", CONF_T_INT, AT(conf_child, fixed.spi_out), .max = UINT32_MAX, .doc = "SPI of the outbound SA." },
	{ "static_key_in", CONF_T_SECRET, CONF_HIDDEN, NOWHERE,
	  .doc = "Key of the inbound SA: that of the first proposal's encryption and behind it that of its integrity, 0x and "
		 "hexadecimal digits. CBC and null only, since a counter would begin again with the same key." },
	{ "static_key_out", CONF_T_SECRET, CONF_HIDDEN, NOWHERE, .doc = "Key of the outbound SA, as static_key_in." },
	{ "per_cpu_sas", CONF_T_STRING, CONF_LATER | CONF_CAN_OFF, NOWHERE, .def = "no", .later = "per-CPU child SAs",
	  .doc = "One child SA per CPU." },
};

static const struct conf_key cert_keys[] = {
	{ "file", CONF_T_PATH, NOWHERE, .doc = "Path of the certificate." },
	{ "handle", CONF_T_STRING, NOWHERE, .doc = "Hexadecimal CKA_ID of the certificate on a token." },
	{ "slot", CONF_T_INT, NOWHERE, .max = UINT32_MAX, .doc = "Slot of the token." },
	{ "module", CONF_T_STRING, NOWHERE, .doc = "PKCS#11 module." },
};
static const struct conf_schema schema_cert = { "certificate", "A certificate.", cert_keys, ARRAY_LEN(cert_keys) };

static const struct conf_key local_keys[] = {
	{ "auth", CONF_T_AUTH, NOWHERE, .def = "pubkey",
	  .doc = "How we prove our identity: psk; pubkey, or rsa, rsa/pss, ecdsa, ed25519, ed448 with least lengths in bits "
		 "and hashes between dashes (rsa-2048-sha256; behind ike: for AUTH alone); eap[-method] and xauth[-backend] are "
		 "refused until something that is loaded can do them." },
	{ "id", CONF_T_ID, NOWHERE,
	  .doc = "Our identity: address, domain name, user@domain, distinguished name, or with a type: \"keyid:text\"; "
		 "the address of the tunnel's end unless set." },
	{ "round", CONF_T_INT, NOWHERE, .max = 1000, .def = "0",
	  .doc = "Order of the round among several; else as they are written." },
	{ "certs", CONF_T_STRINGS, NOWHERE, .doc = "Certificates we may use." },
	{ "cert", CONF_T_SECTION, CONF_SUFFIX, NOWHERE, .sub = &schema_cert,
	  .doc = "A certificate we may use, by path or on a token." },
	{ "pubkeys", CONF_T_STRINGS, NOWHERE, .doc = "Raw public keys we may use." },
	{ "eap_id", CONF_T_STRING, CONF_LATER, NOWHERE, .later = eap, .doc = "Our identity within EAP." },
	{ "aaa_id", CONF_T_STRING, CONF_LATER, NOWHERE, .later = eap, .doc = "Identity the EAP server must have." },
	{ "xauth_id", CONF_T_STRING, CONF_LATER, NOWHERE, .later = v1, .doc = "User name for XAuth." },
};

static const struct conf_word revocations[] = {
	{ "relaxed", CONF_REV_RELAXED, NULL }, { "ifuri", CONF_REV_IFURI, NULL }, { "strict", CONF_REV_STRICT, NULL },
	{ "off", CONF_REV_OFF, NULL }, { 0 }
};
static const struct conf_key remote_keys[] = {
	{ "auth", CONF_T_AUTH, NOWHERE, .def = "pubkey",
	  .doc = "How the peer has to prove its identity; as in local." },
	{ "id", CONF_T_ID, NOWHERE, .def = "%any",
	  .doc = "Identity the peer must have; *.domain, *@domain and CN=* match many." },
	{ "round", CONF_T_INT, NOWHERE, .max = 1000, .def = "0",
	  .doc = "Order of the round among several; else as they are written." },
	{ "groups", CONF_T_STRINGS, CONF_LATER, NOWHERE, .later = certs,
	  .doc = "Groups the peer must be a member of one of." },
	{ "cert_policy", CONF_T_STRINGS, NOWHERE,
	  .doc = "Policy OIDs the peer's certificate must have." },
	{ "cert_eku", CONF_T_STRINGS, NOWHERE,
	  .doc = "Purposes of which the peer's certificate must have one: serverAuth, clientAuth, ipsecIKE… as adit-pki names them; "
		 "anyExtendedKeyUsage in the certificate is each of them." },
	{ "certs", CONF_T_STRINGS, NOWHERE, .doc = "Certificates that are accepted." },
	{ "cert", CONF_T_SECTION, CONF_SUFFIX, NOWHERE, .sub = &schema_cert,
	  .doc = "A certificate that is accepted, by path or on a token." },
	{ "cacerts", CONF_T_STRINGS, NOWHERE, .doc = "CA certificates that are accepted." },
	{ "cacert", CONF_T_SECTION, CONF_SUFFIX, NOWHERE, .sub = &schema_cert,
	  .doc = "A CA certificate that is accepted, by path or on a token." },
	{ "cert_map", CONF_T_STRING, NOWHERE,
	  .doc = "Rules the peer's certificate has to satisfy, as \"subject-name co o=lab\"; the language is in plugins/x509/README.md." },
	{ "ca_id", CONF_T_STRING, NOWHERE,
	  .doc = "Identity one CA of the peer's chain must have." },
	{ "pubkeys", CONF_T_STRINGS, NOWHERE, .doc = "Raw public keys that are accepted." },
	{ "revocation", CONF_T_ENUM, NOWHERE, .def = "relaxed", .words = revocations,
	  .doc = "What happens when it cannot be known whether a certificate is revoked: relaxed accepts it, ifuri accepts it only "
		 "without a CRL or OCSP address, strict refuses it; off does not look." },
	{ "eap_id", CONF_T_STRING, CONF_LATER, NOWHERE, .later = eap, .doc = "Identity of the peer within EAP." },
};

static const struct conf_key conn_keys[] = {
	{ "version", CONF_T_ENUM, AT(conf_conn, version), .def = "0", .words = versions,
	  .doc = "Major version of IKE: 2, or 0 for any we have." },
	{ "local_addrs", CONF_T_ADDRS, NOWHERE, .def = "%any",
	  .doc = "Our addresses, prefixes or ranges; the first single address is the one we call from." },
	{ "remote_addrs", CONF_T_ADDRS, NOWHERE, .def = "%any",
	  .doc = "The peer's addresses, prefixes or ranges; single addresses are those we call, in order." },
	{ "local_port", CONF_T_INT, AT(conf_conn, local_port), .min = 1, .max = 65535, .def = "500",
	  .doc = "Our UDP port." },
	{ "remote_port", CONF_T_INT, AT(conf_conn, remote_port), .min = 1, .max = 65535, .def = "500",
	  .doc = "The peer's UDP port." },
	{ "proposals", CONF_T_IKE_PROPS, NOWHERE, .def = "default", .doc = "IKE proposals in order of preference." },
	{ "local", CONF_T_SECTION, CONF_SUFFIX, NOWHERE, .sub = &conf_schema_local,
	  .doc = "A round of our authentication." },
	{ "remote", CONF_T_SECTION, CONF_SUFFIX, NOWHERE, .sub = &conf_schema_remote,
	  .doc = "A round of the peer's authentication." },
	{ "children", CONF_T_SECTIONS, NOWHERE, .sub = &conf_schema_child, .doc = "Child SAs by name." },
	{ "vips", CONF_T_STRINGS, AT(conf_conn, vips),
	  .doc = "Virtual addresses to ask for; 0.0.0.0 and :: for any." },
	{ "pools", CONF_T_STRINGS, AT(conf_conn, pools),
	  .doc = "Pools virtual addresses are given from." },
	{ "redirect_gateway", CONF_T_GATEWAY, AT(conf_conn, redirect_gateway),
	  .doc = "Gateway (address or name) the clients of this connection are sent to once they are authenticated, when they follow "
		 "redirects (RFC 5685)." },
	{ "aggressive", CONF_T_BOOL, CONF_LATER | CONF_CAN_OFF, AT(conf_conn, aggressive), .def = "no", .later = v1,
	  .doc = "Aggressive mode of IKEv1." },
	{ "pull", CONF_T_BOOL, CONF_LATER | CONF_CAN_OFF, AT(conf_conn, pull), .def = "yes", .later = v1,
	  .doc = "Whether mode config of IKEv1 is asked for (yes) or pushed (no)." },
	{ "dscp", CONF_T_DSCP, AT(conf_conn, dscp), .def = "000000", .doc = "DSCP of IKE packets as six binary digits." },
	{ "encap", CONF_T_BOOL, AT(conf_conn, encap), .def = "no",
	  .doc = "UDP encapsulation of ESP even without NAT." },
	{ "mobike", CONF_T_BOOL, AT(conf_conn, mobike), .def = "yes",
	  .doc = "MOBIKE (RFC 4555) where the peer has it, too: SAs follow changes of address; IKE goes on on port 4500." },
	{ "dpd_delay", CONF_T_TIME_S, AT(conf_conn, dpd_delay_s), .max = YEAR_S, .unit = "s", .def = "0",
	  .doc = "Silence after which the peer is asked whether it lives; 0 never." },
	{ "dpd_timeout", CONF_T_TIME_S, CONF_SAFE_IGNORED, AT(conf_conn, dpd_timeout_s), .max = YEAR_S, .unit = "s",
	  .def = "0",
	  .doc = "Of IKEv1 alone; in IKEv2 the retransmissions decide." },
	{ "fragmentation", CONF_T_ENUM, AT(conf_conn, fragmentation), .def = "yes", .words = fragmentations,
	  .doc = "Fragmentation of large IKE messages (RFC 7383) when the peer has it, too; accept: taken, but not "
		 "sent; force is yes." },
	{ "childless", CONF_T_ENUM, AT(conf_conn, childless), .def = "allow", .words = childlesses,
	  .doc = "IKE SAs without a first child SA (RFC 6023): never, taken (allow), asked for when the peer can (prefer), "
		 "nothing else (force)." },
	{ "send_certreq", CONF_T_BOOL, AT(conf_conn, send_certreq), .def = "yes",
	  .doc = "Whether the peer is asked for certificates of the CAs that are accepted." },
	{ "send_cert", CONF_T_ENUM, AT(conf_conn, send_cert), .def = "ifasked", .words = send_certs,
	  .doc = "When our certificates are sent: never, ifasked (the peer requested them), always." },
	{ "hash_and_url", CONF_T_BOOL, AT(conf_conn, hash_and_url), .def = "yes",
	  .doc = "Whether certificates go and come as hash and URL here when aditd { hash_and_url } is on." },
	{ "close_on_expiry", CONF_T_BOOL, AT(conf_conn, close_on_expiry), .def = "yes",
	  .doc = "Whether an IKE SA is closed when a certificate of the peer expires; the side that set it up authenticates anew before." },
	{ "close_on_revocation", CONF_T_BOOL, AT(conf_conn, close_on_revocation), .def = "no",
	  .doc = "Whether an IKE SA is closed when a new CRL says that a certificate of the peer is revoked; for SAs "
		 "set up from then on." },
	{ "ocsp", CONF_T_ENUM, AT(conf_conn, ocsp), .def = "reply", .words = ocsps,
	  .doc = "OCSP within IKE (RFC 4806): request asks the peer for an OCSP answer about its certificate, reply sends one about "
		 "ours to a peer that asks; both, never." },
	{ "ppk_id", CONF_T_STRING, AT(conf_conn, ppk_id),
	  .doc = "Identity of the post-quantum preshared key (RFC 8784) in secrets { ppk } that goes into the keys of the IKE SA; "
		 "where the peer calls, also a pattern, and without it every key is taken." },
	{ "ppk_required", CONF_T_BOOL, AT(conf_conn, ppk_required), .def = "no",
	  .doc = "Whether a post-quantum preshared key has to be used; else a peer without it is taken, too." },
	{ "keyingtries", CONF_T_INT, AT(conf_conn, keyingtries), .max = UINT32_MAX, .def = "1",
	  .doc = "How often an initial connect goes through all its retransmissions; 0 for ever." },
	{ "unique", CONF_T_ENUM, AT(conf_conn, unique), .def = "no", .words = uniques,
	  .doc = "What happens to an IKE SA when the same peer sets up another." },
	{ "rekey_time", CONF_T_TIME_S, AT(conf_conn, rekey_time_s), .max = YEAR_S, .unit = "s",
	  .doc = "Age at which the IKE SA is rekeyed, less a random part; 4h unless reauth_time is set; 0 never." },
	{ "reauth_time", CONF_T_TIME_S, AT(conf_conn, reauth_time_s), .max = YEAR_S, .unit = "s", .def = "0",
	  .doc = "Age at which the IKE SA is set up anew with authentication; 0 never." },
	{ "over_time", CONF_T_TIME_S, AT(conf_conn, over_time_s), .max = YEAR_S, .unit = "s",
	  .doc = "The IKE SA is closed this long after a rekey or reauthentication that did not succeed; 10 % of the "
		 "longer of them unless set." },
	{ "rand_time", CONF_T_TIME_S, AT(conf_conn, rand_time_s), .max = YEAR_S, .unit = "s",
	  .doc = "Up to this much is taken off rekey_time and reauth_time; over_time unless set." },
	{ "if_id_in", CONF_T_IF_ID, AT(conf_conn, if_id_in), .max = UINT32_MAX, .def = "0", .words = unique_words,
	  .doc = "XFRM interface id of inbound policies and SAs of all children." },
	{ "if_id_out", CONF_T_IF_ID, AT(conf_conn, if_id_out), .max = UINT32_MAX, .def = "0", .words = unique_words,
	  .doc = "XFRM interface id of outbound policies and SAs of all children." },
	{ "vif", CONF_T_ENUM, AT(conf_conn, vif.kind), .def = "none", .words = vif_kinds,
	  .doc = "Virtual interface the daemon makes for the connection, or per session (vif_name with %u): xfrm (by if_id_out), "
		 "vti (by mark_in and mark_out), gre (for children with selectors of protocol gre); auto: gre for such children, "
		 "xfrm for others." },
	{ "vif_name", CONF_T_STRING, NOWHERE, .def = "ipsec%u",
	  .doc = "Its name; with %u a template: one interface per session, with the if_id or the lowest free number in its place." },
	{ "vif_addrs", CONF_T_STRINGS, AT(conf_conn, vif.addr_texts), .doc = "Addresses of the interface, with prefix length." },
	{ "vif_borrow", CONF_T_IFNAME, AT(conf_conn, vif.borrow),
	  .doc = "Interface whose addresses this one borrows, as host addresses." },
	{ "vif_mtu", CONF_T_INT, AT(conf_conn, vif.mtu), .min = 68, .max = 65535, .unit = "bytes", .def = "auto", .words = vif_mtus,
	  .doc = "MTU of the interface; auto: the longest packet that goes through the child SA without fragments on the path." },
	{ "vif_mss_clamp", CONF_T_BOOL, AT(conf_conn, vif.mss_clamp), .def = "no",
	  .doc = "Whether forwarded TCP connections through the interface are told the MSS that fits its MTU." },
	{ "vif_vrf", CONF_T_IFNAME, AT(conf_conn, vif.vrf), .doc = "VRF the interface is put into (the inner VRF)." },
	{ "vif_netns", CONF_T_STRING, AT(conf_conn, vif.netns),
	  .doc = "Network namespace (of `ip netns`) the interface is moved to; its addresses have to be set there." },
	{ "vif_link", CONF_T_IFNAME, AT(conf_conn, vif.link),
	  .doc = "Device or outer VRF the interface's packets leave through." },
	{ "vif_key", CONF_T_INT, AT(conf_conn, vif.key), .max = UINT32_MAX, .def = "0", .doc = "Key of GRE, 0 none." },
	{ "mediation", CONF_T_BOOL, CONF_LATER | CONF_CAN_OFF, NOWHERE, .def = "no", .later = "mediation",
	  .doc = "Whether this connection mediates others." },
	{ "mediated_by", CONF_T_STRING, CONF_LATER, NOWHERE, .later = "mediation",
	  .doc = "Connection that mediates this one." },
	{ "mediation_peer", CONF_T_STRING, CONF_LATER, NOWHERE, .later = "mediation",
	  .doc = "Identity of the peer at the mediator." },
	{ "retransmit_tries", CONF_T_INT, AT(conf_conn, retry.tries), .max = 100,
	  .doc = "Retransmissions of a request before the peer is given up; that of aditd unless set." },
	{ "retransmit_timeout", CONF_T_TIME_MS, AT(conf_conn, retry.timeout_ms), .max = 60000, .unit = "s",
	  .doc = "Wait before the first retransmission; that of aditd unless set." },
	{ "retransmit_base", CONF_T_DECIMAL, AT(conf_conn, retry.base_x1000), .max = 10000,
	  .doc = "Factor from one wait to the next; that of aditd unless set." },
	{ "retransmit_jitter", CONF_T_INT, AT(conf_conn, retry.jitter_pct), .max = 20, .unit = "%",
	  .doc = "Up to this part is taken off each wait; that of aditd unless set." },
	{ "retransmit_limit", CONF_T_TIME_MS, AT(conf_conn, retry.limit_ms), .max = 100000, .unit = "s",
	  .doc = "No wait is longer; 0 no limit; that of aditd unless set." },
};

const struct conf_schema conf_schema_child = { "child", "A child SA: what traffic goes through the tunnel and how.",
	child_keys, ARRAY_LEN(child_keys) };
const struct conf_schema conf_schema_local = { "local", "A round of our authentication.", local_keys,
	ARRAY_LEN(local_keys) };
const struct conf_schema conf_schema_remote = { "remote", "A round of the peer's authentication.", remote_keys,
	ARRAY_LEN(remote_keys) };
const struct conf_schema conf_schema_conn = { "connection", "A connection: whom we talk to, and how.", conn_keys,
	ARRAY_LEN(conn_keys) };
