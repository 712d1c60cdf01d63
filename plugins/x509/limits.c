/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name constraints (RFC 5280 section 4.2.1.10). The permitted subtrees of every CA count for themselves: a name has to
 * be inside one of its form in each CA that permits any of the form, which is their intersection; and in none that is
 * excluded. A constraint of a form that is not known here excludes every name of that form.
 */
#include "base/text.h"
#include "der.h"
#include "verify.h"

#include <ctype.h>
#include <strings.h>

static bool same_letters(slice a, slice b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp((const char *)a.p, (const char *)b.p, a.n) == 0);
}

static bool has_tail(slice s, slice tail)
{
	return s.n >= tail.n && same_letters(slice_of(s.p + s.n - tail.n, tail.n), tail);
}

/* "host.com" is itself and everything below; ".host.com" only what is below. */
static bool dns_below(slice name, slice limit)
{
	if (!limit.n)
		return true;
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (limit.p[0] == '.')
		return name.n > limit.n && has_tail(name, limit);
	return same_letters(name, limit) ||
	       (name.n > limit.n && has_tail(name, limit) && name.p[name.n - limit.n - 1] == '.');
}

/* ".host.com": everything below, and nothing else; "host.com": that host alone (URIs and mailboxes). */
static bool host_below(slice host, slice limit)
{
	if (!limit.n)
		return true;
	if (limit.p[0] == '.')
		return host.n > limit.n && has_tail(host, limit);
	return same_letters(host, limit);
}

static bool email_below(slice name, slice limit)
{
	const uint8_t *at = name.n ? memrchr(name.p, '@', name.n) : NULL;
	const uint8_t *limit_at = limit.n ? memrchr(limit.p, '@', limit.n) : NULL;

	if (!at)
		return false;
	slice host = slice_of(at + 1, (size_t)(name.p + name.n - at - 1));
	if (!limit_at)
		return host_below(host, limit);
	return slice_equal(slice_of(name.p, (size_t)(at - name.p)), slice_of(limit.p, (size_t)(limit_at - limit.p))) &&
		same_letters(host, slice_of(limit_at + 1, (size_t)(limit.p + limit.n - limit_at - 1)));
}

/* Host of "scheme://user@host:port/path"; empty when there is none or it is an address. */
static slice uri_host(slice uri)
{
	const uint8_t *p = uri.n ? memmem(uri.p, uri.n, "://", 3) : NULL;

	if (!p)
		return SLICE_NONE;
	p += 3;
	size_t n = 0, left = (size_t)(uri.p + uri.n - p);
	while (n < left && p[n] != '/' && p[n] != '?' && p[n] != '#')
		n++;
	const uint8_t *user = n ? memrchr(p, '@', n) : NULL;
	if (user) {
		n -= (size_t)(user + 1 - p);
		p = user + 1;
	}
	if (n && p[0] == '[')
		return SLICE_NONE;
	const uint8_t *port = n ? memchr(p, ':', n) : NULL;
	if (port)
		n = (size_t)(port - p);
	bool number = true;
	for (size_t i = 0; i < n; i++)
		number = number && (isdigit(p[i]) || p[i] == '.');
	return number ? SLICE_NONE : slice_of(p, n);
}

static bool ip_below(slice ip, slice limit)
{
	if (limit.n != 2 * ip.n)
		return false;
	for (size_t i = 0; i < ip.n; i++)
		if ((ip.p[i] ^ limit.p[i]) & limit.p[ip.n + i])
			return false;
	return true;
}

static bool below(const struct x_gn *name, const struct x_gn *limit)
{
	switch (name->tag) {
	case X_GN_DIR:
		return name->canon.n >= limit->canon.n && memcmp(name->canon.p, limit->canon.p, limit->canon.n) == 0;
	case X_GN_DNS:
		return dns_below(name->value, limit->value);
	case X_GN_EMAIL:
		return email_below(name->value, limit->value);
	case X_GN_URI:
		return host_below(uri_host(name->value), limit->value);
	case X_GN_IP:
		return ip_below(name->value, limit->value);
	default:
		return false;
	}
}

static bool known_form(uint8_t tag)
{
	return tag == X_GN_DIR || tag == X_GN_DNS || tag == X_GN_EMAIL || tag == X_GN_URI || tag == X_GN_IP;
}

static const char *name_text(struct v *v, const struct x_gn *g)
{
	static const char *const forms[] = { "otherName",    "email", "DNS", "x400Address", "DN",
					     "ediPartyName", "URI",   "IP",  "registeredID" };

	if (g->tag == X_GN_DIR)
		return v_dn(v, g->value);
	char buf[256];
	struct text t = text_of(buf, sizeof buf);
	text_fmt(&t, "%s ", forms[g->tag]);
	if (g->tag == X_GN_DNS || g->tag == X_GN_EMAIL || g->tag == X_GN_URI)
		text_peer(&t, g->value);
	else
		text_hex(&t, g->value);
	char *s = arena_str(&v->rep->arena, slice_of(buf, t.n));
	v->nomem |= !s;
	return s ? s : "";
}

/* A host name constraint says nothing about a URI without a host: such a one is refused wherever URIs are limited. */
static bool allowed(const struct cert *ca, const struct x_gn *name)
{
	bool any = false, inside = false, odd = name->tag == X_GN_URI && !uri_host(name->value).n;

	for (size_t i = 0; i < ca->excluded.n; i++)
		if (ca->excluded.v[i].tag == name->tag &&
		    (!known_form(name->tag) || odd || below(name, &ca->excluded.v[i])))
			return false;
	for (size_t i = 0; i < ca->permitted.n; i++)
		if (ca->permitted.v[i].tag == name->tag) {
			any = true;
			inside = inside || (!odd && below(name, &ca->permitted.v[i]));
		}
	return !any || inside;
}

static const char *check_one(struct v *v, const struct v_limit *l, const struct x_gn *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!allowed(l->by[i], name)) {
			char *s = arena_fmt(&v->rep->arena, "the CA \"%s\" may not issue for \"%s\"",
				v_dn(v, l->by[i]->info.subject), name_text(v, name));
			v->nomem |= !s;
			return s ? s : "";
		}
	return NULL;
}

/* The values of one attribute type of a name. */
static const char *check_attribute(struct v *v, const struct v_limit *l, slice name, slice oid, uint8_t tag)
{
	struct rd all = rd_of(name), rdns = asn_in(&all, ASN_SEQ);

	while (rd_left(&rdns)) {
		struct rd set = asn_in(&rdns, ASN_SET);
		while (rd_left(&set)) {
			struct rd ava = asn_in(&set, ASN_SEQ);
			uint8_t type;
			bool is = slice_equal(asn_next(&ava, ASN_OID), oid);
			struct x_gn g = { tag, asn_any(&ava, &type, NULL), SLICE_NONE };
			const char *bad = is && !ava.err ? check_one(v, l, &g) : NULL;
			if (bad)
				return bad;
		}
	}
	return NULL;
}

const char *v_limit_check(struct v *v, const struct v_limit *l, const struct cert *c)
{
	static const slice email = { (const uint8_t *)"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9 };
	static const slice cn = { (const uint8_t *)"\x55\x04\x03", 3 };
	const char *bad = NULL;
	bool has_dns = false;

	for (size_t i = 0; i < l->n; i++)
		if (l->by[i]->permitted_bad.n)
			return "a CA above has a subtree with minimum or maximum, which no name satisfies";
	if (c->subject.canon.n) {
		struct x_gn g = { X_GN_DIR, c->subject.der, c->subject.canon };
		bad = check_one(v, l, &g);
	}
	if (!bad)
		bad = check_attribute(v, l, c->info.subject, email, X_GN_EMAIL);
	for (size_t i = 0; i < c->san.n && !bad; i++) {
		has_dns |= c->san.v[i].tag == X_GN_DNS;
		bad = check_one(v, l, &c->san.v[i]);
	}
	/* Where the CN counts as a host name it is limited as one. */
	if (!bad && !has_dns && v->req->flags & CERT_NAME_IN_CN)
		bad = check_attribute(v, l, c->info.subject, cn, X_GN_DNS);
	return bad;
}
