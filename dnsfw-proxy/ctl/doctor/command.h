/* A command that is told, for sh. */
#ifndef DOCTOR_COMMAND_H
#define DOCTOR_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#define COMMAND_MAX	4096	/* octets, with NUL */

/* The format of one that tells who listens: 't' (TCP) or 'u', and the port. */
#define COMMAND_LISTENERS	"ss -lnp%c 'sport = :%u'"

/* Empty: it is { .len = 0 }. */
struct command {
	char	text[COMMAND_MAX];
	size_t	len;
	bool	failed;		/* it is too long, or cannot be said */
};

/* Add what is ours: the text as it is. */
void	command_add(struct command *, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));

/* Add a blank and a word of anybody's, in quotes if sh would not take it as one. */
void	command_word(struct command *, const char *word);

/*
 * Add a blank and a name within what nft is told, which has no quotes for names; a
 * blank may be in it, as in "inet filter".
 */
void	command_nft(struct command *, const char *name);

/* The command; "" if it cannot be said: then none is told. */
const char *command_text(const struct command *);

#endif
