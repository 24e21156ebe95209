/*
 * What the keeper and the workers say to each other of addresses that are one
 * client (U11).  Pure.
 */
#ifndef COMMON_HOSTMSG_H
#define COMMON_HOSTMSG_H

#include "msg.h"

/*
 * ASKED: a client has asked from an address in the IPv6 network of a host, so the
 * host has that one.  KNOWN: a client of another worker has.  Nothing depends on it:
 * who is not known is granted nothing for what others ask.
 */
struct msg_known {
	uint8_t		type;		/* MSG_ASKED or MSG_KNOWN */
	uint8_t		pad[3];
	uint8_t		client[16];	/* IPv6 */
};
static_assert(sizeof(struct msg_known) == 20, "msg_known size");

#define MSG_NEIGHBOURS_MAX 4096	/* addresses of all machines */
#define MSG_MACHINE_MAX	16	/* of one; and one that is told later may be more */

/*
 * With --hosts neighbours: the address is one of that machine; or, 0, it is alone
 * again.  At most MSG_NEIGHBOURS_MAX are of a machine.
 */
struct msg_neighbour {
	uint8_t		type;
	uint8_t		family;
	uint8_t		pad[2];
	uint32_t	machine;	/* a number that stands for it, or 0 */
	uint8_t		client[16];	/* IPv4 in the first 4, rest zero */
};
static_assert(sizeof(struct msg_neighbour) == 24, "msg_neighbour size");

/* As the decoders of msg.h; the first one for one of the two types. */
enum msg_err	msg_known_decode(const void *buf, size_t len,
		    enum msg_type type, struct msg_known *out);
enum msg_err	msg_neighbour_decode(const void *buf, size_t len,
		    struct msg_neighbour *out);

#endif
