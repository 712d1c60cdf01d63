/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks of IKE_SA_INIT, both roles. Inside of core/ike. */
#ifndef ADIT_IKE_INIT_H
#define ADIT_IKE_INIT_H

#include "ike/engine_int.h"

/* SA, KE, nonce, COOKIE, INVALID_KE_PAYLOAD; derives the keys. */
extern const struct task_ops task_init;
/* NAT detection (RFC 7296 section 2.23), port float, forced encapsulation. */
extern const struct task_ops task_natd;

/* Hash algorithms of signatures, requests for certificates, hash and URL; also read in IKE_AUTH. */
extern const struct task_ops task_certreq;
/* NAT detection payloads for the present addresses; spi_r 0 before it is known. */
void natd_put(const struct ike_xch *x, struct ike_out *out, uint64_t spi_r);
/* The addresses of an established SA have changed: what NAT detection of x->in says now. */
void natd_again(struct ike_xch *x);

/* Does one of the proposals allow exactly this suite? */
bool suite_is_of(const struct suite *s, const struct suite_prop *const *v, size_t n);

#endif
