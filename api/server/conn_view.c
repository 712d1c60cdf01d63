/* SPDX-License-Identifier: Apache-2.0 */
/* Connections as messages, in the field names and value forms clients of this field expect. */
#include "api/server/conn_view.h"

#include "api/server/internal.h"

static void put_texts(struct vici_out *o, const char *list, char *const *v)
{
	vici_list(o, list);
	if (!v || !*v)
		vici_item_str(o, "%any");
	for (; v && *v; v++)
		vici_item_str(o, *v);
	vici_list_end(o);
}

static void put_words(struct vici_out *o, const char *list, char *const *v)
{
	vici_list(o, list);
	for (; v && *v; v++)
		vici_item_str(o, *v);
	vici_list_end(o);
}

/* Certificates by their subjects. */
static void put_subjects(struct vici_out *o, const struct api_env *env, const char *list, const struct conf_blob *v, size_t n)
{
	char buf[1024];

	vici_list(o, list);
	for (size_t i = 0; i < n && env->creds; i++) {
		const char *subject = env->creds->subject(env->arg, slice_of(v[i].p, v[i].n), buf, sizeof buf);
		if (subject)
			vici_item_str(o, subject);
	}
	vici_list_end(o);
}

static void put_transforms(struct vici_out *o, const struct suite_prop *p, uint8_t type, const char *list)
{
	bool open = false;
	for (uint8_t i = 0; i < p->n; i++) {
		const struct suite_tf *t = &p->tf[i];
		char buf[32];
		if (t->type != type)
			continue;
		if (!open)
			vici_list(o, list);
		open = true;
		if (type == SUITE_ESN) {
			vici_item_str(o, t->id == SUITE_ESN_YES ? "EXT_SEQ" : "NO_EXT_SEQ");
			continue;
		}
		TEXT_ON_STACK(name, 48);
		text_str(&name, suite_alg_name(type, t->id, buf));
		if (t->bits)
			text_fmt(&name, "_%u", t->bits);
		vici_item_str(o, name.p);
	}
	if (open)
		vici_list_end(o);
}

static void put_props(struct vici_out *o, const char *section, struct suite_prop *const *v, size_t n, uint8_t proto)
{
	static const struct {
		uint8_t type;
		const char *list;
	} lists[] = { { SUITE_ENCR, "encr" },     { SUITE_INTEG, "integ" },     { SUITE_PRF, "prf" },
		      { SUITE_KE, "ke" },         { SUITE_AKE1, "ake1" },       { SUITE_AKE1 + 1, "ake2" },
		      { SUITE_AKE1 + 2, "ake3" }, { SUITE_AKE1 + 3, "ake4" },   { SUITE_AKE1 + 4, "ake5" },
		      { SUITE_AKE1 + 5, "ake6" }, { SUITE_AKE1 + 6, "ake7" },   { SUITE_ESN, "sn" } };
	unsigned at = 0;
	vici_section(o, section);
	for (size_t i = 0; i < n; i++) {
		char name[16];
		if (v[i]->proto != proto)
			continue;
		snprintf(name, sizeof name, "%u", at++);
		vici_section(o, name);
		for (size_t k = 0; k < ARRAY_LEN(lists); k++)
			put_transforms(o, v[i], lists[k].type, lists[k].list);
		vici_section_end(o);
	}
	vici_section_end(o);
}

static void put_auth(struct vici_out *o, const struct api_env *env, const char *side, unsigned num, const struct conf_auth *a)
{
	static const char *const classes[] = { [CONF_AUTH_PSK] = "pre-shared key", [CONF_AUTH_PUBKEY] = "public key",
					       [CONF_AUTH_EAP] = "EAP", [CONF_AUTH_XAUTH] = "XAuth", [CONF_AUTH_NULL] = "NULL" };
	char name[32], id[512];
	snprintf(name, sizeof name, "%s-%u", side, num);
	vici_section(o, name);
	if (a->id.type)
		vici_kv_str(o, "id", conf_id_text(a->id.type, slice_of(a->id.data, a->id.n), id, sizeof id));
	if (a->cls < ARRAY_LEN(classes) && classes[a->cls])
		vici_kv_str(o, "class", classes[a->cls]);
	if (a->cls == CONF_AUTH_EAP && a->method)
		vici_kv_str(o, "eap-type", a->method);
	put_words(o, "groups", a->groups);
	put_words(o, "cert_policy", a->policies);
	put_subjects(o, env, "certs", a->certs, a->n_certs);
	put_subjects(o, env, "cacerts", a->cacerts, a->n_cacerts);
	vici_section_end(o);
}

/* A connection of shunts alone has no rounds: one that says nothing stands for them. */
static void put_auths(struct vici_out *o, const struct api_env *env, const char *side, const struct conf_auth *v, uint16_t n)
{
	static const struct conf_auth none;

	for (uint16_t i = 0; i < n; i++)
		put_auth(o, env, side, i + 1u, &v[i]);
	if (!n)
		put_auth(o, env, side, 1, &none);
}

void api_put_conf_ts(struct vici_out *o, const char *list, const struct conf_ts *ts, size_t n)
{
	vici_list(o, list);
	for (size_t i = 0; i < n; i++) {
		char buf[TS_TEXT], dynamic[TS_TEXT];
		if (!ts[i].dynamic) {
			vici_item_str(o, ts_text(&ts[i].sel, buf));
			continue;
		}
		/* Protocol and ports as of any selector, behind another name for the address. */
		struct ts_sel any = ts[i].sel;
		any.family = NET_V4;
		memset(any.lo, 0, sizeof any.lo);
		memset(any.hi, 0, sizeof any.hi);
		memset(any.hi, 0xff, 4);
		const char *ports = strchr(ts_text(&any, buf), '[');
		snprintf(dynamic, sizeof dynamic, "dynamic%s", ports ? ports : "");
		vici_item_str(o, dynamic);
	}
	vici_list_end(o);
}

static void put_child(struct vici_out *o, const struct conf_child *c)
{
	static const char *const dpd[] = { [CONF_DPD_CLEAR] = "none", [CONF_DPD_TRAP] = "trap", [CONF_DPD_RESTART] = "start" };
	vici_section(o, c->name);
	vici_kv_str(o, "mode", api_mode_name(c->mode));
	vici_kv_u64(o, "rekey_time", c->rekey_time_s);
	vici_kv_u64(o, "rekey_bytes", c->rekey_bytes);
	vici_kv_u64(o, "rekey_packets", c->rekey_packets);
	vici_kv_str(o, "dpd_action", c->dpd_action < ARRAY_LEN(dpd) ? dpd[c->dpd_action] : "none");
	vici_kv_str(o, "close_action", c->close_action & CONF_START ? "start" : c->close_action & CONF_TRAP ? "trap" : "none");
	put_props(o, "esp_proposals", c->props, c->n_props, SUITE_ESP);
	put_props(o, "ah_proposals", c->props, c->n_props, SUITE_AH);
	api_put_conf_ts(o, "local-ts", c->local_ts, c->n_local_ts);
	api_put_conf_ts(o, "remote-ts", c->remote_ts, c->n_remote_ts);
	if (c->interface[0])
		vici_kv_str(o, "interface", c->interface);
	if (c->priority)
		vici_kv_u64(o, "priority", c->priority);
	vici_section_end(o);
}

void api_put_conn(struct vici_out *o, const struct api_env *env, const struct conf_conn *c)
{
	static const char *const versions[] = { "IKEv1/2", "IKEv1", "IKEv2" };
	static const char *const uniques[] = { [CONF_UNIQUE_NO] = "UNIQUE_NO", [CONF_UNIQUE_NEVER] = "UNIQUE_NEVER",
					       [CONF_UNIQUE_KEEP] = "UNIQUE_KEEP", [CONF_UNIQUE_REPLACE] = "UNIQUE_REPLACE" };
	vici_section(o, c->name);
	put_texts(o, "local_addrs", c->local_texts);
	put_texts(o, "remote_addrs", c->remote_texts);
	vici_kv_u64(o, "local_port", c->local_port);
	vici_kv_u64(o, "remote_port", c->remote_port);
	vici_kv_str(o, "version", c->version < ARRAY_LEN(versions) ? versions[c->version] : "");
	vici_kv_u64(o, "reauth_time", c->reauth_time_s);
	vici_kv_u64(o, "rekey_time", c->rekey_time_s);
	vici_kv_str(o, "unique", c->unique < ARRAY_LEN(uniques) ? uniques[c->unique] : "");
	if (c->dpd_delay_s)
		vici_kv_u64(o, "dpd_delay", c->dpd_delay_s);
	if (c->dpd_timeout_s)
		vici_kv_u64(o, "dpd_timeout", c->dpd_timeout_s);
	if (c->ppk_id)
		vici_kv_str(o, "ppk_id", c->ppk_id);
	if (c->ppk_required)
		vici_kv_str(o, "ppk_required", "yes");
	put_props(o, "proposals", c->props, c->n_props, SUITE_IKE);
	put_auths(o, env, "local", c->local, c->n_local);
	put_auths(o, env, "remote", c->remote, c->n_remote);
	vici_section(o, "children");
	for (uint16_t i = 0; i < c->n_children; i++)
		put_child(o, c->children[i]);
	vici_section_end(o);
	vici_section_end(o);
}
