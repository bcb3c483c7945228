#include "collect/gpu/smi.h"

#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "collect/gpu/report.h"
#include "collect/host/scan.h"
#include "sys/child.h"

#define OUTPUT_MAX 65536
#define GPUS_MAX   64

#define FIELDS                                                                                     \
    "index,uuid,name,temperature.gpu,utilization.gpu,utilization.memory,memory.used,"              \
    "memory.total,memory.free,power.draw,power.limit,clocks.sm,clocks.mem,fan.speed,pstate,"       \
    "pci.bus_id,ecc.errors.uncorrected.volatile.total"

enum { CELL_INDEX, CELL_UUID, CELL_NAME, CELLS_NAMED };

/* What the cells behind index, uuid and name are; GPU_VALUES: not told. */
static const enum gpu_value cells[] = {
    GPU_VALUE_GPU_TEMP,
    GPU_VALUE_GPU_UTIL,
    GPU_VALUE_MEM_COPY_UTIL,
    GPU_VALUE_FB_USED,
    GPU_VALUES, /* memory.total */
    GPU_VALUE_FB_FREE,
    GPU_VALUE_POWER_USAGE,
    GPU_VALUE_POWER_LIMIT,
    GPU_VALUE_SM_CLOCK,
    GPU_VALUE_MEM_CLOCK,
    GPU_VALUE_FAN_SPEED,
    GPU_VALUES, /* pstate */
    GPU_VALUES, /* pci.bus_id */
    GPU_VALUE_ECC_UNCORRECTED,
};
#define CELLS (CELLS_NAMED + ARRAY_LEN(cells))

static bool split(struct str line, struct str out[CELLS])
{
    size_t n = 0;

    while (n < CELLS) {
        bool last = !line.n || !memchr(line.p, ',', line.n);

        out[n++] = str_trim(last ? line : str_split(&line, ','));
        if (last)
            return n == CELLS;
    }
    return false;
}

static int read_line(struct str line, struct report *out, size_t *invalid, struct err *err)
{
    struct str cell[CELLS];
    struct gpu_reading *g;
    char device[32];
    uint64_t index;

    if (!str_is_utf8(line) || !split(line, cell) || !scan_u64(cell[CELL_INDEX], &index)) {
        (*invalid)++;
        return 0;
    }
    (void)snprintf(device, sizeof device, "nvidia%u", (unsigned)(index % 1000000));
    if (report_add(
            out,
            &(struct gpu_name){cell[CELL_INDEX], cell[CELL_UUID], str_c(device), cell[CELL_NAME]},
            &g, err) < 0)
        return -1;
    for (size_t i = 0; g && i < ARRAY_LEN(cells); i++) {
        struct str text = cell[CELLS_NAMED + i];

        if (cells[i] == GPU_VALUES || str_starts(text, STR("[")))
            continue;
        if (!scan_decimal(text, &g->values[cells[i]])) {
            g->values[cells[i]] = NAN;
            (*invalid)++;
        }
    }
    return 0;
}

int smi_parse(struct str text, struct report *out, size_t *invalid, struct err *err)
{
    for (size_t lines = 0; text.n && lines < GPUS_MAX; lines++) {
        struct str line = str_trim(str_split(&text, '\n'));

        if (line.n && read_line(line, out, invalid, err) < 0)
            return -1;
    }
    return 0;
}

int smi_read(const char *program, int64_t timeout_ms, struct report *out, bool *absent,
             size_t *invalid, struct err *err)
{
    const char *const argv[] = {program ? program : "nvidia-smi", "--query-gpu=" FIELDS,
                                "--format=csv,noheader,nounits", NULL};
    SCOPED(buf_fini) struct buf text;
    struct child_end end;
    struct str said;

    buf_init(&text, OUTPUT_MAX + 8192);
    *absent = false;
    if (child_run(argv, timeout_ms, OUTPUT_MAX, &text, &end, err) < 0)
        return err_context(err, "%s", argv[0]);
    *absent = end.absent;
    if (end.absent)
        return 0;
    if (end.status == 0 && smi_parse(buf_str(&text), out, invalid, err) < 0)
        return -1;
    if (end.status == 0 && (out->gpus_n || !*invalid))
        return 0;
    said = buf_str(&text);
    said = str_take(str_trim(str_split(&said, '\n')), 200);
    if (!said.n)
        said = STR("it printed nothing");
    if (end.status == 0)
        return err_set(err, ERR_EVAL, "%s tells of no GPU: %.*s", argv[0], STR_ARGS(said));
    return err_set(err, ERR_EVAL, "%s ended with %d: %.*s", argv[0], end.status, STR_ARGS(said));
}
