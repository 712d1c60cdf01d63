/* SPDX-License-Identifier: Apache-2.0 */
/* An engine that only pretends, for tests of the API server; linked in place of the real one. */
#ifndef ADIT_TESTS_FAKE_ENGINE_H
#define ADIT_TESTS_FAKE_ENGINE_H

#include "ike/engine.h"

/* IKE SAs it has, all of connection "gw". */
extern uint32_t fake_sas;

#endif
