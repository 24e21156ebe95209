/*
 * What the compiler and the keeper say to each other of the files that a list
 * includes.  The compiler asks for one after the other while it makes a policy,
 * and at most INCLUDES_MAX times; each INCLUDE has its INCLUDED.  Pure.
 */
#ifndef COMMON_INCLUDEMSG_H
#define COMMON_INCLUDEMSG_H

#include "aclpath.h"
#include "msg.h"

#define INCLUDES_MAX	1024	/* of one list */

/*
 * Open the file at path, below the list's directory; or, if directory is 1, the
 * next one of that directory behind the name after.
 */
struct msg_include {
	uint8_t		type;
	uint8_t		directory;	/* 0 or 1 */
	uint8_t		pad[2];
	char		path[ACLPATH_SIZE];	/* good; then only NULs */
	char		after[ACLPATH_SIZE];	/* the same, or empty: the first */
};
static_assert(sizeof(struct msg_include) == 260, "msg_include size");

/* With the file, for reading, as the descriptor, if there is no trouble. */
struct msg_included {
	uint8_t		type;
	uint8_t		trouble;	/* enum aclfile_trouble */
	uint8_t		pad[2];
	char		name[ACLPATH_SIZE];	/* in the directory, or empty */
};
static_assert(sizeof(struct msg_included) == 132, "msg_included size");

/* As the decoders of msg.h. */
enum msg_err	msg_include_decode(const void *buf, size_t len,
		    struct msg_include *out);
enum msg_err	msg_included_decode(const void *buf, size_t len,
		    struct msg_included *out);

#endif
