/* SPDX-License-Identifier: Apache-2.0 */
/* Values as text: numbers with units, durations, sizes, secrets. */
#include "config/value.h"

#include <ctype.h>
#include <strings.h>

slice conf_value_trim(slice s)
{
	while (s.n && isspace(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && isspace(s.p[s.n - 1]))
		s.n--;
	return s;
}

static bool is_word(slice s, const char *word)
{
	return s.n == strlen(word) && strncasecmp((const char *)s.p, word, s.n) == 0;
}

err_t conf_value_bool(slice s, bool *out)
{
	static const struct { const char *word; bool v; } words[] = {
		{ "yes", true }, { "no", false }, { "true", true }, { "false", false },
		{ "enabled", true }, { "disabled", false }, { "1", true }, { "0", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (is_word(s, words[i].word)) {
			*out = words[i].v;
			return 0;
		}
	return E_BAD_VALUE;
}

static int digit(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ?
		c - 'A' + 10 : 99;
}

/* Takes digits off the front of *s. */
static err_t take_number(slice *s, unsigned base, uint64_t *out)
{
	uint64_t v = 0;
	size_t k = 0;

	for (; k < s->n && (unsigned)digit(s->p[k]) < base; k++)
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, (unsigned)digit(s->p[k]), &v))
			return E_BAD_VALUE;
	s->p += k;
	s->n -= k;
	*out = v;
	return k ? 0 : E_BAD_VALUE;
}

err_t conf_value_int(slice s, int64_t *out)
{
	uint64_t v;
	bool minus = s.n && s.p[0] == '-';

	if (minus) {
		s.p++;
		s.n--;
	}
	bool hex = s.n > 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x';
	if (hex) {
		s.p += 2;
		s.n -= 2;
	}
	if (take_number(&s, hex ? 16 : 10, &v) || s.n || v > INT64_MAX)
		return E_BAD_VALUE;
	*out = minus ? -(int64_t)v : (int64_t)v;
	return 0;
}

/* Digits with an optional point and up to `places` digits behind it, times 10^places. */
static err_t take_decimal(slice *s, unsigned places, uint64_t *out)
{
	uint64_t v, scale = 1;

	for (unsigned i = 0; i < places; i++)
		scale *= 10;
	if (take_number(s, 10, &v) || __builtin_mul_overflow(v, scale, &v))
		return E_BAD_VALUE;
	if (s->n && s->p[0] == '.') {
		s->p++;
		s->n--;
		size_t k = 0;
		for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; s->p++, s->n--, k++) {
			if (k >= places)
				return E_BAD_VALUE;
			scale /= 10;
			if (__builtin_add_overflow(v, (uint64_t)(s->p[0] - '0') * scale, &v))
				return E_BAD_VALUE;
		}
		if (k == 0)
			return E_BAD_VALUE;
	}
	*out = v;
	return 0;
}

err_t conf_value_time_s(slice s, uint64_t *out)
{
	static const struct { char unit; uint32_t s; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 },
	};
	uint64_t sum = 0;

	if (!s.n)
		return E_BAD_VALUE;
	while (s.n) {
		uint64_t v, f = 0;
		if (take_number(&s, 10, &v))
			return E_BAD_VALUE;
		for (size_t i = 0; s.n && i < ARRAY_LEN(units); i++)
			if ((s.p[0] | 0x20) == units[i].unit)
				f = units[i].s;
		if (s.n && !f)
			return E_BAD_VALUE;
		if (f) {
			s.p++;
			s.n--;
		}
		if (__builtin_mul_overflow(v, f ? f : 1, &v) || __builtin_add_overflow(sum, v, &sum))
			return E_BAD_VALUE;
		s = conf_value_trim(s);
	}
	*out = sum;
	return 0;
}

err_t conf_value_time_ms(slice s, uint64_t *out)
{
	static const struct { const char *unit; uint32_t ms; } units[] = {
		{ "", 1000 }, { "s", 1000 }, { "ms", 1 }, { "m", 60000 }, { "h", 3600000 },
	};
	uint64_t v;

	if (take_decimal(&s, 3, &v))
		return E_BAD_VALUE;
	s = conf_value_trim(s);
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (is_word(s, units[i].unit)) {
			if (__builtin_mul_overflow(v, units[i].ms, &v) || v % 1000)
				return E_BAD_VALUE;
			*out = v / 1000;
			return 0;
		}
	return E_BAD_VALUE;
}

err_t conf_value_decimal(slice s, uint64_t *thousandths)
{
	return take_decimal(&s, 3, thousandths) || s.n ? E_BAD_VALUE : 0;
}

err_t conf_value_bytes(slice s, uint64_t *out)
{
	static const char units[] = "kmgt";
	uint64_t v, f = 1;

	if (take_number(&s, 10, &v))
		return E_BAD_VALUE;
	s = conf_value_trim(s);
	if (s.n && (s.p[s.n - 1] | 0x20) == 'b')
		s.n--;
	if (s.n) {
		const char *u = s.n == 1 ? strchr(units, s.p[0] | 0x20) : NULL;
		if (!u)
			return E_BAD_VALUE;
		f = (uint64_t)1 << (10 * (u - units + 1));
	}
	return __builtin_mul_overflow(v, f, out) ? E_BAD_VALUE : 0;
}

err_t conf_value_hex(slice s, uint8_t *out, size_t cap, size_t *n)
{
	*n = 0;
	while (s.n) {
		if (s.p[0] == ':' && *n && s.n > 1) {
			s.p++;
			s.n--;
		}
		if (s.n < 2 || digit(s.p[0]) > 15 || digit(s.p[1]) > 15 || *n >= cap)
			return E_BAD_VALUE;
		out[(*n)++] = (uint8_t)(digit(s.p[0]) << 4 | digit(s.p[1]));
		s.p += 2;
		s.n -= 2;
	}
	return 0;
}

static int base64_value(uint8_t c)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(alphabet, c) : NULL;

	return p ? (int)(p - alphabet) : -1;
}

static err_t base64(slice s, uint8_t *out, size_t *n)
{
	uint32_t acc = 0;
	unsigned bits = 0;

	*n = 0;
	for (unsigned pad = 0; s.n && s.p[s.n - 1] == '=' && pad < 2; pad++)
		s.n--;
	for (size_t i = 0; i < s.n; i++) {
		int v = base64_value(s.p[i]);
		if (v < 0)
			return E_BAD_VALUE;
		acc = acc << 6 | (uint32_t)v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[(*n)++] = (uint8_t)(acc >> bits);
		}
	}
	mem_wipe(&acc, sizeof acc);
	return bits >= 6 ? E_BAD_VALUE : 0;
}

err_t conf_value_secret(slice s, struct secret *out)
{
	bool hex = s.n >= 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x';
	bool b64 = s.n >= 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 's';

	if (!hex && !b64)
		return secret_copy(out, s);
	s.p += 2;
	s.n -= 2;
	err_t e = secret_init(out, s.n);
	if (e)
		return e;
	size_t n = 0;
	if (s.n)
		e = hex ? conf_value_hex(s, out->p, out->n, &n) : base64(s, out->p, &n);
	if (e || n == 0) {
		secret_fini(out);
		return E_BAD_VALUE;
	}
	secret_trim(out, n);
	return 0;
}
