/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping strangers cheap: admission of IKE_SA_INIT, cookies (RFC 7296 section 2.6), the table of half-open SAs, and
 * the rate of unprotected answers. Inside of core/ike. Nothing here makes an SA.
 */
#ifndef ADIT_IKE_DOS_H
#define ADIT_IKE_DOS_H

#include "ike/engine_int.h"

#define DOS_COOKIE_LEN 17 /* version of the secret, 16 bytes of MAC */

enum dos_verdict { DOS_ADMIT = 0, DOS_COOKIE, DOS_DROP };

MUST err_t dos_new(struct ike_engine *e);
void dos_free(struct ike_engine *e);

/* What to do with an IKE_SA_INIT request from `remote`. *why is a static sentence for DROP. */
enum dos_verdict dos_admit(struct ike_engine *e, const struct net_addr *remote, const char **why);

/* The cookie for these values under the present secret. */
void dos_cookie_make(struct ike_engine *e, const struct net_addr *remote, uint64_t spi_i, slice nonce,
	uint8_t out[DOS_COOKIE_LEN]);
/* Valid under the present secret or the one before. */
bool dos_cookie_ok(struct ike_engine *e, const struct net_addr *remote, uint64_t spi_i, slice nonce, slice cookie);

/* May another unprotected answer go out now? Counted when not. */
bool dos_may_answer(struct ike_engine *e);

/* Half-open SAs by peer's SPI and address; sa->setup->init_from is the address. */
MUST err_t dos_half_open_add(struct ike_engine *e, struct ike_sa *sa);
void dos_half_open_del(struct ike_engine *e, struct ike_sa *sa);
struct ike_sa *dos_init_find(struct ike_engine *e, const struct net_addr *remote, uint64_t spi_i);

#endif
