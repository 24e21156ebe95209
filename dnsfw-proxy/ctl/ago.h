/* How long ago something was, for a reader. */
#ifndef CTL_AGO_H
#define CTL_AGO_H

#include <stdint.h>

#define AGO_SIZE	24	/* bytes, with the NUL */

/* "119 s ago", "2 min ago", "25 h ago", "2 d ago". */
void	ago_print(uint32_t seconds, char buf[AGO_SIZE]);

#endif
