/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/str.h"
#include "builder/expand.h"
#include "builder/stages.h"

int stages_find(const Stages *plan, size_t before, const char *name) {
        int number;

        for (size_t i = before; i-- > 0;)
                if (plan->stages[i].name && strcasecmp(plan->stages[i].name, name) == 0)
                        return (int) i;
        if (parse_int(name, 0, INT_MAX, &number) == 0 && (size_t) number < before)
                return number;
        return -1;
}

/* [a-z][a-z0-9_.-]*, capitals made small. */
static int take_name(const char *word, char **ret, Err *err) {
        autofree char *name = strdup(word);

        if (!name)
                return fail(err, ENOMEM, "cannot plan");
        for (char *c = name; *c; c++)
                *c = (char) tolower((unsigned char) *c);
        if (!islower((unsigned char) *name) ||
            name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.")])
                return refuse(err, EINVAL, "'%s' is no name for a stage", word);
        *ret = take_ptr(name);
        return 0;
}

static int read_platform(Stage *stage, const BuildArguments *arguments, char escape, Err *err) {
        const char *flag = instruction_flag(stage->from, "platform");
        autofree char *platform = NULL, *target = platform_text(&arguments->target);
        int r;

        if (flag) {
                r = expand_word(flag, arguments->global, escape, &platform, err);
                if (r < 0)
                        return r;
        }
        if (flag && !*platform)
                return refuse(err, EINVAL, "FROM --platform=%s is empty", flag);
        stage->platform_said = flag != NULL;
        return build_platform_parse(stage->platform_said ? platform : target, &stage->platform,
                                    err);
}

static int plan_stage(Stages *plan, Stage *stage, const BuildArguments *arguments, char escape,
                      Err *err) {
        char *const *args = stage->from->args;
        size_t n = strv_length(args), index = (size_t) (stage - plan->stages);
        int r;

        if (n == 2 || (n == 3 && strcasecmp(args[1], "AS") != 0))
                return refuse(err, EINVAL, "FROM needs an image, or `image AS name`");
        r = read_platform(stage, arguments, escape, err);
        if (r >= 0)
                r = expand_word(args[0], arguments->global, escape, &stage->base, err);
        if (r >= 0 && n == 3)
                r = take_name(args[2], &stage->name, err);
        if (r < 0)
                return r;
        if (!*stage->base)
                return refuse(err, EINVAL, "FROM '%s' names no image: the variable is empty",
                              args[0]);

        /* Only by name: a number would be an image's. */
        stage->base_stage = -1;
        for (size_t i = index; i-- > 0 && stage->base_stage < 0;)
                if (plan->stages[i].name && strcasecmp(plan->stages[i].name, stage->base) == 0)
                        stage->base_stage = (int) i;
        return 0;
}

static void mark_needed(Stages *plan, size_t index);

/* One that cannot be noted for want of memory has been built by then, if stages go one by one. */
static void add_source(Stages *plan, size_t index, size_t source) {
        Stage *stage = &plan->stages[index];
        size_t *slot = json_grow(&stage->sources, &stage->n_sources, sizeof *slot);

        if (slot)
                *slot = source;
        else
                plan->one_by_one = true;
        mark_needed(plan, source);
}

static void mark_source(Stages *plan, size_t index, const char *from) {
        int source = from ? stages_find(plan, index, from) : -1;

        if (source >= 0)
                add_source(plan, index, (size_t) source);
}

/* The stages that the mounts of a RUN show; a mount that is wrong is told when it is carried out.
 */
static void mark_mounts(Stages *plan, size_t index, const Instruction *run) {
        autostrv mounts = NULL;

        if (instruction_flags(run, "mount", &mounts) < 0)
                return;
        strv_foreach(mount, mounts) {
                autostrv fields = NULL;

                if (strv_split_csv(*mount, &fields) < 0)
                        continue;
                mark_source(plan, index, strv_env_get(fields, "from"));
        }
}

/* Marks what a stage needs, itself included; earlier stages only, so this ends. */
static void mark_needed(Stages *plan, size_t index) {
        Stage *stage = &plan->stages[index];

        if (stage->needed)
                return;
        stage->needed = true;
        plan->n_steps += stage->n + 1;
        if (stage->base_stage >= 0)
                add_source(plan, index, (size_t) stage->base_stage);
        for (size_t i = 0; i < stage->n; i++) {
                if (stage->steps[i].kind == INSTRUCTION_COPY)
                        mark_source(plan, index, instruction_flag(&stage->steps[i], "from"));
                else if (stage->steps[i].kind == INSTRUCTION_RUN)
                        mark_mounts(plan, index, &stage->steps[i]);
        }
}

/* ARGs before the first FROM. */
static int read_global(const Containerfile *file, size_t n, BuildArguments *arguments,
                       int *ret_line, Err *err) {
        for (size_t i = 0; i < n; i++) {
                *ret_line = file->instructions[i].line;
                strv_foreach(word, file->instructions[i].args) {
                        BuildArgument argument = {};
                        int r = build_argument_resolve(arguments, *word, arguments->global, false,
                                                       file->escape, &argument, err);
                        autofree char *name = argument.name;
                        autofree char *value = argument.value;
                        autofree char *assignment = NULL;

                        if (r < 0)
                                return r;
                        if (!value)
                                continue;
                        assignment = str_format("%s=%s", name, value);
                        if (!assignment || strv_env_set(&arguments->global, assignment) < 0)
                                return fail(err, ENOMEM, "cannot plan");
                }
        }
        return 0;
}

static int find_target(const Stages *plan, const char *target, size_t *ret, Err *err) {
        int found;

        *ret = plan->n - 1;
        if (!target)
                return 0;
        found = stages_find(plan, plan->n, target);
        if (found < 0)
                return refuse(err, EINVAL, "there is no stage '%s' in the Dockerfile", target);
        *ret = (size_t) found;
        return 0;
}

/* The name of the stage that is wanted, before stages are known: FROM may use it. */
static int set_target_stage(const Containerfile *file, const char *target,
                            BuildArguments *arguments) {
        autofree char *name = target ? strdup(target) : NULL;
        const Instruction *last = NULL;

        for (size_t i = 0; i < file->n; i++)
                if (file->instructions[i].kind == INSTRUCTION_FROM)
                        last = &file->instructions[i];
        if (!target && last && strv_length(last->args) == 3 && !(name = strdup(last->args[2])))
                return -ENOMEM;
        for (char *c = target ? NULL : name; c && *c; c++)
                *c = (char) tolower((unsigned char) *c);
        return build_arguments_set_stage(arguments, name ? name : "default");
}

int stages_make(const Containerfile *file, BuildArguments *arguments, const char *target,
                Stages **ret, Err *err) {
        autoptr(Stages) plan = calloc(1, sizeof *plan);
        size_t first = 0;
        int r, line = 0;

        if (!plan)
                return fail(err, ENOMEM, "cannot plan");
        while (file->instructions[first].kind != INSTRUCTION_FROM)
                first++;
        if (set_target_stage(file, target, arguments) < 0)
                return fail(err, ENOMEM, "cannot plan");
        r = read_global(file, first, arguments, &line, err);
        if (r < 0)
                return err_prefix(err, r, "%s:%d", file->place, line);

        for (size_t i = first; i < file->n; i++) {
                const Instruction *instruction = &file->instructions[i];
                Stage *stage;

                if (instruction->kind != INSTRUCTION_FROM) {
                        plan->stages[plan->n - 1].n++;
                        continue;
                }
                stage = json_grow(&plan->stages, &plan->n, sizeof *stage);
                if (!stage)
                        return fail(err, ENOMEM, "cannot plan");
                stage->from = instruction;
                stage->steps = instruction + 1;
                r = plan_stage(plan, stage, arguments, file->escape, err);
                if (r < 0)
                        return err_prefix(err, r, "%s:%d", file->place, instruction->line);
        }

        r = find_target(plan, target, &plan->target, err);
        if (r < 0)
                return r;
        plan->n_steps = first;
        mark_needed(plan, plan->target);
        for (size_t i = 0, step = first; i < plan->n; i++) {
                plan->stages[i].first_step = step;
                step += plan->stages[i].needed ? plan->stages[i].n + 1 : 0;
        }
        *ret = take_ptr(plan);
        return 0;
}

static bool mounts_use(const Instruction *run, const char *name) {
        autostrv mounts = NULL;
        bool found = false;

        if (instruction_flags(run, "mount", &mounts) < 0)
                return true;
        strv_foreach(mount, mounts) {
                autostrv fields = NULL;
                const char *from =
                        strv_split_csv(*mount, &fields) < 0 ? NULL : strv_env_get(fields, "from");

                found |= from && strcasecmp(from, name) == 0;
        }
        return found;
}

bool stages_use(const Stages *plan, const char *name) {
        for (size_t i = 0; i < plan->n; i++) {
                const Stage *stage = &plan->stages[i];

                if (!stage->needed)
                        continue;
                if (strcasecmp(stage->base, name) == 0)
                        return true;
                for (size_t j = 0; j < stage->n; j++) {
                        const char *from = instruction_flag(&stage->steps[j], "from");

                        if ((from && strcasecmp(from, name) == 0) ||
                            mounts_use(&stage->steps[j], name))
                                return true;
                }
        }
        return false;
}

Stages *stages_free(Stages *plan) {
        if (!plan)
                return NULL;
        for (size_t i = 0; i < plan->n; i++) {
                free(plan->stages[i].name);
                free(plan->stages[i].base);
                platform_clear(&plan->stages[i].platform);
                free(plan->stages[i].sources);
        }
        free(plan->stages);
        free(plan);
        return NULL;
}
