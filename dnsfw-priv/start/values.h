/* The values of options: text into a field, or what was expected.  Pure. */
#ifndef START_VALUES_H
#define START_VALUES_H

#include <net/if.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addrtext.h"
#include "keepconf.h"

#define VALUE_WHY_MAX	160	/* bytes with NUL */

/* An address to listen on or to ask. */
struct host {
	struct addr	addr;
	char		zone[IF_NAMESIZE];	/* of a link-local one, or "" */
	uint32_t	scope;			/* the zone's index, when known */
};

#define HOST_TEXT_MAX	(ADDR_TEXT_MAX + IF_NAMESIZE)

/* ADDRESS or ADDRESS%ZONE; returns text. */
const char *host_print(const struct host *host, char text[HOST_TEXT_MAX]);

struct hosts {
	size_t		n;
	struct host	at[MSG_BINDS_MAX];
};

struct nets {
	size_t		n;
	struct addr_net	at[MSG_NETS_MAX];
};

struct table {
	uint8_t		family;			/* NFPROTO_* */
	const char	*name;			/* NULL: none was given */
	const char	*text;			/* with the family's name */
};

/* What a kind of value needs to know of one option. */
struct value_rule {
	uint32_t	min, max;	/* of a number; max: of a list's length */
	const char	*words;		/* to choose from: "no yes" */
};

/*
 * Reads value into the field, which has the type that is named below; a list
 * gets more elements.  Returns false with what was expected in why.
 */
typedef bool value_fn(void *field, const struct value_rule *rule,
    const char *value, char why[VALUE_WHY_MAX]);

value_fn value_string;	/* const char *: the value itself */
value_fn value_number;	/* uint32_t */
value_fn value_word;	/* uint32_t: min for the first word */
value_fn value_hosts;	/* struct hosts; words: the option for the port */
value_fn value_nets;	/* struct nets */
value_fn value_chain;	/* const char * */
value_fn value_table;	/* struct table */

#endif
