/* What rules of a list say that lines before them say as well. */
#ifndef CTL_SAME_H
#define CTL_SAME_H

#include <stdint.h>

#include "list.h"

/*
 * For each rule the line that says the same for the same clients and name, or the
 * last of those that do so together; 0: some of it is new.  To be freed.
 */
uint32_t *same_find(const struct list *);

#endif
