/* fake_engine: for tests: something that answers over a Unix socket, to order.
 *
 * Threads: its own; the rest is the test's.
 */
#ifndef COLLECT_DOCKER_FAKE_ENGINE_H
#define COLLECT_DOCKER_FAKE_ENGINE_H

struct fake_answer {
    const char *target; /* how it begins */
    int status;         /* 0: `body` is the whole of what is sent */
    const char *body;
    enum fake_manner {
        FAKE_KEEPS,  /* the connection */
        FAKE_CLOSES, /* it behind the answer, without a word */
        FAKE_HANGS,  /* nothing more comes */
        FAKE_FLOODS, /* it goes on for ever */
    } manner;
};

struct fake_engine;

/* Listens at `path`. Answers are borrowed; what none is for gets 404. */
struct fake_engine *fake_engine_new(const char *path, const struct fake_answer answers[],
                                    unsigned n);
void fake_engine_answer(struct fake_engine *f, const struct fake_answer answers[], unsigned n);
/* What has been asked since this was called last, a line each; good until the next call. */
const char *fake_engine_asked(struct fake_engine *f);
void fake_engine_free(struct fake_engine *f);

#endif
