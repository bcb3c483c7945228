/* global_url: the URL of a target as somebody on another machine would write it. Threads: any. */
#ifndef API_GLOBAL_URL_H
#define API_GLOBAL_URL_H

#include "base/attr.h"

struct arena;
struct err;

/* `url` with `host`, under which others know this machine, in place of localhost, 127.0.0.0/8 or
 * ::1; any other URL as it is. NULL: no memory. */
MUST_USE const char *global_url(struct arena *a, const char *url, const char *host,
                                struct err *err);

#endif
