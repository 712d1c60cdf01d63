/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: gen, pub, keyid; names: dn; secrets: psk. */
#include "derout.h"

#include "base/secret.h"
#include "base/text.h"
#include "config/dn.h"

#include <getopt.h>
#include <gnutls/crypto.h>
#include <stdlib.h>

static const struct {
	const char *name;
	gnutls_pk_algorithm_t pk;
	gnutls_ecc_curve_t curve;
	unsigned bits; /* default of RSA */
} kinds[] = {
	{ "rsa", GNUTLS_PK_RSA, GNUTLS_ECC_CURVE_INVALID, 3072 },
	{ "ec", GNUTLS_PK_ECDSA, GNUTLS_ECC_CURVE_SECP256R1, 256 },
	{ "ecdsa", GNUTLS_PK_ECDSA, GNUTLS_ECC_CURVE_SECP256R1, 256 },
	{ "ec", GNUTLS_PK_ECDSA, GNUTLS_ECC_CURVE_SECP384R1, 384 },
	{ "ecdsa", GNUTLS_PK_ECDSA, GNUTLS_ECC_CURVE_SECP384R1, 384 },
	{ "ec", GNUTLS_PK_ECDSA, GNUTLS_ECC_CURVE_SECP521R1, 521 },
	{ "ecdsa", GNUTLS_PK_ECDSA, GNUTLS_ECC_CURVE_SECP521R1, 521 },
	{ "ed25519", GNUTLS_PK_EDDSA_ED25519, GNUTLS_ECC_CURVE_ED25519, 256 },
	{ "ed448", GNUTLS_PK_EDDSA_ED448, GNUTLS_ECC_CURVE_ED448, 456 },
};

/* PBES2 (RFC 8018): PBKDF2 with HMAC-SHA-256, AES-256-CBC. */
static bool lock(const struct pki *p, slice plain, const char *passphrase, struct wr *out)
{
	enum { ROUNDS = 600000, BLOCK = 16 };
	uint8_t salt[16], iv[BLOCK], key[32];
	size_t padded = plain.n + BLOCK - plain.n % BLOCK;
	uint8_t *buf = pki_alloc(padded);
	const gnutls_datum_t pass = { (unsigned char *)(uintptr_t)passphrase, (unsigned)strlen(passphrase) };
	const gnutls_datum_t s = { salt, sizeof salt }, k = { key, sizeof key }, v = { iv, sizeof iv };
	gnutls_cipher_hd_t c = NULL;

	memcpy(buf, plain.p, plain.n);
	memset(buf + plain.n, (int)(padded - plain.n), padded - plain.n);
	bool ok = gnutls_rnd(GNUTLS_RND_NONCE, salt, sizeof salt) == 0 &&
		  gnutls_rnd(GNUTLS_RND_NONCE, iv, sizeof iv) == 0 &&
		  gnutls_pbkdf2(GNUTLS_MAC_SHA256, &pass, &s, ROUNDS, key, sizeof key) == 0 &&
		  gnutls_cipher_init(&c, GNUTLS_CIPHER_AES_256_CBC, &k, &v) == 0 &&
		  gnutls_cipher_encrypt(c, buf, padded) == 0;
	if (c)
		gnutls_cipher_deinit(c);
	mem_wipe(key, sizeof key);
	struct wr prf = der_new(64), kdf = der_new(256), enc = der_new(128), all = der_new(padded + 512);
	der_put_oid(&prf, "1.2.840.113549.2.9");
	asn_put(&prf, ASN_NULL, SLICE_NONE);
	prf = der_wrap(ASN_SEQ, prf);
	asn_put(&kdf, ASN_OCTETS, slice_of(salt, sizeof salt));
	der_put_number(&kdf, ROUNDS);
	wr_bytes(&kdf, wr_done(&prf));
	kdf = der_wrap(ASN_SEQ, kdf);
	struct wr alg = der_new(512);
	der_put_oid(&alg, "1.2.840.113549.1.5.12");
	wr_bytes(&alg, wr_done(&kdf));
	alg = der_wrap(ASN_SEQ, alg);
	der_put_oid(&enc, "2.16.840.1.101.3.4.1.42");
	asn_put(&enc, ASN_OCTETS, slice_of(iv, sizeof iv));
	enc = der_wrap(ASN_SEQ, enc);
	struct wr both = der_new(1024), id = der_new(1200);
	wr_bytes(&both, wr_done(&alg));
	wr_bytes(&both, wr_done(&enc));
	both = der_wrap(ASN_SEQ, both);
	der_put_oid(&id, "1.2.840.113549.1.5.13");
	wr_bytes(&id, wr_done(&both));
	id = der_wrap(ASN_SEQ, id);
	wr_bytes(&all, wr_done(&id));
	asn_put(&all, ASN_OCTETS, slice_of(buf, padded));
	*out = der_wrap(ASN_SEQ, all);
	free(prf.base);
	free(kdf.base);
	free(alg.base);
	free(enc.base);
	free(both.base);
	free(id.base);
	free(buf);
	return (ok && !out->err) || pki_say(p, 0, "the key cannot be encrypted");
}

int pki_write_key(const struct pki *p, gnutls_x509_privkey_t key, const char *path, const char *passphrase, bool pem)
{
	gnutls_datum_t der = { NULL, 0 };
	struct cert_objects *o = NULL;
	struct wr locked = { 0 };
	int rc = PKI_NO;

	/* GnuTLS writes the number of an EC key as long as it happens to be; parse_any gives it back as RFC 5915 wants
	 * it. */
	if (gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN, &der) ||
	    p->x509->parse_any(slice_of(der.data, der.size), NULL, &o, NULL) || o->v[0].kind != CERT_OBJ_KEY)
		pki_say(p, 0, "the key cannot be written");
	else if (!passphrase)
		rc = pki_write_object(p, path, o->v[0].der, "PRIVATE KEY", pem, true) ? PKI_OK : PKI_NO;
	else if (lock(p, o->v[0].der, passphrase, &locked))
		rc = pki_write_object(p, path, wr_done(&locked), "ENCRYPTED PRIVATE KEY", pem, true) ? PKI_OK : PKI_NO;
	free(locked.base);
	p->x509->objects_free(o);
	if (der.data)
		mem_wipe(der.data, der.size);
	gnutls_free(der.data);
	return rc;
}

gnutls_x509_privkey_t pki_generate(const struct pki *p, const char *type, unsigned bits, bool weak)
{
	gnutls_x509_privkey_t key;
	size_t i = 0;

	while (i < ARRAY_LEN(kinds) && (strcmp(kinds[i].name, type) != 0 ||
	    (bits && kinds[i].pk == GNUTLS_PK_ECDSA && kinds[i].bits != bits)))
		i++;
	if (i == ARRAY_LEN(kinds)) {
		pki_say(p, 0, "there is no key of type %s%s; known are rsa, ec (256, 384 or 521 bits), ed25519, ed448",
			type, bits ? " of this size" : "");
		return NULL;
	}
	bool rsa = kinds[i].pk == GNUTLS_PK_RSA;
	bits = bits && rsa ? bits : kinds[i].bits;
	if (rsa && (bits > 16384 || bits < 1024 || (bits < 2048 && !weak))) {
		pki_say(p, 0, "an RSA key of %u bits is %s", bits, bits > 16384 ? "larger than anybody takes (16384)" :
			bits < 1024 ? "no protection" : "weak; 2048 is the least, --weak insists");
		return NULL;
	}
	if (gnutls_x509_privkey_init(&key))
		return NULL;
	int rc = gnutls_x509_privkey_generate(key, kinds[i].pk, rsa ? bits : GNUTLS_CURVE_TO_BITS(kinds[i].curve), 0);
	if (!rc)
		return key;
	pki_say(p, 0, "the key cannot be made: %s", gnutls_strerror(rc));
	gnutls_x509_privkey_deinit(key);
	return NULL;
}

int pki_gen(struct pki *p, int argc, char **argv)
{
	static const struct option options[] = { { "type", 1, NULL, 't' }, { "size", 1, NULL, 's' },
						 { "out", 1, NULL, 'o' },  { "passphrase-file", 1, NULL, 'p' },
						 { "der", 0, NULL, 'd' },  { "weak", 0, NULL, 'w' },
						 { NULL, 0, NULL, 0 } };
	const char *type = "ec", *out = NULL, *pass_file = NULL;
	bool pem = true, weak = false;
	unsigned bits = 0;
	int c;

	while ((c = getopt_long(argc, argv, "t:s:o:", options, NULL)) != -1) {
		char *end;
		switch (c) {
		case 't':
			type = optarg;
			break;
		case 's':
			bits = (unsigned)strtoul(optarg, &end, 10);
			if (*end || end == optarg || !bits || bits > 16384)
				return pki_say(p, PKI_MISUSE, "\"%s\" is no size in bits", optarg);
			break;
		case 'o':
			out = optarg;
			break;
		case 'p':
			pass_file = optarg;
			break;
		case 'd':
			pem = false;
			break;
		case 'w':
			weak = true;
			break;
		default:
			return pki_usage(p);
		}
	}
	if (optind < argc)
		return pki_usage(p);
	char *pass = pass_file ? pki_passphrase(p, pass_file) : NULL;
	if (pass_file && !pass)
		return PKI_MISUSE;
	gnutls_x509_privkey_t key = pki_generate(p, type, bits, weak);
	int rc = key ? pki_write_key(p, key, out, pass, pem) : PKI_MISUSE;
	if (key)
		gnutls_x509_privkey_deinit(key);
	pki_passphrase_free(pass);
	return rc;
}

/* Every public key of a file: of keys, certificates and requests. */
static int each_spki(struct pki *p, const char *path, const char *pass_file,
		     int (*cb)(struct pki *p, slice spki, void *arg), void *arg)
{
	char *pass = pass_file ? pki_passphrase(p, pass_file) : NULL;
	struct cert_objects *o;
	size_t seen = 0;

	if (pass_file && !pass)
		return PKI_MISUSE;
	int rc = pki_objects(p, path, pass, &o);
	pki_passphrase_free(pass);
	for (size_t i = 0; !rc && i < o->n; i++) {
		slice spki = o->v[i].spki;
		gnutls_x509_crq_t crq;
		gnutls_pubkey_t pub;
		gnutls_datum_t out = { NULL, 0 };
		if (o->v[i].kind == CERT_OBJ_REQUEST && gnutls_x509_crq_init(&crq) == 0) {
			const gnutls_datum_t d = { (unsigned char *)(uintptr_t)o->v[i].der.p, (unsigned)o->v[i].der.n };
			if (gnutls_pubkey_init(&pub) == 0) {
				if (gnutls_x509_crq_import(crq, &d, GNUTLS_X509_FMT_DER) == 0 &&
				    gnutls_pubkey_import_x509_crq(pub, crq, 0) == 0 &&
				    gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, &out) == 0)
					spki = slice_of(out.data, out.size);
				gnutls_pubkey_deinit(pub);
			}
			gnutls_x509_crq_deinit(crq);
		}
		if (spki.n) {
			rc = cb(p, spki, arg);
			seen++;
		}
		gnutls_free(out.data);
	}
	p->x509->objects_free(o);
	return !rc && !seen ? pki_say(p, PKI_NO, "%s: there is no key in it", path) : rc;
}

struct pub {
	const char *out;
	bool pem, done;
};

static int put_pub(struct pki *p, slice spki, void *arg)
{
	struct pub *x = arg;

	if (x->done)
		return 0;
	x->done = true;
	return pki_write_object(p, x->out, spki, "PUBLIC KEY", x->pem, false) ? PKI_OK : PKI_NO;
}

static int put_keyid(struct pki *p, slice spki, void *arg)
{
	struct rd all = rd_of(spki), r = asn_in(&all, ASN_SEQ);
	uint8_t key[20], bits[20], sha256[32];
	TEXT_ON_STACK(t, 256);

	(void)p;
	(void)arg;
	asn_next(&r, ASN_SEQ);
	slice s = asn_bit_bytes(&r);
	if (gnutls_hash_fast(GNUTLS_DIG_SHA1, spki.p, spki.n, key) ||
	    gnutls_hash_fast(GNUTLS_DIG_SHA1, s.p, s.n, bits) ||
	    gnutls_hash_fast(GNUTLS_DIG_SHA256, spki.p, spki.n, sha256))
		return PKI_NO;
	text_str(&t, "key-sha1 ");
	text_hex(&t, slice_of(key, 20));
	text_str(&t, "\nkey-id ");
	text_hex(&t, slice_of(bits, 20));
	text_str(&t, "\nkey-sha256 ");
	text_hex(&t, slice_of(sha256, 32));
	puts(t.p);
	return 0;
}

static int keys(struct pki *p, int argc, char **argv, int (*cb)(struct pki *p, slice spki, void *arg), struct pub *x)
{
	static const struct option options[] = { { "out", 1, NULL, 'o' },
						 { "der", 0, NULL, 'd' },
						 { "passphrase-file", 1, NULL, 'p' },
						 { NULL, 0, NULL, 0 } };
	const char *pass_file = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		if (c == 'o')
			x->out = optarg;
		else if (c == 'd')
			x->pem = false;
		else if (c == 'p')
			pass_file = optarg;
		else
			return pki_usage(p);
	}
	if (optind + 1 != argc)
		return pki_usage(p);
	return each_spki(p, argv[optind], pass_file, cb, x);
}

int pki_pub(struct pki *p, int argc, char **argv)
{
	struct pub x = { .pem = true };

	return keys(p, argc, argv, put_pub, &x);
}

int pki_keyid(struct pki *p, int argc, char **argv)
{
	struct pub x = { 0 };

	return keys(p, argc, argv, put_keyid, &x);
}

/* ---- dn: between text and DER, and out of certificates ----------------------------------------------------------- */

static void put_name(slice der, bool hex)
{
	char buf[8300];
	struct text t = text_of(buf, sizeof buf);

	if (hex)
		text_hex(&t, der);
	else
		conf_dn_text(der, &t);
	puts(buf);
}

int pki_dn(struct pki *p, int argc, char **argv)
{
	static const struct option options[] = {
		{ "hex", 0, NULL, 'x' }, { "issuer", 0, NULL, 'i' }, { "text", 1, NULL, 't' }, { NULL, 0, NULL, 0 }
	};
	const char *text = NULL;
	bool hex = false, issuer = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'x')
			hex = true;
		else if (c == 'i')
			issuer = true;
		else if (c == 't')
			text = optarg;
		else
			return pki_usage(p);
	}
	if ((text != NULL) == (optind < argc) || optind + 1 < argc)
		return pki_usage(p);
	if (text) {
		uint8_t der[4096];
		size_t n;
		if (conf_dn_parse(text, der, sizeof der, &n))
			return pki_say(p, PKI_NO, "\"%s\" is no distinguished name; write \"C=CH, O=Lab, CN=gw\"",
				       text);
		put_name(slice_of(der, n), hex);
		return PKI_OK;
	}
	struct cert *cert = pki_cert(p, argv[optind]);
	if (!cert)
		return PKI_NO;
	put_name(issuer ? p->x509->info(cert)->issuer : p->x509->info(cert)->subject, hex);
	p->x509->unref(cert);
	return PKI_OK;
}

/* ---- psk --------------------------------------------------------------------------------------------------------- */

int pki_psk(struct pki *p, int argc, char **argv)
{
	static const struct option options[] = {
		{ "bits", 1, NULL, 'b' }, { "format", 1, NULL, 'f' }, { "out", 1, NULL, 'o' }, { NULL, 0, NULL, 0 }
	};
	enum { BITS_MIN = 128, BITS_MAX = 4096 };
	const char *format = "base64", *out = NULL;
	unsigned long bits = 256;
	uint8_t key[BITS_MAX / 8];
	gnutls_datum_t raw = { key, 0 }, text = { NULL, 0 };
	char line[2 * sizeof key + 8];
	int c;

	while ((c = getopt_long(argc, argv, "b:f:o:", options, NULL)) != -1) {
		char *end;
		if (c == 'b') {
			bits = strtoul(optarg, &end, 10);
			if (*end || bits < BITS_MIN || bits > BITS_MAX || bits % 8)
				return pki_say(p, PKI_MISUSE, "--bits is a multiple of 8 from %d to %d", BITS_MIN,
					       BITS_MAX);
		} else if (c == 'f') {
			format = optarg;
		} else if (c == 'o') {
			out = optarg;
		} else {
			return pki_usage(p);
		}
	}
	if (optind < argc)
		return pki_usage(p);
	bool hex = strcmp(format, "hex") == 0;
	if (!hex && strcmp(format, "base64") != 0)
		return pki_say(p, PKI_MISUSE, "--format is hex or base64");
	raw.size = (unsigned)(bits / 8);
	if (gnutls_rnd(GNUTLS_RND_KEY, key, raw.size))
		return pki_say(p, PKI_NO, "there are no random numbers");
	/* In the form that secrets of swanctl.conf take: 0x… or 0s… */
	int rc = hex ? gnutls_hex_encode2(&raw, &text) : gnutls_base64_encode2(&raw, &text);
	snprintf(line, sizeof line, "%s%.*s\n", hex ? "0x" : "0s", (int)text.size, rc ? "" : (const char *)text.data);
	bool ok = !rc && pki_write(p, out, slice_str(line), true);
	mem_wipe(key, sizeof key);
	mem_wipe(line, sizeof line);
	if (text.data)
		mem_wipe(text.data, text.size);
	gnutls_free(text.data);
	return ok ? PKI_OK : PKI_NO;
}
