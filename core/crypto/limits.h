/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much one key may protect, by algorithm. A data plane that reaches a limit stops; a rekey has to come before.
 * Pure functions, any thread.
 */
#ifndef ADIT_CRYPTO_LIMITS_H
#define ADIT_CRYPTO_LIMITS_H

#include "crypto/suite.h"

struct crypto_limit {
	uint64_t packets, bytes; /* UINT64_MAX: none */
};

/* GCM and GMAC: 2^32 packets (NIST SP 800-38D section 8.3). Modes of a 128-bit block, with RFC 4309 and RFC 4106 far
 * below 2^64 blocks: 2^48 blocks, so that two equal blocks are less likely than 2^-32. Ciphers with a 64-bit block: 64 MiB,
 * our choice: long before 32 GiB, where equal blocks are likely and leak text (CVE-2016-2183). Without extended sequence
 * numbers an SA ends with the last of its 2^32 - 1 numbers, which are never used twice (RFC 4303 section 3.3.3): a kernel
 * only stops there, so this is a limit like the others. */
struct crypto_limit crypto_limit_of(uint16_t encr_id, bool esn);

/* The stricter of a configured limit (0 none) and the algorithm's; soft: what starts the rekey, three quarters of it. */
uint64_t crypto_limit_hard(uint64_t configured, uint64_t limit);
uint64_t crypto_limit_soft(uint64_t configured, uint64_t limit);

#endif
