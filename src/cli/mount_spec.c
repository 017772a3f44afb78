/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "base/size.h"
#include "base/str.h"
#include "cli/mount_spec.h"

static const char *const propagations[] = { "private", "rprivate", "shared", "rshared",
                                            "slave",   "rslave",   NULL };

static int no_memory(const char *text, Err *err) {
        return fail(err, ENOMEM, "cannot read mount '%s'", text);
}

/* A target is absolute, is not the root itself, and is mounted upon once. */
static int check_target(const Container *c, const ContainerMount *m, const char *text, Err *err) {
        if (str_empty(m->target))
                return refuse(err, EINVAL, "mount '%s' has no target", text);
        if (*m->target != '/')
                return refuse(err, EINVAL, "mount '%s': target '%s' is not an absolute path", text,
                              m->target);
        if (strspn(m->target, "/") == strlen(m->target))
                return refuse(err, EINVAL, "mount '%s': nothing can be mounted over '/'", text);
        for (size_t i = 0; i < c->host.n_mounts; i++)
                if (&c->host.mounts[i] != m && str_equal(c->host.mounts[i].target, m->target))
                        return refuse(err, EINVAL, "two mounts have the same target '%s'",
                                      m->target);
        return 0;
}

static ContainerMount *add_mount(Container *c, const char *type) {
        ContainerMount *m = json_grow(&c->host.mounts, &c->host.n_mounts, sizeof *m);

        if (m)
                m->type = strdup(type);
        return m && m->type ? m : NULL;
}

/* ---- -v ---- */

static int read_volume_option(const char *option, const char *text, ContainerMount *m, Err *err) {
        static const char *const ignored[] = { "rw", "consistent", "cached", "delegated", NULL };

        if (str_equal(option, "ro"))
                m->read_only = true;
        else if (str_equal(option, "nocopy"))
                m->no_copy = true;
        else if (strv_has((char *const *) propagations, option))
                return str_set(&m->propagation, option) < 0 ? no_memory(text, err) : 0;
        else if (str_equal(option, "z") || str_equal(option, "Z"))
                log_warn("'%s': no SELinux label is set on the files; going on without", text);
        else if (!strv_has((char *const *) ignored, option))
                return err_hint(
                        err,
                        refuse(err, EINVAL, "mount '%s': option '%s' is not known", text, option),
                        "known are ro, rw, nocopy, private, rprivate, shared, rshared, "
                        "slave, rslave, z, Z");
        return 0;
}

static int read_volume_options(const char *options, const char *text, ContainerMount *m, Err *err) {
        autostrv list = NULL;

        if (strv_split(options, ",", true, &list) < 0)
                return no_memory(text, err);
        strv_foreach(option, list) {
                int r = read_volume_option(*option, text, m, err);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_anonymous(const char *target, Container *c, Err *err) {
        ContainerMount *m = add_mount(c, "volume");

        if (!m || str_set(&m->target, target) < 0 || strv_add(&c->config.volumes, target) < 0)
                return no_memory(target, err);
        return check_target(c, m, target, err);
}

/* A path as the user sees it from where he is. */
static char *absolute(const char *path) {
        autofree char *here = *path != '/' ? realpath(".", NULL) : NULL;

        if (*path == '/')
                return strdup(path);
        return here ? str_format("%s/%s", here, path) : NULL;
}

static bool is_path(const char *source) {
        return *source == '/' || *source == '.';
}

static int add_bind(const char *source, const char *target, const char *options, Container *c,
                    ContainerMount *m) {
        free(m->source);
        m->source = absolute(source);
        if (!m->source)
                return -ENOMEM;
        return strv_addf(&c->host.binds, "%s:%s%s%s", m->source, target, *options ? ":" : "",
                         options);
}

int mount_volume(const char *text, Container *c, Err *err) {
        autostrv parts = NULL;
        ContainerMount *m;
        const char *options;
        size_t n;
        int r;

        if (strv_split(text, ":", false, &parts) < 0)
                return no_memory(text, err);
        n = strv_length(parts);
        if (n > 3 || (n > 1 && !*parts[0]))
                return err_hint(err,
                                refuse(err, EINVAL, "'%s' is not [SOURCE:]TARGET[:OPTIONS]", text),
                                "such as -v /srv/www:/www:ro or -v data:/var/lib/data");
        if (n == 1)
                return add_anonymous(parts[0], c, err);
        if (!is_path(parts[0]) && !name_is_valid(parts[0]))
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "'%s' is neither an absolute path nor a volume's name",
                                       parts[0]),
                                "write ./%s for a path below this directory", parts[0]);

        options = n == 3 ? parts[2] : "";
        m = add_mount(c, is_path(parts[0]) ? "bind" : "volume");
        if (!m || str_set(&m->target, parts[1]) < 0 || str_set(&m->source, parts[0]) < 0)
                return no_memory(text, err);
        r = read_volume_options(options, text, m, err);
        if (r >= 0)
                r = check_target(c, m, text, err);
        if (r < 0)
                return r;
        r = is_path(parts[0]) ? add_bind(parts[0], parts[1], options, c, m)
                              : strv_add(&c->host.binds, text);
        return r < 0 ? no_memory(text, err) : 0;
}

/* ---- --mount ---- */

static int bad_value(const char *key, const char *value, const char *wanted, Err *err) {
        return refuse(err, EINVAL, "--mount: %s '%s' is not %s", key, value, wanted);
}

static int set_flag(const char *key, const char *value, bool *ret, Err *err) {
        *ret = true;
        if (value && parse_bool(value, ret) < 0)
                return bad_value(key, value, "true or false", err);
        return 0;
}

static int set_recursion(const char *value, ContainerMount *m, Err *err) {
        if (str_equal(value, "disabled"))
                m->no_recursive = true;
        else if (str_equal(value, "readonly"))
                m->read_only = true;
        else if (!str_equal(value, "enabled") && !str_equal(value, "writable"))
                return bad_value("bind-recursive", value, "enabled, disabled, writable or readonly",
                                 err);
        return 0;
}

static int set_tmpfs(const char *key, const char *value, ContainerMount *m, Err *err) {
        uint64_t size;
        char *end;
        long mode;

        if (str_equal(key, "tmpfs-size")) {
                if (size_parse(value, &size) < 0 || size > INT64_MAX)
                        return bad_value(key, value, "a size such as 64m", err);
                m->tmpfs_size = (int64_t) size;
                return 0;
        }
        mode = strtol(value, &end, 8);
        if (!*value || *end || mode < 0 || mode > 07777)
                return bad_value(key, value, "an octal mode such as 1777", err);
        m->tmpfs_mode = (int) mode;
        return 0;
}

static int set_type(const char *value, ContainerMount *m, Err *err) {
        if (!str_equal(value, "bind") && !str_equal(value, "volume") && !str_equal(value, "tmpfs"))
                return bad_value("type", value, "bind, volume or tmpfs", err);
        return str_set(&m->type, value) < 0 ? no_memory(value, err) : 0;
}

static int set_propagation(const char *value, ContainerMount *m, Err *err) {
        if (!strv_has((char *const *) propagations, value))
                return bad_value("bind-propagation", value,
                                 "private, rprivate, shared, rshared, slave or rslave", err);
        return str_set(&m->propagation, value) < 0 ? no_memory(value, err) : 0;
}

static bool is_one_of(const char *key, const char *a, const char *b, const char *c) {
        return str_equal(key, a) || str_equal(key, b) || str_equal(key, c);
}

/* @value: NULL for a key alone. */
static int set_key(const char *key, const char *value, ContainerMount *m, Err *err) {
        if (is_one_of(key, "readonly", "ro", NULL))
                return set_flag(key, value, &m->read_only, err);
        if (is_one_of(key, "volume-nocopy", NULL, NULL))
                return set_flag(key, value, &m->no_copy, err);
        if (is_one_of(key, "bind-nonrecursive", NULL, NULL))
                return set_flag(key, value, &m->no_recursive, err);
        if (!value)
                return refuse(err, EINVAL, "--mount: '%s' needs a value: %s=…", key, key);
        if (str_equal(key, "type"))
                return set_type(value, m, err);
        if (is_one_of(key, "source", "src", NULL))
                return str_set(&m->source, value) < 0 ? no_memory(value, err) : 0;
        if (is_one_of(key, "target", "dst", "destination"))
                return str_set(&m->target, value) < 0 ? no_memory(value, err) : 0;
        if (str_equal(key, "bind-propagation"))
                return set_propagation(value, m, err);
        if (str_equal(key, "bind-recursive"))
                return set_recursion(value, m, err);
        if (is_one_of(key, "tmpfs-size", "tmpfs-mode", NULL))
                return set_tmpfs(key, value, m, err);
        if (str_equal(key, "consistency"))
                return 0;
        return err_hint(err, refuse(err, EINVAL, "--mount: '%s' is not known", key),
                        "known are type, source, target, readonly, bind-propagation, "
                        "bind-recursive, volume-nocopy, tmpfs-size, tmpfs-mode");
}

static int check_entry(const ContainerMount *m, const char *text, Err *err) {
        bool bind = str_equal(m->type, "bind"), tmpfs = str_equal(m->type, "tmpfs");

        if (bind && str_empty(m->source))
                return refuse(err, EINVAL, "mount '%s': a bind mount needs a source", text);
        if (bind && *m->source != '/' && *m->source != '.')
                return refuse(err, EINVAL, "mount '%s': source '%s' is not an absolute path", text,
                              m->source);
        if (tmpfs && !str_empty(m->source))
                return refuse(err, EINVAL, "mount '%s': a tmpfs has no source", text);
        if (!tmpfs && (m->tmpfs_size || m->tmpfs_mode))
                return refuse(err, EINVAL,
                              "mount '%s': tmpfs-size and tmpfs-mode are for type=tmpfs", text);
        if (!bind && (m->propagation || m->no_recursive))
                return refuse(err, EINVAL, "mount '%s': bind-… keys are for type=bind", text);
        if (!bind && !tmpfs && m->source && !name_is_valid(m->source))
                return err_hint(err,
                                refuse(err, EINVAL, "mount '%s': '%s' is not a volume's name", text,
                                       m->source),
                                "type=bind mounts a path");
        return 0;
}

int mount_entry(const char *text, Container *c, Err *err) {
        autostrv fields = NULL;
        ContainerMount *m;
        int r;

        r = strv_split_csv(text, &fields);
        if (r == -EINVAL)
                return refuse(err, EINVAL, "mount '%s' has an open quote", text);
        m = r >= 0 ? add_mount(c, "volume") : NULL;
        if (!m)
                return no_memory(text, err);

        strv_foreach(field, fields) {
                char *equals = strchr(*field, '=');

                if (equals)
                        *equals = 0;
                r = set_key(*field, equals ? equals + 1 : NULL, m, err);
                if (r < 0)
                        return r;
        }
        r = check_entry(m, text, err);
        if (r >= 0)
                r = check_target(c, m, text, err);
        if (r >= 0 && str_equal(m->type, "bind") && *m->source != '/') {
                char *path = absolute(m->source);

                free(m->source);
                m->source = path;
                r = path ? 0 : no_memory(text, err);
        }
        return r;
}

/* ---- --tmpfs ---- */

int mount_tmpfs(const char *text, Container *c, Err *err) {
        size_t n = strcspn(text, ":");
        ContainerMount *m = add_mount(c, "tmpfs");

        if (!m)
                return no_memory(text, err);
        m->target = strndup(text, n);
        if (!m->target || (text[n] && str_set(&m->options, text + n + 1) < 0))
                return no_memory(text, err);
        return check_target(c, m, text, err);
}
