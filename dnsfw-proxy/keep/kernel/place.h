/*
 * Our rules among others in a chain of nf_tables: which are there, where they
 * belong, and whether a packet comes as far.  It reads the messages of one
 * listing of STAMP_RULES; a listing that LIST_CHANGED is begun again.  Pure.
 */
#ifndef KEEP_PLACE_H
#define KEEP_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;

/* What a rule is to us: a kind of grants that it is for, or one of these. */
#define PLACE_OURS	4	/* ours, of whatever kind */
#define PLACE_OTHER	5

struct place {
	uint8_t		kinds;		/* of ours that are there, a bit each */
	uint8_t		blocked;	/* MSG_FAMILY_*: ends for TCP before ours */
	bool		ours;		/* there is one of ours */
	/*
	 * The handle of the rule before which ours belong, or 0 for the chain's
	 * end: the first of ours, or where the rules begin with which the chain
	 * ends for everything, like "log" and "reject".
	 */
	uint64_t	before;
	/* State of the listing. */
	unsigned int	(*whose)(const struct nlmsghdr *);
	uint8_t		all;		/* families of the table */
	uint8_t		ended;		/* those for whose TCP the chain ended */
	uint64_t	tail;		/* where the run of such rules began */
	bool		tail_decides;
};

/* families: MSG_FAMILY_* bits that the table is of. */
void	place_begin(struct place *, uint8_t families,
	    unsigned int (*whose)(const struct nlmsghdr *));

/* Of each message; arg is the struct place. */
void	place_take(const struct nlmsghdr *, void *arg);

/* After the last one. */
void	place_end(struct place *);

#endif
