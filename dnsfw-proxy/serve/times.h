/*
 * How long decisions take (U7).  To look at the clock twice would be a hundredth
 * of a query, so one in TIMES_EVERY is measured: a prime number, so that clients
 * that ask for two or more types in turn do not hide one of them.
 */
#ifndef SERVE_TIMES_H
#define SERVE_TIMES_H

#include <stdint.h>

#define TIMES_EVERY	17

/* A decision begins: ns, or 0 if this one is not measured. */
uint64_t times_begin(void);

/* It is made. */
void	times_decided(uint64_t begin);

#endif
