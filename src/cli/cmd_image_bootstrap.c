/* SPDX-License-Identifier: GPL-2.0-or-later */

/* isola image bootstrap: mmdebstrap makes a Debian, its archive becomes an image. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "cli/command.h"
#include "kernel/process.h"
#include "oci/reference.h"
#include "store/image.h"

#define PROGRAM  "mmdebstrap"
#define PATH_ENV "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

typedef struct BootstrapOptions {
        const char *suite, *variant, *mirror;
        const char **include;
} BootstrapOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LIST(0, "include", BootstrapOptions, include, "PACKAGE,…", "Install these as well"),
        OPT_STRING(0, "mirror", BootstrapOptions, mirror, "URL",
                   "Fetch packages from here (the mirrors of apt's own configuration)"),
        OPT_STRING(0, "suite", BootstrapOptions, suite, "SUITE",
                   "Debian's release (this machine's, or stable)"),
        OPT_STRING(0, "variant", BootstrapOptions, variant, "VARIANT",
                   "How much: essential, apt, minbase, standard (minbase)",
                   "essential|apt|required|minbase|important|standard"),
        {},
};

/* The running Debian's code name; "stable" elsewhere. */
static char *default_suite(void) {
        autofree char *text = NULL;
        autostrv lines = NULL;
        bool debian = false;
        const char *name = NULL;

        if (file_read(AT_FDCWD, "/etc/os-release", 64 << 10, &text, NULL) < 0 ||
            strv_split(text, "\n", true, &lines) < 0)
                return strdup("stable");
        strv_foreach(line, lines) {
                debian |= str_equal(*line, "ID=debian");
                if (str_after(*line, "VERSION_CODENAME="))
                        name = str_after(*line, "VERSION_CODENAME=");
        }
        return strdup(debian && name ? name : "stable");
}

/* True if a directory of $PATH has the program. */
static bool is_installed(const char *program) {
        const char *path = getenv("PATH");
        autostrv directories = NULL;

        if (strv_split(path ? path : "/usr/bin:/bin", ":", true, &directories) < 0)
                return true;
        strv_foreach(directory, directories) {
                autofree char *file = str_format("%s/%s", *directory, program);

                if (file && access(file, X_OK) == 0)
                        return true;
        }
        return false;
}

static int make_arguments(const BootstrapOptions *o, const char *suite, char ***ret, Err *err) {
        autostrv list = NULL;
        int r;

        r = strv_add(&list, PROGRAM);
        if (r >= 0)
                r = strv_addf(&list, "--variant=%s", o->variant ? o->variant : "minbase");
        if (r >= 0)
                r = strv_add(&list, "--format=tar");
        for (const char **include = o->include; r >= 0 && include && *include; include++)
                r = strv_addf(&list, "--include=%s", *include);
        if (r >= 0)
                r = strv_add(&list, suite);
        if (r >= 0)
                r = strv_add(&list, "-");
        if (r >= 0 && o->mirror)
                r = strv_add(&list, o->mirror);
        if (r < 0)
                return fail(err, r, "cannot run " PROGRAM);
        *ret = take_ptr(list);
        return 0;
}

typedef struct Bootstrap {
        int pidfd;
} Bootstrap;

static void bootstrap_auto(Bootstrap *b) {
        if (b->pidfd >= 0)
                process_kill_and_reap(b->pidfd);
        close_fd(b->pidfd);
}

/* Its archive comes out of the descriptor that is returned; what it says goes to our stderr. */
static int start(Bootstrap *b, char **arguments, Err *err) {
        autoclose int from = -EBADF, to = -EBADF;
        int ends[2];
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot run " PROGRAM);
        from = ends[0];
        to = ends[1];
        pid = process_clone(0, -EBADF, &b->pidfd);
        if (pid < 0)
                return fail(err, pid, "cannot run " PROGRAM);
        if (pid == 0) {
                process_reset_signals();
                if (dup2(to, STDOUT_FILENO) >= 0)
                        execvp(PROGRAM, arguments);
                _exit(127);
        }
        return take_fd(from);
}

/* The archive may look whole although the program failed behind it. */
static int check_exit(void *context, Err *err) {
        Bootstrap *b = context;
        siginfo_t info = {};

        if (process_reap(b->pidfd, &info) < 0)
                return fail(err, errno, "cannot wait for " PROGRAM);
        b->pidfd = close_fd(b->pidfd);
        if (info.si_code == CLD_EXITED && info.si_status == 0)
                return 0;
        return err_hint(err,
                        refuse(err, EIO, PROGRAM " failed (%s %d)",
                               info.si_code == CLD_EXITED ? "exit code" : "signal", info.si_status),
                        "what it said is above; --suite and --mirror say what to fetch from where");
}

static int fill_config(OciImage *config, Err *err) {
        if (strv_add(&config->config.env, PATH_ENV) < 0 ||
            strv_add(&config->config.cmd, "bash") < 0)
                return fail(err, ENOMEM, "cannot make an image");
        return 0;
}

static int bootstrap(const CommandInput *in, char **arguments, OciImage *config, Image **ret,
                     Err *err) {
        __attribute__((__cleanup__(bootstrap_auto))) Bootstrap b = { -EBADF };
        autofree char *comment = strv_join(arguments, " ");
        autoclose int archive = -EBADF;
        ImportSource source;
        TreeReport report;
        int r;

        if (!comment)
                return fail(err, ENOMEM, "cannot run " PROGRAM);
        archive = start(&b, arguments, err);
        if (archive < 0)
                return archive;
        source = (ImportSource){ archive, comment, check_exit, &b };
        r = image_import(in->home, &source, config, in->args[0], &report, ret, err);
        /* Its own failure is why the archive was cut short. */
        if (r == -EBADMSG && b.pidfd >= 0) {
                autoerr own = {};

                archive = close_fd(archive);
                if (check_exit(&b, &own) < 0) {
                        err_clear(err);
                        r = refuse(err, own.code, "%s", own.message);
                        if (own.hint)
                                (void) err_hint(err, r, "%s", own.hint);
                }
        }
        return r;
}

static int cmd_image_bootstrap(const CommandInput *in, Err *err) {
        const BootstrapOptions *o = in->options;
        autoptr(Reference) name = NULL;
        autofree char *suite = NULL;
        autostrv arguments = NULL;
        autoptr(Image) image = NULL;
        OciImage config = {};
        int r;

        r = reference_parse(in->args[0], &name, err);
        if (r < 0)
                return r;
        if (!is_installed(PROGRAM))
                return err_hint(err, refuse(err, ENOENT, "'" PROGRAM "' is not installed"),
                                "apt install " PROGRAM
                                ", or import an archive with 'isola image import'");
        suite = o->suite ? strdup(o->suite) : default_suite();
        if (!suite)
                return fail(err, ENOMEM, "cannot run " PROGRAM);
        r = make_arguments(o, suite, &arguments, err);
        if (r >= 0)
                r = fill_config(&config, err);
        if (r >= 0)
                r = bootstrap(in, arguments, &config, &image, err);
        json_clear(&oci_image_type, &config);
        if (r < 0)
                return err_prefix(err, r, "cannot make a Debian '%s'", suite);
        puts(image->id);
        return 0;
}

COMMAND(image_bootstrap) = {
        .name = "image bootstrap",
        .group = "Images",
        .synopsis = "[OPTION...] NAME[:TAG]",
        .summary = "Make an image of a fresh Debian with mmdebstrap",
        .options = options,
        .options_size = sizeof(BootstrapOptions),
        .min_args = 1,
        .max_args = 1,
        .run = cmd_image_bootstrap,
};
