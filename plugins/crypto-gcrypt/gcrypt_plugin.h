/* SPDX-License-Identifier: Apache-2.0 */
/* Function tables of the plugin crypto-gcrypt, file by file. */
#ifndef ADIT_CRYPTO_GCRYPT_H
#define ADIT_CRYPTO_GCRYPT_H

#include "plugin/abi.h"

#include <gcrypt.h>

/* encr.c */
extern const struct encr_ops gc_cbc_128, gc_cbc_192, gc_cbc_256, gc_ctr_128, gc_ctr_192, gc_ctr_256;
extern const struct encr_ops gc_gcm16_128, gc_gcm16_192, gc_gcm16_256, gc_gcm12_128, gc_gcm12_192, gc_gcm12_256,
	gc_gcm8_128, gc_gcm8_192, gc_gcm8_256, gc_chacha;
/* mac.c */
extern const struct mac_ops gc_integ_sha1, gc_integ_sha256, gc_integ_sha384, gc_integ_sha512, gc_prf_sha1,
	gc_prf_sha256, gc_prf_sha384, gc_prf_sha512;
extern const struct hash_ops gc_hash_sha1, gc_hash_sha256, gc_hash_sha384, gc_hash_sha512;
/* kex_ec.c, kex_modp.c */
extern const struct kex_ops gc_x25519, gc_ecp256, gc_ecp384, gc_ecp521, gc_modp2048, gc_modp3072, gc_modp4096;

#endif
