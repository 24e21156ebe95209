/* What our rules can do where they stand. */
#include "advice.h"

#include <string.h>

#include "clock.h"
#include "firewall.h"
#include "log.h"

#define RETRY_PERIOD	(CLOCK_SECOND / 10)	/* of what failed */
#define DATAGRAMS	8		/* in a step */

/* To follow all rules takes its time: at most so much of all, and no more. */
#define EFFECT_SHARE	20

static bool effect_due, looking;
static uint64_t effect_next, spent;	/* ns; in this look */
static struct backend_effect effect;
static uint8_t unreached, blocked;	/* families, as logged */

static void
log_effect(uint8_t now_unreached, uint8_t now_blocked)
{
	if (now_unreached != unreached && now_unreached != 0)
		log_warn("no rule leads to our chain%s: grants there open "
		    "nothing until one does",
		    firewall_lacking(firewall.families &
		    (uint8_t)~now_unreached));
	else if (now_unreached != unreached)
		log_info("a rule leads to our chain again");
	if (now_blocked != blocked && now_blocked != 0)
		log_warn("a rule that ends our chain%s stands before ours: "
		    "grants there open nothing",
		    firewall_lacking(firewall.families &
		    (uint8_t)~now_blocked));
	else if (now_blocked != blocked)
		log_info("our rules come before the end of our chain again");
	unreached = now_unreached;
	blocked = now_blocked;
}

void
advice_yield(void)
{
	if (looking)
		firewall.backend->effect_drop(&effect);
	looking = false;
}

/* What was seen so far may not be so any more. */
void
advice_look(void)
{
	effect_due = true;
	advice_yield();
}

static void
end_look(enum list_step step)
{
	uint8_t ready = effect.families;

	looking = false;
	effect_next = clock_now() + EFFECT_SHARE * spent +
	    (step == LIST_END ? 0 : RETRY_PERIOD);
	spent = 0;
	/* Nothing is concluded if the kernel did not tell it all. */
	if (step != LIST_END)
		return;
	effect_due = false;
	/* Of a family whose chain is gone, nothing new is known. */
	log_effect((unreached & (uint8_t)~ready) | (ready &
	    (uint8_t)~effect.reached), (blocked & (uint8_t)~ready) |
	    effect.blocked);
}

void
advice_step(void)
{
	uint64_t begin = clock_now();
	enum list_step step;

	if (!effect_due || firewall.ready == 0 || begin < effect_next ||
	    ask_stuck())
		return;
	if (!looking) {
		memset(&effect, 0, sizeof(effect));
		effect.families = firewall.ready;
		looking = true;
	}
	step = firewall.backend->effect(&effect, DATAGRAMS);
	spent += clock_now() - begin;
	if (step != LIST_MORE)
		end_look(step);
}

int
advice_wait(void)
{
	uint64_t now = clock_now();

	if (!effect_due || firewall.ready == 0)
		return (-1);
	if (now >= effect_next)
		return (looking ? 2 : 0);
	return ((int)((effect_next - now) / (CLOCK_SECOND / 1000)) + 1);
}
