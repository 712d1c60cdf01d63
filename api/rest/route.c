/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rest/route.h"

#include "base/text.h"

static int digit(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool rest_unescape(slice in, char *out, size_t cap)
{
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		int c = in.p[i];
		if (c == '%') {
			int hi = i + 2 < in.n ? digit(in.p[i + 1]) : -1, lo = i + 2 < in.n ? digit(in.p[i + 2]) : -1;
			if (hi < 0 || lo < 0)
				return false;
			c = hi << 4 | lo;
			i += 2;
		}
		if (!c || n + 1 >= cap)
			return false;
		out[n++] = (char)c;
	}
	if (cap)
		out[n] = 0;
	return cap > 0;
}

static slice segment(const char **p)
{
	const char *from = *p + (**p == '/');
	size_t n = strcspn(from, "/");
	*p = from + n;
	return slice_of(from, n);
}

static bool is_utf8(const char *s)
{
	size_t n = 1;
	for (; *s && n; s += n)
		n = text_utf8(s);
	return n > 0;
}

static bool is_word(slice want, slice is)
{
	char word[REST_PARAM_MAX];
	return slice_equal(want, is) || (rest_unescape(is, word, sizeof word) && slice_equal(want, slice_str(word)));
}

static bool matches(const struct rest_route *r, const char *path, struct rest_path *out)
{
	const char *a = r->path, *b = path;
	out->n = 0;
	while (*a && *b) {
		slice want = segment(&a), is = segment(&b);
		if (want.n > 2 && want.p[0] == '{') {
			/* What is no UTF-8 could not be told apart in the JSON of an answer. */
			if (!is.n || out->n == REST_PARAMS || !rest_unescape(is, out->param[out->n], REST_PARAM_MAX) ||
			    !is_utf8(out->param[out->n]))
				return false;
			out->name[out->n] = (const char *)want.p + 1;
			out->name_n[out->n++] = want.n - 2;
		} else if (!is_word(want, is)) {
			return false;
		}
	}
	return !*a && !*b;
}

const struct rest_route *rest_route_find(const char *verb, const char *path, struct rest_path *out, bool *path_known)
{
	if (!strcmp(verb, "HEAD"))
		verb = "GET";
	*path_known = false;
	/* Words before parameters: /certificates/flush is no certificate of that name. */
	for (size_t i = 0; *path == '/' && strlen(path) < REST_PATH_MAX && i < rest_n_routes; i++) {
		if (!matches(&rest_routes[i], path, out))
			continue;
		*path_known = true;
		if (!strcmp(rest_routes[i].verb, verb))
			return &rest_routes[i];
	}
	return NULL;
}

bool rest_word_in(const char *list, slice word)
{
	while (list && *list) {
		size_t n = strcspn(list, ",");
		if (slice_equal(slice_of(list, n), word))
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

bool rest_pair(const char *pairs, slice key, slice *value)
{
	while (pairs && *pairs) {
		size_t n = strcspn(pairs, ","), k = strcspn(pairs, "=,");
		if (slice_equal(slice_of(pairs, k), key) && pairs[k] == '=') {
			*value = slice_of(pairs + k + 1, n - k - 1);
			return true;
		}
		pairs += n + (pairs[n] == ',');
	}
	return false;
}
