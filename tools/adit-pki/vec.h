/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner of published test vectors (adit-pki test-vectors). A reader of a file format (vec_json.c, vec_rsp.c) makes
 * one struct vec per test; vec_run() gives it to every loaded provider of the algorithm and counts what came out.
 * One thread. Memory of a test lives until vec_free_all().
 */
#ifndef ADIT_PKI_VEC_H
#define ADIT_PKI_VEC_H

#include "crypto/crypto.h"
#include "plugin/registry.h"

#include <jansson.h>

enum vec_want { VEC_VALID = 1, VEC_ACCEPTABLE, VEC_INVALID };

struct vec;
/* Does the test with one provider. 0 and *same: the result is the expected one; an error: refused. */
typedef err_t vec_run_fn(const struct vec *v, const void *ops, bool *same);

struct vec {
	char id[64];
	enum vec_want want;
	const char *skip; /* why no provider can be asked; else NULL */
	uint16_t kind, alg, arg;
	vec_run_fn *run;
	slice key, salt, iv, aad, in, out, icv;
	uint32_t cut;     /* MACs: bytes compared; hashes: block length */
	struct sign_how how;
};

enum { VEC_PROVIDERS = 16, VEC_REASONS = 24 };

struct vec_count {
	char provider[32];
	unsigned passed, failed, skipped;
	struct {
		char text[112];
		unsigned n;
	} why[VEC_REASONS];
	unsigned n_why;
};

struct vec_runner {
	const struct plug_registry *reg;
	const char *only;         /* --provider, or NULL */
	const char *file;         /* being run */
	unsigned tests;           /* of the file */
	unsigned failures;        /* of all files */
	unsigned passes;
	unsigned skips;           /* tests that concern neither IKE nor ESP, each with its reason */
	unsigned unserved;        /* tests of which no loaded provider has the algorithm */
	struct vec_count count[VEC_PROVIDERS];
	unsigned n_count;
	void **mem;
	size_t n_mem, cap_mem;
};

/* ---- vec.c ---- */
void vec_run(struct vec_runner *r, const struct vec *v);
void vec_table(struct vec_runner *r);   /* prints the file's table and starts anew */
void *vec_mem(struct vec_runner *r, size_t n); /* ends the program when there is none */
void vec_free_all(struct vec_runner *r);
void vec_skip(struct vec *v, const char *why);

/* ---- vec_file.c ---- */
/* The whole file, unpacked when it is gzip; text ends with a zero byte. */
err_t vec_read(struct vec_runner *r, const char *path, slice *out);
bool vec_hex(struct vec_runner *r, const char *hex, slice *out); /* odd length: a zero before it */
bool vec_base64(struct vec_runner *r, const char *text, slice *out); /* both alphabets, PEM with its lines */
slice vec_join(struct vec_runner *r, const slice *v, size_t n);
slice vec_number(struct vec_runner *r, slice n, size_t len); /* right-aligned; empty when it does not fit */

/* ---- names ---- */
uint16_t vec_hash(const char *name);  /* "SHA-256", "SHA3-384", "SHA512"; 0 unknown */
uint16_t vec_curve(const char *name, uint16_t *len); /* "secp256r1", "P-256", "brainpoolP384r1": KE group; 0 unknown */

/* ---- what a provider is asked: vec_ops.c ---- */
vec_run_fn vec_open_aead, vec_crypt_cbc, vec_mac, vec_mac_key_refused, vec_hmac_of_hash, vec_digest, vec_hkdf,
	vec_kex, vec_kex_answer, vec_kex_refused, vec_verify, vec_sign, vec_mlkem_keys, vec_mlkem_encaps, vec_mlkem_decaps;
/* Bytes of a hash's block, 0 unknown. */
uint32_t vec_hash_block(uint16_t hash);

/* ---- readers ---- */
/* Wycheproof JSON, or ACVP's of key derivation. */
err_t vec_json(struct vec_runner *r, const char *path, slice text);
/* NIST CAVP: "key = value" lines. `over` (may be NULL): expected values by name. */
err_t vec_rsp(struct vec_runner *r, const char *path, slice text, const json_t *over);

/* A record of a .rsp file as the KDF tests want it. */
struct vec_record;
const char *vec_get(const struct vec_record *rec, const char *key);
bool vec_get_hex(struct vec_runner *r, const struct vec_record *rec, const char *key, slice *out);
/* vec_acvp.c: answers whose questions are a response file beside them; a vector set of key derivation (false: it is none). */
err_t vec_acvp_answers(struct vec_runner *r, const char *path, const json_t *doc);
bool vec_acvp_kdf(struct vec_runner *r, const json_t *doc);
/* vec_kdf.c: true when the record is a KDF test and was run. */
bool vec_kdf(struct vec_runner *r, const struct vec_record *rec, const char *id);

#endif
