/* The terminal, by ncurses. */
#include "screen.h"

#include <sys/ioctl.h>

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ESCAPE_MS	25	/* until ESC is no more the begin of a key */
#define RED		1

static void
give_back(void)
{
	(void)endwin();
}

/* As in other programs, NO_COLOR means none if it is set and not empty. */
static bool
wants_color(void)
{
	const char *no = getenv("NO_COLOR");

	return (no == NULL || no[0] == '\0');
}

static bool
has_capability(const char *name)
{
	const char *text = tigetstr(name);

	return (text != NULL && text != (const char *)-1);
}

const char *
screen_open(void)
{
	/* newterm tells of what it cannot do, initscr ends the program. */
	if (newterm(NULL, stdout, stdin) == NULL)
		return ("the terminal's type (TERM) is not known");
	/* Where ncurses cannot place text it would fill the screen with blanks. */
	if (!has_capability("cup")) {
		(void)endwin();
		return ("the terminal (TERM) cannot place text");
	}
	(void)atexit(give_back);
	(void)cbreak();
	(void)noecho();
	(void)nonl();
	(void)keypad(stdscr, TRUE);
	(void)nodelay(stdscr, TRUE);
	(void)set_escdelay(ESCAPE_MS);
	(void)curs_set(0);
	if (wants_color() && has_colors() && start_color() == OK &&
	    use_default_colors() == OK)
		(void)init_pair(RED, COLOR_RED, -1);
	return (NULL);
}

void
screen_resized(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
	    size.ws_row > 0 && size.ws_col > 0)
		(void)resizeterm(size.ws_row, size.ws_col);
	(void)clearok(stdscr, TRUE);
}

void
screen_size(struct page *p)
{
	p->rows = (size_t)getmaxy(stdscr);
	p->columns = (size_t)getmaxx(stdscr);
}

static chtype
attributes_of(enum page_look look)
{
	switch (look) {
	case LOOK_TITLE:
		return (A_REVERSE);
	case LOOK_ALERT:
		return (A_BOLD | (wants_color() && has_colors() ?
		    COLOR_PAIR(RED) : 0));
	case LOOK_PLAIN:
		break;
	}
	return (A_NORMAL);
}

void
screen_draw(const struct page *p)
{
	size_t i;

	(void)erase();
	for (i = 0; i < p->rows; i++) {
		(void)attrset((int)attributes_of(p->lines[i].look));
		(void)mvaddstr((int)i, 0, p->lines[i].text);
	}
	(void)refresh();
}

int
screen_key(void)
{
	static const struct { int key, meant; } keys[] = {
		{ KEY_UP, VIEW_UP }, { KEY_DOWN, VIEW_DOWN },
		{ KEY_PPAGE, VIEW_PAGE_UP }, { KEY_NPAGE, VIEW_PAGE_DOWN },
		{ KEY_HOME, VIEW_HOME }, { KEY_BACKSPACE, VIEW_RUBOUT },
		{ '\b', VIEW_RUBOUT }, { 0x7f, VIEW_RUBOUT },
		{ KEY_ENTER, VIEW_ENTER }, { '\r', VIEW_ENTER },
		{ '\n', VIEW_ENTER }, { 0x1b, VIEW_ESCAPE }
	};
	int key = getch();
	size_t i;

	if (key == ERR)
		return (0);
	if (key == 'L' - '@')
		(void)clearok(stdscr, TRUE);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].key == key)
			return (keys[i].meant);
	return (key < 0x80 ? key : VIEW_NONE);
}
