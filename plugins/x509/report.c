/* SPDX-License-Identifier: Apache-2.0 */
/* The explanation tree: nodes, wants, texts. */
#include "base/text.h"
#include "config/dn.h"
#include "der.h"
#include "verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { REPORT_BYTES = 16 << 20, TEXT = 1024 };

err_t v_report_new(struct v_report **out)
{
	struct v_report *r = calloc(1, sizeof *r);

	*out = r;
	if (!r)
		return E_NOMEM;
	arena_init(&r->arena, REPORT_BYTES);
	return 0;
}

void x_report_free(struct cert_report *pub)
{
	struct v_report *r = (struct v_report *)pub;

	if (!r)
		return;
	for (size_t i = 0; i < r->pub.n_chain; i++)
		x_cert_unref(r->chain[i]);
	for (size_t i = 0; i < r->pub.n_wants; i++) {
		x_cert_unref(r->wants[i].cert);
		x_cert_unref(r->wants[i].issuer);
	}
	free(r->nodes);
	free(r->wants);
	arena_fini(&r->arena);
	free(r);
}

const char *v_dn(struct v *v, slice name)
{
	char buf[TEXT];
	struct text t = text_of(buf, sizeof buf);

	conf_dn_text(name, &t);
	if (!t.n)
		text_str(&t, "(empty name)");
	char *s = arena_str(&v->rep->arena, slice_of(buf, t.n));
	v->nomem |= !s;
	return s ? s : "";
}

const char *v_oid(struct v *v, slice oid)
{
	char buf[256];
	char *s = arena_fmt(&v->rep->arena, "%s", asn_oid_text(oid, buf, sizeof buf));

	v->nomem |= !s;
	return s ? s : "";
}

const char *v_hex(struct v *v, slice s)
{
	char buf[2 * 64 + 1];
	struct text t = text_of(buf, sizeof buf);

	text_hex(&t, slice_of(s.p, s.n > 64 ? 64 : s.n));
	char *out = arena_str(&v->rep->arena, slice_of(buf, t.n));
	v->nomem |= !out;
	return out ? out : "";
}

const char *v_time(struct v *v, int64_t t)
{
	time_t when = t;
	struct tm tm;

	if (!t)
		return "never";
	if (!gmtime_r(&when, &tm))
		return "(out of range)";
	char *s = arena_fmt(&v->rep->arena, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
			    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	v->nomem |= !s;
	return s ? s : "";
}

void v_node(struct v *v, size_t depth, const struct cert *c, enum cert_check check, enum cert_verdict verdict, err_t e,
	const char *fmt, ...)
{
	struct v_report *r = v->rep;
	char buf[TEXT];
	va_list ap;

	if (v->quiet && verdict != CERT_FAIL)
		return;
	va_start(ap, fmt);
	vsnprintf(buf, sizeof buf, fmt, ap);
	va_end(ap);
	char *text = arena_str(&r->arena, slice_str(buf));
	if (!text) {
		v->nomem = true;
		text = (char *)(uintptr_t)"";
	}
	if (verdict == CERT_FAIL && v->fails++ == 0) {
		v->err = e;
		v->text = arena_fmt(&r->arena, "%s (%s: %s)", text, depth ? "CA" : "certificate",
				    v_dn(v, c->info.subject));
		v->nomem |= !v->text;
	}
	if (v->quiet || r->n_nodes == V_NODES_MAX)
		return;
	if (r->n_nodes == r->cap_nodes) {
		size_t cap = r->cap_nodes ? 2 * r->cap_nodes : 64;
		struct cert_node *more = reallocarray(r->nodes, cap, sizeof *more);
		if (!more) {
			v->nomem = true;
			return;
		}
		r->nodes = more;
		r->cap_nodes = cap;
	}
	r->nodes[r->n_nodes++] = (struct cert_node){ .path = v->path, .depth = (uint8_t)depth, .check = (uint8_t)check,
		.verdict = (uint8_t)verdict, .err = e, .subject = v_dn(v, c->info.subject), .text = text,
		.remedy = e ? cert_remedy(e) : "" };
}

void v_want(struct v *v, struct cert_want w)
{
	struct v_report *r = v->rep;

	for (size_t i = 0; i < r->pub.n_wants; i++) {
		struct cert_want *o = &r->wants[i];
		if (o->kind == w.kind && o->cert == w.cert && o->issuer == w.issuer) {
			o->decides |= w.decides;
			o->stale |= w.stale;
			return;
		}
	}
	if (r->pub.n_wants == V_WANTS_MAX)
		return;
	if (!r->wants)
		r->wants = calloc(V_WANTS_MAX, sizeof *r->wants);
	if (!r->wants) {
		v->nomem = true;
		return;
	}
	x_cert_ref(w.cert);
	if (w.issuer)
		x_cert_ref(w.issuer);
	r->wants[r->pub.n_wants++] = w;
}

const char *x_reason_name(unsigned reason)
{
	static const char *const names[] = { "unspecified",        "keyCompromise", "cACompromise",
					     "affiliationChanged", "superseded",    "cessationOfOperation",
					     "certificateHold",    "(7)",           "removeFromCRL",
					     "privilegeWithdrawn", "aACompromise" };

	return reason < ARRAY_LEN(names) ? names[reason] : "(unknown reason)";
}
