/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/help.h"
#include "cli/oci.h"
#include "cli/option.h"
#include "kernel/idmap.h"

typedef struct OciGlobals {
        const char *root, *log, *log_format, *log_level, *cgroup_manager, *rootless, *criu;
        bool debug, systemd_cgroup, version;
} OciGlobals;

static const Option oci_options[] COMMAND_DATA = {
        OPT_STRING(0, "root", OciGlobals, root, "DIR",
                   "Keep the containers' state in DIR (/run/isola/oci)", "dir"),
        OPT_STRING(0, "log", OciGlobals, log, "FILE", "Tell errors in FILE as well", "file"),
        OPT_STRING(0, "log-format", OciGlobals, log_format, "FORMAT",
                   "Write FILE as text or json (text)", "text|json"),
        OPT_STRING(0, "log-level", OciGlobals, log_level, "LEVEL",
                   "Tell more: debug, info, warning or error (warning)",
                   "debug|info|warning|error"),
        OPT_FLAG(0, "debug", OciGlobals, debug, "Same as --log-level=debug"),
        OPT_FLAG(0, "systemd-cgroup", OciGlobals, systemd_cgroup,
                 "Let systemd make the cgroups: cgroupsPath is slice:prefix:name"),
        OPT_STRING(0, "cgroup-manager", OciGlobals, cgroup_manager, "MANAGER",
                   "Who makes the cgroups: cgroupfs, systemd or disabled (cgroupfs)",
                   "cgroupfs|systemd|disabled"),
        OPT_STRING(0, "rootless", OciGlobals, rootless, "WHEN",
                   "Taken for runc's sake: who is not root needs not say so", "true|false|auto"),
        OPT_STRING(0, "criu", OciGlobals, criu, "PATH", NULL, "file"),
        OPT_FLAG('v', "version", OciGlobals, version, "Print the version"),
        {},
};

const Option *oci_globals(void) {
        return oci_options;
}

int oci_operand(const CommandInput *in, OciContainer **ret, Err *err) {
        return oci_container_open(in->oci->root, in->args[0], ret, err);
}

static char *log_record(const OciProgram *program, const char *message) {
        autofree char *time = clock_rfc3339(clock_now_ns()), *text = NULL, *quoted = NULL;
        json_t *json = json_pack("{s:s, s:s, s:s}", "level", "error", "msg", message, "time",
                                 time ? time : "");

        if (program->log_json)
                text = json_dumps(json, JSON_COMPACT);
        else {
                quoted = json_dumps(json_object_get(json, "msg"), JSON_ENCODE_ANY);
                text = str_format("time=\"%s\" level=error msg=%s", time ? time : "",
                                  quoted ? quoted : "");
        }
        json_decref(json);
        return text ? str_format("%s\n", text) : NULL;
}

/*
 * The kernel's reason as Go words it, "no such file or directory": Docker's and containerd's
 * clients look for those words to tell a missing program (127) and one that cannot be executed
 * (126, "permission denied") from other failures.
 */
static void word_reason(Err *err) {
        const char *reason = strerror(-err->code);
        char *first, *whole;

        if (!err->message || !str_ends_with(err->message, reason))
                return;
        first = err->message + strlen(err->message) - strlen(reason);
        *first = (char) tolower((unsigned char) *first);
        if (err->code != -EISDIR)
                return;
        whole = str_format("%s: permission denied", err->message);
        if (whole) {
                free(err->message);
                err->message = whole;
        }
}

static int tell(const OciProgram *program, Err *err) {
        const char *message;
        autofree char *record = NULL;

        word_reason(err);
        message = err->message ? err->message : strerror(-err->code);
        record = program->log >= 0 ? log_record(program, message) : NULL;
        log_release(true);
        if (record && write(program->log, record, strlen(record)) < 0)
                log_warn("cannot write the log: %s", strerror(errno));
        return command_complain(err);
}

static int complain(const CommandContext *context, Err *err) {
        return tell(context->oci, err);
}

static int open_log(const OciGlobals *g, OciProgram *program, Err *err) {
        const char *path = g->log, *after;

        program->log_json = str_equal(g->log_format, "json");
        if (g->log_format && !program->log_json && !str_equal(g->log_format, "text"))
                return refuse(err, EINVAL, "log format '%s' is neither text nor json",
                              g->log_format);
        if (str_empty(path))
                return 0;
        if (str_after(path, "journald:") || str_after(path, "syslog:"))
                return refuse(err, EOPNOTSUPP, "the log can only be a file, not '%s'", path);
        after = str_after(path, "file:");
        path = after ? after : path;
        program->log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
        return program->log < 0 ? fail(err, errno, "cannot open the log '%s'", path) : 0;
}

/* crun's words and ours. */
static int set_level(const OciGlobals *g, const OciProgram *program, Err *err) {
        LogLevel level = LOG_LEVEL_WARN;

        if (str_equal(g->log_level, "error"))
                level = LOG_LEVEL_NONE;
        else if (g->log_level && !str_equal(g->log_level, "warning") &&
                 log_level_parse(g->log_level, &level) < 0)
                return refuse(err, EINVAL,
                              "log level '%s' is none of debug, info, warning and error",
                              g->log_level);
        if (g->debug)
                level = LOG_LEVEL_DEBUG;
        log_setup(level, program->log_json, "isola-oci");
        /* Warnings come into the log at the end, if all went well: a caller may take what it says
         * of a failure for a single record. */
        if (program->log >= 0 && level <= LOG_LEVEL_INFO)
                log_to(program->log);
        else if (level == LOG_LEVEL_WARN)
                log_hold();
        return 0;
}

static int choose_manager(const OciGlobals *g, OciManager *ret, Err *err) {
        const char *name = g->cgroup_manager;

        *ret = g->systemd_cgroup ? OCI_SYSTEMD : OCI_CGROUPFS;
        if (!name)
                return 0;
        if (str_equal(name, "cgroupfs"))
                *ret = OCI_CGROUPFS;
        else if (str_equal(name, "systemd"))
                *ret = OCI_SYSTEMD;
        else if (str_equal(name, "disabled"))
                *ret = OCI_NO_CGROUP;
        else
                return refuse(err, EINVAL,
                              "cgroup manager '%s' is none of cgroupfs, systemd and disabled",
                              name);
        return 0;
}

static int check_rootless(const char *when, Err *err) {
        bool value;

        if (!when || str_equal(when, "auto") || parse_bool(when, &value) == 0)
                return 0;
        return refuse(err, EINVAL, "--rootless is true, false or auto, not '%s'", when);
}

static char *choose_root(const OciGlobals *g, const char *run_root) {
        const char *xdg = getenv("XDG_RUNTIME_DIR");

        if (!str_empty(g->root))
                return strdup(g->root);
        if (run_root)
                return str_format("%s/oci", run_root);
        /* Root of a user namespace is an ordinary user, as in rootless Podman. */
        if (geteuid() == 0 && (str_empty(xdg) || !idmap_is_inside()))
                return strdup("/run/isola/oci");
        return str_format("%s/isola/oci", str_empty(xdg) ? "/nonexistent" : xdg);
}

static int set_up(const OciGlobals *g, const char *run_root, OciProgram *program, Err *err) {
        autofree char *root = choose_root(g, run_root);
        int r = open_log(g, program, err);

        if (r >= 0)
                r = set_level(g, program, err);
        if (r >= 0)
                r = choose_manager(g, &program->manager, err);
        if (r >= 0)
                r = check_rootless(g->rootless, err);
        if (r < 0)
                return r;
        program->root = root ? oci_root_open(root, err) : fail(err, ENOMEM, "cannot start");
        return program->root < 0 ? program->root : 0;
}

static void print_version(void) {
        printf("isola-oci version %s\nspec: %s\n", ISOLA_VERSION, OCI_VERSION);
}

static int dispatch(const OciGlobals *g, const OptionWords *words, const char *run_root,
                    OciProgram *program, Err *err) {
        const CommandContext context = { .oci = program, .complain = complain, .usage_code = 1 };
        autofree const char **name = NULL;
        const Command *c;
        int used, r;

        if (g->version) {
                print_version();
                return 0;
        }
        if (words->help || words->n_args == 0) {
                help_oci();
                return 0;
        }
        name = calloc((size_t) words->n_args + 2, sizeof *name);
        if (!name)
                return fail(err, ENOMEM, "cannot read the command line");
        name[0] = "oci";
        memcpy(name + 1, words->args, (size_t) words->n_args * sizeof *name);
        c = command_find((char *const *) name, &used);
        if (!c)
                return command_unknown((char *const *) name, err);
        r = set_up(g, run_root, program, err);
        return r < 0 ? r : command_execute(c, &context, (char *const *) name + used);
}

/*
 * On standard error they would be the container's words: who creates one lets it inherit that.  So
 * they go to the log, or to somebody who watches.
 */
static void release_warnings(const OciProgram *program) {
        if (program->log >= 0)
                log_to(program->log);
        log_release(program->log < 0 && log_holds_lines() && !isatty(STDERR_FILENO));
}

int oci_main(char *const *argv, const char *run_root) {
        OciProgram program = { .root = -EBADF, .log = -EBADF };
        OptionWords words = {};
        OciGlobals globals = {};
        autoerr err = {};
        int r;

        r = option_parse(oci_options, true, argv, &globals, &words, &err);
        if (r < 0)
                err_hint(&err, r, "see 'isola oci --help'");
        else
                r = dispatch(&globals, &words, run_root, &program, &err);
        if (r < 0)
                tell(&program, &err);
        release_warnings(&program);
        option_clear(oci_options, &globals, &words);
        close_fd(program.root);
        close_fd(program.log);
        return r < 0 ? 1 : r;
}
