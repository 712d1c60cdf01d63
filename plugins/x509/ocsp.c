/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCSP (RFC 6960): requests, and whether an answer can be believed: signed by the issuer or by one whom the issuer gave
 * the purpose OCSPSigning, about this very certificate, in date, with our nonce when one came back.
 */
#include "der.h"
#include "verify.h"

enum { SKEW_S = 300, AGE_MAX_S = 86400, CERTS_MAX = 8 };

static const slice oid_basic = { (const uint8_t *)"\x2b\x06\x01\x05\x05\x07\x30\x01\x01", 9 };
static const slice oid_nonce = { (const uint8_t *)"\x2b\x06\x01\x05\x05\x07\x30\x01\x02", 9 };

/* Hashes of a certID: the issuer's name, and its key without tag and length. */
static bool cert_id_hashes(const struct cert *issuer, gnutls_digest_algorithm_t alg, uint8_t *name, uint8_t *key)
{
	struct rd all = rd_of(issuer->info.spki), r = asn_in(&all, ASN_SEQ);

	asn_next(&r, ASN_SEQ);
	slice bits = asn_bit_bytes(&r);
	return !r.err && gnutls_hash_fast(alg, issuer->info.subject.p, issuer->info.subject.n, name) == 0 &&
		gnutls_hash_fast(alg, bits.p, bits.n, key) == 0;
}

err_t x_ocsp_request(const struct cert *cert, const struct cert *issuer, slice nonce, uint8_t *out, size_t *n)
{
	static const slice sha1 = { (const uint8_t *)"\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00", 11 };
	uint8_t name[20], key[20], id_buf[256], ext_buf[160], buf[512];
	struct wr id = wr_of(id_buf, sizeof id_buf), ext = wr_of(ext_buf, sizeof ext_buf), w = wr_of(buf, sizeof buf),
		o = wr_of(out, *n);

	if (cert->serial.n > 64 || nonce.n > 64)
		return E_NOT_SUPPORTED;
	if (!cert_id_hashes(issuer, GNUTLS_DIG_SHA1, name, key))
		return E_CRYPTO;
	wr_bytes(&id, sha1);
	asn_put(&id, ASN_OCTETS, slice_of(name, sizeof name));
	asn_put(&id, ASN_OCTETS, slice_of(key, sizeof key));
	asn_put(&id, ASN_INT, cert->serial);
	/* OCSPRequest { TBSRequest { requestList { Request { CertID } }, [2] { Extensions { nonce } } } } */
	size_t id_seq = id.off + 2 + (id.off > 0x7f);
	size_t request = id_seq + 2 + (id_seq > 0x7f);
	asn_put_head(&w, ASN_SEQ, request);
	asn_put_head(&w, ASN_SEQ, id_seq);
	asn_put(&w, ASN_SEQ, wr_done(&id));
	if (nonce.n) {
		uint8_t octets[80], in_buf[160];
		struct wr oct = wr_of(octets, sizeof octets), in = wr_of(in_buf, sizeof in_buf);
		asn_put(&oct, ASN_OCTETS, nonce);
		asn_put(&in, ASN_OID, oid_nonce);
		asn_put(&in, ASN_OCTETS, wr_done(&oct));
		asn_put_head(&ext, ASN_SEQ, in.off + 2);
		asn_put(&ext, ASN_SEQ, wr_done(&in));
		asn_put(&w, 0xa2, wr_done(&ext));
	}
	size_t tbs = w.off;
	asn_put_head(&o, ASN_SEQ, tbs + 2 + (tbs > 0x7f) + (tbs > 0xff));
	asn_put(&o, ASN_SEQ, wr_done(&w));
	*n = o.off;
	return w.err || id.err || ext.err ? E_SPACE : o.err;
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

struct basic {
	slice tbs, sig;
	struct x_sigalg alg;
	struct rd certs;
	slice responder_name, responder_key; /* one of them */
	int64_t produced;
	struct rd singles;
	slice nonce;
};

static err_t read_nonce(struct rd exts, struct basic *b)
{
	while (rd_left(&exts)) {
		struct rd in = asn_in(&exts, ASN_SEQ);
		slice oid = asn_next(&in, ASN_OID);
		bool critical = asn_at(&in, ASN_BOOL) ? asn_bool(&in) : false;
		slice value = asn_next(&in, ASN_OCTETS);
		if (rd_close(&in))
			return E_OCSP_BAD;
		if (slice_equal(oid, oid_nonce)) {
			/* Some responders leave the inner OCTET STRING away. */
			struct rd v = rd_of(value);
			slice inner = asn_next(&v, ASN_OCTETS);
			b->nonce = rd_close(&v) ? value : inner;
		} else if (critical) {
			return E_OCSP_BAD;
		}
	}
	return exts.err ? E_OCSP_BAD : 0;
}

static err_t read_data(struct basic *b, struct cert_why *why)
{
	struct rd all = rd_of(b->tbs), r = asn_in(&all, ASN_SEQ);

	if (asn_at(&r, 0xa0))
		asn_next(&r, 0xa0);
	if (asn_at(&r, 0xa1)) {
		struct rd in = asn_in(&r, 0xa1);
		b->responder_name = asn_whole(&in, ASN_SEQ);
		if (rd_close(&in))
			return x_fail(why, E_OCSP_BAD, "the OCSP answer is not well-formed");
	} else {
		struct rd in = asn_in(&r, 0xa2);
		b->responder_key = asn_next(&in, ASN_OCTETS);
		if (rd_close(&in))
			return x_fail(why, E_OCSP_BAD, "the OCSP answer is not well-formed");
	}
	b->produced = asn_time(&r);
	b->singles = asn_in(&r, ASN_SEQ);
	if (asn_at(&r, 0xa1)) {
		struct rd in = asn_in(&r, 0xa1);
		if (read_nonce(asn_in(&in, ASN_SEQ), b))
			return x_fail(why, E_OCSP_BAD, "the OCSP answer has a bad extension");
	}
	return rd_close(&r) || rd_close(&all) ? x_fail(why, E_OCSP_BAD, "the OCSP answer is not well-formed") : 0;
}

static err_t read_response(slice der, struct basic *b, struct cert_why *why)
{
	static const char *const statuses[] = { "successful", "malformedRequest", "internalError", "tryLater",
						"(4)",        "sigRequired",      "unauthorized" };
	struct rd all = rd_of(der), r = asn_in(&all, ASN_SEQ);
	slice status = asn_next(&r, ASN_ENUM), oid;
	uint8_t id;
	uint16_t hash;

	if (r.err || status.n != 1 || rd_close(&all))
		return x_fail(why, E_OCSP_BAD, "this is no OCSP answer");
	if (status.p[0])
		return x_fail(why, E_OCSP_BAD, "the OCSP responder refused: %s",
			status.p[0] < ARRAY_LEN(statuses) ? statuses[status.p[0]] : "(unknown)");
	struct rd bytes = asn_in(&r, 0xa0), seq = asn_in(&bytes, ASN_SEQ);
	if (!slice_equal(asn_next(&seq, ASN_OID), oid_basic))
		return x_fail(why, E_OCSP_BAD, "the OCSP answer is of a kind that is not known here");
	struct rd out = asn_in(&seq, ASN_OCTETS), in = asn_in(&out, ASN_SEQ);
	b->tbs = asn_whole(&in, ASN_SEQ);
	b->alg = x_sigalg_read(asn_next(&in, ASN_SEQ), &oid, &id, &hash);
	b->sig = asn_signature(&in);
	if (asn_at(&in, 0xa0)) {
		struct rd list = asn_in(&in, 0xa0);
		b->certs = asn_in(&list, ASN_SEQ);
		if (rd_close(&list))
			return x_fail(why, E_OCSP_BAD, "the OCSP answer is not well-formed");
	}
	if (rd_close(&r) || rd_close(&bytes) || rd_close(&seq) || rd_close(&out) || rd_close(&in))
		return x_fail(why, E_OCSP_BAD, "the OCSP answer is not well-formed");
	return read_data(b, why);
}

static bool is_responder(const struct basic *b, const struct cert *c)
{
	if (b->responder_name.n) {
		struct arena a;
		struct x_name name;
		arena_init(&a, 1 << 20);
		bool same = x_name_read(&a, b->responder_name, &name) == 0 && x_name_same(&name, &c->subject);
		arena_fini(&a);
		return same;
	}
	uint8_t name[20], key[20];
	return cert_id_hashes(c, GNUTLS_DIG_SHA1, name, key) &&
	       slice_equal(b->responder_key, slice_of(key, sizeof key));
}

/* The issuer signs itself, or one it issued a certificate with OCSPSigning to (section 4.2.2.2): a reference in *delegate. */
static err_t check_signer(const struct basic *b, const struct cert *issuer, int64_t time, struct cert **delegate,
	struct cert_why *why)
{
	struct rd list = b->certs;

	if (b->alg.hash == GNUTLS_DIG_MD5 || b->alg.hash == GNUTLS_DIG_MD2)
		return x_fail(why, E_OCSP_BAD, "the OCSP answer is signed with MD5");
	if (is_responder(b, issuer))
		return x_signature_ok(b->tbs, b->sig, &b->alg, issuer->info.spki) ? 0 :
			x_fail(why, E_OCSP_BAD, "the signature of the OCSP answer is wrong");
	err_t e = x_fail(why, E_OCSP_BAD, "the OCSP answer is signed neither by the issuer nor by one it delegated");
	for (unsigned i = 0; rd_left(&list) && i < CERTS_MAX; i++) {
		struct cert *c;
		slice der = asn_whole(&list, ASN_SEQ);
		if (list.err || x_cert_parse(der, &c, NULL))
			break;
		if (is_responder(b, c)) {
			if (!x_name_same(&c->issuer, &issuer->subject) ||
			    !x_signature_ok(c->tbs, c->sig, &c->alg, issuer->info.spki))
				e = x_fail(why, E_OCSP_BAD,
					   "the OCSP responder's certificate was not issued by the CA it speaks for");
			else if (!(c->info.ekus & CERT_EKU_OCSP_SIGN))
				e = x_fail(why, E_OCSP_BAD,
					   "the OCSP responder's certificate lacks the purpose OCSPSigning");
			else if (time < c->info.not_before || time > c->info.not_after)
				e = x_fail(why, E_OCSP_BAD,
					   "the OCSP responder's certificate is not within its validity");
			else if (c->unknown_critical.n || !(c->info.key_usage & CERT_KU_SIGN))
				e = x_fail(why, E_OCSP_BAD, "the OCSP responder's certificate may not sign");
			else if (!x_signature_ok(b->tbs, b->sig, &b->alg, c->info.spki))
				e = x_fail(why, E_OCSP_BAD, "the signature of the OCSP answer is wrong");
			else
				e = 0;
			if (e)
				x_cert_unref(c);
			else
				*delegate = c;
			break;
		}
		x_cert_unref(c);
	}
	return e;
}

static bool same_cert_id(struct rd id, const struct cert *cert, const struct cert *issuer)
{
	uint8_t name[64], key[64];
	char text[64];
	struct rd alg = asn_in(&id, ASN_SEQ);
	gnutls_digest_algorithm_t dig = gnutls_oid_to_digest(asn_oid_text(asn_next(&alg, ASN_OID), text, sizeof text));
	slice name_hash = asn_next(&id, ASN_OCTETS), key_hash = asn_next(&id, ASN_OCTETS),
	      serial = asn_int(&id, ASN_INT);
	size_t n = dig == GNUTLS_DIG_UNKNOWN ? 0 : gnutls_hash_get_len(dig);

	return !rd_close(&id) && n && n <= sizeof name && cert_id_hashes(issuer, dig, name, key) &&
		slice_equal(name_hash, slice_of(name, n)) && slice_equal(key_hash, slice_of(key, n)) &&
		slice_equal(serial, cert->serial);
}

/* One SingleResponse; false: not about this certificate. */
static bool read_single(struct rd *list, const struct cert *cert, const struct cert *issuer, struct cert_ocsp_answer *a,
	bool *bad)
{
	struct rd r = asn_in(list, ASN_SEQ);
	struct rd id = asn_in(&r, ASN_SEQ);
	uint8_t tag;
	slice status = asn_any(&r, &tag, NULL);

	if (r.err || !same_cert_id(id, cert, issuer))
		return false;
	a->status = tag == 0x80 ? CERT_STATUS_GOOD : tag == 0xa1 ? CERT_STATUS_REVOKED : CERT_STATUS_UNKNOWN;
	if (tag == 0xa1) {
		struct rd in = rd_of(status);
		a->revoked_at = asn_time(&in);
		if (asn_at(&in, 0xa0)) {
			struct rd reason = asn_in(&in, 0xa0);
			slice s = asn_next(&reason, ASN_ENUM);
			a->reason = s.n == 1 ? s.p[0] : 0;
		}
		*bad |= rd_close(&in) != 0;
	}
	a->this_update = asn_time(&r);
	if (asn_at(&r, 0xa0)) {
		struct rd in = asn_in(&r, 0xa0);
		a->next_update = asn_time(&in);
		*bad |= rd_close(&in) != 0;
	}
	if (asn_at(&r, 0xa1))
		asn_next(&r, 0xa1);
	*bad |= rd_close(&r) != 0;
	return true;
}

/* As x_ocsp_answer; *delegate is who signed for the issuer (a reference), or NULL. */
static err_t judge(const struct cert_ocsp *o, const struct cert *cert, const struct cert *issuer, int64_t time,
	struct cert_ocsp_answer *out, struct cert **delegate, struct cert_why *why)
{
	struct basic b = { 0 };
	bool bad = false, found = false;

	*delegate = NULL;
	*out = (struct cert_ocsp_answer){ .size = sizeof *out };
	err_t e = read_response(o->der, &b, why);
	if (e)
		return e;
	out->produced_at = b.produced;
	out->has_nonce = o->nonce.n && slice_equal(o->nonce, b.nonce);
	if (o->nonce.n && b.nonce.n && !out->has_nonce)
		return x_fail(why, E_OCSP_BAD, "the OCSP answer has another nonce than the request: it is a replay");
	/* The newest one counts when there are several about it. */
	while (rd_left(&b.singles)) {
		struct cert_ocsp_answer a = *out;
		if (read_single(&b.singles, cert, issuer, &a, &bad) && (!found || a.this_update > out->this_update)) {
			*out = a;
			found = true;
		}
	}
	if (bad || b.singles.err)
		return x_fail(why, E_OCSP_BAD, "the OCSP answer is not well-formed");
	if (!found)
		return x_fail(why, E_CRL_MISSING, "the OCSP answer is not about this certificate");
	e = check_signer(&b, issuer, time, delegate, why);
	if (e)
		return e;
	if (out->this_update > time + SKEW_S)
		return x_fail(why, E_CRL_STALE, "the OCSP answer is from the future: our clock is probably behind");
	if (out->next_update ? time > out->next_update : time > out->this_update + AGE_MAX_S)
		return x_fail(why, E_CRL_STALE, "the OCSP answer is out of date");
	return 0;
}

err_t x_ocsp_answer(const struct cert_ocsp *o, const struct cert *cert, const struct cert *issuer, int64_t time,
	struct cert_ocsp_answer *out, struct cert_why *why)
{
	struct cert *delegate;
	err_t e = judge(o, cert, issuer, time, out, &delegate, why);

	x_cert_unref(delegate);
	return e;
}

/* Was a delegate, whose certificate does not say that nobody need ask (id-pkix-ocsp-nocheck), itself revoked? What nobody
 * knows counts for it: its CA may have left that open (section 4.2.2.2.1). */
static bool delegate_revoked(struct v *v, const struct v_path *p, size_t i, struct cert *delegate)
{
	struct v_path up = { .v = { delegate }, .n = p->n - i };
	struct v_status crl = { 0 }, ocsp = { 0 };

	if (!delegate || delegate->info.flags & CERT_OCSP_NOCHECK)
		return false;
	for (size_t k = 1; k < up.n; k++)
		up.v[k] = p->v[i + k];
	v->quiet++;
	v->delegates++;
	v_status_by_ocsp(v, &up, 0, &ocsp);
	v_status_by_crl(v, &up, 0, &crl);
	v->delegates--;
	v->quiet--;
	return crl.state == V_REVOKED || ocsp.state == V_REVOKED;
}

void v_status_by_ocsp(struct v *v, const struct v_path *p, size_t i, struct v_status *s)
{
	const struct cert_verify *req = v->req;
	struct cert *c = p->v[i], *issuer = p->v[i + 1];

	for (size_t k = 0; k < req->n_ocsp && s->state != V_REVOKED; k++) {
		struct cert_ocsp_answer a;
		struct cert *delegate;
		struct cert_why why;
		err_t e = judge(&req->ocsp[k], c, issuer, req->time, &a, &delegate, &why);
		/* A delegate does not speak for a delegate. */
		if (delegate && v->delegates)
			e = E_CRL_MISSING;
		else if (delegate && !(e && e != E_CRL_STALE) && delegate_revoked(v, p, i, delegate))
			e = x_fail(&why, E_OCSP_BAD, "the OCSP responder's certificate was itself revoked");
		x_cert_unref(delegate);
		/* Nothing about this certificate: it is about another of the path. */
		if (e == E_CRL_MISSING)
			continue;
		/* Out of date, but who was revoked stays so; whether a hold was taken back is worth a question. */
		bool late = e == E_CRL_STALE && a.status == CERT_STATUS_REVOKED && a.this_update <= req->time;
		if (e && !late) {
			s->err = e;
			s->stale |= e == E_CRL_STALE;
			s->text = arena_fmt(&v->rep->arena, "%s", why.text);
			v->nomem |= !s->text;
			V_NOTE(v, i, c, OCSP, e, "%s", why.text);
		} else if (a.status == CERT_STATUS_REVOKED) {
			s->state = V_REVOKED;
			s->stale = late;
			s->text = arena_fmt(&v->rep->arena,
					    "serial %s was revoked at %s (%s), says the OCSP answer of %s",
					    v_hex(v, c->serial), v_time(v, a.revoked_at), x_reason_name(a.reason),
					    v_time(v, a.this_update));
			v->nomem |= !s->text;
		} else if (a.status == CERT_STATUS_GOOD) {
			s->state = V_GOOD;
			s->until = a.next_update ? a.next_update : a.this_update + AGE_MAX_S;
			s->text = arena_fmt(&v->rep->arena, "good, says the OCSP answer of %s, which is good until %s",
				v_time(v, a.this_update), v_time(v, s->until));
			v->nomem |= !s->text;
			V_OK(v, i, c, OCSP, "signed by the issuer or its delegate, in date%s",
			     a.has_nonce ? ", with our nonce" : "");
		} else {
			s->err = E_CRL_MISSING;
			s->text = "the OCSP responder does not know the certificate";
			V_NOTE(v, i, c, OCSP, E_CRL_MISSING, "%s", s->text);
		}
	}
}
