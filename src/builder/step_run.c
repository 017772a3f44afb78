/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * RUN: a command in a container whose upper directory is the layer
 *
 * The container is an ordinary one with a record of its own, so that addresses,
 * ids and its bridge are seen to be in use while it runs; this process is its
 * monitor.  If this process is killed, the next command that meets the record
 * settles it like any container whose monitor is gone, and --rm clears it away.
 *
 * The places that the runtime mounts on must not end up in the layer where the
 * image lacks them.  They are made beforehand in an overlay of their own, whose
 * upper directory then lies between the image's layers and the draft and is
 * thrown away: in the run everything is there, and the draft gets nothing but
 * what the command does.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "builder/account.h"
#include "builder/step.h"
#include "engine/container.h"
#include "engine/dns.h"
#include "engine/group.h"
#include "engine/idrange.h"
#include "engine/monitor.h"
#include "engine/network.h"
#include "engine/spec.h"
#include "engine/uplink.h"
#include "kernel/overlay.h"
#include "kernel/proc_stat.h"
#include "kernel/process.h"
#include "kernel/resolve.h"
#include "runtime/runtime.h"

#define DNS_FDS_MAX 64
#define NAME_PREFIX "build_"
#define HOST_NAME   "buildkitsandbox" /* BuildKit's: the same on every machine */

/* What watch() polls, before the name server's. */
enum { POLL_EXIT, POLL_SIGNAL, POLL_OUTPUT, POLL_ERROR, POLL_DNS };

/* One RUN on its way. */
typedef struct Run {
        Step *step;
        const LayerDraft *draft;
        Container *c;
        MountsHeld *mounts;
        char *run_dir; /* of the container, absolute */
        Network *network;
        ContainerSetup *setup;
        LayerDraft *places; /* its diff/ has the mount points that the image lacks */
        Runtime *runtime;
        Cgroup *cgroup;
        Dns *dns;
        int output[2]; /* read ends of its standard output and error */
        int lock;      /* the container's, until its record says that it runs */
        int signals;   /* the blocked SIGINT and its like become readable here */
} Run;

static void run_clear(Run *run) {
        Container *c = run->c;

        dns_free(run->dns);
        runtime_free(run->runtime);
        cgroup_free(run->cgroup);
        close_fd(run->output[0]);
        close_fd(run->output[1]);
        close_fd(run->lock);
        close_fd(run->signals);
        container_setup_free(run->setup);
        network_free(run->network);
        if (c && c->dir >= 0) {
                autofree char *path = container_run_path(c->id);
                autoerr err = {};

                run_release(c, NULL, 0);
                if (path)
                        (void) tree_remove(c->home->run_fd, path);
                if (container_erase(c, true, &err) < 0)
                        log_warn("%s; the next command tries again",
                                 err.message ? err.message : "cannot remove a build's container");
        }
        container_free(c);
        step_mounts_end(run->mounts);
        free(run->run_dir);
        layer_draft_free(run->places);
}

/* "build_<pid>_<start time>": tells whose it is, and so whether that one is still there. */
static char *container_name(void) {
        uint64_t start;

        if (process_start_time(getpid(), &start) < 0)
                return NULL;
        return str_format(NAME_PREFIX "%d_%" PRIu64, getpid(), start);
}

static bool is_orphan(const char *name) {
        const char *numbers = str_after(name, NAME_PREFIX);
        autostrv parts = NULL;
        uint64_t start;
        int pid;

        return numbers && strv_split(numbers, "_", false, &parts) == 0 && strv_length(parts) == 2 &&
               parse_int(parts[0], 1, INT_MAX, &pid) == 0 && parse_u64(parts[1], &start) == 0 &&
               !process_is(pid, start);
}

static bool has_record(const char *id, void *context) {
        autoptr(Container) c = NULL;

        return container_load(context, id, &c, NULL) >= 0;
}

void step_run_sweep(const Home *home) {
        autostrv names = NULL;
        bool any = false;

        if (dir_list(home->data_fd, "names", &names) < 0)
                return;
        strv_foreach(name, names) {
                autoptr(Container) c = NULL;
                autoerr err = {};

                if (!is_orphan(*name))
                        continue;
                /* Loading settles what ran; what never did is still there afterwards. */
                any = true;
                if (container_load(home, *name, &c, NULL) < 0)
                        continue;
                if (container_remove(c, true, true, &err) < 0)
                        log_warn("%s", err.message ? err.message : "cannot remove a container");
                idrange_release_all(home, c->id);
        }
        /* Nobody noted which addresses they had taken. */
        if (any)
                (void) network_sweep(home, has_record, (void *) home, NULL);
}

/* --add-host, --shm-size and --ulimit. */
static int copy_host(const HostConfig *from, HostConfig *to) {
        to->shm_size = from->shm_size;
        for (size_t i = 0; i < from->n_ulimits; i++) {
                ContainerUlimit *limit = json_grow(&to->ulimits, &to->n_ulimits, sizeof *limit);

                if (!limit)
                        return -ENOMEM;
                *limit = from->ulimits[i];
                limit->name = strdup(from->ulimits[i].name);
                if (!limit->name)
                        return -ENOMEM;
        }
        return strv_copy(from->extra_hosts, &to->extra_hosts);
}

/* The record; everything that Docker's classic builder would have given its container. */
static int make_container(Run *run, Err *err) {
        const Step *step = run->step;
        const OciImageConfig *config = &step->state->image.config;
        const HostConfig *host = step->build->request->host;
        const char *hostname = build_word(step->build, "BUILDKIT_SANDBOX_HOSTNAME");
        Container *c = run->c = calloc(1, sizeof *c);

        if (!c)
                return fail(err, ENOMEM, "cannot make a container");
        c->dir = -EBADF;
        c->name = container_name();
        c->config.image = strdup("build");
        c->config.hostname = strdup(hostname ? hostname : HOST_NAME);
        c->config.user = config->user ? strdup(config->user) : NULL;
        c->config.working_dir = config->working_dir ? strdup(config->working_dir) : NULL;
        c->host.network_mode = strdup(step->network);
        c->host.log_config.type = strdup("none");
        c->host.auto_remove = true;
        c->host.privileged = step->insecure;
        if ((host && copy_host(host, &c->host) < 0) || step_devices_give(step, &c->host) < 0)
                return fail(err, ENOMEM, "cannot make a container");
        if (!c->name || !c->config.image || !c->config.hostname || !c->host.network_mode ||
            !c->host.log_config.type || strv_copy(step->state->lowers, &c->lowers) < 0 ||
            strv_copy(step->environment, &c->config.env) < 0 ||
            strv_copy(step->command, &c->config.cmd) < 0)
                return fail(err, ENOMEM, "cannot make a container");
        return container_create(step->build->home, c, err);
}

static int take_network(Run *run, Err *err) {
        Container *c = run->c;
        const char *name = container_network(c);
        Endpoint *endpoint;
        int r;

        if (!name)
                return 0;
        r = network_load(c->home, name, &run->network, err);
        if (r < 0)
                return r;
        endpoint = json_grow(&c->state.networks, &c->state.n_networks, sizeof *endpoint);
        if (!endpoint)
                return fail(err, ENOMEM, "cannot connect to network '%s'", name);
        r = network_reserve(c->home, run->network, c->id, NULL, NULL, NULL, endpoint, err);
        if (r < 0)
                state_forget_run(&c->state);
        return r < 0 || run->network->internal ? r : uplink_begin(c->home, err);
}

static int open_layers(char *const *lowers, int *fds, Err *err) {
        for (size_t i = 0; lowers[i]; i++) {
                fds[i] = open(lowers[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fds[i] < 0)
                        return fail(err, errno, "cannot open layer '%s'", lowers[i]);
        }
        return 0;
}

/* The root as the command will see it, but writable to us and with @places as its upper. */
static int open_root(const LayerDraft *places, char *const *lowers, Err *err) {
        size_t n = strv_length(lowers);
        autofree int *fds = malloc((n + 2) * sizeof *fds);
        int r;

        if (!fds)
                return fail(err, ENOMEM, "cannot mount the layers");
        for (size_t i = 0; i < n + 2; i++)
                fds[i] = -EBADF;
        r = open_layers(lowers, fds, err);
        if (r >= 0) {
                fds[n] = open(places->diff, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                fds[n + 1] = open(places->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = fds[n] < 0 || fds[n + 1] < 0
                            ? fail(err, errno, "cannot open '%s'", places->path)
                            : overlay_new(&(OverlayLayers){ .lowers = fds,
                                                            .n = n,
                                                            .upper = fds[n],
                                                            .work = fds[n + 1] },
                                          err);
        }
        for (size_t i = 0; i < n + 2; i++)
                close_fd(fds[i]);
        return r;
}

static bool wants_directory(const OciMount *m) {
        struct stat st;

        return !str_equal(m->type, "bind") || (stat(m->source, &st) == 0 && S_ISDIR(st.st_mode));
}

/* Makes the mount points and puts them below the draft. */
static int make_places(Run *run, Err *err) {
        const OciSpec *spec = run->setup->spec;
        autoclose int root = -EBADF;
        autostrv lowers = NULL;

        root = open_root(run->places, run->c->lowers, err);
        if (root < 0)
                return root;
        for (size_t i = 0; i < spec->n_mounts; i++) {
                const OciMount *m = &spec->mounts[i];
                autoclose int place = -EBADF;

                /* What lies on another mount is made there. */
                if (str_after(m->destination, "/dev/") || str_after(m->destination, "/sys/"))
                        continue;
                place = resolve_make(root, m->destination, wants_directory(m));
                if (place < 0)
                        return fail(err, place, "cannot make '%s' in the image", m->destination);
        }

        if (strv_add(&lowers, run->places->diff) < 0 || strv_extend(&lowers, run->c->lowers) < 0)
                return fail(err, ENOMEM, "cannot mount the layers");
        strv_free(run->c->lowers);
        run->c->lowers = take_ptr(lowers);
        run->setup->options.root.lowers = (const char *const *) run->c->lowers;
        return 0;
}

/* A here-document that is a program: a file beside the places, shown to the command alone. */
static int add_script(Run *run, Err *err) {
        const char *const options[] = { "bind", "ro", "nosuid", "nodev", NULL };
        const char *text = run->step->script;
        autofree char *path = NULL;
        int r;

        if (!text)
                return 0;
        path = str_format("%s/script", run->places->path);
        r = path ? file_create(AT_FDCWD, path, text, strlen(text), 0755) : -ENOMEM;
        if (r >= 0)
                r = oci_mount_add(run->setup->spec, run->step->script_path, "bind", path,
                                  (char *const *) options);
        return r < 0 ? fail(err, r, "cannot write the command") : 0;
}

static int set_up(Run *run, Err *err) {
        Container *c = run->c;
        SetupInput input = { .upper = run->draft->diff, .work = run->draft->work };
        autofree char *path = NULL;
        int r;

        /* Else whoever lists containers meanwhile takes it for one that died on its way. */
        run->lock = lock_dir(c->dir, true);
        if (run->lock < 0)
                return fail(err, run->lock, "cannot lock the container");
        r = container_has_userns(c) ? idrange_take(c->home, c->id, &c->state.userns_base, err) : 0;
        fault_point("build.ids");
        if (r >= 0)
                r = take_network(run, err);
        fault_point("build.address");
        if (r < 0)
                return r;
        path = container_run_path(c->id);
        r = path ? dir_make(c->home->run_fd, path, 0700) : -ENOMEM;
        if (r < 0)
                return fail(err, r, "cannot make the container's run directory");

        input.userns_base = c->state.userns_base;
        input.endpoint = c->state.networks;
        r = container_setup(c, &input, &run->setup, err);
        if (r >= 0)
                r = layer_draft(c->home, &run->places, err);
        if (r >= 0)
                r = add_script(run, err);
        if (r >= 0)
                r = step_devices_mount(run->step, run->setup->spec, err);
        run->run_dir = str_format("%s/%s", c->home->run, path);
        if (r >= 0 && !run->run_dir)
                r = fail(err, ENOMEM, "cannot run");
        if (r >= 0)
                r = step_mounts_begin(run->step, run->run_dir, (uid_t) c->state.userns_base,
                                      run->setup->spec, &run->mounts, err);
        if (r >= 0)
                r = make_places(run, err);
        if (r >= 0)
                r = container_cgroup_make(c, &run->setup->limits, &run->cgroup, err);
        fault_point("build.cgroup");
        return r;
}

/* Pipes that belong to the container's root, so that /dev/stdout can be opened inside. */
static int make_output(Run *run, int which, int *ret) {
        uid_t owner = (uid_t) run->c->state.userns_base;
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        if (owner && fchown(ends[1], owner, owner) < 0)
                log_debug("cannot give a pipe to the container's root: %s", strerror(errno));
        run->output[which] = ends[0];
        *ret = ends[1];
        return 0;
}

static int spawn(Run *run, Err *err) {
        RuntimeOptions *options = &run->setup->options;
        int r;

        options->cgroup = run->cgroup;
        options->wants_netns = true;
        options->dies_with_caller = true;
        for (int i = 0; i < 3; i++)
                options->stdio[i] = -EBADF;
        r = make_output(run, 0, &options->stdio[1]);
        if (r >= 0)
                r = make_output(run, 1, &options->stdio[2]);
        r = r < 0 ? fail(err, r, "cannot make a pipe")
                  : runtime_spawn(run->setup->spec, options, &run->runtime, err);
        close_fd(options->stdio[1]);
        close_fd(options->stdio[2]);
        fault_point("build.spawned");
        return r;
}

static int connect_network(Run *run, Err *err) {
        const Container *c = run->c;
        int netns = runtime_netns(run->runtime), r;

        if (!run->network)
                return netns >= 0 && container_has_netns(c) ? network_loopback(netns, err) : 0;
        r = network_attach(c->home, run->network, c->state.networks, netns, err);
        uplink_finish(c->home);
        if (r < 0)
                return r;
        return dns_open(
                c->home, netns,
                &(DnsOptions){ .network = run->network->name, .internal = run->network->internal },
                &run->dns, err);
}

/* Tells everybody that it runs and that we are its monitor. */
static int record_start(Run *run, Err *err) {
        ContainerState *s = &run->c->state;
        int r;

        s->pid = runtime_pid(run->runtime);
        s->monitor_pid = getpid();
        s->boot_id = strdup(boot_id());
        s->status = strdup("running");
        s->started_at = clock_rfc3339(clock_now_ns());
        s->finished_at = strdup("0001-01-01T00:00:00Z");
        if (!s->boot_id || !s->status || !s->started_at || !s->finished_at)
                return fail(err, ENOMEM, "cannot note the container's state");
        r = process_start_time(s->pid, &s->pid_start);
        if (r >= 0)
                r = process_start_time(s->monitor_pid, &s->monitor_start);
        if (r < 0)
                return fail(err, r, "cannot note the container's state");
        r = container_write_state(run->c, err);
        run->lock = close_fd(run->lock);
        return r;
}

/* Passes on what has come; false at its end. */
static bool relay(const Run *run, int which) {
        char buffer[16384];
        ssize_t n = read(run->output[which], buffer, sizeof buffer);

        if (n < 0)
                return errno == EINTR || errno == EAGAIN;
        if (n > 0)
                account_output(run->step->build, which == 1, buffer, (size_t) n);
        return n > 0;
}

/* Passes on what the command itself has written; what its orphans hold open is not waited for. */
static void drain(const Run *run) {
        for (int i = 0; i < 2; i++) {
                struct pollfd fd = { .fd = run->output[i], .events = POLLIN };

                while (fd.fd >= 0 && poll(&fd, 1, 0) > 0 && relay(run, i))
                        ;
        }
}

/* Waits for something to happen and deals with it; 1 once the command has ended. */
static int serve(Run *run, Err *err) {
        struct pollfd fds[POLL_DNS + DNS_FDS_MAX] = {
                [POLL_EXIT] = { .fd = runtime_pidfd(run->runtime), .events = POLLIN },
                [POLL_SIGNAL] = { .fd = run->signals, .events = POLLIN },
                [POLL_OUTPUT] = { .fd = run->output[0], .events = POLLIN },
                [POLL_ERROR] = { .fd = run->output[1], .events = POLLIN },
        };
        size_t n_dns = run->dns ? dns_poll(run->dns, fds + POLL_DNS, DNS_FDS_MAX) : 0;

        if (poll(fds, POLL_DNS + n_dns, run->dns ? dns_timeout_ms(run->dns) : -1) < 0)
                return errno == EINTR ? 0 : fail(err, errno, "cannot wait for the command");
        if (run->dns)
                dns_run(run->dns, fds + POLL_DNS, n_dns);
        for (int i = 0; i < 2; i++)
                if (fds[POLL_OUTPUT + i].revents && !relay(run, i))
                        run->output[i] = close_fd(run->output[i]);
        if (fds[POLL_SIGNAL].revents)
                return refuse(err, EINTR, "interrupted");
        return fds[POLL_EXIT].revents != 0;
}

static int watch(Run *run, int *ret_code, Err *err) {
        siginfo_t info = {};
        int r;

        do
                r = serve(run, err);
        while (r == 0);
        if (r < 0)
                return r;
        drain(run);
        if (process_reap(runtime_pidfd(run->runtime), &info) < 0)
                return fail(err, errno, "cannot wait for the command");
        *ret_code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
        return 0;
}

static int run_command(Run *run, int *ret_code, Err *err) {
        int r;

        r = make_container(run, err);
        if (r < 0)
                return r;
        fault_point("build.container");
        r = set_up(run, err);
        if (r < 0)
                return r;
        fault_point("build.set_up");
        r = spawn(run, err);
        if (r >= 0)
                r = connect_network(run, err);
        if (r < 0)
                return r;
        fault_point("build.connected");
        r = record_start(run, err);
        if (r < 0)
                return r;
        fault_point("build.recorded");
        r = runtime_start(run->runtime, err);
        if (r >= 0)
                r = watch(run, ret_code, err);
        fault_point("build.ran");
        return r;
}

static int carry_out_run(Step *step, const LayerDraft *draft, Err *err) {
        Run run = { .step = step,
                    .draft = draft,
                    .output = { -EBADF, -EBADF },
                    .lock = -EBADF,
                    .signals = signalfd(-1, &step->build->ends, SFD_CLOEXEC) };
        int r, code = 0;

        if (!step->state->lowers) {
                run_clear(&run);
                refuse(err, ENOENT, "there is nothing to run yet: the image is empty");
                return err_hint(err, -ENOENT,
                                "ADD or COPY a root file system first, or begin with "
                                "FROM an image");
        }
        r = run_command(&run, &code, err);
        run_clear(&run);
        if (r < 0)
                return r;
        if (code != 0)
                return refuse(err, EREMOTEIO, "the command '%s' returned a non-zero code: %d",
                              step->instruction->rest, code);
        return 0;
}

static int read_flags(Step *step, Err *err) {
        const char *const *allowed = step->build->request->allow;
        const char *network = instruction_flag(step->instruction, "network");
        const char *security = instruction_flag(step->instruction, "security");

        if (!network || str_equal(network, "default"))
                network = step->build->request->network;
        if (!network || str_equal(network, "default"))
                network = "bridge";
        if (!str_equal(network, "bridge") && !str_equal(network, "none") &&
            !str_equal(network, "host"))
                return refuse(err, EINVAL, "--network=%s is none of default, none, host", network);
        if (str_equal(network, "host") && !str_equal(step->build->request->network, "host") &&
            !strv_has((char *const *) allowed, "network.host"))
                return err_hint(err, refuse(err, EPERM, "RUN --network=host is not allowed"),
                                "it lets the command use this machine's network: --allow "
                                "network.host, or build --network host");
        step->insecure = str_equal(security, "insecure");
        if (security && !step->insecure && !str_equal(security, "sandbox"))
                return refuse(err, EINVAL, "--security=%s is neither sandbox nor insecure",
                              security);
        if (step->insecure && !strv_has((char *const *) allowed, "security.insecure"))
                return err_hint(err, refuse(err, EPERM, "RUN --security=insecure is not allowed"),
                                "it makes the command root on this machine: --allow "
                                "security.insecure");
        step->network = strdup(network);
        return step->network ? step_devices_prepare(step, err) : fail(err, ENOMEM, "cannot run");
}

/*
 * What the shell is given: the words, with the bodies of here-documents below them.  One that is
 * the whole command is what the shell runs, so that it need not know here-documents itself; with
 * "#!" it is a program of its own.
 */
static int shell_text(Step *step, char **ret, Err *err) {
        const Instruction *instruction = step->instruction;
        const Heredoc *whole =
                instruction_heredoc(instruction, instruction->args[0], step->build->file->escape);
        autostr text = {};

        if (whole && str_after(whole->content, "#!")) {
                if (strchr(whole->name, '/'))
                        return refuse(err, EINVAL, "the here-document's name '%s' is no file's",
                                      whole->name);
                step->script = heredoc_text(whole);
                step->script_path = str_format("/dev/pipes/%s", whole->name);
                str_put(&text, step->script_path ? step->script_path : "");
        } else if (whole) {
                autofree char *body = heredoc_text(whole);

                str_put(&text, body ? body : "");
        } else {
                str_put(&text, instruction->args[0]);
                for (size_t i = 0; i < instruction->n_heredocs; i++)
                        str_printf(&text, "\n%s%s", instruction->heredocs[i].content,
                                   instruction->heredocs[i].name);
        }
        *ret = str_take(&text);
        return *ret ? 0 : fail(err, ENOMEM, "cannot run");
}

/* The shell form goes to the shell, the exec form is the command. */
static int read_command(Step *step, Err *err) {
        const Instruction *instruction = step->instruction;
        autofree char *text = NULL;
        int r = 0;

        if (!instruction->json) {
                r = shell_text(step, &text, err);
                if (r < 0)
                        return r;
        }
        r = text ? config_shell_command(step->state, text, &step->command)
                 : strv_copy(instruction->args, &step->command);
        if (r >= 0)
                r = build_arguments_proxies(&step->build->arguments, &step->environment);
        if (r >= 0)
                strv_foreach(variable, step->state->variables)
                        if (strv_env_set(&step->environment, *variable) < 0)
                                r = -ENOMEM;
        /* What a device says is not the image's. */
        if (r >= 0)
                strv_foreach(variable, step->devices.edits.env)
                        if (strv_env_set(&step->environment, *variable) < 0)
                                r = -ENOMEM;
        return r < 0 ? fail(err, r, "cannot run") : 0;
}

/* Who is in /etc/hosts makes a difference, where they are does not, as with BuildKit. */
static int add_host_names(const Step *step, CacheKey *key) {
        const HostConfig *host = step->build->request->host;

        strv_foreach(entry, host ? host->extra_hosts : NULL) {
                autofree char *name = strndup(*entry, strcspn(*entry, ":"));

                if (!name)
                        return -ENOMEM;
                cache_key_add(key, name);
        }
        return 0;
}

int step_prepare_run(Step *step, Err *err) {
        const OciImageConfig *config = &step->state->image.config;
        autofree char *arguments = NULL, *joined = NULL;
        CacheKey key;
        int r;

        r = read_flags(step, err);
        if (r >= 0)
                r = read_command(step, err);
        if (r < 0)
                return r;

        /* Not the environment with the proxies in it: they make no difference. */
        step_begin_key(step, &key, "run");
        cache_key_add_list(&key, step->command);
        cache_key_add(&key, step->script);
        cache_key_add_list(&key, step->state->variables);
        cache_key_add(&key, config->working_dir);
        cache_key_add(&key, config->user);
        cache_key_add(&key, step->network);
        cache_key_add(&key, step->insecure ? "insecure" : NULL);
        cache_key_add_list(&key, step->devices.names);
        cache_key_add(&key, build_word(step->build, "BUILDKIT_SANDBOX_HOSTNAME"));
        cache_key_add(&key, step->state->image.architecture);
        cache_key_add(&key, step->state->image.variant);
        if (add_host_names(step, &key) < 0)
                return fail(err, ENOMEM, "cannot run");
        r = step_mounts_prepare(step, &key, err);
        if (r < 0)
                return r;
        cache_key_end(&key, step->key);

        arguments = config_arguments_text(step->state);
        joined = strv_join(step->command, " ");
        step->created_by = arguments && joined ? str_format("RUN %s%s", arguments, joined) : NULL;
        step->carry_out = carry_out_run;
        return step->created_by ? 0 : fail(err, ENOMEM, "cannot run");
}
