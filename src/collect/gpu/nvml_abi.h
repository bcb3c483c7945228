/* nvml_abi: what of NVIDIA's management library is called, as its binary interface has it.
 *
 * Declared here anew, since the library is loaded when there is one (dlopen) and its header is not
 * needed to build. Source: the NVML API reference (docs.nvidia.com/deploy/nvml-api); numbers and
 * layouts hold since driver 450 and were compared with version 13 of the interface. The names with
 * _v2 and _v3 are those that the header's plain names stand for.
 */
#ifndef COLLECT_GPU_NVML_ABI_H
#define COLLECT_GPU_NVML_ABI_H

#define NVML_LIBRARY "libnvidia-ml.so.1"

/* Results. */
enum {
    NVML_OK = 0,
    NVML_NOT_SUPPORTED = 3,
    NVML_NOT_FOUND = 6,
    NVML_INSUFFICIENT_SIZE = 7,
    NVML_DRIVER_NOT_LOADED = 9,
    NVML_GPU_NOT_FOUND = 28,
};

typedef struct nvml_device *nvml_device;
typedef struct nvml_events *nvml_events;

struct nvml_utilization {
    unsigned gpu, memory; /* percent */
};

struct nvml_memory { /* bytes */
    unsigned long long total, free, used;
};

struct nvml_memory_v2 {
    unsigned version; /* NVML_MEMORY_V2 */
    unsigned long long total, reserved, free, used;
};
#define NVML_MEMORY_V2 ((unsigned)sizeof(struct nvml_memory_v2) | 2u << 24)

struct nvml_process {
    unsigned pid;
    unsigned long long bytes; /* NVML_BYTES_UNKNOWN */
    unsigned gpu_instance, compute_instance;
};
#define NVML_BYTES_UNKNOWN (~0ull)

struct nvml_use {
    unsigned pid;
    unsigned long long at_us;
    unsigned sm, memory, encoder, decoder; /* percent */
};

struct nvml_field {
    unsigned id, scope;
    long long at_us, latency_us;
    int type, result;
    union {
        double as_double;
        unsigned as_uint;
        unsigned long as_ulong;
        unsigned long long as_ullong;
        long long as_llong;
    } value;
};
#define NVML_FIELD_MEMORY_TEMP 82
#define NVML_TYPE_UINT         1

struct nvml_event {
    nvml_device device;
    unsigned long long type, data;
    unsigned gpu_instance, compute_instance;
};
#define NVML_EVENT_XID 8ull

enum { NVML_SENSOR_GPU = 0 };
enum { NVML_CLOCK_SM = 1, NVML_CLOCK_MEM = 2 };
enum { NVML_CORRECTED = 0, NVML_UNCORRECTED = 1 };
enum { NVML_SINCE_LOAD = 0 };

#define NVML_SW_POWER_CAP   0x4ull
#define NVML_HW_SLOWDOWN    0x8ull
#define NVML_SW_THERMAL     0x20ull
#define NVML_HW_THERMAL     0x40ull
#define NVML_HW_POWER_BRAKE 0x80ull

_Static_assert(sizeof(struct nvml_memory_v2) == 40, "layout of nvmlMemory_v2_t");
_Static_assert(sizeof(struct nvml_process) == 24, "layout of nvmlProcessInfo_t");
_Static_assert(sizeof(struct nvml_use) == 32, "layout of nvmlProcessUtilizationSample_t");
_Static_assert(sizeof(struct nvml_field) == 40, "layout of nvmlFieldValue_t");
_Static_assert(sizeof(struct nvml_event) == 32, "layout of nvmlEventData_t");

/* F(member, symbol, arguments): without these nothing can be read. */
#define NVML_NEEDED(F)                                                                             \
    F(init, nvmlInit_v2, (void))                                                                   \
    F(shutdown, nvmlShutdown, (void))                                                              \
    F(count, nvmlDeviceGetCount_v2, (unsigned *))                                                  \
    F(handle, nvmlDeviceGetHandleByIndex_v2, (unsigned, nvml_device *))                            \
    F(uuid, nvmlDeviceGetUUID, (nvml_device, char *, unsigned))                                    \
    F(name, nvmlDeviceGetName, (nvml_device, char *, unsigned))                                    \
    F(memory, nvmlDeviceGetMemoryInfo, (nvml_device, struct nvml_memory *))

/* NULL where the library has none: an older driver, or a newer one that dropped it. */
#define NVML_OPTIONAL(F)                                                                           \
    F(minor, nvmlDeviceGetMinorNumber, (nvml_device, unsigned *))                                  \
    F(utilization, nvmlDeviceGetUtilizationRates, (nvml_device, struct nvml_utilization *))        \
    F(memory_v2, nvmlDeviceGetMemoryInfo_v2, (nvml_device, struct nvml_memory_v2 *))               \
    F(temperature, nvmlDeviceGetTemperature, (nvml_device, int, unsigned *))                       \
    F(fields, nvmlDeviceGetFieldValues, (nvml_device, int, struct nvml_field *))                   \
    F(power, nvmlDeviceGetPowerUsage, (nvml_device, unsigned *))                                   \
    F(power_limit, nvmlDeviceGetEnforcedPowerLimit, (nvml_device, unsigned *))                     \
    F(energy, nvmlDeviceGetTotalEnergyConsumption, (nvml_device, unsigned long long *))            \
    F(clock, nvmlDeviceGetClockInfo, (nvml_device, int, unsigned *))                               \
    F(fan, nvmlDeviceGetFanSpeed, (nvml_device, unsigned *))                                       \
    F(replays, nvmlDeviceGetPcieReplayCounter, (nvml_device, unsigned *))                          \
    F(ecc, nvmlDeviceGetTotalEccErrors, (nvml_device, int, int, unsigned long long *))             \
    F(reasons, nvmlDeviceGetCurrentClocksEventReasons, (nvml_device, unsigned long long *))        \
    F(reasons_old, nvmlDeviceGetCurrentClocksThrottleReasons, (nvml_device, unsigned long long *)) \
    F(compute, nvmlDeviceGetComputeRunningProcesses_v3,                                            \
      (nvml_device, unsigned *, struct nvml_process *))                                            \
    F(graphics, nvmlDeviceGetGraphicsRunningProcesses_v3,                                          \
      (nvml_device, unsigned *, struct nvml_process *))                                            \
    F(mps, nvmlDeviceGetMPSComputeRunningProcesses_v3,                                             \
      (nvml_device, unsigned *, struct nvml_process *))                                            \
    F(uses, nvmlDeviceGetProcessUtilization,                                                       \
      (nvml_device, struct nvml_use *, unsigned *, unsigned long long))                            \
    F(events_new, nvmlEventSetCreate, (nvml_events *))                                             \
    F(events_free, nvmlEventSetFree, (nvml_events))                                                \
    F(events_wait, nvmlEventSetWait_v2, (nvml_events, struct nvml_event *, unsigned))              \
    F(events_register, nvmlDeviceRegisterEvents, (nvml_device, unsigned long long, nvml_events))

#endif
