/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Other people's runtimes: OCI runtimes are given bundles, engines an image's name. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/search.h"
#include "base/str.h"
#include "kernel/command.h"
#include "measure/boot.h"
#include "measure/probe.h"
#include "runtime/default_spec.h"

#define SLEEPER "sleep", "1000000"

const char *const rival_names[] = { "crun", "runc", "podman", "docker", NULL };

typedef struct Rival {
        const RivalPlan *plan;
        bool is_engine; /* it has images of its own */
        char *program;
        char *directory; /* state and bundles of an OCI runtime */
        size_t started;
} Rival;

static char *name_of(size_t i) {
        return str_format("isola-boot-%d-%zu", getpid(), i);
}

/* Programs end with the reason why they do. */
static const char *last_line(char *words) {
        char *line;

        while (str_ends_with(words, "\n"))
                words[strlen(words) - 1] = '\0';
        line = strrchr(words, '\n');
        return line ? line + 1 : words;
}

/* Runs it; @ret_words: what it wrote, or NULL for nobody. */
static int run(const Rival *v, const char *const *args, char **ret_words, Err *err) {
        autofree char *words = NULL;
        int code = command_run(args, &words);

        if (code < 0)
                return fail(err, code, "cannot run '%s'", v->program);
        if (code > 0) {
                return refuse(err, EIO, "'%s' ended with %d: %s", v->plan->name, code,
                              last_line(words));
        }
        if (ret_words)
                *ret_words = take_ptr(words);
        return 0;
}

/* ---- OCI runtimes ---- */

static int write_bundle(const Rival *v, size_t i, Err *err) {
        autofree char *directory = str_format("%s/%zu", v->directory, i), *config = NULL;
        static const char *const sleeper[] = { SLEEPER, NULL };
        autoptr(OciSpec) spec = NULL;
        autofree char *text = NULL;
        int r = directory ? default_spec(false, &spec) : -ENOMEM;

        if (r >= 0)
                spec->process->args = strv_free(spec->process->args);
        if (r >= 0)
                r = strv_add_words(&spec->process->args, sleeper);
        if (r >= 0)
                r = str_set(&spec->root_path, v->plan->rootfs);
        /* What old runtimes know, too; nothing of later versions is in it. */
        if (r >= 0)
                r = str_set(&spec->oci_version, "1.0.2");
        if (r >= 0) {
                spec->process->terminal = false;
                spec->root_readonly = true;
                spec->linux_->cgroups_path = str_format("/isola-boot-%d-%zu", getpid(), i);
                text = json_text(&oci_spec_type, spec);
                config = str_format("%s/config.json", directory);
                r = text && config && spec->linux_->cgroups_path ? 0 : -ENOMEM;
        }
        if (r >= 0)
                r = dir_make(AT_FDCWD, directory, 0700);
        if (r >= 0)
                r = file_create(AT_FDCWD, config, text, strlen(text), 0600);
        return r < 0 ? fail(err, r, "cannot write a bundle for '%s'", v->plan->name) : 0;
}

static int start_bundle(const Rival *v, size_t i, Err *err) {
        autofree char *name = name_of(i), *bundle = str_format("%s/%zu", v->directory, i),
                      *pid = str_format("%s/%zu/pid", v->directory, i),
                      *state = str_format("%s/state", v->directory);
        const char *const args[] = { v->program, "--root",     state, "run", "--detach", "--bundle",
                                     bundle,     "--pid-file", pid,   name,  NULL };

        return name && bundle && pid && state ? run(v, args, NULL, err)
                                              : fail(err, ENOMEM, "no memory");
}

static int end_bundle(const Rival *v, size_t i, Err *err) {
        autofree char *name = name_of(i), *state = str_format("%s/state", v->directory);
        const char *const args[] = { v->program, "--root", state, "delete", "--force", name, NULL };

        return name && state ? run(v, args, NULL, err) : fail(err, ENOMEM, "no memory");
}

static pid_t pid_of_bundle(const Rival *v, size_t i) {
        autofree char *path = str_format("%s/%zu/pid", v->directory, i), *line = NULL;

        return path && file_read_line(AT_FDCWD, path, &line) >= 0 ? atoi(line) : 0;
}

/* ---- engines ---- */

static int start_container(const Rival *v, size_t i, Err *err) {
        autofree char *name = name_of(i);
        const char *const args[] = { v->program, "run", "--detach",     "--network", "none",
                                     "--name",   name,  v->plan->image, SLEEPER,     NULL };

        return name ? run(v, args, NULL, err) : fail(err, ENOMEM, "no memory");
}

/* All with one command, as a user would. */
static int end_containers(const Rival *v, Err *err) {
        autostrv args = NULL;
        int r = strv_add(&args, v->program);

        if (r >= 0)
                r = strv_add(&args, "rm");
        if (r >= 0)
                r = strv_add(&args, "--force");
        for (size_t i = 0; i < v->started && r >= 0; i++)
                r = strv_take(&args, name_of(i));
        return r < 0 ? fail(err, r, "cannot remove containers of '%s'", v->plan->name)
                     : run(v, (const char *const *) args, NULL, err);
}

static pid_t pid_of_container(const Rival *v, size_t i) {
        autofree char *name = name_of(i), *words = NULL;
        const char *const args[] = {
                v->program, "inspect", "--format", "{{.State.Pid}}", name, NULL
        };

        return name && run(v, args, &words, NULL) >= 0 ? atoi(words) : 0;
}

/* ---- all of them ---- */

static int start_all(Rival *v, BootResult *b, Err *err) {
        int64_t begun = monotonic_ns();
        int r = 0;

        for (; v->started < v->plan->n && r >= 0; v->started += r >= 0)
                r = v->is_engine ? start_container(v, v->started, err)
                                 : start_bundle(v, v->started, err);
        b->up_ms = (double) (monotonic_ns() - begun) / 1e6;
        return r;
}

static int end_all(Rival *v, BootResult *b, Err *err) {
        int64_t begun = monotonic_ns();
        int r = 0;

        if (v->is_engine && v->started > 0)
                r = end_containers(v, err);
        for (size_t i = 0; !v->is_engine && i < v->started; i++) {
                int e = end_bundle(v, i, r < 0 ? NULL : err);

                r = r < 0 ? r : e;
        }
        b->down_ms = (double) (monotonic_ns() - begun) / 1e6;
        return r;
}

static int boot(Rival *v, BootResult *b, Err *err) {
        double before;
        int r = 0, e;

        for (size_t i = 0; !v->is_engine && i < v->plan->n && r >= 0; i++)
                r = write_bundle(v, i, err);
        before = boot_available_kib();
        if (r >= 0)
                r = start_all(v, b, err);
        b->host_kib = before - boot_available_kib();
        for (size_t i = 0; i < v->started && r >= 0; i++)
                boot_add_process(b, v->is_engine ? pid_of_container(v, i) : pid_of_bundle(v, i));
        e = end_all(v, b, r < 0 ? NULL : err);
        return r < 0 ? r : e;
}

static bool is_engine(const char *name) {
        return str_equal(name, "podman") || str_equal(name, "docker");
}

int rival_is_there(const char *name, Err *err) {
        autofree char *program = NULL;

        if (!strv_has((char *const *) rival_names, name))
                return err_hint(err, refuse(err, EINVAL, "'%s' is no runtime to measure", name),
                                "there are crun, runc, podman and docker");
        program = search_program(name);
        return program ? 1 : 0;
}

int rival_boot(const RivalPlan *plan, BootResult *ret, Err *err) {
        char directory[] = "/tmp/isola-boot-XXXXXX";
        autofree char *program = search_program(plan->name);
        Rival v = { .plan = plan, .is_engine = is_engine(plan->name), .program = program };
        int r;

        *ret = (BootResult){ .nodes = plan->n };
        if (!program)
                return refuse(err, ENOENT, "'%s' is not installed", plan->name);
        if (v.is_engine)
                return boot(&v, ret, err);
        if (!mkdtemp(directory))
                return fail(err, errno, "cannot make a directory for '%s'", plan->name);
        v.directory = directory;
        r = boot(&v, ret, err);
        (void) tree_remove(AT_FDCWD, directory);
        return r;
}
