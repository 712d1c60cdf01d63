/* SPDX-License-Identifier: Apache-2.0 */
/* Options to certificates and requests. */
#include "build.h"

#include "config/conn.h"
#include "config/dn.h"
#include "plugins/x509/der.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <gnutls/crypto.h>
#include <gnutls/x509-ext.h>
#include <stdlib.h>
#include <strings.h>

enum { SERIAL_MAX = 20 /* bytes */ };

static const struct {
	const char *name;
	unsigned bit;
} usages[] = {
	{ "digitalSignature", GNUTLS_KEY_DIGITAL_SIGNATURE },
	{ "nonRepudiation", GNUTLS_KEY_NON_REPUDIATION },
	{ "keyEncipherment", GNUTLS_KEY_KEY_ENCIPHERMENT },
	{ "dataEncipherment", GNUTLS_KEY_DATA_ENCIPHERMENT },
	{ "keyAgreement", GNUTLS_KEY_KEY_AGREEMENT },
	{ "encipherOnly", GNUTLS_KEY_ENCIPHER_ONLY },
	{ "decipherOnly", GNUTLS_KEY_DECIPHER_ONLY },
	{ "keyCertSign", GNUTLS_KEY_KEY_CERT_SIGN },
	{ "cRLSign", GNUTLS_KEY_CRL_SIGN },
};

struct build build_new(const struct pki *p)
{
	return (struct build){ .p = p, .path_len = -1, .lifetime_s = 2 * 365 * 86400LL, .digest = GNUTLS_DIG_UNKNOWN };
}

void build_fini(struct build *b)
{
	struct pki_list *const lists[] = { &b->parts,  &b->san,    &b->eku,    &b->crl,    &b->ocsp,
					   &b->ca_uri, &b->policy, &b->permit, &b->exclude };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		free(lists[i]->v);
}

static int take_usage(struct build *b, const char *arg)
{
	while (*arg) {
		size_t n = strcspn(arg, ", "), i = 0;
		while (i < ARRAY_LEN(usages) &&
		       (strlen(usages[i].name) != n || strncasecmp(usages[i].name, arg, n) != 0))
			i++;
		if (n && i == ARRAY_LEN(usages))
			return pki_say(b->p, PKI_MISUSE, "\"%.*s\" is no key usage", (int)n, arg);
		if (n)
			b->usage |= usages[i].bit;
		arg += n;
		arg += strspn(arg, ", ");
	}
	return 0;
}

static const char *eku_oid(const char *name)
{
	static const struct {
		const char *name, *oid;
	} rows[] = {
#define row(id, bit, name, oid) { name, oid },
		CERT_EKU_ROWS(row)
#undef row
	};
	uint8_t buf[64];
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcasecmp(rows[i].name, name) == 0)
			return rows[i].oid;
	return asn_oid_parse(name, buf, sizeof buf, &n) == 0 ? name : NULL;
}

static int take_serial(struct build *b, const char *arg)
{
	size_t n = sizeof b->serial;

	if (strncmp(arg, "0x", 2) == 0)
		arg += 2;
	const gnutls_datum_t hex = { (unsigned char *)(uintptr_t)arg, (unsigned)strlen(arg) };
	if (hex.size % 2 || gnutls_hex_decode(&hex, b->serial, &n) || !n)
		return pki_say(b->p, PKI_MISUSE, "--serial takes an even number of hexadecimal digits, at most 40");
	/* A number above zero, in its shortest form and with room for the sign (RFC 5280 section 4.1.2.2). */
	size_t zeros = 0;
	while (zeros < n && !b->serial[zeros])
		zeros++;
	bool sign = zeros < n && b->serial[zeros] & 0x80;
	if (zeros == n || n - zeros + sign > SERIAL_MAX)
		return pki_say(b->p, PKI_MISUSE, "--serial is a number above zero that takes at most %d bytes", SERIAL_MAX);
	memmove(b->serial + sign, b->serial + zeros, n - zeros);
	if (sign)
		b->serial[0] = 0;
	b->n_serial = n - zeros + sign;
	return 0;
}

static int take_uri(struct build *b, struct pki_list *l, const char *arg)
{
	if (!strstr(arg, "://"))
		return pki_say(b->p, PKI_MISUSE, "\"%s\" is no address; write http://host/path", arg);
	pki_list_add(l, (void *)(uintptr_t)arg);
	return 0;
}

static int take_time(struct build *b, int64_t *out, const char *arg)
{
	return pki_time(arg, out) ? 0 : pki_say(b->p, PKI_MISUSE, "\"%s\" is no time; write 2026-11-27T12:00:00Z", arg);
}

int build_take(struct build *b, int c, const char *arg)
{
	static const char *const parts[] = { [B_CN - B_DN] = "CN",    [B_OU - B_DN] = "OU",
					     [B_O - B_DN] = "O",      [B_CITY - B_DN] = "L",
					     [B_STATE - B_DN] = "ST", [B_POSTAL - B_DN] = "postalCode",
					     [B_COUNTRY - B_DN] = "C" };
	char *end;

	if (c < B_DN || c >= B_END)
		return -1;
	if (c > B_DN && c <= B_COUNTRY) {
		if (c == B_COUNTRY && strlen(arg) != 2)
			return pki_say(b->p, PKI_MISUSE, "a country is two letters, as CH");
		pki_list_add(&b->parts, (void *)(uintptr_t)parts[c - B_DN]);
		pki_list_add(&b->parts, (void *)(uintptr_t)arg);
		return 0;
	}
	switch (c) {
	case B_DN:
		return conf_dn_parse(arg, b->dn, sizeof b->dn, &b->n_dn) ? pki_say(b->p, PKI_MISUSE,
			"\"%s\" is no distinguished name; write \"C=CH, O=Lab, CN=gw\"", arg) : 0;
	case B_SAN:
		pki_list_add(&b->san, (void *)(uintptr_t)arg);
		return 0;
	case B_USAGE:
		return take_usage(b, arg);
	case B_EKU:
		if (!eku_oid(arg))
			return pki_say(b->p, PKI_MISUSE, "\"%s\" is no purpose that is known here; write its OID", arg);
		pki_list_add(&b->eku, (void *)(uintptr_t)eku_oid(arg));
		return 0;
	case B_CA:
		b->ca = true;
		return 0;
	case B_PATH_LEN:
		b->path_len = (int)strtol(arg, &end, 10);
		return *end || end == arg || b->path_len < 0 || b->path_len > 100
			       ? pki_say(b->p, PKI_MISUSE, "--path-len is 0 to 100")
			       : 0;
	case B_LIFETIME:
		return pki_lifetime(arg, &b->lifetime_s) && b->lifetime_s > 0 ? 0 :
			pki_say(b->p, PKI_MISUSE, "\"%s\" is no lifetime; write 90d, 2y or 12h", arg);
	case B_NOT_BEFORE:
		return take_time(b, &b->not_before, arg);
	case B_NOT_AFTER:
		return take_time(b, &b->not_after, arg);
	case B_SERIAL:
		return take_serial(b, arg);
	case B_DIGEST:
		b->digest = gnutls_digest_get_id(arg);
		return b->digest == GNUTLS_DIG_SHA256 || b->digest == GNUTLS_DIG_SHA384 ||
				       b->digest == GNUTLS_DIG_SHA512
			       ? 0
			       : pki_say(b->p, PKI_MISUSE, "--digest is sha256, sha384 or sha512");
	case B_PSS:
		b->pss = true;
		return 0;
	case B_CRL:
		return take_uri(b, &b->crl, arg);
	case B_OCSP:
		return take_uri(b, &b->ocsp, arg);
	case B_ISSUER_URI:
		return take_uri(b, &b->ca_uri, arg);
	case B_POLICY: {
		uint8_t buf[64];
		size_t n;
		if (asn_oid_parse(arg, buf, sizeof buf, &n))
			return pki_say(b->p, PKI_MISUSE, "\"%s\" is no object identifier", arg);
		pki_list_add(&b->policy, (void *)(uintptr_t)arg);
		return 0;
	}
	default:
		pki_list_add(c == B_PERMIT ? &b->permit : &b->exclude, (void *)(uintptr_t)arg);
		return 0;
	}
}

/* ---- subject ----------------------------------------------------------------------------------------------------- */

typedef int set_dn_fn(void *object, const char *oid, unsigned raw, const void *data, unsigned n);

static int set_crq(void *o, const char *oid, unsigned raw, const void *data, unsigned n)
{
	return gnutls_x509_crq_set_dn_by_oid(o, oid, raw, data, n);
}

static int set_crt(void *o, const char *oid, unsigned raw, const void *data, unsigned n)
{
	return gnutls_x509_crt_set_dn_by_oid(o, oid, raw, data, n);
}

static bool set_dn(struct build *b, set_dn_fn *set, void *object, slice der)
{
	struct rd all = rd_of(der), rdns = asn_in(&all, ASN_SEQ);

	while (rd_left(&rdns)) {
		struct rd rdn = asn_in(&rdns, ASN_SET), ava = asn_in(&rdn, ASN_SEQ);
		char oid[64];
		uint8_t tag;
		asn_oid_text(asn_next(&ava, ASN_OID), oid, sizeof oid);
		slice v = asn_any(&ava, &tag, NULL);
		int rc = ava.err ? GNUTLS_E_INVALID_REQUEST : set(object, oid, 0, v.p, (unsigned)v.n);
		if (rc)
			return pki_say(b->p, 0, "the subject cannot be written: %s", gnutls_strerror(rc));
	}
	return true;
}

static bool subject(struct build *b, set_dn_fn *set, void *object)
{
	/* In the usual order from the widest to the narrowest, whatever the order of the options. */
	static const char *const order[] = { "C", "ST", "L", "postalCode", "O", "OU", "CN" };

	if (b->n_dn && !set_dn(b, set, object, slice_of(b->dn, b->n_dn)))
		return false;
	for (size_t o = 0; o < ARRAY_LEN(order); o++)
		for (size_t i = 0; i + 1 < b->parts.n; i += 2) {
			uint8_t der[2048];
			char text[1200];
			size_t n;
			if (strcmp(b->parts.v[i], order[o]) != 0)
				continue;
			snprintf(text, sizeof text, "%s=\"%s\"", order[o], (const char *)b->parts.v[i + 1]);
			if (conf_dn_parse(text, der, sizeof der, &n))
				return pki_say(b->p, 0, "\"%s\" cannot be a %s of the subject",
					       (const char *)b->parts.v[i + 1], order[o]);
			if (!set_dn(b, set, object, slice_of(der, n)))
				return false;
		}
	return true;
}

bool build_subject_crq(struct build *b, gnutls_x509_crq_t crq)
{
	return subject(b, set_crq, crq);
}

bool build_subject_crt(struct build *b, gnutls_x509_crt_t crt)
{
	return subject(b, set_crt, crt);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* "gw.example.com", "*.example.com": what would be an address or a typing error is no host name. */
static bool is_host(slice s)
{
	bool letters = false;
	uint8_t last = '.';

	for (size_t i = 0; i < s.n; last = s.p[i++]) {
		uint8_t c = s.p[i];
		letters |= isalpha(c) || c == '*';
		if (!(isalnum(c) || strchr("-_*", c)) && !(c == '.' && last != '.'))
			return false;
	}
	return letters && s.n <= 253;
}

/* An identity to a kind of subjectAltName. */
static bool san_of(struct build *b, const char *text, gnutls_x509_subject_alt_name_t *type, struct conf_id *id)
{
	static const struct {
		uint8_t id;
		gnutls_x509_subject_alt_name_t type;
	} rows[] = { { 1, GNUTLS_SAN_IPADDRESS },
		     { 5, GNUTLS_SAN_IPADDRESS },
		     { 2, GNUTLS_SAN_DNSNAME },
		     { 3, GNUTLS_SAN_RFC822NAME } };

	if (strncmp(text, "uri:", 4) == 0) {
		*type = GNUTLS_SAN_URI;
		return conf_id_copy(id, 2, slice_str(text + 4)) == 0;
	}
	if (conf_id_parse(text, id) == 0)
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			if (rows[i].id == id->type && (id->type != 2 || is_host(slice_of(id->data, id->n)))) {
				*type = rows[i].type;
				return true;
			}
	conf_id_fini(id);
	return pki_say(b->p, 0, "\"%s\" cannot be a subjectAltName; write a host name, mailbox, address or uri:...",
		       text);
}

static bool add_sans(struct build *b, gnutls_x509_crt_t crt, gnutls_x509_crq_t crq)
{
	for (size_t i = 0; i < b->san.n; i++) {
		gnutls_x509_subject_alt_name_t type;
		struct conf_id id = { 0 };
		if (!san_of(b, b->san.v[i], &type, &id))
			return false;
		int rc = crt ? gnutls_x509_crt_set_subject_alt_name(crt, type, id.data, id.n, GNUTLS_FSAN_APPEND) :
			gnutls_x509_crq_set_subject_alt_name(crq, type, id.data, id.n, GNUTLS_FSAN_APPEND);
		conf_id_fini(&id);
		if (rc)
			return pki_say(b->p, 0, "\"%s\" cannot be written: %s", (const char *)b->san.v[i],
				       gnutls_strerror(rc));
	}
	return true;
}

/* RFC 5280 section 4.2.1.3. */
static bool usage_ok(const struct build *b)
{
	return b->ca || !(b->usage & GNUTLS_KEY_KEY_CERT_SIGN) ||
		pki_say(b->p, 0, "keyCertSign is for CAs only: add --ca, or leave it out");
}

bool build_request(struct build *b, gnutls_x509_crq_t crq)
{
	if (!usage_ok(b))
		return false;
	int rc = b->usage ? gnutls_x509_crq_set_key_usage(crq, b->usage) : 0;

	for (size_t i = 0; i < b->eku.n && !rc; i++)
		rc = gnutls_x509_crq_set_key_purpose_oid(crq, b->eku.v[i], 0);
	if (!rc && b->ca)
		rc = gnutls_x509_crq_set_basic_constraints(crq, 1, b->path_len);
	if (rc)
		return pki_say(b->p, 0, "the request cannot be written: %s", gnutls_strerror(rc));
	return add_sans(b, NULL, crq);
}

/* ---- certificates ------------------------------------------------------------------------------------------------ */

static bool add_limits(struct build *b, gnutls_x509_crt_t crt)
{
	gnutls_x509_name_constraints_t nc;
	int rc = b->permit.n + b->exclude.n ? gnutls_x509_name_constraints_init(&nc) : 0;

	if (!(b->permit.n + b->exclude.n))
		return true;
	for (size_t i = 0; i < b->permit.n + b->exclude.n && !rc; i++) {
		bool permit = i < b->permit.n;
		const char *text = permit ? b->permit.v[i] : b->exclude.v[i - b->permit.n];
		struct conf_id id = { 0 };
		gnutls_x509_subject_alt_name_t type = GNUTLS_SAN_DNSNAME;
		if (conf_id_parse(text, &id) || !id.n) {
			gnutls_x509_name_constraints_deinit(nc);
			return pki_say(b->p, 0, "\"%s\" cannot be a name constraint", text);
		}
		/* A prefix comes as address and mask, which is the form of the extension. */
		type = id.type == 4 || id.type == 6 ? GNUTLS_SAN_IPADDRESS
		       : id.type == 3               ? GNUTLS_SAN_RFC822NAME
		       : id.type == 9               ? GNUTLS_SAN_DN
						    : GNUTLS_SAN_DNSNAME;
		const gnutls_datum_t d = { id.data, id.n };
		rc = permit ? gnutls_x509_name_constraints_add_permitted(nc, type, &d)
			    : gnutls_x509_name_constraints_add_excluded(nc, type, &d);
		conf_id_fini(&id);
	}
	if (!rc)
		rc = gnutls_x509_crt_set_name_constraints(crt, nc, 1);
	gnutls_x509_name_constraints_deinit(nc);
	return !rc || pki_say(b->p, 0, "the name constraints cannot be written: %s", gnutls_strerror(rc));
}

static int add_access(gnutls_x509_crt_t crt, const struct pki_list *l, int what)
{
	int rc = 0;

	for (size_t i = 0; i < l->n && !rc; i++) {
		gnutls_datum_t d = { l->v[i], (unsigned)strlen(l->v[i]) };
		rc = gnutls_x509_crt_set_authority_info_access(crt, what, &d);
	}
	return rc;
}

static int add_key_ids(gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer)
{
	unsigned char id[64];
	size_t n = sizeof id;
	int rc = gnutls_x509_crt_get_key_id(crt, 0, id, &n);

	if (!rc)
		rc = gnutls_x509_crt_set_subject_key_id(crt, id, n);
	if (rc || !issuer)
		return rc;
	n = sizeof id;
	if (gnutls_x509_crt_get_subject_key_id(issuer, id, &n, NULL)) {
		n = sizeof id;
		rc = gnutls_x509_crt_get_key_id(issuer, 0, id, &n);
	}
	return rc ? rc : gnutls_x509_crt_set_authority_key_id(crt, id, n);
}

bool build_usage_is(const struct pki *p, gnutls_x509_crt_t issuer, unsigned bit)
{
	unsigned critical, usage = 0;
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(usages) && usages[i].bit != bit)
		i++;
	return gnutls_x509_crt_get_key_usage(issuer, &usage, &critical) < 0 || usage & bit ||
		pki_say(p, 0, "the key usage of the issuer's certificate lacks %s", usages[i].name);
}

/* What else it issued would be valid nowhere. */
static bool may_issue(const struct build *b, gnutls_x509_crt_t issuer)
{
	unsigned critical, ca = 0;
	int path_len = -1;

	if (gnutls_x509_crt_get_version(issuer) >= 3 &&
	    (gnutls_x509_crt_get_basic_constraints(issuer, &critical, &ca, &path_len) < 0 || !ca))
		return pki_say(b->p, 0, "the issuer's certificate is not that of a CA: make one with --ca");
	return build_usage_is(b->p, issuer, GNUTLS_KEY_KEY_CERT_SIGN) && (!b->ca || path_len != 0 || pki_say(b->p, 0, "the issuer may have no CA below it (its path length is 0)"));
}

/* subjectAltName is critical where there is no subject (RFC 5280 section 4.2.1.6). */
static int mark_sans(gnutls_x509_crt_t crt)
{
	static const char oid[] = "2.5.29.17";
	gnutls_datum_t san = { NULL, 0 }, dn = { NULL, 0 };
	int rc = 0;

	if (gnutls_x509_crt_get_dn2(crt, &dn) == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || !dn.size)
		if (gnutls_x509_crt_get_extension_by_oid2(crt, oid, 0, &san, NULL) == 0)
			rc = gnutls_x509_crt_set_extension_by_oid(crt, oid, san.data, san.size, 1);
	gnutls_free(san.data);
	gnutls_free(dn.data);
	return rc;
}

bool build_cert(struct build *b, gnutls_x509_crt_t crt, gnutls_x509_crq_t from, gnutls_x509_crt_t issuer)
{
	int64_t begin = b->not_before ? b->not_before : pki_now() - 300; /* clocks differ a little */
	int64_t end = b->not_after ? b->not_after : begin + b->lifetime_s;
	unsigned usage = b->usage, critical;
	int rc = 0;

	if (!usage_ok(b) || (issuer && !may_issue(b, issuer)))
		return false;
	if (end <= begin)
		return pki_say(b->p, 0, "the certificate would end before it begins");
	if (issuer && gnutls_x509_crt_get_expiration_time(issuer) < end) {
		end = gnutls_x509_crt_get_expiration_time(issuer);
		pki_say(b->p, 0, "note: it ends with the certificate of its CA");
		if (end <= begin)
			return pki_say(b->p, 0, "the certificate of the CA ends before this one would begin");
	}
	if (!b->n_serial) {
		if (gnutls_rnd(GNUTLS_RND_NONCE, b->serial, 16))
			return pki_say(b->p, 0, "there are no random numbers");
		b->serial[0] = (uint8_t)((b->serial[0] & 0x7f) | 0x40);
		b->n_serial = 16;
	}
	rc = gnutls_x509_crt_set_version(crt, 3);
	if (!rc)
		rc = gnutls_x509_crt_set_serial(crt, b->serial, b->n_serial);
	if (!rc)
		rc = gnutls_x509_crt_set_activation_time(crt, begin);
	if (!rc)
		rc = gnutls_x509_crt_set_expiration_time(crt, end);
	if (!rc)
		rc = gnutls_x509_crt_set_basic_constraints(crt, b->ca, b->ca ? b->path_len : -1);
	/* A request may ask for names, usages and purposes; that it becomes a CA is for the options alone. */
	if (!rc && !b->san.n && from) {
		unsigned char buf[4096];
		for (unsigned i = 0; !rc; i++) {
			size_t n = sizeof buf;
			unsigned type;
			int k = gnutls_x509_crq_get_subject_alt_name(from, i, buf, &n, &type, &critical);
			if (k < 0)
				break;
			if (k == GNUTLS_SAN_DNSNAME || k == GNUTLS_SAN_RFC822NAME || k == GNUTLS_SAN_URI ||
			    k == GNUTLS_SAN_IPADDRESS)
				rc = gnutls_x509_crt_set_subject_alt_name(crt, (gnutls_x509_subject_alt_name_t)k, buf,
									  (unsigned)n, GNUTLS_FSAN_APPEND);
		}
	}
	if (!rc && !usage && from && gnutls_x509_crq_get_key_usage(from, &usage, &critical) < 0)
		usage = 0;
	if (from && !b->ca)
		usage &= ~(unsigned)(GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
	if (!usage)
		usage = b->ca ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN : GNUTLS_KEY_DIGITAL_SIGNATURE;
	if (!rc)
		rc = gnutls_x509_crt_set_key_usage(crt, usage);
	for (size_t i = 0; i < b->eku.n && !rc; i++)
		rc = gnutls_x509_crt_set_key_purpose_oid(crt, b->eku.v[i], 0);
	for (unsigned i = 0; from && !b->eku.n && !rc; i++) {
		char oid[128];
		size_t n = sizeof oid;
		if (gnutls_x509_crq_get_key_purpose_oid(from, i, oid, &n, &critical) < 0)
			break;
		rc = gnutls_x509_crt_set_key_purpose_oid(crt, oid, 0);
	}
	for (size_t i = 0; i < b->crl.n && !rc; i++)
		rc = gnutls_x509_crt_set_crl_dist_points2(crt, GNUTLS_SAN_URI, b->crl.v[i],
							  (unsigned)strlen(b->crl.v[i]), 0);
	if (!rc)
		rc = add_access(crt, &b->ocsp, GNUTLS_IA_OCSP_URI);
	if (!rc)
		rc = add_access(crt, &b->ca_uri, GNUTLS_IA_CAISSUERS_URI);
	for (size_t i = 0; i < b->policy.n && !rc; i++) {
		struct gnutls_x509_policy_st pol = { .oid = b->policy.v[i] };
		rc = gnutls_x509_crt_set_policy(crt, &pol, 0);
	}
	if (!rc)
		rc = add_key_ids(crt, issuer);
	if (rc)
		return pki_say(b->p, 0, "the certificate cannot be written: %s", gnutls_strerror(rc));
	if (!add_sans(b, crt, NULL) || !add_limits(b, crt))
		return false;
	rc = mark_sans(crt);
	return !rc || pki_say(b->p, 0, "the names cannot be written: %s", gnutls_strerror(rc));
}

gnutls_digest_algorithm_t build_digest(const struct build *b, gnutls_privkey_t key)
{
	unsigned bits = 0;
	int pk = gnutls_privkey_get_pk_algorithm(key, &bits);

	if (pk == GNUTLS_PK_EDDSA_ED25519)
		return GNUTLS_DIG_SHA512;
	if (pk == GNUTLS_PK_EDDSA_ED448)
		return GNUTLS_DIG_SHAKE_256;
	if (b->digest != GNUTLS_DIG_UNKNOWN)
		return b->digest;
	if (pk == GNUTLS_PK_ECDSA)
		return bits > 384 ? GNUTLS_DIG_SHA512 : bits > 256 ? GNUTLS_DIG_SHA384 : GNUTLS_DIG_SHA256;
	return bits > 3072 ? GNUTLS_DIG_SHA384 : GNUTLS_DIG_SHA256;
}

bool build_sign(struct build *b, gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer, gnutls_privkey_t key)
{
	unsigned flags = b->pss ? GNUTLS_PRIVKEY_SIGN_FLAG_RSA_PSS : 0;
	int rc = gnutls_x509_crt_privkey_sign(crt, issuer ? issuer : crt, key, build_digest(b, key), flags);

	return !rc || pki_say(b->p, 0, "it cannot be signed: %s", gnutls_strerror(rc));
}
