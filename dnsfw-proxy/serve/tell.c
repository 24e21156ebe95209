/* What the keeper is told of refusals. */
#include "tell.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bucket.h"
#include "counters.h"
#include "log.h"
#include "loop.h"
#include "policy.h"
#include "priv.h"
#include "share.h"

#define LOOK_BACK	4	/* which may be the same: A, AAAA, HTTPS in turn */

/* What a message was made of. */
struct tell_from {
	struct dns_name	name;
	uint32_t	line;	/* of the list */
	char		reason[MSG_REASON_SIZE];
};

static struct msg_refusal batch[MSG_REFUSALS_MAX];
static struct tell_from tell_from[MSG_REFUSALS_MAX];	/* each in the batch */
static size_t n;
static struct event *timer;
static struct bucket bucket, spared;
static bool tell_due;

static void
tell_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	loop_clock();
	tell_due = true;
}

void
tell_init(void)
{
	bucket_open(&bucket, TELL_RATE, TELL_RATE);
	bucket_open(&spared, TELL_SPARED, TELL_SPARED);
	timer = evtimer_new(loop.base, tell_wake, NULL);
	if (timer == NULL)
		fatalx("event_new");
}

static void
send_batch(void)
{
	bool sent = priv_send(batch, n * sizeof(batch[0]));

	for (; n > 0; n--)
		if (!sent)
			counters.untold += batch[n - 1].count;
	tell_due = false;
	event_del(timer);
}

void
tell_turn(void)
{
	if (tell_due)
		send_batch();
}

static bool
is_of(const struct msg_refusal *m, const struct addr *client)
{
	return (m->family == client->family &&
	    memcmp(m->client, client->bytes, sizeof(m->client)) == 0);
}

static bool
is_told(size_t i, enum msg_refusal_kind kind, const struct request *r,
    const char *reason)
{
	const struct msg_refusal *m = &batch[i];

	return (m->kind == kind && tell_from[i].line == r->rule &&
	    is_of(m, &r->client) &&
	    (m->name[0] != '\0') == r->dns.has_question &&
	    (!r->dns.has_question || (m->qtype == r->dns.qtype &&
	    dns_name_equal(&tell_from[i].name, &r->dns.qname))) &&
	    strncmp(tell_from[i].reason, reason, MSG_REASON_SIZE - 1) == 0);
}

/* In lower case, and what does not fit at its begin cut. */
static void
tell_name(char to[MSG_NAME_SIZE], const struct dns_name *folded)
{
	const size_t mark = sizeof(MSG_NAME_CUT) - 1;
	DNS_UNINITIALIZED char text[DNS_NAME_TEXT_MAX];
	size_t len = dns_name_print(folded, text);

	if (len < MSG_NAME_SIZE) {
		memcpy(to, text, len);
		return;
	}
	memcpy(to, MSG_NAME_CUT, mark);
	memcpy(to + mark, text + len - (MSG_NAME_SIZE - 1 - mark),
	    MSG_NAME_SIZE - 1 - mark);
}

/*
 * The line of the rule in its file, which the reason names if it is included.  Why
 * the list refuses, the rule's comment may say.
 */
static void
tell_reason(struct msg_refusal *m, uint32_t line, const char *reason)
{
	const char *comment = line == 0 ? "" : policy_comment(line);
	const char *file = line == 0 ? "" : policy_place(&line);

	m->rule = line;
	/* That of a refusal by the list does so already. */
	if (m->kind == REFUSAL_LIST || m->kind == REFUSAL_AUDIT)
		snprintf(m->reason, sizeof(m->reason), "%s%s%s", reason,
		    comment[0] == '\0' ? "" : ": ", comment);
	else if (file[0] == '\0')
		snprintf(m->reason, sizeof(m->reason), "%s", reason);
	else
		snprintf(m->reason, sizeof(m->reason), "%s (ACL line %u of %s)",
		    reason, line, file);
}

static void
tell_add(enum msg_refusal_kind kind, const struct request *r, const char *reason)
{
	static const struct timeval second = { .tv_sec = 1 };
	struct msg_refusal *m = &batch[n];

	*m = (struct msg_refusal){ .type = MSG_REFUSAL, .kind = (uint8_t)kind,
	    .family = r->client.family, .count = 1 };
	memcpy(m->client, r->client.bytes, sizeof(m->client));
	if (r->dns.has_question) {
		m->qtype = r->dns.qtype;
		dns_name_fold(&r->dns.qname, &tell_from[n].name);
		tell_name(m->name, &tell_from[n].name);
	}
	tell_from[n].line = r->rule;
	snprintf(tell_from[n].reason, sizeof(tell_from[n].reason), "%s", reason);
	tell_reason(m, r->rule, reason);
	if (n++ == 0)
		event_add(timer, &second);
}

/* Is the message of one who has the same share (D22)? */
static bool
shares_with(const struct msg_refusal *m, const struct addr *client)
{
	struct addr one = { .family = m->family }, other = share_of(policy.image, client);

	memcpy(one.bytes, m->client, sizeof(one.bytes));
	one = share_of(policy.image, &one);
	return (addr_equal(&one, &other));
}

/*
 * May one more be told of the client?  Then it is counted.  In a flood, what is
 * spared is for who is not the last one that was told of.
 */
static bool
has_token(const struct addr *client)
{
	struct bucket *b = &bucket;

	if (!bucket_has(b, loop.now)) {
		b = &spared;
		if ((n > 0 && shares_with(&batch[n - 1], client)) ||
		    !bucket_has(b, loop.now))
			return (false);
	}
	bucket_take(b, loop.now, 1);
	return (true);
}

void
tell(enum msg_refusal_kind kind, const struct request *r, const char *reason)
{
	size_t i;

	for (i = n; i > 0 && n - i < LOOK_BACK; i--)
		if (is_told(i - 1, kind, r, reason)) {
			batch[i - 1].count++;
			return;
		}
	if (!has_token(&r->client)) {
		counters.untold++;
		return;
	}
	tell_add(kind, r, reason);
	if (n == MSG_REFUSALS_MAX)
		send_batch();
}
