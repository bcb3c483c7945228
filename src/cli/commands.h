/* commands: what each command runs; one file a command. Each returns an exit_status. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

struct args;

int serve_run(const struct args *args);
int up_run(const struct args *args);
int down_run(const struct args *args);
int query_run(const struct args *args);
int targets_run(const struct args *args);
int logs_run(const struct args *args);
int event_run(const struct args *args);
int status_run(const struct args *args);
int ssh_add_run(const struct args *args);
int ssh_trust_run(const struct args *args);
int ssh_ls_run(const struct args *args);
int tsdb_stat_run(const struct args *args);
int tsdb_verify_run(const struct args *args);
int tsdb_dump_run(const struct args *args);
int version_run(const struct args *args);
int completion_run(const struct args *args);
int man_run(const struct args *args);

#endif
