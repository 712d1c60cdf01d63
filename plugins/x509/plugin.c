/* SPDX-License-Identifier: Apache-2.0 */
/* x509: certificates, CRLs, OCSP and path validation (RFC 5280, 6960, 4945) over the primitives of GnuTLS. */
#include "config/dn.h"
#include "der.h"
#include "verify.h"

static const struct cert_info *info(const struct cert *c)
{
	return &c->info;
}

static const struct cert_crl_info *crl_info(const struct cert_crl *c)
{
	return &c->info;
}

static char *dn_text(slice name, char *buf, size_t cap)
{
	struct text t = text_of(buf, cap);

	conf_dn_text(name, &t);
	return buf;
}

static err_t oid_check(const char *dotted)
{
	uint8_t oid[64];
	size_t n;

	return asn_oid_parse(dotted, oid, sizeof oid, &n) ? E_BAD_VALUE : 0;
}

static const struct cert_ops ops = { .size = sizeof ops,
				     .parse = x_cert_parse,
				     .ref = x_cert_ref,
				     .unref = x_cert_unref,
				     .info = info,
				     .crl_parse = x_crl_parse,
				     .crl_ref = x_crl_ref,
				     .crl_unref = x_crl_unref,
				     .crl_info = crl_info,
				     .parse_any = x_parse_any,
				     .objects_free = x_objects_free,
				     .key_matches = x_key_matches,
				     .verify = x_verify,
				     .report_free = x_report_free,
				     .ocsp_request = x_ocsp_request,
				     .ocsp_answer = x_ocsp_answer,
				     .name_check = x_name_check,
				     .map_parse = x_map_parse,
				     .map_free = x_map_free,
				     .map_match = x_map_match,
				     .dn_text = dn_text,
				     .oid_check = oid_check };

static const struct plug_feat_row feats[] = { { .is = { PLUG_CERT_VERIFY, 0, 0 }, .ops = &ops } };

ADIT_PLUGIN = { ADIT_PLUGIN_HEAD, .name = "x509",
		.version = "1.0", .summary = "X.509 certificates, CRLs, OCSP, path validation",
		.feats = feats,   .n_feats = ARRAY_LEN(feats) };
