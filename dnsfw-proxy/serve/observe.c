/* What the keeper is told of answers. */
#include "observe.h"

#include <event2/event.h>
#include <stdbool.h>
#include <string.h>

#include "bucket.h"
#include "counters.h"
#include "decision.h"
#include "kind.h"
#include "log.h"
#include "loop.h"
#include "policy.h"
#include "priv.h"
#include "settings.h"
#include "share.h"

#define LONG_ANSWER	4096	/* octets: its addresses are not read for this */

static struct msg_seen observed[MSG_SEEN_MAX];
static size_t nobserved;
static struct event *observe_timer;
static struct bucket observe_bucket, observe_spared;
static struct addr last_share;	/* share of the last one that was told of */
static bool observe_due;

static void
observe_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	loop_clock();
	observe_due = true;
}

void
observe_init(void)
{
	bucket_open(&observe_bucket, OBSERVE_RATE, OBSERVE_RATE);
	bucket_open(&observe_spared, OBSERVE_SPARED, OBSERVE_SPARED);
	observe_timer = evtimer_new(loop.base, observe_wake, NULL);
	if (observe_timer == NULL)
		fatalx("event_new");
}

static void
send_observed(void)
{
	if (!priv_send(observed, nobserved * sizeof(observed[0])))
		counters.untold += nobserved;
	nobserved = 0;
	observe_due = false;
	event_del(observe_timer);
}

void
observe_turn(void)
{
	if (observe_due)
		send_observed();
}

/* A token for one of that client; what is spared is not for the last one. */
static bool
take_token(const struct addr *client)
{
	const struct addr share = share_of(policy.image, client);
	struct bucket *b = &observe_bucket;

	if (!bucket_has(b, loop.now)) {
		b = &observe_spared;
		if (addr_equal(&share, &last_share) || !bucket_has(b, loop.now))
			return (false);
	}
	bucket_take(b, loop.now, 1);
	last_share = share;
	return (true);
}

/* In lower case, without the final dot; false: no list can have it. */
static bool
put_listable(char to[MSG_SEEN_NAME], const struct dns_name *name)
{
	DNS_UNINITIALIZED char text[DNS_NAME_TEXT_MAX];
	DNS_UNINITIALIZED struct dns_name folded;
	size_t len = dns_name_print(name, text), at;

	if (dns_name_parse(text, len, &folded, &at) != DNS_OK)
		return (false);
	len = dns_name_print(&folded, text) - 1;
	memcpy(to, text, len);
	return (true);
}

static void
put_addresses(struct msg_seen *m, struct answer *a)
{
	const struct dns_address *all;
	size_t i, nall = 0;

	if (a->len > LONG_ANSWER || answer_addresses(a, &all, &nall) != DNS_OK)
		return;
	for (i = 0; i < nall && i < MSG_SEEN_ADDRESSES; i++)
		m->addresses[m->naddresses++] = all[i].addr;
}

/* Is it of use for a list?  Keys of zones need no rule (D17). */
static bool
is_of_use(const struct request *r, const struct answer *a)
{
	return (settings.config.audit != 0 && decision_is_plain(&r->dns) &&
	    !decision_is_keys(r->dns.qtype) &&
	    a->response->rcode == RCODE_NOERROR && a->response->ancount > 0);
}

void
observe(const struct request *r, struct answer *a)
{
	static const struct timeval soon = { .tv_usec = 500000 };
	struct msg_seen *m = &observed[nobserved];

	if (!is_of_use(r, a))
		return;
	*m = (struct msg_seen){ .type = MSG_SEEN, .family = r->client.family,
	    .other = !kind_is_address(r->dns.qtype) };
	memcpy(m->client, r->client.bytes, sizeof(m->client));
	if (m->other == 0)
		put_addresses(m, a);
	/* An alias that leads to none, or a service without hints. */
	if ((m->other == 0 && m->naddresses == 0) ||
	    !put_listable(m->name, &r->dns.qname))
		return;
	if (!take_token(&r->client)) {
		counters.untold++;
		return;
	}
	if (nobserved++ == 0)
		event_add(observe_timer, &soon);
	if (nobserved == MSG_SEEN_MAX)
		send_observed();
}
