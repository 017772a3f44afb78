/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/env_file.h"

#define FILE_SIZE_MAX (1 << 20)

typedef int (*AddEntry)(char ***list, const char *entry);

static int add_variable(char ***list, const char *entry) {
        const char *value = strchr(entry, '=') ? NULL : getenv(entry);

        return value ? strv_addf(list, "%s=%s", entry, value) : strv_add(list, entry);
}

static int add_label(char ***list, const char *entry) {
        return strchr(entry, '=') ? strv_env_set(list, entry) : strv_addf(list, "%s=", entry);
}

/* Lines are KEY=VALUE or KEY, taken as they are; blank ones and those behind a # are left out. */
static int read_line(const char *path, int number, const char *line, AddEntry add, char ***ret,
                     Err *err) {
        size_t key;

        line += strspn(line, " \t");
        if (!*line || *line == '#')
                return 0;
        key = strcspn(line, "=");
        if (key == 0)
                return refuse(err, EINVAL, "%s:%d: there is no name before '='", path, number);
        if (strcspn(line, " \t") < key)
                return refuse(err, EINVAL, "%s:%d: name '%.*s' has blanks in it", path, number,
                              (int) key, line);
        return add(ret, line) < 0 ? fail(err, ENOMEM, "cannot read '%s'", path) : 0;
}

static int read_file(const char *path, AddEntry add, char ***ret, Err *err) {
        autofree char *text = NULL;
        autostrv lines = NULL;
        int r, number = 0;
        size_t size;

        r = file_read(AT_FDCWD, path, FILE_SIZE_MAX, &text, &size);
        if (r < 0)
                return fail(err, r, "cannot read '%s'", path);
        if (strlen(text) != size)
                return refuse(err, EINVAL, "'%s' is not a text file", path);
        if (strv_split(text, "\n", false, &lines) < 0)
                return fail(err, ENOMEM, "cannot read '%s'", path);
        strv_foreach(line, lines) {
                size_t n = strlen(*line);

                if (n > 0 && (*line)[n - 1] == '\r')
                        (*line)[n - 1] = 0;
                r = read_line(path, ++number, *line, add, ret, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_all(const char *const *files, const char *const *given, const char *kind,
                    AddEntry add, char ***ret, Err *err) {
        strv_foreach(file, files) {
                int r = read_file(*file, add, ret, err);

                if (r < 0)
                        return r;
        }
        strv_foreach(entry, given) {
                if (!**entry || **entry == '=')
                        return refuse(err, EINVAL, "%s '%s' has no name", kind, *entry);
                if (add(ret, *entry) < 0)
                        return fail(err, ENOMEM, "cannot read %s '%s'", kind, *entry);
        }
        return 0;
}

int env_read(const char *const *files, const char *const *given, char ***ret, Err *err) {
        return read_all(files, given, "variable", add_variable, ret, err);
}

int labels_read(const char *const *files, const char *const *given, char ***ret, Err *err) {
        return read_all(files, given, "label", add_label, ret, err);
}
