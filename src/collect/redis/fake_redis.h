/* fake_redis: a Redis to order, for tests: a thread on a loopback port that answers each command
 * with the bytes that were told for it.
 */
#ifndef COLLECT_REDIS_FAKE_REDIS_H
#define COLLECT_REDIS_FAKE_REDIS_H

#include <stdint.h>

struct fake_redis;

/* A command that begins with `command` ("CONFIG GET") is answered with these bytes. */
struct fake_answer {
    const char *command;
    const char *bytes;
    /* "": nothing is said. These say more than bytes do. */
    enum { FAKE_PLAIN, FAKE_CLOSES, FAKE_ENDLESS } what;
};

/* answers[0..n) are borrowed; the first that fits counts, and +OK where none does. */
struct fake_redis *fake_redis_new(const struct fake_answer answers[], unsigned n);
uint16_t fake_redis_port(const struct fake_redis *f);
/* All commands so far, each on a line, its words with a space between. Any thread may call it once
 * the session has ended. */
const char *fake_redis_log(struct fake_redis *f);
/* Other answers from the next connection on. */
void fake_redis_answer(struct fake_redis *f, const struct fake_answer answers[], unsigned n);
void fake_redis_free(struct fake_redis *f);

#endif
