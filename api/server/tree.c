/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to trees of the configuration and back; findings as messages. */
#include "api/server/internal.h"

#include "config/write.h"

static const char *name_of(slice s, char buf[VICI_NAME_MAX + 1])
{
	if (s.n && memchr(s.p, 0, s.n))
		return NULL;
	if (s.n)
		memcpy(buf, s.p, s.n);
	buf[s.n] = 0;
	return buf;
}

/* Elements up to the end of the present section below `at`. */
static err_t tree_fill(struct vici_in *in, struct conf_node *at, struct diag **why)
{
	for (struct vici_elem e = vici_next(in); e.type != VICI_END && e.type != VICI_SECTION_END; e = vici_next(in)) {
		char buf[VICI_NAME_MAX + 1];
		const char *name = name_of(e.name, buf);
		if (!name || !*name)
			return diag_set(why, E_BAD_VALUE, "a name is empty or holds a zero byte");
		struct conf_node *n = e.type == VICI_SECTION_START ? conf_node_section(at, name)
				    : e.type == VICI_LIST_START	   ? conf_node_list(at, name)
								   : conf_node_set(at, name, e.value);
		if (!n)
			return diag_set(why, E_BAD_VALUE, "'%s' stands there twice, as a section and as a value", name);
		err_t err = 0;
		if (e.type == VICI_SECTION_START)
			err = tree_fill(in, n, why);
		else if (e.type == VICI_LIST_START)
			while (!err && (e = vici_next(in)).type == VICI_LIST_ITEM)
				err = conf_node_add_item(n, e.value);
		if (err)
			return err;
	}
	return 0;
}

err_t api_tree_of(slice body, struct conf_node *at, struct diag **why)
{
	struct vici_in in = vici_in_of(body);

	return tree_fill(&in, at, why);
}

static void put_node(struct vici_out *o, const struct conf_node *n, const struct conf_schema *s, bool any_names, bool hide)
{
	const struct conf_key *k = s && !any_names ? conf_schema_key(s, n->name) : NULL;
	bool hidden = hide && n->kind != CONF_SECTION && !any_names && conf_hidden(s, n->name);

	if (n->kind == CONF_SECTION) {
		vici_section(o, n->name);
		for (const struct conf_node *c = n->first; c; c = c->next)
			put_node(o, c, any_names ? s : k ? k->sub : NULL, k && k->type == CONF_T_SECTIONS, hide);
		vici_section_end(o);
	} else if (hidden) {
		vici_kv_str(o, n->name, CONF_HIDDEN_TEXT);
	} else if (n->kind == CONF_LIST) {
		vici_list(o, n->name);
		for (const struct conf_node *c = n->first; c; c = c->next)
			vici_item(o, slice_of(c->text, c->len));
		vici_list_end(o);
	} else {
		vici_kv(o, n->name, slice_of(n->text ? n->text : "", n->len));
	}
}

void api_put_node(struct vici_out *o, const struct conf_node *n, const struct conf_schema *s, bool hide)
{
	put_node(o, n, s, false, hide);
}

static void put_list(struct vici_out *o, const char *name, const struct diag *why)
{
	enum { MAX = 200 };
	unsigned n = 0;

	vici_section(o, name);
	for (; why && n < MAX; why = why->next) {
		char num[16];
		snprintf(num, sizeof num, "%u", ++n);
		vici_section(o, num);
		vici_kv_str(o, "code", err_name(why->code));
		vici_kv_str(o, "text", why->text ? why->text : err_text(why->code));
		if (why->file)
			vici_kv_str(o, "file", why->file);
		if (why->line) {
			vici_kv_u64(o, "line", why->line);
			vici_kv_u64(o, "column", why->column);
		}
		vici_section_end(o);
	}
	vici_section_end(o);
}

void api_put_findings(struct vici_out *o, const struct diag *why)
{
	put_list(o, "findings", why);
}

void api_put_warnings(struct vici_out *o, const struct diag *why)
{
	put_list(o, "warnings", why);
}

void api_fail_findings(struct api_call *call, err_t code, struct diag *why)
{
	struct vici_out o;
	TEXT_ON_STACK(t, 4096);

	for (const struct diag *d = why; d; d = d->next) {
		char one[2048];
		text_fmt(&t, "%s%s", t.n ? "; " : "", diag_text(d, code, one, sizeof one));
	}
	api_response(&o);
	api_put_error(&o, code, t.p);
	if (why)
		api_put_findings(&o, why);
	api_reply(call, &o);
	diag_free(&why);
}
