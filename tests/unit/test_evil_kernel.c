/*
 * An evil keeper on the real helper's channel, and the real kernel (P7):
 * structured and random records.  What the ordinary tools list then is judged: no
 * element of ours is outside the limits, and nothing else has changed.
 * DNSFW_EVIL_KERNEL has another number of records for each backend.
 */
#include "evil_kernel.h"

#define EVIL_DEFAULT	8000
#define LOOKS		4	/* at the listings, or more: */
#define LOOK_PERIOD	20000	/* records, at most, between two of them */

/* What came back, and what was sent. */
static struct {
	unsigned long	records, orders, ended, refused, done, failed, seen;
	unsigned long	by_type[ORDER_COMMIT + 1];
} sum;

/* What order.h says of a record of the keeper. */
static enum order_err
expected(const uint8_t *record, size_t len)
{
	const uint8_t type = record[0];
	const size_t size = type >= ORDER_ADD && type <= ORDER_FLOW ?
	    order_size(type) : 0;
	const size_t most = type == ORDER_READ || type == ORDER_MAKE ? 1 :
	    ORDER_BATCH_MAX;
	union order o;
	enum order_err err;
	size_t i;

	if (size == 0)
		return (ORDER_ETYPE);
	if (len % size != 0 || len / size > most)
		return (ORDER_ESIZE);
	for (i = 0; i < len / size; i++) {
		if (record[i * size] != type)
			return (ORDER_ETYPE);
		err = order_decode(record + i * size, size, &o);
		if (err != ORDER_OK)
			return (err);
	}
	return (ORDER_OK);
}

/* The kernel's answers on one of the shared sockets. */
static void
hear_kernel(int fd)
{
	static char in[1 << 16] __attribute__((aligned(8)));
	const struct nlmsghdr *m;
	ssize_t n;
	size_t at;

	while ((n = recv(fd, in, sizeof(in), MSG_DONTWAIT)) > 0 ||
	    (n == -1 && errno == ENOBUFS)) {
		for (at = 0; n > 0 && at + sizeof(*m) <= (size_t)n;
		    at += NLMSG_ALIGN(m->nlmsg_len)) {
			m = (const struct nlmsghdr *)(void *)(in + at);
			cr_assert_geq(m->nlmsg_len, sizeof(*m));
			if (m->nlmsg_type != NLMSG_ERROR)
				continue;
			if (((const struct nlmsgerr *)(m + 1))->error == 0)
				sum.done++;
			else
				sum.failed++;
		}
	}
}

/* All that has come back so far. */
static void
hear(void)
{
	struct order_refused r[ORDER_BATCH_MAX];
	ssize_t n;

	hear_kernel(rig.act);
	hear_kernel(rig.list);
	hear_kernel(rig.flows);
	while ((n = recv(rig.keeper, r, sizeof(r), MSG_DONTWAIT)) > 0) {
		cr_assert_eq(r[0].type, ORDER_REFUSED);
		cr_assert_eq(n % (ssize_t)sizeof(r[0]), 0);
		sum.refused += (unsigned long)n / sizeof(r[0]);
	}
}

/* To the helper, which may wait for us to read. */
static void
tell(const uint8_t *record, size_t len)
{
	struct pollfd p = { .fd = rig.keeper, .events = POLLIN | POLLOUT };

	while (send(rig.keeper, record, len, MSG_NOSIGNAL) == -1) {
		cr_assert(errno == EAGAIN, "%s", strerror(errno));
		cr_assert_gt(poll(&p, 1, 10000), 0, "the helper stands still");
		hear();
	}
	sum.records++;
	sum.by_type[record[0] <= ORDER_COMMIT ? record[0] : 0]++;
}

/* All before has been obeyed: this is refused by every helper. */
static void
wait_until_done(void)
{
	const struct order_make m = { .type = ORDER_MAKE, .what = 255,
	    .seq = 0xffffffff };
	struct pollfd p = { .fd = rig.keeper, .events = POLLIN };
	struct order_refused r[ORDER_BATCH_MAX];
	ssize_t i, n;

	tell((const uint8_t *)&m, sizeof(m));
	for (;;) {
		cr_assert_eq(poll(&p, 1, 10000), 1, "no answer");
		n = recv(rig.keeper, r, sizeof(r), 0);
		cr_assert_gt(n, 0, "the helper is gone");
		for (i = 0; i < n / (ssize_t)sizeof(r[0]); i++, sum.refused++) {
			if (r[i].seq == m.seq)
				return;
		}
	}
}

static void
judge(const struct element *e)
{
	sum.seen++;
	cr_assert(evil_allows(e->len, e->local ? NULL : e->client.bytes,
	    e->proto, e->port, e->dst.bytes), "in the kernel: %s", e->text);
}

/* A record that it must not survive: another one takes its place. */
static void
tell_bad(const uint8_t *record, size_t len, enum order_err err)
{
	wait_until_done();
	tell(record, len);
	evil_end(ORDER_END_RECORD, err);
	evil_start();
	rig_commit(&rig, evil_bounds, EVIL_BOUNDS);
	sum.ended++;
}

/* The operator takes the rules away that the keeper had made again and again. */
static void
tidy_up(void)
{
	if (is_ipset)
		return;
	run("nft 'flush chain inet filter dns; "
	    "add rule inet filter dns counter drop'");
	free(nft_theirs);
	nft_theirs = nft_not_ours();
}

static void
evil(const struct stamps_wish *wish)
{
	static uint8_t record[ORDER_SIZE_MAX];
	const char *text = getenv("DNSFW_EVIL_KERNEL");
	const unsigned long n = text == NULL ? EVIL_DEFAULT :
	    strtoul(text, NULL, 10);
	/* To start one takes the time of some hundred records. */
	const uint32_t rarely = (uint32_t)(n / 50) + 1;
	const unsigned long period = n / LOOKS < LOOK_PERIOD ? n / LOOKS :
	    LOOK_PERIOD;
	unsigned long i;
	enum order_err err;
	size_t len;

	evil_set_up(wish);
	while (sum.records < n) {
		for (i = 0; i < period; i++) {
			len = any_record(record);
			err = expected(record, len);
			if (err != ORDER_OK && roll(rarely) == 0)
				tell_bad(record, len, err);
			if (err == ORDER_OK) {
				tell(record, len);
				sum.orders += len / order_size(record[0]);
			}
			if (i % 64 == 0)
				hear();
		}
		wait_until_done();
		hear();
		(void)judge_elements(judge);
		judge_frames();
		tidy_up();
	}
	printf("# %s: %lu records, %lu orders: %lu refused; kernel: %lu done, "
	    "%lu errors; %lu helpers ended; %lu elements seen\n",
	    is_ipset ? "ipset" : "nft", sum.records, sum.orders, sum.refused,
	    sum.done, sum.failed, sum.ended, sum.seen);
	printf("# ADD %lu DEL %lu TEST %lu READ %lu MAKE %lu FLOW %lu\n",
	    sum.by_type[ORDER_ADD], sum.by_type[ORDER_DEL],
	    sum.by_type[ORDER_TEST], sum.by_type[ORDER_READ],
	    sum.by_type[ORDER_MAKE], sum.by_type[ORDER_FLOW]);
	cr_assert(sum.refused > n / 5 && sum.done > n / 10 && sum.seen > 100 &&
	    sum.ended > 5);
}

Test(evil_kernel, P7_nft, .timeout = 0)
{
	evil(&nft_wish);
}

Test(evil_kernel, P7_ipset, .timeout = 0)
{
	evil(&ipset_wish);
}
