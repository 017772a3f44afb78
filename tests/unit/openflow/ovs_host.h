/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A switch for one test case
 *
 * The case goes on as process 1 of a pid namespace: the daemons, which detach themselves, end with
 * it however it ends.  To be used in a case of TEST_IN(…, CLONE_NEWNET).
 */

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "base/file.h"
#include "kernel/process.h"
#include "openflow/ovs.h"
#include "openflow/ovs_change.h"
#include "test.h"

#define HOST_MS 60000

/* Runs the rest of the case with an empty directory; skips it where there is no Open vSwitch. */
__attribute__((__unused__)) static void host_enter(char directory[64]) {
        autoclose int pidfd = -EBADF;
        autoerr err = {};
        int status;
        pid_t pid;

        if (ovs_check(&err) < 0)
                skip(err.message);
        snprintf(directory, 64, TEST_DIRECTORY, getpid());
        expect(mkdir(directory, 0700) == 0);
        pid = process_clone(CLONE_NEWPID, -EBADF, &pidfd);
        expect(pid >= 0);
        if (pid == 0) {
                /* Signals other than this one do not reach process 1. */
                expect(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
                return;
        }
        expect(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
        _exit(WEXITSTATUS(status));
}

/* The same with a switch that runs, and a connection to its database. */
__attribute__((__unused__)) static Ovsdb *host_start(char directory[64]) {
        autofree char *socket = NULL;
        autoerr err = {};
        Ovsdb *db;

        host_enter(directory);
        expect_well(ovs_start(directory, -EBADF, &err), err);
        socket = ovs_database(directory);
        expect_well(ovsdb_open(socket, HOST_MS, &db, &err), err);
        return db;
}
