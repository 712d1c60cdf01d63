/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP of the small CA, with libmicrohttpd: the CA certificate, the CRL (made anew when it is older than a day), a
 * delta to it, and OCSP by POST and GET. The folder is read for each answer, so that a revocation counts at once.
 */
#include "ca.h"

#include "base/secret.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { POST_MAX = 65536, CONNECTIONS_MAX = 64, IDLE_S = 10, OCSP_LIFE_S = 3600, CRL_FRESH_S = 86400 };

struct server {
	struct ca *ca;
	struct build b;
};

struct upload {
	size_t n;
	bool too_long;
	uint8_t bytes[POST_MAX];
};

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *type, slice body)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_COPY);

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", type);
	enum MHD_Result ok = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned status, const char *text)
{
	return answer(c, status, "text/plain", slice_str(text));
}

static enum MHD_Result send_crt(struct server *s, struct MHD_Connection *c)
{
	gnutls_datum_t der;

	if (gnutls_x509_crt_export2(s->ca->crt, GNUTLS_X509_FMT_DER, &der))
		return refuse(c, 500, "the CA certificate cannot be written\n");
	enum MHD_Result r = answer(c, 200, "application/pkix-cert", slice_of(der.data, der.size));
	gnutls_free(der.data);
	return r;
}

/* The CRL as it is on disk while it is fresh, so that its number does not run. */
static bool crl_on_disk(struct server *s, struct cert_objects **o)
{
	char path[4096];

	if (access(ca_path(s->ca, "crl.pem", path), R_OK) || pki_objects(s->ca->p, path, NULL, o))
		return false;
	if ((*o)->v[0].kind == CERT_OBJ_CRL &&
	    s->ca->p->x509->crl_info((*o)->v[0].crl)->this_update + CRL_FRESH_S > pki_now())
		return true;
	s->ca->p->x509->objects_free(*o);
	return false;
}

static enum MHD_Result send_crl(struct server *s, struct MHD_Connection *c, bool delta)
{
	struct cert_objects *o;
	struct wr crl = { 0 };
	char path[4096];

	if (!delta && crl_on_disk(s, &o)) {
		enum MHD_Result r = answer(c, 200, "application/pkix-crl", o->v[0].der);
		s->ca->p->x509->objects_free(o);
		return r;
	}
	/* Somebody may revoke at this moment: what is written builds on what is read under the lock. */
	bool ok = ca_lock(s->ca) && ca_reload(s->ca) && ca_crl(s->ca, delta, &crl) && ca_save(s->ca) &&
		  pki_write_object(s->ca->p, ca_path(s->ca, delta ? "delta.pem" : "crl.pem", path), wr_done(&crl),
				   "X509 CRL", true, false);
	ca_unlock(s->ca);
	enum MHD_Result r =
		ok ? answer(c, 200, "application/pkix-crl", wr_done(&crl)) : refuse(c, 500, "the CRL cannot be made\n");
	free(crl.base);
	return r;
}

static enum MHD_Result send_ocsp(struct server *s, struct MHD_Connection *c, slice request)
{
	struct ocsp_plan plan = { .issuer = s->ca->crt, .signer = s->ca->crt, .key = s->ca->key, .now = pki_now(),
		.digest = build_digest(&s->b, s->ca->key), .look = ca_look, .arg = s->ca };
	struct wr out;

	plan.next_update = plan.now + OCSP_LIFE_S;
	if (!der_ocsp_answer(s->ca->p, request, &plan, &out))
		return refuse(c, 500, "the answer cannot be made\n");
	enum MHD_Result r = answer(c, 200, "application/ocsp-response", wr_done(&out));
	free(out.base);
	return r;
}

/* GET /ocsp/BASE64: RFC 6960 appendix A.1. libmicrohttpd has undone the percent signs. */
static enum MHD_Result ocsp_get(struct server *s, struct MHD_Connection *c, const char *text)
{
	const gnutls_datum_t in = { (unsigned char *)(uintptr_t)text, (unsigned)strlen(text) };
	gnutls_datum_t der;

	if (gnutls_base64_decode2(&in, &der))
		return refuse(c, 400, "this is no base64\n");
	enum MHD_Result r = send_ocsp(s, c, slice_of(der.data, der.size));
	gnutls_free(der.data);
	return r;
}

static enum MHD_Result serve_one(void *arg, struct MHD_Connection *c, const char *url, const char *method,
				 const char *version, const char *data, size_t *n, void **state)
{
	struct server *s = arg;
	bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0, post = strcmp(method, "POST") == 0;
	struct upload *up = *state;

	(void)version;
	if (!up) {
		*state = up = calloc(1, sizeof *up);
		return up ? MHD_YES : MHD_NO;
	}
	if (*n) {
		if (*n > sizeof up->bytes - up->n)
			up->too_long = true;
		else
			memcpy(up->bytes + up->n, data, *n);
		up->n += up->too_long ? 0 : *n;
		*n = 0;
		return MHD_YES;
	}
	if (up->too_long)
		return refuse(c, 413, "the request is too long\n");
	if (!get && !post)
		return refuse(c, 405, "GET or POST\n");
	if (!ca_reload(s->ca))
		return refuse(c, 500, "ca.json cannot be read\n");
	if (get && (strcmp(url, "/ca.crt") == 0 || strcmp(url, "/") == 0))
		return send_crt(s, c);
	if (get && (strcmp(url, "/crl") == 0 || strcmp(url, "/delta") == 0))
		return send_crl(s, c, url[1] == 'd');
	if (post && strcmp(url, "/ocsp") == 0)
		return send_ocsp(s, c, slice_of(up->bytes, up->n));
	if (get && strncmp(url, "/ocsp/", 6) == 0)
		return ocsp_get(s, c, url + 6);
	return refuse(c, 404, "there are /ca.crt, /crl, /delta and /ocsp\n");
}

static void done(void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode how)
{
	(void)arg;
	(void)c;
	(void)how;
	free(*state);
	*state = NULL;
}

int ca_serve(struct ca *ca, const char *host, const char *port)
{
	struct server s = { ca, build_new(ca->p) };
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE | AI_NUMERICSERV },
			*ai;
	sigset_t set;
	int sig, rc = getaddrinfo(host, port, &hints, &ai);

	if (rc)
		return pki_say(ca->p, PKI_MISUSE, "%s:%s: %s", host, port, gai_strerror(rc));
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	unsigned flags =
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ERROR_LOG | (ai->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0);
	struct MHD_Daemon *d = MHD_start_daemon(flags, 0, NULL, NULL, serve_one, &s, MHD_OPTION_SOCK_ADDR, ai->ai_addr,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
		MHD_OPTION_NOTIFY_COMPLETED, done, NULL, MHD_OPTION_END);
	freeaddrinfo(ai);
	if (!d)
		return pki_say(ca->p, PKI_NO, "%s:%s: cannot listen there: %s", host, port, strerror(errno));
	printf("serving http://%s:%s/crl, /delta, /ocsp and /ca.crt\n", host, port);
	fflush(stdout);
	while (sigwait(&set, &sig))
		;
	MHD_stop_daemon(d);
	return PKI_OK;
}
