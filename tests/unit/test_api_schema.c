/* SPDX-License-Identifier: Apache-2.0 */
/* The schema tables and the check of arguments made from them. */
#include "api/schema/schema.h"
#include "api/vici/vici.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct api_method *method(const char *name)
{
	int i = api_method_find(slice_str(name));
	cr_assert_geq(i, 0, "%s", name);
	return &api_methods[i];
}

Test(schema, every_name_is_found_and_nothing_else)
{
	for (size_t i = 0; i < api_n_methods; i++)
		cr_assert_eq(api_method_find(slice_str(api_methods[i].name)), (int)i);
	for (size_t i = 0; i < api_n_events; i++)
		cr_assert_eq(api_event_find(slice_str(api_events[i].name)), (int)i);
	cr_assert_eq(api_method_find(SLICE_LIT("list-sa")), -1);
	cr_assert_eq(api_method_find(SLICE_LIT("list-sasx")), -1);
	cr_assert_eq(api_method_find(SLICE_NONE), -1);
	cr_assert_str_eq(api_method_near(SLICE_LIT("list-sass")), "list-sas");
	cr_assert_null(api_method_near(SLICE_LIT("qqqqqqqqqqqq")));
}

static void wants(const char *name, const char *key, const char *value, err_t want, const char *says)
{
	struct vici_out o;
	struct diag *why = NULL;
	vici_out_init_body(&o, 0);
	if (key)
		vici_kv_str(&o, key, value);
	err_t err = api_args_check(method(name), slice_of(o.p, o.n), &why);
	cr_assert_eq(err, want, "%s %s: %s", name, key ? key : "", err_name(err));
	if (says)
		cr_assert(why && why->text && strstr(why->text, says), "%s", why ? why->text : "nothing");
	diag_free(&why);
	vici_out_fini(&o);
}

/* One value of the argument that is right, or (odd) of another shape. */
static void put_arg(struct vici_out *o, const struct api_field *f, bool odd)
{
	bool section = f->type == API_SECTION || f->type == API_MAP;
	char word[64] = "1";
	if (f->ranged && f->min > 1 && (f->type == API_UINT || f->type == API_INT))
		snprintf(word, sizeof word, "%lld", (long long)f->min);
	if (f->type == API_ENUM)
		snprintf(word, sizeof word, "%.*s", (int)strcspn(f->values, ","), f->values);
	if (odd ? section || f->type == API_LIST : !section && f->type != API_LIST) {
		vici_kv_str(o, f->name, f->type == API_BOOL ? "yes" : word);
	} else if (section) {
		vici_section(o, f->name);
		vici_section_end(o);
	} else {
		vici_list(o, f->name);
		vici_list_end(o);
	}
}

/* Twice, or in another shape, every argument of every method is an error that names it. */
Test(schema, each_argument_once_and_in_its_shape)
{
	for (size_t i = 0; i < api_n_methods * 2; i++) {
		const struct api_method *m = &api_methods[i / 2];
		bool odd = i & 1;
		for (const struct api_field *f = m->args; f < m->args + m->n_args; f++) {
			struct vici_out o;
			struct diag *why = NULL;
			if (!strcmp(f->name, "*") || (odd && f->type == API_ANY))
				continue;
			vici_out_init_body(&o, 0);
			put_arg(&o, f, odd);
			if (!odd)
				put_arg(&o, f, odd);
			err_t err = api_args_check(m, slice_of(o.p, o.n), &why);
			cr_assert_eq(err, E_BAD_VALUE, "%s %s: %s", m->name, f->name, err_name(err));
			cr_assert(strstr(why->text, f->name) && strstr(why->text, odd ? "' is a" : "is given twice"), "%s", why->text);
			diag_free(&why);
			vici_out_fini(&o);
		}
	}
}

Test(schema, arguments)
{
	wants("initiate", "child", "net", 0, NULL);
	char text[200];
	memset(text, 'n', sizeof text);
	text[199] = 0;
	wants("initiate", "child", text, E_BAD_VALUE, "longer than");
	wants("initiate", "chlid", "net", E_UNKNOWN_KEY, "'child'");
	wants("initiate", "timeout", "-1", 0, NULL);
	wants("initiate", "timeout", "90000000", E_BAD_VALUE, "to 86400000");
	wants("initiate", "timeout", "soon", E_BAD_VALUE, "not a number");
	wants("initiate", "timeout", "99999999999999999999", E_BAD_VALUE, "not a number");
	wants("terminate", "force", "maybe", E_BAD_VALUE, "yes or no");
	wants("terminate", "ike-id", "-4", E_BAD_VALUE, "not a number");
	wants("install", NULL, NULL, E_BAD_VALUE, "'child'");
	wants("load-conn", NULL, NULL, E_BAD_VALUE, "section");
	wants("unload-key", "id", "0x00aaFF", 0, NULL);
	wants("unload-key", "id", "key one", E_BAD_VALUE, "'id' of 'unload-key' is not hexadecimal");
	wants("version", "x", "y", E_UNKNOWN_KEY, "no argument 'x'");
	wants("get-shared", NULL, NULL, 0, NULL);
	wants("load-shared", "owners", "a", E_BAD_VALUE, "list");
}
