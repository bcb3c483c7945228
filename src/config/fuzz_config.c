/* Any bytes as either file: a config whose jobs make sense, or mistakes that can be printed. The
 * first byte chooses the file. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"
#include "model/labels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_jobs(const struct config *c)
{
    for (size_t i = 0; i < c->jobs_n; i++) {
        const struct scrape_job *job = &c->jobs[i];

        assert(job->name[0] && job->metrics_path[0] && job->client);
        assert(job->interval_ms > 0 && job->timeout_ms > 0 && job->timeout_ms <= job->interval_ms);
        for (size_t k = 1; k < job->params_n; k++)
            assert(str_cmp(job->params[k - 1].name, job->params[k].name) <= 0);
        for (size_t k = 0; k < job->relabel.n; k++)
            assert(job->relabel.items[k].regex);
        for (size_t k = 0; k < job->static_groups_n; k++)
            for (size_t t = 0; t < job->static_groups[k].targets_n; t++)
                assert(job->static_groups[k].targets[t]->n == 1);
    }
}

static void check_printable(const struct err *errors, size_t n)
{
    SCOPED(buf_fini) struct buf out;

    buf_init(&out, 0);
    for (size_t i = 0; i < n; i++) {
        assert(errors[i].text[0]);
        config_print_error(&errors[i], &out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *c = NULL;
    struct err *errors = NULL;
    size_t errors_n = 0;
    char path[40];
    int fd;

    if (size == 0)
        return 0;
    fd = memfd_create("fuzz", 0);
    assert(fd >= 0 && write(fd, data + 1, size - 1) == (ssize_t)size - 1);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (config_load(data[0] & 1 ? path : NULL, data[0] & 1 ? NULL : path, NULL, &c, &errors,
                    &errors_n) < 0) {
        assert(errors_n > 0);
        check_printable(errors, errors_n);
        mem_free(errors);
    } else {
        check_jobs(c);
        check_printable(c->warnings, c->warnings_n);
        config_free(c);
    }
    (void)close(fd);
    return 0;
}
