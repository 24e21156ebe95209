/* What the commands have in common that ask a dnsfw that runs. */
#ifndef CTL_LIVE_H
#define CTL_LIVE_H

#include <stdbool.h>

#include "addr.h"
#include "ask.h"

struct live {
	const char	*path;		/* of the socket */
	bool		 json;
	bool		 has_client;
	struct addr	 client;
	const char	*name;		/* behind the client, or NULL */
};

/*
 * Options, and from least to most of: a client, a name.  False: wrong usage.
 */
bool	live_arguments(struct live *, int argc, char **argv, int least,
	    int most);

/* Ask, and say what is wrong.  fn has the struct live.  Returns an exit status. */
int	live_ask(struct live *, enum control_what what, enum control_type type,
	    ask_answer *fn, struct control_end *end);

#endif
