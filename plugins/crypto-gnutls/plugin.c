/* SPDX-License-Identifier: Apache-2.0 */
/* crypto-gnutls: algorithms of GnuTLS, Nettle and GMP; best at HMAC, ECP and MODP. See README.md. */
#include "plugins/crypto-common/rows.h"
#include "plugins/crypto-gnutls/gnutls_plugin.h"

static const struct plug_feat_row feats[] = {
	ROWS_ENCR_WIDE(gt)
	ENCR_WEAK(2, 64, 50, gt_des, des)
	ROWS_MAC_WIDE(gt)
	ROWS_SHA2(gt)
	ROWS_SHA512T(gt)
	ROWS_SHA3(gt)
	ROWS_HASH_MD5(gt)
	ROWS_XDH(gt, 60)
	ROWS_ECP(gt, 80)
	ROWS_MODP(gt, 80)
	ROWS_SIGN(gt, 30)
};

ADIT_PLUGIN = {
	ADIT_PLUGIN_HEAD,
	.name = "crypto-gnutls",
	.version = "0.1.0",
	.summary = "algorithms of GnuTLS, Nettle and GMP: AES, ChaCha20-Poly1305, SHA, X25519, ECP, MODP, RSA, ECDSA, EdDSA",
	.feats = feats,
	.n_feats = ARRAY_LEN(feats),
};
