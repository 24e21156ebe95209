/*
 * The loop: signals, the firewall's events, this host's addresses, and the
 * children.
 */
#ifndef PRIV_SERVE_H
#define PRIV_SERVE_H

#include <stdbool.h>
#include <stddef.h>

#include "backend.h"
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
 * Wait for the firewall's chain, with one line in the log, if there is a service
 * manager that knows the difference between started and ready; without one, a
 * chain that is missing is firewall_start's affair.  Returns false if a signal
 * asks to stop; then the children have been told to.
 */
bool	serve_await(const struct backend *b, struct child *compiler,
	    struct child *workers, size_t nworkers);

/*
 * Block the signals that dnsfw-priv acts on until the loop looks, and ignore
 * SIGPIPE.
 */
void	serve_signals(void);

#endif
