/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/lab_operand.h"
#include "lab/watch.h"

typedef struct EventsOptions {
        const char *format;
        const char **filters;
        bool initial;
        int64_t duration;
} EventsOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LIST('f', "filter", EventsOptions, filters, "KEY=VALUE",
                 "Only those with that type, action, name or lab"),
        OPT_STRING(0, "format", EventsOptions, format, "FORMAT", "Print as json or a Go template"),
        OPT_FLAG('i', "initial", EventsOptions, initial, "Begin with what is there"),
        OPT_SPAN('d', "duration", EventsOptions, duration, "TIME", "End by itself after TIME"),
        {},
};

typedef struct Output {
        const EventsOptions *options;
        Err *err;
} Output;

static const char *member(const LabEvent *e, const char *key) {
        const struct {
                const char *key, *value;
        } members[] = {
                { "type", e->type }, { "action", e->action }, { "name", e->name }, { "lab", e->lab }
        };

        for (size_t i = 0; i < sizeof members / sizeof *members; i++)
                if (str_equal(members[i].key, key))
                        return members[i].value;
        return NULL;
}

/* As Docker: of one key any, of several keys all. */
static bool is_wanted(const LabEvent *e, const char **filters) {
        static const char *const keys[] = { "type", "action", "name", "lab" };

        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
                bool any = false, match = false;

                strv_foreach(filter, filters) {
                        const char *value = str_after(*filter, keys[i]);

                        if (!value || *value != '=')
                                continue;
                        any = true;
                        match = match || str_glob(value + 1, member(e, keys[i]));
                }
                if (any && !match)
                        return false;
        }
        return true;
}

static int check_filters(const char **filters, Err *err) {
        const LabEvent none = { .type = "", .action = "", .lab = "", .name = "" };

        strv_foreach(filter, filters) {
                autofree char *key = strndup(*filter, strcspn(*filter, "="));

                if (!key || !strchr(*filter, '=') || !member(&none, key))
                        return refuse(err, EINVAL,
                                      "'%s' is no filter: type=, action=, name= or lab=", *filter);
        }
        return 0;
}

static int print_text(const LabEvent *e) {
        char time[CLOCK_RFC3339_LENGTH + 1];
        autofree char *attributes = strv_join(e->attributes, ", ");
        autostr line = {};
        autofree char *shown = NULL;

        if (!attributes)
                return -ENOMEM;
        clock_put_rfc3339(e->time_ns, time);
        str_printf(&line, "%s %s %s %s%s%s%s%s%s", time, e->type, e->action, e->lab,
                   *e->name ? " " : "", e->name, *attributes ? " (" : "", attributes,
                   *attributes ? ")" : "");
        shown = line.failed ? NULL : str_printable(line.text);
        if (!shown)
                return -ENOMEM;
        puts(shown);
        return 0;
}

static json_t *document_of(const LabEvent *e) {
        char time[CLOCK_RFC3339_LENGTH + 1];
        json_t *attributes = json_object(), *document;

        clock_put_rfc3339(e->time_ns, time);
        strv_foreach(attribute, e->attributes) {
                const char *value = strchr(*attribute, '=');
                autofree char *key = strndup(*attribute, strcspn(*attribute, "="));

                if (key)
                        json_object_set_new(attributes, key, json_string(value ? value + 1 : ""));
        }
        document =
                json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "Time", time, "Type", e->type, "Action",
                          e->action, "Lab", e->lab, "Name", e->name, "Attributes", attributes);
        return document;
}

static int print_formatted(const LabEvent *e, const char *format, Err *err) {
        json_t *list = json_array(), *document = document_of(e);
        int r = !list || !document || json_array_append_new(list, document) < 0
                        ? fail(err, ENOMEM, "cannot print an event")
                        : format_documents(list, format, err);

        json_decref(list);
        return r;
}

static int tell(const LabEvent *e, void *context) {
        const Output *o = context;
        int r;

        if (!is_wanted(e, o->options->filters))
                return 0;
        r = o->options->format ? print_formatted(e, o->options->format, o->err) : print_text(e);
        if (r >= 0 && (fflush(stdout) < 0 || ferror(stdout)))
                r = -EPIPE;
        return r;
}

/* Two for each node of large labs. */
static void allow_descriptors(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                (void) setrlimit(RLIMIT_NOFILE, &limit);
        }
}

static int open_signals(Err *err) {
        sigset_t signals;
        int fd;

        sigemptyset(&signals);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &signals, NULL);
        fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        return fd < 0 ? fail(err, errno, "cannot wait for signals") : fd;
}

static int cmd_lab_events(const CommandInput *in, Err *err) {
        const EventsOptions *o = in->options;
        Output output = { o, err };
        LabWatch watch = { .initial = o->initial,
                           .end_ms = o->duration < 0 ? -1 : clock_monotonic_ms() + o->duration,
                           .tell = tell,
                           .context = &output };
        autostrv names = NULL;
        autoclose int signals = -EBADF;
        int r = check_filters(o->filters, err);

        for (int i = 0; r >= 0 && i < in->n_args; i++) {
                char *name = NULL;

                r = lab_operand_name(in->home, in->args[i], &name, err);
                if (r >= 0 && strv_take(&names, name) < 0)
                        r = fail(err, ENOMEM, "cannot watch labs");
        }
        signals = r < 0 ? r : open_signals(err);
        if (signals < 0)
                return signals;
        allow_descriptors();
        watch.labs = names;
        watch.stop = signals;
        r = lab_watch(in->home, &watch, err);
        /* Whoever reads has seen enough. */
        if (r == -EPIPE) {
                err_clear(err);
                return 0;
        }
        return r;
}

COMMAND(lab_events) = {
        .name = "lab events",
        .group = "Labs",
        .synopsis = "[OPTION...] [LAB...]",
        .summary = "Tell what happens in labs, as it happens",
        .options = options,
        .options_size = sizeof(EventsOptions),
        .max_args = ARGS_ANY,
        .completes = "lab",
        .run = cmd_lab_events,
};
