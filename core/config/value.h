/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as text: numbers with units, durations, sizes, secrets. Each parser takes the whole slice; blanks at both
 * ends must be gone. E_BAD_VALUE; the caller says where and what was expected. Any thread; nothing waits.
 */
#ifndef ADIT_CONFIG_VALUE_H
#define ADIT_CONFIG_VALUE_H

#include "base/err.h"
#include "base/secret.h"

/* yes/no, true/false, enabled/disabled, 1/0; letters of any case. */
MUST err_t conf_value_bool(slice s, bool *out);
/* Decimal or 0x hexadecimal. */
MUST err_t conf_value_int(slice s, int64_t *out);
/* "3600", "30s", "1h 30m", "1d12h": seconds. */
MUST err_t conf_value_time_s(slice s, uint64_t *out);
/* "4.0", "0.25", "30", "30s", "250ms", "2m": milliseconds; a number without unit is seconds. */
MUST err_t conf_value_time_ms(slice s, uint64_t *out);
/* "1.8" as 1800; up to three digits behind the point. */
MUST err_t conf_value_decimal(slice s, uint64_t *thousandths);
/* "10M", "1G", "1500": bytes; k, m, g, t (of any case) are powers of 1024. */
MUST err_t conf_value_bytes(slice s, uint64_t *out);
/* "0x…" hexadecimal, "0s…" base64, else the bytes as they are. out must be empty. */
MUST err_t conf_value_secret(slice s, struct secret *out);
/* Hexadecimal digits, colons between bytes allowed. */
MUST err_t conf_value_hex(slice s, uint8_t *out, size_t cap, size_t *n);
slice conf_value_trim(slice s);

#endif
