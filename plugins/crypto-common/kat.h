/* SPDX-License-Identifier: Apache-2.0 */
/* How the known-answer tests of the crypto plugins are written. */
#ifndef ADIT_CRYPTO_COMMON_KAT_H
#define ADIT_CRYPTO_COMMON_KAT_H

#include "plugin/abi.h"

#define KAT(s) { (const uint8_t *)(s), sizeof(s) - 1 }
/* .kats and .n_kats of a feature row. */
#define KATS(name) .kats = kat_##name, .n_kats = ARRAY_LEN(kat_##name)

#endif
