/* Where the other programs were installed. */
#include "where.h"

const char *
where_proxy(void)
{
	return (PROXY_PATH);
}

const char *
where_helper(void)
{
	return (HELPER_PATH);
}

const char *
where_stamp(void)
{
	return (STAMP_PATH);
}
