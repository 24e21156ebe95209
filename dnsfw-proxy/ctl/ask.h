/* A question to the keeper, over the control socket. */
#ifndef CTL_ASK_H
#define CTL_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "controlmsg.h"

#define ASK_PATH_DEFAULT	"/run/dnsfw/control"
#define ASK_SECONDS		60	/* for a place, and for the next record */

/* How it is asked. */
extern struct ask_manner {
	unsigned int	seconds;	/* as ASK_SECONDS, which it is first */
	bool		whole;		/* so long for all records, too */
	bool		quiet;		/* nothing is said on stderr */
} ask_manner;

#define ASK_SAID_SIZE	512	/* with NUL */

/* Why ask() failed last: what is said on stderr, or would be. */
extern char ask_said[ASK_SAID_SIZE];

/* What an answer is given to: one of its records. */
typedef void ask_answer(void *arg, const void *record);

/*
 * Connect to path, ask, and give each answer of that type to fn.  client NULL: of
 * all.  Returns 0 with the END in *end, or -1 with the reason on stderr.
 */
int	ask(const char *path, enum control_what what, const struct addr *client,
	    enum control_type type, ask_answer *fn, void *arg,
	    struct control_end *end);

/* What the code means, other than CONTROL_OK. */
const char *ask_strcode(uint8_t code);

#endif
