/* Decoders of the messages about files that a list includes. */
#include "includemsg.h"

#include <string.h>

#include "aclfile.h"

/* A good path and then only NULs, or only NULs. */
static bool
is_good_field(const char path[ACLPATH_SIZE], bool maybe_empty)
{
	size_t len = strnlen(path, ACLPATH_SIZE), i;

	for (i = len; i < ACLPATH_SIZE; i++)
		if (path[i] != '\0')
			return (false);
	return ((len == 0 && maybe_empty) || aclpath_is_good(path, len));
}

enum msg_err
msg_include_decode(const void *buf, size_t len, struct msg_include *out)
{
	if (len != sizeof(*out))
		return (MSG_ESIZE);
	memcpy(out, buf, sizeof(*out));
	if (out->type != MSG_INCLUDE)
		return (MSG_ETYPE);
	if (out->pad[0] != 0 || out->pad[1] != 0)
		return (MSG_EPAD);
	if (out->directory > 1 || (out->directory == 0 &&
	    out->after[0] != '\0'))
		return (MSG_EVALUE);
	if (!is_good_field(out->path, false) || !is_good_field(out->after, true))
		return (MSG_ETEXT);
	/* Nothing else in that directory is a list's. */
	if (out->directory == 0 &&
	    !aclpath_is_file(out->path, strlen(out->path)))
		return (MSG_ETEXT);
	return (MSG_OK);
}

enum msg_err
msg_included_decode(const void *buf, size_t len, struct msg_included *out)
{
	if (len != sizeof(*out))
		return (MSG_ESIZE);
	memcpy(out, buf, sizeof(*out));
	if (out->type != MSG_INCLUDED)
		return (MSG_ETYPE);
	if (out->pad[0] != 0 || out->pad[1] != 0)
		return (MSG_EPAD);
	if (out->trouble >= ACLFILE_TROUBLES)
		return (MSG_EVALUE);
	return (is_good_field(out->name, true) ? MSG_OK : MSG_ETEXT);
}
