#include "collect/docker/answers.h"

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "text/iso_time.h"
#include "text/json.h"

/* What jansson takes for a value beside its text, at most. */
#define VALUE_BYTES 256
#define VALUES_MAX  200000
#define EXACT_MAX   9007199254740992.0 /* whole numbers are exact up to here */

const char *const container_state_names[CONTAINER_STATES] = {
    "created", "running", "paused", "restarting", "removing", "exited", "dead", "unknown"};
const char *const container_health_names[HEALTH_STATES] = {"starting", "healthy", "unhealthy",
                                                           "unknown"};

/* ---- JSON ---- */

struct document {
    json_t *root;
    struct budget *budget;
    size_t charged;
};

static int document_read(struct document *d, struct str body, struct arena *a, struct err *err)
{
    struct err why = {.kind = ERR_NONE};
    size_t values = json_count_values(body);

    *d = (struct document){.budget = a->budget, .charged = values * VALUE_BYTES + body.n};
    if (values > VALUES_MAX)
        return err_set(err, ERR_LIMIT, "the answer has more than %d values", VALUES_MAX);
    if (d->budget && budget_charge(d->budget, d->charged, err) < 0)
        return -1;
    if (json_read(body, &d->root, &why) == 0)
        return 0;
    if (d->budget)
        budget_return(d->budget, d->charged);
    return err_set(err, why.kind, "the answer is no JSON: line %u, column %u: %s", why.at.line,
                   why.at.column, why.text);
}

static void document_end(struct document *d)
{
    json_decref(d->root);
    if (d->budget)
        budget_return(d->budget, d->charged);
}

static struct str text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_string(value) ? (struct str){json_string_value(value), json_string_length(value)}
                                 : STR("");
}

/* Cut between characters: a label is whole UTF-8. */
static struct str cut(struct str text, size_t max)
{
    size_t n = text.n;

    if (n > max)
        for (n = max; n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80; n--)
            ;
    return str_take(text, n);
}

/* A count: a number that is 0 or more. */
static bool count_of(const json_t *object, const char *key, double *out)
{
    const json_t *value = json_object_get(object, key);
    double number = json_number_value(value);

    if (!json_is_number(value) || !(number >= 0))
        return false;
    *out = number;
    return true;
}

static uint64_t whole_of(const json_t *object, const char *key)
{
    double number;

    return count_of(object, key, &number) && number <= EXACT_MAX ? (uint64_t)number : 0;
}

static bool flag_of(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* ---- states ---- */

static enum container_state state_of(struct str text)
{
    static const struct {
        const char *word;
        enum container_state state;
    } podman[] = {{"configured", CONTAINER_CREATED},
                  {"initialized", CONTAINER_CREATED},
                  {"stopped", CONTAINER_EXITED},
                  {"stopping", CONTAINER_RUNNING}};

    for (int i = 0; i < CONTAINER_STATE_UNKNOWN; i++)
        if (str_eq(text, str_c(container_state_names[i])))
            return (enum container_state)i;
    for (size_t i = 0; i < ARRAY_LEN(podman); i++)
        if (str_eq(text, str_c(podman[i].word)))
            return podman[i].state;
    return CONTAINER_STATE_UNKNOWN;
}

static enum container_health health_of(const json_t *state)
{
    struct str text = text_of(json_object_get(state, "Health"), "Status");

    if (text.n == 0 || str_eq(text, STR("none")))
        return HEALTH_NONE;
    for (int i = 0; i < HEALTH_UNKNOWN; i++)
        if (str_eq(text, str_c(container_health_names[i])))
            return (enum container_health)i;
    return HEALTH_UNKNOWN;
}

/* ---- the list ---- */

static bool is_id(struct str id)
{
    for (size_t i = 0; i < id.n; i++)
        if (!(id.p[i] >= '0' && id.p[i] <= '9') && !(id.p[i] >= 'a' && id.p[i] <= 'f'))
            return false;
    return id.n > 0 && id.n <= CONTAINER_ID_MAX;
}

/* ["/web", "/proxy/web"]: the others are what linked containers call it. */
static struct str name_of(const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        const json_t *one = json_array_get(names, i);
        struct str name = {json_string_value(one), json_string_length(one)};

        if (str_starts(name, STR("/")))
            name = str_skip(name, 1);
        if (name.n > 0 && name.n <= CONTAINER_NAME_MAX && !memchr(name.p, '/', name.n) &&
            !memchr(name.p, '\0', name.n))
            return name;
    }
    return STR("");
}

static bool is_taken(const struct container_list *list, struct str name)
{
    for (size_t i = 0; i < list->n; i++)
        if (str_eq(list->items[i].name, name))
            return true;
    return false;
}

static int keep_line(const struct container_line *line, struct arena *a, struct container_list *out,
                     struct err *err)
{
    struct container_line *kept = &out->items[out->n];

    kept->id = arena_str(a, line->id, err);
    kept->name = arena_str(a, line->name, err);
    kept->image = arena_str(a, cut(line->image, CONTAINER_IMAGE_MAX), err);
    kept->status = arena_str(a, str_take(line->status, CONTAINER_NAME_MAX), err);
    kept->state = line->state;
    if (!kept->id.p || !kept->name.p || !kept->image.p || !kept->status.p)
        return -1;
    out->n++;
    return 0;
}

static bool is_live(enum container_state state)
{
    return state == CONTAINER_RUNNING || state == CONTAINER_PAUSED || state == CONTAINER_RESTARTING;
}

static int read_lines(const json_t *root, bool live, size_t max, struct arena *a,
                      struct container_list *out, struct err *err)
{
    for (size_t i = 0; i < json_array_size(root); i++) {
        const json_t *item = json_array_get(root, i);
        const struct container_line line = {.id = text_of(item, "Id"),
                                            .name = name_of(json_object_get(item, "Names")),
                                            .image = text_of(item, "Image"),
                                            .status = text_of(item, "Status"),
                                            .state = state_of(text_of(item, "State"))};

        if (is_live(line.state) != live)
            continue;
        if (out->n >= max || !is_id(line.id) || !line.name.n || is_taken(out, line.name))
            out->left_out++;
        else if (keep_line(&line, a, out, err) < 0)
            return -1;
    }
    return 0;
}

int answers_list(struct str body, size_t max, struct arena *a, struct container_list *out,
                 struct err *err)
{
    struct document d;
    size_t n;
    int rc;

    *out = (struct container_list){.items = NULL};
    if (document_read(&d, body, a, err) < 0)
        return -1;
    if (json_is_array(d.root)) {
        n = json_array_size(d.root);
        out->items = arena_new_array(a, struct container_line, n < max ? n : max, err);
        rc = out->items && read_lines(d.root, true, max, a, out, err) == 0 &&
                     read_lines(d.root, false, max, a, out, err) == 0
                 ? 0
                 : -1;
    } else {
        rc = err_set(err, ERR_SYNTAX, "the answer is no list of containers");
    }
    document_end(&d);
    return rc;
}

/* ---- one container ---- */

/* "0001-01-01T00:00:00Z" is how Go writes a time that is none. */
static double time_of(const json_t *object, const char *key)
{
    struct iso_time t;

    if (!iso_time_parse(text_of(object, key), &t))
        return 0;
    t.seconds -= t.has_zone ? t.offset : 0;
    return t.seconds > 0 ? (double)t.seconds + t.nanos / 1e9 : 0;
}

static bool has_own_network(struct str mode)
{
    return !str_eq(mode, STR("host")) && !str_starts(mode, STR("container:")) &&
           !str_starts(mode, STR("ns:"));
}

static void read_facts(const json_t *root, struct container_facts *out)
{
    const json_t *state = json_object_get(root, "State");
    const json_t *host = json_object_get(root, "HostConfig");
    double limit;

    out->state = state_of(text_of(state, "Status"));
    out->health = health_of(state);
    out->started_s = time_of(state, "StartedAt");
    out->oom_killed = flag_of(state, "OOMKilled");
    out->restarts = whole_of(root, "RestartCount");
    out->own_network = has_own_network(text_of(host, "NetworkMode"));
    if (is_live(out->state))
        out->pid = whole_of(state, "Pid");
    if (out->pid == 1) /* that one is nobody's but the machine's */
        out->pid = 0;
    out->has_exit_code = (out->state == CONTAINER_EXITED || out->state == CONTAINER_DEAD ||
                          out->state == CONTAINER_RESTARTING) &&
                         out->started_s > 0 && json_is_integer(json_object_get(state, "ExitCode"));
    out->exit_code = json_integer_value(json_object_get(state, "ExitCode"));
    out->has_limit = count_of(host, "Memory", &limit);
    out->memory_limit = whole_of(host, "Memory");
}

int answers_facts(struct str body, struct arena *a, struct container_facts *out, struct err *err)
{
    struct document d;
    int rc = 0;

    *out = (struct container_facts){.health = HEALTH_NONE};
    if (document_read(&d, body, a, err) < 0)
        return -1;
    if (json_is_object(json_object_get(d.root, "State")))
        read_facts(d.root, out);
    else
        rc = err_set(err, ERR_SYNTAX, "the answer tells no state of a container");
    document_end(&d);
    return rc;
}

/* ---- what it uses ---- */

static bool read_working_set(const json_t *memory, double *out)
{
    const json_t *stats = json_object_get(memory, "stats");
    double inactive = 0;

    if (!count_of(memory, "usage", out))
        return false;
    if (!count_of(stats, "total_inactive_file", &inactive)) /* cgroups of the first version */
        (void)count_of(stats, "inactive_file", &inactive);
    *out = inactive < *out ? *out - inactive : 0;
    return true;
}

static int read_nets(const json_t *networks, struct arena *a, struct container_usage *out,
                     struct err *err)
{
    static const char *const keys[2][4] = {{"rx_bytes", "rx_packets", "rx_errors", "rx_dropped"},
                                           {"tx_bytes", "tx_packets", "tx_errors", "tx_dropped"}};
    const char *name;
    json_t *value;

    out->nets = arena_new_array(a, struct container_net, CONTAINER_NETS_MAX, err);
    if (!out->nets)
        return -1;
    json_object_foreach((json_t *)networks, name, value)
    {
        struct container_net *net = &out->nets[out->nets_n];
        bool whole = true;

        if (out->nets_n >= CONTAINER_NETS_MAX)
            break;
        for (size_t k = 0; k < 4; k++)
            whole = whole && count_of(value, keys[0][k], &net->received[k]) &&
                    count_of(value, keys[1][k], &net->sent[k]);
        if (!whole)
            continue;
        net->interface = arena_str(a, cut(str_c(name), CONTAINER_NAME_MAX), err);
        if (!net->interface.p)
            return -1;
        out->nets_n++;
    }
    return 0;
}

int answers_usage(struct str body, struct arena *a, struct container_usage *out, struct err *err)
{
    struct document d;
    const json_t *cpu;
    int rc;

    *out = (struct container_usage){.nets = NULL};
    if (document_read(&d, body, a, err) < 0)
        return -1;
    cpu = json_object_get(json_object_get(d.root, "cpu_stats"), "cpu_usage");
    out->has_cpu = count_of(cpu, "total_usage", &out->cpu_s);
    out->cpu_s /= 1e9;
    out->has_memory = read_working_set(json_object_get(d.root, "memory_stats"), &out->working_set);
    rc = read_nets(json_object_get(d.root, "networks"), a, out, err);
    document_end(&d);
    return rc;
}
