#include "base/test.h"
#include "collect/host/fixture.h"

#include "base/arena.h"
#include "base/err.h"
#include "model/emit.h"

#include <stdio.h>

/* The machine of fuzz/corpus/host/machine: the fuzzer starts from what the tests rely on. */
static char machine_text[64 << 10];
static struct str machine;

struct pass {
    struct fixture f;
    struct buf out;
};

static int open_machine(void **state)
{
    struct pass *p = calloc(1, sizeof *p);

    buf_init(&p->out, 0);
    fixture_open(&p->f, machine);
    fixture_link(&p->f, "sys/class/hwmon/hwmon0", "../../devices/platform/coretemp.0/hwmon/hwmon0");
    fixture_link(&p->f, "sys/devices/platform/coretemp.0/hwmon/hwmon0/device", "../../");
    *state = p;
    return 0;
}

static int close_machine(void **state)
{
    struct pass *p = *state;

    fixture_close(&p->f);
    buf_fini(&p->out);
    free(p);
    return 0;
}

static void collect(struct pass *p)
{
    buf_reset(&p->out);
    fixture_collect(&p->f, &p->out);
}

static bool has_line(const struct pass *p, const char *line)
{
    char whole[500];

    (void)snprintf(whole, sizeof whole, "\n%s\n", line);
    return p->out.p && strstr(p->out.p, whole);
}

static void assert_line_(const struct pass *p, const char *line, const char *file, int at)
{
    if (has_line(p, line))
        return;
    print_error("not in the output: %s\n", line);
    _fail(file, at);
}
#define assert_line(p, line) assert_line_((p), (line), __FILE__, __LINE__)

static void assert_no_family(const struct pass *p, const char *name)
{
    char head[200];

    (void)snprintf(head, sizeof head, "# TYPE %s ", name);
    if (strstr(p->out.p, head))
        fail_msg("%s is there", name);
}

static void kernel_tables_become_families(void **state)
{
    static const char *const lines[] = {
        "# HELP node_cpu_seconds_total Seconds the CPUs spent in each mode.",
        "# TYPE node_cpu_seconds_total counter",
        "node_cpu_seconds_total{cpu=\"1\",mode=\"idle\"} 40",
        "node_cpu_seconds_total{cpu=\"0\",mode=\"steal\"} 0.02",
        "node_cpu_guest_seconds_total{cpu=\"0\",mode=\"user\"} 0.01",
        "node_intr_total 5000",
        "# TYPE node_boot_time_seconds gauge",
        "node_procs_blocked 1",
        "node_load5 0.41",
        "node_memory_MemTotal_bytes 1.6384e+10",
        "node_memory_Active_anon_bytes 1.264128e+07",
        "node_memory_HugePages_Total 3",
        "# TYPE node_vmstat_oom_kill untyped",
        "node_vmstat_pgmajfault 77",
        "node_pressure_cpu_waiting_seconds_total 2.5",
        "node_pressure_io_stalled_seconds_total 0.0005",
        "node_filefd_allocated 704",
        "node_filefd_maximum 2.470372e+06",
        "node_entropy_pool_size_bits 256",
        "node_schedstat_waiting_seconds_total{cpu=\"1\"} 0.25",
        "node_time_seconds 1.795300000123e+09",
        "node_time_clocksource_available_info{device=\"0\",clocksource=\"hpet\"} 1",
        "node_time_clocksource_current_info{device=\"0\",clocksource=\"tsc\"} 1",
        "node_os_version{id=\"example\",id_like=\"debian\",name=\"Example \\\"OS\\\"\"} 22.04",
        "node_dmi_info{bios_vendor=\"Example Corp.\",system_vendor=\"Example\"} 1",
        "node_selinux_config_mode 0",
        "node_selinux_current_mode 1",
    };
    struct pass *p = *state;

    collect(p);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_line(p, lines[i]);
    assert_string_equal(p->f.logged, "");
    assert_no_family(p, "node_vmstat_pgdeactivate");
}

static void network_tables_become_families(void **state)
{
    static const char *const lines[] = {
        "node_network_receive_bytes_total{device=\"eth0\"} 1e+07",
        "node_network_transmit_carrier_total{device=\"eth0\"} 11",
        "node_network_receive_nohandler_total{device=\"eth0\"} 13",
        "node_network_up{device=\"eth0\"} 1",
        "node_network_speed_bytes{device=\"eth0\"} 1.25e+08",
        "node_network_flags{device=\"eth0\"} 4099",
        "# TYPE node_network_carrier_changes_total counter",
        ("node_network_info{device=\"eth0\",address=\"02:00:00:00:00:01\","
         "broadcast=\"ff:ff:ff:ff:ff:ff\",duplex=\"full\",operstate=\"up\"} 1"),
        "node_bonding_slaves{master=\"bond0\"} 2",
        "node_bonding_active{master=\"bond0\"} 1",
        "# HELP node_netstat_TcpExt_ListenDrops Statistic TcpExtListenDrops.",
        "node_netstat_TcpExt_ListenDrops 2",
        "node_netstat_IpExt_InOctets 100",
        "node_netstat_Ip_Forwarding 2",
        "node_netstat_Ip6_InOctets 480",
        "node_netstat_Udp6_NoPorts 4",
        "node_sockstat_sockets_used 60",
        "# HELP node_sockstat_TCP_tw Number of TCP sockets in state tw.",
        "node_sockstat_TCP_tw 1",
        "node_sockstat_TCP6_inuse 2",
        "node_softnet_processed_total{cpu=\"1\"} 5561",
        "node_softnet_times_squeezed_total{cpu=\"0\"} 10",
        "node_arp_entries{device=\"eth0\"} 2",
        "node_udp_queues{queue=\"tx\",ip=\"v4\"} 17",
        "node_udp_queues{queue=\"rx\",ip=\"v4\"} 34",
        "node_udp_queues{queue=\"rx\",ip=\"v6\"} 0",
        "node_nf_conntrack_entries 12",
        "node_nf_conntrack_stat_found 11",
        "node_nf_conntrack_stat_search_restart 5",
    };
    struct pass *p = *state;

    collect(p);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_line(p, lines[i]);
    assert_no_family(p, "node_netstat_TcpExt_DelayedACKs");
    assert_false(has_line(p, "node_network_receive_bytes_total{device=\"lo\"} 500"));
}

static void disks_and_mounts_become_families(void **state)
{
    static const char *const lines[] = {
        "node_disk_read_bytes_total{device=\"sda\"} 1.024e+06",
        "node_disk_io_time_seconds_total{device=\"sda\"} 0.7000000000000001",
        "node_disk_io_now{device=\"sda\"} 1",
        "node_disk_flush_requests_total{device=\"sda\"} 20",
        ("node_disk_info{device=\"sda\",major=\"8\",minor=\"0\",wwn=\"0x5000\","
         "model=\"Example Disk\",serial=\"E123\"} 1"),
        "node_disk_ata_rotation_rate_rpm{device=\"sda\"} 7200",
        "node_disk_ata_write_cache_enabled{device=\"sda\"} 0",
        ("node_disk_filesystem_info{device=\"dm-0\",type=\"ext4\",usage=\"filesystem\","
         "uuid=\"1234-5678\",version=\"1.0\"} 1"),
        ("node_disk_device_mapper_info{device=\"dm-0\",name=\"vg-home\",uuid=\"LVM-abc\","
         "vg_name=\"vg\",lv_name=\"home\"} 1"),
        "node_filesystem_readonly{device=\"/dev/sda1\",fstype=\"ext4\",mountpoint=\"/\"} 0",
        /* It is not there in the fixture: the error shows, figures do not. */
        ("node_filesystem_device_error{device=\"/dev/sdb1\",fstype=\"ext4\","
         "mountpoint=\"/mnt/my disk\"} 1"),
        "node_md_disks{device=\"md0\",state=\"active\"} 1",
        "node_md_disks{device=\"md0\",state=\"failed\"} 1",
        "node_md_state{device=\"md0\",state=\"recovering\"} 1",
        "node_md_state{device=\"md0\",state=\"active\"} 0",
        "node_md_blocks_synced{device=\"md0\"} 40000",
        "node_md_disks_required{device=\"md1\"} 2",
        "node_md_state{device=\"md2\",state=\"inactive\"} 1",
        "node_md_state{device=\"md3\",state=\"resync\"} 1",
        "node_md_blocks_synced{device=\"md3\"} 0",
    };
    struct pass *p = *state;

    collect(p);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_line(p, lines[i]);
    assert_null(strstr(p->out.p, "device=\"sda1\"}"));
    assert_null(strstr(p->out.p, "/mnt/scratch"));
    assert_null(strstr(p->out.p, "mountpoint=\"/proc\""));
    /* No discards for dm-0, whose line ends before them. */
    assert_null(strstr(p->out.p, "node_disk_discards_completed_total{device=\"dm-0\"}"));
}

static void sensors_become_families(void **state)
{
    static const char *const lines[] = {
        "node_hwmon_chip_names{chip=\"platform_coretemp_0\",chip_name=\"coretemp\"} 1",
        "node_hwmon_temp_celsius{chip=\"platform_coretemp_0\",sensor=\"temp1\"} 45.5",
        "node_hwmon_temp_max_celsius{chip=\"platform_coretemp_0\",sensor=\"temp1\"} 100",
        "# HELP node_hwmon_temp_alarm Hardware sensor alarm status (temp)",
        "node_hwmon_temp_alarm{chip=\"platform_coretemp_0\",sensor=\"temp1\"} 1",
        "# HELP node_hwmon_temp_type Hardware monitor temp element type",
        ("node_hwmon_sensor_label{chip=\"platform_coretemp_0\",sensor=\"temp1\","
         "label=\"Package id 0\"} 1"),
        "node_hwmon_fan_rpm{chip=\"nct6775\",sensor=\"fan1\"} 1200",
        "node_hwmon_fan_pulses{chip=\"nct6775\",sensor=\"fan1\"} 2",
        "node_hwmon_fan_beep_enabled{chip=\"nct6775\",sensor=\"fan1\"} 0",
        "node_hwmon_in_volts{chip=\"nct6775\",sensor=\"in0\"} 1.024",
        "node_hwmon_pwm{chip=\"nct6775\",sensor=\"pwm1\"} 128",
        "node_hwmon_pwm_input{chip=\"nct6775\",sensor=\"pwm1\"} 127",
        "node_hwmon_beep_enabled{chip=\"nct6775\",sensor=\"beep_enable0\"} 1",
        "node_hwmon_update_interval_seconds{chip=\"nct6775\",sensor=\"update_interval0\"} 1",
        "# TYPE node_hwmon_energy_joule_total counter",
        "node_hwmon_energy_joule_total{chip=\"nct6775\",sensor=\"energy1\"} 5",
        "node_hwmon_power_average_watt{chip=\"nct6775\",sensor=\"power1\"} 15",
        "node_hwmon_power_average_interval_seconds{chip=\"nct6775\",sensor=\"power1\"} 2",
        "node_hwmon_curr_amps{chip=\"nct6775\",sensor=\"curr1\"} 1.5",
        "node_hwmon_humidity{chip=\"nct6775\",sensor=\"humidity1\"} 0.04",
        "node_thermal_zone_temp{zone=\"0\",type=\"x86_pkg_temp\"} 45",
        "node_cooling_device_cur_state{name=\"0\",type=\"Processor\"} -1",
        "node_cpu_isolated{cpu=\"4\"} 1",
        "node_cpu_core_throttles_total{package=\"0\",core=\"1\"} 6",
        "node_cpu_package_throttles_total{package=\"0\"} 30",
        "node_cpu_scaling_frequency_hertz{cpu=\"0\"} 1.7e+09",
        "node_power_supply_capacity{power_supply=\"BAT0\"} 81",
        "node_power_supply_cyclecount{power_supply=\"BAT0\"} 12",
        "node_power_supply_voltage_volt{power_supply=\"BAT0\"} 12.229",
        "node_power_supply_temp_celsius{power_supply=\"BAT0\"} 30.1",
        "node_power_supply_info{power_supply=\"BAT0\",status=\"Discharging\"} 1",
        "node_edac_correctable_errors_total{controller=\"0\"} 1",
        "node_edac_csrow_uncorrectable_errors_total{controller=\"0\",csrow=\"unknown\"} 6",
        "node_edac_csrow_correctable_errors_total{controller=\"0\",csrow=\"0\"} 3",
        ("node_nvme_info{device=\"nvme0\",firmware_revision=\"1B\",model=\"Example NVMe\","
         "serial=\"S1\",state=\"live\"} 1"),
    };
    struct pass *p = *state;

    collect(p);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_line(p, lines[i]);
    assert_non_null(strstr(p->out.p, "node_rapl_package_joules_total{index=\"0\",path=\""));
    assert_non_null(strstr(p->out.p, "node_rapl_core_joules_total{index=\"1\",path=\""));
}

static void every_family_is_written_once(void **state)
{
    struct pass *p = *state;

    collect(p);
    for (const char *at = p->out.p; (at = strstr(at, "# TYPE ")) != NULL; at++) {
        const char *end = strchr(at, '\n');
        char line[300];

        (void)snprintf(line, sizeof line, "%.*s", (int)(end + 1 - at), at);
        if (strstr(line, "earshot_host_collector_success"))
            continue; /* of both collectors */
        if (strstr(at + 1, line))
            fail_msg("twice: %s", line);
    }
}

static void a_machine_without_anything_gives_only_what_the_kernel_says_itself(void **state)
{
    struct fixture f;
    struct buf out;

    (void)state;
    buf_init(&out, 0);
    fixture_open(&f, STR(""));
    fixture_collect(&f, &out);
    assert_non_null(strstr(out.p, "node_uname_info{"));
    assert_null(strstr(out.p, "node_cpu_seconds_total"));
    assert_null(strstr(out.p, "collector=\"meminfo\""));
    assert_string_equal(f.logged, "");
    fixture_close(&f);
    buf_fini(&out);
}

static void a_cut_file_loses_its_last_line_and_says_so_once(void **state)
{
    struct pass *p = *state;

    fixture_write(&p->f, STR("=! proc/meminfo\nMemTotal:       16000000 kB\n"
                             "MemFree:  1234567 kB\n"));
    collect(p);
    assert_line(p, "node_memory_MemTotal_bytes 1.6384e+10");
    assert_no_family(p, "node_memory_MemFree_bytes");
    assert_line(p, "earshot_host_collector_success{collector=\"meminfo\"} 0");
    assert_non_null(strstr(p->f.logged, "/proc/meminfo: the last line is cut"));

    p->f.logged[0] = '\0';
    collect(p);
    assert_string_equal(p->f.logged, "");

    fixture_write(&p->f, STR("== proc/meminfo\nMemTotal:       16000000 kB\n"));
    collect(p);
    assert_line(p, "earshot_host_collector_success{collector=\"meminfo\"} 1");
    fixture_write(&p->f, STR("=! proc/meminfo\nMemTotal:       16000000 kB\n"));
    collect(p);
    assert_non_null(strstr(p->f.logged, "the last line is cut")); /* a new break: told again */
}

static void a_line_that_is_not_understood_leaves_the_others(void **state)
{
    struct pass *p = *state;

    fixture_write(&p->f, STR("== proc/stat\ncpu0 x 1 2 3\ncpu1 100 10 40 4000\nctxt -\n"
                             "processes 900\n"));
    collect(p);
    assert_line(p, "node_cpu_seconds_total{cpu=\"1\",mode=\"idle\"} 40");
    assert_line(p, "node_forks_total 900");
    assert_null(strstr(p->out.p, "node_cpu_seconds_total{cpu=\"0\""));
    assert_no_family(p, "node_context_switches_total");
    assert_line(p, "earshot_host_collector_success{collector=\"stat\"} 0");
}

static void idle_time_that_runs_back_a_little_stays_and_a_hotplug_starts_anew(void **state)
{
    struct pass *p = *state;

    fixture_write(&p->f, STR("== proc/stat\ncpu0 200 10 60 5000 30 0 4 2\n"));
    collect(p);
    fixture_write(&p->f, STR("== proc/stat\ncpu0 210 10 60 4990 25 0 4 2\n"));
    collect(p);
    assert_line(p, "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"} 2.1");
    assert_line(p, "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} 50");
    assert_line(p, "node_cpu_seconds_total{cpu=\"0\",mode=\"iowait\"} 0.3");
    fixture_write(&p->f, STR("== proc/stat\ncpu0 5 0 0 100 0 0 0 0\n"));
    collect(p);
    assert_line(p, "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} 1");
    assert_line(p, "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"} 0.05");
}

static void the_largest_processes_are_named_with_rates_of_the_last_interval(void **state)
{
    struct pass *p = *state;

    collect(p);
    assert_null(strstr(p->out.p, "earshot_top_cpu_ratio{")); /* no interval yet */
    assert_line(p, "node_processes_pids 4");
    assert_line(p, "node_processes_threads 7");
    assert_line(p, "node_processes_state{state=\"S\"} 2");
    assert_line(p, "node_processes_max_processes 32768");

    manual_clock_advance(&p->f.clock, 5000);
    fixture_write(&p->f,
                  STR("== proc/50/stat\n50 (odd ) name) R 1 50 50 0 -1 4194560 10 0 0 0 1200 550 0 "
                      "0 20 0 4 0 400 5000000 9000 18446744073709551615 1 1 0\n"
                      "== proc/50/io\nread_bytes: 40960\nwrite_bytes: 14096\n"));
    collect(p);
    assert_line(p, "earshot_top_cpu_ratio{pid=\"50\",name=\"odd ) name\"} 0.5");
    assert_line(p, "earshot_top_io_bytes_per_second{pid=\"50\",name=\"odd ) name\"} 10192");
    assert_non_null(strstr(p->out.p, "earshot_top_resident_bytes{pid=\"1\",name=\"init\"}"));
    assert_null(strstr(p->out.p, "name=\"kthreadd\""));
    assert_null(strstr(p->out.p, "name=\"young\"")); /* one second old, though the largest */
}

static void processes_are_read_no_oftener_than_every_five_seconds(void **state)
{
    struct pass *p = *state;

    collect(p);
    fixture_remove(&p->f, "proc/60/stat");
    manual_clock_advance(&p->f.clock, 1000);
    collect(p);
    assert_line(p, "node_processes_pids 4");
    manual_clock_advance(&p->f.clock, 4000);
    collect(p);
    assert_line(p, "node_processes_pids 3");
}

static void a_pid_given_out_anew_is_another_process(void **state)
{
    struct pass *p = *state;

    collect(p);
    manual_clock_advance(&p->f.clock, 5000);
    fixture_write(&p->f, STR("== proc/50/stat\n50 (new) R 1 50 50 0 -1 4194560 10 0 0 0 3000 550 0 "
                             "0 20 0 4 0 4000 5000000 9000 18446744073709551615 1 1 0\n"));
    collect(p);
    assert_null(strstr(p->out.p, "earshot_top_cpu_ratio{pid=\"50\""));
}

static void a_file_that_goes_away_and_comes_back_is_read_again(void **state)
{
    struct pass *p = *state;

    collect(p);
    fixture_remove(&p->f, "sys/class/thermal/thermal_zone0/temp");
    collect(p);
    assert_no_family(p, "node_thermal_zone_temp");
    fixture_write(&p->f, STR("== sys/class/thermal/thermal_zone0/temp\n50000\n"));
    collect(p);
    assert_line(p, "node_thermal_zone_temp{zone=\"0\",type=\"x86_pkg_temp\"} 50");
}

static void a_mount_point_that_is_not_utf8_is_left_out_and_told(void **state)
{
    struct pass *p = *state;

    fixture_write(&p->f, STR("== proc/1/mounts\n/dev/sdc1 /a\\377b ext4 rw 0 0\n"
                             "/dev/sda1 / ext4 rw 0 0\n"));
    collect(p);
    assert_null(strstr(p->out.p, "/dev/sdc1"));
    assert_non_null(strstr(p->out.p, "node_filesystem_size_bytes{device=\"/dev/sda1\""));
    assert_line(p, "earshot_host_collector_success{collector=\"filesystem\"} 0");
    assert_non_null(strstr(p->f.logged, "is not UTF-8"));
}

static void a_pattern_that_does_not_compile_names_its_key(void **state)
{
    struct manual_clock clock;
    struct collector out[HOST_COLLECTORS];
    struct err err = {0};
    struct host_settings s = {.clock = &clock.clock, .disks_exclude = "(", .top = 1};

    (void)state;
    manual_clock_init(&clock, 0);
    assert_fails(host_collectors(&s, out, &err), err, ERR_SYNTAX, "collect.host.disks_exclude");
    s = (struct host_settings){.clock = &clock.clock, .proc = "/nowhere"};
    assert_fails(host_collectors(&s, out, &err), err, ERR_OS, "/nowhere");
}

struct stopping {
    struct emit emit;
    int left, after;
};

static int stop_family(struct emit *e, const struct metadata *m, struct err *err)
{
    (void)e;
    (void)m;
    (void)err;
    return 0;
}

static int stop_sample(struct emit *e, const struct emit_sample *s, struct err *err)
{
    struct stopping *stop = (struct stopping *)e;

    (void)s;
    if (stop->left-- > 0)
        return 0;
    stop->after++;
    return err_set(err, ERR_LIMIT, "enough");
}

static void a_refusal_stops_the_pass_and_is_handed_on(void **state)
{
    struct pass *p = *state;

    for (int allowed = 0; allowed < 150; allowed += 7) {
        struct stopping stop = {{.family = stop_family, .sample = stop_sample}, allowed, 0};
        struct arena scratch;
        struct err err = {0};

        arena_init(&scratch, NULL);
        assert_fails(p->f.collectors[0].collect(p->f.collectors[0].arg, &stop.emit, &scratch, &err),
                     err, ERR_LIMIT, "enough");
        assert_int_equal(stop.after, 1);
        arena_fini(&scratch);
    }
}

static void a_scratch_without_room_fails_cleanly(void **state)
{
    struct pass *p = *state;

    for (size_t bytes = 64; bytes < 40000; bytes += 997) {
        for (int i = 0; i < HOST_COLLECTORS; i++) {
            struct stopping stop = {{.family = stop_family, .sample = stop_sample}, 1 << 20, 0};
            struct budget budget;
            struct arena scratch;
            struct err err = {0};

            budget_init(&budget, "test", bytes, NULL);
            arena_init(&scratch, &budget);
            if (p->f.collectors[i].collect(p->f.collectors[i].arg, &stop.emit, &scratch, &err) < 0)
                assert_int_equal(err.kind, ERR_LIMIT);
            arena_fini(&scratch);
        }
    }
}

#define with_machine(test) cmocka_unit_test_setup_teardown(test, open_machine, close_machine)

static void who_was_killed_for_lack_of_memory_has_a_name(void **state)
{
    struct pass *p = *state;

    fixture_write(&p->f, STR("== dev/kmsg\n6,1,1,-;Linux version 6.1\n"));
    collect(p);
    assert_no_family(p, "earshot_oom_kills_total");
    fixture_write(&p->f, STR("== dev/kmsg\n6,1,1,-;Linux version 6.1\n"
                             "3,2,2,-;Out of memory: Killed process 9 (python3) total-vm:9kB, "
                             "anon-rss:2048kB, file-rss:0kB, shmem-rss:0kB\n"));
    collect(p);
    assert_line(p, "earshot_oom_kills_total{process=\"python3\"} 1");
    assert_line(p, "earshot_oom_killed_resident_bytes{process=\"python3\"} 2.097152e+06");
    assert_non_null(strstr(p->f.logged, "the kernel killed python3 (pid 9, 2 MB)"));
    collect(p); /* told once */
    assert_line(p, "earshot_oom_kills_total{process=\"python3\"} 1");
}

static void files_that_scripts_write_become_families(void **state)
{
    struct pass *p = *state;

    collect(p);
    assert_line(p, "# HELP backup_last_bytes What the last backup took");
    assert_line(p, "# TYPE backup_last_bytes gauge");
    assert_line(p, "backup_last_bytes{set=\"home\"} 1.5e+09");
    assert_line(p, "node_textfile_scrape_error 0");
    assert_line(p, "earshot_host_collector_success{collector=\"textfile\"} 1");
    assert_non_null(strstr(p->out.p, "/var/textfile/backup.prom\"} "));
}

static void a_file_of_a_script_with_a_mistake_leaves_the_others(void **state)
{
    static const char *const mistakes[][2] = {
        {"=! var/textfile/a.prom\na 12\n", "a.prom: the last line is cut"},
        {"== var/textfile/a.prom\na 1\na{ 2\n", "a.prom: 2:"},
        {"== var/textfile/a.prom\na 1 1795300000123\n", "a.prom: a has a time"},
        {"== var/textfile/a.prom\na{x=\"1\",x=\"2\"} 1\n", "a.prom: "},
    };
    struct pass *p = *state;

    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        fixture_write(&p->f, str_c(mistakes[i][0]));
        collect(p);
        assert_line(p, "backup_last_bytes{set=\"home\"} 1.5e+09");
        assert_no_family(p, "a");
        assert_line(p, "node_textfile_scrape_error 1");
        assert_line(p, "earshot_host_collector_success{collector=\"textfile\"} 0");
        if (!strstr(p->f.logged, mistakes[i][1]))
            fail_msg("\"%s\" is not in: %s", mistakes[i][1], p->f.logged);
        fixture_remove(&p->f, "var/textfile/a.prom");
        collect(p);
        assert_line(p, "node_textfile_scrape_error 0");
        p->f.logged[0] = '\0';
    }
}

/* The store would refuse it, and with it all of the pass. */
static void a_file_with_more_than_a_script_should_tell_leaves_the_others(void **state)
{
    SCOPED(buf_fini) struct buf samples = {0}, value = {0}, labels = {0};
    const struct buf *const files[] = {&samples, &value, &labels};
    static const char *const why[] = {"more than 50000 samples of all files together",
                                      "a has a label of more than 4096 bytes",
                                      "a has more than 64 labels"};
    struct pass *p = *state;

    buf_adds(&samples, "== var/textfile/a.prom\n");
    for (int i = 0; i < 50000; i++) /* and those of backup.prom */
        buf_addf(&samples, "a{i=\"%d\"} 1\n", i);
    buf_addf(&value, "== var/textfile/a.prom\na{x=\"%05000d\"} 1\n", 0);
    buf_adds(&labels, "== var/textfile/a.prom\na{");
    for (int i = 0; i < 65; i++)
        buf_addf(&labels, "x%d=\"1\",", i);
    buf_adds(&labels, "} 1\n");
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        fixture_write(&p->f, str_c("== var/textfile/0.prom\nfirst 1\n"));
        fixture_write(&p->f, buf_str(files[i]));
        collect(p);
        assert_line(p, "first 1");
        assert_no_family(p, "a");
        assert_line(p, "node_textfile_scrape_error 1");
        if (!strstr(p->f.logged, why[i]))
            fail_msg("\"%s\" is not in: %s", why[i], p->f.logged);
        fixture_remove(&p->f, "var/textfile/a.prom");
        collect(p);
        p->f.logged[0] = '\0';
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        with_machine(kernel_tables_become_families),
        with_machine(network_tables_become_families),
        with_machine(disks_and_mounts_become_families),
        with_machine(sensors_become_families),
        with_machine(every_family_is_written_once),
        cmocka_unit_test(a_machine_without_anything_gives_only_what_the_kernel_says_itself),
        with_machine(a_cut_file_loses_its_last_line_and_says_so_once),
        with_machine(a_line_that_is_not_understood_leaves_the_others),
        with_machine(idle_time_that_runs_back_a_little_stays_and_a_hotplug_starts_anew),
        with_machine(the_largest_processes_are_named_with_rates_of_the_last_interval),
        with_machine(processes_are_read_no_oftener_than_every_five_seconds),
        with_machine(a_pid_given_out_anew_is_another_process),
        with_machine(who_was_killed_for_lack_of_memory_has_a_name),
        with_machine(files_that_scripts_write_become_families),
        with_machine(a_file_of_a_script_with_a_mistake_leaves_the_others),
        with_machine(a_file_with_more_than_a_script_should_tell_leaves_the_others),
        with_machine(a_file_that_goes_away_and_comes_back_is_read_again),
        with_machine(a_mount_point_that_is_not_utf8_is_left_out_and_told),
        cmocka_unit_test(a_pattern_that_does_not_compile_names_its_key),
        with_machine(a_refusal_stops_the_pass_and_is_handed_on),
        with_machine(a_scratch_without_room_fails_cleanly),
    };
    FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;

    if (!file) {
        (void)fprintf(stderr, "test_host MACHINE: a fixture to read\n");
        return 1;
    }
    machine = (struct str){machine_text, fread(machine_text, 1, sizeof machine_text, file)};
    (void)fclose(file);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
