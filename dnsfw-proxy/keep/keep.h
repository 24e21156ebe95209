/*
 * The keeper: the role of dnsfw-proxy that owns what is live, and the service's
 * main process.  dnsfw becomes it by exec, with the descriptors of keepconf.h.
 */
#ifndef KEEP_KEEP_H
#define KEEP_KEEP_H

/* Confine the process, and serve until it is to end; returns its status. */
int	keep_main(void);

#endif
