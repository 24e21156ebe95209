/*
 * Listings in steps: bounded, broken, changed, dropped, silent.
 */
#include "kernel_rig.h"

#include "keep/kernel/ask.h"
#include "keep/kernel/list.h"
#include "keep/kernel/patience.h"

#define TYPE	10	/* of a message, whatever it means */

static size_t taken;
static struct list l;

static void
set_up(void)
{
	rig_on();
	rig_ready();
	ask_open();
}

TestSuite(list, .init = set_up);

static void
take(const struct nlmsghdr *nlh, void *arg)
{
	cr_expect_eq(arg, &taken);
	cr_expect_eq(nlh->nlmsg_type, 10 << 8 | TYPE);
	taken++;
}

/* A datagram of n messages of the listing with that seq. */
static void
put_part(int fd, uint32_t seq, size_t n, uint16_t flags)
{
	static uint8_t buf[32768] __attribute__((aligned(8)));
	struct nlmsghdr *nlh;
	size_t len = 0;

	while (n-- > 0) {
		nlh = rig_message(buf + len, fd, seq, 10, TYPE);
		nlh->nlmsg_flags |= flags;
		len += nlh->nlmsg_len;
	}
	rig_put(fd, buf, len);
}

static enum list_step
step(unsigned int datagrams)
{
	return (list_step(&l, datagrams, take, &taken));
}

static void
begin(enum stamps_id what)
{
	cr_assert_eq(list_begin(&l, what, 1, NULL), 0);
}

Test(list, asks_as_it_is_told)
{
	const struct order_read *r;

	begin(STAMP_ENTRIES);
	r = (const void *)rig_last()->bytes;
	cr_expect_eq(r->what, STAMP_ENTRIES);
	cr_expect_eq(r->sub, 1);
	cr_expect_eq(r->seq, l.seq);
	cr_expect_eq(l.fd, KEEP_FD_LIST);
	list_drop(&l);
	begin(STAMP_FLOWS);
	cr_expect_eq(l.fd, KEEP_FD_FLOWS);
}

Test(list, steps_of_so_many_datagrams)
{
	size_t i;

	begin(STAMP_ENTRIES);
	for (i = 0; i < 5; i++)
		put_part(l.fd, l.seq, 3, 0);
	rig_done(l.fd, l.seq, 0);
	cr_expect_eq(step(2), LIST_MORE);
	cr_expect_eq(taken, 6);
	cr_expect_not(l.idle);
	cr_expect_eq(step(3), LIST_MORE);
	cr_expect_eq(taken, 15);
	cr_expect_eq(step(1), LIST_END);
	cr_expect_eq(step(1), LIST_BROKEN, "it was over");
	begin(STAMP_ENTRIES);
	cr_expect_eq(step(1), LIST_MORE);
	cr_expect(l.idle);
}

/* What is no dump ends with an acknowledgement. */
Test(list, single_message)
{
	begin(STAMP_CHAIN);
	put_part(l.fd, l.seq, 1, 0);
	rig_answer(l.fd, l.seq, 0);
	cr_expect_eq(step(9), LIST_END);
	cr_expect_eq(taken, 1);
}

Test(list, nothing_of_others)
{
	begin(STAMP_ENTRIES);
	put_part(l.fd, l.seq - 1, 1, NLM_F_DUMP_INTR);
	put_part(KEEP_FD_FLOWS, l.seq, 1, 0);
	rig_answer_from(l.fd, 1, l.seq, EPERM, rig.now);
	rig_answer(l.fd, l.seq + 1, EPERM);
	rig_done(l.fd, l.seq, 0);
	cr_expect_eq(step(9), LIST_END);
	cr_expect_eq(taken, 0);
}

Test(list, changed_meanwhile)
{
	begin(STAMP_ENTRIES);
	put_part(l.fd, l.seq, 1, NLM_F_DUMP_INTR);
	put_part(l.fd, l.seq, 1, 0);
	rig_done(l.fd, l.seq, 0);
	cr_expect_eq(step(9), LIST_CHANGED);
	begin(STAMP_ENTRIES);
	rig_done(l.fd, l.seq, EINTR);
	cr_expect_eq(step(9), LIST_CHANGED);
	begin(STAMP_ENTRIES);
	put_part(l.fd, l.seq, 1, 0);
	rig_done(l.fd, l.seq, 0);
	cr_expect_eq(step(9), LIST_END, "that was of before");
}

Test(list, not_there)
{
	begin(STAMP_ENTRIES);
	rig_done(l.fd, l.seq, ENOENT);
	cr_expect_eq(step(9), LIST_NONE);
	begin(STAMP_CHAIN);
	rig_answer(l.fd, l.seq, ENOENT);
	cr_expect_eq(step(9), LIST_NONE);
}

Test(list, broken_is_neither_empty_nor_not_there)
{
	begin(STAMP_ENTRIES);
	rig_answer(l.fd, l.seq, EPERM);
	cr_expect_eq(step(9), LIST_BROKEN);
	cr_expect_eq(l.error, EPERM);
	begin(STAMP_ENTRIES);
	put_part(l.fd, l.seq, 1, 0);
	rig_done(l.fd, l.seq, EBUSY);
	cr_expect_eq(step(9), LIST_BROKEN);
	begin(STAMP_ENTRIES);
	put_part(l.fd, l.seq, 1, 0);
	rig_fail(l.fd, ENOBUFS);
	rig_done(l.fd, l.seq, 0);
	cr_expect_eq(step(9), LIST_BROKEN);
	cr_expect_eq(l.error, ENOBUFS);
	begin(STAMP_ENTRIES);
	rig_refuse(l.seq, ORDER_NO_STAMP);
	cr_expect_eq(step(9), LIST_BROKEN);
	begin(STAMP_ENTRIES);
}

/* A datagram that was cut: the rest is read before the next listing. */
Test(list, oversized)
{
	static uint8_t large[40000];

	begin(STAMP_ENTRIES);
	rig_put(l.fd, large, sizeof(large));
	cr_expect_eq(step(9), LIST_BROKEN);
	cr_expect_eq(list_begin(&l, STAMP_ENTRIES, 0, NULL), -1);
	rig_done(KEEP_FD_LIST, 2, 0);
	begin(STAMP_ENTRIES);
}

Test(list, silence_has_an_end)
{
	uint32_t seq;

	begin(STAMP_ENTRIES);
	seq = l.seq;
	rig.now += LIST_WAIT - 1;
	cr_expect_eq(step(9), LIST_MORE);
	put_part(l.fd, seq, 1, 0);
	cr_expect_eq(step(9), LIST_MORE);
	rig.now += LIST_WAIT - 1;
	cr_expect_eq(step(9), LIST_MORE, "it was not silent");
	rig.now += 1;
	cr_expect_eq(step(9), LIST_BROKEN);
	cr_expect_eq(l.error, ETIMEDOUT);
	/* The kernel would refuse a second one. */
	rig.nsent = 0;
	cr_expect_eq(list_begin(&l, STAMP_ENTRIES, 0, NULL), -1);
	cr_expect_eq(rig.nsent, 0);
	put_part(KEEP_FD_LIST, seq, 1, 0);
	rig_done(KEEP_FD_LIST, seq, 0);
	begin(STAMP_ENTRIES);
	cr_expect_eq(step(9), LIST_MORE);
	cr_expect_eq(taken, 1);
}

/* One that somebody reads is not taken from him. */
Test(list, second_on_the_same_socket)
{
	struct list other;

	begin(STAMP_ENTRIES);
	put_part(l.fd, l.seq, 2, 0);
	rig_done(l.fd, l.seq, 0);
	cr_expect_eq(list_begin(&other, STAMP_CHAIN, 0, NULL), -1);
	cr_expect_eq(list_whole(STAMP_CHAIN, 0, NULL, take, &taken),
	    LIST_BROKEN);
	cr_expect_eq(errno, EBUSY);
	cr_expect_eq(list_begin(&other, STAMP_FLOWS, 0, NULL), 0,
	    "connections have a socket for themselves");
	cr_expect_eq(step(9), LIST_END);
	cr_expect_eq(taken, 2);
}

Test(list, dropped_is_read_on)
{
	uint32_t seq;
	size_t i;

	begin(STAMP_ENTRIES);
	seq = l.seq;
	for (i = 0; i < 30; i++)
		put_part(KEEP_FD_LIST, seq, 1, 0);
	rig_done(KEEP_FD_LIST, seq, 0);
	list_drop(&l);
	cr_expect_eq(list_begin(&l, STAMP_ENTRIES, 0, NULL), -1,
	    "only so much of it in one go");
	begin(STAMP_ENTRIES);
	cr_expect_eq(taken, 0);
	list_drop(&l);
	list_drop(&l);
}

/* One that has ended is nobody's, whoever drops it: the next one goes on. */
Test(list, an_old_one_is_dropped_beside_a_new_one)
{
	struct list old;

	begin(STAMP_ENTRIES);
	old = l;
	rig_done(KEEP_FD_LIST, l.seq, 0);
	cr_expect_eq(list_step(&l, 10, take, &taken), LIST_END);
	begin(STAMP_ENTRIES);
	list_drop(&old);
	put_part(KEEP_FD_LIST, l.seq, 1, 0);
	/* Who wants another one has to wait, and takes nothing of it. */
	cr_expect_eq(list_begin(&old, STAMP_ENTRIES, 0, NULL), -1);
	rig_done(KEEP_FD_LIST, l.seq, 0);
	cr_expect_eq(list_step(&l, 10, take, &taken), LIST_END);
	cr_expect_eq(taken, 1);
}

static void
answer_chain(const struct order_read *r)
{
	rig_answer(KEEP_FD_LIST, r->seq, 0);
}

Test(list, whole_after_a_dropped_one)
{
	uint32_t seq;
	size_t i;

	begin(STAMP_ENTRIES);
	seq = l.seq;
	list_drop(&l);
	for (i = 0; i < 100; i++)
		put_part(KEEP_FD_LIST, seq, 1, 0);
	rig_done(KEEP_FD_LIST, seq, 0);
	rig.on_read = answer_chain;
	cr_expect_eq(list_whole(STAMP_CHAIN, 0, NULL, take, &taken), LIST_END);
	cr_expect_eq(taken, 0);
}

static void
answer_late(const struct order_read *r)
{
	rig.delay = LIST_WAIT - RIG_MS;
	put_part(KEEP_FD_LIST, r->seq, 1, 0);
	rig_answer(KEEP_FD_LIST, r->seq, 0);
}

Test(list, whole_waits)
{
	rig.on_read = answer_late;
	cr_expect_eq(list_whole(STAMP_CHAIN, 0, NULL, take, &taken), LIST_END);
	cr_expect_eq(taken, 1);
}

Test(list, whole_of_nobody)
{
	uint64_t begin = rig.now;

	rig.silent = true;
	cr_expect_eq(list_whole(STAMP_CHAIN, 0, NULL, take, &taken),
	    LIST_BROKEN);
	cr_expect_eq(errno, ETIMEDOUT);
	cr_expect_geq(rig.now - begin, LIST_WAIT);
	cr_expect_leq(rig.now - begin, LIST_WAIT + 2 * RIG_MS);
	/* Nobody waits in vain again. */
	begin = rig.now;
	cr_expect_eq(list_whole(STAMP_CHAIN, 0, NULL, take, &taken),
	    LIST_BROKEN);
	cr_expect_eq(rig.now, begin);
	cr_expect_eq(errno, ETIMEDOUT, "the reason is the same: %d", errno);
}

static unsigned int heeded;

static void
heed(void)
{
	heeded++;
}

static void
answer_very_late(const struct order_read *r)
{
	uint64_t at = rig.now;

	rig.now += PATIENCE_START - 2 * RIG_MS;
	put_part(KEEP_FD_LIST, r->seq, 1, 0);
	rig.now = at;
	rig.delay = PATIENCE_START - RIG_MS;
	rig_answer(KEEP_FD_LIST, r->seq, 0);
}

/* At the start; and others are heard meanwhile. */
Test(list, P4_whole_with_patience)
{
	uint64_t begin;

	rig.on_read = answer_very_late;
	patience_begin(heed);
	cr_expect_eq(list_whole(STAMP_CHAIN, 0, NULL, take, &taken), LIST_END);
	cr_expect_eq(taken, 1);
	cr_expect_geq(heeded, PATIENCE_START / (100 * RIG_MS) - 1);
	patience_end();
	begin = rig.now;
	cr_expect_eq(list_whole(STAMP_CHAIN, 0, NULL, take, &taken),
	    LIST_BROKEN);
	cr_expect_leq(rig.now - begin, LIST_WAIT + 2 * RIG_MS);
}

static void
end_helper(const struct order_read *r)
{
	(void)r;
	rig_put_at(KEEP_FD_HELPER, NULL, 0, 0, rig.now + RIG_MS);
}

/* Then there is nobody to have patience with. */
Test(list, P4_whole_of_a_helper_that_ends)
{
	uint64_t begin = rig.now;

	rig.on_read = end_helper;
	patience_begin(heed);
	cr_expect_eq(list_whole(STAMP_CHAIN, 0, NULL, take, &taken),
	    LIST_BROKEN);
	cr_expect_eq(errno, EPIPE);
	cr_expect_leq(rig.now - begin, 10 * RIG_MS);
	patience_end();
}

static void
refuse_read(const struct order_read *r)
{
	rig_refuse(r->seq, ORDER_NO_STAMP);
}

Test(list, whole_that_is_refused)
{
	rig.on_read = refuse_read;
	cr_expect_eq(list_whole(STAMP_FLOWS, 0, NULL, take, &taken),
	    LIST_BROKEN);
	cr_expect_eq(rig.now, CLOCK_SECOND);
}
