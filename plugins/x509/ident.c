/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a certificate name a peer (RFC 7296 section 3.5, RFC 4945 section 3.1)? An identity has to be in the
 * certificate: a DN as subject or directoryName, a host name, mailbox or address as subjectAltName of that kind, a key
 * id as the subject key identifier or the SHA-1 of the key. What the certificate has is compared as it is: a wildcard
 * in it covers nothing (RFC 4945 section 5.1.3.6). The wanted name may be a pattern of ours: "*.example.com",
 * "*@example.com", "C=CH, CN=*"; in a name that a peer has sent (CERT_NAME_EXACT) '*' is a letter.
 */
#include "base/netaddr.h"
#include "base/text.h"
#include "config/dn.h"
#include "der.h"
#include "verify.h"

#include <ctype.h>
#include <strings.h>

enum { ID_IPV4 = 1, ID_FQDN = 2, ID_RFC822 = 3, ID_IPV6 = 5, ID_DN = 9, ID_KEY_ID = 11 };

static bool same_letters(slice a, slice b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp((const char *)a.p, (const char *)b.p, a.n) == 0);
}

static bool is_pattern(slice s)
{
	return s.n > 1 && s.p[0] == '*';
}

/* "*tail" of ours against a name; names with a '*' of their own are no names. */
static bool text_matches(slice want, slice has, bool exact)
{
	if (memchr(has.p, '*', has.n))
		return false;
	if (exact || !is_pattern(want))
		return same_letters(want, has);
	slice tail = slice_of(want.p + 1, want.n - 1);
	return has.n > tail.n && same_letters(tail, slice_of(has.p + has.n - tail.n, tail.n));
}

static bool dn_matches(slice want, slice has, bool exact)
{
	struct arena a;
	struct x_name x, y;
	bool same = false;

	arena_init(&a, 1 << 20);
	if (x_name_read(&a, want, &x) == 0 && x_name_read(&a, has, &y) == 0)
		same = x_name_same(&x, &y);
	arena_fini(&a);
	return same || (!exact && conf_dn_match(want, has) >= 0);
}

/* Mailboxes, too, without case: RFC 4945 section 3.1.3. */
static bool matches(const struct cert_name *want, const struct cert_name *has, bool exact)
{
	if (want->type != has->type || !want->data.n || !has->data.n)
		return false;
	switch (want->type) {
	case ID_FQDN:
	case ID_RFC822:
		return text_matches(want->data, has->data, exact);
	case ID_DN:
		return dn_matches(want->data, has->data, exact);
	default:
		return slice_equal(want->data, has->data);
	}
}

static void put_name(struct text *t, const struct cert_name *n)
{
	static const char *const types[] = { [ID_IPV4] = "IP", [ID_FQDN] = "DNS", [ID_RFC822] = "email",
					     [ID_IPV6] = "IP", [ID_DN] = "DN",    [ID_KEY_ID] = "key id" };
	char buf[NET_ADDR_TEXT];

	text_fmt(t, "%s ", n->type < ARRAY_LEN(types) && types[n->type] ? types[n->type] : "?");
	if (n->type == ID_DN) {
		conf_dn_text(n->data, t);
	} else if (n->type == ID_FQDN || n->type == ID_RFC822) {
		text_peer(t, n->data);
	} else if ((n->type == ID_IPV4 && n->data.n == 4) || (n->type == ID_IPV6 && n->data.n == 16)) {
		struct net_addr a = { .family = n->type == ID_IPV4 ? NET_V4 : NET_V6 };
		memcpy(a.a, n->data.p, n->data.n);
		text_str(t, net_addr_text(&a, false, buf));
	} else {
		text_hex(t, n->data);
	}
}

/* The common name of the subject, for peers that put their host name there. */
static bool cn_matches(const struct cert *c, const struct cert_name *want, bool exact, struct text *tried)
{
	static const slice cn = { (const uint8_t *)"\x55\x04\x03", 3 };
	struct rd all = rd_of(c->info.subject), rdns = asn_in(&all, ASN_SEQ);

	while (rd_left(&rdns)) {
		struct rd set = asn_in(&rdns, ASN_SET);
		while (rd_left(&set)) {
			struct rd ava = asn_in(&set, ASN_SEQ);
			uint8_t tag;
			bool is = slice_equal(asn_next(&ava, ASN_OID), cn);
			slice value = asn_any(&ava, &tag, NULL);
			if (!is || ava.err || !value.n)
				continue;
			text_str(tried, ", CN ");
			text_peer(tried, value);
			if (text_matches(want->data, value, exact))
				return true;
		}
	}
	return false;
}

const struct cert_name *x_name_find(const struct cert *c, const struct cert_name *want, uint32_t flags,
				    struct cert_why *why)
{
	char wanted_buf[192], tried_buf[256];
	struct text wanted = text_of(wanted_buf, sizeof wanted_buf), tried = text_of(tried_buf, sizeof tried_buf);
	static const struct cert_name key_id = { ID_KEY_ID, { NULL, 0 } };
	const struct cert_name *found = NULL;
	bool has_dns = false, wild = false, exact = flags & CERT_NAME_EXACT;

	put_name(&wanted, want);
	/* SAN first, then the subject: that is also the order in which they are told. */
	for (size_t i = c->info.n_names; i-- > 0 && !found;) {
		const struct cert_name *has = &c->info.names[i];
		has_dns |= has->type == ID_FQDN;
		wild |= has->type == want->type && (has->type == ID_FQDN || has->type == ID_RFC822) &&
			memchr(has->data.p, '*', has->data.n);
		text_str(&tried, tried.n ? ", " : "");
		put_name(&tried, has);
		if (matches(want, has, exact))
			found = has;
	}
	if (!found && want->type == ID_KEY_ID && (slice_equal(want->data, c->info.skid) ||
	    slice_equal(want->data, slice_of(c->info.key_sha1, 20))))
		found = &key_id;
	if (!found && want->type == ID_FQDN && flags & CERT_NAME_IN_CN && !has_dns && cn_matches(c, want, exact, &tried) &&
	    c->info.n_names)
		found = &c->info.names[0];
	if (found)
		x_fail(why, 0, "it names %s", wanted.p);
	else
		x_fail(why, 0, "%s is not among its names: %s%s", wanted.p, tried.n ? tried.p : "it has none",
			wild ? " (a wildcard of a certificate covers no name, RFC 4945)" : "");
	return found;
}

err_t x_name_check(const struct cert *c, const struct cert_name *name, uint32_t flags, struct cert_why *why)
{
	if (!name->type)
		return 0;
	return x_name_find(c, name, flags, why) ? 0 : E_CERT_NAME;
}
