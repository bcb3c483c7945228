/* The table of commands and flags: the one place where they are written down. */
#include "cli/commands.h"

#include "cli/args.h"

const struct flag client_flags[] = {
    {"url", "URL", "where earshot answers (default http://127.0.0.1:3277)"},
    {"token-file", "FILE", "send the token in FILE (for a proxy with a log-in in front)"},
    {"json", NULL, "print JSON"},
};
const size_t client_flags_n = ARRAY_LEN(client_flags);

static const struct flag serve_flags[] = {
    {"config", "FILE", "earshot.yml; then exactly what it says is collected"},
    {"prometheus-config", "FILE", "a prometheus.yml, taken as it is"},
    {"data", "DIR",
     "data directory (default /var/lib/earshot for root, else ~/.local/share/earshot)"},
    {"listen", "ADDRESS:PORT", "where to answer (default 127.0.0.1:3277)"},
    {"retention", "TIME", "how long samples are kept: 90d, or unlimited (default 90d)"},
    {"late-window", "TIME", "how late a sample may come: 30m, or unlimited (default 30m)"},
    {"enable-feature", "NAME,...", "switch on parts of PromQL that Prometheus calls experimental"},
    {"enable-admin-api", NULL, "serve /api/v1/admin/"},
    {"enable-lifecycle", NULL, "serve POST /-/reload and /-/quit"},
};

static const struct flag up_flags[] = {
    {"config", "FILE",
     "the earshot.yml to add to (default: that of the running earshot, else "
     "earshot.yml in the data directory)"},
    {"yes", NULL, "accept the plan without a question"},
    {"dry-run", NULL, "show the plan and write nothing"},
};

static const struct flag down_flags[] = {
    {"config", "FILE", "the earshot.yml to take it out of (default: as for up)"},
    {"dry-run", NULL, "say what would be taken out, and change nothing"},
};

static const struct flag query_flags[] = {
    {"at", "TIME", "evaluate at this time: seconds, RFC 3339, or -1h before now (default now)"},
    {"start", "TIME", "begin of a range"},
    {"end", "TIME", "end of a range (default now)"},
    {"step", "DURATION", "step of a range (default: what fits the width)"},
    {"output", "FORM",
     "table, graph, csv or json (default on a terminal: table, or graph for a range; else csv)"},
    {"explain", NULL, "say why it gives nothing, part by part, and what may have been meant"},
};

static const struct flag logs_flags[] = {
    {"since", "TIME", "from this time on: 1h or '1 hour ago', seconds since 1970, or RFC 3339"},
    {"until", "TIME", "up to this time"},
    {"level", "LEVEL", "debug, info, warning, err or critical: these and graver ones"},
    {"event", "NAME", "lines of this event"},
    {"where", "NAME=VALUE", "lines with this field; several times: with all of them"},
    {"search", "WORDS",
     "lines with all of these words; \"in quotes\" one behind the other, word* for a beginning"},
    {"limit", "N", "the newest N lines (default 1000; with --since all; with --follow 10)"},
    {"follow", NULL, "go on with lines as they come"},
};

static const struct flag event_flags[] = {
    {"kind", "KIND", "a word (default deploy)"},
    {"label", "NAME=VALUE", "what it is about, as job=api; several times"},
};

static const struct flag tsdb_flags[] = {{"json", NULL, "print JSON"}};

static const struct flag tsdb_dump_flags[] = {
    {"match", "SELECTOR", "only series that match, as {job=\"node\"}"},
    {"start", "TIME", "samples from this time on"},
    {"end", "TIME", "samples up to this time"},
};

static const struct flag ssh_flags[] = {
    {"config", "FILE", "earshot.yml with the entries of hosts"},
    {"name", "NAME", "what it is called (default: the host as given)"},
    {"identity-file", "FILE", "a private key (default: the agent's, then ~/.ssh/id_*)"},
    {"yes", NULL, "take the key without asking: only when it is known to be right"},
};

static const struct flag ssh_trust_flags[] = {
    {"config", "FILE", "earshot.yml with the entries of hosts"},
    {"yes", NULL, "take the key without asking: only when it is known to be right"},
};

const struct command commands[] = {
    {.name = "serve",
     .summary = "collect, store and answer queries until SIGTERM",
     .details = "Without a configuration this host is collected. With --config or "
                "--prometheus-config (or both), exactly what the files say is collected, and "
                "earshot's own metrics. Flags beat the file.",
     .flags = serve_flags,
     .flags_n = ARRAY_LEN(serve_flags),
     .run = serve_run},
    {.name = "up",
     .summary = "find out what runs here, and write a configuration that watches it",
     .details = "Looks at this host only: who listens, processes, units, GPUs. Shows what was "
                "found, how it was recognised and what would be collected, and asks once. Entries "
                "are added to the file; no other line of it is touched. A running earshot loads "
                "it at once.",
     .flags = up_flags,
     .flags_n = ARRAY_LEN(up_flags),
     .client = true,
     .run = up_run},
    {.name = "down",
     .summary = "take out of the configuration what `earshot up` has added",
     .details = "Entries that were changed since stay as they are.",
     .flags = down_flags,
     .flags_n = ARRAY_LEN(down_flags),
     .client = true,
     .run = down_run},
    {.name = "query",
     .words = "EXPR",
     .summary = "evaluate a PromQL expression",
     .flags = query_flags,
     .flags_n = ARRAY_LEN(query_flags),
     .client = true,
     .words_min = 1,
     .words_max = 1,
     .run = query_run},
    {.name = "targets",
     .summary = "list what is collected, and how that goes",
     .details = "Exits 1 when a target is down.",
     .client = true,
     .run = targets_run},
    {.name = "logs",
     .words = "[SOURCE]",
     .summary = "print lines of logs, oldest first",
     .details = "Without SOURCE those of all sources. Exits 1 when nothing of SOURCE is stored.",
     .flags = logs_flags,
     .flags_n = ARRAY_LEN(logs_flags),
     .client = true,
     .words_max = 1,
     .run = logs_run},
    {.name = "event",
     .words = "TEXT",
     .summary = "tell of a deploy, or of what else happened, so that charts show it",
     .details = "As the last line of a deploy: earshot event 'api 1.4.2' --label job=api",
     .flags = event_flags,
     .flags_n = ARRAY_LEN(event_flags),
     .client = true,
     .words_min = 1,
     .words_max = 1,
     .run = event_run},
    {.name = "status",
     .summary = "one line: is all well?",
     .details = "A Nagios plugin: exits 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (earshot does not "
                "answer).",
     .client = true,
     .run = status_run},
    {.name = "ssh add",
     .words = "[USER@]HOST[:PORT]",
     .summary = "add a machine that is reached over SSH",
     .details = "Shows the machine's key and asks whether it is the right one, logs in, and writes "
                "an entry of hosts. HOST may be an alias of ~/.ssh/config.",
     .flags = ssh_flags,
     .flags_n = ARRAY_LEN(ssh_flags),
     .words_min = 1,
     .words_max = 1,
     .run = ssh_add_run},
    {.name = "ssh trust",
     .words = "NAME",
     .summary = "accept the key that a machine has now",
     .details = "For a machine whose key is not known, or is another than before: it is shown, "
                "asked for, and put into known_hosts. A running earshot connects by itself then.",
     .flags = ssh_trust_flags,
     .flags_n = ARRAY_LEN(ssh_trust_flags),
     .words_min = 1,
     .words_max = 1,
     .run = ssh_trust_run},
    {.name = "ssh ls",
     .summary = "list the machines behind SSH, and how their tunnels are",
     .details = "Exits 1 when one is not connected.",
     .client = true,
     .run = ssh_ls_run},
    {.name = "tsdb stat",
     .words = "DIR",
     .summary = "what a data directory holds",
     .details = "Reads only; the server may be running.",
     .flags = tsdb_flags,
     .flags_n = ARRAY_LEN(tsdb_flags),
     .words_min = 1,
     .words_max = 1,
     .run = tsdb_stat_run},
    {.name = "tsdb verify",
     .words = "DIR",
     .summary = "read every byte of a data directory and check it",
     .details = "Reads only. Exits 1 when damage was found.",
     .flags = tsdb_flags,
     .flags_n = ARRAY_LEN(tsdb_flags),
     .words_min = 1,
     .words_max = 1,
     .run = tsdb_verify_run},
    {.name = "tsdb dump",
     .words = "DIR",
     .summary = "print the samples of a data directory",
     .details = "OpenMetrics text of what is in blocks; samples of the last hours are still in the "
                "log, and not in it. Reads only.",
     .flags = tsdb_dump_flags,
     .flags_n = ARRAY_LEN(tsdb_dump_flags),
     .words_min = 1,
     .words_max = 1,
     .run = tsdb_dump_run},
    {.name = "version", .summary = "print the version", .run = version_run},
    {.name = "completion",
     .words = "SHELL",
     .summary = "print the completion script for bash, zsh or fish",
     .details = "bash: earshot completion bash >/etc/bash_completion.d/earshot",
     .words_min = 1,
     .words_max = 1,
     .run = completion_run},
    {.name = "man", .summary = "print the manual page (roff)", .run = man_run},
};
const size_t commands_n = ARRAY_LEN(commands);
