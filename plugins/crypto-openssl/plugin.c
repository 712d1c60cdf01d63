/* SPDX-License-Identifier: Apache-2.0 */
/* crypto-openssl: algorithms of OpenSSL 3; widest in number and fastest at signatures and ECP. See README.md. */
#include "plugins/crypto-common/rows.h"
#include "plugins/crypto-openssl/openssl_plugin.h"

#include <openssl/crypto.h>

EVP_CIPHER *os_cipher[OS_C_COUNT];
static EVP_MAC *hmac;

static struct {
	uint16_t id;
	const char *name;
	EVP_MD *md;
} hashes[] = {
	{ PLUG_HASH_SHA256, "SHA2-256", NULL }, { PLUG_HASH_SHA384, "SHA2-384", NULL }, { PLUG_HASH_SHA512, "SHA2-512", NULL },
	{ PLUG_HASH_SHA1, "SHA1", NULL }, { PLUG_HASH_SHA224, "SHA2-224", NULL }, { PLUG_HASH_SHA512_224, "SHA2-512/224", NULL },
	{ PLUG_HASH_SHA512_256, "SHA2-512/256", NULL }, { PLUG_HASH_SHA3_224, "SHA3-224", NULL },
	{ PLUG_HASH_SHA3_256, "SHA3-256", NULL }, { PLUG_HASH_SHA3_384, "SHA3-384", NULL },
	{ PLUG_HASH_SHA3_512, "SHA3-512", NULL }, { PLUG_HASH_SHAKE128, "SHAKE-128", NULL },
	{ PLUG_HASH_SHAKE256, "SHAKE-256", NULL }, { PLUG_HASH_MD5, "MD5", NULL },
};

EVP_MD *os_hash(uint16_t id)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (hashes[i].id == id)
			return hashes[i].md;
	return NULL;
}

EVP_MAC *os_hmac(void)
{
	return hmac;
}

#define CIPHER_NAME(name, text) text,
static const char *const cipher_names[OS_C_COUNT] = { OS_CIPHERS(CIPHER_NAME) };

static const struct plug_feat_row feats[] = {
	ROWS_ENCR_WIDE(os)
	ROWS_MAC_WIDE(os)
	ROWS_HASH_WIDE(os)
	ROWS_KEX_WIDE(os)
	ROWS_SIGN_WIDE(os, 50)
};

/* What the library was built without stays NULL; its features then fail their known-answer tests and are left out. */
static err_t start(const struct plug_host *host, void **self)
{
	(void)host;
	*self = NULL;
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_LOAD_CONFIG, NULL) <= 0)
		return E_CRYPTO;
	for (size_t i = 0; i < OS_C_COUNT; i++)
		if (!os_cipher[i])
			os_cipher[i] = EVP_CIPHER_fetch(NULL, cipher_names[i], NULL);
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (!hashes[i].md)
			hashes[i].md = EVP_MD_fetch(NULL, hashes[i].name, NULL);
	if (!hmac)
		hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	return hmac ? 0 : E_CRYPTO;
}

static void stop(void *self)
{
	(void)self;
	for (size_t i = 0; i < OS_C_COUNT; i++) {
		EVP_CIPHER_free(os_cipher[i]);
		os_cipher[i] = NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
		EVP_MD_free(hashes[i].md);
		hashes[i].md = NULL;
	}
	EVP_MAC_free(hmac);
	hmac = NULL;
}

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "crypto-openssl",
	.version = "0.1.0",
	.summary = "algorithms of OpenSSL 3: AES, Camellia, ChaCha20-Poly1305, SHA, DH, ECDH, RSA, ECDSA, EdDSA",
	.feats = feats,
	.n_feats = ARRAY_LEN(feats),
	.start = start,
	.stop = stop,
};
