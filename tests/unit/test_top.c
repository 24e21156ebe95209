/* dnsfwctl top, without a terminal (U6): samples, rates, rows, keys, lines. */
#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "ctl/top/page.h"
#include "ctl/top/plain.h"
#include "ctl/top/rates.h"
#include "ctl/top/sample.h"
#include "ctl/top/table.h"
#include "ctl/top/view.h"

static struct sample before, now;
static struct rates rates;
static struct table table;
static struct view view;
static struct page page;

/* --- plain text --- */

Test(top, U6_nothing_but_printable_ascii)
{
	char buf[8], text[256];
	unsigned int i;
	size_t len;

	cr_assert_eq(plain_copy(buf, sizeof(buf), "a\tb\033\302\233", 6), 6);
	cr_assert_str_eq(buf, "a b???");
	cr_assert_eq(plain_copy(buf, sizeof(buf), "0123456789", 10), 7);
	cr_assert_str_eq(buf, "0123456");
	cr_assert_eq(plain_copy(buf, sizeof(buf), "ab\0cd", 5), 2);
	for (i = 1; i < 256; i++)
		text[i - 1] = (char)i;
	len = plain_copy(text, sizeof(text), text, 255);
	cr_assert_eq(len, 255);
	for (i = 0; i < len; i++)
		cr_assert(text[i] >= ' ' && text[i] <= '~');
}

/* --- samples and rates --- */

static void
refused(struct sample *s, uint64_t id, uint8_t client, const char *name,
    uint32_t count, uint32_t last)
{
	struct control_refusal r = { .type = CONTROL_REFUSAL,
	    .family = ADDR_V4, .client = { 192, 0, 2, client }, .id = id,
	    .count = count, .last = last, .reason = "blocked by ACL line 7" };

	(void)snprintf(r.name, sizeof(r.name), "%s", name);
	sample_add_refusal(s, &r);
}

static void
matched(struct sample *s, uint32_t line, uint64_t hits)
{
	const struct control_rule r = { .type = CONTROL_RULE, .line = line,
	    .hits = hits, .sum = 5, .last = 3 };

	sample_add_rule(s, &r);
}

/* Both are there, two seconds apart. */
static void
begin(void)
{
	sample_clear(&before, 10 * CLOCK_SECOND);
	sample_clear(&now, 12 * CLOCK_SECOND);
	before.up = now.up = true;
	before.has_refusals = now.has_refusals = true;
	before.has_rules = now.has_rules = true;
	before.status = now.status = (struct control_status){ .families = 3,
	    .ready = 3, .grants = 5, .grants_max = 10, .nupstreams = 2,
	    .upstreams = { "192.0.2.53", "2001:db8::53" }, .rules = 9,
	    .scope = "192.0.2.1 port 53" };
	view = (struct view){ .what = VIEW_CLIENTS };
}

static void
end(void)
{
	sample_sort(&before);
	sample_sort(&now);
	rates_between(&before, &now, &rates);
}

TestSuite(top, .init = begin, .timeout = 60);

Test(top, U6_rates_are_what_came_between)
{
	before.status.counters.queries = 100;
	now.status.counters.queries = 107;
	now.status.counters.untold = 1;
	now.status.results[RESULT_STALE] = 2;
	before.status.transactions = now.status.transactions = 4;
	now.status.repairs = 3;
	end();
	cr_assert(rates.known && rates.ns == 2 * CLOCK_SECOND);
	cr_assert(rates.counters.queries == 7 && rates.counters.untold == 1);
	cr_assert_eq(rates.results[RESULT_STALE], 2);
	cr_assert(rates.transactions == 0 && rates.repairs == 3);
}

/* Another run of dnsfw, or none. */
Test(top, U6_rates_that_are_not_known)
{
	before.status.counters.junk = 1;
	end();
	cr_assert(!rates.known);
	before.status.counters.junk = 0;
	end();
	cr_assert(rates.known);
	before.up = false;
	end();
	cr_assert(!rates.known);
	before.up = true;
	now.up = false;
	end();
	cr_assert(!rates.known);
	now.up = true;
	now.at = before.at;
	end();
	cr_assert(!rates.known);
}

/* However many come, in whatever order, and whatever they hold. */
Test(top, U6_a_sample_of_many)
{
	struct control_refusal odd;
	uint64_t i;

	for (i = 1000; i > 0; i--)
		refused(&now, i, 1, "x.test.", (uint32_t)i, 0);
	memset(&odd, 'x', sizeof(odd));
	odd.id = 5000;
	sample_add_refusal(&now, &odd);
	for (i = 0; i < MSG_LINES_MAX + 10; i++)
		matched(&now, (uint32_t)(MSG_LINES_MAX - i), i);
	end();
	cr_assert_eq(now.nrefusals, 1001);
	cr_assert_eq(strlen(now.refusals[1000].name), MSG_NAME_SIZE - 1);
	cr_assert(sample_count(&now, 1) == 1 && sample_count(&now, 777) == 777);
	cr_assert(sample_count(&now, 0) == 0 && sample_count(&now, 1001) == 0);
	cr_assert_eq(now.nrules, MSG_LINES_MAX);
	cr_assert_eq(sample_hits(&now, MSG_LINES_MAX - 3), 3);
	for (i = 0; i < SAMPLE_REFUSALS_MAX; i++)
		sample_add_refusal(&now, &odd);
	cr_assert_eq(now.nrefusals, SAMPLE_REFUSALS_MAX);
	sample_clear(&now, 1);
	cr_assert(now.nrefusals == 0 && now.nrules == 0 && !now.up);
	cr_assert_eq(sample_count(&now, 777), 0);
}

/* --- rows --- */

static const char *
line_text(uint32_t line, uint32_t sum, size_t *len)
{
	cr_assert_eq(sum, 5);
	*len = 9;
	return (line == 7 ? "a\tb\033[31mc" : NULL);
}

static void
make(void)
{
	end();
	table_make(&table, &view, rates.known ? &before : NULL, &now,
	    line_text);
}

static void
is_row(size_t i, const char *text, uint64_t more, uint64_t count,
    uint32_t last)
{
	const struct row *r = &table.rows[i];

	cr_assert_lt(i, table.n);
	cr_assert_str_eq(r->text, text);
	cr_assert(r->more == more && r->count == count && r->last == last,
	    "%zu: %" PRIu64 " %" PRIu64 " %" PRIu32, i, r->more, r->count,
	    r->last);
}

/* Refusals: before, of which one grew, one is as it was, one is gone; and new. */
static void
some(void)
{
	refused(&before, 1, 1, "b.test.", 5, 0);
	refused(&before, 2, 1, "a.test.", 2, 0);
	refused(&before, 3, 2, "a.test.", 9, 0);
	refused(&now, 4, 3, "c.test.", 4, 1);
	refused(&now, 2, 1, "a.test.", 2, 20);
	refused(&now, 1, 1, "b.test.", 8, 0);
	refused(&now, 5, 3, "", 1, 7);
}

Test(top, U6_refusals_by_client)
{
	some();
	make();
	cr_assert_eq(table.n, 2);
	is_row(0, "192.0.2.3", 5, 5, 1);
	is_row(1, "192.0.2.1", 3, 10, 0);
}

Test(top, U6_refusals_by_name)
{
	view.what = VIEW_NAMES;
	some();
	make();
	cr_assert_eq(table.n, 4);
	is_row(0, "c.test.", 4, 4, 1);
	is_row(1, "b.test.", 3, 8, 0);
	is_row(2, "-", 1, 1, 7);
	is_row(3, "a.test.", 0, 2, 20);
}

Test(top, U6_refusals_with_their_reasons)
{
	view.what = VIEW_REFUSALS;
	view.order = VIEW_BY_TEXT;
	some();
	make();
	cr_assert_eq(table.n, 4);
	is_row(0, "192.0.2.1        a.test.               blocked by ACL "
	    "line 7", 0, 2, 20);
}

/* Without what was before, nothing is taken for new. */
Test(top, U6_the_first_rows_have_no_rates)
{
	some();
	before.has_refusals = false;
	make();
	is_row(0, "192.0.2.1", 0, 10, 0);
	before.up = false;
	make();
	is_row(0, "192.0.2.1", 0, 10, 0);
}

Test(top, U6_orders)
{
	static const struct {
		enum view_order	order;
		const char	*first, *last;
	} orders[] = {
		{ VIEW_BY_RATE, "c.test.", "a.test." },
		{ VIEW_BY_COUNT, "b.test.", "-" },
		{ VIEW_BY_LAST, "b.test.", "a.test." },
		{ VIEW_BY_TEXT, "-", "c.test." }
	};
	size_t i;

	view.what = VIEW_NAMES;
	some();
	for (i = 0; i < VIEW_ORDERS; i++) {
		view.order = orders[i].order;
		make();
		cr_assert_str_eq(table.rows[0].text, orders[i].first);
		cr_assert_str_eq(table.rows[3].text, orders[i].last);
	}
}

Test(top, U6_a_filter)
{
	view.what = VIEW_NAMES;
	some();
	strcpy(view.filter, "A.TE");
	make();
	cr_assert_eq(table.n, 1);
	is_row(0, "a.test.", 0, 2, 20);
	strcpy(view.filter, "nothing");
	make();
	cr_assert_eq(table.n, 0);
}

Test(top, U6_rules_with_most_hits)
{
	view.what = VIEW_RULES;
	matched(&before, 7, 10);
	matched(&before, 9, 50);
	matched(&now, 9, 51);
	matched(&now, 12, 2);
	matched(&now, 7, 14);
	make();
	cr_assert_eq(table.n, 3);
	is_row(0, "    7  a b?[31mc", 4, 14, 3);
	is_row(1, "   12  ", 2, 2, 3);
	is_row(2, "    9  ", 1, 51, 3);
	/* Another list: fewer than before. */
	now.nrules = 0;
	matched(&now, 7, 3);
	make();
	is_row(0, "    7  a b?[31mc", 3, 3, 3);
	before.has_rules = false;
	make();
	is_row(0, "    7  a b?[31mc", 0, 3, 3);
}

/* Longer than a row: name, reason, address, and the text of a rule. */
Test(top, U6_long_texts)
{
	struct control_refusal r = { .family = ADDR_V6, .id = 1 };

	memset(r.client, 0xfe, sizeof(r.client));
	memset(r.name, '\033', sizeof(r.name));
	memset(r.reason, '\377', sizeof(r.reason));
	sample_add_refusal(&now, &r);
	view.what = VIEW_REFUSALS;
	make();
	cr_assert_eq(table.n, 1);
	cr_assert_eq(strspn(table.rows[0].text, "fe:? "),
	    strlen(table.rows[0].text));
	/* 39 + 2 + 127 + 2 + 63 */
	cr_assert_eq(strlen(table.rows[0].text), 233);
}

/* --- keys --- */

static void
keys(const char *text)
{
	for (; *text != '\0'; text++)
		view_key(&view, *text, 10);
}

Test(top, U6_keys_choose)
{
	keys("3");
	cr_assert_eq(view.what, VIEW_REFUSALS);
	keys("\t\t");
	cr_assert_eq(view.what, VIEW_CLIENTS);
	keys("45690xZ?\1");
	cr_assert(view.what == VIEW_RULES && view.order == VIEW_BY_RATE);
	view_key(&view, VIEW_NONE, 10);
	keys("sss");
	cr_assert_eq(view.order, VIEW_BY_TEXT);
	keys("s");
	cr_assert_eq(view.order, VIEW_BY_RATE);
	cr_assert(!view.quits);
	keys("q");
	cr_assert(view.quits);
}

Test(top, U6_keys_scroll)
{
	view_key(&view, VIEW_UP, 10);
	cr_assert_eq(view.first, 0);
	view_key(&view, VIEW_DOWN, 10);
	view_key(&view, VIEW_PAGE_DOWN, 10);
	cr_assert_eq(view.first, 11);
	view_limit(&view, 12);
	cr_assert_eq(view.first, 11);
	view_limit(&view, 11);
	cr_assert_eq(view.first, 10);
	view_key(&view, VIEW_UP, 10);
	cr_assert_eq(view.first, 9);
	view_key(&view, VIEW_PAGE_UP, 10);
	cr_assert_eq(view.first, 0);
	view_key(&view, VIEW_PAGE_DOWN, 10);
	view_key(&view, VIEW_HOME, 10);
	cr_assert_eq(view.first, 0);
	view_key(&view, VIEW_PAGE_DOWN, 10);
	keys("2");
	cr_assert_eq(view.first, 0);
	view_limit(&view, 0);
	cr_assert_eq(view.first, 0);
}

Test(top, U6_keys_filter)
{
	unsigned int i;

	view.first = 5;
	keys("/q2s/");
	cr_assert(view.typing && !view.quits && view.what == VIEW_CLIENTS);
	cr_assert_str_eq(view.filter, "q2s/");
	cr_assert_eq(view.first, 0);
	keys("\033\t\200");
	view_key(&view, VIEW_RUBOUT, 10);
	view_key(&view, VIEW_DOWN, 10);
	cr_assert_str_eq(view.filter, "q2s");
	view_key(&view, VIEW_ENTER, 10);
	keys("2");
	cr_assert(!view.typing && view.what == VIEW_NAMES);
	cr_assert_str_eq(view.filter, "q2s");
	view_key(&view, VIEW_ESCAPE, 10);
	cr_assert_str_eq(view.filter, "");
	keys("/");
	view_key(&view, VIEW_RUBOUT, 10);
	for (i = 0; i < 2 * VIEW_FILTER_MAX; i++)
		keys("x");
	cr_assert_eq(strlen(view.filter), VIEW_FILTER_MAX - 1);
	view_key(&view, VIEW_ESCAPE, 10);
	cr_assert(!view.typing && view.filter[0] == '\0');
}

/* --- lines --- */

static bool answers = true;

static void
lay_out(size_t rows, size_t columns)
{
	const struct page_of of = { .path = "/run/control", .clock = "12:34:56",
	    .view = &view, .sample = &now, .up = answers, .rates = &rates,
	    .table = &table };

	page.rows = rows;
	page.columns = columns;
	page_make(&page, &of);
}

static void
is_page(const char *const lines[], size_t n)
{
	size_t i;

	cr_assert_eq(page.rows, n);
	for (i = 0; i < n; i++)
		cr_assert_str_eq(page.lines[i].text, lines[i], "line %zu: %s",
		    i, page.lines[i].text);
}

static bool
looks(size_t row, enum page_look look)
{
	return (page.lines[row].look == look);
}

Test(top, U6_a_page)
{
	static const char *const lines[] = {
		"dnsfw  12:34:56",
		"queries    3.5/s; refused 1.0/s, bad 0.0/s, turned away 0.0/s",
		"grants     5 of 10; granted 0.5/s, no room 0.0/s, failed "
		    "0.0/s",
		"firewall   ready; transactions 0.0/s, each -, repairs 0",
		"upstreams  192.0.2.53 answers, 2001:db8::53 answers",
		"upstream   asked 0.0/s, each -, shared 0.0/s, timeouts "
		    "0.0/s, junk 0.0/s",
		"list       9 rules, reloaded 0 times",
		"serves     192.0.2.1 port 53",
		"[1 clients]  2 names   3 refusals   4 rules  by rate, 2 in "
		    "all",
		" REFUSED    IN ALL  LAST  CLIENT",
		"   2.5/s         5    1s  192.0.2.3",
		"   1.5/s        10    0s  192.0.2.1",
		"", "", "", "", "", "",
		"q quit  1-4 what  s sort  / only with  arrows scroll"
	};
	size_t i;

	now.status.counters.queries = 7;
	now.status.counters.refused = 2;
	now.status.results[RESULT_OK] = 1;
	some();
	make();
	lay_out(19, 80);
	is_page(lines, 19);
	for (i = 0; i < 19; i++)
		cr_assert_eq(page.lines[i].look, i == 0 || i == 9 || i == 18 ?
		    LOOK_TITLE : LOOK_PLAIN);
	cr_assert_eq(page.shown, 2);
}

Test(top, U6_a_small_page)
{
	static const char *const lines[] = {
		"dnsfw  12:34:56",
		"queries    0.0/s; r>",
		" REFUSED  CLIENT",
		"   2.5/s  192.0.2.3",
		"q quit  1-4 what  s>"
	};

	some();
	make();
	lay_out(5, 20);
	is_page(lines, 5);
}

static void
audited(struct sample *s, uint64_t id, uint8_t client, const char *name,
    uint32_t count)
{
	refused(s, id, client, name, count, 0);
	s->refusals[s->nrefusals - 1].kind = REFUSAL_AUDIT;
}

/* Of a client, and of a name, both may have been: what was let pass is known. */
Test(top, U8_what_was_let_pass_is_counted_apart)
{
	audited(&before, 1, 1, "a.test.", 2);
	audited(&now, 1, 1, "a.test.", 5);
	audited(&now, 2, 1, "b.test.", 1);
	refused(&now, 3, 1, "b.test.", 4, 0);
	refused(&now, 4, 2, "b.test.", 7, 0);
	make();
	is_row(0, "192.0.2.1", 8, 10, 0);
	cr_assert(table.rows[0].audited && table.rows[0].more_audited == 4);
	is_row(1, "192.0.2.2", 7, 7, 0);
	cr_assert(!table.rows[1].audited && table.rows[1].more_audited == 0);
}

static void
is_table(const char *head, const char *first, const char *second)
{
	make();
	lay_out(19, page.columns);
	cr_assert_str_eq(page.lines[9].text, head);
	cr_assert_str_eq(page.lines[10].text, first);
	cr_assert_str_eq(page.lines[11].text, second);
}

/* As in the log, if anything is let pass at all. */
Test(top, U8_what_was_let_pass_is_marked)
{
	audited(&now, 1, 1, "a.test.", 4);
	refused(&now, 2, 2, "b.test.", 2, 0);
	page.columns = 80;
	is_table(" REFUSED    IN ALL  LAST  CLIENT",
	    "   2.0/s         4    0s  192.0.2.1",
	    "   1.0/s         2    0s  192.0.2.2");
	now.status.audit = 1;
	is_table(" REFUSED    IN ALL  LAST     CLIENT",
	    "   2.0/s         4    0s  ?> 192.0.2.1",
	    "   1.0/s         2    0s     192.0.2.2");
	page.columns = 40;
	is_table(" REFUSED     CLIENT", "   2.0/s  ?> 192.0.2.1",
	    "   1.0/s     192.0.2.2");
	view.what = VIEW_RULES;
	matched(&now, 7, 2);
	is_table("    HITS   LINE  RULE", "   1.0/s      7  a b?[31mc", "");
}

Test(top, U8_nothing_is_refused_with_audit)
{
	now.status.audit = 1;
	now.status.counters.audited = 5;
	make();
	lay_out(24, 80);
	cr_assert_str_eq(page.lines[0].text,
	    "dnsfw  12:34:56  --audit: nothing is refused");
	cr_assert_str_eq(page.lines[1].text, "queries    0.0/s; would be "
	    "refused 2.5/s, bad 0.0/s, turned away 0.0/s");
}

/* Of those since the last refresh: here 2 of 0.3 ms, and 4 of 2.5 ms. */
Test(top, U6_what_one_takes)
{
	before.status.kernel.sum = 7000000;
	before.status.kernel.counts[0] = 7;
	now.status.kernel = before.status.kernel;
	now.status.kernel.sum += 600000;
	now.status.kernel.counts[HISTOGRAM_BOUNDS] += 2;
	now.status.counters.upstream.sum = 10000000;
	now.status.counters.upstream.counts[3] = 4;
	make();
	lay_out(24, 80);
	cr_assert_str_eq(page.lines[3].text,
	    "firewall   ready; transactions 0.0/s, each 0.30 ms, repairs 0");
	cr_assert_str_eq(page.lines[5].text, "upstream   asked 0.0/s, each "
	    "2.50 ms, shared 0.0/s, timeouts 0.0/s, junk 0.0/s");
}

Test(top, U6_what_needs_a_look)
{
	make();
	lay_out(24, 80);
	now.status.ready = 1;
	now.status.silent = 2;
	now.status.grants = 10;
	now.status.reloading = 1;
	make();
	lay_out(24, 80);
	cr_assert_str_eq(page.lines[3].text,
	    "firewall   NOT READY; transactions 0.0/s, each -, repairs 0");
	cr_assert_str_eq(page.lines[4].text, "upstreams  192.0.2.53 answers, "
	    "2001:db8::53 DOES NOT ANSWER");
	cr_assert(looks(2, LOOK_ALERT) && looks(3, LOOK_ALERT) &&
	    looks(4, LOOK_ALERT) && looks(1, LOOK_PLAIN));
	cr_assert_str_eq(page.lines[6].text,
	    "list       9 rules, reloaded 0 times, reloading");
	now.status.families = now.status.ready = 0;
	now.status.grants = 0;
	now.status.results[RESULT_FAILED] = 1;
	make();
	lay_out(24, 80);
	cr_assert_str_eq(page.lines[3].text,
	    "firewall   none; transactions 0.0/s, each -, repairs 0");
	cr_assert(looks(2, LOOK_ALERT) && looks(3, LOOK_PLAIN));
}

Test(top, U6_a_page_without_dnsfw)
{
	some();
	before.up = false;
	make();
	answers = false;
	lay_out(24, 80);
	cr_assert_str_eq(page.lines[0].text,
	    "dnsfw does not answer at /run/control  12:34:56");
	cr_assert(looks(0, LOOK_ALERT));
	cr_assert_str_eq(page.lines[1].text,
	    "queries    -; refused -, bad -, turned away -");
	cr_assert_str_eq(page.lines[10].text,
	    "       -        10    0s  192.0.2.1");
}

Test(top, U6_a_page_with_a_filter)
{
	some();
	keys("/.3");
	make();
	lay_out(24, 80);
	cr_assert_str_eq(page.lines[23].text, "only with: .3_");
	view_key(&view, VIEW_ENTER, 10);
	make();
	lay_out(24, 80);
	cr_assert_str_eq(page.lines[23].text,
	    "only with: .3  ESC all  q quit");
	cr_assert_str_eq(page.lines[8].text,
	    "[1 clients]  2 names   3 refusals   4 rules  by rate, 1 in all");
}

Test(top, U6_ages)
{
	static const struct { uint32_t last; const char *text; } ages[] = {
		{ 119, " 119s" }, { 120, "   2m" }, { 7199, " 119m" },
		{ 7200, "   2h" }, { 2 * 86400, "   2d" },
		{ UINT32_MAX, "49710d" }
	};
	size_t i;

	for (i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		now.nrefusals = 0;
		refused(&now, 1, 1, "a.test.", 1, ages[i].last);
		make();
		lay_out(24, 80);
		cr_assert_not_null(strstr(page.lines[10].text, ages[i].text));
	}
}

/* Each size, with more rows than fit: no line is too long, none is lost. */
Test(top, U6_any_size)
{
	size_t rows, columns, i, len;
	char name[32];

	for (i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "n%03zu.test.", i);
		refused(&now, i + 1, (uint8_t)i, name, 1, 0);
	}
	view.what = VIEW_NAMES;
	view.order = VIEW_BY_TEXT;
	view.first = 7;
	make();
	for (rows = 0; rows < 300; rows++)
		for (columns = 0; columns < 600; columns += columns < 90 ? 1 :
		    97) {
			lay_out(rows, columns);
			cr_assert(page.rows <= PAGE_ROWS_MAX &&
			    page.columns <= PAGE_COLUMNS_MAX);
			for (i = 0; columns > 0 && i < page.rows; i++) {
				len = strlen(page.lines[i].text);
				cr_assert_leq(len, page.columns);
			}
			cr_assert_eq(page.shown, columns == 0 ? 0 :
			    page_table_rows(page.rows));
		}
	lay_out(24, 80);
	cr_assert_eq(page.shown, 13);
	cr_assert_not_null(strstr(page.lines[10].text, "  n007.test."));
	cr_assert_not_null(strstr(page.lines[22].text, "  n019.test."));
	lay_out(3, 80);
	cr_assert_eq(page.shown, 0);
	lay_out(4, 80);
	cr_assert_eq(page.shown, 1);
}

/* What another program sent may be anything. */
Test(top, U6_a_page_of_nonsense)
{
	size_t i;

	memset(&now.status, 0xff, sizeof(now.status));
	now.status.scope[CONTROL_SCOPE_MAX - 1] = '\0';
	memset(before.status.scope, 0, sizeof(before.status.scope));
	make();
	lay_out(24, 80);
	for (i = 0; i < 24; i++)
		cr_assert_eq(plain_copy(page.lines[i].text, 81,
		    page.lines[i].text, 80), strlen(page.lines[i].text));
	cr_assert_null(strstr(page.lines[7].text, "\377"));
}
