/* collect.process: each entry is a group of processes. Those with the same job, instance and labels
 * are one target, so that /proc is read once for all of them. */
#include <string.h>

#include "collect/entry_settings.h"
#include "collect/process/process_settings.h"
#include "config/internal.h"
#include "model/labels.h"

#define EXPECT_MAX 1000000

static struct process_group_settings *add_group(struct config_builder *b)
{
    struct process_groups *all = b->process_groups;

    if (!all)
        all = b->process_groups = builder_array(b, 1, sizeof *all);
    if (!all || arena_grow(b->arena, (void **)&all->items, &all->cap, all->n + 1,
                           sizeof *all->items, &b->err) < 0) {
        b->failed = true;
        return NULL;
    }
    all->items[all->n] = (struct process_group_settings){.children = true};
    return &all->items[all->n++];
}

const void *entry_read_process(struct config_builder *b, const struct yaml *node,
                               struct entry_settings *entry)
{
    struct process_group_settings *g = add_group(b);
    struct process_settings *own = builder_array(b, 1, sizeof *own);

    if (!g || !own)
        return NULL;
    g->name = entry->name = builder_text(b, node, "name", "");
    g->match = builder_text(b, node, "match", NULL);
    g->exe = builder_text(b, node, "exe", NULL);
    g->unit = builder_text(b, node, "unit", NULL);
    g->container = builder_text(b, node, "container", NULL);
    g->user = builder_text(b, node, "user", NULL);
    g->pid_file = builder_text(b, node, "pid_file", NULL);
    yaml_read_bool(yaml_get(node, "children"), "", &g->children, &b->errors);
    yaml_read_i64(yaml_get(node, "expect"), "", 0, EXPECT_MAX, &g->expect, &b->errors);
    g->set = b->config->entries_n - 1;
    *own = (struct process_settings){b->process_groups, g->set};
    if (!g->name[0])
        yaml_error(&b->errors, node, "collect.process: name is missing: what the group is called");
    if (!g->match && !g->exe && !g->unit && !g->container && !g->user && !g->pid_file)
        yaml_error(&b->errors, node,
                   "collect.process: which processes? Give match, exe, unit, container, user or "
                   "pid_file");
    return own;
}

static bool is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_same_target(const struct entry_settings *a, const struct entry_settings *b)
{
    return a->pack == b->pack && a->host == b->host && strcmp(a->kind, b->kind) == 0 &&
           strcmp(a->job.name, b->job.name) == 0 && is_same_text(a->instance, b->instance) &&
           labels_equal(a->labels, b->labels);
}

static void check_name(struct config_builder *b, const struct yaml *node,
                       const struct process_groups *all)
{
    const char *name = all->items[all->n - 1].name;

    for (size_t i = 0; i + 1 < all->n; i++)
        if (name[0] && strcmp(all->items[i].name, name) == 0)
            yaml_error(&b->errors, yaml_get(node, "name"),
                       "collect.process: two groups are called \"%.100s\"; give one another name",
                       name);
}

static void check_same_times(struct config_builder *b, const struct yaml *node,
                             const struct entry_settings *first, const struct entry_settings *entry)
{
    const struct yaml *rules = yaml_get(node, "metric_relabel_configs");

    if (first->job.interval_ms != entry->job.interval_ms ||
        first->job.timeout_ms != entry->job.timeout_ms)
        yaml_error(&b->errors, node,
                   "collect.process: \"%.100s\" is read together with \"%.100s\", which has the "
                   "same job, instance and labels: give both the same interval and timeout, or "
                   "this one another job",
                   entry->name, first->name);
    if (rules)
        yaml_error(&b->errors, rules,
                   "collect.process: \"%.100s\" is read together with \"%.100s\", which has the "
                   "same job, instance and labels: write metric_relabel_configs there, for both",
                   entry->name, first->name);
}

bool entry_join_process(struct config_builder *b, const struct yaml *node,
                        struct entry_settings *entry)
{
    struct process_groups *all = b->process_groups;
    const struct config *c = b->config;

    if (!all || !all->n || !entry->own)
        return false;
    check_name(b, node, all);
    for (size_t i = 0; i + 1 < c->entries_n; i++) {
        const struct entry_settings *first = &c->entries[i];

        if (!is_same_target(first, entry))
            continue;
        check_same_times(b, node, first, entry);
        all->items[all->n - 1].set = ((const struct process_settings *)first->own)->set;
        return true;
    }
    return false;
}
