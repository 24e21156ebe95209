/*
 * What the states of a repair are for, a step each: what happened, or EVENTS, when
 * there is more to do, or to wait for.
 */
#ifndef KEEP_REPAIRSTEPS_H
#define KEEP_REPAIRSTEPS_H

#include "repairing.h"

enum repair_event repairsteps_look(struct repairing *);
void	repairsteps_begin_compare(struct repairing *);
enum repair_event repairsteps_compare(void);
enum repair_event repairsteps_expel(struct repairing *);
enum repair_event repairsteps_prepare(struct repairing *);
enum repair_event repairsteps_fill(void);
enum repair_event repairsteps_mend(struct repairing *);

#endif
