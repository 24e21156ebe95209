/* How dnsfwctl is used: the one table of commands and their arguments. */
#ifndef CTL_USAGE_H
#define CTL_USAGE_H

#include <stddef.h>
#include <stdio.h>

struct option;

/*
 * A command.  Its arguments are elements with a blank between them: "[...]" may be
 * left out, "..." behind it: or repeated; "-x|--xx VALUE" is an option, and its
 * VALUE is FILE, PATH, another word in capitals, or one|of|these.
 */
struct usage {
	const char	*name, *arguments, *what;
};

extern const struct usage usages[];
extern const size_t usages_count;

/*
 * The next element at *at, which moves behind it; *len is its length in octets.
 * NULL: there is no more.
 */
const char *usage_element(const char **at, size_t *len);

/* All commands. */
void	usage_print(FILE *to);

/* One command, that there is. */
void	usage_command(FILE *to, const char *command);

/* The same, on stderr; returns CTL_USAGE. */
int	usage_wrong(const char *command);

/* getopt_long, which says what is wrong as all else here does. */
int	usage_option(int argc, char **argv, const char *letters,
	    const struct option *options);

#endif
