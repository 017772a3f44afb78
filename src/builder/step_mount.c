/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * RUN --mount: what is shown to one command
 *
 * The files of a bind mount are a directory of their own: those of a stage that
 * is one layer are that layer, all others are copied, once, into a layer that no
 * image names and the cache remembers.  So what is mounted is what the key
 * says, .dockerignore holds, owners are right, and no path of the machine's is
 * resolved with a mount in between (CVE-2024-1753, CVE-2024-23651).  What a
 * command writes into one that is writable is thrown away.
 *
 * Secrets and sockets lie in the container's run directory, which is in memory.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "builder/agent_relay.h"
#include "builder/cache_mount.h"
#include "builder/step.h"
#include "kernel/process.h"
#include "kernel/resolve.h"

#define PLACE "m" /* what is copied goes by this name, be it a file or a directory */

struct MountsHeld {
        LayerDraft **drafts;
        size_t n_drafts;
        CacheMount *caches;
        size_t n_caches;
        int *opened; /* what paths below /proc/self/fd lead to */
        size_t n_opened;
        int *relays; /* pidfds */
        size_t n_relays;
        const char *run_dir; /* borrowed */
        uid_t owner;
        OciSpec *spec;
        int n_agents;
};

void step_mounts_clear(Step *step) {
        for (size_t i = 0; i < step->n_mounts; i++) {
                run_mount_clear(&step->mounts[i].mount);
                origin_clear(&step->mounts[i].origin);
                selection_clear(&step->mounts[i].selection);
        }
        free(step->mounts);
        step->mounts = NULL;
        step->n_mounts = 0;
}

MountsHeld *step_mounts_end(MountsHeld *held) {
        if (!held)
                return NULL;
        for (size_t i = 0; i < held->n_relays; i++) {
                process_kill_and_reap(held->relays[i]);
                close_fd(held->relays[i]);
        }
        for (size_t i = 0; i < held->n_opened; i++)
                close_fd(held->opened[i]);
        for (size_t i = 0; i < held->n_caches; i++)
                cache_mount_clear(&held->caches[i]);
        for (size_t i = 0; i < held->n_drafts; i++)
                layer_draft_free(held->drafts[i]);
        free(held->relays);
        free(held->opened);
        free(held->caches);
        free(held->drafts);
        free(held);
        return NULL;
}

/* ------------------------------------------------------------------- the key */

/* What a bind mount shows: content of a context, or a place in layers. */
static int find_content(Step *step, StepMount *m, Err *err) {
        char *const sources[] = { m->mount.source, NULL };
        CacheKey key;
        int r;

        step_begin_key(step, &key, "bind");
        if (m->origin.context) {
                r = context_select(m->origin.context, &(ContextQuery){ .sources = sources },
                                   &m->selection, err);
                if (r < 0)
                        return r;
                cache_key_add(&key, m->selection.digest);
        } else {
                if (!m->origin.lowers)
                        return refuse(err, ENOENT, "RUN --mount: '%s' has no files", m->mount.from);
                cache_key_add(&key, m->origin.chain);
                cache_key_add(&key, m->mount.source);
        }
        cache_key_end(&key, m->key);
        return 0;
}

static int find_origin(Step *step, StepMount *m, Err *err) {
        size_t present = (size_t) (step->state - step->build->stages);

        if (m->mount.from)
                return origin_find(step->build, present, m->mount.from,
                                   "RUN --mount: from=", &m->origin, err);
        if (m->mount.type == RUN_MOUNT_BIND)
                m->origin.context = step->build->context;
        return 0;
}

/* BUILDKIT_CACHE_MOUNT_NS keeps the caches of one project from another's of the same id. */
static int name_apart(const Step *step, RunMount *m, Err *err) {
        const char *apart = build_word(step->build, "BUILDKIT_CACHE_MOUNT_NS");
        char *id;

        if (str_empty(apart) || m->type != RUN_MOUNT_CACHE)
                return 0;
        id = str_format("%s/%s", apart, m->id);
        if (!id)
                return fail(err, ENOMEM, "cannot run");
        free(m->id);
        m->id = id;
        return 0;
}

static int add_mount(Step *step, const char *text, CacheKey *key, Err *err) {
        StepMount *m = json_grow(&step->mounts, &step->n_mounts, sizeof *m);
        autofree char *numbers = NULL;
        int r;

        if (!m)
                return fail(err, ENOMEM, "cannot run");
        r = run_mount_parse(text, step->state->variables, step->build->file->escape,
                            step->state->image.config.working_dir, &m->mount, err);
        if (r >= 0 && (m->mount.type == RUN_MOUNT_BIND || m->mount.from))
                r = find_origin(step, m, err);
        if (r >= 0 && m->mount.type == RUN_MOUNT_BIND)
                r = find_content(step, m, err);
        if (r < 0)
                return r;
        r = name_apart(step, &m->mount, err);
        if (r < 0)
                return r;

        numbers = str_format("%d %d %d %d %o %lld %lld %lld", m->mount.type, m->mount.read_only,
                             m->mount.required, m->mount.env != NULL, (unsigned) m->mount.mode,
                             (long long) m->mount.size, (long long) m->mount.uid,
                             (long long) m->mount.gid);
        if (!numbers)
                return fail(err, ENOMEM, "cannot run");
        cache_key_add(key, numbers);
        cache_key_add(key, m->mount.target);
        cache_key_add(key, m->mount.env);
        cache_key_add(key, m->key);
        /* What a cache is called and who shares it makes no difference to what comes out. */
        cache_key_add(key, m->mount.type >= RUN_MOUNT_SECRET ? m->mount.id : NULL);
        return 0;
}

int step_mounts_prepare(Step *step, CacheKey *key, Err *err) {
        autostrv words = NULL;
        int r = 0;

        if (instruction_flags(step->instruction, "mount", &words) < 0)
                return fail(err, ENOMEM, "cannot run");
        strv_foreach(word, words) {
                r = add_mount(step, *word, key, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --------------------------------------------------------------- bind mounts */

static int show(MountsHeld *held, const char *target, const char *source, const char *options,
                Err *err) {
        autostrv list = NULL;

        if (strv_split(options, ",", true, &list) < 0 ||
            oci_mount_add(held->spec, target, "bind", source, list) < 0)
                return fail(err, ENOMEM, "cannot mount '%s'", target);
        return 0;
}

/* Owners on disk are the container's numbers; a command that is root on the machine has no others.
 */
static const char *bind_options(const MountsHeld *held, bool read_only) {
        if (!held->owner)
                return read_only ? "bind,rprivate,ro,nosuid,nodev" : "bind,rprivate,nosuid,nodev";
        return read_only ? "bind,rprivate,ro,nosuid,nodev,idmap"
                         : "bind,rprivate,nosuid,nodev,idmap";
}

/* Keeps a descriptor open and returns a path that leads to what it is. */
static char *path_of(MountsHeld *held, int fd) {
        int *slot = json_grow(&held->opened, &held->n_opened, sizeof *slot);

        if (!slot) {
                close_fd(fd);
                return NULL;
        }
        *slot = fd;
        return str_format("/proc/self/fd/%d", fd);
}

/* Copies what the mount shows into a draft, as /m. */
static int copy_content(const StepMount *m, const LayerDraft *draft, Err *err) {
        char *const sources[] = { m->mount.source, NULL };
        TreeView view = { .upper = draft->diff, .work = draft->work };
        const Selection *s = &m->selection;
        TreeCopy copy = { .dest = "/" PLACE };

        if (m->origin.context) {
                copy.source_dir = context_path(m->origin.context);
                copy.items = s->items;
                copy.n_items = s->n_items;
                copy.dest_is_dir = !s->files;
        } else {
                copy.source_lowers = m->origin.lowers;
                copy.patterns = sources;
        }
        return tree_copy(&view, &copy, NULL, err);
}

/* The copy that an earlier command was shown, or a new one. */
static int shared_copy(const Step *step, const StepMount *m, char **ret, Err *err) {
        const Build *build = step->build;
        autoptr(LayerDraft) draft = NULL;
        autoptr(Layer) layer = NULL;
        autorecord record = {};
        int r;

        if (cache_load(build->home, m->key, &record) < 0 || !record.chain_id ||
            layer_load(build->home, record.chain_id, &layer, NULL) < 0) {
                r = layer_draft(build->home, &draft, err);
                if (r >= 0)
                        r = copy_content(m, draft, err);
                fault_point("build.bound");
                if (r >= 0)
                        r = layer_commit(draft, NULL, &layer, err);
                if (r < 0)
                        return r;
                cache_save(build->home, m->key, layer->chain_id, build->now);
        }
        *ret = str_format("%s/" PLACE, layer->diff);
        return *ret ? 0 : fail(err, ENOMEM, "cannot mount '%s'", m->mount.target);
}

static int own_copy(const Step *step, const StepMount *m, MountsHeld *held, char **ret, Err *err) {
        LayerDraft **slot = json_grow(&held->drafts, &held->n_drafts, sizeof(LayerDraft *));
        int r;

        if (!slot)
                return fail(err, ENOMEM, "cannot mount '%s'", m->mount.target);
        r = layer_draft(step->build->home, slot, err);
        if (r >= 0)
                r = copy_content(m, *slot, err);
        if (r < 0)
                return r;
        *ret = str_format("%s/" PLACE, (*slot)->diff);
        return *ret ? 0 : fail(err, ENOMEM, "cannot mount '%s'", m->mount.target);
}

/* A single layer holds all there is: it can be shown as it lies there. */
static int in_layer(const StepMount *m, MountsHeld *held, char **ret, Err *err) {
        autoclose int root =
                open(m->origin.lowers[0], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int found = root < 0 ? -errno : resolve_open(root, m->mount.source, O_PATH);

        if (found < 0)
                return fail(err, found, "RUN --mount: cannot open '%s' of '%s'", m->mount.source,
                            m->mount.from);
        *ret = path_of(held, found);
        return *ret ? 0 : fail(err, ENOMEM, "cannot mount '%s'", m->mount.target);
}

static int begin_bind(const Step *step, const StepMount *m, MountsHeld *held, Err *err) {
        bool single = m->origin.lowers && !m->origin.lowers[1];
        autofree char *source = NULL;
        int r;

        if (!m->mount.read_only)
                r = own_copy(step, m, held, &source, err);
        else if (single)
                r = in_layer(m, held, &source, err);
        else
                r = shared_copy(step, m, &source, err);
        if (r < 0)
                return r;
        return show(held, m->mount.target, source, bind_options(held, m->mount.read_only), err);
}

/* ------------------------------------------------------- caches, tmpfs, secrets */

/* A new cache begins with what `from` and `source` name. */
static int seed_cache(const StepMount *m, const CacheMount *cache, Err *err) {
        char *const sources[] = { m->mount.source, NULL };
        TreeView view = { .upper = cache->data };
        TreeCopy copy = { .source_lowers = m->origin.lowers,
                          .patterns = sources,
                          .dest = "/",
                          .dest_is_dir = true };
        Selection s = {};
        int r = 0;

        if (!m->mount.from)
                return 0;
        if (m->origin.context) {
                r = context_select(m->origin.context, &(ContextQuery){ .sources = sources }, &s,
                                   err);
                copy.source_dir = context_path(m->origin.context);
                copy.items = s.items;
                copy.n_items = s.n_items;
                copy.patterns = NULL;
        }
        if (r >= 0)
                r = tree_copy(&view, &copy, NULL, err);
        selection_clear(&s);
        return r;
}

static int begin_cache(const Step *step, const StepMount *m, MountsHeld *held, Err *err) {
        CacheMount *cache = json_grow(&held->caches, &held->n_caches, sizeof *cache);
        int r;

        if (!cache)
                return fail(err, ENOMEM, "cannot mount '%s'", m->mount.target);
        cache->lock = -EBADF;
        r = cache_mount_open(step->build->home, &m->mount, cache, err);
        if (r >= 0 && cache->made)
                r = seed_cache(m, cache, err);
        fault_point("build.cache");
        if (r < 0)
                return r;
        return show(held, m->mount.target, cache->data, bind_options(held, m->mount.read_only),
                    err);
}

static int begin_tmpfs(const StepMount *m, MountsHeld *held, Err *err) {
        autostrv options = NULL;
        int r = strv_add_words(&options,
                               (const char *const[]){ "nosuid", "nodev", "mode=1777", NULL });

        if (r >= 0 && m->mount.size)
                r = strv_addf(&options, "size=%lld", (long long) m->mount.size);
        if (r >= 0 && m->mount.read_only)
                r = strv_add(&options, "ro");
        if (r >= 0)
                r = oci_mount_add(held->spec, m->mount.target, "tmpfs", "tmpfs", options);
        return r < 0 ? fail(err, ENOMEM, "cannot mount '%s'", m->mount.target) : 0;
}

/* Writes a secret where only the command sees it. */
static int write_secret(const MountsHeld *held, const StepMount *m, size_t index, const char *value,
                        size_t size, char **ret, Err *err) {
        autofree char *path = str_format("%s/secret-%zu", held->run_dir, index);
        int r = path ? file_create(AT_FDCWD, path, value, size, 0600) : -ENOMEM;

        if (r >= 0 && (chown(path, held->owner + (uid_t) m->mount.uid,
                             held->owner + (gid_t) m->mount.gid) < 0 ||
                       chmod(path, m->mount.mode) < 0))
                r = -errno;
        if (r < 0)
                return fail(err, r, "cannot hand the secret '%s' over", m->mount.id);
        *ret = take_ptr(path);
        return 0;
}

static int begin_secret(const Step *step, size_t index, MountsHeld *held, Err *err) {
        const StepMount *m = &step->mounts[index];
        autofree char *value = NULL, *path = NULL;
        size_t size = 0;
        int r;

        r = build_secret_read(&step->build->secrets, m->mount.id, &value, &size, err);
        if (r == -ENOENT && m->mount.required)
                return err_hint(err,
                                refuse(err, r, "the secret '%s', which is required, was not given",
                                       m->mount.id),
                                "--secret id=%s,src=FILE", m->mount.id);
        if (r == -ENOENT && (err == NULL || !err->message))
                return 0;
        if (r < 0)
                return r;
        if (m->mount.env) {
                autofree char *pair = str_format("%s=%s", m->mount.env, value);

                if (!pair || strv_env_set(&held->spec->process->env, pair) < 0)
                        return fail(err, ENOMEM, "cannot hand the secret '%s' over", m->mount.id);
        }
        if (!m->mount.target)
                return 0;
        r = write_secret(held, m, index, value, size, &path, err);
        return r < 0 ? r
                     : show(held, m->mount.target, path, "bind,rprivate,ro,nosuid,nodev,noexec",
                            err);
}

/* ------------------------------------------------------------------ SSH agents */

/* A listening socket that the container's user may connect to, at a path of any length. */
static int listen_for(const MountsHeld *held, const StepMount *m, const char *name, Err *err) {
        autoclose int dir = open(held->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        autoclose int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (dir < 0 || listener < 0)
                return fail(err, errno, "cannot pass the SSH agent on");
        snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir, name);
        if (bind(listener, (const struct sockaddr *) &address, sizeof address) < 0 ||
            fchownat(dir, name, held->owner + (uid_t) m->mount.uid,
                     held->owner + (gid_t) m->mount.gid, AT_SYMLINK_NOFOLLOW) < 0 ||
            fchmodat(dir, name, m->mount.mode, 0) < 0 || listen(listener, 8) < 0)
                return fail(err, errno, "cannot pass the SSH agent on");
        return take_fd(listener);
}

static int tell_agent(MountsHeld *held, const char *target, Err *err) {
        autofree char *pair = str_format("SSH_AUTH_SOCK=%s", target);

        if (strv_env_get(held->spec->process->env, "SSH_AUTH_SOCK"))
                return 0;
        return !pair || strv_env_set(&held->spec->process->env, pair) < 0
                       ? fail(err, ENOMEM, "cannot pass the SSH agent on")
                       : 0;
}

static int begin_ssh(const Step *step, const StepMount *m, MountsHeld *held, Err *err) {
        const char *agent = build_agent_socket(&step->build->secrets, m->mount.id);
        int number = held->n_agents, *relay;
        autofree char *name = str_format("ssh-%d", number);
        autofree char *path = str_format("%s/ssh-%d", held->run_dir, number);
        autofree char *target = m->mount.target ? strdup(m->mount.target)
                                                : str_format("/run/buildkit/ssh_agent.%d", number);
        autoclose int listener = -EBADF;
        int r;

        if (!agent && m->mount.required)
                return err_hint(err,
                                refuse(err, ENOENT,
                                       "the SSH agent '%s', which is required, was not given",
                                       m->mount.id),
                                "--ssh %s", m->mount.id);
        if (!agent)
                return 0;
        held->n_agents++;
        relay = json_grow(&held->relays, &held->n_relays, sizeof *relay);
        if (!name || !path || !target || !relay)
                return fail(err, ENOMEM, "cannot pass the SSH agent on");
        *relay = -EBADF;
        listener = listen_for(held, m, name, err);
        if (listener < 0)
                return listener;
        r = agent_relay_start(listener, agent, relay, err);
        if (r >= 0)
                r = tell_agent(held, target, err);
        return r < 0 ? r : show(held, target, path, "bind,rprivate,nosuid,nodev,noexec", err);
}

int step_mounts_begin(Step *step, const char *run_dir, uid_t owner, OciSpec *spec, MountsHeld **ret,
                      Err *err) {
        MountsHeld *held = calloc(1, sizeof *held);
        int r = 0;

        if (!held)
                return fail(err, ENOMEM, "cannot run");
        *ret = held;
        held->run_dir = run_dir;
        held->owner = owner;
        held->spec = spec;
        for (size_t i = 0; i < step->n_mounts && r >= 0; i++) {
                const StepMount *m = &step->mounts[i];

                if (m->mount.type == RUN_MOUNT_BIND)
                        r = begin_bind(step, m, held, err);
                else if (m->mount.type == RUN_MOUNT_CACHE)
                        r = begin_cache(step, m, held, err);
                else if (m->mount.type == RUN_MOUNT_TMPFS)
                        r = begin_tmpfs(m, held, err);
                else if (m->mount.type == RUN_MOUNT_SECRET)
                        r = begin_secret(step, i, held, err);
                else
                        r = begin_ssh(step, m, held, err);
        }
        return r;
}
