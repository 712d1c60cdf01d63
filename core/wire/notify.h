/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notify types (RFC 7296 section 3.10.1 and the registry of IANA), one row each: number, name of the RFC, short name in
 * log lines, what it means, and what the reader of the log should do about it (errors; "" for status types). Errors are
 * below 16384. Any thread; nothing waits; static strings.
 */
#ifndef ADIT_WIRE_NOTIFY_H
#define ADIT_WIRE_NOTIFY_H

#include "base/slice.h"

/* row(id, number, short name, meaning, remedy) */
#define NOTIFY_ERROR_ROWS(row) \
	row(UNSUPPORTED_CRITICAL_PAYLOAD, 1, "CRIT", "a payload marked critical is not known", \
		"switch off the extension that sends it, or update the side that does not know it") \
	row(INVALID_IKE_SPI, 4, "INVAL_IKE_SPI", "no IKE SA has these SPIs", \
		"one side has lost its state: it will be set up again once the dead SA is noticed") \
	row(INVALID_MAJOR_VERSION, 5, "INVAL_MAJOR", "the major version of IKE is not supported", \
		"set the same IKE version on both sides") \
	row(INVALID_SYNTAX, 7, "INVAL_SYN", "a message was malformed or a value out of range", \
		"look at the log of the side that sent this notify; one of the two has a defect") \
	row(INVALID_MESSAGE_ID, 9, "INVAL_MID", "a message ID was outside the window", \
		"one of the two has a defect or has restored an old state") \
	row(INVALID_SPI, 11, "INVAL_SPI", "an ESP or AH packet with an unknown SPI came in", \
		"one side has lost its child SA: terminate and initiate it again if it stays") \
	row(NO_PROPOSAL_CHOSEN, 14, "NO_PROP", "none of the proposals is acceptable", \
		"compare the proposals of both sides: encryption, integrity, PRF, key exchange and ESN have to agree") \
	row(INVALID_KE_PAYLOAD, 17, "INVAL_KE", "the key exchange method is not the one chosen", \
		"nothing: the exchange is repeated with the method asked for; to save the round trip put that method first") \
	row(AUTHENTICATION_FAILED, 24, "AUTH_FAILED", "authentication failed", \
		"check identities, shared secret or certificates (CA, dates, revocation, names) on both sides; the peer's log says " \
		"which it was (on aditd: adit events)") \
	row(SINGLE_PAIR_REQUIRED, 34, "SINGLE_PAIR", "only selectors of one address pair are accepted", \
		"the peer wants one child SA per pair of addresses: configure narrower traffic selectors") \
	row(NO_ADDITIONAL_SAS, 35, "NO_ADD_SAS", "the peer accepts no further child SA", \
		"raise the peer's limit or configure fewer children") \
	row(INTERNAL_ADDRESS_FAILURE, 36, "INT_ADDR_FAIL", "no internal address could be assigned", \
		"check size and use of the address pool on the responder") \
	row(FAILED_CP_REQUIRED, 37, "FAIL_CP_REQ", "the peer requires a configuration payload", \
		"request a virtual address (vips) in this connection") \
	row(TS_UNACCEPTABLE, 38, "TS_UNACCEPT", "none of the traffic selectors is acceptable", \
		"local_ts of one side has to overlap remote_ts of the other, in both directions") \
	row(INVALID_SELECTORS, 39, "INVAL_SEL", "a packet did not fit the selectors of its SA", \
		"compare the traffic selectors installed on both sides") \
	row(UNACCEPTABLE_ADDRESSES, 40, "UNACCEPT_ADDR", "the new addresses are not acceptable", \
		"allow the address in the peer's configuration, or use another path") \
	row(UNEXPECTED_NAT_DETECTED, 41, "UNEXPECT_NAT", "a NAT was found where none is allowed", \
		"allow NAT traversal or remove the address translation") \
	row(USE_ASSIGNED_HoA, 42, "ASSIGNED_HoA", "the assigned home address has to be used", \
		"use the assigned home address as identity and selector") \
	row(TEMPORARY_FAILURE, 43, "TEMP_FAIL", "the peer is busy with another exchange", \
		"nothing: the exchange is tried again later") \
	row(CHILD_SA_NOT_FOUND, 44, "NO_CHILD_SA", "no child SA has this SPI", \
		"nothing: the child SA is already gone on the other side and will be deleted here") \
	row(INVALID_GROUP_ID, 45, "INVAL_GRP", "the group is not known", "configure the same group on both sides") \
	row(AUTHORIZATION_FAILED, 46, "AUTHZ_FAILED", "the peer may not do this", "grant the right on the other side") \
	row(STATE_NOT_FOUND, 47, "STATE_NOT_FOUND", "the follow-up exchange belongs to no state of the peer", \
		"nothing: the exchange starts anew") \
	row(TS_MAX_QUEUE, 48, "TS_MAX_QUEUE", "no further child SA with the same selectors is accepted", \
		"configure fewer parallel child SAs")

#define NOTIFY_STATUS_ROWS(row) \
	row(INITIAL_CONTACT, 16384, "INIT_CONTACT", "this is the only IKE SA between the two identities", "") \
	row(SET_WINDOW_SIZE, 16385, "SET_WINSIZE", "so many requests may be outstanding", "") \
	row(ADDITIONAL_TS_POSSIBLE, 16386, "ADD_TS_POSS", "further selectors would be accepted in an SA of their own", "") \
	row(IPCOMP_SUPPORTED, 16387, "IPCOMP_SUPP", "packets may be compressed", "") \
	row(NAT_DETECTION_SOURCE_IP, 16388, "NATD_S_IP", "hash of the sender's address and port", "") \
	row(NAT_DETECTION_DESTINATION_IP, 16389, "NATD_D_IP", "hash of the receiver's address and port", "") \
	row(COOKIE, 16390, "COOKIE", "the request has to be repeated with this cookie", "") \
	row(USE_TRANSPORT_MODE, 16391, "USE_TRANSP", "transport mode is wanted", "") \
	row(HTTP_CERT_LOOKUP_SUPPORTED, 16392, "HTTP_CERT_LOOK", "certificates may be given as hash and URL", "") \
	row(REKEY_SA, 16393, "REKEY_SA", "this exchange replaces a child SA", "") \
	row(ESP_TFC_PADDING_NOT_SUPPORTED, 16394, "ESP_TFC_PAD_N", "no traffic flow padding, please", "") \
	row(NON_FIRST_FRAGMENTS_ALSO, 16395, "NON_FIRST_FRAG", "fragments may take the same SA", "") \
	row(MOBIKE_SUPPORTED, 16396, "MOBIKE_SUP", "addresses may change (MOBIKE)", "") \
	row(ADDITIONAL_IP4_ADDRESS, 16397, "ADD_4_ADDR", "a further address of the sender", "") \
	row(ADDITIONAL_IP6_ADDRESS, 16398, "ADD_6_ADDR", "a further address of the sender", "") \
	row(NO_ADDITIONAL_ADDRESSES, 16399, "NO_ADD_ADDR", "the sender has no further addresses", "") \
	row(UPDATE_SA_ADDRESSES, 16400, "UPD_SA_ADDR", "the SAs move to the addresses of this message", "") \
	row(COOKIE2, 16401, "COOKIE2", "proof that the peer receives at this address", "") \
	row(NO_NATS_ALLOWED, 16402, "NO_NATS", "the addresses the sender used; no NAT is allowed", "") \
	row(AUTH_LIFETIME, 16403, "AUTH_LFT", "authenticate again within this time", "") \
	row(MULTIPLE_AUTH_SUPPORTED, 16404, "MULT_AUTH", "several authentication rounds are supported", "") \
	row(ANOTHER_AUTH_FOLLOWS, 16405, "AUTH_FOLLOWS", "a further authentication round follows", "") \
	row(REDIRECT_SUPPORTED, 16406, "REDIR_SUP", "the initiator can be redirected", "") \
	row(REDIRECT, 16407, "REDIR", "connect to this gateway instead", "") \
	row(REDIRECTED_FROM, 16408, "REDIR_FROM", "the gateway that redirected the initiator", "") \
	row(TICKET_LT_OPAQUE, 16409, "TKT_LT_OPAK", "resumption ticket with its lifetime", "") \
	row(TICKET_REQUEST, 16410, "TKT_REQ", "a resumption ticket is wanted", "") \
	row(TICKET_ACK, 16411, "TKT_ACK", "a resumption ticket will follow", "") \
	row(TICKET_NACK, 16412, "TKT_NACK", "no resumption ticket is given", "") \
	row(TICKET_OPAQUE, 16413, "TKT_OPAK", "resumption ticket", "") \
	row(LINK_ID, 16414, "LINK_ID", "identifier of the virtual link", "") \
	row(USE_WESP_MODE, 16415, "WESP_MODE", "wrapped ESP is wanted", "") \
	row(ROHC_SUPPORTED, 16416, "ROHC_SUP", "header compression is supported", "") \
	row(EAP_ONLY_AUTHENTICATION, 16417, "EAP_ONLY", "mutual EAP without a certificate is supported", "") \
	row(CHILDLESS_IKEV2_SUPPORTED, 16418, "CHDLESS_SUP", "an IKE SA without a child is supported", "") \
	row(QUICK_CRASH_DETECTION, 16419, "QCD_TOKEN", "token that proves a lost state", "") \
	row(IKEV2_MESSAGE_ID_SYNC_SUPPORTED, 16420, "MSG_ID_SYN_SUP", "message IDs can be synchronized after a failover", "") \
	row(IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED, 16421, "RPL_CTR_SYN_SUP", \
		"replay counters can be synchronized after a failover", "") \
	row(IKEV2_MESSAGE_ID_SYNC, 16422, "MSG_ID_SYN", "message IDs to go on with after a failover", "") \
	row(IPSEC_REPLAY_COUNTER_SYNC, 16423, "RPL_CTR_SYN", "replay counters to go on with after a failover", "") \
	row(SECURE_PASSWORD_METHODS, 16424, "SEC_PASSWD", "secure password methods of the sender", "") \
	row(PSK_PERSIST, 16425, "PSK_PERSIST", "a shared secret can be kept from this set-up", "") \
	row(PSK_CONFIRM, 16426, "PSK_CONFIRM", "the shared secret was kept", "") \
	row(ERX_SUPPORTED, 16427, "ERX_SUP", "EAP re-authentication is supported", "") \
	row(IFOM_CAPABILITY, 16428, "IFOM_CAP", "flow mobility is supported", "") \
	row(SENDER_REQUEST_ID, 16429, "SENDER_REQ_ID", "sender identifiers are wanted", "") \
	row(IKEV2_FRAGMENTATION_SUPPORTED, 16430, "FRAG_SUP", "messages may be fragmented", "") \
	row(SIGNATURE_HASH_ALGORITHMS, 16431, "HASH_ALG", "hash algorithms for digital signatures", "") \
	row(CLONE_IKE_SA_SUPPORTED, 16432, "CLONE_SUP", "the IKE SA can be cloned", "") \
	row(CLONE_IKE_SA, 16433, "CLONE_SA", "this exchange clones the IKE SA", "") \
	row(PUZZLE, 16434, "PUZZLE", "a puzzle has to be solved", "") \
	row(USE_PPK, 16435, "USE_PPK", "post-quantum pre-shared keys are supported", "") \
	row(PPK_IDENTITY, 16436, "PPK_ID", "name of the post-quantum pre-shared key in use", "") \
	row(NO_PPK_AUTH, 16437, "NO_PPK", "authentication value without the post-quantum key", "") \
	row(INTERMEDIATE_EXCHANGE_SUPPORTED, 16438, "INT_EXCH_SUP", "intermediate exchanges are supported", "") \
	row(IP4_ALLOWED, 16439, "IP4_ALLOWED", "IPv4 addresses can be assigned", "") \
	row(IP6_ALLOWED, 16440, "IP6_ALLOWED", "IPv6 addresses can be assigned", "") \
	row(ADDITIONAL_KEY_EXCHANGE, 16441, "ADD_KE", "the rekeying goes on with a further key exchange", "") \
	row(USE_AGGFRAG, 16442, "AGGFRAG", "aggregation and fragmentation of packets is wanted", "") \
	row(SUPPORTED_AUTH_METHODS, 16443, "SUP_AUTH", "authentication methods the sender accepts", "") \
	row(SA_RESOURCE_INFO, 16444, "SA_RES_INFO", "the resource this parallel child SA belongs to", "") \
	row(USE_PPK_INT, 16445, "USE_PPK_INT", "post-quantum keys in the intermediate exchange are supported", "") \
	row(PPK_IDENTITY_KEY, 16446, "PPK_ID_KEY", "name and proof of a post-quantum pre-shared key", "") \
	row(USE_BEET_MODE, 40961, "BEET_MODE", "BEET mode is wanted", "")

#define NOTIFY_ROWS(row) NOTIFY_ERROR_ROWS(row) NOTIFY_STATUS_ROWS(row)

enum notify_type {
#define row(id, num, ...) N_##id = num,
	NOTIFY_ROWS(row)
#undef row
};

struct notify_row {
	uint16_t type;
	const char *name, *shrt, *meaning, *remedy;
};

static inline bool notify_is_error(uint16_t type)
{
	return type < 16384;
}

/* NULL when the type is not in the table: a status type is then ignored, an error type taken as a plain refusal. */
const struct notify_row *notify_row(uint16_t type);
/* The n-th row, NULL at the end. */
const struct notify_row *notify_row_at(size_t n);
/* "NO_PROPOSAL_CHOSEN"; "(1234)" in buf for an unknown type. */
const char *notify_name(uint16_t type, char buf[16]);
/* "NO_PROP", as the lines with a message's payloads show it. */
const char *notify_short(uint16_t type, char buf[16]);

#endif
