/* /proc/diskstats, one line a block device, and what udev knows about it.
 *
 *   254 0 vda reads merged sectors ms writes merged sectors ms now ms weighted-ms
 *       discards merged sectors ms flushes ms      (since Linux 4.18 and 5.5)
 */
#include <stdio.h>

#include "collect/host/groups.h"
#include "collect/host/run.h"
#include "text/regex.h"

#define SECTOR_BYTES 512.0 /* whatever the device's own are */
#define MS           (1.0 / 1000.0)

static const struct {
    const char *name, *help;
    double factor;
    enum metric_type type;
} columns[] = {
    {"node_disk_reads_completed_total", "The total number of reads completed successfully.", 1,
     METRIC_COUNTER},
    {"node_disk_reads_merged_total", "The total number of reads merged.", 1, METRIC_COUNTER},
    {"node_disk_read_bytes_total", "The total number of bytes read successfully.", SECTOR_BYTES,
     METRIC_COUNTER},
    {"node_disk_read_time_seconds_total", "The total number of seconds spent by all reads.", MS,
     METRIC_COUNTER},
    {"node_disk_writes_completed_total", "The total number of writes completed successfully.", 1,
     METRIC_COUNTER},
    {"node_disk_writes_merged_total", "The number of writes merged.", 1, METRIC_COUNTER},
    {"node_disk_written_bytes_total", "The total number of bytes written successfully.",
     SECTOR_BYTES, METRIC_COUNTER},
    {"node_disk_write_time_seconds_total",
     "This is the total number of seconds spent by all writes.", MS, METRIC_COUNTER},
    {"node_disk_io_now", "The number of I/Os currently in progress.", 1, METRIC_GAUGE},
    {"node_disk_io_time_seconds_total", "Total seconds spent doing I/Os.", MS, METRIC_COUNTER},
    {"node_disk_io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os.", MS,
     METRIC_COUNTER},
    {"node_disk_discards_completed_total", "The total number of discards completed successfully.",
     1, METRIC_COUNTER},
    {"node_disk_discards_merged_total", "The total number of discards merged.", 1, METRIC_COUNTER},
    {"node_disk_discarded_sectors_total", "The total number of sectors discarded successfully.", 1,
     METRIC_COUNTER},
    {"node_disk_discard_time_seconds_total",
     "This is the total number of seconds spent by all discards.", MS, METRIC_COUNTER},
    {"node_disk_flush_requests_total", "The total number of flush requests completed successfully",
     1, METRIC_COUNTER},
    {"node_disk_flush_requests_time_seconds_total",
     "This is the total number of seconds spent by all flush requests.", MS, METRIC_COUNTER},
};

enum udev_key {
    ID_PATH,
    ID_WWN,
    ID_MODEL,
    ID_SERIAL,
    ID_REVISION,
    FS_TYPE,
    FS_USAGE,
    FS_UUID,
    FS_VERSION,
    DM_NAME,
    DM_UUID,
    DM_VG,
    DM_LV,
    DM_LAYER,
    ATA,
    ATA_CACHE,
    ATA_CACHE_ON,
    ATA_RPM,
    UDEV_KEYS,
};

static const char *const udev_names[UDEV_KEYS] = {
    [ID_PATH] = "ID_PATH",
    [ID_WWN] = "ID_WWN",
    [ID_MODEL] = "ID_MODEL",
    [ID_SERIAL] = "ID_SERIAL_SHORT",
    [ID_REVISION] = "ID_REVISION",
    [FS_TYPE] = "ID_FS_TYPE",
    [FS_USAGE] = "ID_FS_USAGE",
    [FS_UUID] = "ID_FS_UUID",
    [FS_VERSION] = "ID_FS_VERSION",
    [DM_NAME] = "DM_NAME",
    [DM_UUID] = "DM_UUID",
    [DM_VG] = "DM_VG_NAME",
    [DM_LV] = "DM_LV_NAME",
    [DM_LAYER] = "DM_LV_LAYER",
    [ATA] = "ID_ATA",
    [ATA_CACHE] = "ID_ATA_WRITE_CACHE",
    [ATA_CACHE_ON] = "ID_ATA_WRITE_CACHE_ENABLED",
    [ATA_RPM] = "ID_ATA_ROTATION_RATE_RPM",
};

struct disk {
    struct str major, minor, name;
    uint64_t values[ARRAY_LEN(columns)];
    size_t values_n;
    struct str udev[UDEV_KEYS];
};

static bool read_disk(struct str line, struct disk *d)
{
    struct str word;

    if (!scan_word(&line, &d->major) || !scan_word(&line, &d->minor) ||
        !scan_word(&line, &d->name) || d->major.n > 8 || d->minor.n > 8)
        return false;
    while (d->values_n < ARRAY_LEN(columns) && scan_word(&line, &word)) {
        if (!scan_u64(word, &d->values[d->values_n++]))
            return false;
    }
    return d->values_n >= 11;
}

/* /run/udev/data/b254:0: lines "E:KEY=value". */
static void read_udev(struct host_run *r, struct disk *d)
{
    char path[64];
    struct str text, line;

    (void)snprintf(path, sizeof path, "run/udev/data/b%.*s:%.*s", STR_ARGS(d->major),
                   STR_ARGS(d->minor));
    if (files_read_at(r->files, files_root_dir(r->files, FILES_ROOT), path, &text) != FILES_READ)
        return;
    while (scan_line(&text, &line)) {
        struct str key;

        if (!str_starts(line, STR("E:")))
            continue;
        line = str_skip(line, 2);
        key = str_split(&line, '=');
        for (int i = 0; line.p && i < UDEV_KEYS; i++) {
            if (str_eq(key, str_c(udev_names[i])))
                d->udev[i] = host_keep(r, line);
        }
    }
}

static void emit_info(struct host_run *r, const struct disk *disks, size_t n)
{
    host_family(r, METRIC_GAUGE, "node_disk_info", "Info of /sys/block/<block_device>.");
    for (size_t i = 0; i < n; i++) {
        const struct disk *d = &disks[i];
        struct label labels[] = {
            {STR("device"), d->name},
            {STR("major"), d->major},
            {STR("minor"), d->minor},
            {STR("path"), d->udev[ID_PATH]},
            {STR("wwn"), d->udev[ID_WWN]},
            {STR("model"), d->udev[ID_MODEL]},
            {STR("serial"), d->udev[ID_SERIAL]},
            {STR("revision"), d->udev[ID_REVISION]},
        };

        host_sample(r, 1, labels, ARRAY_LEN(labels));
    }
}

static void emit_filesystem(struct host_run *r, const struct disk *disks, size_t n)
{
    bool begun = false;

    for (size_t i = 0; i < n; i++) {
        const struct disk *d = &disks[i];
        struct label labels[] = {
            {STR("device"), d->name},
            {STR("type"), d->udev[FS_TYPE]},
            {STR("usage"), d->udev[FS_USAGE]},
            {STR("uuid"), d->udev[FS_UUID]},
            {STR("version"), d->udev[FS_VERSION]},
        };

        if (!d->udev[FS_TYPE].n)
            continue;
        if (!begun)
            host_family(r, METRIC_GAUGE, "node_disk_filesystem_info",
                        "Info about disk filesystem.");
        begun = true;
        host_sample(r, 1, labels, ARRAY_LEN(labels));
    }
}

static void emit_mapper(struct host_run *r, const struct disk *disks, size_t n)
{
    bool begun = false;

    for (size_t i = 0; i < n; i++) {
        const struct disk *d = &disks[i];
        struct label labels[] = {
            {STR("device"), d->name},         {STR("name"), d->udev[DM_NAME]},
            {STR("uuid"), d->udev[DM_UUID]},  {STR("vg_name"), d->udev[DM_VG]},
            {STR("lv_name"), d->udev[DM_LV]}, {STR("lv_layer"), d->udev[DM_LAYER]},
        };

        if (!d->udev[DM_NAME].n)
            continue;
        if (!begun)
            host_family(r, METRIC_GAUGE, "node_disk_device_mapper_info",
                        "Info about disk device mapper.");
        begun = true;
        host_sample(r, 1, labels, ARRAY_LEN(labels));
    }
}

static void emit_ata(struct host_run *r, const struct disk *disks, size_t n)
{
    static const struct {
        enum udev_key key;
        const char *name, *help;
    } families[] = {
        {ATA_CACHE, "node_disk_ata_write_cache", "ATA disk has a write cache."},
        {ATA_CACHE_ON, "node_disk_ata_write_cache_enabled",
         "ATA disk has its write cache enabled."},
        {ATA_RPM, "node_disk_ata_rotation_rate_rpm",
         "ATA disk rotation rate in RPMs (0 for SSDs)."},
    };

    for (size_t f = 0; f < ARRAY_LEN(families); f++) {
        bool begun = false;
        double v;

        for (size_t i = 0; i < n; i++) {
            if (!disks[i].udev[ATA].n || !scan_decimal(disks[i].udev[families[f].key], &v))
                continue;
            if (!begun)
                host_family(r, METRIC_GAUGE, families[f].name, families[f].help);
            begun = true;
            host_sample1(r, v, "device", disks[i].name);
        }
    }
}

static void emit_columns(struct host_run *r, const struct disk *disks, size_t n, size_t most)
{
    for (size_t c = 0; c < most; c++) {
        host_family(r, columns[c].type, columns[c].name, columns[c].help);
        for (size_t i = 0; i < n; i++) {
            if (c < disks[i].values_n)
                host_sample1(r, (double)disks[i].values[c] * columns[c].factor, "device",
                             disks[i].name);
        }
    }
}

void diskstats_collect(struct host_run *r)
{
    struct str text, line;
    struct disk *disks = NULL;
    size_t n = 0, cap = 0, most = 0;

    if (!host_read(r, FILES_PROC, "diskstats", &text))
        return;
    while (scan_line(&text, &line)) {
        struct disk d = {0};

        if (!read_disk(line, &d)) {
            host_broken(r, FILES_PROC, "diskstats", "a line is not understood");
            continue;
        }
        if (regex_matches(r->filters->disks, d.name))
            continue;
        if (arena_grow(r->scratch, (void **)&disks, &cap, n + 1, sizeof d, r->err) < 0) {
            r->stopped = true;
            return;
        }
        d.major = host_keep(r, d.major); /* udev's files are read over the same buffer */
        d.minor = host_keep(r, d.minor);
        d.name = host_keep(r, d.name);
        most = d.values_n > most ? d.values_n : most;
        disks[n++] = d;
    }
    host_check_end(r, FILES_PROC, "diskstats", text);
    for (size_t i = 0; i < n; i++)
        read_udev(r, &disks[i]);
    if (!n)
        return;
    emit_info(r, disks, n);
    emit_columns(r, disks, n, most);
    emit_filesystem(r, disks, n);
    emit_mapper(r, disks, n);
    emit_ata(r, disks, n);
}
