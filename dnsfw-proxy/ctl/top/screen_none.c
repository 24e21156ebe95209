/* Built without ncurses. */
#include "screen.h"

const char *
screen_open(void)
{
	return ("this dnsfwctl was built without ncurses");
}

void
screen_resized(void)
{
}

void
screen_size(struct page *p)
{
	p->rows = p->columns = 0;
}

void
screen_draw(const struct page *p)
{
	(void)p;
}

int
screen_key(void)
{
	return (0);
}
