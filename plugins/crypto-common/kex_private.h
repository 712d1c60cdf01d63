/* SPDX-License-Identifier: Apache-2.0 */
/* NAME_fini and NAME_private of a key exchange whose context is its private value, `bytes` long. */
#ifndef ADIT_CRYPTO_COMMON_KEX_PRIVATE_H
#define ADIT_CRYPTO_COMMON_KEX_PRIVATE_H

#include "plugins/crypto-common/common.h"

#define KEX_PRIVATE(name, bytes) \
	static void name##_fini(void *ctx) \
	{ \
		explicit_bzero(ctx, bytes); \
	} \
	static err_t name##_private(void *ctx, slice priv) \
	{ \
		if (priv.n != bytes) \
			return E_MISUSE; \
		memcpy(ctx, priv.p, bytes); \
		return 0; \
	}

#endif
