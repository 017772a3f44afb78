/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Grammar, as in Go's text/template/parse:
 *
 *   action   = "if" pipe | "else" ["if" pipe | "with" pipe] | "end" | "range" pipe
 *            | "with" pipe | "break" | "continue" | pipe | comment
 *   pipe     = [variable ["," variable] (":=" | "=")] call {"|" call}
 *   call     = operand {operand}
 *   operand  = term {"." name}
 *   term     = literal | function | "." | variable | "(" pipe ")"
 *
 * Sentences of refusal are Go's own, so that what people find about them holds.
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/template.h"

#define VARIABLES_MAX 64
#define DEPTH_MAX     100 /* of parentheses and blocks; Go has its own limit for the same reason */

typedef struct Parser {
        Template *t;
        const char *next;
        const char *variables[VARIABLES_MAX]; /* declared so far, without '$'; borrowed */
        size_t n_variables;
        int depth, ranges;
        Err *err;
} Parser;

/* How a list of nodes ended. */
typedef enum Ending { END_OF_TEXT, END_OF_BLOCK, END_ELSE } Ending;

static int parse_pipe(Parser *p, const char *close, Pipe **ret);
static int parse_nodes(Parser *p, Node **ret, Ending *ending);

/* ---- freeing ---- */

static void pipe_free(Pipe *pipe);

static void operands_free(Operand *o) {
        while (o) {
                Operand *next = o->next;

                json_decref(o->value);
                free(o->name);
                strv_free(o->fields);
                pipe_free(o->pipe);
                free(o);
                o = next;
        }
}

static void pipe_free(Pipe *pipe) {
        if (!pipe)
                return;
        for (Call *c = pipe->calls; c;) {
                Call *next = c->next;

                operands_free(c->operands);
                free(c);
                c = next;
        }
        free(pipe->variables[0]);
        free(pipe->variables[1]);
        free(pipe);
}

static void nodes_free(Node *n) {
        while (n) {
                Node *next = n->next;

                pipe_free(n->pipe);
                nodes_free(n->body);
                nodes_free(n->otherwise);
                free(n);
                n = next;
        }
}

Template *template_free(Template *t) {
        if (t)
                nodes_free(t->nodes);
        free(t);
        return NULL;
}

/* ---- words ---- */

int template_line(const Template *t, const char *place) {
        int line = 1;

        for (const char *c = t->text; c < place; c++)
                line += *c == '\n';
        return line;
}

printf_like(2, 3) static int wrong(Parser *p, const char *format, ...) {
        autofree char *words = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&words, format, ap);
        va_end(ap);
        return refuse(p->err, EINVAL, "template: :%d: %s", template_line(p->t, p->next),
                      n < 0 ? "bad template" : words);
}

static int no_memory(Parser *p) {
        return fail(p->err, ENOMEM, "cannot read the template");
}

static bool is_name(char c) {
        return isalnum((unsigned char) c) || c == '_' || (unsigned char) c >= 0x80;
}

static size_t name_length(const char *s) {
        size_t n = 0;

        while (is_name(s[n]))
                n++;
        return n;
}

static void skip_blanks(Parser *p) {
        p->next += strspn(p->next, " \t\r\n");
}

/* "}}", or " -}}" with the blank that must stand before the minus. */
static bool at_close(const Parser *p) {
        if (strncmp(p->next, "}}", 2) == 0)
                return true;
        return strncmp(p->next, "-}}", 3) == 0 && p->next > p->t->text &&
               strchr(" \t\r\n", p->next[-1]);
}

static bool at_word(const Parser *p, const char *word) {
        size_t n = strlen(word);

        return strncmp(p->next, word, n) == 0 && !is_name(p->next[n]);
}

static bool take_word(Parser *p, const char *word) {
        if (!at_word(p, word))
                return false;
        p->next += strlen(word);
        skip_blanks(p);
        return true;
}

/* Go says what it met where it expected something else. */
static int unexpected(Parser *p, const char *context) {
        char c = *p->next;

        if (!c)
                return wrong(p, "unclosed action");
        if (at_close(p))
                return wrong(p, "unexpected \"}}\" in %s", context);
        if (is_name(c))
                return wrong(p, "unexpected <%.*s> in %s", (int) name_length(p->next), p->next,
                             context);
        if (c == '}')
                return wrong(p, "bad character U+007D '}'");
        return wrong(p, "unexpected \"%c\" in %s", c, context);
}

/* ---- literals ---- */

static void put_utf8(Str *s, unsigned code) {
        if (code < 0x80)
                str_put_char(s, (char) code);
        else if (code < 0x800) {
                str_put_char(s, (char) (0xc0 | code >> 6));
                str_put_char(s, (char) (0x80 | (code & 0x3f)));
        } else if (code < 0x10000) {
                str_put_char(s, (char) (0xe0 | code >> 12));
                str_put_char(s, (char) (0x80 | (code >> 6 & 0x3f)));
                str_put_char(s, (char) (0x80 | (code & 0x3f)));
        } else {
                str_put_char(s, (char) (0xf0 | code >> 18));
                str_put_char(s, (char) (0x80 | (code >> 12 & 0x3f)));
                str_put_char(s, (char) (0x80 | (code >> 6 & 0x3f)));
                str_put_char(s, (char) (0x80 | (code & 0x3f)));
        }
}

/* Reads an escape behind its backslash (Go spec, "Rune literals"); -EINVAL. */
static int take_escape(Parser *p, Str *s) {
        static const char plain[] = "a\ab\bf\fn\nr\rt\tv\v\\\\\"\"''";
        int digits = *p->next == 'x' ? 2 : *p->next == 'u' ? 4 : *p->next == 'U' ? 8 : 0;
        unsigned code = 0;

        for (size_t i = 0; !digits && plain[i]; i += 2)
                if (plain[i] == *p->next) {
                        str_put_char(s, plain[i + 1]);
                        p->next++;
                        return 0;
                }
        if (!digits)
                return -EINVAL;
        p->next++;
        for (int i = 0; i < digits; i++, p->next++) {
                static const char hex[] = "0123456789abcdef";
                const char *digit =
                        *p->next ? strchr(hex, tolower((unsigned char) *p->next)) : NULL;

                if (!digit)
                        return -EINVAL;
                code = code * 16 + (unsigned) (digit - hex);
        }
        if (code > 0x10ffff || (digits > 2 && code >= 0xd800 && code < 0xe000))
                return -EINVAL;
        if (digits == 2)
                str_put_char(s, (char) code);
        else
                put_utf8(s, code);
        return 0;
}

/* Reads up to the closing quote; the opening one is read already. */
static int take_quoted(Parser *p, char quote, Str *s) {
        const char *kind = quote == '\'' ? "character constant" : "quoted string";

        while (*p->next != quote) {
                if (!*p->next || *p->next == '\n')
                        return wrong(p, "unterminated %s", kind);
                if (*p->next != '\\') {
                        str_put_char(s, *p->next++);
                        continue;
                }
                p->next++;
                if (take_escape(p, s) < 0)
                        return wrong(p, "invalid syntax in %s", kind);
        }
        p->next++;
        return 0;
}

static int parse_string(Parser *p, Operand *o) {
        autofree char *text = NULL;
        autostr s = {};
        int r;

        if (*p->next == '`') {
                const char *end = strchr(p->next + 1, '`');

                if (!end)
                        return wrong(p, "unterminated raw quoted string");
                str_put_bytes(&s, p->next + 1, (size_t) (end - p->next - 1));
                p->next = end + 1;
        } else {
                p->next++;
                r = take_quoted(p, '"', &s);
                if (r < 0)
                        return r;
        }
        text = str_take(&s);
        o->value = text ? json_string_nocheck(text) : NULL;
        return o->value ? 0 : no_memory(p);
}

/* 'a' is the number of the character. */
static int parse_character(Parser *p, Operand *o) {
        autostr s = {};
        json_int_t code = 0;
        int r;

        p->next++;
        r = take_quoted(p, '\'', &s);
        if (r < 0)
                return r;
        if (s.length == 0)
                return wrong(p, "malformed character constant: ''");
        code = (unsigned char) s.text[0];
        if (code >= 0xc0) {
                code &= code >= 0xf0 ? 0x07 : code >= 0xe0 ? 0x0f : 0x1f;
                for (size_t i = 1; i < s.length; i++)
                        code = code << 6 | (s.text[i] & 0x3f);
        }
        o->value = json_integer(code);
        return o->value ? 0 : no_memory(p);
}

static int parse_number(Parser *p, Operand *o) {
        size_t n = *p->next == '-' || *p->next == '+';
        autofree char *text = NULL;
        char *end;

        while (is_name(p->next[n]) || p->next[n] == '.' ||
               (strchr("+-", p->next[n]) && p->next[n] && strchr("eE", p->next[n - 1]) &&
                p->next[1] != 'x'))
                n++;
        text = strndup(p->next, n);
        if (!text)
                return no_memory(p);

        errno = 0;
        if (strpbrk(text, ".") || (strpbrk(text, "eE") && !strpbrk(text, "xX")))
                o->value = json_real(strtod(text, &end));
        else
                o->value = json_integer(strtoll(text, &end, 0));
        if (end == text || *end)
                return wrong(p, "bad number syntax: \"%s\"", text);
        if (errno)
                return wrong(p, "integer overflow: %s", text);
        if (!o->value)
                return no_memory(p);
        p->next += n;
        return 0;
}

/* ---- operands ---- */

static int take_name(Parser *p, char **ret) {
        size_t n = name_length(p->next);

        *ret = strndup(p->next, n);
        p->next += n;
        return *ret ? 0 : no_memory(p);
}

static bool is_declared(const Parser *p, const char *name) {
        for (size_t i = 0; i < p->n_variables; i++)
                if (str_equal(p->variables[i], name))
                        return true;
        return !*name;
}

static int parse_variable(Parser *p, Operand *o) {
        int r;

        o->kind = OPERAND_VARIABLE;
        p->next++;
        r = take_name(p, &o->name);
        if (r < 0)
                return r;
        return is_declared(p, o->name) ? 0 : wrong(p, "undefined variable \"$%s\"", o->name);
}

static int parse_word(Parser *p, Operand *o) {
        int r;

        r = take_name(p, &o->name);
        if (r < 0)
                return r;
        o->value = str_equal(o->name, "true")    ? json_true()
                   : str_equal(o->name, "false") ? json_false()
                   : str_equal(o->name, "nil")   ? json_null()
                                                 : NULL;
        if (o->value)
                return 0;
        o->kind = OPERAND_FUNCTION;
        if (!template_function(o->name))
                return wrong(p, "function \"%s\" not defined", o->name);
        return 0;
}

static int parse_fields(Parser *p, Operand *o) {
        while (*p->next == '.') {
                size_t n = name_length(p->next + 1);

                if (n == 0)
                        return wrong(p, "unexpected <.> in operand");
                if (strv_take(&o->fields, strndup(p->next + 1, n)) < 0)
                        return no_memory(p);
                p->next += n + 1;
        }
        return 0;
}

static int parse_parentheses(Parser *p, Operand *o) {
        int r;

        o->kind = OPERAND_PIPE;
        p->next++;
        if (++p->depth > DEPTH_MAX)
                return wrong(p, "too many parentheses");
        r = parse_pipe(p, ")", &o->pipe);
        if (r < 0)
                return r;
        p->depth--;
        p->next++;
        return 0;
}

static int parse_dot(Parser *p, Operand *o) {
        o->kind = OPERAND_DOT;
        /* The dot itself; what follows a name's dot is read as a field. */
        if (name_length(p->next + 1) == 0)
                p->next++;
        return 0;
}

static int parse_term(Parser *p, Operand *o) {
        char c = *p->next;

        if (c == '"' || c == '`')
                return parse_string(p, o);
        if (c == '\'')
                return parse_character(p, o);
        if (isdigit((unsigned char) c) ||
            ((c == '-' || c == '+') && isdigit((unsigned char) p->next[1])))
                return parse_number(p, o);
        if (c == '.')
                return parse_dot(p, o);
        if (c == '$')
                return parse_variable(p, o);
        if (c == '(')
                return parse_parentheses(p, o);
        if (is_name(c))
                return parse_word(p, o);
        return unexpected(p, "command");
}

static int parse_operand(Parser *p, Operand **ret) {
        Operand *o = calloc(1, sizeof *o);
        int r;

        if (!o)
                return no_memory(p);
        *ret = o;
        o->source = p->next;
        r = parse_term(p, o);
        if (r < 0)
                return r;
        if (o->kind == OPERAND_VALUE || o->kind == OPERAND_FUNCTION) {
                if (*p->next == '.')
                        return wrong(p, "unexpected . after term \"%.*s\"",
                                     (int) (p->next - o->source), o->source);
        } else {
                r = parse_fields(p, o);
                if (r < 0)
                        return r;
        }
        o->length = (size_t) (p->next - o->source);
        return 0;
}

/* ---- pipelines ---- */

static bool at_end_of_call(const Parser *p, const char *close) {
        if (*p->next == '|' || !*p->next)
                return true;
        return close ? str_after(p->next, close) != NULL : at_close(p);
}

static int parse_call(Parser *p, const char *close, Call *call) {
        Operand **end = &call->operands;
        int r;

        for (;;) {
                const char *before;

                skip_blanks(p);
                if (at_end_of_call(p, close))
                        break;
                if (close && at_close(p))
                        return wrong(p, "unclosed left paren");
                /* Operands are parted by blanks. */
                before = p->next;
                if (call->operands && !strchr(" \t\r\n", before[-1]))
                        return unexpected(p, "operand");
                r = parse_operand(p, end);
                if (r < 0)
                        return r;
                end = &(*end)->next;
        }
        return 0;
}

/* "$x :=", "$k, $v :=" and "$x =" before a pipeline; nothing is taken if there is no such thing. */
static int parse_declaration(Parser *p, Pipe *pipe) {
        const char *start = p->next;
        size_t length[2] = {};
        const char *name[2] = {};
        int n = 0;

        while (n < 2 && *p->next == '$') {
                name[n] = p->next + 1;
                length[n] = name_length(name[n]);
                p->next = name[n] + length[n];
                n++;
                skip_blanks(p);
                if (*p->next != ',')
                        break;
                p->next++;
                skip_blanks(p);
        }
        pipe->assigns = *p->next == '=';
        if (n == 0 || !(pipe->assigns || strncmp(p->next, ":=", 2) == 0)) {
                p->next = start;
                pipe->assigns = false;
                return 0;
        }
        p->next += pipe->assigns ? 1 : 2;

        pipe->n_variables = n;
        for (int i = 0; i < n; i++) {
                pipe->variables[i] = strndup(name[i], length[i]);
                if (!pipe->variables[i])
                        return no_memory(p);
                if (pipe->assigns && !is_declared(p, pipe->variables[i]))
                        return wrong(p, "undefined variable \"$%s\"", pipe->variables[i]);
        }
        return 0;
}

static int check_call(Parser *p, const Call *call, const Pipe *pipe, const char *context) {
        const Operand *first = call->operands;

        if (!first)
                return wrong(p, "missing value for %s", call == pipe->calls ? context : "command");
        if (first->kind == OPERAND_VALUE && json_is_null(first->value))
                return wrong(p, "nil is not a command");
        if (first->kind == OPERAND_VALUE && call != pipe->calls)
                return wrong(p, "non executable command in pipeline stage 2");
        return 0;
}

/* Reads up to @close (")" or NULL for the end of the action), which is not taken. */
static int parse_calls(Parser *p, const char *close, Pipe *pipe, const char *context) {
        Call **end = &pipe->calls;
        int r;

        for (;;) {
                Call *call = calloc(1, sizeof *call);

                if (!call)
                        return no_memory(p);
                *end = call;
                end = &call->next;
                r = parse_call(p, close, call);
                if (r >= 0)
                        r = check_call(p, call, pipe, context);
                if (r < 0)
                        return r;
                if (*p->next != '|')
                        break;
                p->next++;
        }
        if (!*p->next)
                return wrong(p, close ? "unclosed left paren" : "unclosed action");
        return 0;
}

static int parse_pipe_for(Parser *p, const char *close, const char *context, Pipe **ret) {
        Pipe *pipe = calloc(1, sizeof *pipe);
        int r;

        if (!pipe)
                return no_memory(p);
        *ret = pipe;
        skip_blanks(p);
        r = parse_declaration(p, pipe);
        if (r < 0)
                return r;
        r = parse_calls(p, close, pipe, context);
        if (r < 0)
                return r;

        for (int i = 0; i < pipe->n_variables && !pipe->assigns; i++) {
                if (p->n_variables == VARIABLES_MAX)
                        return wrong(p, "too many variables");
                p->variables[p->n_variables++] = pipe->variables[i];
        }
        return 0;
}

static int parse_pipe(Parser *p, const char *close, Pipe **ret) {
        return parse_pipe_for(p, close, "parenthesized pipeline", ret);
}

/* ---- actions ---- */

static int take_close(Parser *p) {
        bool trim = *p->next == '-';

        if (!at_close(p))
                return unexpected(p, "command");
        p->next += trim ? 3 : 2;
        if (trim)
                skip_blanks(p);
        return 0;
}

static int parse_otherwise(Parser *p, Node *node);

/* What stands between {{if}}, {{range}} or {{with}} and its {{end}}. */
static int parse_block(Parser *p, Node *node, const char *word) {
        size_t outer = p->n_variables;
        Ending ending;
        int r;

        if (++p->depth > DEPTH_MAX)
                return wrong(p, "blocks are nested too deeply");
        r = parse_pipe_for(p, NULL, word, &node->pipe);
        if (r < 0)
                return r;
        if (node->pipe->n_variables > 1 && node->kind != NODE_RANGE)
                return wrong(p, "unexpected \",\" in %s", word);
        r = take_close(p);
        if (r < 0)
                return r;

        p->ranges += node->kind == NODE_RANGE;
        r = parse_nodes(p, &node->body, &ending);
        p->ranges -= node->kind == NODE_RANGE;
        if (r < 0)
                return r;
        if (ending == END_ELSE)
                r = parse_otherwise(p, node);
        else if (ending == END_OF_TEXT)
                r = wrong(p, "unexpected EOF");
        p->n_variables = outer;
        p->depth--;
        return r;
}

/* Behind the word "else" of a block. */
static int parse_otherwise(Parser *p, Node *node) {
        Ending ending;
        bool is_if = node->kind == NODE_IF && at_word(p, "if");
        bool is_with = node->kind == NODE_WITH && at_word(p, "with");
        int r;

        if (is_if || is_with) {
                /* {{else if}} is {{else}}{{if}} with one {{end}} for both. */
                node->otherwise = calloc(1, sizeof *node);
                if (!node->otherwise)
                        return no_memory(p);
                node->otherwise->kind = node->kind;
                take_word(p, is_if ? "if" : "with");
                return parse_block(p, node->otherwise, is_if ? "if" : "with");
        }

        r = take_close(p);
        if (r < 0)
                return r;
        r = parse_nodes(p, &node->otherwise, &ending);
        if (r < 0)
                return r;
        if (ending == END_ELSE)
                return wrong(p, "expected end; found {{else}}");
        return ending == END_OF_TEXT ? wrong(p, "unexpected EOF") : 0;
}

static int parse_jump(Parser *p, Node *node) {
        bool is_break = node->kind == NODE_BREAK;

        if (p->ranges == 0)
                return wrong(p, "{{%s}} outside {{range}}", is_break ? "break" : "continue");
        return take_close(p);
}

/* Reads one action that prints or controls; its opening is read already. */
static int parse_action(Parser *p, Node *node) {
        static const struct {
                const char *word;
                NodeKind kind;
        } blocks[] = {
                { "if", NODE_IF },
                { "range", NODE_RANGE },
                { "with", NODE_WITH },
        };
        int r;

        for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
                if (take_word(p, blocks[i].word)) {
                        node->kind = blocks[i].kind;
                        return parse_block(p, node, blocks[i].word);
                }
        if (at_word(p, "break") || at_word(p, "continue")) {
                node->kind = at_word(p, "break") ? NODE_BREAK : NODE_CONTINUE;
                take_word(p, node->kind == NODE_BREAK ? "break" : "continue");
                return parse_jump(p, node);
        }
        if (at_word(p, "define") || at_word(p, "template") || at_word(p, "block"))
                return wrong(p, "{{%.*s}} is not supported: write it in place",
                             (int) name_length(p->next), p->next);

        node->kind = NODE_PRINT;
        r = parse_pipe_for(p, NULL, "command", &node->pipe);
        return r < 0 ? r : take_close(p);
}

static int skip_comment(Parser *p) {
        const char *end = strstr(p->next, "*/");

        if (!end)
                return wrong(p, "unclosed comment");
        p->next = end + 2;
        skip_blanks(p);
        if (!at_close(p))
                return wrong(p, "comment ends before closing delimiter");
        return take_close(p);
}

static int add_node(Parser *p, Node ***end, Node **ret) {
        Node *node = calloc(1, sizeof *node);

        if (!node)
                return no_memory(p);
        **end = node;
        *end = &node->next;
        *ret = node;
        return 0;
}

/* Takes "{{" and, if it is "{{- ", the blanks at the end of the text before it. */
static void take_open(Parser *p, Node *text) {
        p->next += 2;
        if (*p->next == '-' && p->next[1] && strchr(" \t\r\n", p->next[1])) {
                p->next++;
                while (text && text->length > 0 && strchr(" \t\r\n", text->text[text->length - 1]))
                        text->length--;
        }
        skip_blanks(p);
}

static int parse_text(Parser *p, Node ***end, Node **ret) {
        const char *open = strstr(p->next, "{{");
        size_t n = open ? (size_t) (open - p->next) : strlen(p->next);
        int r;

        *ret = NULL;
        if (n == 0)
                return 0;
        r = add_node(p, end, ret);
        if (r < 0)
                return r;
        (*ret)->kind = NODE_TEXT;
        (*ret)->text = p->next;
        (*ret)->length = n;
        p->next += n;
        return 0;
}

/* Reads until {{end}} or {{else}} of the block around, or the end of the text. */
static int parse_nodes(Parser *p, Node **ret, Ending *ending) {
        Node **end = ret;
        int r;

        for (;;) {
                Node *text, *node;

                r = parse_text(p, &end, &text);
                if (r < 0)
                        return r;
                if (!*p->next) {
                        *ending = END_OF_TEXT;
                        return 0;
                }
                take_open(p, text);
                if (strncmp(p->next, "/*", 2) == 0)
                        r = skip_comment(p);
                else if (take_word(p, "end")) {
                        *ending = END_OF_BLOCK;
                        return take_close(p);
                } else if (take_word(p, "else")) {
                        *ending = END_ELSE;
                        return 0;
                } else {
                        r = add_node(p, &end, &node);
                        if (r >= 0)
                                r = parse_action(p, node);
                }
                if (r < 0)
                        return r;
        }
}

int template_parse(const char *text, Template **ret, Err *err) {
        autoptr(Template) t = calloc(1, sizeof *t);
        Parser p = { .t = t, .next = text, .err = err };
        Ending ending;
        int r;

        if (!t)
                return fail(err, ENOMEM, "cannot read the template");
        t->text = text;
        r = parse_nodes(&p, &t->nodes, &ending);
        if (r < 0)
                return r;
        if (ending == END_OF_BLOCK)
                return wrong(&p, "unexpected {{end}}");
        if (ending == END_ELSE)
                return wrong(&p, "unexpected {{else}}");
        *ret = take_ptr(t);
        return 0;
}
