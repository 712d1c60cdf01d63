/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration text as an operator writes it: parsed, checked against the schema, made into connections and secrets. */
#include "config/parse.h"
#include "config/typed.h"
#include "fuzz.h"

const char *const fuzz_name = "conf";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* No includes: a fuzzer does not read files. */
	static const struct conf_limits lim = { .max_bytes = 1 << 16, .max_nodes = 5000, .max_depth = 16, .max_errors = 20 };
	static const struct conf_can can = { 0 };
	struct conf_node *root = NULL;
	struct conf_set set = { 0 };
	struct diag *why = NULL;
	char buf[256];

	err_t e = conf_parse_text(slice_of(data, n), "fuzz", &lim, &root, &why);
	FUZZ_CHECK(!e == !why && !e == !!root);
	for (const struct diag *d = why; d; d = d->next)
		FUZZ_CHECK(*diag_text(d, e, buf, sizeof buf));
	diag_free(&why);
	if (!e) {
		e = conf_set_from(root, &can, &set, &why);
		FUZZ_CHECK(!e == !why);
		diag_free(&why);
		conf_set_fini(&set);
		conf_node_free(&root);
	}
	return 0;
}
