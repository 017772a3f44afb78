/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The monitor: the one process that stays with a running container
 *
 * It is cloned from the command that starts the container, executes nothing,
 * and is the container's parent.  It holds the read ends of the container's
 * output (or its terminal) and its pidfd, writes the log, serves attach.sock
 * (protocol.h) and the container's name server, restarts it, and takes back
 * everything the run held when it ends.
 *
 *   launch   take ids and addresses, clone the container's init, connect it,
 *            write state.json, let it execute             (monitor_launch.c)
 *   watch    until init has ended and its output is written  (monitor_io.c)
 *   finish   exit record, give everything back; back to launch if the restart
 *            policy says so                                    (monitor.c)
 *
 * While a monitor lives, the run directory is its alone; other commands read
 * state.json and talk to it, and wait for its end before they change anything.
 * Whoever waits for a monitor must not hold the container's lock.  The monitor
 * inherits the lock from the command that starts it and keeps it until the
 * container runs, so that there is no moment at which neither lock nor
 * state.json tells that the container is being started.
 *
 * It blocks all signals: only SIGKILL ends it early; SIGTERM has it stop its container
 * (monitor_stop.c).  The
 * container then lives on, because its standard output is open for reading in the container itself
 * (a pipe opened O_RDWR), so a write waits instead of failing; the next command
 * that looks at the container starts a new monitor (sweep.c).
 */

#include <poll.h>
#include <signal.h>

#include "engine/container.h"
#include "engine/dns.h"
#include "engine/health.h"
#include "engine/log.h"
#include "engine/port_relay.h"
#include "kernel/cgroup.h"
#include "runtime/runtime.h"

/* One stream that comes out of the container. */
typedef struct Source {
        int fd;      /* read end, non-blocking; -EBADF once it has ended */
        int stream;  /* 1 or 2 */
        int sink;    /* the starting command's own output; -EBADF without one */
        bool silent; /* a terminal nobody has open inside */
        char *held;  /* what the sink has not taken yet; nothing is read meanwhile */
        size_t held_size, held_from;
} Source;

typedef struct Client {
        int socket;
        bool output; /* wants to see what comes out */
} Client;

/* The checks of the container's health, one after the other. */
typedef struct MonitorHealth {
        bool on;
        Health record;
        int64_t next_ms, deadline_ms; /* clock_monotonic_ms() */
        int pidfd, report;            /* of the probe that runs, or -EBADF */
        char *start;                  /* when it began, RFC 3339 */
        int64_t start_age_ns;
} MonitorHealth;

typedef struct Monitor {
        Container *c;
        int lock; /* the container's, until it runs */
        int run_dir;
        int starter;        /* socket to the command that starts it; -EBADF once that is gone */
        bool starter_waits; /* wants to hear STARTED */
        bool starter_input; /* wants the terminal with it */
        unsigned short rows, columns; /* of the starter's terminal, 0 if unknown */

        int signals;     /* SIGTERM, see monitor_stop.c; or -EBADF */
        int64_t kill_ms; /* when it is to be killed, clock_monotonic_ms(); 0: not */
        int listener;
        int output; /* monitor.log, until it is the standard error */
        Client *clients;
        size_t n_clients;

        Runtime *runtime; /* NULL for an adopted container, which is no child of ours */
        int pidfd;
        Cgroup *cgroup;
        Dns *dns;
        PortRelay *port_relay;
        int uplink; /* pidfd of the pasta that connects the container to the world, or -EBADF */
        int64_t uplink_since_ms;
        MonitorHealth health;
        PublishedPort *ports;
        size_t n_ports;

        int console;     /* the terminal's master side; source[0].fd is the same open file */
        int input_read;  /* the container's stdin pipe: the end it gets */
        int input_write; /* and ours, kept for later clients; -EBADF where stdin is closed */
        Source source[2];
        LogWriter *log;
        bool log_wanted, log_fails;

        struct pollfd *polled;
        size_t n_polled;

        bool exited;
        bool collected;  /* its exit code is known */
        bool ran_before; /* this is not its first start */
        bool stopping;   /* a user wants it to end */
        bool kept;       /* a user wants to start it again: --rm waits for another end */
        bool left;       /* the run holds something that could not be taken back */
        int exit_code;
        int64_t launched_ms;
} Monitor;

/* What the starting command gives its monitor. */
typedef struct MonitorStart {
        Container *c;
        int lock; /* taken over */
        const StartIo *io;
        int input_read, input_write; /* the stdin pipe, or -EBADF */
} MonitorStart;

/**
 * monitor_spawn() - clone a monitor from this process
 * @adopt:	take over a container that runs already
 * @ret_socket:	where it reports
 *
 * Return: 0; negative errno with a sentence.
 */
int monitor_spawn(const MonitorStart *start, bool adopt, int *ret_socket, Err *err);

/* The clone's whole life. */
int monitor_main(Monitor *m, bool adopt);

/* The exit codes 126 and 127 are about the user's program: a failure of ours, changed so that it
 * does not read as one. */
int monitor_own_failure(int r, Err *err);
/* Starts the container; on failure nothing of the run is left. */
int monitor_launch(Monitor *m, Err *err);
/* Connects to a container whose monitor was killed. */
int monitor_adopt(Monitor *m, Err *err);
/* Gives back what launch took; also half of it. */
void monitor_release(Monitor *m);
/* Its two halves: what somebody may want to have next (addresses, ports) or is held open, and what
 * nobody asks for by name (cgroup, ids). */
void monitor_release_names(Monitor *m);
void monitor_release_place(Monitor *m);

/* Serves the published ports at ::1; not having them there is worth a warning. */
void monitor_open_port_relay(Monitor *m);
int monitor_open_dns(Monitor *m, const Network *network, int netns, Err *err);

/*
 * Watching the pasta that connects the container to the world, be it its own or the user's: when it
 * dies it is started anew, but for one that has only just begun (monitor_uplink.c).
 */
void monitor_uplink_begin(Monitor *m);
void monitor_uplink_end(Monitor *m);
/* It has ended. */
void monitor_uplink_run(Monitor *m);

/* Health checks, where the container has any (monitor_health.c).  Between the two the loop asks
 * for a descriptor to wait for, and for how long, and lets them do what is due. */
void monitor_health_begin(Monitor *m, bool adopt);
void monitor_health_end(Monitor *m);
int monitor_health_fd(const Monitor *m);
/* -1 for ever. */
int monitor_health_timeout_ms(const Monitor *m);
/* @ended: the descriptor was ready. */
void monitor_health_run(Monitor *m, bool ended);

/* SIGTERM, which stops the container (monitor_stop.c): it is listened to from the first on; the
 * loop asks the others for how long to wait, and lets them do what is due. */
void monitor_stop_listen(Monitor *m);
int monitor_stop_timeout_ms(const Monitor *m);
void monitor_stop_run(Monitor *m, bool asked);

/* Opens attach.sock and monitor.log, and notes on the disk that it runs: while init is busy, and
 * before anybody is told or the lock is given up, see monitor_connect(). */
void monitor_open_files(Monitor *m);
/* Opens attach.sock. */
int monitor_listen(Monitor *m);
/* Serves everybody until the container has ended and its output is written. */
void monitor_watch(Monitor *m);
/* Serves clients for a while; returns early if the container is to stay stopped. */
void monitor_pause(Monitor *m, int timeout_ms);
/* Tells everybody, the starter too, that it has ended, and closes their connections. */
void monitor_farewell(Monitor *m);
void monitor_close_sinks(Monitor *m);
/* Reaps it and notes how it ended. */
void monitor_collect_exit(Monitor *m);
/* Tells others that it has ended, while somebody still takes his time to read its output. */
void monitor_note_end(Monitor *m);
/* The exit code of a container that is not our child, 255 if the kernel does not say. */
int monitor_adopted_code(Monitor *m);

/* Empties what state.json says of addresses, ports, ids and the process. */
void state_forget_run(ContainerState *s);
/* Writes the record of a run that has ended to the data directory. */
int exit_record_save(Container *c, Err *err);
/* 1 if the process exists and began at @start, 0 if not. */
int process_is(int pid, uint64_t start);
/* 1 if the container's monitor lives, 0 if not. */
int monitor_is_alive(const Container *c);
/* Waits for the end of a process known by number and start; -ETIMEDOUT.  @timeout_ms: -1 for ever.
 */
int process_wait(int pid, uint64_t start, int timeout_ms);
/* Waits until a descriptor is readable; -ETIMEDOUT. */
int poll_until(int fd, int timeout_ms);
/* Waits, bounded, until the monitor has taken everything back; -ETIMEDOUT. */
int monitor_wait_finish(const Container *c);
/* Tells the monitor that its container is meant to end, so that it is not started again; nothing to
 * do without a restart policy, unless @always. */
void monitor_say_stopping(const Container *c, bool always);
/*
 * Tells the monitor that --rm does not hold for the coming end, and waits until it has heard.
 * -ENOENT, -ECONNREFUSED or -ECONNRESET if the end has come already.
 */
int monitor_say_keep(const Container *c);
/* Tells it that the record has another restart policy; errors as above. */
int monitor_say_changed(const Container *c);
/* Everything a dead container's run still holds outside of its data directory; negative errno, with
 * a warning, if addresses are left: then the run directory must stay, for the next command. */
int run_release(Container *c, const PublishedPort *ports, size_t n_ports);
/* Connects to the container's monitor; -ENOENT, -ECONNREFUSED if there is none. */
int monitor_connect(const Container *c);
/*
 * Takes the container's name and directory away, so that no command finds it any more; what it
 * wrote is left for container_delete_gone().  The caller has made sure that it does not run.
 */
int container_retire(Container *c, bool volumes, Err *err);
/* Deletes what container_retire() left, and the run directory. */
void container_delete_gone(const Container *c);
/* Takes back what a run still holds whose container is gone and whose monitor was killed. */
void container_sweep_orphan(const Home *home, const char *id);
/* container_retire(), and deletes what it wrote. */
int container_erase(Container *c, bool volumes, Err *err);
#define CONTAINER_GONE ".gone" /* after the id: the name of a directory that is being deleted */
/* Removes a run directory, which is not there any more from one moment to the next. */
void run_dir_remove(const Home *home, const char *id);
/* Whether it has just been removed, by its own monitor (--rm) or by another command. */
bool container_is_gone(const Container *c);
/* container_settle() for whoever has the lock; reads the state anew.  -ENOENT without a sentence if
 * nothing of the container is left. */
int container_settle_locked(Container *c, int lock, Err *err);
/*
 * Takes the container's lock when nothing runs it.  A monitor that is about to finish is waited for
 * without the lock.
 *
 * Return: 1 and the lock; 0 if it runs already.
 */
int container_lock_stopped(Container *c, int *ret_lock, Err *err);
/* Removes the monitors' cgroup if no monitor is left. */
void monitors_cgroup_sweep(void);
