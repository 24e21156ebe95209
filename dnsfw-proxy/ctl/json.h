/* JSON (RFC 8259), written as it comes.  One object a line. */
#ifndef CTL_JSON_H
#define CTL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE	*to;
	bool	 comma;		/* something stands before in this object */
};

/* An object or array begins: what is '{' or '['; key NULL: it has none. */
void	json_begin(struct json *, const char *key, char what);
/* It ends: '}' or ']'. */
void	json_end(struct json *, char what);

/*
 * A member, or an element of an array if key is NULL.  What is no UTF-8 in a text
 * becomes U+FFFD.
 */
void	json_text(struct json *, const char *key, const char *text);
void	json_bytes(struct json *, const char *key, const char *text,
	    size_t len);
void	json_number(struct json *, const char *key, uint64_t number);
/* Nanoseconds, as a number of seconds. */
void	json_seconds(struct json *, const char *key, uint64_t ns);
void	json_bool(struct json *, const char *key, bool value);
void	json_null(struct json *, const char *key);

/* The end of the outermost object. */
void	json_line(struct json *);

#endif
