/* SPDX-License-Identifier: Apache-2.0 */
/* crypto-gcrypt: algorithms of GnuPG's Libgcrypt; best at bulk encryption. See README.md. */
#include "plugins/crypto-common/kats_encr.h"
#include "plugins/crypto-common/kats_kex.h"
#include "plugins/crypto-common/kats_mac.h"
#include "plugins/crypto-gcrypt/gcrypt_plugin.h"

#define GCRYPT_NEEDED "1.9.0"

/* Priorities follow what was measured against the other crypto plugins (README.md). */
#define ENCR(id, bits, p, table, kat) { .is = { PLUG_ENCR, id, bits }, .prio = p, .ops = &gc_##table, KATS(kat) }
#define AES(id, p, table, kat) \
	ENCR(id, 128, p, table##_128, kat##_128), ENCR(id, 192, p, table##_192, kat##_192), \
		ENCR(id, 256, p, table##_256, kat##_256)
#define ROW(kind, id, p, table, kat) { .is = { kind, id, 0 }, .prio = p, .ops = &gc_##table, KATS(kat) }

static const struct plug_feat_row feats[] = {
	AES(20, 60, gcm16, aes_gcm16),
	AES(19, 60, gcm12, aes_gcm12),
	AES(18, 60, gcm8, aes_gcm8),
	AES(12, 60, cbc, aes_cbc),
	AES(13, 60, ctr, aes_ctr),
	ENCR(28, 256, 60, chacha, chacha20_poly1305),
	ROW(PLUG_INTEG, 2, 40, integ_sha1, integ_sha1),
	ROW(PLUG_INTEG, 12, 40, integ_sha256, integ_sha256),
	ROW(PLUG_INTEG, 13, 60, integ_sha384, integ_sha384),
	ROW(PLUG_INTEG, 14, 60, integ_sha512, integ_sha512),
	ROW(PLUG_PRF, 2, 40, prf_sha1, prf_sha1),
	ROW(PLUG_PRF, 5, 40, prf_sha256, prf_sha256),
	ROW(PLUG_PRF, 6, 40, prf_sha384, prf_sha384),
	ROW(PLUG_PRF, 7, 40, prf_sha512, prf_sha512),
	ROW(PLUG_HASH, 1, 40, hash_sha1, hash_sha1),
	ROW(PLUG_HASH, 2, 40, hash_sha256, hash_sha256),
	ROW(PLUG_HASH, 3, 40, hash_sha384, hash_sha384),
	ROW(PLUG_HASH, 4, 40, hash_sha512, hash_sha512),
	ROW(PLUG_KEX, 31, 20, x25519, x25519),
	ROW(PLUG_KEX, 19, 20, ecp256, ecp256),
	ROW(PLUG_KEX, 20, 20, ecp384, ecp384),
	ROW(PLUG_KEX, 21, 20, ecp521, ecp521),
	ROW(PLUG_KEX, 14, 40, modp2048, modp2048),
	ROW(PLUG_KEX, 15, 40, modp3072, modp3072),
	ROW(PLUG_KEX, 16, 40, modp4096, modp4096),
};

static err_t start(const struct plug_host *host, void **self)
{
	(void)host;
	*self = NULL;
	/* Another user of the library in this process may have made it ready already. */
	if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P))
		return 0;
	if (!gcry_check_version(GCRYPT_NEEDED))
		return E_NEEDS;
	/* Its pool of locked memory is too small for many SAs and one lock for all threads; keys are wiped all the same. */
	gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
	return 0;
}

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "crypto-gcrypt",
	.version = "0.1.0",
	.summary = "algorithms of Libgcrypt: AES, ChaCha20-Poly1305, SHA, X25519, ECP, MODP",
	.feats = feats,
	.n_feats = ARRAY_LEN(feats),
	.start = start,
};
