/* adjtimex(2), read only: how well the clock is kept. */
#include <sys/timex.h>

#include "collect/host/groups.h"
#include "collect/host/run.h"

#define MICROSECONDS 1e6
#define NANOSECONDS  1e9
#define PPM_16_BITS  (1e6 * 65536.0) /* scaled parts per million, 16 bits of fraction */

void timex_collect(struct host_run *r)
{
    struct timex t = {0};
    int state = r->far ? -1 : adjtimex(&t);
    double unit = t.status & STA_NANO ? NANOSECONDS : MICROSECONDS;

    if (state < 0)
        return; /* not allowed in this container, or not this machine's */
    r->present = true;

    const struct {
        const char *name, *help;
        double value;
        enum metric_type type;
    } values[] = {
        {"sync_status", "Is clock synchronized to a reliable server (1 = yes, 0 = no).",
         state != TIME_ERROR, METRIC_GAUGE},
        {"offset_seconds", "Time offset in between local system and reference clock.",
         (double)t.offset / unit, METRIC_GAUGE},
        {"frequency_adjustment_ratio", "Local clock frequency adjustment.",
         1 + (double)t.freq / PPM_16_BITS, METRIC_GAUGE},
        {"maxerror_seconds", "Maximum error in seconds.", (double)t.maxerror / MICROSECONDS,
         METRIC_GAUGE},
        {"estimated_error_seconds", "Estimated error in seconds.",
         (double)t.esterror / MICROSECONDS, METRIC_GAUGE},
        {"status", "Value of the status array bits.", t.status, METRIC_GAUGE},
        {"loop_time_constant", "Phase-locked loop time constant.", (double)t.constant,
         METRIC_GAUGE},
        {"tick_seconds", "Seconds between clock ticks.", (double)t.tick / MICROSECONDS,
         METRIC_GAUGE},
        {"pps_frequency_hertz", "Pulse per second frequency.", (double)t.ppsfreq / PPM_16_BITS,
         METRIC_GAUGE},
        {"pps_jitter_seconds", "Pulse per second jitter.", (double)t.jitter / unit, METRIC_GAUGE},
        {"pps_shift_seconds", "Pulse per second interval duration.", t.shift, METRIC_GAUGE},
        {"pps_stability_hertz", "Pulse per second stability, average of recent frequency changes.",
         (double)t.stabil / PPM_16_BITS, METRIC_GAUGE},
        {"pps_jitter_total", "Pulse per second count of jitter limit exceeded events.",
         (double)t.jitcnt, METRIC_COUNTER},
        {"pps_calibration_total", "Pulse per second count of calibration intervals.",
         (double)t.calcnt, METRIC_COUNTER},
        {"pps_error_total", "Pulse per second count of calibration errors.", (double)t.errcnt,
         METRIC_COUNTER},
        {"pps_stability_exceeded_total",
         "Pulse per second count of stability limit exceeded events.", (double)t.stbcnt,
         METRIC_COUNTER},
        {"tai_offset_seconds", "International Atomic Time (TAI) offset.", t.tai, METRIC_GAUGE},
    };

    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        host_family_join(r, values[i].type, STR("node_timex_"), str_c(values[i].name), STR(""),
                         values[i].help, STR(""), "");
        host_sample0(r, values[i].value);
    }
}
