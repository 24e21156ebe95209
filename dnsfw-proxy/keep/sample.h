/*
 * Of what sends no events: sets, and a few of their entries, are asked for now
 * and then.
 */
#ifndef KEEP_SAMPLE_H
#define KEEP_SAMPLE_H

enum sample {
	SAMPLE_THERE = 0,	/* or it is not known, or events tell */
	SAMPLE_GONE,		/* an entry is not there */
	SAMPLE_NO_SET		/* nor is a set, as we made it */
};

/* Half of what others do is to be seen in half of the time between two calls. */
enum sample sample_look(void);

#endif
