/* Which kinds of messages are allowed. */
#include "kind.h"

#include "decision.h"

/* Zone transfers are several messages, which no exchange here has. */
enum { TYPE_IXFR = 251, TYPE_AXFR = 252 };

const char kind_unknown_opcode[] = "unknown opcode";
const char kind_not_allowed[] = "opcode or class not allowed";

bool
kind_is_address(uint16_t type)
{
	return (type == TYPE_A || type == TYPE_AAAA || type == TYPE_HTTPS ||
	    type == TYPE_SVCB);
}

bool
kind_is_known(const struct dns_query *dns)
{
	switch (DNS_OPCODE_OF(dns->flags)) {
	case DNS_OPCODE_QUERY:
	case DNS_OPCODE_IQUERY:
	case DNS_OPCODE_STATUS:
	case DNS_OPCODE_NOTIFY:
	case DNS_OPCODE_UPDATE:
		return (true);
	default:
		return (false);
	}
}

const char *
kind_check(const struct dns_query *dns, const struct acl_decision *d,
    bool *grants)
{
	bool plain = decision_is_plain(dns);

	*grants = d->nports > 0 && plain && kind_is_address(dns->qtype);
	if (dns->has_question &&
	    (dns->qtype == TYPE_AXFR || dns->qtype == TYPE_IXFR))
		return ("zone transfers are not supported");
	if (d->overflow)
		return ("too many ports in the ACL for one name");
	if (*grants || d->any)
		return (NULL);
	if (!plain)
		return (kind_not_allowed);
	return (d->resolve || decision_is_keys(dns->qtype) ? NULL :
	    "query type not allowed");
}

const char *
kind_check_message(const struct dns_query *dns, const struct acl_decision *d,
    uint16_t *rcode)
{
	if (d->verdict == ACL_ALLOW && d->any)
		return (NULL);
	*rcode = RCODE_NOTIMP;
	if (!kind_is_known(dns))
		return (kind_unknown_opcode);
	*rcode = RCODE_FORMERR;
	return (dns->has_question ? NULL : "no question");
}

bool
kind_is_allowed(const struct dns_query *dns, const struct acl_decision *d,
    bool *grants)
{
	uint16_t rcode;

	return (kind_check_message(dns, d, &rcode) == NULL &&
	    d->verdict == ACL_ALLOW && kind_check(dns, d, grants) == NULL &&
	    (dns->strict || (!*grants && (d->resolve || d->any))));
}
