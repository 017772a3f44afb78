/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/str.h"
#include "builder/cdi.h"

#define FILE_MAX   (4u << 20)
#define CLASS      "org.mobyproject.buildkit.device.class"
#define AUTO_ALLOW "org.mobyproject.buildkit.device.autoallow"

typedef struct CdiDevice {
        char *name;
        char **annotations; /* "NAME=VALUE" */
        CdiEdits edits;
} CdiDevice;

typedef struct CdiSpec {
        char *version, *kind;
        char **annotations;
        CdiDevice *devices;
        size_t n_devices;
        CdiEdits edits; /* for whichever of them */
} CdiSpec;

typedef struct CdiSpecs {
        CdiSpec *list;
        size_t n;
        bool yaml; /* there are files that were not read */
} CdiSpecs;

static const JsonField node_fields[] = {
        JSON_STRING(CdiNode, path, "path", JSON_REQUIRED),
        JSON_STRING(CdiNode, host_path, "hostPath"),
        JSON_STRING(CdiNode, permissions, "permissions"),
        {},
};
static const JsonType node_type = { sizeof(CdiNode), node_fields };

static const JsonField mount_fields[] = {
        JSON_STRING(CdiMount, host_path, "hostPath", JSON_REQUIRED),
        JSON_STRING(CdiMount, container_path, "containerPath", JSON_REQUIRED),
        JSON_STRINGS(CdiMount, options, "options"),
        {},
};
static const JsonType mount_type = { sizeof(CdiMount), mount_fields };

static const JsonField hook_fields[] = {
        JSON_STRING(CdiHook, path, "path"),
        {},
};
static const JsonType hook_type = { sizeof(CdiHook), hook_fields };

static const JsonField net_device_fields[] = {
        JSON_STRING(CdiNetDevice, host, "hostInterfaceName"),
        {},
};
static const JsonType net_device_type = { sizeof(CdiNetDevice), net_device_fields };

static const JsonField rdt_fields[] = {
        JSON_STRING(CdiRdt, clos, "closID"),
        {},
};
static const JsonType rdt_type = { sizeof(CdiRdt), rdt_fields };

static const JsonField edit_fields[] = {
        JSON_STRINGS(CdiEdits, env, "env"),
        JSON_ARRAY(CdiEdits, nodes, CdiNode, "deviceNodes", &node_type),
        JSON_ARRAY(CdiEdits, mounts, CdiMount, "mounts", &mount_type),
        JSON_ARRAY(CdiEdits, hooks, CdiHook, "hooks", &hook_type),
        JSON_NUMBERS(CdiEdits, groups, "additionalGids"),
        JSON_ARRAY(CdiEdits, net_devices, CdiNetDevice, "netDevices", &net_device_type),
        JSON_POINTER(CdiEdits, rdt, CdiRdt, "intelRdt", &rdt_type),
        {},
};
static const JsonType edits_type = { sizeof(CdiEdits), edit_fields };

static const JsonField device_fields[] = {
        JSON_STRING(CdiDevice, name, "name", JSON_REQUIRED),
        JSON_PAIRS(CdiDevice, annotations, "annotations"),
        JSON_STRUCT(CdiDevice, edits, CdiEdits, "containerEdits", &edits_type),
        {},
};
static const JsonType device_type = { sizeof(CdiDevice), device_fields };

static const JsonField spec_fields[] = {
        JSON_STRING(CdiSpec, version, "cdiVersion", JSON_REQUIRED),
        JSON_STRING(CdiSpec, kind, "kind", JSON_REQUIRED),
        JSON_PAIRS(CdiSpec, annotations, "annotations"),
        JSON_ARRAY(CdiSpec, devices, CdiDevice, "devices", &device_type),
        JSON_STRUCT(CdiSpec, edits, CdiEdits, "containerEdits", &edits_type),
        {},
};
static const JsonType spec_type = { sizeof(CdiSpec), spec_fields };

void run_devices_clear(RunDevices *devices) {
        strv_free(devices->names);
        json_clear(&edits_type, &devices->edits);
        *devices = (RunDevices){};
}

/* ---------------------------------------------------------------- descriptions */

static void specs_clear(CdiSpecs *specs) {
        for (size_t i = 0; i < specs->n; i++)
                json_clear(&spec_type, &specs->list[i]);
        free(specs->list);
}

static int read_spec(CdiSpecs *specs, const char *path, Err *err) {
        autofree char *text = NULL;
        CdiSpec *spec;
        size_t size;
        int r = file_read(AT_FDCWD, path, FILE_MAX, &text, &size);

        if (r < 0)
                return fail(err, r, "cannot read '%s'", path);
        spec = json_grow(&specs->list, &specs->n, sizeof *spec);
        if (!spec)
                return fail(err, ENOMEM, "cannot read '%s'", path);
        r = json_parse(&spec_type, text, size, path, spec, err);
        if (r < 0)
                specs->n--;
        return r;
}

static int read_specs(CdiSpecs *specs, Err *err) {
        static const char *const places[] = { "/etc/cdi", "/var/run/cdi", "/etc/buildkit/cdi" };

        for (size_t i = 0; i < 3; i++) {
                autostrv names = NULL;

                if (dir_list(AT_FDCWD, places[i], &names) < 0)
                        continue;
                strv_foreach(name, names) {
                        autofree char *path = str_format("%s/%s", places[i], *name);
                        int r = 0;

                        specs->yaml |=
                                str_ends_with(*name, ".yaml") || str_ends_with(*name, ".yml");
                        if (str_ends_with(*name, ".json"))
                                r = path ? read_spec(specs, path, err)
                                         : fail(err, ENOMEM, "cannot read '%s'", *name);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* --------------------------------------------------------------------- one name */

typedef struct Wanted {
        char *name;
        bool required;
} Wanted;

static int read_required(const char *value, Wanted *ret, Err *err) {
        if (parse_bool(value, &ret->required) < 0)
                return refuse(err, EINVAL, "RUN --device: required=%s is neither true nor false",
                              value);
        return 0;
}

/* A name may hold a '=' itself. */
static int read_field(const char *field, Wanted *ret, Err *err) {
        static const char *const keys[] = { "name", "required", NULL };
        const char *equals = strchr(field, '='), *nearest;
        autofree char *key = strndup(field, strcspn(field, "="));

        if (!key)
                return fail(err, ENOMEM, "cannot read a device");
        if (strcasecmp(key, "required") == 0)
                return read_required(equals ? equals + 1 : "true", ret, err);
        if (ret->name && equals && strcasecmp(key, "name") == 0)
                return refuse(err, EINVAL, "RUN --device names '%s' and '%s'", ret->name,
                              equals + 1);
        if (!ret->name) {
                ret->name = strdup(equals && strcasecmp(key, "name") == 0 ? equals + 1 : field);
                return ret->name ? 0 : fail(err, ENOMEM, "cannot read a device");
        }
        nearest = nearest_name(key, keys);
        return nearest ? refuse(err, EINVAL, "RUN --device has no key '%s'; did you mean '%s'?",
                                key, nearest)
                       : refuse(err, EINVAL, "RUN --device has no key '%s'", key);
}

static int read_wanted(const char *text, Wanted *ret, Err *err) {
        autostrv fields = NULL;
        int r = strv_split_csv(text, &fields);

        if (r < 0)
                return fail(err, r, "cannot read the device '%s'", text);
        strv_foreach(field, fields) {
                r = read_field(*field, ret, err);
                if (r < 0)
                        return r;
        }
        if (str_empty(ret->name))
                return refuse(err, EINVAL, "RUN --device=%s names no device", text);
        return 0;
}

/* ------------------------------------------------------------------------ finding */

static const char *annotation(const CdiSpec *spec, const CdiDevice *device, const char *name) {
        const char *value = strv_env_get(device->annotations, name);

        return value ? value : strv_env_get(spec->annotations, name);
}

static bool is_allowed(const CdiSpec *spec, const CdiDevice *device, const char *name,
                       const char *wanted, const char *const *allow) {
        const char *value = annotation(spec, device, AUTO_ALLOW);
        bool always = false;

        if (value && parse_bool(value, &always) >= 0 && always)
                return true;
        strv_foreach(word, allow) {
                const char *which = str_after(*word, "device");

                if (which && (!*which || (*which == '=' && (str_equal(which + 1, name) ||
                                                            str_equal(which + 1, spec->kind) ||
                                                            str_equal(which + 1, wanted)))))
                        return true;
        }
        return false;
}

static int add_edits(CdiEdits *to, const CdiEdits *from, const char *name, Err *err) {
        if (from->n_hooks > 0)
                return refuse(err, EOPNOTSUPP,
                              "the device '%s' wants programs run on this machine ('%s'), which "
                              "isola does not do for a build",
                              name, from->hooks[0].path ? from->hooks[0].path : "");
        if (from->n_net_devices > 0 || from->rdt)
                return refuse(err, EOPNOTSUPP,
                              "the device '%s' wants %s, which isola does not do for a build", name,
                              from->rdt ? "a class of Intel's Resource Director (intelRdt)"
                                        : "an interface of this machine (netDevices)");
        if (strv_extend(&to->env, from->env) < 0)
                return fail(err, ENOMEM, "cannot use a device");
        for (size_t i = 0; i < from->n_nodes; i++) {
                CdiNode *node = json_grow(&to->nodes, &to->n_nodes, sizeof *node);

                if (!node || json_clone(&node_type, &from->nodes[i], node) < 0)
                        return fail(err, ENOMEM, "cannot use a device");
        }
        for (size_t i = 0; i < from->n_mounts; i++) {
                CdiMount *mount = json_grow(&to->mounts, &to->n_mounts, sizeof *mount);

                if (!mount || json_clone(&mount_type, &from->mounts[i], mount) < 0)
                        return fail(err, ENOMEM, "cannot use a device");
        }
        for (size_t i = 0; i < from->n_groups; i++) {
                int64_t *group = json_grow(&to->groups, &to->n_groups, sizeof *group);

                if (!group)
                        return fail(err, ENOMEM, "cannot use a device");
                *group = from->groups[i];
        }
        return 0;
}

static int add_device(RunDevices *devices, const CdiSpec *spec, const CdiDevice *device,
                      const char *wanted, const char *const *allow, Err *err) {
        autofree char *name = str_format("%s=%s", spec->kind, device->name);
        int r;

        if (!name)
                return fail(err, ENOMEM, "cannot use a device");
        if (strv_has(devices->names, name))
                return 0;
        if (!is_allowed(spec, device, name, wanted, allow))
                return err_hint(err, refuse(err, EPERM, "RUN --device=%s is not allowed", wanted),
                                "it lets the command use what is this machine's: --allow "
                                "device=%s",
                                name);
        if (strv_add(&devices->names, name) < 0)
                return fail(err, ENOMEM, "cannot use a device");
        r = add_edits(&devices->edits, &spec->edits, name, err);
        return r < 0 ? r : add_edits(&devices->edits, &device->edits, name, err);
}

/* Whether a later file describes the same device. */
static bool is_described_later(const CdiSpecs *specs, size_t at, const char *name) {
        for (size_t i = at + 1; i < specs->n; i++)
                if (str_equal(specs->list[i].kind, specs->list[at].kind))
                        for (size_t j = 0; j < specs->list[i].n_devices; j++)
                                if (str_equal(specs->list[i].devices[j].name, name))
                                        return true;
        return false;
}

/* Whether a device is what a name asks for; @by_class: it is a class's. */
static bool is_wanted(const CdiSpec *spec, const CdiDevice *device, const char *wanted,
                      bool by_class) {
        size_t n = strcspn(wanted, "=");

        if (by_class)
                return str_equal(annotation(spec, device, CLASS), wanted);
        return strlen(spec->kind) == n && memcmp(spec->kind, wanted, n) == 0 &&
               (!wanted[n] || str_equal(wanted + n, "=*") ||
                str_equal(wanted + n + 1, device->name));
}

/* Return: how many there are. */
static int add_matching(RunDevices *devices, const CdiSpecs *specs, const char *wanted,
                        bool by_class, const char *const *allow, Err *err) {
        bool only_one = !by_class && !strchr(wanted, '=');
        int found = 0;

        for (size_t i = 0; i < specs->n; i++)
                for (size_t j = 0; j < specs->list[i].n_devices; j++) {
                        const CdiDevice *device = &specs->list[i].devices[j];
                        int r;

                        if (!is_wanted(&specs->list[i], device, wanted, by_class) ||
                            is_described_later(specs, i, device->name) || (only_one && found))
                                continue;
                        r = add_device(devices, &specs->list[i], device, wanted, allow, err);
                        if (r < 0)
                                return r;
                        found++;
                }
        return found;
}

static int find(RunDevices *devices, const CdiSpecs *specs, const Wanted *wanted,
                const char *const *allow, Err *err) {
        int r = add_matching(devices, specs, wanted->name, false, allow, err);

        if (r == 0)
                r = add_matching(devices, specs, wanted->name, true, allow, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (!wanted->required) {
                log_warn("RUN --device: no device '%s' is described here; the command has to do "
                         "without%s",
                         wanted->name, specs->yaml ? " (descriptions in YAML are not read)" : "");
                return 0;
        }
        refuse(err, ENOENT, "no device '%s' is described here", wanted->name);
        return err_hint(err, -ENOENT,
                        specs->yaml ? "descriptions in YAML are not read: write them in JSON"
                                    : "describe it in /etc/cdi (see docs/dockerfile.md)");
}

int run_devices_add(RunDevices *devices, const char *text, const char *const *allow, Err *err) {
        CdiSpecs specs = {};
        Wanted wanted = {};
        int r = read_wanted(text, &wanted, err);

        if (r >= 0)
                r = read_specs(&specs, err);
        if (r >= 0)
                r = find(devices, &specs, &wanted, allow, err);
        specs_clear(&specs);
        free(wanted.name);
        return r;
}
