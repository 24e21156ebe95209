/* Questions over UDP, with sockets of the kernel's (D5, D11). */
#include "back_udp_rig.h"

static in_port_t
port_of(const struct question *q)
{
	return (((const struct sockaddr_in *)(const void *)&q->from)->sin_port);
}

/* --- ports, ids, sockets --- */

Test(back_udp, one_socket_with_a_new_port_and_id_each_time)
{
	struct question q;
	uint32_t seen[100];
	unsigned int i, k, equal = 0;

	for (i = 0; i < 100; i++) {
		ask_at(V4, &mine[0], &q);
		seen[i] = (uint32_t)port_of(&q) << 16 | (uint32_t)q.msg[0] << 8 |
		    q.msg[1];
		for (k = 0; k < i; k++) {
			cr_assert_neq(seen[k], seen[i]);
			equal += (seen[k] ^ seen[i]) >> 16 == 0;
		}
	}
	/* 4,950 pairs of 28,232 ports. */
	cr_assert_leq(equal, 10);
	cr_assert_eq(kernel.sockets, 1);
}

Test(back_udp, five_system_calls_a_question)
{
	struct question q;

	ask_at(V4, &mine[0], &q);
	kernel.connects = kernel.sends = kernel.recvs = kernel.sockets = 0;
	ask_at(V4, &mine[0], &q);
	cr_assert_eq(kernel.connects, 2);
	cr_assert_eq(kernel.sends, 1);
	cr_assert_eq(kernel.recvs, 2);
	cr_assert_eq(kernel.sockets, 0);
}

Test(back_udp, a_socket_comes_back_more_often_than_any_are_kept)
{
	struct question q;
	unsigned int i;

	for (i = 0; i < 10 * IDLE; i++)
		ask_at(V4, &mine[0], &q);
	cr_assert_eq(kernel.sockets, 1);
}

Test(back_udp, each_family_has_its_sockets)
{
	struct question q;
	unsigned int i;

	for (i = 0; i < 10; i++)
		ask_at(i % 2, &mine[0], &q);
	cr_assert_eq(kernel.sockets, 2);
}

Test(back_udp, two_sockets_for_each_request_and_no_more)
{
	unsigned int round, i;

	settings.config.max_connections = 3;
	for (round = 0; round < 10; round++) {
		for (i = 0; i < 6; i++)
			begin(&mine[i]);
		cr_assert(!begin_at(V4, &mine[6]));
		turn();
		end(&mine[round % 6]);
		cr_assert(begin_at(V4, &mine[round % 6]));
		for (i = 0; i < 6; i++)
			end(&mine[i]);
	}
	cr_assert_eq(kernel.sockets, 6);
}

Test(back_udp, so_many_sockets_are_kept)
{
	unsigned int i;
	int fd;

	for (i = 0; i < IDLE + 10; i++)
		begin(&mine[i]);
	for (i = 0; i < IDLE + 10; i++)
		end(&mine[i]);
	fd = dup(0);
	for (i = 0; i < IDLE; i++)
		begin(&mine[i]);
	cr_assert_eq(kernel.sockets, IDLE + 10);
	begin(&mine[i]);
	cr_assert_eq(kernel.sockets, IDLE + 11);
	/* The others were closed. */
	cr_assert_lt(fd, dup(0));
	for (i = 0; i <= IDLE; i++)
		end(&mine[i]);
}

/* Ten times as many as are kept, and the count of them is right. */
Test(back_udp, sockets_that_are_closed_leave_room_for_others)
{
	struct question q;
	unsigned int i;

	settings.config.max_connections = 1;
	for (i = 0; i < 10 * IDLE; i++) {
		begin(&mine[0]);
		turn();
		receive(&q);
		reply(&q, 'A');
		reply(&q, 'B');
		turn();
		cr_assert_null(mine[0].t);
	}
	cr_assert_eq(kernel.sockets, i);
}

/* --- what arrives --- */

Test(back_udp, what_is_behind_the_answer_meets_no_other_question)
{
	struct question q;

	begin(&mine[0]);
	turn();
	receive(&q);
	reply(&q, 'A');
	reply(&q, 'B');
	turn();
	cr_assert_eq(mine[0].narrived, 1);
	ask_at(V4, &mine[1], &q);
	cr_assert_eq(mine[1].narrived, 1);
}

Test(back_udp, what_comes_after_the_end_meets_no_other_question)
{
	struct question late, q;

	begin(&mine[0]);
	turn();
	receive(&late);
	end(&mine[0]);
	begin(&mine[1]);
	turn();
	reply(&late, 'B');
	turn();
	receive(&q);
	reply(&q, 'A');
	turn();
	cr_assert_eq(mine[1].narrived, 1);
	cr_assert_eq(kernel.sockets, 1);
}

Test(back_udp, behind_32_others_an_answer_waits_for_other_sockets)
{
	struct question first, second;
	unsigned int i;

	for (i = 0; i < 2; i++)
		begin(&mine[i]);
	turn();
	receive(&first);
	receive(&second);
	for (i = 0; i < 31; i++)
		reply(&first, 'B');
	reply(&first, 'A');
	for (i = 0; i < 32; i++)
		reply(&second, 'B');
	reply(&second, 'A');
	batches = 1;
	turn();
	cr_assert_eq(mine[0].narrived + mine[1].narrived, 64);
	cr_assert_neq(mine[0].t == NULL, mine[1].t == NULL);
	batches = 1;
	turn();
	cr_assert_eq(mine[0].narrived + mine[1].narrived, 65);
	cr_assert(mine[0].t == NULL && mine[1].t == NULL);
}

/* The loop tells of 32 at first. */
static void
look_at_all(void)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		event_base_loop(loop.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void
answer_all(unsigned int n)
{
	struct question q;
	unsigned int i;

	for (i = 0; i < n; i++)
		begin(&mine[i]);
	turn();
	for (i = 0; i < n; i++) {
		receive(&q);
		reply(&q, 'A');
	}
}

static unsigned int
count_arrived(unsigned int n)
{
	unsigned int i, count = 0;

	for (i = 0; i < n; i++)
		count += mine[i].narrived;
	return (count);
}

Test(back_udp, answers_have_their_time_in_a_turn)
{
	answer_all(100);
	look_at_all();
	/* Whoever takes them: it is the same turn's time. */
	batches = 2;
	back_udp_take();
	cr_assert_eq(count_arrived(100), 64);
	back_udp_flush();
	cr_assert_eq(count_arrived(100), 64);
	/* The loop does not wait for anything else then. */
	cr_assert_eq(event_base_loop(loop.base, EVLOOP_ONCE), 0);
	batches = 2;
	back_udp_flush();
	cr_assert_eq(count_arrived(100), 100);
}

Test(back_udp, what_ends_while_it_waits_is_not_read)
{
	struct question q;
	unsigned int i, nended = 0;

	answer_all(100);
	look_at_all();
	batches = 1;
	turn();
	batches = UINT_MAX;
	for (i = 0; i < 100; i++) {
		if (mine[i].t != NULL) {
			end(&mine[i]);
			nended++;
		}
	}
	cr_assert_eq(nended, 100 - 32);
	turn();
	cr_assert_eq(count_arrived(100), 32);
	for (i = 100; i < 200; i++) {
		begin(&mine[i]);
		turn();
		receive(&q);
		reply(&q, 'A');
		turn();
		cr_assert_eq(mine[i].narrived, 1);
	}
}

/* Between the look into it and its end on another processor. */
Test(back_udp, a_socket_that_is_not_empty_is_not_used_again)
{
	struct question q;

	begin(&mine[0]);
	turn();
	receive(&q);
	reply(&q, 'A');
	kernel.blind = true;
	end(&mine[0]);
	kernel.blind = false;
	turn();
	cr_assert_eq(counters.junk, 1);
	ask_at(V4, &mine[1], &q);
	cr_assert_eq(mine[1].narrived, 1);
	cr_assert_eq(kernel.sockets, 2);
}

Test(back_udp, more_arrivals_in_a_turn_than_are_read_before_one_is_taken)
{
	struct question q;
	unsigned int i;

	for (i = 0; i < 100; i++)
		begin(&mine[i]);
	turn();
	for (i = 0; i < 100; i++) {
		receive(&q);
		reply(&q, 'A');
	}
	for (i = 0; i < 4; i++)
		turn();
	for (i = 0; i < 100; i++)
		cr_assert_eq(mine[i].narrived, 1, "%u", i);
}

static void
end_the_other(struct mine *m)
{
	struct mine *other = m == &mine[0] ? &mine[1] : &mine[0];

	if (other->t != NULL)
		end(other);
}

/* Both were read, and the first one that is taken ends the other. */
Test(back_udp, what_was_read_is_for_nobody_after_the_end)
{
	struct question q;
	unsigned int i;

	for (i = 0; i < 2; i++)
		begin(&mine[i]);
	turn();
	for (i = 0; i < 2; i++) {
		receive(&q);
		reply(&q, 'A');
	}
	on_arrival = end_the_other;
	turn();
	cr_assert_eq(mine[0].narrived + mine[1].narrived, 1);
	on_arrival = NULL;
	ask_at(V4, &mine[2], &q);
	cr_assert_eq(mine[2].narrived, 1);
}

static void
take_more(struct mine *m)
{
	(void)m;
	back_udp_take();
}

Test(back_udp, what_is_taken_while_another_is_taken_counts_once)
{
	struct question q;
	unsigned int i;

	for (i = 0; i < 10; i++)
		begin(&mine[i]);
	turn();
	for (i = 0; i < 10; i++) {
		receive(&q);
		reply(&q, 'A');
	}
	on_arrival = take_more;
	turn();
	for (i = 0; i < 10; i++)
		cr_assert_eq(mine[i].narrived, 1, "%u", i);
}

static void
ask_again(struct mine *m)
{
	if (m == &mine[0])
		begin(&mine[1]);
}

Test(back_udp, what_an_answer_leads_to_is_asked_in_the_same_turn)
{
	struct question q;

	on_arrival = ask_again;
	ask_at(V4, &mine[0], &q);
	receive(&q);
	cr_assert_eq(q.msg[0] << 8 | q.msg[1], mine[1].t->id);
}

Test(back_udp, what_has_ended_is_not_sent)
{
	struct question q;

	begin(&mine[0]);
	begin(&mine[1]);
	end(&mine[0]);
	turn();
	receive(&q);
	cr_assert_eq(q.msg[0] << 8 | q.msg[1], mine[1].t->id);
	cr_assert_eq(kernel.sends, 1);
}
