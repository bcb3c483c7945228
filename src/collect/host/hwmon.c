/* /sys/class/hwmon/hwmonN: temperatures, fans, voltages and the like.
 *
 * A sensor's files are TYPE NUMBER _PROPERTY: temp1_input, temp1_max, fan2_alarm, pwm1, vrm. Those
 * of one sensor belong together, since a name depends on what else is there.
 */
#include <stdio.h>
#include <unistd.h>

#include "collect/host/groups.h"
#include "collect/host/rows.h"
#include "collect/host/run.h"

static const char *const types[] = {
    "vrm",  "beep_enable", "update_interval", "in",     "cpu",      "fan",       "pwm",
    "temp", "curr",        "power",           "energy", "humidity", "intrusion",
};

struct reading {
    struct str type, sensor, property, text;
};

struct chip {
    struct str name, label;
    struct reading *readings;
    size_t n, cap;
};

/* Lower case, what a metric name cannot hold as '_', none at the ends. In scratch. */
static struct str clean(struct host_run *r, struct str s)
{
    struct str copy = host_keep(r, s);
    char *p = (char *)copy.p;

    for (size_t i = 0; i < copy.n; i++) {
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] - 'A' + 'a');
        else if (!(p[i] >= 'a' && p[i] <= 'z') && !(p[i] >= '0' && p[i] <= '9') && p[i] != ':')
            p[i] = '_';
    }
    while (copy.n && copy.p[0] == '_')
        copy = str_skip(copy, 1);
    while (copy.n && copy.p[copy.n - 1] == '_')
        copy.n--;
    return copy;
}

static bool split_name(struct host_run *r, struct str file, struct reading *out)
{
    size_t letters = 0, digits;
    uint64_t number = 0;
    char *sensor;

    while (letters < file.n && !(file.p[letters] >= '0' && file.p[letters] <= '9'))
        letters++;
    out->type = str_take(file, letters);
    if (letters == file.n) {
        out->property = STR("");
    } else {
        digits = letters;
        while (digits < file.n && file.p[digits] >= '0' && file.p[digits] <= '9')
            digits++;
        if (!scan_u64((struct str){file.p + letters, digits - letters}, &number))
            return false;
        out->property = str_skip(file, digits);
        if (out->property.n && out->property.p[0] != '_')
            return false;
        out->property = str_skip(out->property, 1);
    }
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (!str_eq(out->type, str_c(types[i])))
            continue;
        sensor = arena_printf(r->scratch, r->err, "%s%llu", types[i], (unsigned long long)number);
        out->sensor = str_c(sensor);
        r->stopped |= !sensor;
        return sensor != NULL;
    }
    return false;
}

static struct reading *find(const struct chip *c, struct str sensor, struct str property)
{
    for (size_t i = 0; i < c->n; i++) {
        if (str_eq(c->readings[i].sensor, sensor) && str_eq(c->readings[i].property, property))
            return &c->readings[i];
    }
    return NULL;
}

static void read_folder(struct host_run *r, int dir, struct chip *c)
{
    struct files_entry *entries;
    struct str text;
    size_t n;

    if (files_list(r->files, dir, r->scratch, &entries, &n, r->err) < 0) {
        r->stopped = true;
        return;
    }
    for (size_t i = 0; i < n && !r->stopped; i++) {
        struct reading reading, *same;

        if (!entries[i].regular || !split_name(r, str_c(entries[i].name), &reading) ||
            !host_attr(r, dir, entries[i].name, &text))
            continue;
        reading.text = host_keep(r, text);
        same = find(c, reading.sensor, reading.property);
        if (same) {
            *same = reading;
            continue;
        }
        if (arena_grow(r->scratch, (void **)&c->readings, &c->cap, c->n + 1, sizeof reading,
                       r->err) < 0) {
            r->stopped = true;
            return;
        }
        c->readings[c->n++] = reading;
    }
}

/* Takes the last part off an absolute path. */
static struct str last_part(struct str *path)
{
    size_t n = path->n;
    struct str part;

    while (n && path->p[n - 1] != '/')
        n--;
    part = str_skip(*path, n);
    *path = str_take(*path, n ? n - 1 : 0);
    return part;
}

/* Of its device "platform_coretemp_0", else what it calls itself, else "hwmon0". */
static struct str chip_name(struct host_run *r, int dir, int device, const char *hwmon)
{
    char path[512];
    struct str name;

    if (device >= 0) {
        struct str at = files_real_path(device, path, sizeof path);
        struct str leaf = clean(r, last_part(&at)), parent = clean(r, last_part(&at));

        if (leaf.n && parent.n) {
            char *both =
                arena_printf(r->scratch, r->err, "%.*s_%.*s", STR_ARGS(parent), STR_ARGS(leaf));

            r->stopped |= !both;
            return str_c(both ? both : "");
        }
        if (leaf.n)
            return leaf;
    }
    if (host_attr(r, dir, "name", &name) && clean(r, name).n)
        return clean(r, name);
    return clean(r, str_c(hwmon));
}

static void read_chip(struct host_run *r, int dir, const char *hwmon, struct chip *c)
{
    int device = files_open_dir(dir, "device");
    struct str text;

    c->name = chip_name(r, dir, device, hwmon);
    if (host_attr(r, dir, "name", &text))
        c->label = clean(r, text);
    read_folder(r, dir, c);
    if (device >= 0) {
        read_folder(r, device, c);
        (void)close(device);
    }
}

/* How a value is named, and by what it is multiplied. The first row that fits. */
static const struct rule {
    const char *type, *property; /* NULL: any */
    const char *suffix;
    double factor;
    const char *help; /* then "(PROPERTY)" when with_property; NULL: names both */
    bool with_property;
    enum metric_type kind;
} rules[] = {
    {NULL, "fault", "", 1, "Hardware sensor fault status ", false, METRIC_GAUGE},
    {NULL, "alarm", "", 1, "Hardware sensor alarm status ", false, METRIC_GAUGE},
    {NULL, "beep", "_enabled", 1, "Hardware monitor sensor has beeping enabled", false,
     METRIC_GAUGE},
    {"in", NULL, "_volts", .001, "Hardware monitor for voltage ", true, METRIC_GAUGE},
    {"cpu", NULL, "_volts", .001, "Hardware monitor for voltage ", true, METRIC_GAUGE},
    {"temp", "type", "", 1, NULL, false, METRIC_GAUGE},
    {"temp", NULL, "_celsius", .001, "Hardware monitor for temperature ", true, METRIC_GAUGE},
    {"curr", NULL, "_amps", .001, "Hardware monitor for current ", true, METRIC_GAUGE},
    {"energy", NULL, "_joule_total", 1e-6, "Hardware monitor for joules used so far ", true,
     METRIC_COUNTER},
    {"power", "accuracy", "", 1e-6, "Hardware monitor power meter accuracy, as a ratio", false,
     METRIC_GAUGE},
    {"power", "average_interval", "_seconds", .001, "Hardware monitor power usage update interval ",
     true, METRIC_GAUGE},
    {"power", "average_interval_min", "_seconds", .001,
     "Hardware monitor power usage update interval ", true, METRIC_GAUGE},
    {"power", "average_interval_max", "_seconds", .001,
     "Hardware monitor power usage update interval ", true, METRIC_GAUGE},
    {"power", NULL, "_watt", 1e-6, "Hardware monitor for power usage in watts ", true,
     METRIC_GAUGE},
    {"humidity", NULL, "", 1e-6,
     "Hardware monitor for humidity, as a ratio (multiply with 100.0 to get the humidity as a "
     "percentage) ",
     true, METRIC_GAUGE},
    {"fan", "input", "_rpm", 1, "Hardware monitor for fan revolutions per minute ", true,
     METRIC_GAUGE},
    {"fan", "min", "_rpm", 1, "Hardware monitor for fan revolutions per minute ", true,
     METRIC_GAUGE},
    {"fan", "max", "_rpm", 1, "Hardware monitor for fan revolutions per minute ", true,
     METRIC_GAUGE},
    {"fan", "target", "_rpm", 1, "Hardware monitor for fan revolutions per minute ", true,
     METRIC_GAUGE},
    {NULL, NULL, "", 1, NULL, false, METRIC_GAUGE},
};

/* Sensors that are one value of their own, with a name of their own. */
static const struct {
    const char *type, *name, *help;
    double factor;
} plain[] = {
    {"beep_enable", "node_hwmon_beep_enabled", "Hardware beep enabled", 1},
    {"vrm", "node_hwmon_voltage_regulator_version", "Hardware voltage regulator", 1},
    {"update_interval", "node_hwmon_update_interval_seconds", "Hardware monitor update interval",
     .001},
};

static const struct rule *rule_of(const struct reading *d)
{
    for (size_t i = 0;; i++) {
        if ((!rules[i].type || str_eq(d->type, str_c(rules[i].type))) &&
            (!rules[i].property || str_eq(d->property, str_c(rules[i].property))))
            return &rules[i];
    }
}

static void add_row(struct host_run *r, struct rows *rows, const struct chip *c,
                    const struct reading *d, struct row row)
{
    struct row *added = rows_add(r, rows);

    if (!added)
        return;
    *added = row;
    added->labels[0] = (struct label){STR("chip"), c->name};
    added->labels[1] = (struct label){STR("sensor"), d->sensor};
    added->labels_n = 2;
}

/* "Hardware monitor for voltage (input)" */
static struct str help_of(struct host_run *r, const struct rule *rule, const struct reading *d)
{
    bool status = str_eq(d->property, STR("fault")) || str_eq(d->property, STR("alarm"));
    char *help;

    if (!rule->help)
        help = arena_printf(r->scratch, r->err, "Hardware monitor %.*s element %.*s",
                            STR_ARGS(d->type), STR_ARGS(d->property));
    else if (status)
        help = arena_printf(r->scratch, r->err, "%s(%.*s)", rule->help, STR_ARGS(d->type));
    else if (rule->with_property)
        help = arena_printf(r->scratch, r->err, "%s(%.*s)", rule->help,
                            STR_ARGS(d->property.n ? d->property : STR("input")));
    else
        help = arena_printf(r->scratch, r->err, "%s", rule->help);
    r->stopped |= !help;
    return str_c(help ? help : "");
}

/* "node_hwmon_temp_max_celsius": `input` shows only beside a file without property. */
static struct str family_of(struct host_run *r, const struct rule *rule, const struct chip *c,
                            const struct reading *d)
{
    bool bare = str_eq(d->property, STR("input")) && !find(c, d->sensor, STR(""));
    struct str property = bare ? STR("") : clean(r, d->property);
    char *name = arena_printf(r->scratch, r->err, "%.*s%s%.*s", STR_ARGS(d->type),
                              property.n ? "_" : "", STR_ARGS(property));

    r->stopped |= !name;
    return rows_name(r, "node_hwmon_", str_c(name ? name : ""), rule->suffix);
}

static void add_reading(struct host_run *r, struct rows *rows, const struct chip *c,
                        const struct reading *d)
{
    const struct rule *rule = rule_of(d);
    double v;

    if (!scan_decimal(d->text, &v))
        return;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        if (!str_eq(d->type, str_c(plain[i].type)))
            continue;
        if (!d->property.n)
            add_row(r, rows, c, d,
                    (struct row){.family = str_c(plain[i].name),
                                 .help = str_c(plain[i].help),
                                 .type = METRIC_GAUGE,
                                 .value = v * plain[i].factor});
        return;
    }
    add_row(r, rows, c, d,
            (struct row){.family = family_of(r, rule, c, d),
                         .help = help_of(r, rule, d),
                         .type = rule->kind,
                         .value = v * rule->factor});
}

static void add_chip(struct host_run *r, struct rows *rows, const struct chip *c)
{
    if (c->label.n) {
        struct row *row = rows_add(r, rows);

        if (!row)
            return;
        row->family = STR("node_hwmon_chip_names");
        row->help = STR("Annotation metric for human-readable chip names");
        row->value = 1;
        row->labels[0] = (struct label){STR("chip"), c->name};
        row->labels[1] = (struct label){STR("chip_name"), c->label};
        row->labels_n = 2;
    }
    for (size_t i = 0; i < c->n && !r->stopped; i++) {
        const struct reading *d = &c->readings[i];

        if (!str_eq(d->property, STR("label"))) {
            add_reading(r, rows, c, d);
            continue;
        }
        add_row(r, rows, c, d,
                (struct row){.family = STR("node_hwmon_sensor_label"),
                             .help = STR("Label for given chip and sensor"),
                             .type = METRIC_GAUGE,
                             .value = 1});
        if (!r->stopped) {
            struct row *row = &rows->items[rows->n - 1];

            row->labels[row->labels_n++] = (struct label){STR("label"), d->text};
        }
    }
}

void hwmon_collect(struct host_run *r)
{
    struct files_entry *entries;
    struct rows rows = {0};
    size_t n;
    int dir;

    if (!host_list(r, FILES_SYS, "class/hwmon", &dir, &entries, &n))
        return;
    for (size_t i = 0; i < n && !r->stopped; i++) {
        struct chip chip = {0};
        int at = files_open_dir(dir, entries[i].name);

        if (at < 0)
            continue;
        read_chip(r, at, entries[i].name, &chip);
        (void)close(at);
        if (!r->stopped)
            add_chip(r, &rows, &chip);
    }
    rows_emit(r, &rows);
}
