/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/lab_operand.h"
#include "lab/capture.h"

#define SNAPLEN_MAX 262144

typedef struct CaptureVerbOptions {
        const char *lab, *write;
        int64_t duration;
        uint64_t snaplen;
} CaptureVerbOptions;

static const Option options[] COMMAND_DATA = {
        OPT_SPAN('d', "duration", CaptureVerbOptions, duration, "TIME", "End by itself after TIME"),
        OPT_LAB(CaptureVerbOptions, lab),
        OPT_SIZE('s', "snaplen", CaptureVerbOptions, snaplen, "BYTES",
                 "Keep so much of each frame"),
        OPT_STRING('w', "write", CaptureVerbOptions, write, "FILE",
                   "Write to FILE; else to standard output", "file"),
        {},
};

static int open_output(const char *file, Err *err) {
        int fd;

        if (!file || str_equal(file, "-"))
                return isatty(STDOUT_FILENO)
                               ? err_hint(
                                         err,
                                         refuse(err, EINVAL, "a capture is nothing for a terminal"),
                                         "-w FILE writes it to a file; or: isola lab capture LINK "
                                         "| wireshark -k -i -")
                               : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        return fd < 0 ? fail(err, errno, "cannot write '%s'", file) : fd;
}

/* The signals that end it; the file is whole then. */
static int take_signals(void) {
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGHUP);
        (void) sigprocmask(SIG_BLOCK, &signals, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
        return signalfd(-1, &signals, SFD_CLOEXEC);
}

static int cmd_lab_capture(const CommandInput *in, Err *err) {
        const CaptureVerbOptions *o = in->options;
        autoclose int fd = -EBADF, stop = -EBADF;
        autoptr(Lab) lab = NULL;
        CaptureOptions how;
        ssize_t link;
        int direction, r;

        if (o->snaplen > SNAPLEN_MAX)
                return refuse(err, EINVAL, "--snaplen is at most %d", SNAPLEN_MAX);
        r = lab_operand_open(in->home, o->lab, &lab, err);
        if (r < 0)
                return r;
        link = topology_find_link(lab->topology, in->args[0], &direction, err);
        if (link < 0)
                return (int) link;
        fd = open_output(o->write, err);
        if (fd < 0)
                return fd;
        stop = take_signals();
        how = (CaptureOptions){
                .snaplen = (uint32_t) o->snaplen,
                .end_ms = o->duration < 0 ? -1 : clock_monotonic_ms() + o->duration,
                .stop = stop,
        };
        return lab_capture(lab, (size_t) link, fd, &how, err);
}

COMMAND(lab_capture) = {
        .name = "lab capture",
        .group = "Labs",
        .synopsis = "[OPTION...] LINK",
        .summary = "Write the packets of a link as pcapng",
        .options = options,
        .options_size = sizeof(CaptureVerbOptions),
        .min_args = 1,
        .max_args = 1,
        .completes = "link",
        .run = cmd_lab_capture,
};
