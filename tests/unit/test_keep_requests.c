/*
 * What a worker may ask, and what comes of it, against a kernel that refuses, is
 * full, or does not answer (G1, G2, G7, G13, G15, P5, P7).
 */
#include "keep_rig.h"

#include <unistd.h>

#include "keep/asked.h"
#include "choice.h"
#include "keep/counts.h"
#include "keep/hits.h"
#include "keep/hosts.h"
#include "keep/machines.h"
#include "keep/refusals.h"
#include "keep/repair.h"
#include "keep/requests.h"
#include "keep/seen.h"
#include "keep/tokens.h"
#include "never.h"

static void
set_up(void)
{
	hash_init();
	never_fill(&rig_limits);
	rig.chains = BOTH;
	children_nworkers = rig_conf.nworkers;
	repair_start(&rig_backend, rig_conf.max_grants);
	tokens_open(rig_conf.nworkers, 1000, 1000);
	refusals_open(rig_conf.nworkers);
	asked_open(rig_conf.nworkers);
	hits_open();
	hits_list(1);
	rig.adds = rig.removes = 0;
}

TestSuite(keep_requests, .init = set_up, .timeout = 30);

/* A record of n grants. */
static void
say(const struct msg_grant *grants, size_t n)
{
	cr_assert_leq(n, MSG_BATCH_MAX);
	memcpy(rig_in[rig_nin], grants, n * sizeof(*grants));
	rig_in_len[rig_nin++] = n * sizeof(*grants);
}

/* Result number i of what was told last. */
static struct msg_result
result(size_t i)
{
	struct msg_result r;
	size_t k;

	for (k = 0; i >= rig_out_len[k] / sizeof(r); k++)
		i -= rig_out_len[k] / sizeof(r);
	cr_assert_lt(k, rig_nout);
	cr_assert_eq(msg_result_decode(rig_out[k] + i * sizeof(r), sizeof(r),
	    &r), MSG_OK);
	return (r);
}

static enum msg_result_code
ask(const struct msg_grant *g)
{
	rig_nout = 0;
	say(g, 1);
	requests_serve(0);
	cr_assert_eq(rig_nout, 1);
	cr_assert_eq(result(0).seq, g->seq);
	cr_assert_eq(result(0).expiry != 0, result(0).code == RESULT_OK);
	return ((enum msg_result_code)result(0).code);
}

static struct ledger_entry *
entry_of(const struct msg_grant *g)
{
	return (ledger_find(firewall.ledger, g));
}

static struct msg_grant
named(unsigned int i, const char *label, uint32_t ttl)
{
	struct msg_grant g = rig_grant(i);

	memset(g.label, 0, sizeof(g.label));
	strcpy(g.label, label);
	g.ttl = ttl;
	return (g);
}

Test(keep_requests, G1_it_is_granted_when_the_kernel_has_it)
{
	struct msg_grant g = rig_grant(0);

	cr_assert_eq(ask(&g), RESULT_OK);
	cr_assert_eq(result(0).expiry, rig_now + 315 * CLOCK_SECOND);
	cr_assert_not_null(rig_find(&g));
	cr_assert(ledger_is_sure(firewall.ledger, entry_of(&g)));
	/* Until it ends, the worker need not ask. */
	rig_now += 7 * CLOCK_SECOND;
	cr_assert_eq(ask(&g), RESULT_OK);
	cr_assert_eq(result(0).expiry, rig_now + 308 * CLOCK_SECOND);
	rig_now -= 7 * CLOCK_SECOND;
	/* G7: for the length of the grace, nothing is asked of the kernel. */
	rig_now += 15 * CLOCK_SECOND;
	cr_assert_eq(ask(&g), RESULT_OK);
	cr_assert_eq(rig.adds, 1);
	rig_now++;
	cr_assert_eq(ask(&g), RESULT_OK);
	cr_assert_eq(rig.adds, 2);
	/* G2: a shorter answer shortens nothing. */
	g.ttl = 10;
	cr_assert_eq(ask(&g), RESULT_OK);
	cr_assert_eq(rig.adds, 2);
	cr_assert_eq(entry_of(&g)->expiry, rig_now + 315 * CLOCK_SECOND);
}

Test(keep_requests, G13_what_is_not_sure_is_asked_of_the_kernel)
{
	struct msg_grant g = rig_grant(0);

	cr_assert_eq(ask(&g), RESULT_OK);
	ledger_doubt(firewall.ledger);
	g.ttl = 10;
	cr_assert_eq(ask(&g), RESULT_OK);
	cr_assert_eq(rig.adds, 2);
	/* With the time and the name that it has. */
	cr_assert_eq(rig_find(&g)->end, rig_now + 315 * CLOCK_SECOND);
	cr_assert(ledger_is_sure(firewall.ledger, entry_of(&g)));
}

/* Item c: in any order, an answer that is not there is no answer. */
Test(keep_requests, G13_no_answer_is_neither_yes_nor_no)
{
	struct msg_grant g = rig_grant(0);

	rig.fail = rig_all_alike;
	rig_code = BACKEND_UNKNOWN;
	cr_assert_eq(ask(&g), RESULT_FAILED);
	cr_assert_not_null(entry_of(&g));
	cr_assert_not(ledger_is_sure(firewall.ledger, entry_of(&g)));
	cr_assert_geq(repair_wait(), 0);
	rig_code = BACKEND_OK;
	cr_assert_eq(ask(&g), RESULT_OK);
	cr_assert(ledger_is_sure(firewall.ledger, entry_of(&g)));
}

/* It may have got its longer time: that is what is wished for, then. */
Test(keep_requests, G13_no_answer_to_a_longer_one)
{
	struct msg_grant g = named(0, "a.example", 100);

	cr_assert_eq(ask(&g), RESULT_OK);
	rig.fail = rig_all_alike;
	rig_code = BACKEND_UNKNOWN;
	g.ttl = 500;
	cr_assert_eq(ask(&g), RESULT_FAILED);
	cr_assert_eq(entry_of(&g)->expiry, rig_now + 515 * CLOCK_SECOND);
	cr_assert_not(ledger_is_sure(firewall.ledger, entry_of(&g)));
}

/* What the kernel does not take although it was there: more may be missing. */
Test(keep_requests, G13_a_longer_one_that_fails_is_compared)
{
	struct msg_grant g = named(0, "a.example", 100);

	rig.fail = rig_all_alike;
	rig_code = BACKEND_FAILED;
	cr_assert_eq(ask(&g), RESULT_FAILED);
	cr_assert_eq(repair_wait(), -1, "a new one says nothing");
	rig_code = BACKEND_OK;
	cr_assert_eq(ask(&g), RESULT_OK);
	rig_code = BACKEND_FAILED;
	g.ttl = 500;
	cr_assert_eq(ask(&g), RESULT_FAILED);
	cr_assert_geq(repair_wait(), 0);
	cr_assert_not(ledger_is_sure(firewall.ledger, entry_of(&g)));
	cr_assert_eq(entry_of(&g)->expiry, rig_now + 115 * CLOCK_SECOND);
}

/* What lives longer than is allowed by now gets what is allowed. */
Test(keep_requests, P7_one_that_was_taken_over_and_is_too_long)
{
	struct msg_grant g = named(0, "a.example", 100);

	(void)ledger_put(firewall.ledger, &g, rig_now + 9000 * CLOCK_SECOND,
	    rig_now, 0);
	cr_assert_eq(ask(&g), RESULT_OK);
	cr_assert_eq(rig_find(&g)->end, rig_now + 3600 * CLOCK_SECOND);
}

/* A turn has room for two of the largest records. */
Test(keep_requests, F5_two_full_records_in_a_turn)
{
	struct msg_grant g[3 * MSG_BATCH_MAX];
	size_t i;

	for (i = 0; i < 3 * MSG_BATCH_MAX; i++)
		g[i] = rig_grant((unsigned int)i);
	for (i = 0; i < 3; i++)
		say(g + i * MSG_BATCH_MAX, MSG_BATCH_MAX);
	requests_serve(0);
	cr_assert_eq(rig_nin, 1);
	cr_assert_eq(rig_count(), 2 * MSG_BATCH_MAX);
}

Test(keep_requests, what_the_kernel_refuses_was_promised_to_nobody)
{
	static const enum backend_code codes[] = { BACKEND_FULL,
	    BACKEND_FAILED };
	static const enum msg_result_code results[] = { RESULT_FULL,
	    RESULT_FAILED };
	struct msg_grant g = rig_grant(0), old = rig_grant(1);
	uint64_t expiry;
	size_t i;

	cr_assert_eq(ask(&old), RESULT_OK);
	expiry = entry_of(&old)->expiry;
	old.ttl = 600;
	rig.fail = rig_all_alike;
	for (i = 0; i < 2; i++) {
		rig_code = codes[i];
		cr_assert_eq(ask(&g), results[i]);
		cr_assert_null(entry_of(&g));
		cr_assert_eq(ask(&old), results[i]);
		cr_assert_eq(entry_of(&old)->expiry, expiry);
		/* That there is no room says nothing of what is there. */
		cr_assert_eq(ledger_is_sure(firewall.ledger, entry_of(&old)),
		    codes[i] == BACKEND_FULL);
		cr_assert_eq(repair_wait() == -1, codes[i] == BACKEND_FULL);
	}
	cr_assert_eq(ledger_count(firewall.ledger), 1);
	/* It may be gone: the kernel should have had it. */
	cr_assert_not(ledger_is_sure(firewall.ledger, entry_of(&old)));
}

/* Of two with one key the kernel is asked once: for the longer one. */
Test(keep_requests, G13_two_of_one_key_are_one_for_the_kernel)
{
	struct msg_grant g[] = { named(0, "a.example", 100),
	    named(0, "b.example", 500), named(0, "a.example", 200) };
	size_t i;

	say(g, 3);
	requests_serve(0);
	cr_assert_eq(rig.adds, 1);
	cr_assert_eq(rig_find(&g[0])->end, rig_now + 515 * CLOCK_SECOND);
	cr_assert_str_eq(rig_find(&g[0])->grant.label, "b.example");
	for (i = 0; i < 3; i++)
		cr_assert_eq(result(i).code, RESULT_OK);
	cr_assert_eq(result(0).expiry, rig_now + 115 * CLOCK_SECOND);
	cr_assert_eq(ledger_count(firewall.ledger), 1);
	cr_assert_eq(entry_of(&g[0])->mark, 0);
	rig_now += 600 * CLOCK_SECOND;
	rig.fail = rig_all_alike;
	rig_code = BACKEND_FAILED;
	rig_nout = 0;
	say(g, 3);
	requests_serve(0);
	for (i = 0; i < 3; i++)
		cr_assert_eq(result(i).code, RESULT_FAILED);
	cr_assert_eq(ledger_count(firewall.ledger), 0);
}

/* The entry remembers each name with the end of its own answer. */
Test(keep_requests, G15_every_name_is_remembered)
{
	struct msg_grant a = named(0, "a.example", 500),
	    b = named(0, "b.example", 100);
	struct ledger_name names[LEDGER_NAMES];

	cr_assert_eq(ask(&a), RESULT_OK);
	cr_assert_eq(ask(&b), RESULT_OK);
	cr_assert_eq(rig.adds, 1);
	cr_assert_eq(result(0).expiry, rig_now + 115 * CLOCK_SECOND);
	cr_assert_eq(ledger_names(firewall.ledger, entry_of(&a), rig_now, names),
	    2);
	cr_assert_str_eq(names[0].label, "a.example");
	cr_assert_eq(names[0].end, rig_now + 515 * CLOCK_SECOND);
	cr_assert_str_eq(names[1].label, "b.example");
	cr_assert_eq(names[1].end, rig_now + 115 * CLOCK_SECOND);
}

static unsigned int lot;

static enum backend_code
every_fifth(const struct msg_grant *g, bool add)
{
	(void)g;
	(void)add;
	lot++;
	return (lot % 5 == 0 ? BACKEND_FULL : lot % 7 == 0 ? BACKEND_UNKNOWN :
	    BACKEND_OK);
}

/* More than a transaction has, and each has its own answer. */
Test(keep_requests, G1_each_has_its_own_result)
{
	struct msg_grant g[MSG_BATCH_MAX];
	size_t i, n = 0;

	rig.fail = every_fifth;
	for (i = 0; i < MSG_BATCH_MAX; i++)
		g[i] = rig_grant((unsigned int)i);
	say(g, MSG_BATCH_MAX);
	requests_serve(0);
	for (i = 0; i < MSG_BATCH_MAX; i++) {
		cr_assert_eq(result(i).seq, i);
		cr_assert_eq(result(i).code, (i + 1) % 5 == 0 ? RESULT_FULL :
		    (i + 1) % 7 == 0 ? RESULT_FAILED : RESULT_OK);
		n += result(i).code == RESULT_OK;
		cr_assert_eq(entry_of(&g[i]) == NULL,
		    result(i).code == RESULT_FULL);
		cr_assert(entry_of(&g[i]) == NULL || entry_of(&g[i])->mark == 0);
	}
	cr_assert_eq(rig_count(), n);
}

static enum backend_code
all_but_the_first_batch(const struct msg_grant *g, bool add)
{
	(void)g;
	(void)add;
	return (rig.adds > BACKEND_BATCH_MAX ? BACKEND_FAILED : BACKEND_OK);
}

/* What fails later in a turn takes nothing from what was granted before. */
Test(keep_requests, G1_a_transaction_that_fails_behind_another)
{
	struct msg_grant g[2 * MSG_BATCH_MAX];
	size_t i;

	rig.fail = all_but_the_first_batch;
	for (i = 0; i < 2 * MSG_BATCH_MAX; i++)
		g[i] = rig_grant((unsigned int)i);
	say(g, MSG_BATCH_MAX);
	say(g + MSG_BATCH_MAX, MSG_BATCH_MAX);
	requests_serve(0);
	for (i = 0; i < 2 * MSG_BATCH_MAX; i++) {
		cr_assert_eq(result(i).code, i < BACKEND_BATCH_MAX ? RESULT_OK :
		    RESULT_FAILED);
		cr_assert_eq(result(i).expiry != 0, i < BACKEND_BATCH_MAX);
		cr_assert_eq(entry_of(&g[i]) != NULL, i < BACKEND_BATCH_MAX);
	}
	cr_assert_eq(rig_count(), BACKEND_BATCH_MAX);
}

/* One more than fits into a turn is for the next one. */
Test(keep_requests, F5_a_turn_ends_before_a_record_that_may_not_fit)
{
	struct msg_grant g[2 * MSG_BATCH_MAX + 1];
	size_t i;

	for (i = 0; i < 2 * MSG_BATCH_MAX + 1; i++)
		g[i] = rig_grant((unsigned int)i);
	say(g, 1);
	say(g + 1, MSG_BATCH_MAX);
	say(g + 1 + MSG_BATCH_MAX, MSG_BATCH_MAX);
	requests_serve(0);
	cr_assert_eq(rig_nin, 1);
	cr_assert_eq(rig_count(), 1 + MSG_BATCH_MAX);
	requests_serve(0);
	cr_assert_eq(rig_nin, 0);
	cr_assert_eq(rig_count(), 2 * MSG_BATCH_MAX + 1);
}

/*
 * While the kernel is asked for a longer time, the shorter one is not promised,
 * either: if its set is gone, it has neither (G1).
 */
Test(keep_requests, G1_what_is_being_asked_is_promised_to_nobody)
{
	struct msg_grant g[] = { named(0, "a.example", 100),
	    named(0, "a.example", 500), named(0, "b.example", 50) };

	cr_assert_eq(ask(&g[0]), RESULT_OK);
	rig.fail = rig_all_alike;
	rig_code = BACKEND_FAILED;
	rig_nout = 0;
	say(g + 1, 2);
	requests_serve(0);
	cr_assert_eq(result(0).code, RESULT_FAILED);
	cr_assert_eq(result(1).code, RESULT_FAILED);
	cr_assert_eq(entry_of(&g[0])->expiry, rig_now + 115 * CLOCK_SECOND);
}

/* Two records of a turn, which are more than a transaction has. */
Test(keep_requests, G1_more_than_a_transaction_has)
{
	struct msg_grant g[2 * MSG_BATCH_MAX];
	size_t i;

	for (i = 0; i < 2 * MSG_BATCH_MAX; i++)
		g[i] = rig_grant((unsigned int)i);
	say(g, MSG_BATCH_MAX - 1);
	say(g + MSG_BATCH_MAX - 1, MSG_BATCH_MAX);
	say(g + 2 * MSG_BATCH_MAX - 1, 1);
	requests_serve(0);
	cr_assert_eq(rig.largest, BACKEND_BATCH_MAX);
	cr_assert_eq(rig_count(), 2 * MSG_BATCH_MAX - 1);
	for (i = 0; i < 2 * MSG_BATCH_MAX - 1; i++) {
		cr_assert_eq(result(i).seq, i);
		cr_assert_eq(result(i).code, RESULT_OK);
	}
	/* What remained is for the next turn. */
	cr_assert_eq(rig_nin, 1);
}

Test(keep_requests, P7_what_is_not_permitted)
{
	struct msg_grant g = rig_grant(0), own = rig_grant(4);

	g.policy = 9;
	cr_assert_eq(ask(&g), RESULT_STALE);
	g = rig_grant(0);
	g.dst[0] = 127;
	cr_assert_eq(ask(&g), RESULT_FORBIDDEN);
	rig_own.family = ADDR_V4;
	memcpy(rig_own.bytes, own.dst, 16);
	cr_assert_eq(ask(&own), RESULT_FORBIDDEN);
	g = rig_grant(0);
	rig_whole = false;
	cr_assert_eq(ask(&g), RESULT_FAILED);
	rig_whole = true;
	rig.stuck = true;
	cr_assert_eq(ask(&g), RESULT_FAILED);
	rig.stuck = false;
	firewall.ready = MSG_FAMILY_V6;
	cr_assert_eq(ask(&g), RESULT_FAILED);
	firewall.families = MSG_FAMILY_V6;
	cr_assert_eq(ask(&g), RESULT_OUTSIDE);
	cr_assert_eq(rig.adds, 0);
	cr_assert_eq(ledger_count(firewall.ledger), 0);
}

static enum order_code refusal;

static void
refuse(struct backend_batch *b)
{
	b->adds[0].code = BACKEND_REFUSED;
	b->adds[0].refused = refusal;
}

/* While a reload is under way the helper may have the new bounds already. */
Test(keep_requests, P7_what_the_helper_refuses)
{
	struct backend b = rig_backend;
	struct msg_grant g = rig_grant(0);

	b.add = refuse;
	firewall.backend = &b;
	refusal = ORDER_OUTSIDE;
	cr_assert_eq(ask(&g), RESULT_OUTSIDE);
	rig_reloading = true;
	cr_assert_eq(ask(&g), RESULT_STALE);
	refusal = ORDER_FORBIDDEN;
	cr_assert_eq(ask(&g), RESULT_FORBIDDEN);
	refusal = ORDER_NOT_TAKEN;
	cr_assert_eq(ask(&g), RESULT_FAILED);
	cr_assert_eq(ledger_count(firewall.ledger), 0);
}

/* --- several workers --- */

static void
set_up_four(void)
{
	rig_conf.nworkers = 4;
	set_up();
}

/* A grant of a client of that worker. */
static struct msg_grant
of_worker(unsigned int worker, unsigned int i)
{
	struct msg_grant g = rig_grant(0);
	unsigned int k;

	for (k = 0;; k++) {
		g.client[2] = (uint8_t)(k >> 8);
		g.client[3] = (uint8_t)k;
		if (choice_worker(ADDR_V4, g.client, 4) == worker && i-- == 0)
			return (g);
	}
}

/* Item h. */
Test(keep_workers, P5_another_workers_clients_are_refused,
    .init = set_up_four, .timeout = 30)
{
	struct msg_grant g = of_worker(0, 3), foreign = of_worker(2, 3),
	    local = rig_grant(1);
	unsigned int i;

	cr_assert_eq(ask(&g), RESULT_OK);
	cr_assert_eq(ask(&foreign), RESULT_OUTSIDE);
	/* This host is a client of all: it asks from any of its addresses (G5). */
	for (i = 0; i < 4; i++) {
		rig_nout = 0;
		local.port++;
		say(&local, 1);
		requests_serve(i);
		cr_assert_eq(result(0).code, RESULT_OK);
	}
	cr_assert_eq(ledger_count(firewall.ledger), 5);
}

/* An IPv4 address, and a network if it has one, are a host. */
static void
make_host(const struct msg_grant *one, const struct msg_grant *other,
    bool network)
{
	struct msg_host m = { .type = MSG_HOST, .family = ADDR_V4,
	    .prefix = 32 };
	const bool first = memcmp(one->client, other->client, 4) < 0;

	hosts_begin();
	memcpy(m.base, first ? one->client : other->client, 4);
	cr_assert(hosts_take(&m));
	memcpy(m.base, first ? other->client : one->client, 4);
	cr_assert(hosts_take(&m));
	memset(m.base, 0, sizeof(m.base));
	m.family = ADDR_V6;
	m.base[0] = 0xfd;
	m.prefix = MSG_HOST_NET;
	if (network)
		cr_assert(hosts_take(&m));
	hosts_commit(4);
}

/* For the whole host, and for nobody else (U11). */
Test(keep_workers, P5_U11_a_host_is_a_client_of_each_worker_that_it_reaches,
    .init = set_up_four, .timeout = 30)
{
	struct msg_grant own = of_worker(0, 3), host = of_worker(2, 3),
	    foreign = of_worker(2, 4), of_others = of_worker(3, 1);

	cr_assert_eq(ask(&host), RESULT_OUTSIDE);
	make_host(&own, &host, false);
	cr_assert_eq(ask(&host), RESULT_OK);
	cr_assert_eq(ask(&own), RESULT_OK);
	cr_assert_eq(ask(&foreign), RESULT_OUTSIDE);
	/* That of another worker's clients alone; and who has a network. */
	make_host(&host, &of_others, false);
	cr_assert_eq(ask(&of_others), RESULT_OUTSIDE);
	make_host(&host, &of_others, true);
	cr_assert_eq(ask(&of_others), RESULT_OK);
	cr_assert_eq(ask(&foreign), RESULT_OUTSIDE);
	/* A list without it. */
	hosts_begin();
	hosts_commit(4);
	cr_assert_eq(ask(&of_others), RESULT_OUTSIDE);
}

static void
make_machine(const struct msg_grant *one, const struct msg_grant *other)
{
	const struct machines_link link = { 1, 6, { 2 } };
	struct addr a = { .family = ADDR_V4 };

	memcpy(a.bytes, one->client, sizeof(a.bytes));
	machines_put(&link, &a, false);
	memcpy(a.bytes, other->client, sizeof(a.bytes));
	machines_put(&link, &a, false);
}

/* As for a host; and who was of it a moment ago is decided on anew. */
Test(keep_workers, P5_U11_a_machine_is_a_client_of_each_worker_that_it_reaches,
    .init = set_up_four, .timeout = 30)
{
	struct msg_grant own = of_worker(0, 3), machine = of_worker(2, 3),
	    foreign = of_worker(2, 4);
	struct addr a = { .family = ADDR_V4 };

	machines_open(4);
	machines_list();
	make_machine(&own, &machine);
	cr_assert_eq(ask(&machine), RESULT_OK);
	cr_assert_eq(ask(&foreign), RESULT_OUTSIDE);
	rig_conf.neighbours = 1;
	cr_assert_eq(ask(&foreign), RESULT_STALE);
	memcpy(a.bytes, own.client, sizeof(a.bytes));
	machines_remove(1, &a);
	machine.port++;
	cr_assert_eq(ask(&machine), RESULT_STALE);
	cr_assert_eq(ask(&own), RESULT_OK);
	/* The list's hosts come first. */
	make_machine(&own, &machine);
	cr_assert_eq(ask(&machine), RESULT_OK);
	make_host(&machine, &foreign, false);
	machine.port++;
	cr_assert_eq(ask(&machine), RESULT_STALE);
}

/* --- who has asked of a host's network --- */

/* One of a network that is a client of that worker. */
static struct msg_known
of_network(uint8_t first, unsigned int worker, unsigned int i)
{
	struct msg_known m = { .type = MSG_ASKED, .client = { first } };
	unsigned int k;

	for (k = 0;; k++) {
		m.client[14] = (uint8_t)(k >> 8);
		m.client[15] = (uint8_t)k;
		if (choice_worker(ADDR_V6, m.client, 4) == worker && i-- == 0)
			return (m);
	}
}

static void
say_asked(unsigned int worker, const struct msg_known *m)
{
	memcpy(rig_in[rig_nin], m, sizeof(*m));
	rig_in_len[rig_nin++] = sizeof(*m);
	requests_serve(worker);
	cr_assert_eq(rig_nin, 0);
}

/* How many of whom that worker is told at once. */
static size_t
told_of(unsigned int worker)
{
	rig_nout = 0;
	asked_tell(worker);
	cr_assert_leq(rig_nout, 1);
	return (rig_nout == 0 ? 0 : rig_out_len[0] / sizeof(struct msg_known));
}

static void
set_up_network(void)
{
	const struct msg_grant a = of_worker(0, 3), b = of_worker(2, 3);

	set_up_four();
	children_nworkers = 4;
	make_host(&a, &b, true);
}

/* All others, once, and nobody is told of what does not concern him. */
Test(keep_workers, U11_who_has_asked_is_told_to_the_others,
    .init = set_up_network, .timeout = 30)
{
	const struct msg_known m = of_network(0xfd, 1, 0),
	    foreign = of_network(0xfd, 2, 0), none = of_network(0xfc, 1, 0);
	struct msg_known out;
	unsigned int i;

	say_asked(1, &m);
	say_asked(1, &foreign);
	say_asked(1, &none);
	for (i = 0; i < 4; i++) {
		cr_assert_eq(asked_waits(i), i != 1);
		cr_assert_eq(told_of(i), i != 1);
		cr_assert_not(asked_waits(i));
	}
	cr_assert_eq(msg_known_decode(rig_out[0], sizeof(out), MSG_KNOWN, &out),
	    MSG_OK);
	cr_assert_eq(memcmp(out.client, m.client, sizeof(m.client)), 0);
	/* A list without that network. */
	hosts_begin();
	hosts_commit(4);
	say_asked(1, &m);
	cr_assert_not(asked_waits(0));
}

/* An address that the list names is known to all already. */
Test(keep_workers, U11_a_listed_address_is_not_told_of, .init = set_up_four,
    .timeout = 30)
{
	struct msg_known m = of_network(0xfd, 1, 0);
	struct msg_host h = { .type = MSG_HOST, .family = ADDR_V6,
	    .base = { 0xfd }, .prefix = MSG_HOST_NET };

	hosts_begin();
	cr_assert(hosts_take(&h));
	memcpy(h.base, m.client, sizeof(h.base));
	h.prefix = 128;
	cr_assert(hosts_take(&h));
	hosts_commit(4);
	say_asked(1, &m);
	cr_assert_not(asked_waits(0));
}

Test(keep_requests, U11_of_one_worker_nobody_is_told)
{
	struct msg_known m = { .type = MSG_ASKED, .client = { 0xfd, [15] = 1 } };
	struct msg_host h = { .type = MSG_HOST, .family = ADDR_V6,
	    .base = { 0xfd }, .prefix = MSG_HOST_NET };

	hosts_begin();
	cr_assert(hosts_take(&h));
	hosts_commit(1);
	say_asked(0, &m);
	cr_assert_not(asked_waits(0));
}

/* Who is slow hears the latest of each; a flood takes no place of others. */
Test(keep_workers, P7_who_makes_up_addresses, .init = set_up_network,
    .timeout = 30)
{
	const struct msg_known honest = of_network(0xfd, 3, 0);
	struct msg_known m;
	unsigned int i, n = 0;

	say_asked(3, &honest);
	for (i = 0; i < 2 * ASKED_PLACES; i++) {
		m = of_network(0xfd, 1, i);
		say_asked(1, &m);
	}
	cr_assert_eq(told_of(0), MSG_BATCH_MAX);
	cr_assert_eq(memcmp(rig_out[0] + (MSG_BATCH_MAX - 1) * sizeof(m) +
	    offsetof(struct msg_known, client), m.client, sizeof(m.client)), 0);
	cr_assert_eq(told_of(0), 1);
	cr_assert_eq(memcmp(rig_out[0] + offsetof(struct msg_known, client),
	    honest.client, sizeof(honest.client)), 0);
	/* So many, and then so many a second. */
	for (i = 0; i < 2 * ASKED_BURST; i++) {
		say_asked(1, &m);
		n += (unsigned int)told_of(0);
	}
	cr_assert_eq(n, ASKED_BURST - 2 * ASKED_PLACES);
	rig_now += CLOCK_SECOND;
	for (i = n = 0; i < 2 * ASKED_RATE; i++) {
		say_asked(1, &m);
		n += (unsigned int)told_of(0);
	}
	cr_assert_eq(n, ASKED_RATE);
}

/* 1,000 grants: 125 are there for each of four, so one has 625 at most. */
Test(keep_workers, P7_a_worker_leaves_room_for_the_others,
    .init = set_up_four, .timeout = 30)
{
	struct msg_grant g;
	unsigned int i, n = 0;

	for (i = 0; i < 3000; i++) {
		g = of_worker(0, i % 1000);
		g.dst[2] = (uint8_t)(i / 1000);
		n += ask(&g) == RESULT_OK;
	}
	cr_assert_eq(n, 625);
	for (i = 0; i < 125; i++) {
		g = of_worker(2, i);
		rig_nout = 0;
		say(&g, 1);
		requests_serve(2);
		cr_assert_eq(result(0).code, RESULT_OK, "number %u", i);
	}
}

/* Its transactions are its own affair. */
Test(keep_workers, P7_tokens_are_a_workers_own, .init = set_up_four,
    .timeout = 30)
{
	struct msg_grant g = rig_grant(1);
	unsigned int n;

	for (n = 0; requests_may(0); n++) {
		g.port = (uint16_t)(1 + n);
		cr_assert_eq(ask(&g), RESULT_OK);
	}
	cr_assert_eq(n, 250);
	cr_assert(requests_may(1));
	rig_now += CLOCK_SECOND / 250;
	cr_assert(requests_may(0));
	g.port = 9999;
	cr_assert_eq(ask(&g), RESULT_OK);
	cr_assert_not(requests_may(0));
}

/* --- refusals --- */

/* A record of n refusals of a client; the last one has a wrong byte, or not. */
static void
tell(const uint8_t client[16], size_t n, char wrong)
{
	struct msg_refusal m[MSG_REFUSALS_MAX] = { 0 };
	size_t i;

	for (i = 0; i < n; i++) {
		m[i] = (struct msg_refusal){ .type = MSG_REFUSAL,
		    .family = ADDR_V4, .count = 1, .qtype = 1,
		    .name = "a0.example.", .reason = "no ACL rule allows it" };
		memcpy(m[i].client, client, 16);
		m[i].name[1] = (char)('0' + i);
	}
	m[n - 1].reason[0] = wrong;
	memcpy(rig_in[rig_nin], m, n * sizeof(m[0]));
	rig_in_len[rig_nin++] = n * sizeof(m[0]);
}

static size_t
known(const uint8_t client[16])
{
	const struct refusal *out[REFUSALS_CLIENT];
	struct addr a = { .family = ADDR_V4 };

	memcpy(a.bytes, client, 16);
	return (refusals_next(&a, 0, out, REFUSALS_CLIENT));
}

Test(keep_requests, U5_refusals_are_kept_and_not_answered)
{
	struct msg_grant g = rig_grant(0);

	tell(g.client, 3, 'n');
	say(&g, 1);
	rig_nout = 0;
	requests_serve(0);
	cr_assert_eq(known(g.client), 3);
	/* A grant behind them has its answer in the same turn. */
	cr_assert_eq(rig_nout, 1);
	cr_assert_eq(result(0).code, RESULT_OK);
}

/* What one worker says of clients is not in the way of grants. */
Test(keep_requests, U8_what_was_seen_is_kept_and_not_answered)
{
	struct msg_grant g = rig_grant(0);
	struct msg_seen m = { .type = MSG_SEEN, .family = ADDR_V4,
	    .other = 1, .name = "www.example.com" };
	struct control_seen out[4];
	unsigned int looks = 10;
	uint32_t cursor = 0;

	seen_open(1);
	memcpy(m.client, g.client, sizeof(m.client));
	memcpy(rig_in[rig_nin], &m, sizeof(m));
	rig_in_len[rig_nin++] = sizeof(m);
	say(&g, 1);
	rig_nout = 0;
	requests_serve(0);
	cr_assert_eq(seen_next(&cursor, &looks, out, 4), 1);
	cr_assert_str_eq(out[0].name, "www.example.com");
	cr_assert_eq(rig_nout, 1);
	cr_assert_eq(result(0).code, RESULT_OK);
}

/* Whoever tells without end leaves room to the others in each turn. */
Test(keep_requests, U5_a_turn_takes_two_records_of_refusals)
{
	struct msg_grant g = rig_grant(0);
	unsigned int i;

	for (i = 0; i < 4; i++)
		tell(g.client, 1 + i, 'n');
	requests_serve(0);
	cr_assert_eq(rig_nin, 2);
	requests_serve(0);
	cr_assert_eq(rig_nin, 0);
}

static void
passed(void)
{
	_exit(7);
}

Test(keep_requests, U11_two_in_a_record_end_the_program, .exit_code = 7)
{
	const struct msg_known m[2] = { { .type = MSG_ASKED },
	    { .type = MSG_ASKED } };

	rig_malformed = passed;
	memcpy(rig_in[rig_nin], m, sizeof(m));
	rig_in_len[rig_nin++] = sizeof(m);
	requests_serve(0);
}

Test(keep_requests, U5_a_bad_one_ends_the_program, .exit_code = 7)
{
	struct msg_grant g = rig_grant(0);

	rig_malformed = passed;
	tell(g.client, 2, '\x1b');
	requests_serve(0);
}

/* As many as the contract has, and no more. */
Test(keep_requests, P7_a_record_of_too_many_ends_the_program, .exit_code = 7)
{
	struct msg_hits m[MSG_BATCH_MAX + 1];
	size_t i;

	for (i = 0; i <= MSG_BATCH_MAX; i++)
		m[i] = (struct msg_hits){ .type = MSG_HITS, .line = 1,
		    .count = 1 };
	memcpy(rig_in[0], m, MSG_BATCH_MAX * sizeof(m[0]));
	rig_in_len[rig_nin++] = MSG_BATCH_MAX * sizeof(m[0]);
	requests_serve(0);
	rig_malformed = passed;
	memcpy(rig_in[0], m, sizeof(m));
	rig_in_len[rig_nin++] = sizeof(m);
	requests_serve(0);
}

/* --- counters --- */

static void
say_counters(uint64_t queries, uint8_t pad)
{
	const struct msg_counters m = { .type = MSG_COUNTERS,
	    .pad = { pad }, .counters.queries = queries };

	memcpy(rig_in[rig_nin], &m, sizeof(m));
	rig_in_len[rig_nin++] = sizeof(m);
}

Test(keep_requests, U6_counters_are_kept_and_not_answered)
{
	struct msg_grant g = rig_grant(0);
	struct counters sum;

	say_counters(7, 0);
	say(&g, 1);
	rig_nout = 0;
	requests_serve(0);
	(void)counts_sum(&sum);
	cr_assert_eq(sum.queries, 7);
	cr_assert_eq(rig_nout, 1);
}

Test(keep_requests, U6_a_turn_takes_so_many_records_of_counters)
{
	struct msg_grant g = rig_grant(0);

	/* As much work as is left beside one of refusals. */
	tell(g.client, 1, 'n');
	say_counters(1, 0);
	tell(g.client, 1, 'n');
	say_counters(2, 0);
	requests_serve(0);
	cr_assert_eq(rig_nin, 1);
}

Test(keep_requests, U6_bad_counters_end_the_program, .exit_code = 7)
{
	rig_malformed = passed;
	say_counters(7, 1);
	requests_serve(0);
}

Test(keep_workers, U5_P5_another_workers_clients_are_not_told_of,
    .init = set_up_four, .timeout = 30)
{
	struct msg_grant own = of_worker(0, 3), foreign = of_worker(2, 3);

	tell(own.client, 1, 'n');
	tell(foreign.client, 2, 'n');
	requests_serve(0);
	cr_assert_eq(known(own.client), 1);
	cr_assert_eq(known(foreign.client), 0);
	tell(foreign.client, 2, 'n');
	requests_serve(2);
	cr_assert_eq(known(foreign.client), 2);
}

/* --- hits --- */

static void
hit(uint32_t line, uint32_t count)
{
	const struct msg_hits m[2] = {
		{ .type = MSG_HITS, .policy = rig_generation, .line = line,
		    .count = count },
		{ .type = MSG_HITS, .policy = rig_generation,
		    .line = MSG_LINES_MAX, .count = 1 }
	};

	memcpy(rig_in[rig_nin], m, sizeof(m));
	rig_in_len[rig_nin++] = sizeof(m);
}

Test(keep_requests, U6_hits_are_added_and_a_list_begins_anew)
{
	hit(7, 3);
	hit(7, 2);
	requests_serve(0);
	cr_assert(hits_of(7)->count == 5 && hits_of(7)->last == rig_now);
	cr_assert(hits_of(MSG_LINES_MAX)->count == 2 &&
	    hits_of(6)->count == 0);
	/* The same text goes on; of another one nothing that is under way. */
	hit(7, 1);
	rig_generation++;
	hits_list(2);
	requests_serve(0);
	cr_assert(hits_of(7)->count == 6 && hits_since() == 1);
	hit(7, 1);
	rig_generation++;
	rig_sum++;
	hits_list(3);
	cr_assert_eq(hits_since(), 3);
	requests_serve(0);
	cr_assert(hits_of(7)->count == 0 && hits_of(7)->last == 0);
	hit(7, 1);
	rig_now++;
	requests_serve(0);
	cr_assert(hits_of(7)->count == 1 && hits_of(7)->last == rig_now);
}

static enum backend_code
slow(const struct msg_grant *g, bool add)
{
	(void)g;
	(void)add;
	rig_now += 3 * CLOCK_SECOND / 1000;
	return (BACKEND_OK);
}

Test(keep_requests, U7_the_time_of_the_kernel_is_measured)
{
	struct msg_grant g = rig_grant(0);
	const struct histogram *h = &firewall.kernel;

	rig.fail = slow;
	cr_assert_eq(ask(&g), RESULT_OK);
	cr_assert(h->sum == 3 * CLOCK_SECOND / 1000 && h->counts[7] == 1);
	/* What is not sent takes no time. */
	rig.stuck = true;
	firewall_remove(&(struct backend_batch){ .n = 1,
	    .adds = { { .grant = &g } } });
	cr_assert_eq(h->sum, 3 * CLOCK_SECOND / 1000);
}

Test(keep_requests, U6_a_bad_one_ends_the_program, .exit_code = 7)
{
	rig_malformed = passed;
	hit(0, 1);
	requests_serve(0);
}

static void
say_pong(uint8_t pad)
{
	const struct msg_plain m = { .type = MSG_PONG, .pad = { pad } };

	memcpy(rig_in[rig_nin], &m, sizeof(m));
	rig_in_len[rig_nin++] = sizeof(m);
}

/* It is work as any other that is no grant's. */
Test(keep_requests, O3_that_it_lives_is_not_answered)
{
	struct msg_grant g = rig_grant(0);

	rig_nout = 0;
	children_workers[0].pings = 2;
	tell(g.client, 1, 'n');
	say_pong(0);
	tell(g.client, 1, 'n');
	say_pong(0);
	requests_serve(0);
	cr_assert_eq(rig_nin, 1);
	cr_assert_eq(rig_nout, 0);
}

Test(keep_requests, O3_a_bad_pong_ends_the_program, .exit_code = 7)
{
	rig_malformed = passed;
	children_workers[0].pings = 1;
	say_pong(1);
	requests_serve(0);
}

/* One record of refusals is as much work as eight of hits. */
Test(keep_requests, U6_a_turn_takes_so_many_records)
{
	struct msg_grant g = rig_grant(0);

	tell(g.client, 1, 'n');
	hit(1, 1);
	tell(g.client, 1, 'n');
	hit(1, 1);
	requests_serve(0);
	cr_assert_eq(rig_nin, 1);
	requests_serve(0);
	cr_assert(rig_nin == 0 && hits_of(1)->count == 2);
}
