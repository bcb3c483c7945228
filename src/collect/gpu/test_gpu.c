/* test_gpu SAMPLES, with nvml_double in LD_LIBRARY_PATH. */
#include "base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/entry_settings.h"
#include "collect/gpu/gpu.h"
#include "collect/gpu/gpu_settings.h"
#include "collect/gpu/report.h"
#include "collect/gpu/smi.h"
#include "collect/process/process_settings.h"
#include "model/expo.h"

static const char *samples;

struct fixture {
    char dir[64], proc[80], sys[80], smi[80];
    struct gpu_settings settings;
    struct entry_settings entry;
    struct gpu_counts counts;
    struct manual_clock clock;
    struct log log;
    struct buf told, out;
    struct collector collector;
    struct err err;
};

static void keep_line(struct log *log, enum log_level level, const char *part, const char *text)
{
    struct fixture *f = CONTAINER_OF(log, struct fixture, log);

    (void)level, (void)part;
    buf_adds(&f->told, text);
    buf_addc(&f->told, '\n');
}

/* Below the folder; folders on the way are made. */
static void write_file(const struct fixture *f, const char *path, const char *text)
{
    char full[300];
    FILE *file;

    (void)snprintf(full, sizeof full, "%s/%s", f->dir, path);
    for (char *p = full + strlen(f->dir) + 1; *p; p++) {
        if (*p == '/') {
            *p = '\0';
            (void)mkdir(full, 0755);
            *p = '/';
        }
    }
    file = fopen(full, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);

    *f = (struct fixture){.log = {keep_line, LOG_DEBUG}, .dir = "/tmp/earshot-gpu-XXXXXX"};
    *state = f;
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->proc, sizeof f->proc, "%s/proc", f->dir);
    (void)snprintf(f->sys, sizeof f->sys, "%s/sys", f->dir);
    assert_int_equal(mkdir(f->proc, 0755), 0);
    assert_int_equal(mkdir(f->sys, 0755), 0);
    f->settings = (struct gpu_settings){.per_process = true, .proc = f->proc, .sys = f->sys};
    f->entry.own = &f->settings;
    f->entry.job.timeout_ms = 2000;
    manual_clock_init(&f->clock, INT64_C(1705374075000));
    assert_int_equal(unsetenv("NVML_DOUBLE"), 0);
    return 0;
}

static void start(struct fixture *f, enum gpu_source source)
{
    f->settings.source = source;
    assert_ok(
        gpu_collector(&f->entry, &f->clock.clock, &f->log, &f->counts, &f->collector, &f->err),
        f->err);
    assert_non_null(f->collector.hangs_on);
}

static void use_smi(struct fixture *f, const char *script)
{
    char path[100];

    write_file(f, "nvidia-smi", script);
    (void)snprintf(path, sizeof path, "%s/nvidia-smi", f->dir);
    assert_int_equal(chmod(path, 0755), 0);
    (void)snprintf(f->smi, sizeof f->smi, "%s/nvidia-smi", f->dir);
    f->settings.nvidia_smi = f->smi;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[100];

    f->collector.free(f->collector.arg);
    (void)snprintf(command, sizeof command, "rm -r %s", f->dir);
    assert_int_equal(system(command), 0);
    buf_fini(&f->told);
    buf_fini(&f->out);
    mem_free(f);
    return 0;
}

static int collect(struct fixture *f)
{
    SCOPED(arena_fini) struct arena scratch;
    struct expo_writer w;

    arena_init(&scratch, NULL);
    buf_reset(&f->out);
    expo_writer_init(&w, EXPO_TEXT, &f->out);
    return f->collector.collect(f->collector.arg, &w.emit, &scratch, &f->err);
}

static bool says(struct buf *b, const char *text)
{
    buf_addc(b, '\0');
    b->n--;
    return strstr(b->p, text) != NULL;
}

static void assert_line(struct fixture *f, const char *series, const char *value)
{
    char line[400];

    (void)snprintf(line, sizeof line, "\n%s %s\n", series, value);
    if (!says(&f->out, line))
        fail_msg("no line \"%s %s\" in\n%s", series, value, f->out.p);
}

#define CARD0                                                                                      \
    "{gpu=\"0\",UUID=\"GPU-aaaa\",device=\"nvidia1\",modelName=\"NVIDIA GeForce RTX 4090\"}"
#define CARD1 "{gpu=\"1\",UUID=\"GPU-bbbb\",device=\"nvidia0\",modelName=\"NVIDIA RTX A6000\"}"

static void assert_card(struct fixture *f, const char *name, int card, const char *value)
{
    char series[200];

    (void)snprintf(series, sizeof series, "%s%s", name, card ? CARD1 : CARD0);
    assert_line(f, series, value);
}

static void nvml_gives_dcgm_exporters_names_and_units(void **state)
{
    struct fixture *f = *state;

    start(f, GPU_AUTO);
    assert_ok(collect(f), f->err);
    assert_card(f, "DCGM_FI_DEV_GPU_UTIL", 0, "79");
    assert_card(f, "DCGM_FI_DEV_GPU_UTIL", 1, "0");
    assert_card(f, "DCGM_FI_DEV_MEM_COPY_UTIL", 0, "26");
    assert_card(f, "DCGM_FI_DEV_FB_USED", 0, "6144");
    assert_card(f, "DCGM_FI_DEV_FB_RESERVED", 0, "512");
    assert_card(f, "DCGM_FI_DEV_FB_FREE", 0, "17920");
    assert_card(f, "DCGM_FI_DEV_FB_USED", 1, "18432");
    assert_card(f, "DCGM_FI_DEV_GPU_TEMP", 0, "58");
    assert_card(f, "DCGM_FI_DEV_MEMORY_TEMP", 1, "77");
    assert_card(f, "DCGM_FI_DEV_POWER_USAGE", 0, "328.6");
    assert_card(f, "earshot_gpu_power_limit_watts", 1, "300");
    assert_card(f, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", 0, "1.099511627776e+12");
    assert_card(f, "DCGM_FI_DEV_SM_CLOCK", 0, "2520");
    assert_card(f, "DCGM_FI_DEV_MEM_CLOCK", 0, "10501");
    assert_card(f, "DCGM_FI_DEV_PCIE_REPLAY_COUNTER", 1, "5");
    assert_card(f, "DCGM_FI_DEV_XID_ERRORS", 0, "0");
    assert_true(says(&f->told, "GPUs are read by NVML"));
}

static void what_a_card_does_not_support_has_no_sample(void **state)
{
    struct fixture *f = *state;

    start(f, GPU_NVML);
    assert_ok(collect(f), f->err);
    assert_false(says(&f->out, "DCGM_FI_DEV_FB_RESERVED" CARD1));
    assert_false(says(&f->out, "DCGM_FI_DEV_POWER_USAGE" CARD1));
    assert_false(says(&f->out, "DCGM_FI_DEV_MEMORY_TEMP" CARD0));
    assert_false(says(&f->out, "DCGM_FI_DEV_XID_ERRORS" CARD1));
    assert_false(says(&f->out, "NaN"));
}

static void errors_and_throttling_are_told_by_kind(void **state)
{
    struct fixture *f = *state;

    start(f, GPU_NVML);
    assert_ok(collect(f), f->err);
    assert_line(f,
                "earshot_gpu_ecc_errors_total{gpu=\"1\",UUID=\"GPU-bbbb\",device=\"nvidia0\","
                "modelName=\"NVIDIA RTX A6000\",type=\"uncorrected\"}",
                "2");
    assert_line(f,
                "earshot_gpu_throttled{gpu=\"0\",UUID=\"GPU-aaaa\",device=\"nvidia1\","
                "modelName=\"NVIDIA GeForce RTX 4090\",reason=\"hardware_thermal\"}",
                "1");
    assert_line(f,
                "earshot_gpu_throttled{gpu=\"0\",UUID=\"GPU-aaaa\",device=\"nvidia1\","
                "modelName=\"NVIDIA GeForce RTX 4090\",reason=\"power_brake\"}",
                "0");
    assert_ok(collect(f), f->err);
    assert_card(f, "DCGM_FI_DEV_XID_ERRORS", 0, "79");
    assert_ok(collect(f), f->err);
    assert_card(f, "DCGM_FI_DEV_XID_ERRORS", 0, "79"); /* the last one stays */
}

static void memory_and_use_are_told_by_the_service_that_holds_them(void **state)
{
    struct fixture *f = *state;

    write_file(f, "proc/4242/cmdline", "/usr/bin/python3");
    write_file(f, "proc/4242/cgroup", "0::/system.slice/soundbox.service\n");
    start(f, GPU_NVML);
    assert_ok(collect(f), f->err);
    assert_line(f, "earshot_gpu_process_memory_bytes{gpu=\"0\",groupname=\"soundbox\"}",
                "5.36870912e+09");
    assert_line(f, "earshot_gpu_process_busy_ratio{gpu=\"0\",groupname=\"soundbox\"}", "0.5");
    assert_line(f, "earshot_gpu_process_busy_ratio{gpu=\"0\",groupname=\"unknown\"}", "0");
    assert_line(f, "earshot_gpu_process_memory_bytes{gpu=\"1\",groupname=\"unknown\"}",
                "1.048576e+08");
    assert_false(says(&f->out, "memory_bytes{gpu=\"0\",groupname=\"unknown\""));
    assert_false(says(&f->out, "busy_ratio{gpu=\"1\""));
    assert_ok(collect(f), f->err);
    assert_line(f, "earshot_gpu_process_busy_ratio{gpu=\"0\",groupname=\"soundbox\"}", "0.375");
}

static void a_process_is_called_as_the_group_that_it_is_in(void **state)
{
    struct fixture *f = *state;
    struct process_group_settings items[] = {
        {.name = "alone", .match = "worker", .children = false},
        {.name = "music", .match = "^/opt/music ", .children = true},
        {.name = "later", .exe = "python3", .children = true},
    };
    const struct process_groups groups = {items, 3, 3}, *all[] = {&groups};

    f->settings.groups = all;
    f->settings.groups_n = 1;
    /* It is no group's itself; its father is a worker, his is the service. */
    write_file(f, "proc/4242/cmdline", "/usr/bin/train");
    write_file(f, "proc/4242/stat", "4242 (a) b) S 4200 1 1\n");
    write_file(f, "proc/4200/cmdline", "worker");
    write_file(f, "proc/4200/stat", "4200 (worker) S 4100 1 1\n");
    write_file(f, "proc/4100/cmdline", "/opt/music --serve");
    write_file(f, "proc/4100/stat", "4100 (music) S 1 1 1\n");
    start(f, GPU_NVML);
    assert_ok(collect(f), f->err);
    assert_line(f, "earshot_gpu_process_busy_ratio{gpu=\"0\",groupname=\"music\"}", "0.5");
    /* By itself it is in the first that takes it. */
    write_file(f, "proc/4242/cmdline", "/opt/music worker");
    assert_ok(collect(f), f->err);
    assert_line(f, "earshot_gpu_process_busy_ratio{gpu=\"0\",groupname=\"alone\"}", "0.375");
}

static void processes_are_not_asked_for_when_they_are_switched_off(void **state)
{
    struct fixture *f = *state;

    f->settings.per_process = false;
    start(f, GPU_NVML);
    assert_ok(collect(f), f->err);
    assert_false(says(&f->out, "earshot_gpu_process"));
}

static void an_excluded_card_is_left_out(void **state)
{
    static const char *const uuids[] = {"GPU-aaaa"};
    struct fixture *f = *state;

    f->settings.exclude = uuids;
    f->settings.exclude_n = 1;
    start(f, GPU_NVML);
    assert_ok(collect(f), f->err);
    assert_false(says(&f->out, "gpu=\"0\""));
    assert_card(f, "DCGM_FI_DEV_GPU_TEMP", 1, "45");
}

static void a_lost_card_is_told_once_and_harms_no_other(void **state)
{
    struct fixture *f = *state;

    start(f, GPU_NVML);
    assert_ok(collect(f), f->err);
    assert_int_equal(setenv("NVML_DOUBLE", "lost", 1), 0);
    buf_reset(&f->told);
    assert_ok(collect(f), f->err);
    assert_ok(collect(f), f->err);
    assert_card(f, "DCGM_FI_DEV_GPU_TEMP", 0, "58");
    assert_false(says(&f->out, "gpu=\"1\""));
    assert_true(str_eq(buf_str(&f->told), STR("GPU 1 does not answer: GPU is lost\n")));
    assert_int_equal(setenv("NVML_DOUBLE", "gone", 1), 0);
    assert_fails(collect(f), f->err, ERR_EVAL, "none of 2 GPUs answers");
    assert_int_equal(unsetenv("NVML_DOUBLE"), 0);
    assert_ok(collect(f), f->err); /* at once: it answered before */
    assert_card(f, "DCGM_FI_DEV_GPU_TEMP", 1, "45");
}

static void a_broken_driver_is_a_failure_in_its_own_words(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(setenv("NVML_DOUBLE", "mismatch", 1), 0);
    start(f, GPU_AUTO);
    for (int i = 0; i < 2; i++)
        assert_fails(collect(f), f->err, ERR_EVAL,
                     "libnvidia-ml.so.1: cannot be used: Driver/library version mismatch");
    assert_int_equal(unsetenv("NVML_DOUBLE"), 0);
    assert_int_equal(collect(f), -1); /* not before a minute has passed */
    manual_clock_advance(&f->clock, 60000);
    assert_ok(collect(f), f->err);
}

static void without_a_gpu_nothing_is_written_and_it_is_said_once(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(setenv("NVML_DOUBLE", "no-driver", 1), 0);
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    start(f, GPU_AUTO);
    for (int i = 0; i < 3; i++) {
        assert_ok(collect(f), f->err);
        assert_int_equal(f->out.n, 0);
        manual_clock_advance(&f->clock, 61000);
    }
    assert_true(str_starts(buf_str(&f->told), STR("no GPU is found: ")));
    assert_ptr_equal(memchr(f->told.p, '\n', f->told.n), f->told.p + f->told.n - 1);
    assert_int_equal(unsetenv("NVML_DOUBLE"), 0);
    assert_ok(collect(f), f->err); /* its driver came late */
    assert_card(f, "DCGM_FI_DEV_GPU_TEMP", 0, "58");
    assert_int_equal(setenv("PATH", "/usr/bin:/bin", 1), 0);
}

static void a_source_that_was_named_must_answer(void **state)
{
    struct fixture *f = *state;

    start(f, GPU_SYSFS);
    assert_fails(collect(f), f->err, ERR_EVAL, "source: /sys/class/drm finds no GPU");
    f->collector.free(f->collector.arg);
    f->settings.nvidia_smi = "/nowhere/nvidia-smi";
    start(f, GPU_NVIDIA_SMI);
    assert_fails(collect(f), f->err, ERR_OS, "there is no program /nowhere/nvidia-smi");
}

/* ---- nvidia-smi ---- */

static void nvidia_smi_is_asked_in_one_form_and_its_rounds_are_read(void **state)
{
    struct fixture *f = *state;
    char script[700];

    (void)snprintf(
        script, sizeof script,
        "#!/bin/sh\n"
        "[ \"$#\" = 2 ] && [ \"$2\" = --format=csv,noheader,nounits ] || exit 9\n"
        "[ \"$1\" = --query-gpu=index,uuid,name,temperature.gpu,utilization.gpu,"
        "utilization.memory,memory.used,memory.total,memory.free,power.draw,power.limit,clocks.sm,"
        "clocks.mem,fan.speed,pstate,pci.bus_id,ecc.errors.uncorrected.volatile.total ] || exit 8\n"
        "head -2 %s/nvidia-smi.csv\n",
        samples);
    use_smi(f, script);
    start(f, GPU_NVIDIA_SMI);
    assert_ok(collect(f), f->err);
#define SMI0                                                                                       \
    "{gpu=\"0\",UUID=\"GPU-3a1c9e52-77b0-4c1e-9a53-0d2f6b8e4410\",device=\"nvidia0\","             \
    "modelName=\"NVIDIA GeForce RTX 4090\"}"
    assert_line(f, "DCGM_FI_DEV_GPU_TEMP" SMI0, "58");
    assert_line(f, "DCGM_FI_DEV_GPU_UTIL" SMI0, "79");
    assert_line(f, "DCGM_FI_DEV_MEM_COPY_UTIL" SMI0, "26");
    assert_line(f, "DCGM_FI_DEV_FB_USED" SMI0, "9000");
    assert_line(f, "DCGM_FI_DEV_FB_FREE" SMI0, "15564");
    assert_line(f, "DCGM_FI_DEV_POWER_USAGE" SMI0, "328.6");
    assert_line(f, "earshot_gpu_power_limit_watts" SMI0, "450");
    assert_line(f, "DCGM_FI_DEV_SM_CLOCK" SMI0, "2520");
    assert_line(f, "DCGM_FI_DEV_MEM_CLOCK" SMI0, "10501");
    assert_line(f, "DCGM_FI_DEV_FAN_SPEED" SMI0, "30");
    assert_false(says(&f->out, "ecc_errors_total" SMI0));
    assert_true(says(&f->out, "modelName=\"NVIDIA RTX A6000\",type=\"uncorrected\"} 0\n"));
    assert_int_equal(f->counts.values_invalid, 0);
}

static size_t parse_all(struct fixture *f, struct str text, size_t *gpus)
{
    SCOPED(arena_fini) struct arena scratch;
    struct report r = {.scratch = &scratch, .settings = &f->settings};
    struct expo_writer w;
    size_t invalid = 0;

    arena_init(&scratch, NULL);
    assert_ok(smi_parse(text, &r, &invalid, &f->err), f->err);
    buf_reset(&f->out);
    expo_writer_init(&w, EXPO_TEXT, &f->out);
    assert_ok(report_emit(&r, &w.emit, &f->err), f->err);
    *gpus = r.gpus_n;
    return invalid;
}

static void a_cell_in_brackets_is_no_sample(void **state)
{
    struct fixture *f = *state;
    size_t gpus;

    start(f, GPU_NVIDIA_SMI);
    assert_int_equal(
        parse_all(f,
                  STR("0, GPU-x, RTX, [Unknown Error], [Not Supported], 17, 17050, 24564, 7514, "
                      "[N/A], 450.00, 2520, 10501, 37, P2, 00000000:01:00.0, [N/A]\n"),
                  &gpus),
        0);
    assert_int_equal(gpus, 1);
    assert_false(says(&f->out, "GPU_TEMP"));
    assert_false(says(&f->out, "GPU_UTIL"));
    assert_false(says(&f->out, "POWER_USAGE"));
    assert_true(says(&f->out, "DCGM_FI_DEV_FB_USED"));
}

static void what_is_no_row_is_counted_and_harms_no_other(void **state)
{
    struct fixture *f = *state;
    size_t gpus;

    start(f, GPU_NVIDIA_SMI);
    assert_int_equal(
        parse_all(f,
                  STR("Unable to determine the device handle for GPU 0000:01:00.0: Unknown Error\n"
                      "1, GPU-x, RTX, 12x, 0, 0, 31012, 49140, 18128, 60.00, 300.00, 210, 8001, "
                      "30, P8, 00000000:41:00.0, 0\n"
                      "2, GPU-y, RTX, 12, 0\n"),
                  &gpus),
        3);
    assert_int_equal(gpus, 1);
    assert_false(says(&f->out, "GPU_TEMP"));
    assert_true(says(&f->out, "DCGM_FI_DEV_FB_USED{gpu=\"1\",UUID=\"GPU-x\""));
}

static void an_nvidia_smi_that_fails_is_told_in_its_words(void **state)
{
    struct fixture *f = *state;

    use_smi(f, "#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n");
    start(f, GPU_NVIDIA_SMI);
    assert_fails(collect(f), f->err, ERR_EVAL, "nvidia-smi ended with 9: NVIDIA-SMI has failed");
}

static void an_nvidia_smi_that_prints_something_else_is_told_with_what(void **state)
{
    struct fixture *f = *state;

    use_smi(f, "#!/bin/sh\necho 'Unable to determine the device handle'\n");
    start(f, GPU_NVIDIA_SMI);
    assert_fails(collect(f), f->err, ERR_EVAL,
                 "nvidia-smi tells of no GPU: Unable to determine the device handle");
}

static void an_nvidia_smi_that_hangs_is_killed_in_time(void **state)
{
    struct fixture *f = *state;

    use_smi(f, "#!/bin/sh\nsleep 600\n");
    f->entry.job.timeout_ms = 300;
    start(f, GPU_NVIDIA_SMI);
    assert_fails(collect(f), f->err, ERR_TIMEOUT, "no end within its time");
}

/* ---- AMD ---- */

static void a_recorded_card_of_amd_is_read(void **state)
{
    static const char *const files[][2] = {
        {"vendor", "0x1002\n"},
        {"device", "0x744c\n"},
        {"unique_id", "8a3c2f5e6b7d1234\n"},
        {"gpu_busy_percent", "97\n"},
        {"mem_busy_percent", "41\n"},
        {"mem_info_vram_total", "25753026560\n"},
        {"mem_info_vram_used", "12884901888\n"},
        {"pcie_replay_count", "3\n"},
        {"ras/umc_err_count", "ue: 1\nce: 12\n"},
        {"hwmon/hwmon4/temp1_label", "edge\n"},
        {"hwmon/hwmon4/temp1_input", "61000\n"},
        {"hwmon/hwmon4/temp2_label", "junction\n"},
        {"hwmon/hwmon4/temp2_input", "78000\n"},
        {"hwmon/hwmon4/temp3_label", "mem\n"},
        {"hwmon/hwmon4/temp3_input", "72000\n"},
        {"hwmon/hwmon4/freq1_label", "sclk\n"},
        {"hwmon/hwmon4/freq1_input", "2482000000\n"},
        {"hwmon/hwmon4/freq2_label", "mclk\n"},
        {"hwmon/hwmon4/freq2_input", "1249000000\n"},
        {"hwmon/hwmon4/power1_average", "303000000\n"},
        {"hwmon/hwmon4/power1_cap", "339000000\n"},
        {"hwmon/hwmon4/fan1_input", "1650\n"},
        {"hwmon/hwmon4/fan1_max", "3300\n"},
    };
    struct fixture *f = *state;

    write_file(f, "sys/class/drm/card0/device/vendor", "0x8086\n"); /* Intel, in the processor */
    write_file(f, "sys/class/drm/card1-DP-1/status", "connected\n");
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[200];

        (void)snprintf(path, sizeof path, "sys/class/drm/card1/device/%s", files[i][0]);
        write_file(f, path, files[i][1]);
    }
    start(f, GPU_SYSFS);
    assert_ok(collect(f), f->err);
#define AMD "{gpu=\"0\",UUID=\"8a3c2f5e6b7d1234\",device=\"card1\",modelName=\"AMD 0x744c\"}"
    assert_line(f, "DCGM_FI_DEV_GPU_UTIL" AMD, "97");
    assert_line(f, "DCGM_FI_DEV_MEM_COPY_UTIL" AMD, "41");
    assert_line(f, "DCGM_FI_DEV_FB_USED" AMD, "12288");
    assert_line(f, "DCGM_FI_DEV_FB_FREE" AMD, "12272");
    assert_line(f, "DCGM_FI_DEV_GPU_TEMP" AMD, "61");
    assert_line(f, "DCGM_FI_DEV_MEMORY_TEMP" AMD, "72");
    assert_line(f, "DCGM_FI_DEV_POWER_USAGE" AMD, "303");
    assert_line(f, "earshot_gpu_power_limit_watts" AMD, "339");
    assert_line(f, "DCGM_FI_DEV_SM_CLOCK" AMD, "2482");
    assert_line(f, "DCGM_FI_DEV_MEM_CLOCK" AMD, "1249");
    assert_line(f, "DCGM_FI_DEV_FAN_SPEED" AMD, "50");
    assert_line(f, "DCGM_FI_DEV_PCIE_REPLAY_COUNTER" AMD, "3");
    assert_true(says(&f->out, "type=\"uncorrected\"} 1\n"));
    assert_false(says(&f->out, "0x8086"));
}

static void a_card_of_amd_that_tells_little_has_little(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(setenv("NVML_DOUBLE", "no-driver", 1), 0);
    write_file(f, "sys/class/drm/card0/device/vendor", "0x1002\n");
    write_file(f, "sys/class/drm/card0/device/product_name", "Radeon Pro\n");
    write_file(f, "sys/class/drm/card0/device/gpu_busy_percent", "busy\n");
    write_file(f, "sys/class/drm/card0/device/hwmon/hwmon1/temp1_input", "33000\n");
    start(f, GPU_AUTO);
    assert_ok(collect(f), f->err);
    assert_line(f, "DCGM_FI_DEV_GPU_TEMP{gpu=\"0\",device=\"card0\",modelName=\"Radeon Pro\"}",
                "33");
    assert_false(says(&f->out, "GPU_UTIL"));
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(nvml_gives_dcgm_exporters_names_and_units),
        TEST(what_a_card_does_not_support_has_no_sample),
        TEST(errors_and_throttling_are_told_by_kind),
        TEST(memory_and_use_are_told_by_the_service_that_holds_them),
        TEST(a_process_is_called_as_the_group_that_it_is_in),
        TEST(processes_are_not_asked_for_when_they_are_switched_off),
        TEST(an_excluded_card_is_left_out),
        TEST(a_lost_card_is_told_once_and_harms_no_other),
        TEST(a_broken_driver_is_a_failure_in_its_own_words),
        TEST(without_a_gpu_nothing_is_written_and_it_is_said_once),
        TEST(a_source_that_was_named_must_answer),
        TEST(nvidia_smi_is_asked_in_one_form_and_its_rounds_are_read),
        TEST(a_cell_in_brackets_is_no_sample),
        TEST(what_is_no_row_is_counted_and_harms_no_other),
        TEST(an_nvidia_smi_that_fails_is_told_in_its_words),
        TEST(an_nvidia_smi_that_prints_something_else_is_told_with_what),
        TEST(an_nvidia_smi_that_hangs_is_killed_in_time),
        TEST(a_recorded_card_of_amd_is_read),
        TEST(a_card_of_amd_that_tells_little_has_little),
    };

    samples = argc > 1 ? argv[1] : "tests/samples";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
