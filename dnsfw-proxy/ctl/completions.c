/*
 * Prints the completions of dnsfwctl for a shell: "completions bash|zsh|fish".
 * It runs while dnsfw is built, and is not installed.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "usage.h"

#define WORDS_MAX	4	/* spellings of one option */
#define MADE		"# Completion of dnsfwctl, made from its table of commands.\n"

/* An element of the arguments of a command. */
struct element {
	bool		 repeats;
	char		 text[128];	/* cut to words, here */
	const char	*flags[WORDS_MAX]; /* -x, --xx; none: no option */
	size_t		 nflags;
	const char	*value;		/* NULL: an option without */
	bool		 is_file;	/* the value, or the argument */
	bool		 is_choice;	/* the value: words with blanks between */
	bool		 is_list;	/* several of these, with commas */
};

static void
split_flags(struct element *e, char *flags)
{
	for (; flags != NULL && e->nflags < WORDS_MAX; e->nflags++)
		e->flags[e->nflags] = strsep(&flags, "|");
}

static void
judge_value(struct element *e, char *value)
{
	char *c;

	e->value = value;
	value[strcspn(value, " ")] = '\0';	/* FILE | - */
	e->is_file = strcmp(value, "FILE") == 0 || strcmp(value, "PATH") == 0;
	e->is_choice = islower((unsigned char)value[0]);
	if ((c = strstr(value, ",...")) != NULL && e->is_choice) {
		e->is_list = true;
		*c = '\0';
	}
	for (c = value; *c != '\0'; c++)
		if (*c == '|')
			*c = ' ';
}

/* The next element that is more than a mark.  False: there is none. */
static bool
next_element(const char **at, struct element *e)
{
	const char *start;
	char *text;
	size_t len;

	do {
		if ((start = usage_element(at, &len)) == NULL)
			return (false);
	} while (len == 1);
	*e = (struct element){ .repeats = strncmp(start + len - 3, "...", 3)
	    == 0 };
	len -= 3 * e->repeats;
	snprintf(e->text, sizeof(e->text), "%.*s", (int)len, start);
	text = e->text;
	if (*text == '[') {
		text[len - 1] = '\0';
		text++;
	}
	if (*text == '-')
		split_flags(e, strsep(&text, " "));
	if (text != NULL)
		judge_value(e, text);
	return (true);
}

/* --- bash --- */

static void
bash_values(const struct usage *u)
{
	const char *at = u->arguments;
	struct element e;
	size_t i;

	while (next_element(&at, &e)) {
		if (e.nflags == 0 || e.value == NULL)
			continue;
		for (i = 0; i < e.nflags; i++)
			printf("%s\"%s %s\"", i == 0 ? "\t" : "|", u->name,
			    e.flags[i]);
		printf(") words='%s' files=%s%s ;;\n",
		    e.is_choice ? e.value : "", e.is_file ? "yes" : "no",
		    e.is_list ? " list=yes" : "");
	}
}

static void
bash_options(const struct usage *u)
{
	const char *at = u->arguments;
	bool files = false;
	struct element e;
	size_t i;

	printf("\t\"%s \"*) words='", u->name);
	while (next_element(&at, &e)) {
		for (i = 0; i < e.nflags; i++)
			printf("%s ", e.flags[i]);
		files |= e.nflags == 0 && e.is_file;
	}
	printf("--help' files=%s ;;\n", files ? "yes" : "no");
}

static void
print_bash(void)
{
	size_t i;

	printf(MADE "_dnsfwctl()\n{\n"
	    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} words files=no list=no\n"
	    "\tlocal prev=${COMP_WORDS[COMP_CWORD-1]} IFS=$' \\t\\n'\n\n"
	    "\tCOMPREPLY=()\n"
	    "\t# \"--option=value\" is three words.\n"
	    "\tif [[ $prev == = ]]; then\n"
	    "\t\tprev=${COMP_WORDS[COMP_CWORD-2]}\n"
	    "\telif [[ $cur == = ]]; then\n\t\tcur=\n\tfi\n"
	    "\t[[ $COMP_CWORD == 1 ]] && prev=\n"
	    "\tcase \"${COMP_WORDS[1]} $prev\" in\n");
	for (i = 0; i < usages_count; i++)
		bash_values(&usages[i]);
	printf("\t*\" \") words='");
	for (i = 0; i < usages_count; i++)
		printf("%s ", usages[i].name);
	printf("--help --version' ;;\n");
	for (i = 0; i < usages_count; i++)
		bash_options(&usages[i]);
	printf("\tesac\n"
	    "\tif [[ $files == yes && $cur != -* ]]; then\n"
	    "\t\tcompopt -o default\n"
	    "\telif [[ $list == yes && $cur == *,* ]]; then\n"
	    "\t\tmapfile -t COMPREPLY < <(compgen -P \"${cur%%,*},\" "
	    "-W \"$words\" -- \"${cur##*,}\")\n"
	    "\telse\n"
	    "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	    "\tfi\n}\ncomplete -F _dnsfwctl dnsfwctl\n");
}

/* --- zsh --- */

/* Within '...', where a colon ends a part. */
static void
zsh_text(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			printf("'\\''");
		else
			printf("%s%c", *text == ':' ? "\\" : "", *text);
	}
}

static void
zsh_value(const struct element *e)
{
	if (e->is_list)
		printf(":value:{compset -P \"*,\"; compadd - %s}'", e->value);
	else if (e->is_choice)
		printf(":value:(%s)'", e->value);
	else {
		printf(":");
		zsh_text(e->value);
		printf(":%s'", e->is_file ? "_files" : " ");
	}
}

static void
zsh_element(const struct element *e)
{
	size_t i;

	if (e->nflags == 0) {
		printf(" '%s", e->repeats ? "*" : "");
		zsh_value(e);
		return;
	}
	for (i = 0; i < e->nflags; i++) {
		printf(" '%s%s", e->repeats ? "*" : "", e->flags[i]);
		if (e->value == NULL)
			printf("'");
		else {
			printf("=");
			zsh_value(e);
		}
	}
}

static void
print_zsh(void)
{
	struct element e;
	const char *at;
	size_t i;

	printf("#compdef dnsfwctl\n" MADE
	    "local -a commands\n"
	    "commands=(\n");
	for (i = 0; i < usages_count; i++) {
		printf("\t'%s:", usages[i].name);
		zsh_text(usages[i].what);
		printf("'\n");
	}
	printf(")\n"
	    "if (( CURRENT == 2 )); then\n"
	    "\t_describe command commands\n"
	    "\t_arguments --help --version\n"
	    "\treturn\n"
	    "fi\n"
	    "shift words\n"
	    "(( CURRENT-- ))\n"
	    "case $words[1] in\n");
	for (i = 0; i < usages_count; i++) {
		printf("%s) _arguments --help", usages[i].name);
		for (at = usages[i].arguments; next_element(&at, &e);)
			zsh_element(&e);
		printf(" ;;\n");
	}
	printf("esac\n");
}

/* --- fish --- */

/* Within '...'. */
static void
fish_text(const char *text)
{
	for (; *text != '\0'; text++)
		printf("%s%c", *text == '\'' || *text == '\\' ? "\\" : "",
		    *text);
}

static void
fish_element(const char *command, const struct element *e)
{
	size_t i;

	if (e->nflags == 0 && !e->is_file)
		return;
	printf("complete -c dnsfwctl -n '__fish_seen_subcommand_from %s'",
	    command);
	for (i = 0; i < e->nflags; i++)
		printf(e->flags[i][1] == '-' ? " -l %s" : " -s %s",
		    e->flags[i] + 1 + (e->flags[i][1] == '-'));
	if (e->is_file)
		printf(e->nflags == 0 ? " -F" : " -rF");
	else if (e->is_list)
		printf(" -xa '(__fish_complete_list , \"printf %%s\\\\\\n %s\")'",
		    e->value);
	else if (e->value != NULL)
		printf(e->is_choice ? " -xa '%s'" : " -x", e->value);
	printf("\n");
}

static void
print_fish(void)
{
	struct element e;
	const char *at;
	size_t i;

	printf(MADE "complete -c dnsfwctl -f\ncomplete -c dnsfwctl -l help\n"
	    "complete -c dnsfwctl -n __fish_use_subcommand -l version\n");
	for (i = 0; i < usages_count; i++) {
		printf("complete -c dnsfwctl -n __fish_use_subcommand -a %s "
		    "-d '", usages[i].name);
		fish_text(usages[i].what);
		printf("'\n");
		for (at = usages[i].arguments; next_element(&at, &e);)
			fish_element(usages[i].name, &e);
	}
}

int
main(int argc, char **argv)
{
	const char *shell = argc == 2 ? argv[1] : "";

	if (strcmp(shell, "bash") == 0)
		print_bash();
	else if (strcmp(shell, "zsh") == 0)
		print_zsh();
	else if (strcmp(shell, "fish") == 0)
		print_fish();
	else
		return (1);
	return (fflush(stdout) == EOF || ferror(stdout));
}
