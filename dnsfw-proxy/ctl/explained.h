/* What explain has found of a question, as text and as JSON (U4). */
#ifndef CTL_EXPLAINED_H
#define CTL_EXPLAINED_H

#include "list.h"
#include "opened.h"
#include "outcome.h"

struct explained {
	const struct list	*list;
	const struct opened	*opened;
	const struct outcome_question *q;
	const struct outcome	*o;
};

void	explained_text(const struct explained *);
void	explained_json(const struct explained *);

#endif
