#include "collect/docker/tell.h"

#include "collect/docker/answers.h"
#include "collect/docker/ledger.h"
#include "collect/findings.h"

#define FAMILY(variable, text, kind, words)                                                        \
    static const struct finding_family variable = {                                                \
        .name = STR(text), .type = (kind), .help = STR(words)}

/* ---- what the engine says ---- */

static void tell_states(struct findings *f, const struct finding_family *family, struct str name,
                        const char *const names[], int n, int is)
{
    for (int i = 0; i < n; i++) {
        const struct label labels[] = {{STR("name"), name}, {STR("state"), str_c(names[i])}};

        if (i == n - 1 && is != i)
            return; /* "unknown" is there only while it is */
        findings_add(f, family, i == is, labels, ARRAY_LEN(labels));
    }
}

void tell_container(struct findings *f, const struct container_line *line, const struct member *m)
{
    FAMILY(state, "earshot_container_state", METRIC_GAUGE,
           "1: the state that the container is in.");
    FAMILY(health, "earshot_container_health", METRIC_GAUGE,
           "1: what the container's own check says.");
    FAMILY(restarts, "earshot_container_restarts_total", METRIC_COUNTER,
           "Starts of a container after its first, whoever started it.");
    FAMILY(code, "earshot_container_exit_code", METRIC_GAUGE,
           "With what the container has ended; absent while it runs.");
    FAMILY(start, "container_start_time_seconds", METRIC_GAUGE,
           "Start time of the container since unix epoch in seconds.");
    FAMILY(limit, "container_spec_memory_limit_bytes", METRIC_GAUGE,
           "Memory limit for the container; 0: none.");
    FAMILY(kills, "container_oom_events_total", METRIC_COUNTER,
           "Count of out of memory kills observed for the container.");
    const struct label labels[] = {{STR("name"), line->name}, {STR("image"), line->image}};
    const struct container_facts *facts = &m->facts;
    bool runs = facts->state == CONTAINER_RUNNING || facts->state == CONTAINER_PAUSED;

    tell_states(f, &state, line->name, container_state_names, CONTAINER_STATES, (int)facts->state);
    if (runs && facts->health != HEALTH_NONE)
        tell_states(f, &health, line->name, container_health_names, HEALTH_STATES,
                    (int)facts->health);
    findings_add(f, &restarts, (double)m->restarts.shown, labels, 1);
    if (facts->has_exit_code)
        findings_add(f, &code, (double)facts->exit_code, labels, 1);
    if (runs && facts->started_s > 0)
        findings_add(f, &start, facts->started_s, labels, ARRAY_LEN(labels));
    if (runs && facts->has_limit)
        findings_add(f, &limit, (double)facts->memory_limit, labels, ARRAY_LEN(labels));
    findings_add(f, &kills, (double)m->kills.shown, labels, ARRAY_LEN(labels));
}

/* ---- what it uses ---- */

static void tell_nets(struct findings *f, const struct container_line *line,
                      const struct container_usage *usage)
{
    static const struct finding_family received[] = {
        {STR("container_network_receive_bytes_total"), STR("Bytes received."), METRIC_COUNTER},
        {STR("container_network_receive_packets_total"), STR("Packets received."), METRIC_COUNTER},
        {STR("container_network_receive_errors_total"), STR("Errors while receiving."),
         METRIC_COUNTER},
        {STR("container_network_receive_packets_dropped_total"),
         STR("Packets dropped while receiving."), METRIC_COUNTER},
    };
    static const struct finding_family sent[] = {
        {STR("container_network_transmit_bytes_total"), STR("Bytes sent."), METRIC_COUNTER},
        {STR("container_network_transmit_packets_total"), STR("Packets sent."), METRIC_COUNTER},
        {STR("container_network_transmit_errors_total"), STR("Errors while sending."),
         METRIC_COUNTER},
        {STR("container_network_transmit_packets_dropped_total"),
         STR("Packets dropped while sending."), METRIC_COUNTER},
    };

    for (size_t i = 0; i < usage->nets_n; i++) {
        const struct container_net *net = &usage->nets[i];
        const struct label labels[] = {{STR("name"), line->name},
                                       {STR("image"), line->image},
                                       {STR("interface"), net->interface}};

        for (size_t k = 0; k < ARRAY_LEN(received); k++) {
            findings_add(f, &received[k], net->received[k], labels, ARRAY_LEN(labels));
            findings_add(f, &sent[k], net->sent[k], labels, ARRAY_LEN(labels));
        }
    }
}

void tell_usage(struct findings *f, const struct container_line *line, const struct member *m,
                const struct container_usage *usage)
{
    FAMILY(cpu, "container_cpu_usage_seconds_total", METRIC_COUNTER,
           "Cumulative cpu time consumed in seconds.");
    FAMILY(memory, "container_memory_working_set_bytes", METRIC_GAUGE,
           "Current working set of the container in bytes.");
    const struct label labels[] = {{STR("name"), line->name}, {STR("image"), line->image}};

    if (usage->has_cpu)
        findings_add(f, &cpu, usage->cpu_s, labels, ARRAY_LEN(labels));
    if (usage->has_memory)
        findings_add(f, &memory, usage->working_set, labels, ARRAY_LEN(labels));
    if (m->facts.own_network)
        tell_nets(f, line, usage);
}

void tell_own(struct findings *f, size_t left_out, size_t unread)
{
    FAMILY(out, "earshot_docker_containers_left_out", METRIC_GAUGE,
           "Containers that are not collected: too many, or without a sound name.");
    FAMILY(not, "earshot_docker_containers_unread", METRIC_GAUGE,
           "Containers of which something could not be read in this cycle; the log names the "
           "first.");

    findings_add(f, &out, (double)left_out, NULL, 0);
    findings_add(f, &not, (double)unread, NULL, 0);
}
