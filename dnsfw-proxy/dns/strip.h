/*
 * Take addresses out of an answer (G8), and options of one hop out of OPT
 * (D1).  Pure; the work is linear in the size of the message.
 */
#ifndef DNS_STRIP_H
#define DNS_STRIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "message.h"

/*
 * Copy the message msg of len octets, whose parse is r, to out without the
 * addresses for which unwanted(arg, address) is true, in all three sections
 * and for every owner:
 * - an A or AAAA record of class IN goes as a whole;
 * - out of an SVCB or HTTPS record of class IN go the addresses of ipv4hint
 *   and ipv6hint, with the last one the parameter, and with a parameter that
 *   "mandatory" lists the whole record (RFC 9460 8: it would be malformed).
 * unwanted is called exactly once for each such address, in the order of the
 * message, and may log it.  *nremoved is how often it was true.
 *
 * All else stays what it was, record by record and in its order: ids, flags,
 * OPT, TTLs, the letters of every name, and also the signatures of what was
 * removed.  Compression is made anew, since names may have pointed into what
 * is gone; names at other offsets are the only difference.  If nothing is
 * removed, out is not written, and msg is what leaves.
 *
 * out has room for size octets, does not overlap msg, and gets *outlen of
 * them; where nothing is removed, *outlen is len.  Its offsets are not those of
 * r: parse it again.  It is shorter than
 * msg, unless names pointed to octets that are gone or were no name's own; for
 * the same reasons a name may lead through more pointers (DNS_ESTEPS then, when
 * it is parsed).
 * DNS_EFULL: the result does not fit into size, or into a message.  Another
 * error: r is not the parse of msg.  out is unspecified then; *nremoved is
 * still right after DNS_EFULL.
 */
DNS_MUSTCHECK enum dns_err dns_strip(const uint8_t *msg, size_t len,
    const struct dns_response *r,
    bool (*unwanted)(void *arg, const struct addr *a), void *arg,
    uint8_t *out, size_t size, size_t *outlen, size_t *nremoved);

/*
 * Copy the parsed message msg to out without the options of one hop, in the
 * same way.  For where OPT is not the last record (hop.h does the others).
 */
DNS_MUSTCHECK enum dns_err dns_strip_hop(const uint8_t *msg, size_t len,
    size_t question_end, uint8_t *out, size_t size, size_t *outlen);

#endif
