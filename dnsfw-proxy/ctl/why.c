/* dnsfwctl why: what a client was refused, or did not get, of late (U5). */
#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../dns/mnemonic.h"
#include "../dns/name.h"
#include "addrtext.h"
#include "ago.h"
#include "ctl.h"
#include "json.h"
#include "live.h"
#include "show.h"
#include "usage.h"

struct why {
	struct live	live;		/* first: the answers come with it */
	char		name[DNS_NAME_TEXT_MAX];	/* empty: all */
	unsigned int	found;
};

/* As the events of the access log are called. */
static const char *const kinds[REFUSAL_KINDS] = {
	[REFUSAL_LIST] = "refuse",
	[REFUSAL_QUERY] = "bad_query",
	[REFUSAL_ANSWER] = "bad_answer",
	[REFUSAL_AUDIT] = "audit"
};

/* --- which --- */

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return (len >= end_len && strcmp(text + len - end_len, end) == 0);
}

/* The name itself, or one below; of one that is cut, as far as is known. */
static bool
is_asked_for(const char *name, const char *wanted)
{
	const size_t mark = sizeof(MSG_NAME_CUT) - 1;
	bool cut = strncmp(name, MSG_NAME_CUT, mark) == 0;
	size_t len, wanted_len = strlen(wanted);

	if (cut)
		name += mark;
	len = strlen(name);
	if (cut && len <= wanted_len)
		return (ends_with(wanted, name));
	return (ends_with(name, wanted) &&
	    (len == wanted_len || name[len - wanted_len - 1] == '.'));
}

/* --- how it is told --- */

static void
print_json(const struct why *w, const struct control_refusal *r,
    const char *type)
{
	char buf[ADDR_TEXT_MAX > AGO_WHEN_SIZE ? ADDR_TEXT_MAX : AGO_WHEN_SIZE];
	struct json j = { .to = stdout };

	json_begin(&j, NULL, '{');
	json_text(&j, "client", addr_print(&w->live.client, buf));
	json_text(&j, "event", r->kind < REFUSAL_KINDS ? kinds[r->kind] :
	    "other");
	if (r->name[0] != '\0') {
		json_text(&j, "name", r->name);
		json_text(&j, "type", type);
	} else {
		json_null(&j, "name");
		json_null(&j, "type");
	}
	if (r->rule != 0)
		json_number(&j, "rule", r->rule);
	else
		json_null(&j, "rule");
	json_text(&j, "reason", r->reason);
	json_number(&j, "count", r->count);
	ago_when(r->first, true, buf);
	json_text(&j, "first", buf);
	ago_when(r->last, true, buf);
	json_text(&j, "last", buf);
	json_number(&j, "ago", r->last);
	json_end(&j, '}');
	json_line(&j);
}

static void
print_text(const struct control_refusal *r, const char *type)
{
	char when[AGO_WHEN_SIZE], ago[AGO_SIZE];

	ago_when(r->last, false, when);
	ago_print(r->last, ago);
	printf("%s  %10s  %5" PRIu32 "x  %-5s  ", when, ago, r->count,
	    r->name[0] != '\0' ? type : "-");
	if (r->name[0] != '\0')
		show_text(stdout, r->name, strlen(r->name));
	else
		putchar('-');
	fputs("  ", stdout);
	show_text(stdout, r->reason, strlen(r->reason));
	putchar('\n');
}

static void
print_refusal(void *arg, const void *record)
{
	struct control_refusal r = *(const struct control_refusal *)record;
	char buf[DNS_MNEMONIC_SIZE];
	const char *type = dns_type_print(r.qtype, buf);
	struct why *w = arg;

	r.name[sizeof(r.name) - 1] = r.reason[sizeof(r.reason) - 1] = '\0';
	if (w->name[0] != '\0' && !is_asked_for(r.name, w->name))
		return;
	w->found++;
	if (w->live.json)
		print_json(w, &r, type);
	else
		print_text(&r, type);
}

/* --- the command --- */

/* False: it is no name, which is said. */
static bool
take_name(struct why *w)
{
	const char *text = w->live.name;
	struct dns_name name;
	size_t at;

	if (text == NULL)
		return (true);
	if (dns_name_parse(text, strlen(text), &name, &at) == DNS_OK) {
		(void)dns_name_print(&name, w->name);
		return (true);
	}
	warnx("\"%s\": expected a domain name", text);
	return (false);
}

int
why_main(int argc, char **argv)
{
	char client[ADDR_TEXT_MAX], since[AGO_SINCE_SIZE];
	struct control_end end;
	struct why w = { .found = 0 };

	if (!live_arguments(&w.live, argc, argv, 1, 2) || !take_name(&w))
		return (usage_wrong(argv[0]));
	if (live_ask(&w.live, CONTROL_WHY, CONTROL_REFUSAL, print_refusal,
	    &end) != CTL_YES)
		return (CTL_NO);
	if (w.found > 0)
		return (CTL_YES);
	ago_since(end.running, since);
	warnx("no refusal or failure of %s%s%s is known since %s",
	    addr_print(&w.live.client, client), w.name[0] != '\0' ? " for " :
	    "", w.name, since);
	return (CTL_NO);
}
