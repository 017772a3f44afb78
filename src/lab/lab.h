/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Labs that are up
 *
 * A lab is a directory $RUN/labs/NAME/ (0700) with
 *
 *   lab.yml      the topology as it is, all addresses said
 *   next.yml     the one it is being changed to
 *   state.json   LabState
 *   hosts        /etc/hosts of its light nodes
 *   logs/NODE    what a light node's command writes
 *   status/NODE  what became of it: "running" or "ended CODE"; nothing until it is started
 *   uplink-NODE:IFACE.json  what is to be given back to the host, see uplink.h
 *   exec/NODE    what the commands of a node's exec wrote while the lab was made
 *   files        locked while a node that is entered for the first time gets its files
 *
 * Who changes it holds the lock on the directory.  A light node is a process, the
 * first of a pid namespace, that does nothing but reap; it and the fabric, a process
 * that holds the namespaces which nodes share, live until the lab is taken down.
 * So does the keeper, which emulates links, where there are any to emulate.
 * Until all is made and written down they die with their maker.  After that what the
 * topology wants started is started, one node after the other (start.h).  A state that
 * is not complete and whose lock nobody holds was left by a process that was killed
 * meanwhile; the next command that meets it ends and removes what it names.  A lab that is being
 * changed and whose lock nobody holds is brought back to what it was.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/home.h"
#include "topology/topology.h"

typedef struct LabProcess {
        char *name; /* of the node or controller; of the others NULL */
        int pid;
        uint64_t start_time; /* proc_stat.h */
        char *container;     /* id, of a node of an image; else NULL */
        bool limited;        /* it has a control group of its own */
        bool fresh;          /* it was made by a change that is under way */
} LabProcess;

/* What was changed live of a direction. */
typedef struct LinkChange {
        char *link; /* topology_link_key() */
        int direction;
        char **settings; /* all: quality_settings() */
} LinkChange;

typedef struct LabState {
        int version;
        bool complete;
        bool changing; /* from lab.yml to next.yml; nodes of both are in it */
        char *id;      /* of this lab, for what it takes from the machine */
        char *boot_id, *created;
        char *source; /* the file it was made from */
        char *cgroup; /* place.h */
        uint64_t
                netns; /* inode of the host's network namespace, where something there is its own */
        uint64_t ids;  /* its first user id on the host; 0: none of its own */
        LabProcess fabric;
        LabProcess keeper;       /* pid 0: there is none */
        int keeper_starts;       /* how many there have been before this one */
        int priority;            /* the keeper's */
        LabProcess porter;       /* pid 0: there is none; see porter.h */
        LabProcess *controllers; /* of its switches (control.h), by what the file calls them */
        size_t n_controllers;
        LabProcess *nodes; /* in the order of the topology's */
        size_t n_nodes;
        LinkChange *changes;
        size_t n_changes;
} LabState;

typedef struct Lab {
        const Home *home;
        char *name;
        int dir;
        LabState state;
        Topology *topology; /* NULL where only the state was asked for */
} Lab;

typedef enum LabStatus {
        LAB_RUNNING, /* all of it */
        LAB_BROKEN,  /* some of its processes have ended */
        LAB_MAKING,
        LAB_CHANGING,
} LabStatus;

/**
 * lab_open() - find a lab by its name
 *
 * What a killed maker left is removed, and then there is no such lab.
 *
 * Return: 0; -ENOENT "there is no lab 'x'", with the nearest name.
 */
int lab_open(const Home *home, const char *name, Lab **ret, Err *err);
/* Without its topology, and also one that is being made. */
int lab_open_state(const Home *home, const char *name, Lab **ret, Err *err);
/* The name of the one that is up, the caller's, if it is the only one; -ENOENT, -ENOTUNIQ with a
 * sentence. */
int lab_only(const Home *home, char **ret, Err *err);
/**
 * lab_lock() - be the only one who changes it
 * @ret:	descriptor that holds the lock until it is closed
 *
 * Waits for who does.  What was read of the lab before is read again.  -ENOENT with a sentence if
 * it is gone.
 */
int lab_lock(Lab *lab, int *ret, Err *err);
Lab *lab_free(Lab *lab);
DEFINE_AUTOPTR(Lab, lab_free)

/* All labs, sorted by name, without topologies; free with lab_list_free(). */
int lab_list(const Home *home, Lab ***ret, size_t *ret_n, Err *err);
void lab_list_free(Lab **list, size_t n);

LabStatus lab_status(const Lab *lab);
/* How many of its nodes run. */
size_t lab_running_nodes(const Lab *lab);

/* Finds a node; -ENOENT with a sentence that has the nearest name. */
ssize_t lab_find_node(const Lab *lab, const char *name, Err *err);
bool lab_node_runs(const Lab *lab, size_t node);
typedef enum LabCommand {
        LAB_COMMAND_NONE,
        LAB_COMMAND_WAITING, /* for other nodes */
        LAB_COMMAND_RUNNING,
        LAB_COMMAND_ENDED,
} LabCommand;
/* What became of a node's command; @ret_code: its exit code, 128 and more for a signal. */
LabCommand lab_node_command(const Lab *lab, size_t node, int *ret_code);
/* The pid on the host of its first process, a container's own for one of an image; 0: none. */
int lab_node_pid(const Lab *lab, size_t node);
/* A pidfd of the process that has its network, the caller's; -ESRCH with a sentence if it is gone.
 */
int lab_node_pidfd(const Lab *lab, size_t node, Err *err);
/* Its network namespace, the caller's. */
int lab_node_netns(const Lab *lab, size_t node, Err *err);

typedef struct LabOptions {
        const char *source; /* the file, as `ls` shows it */
        int priority;       /* SCHED_FIFO of the process that emulates links, or 0 */
} LabOptions;

/**
 * lab_up() - make a lab
 * @topology:	checked and with addresses; taken over on success
 *
 * Return: 0; -EEXIST if there is one of its name; negative errno, and nothing is left.
 */
int lab_up(const Home *home, Topology *topology, const LabOptions *options, Lab **ret, Err *err);

/**
 * lab_revive() - start what a lab needs to be what it is, if that has been killed
 *
 * The keeper and the porter: see there.  0 if there is nothing to do, or somebody else is changing
 * the lab; 1 if something was started.
 */
int lab_revive(const Home *home, const char *name, Err *err);

/* Ends all of its processes and removes what is kept of it. */
int lab_down(Lab *lab, Err *err);

typedef enum LabHealth {
        LAB_HEALTH_NONE, /* it has no health check */
        LAB_HEALTHY,
        LAB_UNHEALTHY,
} LabHealth;
/* Runs the health checks of all nodes, at the same time, and tells how each ended; room for all. */
int lab_health(const Lab *lab, LabHealth *ret, Err *err);

typedef struct LabExec {
        char *const *args;
        char *const *env;    /* KEY=VALUE, added to a node's; or NULL */
        const char *workdir; /* or NULL */
        int stdio[3];        /* negative: /dev/null */
        bool session;        /* in one of its own, so that all of it can be killed */
        /* Called there, as the node's root, in place of executing a program, with the caller's
         * memory and no descriptors but the three; args[0] is what errors call it. */
        void (*inside)(const void *data);
        const void *inside_data;
} LabExec;

/**
 * lab_exec() - run a program in a node, as its root or, in a container, the container's user
 * @ret_pidfd:	a child of the caller's to wait for, owned by it
 *
 * Return: pid; -ENOENT or -EACCES where the program cannot be run; negative errno.
 */
pid_t lab_exec(const Lab *lab, size_t node, const LabExec *exec, int *ret_pidfd, Err *err);
