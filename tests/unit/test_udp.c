/* SPDX-License-Identifier: Apache-2.0 */
/* UDP sockets on the loopback interface: local addresses, markers, batches, errors. */
#include "os/udp.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct loop *l;

struct end {
	struct udp *u;
	int ike, esp, batches;
	struct net_addr local, remote;
	uint8_t data[70000];
	size_t n, bytes;
	uint8_t last_esp, tos;
};

static void ike(void *arg, const struct net_addr *local, const struct net_addr *remote, slice d)
{
	struct end *e = arg;

	e->ike++;
	e->local = *local;
	e->remote = *remote;
	memcpy(e->data, d.p, d.n);
	e->n = d.n;
}

static void esp(void *arg, const struct kern_udp *v, size_t n)
{
	struct end *e = arg;

	for (size_t i = 0; i < n; i++) {
		e->bytes += v[i].n;
		e->last_esp = v[i].p[v[i].n - 1];
		e->tos = v[i].tos;
		e->esp++;
	}
}

static void batch_end(void *arg)
{
	((struct end *)arg)->batches++;
}

static struct end a, b;

static void open_end(struct end *e)
{
	struct udp_conf c = { .v4 = true, .v6 = true };
	struct udp_user user = { e, ike, esp, batch_end, NULL };

	cr_assert_eq(udp_open(l, NULL, &c, &user, &e->u, NULL), 0);
}

static void up(void)
{
	cr_assert_eq(loop_new(&l, NULL), 0);
	open_end(&a);
	open_end(&b);
}

static void down(void)
{
	udp_close(a.u);
	udp_close(b.u);
	loop_free(l);
}

TestSuite(udp, .init = up, .fini = down, .timeout = 300);

static struct net_addr at(const char *text, uint16_t port)
{
	struct net_addr addr;

	cr_assert_eq(net_addr_parse(text, &addr), 0);
	addr.port = port;
	return addr;
}

static void wait_for(const int *n, int want)
{
	for (int i = 0; i < 200 && *n < want; i++)
		loop_once(l, 10);
	cr_assert_eq(*n, want);
}

Test(udp, replies_leave_from_the_address_that_was_called)
{
	static const struct { const char *from, *to; } row[] = { { "127.0.0.2", "127.0.0.3" }, { "::1", "::1" } };

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		for (int natt = 0; natt < 2; natt++) {
			struct net_addr from = at(row[i].from, natt ? udp_port_natt(a.u) : udp_port(a.u));
			struct net_addr to = at(row[i].to, natt ? udp_port_natt(b.u) : udp_port(b.u));
			a.ike = b.ike = 0;
			err_t e = udp_send(a.u, &from, &to, 0, SLICE_LIT("request"));
			if (e == E_NOT_SUPPORTED && i == 1)
				cr_skip_test("no IPv6 here");
			cr_assert_eq(e, 0);
			wait_for(&b.ike, 1);
			cr_assert(net_addr_same_port(&b.local, &to));
			cr_assert(net_addr_same_port(&b.remote, &from));
			cr_assert(slice_equal(slice_of(b.data, b.n), SLICE_LIT("request")));
			cr_assert_eq(udp_send(b.u, &b.local, &b.remote, 0, SLICE_LIT("response")), 0);
			wait_for(&a.ike, 1);
			cr_assert(net_addr_same_port(&a.local, &from));
			cr_assert(net_addr_same_port(&a.remote, &to));
		}
	}
}

Test(udp, what_comes_on_the_port_of_nat_traversal)
{
	struct net_addr from = at("127.0.0.1", udp_port_natt(a.u)), to = at("127.0.0.1", udp_port_natt(b.u));
	static const slice v[] = { SLICE_LIT("\xff"), SLICE_LIT(""), SLICE_LIT("\0\0\0\0"), SLICE_LIT("\0\0\0"),
		SLICE_LIT("\0\0\0\1esp"), SLICE_LIT("\0\0\0\0ike") };

	cr_assert_eq(udp_send_raw(a.u, &from, &to, v, ARRAY_LEN(v), 0), 0);
	wait_for(&b.ike, 1);
	cr_assert(slice_equal(slice_of(b.data, b.n), SLICE_LIT("ike")));
	cr_assert_eq(b.esp, 1);
	cr_assert_geq(b.batches, 1);
}

Test(udp, many_and_large)
{
	struct net_addr from = at("127.0.0.1", udp_port(a.u)), to = at("127.0.0.1", udp_port(b.u));
	static uint8_t big[65000];
	int taken = 0;

	for (int i = 0; i < 500; i++)
		taken += udp_send(a.u, &from, &to, 0, slice_of(big, 1200)) == 0;
	cr_assert_eq(taken, 500);
	wait_for(&b.ike, 500);
	cr_assert_eq(udp_send(a.u, &from, &to, 0, slice_of(big, sizeof big)), 0);
	wait_for(&b.ike, 501);
	cr_assert_eq(b.n, sizeof big);
}

Test(udp, the_queue_is_bounded_and_errors_take_nothing_down)
{
	struct net_addr from = at("127.0.0.1", udp_port(a.u)), to = at("127.0.0.1", udp_port(b.u));
	struct net_addr foreign = at("192.0.2.77", udp_port(a.u));
	int full = 0;

	cr_assert_eq(udp_send(a.u, &foreign, &to, 0, SLICE_LIT("x")), 0);
	for (int i = 0; i < UDP_QUEUE + 10; i++)
		full += udp_send(a.u, &from, &to, 0, SLICE_LIT("y")) == E_FULL;
	cr_assert_eq(full, 11);
	loop_once(l, 10);
	cr_assert_eq(udp_send(a.u, &from, &(struct net_addr){ 0 }, 0, SLICE_LIT("x")), E_NOT_SUPPORTED);
}

Test(udp, a_busy_port_is_said_with_its_remedy)
{
	struct udp_conf c = { .port = udp_port(a.u), .v4 = true };
	struct udp_user user = { &a, ike, esp, NULL, NULL };
	struct diag *why = NULL;
	struct udp *u;
	char want[64], buf[400];

	cr_assert_eq(udp_open(l, NULL, &c, &user, &u, &why), E_IO);
	snprintf(want, sizeof want, "UDP port %u (IPv4) is taken: stop", c.port);
	cr_assert_eq(strncmp(diag_text(why, 0, buf, sizeof buf), want, strlen(want)), 0, "%s", buf);
	diag_free(&why);
}

Test(udp, esp_packets_of_one_size_keep_their_borders)
{
	struct net_addr from = at("127.0.0.1", udp_port_natt(a.u)), to = at("127.0.0.1", udp_port_natt(b.u));
	static uint8_t bytes[150][1300];
	slice v[150];

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		bytes[i][3] = 1;
		v[i] = slice_of(bytes[i], i == 149 ? 700 : 1300);
		bytes[i][v[i].n - 1] = (uint8_t)i;
	}
	cr_assert_eq(udp_send_raw(a.u, &from, &to, v, 150, 0x2e << 2 | PLUG_UDP_DF), 0);
	wait_for(&b.esp, 150);
	cr_assert_eq(b.bytes, 149 * 1300 + 700);
	cr_assert_eq(b.last_esp, 149);
	cr_assert_eq(b.tos, 0x2e << 2);
	cr_assert_eq(udp_send(a.u, &from, &to, 0, SLICE_LIT("ike behind it")), 0);
	wait_for(&b.ike, 1);
}

Test(udp, interfaces_by_name)
{
	static const char *const other[] = { "nosuch0", NULL }, *const lo[] = { "lo", NULL };
	struct net_addr from = at("127.0.0.1", udp_port(a.u)), to = at("127.0.0.1", udp_port(b.u));
	static const struct {
		const char *const *use, *const *ignore;
		bool may;
	} row[] = { { NULL, NULL, true }, { other, NULL, false }, { lo, NULL, true }, { NULL, lo, false }, { lo, lo, false },
		{ NULL, other, true } };
	int want = 0;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		udp_interfaces(b.u, row[i].use, row[i].ignore);
		cr_assert_eq(udp_send(a.u, &from, &to, 0, SLICE_LIT("x")), 0);
		want += row[i].may;
		for (int k = 0; k < 10; k++)
			loop_once(l, 2);
		cr_assert_eq(b.ike, want, "row %zu", i);
	}
}
