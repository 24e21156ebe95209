/* The files that a list includes. */
#include "aclfile.h"

#include <sys/stat.h>

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LISTING_SIZE	32768	/* octets of entries, read at once */

const char *
aclfile_text(enum aclfile_trouble trouble)
{
	static const char *const texts[] = {
		[ACLFILE_OK] = "it is there",
		[ACLFILE_END] = "no file there has a name with \"" ACLPATH_END
		    "\" at its end",
		[ACLFILE_MISSING] = "there is no such file or directory",
		[ACLFILE_DENIED] = "permission denied, or a link that leads "
		    "out of the list's directory",
		[ACLFILE_KIND] = "not a regular file",
		[ACLFILE_NODIR] = "not a directory, and a file's name ends in "
		    "\"" ACLPATH_END "\"",
		[ACLFILE_NAME] = "a file there has a name of other characters "
		    "than letters, digits, \".\", \"_\", \"+\", \"@\" and \"-\", "
		    "or a longer one than 127",
		[ACLFILE_MANY] = "more than 1024 files in the directory",
		[ACLFILE_OTHER] = "it cannot be opened"
	};

	static_assert(sizeof(texts) / sizeof(texts[0]) == ACLFILE_TROUBLES,
	    "a text for each");
	return (texts[trouble]);
}

static enum aclfile_trouble
trouble_of(int error)
{
	switch (error) {
	case ENOENT:
		return (ACLFILE_MISSING);
	case EACCES:
	case EPERM:
	case ELOOP:
		return (ACLFILE_DENIED);
	case ENOTDIR:
		return (ACLFILE_NODIR);
	default:
		return (ACLFILE_OTHER);
	}
}

int
aclfile_open(int dir, const char *path, enum aclfile_trouble *why)
{
	struct stat st;
	int fd = openat(dir, path, ACLFILE_FLAGS);

	if (fd == -1) {
		*why = trouble_of(errno);
		return (-1);
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return (fd);
	close(fd);
	*why = ACLFILE_KIND;
	return (-1);
}

/* It may be the next one after *after; what is wrong with it, or OK. */
static enum aclfile_trouble
look_at(const char *entry, const char *after, char name[ACLPATH_SIZE])
{
	size_t len = strlen(entry);

	if (entry[0] == '.' || !aclpath_is_file(entry, len) ||
	    strcmp(entry, after) <= 0)
		return (ACLFILE_OK);
	if (!aclpath_is_good(entry, len))
		return (ACLFILE_NAME);
	if (name[0] != '\0' && strcmp(entry, name) >= 0)
		return (ACLFILE_OK);
	memset(name, 0, ACLPATH_SIZE);	/* of one that was longer, too */
	memcpy(name, entry, len);
	return (ACLFILE_OK);
}

/* Look at all that the directory has. */
static enum aclfile_trouble
list(int fd, const char *after, char name[ACLPATH_SIZE])
{
	static _Alignas(struct dirent64) char buf[LISTING_SIZE];
	enum aclfile_trouble trouble;
	const struct dirent64 *entry;
	unsigned int entries = 0;
	ssize_t n, at;

	while ((n = getdents64(fd, buf, sizeof(buf))) > 0) {
		for (at = 0; at < n; at += entry->d_reclen) {
			entry = (const void *)(buf + at);
			/* "." and ".." are there, too. */
			if (++entries > ACLFILE_ENTRIES_MAX + 2)
				return (ACLFILE_MANY);
			trouble = look_at(entry->d_name, after, name);
			if (trouble != ACLFILE_OK)
				return (trouble);
		}
	}
	if (n == -1)
		return (trouble_of(errno));
	return (name[0] == '\0' ? ACLFILE_END : ACLFILE_OK);
}

enum aclfile_trouble
aclfile_next(int dir, const char *path, const char *after,
    char name[ACLPATH_SIZE])
{
	enum aclfile_trouble trouble;
	int fd = openat(dir, path, ACLFILE_DIRECTORY);

	name[0] = '\0';
	if (fd == -1)
		return (trouble_of(errno));
	trouble = list(fd, after, name);
	close(fd);
	return (trouble);
}
