/*
 * Options that are not for who is behind the next hop (D1).  Pure.
 */
#ifndef DNS_HOP_H
#define DNS_HOP_H

#include <stddef.h>
#include <stdint.h>

#include "message.h"

/*
 * Take the options of one hop (dns_option_of_hop) out of the OPT record of a
 * parsed message of *len octets, in place.  edns is the parse's; with *len it
 * becomes that of the result.  All else stays to the octet and in its order,
 * but OPT's rdlength.
 *
 * If OPT is not the last record the names behind it move, so compression is
 * made anew (strip.h): offsets other than that of the question may be others,
 * and the message may become longer; it needs room for DNS_MESSAGE_MAX octets.
 * DNS_EFULL: not even that is enough.
 *
 * A signature covers OPT, so a message that has one must not be changed (RFC
 * 8945 5.5): that is the caller's to see.
 */
DNS_MUSTCHECK enum dns_err dns_remove_hop_options(uint8_t *msg, size_t *len,
    size_t question_end, struct dns_edns *edns);

#endif
