/* Fuzz target: a page of stub_status. What is read is what the page says, written again. */
#include <assert.h>
#include <stddef.h>

#include "base/err.h"
#include "collect/nginx/nginx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nginx_status s = {0}, again = {0};
    struct buf text = {0};
    struct err err;

    if (nginx_status_parse((struct str){(const char *)data, size}, &s, &err) < 0)
        return 0;
    buf_addf(&text,
             "Active connections: %llu \nserver accepts handled requests\n %llu %llu %llu \n"
             "Reading: %llu Writing: %llu Waiting: %llu \n",
             (unsigned long long)s.active, (unsigned long long)s.accepted,
             (unsigned long long)s.handled, (unsigned long long)s.requests,
             (unsigned long long)s.reading, (unsigned long long)s.writing,
             (unsigned long long)s.waiting);
    if (nginx_status_parse(buf_str(&text), &again, &err) == 0) /* else 20 digits */
        assert(again.active == s.active && again.requests == s.requests &&
               again.waiting == s.waiting);
    buf_fini(&text);
    return 0;
}
