/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A parsed Dockerfile as a document, for editors and tests. */

#include "base/json.h"
#include "builder/containerfile.h"

/* An instruction's members in the order in which they are read. */
static const JsonField heredoc_fields[] = {
        JSON_STRING(Heredoc, name, "name", JSON_ALWAYS),
        JSON_STRING(Heredoc, content, "content", JSON_ALWAYS),
        JSON_BOOL(Heredoc, expand, "expand", JSON_ALWAYS),
        JSON_BOOL(Heredoc, chomp, "chomp", JSON_ALWAYS),
        JSON_INT(Heredoc, descriptor, "fileDescriptor", JSON_ALWAYS),
        {},
};
static const JsonType heredoc_type = { sizeof(Heredoc), heredoc_fields };

typedef struct Node {
        char *name;
        int line, last_line;
        char **comments, **flags, **args;
        bool json;
        char *text;
        Heredoc *heredocs;
        size_t n_heredocs;
} Node;

static const JsonField node_fields[] = {
        JSON_STRING(Node, name, "instruction"),
        JSON_INT(Node, line, "startLine"),
        JSON_INT(Node, last_line, "endLine"),
        JSON_STRINGS(Node, comments, "comments"),
        JSON_STRINGS(Node, flags, "flags", JSON_ALWAYS),
        JSON_STRINGS(Node, args, "args", JSON_ALWAYS),
        JSON_BOOL(Node, json, "json", JSON_ALWAYS),
        JSON_STRING(Node, text, "original"),
        JSON_ARRAY(Node, heredocs, Heredoc, "heredocs", &heredoc_type),
        {},
};
static const JsonType node_type = { sizeof(Node), node_fields };

typedef struct Tree {
        char *escape, *syntax, *check;
        Node *instructions;
        size_t n_instructions;
} Tree;

static const JsonField tree_fields[] = {
        JSON_STRING(Tree, escape, "escape"),
        JSON_STRING(Tree, syntax, "syntax"),
        JSON_STRING(Tree, check, "check"),
        JSON_ARRAY(Tree, instructions, Node, "instructions", &node_type, JSON_ALWAYS),
        {},
};
static const JsonType tree_type = { sizeof(Tree), tree_fields };

char *containerfile_json(const Containerfile *file) {
        char escape[] = { file->escape, 0 };
        Tree tree = { escape, file->syntax, file->check, NULL, file->n };
        autofree Node *nodes = calloc(file->n + 1, sizeof *nodes);

        if (!nodes)
                return NULL;
        tree.instructions = nodes;
        for (size_t i = 0; i < file->n; i++) {
                const Instruction *from = &file->instructions[i];

                nodes[i] = (Node){ .name = (char *) from->name,
                                   .line = from->line,
                                   .last_line = from->last_line,
                                   .comments = from->comments,
                                   .flags = from->flags,
                                   .args = from->args,
                                   .json = from->json,
                                   .text = from->text,
                                   .heredocs = from->heredocs,
                                   .n_heredocs = from->n_heredocs };
        }
        return json_text(&tree_type, &tree);
}
