/* Who stands still, what the log says of it, and when the watchdog hears of us. */
#include <criterion/criterion.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "keep/alive.h"
#include "keep/children.h"
#include "keep/conf.h"
#include "keep/kernel/ask.h"
#include "keep/notify.h"
#include "keep/policy.h"
#include "keep/requests.h"

#define MS	(CLOCK_SECOND / 1000)

static struct keepconf own_conf = { .nworkers = 2, .helper = 1 };
const struct keepconf *conf = &own_conf;
struct child children_compiler = { .name = "compiler" };
struct child children_workers[MSG_WORKERS_MAX] = { { .name = "worker 1" },
    { .name = "worker 2" } };
size_t children_nworkers = 2;

static uint64_t clock_is = 1000 * CLOCK_SECOND;
static bool answers[4] = { true, true, true, true };	/* see below */
static bool reloading, stuck, unheard;
static uint32_t ping, pong;		/* the helper's last */
static unsigned int pings, helper_pings, told;
static char lines[1000];

enum { COMPILER, WORKER1, WORKER2, HELPER };

uint64_t	__wrap_clock_now(void);
void		__wrap_log_error(const char *fmt, ...)
		    __attribute__((format(printf, 1, 2)));
void		__wrap_log_info(const char *fmt, ...)
		    __attribute__((format(printf, 1, 2)));

uint64_t
__wrap_clock_now(void)
{
	return (clock_is);
}

static void __attribute__((format(printf, 2, 0)))
add_line(const char *level, const char *fmt, va_list ap)
{
	size_t len = strlen(lines);

	len += (size_t)snprintf(lines + len, sizeof(lines) - len, "%s ", level);
	len += (size_t)vsnprintf(lines + len, sizeof(lines) - len, fmt, ap);
	snprintf(lines + len, sizeof(lines) - len, "\n");
}

void
__wrap_log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line("error", fmt, ap);
	va_end(ap);
}

void
__wrap_log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line("info", fmt, ap);
	va_end(ap);
}

static struct child *
child(unsigned int who)
{
	return (who == COMPILER ? &children_compiler :
	    &children_workers[who - WORKER1]);
}

void
children_send_plain(struct child *c, enum msg_type type, int fd)
{
	cr_assert_eq(type, MSG_PING);
	cr_assert_eq(fd, -1);
	cr_assert_eq(c->unanswered, 1, "asked again, or not noted");
	cr_assert_eq(c->pings, 1);
	c->pings--;
	pings++;
}

uint32_t
ask_ping(void)
{
	helper_pings++;
	return (stuck ? 0 : ++ping);
}

enum order_code
ask_read_code(uint32_t seq)
{
	cr_assert_eq(seq, ping);
	return (seq == pong ? ORDER_NO_STAMP : ORDER_SENT);
}

bool
ask_stuck(void)
{
	return (stuck);
}

bool
requests_may(unsigned int worker)
{
	return (worker != 0 || !unheard);
}

void
notify_alive(void)
{
	told++;
}

bool
policy_reloading(void)
{
	return (reloading);
}

/* Turns for so long, 20 a second. */
static void
pass(unsigned int ms)
{
	unsigned int i, who;

	for (i = 0; i < ms / 50; i++) {
		clock_is += 50 * MS;
		alive_step();
		for (who = COMPILER; who < HELPER; who++)
			if (answers[who])
				child(who)->unanswered = 0;
		if (answers[HELPER])
			pong = ping;
	}
}

/* What was said in that time. */
static const char *
said(unsigned int ms)
{
	lines[0] = '\0';
	pass(ms);
	return (lines);
}

Test(keep_alive, O3_each_is_asked_once_a_second)
{
	cr_assert_str_eq(said(10000), "");
	cr_assert_eq(pings, 3 * 10);
	cr_assert_eq(helper_pings, 10);
	cr_assert_eq(told, 0, "without a watchdog");
}

Test(keep_alive, O3_when_it_wakes_up)
{
	cr_assert_eq(alive_wait(), 0);
	alive_step();
	cr_assert_eq(alive_wait(), 1001);
	clock_is += CLOCK_SECOND - 1;
	cr_assert_eq(alive_wait(), 1);
	clock_is++;
	cr_assert_eq(alive_wait(), 0);
}

static void
stands_still(unsigned int who, const char *silent, const char *again)
{
	pass(2000);
	answers[who] = false;
	cr_assert_str_eq(said(3000), "");
	cr_assert_str_eq(said(2000), silent, "within five seconds");
	cr_assert_str_eq(said(20000), "", "said once");
	answers[who] = true;
	pass(50);
	cr_assert_str_eq(said(1000), again);
	cr_assert_str_eq(said(20000), "");
	/* And the next time. */
	answers[who] = false;
	cr_assert_str_eq(said(5000), silent);
}

Test(keep_alive, O3_a_worker_stands_still)
{
	stands_still(WORKER2, "error dnsfw-proxy (worker 2) does not answer\n",
	    "info dnsfw-proxy (worker 2) answers again\n");
}

Test(keep_alive, O3_the_compiler_stands_still)
{
	stands_still(COMPILER, "error dnsfw-proxy (compiler) does not answer\n",
	    "info dnsfw-proxy (compiler) answers again\n");
}

Test(keep_alive, O3_the_helper_stands_still)
{
	stands_still(HELPER, "error dnsfw-priv, the helper, does not answer\n",
	    "info dnsfw-priv, the helper, answers again\n");
}

/* Who waits for a grant has said so. */
Test(keep_alive, O3_the_helper_is_known_to_stand_still)
{
	own_conf.watchdog = 10000;
	pass(2000);
	answers[HELPER] = false;
	stuck = true;
	cr_assert_str_eq(said(10000), "");
	told = 0;
	cr_assert_str_eq(said(20000), "");
	cr_assert_eq(told, 0);
	stuck = false;
	answers[HELPER] = true;
	cr_assert_str_eq(said(2000), "");
	cr_assert_eq(told, 1);
}

/* It floods: nobody reads what it answers, until it is heard again. */
Test(keep_alive, O3_a_worker_that_is_not_heard)
{
	pass(2000);
	unheard = true;
	answers[WORKER1] = false;
	cr_assert_str_eq(said(10000), "");
	unheard = false;
	answers[WORKER1] = true;
	cr_assert_str_eq(said(10000), "");
}

Test(keep_alive, O3_there_is_no_helper)
{
	own_conf.helper = 0;
	own_conf.watchdog = 10000;
	answers[HELPER] = false;
	cr_assert_str_eq(said(20000), "");
	cr_assert_eq(helper_pings, 0);
	cr_assert_eq(told, 4);
}

/* It takes as long as it takes, but not for ever. */
Test(keep_alive, O3_the_compiler_makes_a_list)
{
	pass(2000);
	reloading = true;
	answers[COMPILER] = false;
	cr_assert_str_eq(said(30000), "");
	cr_assert_str_eq(said(2000),
	    "error dnsfw-proxy (compiler) does not answer\n");
}

/* A worker has no such excuse. */
Test(keep_alive, O3_a_worker_while_a_list_is_made)
{
	reloading = true;
	answers[WORKER1] = false;
	cr_assert_str_eq(said(5000),
	    "error dnsfw-proxy (worker 1) does not answer\n");
}

/* The machine slept, or this process was stopped: an answer is there, unread. */
Test(keep_alive, O3_a_long_time_is_one_look)
{
	answers[WORKER1] = answers[HELPER] = false;
	alive_step();
	clock_is += 3600 * CLOCK_SECOND;
	lines[0] = '\0';
	alive_step();
	answers[WORKER1] = answers[HELPER] = true;
	cr_assert_str_eq(said(10000), "");
}

Test(keep_alive, O3_the_watchdog_hears_twice_in_its_time)
{
	own_conf.watchdog = 10000;
	pass(50);
	cr_assert_eq(told, 1, "at once");
	pass(5000 - 50);
	cr_assert_eq(told, 1);
	pass(50);
	cr_assert_eq(told, 2);
	pass(50000);
	cr_assert_eq(told, 12);
}

/* Of any that has not answered within half of its time. */
static void
is_not_told(unsigned int who)
{
	own_conf.watchdog = 10000;
	pass(50);
	answers[who] = false;
	told = 0;
	pass(12000);
	cr_assert_leq(told, 1, "within the last interval it had answered");
	told = 0;
	pass(30000);
	cr_assert_eq(told, 0);
	answers[who] = true;
	pass(2000);
	cr_assert_eq(told, 1, "at once, and once");
}

Test(keep_alive, O3_not_while_a_worker_stands_still)
{
	is_not_told(WORKER2);
}

Test(keep_alive, O3_not_while_the_first_worker_stands_still)
{
	is_not_told(WORKER1);
}

Test(keep_alive, O3_not_while_the_compiler_stands_still)
{
	is_not_told(COMPILER);
}

Test(keep_alive, O3_not_while_the_helper_stands_still)
{
	is_not_told(HELPER);
}

/* A short one asks more often, so that answers are as young as it wants them. */
Test(keep_alive, O3_a_short_watchdog)
{
	own_conf.watchdog = 1000;
	pass(10000);
	cr_assert_eq(told, 20);
	cr_assert_eq(pings, 3 * 40);
	answers[WORKER1] = false;
	told = 0;
	cr_assert_str_eq(said(5000),
	    "error dnsfw-proxy (worker 1) does not answer\n");
	cr_assert_leq(told, 1);
}

/* Also where half of its time is between one second and two. */
Test(keep_alive, O3_a_watchdog_of_three_seconds)
{
	own_conf.watchdog = 3000;
	pass(15000);
	cr_assert_eq(told, 10);
	cr_assert_eq(pings, 3 * 20);
	/* And from two seconds on, looks are a second apart. */
	own_conf.watchdog = 4000;
	pass(2000);
	pings = 0;
	pass(10000);
	cr_assert_eq(pings, 3 * 10);
}

/* Who has answered within half of its time is well, to the very end of that. */
Test(keep_alive, O3_an_answer_that_is_late)
{
	own_conf.watchdog = 4000;
	pass(50);
	cr_assert_eq(told, 1);
	answers[WORKER2] = false;
	pass(2000);
	cr_assert_eq(told, 2, "it had answered at the last time");
	pass(10000);
	cr_assert_eq(told, 2);
}
