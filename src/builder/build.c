/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "builder/account.h"
#include "builder/build.h"
#include "builder/build_result.h"
#include "builder/cache_transfer.h"
#include "builder/lint.h"
#include "builder/schedule.h"
#include "builder/stage.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "runtime/runtime.h"
#include "store/tar_write.h"

static int lint(Build *build, Lint *ret, Err *err) {
        return lint_check(&(LintInput){ .home = build->home,
                                        .file = build->file,
                                        .arguments = &build->arguments,
                                        .ignore = context_ignore(build->context) },
                          ret, err);
}

/* `# check=error=true` makes warnings errors. */
static int refuse_warnings(Build *build, Err *err) {
        Lint found = {};
        int r;

        if (!build->file->check)
                return 0;
        r = lint(build, &found, err);
        if (r >= 0 && found.fails && found.n_warnings > 0)
                r = err_hint(err,
                             refuse(err, EINVAL, "%s:%d: %s: %s", build->file->place,
                                    found.warnings[0].line, found.warnings[0].rule,
                                    found.warnings[0].message),
                             "the file says check=error=true; 'isola build --check' tells all");
        lint_clear(&found);
        return r;
}

/* The words of --platform, each once; @ret: NULL for this machine's. */
static int read_platforms(const BuildRequest *request, char ***ret, Err *err) {
        autostrv list = NULL;

        strv_foreach(word, request->platforms) {
                autostrv some = NULL;

                if (strv_split(*word, ",", false, &some) < 0)
                        return fail(err, ENOMEM, "cannot read the platforms");
                strv_foreach(one, some) {
                        OciPlatform platform = {};
                        autofree char *text = NULL;
                        int r = build_platform_parse(*one, &platform, err);

                        if (r < 0)
                                return r;
                        text = platform_text(&platform);
                        platform_clear(&platform);
                        if (!text || (!strv_has(list, text) && strv_add(&list, text) < 0))
                                return fail(err, ENOMEM, "cannot read the platforms");
                }
        }
        *ret = take_ptr(list);
        return 0;
}

/* What --build-arg says to the builder itself. */
static int take_words(const Build *build, Err *err) {
        const char *syntax = build_word(build, "BUILDKIT_SYNTAX");
        const char *epoch = build_word(build, "SOURCE_DATE_EPOCH");

        if (syntax && !str_equal(syntax, "dockerfile.v0") &&
            !str_after(syntax, "docker/dockerfile"))
                return err_hint(err, refuse(err, EOPNOTSUPP, "syntax '%s' is not built in", syntax),
                                "isola runs no foreign frontends; only docker/dockerfile");
        /* Whoever writes a layer asks the environment. */
        if (epoch && setenv("SOURCE_DATE_EPOCH", epoch, 1) < 0)
                return fail(err, errno, "cannot build");
        return 0;
}

/* What all platforms have in common; checks what can be checked before anything is done. */
static int prepare(Build *build, char ***ret_names, Err *err) {
        int r;

        strv_foreach(name, build->request->names) {
                autoptr(Reference) reference = NULL;

                r = reference_parse(*name, &reference, err);
                if (r < 0)
                        return r;
                if (strv_take(ret_names, reference_text(reference)) < 0)
                        return fail(err, ENOMEM, "cannot build");
        }
        r = take_words(build, err);
        if (r >= 0)
                r = source_date_epoch(&build->latest, err);
        if (r < 0)
                return r;
        build->now = clock_rfc3339(build->latest == TAR_NO_CLAMP ? clock_now_ns()
                                                                 : build->latest * 1000000000);
        if (!build->now)
                return fail(err, ENOMEM, "cannot build");

        r = annotations_parse(build->request->annotations, &build->annotations, err);
        if (r >= 0)
                r = outputs_parse(build->request->outputs, &build->outputs, err);
        if (r >= 0)
                r = cache_places_parse(build->request->cache_from, false, &build->cache_from, err);
        if (r >= 0)
                r = cache_places_parse(build->request->cache_to, true, &build->cache_to, err);
        if (r >= 0)
                r = build_secrets_parse(build->request->secrets, build->request->agents,
                                        &build->secrets, err);
        if (r >= 0)
                r = named_contexts_read(build, err);
        if (r >= 0)
                r = build_open_context(build, err);
        return r < 0 ? r : build_read_file(build, err);
}

/* @platform: NULL for this machine's; @several: it is one of several. */
static int prepare_platform(Build *build, const char *platform, bool several, Err *err) {
        int r;

        r = build_arguments_init(&build->arguments, build->request->arguments, platform, err);
        if (r >= 0 && several && !(build->label = platform_text(&build->arguments.target)))
                r = fail(err, ENOMEM, "cannot build");
        if (r >= 0)
                r = refuse_warnings(build, err);
        if (r >= 0)
                r = stages_make(build->file, &build->arguments, build->request->target,
                                &build->plan, err);
        if (r >= 0)
                r = named_contexts_open(build, err);
        if (r < 0)
                return r;
        build->stages = calloc(build->plan->n, sizeof *build->stages);
        return build->stages ? 0 : fail(err, ENOMEM, "cannot build");
}

/* Annotations of an index, and outputs, that go with one platform or several only. */
static int check_several(const Build *build, size_t n, Err *err) {
        if (n > 1)
                return outputs_check_platforms(&build->outputs, err);
        if (annotations_have(&build->annotations, ANNOTATE_INDEX) ||
            annotations_have(&build->annotations, ANNOTATE_INDEX_DESCRIPTOR))
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "an image for a single platform has no index to annotate"),
                                "write manifest:NAME=VALUE, or give --platform A,B");
        return 0;
}

static int run_stages(Build *builds, size_t n, Err *err) {
        int r;

        /* ARGs before the first FROM are steps, too. */
        for (const Instruction *i = builds->file->instructions; i->kind != INSTRUCTION_FROM; i++)
                account_step(builds, i, ++builds->n_echoed, 0);
        r = schedule_stages(builds, n, stage_build, err);
        if (r < 0)
                return r;
        build_arguments_check_used(&builds->arguments);
        return 0;
}

/* What is one platform's own. */
static void platform_build_clear(Build *build) {
        for (size_t i = 0; build->stages && i < build->plan->n; i++)
                stage_state_clear(&build->stages[i]);
        free(build->stages);
        stages_free(build->plan);
        build_arguments_clear(&build->arguments);
        free(build->label);
}

static void build_clear(Build *build) {
        platform_build_clear(build);
        named_contexts_clear(build);
        build_secrets_clear(&build->secrets);
        context_free(build->context);
        containerfile_free(build->file);
        outputs_clear(&build->outputs);
        annotations_clear(&build->annotations);
        cache_places_clear(&build->cache_from);
        cache_places_clear(&build->cache_to);
        cache_images_clear(&build->cache_images);
        layer_draft_free(build->scratch);
        git_source_free(build->git);
        free(build->text);
        free(build->now);
}

int build_check(const Home *home, const BuildRequest *request, bool json, char **ret, Err *err) {
        Build build = { .home = home, .request = request, .account = -EBADF };
        Lint found = {};
        autostrv platforms = NULL;
        int r = read_platforms(request, &platforms, err);

        if (r >= 0)
                r = build_arguments_init(&build.arguments, request->arguments,
                                         platforms ? platforms[0] : NULL, err);
        if (r >= 0)
                r = build_open_context(&build, err);
        if (r >= 0)
                r = build_read_file(&build, err);
        if (r >= 0)
                r = lint(&build, &found, err);
        if (r >= 0) {
                *ret = json ? lint_json(&found)
                            : lint_report(&found, build.file->place, build.text);
                r = *ret ? (int) found.n_warnings : fail(err, ENOMEM, "cannot print");
        }
        lint_clear(&found);
        build_clear(&build);
        return r;
}

/* What --print-ast prints. */
int build_print(const Home *home, const BuildRequest *request, char **ret, Err *err) {
        Build build = { .home = home, .request = request, .account = -EBADF };
        int r = build_open_context(&build, err);

        if (r >= 0)
                r = build_read_file(&build, err);
        if (r >= 0) {
                *ret = containerfile_json(build.file);
                r = *ret ? 0 : fail(err, ENOMEM, "cannot print");
        }
        build_clear(&build);
        return r;
}

/* @builds: of @n platforms; the first has what they have in common. */
static int build_all(Build *builds, char *const *platforms, size_t n, BuildResult *ret, Err *err) {
        autostrv names = NULL;
        int r;

        r = prepare(builds, &names, err);
        if (r >= 0)
                r = check_several(builds, n, err);
        if (r >= 0)
                cache_transfer_open(builds);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                if (i > 0) {
                        builds[i] = builds[0];
                        builds[i].arguments = (BuildArguments){};
                        builds[i].plan = NULL;
                        builds[i].stages = NULL;
                        builds[i].label = NULL;
                }
                r = prepare_platform(&builds[i], platforms ? platforms[i] : NULL, n > 1, err);
        }
        if (r >= 0)
                r = run_stages(builds, n, err);
        if (r >= 0)
                r = build_finish(builds, n, &names, ret, err);
        for (size_t i = 1; i < n; i++)
                platform_build_clear(&builds[i]);
        build_clear(builds);
        return r;
}

int build_image(const Home *home, const BuildRequest *request, BuildResult *ret, Err *err) {
        /* What the cache finds must still be there when the image is made of it. */
        autoclose int hold = image_hold(home);
        autofree Build *builds = NULL;
        autostrv platforms = NULL;
        sigset_t before, *ends;
        size_t n;
        int r;

        /* Executes this program anew, so before all else. */
        if (strv_has((char *const *) request->allow, "security.insecure")) {
                r = runtime_seal(err);
                if (r < 0)
                        return r;
        }
        if (hold < 0 && hold != -ENOENT)
                log_warn("cannot keep other commands from removing layers meanwhile: %s",
                         strerror(-hold));
        r = read_platforms(request, &platforms, err);
        if (r < 0)
                return r;
        n = platforms ? strv_length(platforms) : 1;
        builds = calloc(n, sizeof *builds);
        if (!builds)
                return fail(err, ENOMEM, "cannot build");
        builds->home = home;
        builds->request = request;
        builds->account = -EBADF;
        builds->to_terminal = isatty(STDOUT_FILENO) || isatty(STDERR_FILENO);
        /* An interrupted build still cleans up: a RUN ends at once, another step when it is done.
         */
        ends = &builds->ends;
        sigemptyset(ends);
        sigaddset(ends, SIGINT);
        sigaddset(ends, SIGTERM);
        sigaddset(ends, SIGHUP);
        sigprocmask(SIG_BLOCK, ends, &before);
        step_run_sweep(home);
        r = build_all(builds, platforms, n, ret, err);
        /* The signal has done what it was meant to do. */
        if (r == -EINTR)
                while (sigtimedwait(ends, NULL, &(struct timespec){}) > 0)
                        ;
        sigprocmask(SIG_SETMASK, &before, NULL);
        return r;
}
