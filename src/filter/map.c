/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "filter/map.h"
#include "filter/program.h"
#include "filter/running.h"

#define BATCH 1024 /* entries that are asked for at once */

FilterMap *filter_map_free(FilterMap *map) {
        if (map) {
                close_fd(map->fd);
                btf__free(map->btf);
                free(map);
        }
        return NULL;
}

typedef struct Kind {
        int type;
        const char *name;
        bool per_cpu;
        bool fixed; /* all entries are always there */
        bool batch; /* entries come and go: they are read in batches, which the kernel keeps whole
                     */
} Kind;

static const Kind kinds[] = {
        { BPF_MAP_TYPE_HASH, "hash", false, false, true },
        { BPF_MAP_TYPE_LRU_HASH, "lru", false, false, true },
        { BPF_MAP_TYPE_PERCPU_HASH, "cpu-hash", true, false, true },
        { BPF_MAP_TYPE_LRU_PERCPU_HASH, "cpu-lru", true, false, true },
        { BPF_MAP_TYPE_ARRAY, "array", false, true, false },
        { BPF_MAP_TYPE_PERCPU_ARRAY, "cpu-array", true, true, false },
        { BPF_MAP_TYPE_LPM_TRIE, "prefixes", false, false, false },
};

static const Kind *kind_of(int type) {
        static const Kind other = { 0, "other", false, true, false };

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (kinds[i].type == type)
                        return &kinds[i];
        return &other;
}

const char *filter_map_kind(int type) {
        return kind_of(type)->name;
}

/* "fw.rodata" is "rodata" for people, "" is what they do not see. */
static const char *shown_name(const char *name) {
        const char *dot = strchr(name, '.');

        if (str_equal(name, FILTER_STATS_MAP) || str_equal(name, FILTER_CONFIG_MAP) ||
            strstr(name, ".rodata.str"))
                return "";
        return dot ? dot + 1 : name;
}

static int open_map(int fd, const struct bpf_map_info *info, FilterMap **ret) {
        autoptr(FilterMap) map = calloc(1, sizeof *map);
        const Kind *kind = kind_of((int) info->type);
        int cpus = kind->per_cpu ? running_processors() : 1;

        if (!map)
                return -ENOMEM;
        map->fd = -EBADF;
        if (cpus < 0)
                return cpus;
        snprintf(map->name, sizeof map->name, "%s", shown_name(info->name));
        map->kind = kind->name;
        map->type = (int) info->type;
        map->id = info->id;
        map->key_size = info->key_size;
        map->value_size = info->value_size;
        map->max_entries = info->max_entries;
        map->stride = kind->per_cpu ? (info->value_size + 7) / 8 * 8 : info->value_size;
        map->n_cpus = (uint32_t) cpus;
        map->read_only = info->map_flags & BPF_F_RDONLY_PROG;
        if (info->btf_id) {
                map->btf = btf__load_from_kernel_by_id(info->btf_id);
                if (!map->btf)
                        return -errno;
        }
        map->key = (FieldType){ map->btf, info->btf_key_type_id, "key" };
        map->value = (FieldType){ map->btf, info->btf_value_type_id, "value" };
        map->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (map->fd < 0)
                return -errno;
        *ret = take_ptr(map);
        return 0;
}

typedef struct Walk {
        int (*each)(const FilterMap *map, void *context);
        void *context;
} Walk;

static int walk_map(int fd, const struct bpf_map_info *info, void *context) {
        autoptr(FilterMap) map = NULL;
        const Walk *walk = context;
        int r;

        if (!*shown_name(info->name))
                return 0;
        r = open_map(fd, info, &map);
        if (r >= 0)
                r = walk->each(map, walk->context);
        return r < 0 ? r : 0;
}

int filter_map_each(uint32_t program, int (*each)(const FilterMap *map, void *context),
                    void *context, Err *err) {
        Walk walk = { each, context };
        int r;

        r = running_each_map(program, walk_map, &walk);
        if (r < 0)
                return fail(err, r, "cannot list the filter's maps");
        return 0;
}

typedef struct Search {
        const char *name;
        FilterMap *found;
        Str names;
} Search;

static int take_named(int fd, const struct bpf_map_info *info, void *context) {
        const char *name = shown_name(info->name);
        Search *search = context;

        if (*name)
                str_printf(&search->names, "%s%s", search->names.length ? ", " : "", name);
        /* Two may be shown by the same name: the first is meant. */
        if (!*name || search->found || !str_equal(name, search->name))
                return 0;
        return open_map(fd, info, &search->found);
}

int filter_map_open(uint32_t program, const char *name, FilterMap **ret, Err *err) {
        Search search = { .name = name };
        int r;

        r = running_each_map(program, take_named, &search);
        if (r < 0)
                r = fail(err, r, "cannot open map '%s'", name);
        else if (!search.found)
                r = refuse(err, ENOENT, "the filter has no map '%s'", name);
        if (r == -ENOENT && search.names.length && !search.names.failed)
                err_hint(err, r, "it has %s", search.names.text);
        str_clear(&search.names);
        if (r < 0) {
                filter_map_free(search.found);
                return r;
        }
        *ret = search.found;
        return 0;
}

/* Buffers for one entry. */
typedef struct Entry {
        uint8_t *key, *said;
        uint8_t *values; /* of all processors */
} Entry;

static void entry_clear(Entry *e) {
        free(e->key);
        free(e->said);
        free(e->values);
}

#define autoentry __attribute__((__cleanup__(entry_clear))) Entry

static int entry_make(const FilterMap *map, Entry *ret, Err *err) {
        ret->key = calloc(1, map->key_size + 1ul);
        ret->said = calloc(1, map->key_size + 1ul);
        ret->values = calloc(map->n_cpus, map->stride + 1ul);
        if (!ret->key || !ret->said || !ret->values)
                return fail(err, ENOMEM, "cannot read map '%s'", map->name);
        return 0;
}

static int check_kind(const FilterMap *map, Err *err) {
        if (str_equal(map->kind, "other"))
                return refuse(err, EOPNOTSUPP, "map '%s' holds no values that can be read",
                              map->name);
        if (!map->btf)
                return err_hint(
                        err,
                        refuse(err, ENODATA, "map '%s' has no names for its members", map->name),
                        "compile the filter with -g, and declare maps with isola_filter.h");
        return 0;
}

/* Global variables: there is one entry, whose key has no type and is 0. */
static bool has_no_key(const FilterMap *map) {
        return map->key.id == 0 && map->max_entries == 1 && kind_of(map->type)->fixed;
}

static int check_index(const FilterMap *map, const Entry *e, Err *err) {
        uint32_t index;

        if (!kind_of(map->type)->fixed || map->key_size != sizeof index)
                return 0;
        memcpy(&index, e->key, sizeof index);
        if (index >= map->max_entries)
                return refuse(err, ERANGE, "key cannot be '%u': it is from 0 to %u", index,
                              map->max_entries - 1);
        return 0;
}

/* "key.saddr=…" is about member "saddr", "key=…" about the key itself; NULL if it is about neither.
 */
static const char *member_of(const char *word, const char *what, char *member, size_t size) {
        const char *rest = str_after(word, what), *equals = rest ? strchr(rest, '=') : NULL;

        if (!equals || (*rest != '=' && *rest != '.' && *rest != '['))
                return NULL;
        rest += *rest == '.';
        if ((size_t) (equals - rest) >= size)
                return NULL;
        snprintf(member, size, "%.*s", (int) (equals - rest), rest);
        return equals + 1;
}

static int read_key(const FilterMap *map, char *const *words, bool with_value, Entry *e, Err *err) {
        char member[256];
        int r;

        strv_foreach(word, words) {
                const char *text = member_of(*word, "key", member, sizeof member);

                if (!text && with_value && member_of(*word, "value", member, sizeof member))
                        continue;
                if (!text)
                        return err_hint(err, refuse(err, EINVAL, "'%s' is no member", *word),
                                        with_value ? "give key.NAME=… and value.NAME=…"
                                                   : "give key.NAME=…");
                if (has_no_key(map))
                        return refuse(err, EINVAL, "'%s' has no key", map->name);
                r = field_set(&map->key, e->key, map->key_size, member, text, e->said, err);
                if (r < 0)
                        return r;
        }
        r = has_no_key(map) ? 0 : field_check_said(&map->key, e->said, map->key_size, err);
        return r < 0 ? r : check_index(map, e, err);
}

/* The whole entry as it is; a new one, of zeros, if it is not there. */
static int load_values(const FilterMap *map, const Entry *e) {
        if (bpf_map_lookup_elem(map->fd, e->key, e->values) == 0)
                return 0;
        if (errno != ENOENT)
                return -errno;
        memset(e->values, 0, (size_t) map->n_cpus * map->stride);
        return -ENOENT;
}

static json_t *entry_json(const FilterMap *map, const uint8_t *key, const uint8_t *values) {
        json_t *entry = json_object(), *list;

        if (!has_no_key(map))
                json_object_set_new(entry, "key", field_json(&map->key, key, map->key_size));
        if (map->n_cpus == 1 && map->stride == map->value_size) {
                json_object_set_new(entry, "value",
                                    field_json(&map->value, values, map->value_size));
                return entry;
        }
        list = json_array();
        for (uint32_t i = 0; i < map->n_cpus; i++)
                json_array_append_new(list,
                                      field_json(&map->value, values + (size_t) i * map->stride,
                                                 map->value_size));
        json_object_set_new(entry, "values", list);
        return entry;
}

int filter_map_get(const FilterMap *map, char *const *words, struct json_t **ret, Err *err) {
        autoentry e = {};
        int r;

        r = check_kind(map, err);
        if (r >= 0)
                r = entry_make(map, &e, err);
        if (r >= 0)
                r = read_key(map, words, false, &e, err);
        if (r < 0)
                return r;
        r = load_values(map, &e);
        if (r == -ENOENT)
                return refuse(err, r, "map '%s' has no such key", map->name);
        if (r < 0)
                return fail(err, r, "cannot read map '%s'", map->name);
        *ret = entry_json(map, e.key, e.values);
        return *ret ? 0 : fail(err, ENOMEM, "cannot read map '%s'", map->name);
}

static int read_value(const FilterMap *map, char *const *words, const Entry *e, Err *err) {
        char member[256];
        size_t n = 0;

        strv_foreach(word, words) {
                const char *text = member_of(*word, "value", member, sizeof member);

                for (uint32_t i = 0; text && i < map->n_cpus; i++) {
                        int r = field_set(&map->value, e->values + (size_t) i * map->stride,
                                          map->value_size, member, text, NULL, err);

                        if (r < 0)
                                return r;
                }
                n += text != NULL;
        }
        if (n == 0)
                return err_hint(err, refuse(err, EINVAL, "there is no value to set"),
                                "give value.NAME=… or value=…");
        return 0;
}

int filter_map_set(const FilterMap *map, char *const *words, Err *err) {
        autoentry e = {};
        int r;

        r = check_kind(map, err);
        if (r >= 0 && map->read_only)
                r = err_hint(err, refuse(err, EROFS, "'%s' cannot be changed any more", map->name),
                             "parameters are set when the filter is attached");
        if (r >= 0)
                r = entry_make(map, &e, err);
        if (r >= 0)
                r = read_key(map, words, true, &e, err);
        if (r < 0)
                return r;
        r = load_values(map, &e);
        if (r < 0 && r != -ENOENT)
                return fail(err, r, "cannot read map '%s'", map->name);
        r = read_value(map, words, &e, err);
        if (r < 0)
                return r;
        if (bpf_map_update_elem(map->fd, e.key, e.values, BPF_ANY) == 0)
                return 0;
        if (errno == E2BIG || errno == ENOSPC)
                return refuse(err, E2BIG, "map '%s' is full: it has room for %u entries", map->name,
                              map->max_entries);
        return fail(err, errno, "cannot write map '%s'", map->name);
}

int filter_map_delete(const FilterMap *map, char *const *words, Err *err) {
        autoentry e = {};
        int r;

        r = check_kind(map, err);
        if (r >= 0 && kind_of(map->type)->fixed)
                r = refuse(err, EINVAL, "entries of map '%s' are always there", map->name);
        if (r >= 0)
                r = entry_make(map, &e, err);
        if (r >= 0)
                r = read_key(map, words, false, &e, err);
        if (r < 0)
                return r;
        if (bpf_map_delete_elem(map->fd, e.key) == 0)
                return 0;
        if (errno == ENOENT)
                return refuse(err, ENOENT, "map '%s' has no such key", map->name);
        return fail(err, errno, "cannot write map '%s'", map->name);
}

static int add_entry(const FilterMap *map, const uint8_t *key, const uint8_t *values, json_t *to) {
        return json_array_append_new(to, entry_json(map, key, values)) < 0 ? -ENOMEM : 0;
}

/* Key by key: for maps whose keys stay, or few. */
static int dump_keys(const FilterMap *map, json_t *to, Err *err) {
        autofree uint8_t *next = malloc(map->key_size + 1ul);
        const uint8_t *last = NULL;
        autoentry e = {};
        int r;

        r = entry_make(map, &e, err);
        if (r < 0 || !next)
                return r < 0 ? r : fail(err, ENOMEM, "cannot read map '%s'", map->name);
        for (uint32_t n = 0; n < map->max_entries; n++) {
                if (bpf_map_get_next_key(map->fd, last, next) < 0)
                        return errno == ENOENT
                                       ? 0
                                       : fail(err, errno, "cannot read map '%s'", map->name);
                memcpy(e.key, next, map->key_size);
                last = e.key;
                r = load_values(map, &e);
                if (r >= 0)
                        r = add_entry(map, e.key, e.values, to);
                if (r < 0 && r != -ENOENT)
                        return fail(err, r, "cannot read map '%s'", map->name);
        }
        return 0;
}

/*
 * Bucket by bucket: where keys come and go, "the one after this" would begin anew whenever the one
 * asked about is gone.  A bucket that has more than there is room for is asked for again.
 */
static int dump_batches(const FilterMap *map, json_t *to, Err *err) {
        size_t entry = (size_t) map->n_cpus * map->stride;
        uint32_t room = BATCH, cursor = 0;
        bool first = true, more = true;

        while (more) {
                autofree uint8_t *keys = calloc(room, map->key_size);
                autofree uint8_t *values = calloc(room, entry);
                uint32_t next = 0, n = room;
                int r;

                if (!keys || !values)
                        return fail(err, ENOMEM, "cannot read map '%s'", map->name);
                r = bpf_map_lookup_batch(map->fd, first ? NULL : &cursor, &next, keys, values, &n,
                                         NULL);
                if (r < 0 && errno == ENOSPC) {
                        room *= 2;
                        continue;
                }
                if (r < 0 && errno != ENOENT)
                        return fail(err, errno, "cannot read map '%s'", map->name);
                more = r >= 0;
                for (uint32_t i = 0; i < n; i++) {
                        r = add_entry(map, keys + (size_t) i * map->key_size, values + i * entry,
                                      to);
                        if (r < 0)
                                return fail(err, r, "cannot read map '%s'", map->name);
                }
                cursor = next;
                first = false;
        }
        return 0;
}

int filter_map_dump(const FilterMap *map, struct json_t **ret, Err *err) {
        json_t *list;
        int r;

        r = check_kind(map, err);
        if (r < 0)
                return r;
        list = json_array();
        if (!list)
                return fail(err, ENOMEM, "cannot read map '%s'", map->name);
        r = kind_of(map->type)->batch ? dump_batches(map, list, err) : dump_keys(map, list, err);
        if (r < 0) {
                json_decref(list);
                return r;
        }
        *ret = list;
        return 0;
}
