#include "collect/gpu/amd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/gpu/report.h"
#include "collect/host/files.h"
#include "collect/host/scan.h"

#define VENDOR    0x1002
#define CARDS_MAX 64
#define MIB       1048576.0

/* A card is asked relative to its folder, which is open while it is. */
struct card {
    struct files *files;
    int dir;
    double *values;
};

static bool read_text(const struct card *c, const char *path, struct str *out)
{
    if (files_read_at(c->files, c->dir, path, out) != FILES_READ)
        return false;
    *out = str_trim(*out);
    return true;
}

static bool read_number(const struct card *c, const char *path, double *out)
{
    struct str text;
    int64_t v;

    if (!read_text(c, path, &text) || !scan_i64(text, &v))
        return false;
    *out = (double)v;
    return true;
}

static void read_scaled(const struct card *c, const char *path, enum gpu_value id, double scale)
{
    double v;

    if (read_number(c, path, &v))
        c->values[id] = v * scale;
}

static void read_memory(const struct card *c)
{
    double total, used;

    if (!read_number(c, "mem_info_vram_used", &used))
        return;
    c->values[GPU_VALUE_FB_USED] = used / MIB;
    if (read_number(c, "mem_info_vram_total", &total) && total >= used)
        c->values[GPU_VALUE_FB_FREE] = (total - used) / MIB;
}

/* Sensors are numbered; what each is stands in its label. A card without labels has one. */
static void read_sensors(const struct card *c, const char *kind, const char *label,
                         const char *otherwise, enum gpu_value id, double scale)
{
    char path[64];
    struct str text;

    for (unsigned i = 1; i <= 8; i++) {
        (void)snprintf(path, sizeof path, "%s%u_label", kind, i);
        if (!read_text(c, path, &text) || !str_eq(text, str_c(label)))
            continue;
        (void)snprintf(path, sizeof path, "%s%u_input", kind, i);
        read_scaled(c, path, id, scale);
        return;
    }
    if (otherwise)
        read_scaled(c, otherwise, id, scale);
}

static void read_fan(const struct card *c)
{
    double speed, highest;

    if (read_number(c, "fan1_input", &speed) && read_number(c, "fan1_max", &highest) && highest > 0)
        c->values[GPU_VALUE_FAN_SPEED] = 100 * speed / highest;
}

static void read_hwmon(const struct card *c)
{
    read_sensors(c, "temp", "edge", "temp1_input", GPU_VALUE_GPU_TEMP, 1e-3);
    read_sensors(c, "temp", "mem", NULL, GPU_VALUE_MEMORY_TEMP, 1e-3);
    read_sensors(c, "freq", "sclk", "freq1_input", GPU_VALUE_SM_CLOCK, 1e-6);
    read_sensors(c, "freq", "mclk", NULL, GPU_VALUE_MEM_CLOCK, 1e-6);
    read_scaled(c, "power1_input", GPU_VALUE_POWER_USAGE, 1e-6); /* newer cards */
    read_scaled(c, "power1_average", GPU_VALUE_POWER_USAGE, 1e-6);
    read_scaled(c, "power1_cap", GPU_VALUE_POWER_LIMIT, 1e-6);
    read_fan(c);
}

/* "ue: 0" and "ce: 12", of the memory controllers. */
static void read_ecc(const struct card *c)
{
    struct str text, line, word;
    uint64_t n;

    if (!read_text(c, "ras/umc_err_count", &text))
        return;
    while (text.n) {
        line = str_split(&text, '\n');
        if (!scan_word(&line, &word) || !scan_word_u64(&line, &n))
            continue;
        if (str_eq(word, STR("ue:")))
            c->values[GPU_VALUE_ECC_UNCORRECTED] = (double)n;
        if (str_eq(word, STR("ce:")))
            c->values[GPU_VALUE_ECC_CORRECTED] = (double)n;
    }
}

/* The first of hwmon/hwmonN. */
static int open_hwmon(struct files *files, int device, struct arena *scratch, struct err *err)
{
    struct files_entry *entries;
    size_t n;
    int dir = files_open_dir(device, "hwmon"), found = -1;

    if (dir < 0)
        return -1;
    if (files_list(files, dir, scratch, &entries, &n, err) == 0)
        for (size_t i = 0; i < n && found < 0; i++)
            if (str_starts(str_c(entries[i].name), STR("hwmon")))
                found = files_open_dir(dir, entries[i].name);
    (void)close(dir);
    return found;
}

static void read_values(struct card *c, struct arena *scratch, struct err *err)
{
    int device = c->dir, hwmon;

    read_scaled(c, "gpu_busy_percent", GPU_VALUE_GPU_UTIL, 1);
    read_scaled(c, "mem_busy_percent", GPU_VALUE_MEM_COPY_UTIL, 1);
    read_scaled(c, "pcie_replay_count", GPU_VALUE_PCIE_REPLAY, 1);
    read_memory(c);
    read_ecc(c);
    hwmon = open_hwmon(c->files, device, scratch, err);
    if (hwmon < 0)
        return;
    c->dir = hwmon;
    read_hwmon(c);
    (void)close(hwmon);
    c->dir = device;
}

static struct str text_or(const struct card *c, const char *path, char *out, size_t size,
                          const char *otherwise)
{
    struct str text;

    if (!read_text(c, path, &text) || !text.n || !str_is_utf8(text))
        text = str_c(otherwise);
    text = str_take(text, size);
    memcpy(out, text.p, text.n);
    return (struct str){out, text.n};
}

static int read_card(struct files *files, int dir, const char *name, size_t index,
                     struct report *out, struct err *err)
{
    char uuid[64], model[96], number[24], id[16];
    struct card c = {.files = files, .dir = dir};
    struct gpu_reading *g;
    struct gpu_name names = {.device = str_c(name)};

    (void)snprintf(number, sizeof number, "%zu", index);
    names.index = str_c(number);
    names.uuid = text_or(&c, "unique_id", uuid, sizeof uuid, "");
    names.model = text_or(&c, "product_name", model, sizeof model, "");
    if (!names.model.n) {
        names.model = text_or(&c, "device", id, sizeof id, "GPU");
        names.model = str_c(arena_printf(out->scratch, err, "AMD %.*s", STR_ARGS(names.model)));
        if (!names.model.p)
            return -1;
    }
    if (report_add(out, &names, &g, err) < 0)
        return -1;
    if (g) {
        c.values = g->values;
        read_values(&c, out->scratch, err);
    }
    return 0;
}

/* "card1" and not "card1-DP-1", which is a connector. */
static bool card_number(const char *name, unsigned *out)
{
    uint64_t n;

    if (strncmp(name, "card", 4) != 0 || !scan_u64(str_c(name + 4), &n) || n > 9999)
        return false;
    *out = (unsigned)n;
    return true;
}

static int by_number(const void *a, const void *b)
{
    const unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

    return (x > y) - (x < y);
}

static bool is_amd(struct files *files, int dir)
{
    struct str text;
    uint64_t vendor;

    return files_read_at(files, dir, "vendor", &text) == FILES_READ &&
           str_starts(text, STR("0x")) && scan_hex(str_skip(str_trim(text), 2), &vendor) &&
           vendor == VENDOR;
}

int amd_read(struct files *files, struct report *out, size_t *found, struct err *err)
{
    int drm = files_dir(files, FILES_SYS, "class/drm");
    struct files_entry *entries;
    unsigned numbers[CARDS_MAX];
    size_t n, cards = 0;

    *found = 0;
    if (drm < 0)
        return 0;
    if (files_list(files, drm, out->scratch, &entries, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n && cards < CARDS_MAX; i++)
        cards += card_number(entries[i].name, &numbers[cards]);
    qsort(numbers, cards, sizeof *numbers, by_number);
    for (size_t i = 0; i < cards; i++) {
        char name[16], path[32];
        int dir, rc = 0;

        (void)snprintf(name, sizeof name, "card%u", numbers[i]);
        (void)snprintf(path, sizeof path, "%s/device", name);
        dir = files_open_dir(drm, path);
        if (dir < 0)
            continue;
        if (is_amd(files, dir))
            rc = read_card(files, dir, name, (*found)++, out, err);
        (void)close(dir);
        if (rc < 0)
            return -1;
    }
    return 0;
}
