/* Any bytes, cut and taken apart: entries lie in what was given, one
 * after the other, and no view leaves them. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "collect/logs/quantity.h"
#include "collect/logs/record.h"
#include "collect/logs/splitter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_record(struct str entry)
{
    SCOPED(arena_fini) struct arena a;
    struct log_record r;
    double v;

    arena_init(&a, NULL);
    for (int format = LOG_AUTO; format <= LOG_TEXT; format++) {
        const struct log_reading reading = {.format = (enum log_format)format};

        log_record_read(&reading, entry, &a, &r);
        assert(r.fields_n <= LOG_FIELDS_MAX && r.level < SEVERITIES);
        for (size_t i = 0; i < r.fields_n; i++)
            (void)quantity_read(r.fields[i].value, QUANTITY_DURATION, &v);
    }
    (void)quantity_read(entry, QUANTITY_DURATION, &v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct splitter s = {.line_max = 256};
    struct str all = {(const char *)data, size}, entry;
    size_t at = 0, used;

    while (at < size && splitter_next(&s, str_skip(all, at), SPLITTER_ENDED, &entry, &used)) {
        assert(used > 0 && at + used <= size);
        assert(!entry.n || (entry.p >= all.p + at && entry.p + entry.n <= all.p + at + used));
        if (entry.n)
            read_record(entry);
        at += used;
    }
    return 0;
}
