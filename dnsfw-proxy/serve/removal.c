/* Which addresses are granted, and which go from an answer. */
#include "removal.h"

#include "../dns/build.h"
#include "../dns/strip.h"
#include "../dns/vet.h"
#include "addrtext.h"
#include "hash.h"
#include "log.h"
#include "loop.h"
#include "scope.h"
#include "settings.h"

#define REMOVED_PERIOD	60	/* seconds between log lines of one name */
#define REMOVED_NAMES	256	/* names that are told apart in that */

/* Apart from who looks at each address, whose stack this room is not cleared in. */
static void __attribute__((noinline))
tell_of_scope(const struct request *q, const struct addr *dst)
{
	char name[DNS_NAME_TEXT_MAX], client[ADDR_TEXT_MAX];
	char address[ADDR_TEXT_MAX];
	struct dns_name folded;

	dns_name_fold(&q->dns.qname, &folded);
	dns_name_print(&folded, name);
	addr_print(&q->client, client);
	addr_print(dst, address);
	if (scope_is_link_local(&q->client))
		log_warn("%s asked for %s from a link-local address, from "
		    "which it cannot connect to %s: nothing was granted; let "
		    "clients ask at a %s address of this gateway", client,
		    name, address, dst->family == ADDR_V4 ? "routed" :
		    "global");
	else if (scope_is_local(&q->client))
		log_warn("%s asked for %s from a unique local address: if it "
		    "has a global one, it connects to %s from that, and the "
		    "grant does not match; announce this gateway's global "
		    "address as the resolver (RDNSS)", client, name, address);
	else
		log_warn("%s asked for %s from a global address: if it has a "
		    "unique local one, it connects to %s from that, and the "
		    "grant does not match; give the destination a global "
		    "address, or the clients one kind alone", client, name,
		    address);
}

bool
removal_tell_of_scope(const struct request *q, const struct recipients *r,
    const struct addr *dst)
{
	static struct scope_told told;

	if (dst->family != q->client.family || addr_is_loopback(&q->client) ||
	    recipients_match(r, dst))
		return (false);
	if (scope_may_tell(&told, &q->client, loop.now))
		tell_of_scope(q, dst);
	return (true);
}

static void
log_removed(const struct request *q, const struct addr *a)
{
	static struct log_limit limits[REMOVED_NAMES];
	char name[DNS_NAME_TEXT_MAX], client[ADDR_TEXT_MAX];
	char removed[ADDR_TEXT_MAX];
	struct dns_name folded;
	uint64_t count;

	dns_name_fold(&q->dns.qname, &folded);
	if (!log_allowed(&limits[hash_bytes(folded.wire, folded.len) %
	    REMOVED_NAMES], loop.now, REMOVED_PERIOD, &count))
		return;
	dns_name_print(&folded, name);
	log_warn("%s for %s: address %s is never granted, and was removed from "
	    "the answer", name, addr_print(&q->client, client),
	    addr_print(a, removed));
}

static bool
unwanted(void *arg, const struct addr *a)
{
	struct removal *r = arg;
	bool bad = dns_vet_forbidden(a, &settings.vet) ||
	    (r->forbidden != NULL && r->forbidden(r->arg, a));

	if (bad && r->passes)
		return (false);
	if (bad) {
		r->found_bad = true;
		log_removed(r->request, a);
	}
	/*
	 * A way that is shut is better not tried (--family-mismatch); of what
	 * the list does not allow none is opened here, anyway (U8).
	 */
	return (bad || (settings.config.family_filter &&
	    settings.config.firewall && !r->request->audited &&
	    !recipients_reach(r->families, a)));
}

enum dns_err
removal_strip(struct removal *r, struct reply *reply, uint8_t *space,
    bool *removed)
{
	enum dns_err err;
	size_t n, count;

	/* What is longer than before (see strip.h) may be too long. */
	err = dns_strip(reply->msg, reply->len, &reply->response, unwanted, r,
	    space, request_limit(r->request), &n, &count);
	*removed = err == DNS_OK && count > 0;
	if (!*removed)
		return (err);
	/* No longer what a validator has called authentic (RFC 4035 3.2.3). */
	space[3] &= (uint8_t)~DNS_AD;
	reply->msg = space;
	reply->len = n;
	return (DNS_OK);
}

enum dns_err
removal_parse(const struct request *q, struct reply *reply, size_t room)
{
	size_t limit = request_limit(q);
	enum dns_err err;

	err = dns_response_parse(reply->msg, reply->len, &reply->response);
	if (err != DNS_OK)
		return (err);
	reply->len = dns_append_ede(reply->msg, reply->len,
	    limit < room ? limit : room, &reply->response.edns, EDE_FILTERED,
	    "an address that is not granted was removed");
	return (DNS_OK);
}

enum dns_err
removal_remove(struct removal *r, struct reply *reply, uint8_t *space)
{
	bool removed;
	enum dns_err err = removal_strip(r, reply, space, &removed);

	if (err != DNS_OK || !removed)
		return (err);
	return (removal_parse(r->request, reply, DNS_MESSAGE_MAX));
}
