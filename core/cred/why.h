/* SPDX-License-Identifier: Apache-2.0 */
/* The sentence that tells why a call about credentials failed. */
#ifndef ADIT_CRED_WHY_H
#define ADIT_CRED_WHY_H

#include "base/slice.h"
#include "plugin/abi_cert.h"

#include <stdarg.h>
#include <stdio.h>

/* Writes the sentence (cut at its room) and returns e. */
static inline err_t PRINTF_LIKE(3, 4) cred_why(struct cert_why *why, err_t e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof why->text, fmt, ap);
	va_end(ap);
	return e;
}

#endif
