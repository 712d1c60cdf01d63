/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NIST's CAVP response files: sections "[name = value]", then paragraphs of "name = value" lines. A paragraph that makes no
 * test by itself (a key, a modulus, lengths) holds for those behind it, up to the next section; what stands above the
 * first section holds for the whole file.
 */
#include "vec_rsp.h"

#include <stdio.h>
#include <strings.h>

static const struct {
	const char *rsp, *acvp;
} acvp_names[] = { { "SKEYID", "sKeyId" }, { "SKEYID_d", "sKeyIdD" }, { "SKEYID_a", "sKeyIdA" }, { "SKEYID_e", "sKeyIdE" },
	{ "SKEYSEED", "sKeySeed" }, { "DKM", "derivedKeyingMaterial" }, { "DKM(Child SA)", "derivedKeyingMaterialChild" },
	{ "DKM(Child SA D-H)", "derivedKeyingMaterialDh" }, { "SKEYSEED(Rekey)", "sKeySeedReKey" } };

const char *vec_get(const struct vec_record *rec, const char *key)
{
	for (size_t i = 0; rec->over && i < ARRAY_LEN(acvp_names); i++)
		if (strcmp(acvp_names[i].rsp, key) == 0)
			return json_string_value(json_object_get(rec->over, acvp_names[i].acvp));
	for (size_t i = rec->n; i-- > 0;)
		if (strcmp(rec->v[i].key, key) == 0)
			return rec->v[i].value;
	return NULL;
}

bool vec_get_hex(struct vec_runner *r, const struct vec_record *rec, const char *key, slice *out)
{
	const char *s = vec_get(rec, key);
	return s && vec_hex(r, s, out);
}

static char *trim(char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	size_t n = strlen(s);
	while (n && strchr(" \t\r\n", s[n - 1]))
		s[--n] = 0;
	return s;
}

static void add(struct vec_record *rec, const char *key, const char *value)
{
	if (rec->n < VEC_PAIRS)
		rec->v[rec->n++] = (struct vec_pair){ key, value };
}

/* The pairs from `from` on join those of the section; a name that is there already gets the new value. */
static void hold(struct vec_record *rec, size_t from)
{
	size_t end = rec->n, keep = rec->n_section;
	for (size_t i = from; i < end; i++) {
		const struct vec_pair p = rec->v[i];
		size_t k = rec->n_file;
		while (k < keep && strcmp(rec->v[k].key, p.key) != 0)
			k++;
		rec->v[k] = p;
		keep += k == keep;
	}
	rec->n = rec->n_section = keep;
}

static void end_paragraph(struct vec_runner *r, struct vec_record *rec)
{
	if (rec->n > rec->n_section) {
		if (vec_rsp_record(r, rec)) {
			/* Files of X9.31 and PSS signatures tell the exponent in the first test only. */
			size_t n = rec->n_section;
			for (size_t i = n; i < rec->n; i++)
				if (strcmp(rec->v[i].key, "n") == 0 || strcmp(rec->v[i].key, "e") == 0)
					rec->v[n++] = rec->v[i];
			rec->n = n;
		}
		hold(rec, rec->n_section);
	}
	rec->fail = false;
}

static bool is_curve(const char *s)
{
	uint16_t len;
	return vec_curve(s, &len) || (strchr("PKB", s[0]) && s[0] && s[1] == '-' && s[2] >= '0' && s[2] <= '9');
}

/* "[Keylen = 128]", "[Alen = 0, Plen = 0, Nlen = 7, Tlen = 4]", "[L=32]", "[ENCRYPT]", "[P-256,SHA-1]", "[SHA-1]" */
static void section(struct vec_record *rec, char *s)
{
	for (char *next; s; s = next) {
		next = strchr(s, ',');
		if (next)
			*next++ = 0;
		char *eq = strchr(s, '=');
		if (eq)
			*eq = 0;
		char *word = trim(s);
		if (eq)
			add(rec, word, trim(eq + 1));
		else if (is_curve(word))
			add(rec, "curve", word);
		else if (vec_hash(word))
			add(rec, "hash", word);
	}
	hold(rec, rec->n_section);
}

static void comment(struct vec_record *rec, const char *s)
{
	size_t n = strlen(rec->about);
	if (!rec->n && n + 1 < sizeof rec->about)
		snprintf(rec->about + n, sizeof rec->about - n, "%s\n", s);
}

err_t vec_rsp(struct vec_runner *r, const char *path, slice text, const json_t *over)
{
	char *copy = vec_mem(r, text.n + 1);
	const char *slash = strrchr(path, '/');
	struct vec_record rec = { .base = slash ? slash + 1 : path, .over = over };
	bool sections = false, fresh = true; /* fresh: the next section line begins a new section */
	unsigned lines = 0;

	memcpy(copy, text.p, text.n);
	for (char *p = copy, *next; p; p = next) {
		next = strchr(p, '\n');
		if (next)
			*next++ = 0;
		char *s = trim(p), *eq = strchr(s, '=');
		if (*s == '#') {
			comment(&rec, s);
		} else if (!*s) {
			end_paragraph(r, &rec);
		} else if (*s == '[') {
			end_paragraph(r, &rec);
			if (!sections)
				rec.n_file = rec.n_section;
			else if (fresh)
				rec.n = rec.n_section = rec.n_file;
			sections = true;
			fresh = false;
			s[strcspn(s, "]")] = 0;
			section(&rec, s + 1);
			lines++;
		} else if (strcmp(s, "FAIL") == 0) {
			rec.fail = true;
		} else if (eq) {
			*eq = 0;
			add(&rec, trim(s), trim(eq + (eq[1] == '=' ? 2 : 1)));
			fresh = true;
			lines++;
		}
	}
	end_paragraph(r, &rec);
	return lines ? 0 : E_PARSE;
}
