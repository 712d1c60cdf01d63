/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that the exchange table and the collision table are total (principle P6), and draws them.
 *
 *   tablecheck                    checks; a line per finding; exit 1 when there is one
 *   tablecheck --dot              the state machine as a graph (dot -Tsvg)
 *   tablecheck --list             every row, and every pair of a collision
 *   tablecheck --names            the names of the rows alone
 *   tablecheck --without NAME     checks as if that row did not exist: has to fail
 *   tablecheck --without-pair N   the same for the N-th row of the collision table
 *
 * A row is a conjunction over payload types inside and outside SK and over notifies: a cube. That the rows of a cell
 * cover every message is proven by splitting on one variable at a time, exactly, without trying 2^100 messages.
 */
#include "ike/collide.h"
#include "ike/table.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_ROWS = 256, MAX_NOTIFIES = 32 };

struct cube {
	uint64_t one[3], zero[3]; /* clear payloads, SK payloads, notifies */
};

static struct xch_row rows[MAX_ROWS];
static size_t n_rows;
static uint16_t notifies[MAX_NOTIFIES];
static size_t n_notifies;
static unsigned findings;

#define FINDING(...) \
	do { \
		printf(__VA_ARGS__); \
		putchar('\n'); \
		findings++; \
	} while (0)

static uint64_t notify_bit(uint16_t type)
{
	for (size_t i = 0; i < n_notifies; i++)
		if (notifies[i] == type)
			return UINT64_C(1) << i;
	if (n_notifies == MAX_NOTIFIES)
		return 0;
	notifies[n_notifies] = type;
	return UINT64_C(1) << n_notifies++;
}

static struct cube cube_of(const struct xch_row *r)
{
	return (struct cube){
		.one = { r->clear_must, r->sk_must, r->notify ? notify_bit(r->notify) : 0 },
		.zero = { ~(r->clear_must | r->clear_may), ~(r->sk_must | r->sk_may), 0 },
	};
}

/* The part of `c` inside `within`, without the variables that `within` fixes; false: nothing. */
static bool cofactor(const struct cube *c, const struct cube *within, struct cube *out)
{
	for (int i = 0; i < 3; i++) {
		if ((c->one[i] & within->zero[i]) || (c->zero[i] & within->one[i]))
			return false;
		out->one[i] = c->one[i] & ~within->one[i];
		out->zero[i] = c->zero[i] & ~within->zero[i];
	}
	return true;
}

/* Do the cubes cover everything? If not, `hole` gets the variables chosen on the way to a point outside. */
static bool covers(const struct cube *v, size_t n, struct cube *hole)
{
	for (size_t i = 0; i < n; i++)
		if (!(v[i].one[0] | v[i].one[1] | v[i].one[2] | v[i].zero[0] | v[i].zero[1] | v[i].zero[2]))
			return true;
	if (!n)
		return false;
	int part = 0;
	while (!(v[0].one[part] | v[0].zero[part]))
		part++;
	uint64_t bits = v[0].one[part] | v[0].zero[part], bit = bits & (~bits + 1);
	struct cube sub[MAX_ROWS];
	for (int side = 0; side < 2; side++) {
		struct cube fix = { 0 };
		size_t m = 0;
		(side ? fix.one : fix.zero)[part] = bit;
		for (size_t i = 0; i < n; i++)
			m += cofactor(&v[i], &fix, &sub[m]);
		(side ? hole->one : hole->zero)[part] |= bit;
		if (!covers(sub, m, hole))
			return false;
		(side ? hole->one : hole->zero)[part] &= ~bit;
	}
	return true;
}

static bool row_in_cell(const struct xch_row *r, uint8_t state, uint8_t exchange, uint8_t dir, uint8_t story)
{
	return r->dir == dir && (r->from & ST(state)) && (!r->exchange || r->exchange == exchange) &&
		((dir == XCH_RX_REQUEST && exchange != XCHG_IKE_FOLLOWUP_KE) || !r->story || r->story == story);
}

static void print_set(const char *what, uint64_t one)
{
	char buf[16];

	for (unsigned t = 33; t < 33 + 48; t++)
		if (one & payset_of((uint8_t)t))
			printf(" %s%s", what, wire_name_or(WIRE_PLD_SHORT, (uint16_t)t, buf));
	printf("%s%s%s%s", one & PS_UNKNOWN ? " unknown" : "", one & PS_D_IKE ? " D(IKE)" : "", one & PS_D_CHILD ? " D(child)" : "",
		one & PS_N_ERROR ? " N(error)" : "");
}

static const char *const dir_names[XCH_DIR_COUNT] = { "our request", "request", "answer" };

/* Of an answer, and of a further key exchange, it is known what it belongs to. */
static uint8_t stories(uint8_t exchange, uint8_t dir)
{
	return dir == XCH_RX_REQUEST && exchange != XCHG_IKE_FOLLOWUP_KE ? 1 : STORY_COUNT;
}

static void check_cell(uint8_t state, uint8_t exchange, uint8_t dir, uint8_t story, bool *used)
{
	struct cube v[MAX_ROWS], hole = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < n_rows; i++) {
		const struct xch_row *r = &rows[i];
		if (!row_in_cell(r, state, exchange, dir, story))
			continue;
		struct cube c = cube_of(r), before[MAX_ROWS], dummy = { 0 };
		size_t m = 0;
		for (size_t k = 0; k < n; k++)
			m += cofactor(&v[k], &c, &before[m]);
		if (!covers(before, m, &dummy))
			used[i] = true;
		v[n++] = c;
	}
	if (covers(v, n, &hole))
		return;
	printf("hole: state %s, %s, %s", ike_state_name(state), exchange ? ike_exchange_name(exchange) : "any other exchange",
		dir_names[dir]);
	if (stories(exchange, dir) > 1)
		printf(", story %s", ike_story_name(story));
	printf(": no row for a message with");
	print_set("", hole.one[0]);
	print_set("SK:", hole.one[1]);
	for (size_t i = 0; i < n_notifies; i++)
		if (hole.one[2] >> i & 1)
			printf(" N(%u)", notifies[i]);
	putchar('\n');
	findings++;
}

static void check_cells(void)
{
	static const uint8_t exchanges[] = { XCHG_IKE_SA_INIT, XCHG_IKE_AUTH, XCHG_CREATE_CHILD_SA, XCHG_INFORMATIONAL,
		XCHG_IKE_INTERMEDIATE, XCHG_IKE_FOLLOWUP_KE, 0 };
	bool used[MAX_ROWS] = { false };

	for (uint8_t state = 0; state < IKE_S_COUNT; state++)
		for (size_t x = 0; x < ARRAY_LEN(exchanges); x++)
			for (uint8_t dir = 0; dir < XCH_DIR_COUNT; dir++)
				for (uint8_t story = 0; story < stories(exchanges[x], dir); story++)
					check_cell(state, exchanges[x], dir, story, used);
	for (size_t i = 0; i < n_rows; i++)
		if (!used[i])
			FINDING("row \"%s\" is never reached: rows before it take all its messages", rows[i].name);
}

static void check_rows(void)
{
	unsigned census[STORY_COUNT][XCH_DIR_COUNT] = { { 0 } };

	for (size_t i = 0; i < n_rows; i++) {
		const struct xch_row *r = &rows[i];
		census[r->story][r->dir]++;
		for (size_t k = 0; k < i; k++)
			if (strcmp(rows[k].name, r->name) == 0)
				FINDING("two rows have the name \"%s\"", r->name);
		if (r->kind == ROW_TASKS && (!r->tasks || !r->story))
			FINDING("row \"%s\" has no tasks or no story", r->name);
		if (r->kind == ROW_TASKS && r->dir == XCH_TX_REQUEST && r->timer != ROW_T_RETRANSMIT)
			FINDING("row \"%s\" sends a request that is never sent again", r->name);
		if (r->kind != ROW_TASKS && (r->story || !r->err))
			FINDING("rejection \"%s\" has a story, or no error", r->name);
		for (size_t k = 1; r->tasks && r->tasks[0] && r->tasks[k]; k++)
			if (r->tasks[k]->order <= r->tasks[k - 1]->order)
				FINDING("row \"%s\": task %s does not come behind %s", r->name, r->tasks[k]->name, r->tasks[k - 1]->name);
		uint32_t need = r->kind == ROW_TASKS && r->to < IKE_S_COUNT ? ike_state_facts(r->to) : 0;
		if (r->more)
			need |= ike_state_facts(r->more);
		if ((r->facts & need) != need)
			FINDING("row \"%s\" enters %s with facts 0x%x, 0x%x have to be proven", r->name, ike_state_name(r->to), r->facts,
				need);
	}
	for (uint8_t s = 0; s < STORY_COUNT; s++)
		for (uint8_t d = 0; d < XCH_DIR_COUNT; d++)
			if (census[s][d] != xch_census[s][d])
				FINDING("story %s has %u rows for %s, %u belong there: a cell was removed or added", ike_story_name(s),
					census[s][d], dir_names[d], xch_census[s][d]);
}

/* What we may ask has to be what a peer of our own kind takes. */
static void check_peers(void)
{
	for (size_t i = 0; i < n_rows; i++) {
		const struct xch_row *t = &rows[i];
		if (t->dir != XCH_TX_REQUEST || t->kind != ROW_TASKS)
			continue;
		struct cube c = cube_of(t), part[MAX_ROWS], hole = { 0 };
		size_t n = 0, same = 0;
		for (size_t k = 0; k < n_rows; k++) {
			const struct xch_row *r = &rows[k];
			if (r->dir != XCH_RX_REQUEST || r->kind != ROW_TASKS || r->exchange != t->exchange)
				continue;
			struct cube rc = cube_of(r);
			same += r->story == t->story;
			n += cofactor(&rc, &c, &part[n]);
		}
		if (!same || !covers(part, n, &hole))
			FINDING("what \"%s\" may send is not what any request row takes", t->name);
	}
}

/* Every state is entered and left. An IKE rekey makes one SA enter UP and the other REKEYED: tasks do that. */
static void check_reach(void)
{
	uint32_t in = ST(IKE_S_NONE) | ST(IKE_S_REKEYED), out = ST(IKE_S_GONE);

	for (size_t i = 0; i < n_rows; i++) {
		const struct xch_row *r = &rows[i];
		if (r->kind == ROW_TASKS && r->to < IKE_S_COUNT) {
			in |= ST(r->to) | (r->more ? ST(r->more) : 0);
			out |= r->from & ~ST(r->to);
		}
	}
	for (uint8_t s = 0; s < IKE_S_COUNT; s++) {
		if (!(in & ST(s)))
			FINDING("state %s is never entered", ike_state_name(s));
		if (!(out & ST(s)))
			FINDING("state %s is never left", ike_state_name(s));
	}
}

static void check_collisions(long without)
{
	size_t n;
	const struct clash_row *v = clash_rows(&n);

	for (unsigned m = 0; m < CLASH_M_END; m++)
		for (unsigned p = 0; p < CLASH_P_END; p++) {
			unsigned hits = 0;
			for (size_t i = 0; i < n; i++)
				hits += (long)i != without && v[i].peer == p && (v[i].mine & 1u << m);
			if (hits != 1)
				FINDING("collision: mine \"%s\" × the peer's \"%s\" has %u rows, one belongs there",
					clash_mine_name((enum clash_mine)m), clash_peer_name((enum clash_peer)p), hits);
		}
}

/* ---- drawing -------------------------------------------------------------------------------------------------------- */

static void draw(void)
{
	printf("digraph ike {\n\trankdir=LR;\n\tnode [shape=box, style=rounded];\n");
	for (size_t i = 0; i < n_rows; i++) {
		const struct xch_row *r = &rows[i];
		if (r->kind != ROW_TASKS && r->kind != ROW_CLOSE)
			continue;
		for (uint8_t s = 0; s < IKE_S_COUNT; s++) {
			if (!(r->from & ST(s)) || s == IKE_S_GONE)
				continue;
			uint8_t to = r->kind == ROW_CLOSE ? IKE_S_GONE : r->to < IKE_S_COUNT ? r->to : s;
			if (r->more)
				printf("\t%s -> %s [label=\"%s, not the last\"];\n", ike_state_name(s), ike_state_name(r->more), r->name);
			printf("\t%s -> %s [label=\"%s\"%s];\n", ike_state_name(s), ike_state_name(to), r->name,
				r->kind == ROW_CLOSE ? ", style=dashed" : r->dir == XCH_TX_REQUEST ? ", color=blue" : "");
		}
	}
	printf("\tUP -> REKEYED [label=\"IKE rekey done\"];\n}\n");
}

static void list(void)
{
	static const char *const kinds[] = { "tasks", "ignore", "answer", "close", "never" };
	size_t n;
	const struct clash_row *v = clash_rows(&n);

	for (size_t i = 0; i < n_rows; i++) {
		const struct xch_row *r = &rows[i];
		printf("%-12s %-16s %-11s %-7s %s", ike_story_name(r->story), r->exchange ? ike_exchange_name(r->exchange) : "any other",
			dir_names[r->dir], kinds[r->kind], r->name);
		if (r->kind != ROW_TASKS)
			printf(" (%s)", err_name(r->err));
		for (size_t k = 0; r->tasks && r->tasks[k]; k++)
			printf("%s%s", k ? ", " : " [", r->tasks[k]->name);
		puts(r->tasks ? "]" : "");
	}
	for (size_t i = 0; i < n; i++)
		for (unsigned m = 0; m < CLASH_M_END; m++)
			if (v[i].mine & 1u << m)
				printf("collision %2zu: %-24s × %-14s %s (RFC 7296 section %s)\n", i, clash_mine_name((enum clash_mine)m),
					clash_peer_name(v[i].peer), clash_verdict_name(v[i].verdict), v[i].rfc);
}

static int usage(void)
{
	fputs("usage: tablecheck [--dot | --list | --names | --without ROW | --without-pair N]\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const char *without = NULL;
	long pair = -1;

	if (argc > 3 || (argc == 3 && strcmp(argv[1], "--without") != 0 && strcmp(argv[1], "--without-pair") != 0))
		return usage();
	if (argc == 3 && strcmp(argv[1], "--without") == 0)
		without = argv[2];
	else if (argc == 3)
		pair = atol(argv[2]);
	bool found = !without;
	for (size_t i = 0; i < xch_rows_n && n_rows < MAX_ROWS; i++) {
		if (without && strcmp(xch_rows[i].name, without) == 0)
			found = true;
		else
			rows[n_rows++] = xch_rows[i];
	}
	if (!found) {
		fprintf(stderr, "tablecheck: there is no row \"%s\"; --list shows them\n", without);
		return 2;
	}
	if (argc == 2 && strcmp(argv[1], "--dot") == 0) {
		draw();
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		list();
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--names") == 0) {
		for (size_t i = 0; i < n_rows; i++)
			puts(rows[i].name);
		return 0;
	}
	if (argc == 2)
		return usage();
	check_rows();
	check_cells();
	check_peers();
	check_reach();
	check_collisions(pair);
	if (findings)
		printf("%u findings\n", findings);
	else
		printf("the exchange table (%zu rows) and the collision table are total\n", n_rows);
	return findings ? 1 : 0;
}
