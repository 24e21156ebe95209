/* What leaves of an answer, and when (G1 to G8, D23). */
#include <criterion/criterion.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "acl/image.h"
#include "addrtext.h"
#include "clock.h"
#include "compile_text.h"
#include "hash.h"
#include "serve/accesslog.h"
#include "serve/decision.h"
#include "serve/grants.h"
#include "serve/kin.h"
#include "serve/known.h"
#include "serve/loop.h"
#include "serve/policy.h"
#include "serve/priv.h"
#include "serve/quota.h"
#include "serve/settings.h"
#include "serve/tell.h"
#include "serve/verdict.h"

#define MAX	1100U

struct loop loop;
struct policy policy;

static uint32_t most = UINT32_MAX;	/* that the rule of port 444 grants */

uint32_t
policy_ttl(const struct acl_port *port, uint32_t ttl)
{
	return (port->port == 444 && ttl > most ? most : ttl);
}
struct settings settings;

static const struct grants_events *told;
static struct grants *asked;		/* those under way */
static struct grants_want wants[MAX];
static size_t nwants, nlooked, nlogged, nleft;
static bool full;			/* there is no room for more */
static bool no_memory;
/* The end of those that are known, from that number on none is. */
static uint64_t known_expiry;
static size_t nknown;
/* What the list says. */
static enum acl_verdict decided;
static unsigned int ports;
static bool resolve_first, overflow;

static struct request request;
static struct verdict verdict = { .request = &request };
static unsigned int nleaves, nfailed;
static bool granted;
static uint8_t left[DNS_MESSAGE_MAX];
static size_t left_len;
static char why[128];

/* --- stand-ins --- */

bool
priv_send(const void *buf, size_t n)
{
	(void)buf;
	(void)n;
	cr_assert_fail("there is one worker");
	abort();
}

static unsigned int removals_told;

void
tell(enum msg_refusal_kind kind, const struct request *r, const char *reason)
{
	cr_assert(kind == REFUSAL_ANSWER && r == &request);
	cr_assert_str_eq(reason, "an address that is never granted was removed");
	removals_told++;
}

void *__wrap_malloc(size_t);
void *__real_malloc(size_t);

void *
__wrap_malloc(size_t size)
{
	return (no_memory ? NULL : __real_malloc(size));
}

#define LABELS	8
static struct dns_name labels[LABELS];	/* of the first that were asked for */

void
grants_init(const struct grants_events *e)
{
	told = e;
}

uint64_t
grants_known(struct grants_want *w)
{
	w->lifetime = w->ttl;
	return (nlooked++ < nknown ? known_expiry : 0);
}

bool
grants_ask(struct grants *g, const struct grants_want *w, size_t n)
{
	size_t i;

	if (full)
		return (false);
	cr_assert(n > 0 && n <= MAX);
	memcpy(wants, w, n * sizeof(*w));
	for (i = 0; i < n && i < LABELS; i++)
		labels[i] = *w[i].label;
	nwants = n;
	g->n = g->pending = n;
	g->code = RESULT_OK;
	for (i = 0; i < n; i++) {
		g->waits[i].of = g;
		g->waits[i].client = w[i].client;
		g->waits[i].dst = w[i].dst;
		g->waits[i].port = w[i].port;
		g->waits[i].lifetime = w[i].lifetime;
		g->waits[i].forbidden = false;
	}
	asked = g;
	return (true);
}

void
grants_leave(struct grants *g)
{
	cr_assert_eq(g, asked);
	asked = NULL;
	nleft++;
}

void
access_grant(const struct request *r, const struct addr *client,
    const struct addr *dst, const struct acl_port *port, uint32_t ttl)
{
	cr_assert_eq(r, &request);
	cr_assert_neq(client->family, 0);
	cr_assert(dst->family != 0 && port->port >= 443 && ttl > 0);
	nlogged++;
}

/* Those that are allowed nothing, and how many ports an other address is. */
static struct addr refused;
static unsigned int other_ports;
static bool led;	/* to where others are: by a name of its own each (D14) */

void
decision_make_for(const struct request *r, const struct addr *client,
    struct decision *d)
{
	const bool is_asker = addr_equal(client, &request.client);
	unsigned int i;

	cr_assert_eq(r, &request);
	memset(d, 0, sizeof(*d));
	if (!is_asker) {
		d->acl.verdict = addr_equal(client, &refused) ? ACL_BLOCK :
		    ACL_ALLOW;
		d->acl.nports = (uint16_t)other_ports;
		for (i = 0; i < other_ports; i++)
			d->acl.ports[i] = (struct acl_port){
			    .proto = IPPROTO_UDP, .port = (uint16_t)(500 + i) };
		d->norigins = led;
		d->origins[0].len = client->bytes[3];
		return;
	}
	d->acl.verdict = decided;
	d->acl.nports = (uint16_t)ports;
	d->acl.resolve_first = resolve_first;
	d->acl.overflow = overflow;
	for (i = 0; i < ports; i++) {
		d->acl.ports[i].proto = IPPROTO_TCP;
		d->acl.ports[i].port = (uint16_t)(443 + i);
	}
}

void
decision_make(const struct request *r, struct decision *d)
{
	decision_make_for(r, &r->client, d);
}

bool
quota_serves(const struct addr *a)
{
	return (a->family == ADDR_V6 || a->bytes[0] == 10);
}

const struct dns_name *
decision_label(const struct decision *d, unsigned int port,
    const struct dns_name *qname)
{
	(void)port;
	return (d->norigins == 0 ? qname : &d->origins[0]);
}

static void
on_leaves(struct verdict *v, const struct reply *r, bool is_granted)
{
	cr_assert_eq(v, &verdict);
	cr_assert_null(v->held);
	nleaves++;
	granted = is_granted;
	left_len = r->len;
	memcpy(left, r->msg, r->len);
}

static void
on_failed(struct verdict *v, enum dns_ede ede, const char *reason)
{
	cr_assert_eq(v, &verdict);
	cr_assert_null(v->held);
	cr_assert_neq(ede, EDE_NONE);
	nfailed++;
	strncpy(why, reason, sizeof(why) - 1);
}

static void
on_error(void *arg, unsigned int line, unsigned int column, const char *text)
{
	(void)arg;
	cr_assert_fail("%u:%u %s", line, column, text);
}

/* The list in force, for who is of which host. */
static void
use_list(const char *text)
{
	static struct acl_compiled c;
	const char *nothing;

	free(c.image);
	cr_assert_eq(compile_text(text, strlen(text), false, on_error, NULL,
	    &c), 0);
	policy.image = acl_image_open(c.image, c.size, &nothing);
}

static void
set_up(void)
{
	static const struct verdict_events events = {
		.leaves = on_leaves, .failed = on_failed };

	hash_init();
	loop.now = 1000 * CLOCK_SECOND;
	use_list("10.77.1.2 ~> a\n");
	settings.config.firewall = 1;
	policy.families = MSG_FAMILY_V4 | MSG_FAMILY_V6;
	request.client = (struct addr){ .family = ADDR_V4,
	    .bytes = { 10, 77, 1, 2 } };
	request.from.tcp = true;
	request.from.conn = (struct tcp_conn *)&request;
	decided = ACL_ALLOW;
	ports = 1;
	verdict_init(&events);
}

TestSuite(verdict, .init = set_up);

/* --- answers --- */

static uint8_t msg[DNS_MESSAGE_MAX];
static size_t len;

static void
begin(void)
{
	static const uint8_t head[] = "\0\1\x81\xa0\0\1\0\0\0\0\0\0"
	    "\3www\7example\0\0\1\0\1";

	len = sizeof(head) - 1;
	memcpy(msg, head, len);
}

static void
add(const uint8_t *address, uint32_t ttl)
{
	const uint8_t head[] = { 0xc0, 12, 0, 1, 0, 1, (uint8_t)(ttl >> 24),
	    (uint8_t)(ttl >> 16), (uint8_t)(ttl >> 8), (uint8_t)ttl, 0, 4 };
	unsigned int n;

	memcpy(msg + len, head, sizeof(head));
	memcpy(msg + len + sizeof(head), address, 4);
	len += sizeof(head) + 4;
	n = msg[6] * 256U + msg[7] + 1;
	msg[6] = (uint8_t)(n >> 8);
	msg[7] = (uint8_t)n;
}

static void
add_many(unsigned int n)
{
	uint8_t a[4] = { 10, 78, 0, 0 };
	unsigned int i;

	for (i = 0; i < n; i++) {
		a[2] = (uint8_t)(i >> 8);
		a[3] = (uint8_t)i;
		add(a, 300);
	}
}

/* An IPv6 address for the same name, as from an ANY-like answer. */
static void
add6(unsigned int number)
{
	const uint8_t record[] = { 0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 60, 0, 16,
	    0xfd, 0x78, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    (uint8_t)(number >> 8), (uint8_t)number };
	unsigned int n = msg[6] * 256U + msg[7] + 1;

	memcpy(msg + len, record, sizeof(record));
	len += sizeof(record);
	msg[6] = (uint8_t)(n >> 8);
	msg[7] = (uint8_t)n;
}

static void
answer(void)
{
	static struct dns_response response;
	static uint8_t copy[DNS_MESSAGE_MAX];
	struct answer a;

	cr_assert_eq(dns_response_parse(msg, len, &response), DNS_OK);
	answer_begin(&a, msg, len, &response, NULL);
	memcpy(copy, msg, len);
	verdict_answer(&verdict, &a, copy);
	answer_end(&a);
	/* It is the caller's again. */
	memset(copy, 0xee, len);
}

static void
done(enum msg_result_code code, uint64_t expiry)
{
	struct grants *g = asked;

	cr_assert_not_null(g);
	asked = NULL;
	g->pending = 0;
	g->code = code;
	if (code == RESULT_OK && expiry < g->expiry)
		g->expiry = expiry;
	told->done(g);
}

/* Of the record with that number. */
static uint32_t
ttl_that_left(unsigned int number)
{
	size_t at = 12 + 13 + 4 + 16 * (size_t)number + 6;

	cr_assert(at + 10 <= left_len);
	return ((uint32_t)left[at] << 24 | (uint32_t)left[at + 1] << 16 |
	    (uint32_t)left[at + 2] << 8 | left[at + 3]);
}

static const uint8_t good[] = { 10, 78, 1, 1 }, other[] = { 10, 78, 1, 2 };
static const uint8_t loopback[] = { 127, 0, 0, 1 };

/* --- tests --- */

/* Each port for as long as its rule says, and the answer no longer (U11). */
Test(verdict, U11_times_of_a_rule)
{
	begin();
	add(good, 300);
	ports = 2;
	most = 60;
	answer();
	cr_assert_eq(nwants, 2);
	cr_assert_eq(wants[0].ttl, 300);
	cr_assert_eq(wants[1].ttl, 60);
}

Test(verdict, an_answer_is_held_until_all_is_granted)
{
	begin();
	add(good, 60);
	add(other, 300);
	ports = 2;
	answer();
	cr_assert_eq(nwants, 4);
	cr_assert_not_null(verdict.held);
	cr_assert_eq(nleaves + nfailed, 0);
	cr_assert_eq(wants[0].ttl, 60);
	cr_assert_eq(wants[1].port.port, 444);
	cr_assert_eq(wants[2].ttl, 300);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	cr_assert_eq(nleaves, 1);
	cr_assert(granted);
	cr_assert_eq(left_len, len);
	cr_assert_eq(ttl_that_left(0), 60);
	/* No longer than its grant. */
	cr_assert_eq(ttl_that_left(1), 100);
}

Test(verdict, what_is_known_costs_nothing_and_leaves_at_once)
{
	begin();
	add(good, 60);
	add(other, 300);
	nknown = 2;
	known_expiry = loop.now + 50 * CLOCK_SECOND + 1;
	no_memory = true;
	answer();
	no_memory = false;
	cr_assert_eq(nleaves, 1);
	cr_assert_eq(nwants, 0);
	cr_assert_eq(nlogged, 2);
	cr_assert_eq(ttl_that_left(0), 50);
	cr_assert_eq(ttl_that_left(1), 50);
}

Test(verdict, what_is_known_caps_what_was_asked_for)
{
	begin();
	add(good, 300);
	add(other, 300);
	nknown = 1;
	known_expiry = loop.now + 40 * CLOCK_SECOND;
	answer();
	cr_assert_eq(nwants, 1);
	cr_assert_eq(wants[0].dst.bytes[3], 2);
	cr_assert_eq(nlogged, 1);
	done(RESULT_OK, loop.now + 200 * CLOCK_SECOND);
	cr_assert_eq(ttl_that_left(0), 40);
}

Test(verdict, a_grant_that_is_over_leaves_no_time)
{
	begin();
	add(good, 300);
	answer();
	done(RESULT_OK, loop.now - 1);
	cr_assert_eq(ttl_that_left(0), 0);
}

Test(verdict, each_that_is_granted_is_logged_for_who_asked)
{
	begin();
	add(good, 60);
	answer();
	told->granted(asked, &asked->waits[0]);
	cr_assert_eq(nlogged, 1);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
}

Test(verdict, an_error_is_servfail)
{
	begin();
	add(good, 60);
	answer();
	done(RESULT_FULL, 0);
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, msg_result_text(RESULT_FULL));
	full = true;
	answer();
	cr_assert_eq(nfailed, 2);
	cr_assert_str_eq(why, "too many grants under way");
	cr_assert_eq(nlogged, 0);
}

Test(verdict, no_memory_ends_the_query_alone)
{
	begin();
	add(good, 60);
	no_memory = true;
	answer();
	no_memory = false;
	cr_assert_eq(nfailed, 1);
	cr_assert_eq(nwants, 0);
	answer();
	cr_assert_not_null(verdict.held);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
}

Test(verdict, without_addresses_it_passes)
{
	begin();
	answer();
	cr_assert_eq(nleaves, 1);
	cr_assert(!granted);
}

Test(verdict, without_a_firewall_addresses_stay)
{
	begin();
	add(good, 60);
	settings.config.firewall = 0;
	settings.config.family_filter = 1;
	answer();
	cr_assert_eq(nleaves, 1);
	cr_assert(!granted);
	cr_assert_eq(left_len, len);
	cr_assert_eq(nwants, 0);
}

Test(verdict, what_is_never_granted_goes)
{
	begin();
	add(loopback, 60);
	add(good, 300);
	answer();
	cr_assert_eq(nwants, 1);
	done(RESULT_OK, loop.now + 500 * CLOCK_SECOND);
	cr_assert_eq(left_len, len - 16);
	cr_assert_eq(left[3] & DNS_AD, 0);
	cr_assert_eq(removals_told, 1);
	/* Under a ~> that comes first it passes, but is not granted. */
	resolve_first = true;
	answer();
	cr_assert_eq(nwants, 1);
	done(RESULT_OK, loop.now + 500 * CLOCK_SECOND);
	cr_assert_eq(left_len, len);
	cr_assert_eq(removals_told, 1);
}

Test(verdict, what_dnsfw_priv_never_grants_goes)
{
	begin();
	add(good, 60);
	add(other, 300);
	answer();
	asked->waits[0].forbidden = true;
	done(RESULT_OK, loop.now + 500 * CLOCK_SECOND);
	cr_assert_eq(left_len, len - 16);
	cr_assert_eq(ttl_that_left(0), 300);
	/* All of it: then nothing is granted. */
	answer();
	asked->waits[0].forbidden = asked->waits[1].forbidden = true;
	done(RESULT_OK, UINT64_MAX);
	cr_assert_eq(left_len, len - 32);
	cr_assert(!granted);
	cr_assert_eq(removals_told, 2);
	resolve_first = true;
	answer();
	asked->waits[0].forbidden = true;
	done(RESULT_OK, loop.now + 500 * CLOCK_SECOND);
	cr_assert_eq(left_len, len);
}

Test(verdict, a_stale_result_is_decided_again)
{
	begin();
	add(good, 60);
	ports = 2;
	answer();
	cr_assert_eq(nwants, 2);
	ports = 1;
	done(RESULT_STALE, 0);
	cr_assert_eq(nwants, 1);
	cr_assert_not_null(verdict.held);
	done(RESULT_STALE, 0);
	decided = ACL_BLOCK;
	done(RESULT_STALE, 0);
	cr_assert_eq(nfailed, 1);
	cr_assert_eq(nleaves, 0);
	cr_assert_str_eq(why, "the policy has changed");
}

Test(verdict, a_list_that_allows_less_when_the_answer_comes)
{
	begin();
	add(good, 60);
	decided = ACL_NOMATCH;
	answer();
	cr_assert_eq(nfailed, 1);
	decided = ACL_ALLOW;
	overflow = true;
	answer();
	cr_assert_eq(nfailed, 2);
	overflow = false;
	ports = 0;
	answer();
	cr_assert_eq(nleaves, 1);
	cr_assert(!granted);
}

Test(verdict, nothing_is_asked_again_for_who_has_left)
{
	begin();
	add(good, 60);
	answer();
	request.from.conn = NULL;
	done(RESULT_STALE, 0);
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, "the client has left");
	cr_assert_null(asked);
}

Test(verdict, an_answer_that_is_let_go_waits_for_nothing)
{
	begin();
	add(good, 60);
	answer();
	verdict_abandon(&verdict);
	cr_assert_eq(nleft, 1);
	cr_assert_null(verdict.held);
	cr_assert_eq(nleaves + nfailed, 0);
	answer();
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	cr_assert_eq(nleaves, 1);
}

/* Others need the room: it ends as if there had been none for it. */
Test(verdict, an_answer_that_has_to_go_fails)
{
	begin();
	add(good, 60);
	answer();
	told->abandoned(asked);
	cr_assert_eq(nleft, 0);
	cr_assert_null(verdict.held);
	cr_assert_eq(nleaves, 0);
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, "too many grants under way");
}

Test(verdict, as_many_grants_as_one_answer_may_need)
{
	begin();
	add_many(256);
	ports = 4;
	answer();
	cr_assert_eq(nwants, 1024);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	cr_assert_eq(nleaves, 1);
	/* What is known counts, too. */
	nlooked = 0;
	nknown = 1023;
	known_expiry = loop.now + 50 * CLOCK_SECOND;
	answer();
	cr_assert_eq(nwants, 1);
	cr_assert_eq(nlogged, 1023);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	nlooked = 0;
	nknown = 1024;
	answer();
	cr_assert_eq(nleaves, 3);
	add(good, 60);
	answer();
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, "too many addresses to grant");
}

Test(verdict, more_addresses_than_any_answer_may_need)
{
	begin();
	add_many(1024);
	answer();
	cr_assert_eq(nwants, 1024);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	add((const uint8_t[]){ 10, 79, 1, 1 }, 60);
	answer();
	cr_assert_eq(nfailed, 1);
	add_many(2000);
	answer();
	cr_assert_eq(nfailed, 2);
}

Test(verdict, what_cannot_be_granted_does_not_count)
{
	unsigned int i;

	begin();
	add_many(4);
	for (i = 0; i < 2000; i++)
		add6(i);
	ports = 256;
	answer();
	cr_assert_eq(nwants, 1024);
	done(RESULT_OK, loop.now + 400 * CLOCK_SECOND);
	cr_assert_eq(left_len, len);
	/* Nor where its chain is missing, nor for a link-local client. */
	policy.families = MSG_FAMILY_V6;
	answer();
	cr_assert_eq(nleaves, 2);
	cr_assert(!granted);
	policy.families = MSG_FAMILY_V4;
	request.client.bytes[0] = 169;
	request.client.bytes[1] = 254;
	answer();
	cr_assert_eq(nleaves, 3);
	cr_assert(!granted);
}

Test(verdict, this_host_has_both_families)
{
	begin();
	add(good, 60);
	add6(1);
	request.client = (struct addr){ .family = ADDR_V4,
	    .bytes = { 127, 0, 0, 1 } };
	answer();
	cr_assert_eq(nwants, 2);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
}

Test(verdict, with_family_mismatch_filter_the_other_family_goes)
{
	begin();
	add6(1);
	add(good, 60);
	settings.config.family_filter = 1;
	answer();
	cr_assert_eq(nwants, 1);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	cr_assert_eq(left_len, len - 28);
}

/* --- hosts (U11) --- */

static const char list_with_a_host[] =
    "@laptop = host 10.77.1.2, 10.77.1.3, fd77::2, 2001:db8:1::/64\n"
    "@other = host 10.77.1.4, fd77::4\n";

static struct addr
address(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0);
	return (a);
}

/* Is that one of the grants which are asked for? */
static bool
wants_for(const char *client, unsigned int port)
{
	const struct addr a = address(client);
	size_t i;

	for (i = 0; i < nwants; i++)
		if (addr_equal(&wants[i].client, &a) &&
		    wants[i].port.port == port)
			return (true);
	return (false);
}

Test(verdict, U11_each_address_of_a_host_is_granted_what_it_may)
{
	use_list(list_with_a_host);
	other_ports = 2;
	begin();
	add(good, 60);
	answer();
	cr_assert_eq(nwants, 3);
	cr_assert(wants_for("10.77.1.2", 443) && wants_for("10.77.1.3", 500) &&
	    wants_for("10.77.1.3", 501));
	/* The answer leaves when all are there, for the shortest of them. */
	cr_assert_not_null(verdict.held);
	told->granted(asked, &asked->waits[1]);
	cr_assert_eq(nlogged, 1);
	done(RESULT_OK, loop.now + 30 * CLOCK_SECOND);
	cr_assert_eq(ttl_that_left(0), 30);
	/* The other family's answer is for those of that family. */
	begin();
	add6(1);
	answer();
	cr_assert_eq(nwants, 2);
	cr_assert(wants_for("fd77::2", 500) && wants_for("fd77::2", 501));
	done(RESULT_FULL, 0);
	cr_assert_eq(nfailed, 1);
}

/* The name by which each is allowed is asked about after a reload (A9). */
Test(verdict, U11_each_address_of_a_host_keeps_the_name_that_allows_it)
{
	const char *const four = "@a = host 10.77.1.2, 10.77.1.3, 10.77.1.4, "
	    "10.77.1.5, 10.77.1.6\n", *const six = "@a = host 10.77.1.2, "
	    "10.77.1.3, 10.77.1.4, 10.77.1.5, 10.77.1.6, 10.77.1.7\n";
	size_t i;

	use_list(four);
	other_ports = 1;
	led = true;
	begin();
	add(good, 60);
	answer();
	cr_assert_eq(nwants, 5);
	cr_assert_eq(labels[0].len, request.dns.qname.len);
	for (i = 1; i < nwants; i++)
		cr_assert_eq(labels[i].len, wants[i].client.bytes[3],
		    "%zu: %u", i, labels[i].len);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	/* More than lead to one name there never are. */
	use_list(six);
	answer();
	cr_assert_eq(nfailed, 1);
}

Test(verdict, U11_an_address_without_a_rule_is_granted_nothing)
{
	use_list(list_with_a_host);
	other_ports = 1;
	refused = address("fd77::2");
	settings.config.family_filter = 1;
	begin();
	add(good, 60);
	add6(1);
	answer();
	cr_assert_eq(nwants, 2);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	/* So nobody can connect to the other one. */
	cr_assert_eq(left_len, len - 28);
	/* Nor outside of --client-net, as quota_serves() has it. */
	use_list("@a = host 10.77.1.2, 192.168.1.2\n");
	answer();
	cr_assert_eq(nwants, 1);
}

Test(verdict, U11_who_is_of_no_host_is_granted_alone)
{
	use_list(list_with_a_host);
	other_ports = 1;
	request.client = address("10.77.1.5");
	begin();
	add(good, 60);
	add6(1);
	answer();
	cr_assert_eq(nwants, 1);
	cr_assert(wants_for("10.77.1.5", 443));
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	request.client = address("10.77.1.4");
	answer();
	cr_assert_eq(nwants, 2);
	cr_assert(wants_for("10.77.1.4", 443) && wants_for("fd77::4", 500));
}

/* Of a network those are known that have asked, for a day; 16 of a host. */
Test(verdict, U11_addresses_of_a_network_are_those_that_asked)
{
	struct addr a = address("2001:db8:1::"), stranger = a;
	unsigned int i;

	use_list(list_with_a_host);
	other_ports = 1;
	begin();
	add6(1);
	answer();
	cr_assert_eq(nwants, 1);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	stranger.bytes[7] = 1;
	known_asked(&stranger);
	stranger = address("fd77::2");
	known_asked(&stranger);
	for (i = 0; i < 17; i++) {
		a.bytes[15] = (uint8_t)(i + 1);
		loop.now += CLOCK_SECOND;
		known_asked(&a);
		known_asked(&a);
	}
	answer();
	cr_assert_eq(nwants, 17);
	cr_assert(wants_for("fd77::2", 500) && wants_for("2001:db8:1::11", 500));
	cr_assert(!wants_for("2001:db8:1::1", 500));
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	/* Who asks from there is not granted twice. */
	request.client = a;
	answer();
	cr_assert_eq(nwants, 17);
	cr_assert(wants_for("2001:db8:1::11", 443));
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	loop.now += (KNOWN_PERIOD - 1) * CLOCK_SECOND;
	answer();
	cr_assert_eq(nwants, 2);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	/* Another list has it no more. */
	use_list("@laptop = host 10.77.1.2, fd77::2\n@b = host 10.77.1.9, "
	    "2001:db8:1::/64\n");
	request.client = address("10.77.1.2");
	answer();
	cr_assert_eq(nwants, 1);
}

static void
is_of_machine(const char *text, uint32_t machine)
{
	const struct addr a = address(text);
	struct msg_neighbour m = { .type = MSG_NEIGHBOUR, .family = a.family,
	    .machine = machine };

	memcpy(m.client, a.bytes, sizeof(m.client));
	kin_take(&m);
}

/* Of the machine that the neighbour table says; the list's hosts come first. */
Test(verdict, U11_addresses_of_a_machine)
{
	use_list(list_with_a_host);
	other_ports = 1;
	is_of_machine("10.77.1.5", 7);
	is_of_machine("fd77::5", 7);
	is_of_machine("fe80::5", 7);
	is_of_machine("10.77.1.4", 7);
	is_of_machine("fd77::6", 8);
	request.client = address("10.77.1.5");
	begin();
	add6(1);
	answer();
	cr_assert_eq(nwants, 1);
	cr_assert(wants_for("fd77::5", 500));
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	request.client = address("10.77.1.4");
	answer();
	cr_assert_eq(nwants, 1);
	cr_assert(wants_for("fd77::4", 500));
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	is_of_machine("fd77::5", 0);
	request.client = address("10.77.1.5");
	nwants = 0;
	answer();
	cr_assert_eq(nwants, 0);
}

Test(verdict, U11_an_answer_is_granted_so_many_times_for_all_of_a_host)
{
	use_list("@a = host 10.77.1.2, 10.77.1.3\n");
	other_ports = 3;
	begin();
	add_many(256);
	answer();
	cr_assert_eq(nwants, 1024);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	add(good, 60);
	answer();
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, "too many addresses to grant");
}
