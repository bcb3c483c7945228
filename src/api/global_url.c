#include "api/global_url.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/place.h"

/* The host within a URL, IPv6 with its brackets. */
static struct str host_in(const char *url)
{
    const char *scheme_end = strstr(url, "://");
    const char *start = scheme_end ? scheme_end + 3 : url;
    size_t n = strcspn(start, "/?#");

    for (size_t i = n; i-- > 0;)
        if (start[i] == '@') {
            n -= i + 1;
            start += i + 1;
            break;
        }
    if (*start == '[')
        return (struct str){start, strcspn(start, "]") + 1};
    for (size_t i = 0; i < n; i++)
        if (start[i] == ':')
            n = i;
    return (struct str){start, n};
}

const char *global_url(struct arena *a, const char *url, const char *host, struct err *err)
{
    struct place place;
    struct str old;
    size_t before, host_n = strlen(host), after;
    char *out;

    if (!*host || place_of(url, &place) < 0 || !place_is_loopback(&place))
        return url;
    old = host_in(url);
    before = (size_t)(old.p - url);
    after = strlen(old.p + old.n) + 1;
    out = arena_alloc(a, before + host_n + after, err);
    if (!out)
        return NULL;
    memcpy(out, url, before);
    memcpy(out + before, host, host_n);
    memcpy(out + before + host_n, old.p + old.n, after);
    return out;
}
