/* SPDX-License-Identifier: Apache-2.0 */
/* Words of proposal text beside those of the fact table: other words for the same, and what swanctl knows and we do not. */
#include "crypto/suite.h"

static const struct suite_alias aliases[] = {
	/* Words without a number stand for the smallest key. */
	{ "aes", SUITE_ENCR, 12, 128 }, { "aesctr", SUITE_ENCR, 13, 128 }, { "camellia", SUITE_ENCR, 23, 128 },
	{ "blowfish", SUITE_ENCR, 7, 128 }, { "cast", SUITE_ENCR, 6, 128 },
	{ "aes%ugcm128", SUITE_ENCR, 20, 0 }, { "aes%ugcm", SUITE_ENCR, 20, 0 }, { "aes%ugcm96", SUITE_ENCR, 19, 0 },
	{ "aes%ugcm64", SUITE_ENCR, 18, 0 }, { "aes%uccm128", SUITE_ENCR, 16, 0 }, { "aes%uccm", SUITE_ENCR, 16, 0 },
	{ "aes%uccm96", SUITE_ENCR, 15, 0 }, { "aes%uccm64", SUITE_ENCR, 14, 0 }, { "aes%ucbc", SUITE_ENCR, 12, 0 },
	{ "camellia%uccm128", SUITE_ENCR, 27, 0 }, { "camellia%uccm96", SUITE_ENCR, 26, 0 },
	{ "camellia%uccm64", SUITE_ENCR, 25, 0 }, { "sha2_256", SUITE_INTEG, 12, 0 }, { "sha2_384", SUITE_INTEG, 13, 0 },
	{ "sha2_512", SUITE_INTEG, 14, 0 }, { "sha", SUITE_INTEG, 2, 0 }, { "prfsha", SUITE_PRF, 2, 0 },
	{ "curve25519", SUITE_KE, 31, 0 }, { "curve448", SUITE_KE, 32, 0 }, { "none", SUITE_KE, 0, 0 },
};

#define PRIVATE "it has a number for private use that only strongSwan gives this meaning"
#define PQ_OLD "an experiment that strongSwan gave up for ML-KEM; write mlkem768 as additional key exchange (ke1_mlkem768)"

static const struct suite_refusal refusals[] = {
	{ "serpent*", PRIVATE "; write aes256gcm16 or aes256" },
	{ "twofish*", PRIVATE "; write aes256gcm16 or aes256" },
	{ "camelliaxcbc", PRIVATE "; write aesxcbc or sha256" },
	{ "prfcamelliaxcbc", PRIVATE "; write prfaesxcbc or prfsha256" },
	{ "sha256_96", PRIVATE "; for a peer that cuts HMAC-SHA-256 to 96 bits write sha256 and set sha256_96 = yes in the child" },
	{ "sha2_256_96", PRIVATE "; for a peer that cuts HMAC-SHA-256 to 96 bits write sha256 and set sha256_96 = yes in the "
		"child" },
	{ "modpnull", "a key exchange without any secret, for load tests of strongSwan alone; write x25519" },
	{ "newhope*", PQ_OLD }, { "ntru*", PQ_OLD }, { "kyber*", PQ_OLD }, { "frodo*", PQ_OLD }, { "bike*", PQ_OLD },
	{ "hqc*", PQ_OLD },
};

const struct suite_alias *suite_alias_at(size_t n)
{
	return n < ARRAY_LEN(aliases) ? &aliases[n] : NULL;
}

const struct suite_refusal *suite_refusal_at(size_t n)
{
	return n < ARRAY_LEN(refusals) ? &refusals[n] : NULL;
}

static bool all_digits(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

const struct suite_refusal *suite_refusal_of(slice word)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const char *w = refusals[i].word;
		size_t n = strcspn(w, "*");
		if (word.n < n || memcmp(word.p, w, n) != 0)
			continue;
		if (w[n] ? all_digits(word.p + n, word.n - n) : word.n == n)
			return &refusals[i];
	}
	return NULL;
}
