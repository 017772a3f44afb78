/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Containers of the OCI runtime: what is kept of them, and the verbs
 *
 * A container is a directory ROOT/<id>/ (0711) with
 *
 *   state.json   OciRecord
 *   config.json  the configuration that it was made from, byte by byte
 *   start.sock   while it is created and not started (runtime.h, runtime_hold())
 *
 * Nothing else remembers it.  Its status is not stored but asked of the kernel:
 *
 *   creating  the record says so and its maker holds the directory's lock
 *   created   its process lives and waits at start.sock
 *   running   its process lives
 *   paused    its cgroup is frozen
 *   stopped   its process has ended
 *
 * A record that says "creating" while nobody holds the lock was left by a maker
 * that was killed: whoever meets it removes all that belongs to it, and there
 * never was such a container.  A directory without a record is none of ours and
 * left alone: one is made under another name, and renamed with its record in it.
 * ROOT is locked meanwhile, and while one is found to be dead.
 */

#include "kernel/cgroup.h"
#include "oci/state.h"
#include "runtime/bundle.h"
#include "runtime/runtime.h"

typedef struct OciRecord {
        int version;
        char *oci_version, *id, *bundle, *rootfs;
        bool complete; /* false while it is being created */
        char *boot_id;
        int pid;
        uint64_t start_time; /* of the process, see proc_stat.h */
        char *created, *owner;
        char *cgroup; /* name for cgroup_open(), or NULL */
        char *scope;  /* systemd's, where that made the cgroup */
        bool unified; /* the cgroup is in version 2 alone, so that nothing else is to be looked at
                       */
        bool asks_agent; /* some system calls are decided by an agent: agent.h */
        bool late_hooks; /* there are hooks for after it is started or deleted */
        char **annotations;
} OciRecord;

extern const JsonType oci_record_type;

typedef struct OciContainer {
        char *id;
        int root, dir; /* root is borrowed */
        int notify;    /* what it says to a service manager arrives there, or -EBADF: notify.h */
        OciRecord record;
} OciContainer;

typedef enum OciStatus {
        OCI_CREATING,
        OCI_CREATED,
        OCI_RUNNING,
        OCI_PAUSED,
        OCI_STOPPED,
} OciStatus;

/* Opens the directory of all containers, making it where it is missing; refuses one that is not
 * the caller's or that others may write. */
int oci_root_open(const char *path, Err *err);

/* Return: 0; -ENOENT "container '<id>' does not exist". */
int oci_container_open(int root, const char *id, OciContainer **ret, Err *err);
OciContainer *oci_container_free(OciContainer *c);
DEFINE_AUTOPTR(OciContainer, oci_container_free)

/* All of them, sorted by id; the list and its members are the caller's. */
int oci_container_list(int root, OciContainer ***ret, size_t *ret_n, Err *err);
void oci_container_list_free(OciContainer **list, size_t n);

/* Return: descriptor that holds the container's lock; -ENOENT if it has been deleted meanwhile. */
int oci_container_lock(OciContainer *c, Err *err);

OciStatus oci_container_status(const OciContainer *c);
const char *oci_status_name(OciStatus status);
/* The process's pidfd, owned by the caller; -ESRCH if it has ended. */
int oci_container_pidfd(const OciContainer *c);
/* Its state as a document; free with json_clear(&oci_state_type, …). */
int oci_container_state(const OciContainer *c, OciStatus status, OciState *ret, Err *err);

/* Writes the record; quiet but for its sentence. */
int oci_record_save(const OciContainer *c, Err *err);
/* Takes away everything that belongs to a container whose processes may be ended: the rest of its
 * processes, its cgroup, its directory. */
int oci_container_destroy(OciContainer *c, Err *err);

typedef enum OciManager {
        OCI_CGROUPFS,
        OCI_SYSTEMD,
        OCI_NO_CGROUP,
} OciManager;

typedef struct OciCreate {
        const char *id;
        const Bundle *bundle;
        OciManager manager;
        const char *pid_file;       /* or NULL */
        const char *console_socket; /* or NULL */
        const char *pidfd_socket;   /* or NULL */
        bool no_pivot, keep_keyring;
        bool detached; /* oci_run(): the caller does not stay to hold a terminal */
        unsigned preserve_fds;
} OciCreate;

/**
 * oci_create() - make a container that waits for oci_start()
 *
 * runtime_seal_for() comes before this and oci_run(), and before whatever the caller does that it
 * should not do twice.
 *
 * Return: 0; -EEXIST if the id is taken; -ENOENT and the other codes of runtime_start() if there
 * is no such program.  Nothing is left behind on failure.
 */
int oci_create(int root, const OciCreate *in, Err *err);

/**
 * oci_run() - make a container and start it at once, as a child of the caller
 * @ret_runtime: to wait for; a terminal that no console socket was given for can be taken from it
 */
int oci_run(int root, const OciCreate *in, OciContainer **ret, Runtime **ret_runtime, Err *err);

/* Starts what oci_create() made; -EBUSY if it does not wait for that.  It is killed again if a
 * poststart hook fails. */
int oci_start(OciContainer *c, Err *err);

/* Sends a signal to its process, or to all in its cgroup; -ESRCH "container not running". */
int oci_kill(OciContainer *c, int signal, bool all, Err *err);

/* Deletes one that has stopped or was never started; with @force kills it first.  Then the poststop
 * hooks run. */
int oci_delete(OciContainer *c, bool force, Err *err);

/* Freezes or thaws it. */
int oci_pause(OciContainer *c, bool paused, Err *err);

/* Sets those limits that are said; what was set before one that fails stays set. */
int oci_update(OciContainer *c, const OciResources *resources, Err *err);

typedef struct OciExec {
        const OciSpec *spec; /* that the container was made from: bundle_load_kept() */
        const OciProcess *process;
        const char *pid_file, *console_socket, *pidfd_socket;
        const char *cgroup; /* below the container's, or NULL */
        unsigned preserve_fds;
        bool ignore_paused;
} OciExec;

/**
 * oci_exec() - one more process in a running container, as a child of the caller
 * @ret_console: the terminal's master where no console socket was given, else -EBADF
 *
 * The caller has called runtime_seal_for(), and is within the container's namespaces afterwards;
 * see runtime_exec().
 */
int oci_exec(OciContainer *c, const OciExec *in, int *ret_pidfd, int *ret_console, Err *err);

/*
 * What a caller wants to have told: all are opened before namespaces are joined, and filled
 * afterwards.
 */
typedef struct OciReport {
        int pid_dir; /* -EBADF without a pid file */
        const char *pid_name;
        int console; /* connected socket, or -EBADF */
        int pidfd;   /* likewise */
} OciReport;

typedef struct OciReportPaths {
        const char *pid_file, *console_socket, *pidfd_socket; /* each or NULL */
} OciReportPaths;

int oci_report_open(const OciReportPaths *paths, OciReport *ret, Err *err);
void oci_report_close(OciReport *report);
/* Writes the pid as callers read it, decimal digits and nothing else, and hands the pidfd over. */
int oci_report_pid(const OciReport *report, pid_t pid, int pidfd, Err *err);
/* Hands a terminal's master over to whoever listens; nothing if there is neither. */
int oci_report_console(const OciReport *report, int console, Err *err);
