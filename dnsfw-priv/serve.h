/*
 * The loop: signals, the firewall's events, this host's addresses, and the
 * children.
 */
#ifndef PRIV_SERVE_H
#define PRIV_SERVE_H

#include "launch.h"
#include "options.h"

/*
 * Serve the compiler and o->workers workers until a signal asks to stop; then
 * tell the children to stop, and return.  Ends the program (P4) if one of them
 * does.
 */
void	serve(struct child *compiler, struct child *workers,
	    const struct options *o);

/*
 * Block the signals that dnsfw-priv acts on until the loop looks, and ignore
 * SIGPIPE.
 */
void	serve_signals(void);

#endif
