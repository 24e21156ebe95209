/* A whole file in memory. */
#include "readtext.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST	(64UL << 10)	/* octets; doubled as they come */

/* Twice the room; false with *why. */
static int
double_room(char **text, size_t *size, const char **why)
{
	char *more;

	if (*size >= READTEXT_MAX) {
		*why = "longer than 1 GiB";
		return (0);
	}
	if ((more = realloc(*text, 2 * *size)) == NULL) {
		*why = "no memory";
		return (0);
	}
	*text = more;
	*size *= 2;
	return (1);
}

char *
readtext(int fd, size_t *len, const char **why)
{
	size_t size = FIRST;
	char *text = malloc(size);
	ssize_t n;

	*len = 0;
	if (text == NULL)
		*why = "no memory";
	while (text != NULL) {
		n = read(fd, text + *len, size - *len);
		if (n == 0)
			return (text);
		if (n > 0)
			*len += (size_t)n;
		else if (errno != EINTR) {
			*why = strerrordesc_np(errno);
			break;
		}
		if (*len == size && !double_room(&text, &size, why))
			break;
	}
	free(text);
	return (NULL);
}
