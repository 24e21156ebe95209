/* dnsfwctl top: a live screen (U6). */
#include <err.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "ctl.h"
#include "live.h"
#include "top/page.h"
#include "top/screen.h"
#include "topjson.h"
#include "toprules.h"
#include "usage.h"

#define PATIENCE	2	/* seconds that dnsfw is waited for */
#define DELAY_MIN	0.1	/* seconds */
#define DELAY_MAX	3600.0
#define COUNT_MAX	1e9

static struct top {
	const char	*path;
	bool		 json;
	uint64_t	 delay;		/* ns */
	unsigned long	 count;		/* refreshes; 0: without an end */
	struct sample	 samples[2];
	size_t		 last;		/* the newest of them */
	bool		 up;		/* it answered the last time */
	struct rates	 rates;		/* from the other one to that */
	struct table	 table;
	struct view	 view;
	struct page	 page;
} top;

static volatile sig_atomic_t got_end, got_resize;

/* --- arguments --- */

/* False: it is no number from min to max, which is said. */
static bool
take_number(const char *option, const char *text, double min, double max,
    double *out)
{
	char *end;

	*out = strtod(text, &end);
	if (end != text && *end == '\0' && *out >= min && *out <= max)
		return (true);
	warnx("--%s \"%s\": expected a number from %g to %.0f", option, text,
	    min, max);
	return (false);
}

static bool
take_count(const char *text)
{
	double count = 0;
	bool fine = take_number("count", text, 1, COUNT_MAX, &count);

	top.count = (unsigned long)count;
	if (!fine || (double)top.count == count)
		return (fine);
	warnx("--count \"%s\": expected a whole number", text);
	return (false);
}

static bool
take_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "control", required_argument, NULL, 'c' },
		{ "acl", required_argument, NULL, 'a' },
		{ "delay", required_argument, NULL, 'd' },
		{ "count", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 }
	};
	double delay = 1;
	bool fine = true;
	int ch;

	top.path = ASK_PATH_DEFAULT;
	toprules_open(CTL_ACL_DEFAULT);
	while ((ch = usage_option(argc, argv, "", options)) != -1) {
		if (ch == 'j')
			top.json = true;
		else if (ch == 'c')
			top.path = optarg;
		else if (ch == 'a')
			toprules_open(optarg);
		else if (ch == 'd')
			fine &= take_number("delay", optarg, DELAY_MIN,
			    DELAY_MAX, &delay);
		else if (ch == 'n')
			fine &= take_count(optarg);
		else
			return (false);
	}
	top.delay = (uint64_t)(delay * (double)CLOCK_SECOND);
	return (fine && optind == argc);
}

/* --- samples --- */

static void
take_sample_status(void *arg, const void *record)
{
	struct sample *s = arg;

	s->status = *(const struct control_status *)record;
	s->status.scope[CONTROL_SCOPE_MAX - 1] = '\0';
	s->up = true;
}

static void
take_one_refusal(void *arg, const void *record)
{
	sample_add_refusal(arg, record);
}

static void
take_one_rule(void *arg, const void *record)
{
	sample_add_rule(arg, record);
}

/* False: it does not answer. */
static bool
ask_sample(struct sample *s)
{
	bool rules = top.view.what == VIEW_RULES;
	struct control_end end;

	sample_clear(s, clock_now());
	if (ask(top.path, CONTROL_STATS, NULL, CONTROL_STATUS, take_sample_status, s,
	    &end) == -1 || !s->up)
		return (false);
	if (rules)
		s->up = ask(top.path, CONTROL_RULES, NULL, CONTROL_RULE,
		    take_one_rule, s, &end) == 0;
	else
		s->up = ask(top.path, CONTROL_WHY, NULL, CONTROL_REFUSAL,
		    take_one_refusal, s, &end) == 0;
	/* If the list was reloaded meanwhile, some are of the old one. */
	if (rules)
		s->has_rules = end.code == CONTROL_OK;
	else
		s->has_refusals = end.code == CONTROL_OK;
	sample_sort(s);
	return (s->up);
}

/* Without an answer the last sample stays, and what was between is not known. */
static void
refresh(void)
{
	struct sample *before = &top.samples[top.last],
	    *now = &top.samples[1 - top.last];

	before->up = top.up;
	top.up = ask_sample(now);
	rates_between(before, now, &top.rates);
	if (top.up)
		top.last = 1 - top.last;
}

/* --- the screen --- */

static void
draw(void)
{
	time_t now = time(NULL);
	char clock[16];
	struct tm tm;
	const struct page_of of = { .path = top.path, .clock = clock,
	    .view = &top.view, .sample = &top.samples[top.last], .up = top.up,
	    .rates = &top.rates, .table = &top.table };

	(void)strftime(clock, sizeof(clock), "%H:%M:%S",
	    localtime_r(&now, &tm));
	table_make(&top.table, &top.view, top.rates.known ?
	    &top.samples[1 - top.last] : NULL, of.sample, toprules_text);
	view_limit(&top.view, top.table.n);
	screen_size(&top.page);
	page_make(&top.page, &of);
	screen_draw(&top.page);
}

/* Returns true if what is to be shown has not been asked for. */
static bool
take_keys(void)
{
	enum view_what before = top.view.what;
	int key;

	while (!top.view.quits && (key = screen_key()) != 0)
		view_key(&top.view, key, page_table_rows(top.page.rows));
	return ((before == VIEW_RULES) != (top.view.what == VIEW_RULES));
}

/* --- time, keys, signals --- */

static void
take_signal(int number)
{
	if (number == SIGWINCH)
		got_resize = 1;
	else
		got_end = 1;
}

/* They come only while the program waits, so that no question is cut short. */
static void
hold_signals(sigset_t *while_waiting)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
	    SIGWINCH };
	struct sigaction sa = { .sa_handler = take_signal };
	sigset_t held;
	size_t i;

	sigemptyset(&held);
	sigaddset(&held, SIGTSTP);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		sigaddset(&held, numbers[i]);
		(void)sigaction(numbers[i], &sa, NULL);
	}
	(void)sigprocmask(SIG_BLOCK, &held, while_waiting);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigdelset(while_waiting, numbers[i]);
	sigdelset(while_waiting, SIGTSTP);
}

/* Until that time, a key, or a signal. */
static void
pause_until(uint64_t until, const sigset_t *signals)
{
	struct pollfd terminal = { .fd = top.json ? -1 : STDIN_FILENO,
	    .events = POLLIN };
	uint64_t now = clock_now(), left = until > now ? until - now : 0;
	struct timespec ts = { .tv_sec = (time_t)(left / CLOCK_SECOND),
	    .tv_nsec = (long)(left % CLOCK_SECOND) };

	if (ppoll(&terminal, 1, &ts, signals) > 0 &&
	    (terminal.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
		got_end = 1;
}

static bool
goes_on(unsigned long refreshes)
{
	return (!got_end && !top.view.quits &&
	    (top.count == 0 || refreshes < top.count) &&
	    (!top.json || !ferror(stdout)));
}

/* What is shown is redrawn at each key and each change of the size. */
static void
show_screen(const sigset_t *signals)
{
	uint64_t next = clock_now() + top.delay;
	unsigned long refreshes = 0;
	bool changed;

	for (draw(); goes_on(refreshes); draw()) {
		pause_until(next, signals);
		if (got_resize)
			screen_resized();
		got_resize = 0;
		changed = take_keys();
		if (got_end || top.view.quits || (!changed &&
		    clock_now() < next))
			continue;
		refresh();
		refreshes++;
		next = clock_now() + top.delay;
	}
}

static void
show_json(const sigset_t *signals)
{
	uint64_t next = clock_now() + top.delay;
	unsigned long refreshes = 0;

	while (goes_on(refreshes)) {
		pause_until(next, signals);
		if (got_end || clock_now() < next)
			continue;
		refresh();
		topjson_print(&top.samples[1 - top.last], top.up ?
		    &top.samples[top.last] : NULL, &top.rates);
		(void)fflush(stdout);
		refreshes++;
		next = clock_now() + top.delay;
	}
}

int
top_main(int argc, char **argv)
{
	sigset_t signals;
	const char *why;

	if (!take_options(argc, argv))
		return (usage_wrong(argv[0]));
	if (!top.json && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))) {
		warnx("top needs a terminal; with --json it needs none");
		return (CTL_USAGE);
	}
	ask_manner.seconds = PATIENCE;
	ask_manner.whole = true;
	refresh();
	if (!top.up)
		return (CTL_NO);
	ask_manner.quiet = true;
	hold_signals(&signals);
	if (top.json)
		show_json(&signals);
	else if ((why = screen_open()) == NULL)
		show_screen(&signals);
	else {
		warnx("%s", why);
		return (CTL_USAGE);
	}
	return (CTL_YES);
}
