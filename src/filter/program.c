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

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "filter/field.h"
#include "filter/map.h"
#include "filter/program.h"

#define OBJECT_MAX      (16u << 20)
#define ANOTHER_VERSION "its isola_filter.h is of another version"
/* Before Linux 6.4 a log that is too long for its buffer is an error; what is not written to takes
 * no memory. */
#define LOG_SIZE ((16u << 20) - 1)

FilterObject *filter_object_free(FilterObject *o) {
        if (o) {
                bpf_object__close(o->object);
                free(o->log);
                free(o);
        }
        return NULL;
}

static int refuse_object(const char *path, int code, Err *err, const char *why) {
        return err_hint(err, refuse(err, code, "'%s' is no filter: %s", path, why),
                        "compile it with clang -O2 -g -target bpf, and isola_filter.h");
}

/* The name that libbpf knows the object by: the file's, without directories and ending. */
static char *object_name(const char *path) {
        const char *base = strrchr(path, '/');

        base = base ? base + 1 : path;
        return strndup(base, strcspn(base, "."));
}

static int read_object(const char *path, FilterObject *o, Err *err) {
        autofree char *bytes = NULL, *name = object_name(path);
        LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = name, .kernel_log_buf = o->log,
                    .kernel_log_size = LOG_SIZE);
        size_t size;
        int r;

        r = file_read(AT_FDCWD, path, OBJECT_MAX, &bytes, &size);
        if (r < 0)
                return fail(err, r, "cannot read filter '%s'", path);
        if (!name)
                return fail(err, ENOMEM, "cannot read filter '%s'", path);
        /* What libbpf has to say goes to standard error otherwise. */
        libbpf_set_print(NULL);
        o->object = bpf_object__open_mem(bytes, size, &opts);
        if (o->object)
                return 0;
        r = -errno;
        if (r == -ENOMEM)
                return fail(err, r, "cannot read filter '%s'", path);
        return refuse_object(path, EINVAL, err,
                             "it is not an object file for BPF with what -g adds");
}

static int check_names(const char *path, const FilterObject *o, Err *err) {
        struct bpf_map *map;

        bpf_object__for_each_map(map, o->object) {
                const char *name = bpf_map__name(map);

                if (!bpf_map__is_internal(map) && strlen(name) >= BPF_OBJ_NAME_LEN)
                        return refuse(err, EINVAL,
                                      "'%s' has a map '%s', whose name is longer than "
                                      "the %d bytes that the kernel keeps",
                                      path, name, BPF_OBJ_NAME_LEN - 1);
        }
        return 0;
}

static int choose(const char *path, const char *program, bool any, FilterObject *o, Err *err) {
        struct bpf_program *p;
        autostr names = {};
        size_t n = 0;

        bpf_object__for_each_program(p, o->object) {
                bool chosen = program ? str_equal(bpf_program__name(p), program) : true;

                str_printf(&names, "%s%s", names.length ? ", " : "", bpf_program__name(p));
                if (bpf_program__type(p) != BPF_PROG_TYPE_SCHED_CLS)
                        return refuse_object(
                                path, EINVAL, err,
                                "it has functions that are not made by ISOLA_FILTER()");
                bpf_program__set_autoload(p, chosen);
                n += chosen;
                if (chosen)
                        o->program = p;
        }
        if (names.failed)
                return fail(err, ENOMEM, "cannot read filter '%s'", path);
        if (!names.length)
                return refuse_object(path, EINVAL, err,
                                     "it has no function made by ISOLA_FILTER()");
        if (n == 0)
                return err_hint(err, refuse(err, ENOENT, "'%s' has no filter '%s'", path, program),
                                "it has %s", names.text);
        if (n > 1 && !any)
                return err_hint(err,
                                refuse(err, EINVAL, "'%s' has %zu filters, say which", path, n),
                                "it has %s", names.text);
        return 0;
}

int filter_object_open(const char *path, const char *program, bool any, FilterObject **ret,
                       Err *err) {
        autoptr(FilterObject) o = calloc(1, sizeof *o);
        const struct bpf_map *stats;
        int r;

        if (!o || !(o->log = malloc(LOG_SIZE)))
                return fail(err, ENOMEM, "cannot read filter '%s'", path);
        *o->log = 0;
        r = read_object(path, o, err);
        if (r >= 0)
                r = choose(path, program, any, o, err);
        if (r < 0)
                return r;
        stats = bpf_object__find_map_by_name(o->object, FILTER_STATS_MAP);
        if (!stats || !bpf_object__find_map_by_name(o->object, FILTER_CONFIG_MAP))
                return refuse_object(path, EINVAL, err, "it does not include isola_filter.h");
        if (bpf_map__type(stats) != BPF_MAP_TYPE_PERCPU_ARRAY ||
            bpf_map__key_size(stats) != sizeof(uint32_t) ||
            bpf_map__value_size(stats) != sizeof(FilterCounter) ||
            bpf_map__max_entries(stats) < FILTER_VERDICTS)
                return refuse_object(path, EINVAL, err, ANOTHER_VERSION);
        r = check_names(path, o, err);
        if (r < 0)
                return r;
        *ret = take_ptr(o);
        return 0;
}

static FieldType variables_of(const FilterObject *o, const struct bpf_map *map) {
        return (FieldType){ bpf_object__btf(o->object), bpf_map__btf_value_type_id(map),
                            "parameter" };
}

static bool is_section(const struct bpf_map *map, const char *section) {
        return bpf_map__is_internal(map) && str_ends_with(bpf_map__name(map), section);
}

static struct bpf_map *find_section(const FilterObject *o, const char *section) {
        struct bpf_map *map;

        bpf_object__for_each_map(map, o->object) if (is_section(map, section)) return map;
        return NULL;
}

/* A section's variables, to be changed and handed back with bpf_map__set_initial_value(). */
static int copy_variables(struct bpf_map *map, uint8_t **ret, size_t *ret_size) {
        const void *data = map ? bpf_map__initial_value(map, ret_size) : NULL;

        if (!data)
                return -ENOENT;
        *ret = malloc(*ret_size + 1);
        if (!*ret)
                return -ENOMEM;
        memcpy(*ret, data, *ret_size);
        return 0;
}

static int set_parameter(const FieldType *type, uint8_t *data, size_t size, const char *assignment,
                         Err *err) {
        const char *equals = strchr(assignment, '=');
        autofree char *name = equals ? strndup(assignment, (size_t) (equals - assignment)) : NULL;
        int r;

        if (!equals || equals == assignment)
                return refuse(err, EINVAL, "parameter '%s' is not NAME=VALUE", assignment);
        if (!name)
                return fail(err, ENOMEM, "cannot set a parameter");
        if (!data)
                return refuse(err, ENOENT, "the filter has no parameter '%s', nor another", name);
        r = field_set(type, data, size, name, equals + 1, NULL, err);
        return r == -ENOENT ? err_prefix(err, r, "cannot set '%s'", name) : r;
}

static int set_parameters(const FilterObject *o, char *const *parameters, Err *err) {
        struct bpf_map *map = find_section(o, ".rodata");
        autofree uint8_t *data = NULL;
        FieldType type = {};
        size_t size = 0;
        int r;

        r = copy_variables(map, &data, &size);
        if (r < 0 && r != -ENOENT)
                return fail(err, r, "cannot set a parameter");
        if (data)
                type = variables_of(o, map);
        strv_foreach(parameter, parameters) {
                r = set_parameter(&type, data, size, *parameter, err);
                if (r < 0)
                        return r;
        }
        if (data && bpf_map__set_initial_value(map, data, size) < 0)
                return fail(err, errno, "cannot set the filter's parameters");
        return 0;
}

int filter_object_configure(const FilterObject *o, const FilterSpec *spec, bool egress,
                            uint32_t target, Err *err) {
        struct bpf_map *config = bpf_object__find_map_by_name(o->object, FILTER_CONFIG_MAP);
        const struct {
                const char *path;
                uint32_t value;
        } settings[] = {
                { "isola_config.target", target },
                { "isola_config.egress", egress },
                { "isola_config.action", (uint32_t) spec->action },
        };
        /* Without an action it is the one that stands in the source. */
        size_t n = spec->action ? 3 : 2;
        FieldType type = variables_of(o, config);
        autofree uint8_t *data = NULL;
        uint64_t action = 0;
        size_t size = 0;
        int r;

        r = copy_variables(config, &data, &size);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                char value[16];

                snprintf(value, sizeof value, "%u", settings[i].value);
                r = field_set(&type, data, size, settings[i].path, value, NULL, NULL);
        }
        if (r >= 0)
                r = field_number(&type, data, size, "isola_config.action", &action);
        if (r >= 0)
                r = bpf_map__set_initial_value(config, data, size);
        if (r < 0)
                return refuse_object(spec->object, EINVAL, err, ANOTHER_VERSION);
        if (!spec->action && action != FILTER_DROP && action != FILTER_ACCEPT &&
            action != FILTER_COUNT)
                return refuse(err, EINVAL,
                              "its ISOLA_ACTION is none of ISOLA_DROP, ISOLA_ACCEPT and "
                              "ISOLA_COUNT");
        return set_parameters(o, spec->parameters, err);
}

/* One line of the verifier's log, from @line on. */
static int line_length(const char *line) {
        return (int) strcspn(line, "\n");
}

/*
 * The verifier tells each step, then what is wrong, then what it cost.  Source lines begin with
 * ';', steps with their number.
 */
static int refuse_program(const FilterObject *o, int code, Err *err) {
        const char *why = NULL, *source = NULL;

        for (const char *line = o->log; *line; line += line_length(line), line += *line == '\n') {
                size_t digits = strspn(line, "0123456789");

                if (strncmp(line, "processed ", 10) == 0)
                        break;
                if (*line == ';')
                        source = line + 1 + strspn(line + 1, " ");
                else if (line_length(line) > 0 && !(digits && line[digits] == ':') &&
                         !str_after(line, "verification time") && !str_after(line, "stack depth"))
                        why = line;
        }
        if (!why)
                return fail(err, code, "the kernel does not take it");
        code = refuse(err, code, "the kernel's verifier says '%.*s'", line_length(why), why);
        if (str_after(why, "BPF_STX uses reserved fields"))
                return err_hint(err, code,
                                "atomic operations that return something take Linux 5.12");
        if (source)
                return err_hint(err, code, "it was at: %.*s", line_length(source), source);
        return code;
}

int filter_object_load(const FilterObject *o, Err *err) {
        int r;

        r = bpf_object__load(o->object);
        if (r >= 0)
                return 0;
        if (r == -EPERM && !*o->log)
                return err_hint(err, fail(err, r, "the kernel does not take it"),
                                "BPF programs are loaded by root of the machine, not of a user "
                                "namespace");
        return refuse_program(o, r, err);
}

uint32_t filter_object_program_id(const FilterObject *o) {
        struct bpf_prog_info info = {};
        uint32_t size = sizeof info;

        if (bpf_obj_get_info_by_fd(bpf_program__fd(o->program), &info, &size) < 0)
                return 0;
        return info.id;
}

bool filter_map_is_shared(const struct bpf_map *map) {
        return !bpf_map__is_internal(map) && !str_equal(bpf_map__name(map), FILTER_STATS_MAP);
}

/* What a key or value looks like: one of zeros. */
static json_t *example_json(const FilterObject *o, uint32_t type_id, size_t size) {
        FieldType type = { bpf_object__btf(o->object), type_id, "value" };
        autofree void *zeros = calloc(1, size + 1);
        json_t *shown = zeros ? field_json(&type, zeros, size) : NULL;

        return shown ? shown : json_null();
}

static json_t *parameters_json(const FilterObject *o) {
        struct bpf_map *map = find_section(o, ".rodata");
        size_t size = 0;
        const void *data = map ? bpf_map__initial_value(map, &size) : NULL;
        FieldType type;
        json_t *shown;

        if (!data)
                return json_object();
        type = variables_of(o, map);
        shown = field_json(&type, data, size);
        return shown ? shown : json_null();
}

static json_t *program_json(const struct bpf_program *p) {
        struct bpf_prog_info info = {};
        uint32_t size = sizeof info;

        if (bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &size) < 0)
                return NULL;
        return json_pack("{s:s, s:I}", "name", bpf_program__name(p), "instructions",
                         (json_int_t) (info.xlated_prog_len / sizeof(struct bpf_insn)));
}

static const char *default_action(const FilterObject *o) {
        struct bpf_map *config = bpf_object__find_map_by_name(o->object, FILTER_CONFIG_MAP);
        FieldType type = variables_of(o, config);
        uint64_t action = 0;
        size_t size = 0;
        const void *data = bpf_map__initial_value(config, &size);

        if (!data || field_number(&type, data, size, "isola_config.action", &action) < 0 ||
            action >= FILTER_VERDICTS)
                return "";
        return filter_verdict_name((FilterVerdict) action);
}

struct json_t *filter_object_json(const FilterObject *o) {
        json_t *programs = json_array(), *maps = json_array();
        struct bpf_program *p;
        struct bpf_map *map;

        bpf_object__for_each_program(p, o->object) if (bpf_program__fd(p) >= 0)
                json_array_append_new(programs, program_json(p));
        bpf_object__for_each_map(map, o->object) if (filter_map_is_shared(map))
                json_array_append_new(
                        maps, json_pack("{s:s, s:s, s:I, s:o, s:o}", "name", bpf_map__name(map),
                                        "kind", filter_map_kind((int) bpf_map__type(map)),
                                        "maxEntries", (json_int_t) bpf_map__max_entries(map), "key",
                                        example_json(o, bpf_map__btf_key_type_id(map),
                                                     bpf_map__key_size(map)),
                                        "value",
                                        example_json(o, bpf_map__btf_value_type_id(map),
                                                     bpf_map__value_size(map))));
        return json_pack("{s:o, s:s, s:o, s:o}", "programs", programs, "action", default_action(o),
                         "parameters", parameters_json(o), "maps", maps);
}
