/* An image under construction. */
#include "build.h"

void
build_report(struct build *b, unsigned int line, size_t at, const char *text)
{
	b->failed = true;
	b->error(b->arg, line, line == 0 ? 0 : (unsigned int)at + 1, text);
}
