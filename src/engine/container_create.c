/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Making a container: what the user wants, completed from the image and from defaults. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container.h"
#include "engine/names.h"
#include "engine/spec.h"
#include "engine/userns.h"
#include "engine/volume.h"
#include "kernel/filesystem.h"
#include "store/image.h"

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int inherit(char **member, const char *value) {
        if (*member || str_empty(value))
                return 0;
        *member = strdup(value);
        return *member ? 0 : -ENOMEM;
}

/* Adds to a list of assignments what it does not set yet. */
static int inherit_assignments(char ***list, char *const *more) {
        strv_foreach(entry, more) {
                autofree char *key = strndup(*entry, strcspn(*entry, "="));

                if (!key)
                        return -ENOMEM;
                if (!strv_env_get(*list, key) && strv_add(list, *entry) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int inherit_set(char ***set, char *const *more) {
        strv_foreach(entry, more)
                if (!strv_has(*set, *entry) && strv_add(set, *entry) < 0)
                        return -ENOMEM;
        return 0;
}

/* The image's environment first, in its order, then what the user changes or adds. */
static int merge_env(ContainerConfig *config, char *const *image_env) {
        autostrv env = NULL;

        if (strv_copy(image_env, &env) < 0)
                return -ENOMEM;
        if (!strv_env_get(env, "PATH") && strv_add(&env, DEFAULT_PATH) < 0)
                return -ENOMEM;
        strv_foreach(entry, config->env)
                if (strv_env_set(&env, *entry) < 0)
                        return -ENOMEM;
        strv_free(config->env);
        config->env = take_ptr(env);
        return 0;
}

/* An entrypoint given by the user makes the image's command meaningless (Docker's rule). */
static int merge_command(ContainerConfig *config, const OciImageConfig *image) {
        int r = 0;

        if (!config->entrypoint) {
                if (!config->cmd && image->cmd)
                        r = strv_copy(image->cmd, &config->cmd);
                if (r >= 0 && image->entrypoint)
                        r = strv_copy(image->entrypoint, &config->entrypoint);
        }
        /* --entrypoint "" resets the image's. */
        if (config->entrypoint && (!*config->entrypoint || !**config->entrypoint))
                config->entrypoint = strv_free(config->entrypoint);
        return r;
}

/* What the user leaves out of a health check is the image's (Docker's rule). */
static int merge_health(ContainerConfig *config, const OciHealthcheck *image) {
        OciHealthcheck *own = config->healthcheck;

        if (!image)
                return 0;
        if (!own) {
                config->healthcheck = calloc(1, sizeof *own);
                return config->healthcheck
                               ? json_clone(&oci_healthcheck_type, image, config->healthcheck)
                               : -ENOMEM;
        }
        own->interval = own->interval ? own->interval : image->interval;
        own->timeout = own->timeout ? own->timeout : image->timeout;
        own->start_period = own->start_period ? own->start_period : image->start_period;
        own->start_interval = own->start_interval ? own->start_interval : image->start_interval;
        own->retries = own->retries ? own->retries : image->retries;
        return own->test ? 0 : strv_copy(image->test, &own->test);
}

static int merge_image(Container *c, const OciImageConfig *image, Err *err) {
        ContainerConfig *config = &c->config;

        if (merge_env(config, image->env) < 0 || merge_command(config, image) < 0 ||
            inherit(&config->user, image->user) < 0 ||
            inherit(&config->working_dir, image->working_dir) < 0 ||
            inherit(&config->stop_signal, image->stop_signal) < 0 ||
            (!config->shell && strv_copy(image->shell, &config->shell) < 0) ||
            merge_health(config, image->healthcheck) < 0 ||
            inherit_assignments(&config->labels, image->labels) < 0 ||
            inherit_set(&config->exposed_ports, image->exposed_ports) < 0 ||
            inherit_set(&config->volumes, image->volumes) < 0)
                return fail(err, ENOMEM, "cannot make a container");
        return 0;
}

static int take_image(Container *c, Err *err) {
        static const OciImageConfig host_config;
        autoptr(Image) image = NULL;
        int r;

        /* A build's step runs on layers that are no image yet, with an environment that is whole.
         */
        if (c->lowers) {
                c->image = strdup(c->config.image);
                return c->image ? 0 : fail(err, ENOMEM, "cannot make a container");
        }
        if (str_equal(c->config.image, HOST_IMAGE)) {
                c->image = strdup(HOST_IMAGE);
                if (!c->image || strv_add(&c->lowers, "/") < 0)
                        return fail(err, ENOMEM, "cannot make a container");
                return merge_image(c, &host_config, err);
        }

        r = image_load(c->home, c->image ? c->image : c->config.image, &image, err);
        if (r < 0)
                return r;
        if (!c->image && !str_equal(image->config.architecture, oci_architecture()))
                log_warn("image '%s' is for %s/%s, this machine is linux/%s (--platform says that "
                         "this is meant)",
                         c->config.image, image->config.os, image->config.architecture,
                         oci_architecture());
        if (str_set(&c->image, image->id) < 0 || strv_copy(image->lowers, &c->lowers) < 0)
                return fail(err, ENOMEM, "cannot make a container");
        return merge_image(c, &image->config.config, err);
}

/* Splits entrypoint and command into what runs and its arguments. */
static int take_command(Container *c, Err *err) {
        autostrv argv = NULL;

        if (strv_copy(c->config.entrypoint, &argv) < 0 || strv_extend(&argv, c->config.cmd) < 0)
                return fail(err, ENOMEM, "cannot make a container");
        if (!argv || !**argv)
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "image '%s' says no command to run and none was given",
                                       c->config.image),
                                "name one: isola run %s COMMAND", c->config.image);

        c->path = strdup(argv[0]);
        if (!c->path || strv_copy(argv + 1, &c->args) < 0)
                return fail(err, ENOMEM, "cannot make a container");
        return 0;
}

/* A container that shares the host's or another's UTS namespace has that one's name; one that only
 * shares the host's network is called as the host is in it, as Docker does. */
static int take_hostname(Container *c, Err *err) {
        struct utsname host;

        if (c->config.hostname || !str_empty(c->host.uts_mode))
                return 0;
        if (!container_has_netns(c) && uname(&host) < 0)
                return fail(err, errno, "cannot tell the host's name");
        c->config.hostname =
                container_has_netns(c) ? strndup(c->id, ID_SHORT_LENGTH) : strdup(host.nodename);
        return c->config.hostname ? 0 : fail(err, ENOMEM, "cannot make a container");
}

static bool has_mount_at(const Container *c, const char *target) {
        for (size_t i = 0; i < c->host.n_mounts; i++)
                if (str_equal(c->host.mounts[i].target, target))
                        return true;
        return false;
}

/* The image's VOLUMEs and `-v /path` get an anonymous volume each, of which this is the name. */
static int name_volumes(Container *c, Err *err) {
        strv_foreach(path, c->config.volumes) {
                ContainerMount *m;

                if (has_mount_at(c, *path))
                        continue;
                m = json_grow(&c->host.mounts, &c->host.n_mounts, sizeof *m);
                if (!m)
                        return fail(err, ENOMEM, "cannot make a container");
                m->type = strdup("volume");
                m->target = strdup(*path);
        }
        for (size_t i = 0; i < c->host.n_mounts; i++) {
                ContainerMount *m = &c->host.mounts[i];
                char id[ID_LENGTH + 1];

                if (!str_equal(m->type, "volume") || !str_empty(m->source))
                        continue;
                id_new(id);
                free(m->source);
                m->source = strdup(id);
                m->anonymous = true;
                if (!m->source)
                        return fail(err, ENOMEM, "cannot make a container");
        }
        return 0;
}

/* Made after the record that names them, so that there is none without a container. */
static int make_volumes(const Container *c, Err *err) {
        for (size_t i = 0; i < c->host.n_mounts; i++) {
                const ContainerMount *m = &c->host.mounts[i];
                autofree char *data = NULL;
                int r;

                if (!str_equal(m->type, "volume"))
                        continue;
                r = volume_use(c->home, m->source, m->anonymous, &data, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int take_defaults(Container *c, Err *err) {
        if (inherit(&c->host.network_mode, "bridge") < 0 ||
            inherit(&c->host.log_config.type, "json-file") < 0 ||
            inherit(&c->host.restart_policy.name, "no") < 0)
                return fail(err, ENOMEM, "cannot make a container");
        if (str_equal(c->host.network_mode, "default")) {
                free(c->host.network_mode);
                c->host.network_mode = strdup("bridge");
        }
        if (str_equal(c->host.network_mode, "null")) {
                free(c->host.network_mode);
                c->host.network_mode = strdup("none");
        }
        if (c->host.shm_size == 0)
                c->host.shm_size = 64 << 20;
        return c->host.network_mode ? 0 : fail(err, ENOMEM, "cannot make a container");
}

/* Takes the user's name, or random ones until one is free. */
static int take_name(Container *c, Err *err) {
        autoerr taken = {};
        int r = -EEXIST;

        if (c->name)
                return container_name_take(c->home, c->name, c->id, err);
        for (int i = 0; i < 32 && r == -EEXIST; i++) {
                err_clear(&taken);
                free(c->name);
                /* After some tries the id joins in, which makes it unique. */
                c->name = i < 8 ? name_random() : str_format("isola_%.12s", c->id);
                if (!c->name)
                        return fail(err, ENOMEM, "cannot make a container");
                r = container_name_take(c->home, c->name, c->id, &taken);
        }
        return r < 0 ? fail(err, r, "cannot find a free name") : 0;
}

/*
 * Makes and locks the directory.  Before it is locked it looks like what a dead command left, and
 * whoever lists containers then may remove it: it is made again.
 */
static int lock_new_directory(Container *c, const char *path) {
        for (int i = 0; i < 100; i++) {
                autoclose int lock = -EBADF;
                struct stat st;

                close_fd(c->dir);
                c->dir = dir_open(c->home->data_fd, path, 0700);
                if (c->dir < 0 && c->dir != -ENOENT)
                        return c->dir;
                lock = c->dir < 0 ? -ENOENT : lock_dir(c->dir, true);
                if (lock < 0 && lock != -ENOENT)
                        return lock;
                if (lock >= 0 && fstat(c->dir, &st) == 0 && st.st_nlink > 0)
                        return take_fd(lock);
        }
        return -ENOENT;
}

/* Makes the locked directory; the caller removes it if anything fails from here on. */
static int make_directory(Container *c, int *ret_lock, Err *err) {
        autofree char *path = str_format("containers/%s", c->id);
        autoclose int lock = -EBADF;
        int r;

        if (!path)
                return fail(err, ENOMEM, "cannot make a container");
        r = filesystem_check(c->home->data_fd, c->home->data, "containers", err);
        if (r < 0)
                return r;
        r = lock = lock_new_directory(c, path);
        if (r < 0)
                return fail(err, r, "cannot make '%s/%s'", c->home->data, path);
        if (mkdirat(c->dir, "upper", 0755) < 0 || mkdirat(c->dir, "work", 0700) < 0)
                return fail(err, errno, "cannot make '%s/%s/upper'", c->home->data, path);
        r = userns_give_root(c, c->dir, "upper");
        if (r < 0)
                return fail(err, r, "cannot give '%s/%s/upper' to the container's root",
                            c->home->data, path);
        *ret_lock = take_fd(lock);
        fault_point("create.directory");
        return 0;
}

static void undo(Container *c) {
        autofree char *path = str_format("containers/%s", c->id);

        for (size_t i = 0; i < c->host.n_mounts; i++) {
                const ContainerMount *m = &c->host.mounts[i];

                if (m->anonymous && m->source)
                        (void) volume_release(c->home, m->source, c->name ? c->name : c->id, NULL);
        }
        if (c->name)
                container_name_release(c->home, c->name, c->id);
        if (path)
                (void) tree_remove(c->home->data_fd, path);
}

static int complete(Container *c, Err *err) {
        int r;

        r = take_defaults(c, err);
        if (r >= 0)
                r = take_command(c, err);
        if (r >= 0)
                r = take_hostname(c, err);
        if (r >= 0)
                r = name_volumes(c, err);
        return r;
}

/*
 * The record is what makes the container exist.  One that goes when it ends is not worth a wait for
 * the disk, nor a rename: whoever meets it while it is still empty takes it for not being there.
 */
static int write_record(const Container *c, Err *err) {
        autofree char *text = NULL;
        int r;

        if (!c->host.auto_remove)
                return json_save(&container_type, c->dir, "container.json", c, true, err);
        text = json_text(&container_type, c);
        r = text ? file_create(c->dir, "container.json", text, strlen(text), 0600) : -ENOMEM;
        return r < 0 ? fail(err, r, "cannot write the record of container '%s'", c->name) : 0;
}

/* Here already, where whoever waits for it can be told: it may take its time. */
static int show_layers(const Container *c, Err *err) {
        MappedLayers layers = {};
        int r = userns_layers(c, &layers, err);

        mapped_layers_clear(&layers);
        return r;
}

int container_create(const Home *home, Container *c, Err *err) {
        /* Until the record names the image, nobody else knows that its layers are needed. */
        autoclose int hold = image_hold(home), lock = -EBADF, ids = -EBADF;
        char id[ID_LENGTH + 1];
        int r;

        c->home = home;
        c->dir = -EBADF;
        id_new(id);
        c->id = strdup(id);
        c->created = clock_rfc3339(clock_now_ns());
        if (!c->id || !c->created)
                return fail(err, ENOMEM, "cannot make a container");
        if (hold < 0 && hold != -ENOENT)
                return fail(err, hold, "cannot keep other commands from removing layers meanwhile");

        r = userns_default_user(c, err);
        if (r >= 0)
                r = take_image(c, err);
        if (r >= 0)
                r = complete(c, err);
        if (r >= 0)
                r = userns_plan(home, c, &ids, err);
        if (r >= 0)
                r = show_layers(c, err);
        if (r < 0)
                return r;

        r = make_directory(c, &lock, err);
        if (r >= 0)
                r = take_name(c, err);
        fault_point("create.named");
        if (r >= 0)
                r = write_record(c, err);
        fault_point("create.recorded");
        if (r >= 0)
                r = make_volumes(c, err);
        fault_point("create.volumes");
        if (r < 0)
                undo(c);
        return r;
}
