/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distinguished names (RFC 4514 as text, X.501 as DER): for identities. Any thread; nothing waits. DER comes from
 * peers and is read through cursors.
 */
#ifndef ADIT_CONFIG_DN_H
#define ADIT_CONFIG_DN_H

#include "base/err.h"
#include "base/text.h"

/* "C=CH, O=Lab, CN=*", parts separated by ',' or '/', values in quotes or with backslashes when they hold one. */
MUST err_t conf_dn_parse(const char *text, uint8_t *out, size_t cap, size_t *n);
/* "C=CH, O=Lab, CN=gw"; unknown attributes by their OID; "(invalid DN)" when the DER is none. */
void conf_dn_text(slice der, struct text *t);
/* -1: no match; 0: equal; else how many values of the pattern were "*". Letters of any case are the same. */
int conf_dn_match(slice pattern, slice der);

#endif
