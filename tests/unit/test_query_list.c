/* What the list, and what it says meanwhile, makes of a query. */
#include "query_rig.h"

TestSuite(query, .init = set_up);

/* --- a list that came meanwhile (A9) --- */

Test(query, A9_what_the_new_list_blocks_does_not_pass)
{
	acl.nports = 0;
	acl.resolve = true;
	ask(1, TYPE_A, false);
	ask(2, TYPE_A, false);
	acl.verdict = ACL_BLOCK;
	/* It is not in force yet. */
	answer(0);
	cr_assert_eq(rcode(), RCODE_NOERROR);
	policy.generation++;
	answer(1);
	cr_assert_eq(rcode(), RCODE_SERVFAIL);
	cr_assert_str_eq(text, "the policy has changed");
	cr_assert_eq(nsent, 2);
	cr_assert_eq(nplaces, 0);
}

/* Nor as one that is cut. */
Test(query, A9_what_the_new_list_blocks_is_not_cut_either)
{
	acl.nports = 0;
	acl.resolve = true;
	ask(1, TYPE_A, false);
	acl.verdict = ACL_LOCAL;
	policy.generation++;
	answer_of(0, 513);
	cr_assert_eq(rcode(), RCODE_SERVFAIL);
}

/* What it would say nobody knows, though the one of before is there. */
Test(query, D22_A9_a_new_list_that_is_not_here_yet)
{
	acl.nports = 0;
	acl.resolve = true;
	ask(1, TYPE_A, false);
	ask(2, TYPE_A, false);
	policy.missed = true;
	ask(3, TYPE_A, false);
	cr_assert_eq(rcode(), RCODE_SERVFAIL);
	cr_assert_str_eq(text, "the list in force could not be read");
	cr_assert_eq(nhits, 2);
	cr_assert_eq(njoined, 2);
	acl.verdict = ACL_NOMATCH;
	answer(0);
	cr_assert_eq(rcode(), RCODE_SERVFAIL);
	cr_assert_str_eq(text, "the policy has changed");
	/* It has come, and is like the other one. */
	policy.missed = false;
	policy.generation++;
	acl.verdict = ACL_ALLOW;
	answer(1);
	cr_assert_eq(rcode(), RCODE_NOERROR);
	ask(4, TYPE_A, false);
	cr_assert_eq(njoined, 3);
}

Test(query, A9_what_the_new_list_allows_passes)
{
	acl.nports = 0;
	acl.resolve = true;
	ask(1, TYPE_TXT, false);
	ask(2, TYPE_TXT, false);
	policy.generation++;
	answer(0);
	cr_assert_eq(rcode(), RCODE_NOERROR);
	/* With -> alone, other types are refused (D4). */
	acl.nports = 1;
	acl.resolve = false;
	answer(1);
	cr_assert_eq(rcode(), RCODE_SERVFAIL);
	cr_assert_eq(nverdicts, 0);
}

Test(query, A9_what_the_new_list_grants_is_granted)
{
	acl.nports = 0;
	acl.resolve = true;
	ask(1, TYPE_A, false);
	acl.nports = 1;
	policy.generation++;
	answer(0);
	cr_assert_eq(nverdicts, 1);
	leaves();
	/* And the reverse. */
	ask(2, TYPE_A, false);
	acl.nports = 0;
	policy.generation++;
	answer(1);
	cr_assert_eq(nverdicts, 1);
	cr_assert_eq(nsent, 2);
	cr_assert_eq(rcode(), RCODE_NOERROR);
}

/* Whoever asks why hears what the log says, once for each. */
Test(query, U5_what_is_told)
{
	ask(1, TYPE_A, false);
	cr_assert_eq(ntold, 0);
	loop.now += 10 * CLOCK_SECOND;
	answer(0);
	cr_assert(!query_tick());
	cr_assert(ntold == 1 && told_kind == REFUSAL_ANSWER);
	cr_assert_str_eq(told, "the firewall did not answer in time");
	acl.verdict = ACL_NOMATCH;
	ask(2, TYPE_A, false);
	cr_assert(ntold == 2 && told_kind == REFUSAL_LIST);
	cr_assert_str_eq(told, "no ACL rule allows it");
	acl.verdict = ACL_BLOCK;
	acl.line = 7;
	ask(3, TYPE_A, false);
	cr_assert(ntold == 3 && told_kind == REFUSAL_LIST);
	cr_assert_str_eq(told, "blocked by ACL line 7");
	acl.verdict = ACL_LOCAL;
	ask(4, TYPE_A, false);
	cr_assert(ntold == 4 && told_kind == REFUSAL_LIST);
	cr_assert_str_eq(told, "answered by ACL line 7");
	acl.verdict = ACL_ALLOW;
	ask(5, 252, false);
	cr_assert(ntold == 5 && told_kind == REFUSAL_QUERY);
	cr_assert_str_eq(told, text);
	ask(6, TYPE_A, false);
	cr_assert_eq(ntold, 5);
	/* Of another file (U11). */
	acl.verdict = ACL_BLOCK;
	acl.line = 107;
	ask(7, TYPE_A, false);
	cr_assert_str_eq(told, "blocked by ACL line 7 of conf.d/kids.acl");
}

/* Once a query, whatever becomes of it. */
Test(query, U6_what_is_counted)
{
	ask(1, TYPE_A, false);
	cr_assert_eq(nhits, 1);
	policy.generation++;
	answer(0);
	cr_assert_eq(nhits, 1);
	acl.verdict = ACL_BLOCK;
	ask(2, TYPE_A, false);
	cr_assert_eq(nhits, 2);
}

/* --- --audit (U8) --- */

/* www.example is an alias of its own zone. */
static void
answer_alias(unsigned int i)
{
	static const uint8_t msg[] =
	    "\0\1\x81\x80\0\1\0\1\0\0\0\0\3www\7example\0\0\1\0\1"
	    "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\2\xc0\x10";
	struct dns_response response;
	struct answer a;

	cr_assert_eq(dns_response_parse(msg, sizeof(msg) - 1, &response),
	    DNS_OK);
	answer_begin(&a, msg, sizeof(msg) - 1, &response, NULL);
	joined[i]->exchange = NULL;
	waits->answered(joined[i], &a);
	answer_end(&a);
}

static void
let_through(const char *reason, unsigned int n)
{
	cr_assert_eq(nsent, n - 1);
	cr_assert_eq(njoined, n);
	cr_assert_eq(counters.refused, 0);
	cr_assert_eq(counters.audited, n);
	cr_assert_eq(logged, ACCESS_AUDIT);
	cr_assert_eq(told_kind, REFUSAL_AUDIT);
	cr_assert_str_eq(told, reason);
	answer(n - 1);
	cr_assert_eq(npassed, n);
	cr_assert_eq(nverdicts, 0);
	cr_assert_eq(nsent, n);
	cr_assert_eq(rcode(), RCODE_NOERROR);
}

Test(query, U8_what_the_list_refuses_is_let_through_without_a_grant)
{
	settings.config.audit = 1;
	acl = (struct acl_decision){ .verdict = ACL_NOMATCH };
	ask(1, TYPE_A, false);
	let_through("would be refused: no ACL rule allows it", 1);
	acl = (struct acl_decision){ .verdict = ACL_BLOCK, .line = 7 };
	ask(2, TYPE_A, false);
	let_through("would be blocked by ACL line 7", 2);
	/* A type that -> does not allow. */
	acl = (struct acl_decision){ .verdict = ACL_ALLOW, .nports = 1 };
	ask(3, 16, false);
	let_through("would be refused: not this query type", 3);
	/* A block in other words. */
	acl = (struct acl_decision){ .verdict = ACL_LOCAL, .line = 8,
	    .local = { .family = ADDR_V4 } };
	ask(4, TYPE_A, false);
	let_through("would be blocked by ACL line 8", 4);
	acl.local.bytes[0] = 127;
	ask(5, TYPE_A, false);
	let_through("would be blocked by ACL line 8", 5);
}

Test(query, U8_what_the_list_allows_is_as_ever)
{
	settings.config.audit = 1;
	ask(1, TYPE_A, false);
	cr_assert_eq(logged, ACCESS_FORWARD);
	answer(0);
	leaves();
	cr_assert_eq(nverdicts, 1);
	cr_assert_eq(npassed + counters.audited + ntold, 0);
	/* A name with an address of the list's is told that. */
	acl = (struct acl_decision){ .verdict = ACL_LOCAL,
	    .local = { .family = ADDR_V4, .bytes = { 192, 0, 2, 1 } } };
	ask(2, TYPE_A, false);
	cr_assert_eq(njoined, 1);
	cr_assert_eq(counters.refused, 1);
	/* So is what is not of the list's making. */
	acl = (struct acl_decision){ .verdict = ACL_NOMATCH };
	ask(3, 252, false);
	cr_assert_eq(rcode(), RCODE_REFUSED);
	cr_assert_eq(njoined, 1);
}

Test(query, U8_a_retransmission_is_told_of_once)
{
	settings.config.audit = 1;
	acl = (struct acl_decision){ .verdict = ACL_NOMATCH };
	ask(1, TYPE_A, false);
	ask(1, TYPE_A, false);
	cr_assert_eq(nagain, 1);
	cr_assert_eq(counters.audited, 1);
	cr_assert_eq(ntold, 1);
}

Test(query, U8_a_blocked_alias_is_let_through_without_a_grant)
{
	settings.config.audit = 1;
	blocked = (struct acl_decision){ .verdict = ACL_BLOCK, .line = 9 };
	ask(1, TYPE_A, false);
	cr_assert_eq(logged, ACCESS_FORWARD);
	answer_alias(0);
	cr_assert_eq(npassed, 1);
	cr_assert_eq(nverdicts, 0);
	cr_assert_eq(counters.audited, 1);
	cr_assert_str_eq(told, "would be blocked by ACL line 9");
}

/* The list changes between a question and its answer. */
Test(query, U8_the_list_of_the_answer_counts)
{
	settings.config.audit = 1;
	ask(1, TYPE_A, false);
	policy.generation++;
	acl = (struct acl_decision){ .verdict = ACL_NOMATCH };
	answer(0);
	cr_assert_eq(npassed, 1);
	cr_assert_eq(nverdicts, 0);
	cr_assert_eq(nobserved, 1);
	ask(2, TYPE_A, false);
	policy.generation++;
	acl = (struct acl_decision){ .verdict = ACL_ALLOW, .nports = 1 };
	answer(1);
	cr_assert_eq(nverdicts, 1);
}

/* --- long messages (D21) --- */

#define LONG	513U		/* octets: what it takes to be one */

static uint8_t records = 1;	/* that it says to have */
static uint8_t flags = 1;	/* the upper octet */

/* A question, a record of the type, and then so many octets that belong to nothing. */
static void
ask_long(uint16_t type, size_t size, size_t behind)
{
	static uint8_t msg[2 * LONG];
	static const uint8_t begin[] =
	    "\0\1\1\0\0\1\0\0\0\0\0\1\3www\7example\0\0\1\0\1\0";
	const struct addr client = { .family = ADDR_V4 };
	struct asker from = { .tcp = true,
	    .conn = (struct tcp_conn *)(uintptr_t)place };
	size_t len = sizeof(begin) - 1, room = size - behind - len - 10;

	memset(msg, 0, sizeof(msg));
	memcpy(msg, begin, len);
	msg[2] = flags;
	msg[11] = records;
	msg[len] = (uint8_t)(type >> 8);
	msg[len + 1] = (uint8_t)type;
	msg[len + 2] = 4;
	msg[len + 8] = (uint8_t)(room >> 8);
	msg[len + 9] = (uint8_t)room;
	if (type == TYPE_OPT) {
		/* One option; the room for it is not broken. */
		msg[len + 12] = (uint8_t)((room - 4) >> 8);
		msg[len + 13] = (uint8_t)(room - 4);
	}
	query_receive(msg, size, &client, &from);
}

/* Its rdata is not what one of that type has. */
static void
ask_broken(size_t size)
{
	ask_long(TYPE_NS, size, 0);
}

Test(query, D21_a_long_one_is_refused_unread)
{
	acl.verdict = ACL_BLOCK;
	ask_broken(LONG - 1);
	cr_assert_eq(rcode(), RCODE_FORMERR);
	ask_broken(LONG);
	cr_assert_eq(rcode(), RCODE_REFUSED);
	cr_assert(ntold == 2 && told_kind == REFUSAL_LIST);
	/* With its question. */
	cr_assert_eq(sent_len, 29);
	cr_assert_eq(memcmp(sent + 12, "\3www\7example\0\0\1\0\1", 17), 0);
	/* Under -> a message has one shape (D10). */
	acl.verdict = ACL_ALLOW;
	ask_broken(LONG);
	cr_assert_eq(rcode(), RCODE_FORMERR);
	cr_assert_str_eq(text, "more than a question and an OPT record");
	cr_assert_eq(nsent, 3);
	cr_assert_eq(njoined, 0);
}

/* More records than any query has. */
Test(query, D21_a_crowd_is_malformed)
{
	acl.verdict = ACL_BLOCK;
	records = 3;
	ask_broken(LONG);
	cr_assert_eq(rcode(), RCODE_REFUSED);
	records = 4;
	ask_broken(LONG);
	cr_assert_eq(rcode(), RCODE_FORMERR);
	cr_assert_str_eq(text, "more than a question and an OPT record");
	/* An update may have as many. */
	flags = DNS_OPCODE_UPDATE << 3;
	ask_broken(LONG);
	cr_assert_eq(rcode(), RCODE_REFUSED);
	cr_assert_eq(njoined, 0);
	/* Who may resolve has it read. */
	flags = 1;
	acl = (struct acl_decision){ .verdict = ACL_ALLOW, .resolve = true };
	ask_broken(LONG);
	cr_assert_eq(rcode(), RCODE_FORMERR);
	cr_assert_str_eq(text, dns_strerror(DNS_ERDATA));
}

/* A question is refused as ever, with an Extended DNS Error (D2). */
Test(query, D21_a_long_question_is_refused)
{
	acl.verdict = ACL_BLOCK;
	ask_long(TYPE_OPT, LONG, 0);
	cr_assert_eq(rcode(), RCODE_REFUSED);
	cr_assert_eq(sent[11], 1);
}

Test(query, D10_a_long_one_is_read_before_it_goes_on)
{
	ask_long(TYPE_OPT, LONG, 0);
	cr_assert_eq(njoined, 1);
	cr_assert(joined[0]->request->dns.whole);
	ask_long(TYPE_OPT, LONG, 1);
	cr_assert_eq(rcode(), RCODE_FORMERR);
	cr_assert_str_eq(text, "more than a question and an OPT record");
	cr_assert_eq(njoined, 1);
}

Test(query, D10_a_long_one_is_read_before_it_is_resolved)
{
	acl.nports = 0;
	acl.resolve = true;
	ask_broken(LONG);
	cr_assert_eq(rcode(), RCODE_FORMERR);
	cr_assert_eq(njoined, 0);
	ask_long(TYPE_TXT, LONG, 1);
	cr_assert_eq(nsent, 1);
	cr_assert_eq(njoined, 1);
	/* What is behind it is not of it. */
	cr_assert_eq(joined[0]->request->dns.length, LONG - 1);
}

/* And so it is where nothing is refused. */
Test(query, U8_a_long_one_is_read_before_it_is_let_through)
{
	settings.config.audit = 1;
	acl = (struct acl_decision){ .verdict = ACL_NOMATCH };
	ask_broken(LONG);
	cr_assert_eq(rcode(), RCODE_FORMERR);
	cr_assert_eq(njoined + counters.audited, 0);
	ask_long(TYPE_TXT, LONG, 0);
	cr_assert_eq(njoined, 1);
}
