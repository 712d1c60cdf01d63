/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers of IKEv2 (RFC 7296 section 3, IANA "IKEv2 Parameters") and their names. Transform numbers are in
 * crypto/suite.h, notify types in wire/notify.h. Every list is one X-macro: the enum, the names and the fuzzers'
 * dictionary come from it. All functions here: any thread, nothing waits, static strings.
 */
#ifndef ADIT_WIRE_PROTO_H
#define ADIT_WIRE_PROTO_H

#include "base/slice.h"

enum { IKE_HDR_LEN = 28, IKE_PLD_LEN = 4, IKE_PORT = 500, IKE_PORT_NATT = 4500 };
enum { IKE_V1 = 0x10, IKE_V2 = 0x20 }; /* version byte: major << 4 | minor */

/* Flags of the header (RFC 7296 section 3.1). */
enum { IKE_FLAG_INITIATOR = 0x08, IKE_FLAG_VERSION = 0x10, IKE_FLAG_RESPONSE = 0x20 };

/* row(id, number, name) */
#define XCHG_ROWS(row) \
	row(IKE_SA_INIT, 34, "IKE_SA_INIT") \
	row(IKE_AUTH, 35, "IKE_AUTH") \
	row(CREATE_CHILD_SA, 36, "CREATE_CHILD_SA") \
	row(INFORMATIONAL, 37, "INFORMATIONAL") \
	row(IKE_SESSION_RESUME, 38, "IKE_SESSION_RESUME") \
	row(GSA_AUTH, 39, "GSA_AUTH") \
	row(GSA_REGISTRATION, 40, "GSA_REGISTRATION") \
	row(GSA_REKEY, 41, "GSA_REKEY") \
	row(GSA_INBAND_REKEY, 42, "GSA_INBAND_REKEY") \
	row(IKE_INTERMEDIATE, 43, "IKE_INTERMEDIATE") \
	row(IKE_FOLLOWUP_KE, 44, "IKE_FOLLOWUP_KE")

/* row(id, number, name of the RFC, short name in log lines) */
#define PLD_ROWS(row) \
	row(SA, 33, "SECURITY_ASSOCIATION", "SA") \
	row(KE, 34, "KEY_EXCHANGE", "KE") \
	row(IDI, 35, "ID_INITIATOR", "IDi") \
	row(IDR, 36, "ID_RESPONDER", "IDr") \
	row(CERT, 37, "CERTIFICATE", "CERT") \
	row(CERTREQ, 38, "CERTIFICATE_REQUEST", "CERTREQ") \
	row(AUTH, 39, "AUTHENTICATION", "AUTH") \
	row(NONCE, 40, "NONCE", "No") \
	row(NOTIFY, 41, "NOTIFY", "N") \
	row(DELETE, 42, "DELETE", "D") \
	row(VID, 43, "VENDOR_ID", "V") \
	row(TSI, 44, "TRAFFIC_SELECTOR_INITIATOR", "TSi") \
	row(TSR, 45, "TRAFFIC_SELECTOR_RESPONDER", "TSr") \
	row(SK, 46, "ENCRYPTED", "E") \
	row(CP, 47, "CONFIGURATION", "CP") \
	row(EAP, 48, "EXTENSIBLE_AUTHENTICATION", "EAP") \
	row(SKF, 53, "ENCRYPTED_FRAGMENT", "EF")

/* row(id, number, name) */
#define ID_ROWS(row) \
	row(ANY, 0, "ID_ANY") \
	row(IPV4_ADDR, 1, "ID_IPV4_ADDR") \
	row(FQDN, 2, "ID_FQDN") \
	row(RFC822_ADDR, 3, "ID_RFC822_ADDR") \
	row(IPV6_ADDR, 5, "ID_IPV6_ADDR") \
	row(DER_ASN1_DN, 9, "ID_DER_ASN1_DN") \
	row(DER_ASN1_GN, 10, "ID_DER_ASN1_GN") \
	row(KEY_ID, 11, "ID_KEY_ID") \
	row(FC_NAME, 12, "ID_FC_NAME") \
	row(NULL_ID, 13, "ID_NULL")

#define AUTH_ROWS(row) \
	row(RSA, 1, "RSA signature") \
	row(PSK, 2, "pre-shared key") \
	row(DSS, 3, "DSS signature") \
	row(ECDSA_256, 9, "ECDSA-256 signature") \
	row(ECDSA_384, 10, "ECDSA-384 signature") \
	row(ECDSA_521, 11, "ECDSA-521 signature") \
	row(GSPM, 12, "secure password") \
	row(NONE, 13, "NULL authentication") \
	row(DIGITAL_SIGNATURE, 14, "digital signature")

/* Security protocol ids. */
#define PROTO_ROWS(row) \
	row(NONE, 0, "none") \
	row(IKE, 1, "IKE") \
	row(AH, 2, "AH") \
	row(ESP, 3, "ESP") \
	row(FC_ESP_HEADER, 4, "FC_ESP_HEADER") \
	row(FC_CT_AUTH, 5, "FC_CT_AUTHENTICATION") \
	row(GIKE_UPDATE, 6, "GIKE_UPDATE")

#define CERT_ROWS(row) \
	row(PKCS7, 1, "PKCS #7 wrapped X.509") \
	row(PGP, 2, "PGP") \
	row(DNS_KEY, 3, "DNS signed key") \
	row(X509_SIGNATURE, 4, "X.509") \
	row(KERBEROS, 6, "Kerberos tokens") \
	row(CRL, 7, "CRL") \
	row(ARL, 8, "ARL") \
	row(SPKI, 9, "SPKI") \
	row(X509_ATTRIBUTE, 10, "X.509 attribute") \
	row(RAW_RSA, 11, "raw RSA key") \
	row(URL_X509, 12, "hash and URL of X.509") \
	row(URL_BUNDLE, 13, "hash and URL of X.509 bundle") \
	row(OCSP, 14, "OCSP content") \
	row(RAW_PUBLIC_KEY, 15, "raw public key")

enum cp_type { CP_REQUEST = 1, CP_REPLY = 2, CP_SET = 3, CP_ACK = 4 };

/* Configuration attributes: row(id, number, name, short name in log lines) */
#define CPA_ROWS(row) \
	row(INTERNAL_IP4_ADDRESS, 1, "INTERNAL_IP4_ADDRESS", "ADDR") \
	row(INTERNAL_IP4_NETMASK, 2, "INTERNAL_IP4_NETMASK", "MASK") \
	row(INTERNAL_IP4_DNS, 3, "INTERNAL_IP4_DNS", "DNS") \
	row(INTERNAL_IP4_NBNS, 4, "INTERNAL_IP4_NBNS", "NBNS") \
	row(INTERNAL_ADDRESS_EXPIRY, 5, "INTERNAL_ADDRESS_EXPIRY", "EXP") \
	row(INTERNAL_IP4_DHCP, 6, "INTERNAL_IP4_DHCP", "DHCP") \
	row(APPLICATION_VERSION, 7, "APPLICATION_VERSION", "VER") \
	row(INTERNAL_IP6_ADDRESS, 8, "INTERNAL_IP6_ADDRESS", "ADDR6") \
	row(INTERNAL_IP6_NETMASK, 9, "INTERNAL_IP6_NETMASK", "MASK6") \
	row(INTERNAL_IP6_DNS, 10, "INTERNAL_IP6_DNS", "DNS6") \
	row(INTERNAL_IP6_NBNS, 11, "INTERNAL_IP6_NBNS", "NBNS6") \
	row(INTERNAL_IP6_DHCP, 12, "INTERNAL_IP6_DHCP", "DHCP6") \
	row(INTERNAL_IP4_SUBNET, 13, "INTERNAL_IP4_SUBNET", "SUBNET") \
	row(SUPPORTED_ATTRIBUTES, 14, "SUPPORTED_ATTRIBUTES", "SUP") \
	row(INTERNAL_IP6_SUBNET, 15, "INTERNAL_IP6_SUBNET", "SUBNET6") \
	row(MIP6_HOME_PREFIX, 16, "MIP6_HOME_PREFIX", "MIP6HPFX") \
	row(INTERNAL_IP6_LINK, 17, "INTERNAL_IP6_LINK", "LINK6") \
	row(INTERNAL_IP6_PREFIX, 18, "INTERNAL_IP6_PREFIX", "PFX6") \
	row(HOME_AGENT_ADDRESS, 19, "HOME_AGENT_ADDRESS", "HA_ADDR") \
	row(P_CSCF_IP4_ADDRESS, 20, "P_CSCF_IP4_ADDRESS", "PCSCF4") \
	row(P_CSCF_IP6_ADDRESS, 21, "P_CSCF_IP6_ADDRESS", "PCSCF6") \
	row(FTT_KAT, 22, "FTT_KAT", "FTT_KAT") \
	row(EXTERNAL_SOURCE_IP4_NAT_INFO, 23, "EXTERNAL_SOURCE_IP4_NAT_INFO", "NAT4") \
	row(TIMEOUT_PERIOD_FOR_LIVENESS_CHECK, 24, "TIMEOUT_PERIOD_FOR_LIVENESS_CHECK", "LIVENESS") \
	row(INTERNAL_DNS_DOMAIN, 25, "INTERNAL_DNS_DOMAIN", "DNSDOM") \
	row(INTERNAL_DNSSEC_TA, 26, "INTERNAL_DNSSEC_TA", "DNSTA") \
	row(ENCDNS_IP4, 27, "ENCDNS_IP4", "ENCDNS4") \
	row(ENCDNS_IP6, 28, "ENCDNS_IP6", "ENCDNS6") \
	row(ENCDNS_DIGEST_INFO, 29, "ENCDNS_DIGEST_INFO", "ENCDNSDI")

/* Traffic selector types. */
#define TS_ROWS(row) \
	row(IPV4_ADDR_RANGE, 7, "TS_IPV4_ADDR_RANGE") \
	row(IPV6_ADDR_RANGE, 8, "TS_IPV6_ADDR_RANGE") \
	row(FC_ADDR_RANGE, 9, "TS_FC_ADDR_RANGE") \
	row(SECLABEL, 10, "TS_SECLABEL")

/* Gateway identity types of the redirect notifies (RFC 5685). */
#define GW_ROWS(row) \
	row(IPV4, 1, "IPv4 address") \
	row(IPV6, 2, "IPv6 address") \
	row(FQDN, 3, "FQDN")

#define row(id, num, ...) XCHG_##id = num,
enum xchg { XCHG_ROWS(row) };
#undef row
#define row(id, num, ...) PLD_##id = num,
enum pld { PLD_NONE = 0, PLD_ROWS(row) };
#undef row
#define row(id, num, ...) ID_##id = num,
enum id_type { ID_ROWS(row) };
#undef row
#define row(id, num, ...) AUTH_##id = num,
enum auth_method { AUTH_ROWS(row) };
#undef row
#define row(id, num, ...) PROTO_##id = num,
enum proto_id { PROTO_ROWS(row) };
#undef row
#define row(id, num, ...) CERT_##id = num,
enum cert_enc { CERT_ROWS(row) };
#undef row
#define row(id, num, ...) CPA_##id = num,
enum cp_attr_type { CPA_ROWS(row) };
#undef row
#define row(id, num, ...) TS_##id = num,
enum ts_type { TS_ROWS(row) };
#undef row
#define row(id, num, ...) GW_##id = num,
enum gw_type { GW_ROWS(row) };
#undef row

/* Set of payload types 33 to 96, one bit each: the columns of the exchange table. */
#define PAYSET(type) (UINT64_C(1) << ((type) - 33))

static inline uint64_t payset_of(uint8_t type)
{
	return type >= 33 && type < 33 + 64 ? PAYSET(type) : 0;
}

/* Which list a number is of. */
enum wire_list { WIRE_XCHG, WIRE_PLD, WIRE_PLD_SHORT, WIRE_ID, WIRE_AUTH, WIRE_PROTO, WIRE_CERT, WIRE_CPA, WIRE_CPA_SHORT,
	WIRE_TS, WIRE_GW, WIRE_LIST_END };

/* NULL when the number is not in the list: a normal answer. */
const char *wire_name(enum wire_list list, uint16_t number);
/* As wire_name, but "(1234)" in buf for an unknown number. */
const char *wire_name_or(enum wire_list list, uint16_t number, char buf[16]);

#endif
