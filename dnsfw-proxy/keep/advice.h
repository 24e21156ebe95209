/* What our rules can do where they stand: told to the operator, who can mend it. */
#ifndef KEEP_ADVICE_H
#define KEEP_ADVICE_H

#include <stdbool.h>
#include <stdint.h>

/* Rules have changed: look, when it is time. */
void	advice_look(void);

/*
 * Nothing is listed from now on until the next step: somebody else wants to; what
 * was seen so far is for nothing.
 */
void	advice_yield(void);

/* A step of it; and the ms until the next one, or -1. */
void	advice_step(void);
int	advice_wait(void);

#endif
