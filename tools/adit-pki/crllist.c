/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of a CRL as a list: to write the next one, and to answer OCSP from it. */
#include "derout.h"

#include <stdlib.h>

bool crl_list_add(const struct pki *p, struct crl_list *l, slice serial, int64_t at, int reason)
{
	if (!serial.n || serial.n > sizeof l->v->serial)
		return pki_say(p, 0, "a serial number has 1 to %zu bytes", sizeof l->v->serial);
	for (size_t i = 0; i < l->n; i++)
		if (slice_equal(serial, slice_of(l->v[i].serial, l->v[i].n_serial))) {
			l->v[i].at = at;
			l->v[i].reason = reason;
			return true;
		}
	l->v = reallocarray(l->v, l->n + 1, sizeof *l->v);
	if (!l->v) {
		pki_say(p, 0, "out of memory");
		exit(PKI_MISUSE);
	}
	struct crl_entry *e = &l->v[l->n++];
	*e = (struct crl_entry){ .n_serial = serial.n, .at = at, .reason = reason };
	memcpy(e->serial, serial.p, serial.n);
	return true;
}

bool crl_list_read(const struct pki *p, struct crl_list *l, slice der)
{
	struct rd all = rd_of(der), out = asn_in(&all, ASN_SEQ), r = asn_in(&out, ASN_SEQ);

	if (asn_at(&r, ASN_INT))
		asn_next(&r, ASN_INT);
	asn_next(&r, ASN_SEQ);
	asn_next(&r, ASN_SEQ);
	while (asn_at_time(&r))
		asn_time(&r);
	if (!asn_at(&r, ASN_SEQ))
		return true;
	struct rd list = asn_in(&r, ASN_SEQ);
	while (rd_left(&list)) {
		struct rd e = asn_in(&list, ASN_SEQ);
		slice serial = asn_next(&e, ASN_INT);
		int64_t at = asn_time(&e);
		int reason = -1;
		struct rd exts = rd_left(&e) ? asn_in(&e, ASN_SEQ) : rd_of(SLICE_NONE);
		while (rd_left(&exts)) {
			struct rd x = asn_in(&exts, ASN_SEQ);
			slice oid = asn_next(&x, ASN_OID);
			if (asn_at(&x, ASN_BOOL))
				asn_next(&x, ASN_BOOL);
			slice v = asn_next(&x, ASN_OCTETS);
			if (slice_equal(oid, SLICE_LIT("\x55\x1d\x15")) && v.n == 3)
				reason = v.p[2];
		}
		if (list.err || !crl_list_add(p, l, serial, at, reason))
			return false;
	}
	return true;
}
