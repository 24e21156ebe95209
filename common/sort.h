/* Sort where it is: qsort(3) and heapsort(3) take memory that may not be there. */
#ifndef COMMON_SORT_H
#define COMMON_SORT_H

#include <stddef.h>

/* n elements of size octets each, ascending by order as qsort(3) wants it. */
void	sort(void *base, size_t n, size_t size,
	    int (*order)(const void *, const void *));

#endif
