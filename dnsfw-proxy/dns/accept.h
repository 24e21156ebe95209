/*
 * An upstream's answer, made fit to leave (D1, D10, D15).  Pure.
 */
#ifndef DNS_ACCEPT_H
#define DNS_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"

/*
 * Parse a message of *len octets that belongs to the query q
 * (dns_response_matches) and is the answer to it:
 * - octets behind the message are cut off (D10);
 * - an error without a question gets that of q, and keeps its OPT; other
 *   records, which nothing asked for, go (D15);
 * - over UDP (datagram) one with TC that cannot be parsed becomes header,
 *   question, and TC (D15): servers cut inside a record;
 * - the options of one hop go (D1), unless it is signed.
 * *msg and *len become those of the result, and *r its parse.  *msg then is
 * the same message, or space, which has room for DNS_MESSAGE_MAX octets.
 * Any other result than DNS_OK: it is broken, and nothing of it may leave.
 */
DNS_MUSTCHECK enum dns_err dns_accept(const uint8_t **msg, size_t *len,
    const struct dns_query *q, bool datagram, uint8_t *space,
    struct dns_response *r);

#endif
