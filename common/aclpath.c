/* The path of a file that a list includes. */
#include "aclpath.h"

#include <string.h>

static bool
may_be_in_path(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (c != '\0' && strchr("._+@-", c) != NULL));
}

bool
aclpath_is_good(const char *path, size_t len)
{
	bool begins = true;
	size_t i;

	if (len == 0 || len >= ACLPATH_SIZE)
		return (false);
	for (i = 0; i < len; i++) {
		if (begins ? path[i] == '.' || !may_be_in_path(path[i]) :
		    path[i] != '/' && !may_be_in_path(path[i]))
			return (false);
		begins = path[i] == '/';
	}
	return (!begins);
}

bool
aclpath_is_file(const char *path, size_t len)
{
	const size_t end = sizeof(ACLPATH_END) - 1;

	return (len > end && path[len - end - 1] != '/' &&
	    memcmp(path + len - end, ACLPATH_END, end) == 0);
}
