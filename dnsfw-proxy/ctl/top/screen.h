/* The terminal. */
#ifndef TOP_SCREEN_H
#define TOP_SCREEN_H

#include "page.h"

/*
 * Take the terminal, of standard input and output; at the program's end, however
 * that comes, it is given back.  Returns NULL, or why it cannot be had.
 */
const char *screen_open(void);

/* It may have another size now. */
void	screen_resized(void);

/* Set the page's size. */
void	screen_size(struct page *);

void	screen_draw(const struct page *);

/* The next key for view_key(); 0: there is none. */
int	screen_key(void);

#endif
