/* A command that is told, for sh. */
#include "command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../utf8.h"

#define LETTERS		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS		"0123456789"

void
command_add(struct command *c, const char *format, ...)
{
	size_t room = sizeof(c->text) - c->len;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(c->text + c->len, room, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		c->failed = true;
	else
		c->len += (size_t)n;
}

/* Who reads it must see it as it is, and no control character (show_text). */
static bool
is_shown(const char *word)
{
	size_t n, left = strlen(word);

	for (; left > 0; word += n, left -= n) {
		n = utf8_length(word, left);
		if (n == 0 || (unsigned char)*word < ' ' || *word == 0x7f ||
		    (n == 2 && (unsigned char)word[0] == 0xc2 &&
		    (unsigned char)word[1] < 0xa0))
			return (false);
	}
	return (true);
}

void
command_word(struct command *c, const char *word)
{
	static const char plain[] = LETTERS DIGITS "_-./:,@%+=";
	size_t n;

	if (!is_shown(word))
		c->failed = true;
	if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
		command_add(c, " %s", word);
		return;
	}
	command_add(c, " '");
	for (;;) {
		n = strcspn(word, "'");
		command_add(c, "%.*s", (int)n, word);
		if (word[n] == '\0')
			break;
		command_add(c, "'\\''");
		word += n + 1;
	}
	command_add(c, "'");
}

void
command_nft(struct command *c, const char *name)
{
	/* As nft's scanner has it. */
	static const char plain[] = LETTERS DIGITS "_-./ ";

	if (name[0] == '\0' || strchr(LETTERS "_.", name[0]) == NULL ||
	    name[strspn(name, plain)] != '\0')
		c->failed = true;
	command_add(c, " %s", name);
}

const char *
command_text(const struct command *c)
{
	return (c->failed ? "" : c->text);
}
