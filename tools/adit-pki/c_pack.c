/* SPDX-License-Identifier: Apache-2.0 */
/* Containers: pkcs7 (certificates and CRLs), pkcs12 (with a private key and a passphrase). */
#include "pki.h"

#include "base/secret.h"

#include <getopt.h>
#include <gnutls/pkcs12.h>
#include <gnutls/pkcs7.h>
#include <stdlib.h>

/* Everything of a file as PEM blocks, one behind the other. */
static bool unpack(const struct pki *p, const struct cert_objects *o, const char *out, bool keys)
{
	static const char *const labels[] = {
		[CERT_OBJ_CERT] = "CERTIFICATE", [CERT_OBJ_CRL] = "X509 CRL", [CERT_OBJ_KEY] = "PRIVATE KEY"
	};
	uint8_t *all = NULL;
	size_t n = 0;
	bool secret = false, ok = true;

	for (size_t i = 0; i < o->n && ok; i++) {
		const struct cert_object *k = &o->v[i];
		const gnutls_datum_t d = { (unsigned char *)(uintptr_t)k->der.p, (unsigned)k->der.n };
		gnutls_datum_t pem;
		if (k->kind >= ARRAY_LEN(labels) || !labels[k->kind] || (k->kind == CERT_OBJ_KEY && !keys))
			continue;
		secret |= k->kind == CERT_OBJ_KEY;
		if (gnutls_pem_base64_encode2(labels[k->kind], &d, &pem)) {
			ok = false;
			break;
		}
		uint8_t *more = pki_alloc(n + pem.size);
		if (n) {
			memcpy(more, all, n);
			mem_wipe(all, n);
		}
		free(all);
		memcpy(more + n, pem.data, pem.size);
		all = more;
		n += pem.size;
		mem_wipe(pem.data, pem.size);
		gnutls_free(pem.data);
	}
	if (ok && !n)
		ok = pki_say(p, 0, "there is nothing in it");
	ok = ok && pki_write(p, out, slice_of(all, n), secret);
	if (all)
		mem_wipe(all, n);
	free(all);
	return ok;
}

/* ---- pkcs7 ------------------------------------------------------------------------------------------------------- */

static int pack7(struct pki *p, char **files, int n, const char *out, bool der)
{
	gnutls_datum_t bytes;
	gnutls_pkcs7_t p7;
	int rc = gnutls_pkcs7_init(&p7) ? PKI_NO : PKI_OK;

	if (rc)
		return rc;
	for (int i = 0; i < n && !rc; i++) {
		struct cert_objects *o;
		rc = pki_objects(p, files[i], NULL, &o);
		for (size_t k = 0; !rc && k < o->n; k++) {
			const gnutls_datum_t d = { (unsigned char *)(uintptr_t)o->v[k].der.p, (unsigned)o->v[k].der.n };
			if ((o->v[k].kind == CERT_OBJ_CERT && gnutls_pkcs7_set_crt_raw(p7, &d)) ||
			    (o->v[k].kind == CERT_OBJ_CRL && gnutls_pkcs7_set_crl_raw(p7, &d)))
				rc = pki_say(p, PKI_NO, "%s: cannot be put in", files[i]);
		}
		p->x509->objects_free(o);
	}
	if (!rc && gnutls_pkcs7_export2(p7, der ? GNUTLS_X509_FMT_DER : GNUTLS_X509_FMT_PEM, &bytes))
		rc = pki_say(p, PKI_NO, "the PKCS #7 file cannot be made");
	else if (!rc) {
		rc = pki_write(p, out, slice_of(bytes.data, bytes.size), false) ? PKI_OK : PKI_NO;
		gnutls_free(bytes.data);
	}
	gnutls_pkcs7_deinit(p7);
	return rc;
}

enum { O_OUT = 1, O_DER, O_CREATE, O_KEY, O_KEY_PASS, O_PASS, O_NAME };
static const struct option options[] = { { "out", 1, NULL, O_OUT },
					 { "der", 0, NULL, O_DER },
					 { "create", 0, NULL, O_CREATE },
					 { "key", 1, NULL, O_KEY },
					 { "key-passphrase-file", 1, NULL, O_KEY_PASS },
					 { "passphrase-file", 1, NULL, O_PASS },
					 { "name", 1, NULL, O_NAME },
					 { NULL, 0, NULL, 0 } };

struct args {
	const char *out, *key, *key_pass, *pass, *name;
	bool der, create;
};

static bool take(int argc, char **argv, struct args *a)
{
	const char **const slots[] = { [O_OUT] = &a->out,
				       [O_KEY] = &a->key,
				       [O_KEY_PASS] = &a->key_pass,
				       [O_PASS] = &a->pass,
				       [O_NAME] = &a->name };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == O_DER)
			a->der = true;
		else if (c == O_CREATE)
			a->create = true;
		else if (c > 0 && (size_t)c < ARRAY_LEN(slots) && slots[c])
			*slots[c] = optarg;
		else
			return false;
	}
	return optind < argc;
}

int pki_pkcs7(struct pki *p, int argc, char **argv)
{
	struct args a = { 0 };
	struct cert_objects *o;

	if (!take(argc, argv, &a) || a.key || a.pass || a.name || (!a.create && optind + 1 != argc))
		return pki_usage(p);
	if (a.create)
		return pack7(p, argv + optind, argc - optind, a.out, a.der);
	int rc = pki_objects(p, argv[optind], NULL, &o);
	if (rc)
		return rc;
	rc = unpack(p, o, a.out, false) ? PKI_OK : PKI_NO;
	p->x509->objects_free(o);
	return rc;
}

/* ---- pkcs12 ------------------------------------------------------------------------------------------------------ */

static int bag_of(gnutls_pkcs12_t p12, gnutls_pkcs12_bag_type_t type, slice der, const gnutls_datum_t *key_id,
		  const char *name, const char *pass)
{
	const gnutls_datum_t d = { (unsigned char *)(uintptr_t)der.p, (unsigned)der.n };
	gnutls_pkcs12_bag_t bag;
	int rc = gnutls_pkcs12_bag_init(&bag);

	if (rc)
		return rc;
	int i = gnutls_pkcs12_bag_set_data(bag, type, &d);
	rc = i < 0 ? i : 0;
	if (!rc && key_id->size)
		rc = gnutls_pkcs12_bag_set_key_id(bag, (unsigned)i, key_id);
	if (!rc && name)
		rc = gnutls_pkcs12_bag_set_friendly_name(bag, (unsigned)i, name);
	/* A key is encrypted by itself already. */
	if (!rc && type == GNUTLS_BAG_CERTIFICATE)
		rc = gnutls_pkcs12_bag_encrypt(bag, pass, GNUTLS_PKCS_PBES2_AES_256);
	if (!rc)
		rc = gnutls_pkcs12_set_bag(p12, bag);
	gnutls_pkcs12_bag_deinit(bag);
	return rc;
}

static int pack12(struct pki *p, const struct args *a, char **files, int n, const char *pass)
{
	gnutls_x509_privkey_t key = pki_key(p, a->key, a->key_pass);
	gnutls_pkcs12_t p12 = NULL;
	gnutls_datum_t locked = { NULL, 0 }, bytes;
	unsigned char id[64];
	size_t n_id = sizeof id;
	bool first = true;
	int rc = key ? gnutls_pkcs12_init(&p12) : GNUTLS_E_NO_CERTIFICATE_FOUND;

	if (!key)
		return PKI_NO;
	if (!rc)
		rc = gnutls_x509_privkey_get_key_id(key, 0, id, &n_id);
	const gnutls_datum_t key_id = { id, (unsigned)n_id }, none = { NULL, 0 };
	for (int i = 0; i < n && !rc; i++) {
		struct cert_objects *o;
		if (pki_objects(p, files[i], NULL, &o)) {
			rc = GNUTLS_E_NO_CERTIFICATE_FOUND;
			break;
		}
		for (size_t k = 0; k < o->n && !rc; k++) {
			if (o->v[k].kind != CERT_OBJ_CERT)
				continue;
			if (first && p->x509->info(o->v[k].cert)->key_sha1[0] != id[0]) {
				pki_say(p, 0, "%s: %s", files[i], err_text(E_CERT_KEY_MISMATCH));
				rc = GNUTLS_E_CERTIFICATE_KEY_MISMATCH;
				break;
			}
			rc = bag_of(p12, GNUTLS_BAG_CERTIFICATE, o->v[k].der, first ? &key_id : &none,
				    first ? a->name : NULL, pass);
			first = false;
		}
		p->x509->objects_free(o);
	}
	if (!rc)
		rc = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_DER, pass, GNUTLS_PKCS_PBES2_AES_256,
						       &locked);
	if (!rc)
		rc = bag_of(p12, GNUTLS_BAG_PKCS8_ENCRYPTED_KEY, slice_of(locked.data, locked.size), &key_id, a->name,
			    pass);
	if (!rc)
		rc = gnutls_pkcs12_generate_mac2(p12, GNUTLS_MAC_SHA256, pass);
	if (!rc)
		rc = gnutls_pkcs12_export2(p12, GNUTLS_X509_FMT_DER, &bytes);
	if (!rc) {
		rc = pki_write(p, a->out, slice_of(bytes.data, bytes.size), true) ? 0 : GNUTLS_E_FILE_ERROR;
		gnutls_free(bytes.data);
	} else {
		pki_say(p, 0, "the PKCS #12 file cannot be made: %s", gnutls_strerror(rc));
	}
	gnutls_free(locked.data);
	if (p12)
		gnutls_pkcs12_deinit(p12);
	gnutls_x509_privkey_deinit(key);
	return rc ? PKI_NO : PKI_OK;
}

int pki_pkcs12(struct pki *p, int argc, char **argv)
{
	struct args a = { 0 };
	struct cert_objects *o;
	int rc;

	if (!take(argc, argv, &a) || a.der || (a.create ? !a.key : optind + 1 != argc || a.key))
		return pki_usage(p);
	if (!a.pass)
		return pki_say(p, PKI_MISUSE,
			       "--passphrase-file names the file with the passphrase (- for standard input)");
	char *pass = pki_passphrase(p, a.pass);
	if (!pass)
		return PKI_MISUSE;
	if (a.create) {
		rc = pack12(p, &a, argv + optind, argc - optind, pass);
	} else {
		rc = pki_objects(p, argv[optind], pass, &o);
		if (!rc) {
			rc = unpack(p, o, a.out, true) ? PKI_OK : PKI_NO;
			p->x509->objects_free(o);
		}
	}
	pki_passphrase_free(pass);
	return rc;
}
