/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "cli/template.h"

#define VARIABLES_MAX 256
#define ARGUMENTS_MAX 64

typedef struct Variable {
        const char *name; /* borrowed from the node that declares it */
        json_t *value;    /* owned */
} Variable;

typedef struct Run {
        const Template *t;
        json_t *root;
        Variable variables[VARIABLES_MAX];
        size_t n_variables;
        Str *out;
        Err *err;
} Run;

/* What running a list of nodes ends with, when not with an error. */
enum { RUN_ON = 0, RUN_BREAK = 1, RUN_CONTINUE = 2 };

static int run_pipe(Run *run, const Pipe *pipe, json_t *dot, json_t **ret);
static int run_nodes(Run *run, const Node *node, json_t *dot);

/* ---- words ---- */

static int prefix(Run *run, const Operand *at, int code) {
        const char *line = at->source;

        while (line > run->t->text && line[-1] != '\n')
                line--;
        return err_prefix(run->err, code, "template: :%d:%d: executing \"\" at <%.*s>",
                          template_line(run->t, at->source), (int) (at->source - line),
                          (int) at->length, at->source);
}

printf_like(3, 4) static int wrong(Run *run, const Operand *at, const char *format, ...) {
        autofree char *words = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&words, format, ap);
        va_end(ap);
        return prefix(run, at, refuse(run->err, EINVAL, "%s", n < 0 ? "cannot be run" : words));
}

static int no_memory(Run *run) {
        return fail(run->err, ENOMEM, "cannot run the template");
}

/* ---- variables ---- */

static int declare(Run *run, const char *name, json_t *value) {
        if (run->n_variables == VARIABLES_MAX)
                return refuse(run->err, EINVAL, "template: too many variables");
        run->variables[run->n_variables++] = (Variable){ name, json_incref(value) };
        return 0;
}

static void forget(Run *run, size_t n) {
        while (run->n_variables > n)
                json_decref(run->variables[--run->n_variables].value);
}

static Variable *find_variable(Run *run, const char *name) {
        for (size_t i = run->n_variables; i-- > 0;)
                if (str_equal(run->variables[i].name, name))
                        return &run->variables[i];
        return NULL;
}

static int set_variable(Run *run, const Pipe *pipe, int i, json_t *value) {
        Variable *v;

        if (!pipe->assigns)
                return declare(run, pipe->variables[i], value);
        v = find_variable(run, pipe->variables[i]);
        if (v) {
                json_decref(v->value);
                v->value = json_incref(value);
        }
        return 0;
}

/* ---- fields ---- */

/* All members of Go's structs that a template can see begin with a capital; labels do not. */
static bool is_struct(const json_t *object) {
        const char *key;
        json_t *value;

        json_object_foreach((json_t *) object, key,
                            value) if (!isupper((unsigned char) *key) && *key != '.') return false;
        return json_object_size(object) > 0;
}

/* Returns a borrowed value; json null where there is none and that is no mistake. */
static int get_field(Run *run, const Operand *at, json_t *value, const char *name, json_t **ret) {
        json_t *member;

        if (json_is_null(value)) {
                *ret = json_null();
                return 0;
        }
        if (!json_is_object(value))
                return wrong(run, at, "can't evaluate field %s in type %s", name,
                             template_type(value));

        member = json_object_get(value, name);
        if (!member && isupper((unsigned char) *name) && is_struct(value))
                return wrong(run, at, "map has no entry for key \"%s\"", name);
        *ret = member ? member : json_null();
        return 0;
}

/* Docker's heading for {{.Label "com.example.the-key"}}: "the key". */
static json_t *label_heading(const char *key) {
        const char *dot = strrchr(key, '.');
        autofree char *text = strdup(dot ? dot + 1 : key);

        for (char *c = text; c && *c; c++)
                *c = *c == '-' || *c == '_' ? ' ' : *c;
        return text ? json_string(text) : NULL;
}

/* {{.Label "key"}}: the only method there is; a row that has it holds the object ".Label". */
static int call_method(Run *run, const Operand *at, json_t *value, const char *name,
                       json_t *argument, json_t **ret) {
        autofree char *hidden = str_format(".%s", name);
        json_t *table = hidden ? json_object_get(value, hidden) : NULL, *entry;

        if (!table || !json_is_string(argument))
                return wrong(run, at, "%s has arguments but cannot be invoked as function", name);
        entry = json_object_get(table, json_string_value(argument));
        *ret = json_is_true(table) ? label_heading(json_string_value(argument))
               : entry             ? json_incref(entry)
                                   : json_string("");
        return *ret ? 0 : no_memory(run);
}

/* Where an operand's fields begin: a new reference. */
static int run_base(Run *run, const Operand *o, json_t *dot, json_t **ret) {
        Variable *v;

        switch (o->kind) {
        case OPERAND_VALUE:
                *ret = json_incref(o->value);
                return 0;
        case OPERAND_PIPE:
                return run_pipe(run, o->pipe, dot, ret);
        case OPERAND_VARIABLE:
                v = *o->name ? find_variable(run, o->name) : NULL;
                *ret = json_incref(v ? v->value : run->root);
                return 0;
        default:
                *ret = json_incref(dot);
                return 0;
        }
}

/* Follows the fields of @o; @argument (may be NULL) is given to the last one. */
static int run_fields(Run *run, const Operand *o, json_t *base, json_t *argument, json_t **ret) {
        json_t *value = base;
        int r;

        strv_foreach(field, o->fields) {
                if (argument && !field[1])
                        return call_method(run, o, value, *field, argument, ret);
                r = get_field(run, o, value, *field, &value);
                if (r < 0)
                        return r;
        }
        *ret = json_incref(value);
        return 0;
}

static int run_call(Run *run, const Call *call, json_t *dot, json_t *final, json_t **ret);

static int run_operand(Run *run, const Operand *o, json_t *dot, json_t *argument, json_t **ret) {
        json_t *base;
        int r;

        if (o->kind == OPERAND_FUNCTION) {
                Operand alone = *o;

                alone.next = NULL;
                return run_call(run, &(Call){ .operands = &alone }, dot, NULL, ret);
        }
        r = run_base(run, o, dot, &base);
        if (r < 0)
                return r;
        r = run_fields(run, o, base, argument, ret);
        json_decref(base);
        return r;
}

/* ---- calls ---- */

static void drop(json_t **values, size_t n) {
        for (size_t i = 0; i < n; i++)
                json_decref(values[i]);
}

/* "and" and "or" stop at the first argument that decides. */
static int run_short_circuit(Run *run, const Operand *first, json_t *dot, json_t *final,
                             json_t **ret) {
        bool wanted = str_equal(first->name, "or");
        json_t *value = NULL;
        int r;

        for (const Operand *o = first->next; o; o = o->next) {
                json_decref(value);
                value = NULL;
                r = run_operand(run, o, dot, NULL, &value);
                if (r < 0)
                        return r;
                if (template_truth(value) == wanted) {
                        *ret = value;
                        return 0;
                }
        }
        if (final) {
                json_decref(value);
                value = json_incref(final);
        }
        if (!value)
                return wrong(run, first, "wrong number of args for %s: want at least 1 got 0",
                             first->name);
        *ret = value;
        return 0;
}

/* A call's place is all of it, arguments included. */
static Operand whole_call(const Operand *first) {
        Operand whole = *first;

        for (const Operand *o = first; o; o = o->next)
                whole.length = (size_t) (o->source + o->length - first->source);
        return whole;
}

static int run_function(Run *run, const Operand *first, json_t *dot, json_t *final, json_t **ret) {
        TemplateFunction function = template_function(first->name);
        const Operand whole = whole_call(first);
        json_t *args[ARGUMENTS_MAX];
        size_t n = 0;
        int r = 0;

        if (str_equal(first->name, "and") || str_equal(first->name, "or"))
                return run_short_circuit(run, first, dot, final, ret);

        for (const Operand *o = first->next; o && r >= 0; o = o->next) {
                if (n + 1 == ARGUMENTS_MAX)
                        r = wrong(run, o, "too many arguments");
                else
                        r = run_operand(run, o, dot, NULL, &args[n]);
                n += r >= 0;
        }
        if (r >= 0 && final)
                args[n++] = json_incref(final);
        if (r >= 0) {
                r = function(args, n, ret, run->err);
                if (r < 0 && r != -E2BIG)
                        err_prefix(run->err, r, "error calling %s", first->name);
                if (r < 0)
                        prefix(run, &whole, r);
        }
        drop(args, n);
        return r;
}

/* @final: what the call before it in the pipeline gave, its last argument; or NULL. */
static int run_call(Run *run, const Call *call, json_t *dot, json_t *final, json_t **ret) {
        const Operand *first = call->operands;
        json_t *argument = NULL;
        int r;

        if (first->kind == OPERAND_FUNCTION)
                return run_function(run, first, dot, final, ret);
        if (!first->next && !final)
                return run_operand(run, first, dot, NULL, ret);

        if (first->kind == OPERAND_VALUE || !first->fields)
                return wrong(run, first, "can't give argument to non-function %.*s",
                             (int) first->length, first->source);
        if (first->next && (first->next->next || final))
                return wrong(run, first, "wrong number of arguments");
        if (first->next) {
                r = run_operand(run, first->next, dot, NULL, &argument);
                if (r < 0)
                        return r;
        }
        r = run_operand(run, first, dot, argument ? argument : final, ret);
        json_decref(argument);
        return r;
}

static int run_pipe(Run *run, const Pipe *pipe, json_t *dot, json_t **ret) {
        json_t *value = NULL;
        int r;

        for (const Call *call = pipe->calls; call; call = call->next) {
                json_t *next = NULL;

                r = run_call(run, call, dot, value, &next);
                json_decref(value);
                if (r < 0)
                        return r;
                value = next;
        }
        *ret = value;
        return 0;
}

/* A pipeline whose variables, all of the same value, are declared or set. */
static int run_declaring_pipe(Run *run, const Pipe *pipe, json_t *dot, json_t **ret) {
        int r;

        r = run_pipe(run, pipe, dot, ret);
        for (int i = 0; i < pipe->n_variables && r >= 0; i++) {
                r = set_variable(run, pipe, i, *ret);
                if (r < 0)
                        json_decref(*ret);
        }
        return r;
}

/* ---- actions ---- */

static int run_print(Run *run, const Pipe *pipe, json_t *dot) {
        json_t *value;
        int r;

        r = run_declaring_pipe(run, pipe, dot, &value);
        if (r < 0)
                return r;
        if (pipe->n_variables == 0)
                template_print(run->out, value);
        json_decref(value);
        return 0;
}

static int run_condition(Run *run, const Node *node, json_t *dot) {
        size_t outer = run->n_variables;
        json_t *value;
        int r;

        r = run_declaring_pipe(run, node->pipe, dot, &value);
        if (r < 0)
                return r;
        if (template_truth(value))
                r = run_nodes(run, node->body, node->kind == NODE_WITH ? value : dot);
        else
                r = run_nodes(run, node->otherwise, dot);
        json_decref(value);
        forget(run, outer);
        return r;
}

/* One turn of {{range}}; returns RUN_ON or RUN_BREAK. */
static int run_turn(Run *run, const Node *node, json_t *key, json_t *element) {
        const Pipe *pipe = node->pipe;
        size_t outer = run->n_variables;
        int r = 0;

        /* One variable is the element, two are key and element. */
        if (pipe->n_variables == 2)
                r = set_variable(run, pipe, 0, key);
        if (r >= 0 && pipe->n_variables > 0)
                r = set_variable(run, pipe, pipe->n_variables - 1, element);
        if (r >= 0)
                r = run_nodes(run, node->body, element);
        forget(run, outer);
        return r == RUN_CONTINUE ? RUN_ON : r;
}

static int run_turn_at(Run *run, const Node *node, json_int_t i, json_t *element) {
        json_t *key = json_integer(i);
        int r;

        if (!key)
                return no_memory(run);
        r = run_turn(run, node, key, element ? element : key);
        json_decref(key);
        return r;
}

static int range_object(Run *run, const Node *node, json_t *object) {
        autofree const char **keys = template_keys(object);
        int r = RUN_ON;

        if (!keys)
                return no_memory(run);
        for (const char **key = keys; *key && r == RUN_ON; key++) {
                json_t *name = json_string_nocheck(*key);

                if (!name)
                        return no_memory(run);
                r = run_turn(run, node, name, json_object_get(object, *key));
                json_decref(name);
        }
        return r;
}

static int range_over(Run *run, const Node *node, json_t *value) {
        int r = RUN_ON;

        if (json_is_object(value))
                return range_object(run, node, value);
        if (json_is_integer(value)) {
                for (json_int_t i = 0; i < json_integer_value(value) && r == RUN_ON; i++)
                        r = run_turn_at(run, node, i, NULL);
                return r;
        }
        if (!json_is_array(value))
                return wrong(run, node->pipe->calls->operands, "range can't iterate over %s",
                             json_is_string(value) ? json_string_value(value)
                                                   : template_type(value));
        for (size_t i = 0; i < json_array_size(value) && r == RUN_ON; i++)
                r = run_turn_at(run, node, (json_int_t) i, json_array_get(value, i));
        return r;
}

static int run_range(Run *run, const Node *node, json_t *dot) {
        size_t outer = run->n_variables;
        json_t *value;
        int r;

        r = run_pipe(run, node->pipe, dot, &value);
        if (r < 0)
                return r;
        if ((template_truth(value) && json_integer_value(value) >= 0) ||
            (!json_is_null(value) && !json_is_object(value) && !json_is_array(value) &&
             !json_is_integer(value)))
                r = range_over(run, node, value);
        else
                r = run_nodes(run, node->otherwise, dot);
        json_decref(value);
        forget(run, outer);
        return r == RUN_BREAK ? RUN_ON : r;
}

static int run_nodes(Run *run, const Node *node, json_t *dot) {
        int r = RUN_ON;

        for (; node && r == RUN_ON; node = node->next)
                switch (node->kind) {
                case NODE_TEXT:
                        str_put_bytes(run->out, node->text, node->length);
                        break;
                case NODE_PRINT:
                        r = run_print(run, node->pipe, dot);
                        break;
                case NODE_IF:
                case NODE_WITH:
                        r = run_condition(run, node, dot);
                        break;
                case NODE_RANGE:
                        r = run_range(run, node, dot);
                        break;
                case NODE_BREAK:
                        return RUN_BREAK;
                case NODE_CONTINUE:
                        return RUN_CONTINUE;
                }
        return r;
}

int template_run(const Template *t, json_t *value, Str *out, Err *err) {
        autofree Run *run = calloc(1, sizeof *run);
        int r;

        if (!run)
                return fail(err, ENOMEM, "cannot run the template");
        run->t = t;
        run->root = value;
        run->out = out;
        run->err = err;
        r = run_nodes(run, t->nodes, value);
        forget(run, 0);
        if (r >= 0 && out->failed)
                return no_memory(run);
        return r < 0 ? r : 0;
}
