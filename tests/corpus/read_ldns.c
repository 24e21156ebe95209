/* The reader of ldns. */
#include <ldns/ldns.h>

#include "reader.h"

static void
put_rdata(const ldns_rr *rr)
{
	size_t i;

	for (i = 0; i < ldns_rr_rd_count(rr); i++)
		reader_hex(ldns_rdf_data(ldns_rr_rdf(rr, i)),
		    ldns_rdf_size(ldns_rr_rdf(rr, i)));
}

static void
put_section(int section, const ldns_rr_list *list)
{
	const ldns_rr *rr;
	size_t i;

	for (i = 0; i < ldns_rr_list_rr_count(list); i++) {
		rr = ldns_rr_list_rr(list, i);
		if (section > 0)
			printf("|%d ", section);
		reader_hex(ldns_rdf_data(ldns_rr_owner(rr)),
		    ldns_rdf_size(ldns_rr_owner(rr)));
		printf(" %u %u", ldns_rr_get_type(rr),
		    ldns_rr_get_class(rr));
		if (section == 0)
			continue;
		printf(" %u ", ldns_rr_ttl(rr));
		put_rdata(rr);
	}
}

/* ldns takes the OPT record out of its section. */
static void
put_edns(const ldns_pkt *pkt)
{
	const ldns_rdf *data = ldns_pkt_edns_data(pkt);

	if (!ldns_pkt_edns(pkt))
		return;
	printf("|3 00 41 %u %u ", ldns_pkt_edns_udp_size(pkt),
	    (uint32_t)ldns_pkt_edns_extended_rcode(pkt) << 24 |
	    (uint32_t)ldns_pkt_edns_version(pkt) << 16 |
	    ldns_pkt_edns_z(pkt));
	if (data != NULL)
		reader_hex(ldns_rdf_data(data), ldns_rdf_size(data));
}

static void
put_tsig(const ldns_pkt *pkt)
{
	const ldns_rr *rr = ldns_pkt_tsig(pkt);

	if (rr == NULL)
		return;
	printf("|3 ");
	reader_hex(ldns_rdf_data(ldns_rr_owner(rr)),
	    ldns_rdf_size(ldns_rr_owner(rr)));
	printf(" %u %u %u ", ldns_rr_get_type(rr), ldns_rr_get_class(rr),
	    ldns_rr_ttl(rr));
	put_rdata(rr);
}

void
reader_message(const uint8_t *msg, size_t len)
{
	ldns_pkt *pkt;
	ldns_status status;

	status = ldns_wire2pkt(&pkt, msg, len);
	if (status != LDNS_STATUS_OK) {
		reader_refused(ldns_get_errorstr_by_id(status));
		return;
	}
	printf("ok ");
	if (ldns_rr_list_rr_count(ldns_pkt_question(pkt)) == 0)
		printf("-");
	put_section(0, ldns_pkt_question(pkt));
	put_section(1, ldns_pkt_answer(pkt));
	put_section(2, ldns_pkt_authority(pkt));
	put_section(3, ldns_pkt_additional(pkt));
	put_edns(pkt);
	put_tsig(pkt);
	ldns_pkt_free(pkt);
}
