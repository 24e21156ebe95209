/* Connections to upstreams, of the kernel's: what fails, ids, and what arrives. */
#include <criterion/criterion.h>

#include <unistd.h>

#include "back_tcp_rig.h"

TestSuite(back_conn, .init = set_up, .timeout = 20);

/* --- what this host refuses --- */

Test(back_conn, a_connect_that_fails_is_no_attempt)
{
	static const int errors[] = { EPERM, EADDRNOTAVAIL, ENETUNREACH,
	    ENOBUFS };
	unsigned int i;
	int fd = dup(0);

	close(fd);
	for (i = 0; i < 10 * COMMON; i++) {
		kernel.connect = errors[i % 4];
		cr_assert(!begin_as(&mine[0], false));
	}
	cr_assert(!back_tcp_tick());
	/* Nothing is left of them. */
	cr_assert_eq(dup(0), fd);
	cr_assert_eq(nsilent, 0);
	kernel.connect = 0;
	open_answered(&mine[0]);
}

Test(back_conn, what_cannot_be_sent_may_pass)
{
	static const int errors[] = { EPERM, EADDRNOTAVAIL, ENETUNREACH,
	    ENOBUFS };
	unsigned int i;

	for (i = 0; i < 10 * COMMON; i++) {
		begin_all(0, 2);
		kernel.send = errors[i % 4];
		until(&nfailed, 2 * i + 2);
		cr_assert_eq(mine[0].way, WAY_UNSENT);
		cr_assert_eq(mine[1].way, WAY_UNSENT);
		close(accept_conn());
	}
	cr_assert_eq(nsilent, 0);
	kernel.send = 0;
	open_answered(&mine[0]);
}

/* It ends with an error of the socket's, though there is nothing to read. */
Test(back_conn, what_the_server_ends_does_not_pass)
{
	begin(&mine[0]);
	kernel.send = EPIPE;
	until(&nfailed, 1);
	cr_assert_eq(mine[0].way, WAY_NONE);
	cr_assert_eq(nsilent, 1);
}

Test(back_conn, what_took_questions_was_no_fault_of_this_host)
{
	uint16_t id;

	open_with(&mine[0], &id);
	kernel.send = EPERM;
	begin(&mine[1]);
	until(&nfailed, 2);
	cr_assert_eq(mine[0].way, WAY_SENT);
	cr_assert_eq(mine[1].way, WAY_SENT);
}

Test(back_conn, nobody_listens)
{
	close(listener);
	begin_all(0, 5);
	until(&nfailed, 5);
	cr_assert_eq(mine[0].way, WAY_NONE);
	/* Once, however many waited. */
	cr_assert_eq(nsilent, 1);
}

/* Eleven of them, for the first question. */
Test(back_conn, each_call_may_be_refused)
{
	unsigned int n;
	int fd = dup(0);

	close(fd);
	for (n = 1;; n++) {
		kernel.refuse_at = n;
		if (begin_as(&mine[0], false))
			break;
		cr_assert(!at(loop.now + IDLE));
		cr_assert_eq(dup(0), fd, "%u", n);
		close(fd);
	}
	cr_assert_eq(n, 11);
	kernel.refuse_at = 0;
	until(&kernel.sends, 1);
	for (; kernel.connects > 1; kernel.connects--)
		close(accept_conn());
	receive(accept_conn());
}

/* What is refused before it is put on a connection leaves that as it was. */
Test(back_conn, a_connection_goes_on_after_a_refusal)
{
	unsigned int n;
	int fd = open_answered(&mine[0]);

	for (n = 1;; n++) {
		kernel.refuse_at = n;
		if (begin_as(&mine[0], false))
			break;
	}
	cr_assert_eq(n, 2);
	kernel.refuse_at = 0;
	until(&kernel.sends, 2);
	reply(fd, receive(fd), 'A');
	until(&narrived, 2);
	ask(fd, &mine[0]);
	cr_assert_eq(kernel.connects, 1);
}

/* Nothing would ever say that there is room for the rest. */
Test(back_conn, what_cannot_wait_to_be_sent_fails)
{
	int fd = open_answered(&mine[0]);

	begin_all(0, 2);
	kernel.send = EAGAIN;
	kernel.event = ENOMEM;
	until(&nfailed, 2);
	cr_assert_eq(mine[0].way, WAY_ANSWERED);
	kernel.send = kernel.event = 0;
	assert_closed(fd);
	begin_all(0, 2);
	kernel.send = EAGAIN;
	kernel.event = ENOMEM;
	until(&nfailed, 4);
	cr_assert_eq(mine[0].way, WAY_UNSENT);
}

Test(back_conn, what_does_not_fit_is_sent_later)
{
	unsigned int i;
	int fd;

	begin_all(0, 100);
	kernel.send = EAGAIN;
	until(&kernel.sends, 10);
	kernel.send = 0;
	kernel.most = 7;
	until(&kernel.sends, 10 + (100 * (2 + SIZE) + 6) / 7);
	fd = accept_conn();
	for (i = 0; i < 100; i++)
		cr_assert_eq(receive(fd), mine[i].t->id);
}

/* It ends at once, but what was to be sent still waits. */
static bool
fill(uint8_t *msg, size_t len)
{
	struct attempt *t = back_tcp_send(0, msg, len, false);

	if (t != NULL)
		back_tcp_end(t);
	return (t != NULL);
}

/* Half of 256 KiB is for messages of 512 octets and less; each has two more. */
Test(back_conn, long_messages_leave_room_to_others)
{
	static uint8_t msg[65535];
	unsigned int i;

	kernel.send = EAGAIN;
	for (i = 0; fill(msg, 65535); i++)
		;
	cr_assert_eq(i, 1);
	cr_assert(!fill(msg, 65534));
	cr_assert(fill(msg, 65503));
	cr_assert(!fill(msg, 513));
	for (i = 0; fill(msg, 512); i++)
		;
	cr_assert_eq(i, (128U << 10) / 514);
	cr_assert(!fill(msg, 31));
	cr_assert(fill(msg, 30));
	cr_assert_eq(kernel.connects, 1);
}

/* --- ids --- */

Test(back_conn, so_many_on_a_connection_with_an_id_each)
{
	static bool seen[65536];
	const unsigned int batch = BACK_CONN_TRIES / 16;
	int fd = open_answered(&mine[0]);
	unsigned int i;

	/* Not all of them may wait to be sent. */
	for (i = 0; i < BACK_CONN_TRIES; i++) {
		begin(&mine[i]);
		if (i % batch == batch - 1)
			back_tcp_flush();
		while (i % batch == batch - 1 && receive(fd) != mine[i].t->id)
			;
	}
	cr_assert(!begin_as(&mine[i], false));
	end(&mine[0]);
	begin(&mine[i]);
	for (; i > 0; i--) {
		cr_assert(!seen[mine[i].t->id]);
		seen[mine[i].t->id] = true;
	}
	cr_assert_eq(kernel.connects, 1);
}

Test(back_conn, a_connection_carries_ten_times_as_many)
{
	static uint8_t answers[5 * BACK_CONN_TRIES / 16];
	const unsigned int batch = BACK_CONN_TRIES / 16;
	unsigned int round, i;
	uint16_t id;
	int fd = open_answered(&mine[0]);

	for (round = 0; round < 10 * 16; round++) {
		begin_all(0, batch);
		back_tcp_flush();
		for (i = 0; i < batch; i++) {
			id = receive(fd);
			cr_assert_eq(id, mine[i].t->id);
			frame(answers + 5 * i, id, 'A');
		}
		put(fd, answers, sizeof(answers));
		until(&narrived, 1 + batch * (round + 1));
	}
	cr_assert_eq(kernel.connects, 1);
	cr_assert_eq(nfailed + counters.junk, 0);
}

Test(back_conn, what_has_ended_gets_no_answer)
{
	uint16_t id;
	int fd = open_with(&mine[0], &id);

	end(&mine[0]);
	reply(fd, id, 'A');
	turn();
	cr_assert_eq(counters.junk, 1);
	ask(fd, &mine[1]);
	cr_assert_eq(mine[0].narrived, 0);
}

/* --- what arrives --- */

Test(back_conn, an_answer_comes_octet_by_octet)
{
	uint8_t buf[5];
	unsigned int i;
	uint16_t id;
	int fd = open_with(&mine[0], &id);

	frame(buf, id, 'A');
	for (i = 0; i < 5; i++) {
		cr_assert_eq(mine[0].narrived, 0);
		put(fd, buf + i, 1);
		turn();
	}
	cr_assert_eq(mine[0].narrived, 1);
	ask(fd, &mine[1]);
}

Test(back_conn, many_answers_and_a_half_come_together)
{
	uint8_t buf[5 * 11];
	unsigned int i;
	int fd;

	begin_all(0, 11);
	until(&kernel.sends, 1);
	fd = accept_conn();
	for (i = 0; i < 11; i++)
		frame(buf + 5 * i, receive(fd), 'A');
	put(fd, buf, sizeof(buf) - 1);
	turn();
	cr_assert_eq(narrived, 10);
	put(fd, buf + sizeof(buf) - 1, 1);
	turn();
	cr_assert_eq(narrived, 11);
}

Test(back_conn, the_answer_before_the_end_counts)
{
	uint16_t id;
	int fd;

	begin_all(0, 2);
	until(&kernel.sends, 1);
	fd = accept_conn();
	id = receive(fd);
	receive(fd);
	reply(fd, id, 'A');
	close(fd);
	until(&nfailed, 1);
	cr_assert_eq(mine[0].narrived, 1);
	cr_assert_eq(mine[1].nfailed, 1);
	cr_assert_eq(mine[1].way, WAY_ANSWERED);
}

Test(back_conn, half_an_answer_before_the_end_is_none)
{
	uint8_t buf[5];
	uint16_t id;
	int fd = open_with(&mine[0], &id);

	frame(buf, id, 'A');
	put(fd, buf, 4);
	close(fd);
	until(&nfailed, 1);
	cr_assert_eq(mine[0].narrived, 0);
	cr_assert_eq(mine[0].way, WAY_SENT);
	cr_assert_eq(nsilent, 1);
}

/* Whether it was read before, or is there still. */
Test(back_conn, answers_are_read_where_nothing_can_be_sent)
{
	uint16_t id;
	int fd = open_with(&mine[0], &id);

	begin(&mine[1]);
	kernel.send = EPIPE;
	reply(fd, id, 'A');
	until(&nfailed, 1);
	cr_assert_eq(mine[0].narrived, 1);
	cr_assert_eq(mine[1].way, WAY_ANSWERED);
}

Test(back_conn, what_is_no_answer_ends_nothing)
{
	static uint8_t buf[3 + 2 + 65535] = { [1] = 1, [4] = 2, [6] = 1 };
	uint16_t id;
	int fd = open_with(&mine[0], &id);

	/* A message without any octet. */
	put(fd, buf + 7, 2);
	turn();
	cr_assert_eq(counters.junk, 1);
	/* One with the id's first; the other one is the next message's first. */
	buf[2] = (uint8_t)(id >> 8);
	buf[3] = (uint8_t)id;
	buf[5] = (uint8_t)~buf[2];
	put(fd, buf, 3 + 2 + (size_t)(buf[3] << 8 | buf[4]));
	reply(fd, id ^ 1, 'A');
	reply(fd, id, 'B');
	reply(fd, id, 'A');
	until(&narrived, 1);
	cr_assert_eq(mine[0].narrived, 2);
	/* Who asked has seen one of them. */
	cr_assert_eq(counters.junk, 4);
	ask(fd, &mine[1]);
}

Test(back_conn, one_call_an_answer)
{
	int fd = open_answered(&mine[0]);

	kernel.sends = kernel.recvs = 0;
	ask(fd, &mine[0]);
	cr_assert_eq(kernel.sends, 1);
	cr_assert_eq(kernel.recvs, 1);
}

Test(back_conn, what_has_answered_before_breaks)
{
	int fd = open_answered(&mine[0]);

	begin(&mine[0]);
	until(&kernel.sends, 2);
	receive(fd);
	close(fd);
	until(&nfailed, 1);
	cr_assert_eq(mine[0].way, WAY_ANSWERED);
}

/* More than is read in a turn, and each fills all the room there is. */
Test(back_conn, the_longest_answers)
{
	static uint8_t buf[2 + 65535] = { 0xff, 0xff, [4] = 'A' };
	unsigned int i;
	uint16_t id;
	int fd;

	begin_all(0, 20);
	until(&kernel.sends, 1);
	fd = accept_conn();
	for (i = 0; i < 20; i++) {
		id = receive(fd);
		buf[2] = (uint8_t)(id >> 8);
		buf[3] = (uint8_t)id;
		put(fd, buf, sizeof(buf));
		if (i % 4 == 3)
			until(&narrived, i + 1);
	}
	ask(fd, &mine[0]);
}

/* Thousands may come together, and others are not to wait for them all. */
Test(back_conn, a_few_answers_a_turn)
{
	enum { ANSWERS = 40, OCTETS = 1000, A_TURN = 8192 / (2 + OCTETS) };
	static uint8_t buf[ANSWERS][2 + OCTETS];
	unsigned int i;
	uint16_t id;
	int fd;

	begin_all(0, ANSWERS);
	until(&kernel.sends, 1);
	fd = accept_conn();
	for (i = 0; i < ANSWERS; i++) {
		id = receive(fd);
		buf[i][0] = OCTETS >> 8;
		buf[i][1] = OCTETS & 0xff;
		buf[i][2] = (uint8_t)(id >> 8);
		buf[i][3] = (uint8_t)id;
		buf[i][4] = 'A';
	}
	put(fd, buf, sizeof(buf));
	for (i = 0; narrived < ANSWERS; i++)
		turn();
	cr_assert_geq(i, ANSWERS / (A_TURN + 1));
}

static void
begin_another(struct mine *m)
{
	if (m < &mine[50])
		begin(m + 1);
}

Test(back_conn, an_answer_may_begin_the_next_attempt)
{
	unsigned int i;
	uint16_t id;
	int fd = open_with(&mine[0], &id);

	on_arrival = begin_another;
	reply(fd, id, 'A');
	for (i = 1; i <= 50; i++) {
		until(&kernel.sends, i + 1);
		reply(fd, receive(fd), 'A');
	}
	until(&narrived, 51);
	cr_assert_eq(kernel.connects, 1);
}
