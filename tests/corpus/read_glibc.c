/* The reader of glibc's resolver: <arpa/nameser.h>. */
#include <arpa/nameser.h>
#include <resolv.h>

#include "reader.h"

static ns_msg handle;

/* The name at p, uncompressed; returns where it ends, or NULL. */
static const uint8_t *
put_name(const uint8_t *p, const uint8_t *end)
{
	uint8_t name[NS_MAXCDNAME];
	size_t len;
	int n;

	n = ns_name_unpack(ns_msg_base(handle), end, p, name, sizeof(name));
	if (n == -1) {
		printf("BROKEN");
		return (NULL);
	}
	for (len = 0; name[len] != 0; len += name[len] + 1U)
		;
	reader_hex(name, len + 1);
	return (p + n);
}

static void
put_rdata(const ns_rr *rr)
{
	const uint8_t *p = ns_rr_rdata(*rr), *end = p + ns_rr_rdlen(*rr);
	const char *field;
	size_t n;

	for (field = reader_layout(ns_rr_type(*rr)); p != NULL && p < end &&
	    *field != '\0'; field++) {
		if (*field == 'n') {
			p = put_name(p, end);
			continue;
		}
		n = *field == '*' ? (size_t)(end - p) : *field == 's' ?
		    *p + 1U : (size_t)(*field - '0');
		if (n > (size_t)(end - p)) {
			printf("BROKEN");
			return;
		}
		reader_hex(p, n);
		p += n;
	}
	if (p != NULL)
		reader_hex(p, (size_t)(end - p));
}

/* The names that ns_parserr() gives are text; these are in the message. */
static const uint8_t *
put_owner(const uint8_t *at)
{
	return (put_name(at, ns_msg_end(handle)));
}

static void
put_section(ns_sect section, const uint8_t **at)
{
	unsigned int i;
	ns_rr rr;

	for (i = 0; i < ns_msg_count(handle, section); i++) {
		if (ns_parserr(&handle, section, (int)i, &rr) == -1) {
			printf("|BROKEN");
			return;
		}
		if (section == ns_s_qd) {
			*at = put_owner(*at) + 4;
			printf(" %u %u", ns_rr_type(rr), ns_rr_class(rr));
			continue;
		}
		printf("|%d ", section);
		put_owner(*at);
		printf(" %u %u %u ", ns_rr_type(rr), ns_rr_class(rr),
		    ns_rr_ttl(rr));
		put_rdata(&rr);
		*at = ns_rr_rdata(rr) + ns_rr_rdlen(rr);
	}
}

void
reader_message(const uint8_t *msg, size_t len)
{
	const uint8_t *at = msg + NS_HFIXEDSZ;

	if (ns_initparse(msg, (int)len, &handle) == -1) {
		reader_refused("ns_initparse");
		return;
	}
	printf("ok ");
	if (ns_msg_count(handle, ns_s_qd) == 0)
		printf("-");
	put_section(ns_s_qd, &at);
	put_section(ns_s_an, &at);
	put_section(ns_s_ns, &at);
	put_section(ns_s_ar, &at);
}
