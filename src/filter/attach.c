/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/auto.h"
#include "base/fault.h"
#include "base/str.h"
#include "filter/filter.h"
#include "filter/program.h"
#include "filter/running.h"
#include "kernel/ns.h"
#include "netlink/link.h"
#include "netlink/nl.h"

static const char *const verdict_names[FILTER_VERDICTS] = {
        [FILTER_PASS] = "pass",     [FILTER_MATCH] = "match",   [FILTER_DROP] = "drop",
        [FILTER_ACCEPT] = "accept", [FILTER_MIRROR] = "mirror", [FILTER_REDIRECT] = "redirect",
        [FILTER_COUNT] = "count",   [FILTER_FAILED] = "failed",
};

const char *filter_verdict_name(FilterVerdict verdict) {
        return (unsigned) verdict < FILTER_VERDICTS ? verdict_names[verdict] : NULL;
}

static bool has_target(FilterVerdict action) {
        return action == FILTER_MIRROR || action == FILTER_REDIRECT;
}

int filter_action_parse(const char *text, FilterVerdict *ret, const char **ret_target, Err *err) {
        const char *colon = strchr(text, ':');
        size_t length = colon ? (size_t) (colon - text) : strlen(text);

        *ret_target = NULL;
        for (FilterVerdict v = FILTER_DROP; v <= FILTER_COUNT; v++) {
                if (strlen(verdict_names[v]) != length ||
                    strncmp(text, verdict_names[v], length) != 0)
                        continue;
                if (has_target(v) && !(colon && colon[1]))
                        return refuse(err, EINVAL,
                                      "'%s' does not say to which interface: '%s:INTERFACE'", text,
                                      verdict_names[v]);
                if (!has_target(v) && colon)
                        return refuse(err, EINVAL, "'%s' has an interface, which '%s' has not",
                                      text, verdict_names[v]);
                *ret = v;
                *ret_target = colon ? colon + 1 : NULL;
                return 0;
        }
        return err_hint(err,
                        refuse(err, EINVAL, "'%s' is not what can be done with a packet", text),
                        "drop, accept, count, mirror:INTERFACE and redirect:INTERFACE can");
}

static int open_netlink(void *context) {
        return nl_open();
}

/* Returns a rtnetlink socket in a namespace. */
static int open_in(int netns, Err *err) {
        int nl = netns < 0 ? nl_open() : netns_run(netns, open_netlink, NULL);

        return nl < 0 ? fail(err, nl, "cannot look at the interfaces") : nl;
}

static const char *side(bool egress) {
        return egress ? "out" : "in";
}

/* The filters of a namespace ------------------------------------------------------------------- */

/* One of them: its interface, and a socket in the namespace. */
typedef struct Seen {
        const ClsactFilter *filter;
        int index, nl;
        char interface[IF_NAMESIZE];
} Seen;

typedef struct Walk {
        Seen seen;
        int (*each)(const Seen *seen, void *context); /* other than 0 ends the walk */
        void *context;
        int *indexes;
        size_t n;
} Walk;

/* The name of an interface; "" if there is none. */
static void name_of(int socket, int index, char name[IF_NAMESIZE]) {
        struct ifreq request = { .ifr_ifindex = index };

        *name = 0;
        if (index && ioctl(socket, SIOCGIFNAME, &request) == 0)
                snprintf(name, IF_NAMESIZE, "%s", request.ifr_name);
}

static int walk_filter(const ClsactFilter *filter, void *context) {
        Walk *walk = context;

        walk->seen.filter = filter;
        return walk->each(&walk->seen, walk->context);
}

static int walk_interface(Walk *walk, int index, Err *err) {
        int r = 0;

        walk->seen.index = index;
        name_of(walk->seen.nl, index, walk->seen.interface);
        for (int egress = 0; egress < 2 && r == 0; egress++)
                r = clsact_each(walk->seen.nl, index, egress, walk_filter, walk, err);
        return r;
}

static int take_index(int index, void *context) {
        Walk *walk = context;
        int *grown = reallocarray(walk->indexes, walk->n + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        walk->indexes = grown;
        walk->indexes[walk->n++] = index;
        return 0;
}

/* Calls @each for all BPF filters of one interface, or of all that have clsact. */
static int walk_filters(int nl, const char *interface, int (*each)(const Seen *seen, void *context),
                        void *context, Err *err) {
        Walk walk = { .seen.nl = nl, .each = each, .context = context };
        Link link;
        int r;

        if (interface) {
                r = link_get(nl, interface, &link, err);
                return r < 0 ? r : walk_interface(&walk, link.index, err);
        }
        do {
                walk.n = 0;
                r = clsact_each_interface(nl, take_index, &walk, err);
        } while (r == -EINTR);
        for (size_t i = 0; r == 0 && i < walk.n; i++)
                r = walk_interface(&walk, walk.indexes[i], err);
        free(walk.indexes);
        return r;
}

typedef struct Show {
        int (*each)(const Filter *filter, void *context);
        void *context;
        Err *err;
} Show;

static int show_filter(const Seen *seen, void *context) {
        const Show *show = context;
        Filter filter;
        int r;

        if (!running_name(seen->filter))
                return 0;
        r = running_read(seen->filter, &filter, show->err);
        if (r == -ENOENT) { /* it has just ended */
                if (show->err)
                        err_clear(show->err);
                return 0;
        }
        if (r < 0)
                return r;
        snprintf(filter.interface, sizeof filter.interface, "%s", seen->interface);
        name_of(seen->nl, (int) filter.target, filter.target_name);
        return show->each(&filter, show->context);
}

int filter_each(int netns, const char *interface, int (*each)(const Filter *filter, void *context),
                void *context, Err *err) {
        autoclose int nl = open_in(netns, err);
        Show show = { each, context, err };

        return nl < 0 ? nl : walk_filters(nl, interface, show_filter, &show, err);
}

typedef struct Found {
        const FilterPlace *at;
        const char *name;
        Filter *ret;
        Str names;
} Found;

static int take_found(const Filter *filter, void *context) {
        Found *found = context;

        if (filter->egress != found->at->egress)
                return 0;
        if (!str_equal(filter->name, found->name)) {
                str_printf(&found->names, "%s%s", found->names.length ? ", " : "", filter->name);
                return 0;
        }
        *found->ret = *filter;
        return 0;
}

int filter_find(const FilterPlace *at, const char *name, Filter *ret, Err *err) {
        Found found = { at, name, ret, {} };
        int r;

        *ret = (Filter){};
        r = filter_each(at->netns, at->interface, take_found, &found, err);
        if (r >= 0 && !ret->program) {
                r = refuse(err, ENOENT, "there is no filter '%s' %s '%s'", name,
                           at->egress ? "for what goes out of" : "for what comes in by",
                           at->interface);
                if (found.names.length && !found.names.failed)
                        err_hint(err, r, "there is %s", found.names.text);
        }
        str_clear(&found.names);
        return r < 0 ? r : 0;
}

int filter_reset(const Filter *filter, Err *err) {
        int r;

        r = running_reset(filter->program);
        if (r < 0)
                return fail(err, r, "cannot reset filter '%s'", filter->name);
        return 0;
}

/* Attaching -------------------------------------------------------------------------------------
 */

#define PRIORITY_MAX 65535
#define ATTEMPTS     16 /* at a priority of one's own, while others attach as well */

/* What is at an interface already. */
typedef struct Present {
        const FilterPlace *at;
        const char *name;
        bool here;   /* the place has a filter of that name */
        int highest; /* priority at the place */
} Present;

static int take_present(const Seen *seen, void *context) {
        Present *present = context;

        if (seen->filter->egress != present->at->egress)
                return 0;
        if (seen->filter->priority > present->highest)
                present->highest = seen->filter->priority;
        if (str_equal(running_name(seen->filter), present->name))
                present->here = true;
        return 0;
}

static int check_name(const char *name, Err *err) {
        size_t n = strlen(name);

        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char) name[i]) && !(i && strchr("_.-", name[i])))
                        n = 0;
        if (n == 0 || n > FILTER_NAME_MAX)
                return err_hint(
                        err, refuse(err, EINVAL, "'%s' cannot be a filter's name", name),
                        "it has letters, digits, '_', '.' and '-', and begins with one of the "
                        "first two");
        return 0;
}

/* Reads the object file and takes its name if the filter has none of its own. */
static int prepare(const FilterSpec *spec, FilterObject **ret, const char **ret_name, Err *err) {
        int r;

        if (spec->action == FILTER_MATCH || spec->action > FILTER_COUNT ||
            has_target(spec->action) != (spec->target != NULL))
                return refuse(err, EINVAL, "a filter drops, accepts, counts, mirrors or redirects");
        if (spec->priority < 0 || spec->priority > PRIORITY_MAX)
                return refuse(err, ERANGE, "%d is no priority: it is from 1 to %d", spec->priority,
                              PRIORITY_MAX);
        r = spec->name ? check_name(spec->name, err) : 0;
        if (r >= 0)
                r = filter_object_open(spec->object, spec->program, false, ret, err);
        if (r < 0)
                return r;
        *ret_name = spec->name ? spec->name : bpf_program__name((*ret)->program);
        return check_name(*ret_name, err);
}

/* Has the object use a map that runs already, which must look the same. */
static int share_map(struct bpf_map *map, int fd, const char *name, Err *err) {
        struct bpf_map_info info = {};
        uint32_t size = sizeof info;

        if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
                return fail(err, errno, "cannot look at map '%s'", bpf_map__name(map));
        if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
            info.value_size != bpf_map__value_size(map) ||
            info.max_entries != bpf_map__max_entries(map))
                return err_hint(err,
                                refuse(err, EEXIST,
                                       "map '%s' of the filters called '%s' looks different",
                                       bpf_map__name(map), name),
                                "detach those, or give this one another name");
        if (bpf_map__reuse_fd(map, fd) < 0)
                return fail(err, errno, "cannot share map '%s'", bpf_map__name(map));
        return 0;
}

typedef struct Sharing {
        const FilterObject *o;
        const char *name;
        Err *err;
} Sharing;

static bool lacks_maps(const FilterObject *o) {
        struct bpf_map *map;

        bpf_object__for_each_map(map, o->object) if (filter_map_is_shared(map) &&
                                                     bpf_map__fd(map) < 0) return true;
        return false;
}

/* Takes over what a filter of the same name has; 1 if nothing is lacking any more. */
static int share_maps(const Seen *seen, void *context) {
        const Sharing *sharing = context;
        struct bpf_map *map;
        int r;

        if (!str_equal(running_name(seen->filter), sharing->name))
                return 0;
        bpf_object__for_each_map(map, sharing->o->object) {
                autoclose int fd = -EBADF;

                if (!filter_map_is_shared(map) || bpf_map__fd(map) >= 0)
                        continue;
                fd = running_open_map(seen->filter->program, bpf_map__name(map));
                r = fd < 0 ? 0 : share_map(map, fd, sharing->name, sharing->err);
                if (r < 0)
                        return r;
        }
        return !lacks_maps(sharing->o);
}

/* Finds the interface, which must have Ethernet headers: filters read them. */
static int find_place(int nl, const char *interface, Link *ret, Err *err) {
        int r;

        r = link_get(nl, interface, ret, err);
        if (r < 0)
                return r;
        if (ret->hardware != ARPHRD_ETHER && ret->hardware != ARPHRD_LOOPBACK)
                return refuse(err, EOPNOTSUPP, "interface '%s' is not Ethernet's", interface);
        return 0;
}

static int find_target(int nl, const FilterSpec *spec, uint32_t *ret, Err *err) {
        Link link;
        int r;

        *ret = 0;
        if (!spec->target)
                return 0;
        r = find_place(nl, spec->target, &link, err);
        if (r >= 0)
                *ret = (uint32_t) link.index;
        return r;
}

/* A priority of the filter's own: the one that is asked for, or behind all that are there. */
static int take_priority(int nl, ClsactFilter *filter, const FilterSpec *spec, int highest,
                         int program, Err *err) {
        int r = -EEXIST;

        for (int i = 0; r == -EEXIST && i < ATTEMPTS; i++) {
                int priority = spec->priority ? spec->priority : highest + (i + 1) * FILTER_STEP;
                autoerr reason = {};

                if (priority > PRIORITY_MAX)
                        return refuse(err, ERANGE, "there is no priority behind %d", highest);
                filter->priority = (uint16_t) priority;
                r = clsact_attach(nl, filter, program, &reason);
                if (r == -EEXIST && spec->priority)
                        return refuse(err, r, "priority %d is taken", priority);
                if (r < 0 && r != -EEXIST)
                        return refuse(err, r, "%s", reason.message);
        }
        return r < 0 ? refuse(err, r, "every priority behind %d is taken", highest) : 0;
}

/* Takes clsact away again where nothing needs it. */
static int tidy(int nl, int index, Err *err) {
        int used = clsact_is_used(nl, index, err);

        return used == 0 ? clsact_remove(nl, index, err) : used < 0 ? used : 0;
}

static int put(int nl, const FilterSpec *spec, const Present *present, const FilterObject *o,
               ClsactFilter *filter, Err *err) {
        int r;

        fault_point("filter.loaded");
        r = clsact_make(nl, filter->index, err);
        if (r < 0)
                return r;
        fault_point("filter.clsact");
        r = take_priority(nl, filter, spec, present->highest, bpf_program__fd(o->program), err);
        if (r < 0)
                (void) tidy(nl, filter->index, NULL);
        return r;
}

static int load_and_put(int nl, const FilterPlace *at, const FilterSpec *spec, const Link *link,
                        const Present *present, const FilterObject *o, Filter *ret, Err *err) {
        ClsactFilter filter = { .index = link->index, .egress = at->egress };
        Sharing sharing = { o, present->name, err };
        uint32_t target;
        int r;

        r = find_target(nl, spec, &target, err);
        if (r >= 0)
                r = filter_object_configure(o, spec, at->egress, target, err);
        if (r >= 0 && lacks_maps(o))
                r = walk_filters(nl, NULL, share_maps, &sharing, err);
        if (r >= 0)
                r = filter_object_load(o, err);
        if (r < 0)
                return r;
        running_set_name(&filter, present->name);
        r = put(nl, spec, present, o, &filter, err);
        fault_point("filter.attached");
        if (r < 0 || !ret)
                return r;
        filter.program = filter_object_program_id(o);
        r = running_read(&filter, ret, err);
        snprintf(ret->interface, sizeof ret->interface, "%s", link->name);
        snprintf(ret->target_name, sizeof ret->target_name, "%s", spec->target ? spec->target : "");
        return r;
}

int filter_attach(const FilterPlace *at, const FilterSpec *spec, Filter *ret, Err *err) {
        autoclose int nl = open_in(at->netns, err);
        autoptr(FilterObject) o = NULL;
        Present present = { .at = at };
        Link link;
        int r;

        if (nl < 0)
                return nl;
        r = prepare(spec, &o, &present.name, err);
        if (r >= 0)
                r = find_place(nl, at->interface, &link, err);
        if (r >= 0)
                r = walk_filters(nl, at->interface, take_present, &present, err);
        if (r >= 0 && present.here)
                r = refuse(err, EEXIST, "there is a filter '%s' already", present.name);
        if (r >= 0)
                r = load_and_put(nl, at, spec, &link, &present, o, ret, err);
        if (r < 0)
                return err_prefix(err, r, "cannot attach filter '%s' to '%s' (%s)",
                                  present.name ? present.name : spec->object, at->interface,
                                  side(at->egress));
        return 0;
}

int filter_detach(const FilterPlace *at, const char *name, Err *err) {
        autoclose int nl = open_in(at->netns, err);
        ClsactFilter place = { .egress = at->egress };
        Filter filter;
        Link link;
        int r;

        if (nl < 0)
                return nl;
        r = link_get(nl, at->interface, &link, err);
        if (r >= 0)
                r = filter_find(at, name, &filter, err);
        if (r < 0)
                return r;
        place.index = link.index;
        place.priority = filter.priority;
        r = clsact_detach(nl, &place, err);
        fault_point("filter.detached");
        if (r >= 0)
                r = tidy(nl, link.index, err);
        if (r < 0)
                return err_prefix(err, r, "cannot detach filter '%s' from '%s' (%s)", name,
                                  at->interface, side(at->egress));
        return 0;
}

int filter_check(const char *object, const char *program, struct json_t **ret, Err *err) {
        autoptr(FilterObject) o = NULL;
        int r;

        r = filter_object_open(object, program, true, &o, err);
        if (r >= 0)
                r = filter_object_load(o, err);
        if (r < 0)
                return err_prefix(err, r, "cannot load '%s'", object);
        *ret = filter_object_json(o);
        return *ret ? 0 : fail(err, ENOMEM, "cannot load '%s'", object);
}
