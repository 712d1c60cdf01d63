/* SPDX-License-Identifier: Apache-2.0 */
/* Colours for people. What goes to a file, a pipe or a program has none. */
#include "tools/adit/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEPT = 4, ROOM = 512 };

static const char *const codes[] = { [HUE_GOOD] = "32", [HUE_BUSY] = "33", [HUE_BAD] = "31", [HUE_STRONG] = "1", [HUE_FAINT] = "2" };

/* What is neither is on its way: CONNECTING, REKEYING. */
static const struct {
	const char *state;
	enum cli_hue hue;
} states[] = {
	{ "ESTABLISHED", HUE_GOOD }, { "INSTALLED", HUE_GOOD }, { "active", HUE_GOOD }, { "up", HUE_GOOD },
	{ "DELETING", HUE_BAD },     { "DELETED", HUE_BAD },	{ "refused", HUE_BAD }, { "down", HUE_BAD },
};

static bool wanted(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return isatty(fd) && !(no && *no) && !(term && !strcmp(term, "dumb"));
}

static const char *paint(int fd, enum cli_hue hue, const char *text)
{
	static char kept[KEPT][ROOM];
	static unsigned next;
	char *buf = kept[next++ % KEPT];
	if (!*text || !wanted(fd) || snprintf(buf, ROOM, "\033[%sm%s\033[0m", codes[hue], text) >= ROOM)
		return text;
	return buf;
}

const char *cli_hue(enum cli_hue hue, const char *text)
{
	return paint(STDOUT_FILENO, hue, text);
}

const char *cli_hue_err(enum cli_hue hue, const char *text)
{
	return paint(STDERR_FILENO, hue, text);
}

const char *cli_state(const char *state)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (!strcmp(states[i].state, state))
			return cli_hue(states[i].hue, state);
	return cli_hue(HUE_BUSY, state);
}
