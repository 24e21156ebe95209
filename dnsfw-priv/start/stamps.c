/* The stamps, which are to come. */
#include "make.h"

void
stamps_make(const struct stamps_wish *w, struct stamps *s)
{
	(void)w;
	(void)s;
}
