/* SPDX-License-Identifier: Apache-2.0 */
/* print: what is in a file, as lines "name: value" or as JSON. */
#include "pki.h"

#include "base/secret.h"
#include "base/text.h"
#include "config/conn.h"

#include <getopt.h>
#include <gnutls/crypto.h>
#include <gnutls/ocsp.h>
#include <jansson.h>
#include <stdlib.h>

static const char *const key_kinds[] = { "other", "RSA", "RSA-PSS", "EC", "Ed25519", "Ed448", "DSA" };

/* One object as a JSON object; strings and arrays of strings only. The text form is made from it. */
static void put(json_t *j, const char *name, const char *value)
{
	json_object_set_new(j, name, json_string(value));
}

static void put_hex(json_t *j, const char *name, slice s)
{
	char *buf = pki_alloc(2 * s.n + 1);
	struct text t = text_of(buf, 2 * s.n + 1);

	text_hex(&t, s);
	if (s.n)
		put(j, name, buf);
	free(buf);
}

static void put_time(json_t *j, const char *name, int64_t t)
{
	char buf[32];

	if (t)
		put(j, name, pki_time_text(t, buf));
}

static void put_uris(json_t *j, const char *name, const slice *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_stringn((const char *)v[i].p, v[i].n));
	if (n)
		json_object_set(j, name, list);
	json_decref(list);
}

struct bit {
	uint32_t bit;
	const char *name;
};

static void put_bits(json_t *j, const char *name, uint32_t v, const struct bit *rows, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		if (v & rows[i].bit)
			json_array_append_new(list, json_string(rows[i].name));
	json_object_set_new(j, name, list);
}

static void put_dn(const struct pki *p, json_t *j, const char *name, slice dn)
{
	char buf[2048];

	put(j, name, p->x509->dn_text(dn, buf, sizeof buf));
}

static json_t *cert_json(const struct pki *p, const struct cert *c)
{
	static const struct bit usages[] = {
		{ CERT_KU_SIGN, "digitalSignature" },   { CERT_KU_NON_REPUDIATION, "nonRepudiation" },
		{ CERT_KU_KEY_ENC, "keyEncipherment" }, { CERT_KU_DATA_ENC, "dataEncipherment" },
		{ CERT_KU_AGREE, "keyAgreement" },      { CERT_KU_CERT_SIGN, "keyCertSign" },
		{ CERT_KU_CRL_SIGN, "cRLSign" },        { CERT_KU_ENC_ONLY, "encipherOnly" },
		{ CERT_KU_DEC_ONLY, "decipherOnly" }
	};
	static const struct bit ekus[] = {
#define row(id, bit, name, oid) { CERT_EKU_##id, name },
		CERT_EKU_ROWS(row)
#undef row
		{ CERT_EKU_OTHER, "other" } };
	const struct cert_info *i = p->x509->info(c);
	json_t *j = json_object(), *names = json_array();
	char buf[512];

	put(j, "type", "certificate");
	put_dn(p, j, "subject", i->subject);
	put_dn(p, j, "issuer", i->issuer);
	put_hex(j, "serial", i->serial);
	put_time(j, "not-before", i->not_before);
	put_time(j, "not-after", i->not_after);
	int64_t now = pki_now();
	put(j, "validity", now < i->not_before ? "not valid yet" : now > i->not_after ? "expired" : "valid now");
	snprintf(buf, sizeof buf, "%s %u bits", key_kinds[i->key_kind], i->key_bits);
	put(j, "key", buf);
	put_hex(j, "key-id", i->skid);
	put_hex(j, "key-sha1", slice_of(i->key_sha1, sizeof i->key_sha1));
	put_hex(j, "authority-key-id", i->akid);
	put_hex(j, "sha256", slice_of(i->sha256, sizeof i->sha256));
	put(j, "ca", i->is_ca ? "yes" : "no");
	if (i->is_ca && i->path_len >= 0) {
		snprintf(buf, sizeof buf, "%d", i->path_len);
		put(j, "path-length", buf);
	}
	if (!(i->flags & CERT_NO_KEY_USAGE))
		put_bits(j, "key-usage", i->key_usage, usages, ARRAY_LEN(usages));
	if (!(i->flags & CERT_NO_EKU))
		put_bits(j, "purposes", i->ekus, ekus, ARRAY_LEN(ekus));
	for (size_t k = 0; k < i->n_names; k++)
		if (i->names[k].data.p != i->subject.p)
			json_array_append_new(
				names, json_string(conf_id_text(i->names[k].type, i->names[k].data, buf, sizeof buf)));
	if (json_array_size(names))
		json_object_set(j, "alt-names", names);
	json_decref(names);
	put_uris(j, "crl", i->crl_uris, i->n_crl_uris);
	put_uris(j, "ocsp", i->ocsp_uris, i->n_ocsp_uris);
	put_uris(j, "ca-issuers", i->issuer_uris, i->n_issuer_uris);
	return j;
}

static json_t *crl_json(const struct pki *p, const struct cert_crl *c)
{
	const struct cert_crl_info *i = p->x509->crl_info(c);
	json_t *j = json_object(), *list = json_array();
	const gnutls_datum_t der = { (unsigned char *)(uintptr_t)i->der.p, (unsigned)i->der.n };
	gnutls_x509_crl_t crl;
	char buf[200];

	put(j, "type", i->base.n ? "delta CRL" : "CRL");
	put_dn(p, j, "issuer", i->issuer);
	put_hex(j, "number", i->number);
	put_hex(j, "base", i->base);
	put_time(j, "this-update", i->this_update);
	put_time(j, "next-update", i->next_update);
	put(j, "current", i->next_update && pki_now() > i->next_update ? "no, out of date" : "yes");
	put_hex(j, "authority-key-id", i->akid);
	put_uris(j, "delta", i->fresh_uris, i->n_fresh_uris);
	if (gnutls_x509_crl_init(&crl) == 0) {
		gnutls_x509_crl_iter_t it = NULL;
		unsigned char serial[64];
		size_t n = sizeof serial;
		time_t at;
		/* A CRL of millions of entries is counted, not printed. */
		if (gnutls_x509_crl_import(crl, &der, GNUTLS_X509_FMT_DER) == 0)
			while (json_array_size(list) < 10000 &&
			       gnutls_x509_crl_iter_crt_serial(crl, &it, serial, &n, &at) == 0) {
				struct text t = text_of(buf, sizeof buf);
				char when[32];
				text_hex(&t, slice_of(serial, n));
				text_fmt(&t, " %s", pki_time_text(at, when));
				json_array_append_new(list, json_string(buf));
				n = sizeof serial;
			}
		if (it)
			gnutls_x509_crl_iter_deinit(it);
		gnutls_x509_crl_deinit(crl);
	}
	snprintf(buf, sizeof buf, "%zu", i->n_revoked);
	put(j, "revoked", buf);
	if (json_array_size(list))
		json_object_set(j, "serials", list);
	json_decref(list);
	return j;
}

static json_t *key_json(const struct cert_object *o)
{
	json_t *j = json_object();
	const gnutls_datum_t der = { (unsigned char *)(uintptr_t)o->spki.p, (unsigned)o->spki.n };
	gnutls_pubkey_t pub;
	uint8_t sha1[20];
	char buf[64];

	put(j, "type", o->kind == CERT_OBJ_KEY ? "private key" : "public key");
	if (gnutls_pubkey_init(&pub) == 0) {
		unsigned bits = 0;
		if (gnutls_pubkey_import(pub, &der, GNUTLS_X509_FMT_DER) == 0) {
			const char *name =
				gnutls_pk_get_name((gnutls_pk_algorithm_t)gnutls_pubkey_get_pk_algorithm(pub, &bits));
			snprintf(buf, sizeof buf, "%s %u bits", name ? name : "other", bits);
			put(j, "key", buf);
		}
		gnutls_pubkey_deinit(pub);
	}
	if (gnutls_hash_fast(GNUTLS_DIG_SHA1, o->spki.p, o->spki.n, sha1) == 0)
		put_hex(j, "key-sha1", slice_of(sha1, sizeof sha1));
	return j;
}

static json_t *printed(const char *type, gnutls_datum_t *text)
{
	json_t *j = json_object(), *lines = json_array();
	char *save = NULL;

	put(j, "type", type);
	for (char *line = strtok_r((char *)text->data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		json_t *s = json_string(line);
		if (s)
			json_array_append_new(lines, s);
	}
	json_object_set_new(j, "content", lines);
	gnutls_free(text->data);
	return j;
}

static json_t *request_json(slice der)
{
	const gnutls_datum_t d = { (unsigned char *)(uintptr_t)der.p, (unsigned)der.n };
	gnutls_x509_crq_t crq;
	gnutls_datum_t text;
	json_t *j = NULL;

	if (gnutls_x509_crq_init(&crq))
		return NULL;
	if (gnutls_x509_crq_import(crq, &d, GNUTLS_X509_FMT_DER) == 0 &&
	    gnutls_x509_crq_print(crq, GNUTLS_CRT_PRINT_FULL, &text) == 0)
		j = printed("certificate request", &text);
	gnutls_x509_crq_deinit(crq);
	return j;
}

static json_t *ocsp_json(slice der)
{
	const gnutls_datum_t d = { (unsigned char *)(uintptr_t)der.p, (unsigned)der.n };
	gnutls_ocsp_resp_t resp;
	gnutls_ocsp_req_t req;
	gnutls_datum_t text;
	json_t *j = NULL;

	if (gnutls_ocsp_resp_init(&resp) == 0) {
		if (gnutls_ocsp_resp_import(resp, &d) == 0 &&
		    gnutls_ocsp_resp_print(resp, GNUTLS_OCSP_PRINT_FULL, &text) == 0)
			j = printed("OCSP response", &text);
		gnutls_ocsp_resp_deinit(resp);
	}
	if (!j && gnutls_ocsp_req_init(&req) == 0) {
		if (gnutls_ocsp_req_import(req, &d) == 0 &&
		    gnutls_ocsp_req_print(req, GNUTLS_OCSP_PRINT_FULL, &text) == 0)
			j = printed("OCSP request", &text);
		gnutls_ocsp_req_deinit(req);
	}
	return j;
}

static void print_text(const json_t *j)
{
	const char *name;
	json_t *v, *s;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)j, name, v) {
		if (json_is_string(v))
			printf("%s: %s\n", name, json_string_value(v));
		else if (json_array_size(v) == 0)
			printf("%s: none\n", name);
		json_array_foreach(v, i, s)
			printf("%s: %s\n", name, json_string_value(s));
	}
	putchar('\n');
}

static int print_file(const struct pki *p, const char *path, const char *passphrase, json_t *all)
{
	struct cert_why why = { "" };
	struct cert_objects *o = NULL;
	uint8_t *bytes;
	size_t n;

	if (!pki_read(p, path, &bytes, &n))
		return PKI_MISUSE;
	json_t *ocsp = ocsp_json(slice_of(bytes, n));
	err_t e = ocsp ? 0 : p->x509->parse_any(slice_of(bytes, n), passphrase, &o, &why);
	if (ocsp)
		json_array_append_new(all, ocsp);
	for (size_t i = 0; o && i < o->n; i++) {
		const struct cert_object *k = &o->v[i];
		json_t *j = k->kind == CERT_OBJ_CERT                                ? cert_json(p, k->cert)
			    : k->kind == CERT_OBJ_CRL                               ? crl_json(p, k->crl)
			    : k->kind == CERT_OBJ_KEY || k->kind == CERT_OBJ_PUBLIC ? key_json(k)
			    : k->kind == CERT_OBJ_REQUEST                           ? request_json(k->der)
							  : json_pack("{s:s}", "type", "encrypted private key");
		if (j)
			json_array_append_new(all, j);
	}
	mem_wipe(bytes, n);
	free(bytes);
	p->x509->objects_free(o);
	return e || why.text[0] ? pki_say(p, PKI_NO, "%s: %s%s%s", path, why.text[0] ? why.text : err_text(e),
		*cert_remedy(e) ? "; " : "", cert_remedy(e)) : PKI_OK;
}

int pki_print(struct pki *p, int argc, char **argv)
{
	static const struct option options[] = { { "json", 0, NULL, 'j' },
						 { "passphrase-file", 1, NULL, 'p' },
						 { NULL, 0, NULL, 0 } };
	json_t *all = json_array();
	const char *pass_file = NULL;
	char *pass = NULL;
	bool as_json = false;
	int c, rc = PKI_OK;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'j')
			as_json = true;
		else if (c == 'p')
			pass_file = optarg;
		else
			return pki_usage(p);
	}
	if (optind == argc)
		return pki_usage(p);
	if (pass_file && !(pass = pki_passphrase(p, pass_file)))
		return PKI_MISUSE;
	for (int i = optind; i < argc; i++) {
		int one = print_file(p, argv[i], pass, all);
		rc = one > rc ? one : rc;
	}
	if (as_json) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		size_t i;
		json_t *j;
		json_array_foreach(all, i, j)
			print_text(j);
	}
	json_decref(all);
	pki_passphrase_free(pass);
	return rc;
}
