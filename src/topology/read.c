/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/nearest.h"
#include "base/str.h"
#include "topology/read.h"

#define FILE_MAX ((size_t) 64 << 20)

typedef enum Format { LAB, CLAB, KATHARA, GRAPHML, DOT, UNKNOWN } Format;
const char *const topology_format_names[] = { "lab", "clab", "kathara", "graphml", "dot", NULL };

typedef struct Source {
        char *path; /* of the file, or of a Kathará lab's directory */
        char *text;
        size_t size;
        Format format;
} Source;

static void source_clear(Source *s) {
        free(s->path);
        free(s->text);
}
#define autosource __attribute__((__cleanup__(source_clear))) Source

static bool is_directory(const char *path) {
        struct stat st;

        return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The one file of a lab in a directory. */
static int find_in_directory(const char *directory, Source *s, Err *err) {
        static const char *const names[] = { "lab.yml", "lab.yaml", NULL };
        autofree char *conf = str_format("%s/lab.conf", directory);
        autostrv entries = NULL;
        int r;

        if (!conf)
                return fail(err, ENOMEM, "cannot read '%s'", directory);
        for (int i = 0; names[i]; i++) {
                autofree char *path = str_format("%s/%s", directory, names[i]);

                if (path && file_access(AT_FDCWD, path, F_OK) == 0) {
                        s->path = take_ptr(path);
                        return 0;
                }
        }
        if (file_access(AT_FDCWD, conf, F_OK) == 0) {
                s->path = strdup(directory);
                s->format = KATHARA;
                return s->path ? 0 : fail(err, ENOMEM, "cannot read '%s'", directory);
        }
        r = dir_list(AT_FDCWD, directory, &entries);
        if (r < 0)
                return fail(err, r, "cannot list '%s'", directory);
        strv_foreach(name, entries) {
                if (!str_ends_with(*name, ".clab.yml") && !str_ends_with(*name, ".clab.yaml"))
                        continue;
                if (s->path)
                        return err_hint(
                                err, refuse(err, EINVAL, "'%s' has more than one lab", directory),
                                "name the file");
                s->path = str_format("%s/%s", directory, *name);
        }
        return s->path ? 0
                       : err_hint(err, refuse(err, ENOENT, "there is no lab in '%s'", directory),
                                  "a lab is a file lab.yml, *.clab.yml, or a Kathará lab.conf");
}

bool topology_is_in(const char *directory) {
        autosource source = {};

        return find_in_directory(directory, &source, NULL) != -ENOENT;
}

static int read_stream(Source *s, Err *err) {
        size_t capacity = 0, n;

        do {
                char *grown = realloc(s->text, capacity += 65536);

                if (!grown || capacity > FILE_MAX)
                        return grown ? refuse(err, EFBIG, "the lab is larger than 64 MB")
                                     : fail(err, ENOMEM, "cannot read the lab");
                s->text = grown;
                n = fread(s->text + s->size, 1, capacity - s->size - 1, stdin);
                s->size += n;
        } while (n > 0);
        if (ferror(stdin))
                return fail(err, errno, "cannot read standard input");
        s->text[s->size] = '\0';
        return 0;
}

static int find_format(const char *wanted, Source *s, Err *err) {
        const char *near;

        for (int i = 0; wanted && topology_format_names[i]; i++)
                if (str_equal(wanted, topology_format_names[i])) {
                        s->format = (Format) i;
                        return 0;
                }
        if (!wanted)
                return 0;
        near = nearest_name(wanted, topology_format_names);
        return err_hint(err,
                        refuse(err, EINVAL, "'%s' is no format of labs%s%s%s", wanted,
                               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : ""),
                        "lab, clab, kathara, graphml and dot are");
}

/* By its name, else by what it begins with. */
static Format guess(const Source *s) {
        const char *text = s->text + strspn(s->text, " \t\r\n");

        if (str_ends_with(s->path, ".clab.yml") || str_ends_with(s->path, ".clab.yaml"))
                return CLAB;
        if (str_ends_with(s->path, ".graphml") || str_ends_with(s->path, ".xml") || *text == '<')
                return GRAPHML;
        if (str_ends_with(s->path, ".dot") || str_ends_with(s->path, ".gv") ||
            str_after(text, "graph ") || str_after(text, "graph{") || str_after(text, "digraph") ||
            str_after(text, "strict "))
                return DOT;
        return LAB;
}

static int load(const char *path, Source *s, Err *err) {
        int r = 0;

        if (is_directory(path))
                r = find_in_directory(path, s, err);
        else if (str_ends_with(path, "/lab.conf") || str_equal(path, "lab.conf")) {
                s->format = KATHARA;
                s->path = path[8] ? strndup(path, strlen(path) - strlen("/lab.conf")) : strdup(".");
        } else
                s->path = strdup(path);
        if (r >= 0 && !s->path)
                r = fail(err, ENOMEM, "cannot read '%s'", path);
        if (r < 0 || s->format == KATHARA)
                return r;
        if (str_equal(path, "-"))
                return read_stream(s, err);
        r = file_read(AT_FDCWD, s->path, FILE_MAX, &s->text, &s->size);
        return r < 0 ? fail(err, r, "cannot read '%s'", s->path) : 0;
}

/* What is relative in it begins where it is. */
static int set_directory(Topology *t, const Source *s, Err *err) {
        const char *slash = strrchr(s->path, '/');
        autofree char *directory = s->format == KATHARA ? strdup(s->path)
                                   : slash ? strndup(s->path, (size_t) (slash - s->path + 1))
                                           : strdup(".");

        t->directory = directory ? realpath(directory, NULL) : NULL;
        return t->directory ? 0 : fail(err, errno, "cannot find the directory of '%s'", s->path);
}

/* A lab without a name is called as its file or, where that says nothing, its directory. */
static int set_name(Topology *t, const Source *s, Err *err) {
        const char *slash = strrchr(s->path, '/'), *base = slash ? slash + 1 : s->path;
        size_t n = strcspn(base, ".");

        if (t->name)
                return 0;
        if (s->format == KATHARA || n == 0 || str_after(base, "lab.") || str_equal(base, "-")) {
                base = str_equal(s->path, "-") ? "lab" : strrchr(t->directory, '/') + 1;
                n = strlen(base);
        }
        t->name = strndup(n > 0 ? base : "lab", n > 0 ? n : 3);
        return t->name ? 0 : fail(err, ENOMEM, "cannot read '%s'", s->path);
}

static int parse(const Source *s, Topology *t, Err *err) {
        const char *file = str_equal(s->path, "-") ? "standard input" : s->path;

        switch (s->format) {
        case KATHARA:
                return topology_read_kathara(s->path, t, err);
        case GRAPHML:
                return topology_read_graphml(s->text, s->size, file, t, err);
        case DOT:
                return topology_read_dot(s->text, s->size, file, t, err);
        case CLAB:
                t->management = t->external_access = true;
                if (str_set(&t->management_interface, "eth0") < 0)
                        return fail(err, ENOMEM, "cannot read '%s'", s->path);
                break;
        default:
                break;
        }
        return topology_read_lab(s->text, s->size, file, t, err);
}

int topology_read(const char *path, const char *format, Topology **ret, Err *err) {
        autoptr(Topology) t = topology_new();
        autosource s = { .format = UNKNOWN };
        int r;

        if (!t)
                return fail(err, ENOMEM, "cannot read '%s'", path);
        r = find_format(format, &s, err);
        if (r >= 0)
                r = load(path, &s, err);
        if (r < 0)
                return r;
        if (s.format == UNKNOWN)
                s.format = guess(&s);
        r = set_directory(t, &s, err);
        if (r >= 0)
                r = parse(&s, t, err);
        if (r >= 0)
                r = set_name(t, &s, err);
        if (r >= 0)
                r = topology_check(t, err);
        if (r >= 0)
                *ret = take_ptr(t);
        return r;
}
