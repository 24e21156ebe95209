/*
 * The keeper's loop.  A turn: signals; then a step of each long job; then each
 * worker's next request.  Every step is bounded, so none of them puts off
 * another, nor a signal (P6, G13, G14).
 */
#ifndef KEEP_SERVE_H
#define KEEP_SERVE_H

#include <stdbool.h>

/*
 * Serve until a signal asks to stop; then tell the others to stop, and return.
 * Ends the program (P4) if one of them does.
 */
void	serve_run(void);

/*
 * Wait for the firewall's chain, with one line in the log, if there is a service
 * manager that knows the difference between started and ready; without one, a
 * chain that is missing is repair_start's affair.  Returns false if a signal
 * asks to stop; then the others have been told to.
 */
struct backend;
bool	serve_await(const struct backend *);

#endif
