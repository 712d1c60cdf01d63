/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a certificate revoked: what OCSP answers and CRLs say together. Whoever says "revoked" is believed; else one good
 * answer is enough; what is missing decides by the mode and is put into the report's wants.
 */
#include "verify.h"

static uint8_t mode_of(const struct v *v, const struct cert *anchor)
{
	const struct cert_verify *req = v->req;

	for (size_t i = 0; i < req->n_anchors && req->anchor_rev_mode; i++)
		if (slice_equal(req->anchors[i]->info.der, anchor->info.der) &&
		    req->anchor_rev_mode[i] != CERT_REV_DEFAULT)
			return req->anchor_rev_mode[i];
	return req->rev_mode;
}

static void put_wants(struct v *v, struct cert *c, struct cert *issuer, const struct v_status *crl,
		      const struct v_status *ocsp, bool decides)
{
	uint8_t buf[512];
	size_t n = sizeof buf;

	if (c->info.n_crl_uris && (crl->state == V_UNKNOWN || crl->stale))
		v_want(v, (struct cert_want){ .kind = CERT_WANT_CRL, .stale = crl->stale, .decides = decides, .cert = c,
			.issuer = issuer, .uris = c->info.crl_uris, .n_uris = c->info.n_crl_uris });
	if ((ocsp->state == V_UNKNOWN || ocsp->stale) && x_ocsp_request(c, issuer, SLICE_NONE, buf, &n) == 0)
		v_want(v, (struct cert_want){ .kind = CERT_WANT_OCSP,
					      .stale = ocsp->stale,
					      .decides = decides && c->info.n_ocsp_uris,
					      .cert = c,
					      .issuer = issuer,
					      .uris = c->info.ocsp_uris,
					      .n_uris = c->info.n_ocsp_uris,
					      .ocsp_request = arena_slice(&v->rep->arena, slice_of(buf, n)) });
}

void v_check_revocation(struct v *v, const struct v_path *p, size_t i)
{
	struct cert *c = p->v[i], *issuer = p->v[i + 1];
	uint8_t mode = mode_of(v, p->v[p->n - 1]);
	struct v_status crl = { .err = E_CRL_MISSING }, ocsp = { .err = E_CRL_MISSING };

	if (mode == CERT_REV_OFF) {
		V_NOTE(v, i, c, REVOCATION, 0, "not looked at: revocation is off");
		return;
	}
	v_status_by_ocsp(v, p, i, &ocsp);
	v_status_by_crl(v, p, i, &crl);
	const struct v_status *best =
		ocsp.state == V_REVOKED || (ocsp.state == V_GOOD && crl.state != V_REVOKED) ? &ocsp : &crl;
	if (best->state == V_REVOKED) {
		if (best->stale)
			put_wants(v, c, issuer, &crl, &ocsp, true);
		V_FAIL(v, i, c, REVOCATION, E_CERT_REVOKED, "%s", best->text);
		return;
	}
	if (best->state == V_GOOD) {
		V_OK(v, i, c, REVOCATION, "%s", best->text);
		if (best->until && (!v->rev_until || best->until < v->rev_until))
			v->rev_until = best->until;
		return;
	}
	bool has_uris = c->info.n_crl_uris || c->info.n_ocsp_uris;
	bool decides = mode == CERT_REV_STRICT || (mode == CERT_REV_IFURI && has_uris);
	err_t e = crl.err != E_CRL_MISSING ? crl.err : ocsp.err;
	const char *text = crl.text && crl.err != E_CRL_MISSING ? crl.text
			   : ocsp.text                          ? ocsp.text
			   : crl.text                           ? crl.text
			   : has_uris                           ? "neither its CRL nor an OCSP answer is here"
								: "no CRL is here and it names no address to get one";
	put_wants(v, c, issuer, &crl, &ocsp, decides);
	if (e == E_CRL_STALE)
		v->dates_off = true;
	if (decides)
		V_FAIL(v, i, c, REVOCATION, e, "%s", text);
	else
		V_NOTE(v, i, c, REVOCATION, e, "%s; accepted by the relaxed policy", text);
}
