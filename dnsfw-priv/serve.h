/*
 * Serving the children: what they may ask, and what comes of it.
 */
#ifndef PRIV_SERVE_H
#define PRIV_SERVE_H

#include <stdint.h>

#include "backend.h"
#include "launch.h"

/* Make the tables, before the confinement; o must stay valid. */
void	serve_init(const struct options *o);

/*
 * The policy from the compiler: READY, the bounds, the sealed image, and its
 * clean end.  Returns the image's descriptor, *sealed filled.  Ends the
 * program if the compiler did not accept the ACL (it has said why).
 */
int	serve_policy(struct child *compiler, struct msg_sealed *sealed);

/* Wait until the worker is confined. */
void	serve_wait_ready(struct child *worker);

/*
 * Give the worker the image and serve its grants until a signal asks to stop;
 * then tell it to stop and return.  Ends the program (P4) if the worker does.
 */
void	serve_worker(struct child *worker, const struct backend *backend,
	    uint8_t families, int image, const struct msg_sealed *sealed);

/* Block the stop signals until serve_worker looks, and ignore SIGPIPE. */
void	serve_signals(void);

#endif
