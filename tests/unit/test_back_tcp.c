/* Which question goes on which connection, and which of these are left. */
#include <criterion/criterion.h>

#include <unistd.h>

#include "back_tcp_rig.h"

#define LEFT	8U		/* that hang */
#define STALL	CLOCK_SECOND
#define PROBE	(5 * CLOCK_SECOND)

TestSuite(back_tcp, .init = set_up, .timeout = 20);

/* --- so many questions on each --- */

/* One connection answers so many, and ends with another question. */
static void
learn(unsigned int limit)
{
	unsigned int i, before = nfailed;
	uint16_t id;
	int fd;

	begin_all(0, limit + 1);
	until(&kernel.sends, 1);
	fd = accept_conn();
	for (i = 0; i <= limit; i++) {
		id = receive(fd);
		if (i < limit)
			reply(fd, id, 'A');
	}
	close(fd);
	until(&nfailed, before + 1);
	cr_assert_eq(mine[limit].way, WAY_ANSWERED);
	kernel.connects = 0;
}

static void
begin_on(unsigned int i, unsigned int conns)
{
	begin(&mine[i]);
	cr_assert_eq(kernel.connects, conns, "question %u: connection %u", i,
	    kernel.connects);
}

Test(back_tcp, a_limit_is_kept_and_looked_at_now_and_then)
{
	static const unsigned int conns[] = { 3, 3, 3, 3, 4, 4, 5, 5, 6 };
	unsigned int i;

	learn(2);
	loop.now += PROBE - 1;
	begin_on(0, 1);
	begin_on(1, 1);
	begin_on(2, 2);
	begin_on(3, 2);
	/* Four on one, two on each of the others. */
	loop.now++;
	for (i = 0; i < 9; i++)
		begin_on(4 + i, conns[i]);
}

Test(back_tcp, a_limit_is_looked_at_again_and_again)
{
	unsigned int i;

	learn(2);
	for (i = 0; i < 3; i++) {
		loop.now += PROBE;
		begin_on(6 * i, 2 * i + 1);
		begin_on(6 * i + 1, 2 * i + 1);
		begin_on(6 * i + 2, 2 * i + 1);
		begin_on(6 * i + 3, 2 * i + 1);
		loop.now += PROBE - 1;
		begin_on(6 * i + 4, 2 * i + 2);
		begin_on(6 * i + 5, 2 * i + 2);
		loop.now -= PROBE - 1;
	}
}

Test(back_tcp, a_limit_that_was_none_is_forgotten)
{
	unsigned int i;
	uint16_t id;
	int fd;

	learn(2);
	loop.now += PROBE;
	fd = open_with(&mine[0], &id);
	reply(fd, id, 'A');
	until(&narrived, 3);
	ask(fd, &mine[1]);
	ask(fd, &mine[2]);
	for (i = 0; i < 100; i++)
		begin_on(i, 1);
}

Test(back_tcp, a_limit_becomes_smaller)
{
	unsigned int i;
	int fd;

	learn(5);
	begin_all(0, 5);
	until(&kernel.sends, 2);
	fd = accept_conn();
	for (i = 0; i < 5; i++) {
		if (i < 3)
			reply(fd, receive(fd), 'A');
		else
			receive(fd);
	}
	close(fd);
	until(&nfailed, 3);
	kernel.connects = 0;
	for (i = 0; i < 9; i++)
		begin_on(i, i / 3 + 1);
}

Test(back_tcp, an_end_without_answers_is_no_limit)
{
	unsigned int i;
	uint16_t id;

	learn(2);
	close(open_with(&mine[0], &id));
	until(&nfailed, 2);
	for (i = 0; i < 6; i++)
		begin_on(i, 2 + i / 2);
}

Test(back_tcp, where_few_share_a_connection_suspects_are_as_others)
{
	unsigned int i;

	learn(10);
	for (i = 0; i < 20; i++) {
		cr_assert(begin_as(&mine[i], i % 2 == 0));
		cr_assert_eq(kernel.connects, 1 + i / 10);
	}
}

/* It has answered all: it was idle, or a restart. */
Test(back_tcp, an_end_without_questions_is_no_limit)
{
	unsigned int i;
	int fd = open_answered(&mine[0]);

	close(fd);
	turn();
	for (i = 0; i < 100; i++)
		begin_on(i, 2);
}

Test(back_tcp, who_finds_no_room_waits)
{
	unsigned int i;
	uint16_t id;
	int fds[COMMON];

	learn(1);
	for (i = 0; i < COMMON; i++)
		fds[i] = open_with(&mine[i], &id);
	begin_all(COMMON, COMMON + 3);
	end(&mine[COMMON]);
	cr_assert_eq(kernel.connects, COMMON);
	/* Its turn comes with a connection of its own, the first one first. */
	reply(fds[3], mine[3].t->id, 'A');
	until(&kernel.sends, COMMON + 2);
	cr_assert_eq(kernel.connects, COMMON + 1);
	cr_assert_eq(receive(accept_conn()), mine[COMMON + 1].t->id);
	assert_closed(fds[3]);
	/* Or when one has failed. */
	close(fds[0]);
	until(&kernel.sends, COMMON + 3);
	cr_assert_eq(receive(accept_conn()), mine[COMMON + 2].t->id);
}

/* Ten times as many as there may be at a time. */
Test(back_tcp, connections_come_and_go)
{
	unsigned int i;
	uint16_t id;

	learn(1);
	for (i = 0; i < 10 * COMMON; i++)
		assert_closed(open_answered(&mine[0]));
	for (i = 0; i < 10 * COMMON; i++) {
		close(open_with(&mine[0], &id));
		until(&nfailed, i + 2);
	}
	cr_assert_eq(kernel.connects, 20 * COMMON);
}

Test(back_tcp, so_many_wait_and_no_more)
{
	unsigned int i, n = COMMON + WAITING;

	learn(1);
	begin_all(0, n);
	for (i = 0; i < 10 * WAITING; i++) {
		cr_assert(!begin_as(&mine[n], false));
		end(&mine[n - 1]);
		begin(&mine[n - 1]);
	}
	/* That there are as many is no reason that any of them fails. */
	back_tcp_tick();
	cr_assert_eq(nfailed, 1);
	cr_assert_eq(kernel.connects, COMMON);
}

Test(back_tcp, who_waits_fails_where_there_is_no_way)
{
	unsigned int i;
	uint16_t id;
	int fds[COMMON];

	learn(1);
	for (i = 0; i < COMMON; i++)
		fds[i] = open_with(&mine[i], &id);
	begin_all(COMMON, COMMON + 2);
	kernel.connect = EPERM;
	reply(fds[0], mine[0].t->id, 'A');
	until(&nfailed, 3);
	cr_assert_eq(mine[COMMON].way, WAY_UNSENT);
	cr_assert_eq(mine[COMMON + 1].way, WAY_UNSENT);
}

/* All that were asked may be for slow names. */
Test(back_tcp, the_limit_is_forgotten_where_nothing_comes)
{
	unsigned int i;
	uint64_t start;

	learn(1);
	loop.now += STALL;
	start = loop.now;
	begin_all(0, COMMON + 100);
	at(start + STALL - 1);
	until(&kernel.sends, 1 + COMMON);
	at(start + STALL);
	until(&kernel.sends, 2 + COMMON);
	cr_assert_eq(kernel.connects, COMMON);
	begin(&mine[COMMON + 100]);
	cr_assert_eq(kernel.connects, COMMON);
	/* New ones have none either. */
	for (i = 0; i < COMMON; i++)
		close(accept_conn());
	until(&nfailed, 1 + COMMON + 101);
	begin_all(0, 100);
	cr_assert_eq(kernel.connects, COMMON + 1);
}

Test(back_tcp, the_limit_stays_while_answers_come)
{
	uint64_t start = loop.now;
	int fds[COMMON];
	unsigned int i;
	uint16_t id;

	learn(1);
	for (i = 0; i < COMMON; i++)
		fds[i] = open_with(&mine[i], &id);
	begin_all(COMMON, 2 * COMMON + 3);
	loop.now = start + STALL - 1;
	for (i = 0; i < COMMON; i++)
		reply(fds[i], mine[i].t->id, 'A');
	until(&kernel.sends, 1 + 2 * COMMON);
	at(start + STALL);
	/* The last three still wait. */
	event_base_loop(loop.base, EVLOOP_NONBLOCK);
	back_tcp_flush();
	cr_assert_eq(kernel.sends, 1 + 2 * COMMON);
	cr_assert_eq(kernel.connects, 2 * COMMON);
}

/* --- what hangs --- */

/* A question that is not answered, on a connection that has brought answers. */
static int
hang(struct mine *m)
{
	int fd = open_answered(m);

	begin(m);
	until(&kernel.sends, kernel.sends + 1);
	receive(fd);
	return (fd);
}

Test(back_tcp, a_connection_that_stalls_is_left)
{
	uint64_t start = loop.now;
	uint16_t id;
	int fd = hang(&mine[0]);

	at(start + STALL - 1);
	/* The oldest counts. */
	begin(&mine[1]);
	cr_assert_eq(mine[0].nleft, 0);
	at(start + STALL);
	cr_assert_eq(mine[0].nleft, 1);
	cr_assert_eq(mine[1].nleft, 1);
	at(start + 2 * STALL);
	cr_assert_eq(mine[0].nleft, 1);
	until(&kernel.sends, 3);
	receive(fd);
	/* Others go on another one, and its answers may still come. */
	open_with(&mine[2], &id);
	reply(fd, mine[0].t->id, 'A');
	reply(fd, mine[1].t->id, 'A');
	until(&narrived, 3);
	assert_closed(fd);
	cr_assert_eq(nfailed, 0);
}

Test(back_tcp, an_answer_is_a_sign_of_life_and_octets_are_none)
{
	static const uint8_t half[] = { 0, 3, 1 };
	uint64_t start = loop.now;
	int fd = hang(&mine[0]);

	begin(&mine[1]);
	until(&kernel.sends, 3);
	loop.now = start + STALL - 1;
	reply(fd, receive(fd), 'A');
	until(&narrived, 2);
	at(start + 2 * STALL - 2);
	put(fd, half, sizeof(half));
	turn();
	cr_assert_eq(mine[0].nleft, 0);
	at(start + 2 * STALL - 1);
	cr_assert_eq(mine[0].nleft, 1);
}

Test(back_tcp, what_was_left_fails_as_that)
{
	int fd = hang(&mine[0]);

	at(loop.now + STALL);
	close(fd);
	until(&nfailed, 1);
	cr_assert_eq(mine[0].way, WAY_LEFT);
	cr_assert_eq(nsilent, 0);
}

/* Nor is it known whether it ever answers. */
Test(back_tcp, the_first_question_has_the_whole_time)
{
	uint64_t start = loop.now;
	uint16_t id;

	open_with(&mine[0], &id);
	at(start + TIMEOUT - 1);
	cr_assert_eq(mine[0].nleft + mine[0].nfailed, 0);
	at(start + TIMEOUT);
	cr_assert_eq(mine[0].nfailed, 1);
	cr_assert_eq(mine[0].way, WAY_SENT);
	cr_assert_eq(nsilent, 1);
}

Test(back_tcp, it_hangs_though_all_have_given_up)
{
	uint64_t start = loop.now;
	uint16_t id;
	int fd;

	/* Idle is what has had nothing to do for a while. */
	settings.timeout = IDLE / 2;
	fd = open_with(&mine[0], &id);
	end(&mine[0]);
	cr_assert(at(start + IDLE / 2 - 1));
	cr_assert(!at(start + IDLE / 2));
	cr_assert_eq(nsilent, 1);
	assert_closed(fd);
}

/* As above, but another one has brought an answer: no limit is learned. */
static int
hang_alone(struct mine *m)
{
	struct mine *suspect = &mine[MAX - 1];
	unsigned int before = narrived;
	uint16_t id;
	int other, fd = open_with(m, &id);

	loop.now++;
	cr_assert(begin_as(suspect, true));
	until(&kernel.sends, kernel.sends + 1);
	other = accept_conn();
	reply(other, receive(other), 'A');
	until(&narrived, before + 1);
	return (fd);
}

/* --- thousands on one connection, which have their time in a turn (D21) --- */

#define MANY		1000U
#define PIECES		20U	/* of work in a turn */

/* Many on a connection that hangs. */
static int
hang_many(void)
{
	int fd = hang(&mine[0]);

	begin_all(1, MANY);
	back_tcp_flush();
	pieces = pieces_left = PIECES;
	return (fd);
}

static unsigned int
how_many_are_left(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < MANY; i++) {
		cr_assert_leq(mine[i].nleft, 1);
		n += mine[i].nleft;
	}
	return (n);
}

/* All fail once, whoever ends meanwhile. */
static void
assert_all_fail(enum way way)
{
	unsigned int i, turns;

	for (turns = 0; nfailed < MANY - 1; turns++) {
		turn();
		cr_assert_leq(nfailed, (turns + 1) * PIECES * 8);
		if (turns == 1)
			for (i = 0; mine[i].t == NULL; i++)
				;
		if (turns == 1)
			end(&mine[i]);
	}
	cr_assert_geq(turns, 10);
	for (i = 0, turns = 0; i < MANY; i++) {
		cr_assert_null(mine[i].t);
		cr_assert_leq(mine[i].nfailed, 1);
		turns += mine[i].nfailed;
		cr_assert(mine[i].nfailed == 0 || mine[i].way == way);
	}
	cr_assert_eq(turns, MANY - 1);
	pieces = UINT_MAX;
	open_answered(&mine[0]);
}

Test(back_tcp, many_fail_in_turns)
{
	close(hang_many());
	assert_all_fail(WAY_ANSWERED);
}

Test(back_tcp, many_are_left_in_turns)
{
	unsigned int n, before = 0;
	int fd = hang_many();

	for (at(loop.now + STALL); (n = how_many_are_left()) < MANY; before = n) {
		cr_assert_gt(n, before);
		cr_assert_leq(n, before + PIECES * 8);
		turn();
	}
	/* What comes then comes to who waits still. */
	reply(fd, mine[MANY - 1].t->id, 'A');
	until(&narrived, 2);
	cr_assert_eq(nfailed, 0);
}

Test(back_tcp, many_fail_while_they_are_left)
{
	int fd = hang_many();

	at(loop.now + STALL);
	turn();
	cr_assert_lt(how_many_are_left(), MANY);
	close(fd);
	assert_all_fail(WAY_LEFT);
}

Test(back_tcp, all_end_while_they_are_left)
{
	uint8_t questions[SIZE];
	unsigned int i;
	int fd = hang_many();

	at(loop.now + STALL);
	for (i = 0; i < MANY; i++)
		end(&mine[i]);
	/* The first that it reads then is its end. */
	reply(fd, 1, 'A');
	turn();
	back_tcp_tick();
	while (__real_recv(fd, questions, sizeof(questions), 0) > 0)
		;
	close(fd);
	pieces = pieces_left = UINT_MAX;
	open_answered(&mine[0]);
	cr_assert_eq(nfailed, 0);
}

Test(back_tcp, so_many_are_left_at_a_time)
{
	unsigned int i;

	for (i = 0; i <= LEFT; i++) {
		hang_alone(&mine[i]);
		at(loop.now + STALL);
		cr_assert_eq(mine[i].nleft, i < LEFT, "%u", i);
	}
	end(&mine[0]);
	back_tcp_tick();
	back_tcp_tick();
	cr_assert_eq(mine[LEFT].nleft, 1);
}

Test(back_tcp, what_was_left_makes_room_again)
{
	unsigned int i;
	int fd;

	for (i = 0; i < 10 * LEFT; i++) {
		fd = hang_alone(&mine[i]);
		at(loop.now + STALL);
		cr_assert_eq(mine[i].nleft, 1);
		if (i % 2 == 0) {
			end(&mine[i]);
			back_tcp_tick();
			assert_closed(fd);
		} else {
			close(fd);
			until(&nfailed, i / 2 + 1);
		}
	}
}

Test(back_tcp, an_idle_connection_is_closed_in_the_end)
{
	uint64_t start = loop.now;
	int fd = open_answered(&mine[0]);

	loop.now = start + IDLE - 1;
	ask(fd, &mine[0]);
	cr_assert(at(start + IDLE));
	/* That nothing comes is no sign, where nothing was asked. */
	cr_assert(at(start + IDLE + STALL));
	cr_assert(at(start + 2 * IDLE - 2));
	cr_assert(!at(start + 2 * IDLE - 1));
	assert_closed(fd);
	open_answered(&mine[0]);
}

/* --- what may break connections --- */

Test(back_tcp, suspects_are_on_three_of_their_own)
{
	unsigned int i;

	begin(&mine[0]);
	for (i = 1; i <= 100; i++)
		cr_assert(begin_as(&mine[i], true));
	cr_assert_eq(kernel.connects, 4);
	begin_on(101, 4);
	for (i = 0; i <= 101; i++)
		end(&mine[i]);
	/* Those are closed sooner. */
	cr_assert(at(loop.now + CLOCK_SECOND));
	cr_assert(begin_as(&mine[0], true));
	cr_assert_eq(kernel.connects, 5);
}

Test(back_tcp, a_suspect_is_no_sign_of_silence)
{
	unsigned int i;

	for (i = 0; i < 10; i++) {
		cr_assert(begin_as(&mine[0], true));
		until(&kernel.sends, i + 1);
		close(accept_conn());
		until(&nfailed, i + 1);
	}
	cr_assert_eq(nsilent, 0);
}

Test(back_tcp, while_answers_come_an_end_is_no_sign_of_silence)
{
	uint64_t start;
	uint16_t id;
	int fd;

	fd = open_answered(&mine[0]);
	start = loop.now;
	close(fd);
	turn();
	loop.now = start + STALL - 1;
	close(open_with(&mine[0], &id));
	until(&nfailed, 1);
	cr_assert_eq(nsilent, 0);
	loop.now = start + STALL;
	close(open_with(&mine[0], &id));
	until(&nfailed, 2);
	cr_assert_eq(nsilent, 1);
}
