/* The values of options: text into a field, or what was expected.  Pure. */
#ifndef OPTIONS_VALUES_H
#define OPTIONS_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keepconf.h"

#define VALUE_WHY_MAX	160	/* bytes with NUL */

/* What a kind of value needs to know of one option. */
struct value_rule {
	uint32_t	min, max;	/* of a number; max: of hosts */
	const char	*words;		/* to choose from: "no yes" */
};

/*
 * Reads value into the field, which has the type that is named below; a list
 * gets more elements.  Returns false with what was expected in why.
 */
typedef bool value_fn(void *field, const struct value_rule *rule,
    const char *value, char why[VALUE_WHY_MAX]);

value_fn value_text;	/* char []: shorter than max */
value_fn value_number;	/* uint32_t */
value_fn value_word;	/* uint8_t: min for the first word */
value_fn value_hosts;	/* struct hosts; words: the option for the port */
value_fn value_nets;	/* struct msg_nets */
value_fn value_socket;	/* char []: a path shorter than max, or "" */
value_fn value_chain;	/* char[KEEPCONF_NAME_MAX] */
value_fn value_table;	/* struct keepconf_table */

#endif
