/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Docker's inspect document: the record, the state and what follows from both. */

#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/health.h"
#include "engine/spec.h"
#include "engine/spec_security.h"
#include "store/image.h"

static json_t *string_or_empty(const char *s) {
        return json_string(s ? s : "");
}

static const char *profile_of(const Container *c) {
        SecurityOptions options;

        return security_options(&c->host, &options, NULL) < 0 ? NULL : options.apparmor_profile;
}

/* Docker's shape; nothing for a container that has no check, or does not run. */
static json_t *health_tree(const Container *c) {
        autohealth h = {};
        json_t *tree;

        if (!health_is_wanted(c) || health_load(c, &h, NULL) < 0)
                return NULL;
        tree = json_tree_all(&health_type, &h);
        json_object_del(tree, "Version");
        return tree;
}

static json_t *state_tree(const Container *c) {
        const ContainerState *s = &c->state;
        ContainerStatus status = container_status(c);
        bool runs = status == CONTAINER_RUNNING || status == CONTAINER_PAUSED;

        return json_pack(
                "{s:s, s:b, s:b, s:b, s:b, s:b, s:i, s:i, s:o, s:o, s:o, s:o*}", "Status",
                container_status_name(status), "Running", runs, "Paused",
                status == CONTAINER_PAUSED, "Restarting", status == CONTAINER_RESTARTING,
                "OOMKilled", s->oom_killed, "Dead", status == CONTAINER_DEAD, "Pid",
                runs ? s->pid : 0, "ExitCode", s->exit_code, "Error", string_or_empty(s->error),
                "StartedAt", json_string(s->started_at ? s->started_at : "0001-01-01T00:00:00Z"),
                "FinishedAt", json_string(s->finished_at ? s->finished_at : "0001-01-01T00:00:00Z"),
                "Health", health_tree(c));
}

static json_t *endpoint_tree(const Endpoint *e) {
        json_t *aliases = json_array(), *names = json_array();

        strv_foreach(alias, e->aliases) {
                json_array_append_new(aliases, json_string(*alias));
                json_array_append_new(names, json_string(*alias));
        }
        return json_pack("{s:n, s:n, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:i, s:n, s:o}",
                         "IPAMConfig", "Links", "Aliases", aliases, "MacAddress",
                         string_or_empty(e->mac_address), "NetworkID",
                         string_or_empty(e->network_id), "EndpointID",
                         string_or_empty(e->endpoint_id), "Gateway", string_or_empty(e->gateway),
                         "IPAddress", string_or_empty(e->ip_address), "IPPrefixLen", e->ip_prefix,
                         "IPv6Gateway", string_or_empty(e->gateway6), "GlobalIPv6Address",
                         string_or_empty(e->ip6_address), "GlobalIPv6PrefixLen", e->ip6_prefix,
                         "DriverOpts", "DNSNames", names);
}

/* Every exposed port, with null for those that nothing leads to. */
static json_t *ports_tree(const Container *c) {
        json_t *all = json_tree_all(&container_state_type, &c->state);
        json_t *ports = json_incref(json_object_get(all, "Ports"));

        json_decref(all);
        if (container_status(c) == CONTAINER_RUNNING || container_status(c) == CONTAINER_PAUSED)
                strv_foreach(port, c->config.exposed_ports)
                        if (!json_object_get(ports, *port))
                                json_object_set_new(ports, *port, json_null());
        return ports;
}

/* An unconnected container still says which network it is meant for. */
static json_t *network_tree(const Container *c) {
        static const Endpoint nothing;
        const Endpoint *first = c->state.n_networks > 0 ? &c->state.networks[0] : &nothing;
        autofree char *sandbox =
                c->state.pid > 0 ? str_format("/proc/%d/ns/net", c->state.pid) : strdup("");
        json_t *networks = json_object();

        for (size_t i = 0; i < c->state.n_networks; i++)
                json_object_set_new(networks, c->state.networks[i].network,
                                    endpoint_tree(&c->state.networks[i]));
        if (c->state.n_networks == 0 && !container_joins_netns(c))
                json_object_set_new(networks, c->host.network_mode, endpoint_tree(&nothing));

        return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:i, s:o, s:o, s:o, s:o}",
                         "Bridge", "", "SandboxID", string_or_empty(first->endpoint_id),
                         "SandboxKey", string_or_empty(sandbox), "Ports", ports_tree(c),
                         "EndpointID", string_or_empty(first->endpoint_id), "Gateway",
                         string_or_empty(first->gateway), "GlobalIPv6PrefixLen", first->ip6_prefix,
                         "IPAddress", string_or_empty(first->ip_address), "IPPrefixLen",
                         first->ip_prefix, "GlobalIPv6Address", string_or_empty(first->ip6_address),
                         "IPv6Gateway", string_or_empty(first->gateway6), "MacAddress",
                         string_or_empty(first->mac_address), "Networks", networks);
}

static json_t *mounts_tree(const Container *c) {
        json_t *mounts = json_array();

        for (size_t i = 0; i < c->host.n_mounts; i++) {
                const ContainerMount *m = &c->host.mounts[i];
                bool volume = str_equal(m->type, "volume");
                autofree char *data =
                        volume ? str_format("%s/volumes/%s/_data", c->home->data, m->source) : NULL;
                json_t *one = json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "Type", m->type, "Source",
                                        data        ? data
                                        : m->source ? m->source
                                                    : "",
                                        "Destination", m->target, "Mode", m->read_only ? "ro" : "",
                                        "RW", !m->read_only, "Propagation",
                                        m->propagation                          ? m->propagation
                                        : volume || str_equal(m->type, "tmpfs") ? ""
                                                                                : "rprivate");

                if (volume) {
                        json_object_set_new(one, "Name", json_string(m->source));
                        json_object_set_new(one, "Driver", json_string("local"));
                }
                json_array_append_new(mounts, one);
        }
        return mounts;
}

static json_t *driver_tree(const Container *c) {
        autofree char *lower = strv_join(c->lowers, ":");
        autofree char *upper = str_format("%s/containers/%s/upper", c->home->data, c->id);
        autofree char *work = str_format("%s/containers/%s/work", c->home->data, c->id);

        return json_pack("{s:s, s:{s:o, s:o, s:o}}", "Name", "overlay2", "Data", "LowerDir",
                         string_or_empty(lower), "UpperDir", string_or_empty(upper), "WorkDir",
                         string_or_empty(work));
}

static void set_path(json_t *document, const char *member, const Container *c, const char *base,
                     const char *file) {
        autofree char *path = str_format("%s/containers/%s/%s", base, c->id, file);

        json_object_set_new(document, member, string_or_empty(path));
}

int container_size(Container *c, uint64_t *ret_own, uint64_t *ret_total, Err *err) {
        autoptr(Image) image = NULL;
        int r;

        *ret_own = 0;
        r = container_dir(c);
        if (r >= 0)
                r = tree_size(r, "upper", ret_own);
        if (r < 0)
                return fail(err, r, "cannot measure container '%s'", c->name);
        *ret_total = *ret_own;
        /* The image may be gone, or be the host itself. */
        if (image_load(c->home, c->image, &image, NULL) >= 0)
                *ret_total += (uint64_t) image->size;
        return 0;
}

json_t *container_inspect(Container *c, bool size) {
        json_t *document = json_tree_all(&container_type, c), *host, *record = json_object();
        autofree char *name = str_format("/%s", c->name);
        uint64_t own = 0, total = 0;
        const char *key;
        json_t *value;

        json_object_set_new(record, "Id", string_or_empty(c->id));
        json_object_set_new(record, "Created", string_or_empty(c->created));
        json_object_set(record, "Path", json_object_get(document, "Path"));
        json_object_set(record, "Args", json_object_get(document, "Args"));
        json_object_set_new(record, "State", state_tree(c));
        json_object_set_new(record, "Image", string_or_empty(c->image));
        set_path(record, "ResolvConfPath", c, c->home->run, "resolv.conf");
        set_path(record, "HostnamePath", c, c->home->run, "hostname");
        set_path(record, "HostsPath", c, c->home->run, "hosts");
        set_path(record, "LogPath", c, c->home->data, "log");
        json_object_set_new(record, "Name", string_or_empty(name));
        json_object_set_new(record, "RestartCount", json_integer(c->state.restart_count));
        json_object_set_new(record, "Driver", json_string("overlay2"));
        json_object_set_new(record, "Platform", json_string("linux"));
        json_object_set_new(record, "MountLabel", json_string(""));
        json_object_set_new(record, "ProcessLabel", json_string(""));
        json_object_set_new(record, "AppArmorProfile", string_or_empty(profile_of(c)));
        json_object_set_new(record, "ExecIDs", json_null());

        host = json_object_get(document, "HostConfig");
        json_object_set(record, "HostConfig", host);
        json_object_set_new(record, "GraphDriver", driver_tree(c));
        json_object_set_new(record, "Mounts", mounts_tree(c));
        json_object_set(record, "Config", json_object_get(document, "Config"));
        json_object_set_new(record, "NetworkSettings", network_tree(c));
        if (size && container_size(c, &own, &total, NULL) >= 0) {
                json_object_set_new(record, "SizeRw", json_integer((json_int_t) own));
                json_object_set_new(record, "SizeRootFs", json_integer((json_int_t) total));
        }
        json_object_foreach(record, key, value) if (!value)
                json_object_set_new(record, key, json_null());
        json_decref(document);
        return record;
}
