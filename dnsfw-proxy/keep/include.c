/* Files that the list includes. */
#include "include.h"

#include <string.h>
#include <unistd.h>

#include "aclfile.h"
#include "children.h"
#include "includemsg.h"
#include "keepconf.h"

static unsigned int served;	/* of this list */

void
include_begin(void)
{
	served = 0;
}

/* The next file of a directory.  Returns -1 with *why. */
static int
open_next(const struct msg_include *m, char name[ACLPATH_SIZE],
    enum aclfile_trouble *why)
{
	char path[2 * ACLPATH_SIZE];

	*why = aclfile_next(KEEP_FD_ACL_DIR, m->path, m->after, name);
	if (*why != ACLFILE_OK) {
		name[0] = '\0';
		return (-1);
	}
	(void)stpcpy(stpcpy(stpcpy(path, m->path), "/"), name);
	return (aclfile_open(KEEP_FD_ACL_DIR, path, why));
}

void
include_serve(const uint8_t *buf, size_t n)
{
	struct msg_included answer = { .type = MSG_INCLUDED };
	enum aclfile_trouble why = ACLFILE_OK;
	struct msg_include m;
	enum msg_err err;
	int fd;

	if ((err = msg_include_decode(buf, n, &m)) != MSG_OK)
		children_malformed(&children_compiler, msg_strerror(err));
	/* It counts, too, so that it cannot keep us from the grants. */
	if (served++ == INCLUDES_MAX)
		children_malformed(&children_compiler, "too many INCLUDEs");
	fd = m.directory ? open_next(&m, answer.name, &why) :
	    aclfile_open(KEEP_FD_ACL_DIR, m.path, &why);
	answer.trouble = (uint8_t)why;
	children_send(&children_compiler, &answer, sizeof(answer), fd);
	if (fd != -1)
		close(fd);
}
