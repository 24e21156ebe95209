/*
 * The tables of nf_tables that iptables takes for its own, by their names.
 * While a set of ours is in one, iptables-save finds the table "incompatible",
 * saves none of its rules, and says so only in a comment of its output.
 */
#ifndef KEEP_XTTABLE_H
#define KEEP_XTTABLE_H

#include <stdint.h>

enum xttable {
	XTTABLE_ERROR = -1,	/* errno says */
	XTTABLE_OTHER,		/* iptables does not look there */
	XTTABLE_NAMED,		/* it would, and has no built-in chain there */
	XTTABLE_USED		/* it has */
};

/* Of --firewall nftables: the stamps are of that family. */
enum xttable xttable_look(uint8_t family, const char *table);

#endif
