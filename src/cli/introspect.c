/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "cli/help.h"
#include "cli/oci.h"
#include "cli/option.h"

static void put(json_t *object, const char *name, const char *text) {
        if (text)
                json_object_set_new(object, name, json_string(text));
}

static const char *kind_name(OptionKind kind) {
        static const char *const names[] = {
                [OPTION_FLAG] = "flag",     [OPTION_STRING] = "string", [OPTION_LIST] = "list",
                [OPTION_SIZE] = "size",     [OPTION_SPAN] = "span",     [OPTION_INT] = "integer",
                [OPTION_DOUBLE] = "number",
        };
        return names[kind];
}

static json_t *describe_options(const Option *table) {
        const char *group = NULL;
        json_t *list = json_array();

        for (const Option *o = table; o && o->kind; o++) {
                const char letter[2] = { o->short_name, 0 };
                json_t *option;

                if (o->kind == OPTION_GROUP) {
                        group = o->help;
                        continue;
                }
                if (!o->help)
                        continue;
                option = json_object();
                put(option, "long", o->name);
                put(option, "short", o->short_name ? letter : NULL);
                put(option, "kind", kind_name(o->kind));
                put(option, "value", o->value);
                put(option, "help", o->help);
                put(option, "completes", o->completes);
                put(option, "group", group);
                json_array_append_new(list, option);
        }
        return list;
}

static json_t *describe_aliases(const char *alias) {
        json_t *list = json_array();
        autostrv names = NULL;

        if (alias && strv_split(alias, ",", true, &names) < 0)
                return list;
        strv_foreach(name, names)
                json_array_append_new(list, json_string(*name));
        return list;
}

/* Programs within the program, which have options of their own before the command. */
static json_t *describe_families(void) {
        json_t *oci = json_object(), *list = json_array();

        put(oci, "name", "oci");
        put(oci, "summary",
            "The OCI runtime, for Podman, containerd, Docker and what drives it as they do");
        put(oci, "synopsis", "[OPTION...] COMMAND [ARGUMENT...]");
        json_object_set_new(oci, "options", describe_options(oci_globals()));
        json_array_append_new(list, oci);
        return list;
}

void help_introspect(const Option *global) {
        autofree const Command **list = command_list();
        json_t *document = json_object(), *commands = json_array();

        for (const Command **c = list; c && *c; c++) {
                json_t *command = json_object();

                if (!(*c)->hidden) {
                        put(command, "name", (*c)->name);
                        put(command, "group", (*c)->group);
                        put(command, "synopsis", (*c)->synopsis ? (*c)->synopsis : "");
                        put(command, "summary", (*c)->summary);
                        put(command, "completes", (*c)->completes);
                        json_object_set_new(command, "aliases", describe_aliases((*c)->alias));
                        json_object_set_new(command, "options", describe_options((*c)->options));
                        json_array_append(commands, command);
                }
                json_decref(command);
        }
        put(document, "program", "isola");
        put(document, "version", ISOLA_VERSION);
        json_object_set_new(document, "options", describe_options(global));
        json_object_set_new(document, "families", describe_families());
        json_object_set_new(document, "commands", commands);
        json_dumpf(document, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(document);
}
