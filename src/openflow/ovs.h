/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A private Open vSwitch
 *
 * One ovsdb-server and one ovs-vswitchd of the distribution's, with everything they have in one
 * directory: conf.db, db.sock, pid files, logs, and for each bridge a socket NAME.mgmt at which it
 * speaks OpenFlow.  Both let themselves be adopted by init: they outlive the caller, and whoever
 * has the directory can find and stop them.  What runs is asked of the kernel: each daemon holds a
 * lock on its pid file for as long as it lives.
 *
 * Packets are switched in user space (datapath_type netdev), which needs nothing of the kernel but
 * /dev/net/tun and packet sockets; checksums and segments that senders leave to their interface
 * are completed by the switch (userspace-tso-enable), so interfaces need no settings.
 */

#include "base/err.h"

/* 0 if the programs, the schema and /dev/net/tun are there; else a sentence and what to install. */
int ovs_check(Err *err);

/**
 * ovs_start() - make the database and start both daemons
 * @directory:	an absolute path; made (0700) if it is missing.  A database in it is used again
 * @netns:	network namespace with the interfaces that will be switched, -EBADF for the caller's
 *
 * Returns when both are ready.  What a start that was killed left running is stopped first; after
 * a failure nothing runs.
 *
 * Return: 0; -EEXIST if both run already; -ENOENT if Open vSwitch is not installed; -ETIMEDOUT;
 * negative errno.
 */
int ovs_start(const char *directory, int netns, Err *err);

/* Stops what runs in the directory, with SIGKILL what does not end within some seconds, and returns
 * when it is gone.  The files stay.  0 also if nothing ran. */
int ovs_stop(const char *directory, Err *err);

/* 1 if both daemons run, 0 if not; negative errno. */
int ovs_is_running(const char *directory);

/* DIRECTORY/db.sock, for ovsdb_open(); owned by the caller; NULL without memory. */
char *ovs_database(const char *directory);
/* "unix:DIRECTORY/BRIDGE.mgmt", for of_client_open(); owned by the caller; NULL without memory. */
char *ovs_management(const char *directory, const char *bridge);
/* "unix:DIRECTORY/BRIDGE.controller": where a bridge's controller may listen (target_listen())
 * without any network; the switch takes no other Unix socket.  It may be a symbolic link to one
 * that many bridges have in common. */
char *ovs_controller(const char *directory, const char *bridge);
