/* SPDX-License-Identifier: Apache-2.0 */
/* crypto-gcrypt: algorithms of GnuPG's Libgcrypt; best at bulk encryption. See README.md. */
#include "plugins/crypto-common/rows.h"
#include "plugins/crypto-gcrypt/gcrypt_plugin.h"

#define GCRYPT_NEEDED "1.9.0"

static const struct plug_feat_row feats[] = {
	ROWS_ENCR_WIDE(gc)
	ENCR_WEAK(2, 64, 50, gc_des, des)
	ROWS_MAC_WIDE(gc)
	ROWS_HASH_WIDE(gc)
	ROW(PLUG_KEX, 31, 20, gc_x25519, x25519)
	ROWS_ECP(gc, 20)
	ROWS_BRAINPOOL(gc, 20)
	ROWS_MODP(gc, 40)
	ROWS_SIGN_WIDE(gc, 20)
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
	.summary = "algorithms of Libgcrypt: AES, ChaCha20-Poly1305, SHA, X25519, ECP, MODP, RSA, ECDSA, EdDSA",
	.feats = feats,
	.n_feats = ARRAY_LEN(feats),
	.start = start,
};
