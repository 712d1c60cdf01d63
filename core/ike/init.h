/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks of IKE_SA_INIT, both roles. Inside of core/ike. */
#ifndef ADIT_IKE_INIT_H
#define ADIT_IKE_INIT_H

#include "ike/engine_int.h"

/* SA, KE, nonce, COOKIE, INVALID_KE_PAYLOAD; derives the keys. */
extern const struct task_ops task_init;
/* NAT detection (RFC 7296 section 2.23), port float, forced encapsulation. */
extern const struct task_ops task_natd;

/* Does one of the proposals allow exactly this suite? */
bool suite_is_of(const struct suite *s, const struct suite_prop *const *v, size_t n);

#endif
