/* What the reader wants to see. */
#include "view.h"

#include <string.h>

static void
type(struct view *v, int key)
{
	size_t len = strlen(v->filter);

	v->first = 0;
	if (key == VIEW_ENTER)
		v->typing = false;
	else if (key == VIEW_ESCAPE) {
		v->typing = false;
		v->filter[0] = '\0';
	} else if (key == VIEW_RUBOUT && len > 0)
		v->filter[len - 1] = '\0';
	else if (key >= ' ' && key <= '~' && len + 1 < sizeof(v->filter)) {
		v->filter[len] = (char)key;
		v->filter[len + 1] = '\0';
	}
}

static void
scroll(struct view *v, int key, size_t rows)
{
	size_t step = key == VIEW_UP || key == VIEW_DOWN ? 1 : rows;

	if (key == VIEW_DOWN || key == VIEW_PAGE_DOWN)
		v->first += step;
	else
		v->first -= step < v->first ? step : v->first;
}

static void
show(struct view *v, int what)
{
	v->what = (enum view_what)(what % VIEWS);
	v->first = 0;
}

void
view_key(struct view *v, int key, size_t rows)
{
	if (v->typing) {
		type(v, key);
		return;
	}
	switch (key) {
	case 'q':
		v->quits = true;
		break;
	case '\t':
		show(v, v->what + 1);
		break;
	case 's':
		v->order = (enum view_order)((v->order + 1) % VIEW_ORDERS);
		v->first = 0;
		break;
	case '/':
		v->typing = true;
		break;
	case VIEW_ESCAPE:
		v->filter[0] = '\0';
		v->first = 0;
		break;
	case VIEW_HOME:
		v->first = 0;
		break;
	case VIEW_UP:
	case VIEW_DOWN:
	case VIEW_PAGE_UP:
	case VIEW_PAGE_DOWN:
		scroll(v, key, rows);
		break;
	default:
		if (key >= '1' && key < '1' + VIEWS)
			show(v, key - '1');
	}
}

void
view_limit(struct view *v, size_t rows)
{
	if (v->first >= rows)
		v->first = rows == 0 ? 0 : rows - 1;
}
