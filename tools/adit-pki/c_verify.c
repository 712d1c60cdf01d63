/* SPDX-License-Identifier: Apache-2.0 */
/* verify: the daemon's own judgement of a certificate, without network and daemon. */
#include "pki.h"

#include "config/conn.h"

#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>

struct request {
	struct pki_list anchors, intermediates, crls, ocsp, policies;
	struct cert_verify v;
	struct conf_id name;
	struct cert_map *map;
	const char *leaf;
	bool json, quiet, has_mode;
};

enum {
	O_ANCHOR = 256,
	O_INTER,
	O_CRL,
	O_OCSP,
	O_TIME,
	O_POLICY,
	O_EXPLICIT,
	O_NO_ANY,
	O_NO_MAP,
	O_NAME,
	O_CN,
	O_REV,
	O_IKE,
	O_EKU,
	O_MAP,
	O_SHA1,
	O_JSON,
	O_QUIET
};

static const struct option options[] = { { "anchor", 1, NULL, O_ANCHOR },
					 { "intermediate", 1, NULL, O_INTER },
					 { "crl", 1, NULL, O_CRL },
					 { "ocsp", 1, NULL, O_OCSP },
					 { "time", 1, NULL, O_TIME },
					 { "policy", 1, NULL, O_POLICY },
					 { "require-explicit-policy", 0, NULL, O_EXPLICIT },
					 { "inhibit-any-policy", 0, NULL, O_NO_ANY },
					 { "inhibit-policy-mapping", 0, NULL, O_NO_MAP },
					 { "name", 1, NULL, O_NAME },
					 { "name-in-cn", 0, NULL, O_CN },
					 { "revocation", 1, NULL, O_REV },
					 { "ike", 0, NULL, O_IKE },
					 { "eku", 1, NULL, O_EKU },
					 { "map", 1, NULL, O_MAP },
					 { "allow-sha1", 0, NULL, O_SHA1 },
					 { "json", 0, NULL, O_JSON },
					 { "quiet", 0, NULL, O_QUIET },
					 { NULL, 0, NULL, 0 } };

static bool set_mode(struct request *r, const char *text)
{
	static const struct {
		const char *name;
		uint8_t mode;
	} modes[] = { { "off", CERT_REV_OFF },
		      { "relaxed", CERT_REV_RELAXED },
		      { "ifuri", CERT_REV_IFURI },
		      { "strict", CERT_REV_STRICT } };

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (strcmp(text, modes[i].name) == 0) {
			r->v.rev_mode = modes[i].mode;
			r->has_mode = true;
			return true;
		}
	return false;
}

static bool set_eku(struct request *r, const char *text)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} rows[] = {
#define row(id, bit, name, oid) { name, CERT_EKU_##id }, { oid, CERT_EKU_##id },
		CERT_EKU_ROWS(row)
#undef row
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcasecmp(text, rows[i].name) == 0) {
			r->v.need_eku |= rows[i].bit;
			return true;
		}
	return false;
}

/* Certificates or CRLs of a file. What a peer or a server gave may be broken: then it is left out with a word. */
static int load(const struct pki *p, const char *path, uint8_t kind, bool ours, struct pki_list *out)
{
	struct cert_objects *o;
	int rc = pki_objects(p, path, NULL, &o);
	size_t before = out->n;

	if (rc)
		return rc == PKI_NO && !ours ? PKI_OK : PKI_MISUSE;
	for (size_t i = 0; i < o->n; i++) {
		if (o->v[i].kind != kind)
			continue;
		if (kind == CERT_OBJ_CERT)
			pki_list_add(out, p->x509->ref(o->v[i].cert));
		else
			pki_list_add(out, p->x509->crl_ref(o->v[i].crl));
	}
	p->x509->objects_free(o);
	if (out->n == before)
		return pki_say(p, PKI_MISUSE, "%s: there is no %s in it", path,
			       kind == CERT_OBJ_CERT ? "certificate" : "CRL");
	return PKI_OK;
}

static int load_ocsp(const struct pki *p, const char *path, struct pki_list *out)
{
	struct cert_ocsp *o = pki_alloc(sizeof *o);
	uint8_t *bytes;
	size_t n;

	if (!pki_read(p, path, &bytes, &n)) {
		free(o);
		return PKI_MISUSE;
	}
	o->der = slice_of(bytes, n);
	pki_list_add(out, o);
	return PKI_OK;
}

static int take_option(struct pki *p, struct request *r, int c, struct pki_list **last)
{
	struct cert_why why;

	switch (c) {
	case O_ANCHOR:
		*last = &r->anchors;
		break;
	case O_INTER:
		*last = &r->intermediates;
		break;
	case O_CRL:
		*last = &r->crls;
		break;
	case O_OCSP:
		*last = &r->ocsp;
		break;
	case O_TIME:
		return pki_time(optarg, &r->v.time) ? 0 :
			pki_say(p, PKI_MISUSE, "\"%s\" is no time; write 2026-11-27T12:00:00Z", optarg);
	case O_POLICY:
		if (strcmp(optarg, "any") != 0 && p->x509->oid_check(optarg))
			return pki_say(p, PKI_MISUSE, "\"%s\" is no object identifier; write 1.2.3.4", optarg);
		pki_list_add(&r->policies, optarg);
		return 0;
	case O_EXPLICIT:
		r->v.flags |= CERT_EXPLICIT_POLICY;
		return 0;
	case O_NO_ANY:
		r->v.flags |= CERT_INHIBIT_ANY_POLICY;
		return 0;
	case O_NO_MAP:
		r->v.flags |= CERT_INHIBIT_MAPPING;
		return 0;
	case O_NAME:
		conf_id_fini(&r->name);
		return !*optarg || conf_id_parse(optarg, &r->name) ? pki_say(p, PKI_MISUSE, "\"%s\" is no identity", optarg) : 0;
	case O_CN:
		r->v.flags |= CERT_NAME_IN_CN;
		return 0;
	case O_REV:
		return set_mode(r, optarg) ? 0
					   : pki_say(p, PKI_MISUSE, "--revocation is off, relaxed, ifuri or strict");
	case O_IKE:
		r->v.flags |= CERT_FOR_IKE;
		return 0;
	case O_EKU:
		return set_eku(r, optarg) ? 0
					  : pki_say(p, PKI_MISUSE, "\"%s\" is no purpose that is known here", optarg);
	case O_MAP:
		p->x509->map_free(r->map);
		return p->x509->map_parse(optarg, &r->map, &why) ? pki_say(p, PKI_MISUSE, "%s", why.text) : 0;
	case O_SHA1:
		r->v.flags |= CERT_ALLOW_SHA1;
		return 0;
	case O_JSON:
		r->json = true;
		return 0;
	case O_QUIET:
		r->quiet = true;
		return 0;
	default:
		return pki_usage(p);
	}
	return -1; /* a file follows */
}

static int load_files(struct pki *p, struct request *r, struct pki_list *from, struct pki_list *into)
{
	for (size_t i = 0; i < from->n; i++) {
		int rc = from == &r->ocsp ? load_ocsp(p, from->v[i], into) :
			load(p, from->v[i], from == &r->crls ? CERT_OBJ_CRL : CERT_OBJ_CERT, from == &r->anchors, into);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

static const char *const verdicts[] = { "?", "ok", "note", "FAIL" };

static void print_text(const struct cert_report *rep, bool has_mode)
{
	uint16_t path = 0;

	for (size_t i = 0; i < rep->n_nodes; i++) {
		const struct cert_node *k = &rep->nodes[i];
		if (k->path != path)
			printf("path %u\n", path = k->path);
		printf("  %-4s %u %-18s %s\n", verdicts[k->verdict], k->depth, cert_check_name(k->check), k->text);
		if (k->verdict == CERT_FAIL && *k->remedy)
			printf("       %*s remedy: %s\n", 18, "", k->remedy);
	}
	for (size_t i = 0; i < rep->n_policies; i++)
		printf("good for policy %s\n", rep->policies[i]);
	if (!has_mode)
		printf("note: revocation was not looked at (no --crl, no --ocsp)\n");
	printf("%s: %s\n", rep->verdict ? "INVALID" : "VALID", rep->text);
	if (rep->verdict && *rep->remedy)
		printf("remedy: %s\n", rep->remedy);
}

static int print_json(const struct pki *p, const struct cert_report *rep)
{
	static const char *const wants[] = { "?", "crl", "delta-crl", "ocsp", "issuer" };
	char buf[1024], t[32];
	json_t *j = json_pack("{s:b, s:s, s:s, s:s}", "valid", rep->verdict == 0, "code",
			      rep->verdict ? err_name(rep->verdict) : "OK", "text", rep->text, "remedy", rep->remedy);
	json_t *chain = json_array(), *nodes = json_array(), *policies = json_array(), *want = json_array();

	for (size_t i = 0; i < rep->n_chain; i++)
		json_array_append_new(
			chain, json_string(p->x509->dn_text(p->x509->info(rep->chain[i])->subject, buf, sizeof buf)));
	for (size_t i = 0; i < rep->n_nodes; i++) {
		const struct cert_node *k = &rep->nodes[i];
		json_array_append_new(nodes, json_pack("{s:i, s:i, s:s, s:s, s:s, s:s, s:s, s:s}", "path", k->path,
						       "depth", k->depth, "check", cert_check_name(k->check),
						       "question", cert_check_question(k->check), "verdict",
						       verdicts[k->verdict], "code", k->err ? err_name(k->err) : "OK",
						       "subject", k->subject, "text", k->text));
		if (*k->remedy)
			json_object_set_new(json_array_get(nodes, i), "remedy", json_string(k->remedy));
	}
	for (size_t i = 0; i < rep->n_policies; i++)
		json_array_append_new(policies, json_string(rep->policies[i]));
	for (size_t i = 0; i < rep->n_wants; i++) {
		const struct cert_want *w = &rep->wants[i];
		json_t *uris = json_array();
		for (size_t u = 0; u < w->n_uris; u++)
			json_array_append_new(uris, json_stringn((const char *)w->uris[u].p, w->uris[u].n));
		json_array_append_new(want,
				      json_pack("{s:s, s:b, s:b, s:s, s:o}", "kind", wants[w->kind], "stale", w->stale,
						"decides", w->decides, "subject",
						p->x509->dn_text(p->x509->info(w->cert)->subject, buf, sizeof buf),
						"uris", uris));
	}
	json_object_set_new(j, "path", json_integer(rep->path));
	json_object_set_new(j, "chain", chain);
	json_object_set_new(j, "checks", nodes);
	json_object_set_new(j, "policies", policies);
	json_object_set_new(j, "wants", want);
	if (rep->n_chain)
		json_object_set_new(j, "valid-until", json_string(pki_time_text(rep->valid_until, t)));
	if (rep->revocation_until)
		json_object_set_new(j, "revocation-until", json_string(pki_time_text(rep->revocation_until, t)));
	int rc = json_dumpf(j, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(j);
	return rc;
}

static int judge(struct pki *p, struct request *r, struct pki_list *anchors, struct pki_list *between,
		 struct pki_list *crls, struct pki_list *ocsp)
{
	struct cert_report *rep;
	struct cert_objects *o = NULL;
	int rc = pki_objects(p, r->leaf, NULL, &o);

	if (rc)
		return rc;
	/* The first certificate is the leaf; what follows it in the file are its intermediates. */
	for (size_t i = 0; i < o->n; i++)
		if (o->v[i].kind == CERT_OBJ_CERT && !r->v.leaf)
			r->v.leaf = o->v[i].cert;
		else if (o->v[i].kind == CERT_OBJ_CERT)
			pki_list_add(between, p->x509->ref(o->v[i].cert));
	if (!r->v.leaf) {
		p->x509->objects_free(o);
		return pki_say(p, PKI_MISUSE, "%s: there is no certificate in it", r->leaf);
	}
	struct cert_ocsp *answers = pki_alloc(ocsp->n * sizeof *answers);
	for (size_t i = 0; i < ocsp->n; i++)
		answers[i] = *(struct cert_ocsp *)ocsp->v[i];
	r->v.size = sizeof r->v;
	r->v.anchors = (struct cert *const *)anchors->v;
	r->v.n_anchors = anchors->n;
	r->v.intermediates = (struct cert *const *)between->v;
	r->v.n_intermediates = between->n;
	r->v.crls = (struct cert_crl *const *)crls->v;
	r->v.n_crls = crls->n;
	r->v.ocsp = answers;
	r->v.n_ocsp = ocsp->n;
	r->v.policies = (const char *const *)r->policies.v;
	r->v.n_policies = r->policies.n;
	r->v.name = (struct cert_name){ r->name.type, slice_of(r->name.data, r->name.n) };
	r->v.map = r->map;
	err_t e = p->x509->verify(&r->v, &rep);
	if (e) {
		rc = pki_say(p, PKI_MISUSE, "%s", err_text(e));
	} else {
		rc = rep->verdict ? PKI_NO : PKI_OK;
		if (r->json && print_json(p, rep))
			rc = PKI_MISUSE;
		else if (!r->json && !r->quiet)
			print_text(rep, r->v.rev_mode != CERT_REV_OFF || r->has_mode);
		p->x509->report_free(rep);
	}
	free(answers);
	p->x509->objects_free(o);
	return rc;
}

int pki_verify(struct pki *p, int argc, char **argv)
{
	struct request r = { .v.time = pki_now() };
	struct pki_list anchors = { 0 }, between = { 0 }, crls = { 0 }, ocsp = { 0 }, *last = NULL;
	int c, rc = 0;

	/* "--anchor A B --crl C LEAF": a file without an option belongs to the one before it, the very last is the
	 * leaf. */
	while (!rc && (c = getopt_long(argc, argv, "-", options, NULL)) != -1) {
		if (c != 1) {
			rc = take_option(p, &r, c, &last);
			if (rc >= 0)
				continue;
			rc = 0;
			pki_list_add(last, optarg);
			continue;
		}
		if (r.leaf && !last)
			rc = pki_usage(p);
		else if (r.leaf)
			pki_list_add(last, (void *)(uintptr_t)r.leaf);
		r.leaf = optarg;
	}
	while (!rc && optind < argc) {
		if (r.leaf)
			rc = pki_usage(p);
		r.leaf = argv[optind++];
	}
	if (!rc && (!r.leaf || !r.anchors.n))
		rc = pki_say(p, PKI_MISUSE, "%s", r.leaf ? "at least one --anchor is needed" : "which certificate?")
			     ? pki_usage(p)
			     : 0;
	if (!rc && !r.has_mode)
		r.v.rev_mode = r.crls.n || r.ocsp.n ? CERT_REV_STRICT : CERT_REV_OFF;
	if (!rc)
		rc = load_files(p, &r, &r.anchors, &anchors);
	if (!rc)
		rc = load_files(p, &r, &r.intermediates, &between);
	if (!rc)
		rc = load_files(p, &r, &r.crls, &crls);
	if (!rc)
		rc = load_files(p, &r, &r.ocsp, &ocsp);
	if (!rc)
		rc = judge(p, &r, &anchors, &between, &crls, &ocsp);
	for (size_t i = 0; i < anchors.n; i++)
		p->x509->unref(anchors.v[i]);
	for (size_t i = 0; i < between.n; i++)
		p->x509->unref(between.v[i]);
	for (size_t i = 0; i < crls.n; i++)
		p->x509->crl_unref(crls.v[i]);
	for (size_t i = 0; i < ocsp.n; i++) {
		free((void *)(uintptr_t)((struct cert_ocsp *)ocsp.v[i])->der.p);
		free(ocsp.v[i]);
	}
	struct pki_list *const lists[] = { &anchors,         &between, &crls,   &ocsp,      &r.anchors,
					   &r.intermediates, &r.crls,  &r.ocsp, &r.policies };
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		free(lists[i]->v);
	p->x509->map_free(r.map);
	conf_id_fini(&r.name);
	return rc;
}
