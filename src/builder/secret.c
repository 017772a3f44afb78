/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/str.h"
#include "builder/secret.h"

#define SECRET_MAX (500u << 10) /* BuildKit's */

static void clear_list(BuildSecret *list, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(list[i].id);
                free(list[i].path);
                free(list[i].variable);
        }
        free(list);
}

void build_secrets_clear(BuildSecrets *s) {
        clear_list(s->secrets, s->n_secrets);
        clear_list(s->agents, s->n_agents);
        *s = (BuildSecrets){};
}

static const BuildSecret *find(const BuildSecret *list, size_t n, const char *id) {
        for (size_t i = 0; i < n; i++)
                if (str_equal(list[i].id, id))
                        return &list[i];
        return NULL;
}

static int read_key(BuildSecret *s, const char *field, char **type, Err *err) {
        static const char *const keys[] = { "id", "src", "source", "env", "type", NULL };
        const char *equals = strchr(field, '='), *value = equals ? equals + 1 : "", *nearest;
        autofree char *key = strndup(field, strcspn(field, "="));
        char **member = NULL;

        if (!key)
                return fail(err, ENOMEM, "cannot read a secret");
        if (str_equal(key, "id"))
                member = &s->id;
        else if (str_equal(key, "src") || str_equal(key, "source"))
                member = &s->path;
        else if (str_equal(key, "env"))
                member = &s->variable;
        else if (str_equal(key, "type"))
                member = type;
        nearest = nearest_name(key, keys);
        if (!member)
                return nearest ? refuse(err, EINVAL, "--secret has no key '%s'; did you mean '%s'?",
                                        key, nearest)
                               : refuse(err, EINVAL, "--secret has no key '%s'", key);
        if (!*value)
                return refuse(err, EINVAL, "--secret: %s needs a value", key);
        return str_set(member, value) < 0 ? fail(err, ENOMEM, "cannot read a secret") : 0;
}

/* Without a source it is the variable of that name, else the file. */
static int find_source(BuildSecret *s, const char *type, Err *err) {
        if (!s->id)
                return refuse(err, EINVAL, "--secret needs an id: --secret id=NAME,src=FILE");
        if (s->path && s->variable)
                return refuse(err, EINVAL,
                              "the secret '%s' comes from a file or a variable, not "
                              "both",
                              s->id);
        if (type && !str_equal(type, "file") && !str_equal(type, "env"))
                return refuse(err, EINVAL, "--secret: type '%s' is neither file nor env", type);
        if (str_equal(type, "env") && s->path) {
                s->variable = take_ptr(s->path);
                return 0;
        }
        if (s->path || s->variable)
                return 0;
        if (str_equal(type, "env") || (!type && getenv(s->id)))
                return str_set(&s->variable, s->id) < 0 ? fail(err, ENOMEM, "cannot read a secret")
                                                        : 0;
        return str_set(&s->path, s->id) < 0 ? fail(err, ENOMEM, "cannot read a secret") : 0;
}

static int add_secret(BuildSecrets *list, const char *text, Err *err) {
        BuildSecret *s = json_grow(&list->secrets, &list->n_secrets, sizeof *s);
        autofree char *type = NULL;
        autostrv fields = NULL;
        struct stat st;
        int r;

        r = s ? strv_split_csv(text, &fields) : -ENOMEM;
        if (r < 0)
                return fail(err, r, "cannot read the secret '%s'", text);
        strv_foreach(field, fields) {
                r = read_key(s, *field, &type, err);
                if (r < 0)
                        return r;
        }
        r = find_source(s, type, err);
        if (r < 0)
                return r;
        if (s->path && stat(s->path, &st) < 0)
                return fail(err, errno, "cannot read the secret '%s' from '%s'", s->id, s->path);
        if (s->path && st.st_size > (off_t) SECRET_MAX)
                return refuse(err, EFBIG, "the secret '%s' is larger than %u KiB", s->id,
                              SECRET_MAX >> 10);
        return 0;
}

static int add_agent(BuildSecrets *list, const char *text, Err *err) {
        BuildSecret *agent = json_grow(&list->agents, &list->n_agents, sizeof *agent);
        const char *equals = strchr(text, '=');
        const char *path = equals ? equals + 1 : getenv("SSH_AUTH_SOCK");
        struct stat st;

        if (!agent)
                return fail(err, ENOMEM, "cannot use an agent");
        agent->id = strndup(text, strcspn(text, "="));
        if (!agent->id || (path && !(agent->path = strdup(path))))
                return fail(err, ENOMEM, "cannot use an agent");
        if (!*agent->id)
                return refuse(err, EINVAL, "--ssh '%s' has no id", text);
        if (str_empty(path))
                return err_hint(
                        err, refuse(err, ENOENT, "there is no SSH agent: SSH_AUTH_SOCK is empty"),
                        "start one: eval $(ssh-agent) && ssh-add");
        if (stat(path, &st) < 0)
                return fail(err, errno, "cannot use the SSH agent '%s'", path);
        if (!S_ISSOCK(st.st_mode))
                return err_hint(err, refuse(err, EINVAL, "'%s' is no socket of an SSH agent", path),
                                "isola holds no keys itself: ssh-add the key and give the agent's "
                                "socket");
        return 0;
}

int build_secrets_parse(const char *const *secrets, const char *const *agents, BuildSecrets *ret,
                        Err *err) {
        int r = 0;

        strv_foreach(text, secrets)
                if (r >= 0)
                        r = add_secret(ret, *text, err);
        strv_foreach(text, agents)
                if (r >= 0)
                        r = add_agent(ret, *text, err);
        return r;
}

int build_secret_read(const BuildSecrets *s, const char *id, char **ret, size_t *ret_size,
                      Err *err) {
        const BuildSecret *secret = find(s->secrets, s->n_secrets, id);
        const char *value;
        int r;

        if (!secret)
                return -ENOENT;
        if (secret->path) {
                r = file_read(AT_FDCWD, secret->path, SECRET_MAX, ret, ret_size);
                return r < 0 ? fail(err, r, "cannot read the secret '%s' from '%s'", id,
                                    secret->path)
                             : 0;
        }
        value = getenv(secret->variable);
        if (!value)
                return refuse(err, EINVAL,
                              "the secret '%s' is to come from the variable '%s', "
                              "which is not set",
                              id, secret->variable);
        *ret = strdup(value);
        *ret_size = strlen(value);
        return *ret ? 0 : fail(err, ENOMEM, "cannot read the secret '%s'", id);
}

const char *build_agent_socket(const BuildSecrets *s, const char *id) {
        const BuildSecret *agent = find(s->agents, s->n_agents, id);

        return agent ? agent->path : NULL;
}
