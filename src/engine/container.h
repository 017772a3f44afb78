/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Containers
 *
 * $DATA/containers/<id>/container.json is what was asked for (a Container
 * without its state), written by container_create(), which also makes
 * upper/ and work/ beside it.  What is running is $RUN/containers/<id>/state.json,
 * written by the monitor.  The monitor also writes $DATA/containers/<id>/state.json
 * when the container starts (so that one that was running when the machine went
 * down is told from one that never ran) and when it ends (the exit record), after
 * which it removes the run directory.  Readers look in $RUN first.  Names are
 * symbolic links $DATA/names/<name> to an id.
 *
 * The JSON names of all structs here are those of Docker's `inspect`, so that
 * one set of tables serves the record, `inspect`, templates and the API.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/home.h"
#include "base/json.h"
#include "engine/network.h"
#include "oci/image.h"

/* Docker's "Config". */
typedef struct ContainerConfig {
        char *hostname, *domainname, *user;
        bool attach_stdin, attach_stdout, attach_stderr;
        char **exposed_ports; /* set: "80/tcp" */
        bool tty, open_stdin, stdin_once;
        char **env, **cmd;
        char *image;    /* as the user named it */
        char **volumes; /* set of paths */
        char *working_dir;
        char **entrypoint;
        char **labels; /* "key=value" */
        char *stop_signal;
        int stop_timeout;            /* seconds; 0 not said, -1 for ever */
        char **shell;                /* for command lines; NULL: /bin/sh -c */
        OciHealthcheck *healthcheck; /* or NULL */
} ContainerConfig;

typedef struct PortBinding {
        char *host_ip,
                *host_port; /* "" and "" for an unsaid one; host_port may be a range "8000-8010" */
} PortBinding;

typedef struct PortMap {
        char *port; /* "80/tcp" */
        PortBinding *bindings;
        size_t n_bindings;
} PortMap;

typedef struct ContainerMount { /* an entry of --mount, and of -v once parsed */
        char *type;             /* "bind", "volume", "tmpfs" */
        char *source;           /* path or volume name */
        char *target;
        bool read_only;
        char *propagation; /* "rprivate", … or NULL */
        bool no_recursive; /* bind-recursive=disabled */
        int64_t tmpfs_size;
        int tmpfs_mode;
        char *options; /* tmpfs: as written after the colon of --tmpfs */
        bool no_copy;
        bool anonymous; /* a volume made for this container alone */
} ContainerMount;

typedef struct ContainerUlimit {
        char *name; /* "nofile" */
        int64_t soft, hard;
} ContainerUlimit;

typedef struct ContainerDevice {
        char *path_on_host, *path_in_container, *permissions;
} ContainerDevice;

typedef struct RestartPolicy {
        char *name; /* "no", "always", "on-failure", "unless-stopped" */
        int maximum_retry_count;
} RestartPolicy;

typedef struct LogConfig {
        char *type;    /* "json-file", "none" */
        char **config; /* "max-size=10m" */
} LogConfig;

/* Podman's "IDMappings": "INSIDE:OUTSIDE:COUNT" each; see engine/userns.h. */
typedef struct IdMappings {
        char **uids, **gids;
} IdMappings;

/* Docker's "HostConfig". */
typedef struct HostConfig {
        char **binds; /* as given with -v, for inspect */
        char **volumes_from;
        char *container_id_file;
        LogConfig log_config;
        /* "bridge", "host", "none", "container:ID", a network's name; "process:PID:START": that of
         * a process, the start as in proc_stat.h, and its user namespace */
        char *network_mode;
        PortMap *port_bindings;
        size_t n_port_bindings;
        RestartPolicy restart_policy;
        bool auto_remove;
        char **cap_add, **cap_drop; /* as given: "NET_ADMIN", "ALL" */
        char *cgroupns_mode, *ipc_mode, *pid_mode, *uts_mode,
                *userns_mode;   /* "", "host", "private", "container:ID"; of users: userns.h */
        IdMappings id_mappings; /* NULL both: as userns_mode has it when it runs */
        char *subuid_name, *subgid_name; /* whose ranges it is to have */
        char **dns, **dns_options, **dns_search, **extra_hosts;
        char *hosts_file; /* to be its /etc/hosts, in place of one of its own; or NULL */
        char **group_add;
        int oom_score_adj;
        bool privileged, publish_all_ports, readonly_rootfs;
        char **security_opt;
        int64_t shm_size;
        char **sysctls;         /* "net.x=1" */
        ContainerMount *mounts; /* --mount, -v and --tmpfs together */
        size_t n_mounts;
        ContainerUlimit *ulimits;
        size_t n_ulimits;
        ContainerDevice *devices;
        size_t n_devices;
        int64_t memory, memory_reservation, memory_swap; /* bytes; memory_swap -1 unlimited */
        int64_t nano_cpus;
        int64_t cpu_shares;
        char *cpuset_cpus, *cpuset_mems;
        int64_t pids_limit;
        bool init;
        int64_t time_monotonic_ns, time_boottime_ns; /* --time-offset; no Docker counterpart */
        bool has_time_offset;
} HostConfig;

typedef enum ContainerStatus {
        CONTAINER_CREATED,
        CONTAINER_RUNNING,
        CONTAINER_PAUSED,
        CONTAINER_RESTARTING,
        CONTAINER_EXITED,
        CONTAINER_DEAD,
} ContainerStatus;
const char *container_status_name(ContainerStatus status); /* "created", "running", … */

/* What is known of the present or the last run; from state.json, checked against the kernel. */
typedef struct ContainerState {
        char *boot_id;
        char *status; /* as last written; ask container_status() */
        int pid;
        uint64_t pid_start; /* field 22 of /proc/PID/stat, so that a reused pid is told apart */
        int monitor_pid;
        uint64_t monitor_start;
        int exit_code;
        bool oom_killed;
        char *error;
        char *started_at, *finished_at; /* RFC 3339; "0001-01-01T00:00:00Z" for never */
        int restart_count;
        Endpoint *networks;
        size_t n_networks;
        PortMap *ports; /* what is published where, for inspect and `port` */
        size_t n_ports;
        uint64_t userns_base; /* first host id of its range; 0 if it has none of its own */
        char *cgroup;         /* group.h: "" for none, NULL for "isola/<id>" */
} ContainerState;

/* Stands for the host's own files in the place of an image. */
#define HOST_IMAGE "@host"

typedef struct Container {
        char *id, *name, *created;
        char *path; /* what runs, and its arguments */
        char **args;
        char *image;   /* image id, or "@host" */
        char **lowers; /* layers, topmost first: what the container was made from */
        ContainerConfig config;
        HostConfig host;
        char *ip, *ip6;       /* --ip, --ip6 */
        char **aliases;       /* --network-alias */
        ContainerState state; /* not part of container.json */
        const Home *home;
        int dir; /* data directory, -EBADF until needed */
} Container;
extern const JsonType container_type, container_state_type, port_map_type;

Container *container_free(Container *c);
DEFINE_AUTOPTR(Container, container_free)

/*
 * Makes a container.  @c: what the user wants (config, host, name or NULL, image name in
 * config.image or "@host"); filled in from the image and with an id, a name, defaults.
 * -EEXIST if the name is taken, -ENOENT if there is no such image.
 */
int container_create(const Home *home, Container *c, Err *err);

/* By name, id or unambiguous beginning of an id; state read and checked.  -ENOENT with a hint. */
int container_load(const Home *home, const char *name, Container **ret, Err *err);
/* Newest first.  @all: also those that do not run. */
int container_list(const Home *home, bool all, Container ***ret, size_t *ret_n, Err *err);
void container_list_free(Container **list, size_t n);

ContainerStatus container_status(const Container *c);
/* Whether it runs, is paused, or is between two runs of its restart policy. */
bool container_is_up(const Container *c);
/*
 * The path, relative to home->run_fd, of the mark that container_pause() makes: only a container
 * that has it needs its cgroup asked whether it is frozen.  Owned by the caller.
 */
char *container_pause_mark(const Container *c);
/* A pidfd of the first process, verified by its start time; -ESRCH if it does not run. */
int container_pidfd(const Container *c);
/* The same of its monitor. */
int container_monitor_pidfd(const Container *c);

/*
 * Brings a container whose processes ended, or whose monitor was killed, without anybody noticing
 * into order: writes the exit record, takes back addresses, ports, cgroup and ids, or starts a new
 * monitor for one that lives on.  Called by container_load() and container_list() when state.json
 * says "running" and the kernel says otherwise.  @c->state is read again afterwards.
 */
int container_settle(Container *c, Err *err);

/*
 * Takes back what interrupted starts and removals left in the run directory.  @list: every
 * container there is, or those with a run directory, in the order of their ids.
 */
void containers_sweep(const Home *home, Container **list, size_t n);
/* Deletes what an interrupted removal left, if @entry of $DATA/containers is that. */
void container_sweep_gone(const Home *home, const char *entry);

/* The record of the container with this whole id alone, as it is on disk: no state, nothing brought
 * into order, no lock.  -ENOENT. */
int container_read_record(const Home *home, const char *id, Container **ret, Err *err);
/*
 * Locks a container, running or not, to change its record: @ret is the record as it is now, without
 * state, its directory open.
 */
int container_lock_record(Container *c, Container **ret, int *ret_lock, Err *err);
/* Reads state.json into c->state (empty if there is none) and nothing more. */
int container_read_state(Container *c, Err *err);
/* Writes c->state to state.json, atomically. */
int container_write_state(const Container *c, Err *err);
/* The data directory $DATA/containers/<id>, opened when first asked for; borrowed; negative errno.
 */
int container_dir(Container *c);
/* The run directory's path, "containers/<id>", relative to home->run_fd; owned by the caller. */
char *container_run_path(const char *id);

typedef struct StartIo {
        bool attach_input, attach_output; /* connect this command's standard streams */
        const char *detach_keys;
        bool signal_proxy;
} StartIo;

/*
 * Starts it under a new monitor.  @io: NULL to return once it runs; otherwise stays attached until
 * it ends or the user detaches.  @ret_code: its exit code, or -1 if detached; unused without @io.
 * Error codes as runtime_start(); the record is left in state "created".
 */
int container_start(Container *c, const StartIo *io, int *ret_code, Err *err);
/* The signal that asks it to end: @name, or what it was made with, or SIGTERM; -EINVAL. */
int container_stop_signal(const Container *c, const char *name, int *ret, Err *err);
/* How long it has for that, in ms, if nobody says otherwise; -1 for ever. */
int64_t container_stop_timeout_ms(const Container *c);
/* @timeout_ms: -1 for ever.  1 if it ran, 0 if not. */
int container_stop(Container *c, const char *signal, int64_t timeout_ms, Err *err);
/* Stops it, if it runs, and starts it again; --rm removes it at another end, not at this one. */
int container_restart(Container *c, const char *signal, int64_t timeout_ms, Err *err);
int container_kill(Container *c, int signal, Err *err);
/**
 * container_update() - change limits and restart policy, of a running container at once
 * @change:	changes the record's HostConfig; negative errno with a sentence to leave all as it
 * is
 *
 * Return: 0; -EACCES and the like by the limit's name if its control group cannot be changed.
 */
int container_update(Container *c, int (*change)(HostConfig *host, const void *data, Err *err),
                     const void *data, Err *err);
/* Gives it another name.  On its network a running one is found by the old one until it starts
 * again.  -EEXIST if the name is taken. */
int container_rename(Container *c, const char *name, Err *err);
int container_pause(Container *c, bool pause, Err *err);
/* Waits until it does not run (or, with @removed, is gone); @ret_code: its exit code. */
int container_wait(Container *c, bool removed, int *ret_code, Err *err);
int container_remove(Container *c, bool force, bool volumes, Err *err);
int container_attach(Container *c, const StartIo *io, int *ret_code, Err *err);

typedef struct ExecRequest {
        char **args, **env;
        const char *user, *working_dir, *detach_keys;
        bool input, tty, detach, privileged;
} ExecRequest;
int container_exec(Container *c, const ExecRequest *request, int *ret_code, Err *err);

/* What a program wrote, standard output and error in the order it came. */
typedef struct ExecCapture {
        char *output; /* room for @max bytes; what comes later is read and forgotten */
        size_t max, size;
} ExecCapture;
/*
 * Runs a program without input, terminal and signals from us, and keeps what it writes.  Must be
 * the last thing the process does in its own namespaces, as with container_exec().
 * -ETIMEDOUT: it was killed after @timeout_ms.
 */
int container_exec_capture(Container *c, const ExecRequest *request, int64_t timeout_ms,
                           ExecCapture *capture, int *ret_code, Err *err);

/* What it has written itself, and that together with its image; bytes. */
int container_size(Container *c, uint64_t *ret_own, uint64_t *ret_total, Err *err);

/* Docker's inspect document (a new jansson reference). */
struct json_t *container_inspect(Container *c, bool size);
