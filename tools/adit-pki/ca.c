/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a small CA. */
#include "ca.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

enum { CRL_LIFE_S = 7 * 86400 };

const char *ca_path(const struct ca *ca, const char *name, char buf[4096])
{
	snprintf(buf, 4096, "%s/%s", ca->dir, name);
	return buf;
}

bool ca_reload(struct ca *ca)
{
	char path[4096];
	json_error_t err;
	json_t *j = json_load_file(ca_path(ca, "ca.json", path), 0, &err);

	if (!j || !json_is_array(json_object_get(j, "certificates"))) {
		json_decref(j);
		return pki_say(ca->p, 0, "%s: is no CA of adit-pki (%s); adit-pki ca init makes one", path, err.text);
	}
	json_decref(ca->state);
	ca->state = j;
	return true;
}

bool ca_lock(struct ca *ca)
{
	ca->lock = open(ca->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ca->lock < 0)
		return pki_say(ca->p, 0, "%s: %s", ca->dir, strerror(errno));
	if (flock(ca->lock, LOCK_EX) == 0)
		return true;
	pki_say(ca->p, 0, "%s: cannot be locked: %s", ca->dir, strerror(errno));
	ca_unlock(ca);
	return false;
}

void ca_unlock(struct ca *ca)
{
	if (ca->lock >= 0)
		close(ca->lock);
	ca->lock = -1;
}

bool ca_open(struct ca *ca, const struct pki *p, const char *dir, const char *pass_file, bool change)
{
	char path[4096];

	*ca = (struct ca){ .p = p, .dir = dir, .lock = -1 };
	if (change && !ca_lock(ca))
		return false;
	if (ca_reload(ca))
		ca->crt = pki_crt(p, ca_path(ca, "ca.crt", path));
	if (ca->crt)
		ca->key = pki_signer(p, ca_path(ca, "ca.key", path), pass_file);
	if (ca->key && pki_is_pair(p, ca->crt, ca->key))
		return true;
	ca_close(ca);
	return false;
}

void ca_close(struct ca *ca)
{
	json_decref(ca->state);
	if (ca->crt)
		gnutls_x509_crt_deinit(ca->crt);
	if (ca->key)
		gnutls_privkey_deinit(ca->key);
	ca_unlock(ca);
	*ca = (struct ca){ .lock = -1 };
}

bool ca_save(struct ca *ca)
{
	char path[4096], *text = json_dumps(ca->state, JSON_INDENT(1));
	bool ok = text && pki_write(ca->p, ca_path(ca, "ca.json", path), slice_str(text), false);

	free(text);
	return ok;
}

const char *ca_url(const struct ca *ca)
{
	const char *url = json_string_value(json_object_get(ca->state, "url"));

	return url && *url ? url : NULL;
}

bool ca_note(struct ca *ca, gnutls_x509_crt_t crt)
{
	unsigned char serial[64];
	size_t n = sizeof serial;
	gnutls_datum_t dn;
	char hex_buf[160], when[32];
	struct text hex = text_of(hex_buf, sizeof hex_buf);

	if (gnutls_x509_crt_get_serial(crt, serial, &n) || gnutls_x509_crt_get_raw_dn(crt, &dn))
		return pki_say(ca->p, 0, "the certificate cannot be read again");
	text_hex(&hex, slice_of(serial, n));
	char subject[1024];
	ca->p->x509->dn_text(slice_of(dn.data, dn.size), subject, sizeof subject);
	gnutls_free(dn.data);
	json_t *one = json_pack("{s:s, s:s, s:s}", "serial", hex_buf, "subject", subject, "not-after",
		pki_time_text(gnutls_x509_crt_get_expiration_time(crt), when));
	return json_array_append_new(json_object_get(ca->state, "certificates"), one) == 0;
}

static bool entry_of(json_t *one, struct crl_entry *e)
{
	const char *serial = json_string_value(json_object_get(one, "serial")),
		   *at = json_string_value(json_object_get(one, "revoked-at"));
	const char *reason = json_string_value(json_object_get(one, "reason"));
	const gnutls_datum_t hex = { (unsigned char *)(uintptr_t)serial, serial ? (unsigned)strlen(serial) : 0 };

	*e = (struct crl_entry){ .n_serial = sizeof e->serial, .reason = reason ? der_reason(reason) : -1 };
	if (!serial || gnutls_hex_decode(&hex, e->serial, &e->n_serial))
		return false;
	return at && pki_time(at, &e->at);
}

bool ca_crl(struct ca *ca, bool delta, struct wr *out)
{
	json_t *list = json_object_get(ca->state, "certificates"), *one;
	int64_t number = json_integer_value(json_object_get(ca->state, "crl-number")) + 1;
	int64_t base = json_integer_value(json_object_get(ca->state, "base-number"));
	const char *base_at = json_string_value(json_object_get(ca->state, "base-at")), *url = ca_url(ca);
	struct build b = build_new(ca->p);
	struct crl_plan plan = {
		.issuer = ca->crt, .key = ca->key, .number = (uint64_t)number, .delta = delta, .base = (uint64_t)base
	};
	int64_t since = 0;
	char fresh[2100], when[32];
	size_t i;

	if (delta && (!base || !base_at || !pki_time(base_at, &since)))
		return pki_say(ca->p, 0, "there is no complete CRL a delta could build on");
	struct crl_entry *v = pki_alloc((json_array_size(list) + 1) * sizeof *v);
	json_array_foreach(list, i, one)
		if (entry_of(one, &v[plan.n]) && (!delta || v[plan.n].at >= since))
			plan.n++;
	plan.v = v;
	plan.this_update = pki_now();
	plan.next_update = plan.this_update + CRL_LIFE_S;
	plan.digest = build_digest(&b, ca->key);
	if (url && !delta) {
		snprintf(fresh, sizeof fresh, "%s/delta", url);
		plan.fresh_uri = fresh;
	}
	bool ok = der_crl(ca->p, &plan, out);
	free(v);
	if (!ok)
		return false;
	json_object_set_new(ca->state, "crl-number", json_integer(number));
	if (!delta) {
		json_object_set_new(ca->state, "base-number", json_integer(number));
		json_object_set_new(ca->state, "base-at", json_string(pki_time_text(plan.this_update, when)));
	}
	return true;
}

int ca_look(void *arg, slice serial, struct crl_entry *out)
{
	struct ca *ca = arg;
	json_t *one;
	size_t i;

	/* As gnutls_x509_crt_get_serial gives them: the bytes of the INTEGER. */
	json_array_foreach(json_object_get(ca->state, "certificates"), i, one) {
		bool revoked = entry_of(one, out);
		if (slice_equal(serial, slice_of(out->serial, out->n_serial)))
			return revoked ? 1 : 0;
	}
	return 2;
}
