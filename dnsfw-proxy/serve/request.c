/* A client's request. */
#include "request.h"

#include "../dns/build.h"

size_t
request_limit(const struct request *r)
{
	return (r->from.tcp ? DNS_MESSAGE_MAX : dns_udp_limit(&r->dns));
}

bool
request_has_left(const struct request *r)
{
	return (r->from.tcp && r->from.conn == NULL);
}
