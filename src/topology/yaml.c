/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "base/json.h"
#include "base/str.h"
#include "topology/yaml.h"

#define DEPTH_MAX  64
#define VALUES_MAX 1000000

/* An anchored value; aliases share nothing, so each gets a copy. */
typedef struct Anchor {
        char *name;
        const YamlValue *value;
} Anchor;

typedef struct Reader {
        yaml_parser_t parser;
        const char *file;
        Anchor *anchors;
        size_t n_anchors, n_values;
} Reader;

YamlValue *yaml_value_free(YamlValue *v) {
        if (!v)
                return NULL;
        for (size_t i = 0; i < v->n; i++) {
                yaml_value_free(v->items[i]);
                if (v->keys)
                        free(v->keys[i]);
        }
        free(v->items);
        free(v->keys);
        free(v->key_lines);
        free(v->text);
        free(v);
        return NULL;
}

static int wrong(const Reader *reader, int line, Err *err, const char *words) {
        return refuse(err, EINVAL, "%s:%d: %s", reader->file, line, words);
}

static YamlValue *value_new(Reader *reader, YamlKind kind, int line) {
        YamlValue *v = reader->n_values < VALUES_MAX ? calloc(1, sizeof *v) : NULL;

        if (v) {
                reader->n_values++;
                v->kind = kind;
                v->line = line;
        }
        return v;
}

static int too_much(const Reader *reader, int line, Err *err) {
        return reader->n_values >= VALUES_MAX
                       ? wrong(reader, line, err, "there are more than 1000000 values")
                       : fail(err, ENOMEM, "cannot read '%s'", reader->file);
}

/* Takes @key and @value over, also when it fails; NULL @key for a list. */
static int add(YamlValue *to, char *key, int line, YamlValue *value) {
        size_t n = to->n;
        YamlValue **item = json_grow(&to->items, &n, sizeof *item);
        char **name = NULL;
        int *key_line = NULL;

        if (item && key) {
                n = to->n;
                name = json_grow(&to->keys, &n, sizeof *name);
                n = to->n;
                key_line = name ? json_grow(&to->key_lines, &n, sizeof *key_line) : NULL;
        }
        if (!item || (key && !key_line)) {
                free(key);
                yaml_value_free(value);
                return -ENOMEM;
        }
        *item = value;
        if (key) {
                *name = key;
                *key_line = line;
        }
        to->n++;
        return 0;
}

static YamlValue *copy(Reader *reader, const YamlValue *v) {
        autoptr(YamlValue) c = value_new(reader, v->kind, v->line);

        if (!c)
                return NULL;
        c->quoted = v->quoted;
        if (v->text && str_set(&c->text, v->text) < 0)
                return NULL;
        for (size_t i = 0; i < v->n; i++) {
                YamlValue *item = copy(reader, v->items[i]);
                char *key = item && v->keys ? strdup(v->keys[i]) : NULL;

                if (!item || (v->keys && !key)) {
                        yaml_value_free(item);
                        return NULL;
                }
                if (add(c, key, v->keys ? v->key_lines[i] : 0, item) < 0)
                        return NULL;
        }
        return take_ptr(c);
}

const YamlValue *yaml_get(const YamlValue *map, const char *key) {
        if (map && map->kind == YAML_MAP)
                for (size_t i = 0; i < map->n; i++)
                        if (str_equal(map->keys[i], key))
                                return map->items[i];
        return NULL;
}

bool yaml_is_null(const YamlValue *v) {
        return !v || (v->kind == YAML_SCALAR && !v->quoted &&
                      (!*v->text || str_equal(v->text, "~") || str_equal(v->text, "null")));
}

static int next(Reader *reader, yaml_event_t *event, Err *err) {
        const yaml_parser_t *p = &reader->parser;

        if (yaml_parser_parse(&reader->parser, event))
                return (int) event->start_mark.line + 1;
        if (p->error == YAML_MEMORY_ERROR)
                return fail(err, ENOMEM, "cannot read '%s'", reader->file);
        return refuse(err, EINVAL, "%s:%zu: %s%s%s", reader->file,
                      (p->error == YAML_READER_ERROR ? p->mark.line : p->problem_mark.line) + 1,
                      p->problem ? p->problem : "not YAML", p->context ? " " : "",
                      p->context ? p->context : "");
}

static int note_anchor(Reader *reader, const yaml_char_t *name, const YamlValue *value) {
        Anchor *a;

        if (!name)
                return 0;
        a = json_grow(&reader->anchors, &reader->n_anchors, sizeof *a);
        if (!a)
                return -ENOMEM;
        a->value = value;
        a->name = strdup((const char *) name);
        return a->name ? 0 : -ENOMEM;
}

static int read_alias(Reader *reader, const yaml_event_t *event, int line, YamlValue **ret,
                      Err *err) {
        /* The last one of a name counts. */
        for (size_t i = reader->n_anchors; i-- > 0;)
                if (str_equal(reader->anchors[i].name, (const char *) event->data.alias.anchor)) {
                        *ret = copy(reader, reader->anchors[i].value);
                        if (!*ret)
                                return too_much(reader, line, err);
                        (*ret)->line = line;
                        return 0;
                }
        return refuse(err, EINVAL, "%s:%d: nothing is called '&%s'", reader->file, line,
                      (const char *) event->data.alias.anchor);
}

/* "<<": what is there already counts more, and of several maps the first. */
static int merge_map(Reader *reader, YamlValue *into, const YamlValue *from) {
        for (size_t i = 0; i < from->n; i++) {
                YamlValue *item;
                char *key;

                if (yaml_get(into, from->keys[i]))
                        continue;
                item = copy(reader, from->items[i]);
                key = item ? strdup(from->keys[i]) : NULL;
                if (!key) {
                        yaml_value_free(item);
                        return -ENOMEM;
                }
                if (add(into, key, from->key_lines[i], item) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int merge(Reader *reader, YamlValue *into, const YamlValue *from, Err *err) {
        int r = 0;

        if (from->kind == YAML_MAP)
                r = merge_map(reader, into, from);
        else if (from->kind == YAML_LIST)
                for (size_t i = 0; r >= 0 && i < from->n; i++)
                        r = from->items[i]->kind == YAML_MAP
                                    ? merge_map(reader, into, from->items[i])
                                    : -EINVAL;
        else
                r = -EINVAL;
        if (r == -EINVAL)
                return wrong(reader, from->line, err, "'<<' takes a map, or a list of maps");
        return r < 0 ? too_much(reader, from->line, err) : 0;
}

static int read_event(Reader *reader, yaml_event_t *event, int line, int depth, YamlValue **ret,
                      Err *err);

static int read_value(Reader *reader, int depth, YamlValue **ret, Err *err) {
        yaml_event_t event;
        int line = next(reader, &event, err), r;

        if (line < 0)
                return line;
        r = read_event(reader, &event, line, depth, ret, err);
        yaml_event_delete(&event);
        return r;
}

static int read_list(Reader *reader, int depth, YamlValue *list, Err *err) {
        for (;;) {
                yaml_event_t event;
                YamlValue *item = NULL;
                int line = next(reader, &event, err), r;
                bool end;

                if (line < 0)
                        return line;
                end = event.type == YAML_SEQUENCE_END_EVENT;
                r = end ? 0 : read_event(reader, &event, line, depth, &item, err);
                yaml_event_delete(&event);
                if (r < 0 || end)
                        return r;
                if (add(list, NULL, 0, item) < 0)
                        return too_much(reader, line, err);
        }
}

static int read_pair(Reader *reader, const char *name, int line, int depth, YamlValue *map,
                     YamlValue **merged, Err *err) {
        YamlValue *value = NULL;
        char *key;
        int r;

        if (yaml_get(map, name))
                return refuse(err, EINVAL, "%s:%d: '%s' is there twice", reader->file, line, name);
        r = read_value(reader, depth, &value, err);
        if (r < 0)
                return r;
        if (str_equal(name, "<<") && !*merged) {
                *merged = value;
                return 0;
        }
        key = strdup(name);
        if (!key) {
                yaml_value_free(value);
                return too_much(reader, line, err);
        }
        return add(map, key, line, value) < 0 ? too_much(reader, line, err) : 0;
}

static int read_map(Reader *reader, int depth, YamlValue *map, Err *err) {
        autoptr(YamlValue) merged = NULL;

        for (;;) {
                yaml_event_t event;
                int line = next(reader, &event, err), r = 0;
                bool end;

                if (line < 0)
                        return line;
                end = event.type == YAML_MAPPING_END_EVENT;
                if (!end && event.type != YAML_SCALAR_EVENT)
                        r = wrong(reader, line, err, "a key must be a word");
                else if (!end)
                        r = read_pair(reader, (const char *) event.data.scalar.value, line, depth,
                                      map, &merged, err);
                yaml_event_delete(&event);
                if (r < 0)
                        return r;
                if (end)
                        return merged ? merge(reader, map, merged, err) : 0;
        }
}

static int read_event(Reader *reader, yaml_event_t *event, int line, int depth, YamlValue **ret,
                      Err *err) {
        autoptr(YamlValue) v = NULL;
        const yaml_char_t *anchor = NULL;
        int r = 0;

        if (depth > DEPTH_MAX)
                return wrong(reader, line, err, "it is nested too deeply");
        if (event->type == YAML_ALIAS_EVENT)
                return read_alias(reader, event, line, ret, err);
        v = value_new(reader,
                      event->type == YAML_SCALAR_EVENT           ? YAML_SCALAR
                      : event->type == YAML_SEQUENCE_START_EVENT ? YAML_LIST
                                                                 : YAML_MAP,
                      line);
        if (!v)
                return too_much(reader, line, err);
        if (event->type == YAML_SCALAR_EVENT) {
                if (strlen((const char *) event->data.scalar.value) != event->data.scalar.length)
                        return wrong(reader, line, err, "there is a NUL in it");
                v->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
                anchor = event->data.scalar.anchor;
                r = str_set(&v->text, (const char *) event->data.scalar.value);
        } else if (event->type == YAML_SEQUENCE_START_EVENT) {
                anchor = event->data.sequence_start.anchor;
                r = read_list(reader, depth + 1, v, err);
        } else if (event->type == YAML_MAPPING_START_EVENT) {
                anchor = event->data.mapping_start.anchor;
                r = read_map(reader, depth + 1, v, err);
        } else
                return wrong(reader, line, err, "nothing is here that could be read");
        if (r >= 0)
                r = note_anchor(reader, anchor, v);
        if (r == -ENOMEM)
                return too_much(reader, line, err);
        if (r < 0)
                return r;
        *ret = take_ptr(v);
        return 0;
}

/* One document; a second one is refused. */
static int read_document(Reader *reader, YamlValue **ret, Err *err) {
        yaml_event_t event;
        bool begun = false, ended = false;

        while (!ended) {
                int line = next(reader, &event, err), r = 0;

                if (line < 0)
                        return line;
                if (event.type == YAML_DOCUMENT_START_EVENT && *ret)
                        r = wrong(reader, line, err, "a second document begins");
                else if (event.type == YAML_DOCUMENT_START_EVENT)
                        begun = true;
                else if (event.type == YAML_STREAM_END_EVENT)
                        ended = true;
                else if (begun && event.type != YAML_DOCUMENT_END_EVENT)
                        r = read_event(reader, &event, line, 0, ret, err);
                yaml_event_delete(&event);
                if (r < 0)
                        return r;
        }
        return *ret ? 0 : refuse(err, EINVAL, "%s: it is empty", reader->file);
}

int yaml_read(const char *text, size_t size, const char *file, YamlValue **ret, Err *err) {
        Reader reader = { .file = file };
        YamlValue *v = NULL;
        int r;

        if (!yaml_parser_initialize(&reader.parser))
                return fail(err, ENOMEM, "cannot read '%s'", file);
        yaml_parser_set_input_string(&reader.parser, (const unsigned char *) text, size);
        r = read_document(&reader, &v, err);
        yaml_parser_delete(&reader.parser);
        for (size_t i = 0; i < reader.n_anchors; i++)
                free(reader.anchors[i].name);
        free(reader.anchors);
        if (r < 0)
                yaml_value_free(v);
        else
                *ret = v;
        return r;
}

/* Plain text is only what no reader takes for anything else. */
static bool is_plain(const char *text) {
        static const char *const words[] = { "true", "false", "yes",  "no", "on", "off",
                                             "y",    "n",     "null", "~",  NULL };
        size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_/.%+-");

        if (!*text || text[n] || strchr("-.%+", *text))
                return false;
        for (size_t i = 0; words[i]; i++)
                if (strcasecmp(text, words[i]) == 0)
                        return false;
        return true;
}

/* Code points that YAML takes for line breaks, or not at all. */
static bool is_special(unsigned code) {
        return (code >= 0x80 && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
               code == 0xfeff || code == 0xfffe || code == 0xffff;
}

/* A character of @n bytes of UTF-8; a byte that begins none (@n is 0) stands for its Latin-1 one,
 * as in files from before. */
static void put_wide(Str *s, const char *text, size_t n) {
        const unsigned char *c = (const unsigned char *) text;
        unsigned code = n == 2   ? (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu)
                        : n == 3 ? (c[0] & 0x0fu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu)
                        : n == 4 ? 0x10000 /* or more */
                                 : *c;

        if (is_special(code))
                str_printf(s, code < 0x100 ? "\\x%02x" : "\\u%04x", code);
        else if (n > 0)
                str_put_bytes(s, text, n);
        else
                str_printf(s, "%c%c", (char) (0xc0 | code >> 6), (char) (0x80 | (code & 0x3f)));
}

void yaml_put_text(Str *s, const char *text) {
        size_t n;

        if (is_plain(text)) {
                str_put(s, text);
                return;
        }
        str_put_char(s, '"');
        for (; *text; text += n ? n : 1) {
                unsigned char c = (unsigned char) *text;

                n = c < 0x80 ? 1 : str_utf8_length(text, strlen(text));
                if (c == '"' || c == '\\')
                        str_printf(s, "\\%c", c);
                else if (c == '\n')
                        str_put(s, "\\n");
                else if (c == '\t')
                        str_put(s, "\\t");
                else if (c < 0x20 || c == 0x7f)
                        str_printf(s, "\\x%02x", c);
                else if (c < 0x80)
                        str_put_char(s, (char) c);
                else
                        put_wide(s, text, n);
        }
        str_put_char(s, '"');
}
