/* SPDX-License-Identifier: Apache-2.0 */
/* `auth` of a round: which signature a key makes, which of a peer's is taken, and what may be in its chain. */
#include "conf_host.h"

#include "cred/scheme.h"
#include "wire/proto.h"

enum { SHA2 = 1u << PLUG_HASH_SHA256 | 1u << PLUG_HASH_SHA384 | 1u << PLUG_HASH_SHA512 | 1u << PLUG_HASH_IDENTITY };

static const struct cred_pub rsa2048 = { CERT_KEY_RSA, 2048, 0 }, rsa4096 = { CERT_KEY_RSA, 4096, 0 },
	p256 = { CERT_KEY_EC, 256, 19 }, ed = { CERT_KEY_ED25519, 256, 0 };

static void build(struct conf_set *set, const char *auth)
{
	char text[400], said[1024];

	snprintf(text, sizeof text, "connections { t { remote_addrs = 10.0.0.1\n local { auth = psk }\n remote { auth = %s }\n} }\n", auth);
	err_t e = conf_build(text, NULL, set, said, sizeof said);
	cr_assert_eq(e, 0, "%s: %s", auth, said);
}

/* The schemes of a key in the order they would be tried, "-" when there is none. */
static const char *order(const char *auth, const struct cred_pub *pub, uint32_t hashes)
{
	static char out[600];
	struct conf_set set = { 0 };
	const struct cred_scheme *s;
	size_t at = 0;

	build(&set, auth);
	strcpy(out, "");
	while ((s = cred_scheme_next(pub, hashes, &set.conns[0]->remote[0].sigs, &at)))
		if (!strstr(out, s->name)) {
			strcat(out, out[0] ? " " : "");
			strcat(out, s->name);
		}
	conf_set_fini(&set);
	return out[0] ? out : "-";
}

Test(cred_scheme, the_order_of_auth_is_the_order_of_preference)
{
	static const struct {
		const char *auth;
		const struct cred_pub *pub;
		const char *want;
	} rows[] = {
		{ "ike:pubkey-sha512-sha256", &rsa2048, "RSA_EMSA_PKCS1_SHA2_512 RSA_EMSA_PSS_SHA2_512 RSA_EMSA_PKCS1_SHA2_256 "
			"RSA_EMSA_PSS_SHA2_256" },
		{ "pubkey-sha384-sha256", &p256, "ECDSA_WITH_SHA384_DER ECDSA_WITH_SHA256_DER" },
		{ "pubkey", &p256, "ECDSA_WITH_SHA256_DER ECDSA_WITH_SHA384_DER ECDSA_WITH_SHA512_DER" },
		{ "pubkey", &ed, "ED25519" },
		{ "pubkey-sha512", &ed, "ED25519" },
		{ "ed25519", &p256, "ECDSA_WITH_SHA256_DER ECDSA_WITH_SHA384_DER ECDSA_WITH_SHA512_DER" },
		{ "rsa/pss", &rsa4096, "RSA_EMSA_PSS_SHA2_384 RSA_EMSA_PSS_SHA2_256 RSA_EMSA_PSS_SHA2_512" },
		{ "ike:rsa/pss-sha256-ike:rsa-sha512", &rsa2048, "RSA_EMSA_PSS_SHA2_256 RSA_EMSA_PKCS1_SHA2_512 RSA_EMSA_PSS_SHA2_512" },
		/* what stands without "ike:" is for the chain as soon as something stands with it */
		{ "rsa-2048-sha256-ike:rsa-sha512", &rsa2048, "RSA_EMSA_PKCS1_SHA2_512 RSA_EMSA_PSS_SHA2_512" },
		{ "ike:rsa-sha512-rsa-sha256", &rsa2048, "RSA_EMSA_PKCS1_SHA2_512 RSA_EMSA_PSS_SHA2_512" },
		{ "ecdsa-256-sha384-ike:sha512", &p256, "ECDSA_WITH_SHA512_DER" },
		/* hashes belong to the keys before them */
		{ "rsa-2048-sha256-ecdsa-256-sha384", &rsa2048, "RSA_EMSA_PKCS1_SHA2_256 RSA_EMSA_PSS_SHA2_256" },
		{ "rsa-2048-sha256-ecdsa-256-sha384", &p256, "ECDSA_WITH_SHA384_DER" },
		{ "rsa-2048-ecdsa-256-sha512", &p256, "ECDSA_WITH_SHA512_DER" },
		{ "rsa-2048-ecdsa-256-sha512", &rsa2048, "RSA_EMSA_PKCS1_SHA2_512 RSA_EMSA_PSS_SHA2_512" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_assert_str_eq(order(rows[i].auth, rows[i].pub, SHA2), rows[i].want, "%s: %s, not %s", rows[i].auth,
			order(rows[i].auth, rows[i].pub, SHA2), rows[i].want);
	/* a peer that knows fewer hashes, or none (RFC 7296 method 1, RFC 4754) */
	cr_assert_str_eq(order("ike:pubkey-sha512-sha256", &rsa2048, 1u << PLUG_HASH_SHA256), "RSA_EMSA_PKCS1_SHA2_256 RSA_EMSA_PSS_SHA2_256");
	cr_assert_str_eq(order("pubkey", &p256, 0), "ECDSA-256");
	cr_assert_str_eq(order("pubkey", &rsa2048, 0), "RSA signature (SHA-1)");
	cr_assert_str_eq(order("rsa-sha256", &rsa2048, 0), "-");
}

Test(cred_scheme, what_a_peer_may_sign_with)
{
	static const struct {
		const char *auth;
		const struct cred_pub *pub;
		const char *alg; /* DER of the AlgorithmIdentifier */
		size_t n;
		err_t want;
	} rows[] = {
#define RSA_SHA(last) "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01" last "\x05\x00", 15
#define EC_SHA(last) "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03" last, 12
		{ "pubkey", &rsa2048, RSA_SHA("\x0b"), 0 },
		{ "rsa-2048-sha256-ike:rsa-sha512", &rsa2048, RSA_SHA("\x0d"), 0 },
		{ "rsa-2048-sha256-ike:rsa-sha512", &rsa2048, RSA_SHA("\x0b"), E_CERT_CONSTRAINT },
		{ "rsa-3072", &rsa2048, RSA_SHA("\x0b"), E_CERT_CONSTRAINT },
		{ "ecdsa", &rsa2048, RSA_SHA("\x0b"), E_CERT_CONSTRAINT },
		{ "ike:rsa/pss-sha256", &rsa2048, RSA_SHA("\x0b"), E_CERT_CONSTRAINT },
		{ "ike:rsa/pss-sha256-ike:rsa-sha512", &rsa2048, RSA_SHA("\x0d"), 0 },
		{ "ike:rsa/pss-sha256-ike:rsa-sha512", &rsa2048, RSA_SHA("\x0b"), E_CERT_CONSTRAINT },
		{ "rsa-2048-sha256-ecdsa-256-sha384", &p256, EC_SHA("\x02"), E_CERT_CONSTRAINT },
		{ "rsa-2048-sha256-ecdsa-256-sha384", &p256, EC_SHA("\x03"), 0 },
		{ "pubkey", &rsa2048, EC_SHA("\x02"), E_AUTH_FAILED },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_set set = { 0 };
		uint8_t auth[64] = { (uint8_t)rows[i].n };
		const struct cred_scheme *s;
		struct cred_scheme room;
		struct cert_why why = { "" };
		slice sig;
		memcpy(auth + 1, rows[i].alg, rows[i].n);
		build(&set, rows[i].auth);
		err_t e = cred_scheme_of(AUTH_DIGITAL_SIGNATURE, slice_of(auth, rows[i].n + 5), rows[i].pub, &set.conns[0]->remote[0].sigs, &room, &s,
			&sig, &why);
		cr_assert_eq(e, rows[i].want, "row %zu, %s: %s (%s)", i, rows[i].auth, err_text(e), why.text);
		cr_assert(!e || why.text[0]);
		conf_set_fini(&set);
	}
}

Test(cred_scheme, words_that_are_none)
{
	static const char *const bad[] = { "pubkey-md5", "rsa-12", "ike:", "rsa-ike:2048", "pubkey-sha257", "ike:rsapss-sha256" };
	char text[300], said[1024];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct conf_set set = { 0 };
		snprintf(text, sizeof text, "connections { t { remote_addrs = 10.0.0.1\n local { auth = psk }\n remote { auth = %s }\n} }\n", bad[i]);
		cr_assert_neq(conf_build(text, NULL, &set, said, sizeof said), 0, "%s", bad[i]);
		cr_assert(strstr(said, "auth"), "%s: %s", bad[i], said);
		conf_set_fini(&set);
	}
}
