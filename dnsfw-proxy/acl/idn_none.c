/* Names outside ASCII, in a build without libidn2. */
#include "idn.h"

bool
idn_to_ascii(const char *text, size_t len, char *out, size_t size)
{
	(void)text;
	(void)len;
	(void)out;
	(void)size;
	return (false);
}
