/* The file of --config. */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BLANKS	" \t\r"
#define KEY_OCTETS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
	"0123456789_"

char *
config_read(int fd, const char **why)
{
	static char text[CONFIG_SIZE_MAX + 2];
	size_t len = 0;
	struct stat st;
	ssize_t n;

	if (fd == -1 || fstat(fd, &st) == -1) {
		*why = strerrordesc_np(errno);
		return (NULL);
	}
	*why = S_ISREG(st.st_mode) ? NULL : "not a regular file";
	while (*why == NULL && len <= CONFIG_SIZE_MAX) {
		n = read(fd, text + len, CONFIG_SIZE_MAX + 1 - len);
		if (n == 0)
			break;
		if (n == -1)
			*why = strerrordesc_np(errno);
		else
			len += (size_t)n;
	}
	if (*why == NULL && len > CONFIG_SIZE_MAX)
		*why = "longer than 64 KiB";
	if (*why == NULL && memchr(text, '\0', len) != NULL)
		*why = "a NUL is in it";
	return (*why == NULL ? text : NULL);
}

char *
config_load(const char *path, const char **why)
{
	int fd = open(path, CONFIG_FLAGS);
	char *text = config_read(fd, why);

	if (fd != -1)
		close(fd);
	return (text);
}

/* Copies a value without quotes to out; returns the end of its line. */
static char *
copy_plain(struct config *c, char *p, char *out)
{
	char *end = out;	/* behind the last octet that is not a blank */

	for (; *p != '\n' && *p != '\0'; p++) {
		if (*p == '\\' && p[1] == '\n') {
			p++;
			c->line++;
			continue;
		}
		if (*p == '\\' && p[1] != '\0') {
			*out++ = *++p;
			end = out;
			continue;
		}
		*out++ = *p;
		if (strchr(BLANKS, *p) == NULL)
			end = out;
	}
	/* Where the line ends is read before it may be overwritten. */
	if (*p == '\n') {
		p++;
		c->line++;
	}
	*end = '\0';
	return (p);
}

/* Copies what is in quotes to out; returns what follows, or NULL. */
static char *
copy_quoted(char *p, char *out)
{
	char quote = *p++;

	for (; *p != quote; p++) {
		if (quote == '"' && *p == '\\' && p[1] != '\0' &&
		    strchr("\"\\`$", p[1]) != NULL)
			p++;
		if (*p == '\n' || *p == '\0')
			return (NULL);
		*out++ = *p;
	}
	*out = '\0';
	return (p + 1);
}

/* On to the next line; p is somewhere in this one. */
static void
next_line(struct config *c, char *p)
{
	p += strcspn(p, "\n");
	if (*p == '\n') {
		p++;
		c->line++;
	}
	c->at = p;
}

static void
not_right(struct config *c, char *p, struct config_item *item, const char *text)
{
	item->key = NULL;
	item->wrong = text;
	next_line(c, p);
}

/* Empty lines and comments; false at the end. */
static bool
skip(struct config *c)
{
	for (;;) {
		c->at += strspn(c->at, BLANKS);
		if (*c->at != '\n' && *c->at != '#' && *c->at != ';')
			return (*c->at != '\0');
		next_line(c, c->at);
	}
}

bool
config_next(struct config *c, struct config_item *item)
{
	char *p, *end;

	if (!skip(c))
		return (false);
	*item = (struct config_item){ .line = c->line, .key = c->at };
	end = c->at + strspn(c->at, KEY_OCTETS);
	p = end + strspn(end, BLANKS);
	if (end == c->at || *p != '=') {
		not_right(c, p, item, "expected KEY=value");
		return (true);
	}
	*end = '\0';
	p++;
	p += strspn(p, BLANKS);
	item->value = p;
	if (*p != '"' && *p != '\'') {
		c->at = copy_plain(c, p, p);
		return (true);
	}
	end = copy_quoted(p, p);
	if (end == NULL) {
		not_right(c, p, item, "expected a closing quote in the same line");
		return (true);
	}
	end += strspn(end, BLANKS);
	if (*end == '\n' || *end == '\0')
		next_line(c, end);
	else
		not_right(c, end, item, "expected the end of the line behind the "
		    "closing quote");
	return (true);
}
