/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the Criterion tests of a program and reports in TAP on standard output, one line per test. */
#include <criterion/criterion.h>
#include <criterion/options.h>
#include <criterion/output.h>

/* Criterion looks main up by its name, also in the process of each test. */
__attribute__((visibility("default"))) int main(int argc, char *argv[])
{
	struct criterion_test_set *tests = criterion_initialize();
	int result = 1;

	if (argc == 1)
		criterion_add_output("tap", "-");
	if (criterion_handle_args(argc, argv, true))
		result = !criterion_run_all_tests(tests);
	criterion_finalize(tests);
	return result;
}
