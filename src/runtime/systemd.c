/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/dbus.h"
#include "base/str.h"
#include "kernel/idmap.h"
#include "runtime/systemd.h"
#include "runtime/systemd_properties.h"

#define SERVICE    "org.freedesktop.systemd1"
#define OBJECT     "/org/freedesktop/systemd1"
#define MANAGER    "org.freedesktop.systemd1.Manager"
#define TIMEOUT_MS 30000
#define ANNOTATION "org.systemd.property."

/* --- connections --- */

static bool is_user(void) {
        return geteuid() != 0 || dbus_user_is_mapped();
}

/* What pam_systemd(8) sets; who became this user by other means has no such variable, but the
 * directory may be there. */
static char *runtime_directory(void) {
        const char *set = getenv("XDG_RUNTIME_DIR");
        autofree IdRange *ids = NULL;
        autofree char *usual = NULL;
        size_t n = 0;
        int64_t own;

        if (!str_empty(set))
                return strdup(set);
        if (idmap_read_own("uid_map", &ids, &n) < 0)
                return NULL;
        own = idmap_outside(ids, n, geteuid());
        usual = own < 0 ? NULL : str_format("/run/user/%lld", (long long) own);
        return usual && access(usual, X_OK) == 0 ? take_ptr(usual) : NULL;
}

/* Where to look, best first: systemd's own socket needs no bus, which may not even be installed. */
static int open_user(Dbus **ret, Err *err) {
        autofree char *runtime = runtime_directory();
        const char *session = getenv("DBUS_SESSION_BUS_ADDRESS");
        autofree char *own = runtime ? str_format("unix:path=%s/systemd/private", runtime) : NULL,
                      *bus = runtime ? str_format("unix:path=%s/bus", runtime) : NULL;

        if (own && dbus_open(own, false, TIMEOUT_MS, ret, NULL) >= 0)
                return 0;
        if (str_empty(session) && !bus)
                return err_hint(err, refuse(err, ESRCH, "there is no way to the user's systemd"),
                                "set XDG_RUNTIME_DIR, such as /run/user/1000; log in through "
                                "systemd-logind for it to be there");
        return dbus_open(str_empty(session) ? bus : session, true, TIMEOUT_MS, ret, err);
}

static int open_system(Dbus **ret, Err *err) {
        const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");

        if (!str_empty(address))
                return dbus_open(address, true, TIMEOUT_MS, ret, err);
        if (access("/run/systemd/system", F_OK) < 0)
                return err_hint(err, refuse(err, ESRCH, "systemd does not run here"),
                                "leave --systemd-cgroup out");
        if (dbus_open("unix:path=/run/systemd/private", false, TIMEOUT_MS, ret, NULL) >= 0)
                return 0;
        return dbus_open("unix:path=/run/dbus/system_bus_socket", true, TIMEOUT_MS, ret, err);
}

static int connect_systemd(Dbus **ret, Err *err) {
        return is_user() ? open_user(ret, err) : open_system(ret, err);
}

static void begin(DbusMessage *m, const char *method, const char *signature) {
        dbus_begin(m, &(DbusCall){ SERVICE, OBJECT, MANAGER, method, signature });
}

/* --- jobs --- */

/* A bus sends only the signals that were asked for, systemd only to those who have subscribed; on
 * its own socket both are without effect. */
static int subscribe(Dbus *bus, Err *err) {
        autodbus match = {}, subscribe = {};
        autoerr ignored = {};
        int r;

        dbus_begin(&match, &(DbusCall){ "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                        "org.freedesktop.DBus", "AddMatch", "s" });
        dbus_put_string(&match, "type='signal',interface='" MANAGER "',member='JobRemoved'");
        r = dbus_call(bus, &match, TIMEOUT_MS, NULL, &ignored);
        if (r < 0 && r != -EOPNOTSUPP && r != -EREMOTEIO && r != -ESRCH)
                return fail(err, r, "cannot listen to systemd");
        begin(&subscribe, "Subscribe", NULL);
        return dbus_call(bus, &subscribe, TIMEOUT_MS, NULL, err);
}

/* JobRemoved(u id, o job, s unit, s result) */
static int wait_for_job(Dbus *bus, const char *job, Err *err) {
        int64_t end = clock_monotonic_ms() + TIMEOUT_MS;

        for (;;) {
                int64_t left = end - clock_monotonic_ms();
                autoreceived signal = {};
                const char *which, *result;
                int r;

                r = dbus_next_signal(bus, left > 0 ? (int) left : 0, &signal, err);
                if (r < 0)
                        return err_prefix(err, r, "systemd has not finished its job");
                if (!str_equal(signal.member, "JobRemoved"))
                        continue;
                (void) dbus_get_u32(&signal);
                which = dbus_get_string(&signal);
                (void) dbus_get_string(&signal);
                result = dbus_get_string(&signal);
                if (!dbus_read_ok(&signal))
                        return refuse(err, EBADMSG, "cannot understand systemd's answer");
                if (!str_equal(which, job))
                        continue;
                return str_equal(result, "done")
                               ? 0
                               : refuse(err, EREMOTEIO, "systemd's job ended as '%s'", result);
        }
}

/* Calls a method that begins a job, and waits for its end. */
static int call_job(Dbus *bus, const DbusMessage *call, Err *err) {
        autoreceived reply = {};
        const char *job;
        int r;

        r = dbus_call(bus, call, TIMEOUT_MS, &reply, err);
        if (r < 0)
                return r;
        job = dbus_get_string(&reply);
        if (!dbus_read_ok(&reply))
                return refuse(err, EBADMSG, "cannot understand systemd's answer");
        return wait_for_job(bus, job, err);
}

/* --- names and paths --- */

/* A unit's name may hold these (systemd.unit(5)); others would be a path or another unit's. */
static bool is_unit_name(const char *name) {
        return *name && strlen(name) < 250 &&
               strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                            ":-_.\\@") == strlen(name);
}

int systemd_scope_names(const char *cgroups_path, const char *id, char **ret_slice, char **ret_unit,
                        Err *err) {
        const char *standard = is_user() ? "user.slice" : "system.slice";
        autofree char *path = str_empty(cgroups_path) ? str_format("%s:isola:%s", standard, id)
                                                      : strdup(cgroups_path);
        autofree char *unit = NULL, *slice = NULL;
        autostrv words = NULL;

        if (!path || strv_split(path, ":", false, &words) < 0)
                return fail(err, ENOMEM, "cannot name a scope");
        if (strv_length(words) != 3 || !*words[2])
                return refuse(err, EINVAL,
                              "the cgroups path '%s' is not of the form slice:prefix:name", path);
        slice = strdup(*words[0] ? words[0] : standard);
        unit = *words[1] ? str_format("%s-%s.scope", words[1], words[2])
                         : str_format("%s.scope", words[2]);
        if (!slice || !unit)
                return fail(err, ENOMEM, "cannot name a scope");
        if (!is_unit_name(unit) || !is_unit_name(slice) || !str_ends_with(slice, ".slice"))
                return refuse(err, EINVAL, "'%s' does not name a slice and a scope", path);
        *ret_slice = take_ptr(slice);
        *ret_unit = take_ptr(unit);
        return 0;
}

/* "a-b.slice" lies in "a.slice", "-.slice" is the root (systemd.slice(5)). */
static int put_slice(Str *path, const char *slice) {
        size_t length = strlen(slice) - strlen(".slice");

        if (length == 1 && *slice == '-')
                return 0;
        for (size_t i = 1; i <= length; i++) {
                if (i < length && slice[i] != '-')
                        continue;
                if (slice[i - 1] == '-' || *slice == '-')
                        return -EINVAL;
                str_printf(path, "%.*s.slice/", (int) i, slice);
        }
        return 0;
}

/* The user's manager has a place of its own, which it knows. */
static int put_user_root(Str *path, Err *err) {
        autoptr(Dbus) bus = NULL;
        autoreceived reply = {};
        autodbus m = {};
        const char *place;
        int r;

        r = connect_systemd(&bus, err);
        if (r < 0)
                return r;
        dbus_begin(&m,
                   &(DbusCall){ SERVICE, OBJECT, "org.freedesktop.DBus.Properties", "Get", "ss" });
        dbus_put_string(&m, MANAGER);
        dbus_put_string(&m, "ControlGroup");
        r = dbus_call(bus, &m, TIMEOUT_MS, &reply, err);
        if (r < 0)
                return r;
        if (!str_equal(dbus_get_variant(&reply), "s"))
                return refuse(err, EBADMSG, "cannot understand systemd's answer");
        place = dbus_get_string(&reply);
        if (!dbus_read_ok(&reply))
                return refuse(err, EBADMSG, "cannot understand systemd's answer");
        str_put(path, place + strspn(place, "/"));
        if (path->length > 0)
                str_put_char(path, '/');
        return 0;
}

bool systemd_user_is_there(void) {
        autoptr(Dbus) bus = NULL;

        return is_user() && cgroup_is_unified() && access("/run/systemd/system", F_OK) == 0 &&
               open_user(&bus, NULL) >= 0;
}

int systemd_scope_path(const char *slice, const char *unit, char **ret, Err *err) {
        autostr path = {};
        int r = is_user() ? put_user_root(&path, err) : 0;

        if (r < 0)
                return r;
        if (put_slice(&path, slice) < 0)
                return refuse(err, EINVAL, "'%s' does not name a slice", slice);
        str_put(&path, unit);
        *ret = str_take(&path);
        return *ret ? 0 : fail(err, ENOMEM, "cannot name a scope");
}

/* --- scopes --- */

static void put_string(DbusMessage *m, const char *name, const char *value) {
        systemd_put_name(m, name, "s");
        dbus_put_string(m, value);
}

static void put_bool(DbusMessage *m, const char *name, bool value) {
        systemd_put_name(m, name, "b");
        dbus_put_bool(m, value);
}

static int put_annotations(DbusMessage *m, char *const *annotations, Err *err) {
        strv_foreach(annotation, annotations) {
                const char *rest = str_after(*annotation, ANNOTATION), *equals;
                autofree char *name = NULL;
                int r;

                if (!rest)
                        continue;
                equals = strchr(rest, '=');
                name = strndup(rest, equals ? (size_t) (equals - rest) : strlen(rest));
                if (!name)
                        return fail(err, ENOMEM, "cannot set properties");
                r = systemd_put_annotation(m, name, equals ? equals + 1 : "", err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int put_scope(DbusMessage *m, const SystemdScope *scope, Err *err) {
        bool unified = cgroup_layout() == CGROUP_UNIFIED;
        DbusArray properties, pids;
        int r;

        properties = dbus_open_array(m, 8);
        put_string(m, "Description", scope->description);
        put_string(m, "Slice", scope->slice);
        systemd_put_name(m, "PIDs", "au");
        pids = dbus_open_array(m, 4);
        dbus_put_u32(m, (uint32_t) scope->pid);
        dbus_close_array(m, pids);
        put_bool(m, "Delegate", true);
        put_bool(m, "DefaultDependencies", scope->ends_with_manager);
        if (scope->stop_signal) {
                systemd_put_name(m, "KillSignal", "i");
                dbus_put_u32(m, (uint32_t) scope->stop_signal);
        }
        if (scope->stop_ms > 0) {
                systemd_put_name(m, "TimeoutStopUSec", "t");
                dbus_put_u64(m, (uint64_t) scope->stop_ms * 1000);
        }
        put_bool(m, "CPUAccounting", true);
        put_bool(m, "MemoryAccounting", true);
        put_bool(m, "TasksAccounting", true);
        put_bool(m, unified ? "IOAccounting" : "BlockIOAccounting", true);
        /* One that failed, as by running out of memory, would stay otherwise. */
        put_string(m, "CollectMode", "inactive-or-failed");
        if (scope->limits)
                systemd_put_limits(m, scope->limits, unified);
        r = put_annotations(m, scope->annotations, err);
        dbus_close_array(m, properties);
        return r;
}

int systemd_start_scope(const SystemdScope *scope, Err *err) {
        autoptr(Dbus) bus = NULL;
        autodbus m = {};
        int r;

        r = connect_systemd(&bus, err);
        if (r >= 0)
                r = subscribe(bus, err);
        if (r < 0)
                return r;
        begin(&m, "StartTransientUnit", "ssa(sv)a(sa(sv))");
        dbus_put_string(&m, scope->unit);
        dbus_put_string(&m, "fail");
        r = put_scope(&m, scope, err);
        dbus_close_array(&m, dbus_open_array(&m, 8)); /* no other units beside it */
        if (r >= 0)
                r = call_job(bus, &m, err);
        return r < 0 ? err_prefix(err, r, "cannot make scope '%s'", scope->unit) : 0;
}

int systemd_attach(const char *unit, const char *below, pid_t pid, Err *err) {
        autofree char *path = str_format("%s%s", *below ? "/" : "", below);
        autoptr(Dbus) bus = NULL;
        DbusArray pids;
        autodbus m = {};
        int r;

        if (!path)
                return fail(err, ENOMEM, "cannot put process %d into scope '%s'", pid, unit);
        r = connect_systemd(&bus, err);
        if (r < 0)
                return r;
        begin(&m, "AttachProcessesToUnit", "ssau");
        dbus_put_string(&m, unit);
        dbus_put_string(&m, path);
        pids = dbus_open_array(&m, 4);
        dbus_put_u32(&m, (uint32_t) pid);
        dbus_close_array(&m, pids);
        r = dbus_call(bus, &m, TIMEOUT_MS, NULL, err);
        return r < 0 ? err_prefix(err, r, "cannot put process %d into scope '%s'", pid, unit) : 0;
}

int systemd_set_limits(const char *unit, const CgroupLimits *limits, Err *err) {
        autoptr(Dbus) bus = NULL;
        DbusArray properties;
        autodbus m = {};
        int r;

        r = connect_systemd(&bus, err);
        if (r < 0)
                return r;
        begin(&m, "SetUnitProperties", "sba(sv)");
        dbus_put_string(&m, unit);
        dbus_put_bool(&m, true); /* until the next boot: the unit does not live longer either */
        properties = dbus_open_array(&m, 8);
        systemd_put_limits(&m, limits, cgroup_layout() == CGROUP_UNIFIED);
        dbus_close_array(&m, properties);
        r = dbus_call(bus, &m, TIMEOUT_MS, NULL, err);
        return r < 0 ? err_prefix(err, r, "cannot change scope '%s'", unit) : 0;
}

int systemd_stop_scope(const char *unit, Err *err) {
        autoptr(Dbus) bus = NULL;
        autodbus m = {};
        int r;

        r = connect_systemd(&bus, err);
        if (r >= 0)
                r = subscribe(bus, err);
        if (r < 0)
                return r;
        begin(&m, "StopUnit", "ss");
        dbus_put_string(&m, unit);
        dbus_put_string(&m, "replace");
        r = call_job(bus, &m, err);
        if (r == -ESRCH) { /* it has ended by itself */
                if (err)
                        err_clear(err);
                return 0;
        }
        return r < 0 ? err_prefix(err, r, "cannot end scope '%s'", unit) : 0;
}
