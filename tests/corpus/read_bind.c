/* The reader of BIND: libdns. */
#define HAVE_STDATOMIC_H 1	/* for isc/atomic.h, which would guess wrong */

#include <dns/message.h>
#include <dns/rdata.h>
#include <dns/rdataset.h>
#include <isc/buffer.h>
#include <isc/mem.h>
#include <isc/result.h>

#include <stdlib.h>

#include "reader.h"

static void
put_set(int section, const dns_name_t *owner, dns_rdataset_t *set)
{
	dns_rdata_t rdata = DNS_RDATA_INIT;
	isc_result_t more;

	for (more = dns_rdataset_first(set); more == ISC_R_SUCCESS;
	    more = dns_rdataset_next(set)) {
		dns_rdata_reset(&rdata);
		dns_rdataset_current(set, &rdata);
		printf("|%d ", section);
		reader_hex(owner->ndata, owner->length);
		printf(" %u %u %u ", rdata.type, rdata.rdclass, set->ttl);
		reader_hex(rdata.data, rdata.length);
	}
}

static void
put_section(dns_message_t *msg, dns_section_t section)
{
	dns_rdataset_t *set;
	dns_name_t *name;
	isc_result_t more;

	for (more = dns_message_firstname(msg, section);
	    more == ISC_R_SUCCESS;
	    more = dns_message_nextname(msg, section)) {
		name = NULL;
		dns_message_currentname(msg, section, &name);
		for (set = ISC_LIST_HEAD(name->list); set != NULL;
		    set = ISC_LIST_NEXT(set, link)) {
			if (section != DNS_SECTION_QUESTION) {
				put_set((int)section, name, set);
				continue;
			}
			reader_hex(name->ndata, name->length);
			printf(" %u %u", set->type, set->rdclass);
		}
	}
}

/* BIND takes these records out of their section. */
static void
put_special(dns_message_t *msg)
{
	const dns_name_t *owner = NULL;
	dns_rdataset_t *set;

	if ((set = dns_message_getopt(msg)) != NULL)
		put_set(DNS_SECTION_ADDITIONAL, dns_rootname, set);
	if ((set = dns_message_gettsig(msg, &owner)) != NULL)
		put_set(DNS_SECTION_ADDITIONAL, owner, set);
	owner = NULL;
	if ((set = dns_message_getsig0(msg, &owner)) != NULL)
		put_set(DNS_SECTION_ADDITIONAL, owner, set);
}

void
reader_message(const uint8_t *wire, size_t len)
{
	static isc_mem_t *mctx;
	dns_message_t *msg = NULL;
	isc_buffer_t buffer;
	isc_result_t result;

	if (mctx == NULL)
		isc_mem_create(&mctx);
	dns_message_create(mctx, DNS_MESSAGE_INTENTPARSE, &msg);
	isc_buffer_init(&buffer, (void *)(uintptr_t)wire, (unsigned int)len);
	isc_buffer_add(&buffer, (unsigned int)len);
	result = dns_message_parse(msg, &buffer,
	    DNS_MESSAGEPARSE_PRESERVEORDER);
	if (result != ISC_R_SUCCESS)
		reader_refused(isc_result_totext(result));
	else {
		printf("ok ");
		if (msg->counts[DNS_SECTION_QUESTION] == 0)
			printf("-");
		put_section(msg, DNS_SECTION_QUESTION);
		put_section(msg, DNS_SECTION_ANSWER);
		put_section(msg, DNS_SECTION_AUTHORITY);
		put_section(msg, DNS_SECTION_ADDITIONAL);
		put_special(msg);
	}
	dns_message_detach(&msg);
}
