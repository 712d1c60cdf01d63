/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known-answer tests and speed of crypto features (encr, integ, prf, hash, kex, sign). A feature is offered only after all
 * of its tests passed; other kinds have none and pass. Before a plugin's functions are called at all the sizes of its
 * table are checked. Runs for milliseconds; does not wait; any thread.
 */
#ifndef ADIT_PLUGIN_KAT_H
#define ADIT_PLUGIN_KAT_H

#include "base/diag.h"
#include "plugin/abi.h"

/* Are the sizes of its function table possible? E_ABI. Called before any function of the table, and by kat_run. */
MUST err_t kat_table(const struct plug_feat_row *row, struct diag **why);
/* E_KAT with the test's number and what differs; E_ABI: the function table is too small or impossible. */
MUST err_t kat_run(const struct plug_feat_row *row, struct diag **why);
/* Operations per second, measured for about us microseconds or one operation; 0 for kinds without a measure.
 * Of 1,024 bytes; key exchange: both values of one side; signatures: signing. After kat_table. */
uint32_t kat_speed(const struct plug_feat_row *row, unsigned us);

#endif
