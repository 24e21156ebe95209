/* Answers that are made here, and the way out of all. */
#include "respond.h"

#include <string.h>

#include "../dns/build.h"
#include "accesslog.h"
#include "counters.h"
#include "front_tcp.h"
#include "front_udp.h"
#include "policy.h"
#include "settings.h"
#include "tell.h"

#define TEXT_MAX	192	/* of an Extended DNS Error */

void
respond_send(const struct asker *from, const uint8_t *msg, size_t len)
{
	if (!from->tcp)
		front_udp_send(from, msg, len);
	else if (from->conn != NULL)
		front_tcp_send(from->conn, msg, len);
}

/* For the log, and for who asks why. */
static void
log_bad_query(const struct request *r, int rcode, const char *text)
{
	access_bad_query(r, rcode, text);
	tell(REFUSAL_QUERY, r, text);
}

void
respond_log_bad_answer(const struct request *r, int rcode, const char *text)
{
	access_bad_answer(r, rcode, text);
	tell(REFUSAL_ANSWER, r, text);
}

/* An answer that is made here. */
static void
answer_here(const struct request *r, uint16_t rcode, enum dns_ede ede,
    const char *text, const struct addr *local)
{
	uint8_t out[REQUEST_HEAD_MAX + 256];
	size_t n;

	n = dns_build_reply(r->msg, &r->dns, rcode, ede, text, local,
	    request_limit(r), out, sizeof(out));
	if (n > 0)
		respond_send(&r->from, out, n);
}

void
respond_bad_query(const struct request *r, uint16_t rcode, const char *text)
{
	uint8_t header[DNS_HEADER_SIZE];

	counters.bad++;
	log_bad_query(r, rcode, text);
	if (r->dns.question_end != 0) {
		answer_here(r, rcode, rcode == RCODE_NOTIMP ?
		    EDE_NOT_SUPPORTED : EDE_OTHER, text, NULL);
		return;
	}
	dns_build_header_reply(r->dns.id, r->dns.flags, rcode, header);
	respond_send(&r->from, header, sizeof(header));
}

void
respond_kind_refused(const struct request *r, const char *text)
{
	counters.bad++;
	log_bad_query(r, RCODE_REFUSED, text);
	answer_here(r, RCODE_REFUSED, EDE_PROHIBITED, text, NULL);
}

static uint16_t
refuse_rcode(void)
{
	switch ((enum msg_refuse)settings.config.refuse_with) {
	case REFUSE_NXDOMAIN:
		return (RCODE_NXDOMAIN);
	case REFUSE_NODATA:
		return (RCODE_NOERROR);
	case REFUSE_REFUSED:
		break;
	}
	return (RCODE_REFUSED);
}

/* What a rule has done.  By printf it took a twentieth of a refusal's time. */
static void
say_rule(char text[TEXT_MAX], const char *what, uint32_t line)
{
	const char *included = policy_place(&line);
	char number[sizeof("4294967295")], *digit = &number[sizeof(number) - 1];
	char *end;

	*digit = '\0';
	do {
		*--digit = (char)('0' + line % 10);
		line /= 10;
	} while (line > 0);
	end = stpcpy(stpcpy(stpcpy(text, what), " by ACL line "), digit);
	if (included[0] != '\0') {
		end = stpcpy(end, " of ");
		strlcpy(end, included, (size_t)(text + TEXT_MAX - end));
	}
}

/* -| name = address (D3). */
static void
answer_local(const struct request *r, const struct acl_decision *d)
{
	char text[TEXT_MAX];

	access_local(r, &d->local);
	say_rule(text, "answered", d->line);
	tell(REFUSAL_LIST, r, text);
	answer_here(r, RCODE_NOERROR, EDE_FORGED, text, &d->local);
}

static void
refuse(const struct request *r, const struct acl_decision *d)
{
	char text[TEXT_MAX];

	access_log(ACCESS_REFUSE, r, refuse_rcode());
	if (d->line != 0)
		say_rule(text, "blocked", d->line);
	else
		strlcpy(text, "no ACL rule allows it", sizeof(text));
	tell(REFUSAL_LIST, r, text);
	answer_here(r, refuse_rcode(), d->line != 0 ? EDE_BLOCKED :
	    EDE_PROHIBITED, text, NULL);
}

void
respond_denied(struct request *r, const struct acl_decision *d)
{
	counters.refused++;
	r->rule = d->line;
	if (d->verdict == ACL_LOCAL)
		answer_local(r, d);
	else
		refuse(r, d);
}

void
respond_signal(struct request *r, enum decision_signal signal)
{
	static const char text[] =
	    "this DNS server is to be used (--bypass-signals)";
	uint16_t rcode = signal == SIGNAL_NXDOMAIN ? RCODE_NXDOMAIN :
	    RCODE_NOERROR;

	counters.refused++;
	r->rule = 0;
	access_log(ACCESS_REFUSE, r, rcode);
	tell(REFUSAL_LIST, r, text);
	answer_here(r, rcode, EDE_BLOCKED, text, NULL);
}

void
respond_failed(const struct request *r, enum dns_ede ede, const char *reason)
{
	respond_log_bad_answer(r, RCODE_SERVFAIL, reason);
	answer_here(r, RCODE_SERVFAIL, ede, reason, NULL);
}
