/* Any bytes as a message of syslog, and as those of a connection in two parts: however they are
 * parted, the messages are the same, and none is longer than it may be. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "collect/logs/syslog.h"

#define BYTES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_message(void *arg, struct str message)
{
    struct buf *all = arg;

    assert(message.n > 0 && message.n <= BYTES_MAX);
    buf_addf(all, "%zu:", message.n);
    buf_add(all, message);
}

static void read_parts(struct str bytes, size_t first, struct buf *all)
{
    struct syslog_frames f = {.bytes_max = BYTES_MAX, .message = on_message, .arg = all};

    syslog_frames_feed(&f, str_take(bytes, first));
    syslog_frames_feed(&f, str_skip(bytes, first));
    syslog_frames_end(&f);
    buf_fini(&f.part);
}

static void read_message(struct str raw)
{
    SCOPED(arena_fini) struct arena a;
    struct syslog_message m;

    arena_init(&a, NULL);
    syslog_read(raw, &a, &m);
    assert(m.text.p >= raw.p && m.text.p + m.text.n <= raw.p + raw.n);
    assert(m.fields_n <= LOG_FIELDS_MAX && m.level < SEVERITIES);
    for (size_t i = 0; i < m.fields_n; i++)
        assert(m.fields[i].name.n > 0 && m.fields[i].value.n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(buf_fini) struct buf whole = {0};
    SCOPED(buf_fini) struct buf parts = {0};
    struct str bytes = {size ? (const char *)data : "", size};

    if (size > 4096)
        return 0;
    read_message(bytes);
    read_parts(bytes, size, &whole);
    read_parts(bytes, size / 2, &parts);
    assert(str_eq(buf_str(&whole), buf_str(&parts)));
    return 0;
}
