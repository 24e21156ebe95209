/* Text that does nothing to a terminal. */
#include "plain.h"

size_t
plain_copy(char *buf, size_t size, const char *text, size_t len)
{
	size_t n;

	for (n = 0; n < len && text[n] != '\0' && n + 1 < size; n++)
		buf[n] = text[n] == '\t' ? ' ' : text[n] >= ' ' &&
		    text[n] <= '~' ? text[n] : '?';
	buf[n] = '\0';
	return (n);
}
