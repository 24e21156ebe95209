/*
 * The socket filter of the events: the kernel need not queue what the helper did
 * for us, nor what is of other tables only.  Pure.
 */
#ifndef KEEP_WATCHFILTER_H
#define KEEP_WATCHFILTER_H

#include <linux/filter.h>

#include <stddef.h>
#include <stdint.h>

/* The kernel puts at most so many messages into one datagram. */
#define WATCHFILTER_MESSAGES	68
#define WATCHFILTER_MAX		(32 * WATCHFILTER_MESSAGES)

/*
 * A program that drops a datagram if portid sent the change, or if its messages,
 * at most so many, are all of other tables.  Returns its length.
 */
unsigned short watchfilter_make(struct sock_filter code[WATCHFILTER_MAX],
	    unsigned int messages, uint32_t portid, uint8_t family,
	    const char *table);

#endif
