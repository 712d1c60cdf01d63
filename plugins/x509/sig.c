/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of certificates, CRLs and OCSP answers, by GnuTLS. */
#include "verify.h"

bool x_signature_ok(slice tbs, slice sig, const struct x_sigalg *alg, slice spki)
{
	/* What is too weak is told by v_alg_weak and the constraints, with a sentence: GnuTLS would only say no. */
	const unsigned flags = GNUTLS_VERIFY_ALLOW_BROKEN | GNUTLS_VERIFY_ALLOW_SIGN_WITH_SHA1;
	const gnutls_datum_t key = { (unsigned char *)(uintptr_t)spki.p, (unsigned)spki.n };
	const gnutls_datum_t data = { (unsigned char *)(uintptr_t)tbs.p, (unsigned)tbs.n };
	const gnutls_datum_t s = { (unsigned char *)(uintptr_t)sig.p, (unsigned)sig.n };
	gnutls_pubkey_t pub;
	gnutls_x509_spki_t params = NULL;
	bool ok = false;

	if (!alg->alg || !sig.n || gnutls_pubkey_init(&pub))
		return false;
	if (gnutls_pubkey_import(pub, &key, GNUTLS_X509_FMT_DER))
		goto out;
	if (alg->pss && gnutls_pubkey_get_pk_algorithm(pub, NULL) == GNUTLS_PK_RSA) {
		if (gnutls_x509_spki_init(&params))
			goto out;
		gnutls_x509_spki_set_rsa_pss_params(params, alg->hash, alg->salt_len);
		if (gnutls_pubkey_set_spki(pub, params, 0))
			goto out;
	}
	ok = gnutls_pubkey_verify_data2(pub, alg->alg, flags, &data, &s) >= 0;
out:
	if (params)
		gnutls_x509_spki_deinit(params);
	gnutls_pubkey_deinit(pub);
	return ok;
}

bool v_signed(struct v *v, struct x_memo *memo, slice tbs, slice sig, const struct x_sigalg *alg, const struct cert *by)
{
	bool ok = false;

	pthread_mutex_lock(&memo->lock);
	for (uint8_t i = 0; i < memo->n && !ok; i++)
		ok = memcmp(memo->key[i], by->key_sha256, 32) == 0;
	pthread_mutex_unlock(&memo->lock);
	if (ok || v->n_signatures >= V_SIGNATURES_MAX)
		return ok;
	v->n_signatures++;
	ok = x_signature_ok(tbs, sig, alg, by->info.spki);
	if (ok) {
		pthread_mutex_lock(&memo->lock);
		if (memo->n < ARRAY_LEN(memo->key))
			memcpy(memo->key[memo->n++], by->key_sha256, 32);
		pthread_mutex_unlock(&memo->lock);
	}
	return ok;
}

const char *v_alg_weak(const struct v *v, const struct x_sigalg *alg)
{
	switch (alg->hash) {
	case GNUTLS_DIG_MD2:
	case GNUTLS_DIG_MD5:
		return "MD5";
	case GNUTLS_DIG_SHA1:
		return v->req->flags & CERT_ALLOW_SHA1 ? NULL : "SHA-1";
	default:
		return alg->alg ? NULL : "an unknown algorithm";
	}
}
