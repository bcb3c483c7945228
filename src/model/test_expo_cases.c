/* Holds the parsers against a folder of cases: FOLDER/NAME/{metrics,test.json}, as the OpenMetrics
 * project lays them out, with Prometheus' own verdict beside the specification's. The folder comes
 * from EARSHOT_EXPOSITION; without it the test is skipped.
 *
 * A case must be accepted when either the specification or Prometheus accepts it, else refused.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/expo.h"

#define SKIPPED 77 /* to Meson */

struct checker {
    struct emit emit;
    struct arena arena;
};

static int take_family(struct emit *e, const struct metadata *family, struct err *err)
{
    (void)e, (void)family, (void)err;
    return 0;
}

/* The verdict counts what storing would refuse: a label given twice. */
static int take_sample(struct emit *e, const struct emit_sample *s, struct err *err)
{
    struct checker *c = CONTAINER_OF(e, struct checker, emit);
    struct label *pairs = arena_new_array(&c->arena, struct label, s->labels_n + 1, err);
    const struct labels *labels;

    if (!pairs)
        return -1;
    if (s->labels_n)
        memcpy(pairs, s->labels, s->labels_n * sizeof *pairs);
    pairs[s->labels_n] = (struct label){STR(LABEL_NAME), s->name};
    return labels_build(&c->arena, pairs, s->labels_n + 1, &labels, err);
}

static bool read_file(const char *folder, const char *name, const char *file, struct buf *out)
{
    char path[4096];
    FILE *f;
    char block[4096];

    (void)snprintf(path, sizeof path, "%s/%s/%s", folder, name, file);
    f = fopen(path, "rb");
    if (!f)
        return false;
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        buf_add(out, (struct str){block, n});
    (void)fclose(f);
    return true;
}

static bool says(const struct buf *json, const char *key_and_value)
{
    return json->p && strstr(json->p, key_and_value);
}

/* 1 right, 0 wrong, -1 no case. */
static int run_case(const char *folder, const char *name)
{
    SCOPED(buf_fini) struct buf metrics = {0}, json = {0};
    struct checker checker = {.emit = {.family = take_family, .sample = take_sample}};
    struct arena scratch;
    struct err err = {0};
    enum expo_format format;
    bool wanted, got;

    if (!read_file(folder, name, "test.json", &json) ||
        !read_file(folder, name, "metrics", &metrics))
        return -1;
    format = says(&json, "\"type\": \"openmetrics\"") ? EXPO_OPENMETRICS : EXPO_TEXT;
    wanted = says(&json, "\"shouldParse\": true") || says(&json, "\"prometheus_2_42\": true");
    arena_init(&checker.arena, NULL);
    arena_init(&scratch, NULL);
    got = expo_parse(buf_str(&metrics), format, &scratch, &checker.emit, &err) == 0;
    arena_fini(&scratch);
    arena_fini(&checker.arena);
    if (got != wanted)
        printf("FAIL %s: should be %s, %u:%u %s\n", name, wanted ? "accepted" : "refused",
               err.at.line, err.at.column, err.text);
    else if (getenv("VERBOSE"))
        printf("ok   %s: %u:%u %s\n", name, err.at.line, err.at.column, err.text);
    return got == wanted;
}

int main(void)
{
    const char *folder = getenv("EARSHOT_EXPOSITION");
    struct dirent *entry;
    DIR *dir;
    int right = 0, wrong = 0;

    if (!folder || !(dir = opendir(folder))) {
        printf("EARSHOT_EXPOSITION names no folder of cases\n");
        return SKIPPED;
    }
    while ((entry = readdir(dir))) {
        int result = entry->d_name[0] == '.' ? -1 : run_case(folder, entry->d_name);

        right += result == 1;
        wrong += result == 0;
    }
    (void)closedir(dir);
    printf("%d right, %d wrong\n", right, wrong);
    return wrong || !right;
}
