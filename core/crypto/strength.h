/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How strong what was agreed is, in bits of a symmetric key (NIST SP 800-57 part 1, table 2): for comparing a shared secret
 * or the keys of certificates with it. Pure functions.
 */
#ifndef ADIT_CRYPTO_STRENGTH_H
#define ADIT_CRYPTO_STRENGTH_H

#include "crypto/suite.h"

/* Of one transform; UINT_MAX when it does not limit the strength (integrity, numbers nobody knows). */
unsigned suite_tf_strength(uint8_t type, uint16_t id, uint16_t bits);
/* The weakest part of a suite; of several key exchanges the strongest counts. 0: unknown. */
unsigned suite_strength(const struct suite *s);
/* What the most preferred transforms of a proposal would give. */
unsigned suite_prop_strength(const struct suite_prop *p);

#endif
