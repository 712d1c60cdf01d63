/* SPDX-License-Identifier: Apache-2.0 */
/* DER of CRLs, and signing. */
#include "derout.h"

#include <stdlib.h>
#include <strings.h>
#include <time.h>

struct wr der_new(size_t cap)
{
	return wr_of(pki_alloc(cap), cap);
}

struct wr der_wrap(uint8_t tag, struct wr body)
{
	struct wr w = der_new(body.off + 16);

	asn_put(&w, tag, wr_done(&body));
	w.err = body.err;
	free(body.base);
	return w;
}

void der_put_gtime(struct wr *w, int64_t t)
{
	time_t when = t;
	struct tm tm;
	char buf[32];

	gmtime_r(&when, &tm);
	strftime(buf, sizeof buf, "%Y%m%d%H%M%SZ", &tm);
	asn_put(w, ASN_GENERALIZED, slice_str(buf));
}

/* UTCTime until 2049 (RFC 5280 section 4.1.2.5). */
void der_put_time(struct wr *w, int64_t t)
{
	time_t when = t;
	struct tm tm;
	char buf[32];

	gmtime_r(&when, &tm);
	if (tm.tm_year + 1900 < 1950 || tm.tm_year + 1900 > 2049) {
		der_put_gtime(w, t);
		return;
	}
	strftime(buf, sizeof buf, "%y%m%d%H%M%SZ", &tm);
	asn_put(w, ASN_UTC, slice_str(buf));
}

void der_put_number(struct wr *w, uint64_t v)
{
	uint8_t buf[9] = { 0 };
	size_t n = 1;

	for (int i = 0; i < 8; i++)
		buf[1 + i] = (uint8_t)(v >> (56 - 8 * i));
	while (n < 8 && !buf[n])
		n++;
	n -= buf[n] >> 7;
	asn_put(w, ASN_INT, slice_of(buf + n, sizeof buf - n));
}

void der_put_oid(struct wr *w, const char *oid)
{
	uint8_t buf[64];
	size_t n = 0;

	if (asn_oid_parse(oid, buf, sizeof buf, &n))
		w->err = E_INTERNAL;
	asn_put(w, ASN_OID, slice_of(buf, n));
}

void der_put_ext(struct wr *w, const char *oid, bool critical, slice value)
{
	struct wr e = der_new(value.n + 128);

	der_put_oid(&e, oid);
	if (critical)
		asn_put(&e, ASN_BOOL, SLICE_LIT("\xff"));
	asn_put(&e, ASN_OCTETS, value);
	e = der_wrap(ASN_SEQ, e);
	wr_bytes(w, wr_done(&e));
	free(e.base);
}

/* AlgorithmIdentifiers of the signatures that are made here. */
static const struct {
	gnutls_sign_algorithm_t alg;
	slice der;
} algs[] = {
	{ GNUTLS_SIGN_RSA_SHA256,
	  { (const uint8_t *)"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00", 15 } },
	{ GNUTLS_SIGN_RSA_SHA384,
	  { (const uint8_t *)"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00", 15 } },
	{ GNUTLS_SIGN_RSA_SHA512,
	  { (const uint8_t *)"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00", 15 } },
	{ GNUTLS_SIGN_ECDSA_SHA256, { (const uint8_t *)"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12 } },
	{ GNUTLS_SIGN_ECDSA_SHA384, { (const uint8_t *)"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03", 12 } },
	{ GNUTLS_SIGN_ECDSA_SHA512, { (const uint8_t *)"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04", 12 } },
	{ GNUTLS_SIGN_EDDSA_ED25519, { (const uint8_t *)"\x30\x05\x06\x03\x2b\x65\x70", 7 } },
	{ GNUTLS_SIGN_EDDSA_ED448, { (const uint8_t *)"\x30\x05\x06\x03\x2b\x65\x71", 7 } },
};

slice der_sign_alg(gnutls_sign_algorithm_t alg)
{
	for (size_t i = 0; i < ARRAY_LEN(algs); i++)
		if (algs[i].alg == alg)
			return algs[i].der;
	return SLICE_NONE;
}

bool der_sign(const struct pki *p, slice tbs, slice more, gnutls_privkey_t key, gnutls_digest_algorithm_t digest,
	      struct wr *out)
{
	gnutls_sign_algorithm_t alg =
		gnutls_pk_to_sign((gnutls_pk_algorithm_t)gnutls_privkey_get_pk_algorithm(key, NULL), digest);
	const gnutls_datum_t data = { (unsigned char *)(uintptr_t)tbs.p, (unsigned)tbs.n };
	gnutls_datum_t sig;
	slice name = der_sign_alg(alg);

	if (!name.n)
		return pki_say(p, 0, "this kind of key cannot sign this");
	int rc = gnutls_privkey_sign_data2(key, alg, 0, &data, &sig);
	if (rc)
		return pki_say(p, 0, "it cannot be signed: %s", gnutls_strerror(rc));
	struct wr w = der_new(tbs.n + more.n + sig.size + 128);
	wr_bytes(&w, tbs);
	wr_bytes(&w, name);
	asn_put_head(&w, ASN_BITS, sig.size + 1u);
	wr_u8(&w, 0);
	wr_bytes(&w, slice_of(sig.data, sig.size));
	wr_bytes(&w, more);
	gnutls_free(sig.data);
	*out = der_wrap(ASN_SEQ, w);
	return !out->err || pki_say(p, 0, "internal error");
}

/* ---- CRLs -------------------------------------------------------------------------------------------------------- */

static const char *const reasons[] = { "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
				       "superseded",    "cessationOfOperation", "certificateHold", NULL,
				       "removeFromCRL", "privilegeWithdrawn",   "aACompromise" };

int der_reason(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		char number[8];
		snprintf(number, sizeof number, "%zu", i);
		if (reasons[i] && (strcasecmp(reasons[i], text) == 0 || strcmp(number, text) == 0))
			return (int)i;
	}
	return -1;
}

const char *der_reason_name(int reason)
{
	return reason >= 0 && (size_t)reason < ARRAY_LEN(reasons) && reasons[reason] ? reasons[reason] : "";
}

static void put_entry(struct wr *w, const struct crl_entry *v)
{
	struct wr e = der_new(256);

	asn_put(&e, ASN_INT, slice_of(v->serial, v->n_serial));
	der_put_time(&e, v->at);
	/* "unspecified" is said by saying nothing (section 5.3.1). */
	if (v->reason > 0) {
		uint8_t reason[] = { ASN_ENUM, 1, (uint8_t)v->reason };
		struct wr exts = der_new(64);
		der_put_ext(&exts, "2.5.29.21", false, slice_of(reason, sizeof reason));
		exts = der_wrap(ASN_SEQ, exts);
		wr_bytes(&e, wr_done(&exts));
		free(exts.base);
	}
	e = der_wrap(ASN_SEQ, e);
	wr_bytes(w, wr_done(&e));
	free(e.base);
}

static struct wr crl_exts(const struct crl_plan *plan)
{
	struct wr w = der_new(1024), v = der_new(512);
	unsigned char id[64];
	size_t n = sizeof id;

	if (gnutls_x509_crt_get_subject_key_id(plan->issuer, id, &n, NULL) == 0 ||
	    (n = sizeof id, gnutls_x509_crt_get_key_id(plan->issuer, 0, id, &n) == 0)) {
		asn_put(&v, 0x80, slice_of(id, n));
		v = der_wrap(ASN_SEQ, v);
		der_put_ext(&w, "2.5.29.35", false, wr_done(&v));
		v.off = 0;
	}
	v.off = 0;
	der_put_number(&v, plan->number);
	der_put_ext(&w, "2.5.29.20", false, wr_done(&v));
	if (plan->delta) {
		v.off = 0;
		der_put_number(&v, plan->base);
		der_put_ext(&w, "2.5.29.27", true, wr_done(&v));
	}
	if (plan->fresh_uri) {
		struct wr dp = der_new(strlen(plan->fresh_uri) + 64);
		asn_put(&dp, 0x86, slice_str(plan->fresh_uri));
		/* DistributionPoints { DistributionPoint { [0] { [0] fullName { uri } } } } */
		static const uint8_t tags[] = { 0xa0, 0xa0, ASN_SEQ, ASN_SEQ };
		for (size_t i = 0; i < ARRAY_LEN(tags); i++)
			dp = der_wrap(tags[i], dp);
		der_put_ext(&w, "2.5.29.46", false, wr_done(&dp));
		free(dp.base);
	}
	free(v.base);
	w = der_wrap(ASN_SEQ, w);
	return der_wrap(0xa0, w);
}

bool der_crl(const struct pki *p, const struct crl_plan *plan, struct wr *out)
{
	gnutls_datum_t dn;
	gnutls_sign_algorithm_t alg = gnutls_pk_to_sign(
		(gnutls_pk_algorithm_t)gnutls_privkey_get_pk_algorithm(plan->key, NULL), plan->digest);

	if (gnutls_x509_crt_get_raw_dn(plan->issuer, &dn))
		return pki_say(p, 0, "the CA's name cannot be read");
	struct wr list = der_new(plan->n * 128 + 16), exts = crl_exts(plan),
		  w = der_new(plan->n * 128 + dn.size + 2048);
	for (size_t i = 0; i < plan->n; i++)
		put_entry(&list, &plan->v[i]);
	der_put_number(&w, 1);
	wr_bytes(&w, der_sign_alg(alg));
	wr_bytes(&w, slice_of(dn.data, dn.size));
	der_put_time(&w, plan->this_update);
	der_put_time(&w, plan->next_update);
	if (plan->n)
		asn_put(&w, ASN_SEQ, wr_done(&list));
	wr_bytes(&w, wr_done(&exts));
	gnutls_free(dn.data);
	free(list.base);
	free(exts.base);
	w = der_wrap(ASN_SEQ, w);
	bool ok = (!w.err || pki_say(p, 0, "internal error")) &&
		  der_sign(p, wr_done(&w), SLICE_NONE, plan->key, plan->digest, out);
	free(w.base);
	return ok;
}
