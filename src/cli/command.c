/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/nearest.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/oci.h"
#include "cli/option.h"
#include "engine/rootless.h"
#include "engine/uplink.h"
#include "kernel/chroot.h"

#define USAGE_CODE 125 /* what Docker's commands return for a wrong option */

extern const Command *const __start_isola_commands[];
extern const Command *const __stop_isola_commands[];

typedef struct Globals {
        const char *root, *run_root, *log_level, *log_format;
        bool debug, version, introspect;
} Globals;

static const Option global_options[] COMMAND_DATA = {
        OPT_STRING(0, "root", Globals, root, "DIR",
                   "Keep images and containers in DIR (/var/lib/isola)", "dir"),
        OPT_STRING(0, "run-root", Globals, run_root, "DIR",
                   "Keep what is gone after a reboot in DIR (/run/isola)", "dir"),
        OPT_STRING('l', "log-level", Globals, log_level, "LEVEL",
                   "Tell more on stderr: debug, info, warn or none (warn)", "debug|info|warn|none"),
        OPT_STRING(0, "log-format", Globals, log_format, "FORMAT", "Log as text or json (text)",
                   "text|json"),
        OPT_FLAG('D', "debug", Globals, debug, "Same as --log-level=debug"),
        OPT_FLAG('v', "version", Globals, version, "Print the version"),
        OPT_FLAG(0, "introspect-cli", Globals, introspect, "Describe all commands as JSON"),
        {},
};

const Option *command_globals(void) {
        return global_options;
}

static int compare(const void *a, const void *b) {
        const Command *x = *(const Command *const *) a, *y = *(const Command *const *) b;
        int r = strcmp(x->group ? x->group : "", y->group ? y->group : "");

        return r ? r : strcmp(x->name, y->name);
}

const Command **command_list(void) {
        size_t n = (size_t) (__stop_isola_commands - __start_isola_commands);
        const Command **list = calloc(n + 1, sizeof *list);

        if (list) {
                memcpy(list, __start_isola_commands, n * sizeof *list);
                qsort(list, n, sizeof *list, compare);
        }
        return list;
}

/* How many words of @words the name of @length bytes has, if they begin with it; else 0. */
static int words_of_name(const char *name, size_t length, char *const *words) {
        const char *end = name + length;
        int n = 0;

        for (; name < end; n++) {
                size_t word = strcspn(name, " ,");

                if (!words[n] || strlen(words[n]) != word || memcmp(words[n], name, word) != 0)
                        return 0;
                name += word + (name + word < end);
        }
        return n;
}

/* Same over the name and all aliases of a command. */
static int words_of_command(const Command *c, char *const *words) {
        int best = words_of_name(c->name, strlen(c->name), words);

        for (const char *alias = c->alias; alias && *alias;) {
                size_t length = strcspn(alias, ",");
                int n = words_of_name(alias, length, words);

                if (n > best)
                        best = n;
                alias += length + (alias[length] == ',');
        }
        return best;
}

const Command *command_find(char *const *words, int *ret_used) {
        const Command *found = NULL;
        int used = 0;

        for (const Command *const *c = __start_isola_commands; c < __stop_isola_commands; c++) {
                int n = words_of_command(*c, words);

                if (n > used) {
                        used = n;
                        found = *c;
                }
        }
        if (ret_used)
                *ret_used = used;
        return found;
}

void command_print(int fd, const char *text) {
        autofree char *safe = isatty(fd) ? str_printable_lines(text) : NULL;

        dprintf(fd, "%s", safe ? safe : text);
}

static void print_line(const char *label, const char *text) {
        autofree char *safe = isatty(STDERR_FILENO) ? str_printable(text) : NULL;

        fprintf(stderr, "%s: %s\n", label, safe ? safe : text);
}

int command_complain(Err *err) {
        int code = err->code;

        fflush(stdout);
        print_line("isola", err->message ? err->message : strerror(-code));
        if (err->hint)
                print_line("hint", err->hint);
        else if ((code == -EPERM || code == -EACCES) && geteuid() != 0)
                print_line("hint", "isola needs root for this: put sudo in front of it");
        err_clear(err);
        return code;
}

/* Names as they may be typed, hidden ones left out; the list and its strings are the caller's. */
static char **all_names(void) {
        autostrv names = NULL;

        for (const Command *const *c = __start_isola_commands; c < __stop_isola_commands; c++) {
                autostrv aliases = NULL;

                if ((*c)->hidden)
                        continue;
                if (strv_add(&names, (*c)->name) < 0)
                        return NULL;
                if ((*c)->alias && (strv_split((*c)->alias, ",", true, &aliases) < 0 ||
                                    strv_extend(&names, aliases) < 0))
                        return NULL;
        }
        return take_ptr(names);
}

/* Adds "network" for "network create", so that it can be proposed. */
static int add_families(char ***names) {
        size_t n = strv_length(*names);

        for (size_t i = 0; i < n; i++) {
                const char *space = strchr((*names)[i], ' ');
                autofree char *family =
                        space ? strndup((*names)[i], (size_t) (space - (*names)[i])) : NULL;

                if (space &&
                    (!family || (!strv_has(*names, family) && strv_add(names, family) < 0)))
                        return -ENOMEM;
        }
        return 0;
}

static bool is_family(char *const *names, const char *word) {
        strv_foreach(name, names) {
                const char *rest = str_after(*name, word);

                if (rest && *rest == ' ')
                        return true;
        }
        return false;
}

int command_unknown(char *const *words, Err *err) {
        autostrv names = all_names();
        autofree char *typed = is_family(names, words[0]) && words[1]
                                       ? str_format("%s %s", words[0], words[1])
                                       : strdup(words[0]);
        const char *near;

        if (!typed || add_families(&names) < 0)
                return fail(err, ENOMEM, "cannot read the command line");
        near = names ? nearest_name(typed, (const char *const *) names) : NULL;
        if (near)
                refuse(err, EINVAL, "unknown command '%s'; did you mean '%s'?", typed, near);
        else
                refuse(err, EINVAL, "unknown command '%s'", typed);
        return err_hint(err, -EINVAL, "see 'isola %s--help'",
                        str_equal(words[0], "oci") ? "oci " : "");
}

static int check_operands(const Command *c, int n, Err *err) {
        const char *usage = c->synopsis ? c->synopsis : "";
        int r;

        if (n >= c->min_args && (c->max_args == ARGS_ANY || n <= c->max_args))
                return 0;
        if (c->max_args == 0)
                r = refuse(err, EINVAL, "'isola %s' takes no arguments", c->name);
        else if (c->min_args == c->max_args)
                r = refuse(err, EINVAL, "'isola %s' needs exactly %d argument%s", c->name,
                           c->min_args, c->min_args == 1 ? "" : "s");
        else if (n < c->min_args)
                r = refuse(err, EINVAL, "'isola %s' needs at least %d argument%s", c->name,
                           c->min_args, c->min_args == 1 ? "" : "s");
        else
                r = refuse(err, EINVAL, "'isola %s' takes at most %d argument%s", c->name,
                           c->max_args, c->max_args == 1 ? "" : "s");
        return err_hint(err, r, "usage: isola %s %s", c->name, usage);
}

/* Opens isola's directories, unless the command does without, and runs it. */
/* In a chroot, isola works from a root of its own: see kernel/chroot.h. */
static void own_root(void) {
        autoerr err = {};

        if (geteuid() == 0 && chroot_is_partial() && chroot_own_root(&err) < 0)
                log_info("%s; going on inside the chroot", err.message ? err.message : "no memory");
}

static int run_with_home(const Command *c, const CommandContext *context, void *values,
                         const OptionWords *words, Err *err) {
        autoptr(Home) home = NULL;
        char *none[] = { NULL };
        CommandInput in = {
                .options = values,
                .args = words->args ? (char **) words->args : none,
                .n_args = words->n_args,
                .oci = context->oci,
        };
        int r;

        own_root();
        if (!c->no_home) {
                r = home_open(context->root, context->run_root, &home, err);
                if (r < 0)
                        return r;
                in.home = home;
                if (rootless_is_needed()) {
                        r = rootless_enter(home, err);
                        if (r < 0)
                                return r;
                }
                r = uplink_choose(home, err);
                if (r < 0)
                        return r;
        }
        return c->run(&in, err);
}

int command_execute(const Command *c, const CommandContext *context, char *const *argv) {
        autofree void *values = calloc(1, c->options_size + 1);
        int r, failure_code = c->failure_code ? c->failure_code : 1;
        OptionWords words = {};
        autoerr err = {};

        r = values ? option_parse(c->options, c->options_first, argv, values, &words, &err)
                   : fail(&err, ENOMEM, "cannot read the command line");
        if (r < 0) {
                failure_code = context->usage_code;
                err_hint(&err, r, "see 'isola %s --help'", c->name);
        } else if (words.help)
                help_command(c);
        else {
                r = check_operands(c, words.n_args, &err);
                if (r == 0)
                        r = run_with_home(c, context, values, &words, &err);
        }

        if (values)
                option_clear(c->options, values, &words);
        if (r < 0)
                context->complain(context, &err);
        return r < 0 ? failure_code : r;
}

static int complain(const CommandContext *context, Err *err) {
        return command_complain(err);
}

static int set_up_log(const Globals *globals, Err *err) {
        bool json = str_equal(globals->log_format, "json");
        LogLevel level = LOG_LEVEL_WARN;

        if (globals->log_format && !json && !str_equal(globals->log_format, "text"))
                return refuse(err, EINVAL, "log format '%s' is not text or json",
                              globals->log_format);
        if (globals->log_level && log_level_parse(globals->log_level, &level) < 0)
                return refuse(err, EINVAL, "log level '%s' is not debug, info, warn or none",
                              globals->log_level);
        log_setup(globals->debug ? LOG_LEVEL_DEBUG : level, json, "isola");
        return 0;
}

/* "isola help stop" is "isola stop --help"; returns the exit code. */
static int help_for(char *const *words, Err *err) {
        const Command *c = words[0] ? command_find(words, NULL) : NULL;

        if (c)
                help_command(c);
        else if (!words[0])
                help_program(global_options);
        else if (words[1] || !help_family(words[0]))
                return command_unknown(words, err);
        return 0;
}

static int dispatch(const Globals *globals, const OptionWords *words, Err *err) {
        const CommandContext context = { globals->root, globals->run_root, NULL, complain,
                                         USAGE_CODE };
        char *const *args = (char *const *) words->args;
        const Command *c;
        int used, r;

        if (globals->version) {
                printf("isola version %s\n", ISOLA_VERSION);
                return 0;
        }
        if (globals->introspect) {
                help_introspect(global_options);
                return 0;
        }
        if (words->help || !args) {
                help_program(global_options);
                return 0;
        }

        r = set_up_log(globals, err);
        if (r < 0)
                return r;
        c = command_find(args, &used);
        if (str_equal(args[0], "oci"))
                return oci_main(args + 1, globals->run_root);
        if (c)
                return command_execute(c, &context, args + used);
        if (str_equal(args[0], "help"))
                return help_for(args + 1, err);
        if ((!args[1] || str_equal(args[1], "--help") || str_equal(args[1], "-h")) &&
            help_family(args[0]))
                return 0;
        return command_unknown(args, err);
}

/* What could not be written must not look like success. */
static int end(int code) {
        autoerr err = {};

        if ((fflush(stdout) != 0 || ferror(stdout)) && code == 0) {
                fail(&err, errno, "cannot write the result");
                command_complain(&err);
                code = 1;
        }
        return code;
}

int command_main(int argc, char **argv) {
        const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
        const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "";
        OptionWords words = {};
        Globals globals = {};
        autoerr err = {};
        int code, r;

        if (str_equal(name, "isola-oci"))
                return end(oci_main(argv + 1, NULL));

        r = option_parse(global_options, true, argc > 0 ? argv + 1 : argv, &globals, &words, &err);
        if (r < 0) {
                err_hint(&err, r, "see 'isola --help'");
                code = USAGE_CODE;
        } else
                code = r = dispatch(&globals, &words, &err);
        if (r < 0) {
                command_complain(&err);
                code = code < 0 ? 1 : code;
        }
        option_clear(global_options, &globals, &words);

        return end(code);
}
