/* Options of one hop. */
#include "hop.h"

#include <string.h>

#include "strip.h"

#define OPT_FIXED	11	/* an OPT record without options */

/* OPT is the last record: close the gaps between the options that stay. */
static void
drop_options(uint8_t *msg, size_t *len, struct dns_edns *edns)
{
	struct rcur c = { .buf = msg, .len = *len,
	    .pos = edns->offset + OPT_FIXED };
	struct wcur rdlength = { .buf = msg, .len = *len, .pos = c.pos - 2 };
	size_t at, to = c.pos;
	struct tlv option;

	for (at = to; c.pos < c.len; at = c.pos) {
		if (rcur_tlv(&c, &option) == -1)
			break;
		if (dns_option_of_hop(option.type))
			continue;
		memmove(msg + to, msg + at, c.pos - at);
		to += c.pos - at;
	}
	*len = to;
	edns->length = to - edns->offset;
	edns->hop = false;
	wcur_u16(&rdlength, (uint16_t)(edns->length - OPT_FIXED));
}

/* Records follow, whose names may lead to each other. */
static enum dns_err
rewrite(uint8_t *msg, size_t *len, size_t question_end, struct dns_edns *edns)
{
	DNS_UNINITIALIZED uint8_t out[DNS_MESSAGE_MAX];
	struct rcur c = { .buf = out, .pos = question_end };
	struct dns_record r = { .type = 0 };
	enum dns_err err;

	err = dns_strip_hop(msg, *len, question_end, out, sizeof(out), &c.len);
	if (err != DNS_OK)
		return (err);
	memcpy(msg, out, c.len);
	*len = c.len;
	while (err == DNS_OK && r.type != TYPE_OPT) {
		edns->offset = c.pos;
		err = dns_record_read(&c, NULL, &r);
	}
	edns->length = c.pos - edns->offset;
	edns->hop = false;
	return (err);
}

enum dns_err
dns_remove_hop_options(uint8_t *msg, size_t *len, size_t question_end,
    struct dns_edns *edns)
{
	if (!edns->hop)
		return (DNS_OK);
	if (edns->offset + edns->length < *len)
		return (rewrite(msg, len, question_end, edns));
	drop_options(msg, len, edns);
	return (DNS_OK);
}
