/* /sys/class/power_supply: batteries and mains. The kernel counts in millionths and tenths. */
#include <unistd.h>

#include "collect/host/groups.h"
#include "collect/host/rows.h"
#include "collect/host/run.h"

static const struct {
    const char *file, *name; /* name NULL: as the file */
    double divisor;
} numbers[] = {
    {"authentic", NULL, 1},
    {"calibrate", NULL, 1},
    {"capacity", NULL, 1},
    {"capacity_alert_max", NULL, 1},
    {"capacity_alert_min", NULL, 1},
    {"cycle_count", "cyclecount", 1},
    {"online", NULL, 1},
    {"present", NULL, 1},
    {"time_to_empty_now", "time_to_empty_seconds", 1},
    {"time_to_full_now", "time_to_full_seconds", 1},
    {"current_boot", NULL, 1e6},
    {"current_max", NULL, 1e6},
    {"current_now", "current_ampere", 1e6},
    {"energy_empty", NULL, 1e6},
    {"energy_empty_design", NULL, 1e6},
    {"energy_full", NULL, 1e6},
    {"energy_full_design", NULL, 1e6},
    {"energy_now", "energy_watthour", 1e6},
    {"voltage_boot", NULL, 1e6},
    {"voltage_max", NULL, 1e6},
    {"voltage_max_design", NULL, 1e6},
    {"voltage_min", NULL, 1e6},
    {"voltage_min_design", NULL, 1e6},
    {"voltage_now", "voltage_volt", 1e6},
    {"voltage_ocv", NULL, 1e6},
    {"charge_control_limit", NULL, 1e6},
    {"charge_control_limit_max", NULL, 1e6},
    {"charge_counter", NULL, 1e6},
    {"charge_empty", NULL, 1e6},
    {"charge_empty_design", NULL, 1e6},
    {"charge_full", NULL, 1e6},
    {"charge_full_design", NULL, 1e6},
    {"charge_now", "charge_ampere", 1e6},
    {"charge_term_current", NULL, 1e6},
    {"constant_charge_current", NULL, 1e6},
    {"constant_charge_current_max", NULL, 1e6},
    {"constant_charge_voltage", NULL, 1e6},
    {"constant_charge_voltage_max", NULL, 1e6},
    {"precharge_current", NULL, 1e6},
    {"input_current_limit", NULL, 1e6},
    {"power_now", "power_watt", 1e6},
    {"temp", "temp_celsius", 10},
    {"temp_alert_max", "temp_alert_max_celsius", 10},
    {"temp_alert_min", "temp_alert_min_celsius", 10},
    {"temp_ambient", "temp_ambient_celsius", 10},
    {"temp_ambient_max", "temp_ambient_max_celsius", 10},
    {"temp_ambient_min", "temp_ambient_min_celsius", 10},
    {"temp_max", "temp_max_celsius", 10},
    {"temp_min", "temp_min_celsius", 10},
};

static const char *const texts[] = {
    "capacity_level", "charge_type", "health",     "manufacturer", "model_name", "scope",
    "serial_number",  "status",      "technology", "type",         "usb_type"};

static void read_supply(struct host_run *r, struct rows *rows, int dir, struct str supply)
{
    struct row *row;
    struct str text;
    int64_t v;

    for (size_t i = 0; i < ARRAY_LEN(numbers) && !r->stopped; i++) {
        const char *name = numbers[i].name ? numbers[i].name : numbers[i].file;

        if (!host_attr_i64(r, dir, numbers[i].file, &v) || !(row = rows_add(r, rows)))
            continue;
        row->family = rows_name(r, "node_power_supply_", str_c(name), "");
        row->help = str_c(arena_printf(
            r->scratch, r->err, "%s value of /sys/class/power_supply/<power_supply>.", name));
        row->value = (double)v / numbers[i].divisor;
        row->labels[row->labels_n++] = (struct label){STR("power_supply"), supply};
    }
    if (r->stopped || !(row = rows_add(r, rows)))
        return;
    row->family = STR("node_power_supply_info");
    row->help = STR("info of /sys/class/power_supply/<power_supply>.");
    row->value = 1;
    row->labels[row->labels_n++] = (struct label){STR("power_supply"), supply};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (host_attr(r, dir, texts[i], &text))
            row->labels[row->labels_n++] = (struct label){str_c(texts[i]), host_keep(r, text)};
    }
}

void powersupplyclass_collect(struct host_run *r)
{
    struct files_entry *entries;
    struct rows rows = {0};
    size_t n;
    int dir;

    if (!host_list(r, FILES_SYS, "class/power_supply", &dir, &entries, &n))
        return;
    for (size_t i = 0; i < n && !r->stopped; i++) {
        int at = files_open_dir(dir, entries[i].name);

        if (at < 0)
            continue;
        read_supply(r, &rows, at, str_c(entries[i].name));
        (void)close(at);
    }
    if (!r->stopped)
        rows_emit(r, &rows);
}
