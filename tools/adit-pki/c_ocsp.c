/* SPDX-License-Identifier: Apache-2.0 */
/* ocsp: asks a responder about a certificate, or answers a request from a CRL. */
#include "derout.h"
#include "http.h"

#include "base/secret.h"

#include <gnutls/crypto.h>
#include <stdlib.h>

enum { O_ISSUER = 1, O_URL, O_OUT, O_NO_NONCE, O_ASK, O_RESPOND, O_CRL, O_SIGNER, O_KEY, O_PASS, O_LIFETIME, O_TIME };

enum { DATES = GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED | GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE | GNUTLS_CERT_INVALID };

struct args {
	const char *issuer, *url, *out, *crl, *signer, *key, *pass, *file;
	bool no_nonce, ask, respond;
	int64_t lifetime_s, time;
};

static const char *status_name(uint8_t s)
{
	return s == CERT_STATUS_GOOD ? "good" : s == CERT_STATUS_REVOKED ? "revoked" : "unknown";
}

static int judge(struct pki *p, const struct args *a, slice der, slice nonce, struct cert *cert, struct cert *issuer)
{
	const struct cert_ocsp o = { der, nonce };
	struct cert_ocsp_answer answer;
	struct cert_why why;
	char t[32];
	err_t e = p->x509->ocsp_answer(&o, cert, issuer, a->time, &answer, &why);

	if (e)
		return pki_say(p, PKI_NO, "%s; %s", why.text, cert_remedy(e));
	printf("status: %s\n", status_name(answer.status));
	if (answer.status == CERT_STATUS_REVOKED)
		printf("revoked-at: %s\nreason: %s\n", pki_time_text(answer.revoked_at, t),
		       der_reason_name(answer.reason));
	printf("this-update: %s\n", pki_time_text(answer.this_update, t));
	if (answer.next_update)
		printf("next-update: %s\n", pki_time_text(answer.next_update, t));
	printf("nonce: %s\n", !nonce.n ? "not asked for" : answer.has_nonce ? "ours" : "not given back");
	return answer.status == CERT_STATUS_GOOD ? PKI_OK : PKI_NO;
}

static int ask(struct pki *p, const struct args *a)
{
	struct cert *cert = pki_cert(p, a->file), *issuer = cert ? pki_cert(p, a->issuer) : NULL;
	uint8_t request[1024], nonce[32];
	size_t n = sizeof request;
	char url[2048] = "";
	int rc = PKI_NO;

	if (!issuer || gnutls_rnd(GNUTLS_RND_NONCE, nonce, sizeof nonce))
		goto out;
	slice sent = a->no_nonce ? SLICE_NONE : slice_of(nonce, sizeof nonce);
	if (p->x509->ocsp_request(cert, issuer, sent, request, &n)) {
		pki_say(p, 0, "the request cannot be made");
		goto out;
	}
	if (a->ask) {
		rc = pki_write(p, a->out, slice_of(request, n), false) ? PKI_OK : PKI_NO;
		goto out;
	}
	const struct cert_info *info = p->x509->info(cert);
	if (a->url)
		snprintf(url, sizeof url, "%s", a->url);
	else if (info->n_ocsp_uris)
		snprintf(url, sizeof url, "%.*s", (int)info->ocsp_uris[0].n, (const char *)info->ocsp_uris[0].p);
	if (!url[0]) {
		rc = pki_say(p, PKI_MISUSE, "the certificate names no OCSP responder: --url names one");
		goto out;
	}
	struct http h = { .url = url, .body = slice_of(request, n), .type = "application/ocsp-request",
		.accept = "application/ocsp-response" };
	if (!pki_http(p, &h))
		goto out;
	if (h.status != 200)
		pki_say(p, 0, "%s: HTTP status %ld", url, h.status);
	else if (!a->out || pki_write(p, a->out, slice_of(h.data, h.n), false))
		rc = judge(p, a, slice_of(h.data, h.n), sent, cert, issuer);
	free(h.data);
out:
	p->x509->unref(cert);
	p->x509->unref(issuer);
	return rc;
}

/* What a CRL says: listed is revoked, all else is good. */
static int look(void *arg, slice serial, struct crl_entry *out)
{
	const struct crl_list *l = arg;

	for (size_t i = 0; i < l->n; i++)
		if (slice_equal(serial, slice_of(l->v[i].serial, l->v[i].n_serial))) {
			*out = l->v[i];
			return 1;
		}
	return 0;
}

/* The entries of the issuer's own CRL; nobody is good because of another's. */
static bool read_list(struct pki *p, const struct args *a, gnutls_x509_crt_t issuer, struct crl_list *list)
{
	struct cert_objects *o = NULL;
	gnutls_x509_crl_t crl = NULL;
	bool ok = pki_objects(p, a->crl, NULL, &o) == 0;
	slice der = ok && o->v[0].kind == CERT_OBJ_CRL ? o->v[0].der : SLICE_NONE;
	const gnutls_datum_t d = { (unsigned char *)(uintptr_t)der.p, (unsigned)der.n };
	unsigned wrong = 0;

	if (ok && !der.n)
		ok = pki_say(p, 0, "%s: there is no CRL in it", a->crl);
	if (ok && (gnutls_x509_crl_init(&crl) || gnutls_x509_crl_import(crl, &d, GNUTLS_X509_FMT_DER) ||
	    gnutls_x509_crl_verify(crl, &issuer, 1, 0, &wrong) || wrong & ~(unsigned)DATES))
		ok = pki_say(p, 0, "%s: the CRL is not one that --issuer signed", a->crl);
	if (ok && p->x509->crl_info(o->v[0].crl)->base.n)
		ok = pki_say(p, 0, "%s: a delta does not tell who is good; a complete CRL is needed", a->crl);
	if (ok && p->x509->crl_info(o->v[0].crl)->next_update < a->time)
		pki_say(p, 0, "note: %s is out of date", a->crl);
	ok = ok && crl_list_read(p, list, der);
	if (crl)
		gnutls_x509_crl_deinit(crl);
	p->x509->objects_free(o);
	return ok;
}

static int respond(struct pki *p, const struct args *a)
{
	struct ocsp_plan plan = { .now = a->time, .look = look };
	struct build b = build_new(p);
	struct crl_list list = { 0 };
	gnutls_x509_crt_t signer = NULL;
	struct wr answer = { 0 };
	uint8_t *request = NULL;
	size_t n = 0;
	int rc = PKI_NO;

	plan.issuer = pki_crt(p, a->issuer);
	signer = plan.issuer && a->signer ? pki_crt(p, a->signer) : NULL;
	plan.signer = signer ? signer : plan.issuer;
	plan.key = plan.issuer && (signer || !a->signer) ? pki_signer(p, a->key, a->pass) : NULL;
	if (!plan.key || !pki_is_pair(p, plan.signer, plan.key) || !read_list(p, a, plan.issuer, &list) ||
	    !pki_read(p, a->file, &request, &n))
		goto out;
	plan.digest = build_digest(&b, plan.key);
	plan.next_update = a->lifetime_s ? plan.now + a->lifetime_s : 0;
	plan.arg = &list;
	if (der_ocsp_answer(p, slice_of(request, n), &plan, &answer) && pki_write(p, a->out, wr_done(&answer), false))
		rc = PKI_OK;
out:
	free(answer.base);
	free(request);
	free(list.v);
	if (plan.key)
		gnutls_privkey_deinit(plan.key);
	if (signer)
		gnutls_x509_crt_deinit(signer);
	if (plan.issuer)
		gnutls_x509_crt_deinit(plan.issuer);
	return rc;
}

int pki_ocsp(struct pki *p, int argc, char **argv)
{
	static const struct option options[] = { { "issuer", 1, NULL, O_ISSUER },
						 { "url", 1, NULL, O_URL },
						 { "out", 1, NULL, O_OUT },
						 { "no-nonce", 0, NULL, O_NO_NONCE },
						 { "request", 0, NULL, O_ASK },
						 { "respond", 0, NULL, O_RESPOND },
						 { "crl", 1, NULL, O_CRL },
						 { "signer", 1, NULL, O_SIGNER },
						 { "key", 1, NULL, O_KEY },
						 { "passphrase-file", 1, NULL, O_PASS },
						 { "lifetime", 1, NULL, O_LIFETIME },
						 { "time", 1, NULL, O_TIME },
						 { NULL, 0, NULL, 0 } };
	struct args a = { .lifetime_s = 3600, .time = pki_now() };
	const char **const slots[] = { [O_ISSUER] = &a.issuer, [O_URL] = &a.url, [O_OUT] = &a.out, [O_CRL] = &a.crl,
		[O_SIGNER] = &a.signer, [O_KEY] = &a.key, [O_PASS] = &a.pass, [O_TIME] = NULL };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == O_NO_NONCE)
			a.no_nonce = true;
		else if (c == O_ASK)
			a.ask = true;
		else if (c == O_RESPOND)
			a.respond = true;
		else if (c == O_LIFETIME && pki_lifetime(optarg, &a.lifetime_s))
			continue;
		else if (c == O_TIME && pki_time(optarg, &a.time))
			continue;
		else if (c > 0 && (size_t)c < ARRAY_LEN(slots) && slots[c])
			*slots[c] = optarg;
		else
			return pki_usage(p);
	}
	if (optind + 1 != argc || !a.issuer || (a.respond && (!a.crl || !a.key)))
		return pki_usage(p);
	a.file = argv[optind];
	return a.respond ? respond(p, &a) : ask(p, &a);
}
