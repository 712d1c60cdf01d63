/* SPDX-License-Identifier: Apache-2.0 */
/* crypto-gnutls: algorithms of GnuTLS, Nettle and GMP; best at HMAC, ECP and MODP. See README.md. */
#include "plugins/crypto-common/kats_encr.h"
#include "plugins/crypto-common/kats_kex.h"
#include "plugins/crypto-common/kats_mac.h"
#include "plugins/crypto-gnutls/gnutls_plugin.h"

/* Priorities follow what was measured against the other crypto plugins (README.md). */
#define ENCR(id, bits, p, table, kat) { .is = { PLUG_ENCR, id, bits }, .prio = p, .ops = &gt_##table, KATS(kat) }
#define AES(id, p, table, kat) \
	ENCR(id, 128, p, table##_128, kat##_128), ENCR(id, 192, p, table##_192, kat##_192), \
		ENCR(id, 256, p, table##_256, kat##_256)
#define ROW(kind, id, p, table, kat) { .is = { kind, id, 0 }, .prio = p, .ops = &gt_##table, KATS(kat) }

static const struct plug_feat_row feats[] = {
	AES(20, 50, gcm16, aes_gcm16),
	AES(19, 50, gcm12, aes_gcm12),
	AES(18, 50, gcm8, aes_gcm8),
	AES(12, 50, cbc, aes_cbc),
	AES(13, 40, ctr, aes_ctr),
	ENCR(28, 256, 40, chacha, chacha20_poly1305),
	ROW(PLUG_INTEG, 2, 60, integ_sha1, integ_sha1),
	ROW(PLUG_INTEG, 12, 60, integ_sha256, integ_sha256),
	ROW(PLUG_INTEG, 13, 50, integ_sha384, integ_sha384),
	ROW(PLUG_INTEG, 14, 50, integ_sha512, integ_sha512),
	ROW(PLUG_PRF, 2, 60, prf_sha1, prf_sha1),
	ROW(PLUG_PRF, 5, 60, prf_sha256, prf_sha256),
	ROW(PLUG_PRF, 6, 60, prf_sha384, prf_sha384),
	ROW(PLUG_PRF, 7, 60, prf_sha512, prf_sha512),
	ROW(PLUG_HASH, 1, 60, hash_sha1, hash_sha1),
	ROW(PLUG_HASH, 2, 60, hash_sha256, hash_sha256),
	ROW(PLUG_HASH, 3, 60, hash_sha384, hash_sha384),
	ROW(PLUG_HASH, 4, 60, hash_sha512, hash_sha512),
	ROW(PLUG_KEX, 31, 60, x25519, x25519),
	ROW(PLUG_KEX, 19, 80, ecp256, ecp256),
	ROW(PLUG_KEX, 20, 80, ecp384, ecp384),
	ROW(PLUG_KEX, 21, 80, ecp521, ecp521),
	ROW(PLUG_KEX, 14, 80, modp2048, modp2048),
	ROW(PLUG_KEX, 15, 80, modp3072, modp3072),
	ROW(PLUG_KEX, 16, 80, modp4096, modp4096),
};

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "crypto-gnutls",
	.version = "0.1.0",
	.summary = "algorithms of GnuTLS, Nettle and GMP: AES, ChaCha20-Poly1305, SHA, X25519, ECP, MODP",
	.feats = feats,
	.n_feats = ARRAY_LEN(feats),
};
