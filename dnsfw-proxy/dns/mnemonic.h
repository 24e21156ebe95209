/*
 * The names of types and rcodes, as the IANA registry has them.  Pure.
 */
#ifndef DNS_MNEMONIC_H
#define DNS_MNEMONIC_H

#include <stdbool.h>
#include <stdint.h>

#define DNS_MNEMONIC_SIZE	16	/* bytes, with the NUL */

/* "A", or "TYPE123" (RFC 3597 5) for one without a name here, which is in buf. */
const char *dns_type_print(uint16_t type, char buf[DNS_MNEMONIC_SIZE]);

/* The type of such a text, in any case; false: it is none. */
bool	dns_type_parse(const char *text, uint16_t *type);

/* "NXDOMAIN", or "RCODE12" in buf. */
const char *dns_rcode_print(uint16_t rcode, char buf[DNS_MNEMONIC_SIZE]);

#endif
