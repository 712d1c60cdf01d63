/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key derivation in the forms of NIST's ACVP: a vector set with questions and answers (internalProjection.json of
 * kdf-components), and files of answers alone, whose questions are a response file beside them. Both become the records that
 * response files give.
 */
#include "vec_rsp.h"

#include <stdio.h>

/* test.acvp.NAME.json holds only answers; the questions are in NAME.txt beside it. */
err_t vec_acvp_answers(struct vec_runner *r, const char *path, const json_t *doc)
{
	char other[4096];
	const char *name = strstr(path, "test.acvp.");
	slice text;
	if (!name || snprintf(other, sizeof other, "%.*s%s", (int)(name - path), path, name + strlen("test.acvp.")) >= 4096)
		return E_PARSE;
	char *dot = strrchr(other, '.');
	if (!dot || strcmp(dot, ".json") != 0)
		return E_PARSE;
	memcpy(dot, ".txt", 5);
	err_t e = vec_read(r, other, &text);
	return e ? e : vec_rsp(r, other, text, doc);
}

static const struct {
	const char *acvp, *rsp;
	const char *bits; /* the group's length of it, whole bytes of which are compared; NULL: as it is */
} names[] = { { "nInit", "Ni", NULL }, { "nResp", "Nr", NULL }, { "gir", "g^ir", NULL }, { "girNew", "g^ir (new)", NULL },
	{ "gxy", "g^xy", NULL }, { "spiInit", "SPIi", NULL }, { "spiResp", "SPIr", NULL }, { "ckyInit", "CKY_I", NULL },
	{ "ckyResp", "CKY_R", NULL }, { "preSharedKey", "pre-shared-key", NULL }, { "sKeyId", "SKEYID", NULL },
	{ "sKeyIdD", "SKEYID_d", NULL }, { "sKeyIdA", "SKEYID_a", NULL }, { "sKeyIdE", "SKEYID_e", NULL },
	{ "sKeySeed", "SKEYSEED", NULL }, { "sKeySeedReKey", "SKEYSEED(Rekey)", NULL },
	{ "derivedKeyingMaterial", "DKM", "derivedKeyingMaterialLength" },
	{ "derivedKeyingMaterialChild", "DKM(Child SA)", "derivedKeyingMaterialChildLength" },
	{ "derivedKeyingMaterialDh", "DKM(Child SA D-H)", "derivedKeyingMaterialChildLength" } };

static const char *why_not(const json_t *g)
{
	static const char *const lens[] = { "dhLength", "gxyLength", "nInitLength", "nRespLength", "preSharedKeyLength" };
	const char *method = json_string_value(json_object_get(g, "authenticationMethod"));
	if (method && strcmp(method, "pke") == 0)
		return "IKEv1 with public key encryption, which Adit does not have";
	for (size_t i = 0; i < ARRAY_LEN(lens); i++)
		if (json_integer_value(json_object_get(g, lens[i])) % 8)
			return "an input that does not end with a byte";
	return NULL;
}

static void run_test(struct vec_runner *r, const json_t *g, const json_t *t)
{
	struct vec_record rec = { .base = "" };
	const char *hash = json_string_value(json_object_get(g, "hashAlg")), *skip = why_not(g);
	char id[64];
	snprintf(id, sizeof id, "%lld", (long long)json_integer_value(json_object_get(t, "tcId")));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = json_string_value(json_object_get(t, names[i].acvp));
		const json_t *bits = names[i].bits ? json_object_get(g, names[i].bits) : NULL;
		if (!value)
			continue;
		size_t n = strlen(value), whole = bits ? (size_t)json_integer_value(bits) / 8 * 2 : n;
		char *copy = vec_mem(r, n + 1);
		memcpy(copy, value, whole < n ? whole : n);
		rec.v[rec.n++] = (struct vec_pair){ names[i].rsp, copy };
	}
	if (hash)
		rec.v[rec.n++] = (struct vec_pair){ "hash", hash };
	struct vec v = { .want = VEC_VALID, .skip = skip ? skip : "no answer is in the file" };
	if (skip || !vec_kdf(r, &rec, id))
		vec_run(r, &v);
}

bool vec_acvp_kdf(struct vec_runner *r, const json_t *doc)
{
	const char *algorithm = json_string_value(json_object_get(doc, "algorithm"));
	const char *mode = json_string_value(json_object_get(doc, "mode"));
	const json_t *groups = json_object_get(doc, "testGroups");
	if (!algorithm || strcmp(algorithm, "kdf-components") != 0 || !mode || strncmp(mode, "ikev", 4) != 0)
		return false;
	for (size_t i = 0; i < json_array_size(groups); i++) {
		const json_t *g = json_array_get(groups, i), *tests = json_object_get(g, "tests");
		for (size_t k = 0; k < json_array_size(tests); k++)
			run_test(r, g, json_array_get(tests, k));
	}
	return true;
}
