#include "collect/cost.h"

#include <string.h>

#include "base/mem.h"

void costs_fini(struct costs *cs)
{
    for (size_t i = 0; i < cs->n; i++) {
        mem_free(cs->sums[i]->job);
        mem_free(cs->sums[i]->kind);
        mem_free(cs->sums[i]);
    }
    mem_free(cs->sums);
    *cs = (struct costs){NULL, 0, 0};
}

static struct cost_sum *find(const struct costs *cs, const char *job, const char *kind)
{
    for (size_t i = 0; i < cs->n; i++)
        if (strcmp(cs->sums[i]->job, job) == 0 && strcmp(cs->sums[i]->kind, kind) == 0)
            return cs->sums[i];
    return NULL;
}

struct cost_sum *costs_join(struct costs *cs, const char *job, const char *kind)
{
    struct cost_sum *sum = find(cs, job, kind);

    if (!sum && cs->n >= COSTS_MAX) {
        job = kind = COSTS_REST;
        sum = find(cs, job, kind);
    }
    if (!sum) {
        sum = mem_new(struct cost_sum);
        sum->job = mem_strdup(job);
        sum->kind = mem_strdup(kind);
        cs->sums = mem_grow(cs->sums, &cs->cap, cs->n + 1, sizeof(struct cost_sum *));
        cs->sums[cs->n++] = sum;
    }
    sum->targets++;
    return sum;
}

void costs_leave(struct costs *cs, struct cost_sum *sum, uint64_t samples)
{
    size_t at = 0;

    sum->cost.samples -= samples;
    if (--sum->targets)
        return;
    while (cs->sums[at] != sum)
        at++;
    cs->n--;
    memmove(cs->sums + at, cs->sums + at + 1, (cs->n - at) * sizeof(struct cost_sum *));
    mem_free(sum->job);
    mem_free(sum->kind);
    mem_free(sum);
}

void cost_add(struct cost *of, struct cost_sum *sum, const struct cost *cycle)
{
    sum->cost.cycles += cycle->cycles;
    sum->cost.cpu_ns += cycle->cpu_ns;
    sum->cost.wall_ns += cycle->wall_ns;
    sum->cost.bytes += cycle->bytes;
    sum->cost.samples += cycle->samples - of->samples;
    of->cycles += cycle->cycles;
    of->cpu_ns += cycle->cpu_ns;
    of->wall_ns += cycle->wall_ns;
    of->bytes += cycle->bytes;
    of->samples = cycle->samples;
}
