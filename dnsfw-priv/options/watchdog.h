/* How often the service manager wants to hear that dnsfw lives. */
#ifndef OPTIONS_WATCHDOG_H
#define OPTIONS_WATCHDOG_H

#include <stdint.h>

/*
 * In ms: what $WATCHDOG_USEC says; 0: never.  If $WATCHDOG_PID is set, it has to be
 * the parent, which becomes the keeper.  As sd_watchdog_enabled(3) does it.  A number
 * that cannot be is a warning.
 */
uint32_t watchdog_read(void);

#endif
