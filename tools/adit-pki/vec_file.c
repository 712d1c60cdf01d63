/* SPDX-License-Identifier: Apache-2.0 */
/* Files, hex, base64, names. */
#include "vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { PIECE = 1 << 16, FILE_MAX = 256 << 20 };

err_t vec_read(struct vec_runner *r, const char *path, slice *out)
{
	gzFile f = gzopen(path, "rb"); /* reads what is not gzip as it is */
	uint8_t *b = NULL;
	size_t n = 0, cap = 0;
	int got = 0;

	if (!f)
		return E_IO;
	do {
		if (cap - n < PIECE + 1) {
			cap = cap ? 2 * cap : 4 * PIECE;
			uint8_t *more = cap <= FILE_MAX ? realloc(b, cap) : NULL;
			if (!more) {
				got = -1;
				break;
			}
			b = more;
		}
		got = gzread(f, b + n, PIECE);
		n += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	gzclose(f);
	if (got == 0 && b) {
		uint8_t *p = vec_mem(r, n + 1);
		memcpy(p, b, n);
		*out = slice_of(p, n);
	}
	free(b);
	return got == 0 && out->n ? 0 : E_IO;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool vec_hex(struct vec_runner *r, const char *hex, slice *out)
{
	size_t n = hex ? strlen(hex) : 0, at = 0;
	uint8_t *p = vec_mem(r, n / 2 + 1);

	if (!hex)
		return false;
	if (n % 2) {
		if (hex_digit(hex[0]) < 0)
			return false;
		p[at++] = (uint8_t)hex_digit(*hex++);
		n--;
	}
	for (; n; n -= 2, hex += 2) {
		int hi = hex_digit(hex[0]), lo = hex_digit(hex[1]);
		if (hi < 0 || lo < 0)
			return false;
		p[at++] = (uint8_t)(hi << 4 | lo);
	}
	*out = slice_of(p, at);
	return true;
}

bool vec_base64(struct vec_runner *r, const char *text, slice *out)
{
	static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	if (!text)
		return false;
	uint8_t *p = vec_mem(r, strlen(text) + 4);
	size_t n = 0, bits = 0;
	uint32_t v = 0;
	for (; *text; text++) {
		if (strncmp(text, "-----BEGIN ", 11) == 0 || strncmp(text, "-----END ", 9) == 0) {
			/* Two '-' alone are base64url. */
			text += strspn(text, "-");
			text += strcspn(text, "-");
			text += strspn(text, "-") - 1;
			continue;
		}
		char c = *text == '-' ? '+' : *text == '_' ? '/' : *text;
		const char *at = strchr(abc, c);
		if (c == '\n' || c == '\r' || c == ' ' || c == '=')
			continue;
		if (!at)
			return false;
		v = v << 6 | (uint32_t)(at - abc);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			p[n++] = (uint8_t)(v >> bits);
		}
	}
	*out = slice_of(p, n);
	return true;
}

slice vec_join(struct vec_runner *r, const slice *v, size_t n)
{
	size_t total = 0, at = 0;
	for (size_t i = 0; i < n; i++)
		total += v[i].n;
	uint8_t *p = vec_mem(r, total);
	for (size_t i = 0; i < n; at += v[i++].n)
		if (v[i].n)
			memcpy(p + at, v[i].p, v[i].n);
	return slice_of(p, total);
}

slice vec_number(struct vec_runner *r, slice n, size_t len)
{
	while (n.n && !n.p[0])
		n = slice_of(n.p + 1, n.n - 1);
	uint8_t *p = vec_mem(r, len);
	if (n.n > len)
		return SLICE_NONE;
	if (n.n)
		memcpy(p + len - n.n, n.p, n.n);
	return slice_of(p, len);
}

static const struct {
	const char *name;
	uint16_t id;
	uint16_t block;
} hashes[] = {
	{ "SHA1", PLUG_HASH_SHA1, 64 }, { "SHA160", PLUG_HASH_SHA1, 64 }, { "SHA224", PLUG_HASH_SHA224, 64 },
	{ "SHA256", PLUG_HASH_SHA256, 64 }, { "SHA384", PLUG_HASH_SHA384, 128 }, { "SHA512", PLUG_HASH_SHA512, 128 },
	{ "SHA512224", PLUG_HASH_SHA512_224, 128 }, { "SHA512256", PLUG_HASH_SHA512_256, 128 },
	{ "SHA3224", PLUG_HASH_SHA3_224, 144 }, { "SHA3256", PLUG_HASH_SHA3_256, 136 },
	{ "SHA3384", PLUG_HASH_SHA3_384, 104 }, { "SHA3512", PLUG_HASH_SHA3_512, 72 }, { "MD5", PLUG_HASH_MD5, 64 },
	{ "SHAKE128", PLUG_HASH_SHAKE128, 168 }, { "SHAKE256", PLUG_HASH_SHAKE256, 136 },
};

uint16_t vec_hash(const char *name)
{
	char plain[32];
	size_t n = 0;
	for (; name && *name && n + 1 < sizeof plain; name++)
		if (!strchr("-_/ ", *name))
			plain[n++] = *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name;
	plain[n] = 0;
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (strcmp(plain, hashes[i].name) == 0)
			return hashes[i].id;
	return 0;
}

uint32_t vec_hash_block(uint16_t hash)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (hashes[i].id == hash)
			return hashes[i].block;
	return 0;
}

uint16_t vec_curve(const char *name, uint16_t *len)
{
	static const struct {
		const char *name, *nist;
		uint16_t group, len;
	} curves[] = { { "secp256r1", "P-256", 19, 32 }, { "secp384r1", "P-384", 20, 48 }, { "secp521r1", "P-521", 21, 66 },
		{ "secp192r1", "P-192", 25, 24 }, { "secp224r1", "P-224", 26, 28 }, { "brainpoolP224r1", "", 27, 28 },
		{ "brainpoolP256r1", "", 28, 32 }, { "brainpoolP384r1", "", 29, 48 }, { "brainpoolP512r1", "", 30, 64 } };
	for (size_t i = 0; name && i < ARRAY_LEN(curves); i++)
		if (strcmp(name, curves[i].name) == 0 || strcmp(name, curves[i].nist) == 0) {
			*len = curves[i].len;
			return curves[i].group;
		}
	return 0;
}
