/*
 * Verdicts, with the rooms around them as a test likes.  To be included once, by a
 * test program.
 */
#ifndef VERDICT_RIG_H
#define VERDICT_RIG_H

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
#include "serve/parts.h"
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
static size_t room;			/* that was taken for all parts */
static unsigned int nparts;		/* that were asked for, */
static unsigned int time_left = 1000000, nagain, nclocks;
static bool by_hand;			/* the turns' ends */
static bool no_memory;
/* The end of those that are known, from that number on none is. */
static uint64_t known_expiry;
static size_t nknown;
/* What the list says. */
static enum acl_verdict decided;
static unsigned int ports;
static bool resolve_first, overflow;

static struct quota place;
static struct request request = { .quota = &place }, other_request;
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

static void
add_wants(struct grants *g, const struct grants_want *w, size_t n)
{
	struct grants_wait *to;
	size_t i;

	cr_assert(n > 0 && nwants + n <= MAX);
	memcpy(&wants[nwants], w, n * sizeof(*w));
	for (i = 0; i < n && nwants + i < LABELS; i++)
		labels[nwants + i] = *w[i].label;
	for (i = 0; i < n; i++) {
		to = &g->waits[g->n++];
		to->of = g;
		to->client = w[i].client;
		to->dst = w[i].dst;
		to->port = w[i].port;
		to->lifetime = w[i].lifetime;
		to->forbidden = false;
	}
	nwants += n;
	g->pending += n;
}

static void
begin_grants(struct grants *g)
{
	nwants = 0;
	g->n = g->pending = 0;
	g->code = RESULT_OK;
	asked = g;
}

bool
grants_ask(struct grants *g, const struct grants_want *w, size_t n)
{
	if (full)
		return (false);
	begin_grants(g);
	g->open = false;
	add_wants(g, w, n);
	return (true);
}

bool
grants_open(struct grants *g, size_t max)
{
	if (full)
		return (false);
	cr_assert(max > 0 && max <= 1024);
	begin_grants(g);
	g->open = true;
	room = max;
	nparts = 0;
	return (true);
}

bool
grants_add(struct grants *g, const struct grants_want *w, size_t n)
{
	cr_assert(g->open);
	if (full)
		return (false);
	cr_assert(g->n + n <= room);
	/* Of two answers the wants of each are its own. */
	nwants = g->n;
	add_wants(g, w, n);
	nparts++;
	return (true);
}

void
grants_close(struct grants *g)
{
	cr_assert(g->open);
	g->open = false;
}

void
grants_leave(struct grants *g)
{
	cr_assert_eq(g, asked);
	asked = NULL;
	nleft++;
}

/* The time of a turn is for so many parts; the first is never asked for. */
bool
loop_has_time(struct loop_share *share)
{
	(void)share;
	return (time_left > 0 && time_left-- > 0);
}

void
loop_was_long(struct loop_share *share)
{
	(void)share;
}

void
loop_clock(void)
{
	nclocks++;
}

void
loop_again(void)
{
	nagain++;
}

void
access_grant(const struct request *r, const struct addr *client,
    const struct addr *dst, const struct acl_port *port, uint32_t ttl)
{
	cr_assert(r == &request || r == &other_request);
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

	cr_assert(r == &request || r == &other_request);
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

/* The grants room tells of an answer that waits for nothing. */
static void
tell_if_complete(void)
{
	struct grants *g = asked;

	if (g == NULL || g->open || g->pending > 0)
		return;
	asked = NULL;
	told->done(g);
}

/* Until all is asked for. */
static void
end_turns(void)
{
	while (asked != NULL && asked->open)
		parts_flush();
	tell_if_complete();
}

static void
answer_for(struct verdict *v)
{
	static struct dns_response response;
	static uint8_t copy[DNS_MESSAGE_MAX];
	struct answer a;

	cr_assert_eq(dns_response_parse(msg, len, &response), DNS_OK);
	answer_begin(&a, msg, len, &response, NULL);
	memcpy(copy, msg, len);
	verdict_answer(v, &a, copy);
	answer_end(&a);
	/* It is the caller's again. */
	memset(copy, 0xee, len);
	if (!by_hand)
		end_turns();
}

static void
done(enum msg_result_code code, uint64_t expiry)
{
	struct grants *g = asked;

	cr_assert_not_null(g);
	/* Only when no more can be asked for. */
	cr_assert(!g->open);
	asked = NULL;
	g->pending = 0;
	g->code = code;
	if (code == RESULT_OK && expiry < g->expiry)
		g->expiry = expiry;
	told->done(g);
}

static void
answer(void)
{
	answer_for(&verdict);
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

#endif
