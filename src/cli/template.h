/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Go's text/template, the part that people use in --format
 *
 * A template is parsed into nodes (template_parse.c) that are run over a JSON
 * value (template_run.c, template_functions.c) and printed as Go's fmt would
 * (template_print.c).  Only these four files include this header; everybody
 * else calls template_render() of format.h.
 *
 * What JSON cannot tell apart is decided so: null and a missing member print
 * "<no value>"; an object all of whose members begin with a capital is taken
 * for a Go struct, of which a missing member is an error rather than "<no
 * value>": a mistyped {{.Nmaes}} must not look like an empty answer.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"

typedef struct Pipe Pipe;

typedef enum OperandKind {
        OPERAND_VALUE,    /* a literal: value */
        OPERAND_DOT,      /* . and .A.B: fields */
        OPERAND_VARIABLE, /* $x and $x.A: name, fields */
        OPERAND_FUNCTION, /* name */
        OPERAND_PIPE,     /* (...) and (...).A: pipe, fields */
} OperandKind;

typedef struct Operand {
        OperandKind kind;
        const char *source; /* where it stands, for messages */
        size_t length;
        json_t *value;
        char *name;
        Pipe *pipe;
        char **fields;
        struct Operand *next;
} Operand;

/* One member of a pipeline: an operand with its arguments behind it. */
typedef struct Call {
        Operand *operands;
        struct Call *next;
} Call;

struct Pipe {
        char *variables[2]; /* $k, $v := ... */
        int n_variables;
        bool assigns; /* = instead of := */
        Call *calls;
};

typedef enum NodeKind {
        NODE_TEXT,
        NODE_PRINT,
        NODE_IF,
        NODE_RANGE,
        NODE_WITH,
        NODE_BREAK,
        NODE_CONTINUE,
} NodeKind;

typedef struct Node {
        NodeKind kind;
        const char *text;
        size_t length;
        Pipe *pipe;
        struct Node *body, *otherwise, *next;
} Node;

typedef struct Template {
        const char *text; /* the caller's */
        Node *nodes;
} Template;

int template_parse(const char *text, Template **ret, Err *err);
Template *template_free(Template *t);
DEFINE_AUTOPTR(Template, template_free)

/* "template: :LINE" of a place in the text; for messages. */
int template_line(const Template *t, const char *place);

/* Runs over @value and appends to @out. */
int template_run(const Template *t, json_t *value, Str *out, Err *err);

typedef int (*TemplateFunction)(json_t *const *args, size_t n, json_t **ret, Err *err);
/* NULL if there is none; "and" and "or" are known but run by template_run(). */
TemplateFunction template_function(const char *name);

/* True unless false, 0, "", null or empty. */
bool template_truth(const json_t *value);
/* As fmt.Print does. */
void template_print(Str *out, const json_t *value);
/* As fmt.Printf does: complaints such as "%!d(string=x)" are part of the text. */
void template_printf(Str *out, const char *format, json_t *const *args, size_t n);
/* "int", "string", "map[string]interface {}": what Go would call it. */
const char *template_type(const json_t *value);
/* Keys of an object, sorted; NULL-terminated, owned by the caller, the keys by the object. */
const char **template_keys(const json_t *object);
/* Compact JSON as {{json}} prints it; owned by the caller. */
char *template_json(const json_t *value);
