/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "builder/config.h"
#include "builder/expand.h"
#include "builder/expose.h"
#include "store/ignore.h"

void stage_state_clear(StageState *state) {
        json_clear(&oci_image_type, &state->image);
        strv_free(state->layers);
        strv_free(state->lowers);
        strv_free(state->variables);
        strv_free(state->args);
        strv_free(state->steps);
        *state = (StageState){};
}

int config_begin_scratch(StageState *state, const OciPlatform *platform) {
        OciImage *image = &state->image;

        image->architecture = strdup(platform->architecture);
        if (str_set(&image->variant, platform->variant) < 0)
                return -ENOMEM;
        image->os = strdup("linux");
        image->rootfs.type = strdup("layers");
        if (!image->architecture || !image->os || !image->rootfs.type ||
            strv_add(&image->config.env, "PATH=" PATH_DEFAULT) < 0)
                return -ENOMEM;
        return strv_copy(image->config.env, &state->variables);
}

int config_begin_image(StageState *state, const OciImage *image) {
        int r = json_clone(&oci_image_type, image, &state->image);

        if (r < 0)
                return r;
        state->image.rootfs.diff_ids = strv_free(state->image.rootfs.diff_ids);
        r = strv_copy(state->image.config.env, &state->variables);
        /* An image that says no PATH still gets one when it runs, so $PATH means that. */
        if (r >= 0 && !strv_env_get(state->variables, "PATH"))
                r = strv_add(&state->variables, "PATH=" PATH_DEFAULT);
        return r;
}

int config_add_history(StageState *state, const char *created_by, bool empty_layer) {
        OciImage *image = &state->image;
        OciHistory *entry = json_grow(&image->history, &image->n_history, sizeof *entry);

        if (!entry || !(entry->created_by = strdup(created_by)))
                return -ENOMEM;
        entry->empty_layer = empty_layer;
        return 0;
}

int config_shell_command(const StageState *state, const char *text, char ***ret) {
        char **shell = state->image.config.shell;

        if (shell)
                return strv_copy(shell, ret) < 0 ? -ENOMEM : strv_add(ret, text);
        if (strv_add(ret, "/bin/sh") < 0 || strv_add(ret, "-c") < 0)
                return -ENOMEM;
        return strv_add(ret, text);
}

char *config_arguments_text(const StageState *state) {
        size_t n = strv_length(state->args);
        autofree char *joined = strv_join(state->args, " ");

        if (!joined)
                return NULL;
        return n ? str_format("|%zu %s ", n, joined) : strdup("");
}

/* What one instruction works with. */
typedef struct Change {
        StageState *state;
        OciImageConfig *config;
        BuildArguments *arguments;
        const Instruction *instruction;
        char escape;
        Str *text;
        Err *err;
} Change;

static int no_memory(Change *change) {
        return fail(change->err, ENOMEM, "cannot carry out %s", change->instruction->name);
}

static int expand(Change *change, const char *word, char **ret) {
        return expand_word(word, change->state->variables, change->escape, ret, change->err);
}

static int replace(Change *change, char **member, char *value) {
        if (!value)
                return no_memory(change);
        free(*member);
        *member = value;
        return 0;
}

/* Expanded with what held before the instruction: ENV a=1 b=$a gives b the old a. */
static int expand_pairs(Change *change, char ***ret) {
        char *const *args = change->instruction->args;

        for (size_t i = 0; args[i]; i += 2) {
                autofree char *name = NULL, *value = NULL;
                int r = expand(change, args[i], &name);

                if (r >= 0)
                        r = expand(change, args[i + 1], &value);
                if (r < 0)
                        return r;
                if (!*name)
                        return refuse(change->err, EINVAL, "'%s' is an empty name", args[i]);
                if (strv_addf(ret, "%s=%s", name, value) < 0)
                        return no_memory(change);
                str_printf(change->text, " %s=%s", name, value);
        }
        return 0;
}

static int apply_env(Change *change) {
        autostrv pairs = NULL;
        int r = expand_pairs(change, &pairs);

        if (r < 0)
                return r;
        strv_foreach(pair, pairs)
                if (strv_env_set(&change->config->env, *pair) < 0 ||
                    strv_env_set(&change->state->variables, *pair) < 0)
                        return no_memory(change);
        return 1;
}

static int apply_label(Change *change) {
        autostrv pairs = NULL;
        int r = expand_pairs(change, &pairs);

        if (r < 0)
                return r;
        strv_foreach(pair, pairs)
                if (strv_env_set(&change->config->labels, *pair) < 0)
                        return no_memory(change);
        return 1;
}

static int apply_arg(Change *change) {
        strv_foreach(word, change->instruction->args) {
                BuildArgument argument = {};
                int r = build_argument_resolve(change->arguments, *word, change->state->variables,
                                               true, change->escape, &argument, change->err);
                autofree char *name = argument.name;
                autofree char *value = argument.value;
                autofree char *pair = NULL;

                if (r < 0)
                        return r;
                if (!value)
                        continue;
                pair = str_format("%s=%s", name, value);
                if (!pair || strv_env_set(&change->state->variables, pair) < 0 ||
                    strv_env_set(&change->state->args, pair) < 0)
                        return no_memory(change);
        }
        return 0;
}

static int add_port(Change *change, uint64_t port, const char *protocol) {
        autofree char *text = str_format("%u/%s", (unsigned) port, protocol);

        if (!text)
                return no_memory(change);
        if (!strv_has(change->config->exposed_ports, text) &&
            strv_add(&change->config->exposed_ports, text) < 0)
                return no_memory(change);
        return 0;
}

static int expose(Change *change, const char *word) {
        ExposedPorts ports;
        int r = expose_parse(word, &ports, change->err);

        for (uint64_t port = ports.first; r >= 0 && port <= ports.last; port++)
                r = add_port(change, port, ports.protocol);
        return r;
}

static int apply_expose(Change *change) {
        strv_foreach(word, change->instruction->args) {
                autostrv ports = NULL;
                int r = expand_words(*word, change->state->variables, change->escape, &ports,
                                     change->err);

                if (r < 0)
                        return r;
                strv_foreach(port, ports) {
                        for (char *c = *port; *c; c++)
                                *c = (char) tolower((unsigned char) *c);
                        r = expose(change, *port);
                        if (r < 0)
                                return r;
                        str_printf(change->text, " %s", *port);
                }
        }
        return 1;
}

static int apply_volume(Change *change) {
        strv_foreach(word, change->instruction->args) {
                autofree char *path = NULL;
                int r = expand(change, *word, &path);

                if (r < 0)
                        return r;
                if (!*path)
                        return refuse(change->err, EINVAL, "VOLUME '%s' is an empty path", *word);
                if (!strv_has(change->config->volumes, path) &&
                    strv_add(&change->config->volumes, path) < 0)
                        return no_memory(change);
                str_printf(change->text, " %s", path);
        }
        return 1;
}

static int apply_user(Change *change) {
        autofree char *user = NULL;
        int r = expand(change, change->instruction->args[0], &user);

        if (r < 0)
                return r;
        str_printf(change->text, " %s", user);
        return replace(change, &change->config->user, take_ptr(user)) < 0 ? -ENOMEM : 1;
}

static int apply_workdir(Change *change) {
        const char *old = change->config->working_dir;
        autofree char *path = NULL, *joined = NULL;
        int r = expand(change, change->instruction->args[0], &path);

        if (r < 0)
                return r;
        if (!*path)
                return refuse(change->err, EINVAL, "WORKDIR '%s' is an empty path",
                              change->instruction->args[0]);
        joined = *path == '/' ? strdup(path) : str_format("%s/%s", str_empty(old) ? "" : old, path);
        if (!joined)
                return no_memory(change);
        r = replace(change, &change->config->working_dir, path_clean(joined));
        if (r < 0)
                return r;
        str_printf(change->text, " %s", change->config->working_dir);
        return 1;
}

/* "SIGTERM", "term", "15", "RTMIN+3". */
static bool is_signal(const char *text) {
        const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
        int number;

        if (parse_int(text, 1, SIGRTMAX, &number) == 0)
                return true;
        if (strncasecmp(name, "RTMIN", 5) == 0 || strncasecmp(name, "RTMAX", 5) == 0)
                return !name[5] || parse_int(name + 6, 0, 30, &number) == 0;
        for (int i = 1; i < SIGRTMIN; i++) {
                const char *known = sigabbrev_np(i);

                if (known && strcasecmp(known, name) == 0)
                        return true;
        }
        return false;
}

static int apply_stopsignal(Change *change) {
        autofree char *signal = NULL;
        int r = expand(change, change->instruction->args[0], &signal);

        if (r < 0)
                return r;
        if (!is_signal(signal))
                return refuse(change->err, EINVAL, "there is no signal '%s'", signal);
        str_printf(change->text, " %s", signal);
        return replace(change, &change->config->stop_signal, take_ptr(signal)) < 0 ? -ENOMEM : 1;
}

/* The exec form as it is, the shell form handed to the shell. */
static int take_command(Change *change, char ***member) {
        const Instruction *instruction = change->instruction;
        autostrv command = NULL;
        int r = 0;

        if (instruction->json)
                r = strv_copy(instruction->args, &command);
        else if (instruction->args)
                r = config_shell_command(change->state, instruction->args[0], &command);
        if (r < 0)
                return no_memory(change);
        strv_free(*member);
        *member = take_ptr(command);
        str_printf(change->text, " %s", instruction->rest);
        return 1;
}

static int apply_cmd(Change *change) {
        change->state->cmd_set = true;
        return take_command(change, &change->config->cmd);
}

static int apply_entrypoint(Change *change) {
        if (!change->state->cmd_set)
                change->config->cmd = strv_free(change->config->cmd);
        return take_command(change, &change->config->entrypoint);
}

static int apply_shell(Change *change) {
        return take_command(change, &change->config->shell);
}

static int apply_maintainer(Change *change) {
        str_printf(change->text, " %s", change->instruction->args[0]);
        return replace(change, &change->state->image.author, strdup(change->instruction->args[0])) <
                               0
                       ? -ENOMEM
                       : 1;
}

static int read_span(Change *change, const char *flag, int64_t *ret) {
        const char *text = instruction_flag(change->instruction, flag);

        if (!text)
                return 0;
        if (span_parse(text, 0, ret) < 0 || *ret < 0 || (*ret > 0 && *ret < 1000000))
                return refuse(change->err, EINVAL, "--%s=%s is no span of at least 1ms", flag,
                              text);
        return 0;
}

static int read_healthcheck(Change *change, OciHealthcheck *check) {
        const Instruction *instruction = change->instruction;
        const char *retries = instruction_flag(instruction, "retries");
        int r;

        r = read_span(change, "interval", &check->interval);
        if (r >= 0)
                r = read_span(change, "timeout", &check->timeout);
        if (r >= 0)
                r = read_span(change, "start-period", &check->start_period);
        if (r >= 0)
                r = read_span(change, "start-interval", &check->start_interval);
        if (r < 0)
                return r;
        if (retries && parse_int(retries, 0, 1000000, &check->retries) < 0)
                return refuse(change->err, EINVAL, "--retries=%s is no number", retries);

        if (str_equal(instruction->args[0], "NONE"))
                r = strv_add(&check->test, "NONE");
        else if (instruction->json)
                r = strv_copy(instruction->args, &check->test);
        else if (strv_add(&check->test, "CMD-SHELL") < 0)
                r = -ENOMEM;
        else
                r = strv_add(&check->test, instruction->args[1]);
        return r < 0 ? no_memory(change) : 0;
}

static int apply_healthcheck(Change *change) {
        OciHealthcheck *check = calloc(1, sizeof *check);
        int r;

        if (!check)
                return no_memory(change);
        if (change->config->healthcheck) {
                json_clear(&oci_healthcheck_type, change->config->healthcheck);
                free(change->config->healthcheck);
        }
        change->config->healthcheck = check;
        r = read_healthcheck(change, check);
        if (r < 0)
                return r;
        str_put(change->text, change->instruction->text + strlen("HEALTHCHECK"));
        return 1;
}

static int apply_onbuild(Change *change) {
        if (strv_add(&change->config->on_build, change->instruction->args[0]) < 0)
                return no_memory(change);
        str_printf(change->text, " %s", change->instruction->args[0]);
        return 1;
}

int config_apply(StageState *state, BuildArguments *arguments, const Instruction *instruction,
                 char escape, char **ret_text, Err *err) {
        static int (*const apply[])(Change *) = {
                [INSTRUCTION_ARG] = apply_arg,
                [INSTRUCTION_CMD] = apply_cmd,
                [INSTRUCTION_ENTRYPOINT] = apply_entrypoint,
                [INSTRUCTION_ENV] = apply_env,
                [INSTRUCTION_EXPOSE] = apply_expose,
                [INSTRUCTION_HEALTHCHECK] = apply_healthcheck,
                [INSTRUCTION_LABEL] = apply_label,
                [INSTRUCTION_MAINTAINER] = apply_maintainer,
                [INSTRUCTION_ONBUILD] = apply_onbuild,
                [INSTRUCTION_SHELL] = apply_shell,
                [INSTRUCTION_STOPSIGNAL] = apply_stopsignal,
                [INSTRUCTION_USER] = apply_user,
                [INSTRUCTION_VOLUME] = apply_volume,
                [INSTRUCTION_WORKDIR] = apply_workdir,
        };
        autostr text = {};
        Change change = { state, &state->image.config, arguments, instruction, escape, &text, err };
        int r;

        if ((size_t) instruction->kind >= sizeof apply / sizeof *apply || !apply[instruction->kind])
                return refuse(err, ENOTSUP, "%s does more than change the configuration",
                              instruction->name);
        str_put(&text, instruction->name);
        r = apply[instruction->kind](&change);
        if (r < 0)
                return r;
        *ret_text = str_take(&text);
        return *ret_text ? r : no_memory(&change);
}
