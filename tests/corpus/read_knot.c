/* The reader of Knot DNS and Knot Resolver: libknot. */
#include <libknot/libknot.h>

#include "reader.h"

static void
put_rr(int section, const knot_rrset_t *rr)
{
	const knot_rdata_t *rdata = rr->rrs.rdata;

	printf("|%d ", section);
	reader_hex(rr->owner, knot_dname_size(rr->owner));
	printf(" %u %u %u ", rr->type, rr->rclass, rr->ttl);
	reader_hex(rdata->data, rdata->len);
}

static void
put_section(knot_pkt_t *pkt, knot_section_t section)
{
	const knot_pktsection_t *s = knot_pkt_section(pkt, section);
	uint16_t i;

	for (i = 0; i < s->count; i++)
		put_rr((int)section + 1, knot_pkt_rr(s, i));
}

void
reader_message(const uint8_t *msg, size_t len)
{
	knot_pkt_t *pkt;
	int err;

	pkt = knot_pkt_new((void *)(uintptr_t)msg, (uint16_t)len, NULL);
	if (pkt == NULL) {
		reader_refused("no memory");
		return;
	}
	if ((err = knot_pkt_parse(pkt, 0)) != KNOT_EOK) {
		reader_refused(knot_strerror(err));
		knot_pkt_free(pkt);
		return;
	}
	printf("ok ");
	if (knot_wire_get_qdcount(pkt->wire) == 0)
		printf("-");
	else {
		reader_hex(knot_pkt_qname(pkt),
		    knot_dname_size(knot_pkt_qname(pkt)));
		printf(" %u %u", knot_pkt_qtype(pkt), knot_pkt_qclass(pkt));
	}
	put_section(pkt, KNOT_ANSWER);
	put_section(pkt, KNOT_AUTHORITY);
	put_section(pkt, KNOT_ADDITIONAL);
	knot_pkt_free(pkt);
}
