/* Any bytes as what a RabbitMQ answers. The first byte says which URL was asked. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/collect.h"
#include "collect/rabbitmq/rabbitmq.h"
#include "collect/rabbitmq/rabbitmq_settings.h"
#include "model/expo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"mail", "celery"};
    struct rabbitmq_settings settings = {.queues = STR("[a-m].*"),
                                         .vhost = STR(".*"),
                                         .celery = names,
                                         .celery_n = ARRAY_LEN(names)};
    struct collector collector;
    struct expo_writer writer;
    struct arena scratch;
    struct buf out;
    struct err err = {.kind = ERR_NONE};

    if (size == 0 || size > 16384)
        return 0;
    settings.part = data[0] % 5;
    if (rabbitmq_collector_of(&settings, &collector, &err) < 0)
        abort();
    arena_init(&scratch, NULL);
    buf_init(&out, 16u << 20);
    expo_writer_init(&writer, EXPO_TEXT, &out);
    if (collector.parse(collector.arg, 200, (struct str){(const char *)data + 1, size - 1},
                        &writer.emit, &scratch, &err) == PARSED_NOT &&
        err.kind == ERR_NONE)
        abort();
    buf_fini(&out);
    arena_fini(&scratch);
    collector.free(collector.arg);
    return 0;
}
