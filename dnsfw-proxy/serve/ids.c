/* Random ids, drawn many at a time: arc4random looks for a fork at each call. */
#include "ids.h"

#include <stddef.h>
#include <stdlib.h>

#define STOCK	256

uint16_t
ids_next(void)
{
	static uint16_t stock[STOCK];
	static size_t left;
	uint16_t id;

	if (left == 0) {
		arc4random_buf(stock, sizeof(stock));
		left = STOCK;
	}
	id = stock[--left];
	/* What was used is not for who reads this memory later. */
	stock[left] = 0;
	return (id);
}
