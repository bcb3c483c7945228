/* Any text either fails to parse or prints to a text that parses to the same print; and it runs on
 * a small source within a small budget, instant and over a range. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "promql/explain.h"
#include "promql/query.h"
#include "promql/test_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct test_source source;

static void fill_source(void)
{
    static const char *const names[] = {"a", "b_total", "h_bucket", "target_info"};
    static const char *const bounds[] = {"0.1", "1", "+Inf"};

    test_source_init(&source);
    for (size_t i = 0; i < 12; i++) {
        struct label pairs[] = {{STR(LABEL_NAME), str_c(names[i % 4])},
                                {STR("job"), str_c(i % 3 ? "x" : "y")},
                                {STR("le"), str_c(i % 4 == 2 ? bounds[i / 4] : "")},
                                {STR("n"), {&"abcdefghijkl"[i], 1}}};
        const struct labels *ls;

        if (labels_build(&source.arena, pairs, ARRAY_LEN(pairs), &ls, NULL) < 0)
            abort();
        for (ts_ms t = 0; t < 40; t++)
            if ((t + (ts_ms)i) % 7)
                test_source_add(&source, ls, t * 15000, (double)(t * (ts_ms)i % 11));
    }
}

static void run(const struct expr *e, struct arena *a, ts_ms end, int64_t step)
{
    struct promql_params params = {.source = &source.source,
                                   .start_ms = 300000,
                                   .end_ms = end,
                                   .step_ms = step,
                                   .samples_max = 20000,
                                   .features = step ? 0xff : 0};
    struct promql_result result;
    struct err err = {0};

    if (promql_run(e, &params, a, &result, &err) < 0 && (err.kind == ERR_NONE || !err.text[0]))
        abort();
}

/* Ends within its budget, and what it offers can be read. */
static void explain(const struct expr *e, struct arena *a, int64_t step)
{
    struct promql_params params = {.source = &source.source,
                                   .start_ms = 300000,
                                   .end_ms = step ? 500000 : 300000,
                                   .step_ms = step,
                                   .samples_max = 20000,
                                   .features = 0xff};
    struct explain_report report;
    struct err err = {0};
    struct expr *mended;

    if (promql_explain(e, &params, a, &report, &err) < 0) {
        if (err.kind == ERR_NONE || !err.text[0])
            abort();
        return;
    }
    for (size_t i = 0; i < report.findings_n; i++)
        if (!report.findings[i].text[0] || report.findings[i].start > report.findings[i].end)
            abort();
    if (!report.mended)
        return;
    if (promql_parse(a, str_c(report.mended), 0xff, &mended, &err) < 0 && err.kind != ERR_LIMIT)
        abort();
    if (err.kind == ERR_NONE)
        promql_free(mended);
}

static struct expr *parse(struct arena *a, struct str text)
{
    struct expr *e = NULL;
    struct err err = {0};

    if (promql_parse(a, text, 0xff, &e, &err) < 0) {
        if (err.kind == ERR_NONE || !err.text[0])
            abort();
        return NULL;
    }
    return e;
}

static void check_print(const struct expr *e, struct arena *a)
{
    struct buf once = {0}, twice = {0}, pretty = {0}, tree = {0};
    struct expr *again;

    if (promql_print(e, false, &once, NULL) < 0 || promql_print(e, true, &pretty, NULL) < 0 ||
        promql_print_tree(e, &tree, NULL) < 0)
        abort();
    again = parse(a, buf_str(&once));
    if (again) { /* not: an expression too long or a number out of range once printed */
        if (promql_print(again, false, &twice, NULL) < 0 ||
            !str_eq(buf_str(&once), buf_str(&twice))) {
            fprintf(stderr, "%s\n%s\n", once.p, twice.p);
            abort();
        }
    }
    promql_free(again);
    buf_fini(&once);
    buf_fini(&twice);
    buf_fini(&pretty);
    buf_fini(&tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct budget budget;
    struct arena a;
    struct expr *e;

    if (!source.source.select)
        fill_source();
    budget_init(&budget, "query memory", 8u << 20, NULL);
    arena_init(&a, &budget);
    e = parse(&a, (struct str){(const char *)data, size});
    if (e) {
        check_print(e, &a);
        run(e, &a, 300000, 0);
        run(e, &a, 500000, 50000);
        explain(e, &a, 0);
        explain(e, &a, 50000);
        promql_free(e);
    }
    arena_fini(&a);
    if (budget.used_bytes)
        abort();
    return 0;
}
