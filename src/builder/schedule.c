/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "builder/account.h"
#include "builder/display.h"
#include "builder/schedule.h"
#include "kernel/process.h"

#define WORKERS_MAX 16
#define RESULT_MAX  (16u << 20)
#define LINE_SHOWN  16384
#define TICK_MS     100

enum { TO_STDOUT, TO_STDERR, RESULT, PIPES };

/* A stage that is being built. */
typedef struct Worker {
        size_t job;
        int pidfd;
        int pipes[PIPES]; /* read ends; -EBADF once at their end */
        Str text[PIPES];  /* what has come: a line's beginning, or the result so far */
} Worker;

typedef enum StageProgress { WAITING, BEGUN, BUILT } StageProgress;

/* One stage for one platform. */
typedef struct Job {
        Build *build;
        size_t stage, first; /* the job of the build's first stage */
        StageProgress progress;
} Job;

typedef struct Schedule {
        int (*build_stage)(Build *build, size_t index, Err *err);
        Job *jobs;
        size_t n_jobs;
        bool several;     /* platforms: what is said is told apart */
        Display *display; /* or NULL: lines are printed */
        Worker workers[WORKERS_MAX];
        size_t n_workers, most;
        int signals;
        bool stopped; /* somebody failed: nothing more begins */
        Err *err;
} Schedule;

/* ------------------------------------------------------------ what comes back */

typedef struct StageResult {
        StageState state;
        char **used; /* build arguments that were declared */
        int64_t n_base_layers, n_base_history;
} StageResult;

static const JsonField state_fields[] = {
        JSON_STRUCT(StageState, image, OciImage, "image", &oci_image_type),
        JSON_STRINGS(StageState, layers, "layers"),
        JSON_STRINGS(StageState, lowers, "lowers"),
        JSON_STRINGS(StageState, variables, "variables"),
        JSON_STRINGS(StageState, args, "args"),
        JSON_STRINGS(StageState, steps, "steps"),
        JSON_BOOL(StageState, cmd_set, "cmdSet"),
        {},
};
static const JsonType state_type = { sizeof(StageState), state_fields };

static const JsonField result_fields[] = {
        JSON_STRUCT(StageResult, state, StageState, "state", &state_type),
        JSON_STRINGS(StageResult, used, "used"),
        JSON_I64(StageResult, n_base_layers, "baseLayers"),
        JSON_I64(StageResult, n_base_history, "baseHistory"),
        {},
};
static const JsonType result_type = { sizeof(StageResult), result_fields };

/* A result begins with '{'; anything else is an Err's report. */
static int send_result(const Build *build, size_t index, int to) {
        StageResult result = { .state = build->stages[index],
                               .used = build->arguments.used,
                               .n_base_layers = (int64_t) build->stages[index].n_base_layers,
                               .n_base_history = (int64_t) build->stages[index].n_base_history };
        autofree char *text = json_text(&result_type, &result);

        return text ? fd_write_all(to, text, strlen(text)) : -ENOMEM;
}

static int take_result(Schedule *s, const Worker *w) {
        const Str *text = &w->text[RESULT];
        const size_t stage = s->jobs[w->job].stage;
        Build *build = s->jobs[w->job].build;
        const char *name = build->plan->stages[stage].name;
        StageResult result = {};
        int r;

        if (text->failed || text->length == 0)
                return refuse(s->err, EPROTO, "stage '%s' ended without a word", name ? name : "");
        if (*text->text != '{')
                return err_parse(text->text, text->length, s->err);
        r = json_parse(&result_type, text->text, text->length, "a stage's result", &result, s->err);
        if (r < 0)
                return r;
        stage_state_clear(&build->stages[stage]);
        build->stages[stage] = result.state;
        build->stages[stage].n_base_layers = (size_t) result.n_base_layers;
        build->stages[stage].n_base_history = (size_t) result.n_base_history;
        strv_foreach(used, result.used)
                if (!strv_has(build->arguments.used, *used) &&
                    strv_add(&build->arguments.used, *used) < 0)
                        r = fail(s->err, ENOMEM, "cannot build");
        strv_free(result.used);
        return r;
}

/* ------------------------------------------------------------------- workers */

__attribute__((__noreturn__)) static void work(Schedule *s, size_t index, const int ends[PIPES],
                                               pid_t parent) {
        Build *build = s->jobs[index].build;
        size_t stage = s->jobs[index].stage;
        autoerr err = {};
        int r;

        /* The signals that end a build stay blocked: a RUN hears of them by its own descriptor. */
        if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0 || getppid() != parent ||
            dup2(ends[TO_STDOUT], STDOUT_FILENO) < 0 || dup2(ends[TO_STDERR], STDERR_FILENO) < 0)
                _exit(1);
        if (s->display)
                build->account = STDOUT_FILENO;
        r = s->build_stage(build, stage, &err);
        if (r >= 0)
                r = send_result(build, stage, ends[RESULT]);
        if (r < 0)
                err_write(ends[RESULT], &err);
        /* What was hashed is remembered. */
        build->context = context_free(build->context);
        (void) fflush(stdout);
        _exit(r < 0);
}

static void worker_clear(Worker *w) {
        for (int i = 0; i < PIPES; i++) {
                close_fd(w->pipes[i]);
                str_clear(&w->text[i]);
        }
        close_fd(w->pidfd);
}

static int begin_worker(Schedule *s, size_t index) {
        Worker w = { .job = index, .pidfd = -EBADF, .pipes = { -EBADF, -EBADF, -EBADF } };
        int ends[PIPES] = { -EBADF, -EBADF, -EBADF };
        pid_t parent = getpid(), pid = 0;

        for (int i = 0; i < PIPES && pid >= 0; i++) {
                int both[2];

                if (pipe2(both, O_CLOEXEC) < 0) {
                        pid = -errno;
                        break;
                }
                w.pipes[i] = both[0];
                ends[i] = both[1];
        }
        if (pid >= 0)
                pid = process_clone(0, -EBADF, &w.pidfd);
        if (pid == 0)
                work(s, index, ends, parent);
        for (int i = 0; i < PIPES; i++)
                close_fd(ends[i]);
        if (pid < 0) {
                worker_clear(&w);
                return fail(s->err, pid, "cannot build stages at the same time");
        }
        s->workers[s->n_workers++] = w;
        s->jobs[index].progress = BEGUN;
        return 0;
}

/* --------------------------------------------------------------------- output */

/* "linux/arm64 tools"; new. */
static char *job_name(const Schedule *s, size_t index) {
        const Job *job = &s->jobs[index];
        const char *name = job->build->plan->stages[job->stage].name;
        const char *platform = s->several ? job->build->label : "";

        if (name)
                return str_format("%s%s%s", platform, *platform ? " " : "", name);
        return str_format("%s%s%s%zu", platform, *platform ? " " : "", s->display ? "stage-" : "",
                          job->stage);
}

static void print_line(const Schedule *s, const Worker *w, int which, const char *line, size_t n) {
        autofree char *name = NULL;
        FILE *to = which == TO_STDERR ? stderr : stdout;

        if (s->display) {
                display_line(s->display, line, n);
                return;
        }
        name = job_name(s, w->job);
        fprintf(to, "[%s] %.*s\n", name ? name : "", (int) n, line);
        fflush(to);
}

/* Prints the lines that are whole; @end: the last one, too. */
static void print_lines(const Schedule *s, Worker *w, int which, bool end) {
        Str *text = &w->text[which];
        size_t at = 0;

        while (at < text->length) {
                const char *line = text->text + at;
                const char *stop = memchr(line, '\n', text->length - at);

                if (!stop && !end && text->length - at < LINE_SHOWN)
                        break;
                print_line(s, w, which, line, stop ? (size_t) (stop - line) : text->length - at);
                at = stop ? (size_t) (stop + 1 - text->text) : text->length;
        }
        if (at > 0) {
                memmove(text->text, text->text + at, text->length - at);
                text->length -= at;
        }
}

/* "NUMBER/OF\0TEXT" */
static void show_step(const Schedule *s, const Worker *w, const char *bytes, size_t n) {
        size_t place = strnlen(bytes, n);
        autofree char *name = job_name(s, w->job);
        autofree char *label = str_format("%s %.*s", name ? name : "", (int) place, bytes);
        autofree char *text = place < n ? strndup(bytes + place + 1, n - place - 1) : strdup("");

        display_end(s->display, w->job, NULL);
        if (label && text)
                display_begin(s->display, w->job, label, text);
}

/* What a stage reports has its place in the picture. */
static void show_records(const Schedule *s, Worker *w) {
        Str *text = &w->text[TO_STDOUT];
        AccountRecord kind;
        const char *bytes;
        size_t at = 0, n;

        while (account_read(text->text, text->length, &at, &kind, &bytes, &n) > 0)
                switch (kind) {
                case ACCOUNT_BEGIN:
                        show_step(s, w, bytes, n);
                        break;
                case ACCOUNT_CACHED:
                        display_cached(s->display, w->job);
                        break;
                default:
                        display_output(s->display, w->job, kind == ACCOUNT_ERRORS, bytes, n);
                }
        if (at > 0) {
                memmove(text->text, text->text + at, text->length - at);
                text->length -= at;
        }
}

static void read_pipe(const Schedule *s, Worker *w, int which) {
        char buffer[16384];
        ssize_t n = read(w->pipes[which], buffer, sizeof buffer);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        if (n > 0 && w->text[which].length < RESULT_MAX)
                str_put_bytes(&w->text[which], buffer, (size_t) n);
        if (n <= 0)
                w->pipes[which] = close_fd(w->pipes[which]);
        if (which == TO_STDOUT && s->display)
                show_records(s, w);
        else if (which != RESULT)
                print_lines(s, w, which, n <= 0);
}

/* ----------------------------------------------------------------- the schedule */

/* Others end as after Ctrl-C: what they have made so far is cleaned up by themselves. */
static void stop_others(Schedule *s) {
        s->stopped = true;
        for (size_t i = 0; i < s->n_workers; i++)
                (void) syscall(SYS_pidfd_send_signal, s->workers[i].pidfd, SIGTERM, NULL, 0);
}

/* The first error is the one that counts; what others say after it follows from it. */
static int end_worker(Schedule *s, size_t at, int failed) {
        Worker w = s->workers[at];
        siginfo_t info = {};
        Err *err = s->err;
        int r;

        (void) process_reap(w.pidfd, &info);
        memmove(&s->workers[at], &s->workers[at + 1], (--s->n_workers - at) * sizeof w);
        s->jobs[w.job].progress = BUILT;
        if (failed < 0)
                s->err = NULL;
        r = take_result(s, &w);
        if (s->display)
                display_end(s->display, w.job,
                            r >= 0                      ? NULL
                            : s->err && s->err->message ? s->err->message
                                                        : "ended with the build");
        s->err = err;
        worker_clear(&w);
        if (r < 0 && failed >= 0)
                stop_others(s);
        return failed < 0 ? failed : r;
}

/* A worker is at its end when nobody can write to its result any more. */
static int wait_for_workers(Schedule *s) {
        struct pollfd fds[1 + PIPES * WORKERS_MAX];
        int failed = 0;

        fds[0] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
        for (size_t i = 0; i < PIPES * s->n_workers; i++)
                fds[1 + i] = (struct pollfd){ .fd = s->workers[i / PIPES].pipes[i % PIPES],
                                              .events = POLLIN };
        if (poll(fds, 1 + PIPES * s->n_workers, s->display ? TICK_MS : -1) < 0)
                return errno == EINTR ? 0 : fail(s->err, errno, "cannot wait for the stages");
        if (fds[0].revents && !s->stopped)
                stop_others(s);
        for (size_t i = 0; i < PIPES * s->n_workers; i++)
                if (fds[1 + i].fd >= 0 && fds[1 + i].revents)
                        read_pipe(s, &s->workers[i / PIPES], (int) (i % PIPES));
        if (s->display)
                display_tick(s->display);
        for (size_t i = s->n_workers; i-- > 0;)
                if (s->workers[i].pipes[RESULT] < 0 && s->workers[i].pipes[TO_STDOUT] < 0)
                        failed = end_worker(s, i, failed);
        return failed;
}

static bool is_ready(const Schedule *s, size_t index) {
        const Job *job = &s->jobs[index];
        const Stage *stage = &job->build->plan->stages[job->stage];

        if (!stage->needed || job->progress != WAITING)
                return false;
        for (size_t i = 0; i < stage->n_sources; i++)
                if (s->jobs[job->first + stage->sources[i]].progress != BUILT)
                        return false;
        return true;
}

/* Begins what can begin. */
static int begin_ready(Schedule *s) {
        size_t n_ready = 0, only = 0;
        int r = 0;

        for (size_t i = 0; i < s->n_jobs; i++)
                if (is_ready(s, i)) {
                        only = i;
                        n_ready++;
                }
        if (n_ready == 1 && s->n_workers == 0 && !s->several && !s->display) {
                r = s->build_stage(s->jobs[only].build, s->jobs[only].stage, s->err);
                s->jobs[only].progress = BUILT;
                return r;
        }
        for (size_t i = 0; r >= 0 && i < s->n_jobs && s->n_workers < s->most; i++)
                if (is_ready(s, i))
                        r = begin_worker(s, i);
        return r;
}

static bool all_built(const Schedule *s) {
        for (size_t i = 0; i < s->n_jobs; i++) {
                const Job *job = &s->jobs[i];

                if (job->build->plan->stages[job->stage].needed && job->progress != BUILT)
                        return false;
        }
        return true;
}

static size_t workers_wanted(void) {
        long n = sysconf(_SC_NPROCESSORS_ONLN);

        return n < 2 ? 2 : n > WORKERS_MAX ? WORKERS_MAX : (size_t) n;
}

static int run(Schedule *s) {
        int r = 0;

        while (r >= 0 && !all_built(s)) {
                r = begin_ready(s);
                if (r >= 0 && s->n_workers > 0)
                        r = wait_for_workers(s);
        }
        if (r < 0 && !s->stopped)
                stop_others(s);
        while (s->n_workers > 0) {
                Err *err = s->err;

                s->err = r < 0 ? NULL : err;
                (void) wait_for_workers(s);
                s->err = err;
        }
        return r;
}

static int one_by_one(Schedule *s) {
        for (size_t i = 0; i < s->n_jobs; i++) {
                const Job *job = &s->jobs[i];
                int r = job->build->plan->stages[job->stage].needed
                                ? s->build_stage(job->build, job->stage, s->err)
                                : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

static int list_jobs(Schedule *s, Build *builds, size_t n, Err *err) {
        for (size_t i = 0; i < n; i++) {
                size_t first = s->n_jobs;

                for (size_t stage = 0; stage < builds[i].plan->n; stage++) {
                        Job *job = json_grow(&s->jobs, &s->n_jobs, sizeof *job);

                        if (!job)
                                return fail(err, ENOMEM, "cannot build");
                        *job = (Job){ .build = &builds[i], .stage = stage, .first = first };
                }
        }
        return 0;
}

static size_t count_steps(const Schedule *s) {
        size_t n = 0;

        for (size_t i = 0; i < s->n_jobs; i++) {
                const Stage *stage = &s->jobs[i].build->plan->stages[s->jobs[i].stage];

                n += stage->needed ? stage->n + 1 : 0;
        }
        return n;
}

int schedule_stages(Build *builds, size_t n,
                    int (*build_stage)(Build *build, size_t index, Err *err), Err *err) {
        const BuildRequest *request = builds->request;
        autoptr(Display) display = NULL;
        Schedule s = { .build_stage = build_stage,
                       .several = n > 1,
                       .most = workers_wanted(),
                       .signals = signalfd(-1, &builds->ends, SFD_CLOEXEC),
                       .err = err };
        bool one = s.signals < 0;
        int r = list_jobs(&s, builds, n, err);

        for (size_t i = 0; i < n; i++)
                one |= builds[i].plan->one_by_one;
        if (r >= 0 && !one &&
            (request->progress == PROGRESS_TERMINAL || request->progress == PROGRESS_JSON))
                s.display = display =
                        display_new(request->progress, request->progress_fd, count_steps(&s));
        if (r >= 0)
                r = one ? one_by_one(&s) : run(&s);
        if (display)
                display_finish(display, r < 0);
        free(s.jobs);
        close_fd(s.signals);
        return r;
}
