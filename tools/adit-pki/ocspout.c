/* SPDX-License-Identifier: Apache-2.0 */
/* The answering side of OCSP (RFC 6960): reads a request, looks each certificate up, signs. Error answers are not
 * signed. */
#include "derout.h"

#include <gnutls/crypto.h>
#include <stdlib.h>

enum { SINGLES_MAX = 16, NONCE_MAX = 64 };
enum { OCSP_OK = 0, OCSP_MALFORMED = 1, OCSP_INTERNAL = 2, OCSP_UNAUTHORIZED = 6 };

struct single {
	slice id;      /* CertID, whole */
	slice serial;
	bool ours;
};

struct request {
	struct single v[SINGLES_MAX];
	size_t n;
	slice nonce;   /* contents of the extension */
};

/* Is a CertID about a certificate of this issuer? */
static bool is_issuer(slice id, gnutls_x509_crt_t issuer, slice *serial)
{
	struct rd all = rd_of(id), r = asn_in(&all, ASN_SEQ), alg = asn_in(&r, ASN_SEQ);
	char oid[64];
	uint8_t name[64], key[64];
	gnutls_digest_algorithm_t dig = gnutls_oid_to_digest(asn_oid_text(asn_next(&alg, ASN_OID), oid, sizeof oid));
	slice name_hash = asn_next(&r, ASN_OCTETS), key_hash = asn_next(&r, ASN_OCTETS);
	gnutls_datum_t dn = { NULL, 0 }, spki = { NULL, 0 };
	gnutls_pubkey_t pub = NULL;
	bool same = false;

	*serial = asn_int(&r, ASN_INT);
	size_t n = dig == GNUTLS_DIG_UNKNOWN ? 0 : gnutls_hash_get_len(dig);
	if (!rd_close(&r) && n && n <= sizeof name && gnutls_x509_crt_get_raw_dn(issuer, &dn) == 0 &&
	    gnutls_pubkey_init(&pub) == 0 && gnutls_pubkey_import_x509(pub, issuer, 0) == 0 &&
	    gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, &spki) == 0) {
		struct rd k = rd_of(slice_of(spki.data, spki.size)), in = asn_in(&k, ASN_SEQ);
		asn_next(&in, ASN_SEQ);
		slice bits = asn_bit_bytes(&in);
		same = gnutls_hash_fast(dig, dn.data, dn.size, name) == 0 &&
		       gnutls_hash_fast(dig, bits.p, bits.n, key) == 0 && slice_equal(name_hash, slice_of(name, n)) &&
		       slice_equal(key_hash, slice_of(key, n));
	}
	gnutls_free(dn.data);
	gnutls_free(spki.data);
	if (pub)
		gnutls_pubkey_deinit(pub);
	return same;
}

static int read_request(slice der, gnutls_x509_crt_t issuer, struct request *q)
{
	struct rd all = rd_of(der), r = asn_in(&all, ASN_SEQ), tbs = asn_in(&r, ASN_SEQ);

	if (asn_at(&r, 0xa0))
		asn_next(&r, 0xa0); /* a signature of the asker: everybody may ask */
	if (asn_at(&tbs, 0xa0))
		asn_next(&tbs, 0xa0);
	if (asn_at(&tbs, 0xa1))
		asn_next(&tbs, 0xa1);
	struct rd list = asn_in(&tbs, ASN_SEQ);
	while (rd_left(&list)) {
		struct rd one = asn_in(&list, ASN_SEQ);
		slice id = asn_whole(&one, ASN_SEQ), serial;
		if (asn_at(&one, 0xa0))
			asn_next(&one, 0xa0);
		if (rd_close(&one) || q->n == SINGLES_MAX)
			return OCSP_MALFORMED;
		bool ours = is_issuer(id, issuer, &serial);
		if (!serial.n)
			return OCSP_MALFORMED;
		q->v[q->n++] = (struct single){ id, serial, ours };
	}
	if (asn_at(&tbs, 0xa2)) {
		struct rd x = asn_in(&tbs, 0xa2), exts = asn_in(&x, ASN_SEQ);
		while (rd_left(&exts)) {
			struct rd e = asn_in(&exts, ASN_SEQ);
			slice oid = asn_next(&e, ASN_OID);
			bool critical = asn_at(&e, ASN_BOOL) ? asn_bool(&e) : false;
			slice v = asn_next(&e, ASN_OCTETS);
			if (rd_close(&e))
				return OCSP_MALFORMED;
			if (slice_equal(oid, SLICE_LIT("\x2b\x06\x01\x05\x05\x07\x30\x01\x02")) && v.n <= NONCE_MAX)
				q->nonce = v;
			else if (critical)
				return OCSP_MALFORMED;
		}
	}
	return rd_close(&tbs) || rd_close(&r) || rd_close(&all) || !q->n ? OCSP_MALFORMED : OCSP_OK;
}

static void put_single(struct wr *w, const struct single *s, const struct ocsp_plan *plan)
{
	struct crl_entry e = { .reason = -1 };
	int state = s->ours ? plan->look(plan->arg, s->serial, &e) : 2;
	struct wr one = der_new(s->id.n + 256);

	wr_bytes(&one, s->id);
	if (state == 0) {
		asn_put(&one, 0x80, SLICE_NONE);
	} else if (state == 1) {
		struct wr in = der_new(64);
		der_put_gtime(&in, e.at);
		if (e.reason > 0) {
			uint8_t reason[] = { ASN_ENUM, 1, (uint8_t)e.reason };
			asn_put(&in, 0xa0, slice_of(reason, sizeof reason));
		}
		in = der_wrap(0xa1, in);
		wr_bytes(&one, wr_done(&in));
		free(in.base);
	} else {
		asn_put(&one, 0x82, SLICE_NONE);
	}
	der_put_gtime(&one, plan->now);
	if (plan->next_update) {
		struct wr next = der_new(32);
		der_put_gtime(&next, plan->next_update);
		next = der_wrap(0xa0, next);
		wr_bytes(&one, wr_done(&next));
		free(next.base);
	}
	one = der_wrap(ASN_SEQ, one);
	wr_bytes(w, wr_done(&one));
	free(one.base);
}

/* [2] KeyHash of the signer. */
static bool put_responder(struct wr *w, gnutls_x509_crt_t signer)
{
	gnutls_pubkey_t pub = NULL;
	gnutls_datum_t spki = { NULL, 0 };
	uint8_t key[20];
	bool ok = gnutls_pubkey_init(&pub) == 0 && gnutls_pubkey_import_x509(pub, signer, 0) == 0 &&
		gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, &spki) == 0;

	if (ok) {
		struct rd k = rd_of(slice_of(spki.data, spki.size)), in = asn_in(&k, ASN_SEQ);
		asn_next(&in, ASN_SEQ);
		slice bits = asn_bit_bytes(&in);
		ok = gnutls_hash_fast(GNUTLS_DIG_SHA1, bits.p, bits.n, key) == 0;
		asn_put_head(w, 0xa2, 22);
		asn_put(w, ASN_OCTETS, slice_of(key, sizeof key));
	}
	gnutls_free(spki.data);
	if (pub)
		gnutls_pubkey_deinit(pub);
	return ok;
}

/* BasicOCSPResponse, signed, with the signer's certificate when it is not the issuer's own. */
static bool basic(const struct pki *p, const struct request *q, const struct ocsp_plan *plan, struct wr *out)
{
	struct wr data = der_new(4096 + 512 * SINGLES_MAX), list = der_new(512 * SINGLES_MAX), certs = der_new(1);
	bool ok = put_responder(&data, plan->signer);

	der_put_gtime(&data, plan->now);
	for (size_t i = 0; i < q->n; i++)
		put_single(&list, &q->v[i], plan);
	list = der_wrap(ASN_SEQ, list);
	wr_bytes(&data, wr_done(&list));
	if (q->nonce.n) {
		struct wr ext = der_new(256);
		der_put_ext(&ext, "1.3.6.1.5.5.7.48.1.2", false, q->nonce);
		ext = der_wrap(0xa1, der_wrap(ASN_SEQ, ext));
		wr_bytes(&data, wr_done(&ext));
		free(ext.base);
	}
	data = der_wrap(ASN_SEQ, data);
	gnutls_datum_t der;
	if (plan->signer != plan->issuer && gnutls_x509_crt_export2(plan->signer, GNUTLS_X509_FMT_DER, &der) == 0) {
		free(certs.base);
		certs = der_new(der.size + 16);
		wr_bytes(&certs, slice_of(der.data, der.size));
		gnutls_free(der.data);
		certs = der_wrap(0xa0, der_wrap(ASN_SEQ, certs));
	}
	ok = ok && !data.err && !list.err && der_sign(p, wr_done(&data), wr_done(&certs), plan->key, plan->digest, out);
	free(data.base);
	free(list.base);
	free(certs.base);
	return ok;
}

bool der_ocsp_answer(const struct pki *p, slice request, const struct ocsp_plan *plan, struct wr *out)
{
	struct request q = { 0 };
	struct wr answer = { 0 }, w;
	int status = read_request(request, plan->issuer, &q);
	bool any = false;

	for (size_t i = 0; i < q.n; i++)
		any |= q.v[i].ours;
	if (!status && !any)
		status = OCSP_UNAUTHORIZED;
	if (!status && !basic(p, &q, plan, &answer))
		status = OCSP_INTERNAL;
	w = der_new(answer.off + 256);
	asn_put(&w, ASN_ENUM, slice_of(&(uint8_t){ (uint8_t)status }, 1));
	if (!status) {
		struct wr bytes = der_new(answer.off + 128);
		der_put_oid(&bytes, "1.3.6.1.5.5.7.48.1.1");
		asn_put(&bytes, ASN_OCTETS, wr_done(&answer));
		bytes = der_wrap(0xa0, der_wrap(ASN_SEQ, bytes));
		wr_bytes(&w, wr_done(&bytes));
		free(bytes.base);
	}
	free(answer.base);
	*out = der_wrap(ASN_SEQ, w);
	return !out->err;
}
