/* The numbers of metrics, as text or as JSON. */
#include "samples.h"

#include <inttypes.h>

#include "clock.h"

#define NAME_MAX_SIZE	64	/* of a name, with NUL */

static const char *
full_name(const char *name, const char *end, char buf[NAME_MAX_SIZE])
{
	(void)snprintf(buf, NAME_MAX_SIZE, "dnsfw_%s%s", name, end);
	return (buf);
}

void
samples_begin(struct samples *s, FILE *to, enum samples_form form)
{
	*s = (struct samples){ .to = to, .form = form, .json = { .to = to } };
	if (form == SAMPLES_JSON)
		json_begin(&s->json, NULL, '{');
}

void
samples_end(struct samples *s)
{
	if (s->form == SAMPLES_JSON) {
		json_end(&s->json, '}');
		json_line(&s->json);
	} else if (s->form == SAMPLES_OPEN)
		fprintf(s->to, "# EOF\n");
}

void
samples_head(struct samples *s, const char *name, const char *end,
    const char *type, const char *unit, const char *help)
{
	if (s->form == SAMPLES_JSON)
		return;
	fprintf(s->to, "# TYPE dnsfw_%s%s %s\n# HELP dnsfw_%s%s %s\n", name,
	    end, type, name, end, help);
	if (unit != NULL && s->form == SAMPLES_OPEN)
		fprintf(s->to, "# UNIT dnsfw_%s %s\n", name, unit);
}

void
samples_number(struct samples *s, const char *name, const char *end,
    uint64_t value)
{
	char buf[NAME_MAX_SIZE];

	(void)full_name(name, end, buf);
	if (s->form == SAMPLES_JSON)
		json_number(&s->json, buf, value);
	else
		fprintf(s->to, "%s %" PRIu64 "\n", buf, value);
}

void
samples_seconds(struct samples *s, const char *name, const char *end,
    uint64_t ns)
{
	char buf[NAME_MAX_SIZE];

	(void)full_name(name, end, buf);
	if (s->form == SAMPLES_JSON)
		json_seconds(&s->json, buf, ns);
	else
		fprintf(s->to, "%s %" PRIu64 ".%09" PRIu64 "\n", buf,
		    (uint64_t)(ns / CLOCK_SECOND), (uint64_t)(ns % CLOCK_SECOND));
}

void
samples_row_begin(struct samples *s, const struct samples_row *row)
{
	char buf[NAME_MAX_SIZE];

	if (s->form == SAMPLES_JSON)
		json_begin(&s->json, full_name(row->name, row->end, buf), '[');
}

void
samples_row_put(struct samples *s, const struct samples_row *row,
    const char *of, uint64_t value)
{
	if (s->form == SAMPLES_JSON) {
		json_begin(&s->json, NULL, '{');
		json_text(&s->json, row->label, of);
		json_number(&s->json, "value", value);
		json_end(&s->json, '}');
	} else
		fprintf(s->to, "dnsfw_%s%s{%s=\"%s\"} %" PRIu64 "\n",
		    row->name, row->end, row->label, of, value);
}

void
samples_row_end(struct samples *s)
{
	if (s->form == SAMPLES_JSON)
		json_end(&s->json, ']');
}
