/* Where the other programs are: $PATH has no say. */
#ifndef START_WHERE_H
#define START_WHERE_H

const char *where_proxy(void);
const char *where_helper(void);
const char *where_stamp(void);

#endif
