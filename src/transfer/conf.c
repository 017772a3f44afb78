/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "transfer/conf.h"

#define CONF_MAX (1u << 20)

void conf_clear(Conf *conf) {
        for (size_t i = 0; i < conf->n_registries; i++) {
                free(conf->registries[i].name);
                strv_free(conf->registries[i].mirrors);
                free(conf->registries[i].ca);
        }
        free(conf->registries);
        *conf = (Conf){};
}

const RegistryConf *conf_of(const Conf *conf, const char *registry) {
        static const RegistryConf nothing;

        for (size_t i = 0; i < conf->n_registries; i++)
                if (str_equal(conf->registries[i].name, registry))
                        return &conf->registries[i];
        return &nothing;
}

/* Where a line belongs: a registry, or NULL for [registries]. */
typedef struct Place {
        Conf *conf;
        const char *file;
        int line;
        bool begun; /* a section was opened */
        RegistryConf *registry;
} Place;

static int wrong(const Place *p, Err *err, const char *what, const char *word) {
        return refuse(err, EINVAL, "%s:%d: %s '%s'", p->file, p->line, what, word);
}

static int open_section(Place *p, char *name, Err *err) {
        const char *host = str_after(name, "registry ");

        p->begun = true;
        p->registry = NULL;
        if (str_equal(name, "registries"))
                return 0;
        if (!host || !*host)
                return err_hint(err, wrong(p, err, "there is no section", name),
                                "sections are [registries] and [registry HOST]");
        while (*host == ' ')
                host++;
        for (size_t i = 0; i < p->conf->n_registries; i++)
                if (str_equal(p->conf->registries[i].name, host))
                        p->registry = &p->conf->registries[i];
        if (p->registry)
                return 0;
        p->registry = json_grow(&p->conf->registries, &p->conf->n_registries, sizeof *p->registry);
        if (p->registry)
                p->registry->name = strdup(host);
        return p->registry && p->registry->name ? 0
                                                : fail(err, ENOMEM, "cannot read '%s'", p->file);
}

static int set_common(Place *p, const char *name, const char *value, Err *err) {
        Conf *conf = p->conf;
        int64_t ns;

        if (str_equal(name, "parallel"))
                return parse_int(value, 1, 32, &conf->parallel) < 0
                               ? wrong(p, err, "1 to 32 can be parallel, not", value)
                               : 0;
        if (str_equal(name, "retries"))
                return parse_int(value, 0, 100, &conf->retries) < 0
                               ? wrong(p, err, "retries are 0 to 100, not", value)
                               : 0;
        if (str_equal(name, "timeout")) {
                if (span_parse(value, 1000000000, &ns) < 0 || ns < 1000000000)
                        return wrong(p, err, "a timeout is a second or longer, not", value);
                conf->stall_ms = ns / 1000000;
                return 0;
        }
        return wrong(p, err, "[registries] has no", name);
}

static int set_registry(Place *p, const char *name, const char *value, Err *err) {
        RegistryConf *registry = p->registry;

        if (str_equal(name, "mirror")) {
                if (!str_after(value, "https://") && !str_after(value, "http://"))
                        return err_hint(err, wrong(p, err, "this is no URL:", value),
                                        "write https://HOST[:PORT][/PREFIX]");
                return strv_add(&registry->mirrors, value) < 0
                               ? fail(err, ENOMEM, "cannot read '%s'", p->file)
                               : 0;
        }
        if (str_equal(name, "ca"))
                return str_set(&registry->ca, value) < 0
                               ? fail(err, ENOMEM, "cannot read '%s'", p->file)
                               : 0;
        if (str_equal(name, "insecure") || str_equal(name, "blocked"))
                return parse_bool(value, *name == 'i' ? &registry->insecure : &registry->blocked) <
                                       0
                               ? wrong(p, err, "this is neither yes nor no:", value)
                               : 0;
        return wrong(p, err, "[registry] has no", name);
}

static char *trim(char *text) {
        char *end;

        while (isspace((unsigned char) *text))
                text++;
        end = text + strlen(text);
        while (end > text && isspace((unsigned char) end[-1]))
                *--end = 0;
        return text;
}

static int read_line(Place *p, char *line, Err *err) {
        char *comment = strchr(line, '#'), *equals, *name, *value;

        if (comment)
                *comment = 0;
        line = trim(line);
        if (!*line)
                return 0;
        if (*line == '[') {
                if (!str_ends_with(line, "]"))
                        return wrong(p, err, "a section ends in ']':", line);
                line[strlen(line) - 1] = 0;
                return open_section(p, trim(line + 1), err);
        }
        equals = strchr(line, '=');
        if (!equals)
                return wrong(p, err, "this is no 'name = value':", line);
        *equals = 0;
        name = trim(line);
        value = trim(equals + 1);
        if (!p->begun)
                return wrong(p, err, "no section is open for", name);
        return p->registry ? set_registry(p, name, value, err) : set_common(p, name, value, err);
}

int conf_parse(const char *text, const char *place, Conf *conf, Err *err) {
        Place p = { .conf = conf, .file = place };
        autostrv lines = NULL;
        int r = strv_split(text, "\n", false, &lines);

        if (r < 0)
                return fail(err, r, "cannot read '%s'", place);
        strv_foreach(line, lines) {
                p.line++;
                r = read_line(&p, *line, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int load_file(const char *path, bool must, Conf *conf, Err *err) {
        autofree char *text = NULL;
        int r = file_read(AT_FDCWD, path, CONF_MAX, &text, NULL);

        if (r == -ENOENT && !must)
                return 0;
        if (r < 0)
                return fail(err, r, "cannot read '%s'", path);
        return conf_parse(text, path, conf, err);
}

static int load_all(Conf *conf, Err *err) {
        const char *only = getenv("ISOLA_CONFIG"), *dir = getenv("XDG_CONFIG_HOME");
        const char *home = getenv("HOME");
        autofree char *own = NULL;
        int r;

        if (!str_empty(only))
                return load_file(only, true, conf, err);
        r = load_file("/etc/isola/isola.conf", false, conf, err);
        if (r < 0 || (str_empty(dir) && str_empty(home)))
                return r;
        own = str_empty(dir) ? str_format("%s/.config/isola/isola.conf", home)
                             : str_format("%s/isola/isola.conf", dir);
        return own ? load_file(own, false, conf, err) : fail(err, ENOMEM, "cannot read isola.conf");
}

int conf_load(Conf *ret, Err *err) {
        int r;

        *ret = (Conf){ .parallel = 6, .retries = 5, .stall_ms = 60000 };
        r = load_all(ret, err);
        if (r < 0)
                conf_clear(ret);
        return r;
}
