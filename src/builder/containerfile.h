/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Dockerfiles, as text becomes instructions
 *
 * containerfile.c knows lines: the parser directives, comments, continuation,
 * the bodies of here-documents.  instruction.c knows the instructions: one table
 * row says how an instruction's arguments are written and which flags it takes,
 * and a new one is a new row.  Both follow BuildKit's parser
 * (frontend/dockerfile/parser), which is what everybody's files are written for.
 * Nothing is ever ignored.
 *
 * Arguments are kept as written; variables are put in when a step is carried
 * out, because only then their values are known (expand.h).
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"

typedef enum InstructionKind {
        INSTRUCTION_ADD,
        INSTRUCTION_ARG,
        INSTRUCTION_CMD,
        INSTRUCTION_COPY,
        INSTRUCTION_ENTRYPOINT,
        INSTRUCTION_ENV,
        INSTRUCTION_EXPOSE,
        INSTRUCTION_FROM,
        INSTRUCTION_HEALTHCHECK,
        INSTRUCTION_LABEL,
        INSTRUCTION_MAINTAINER,
        INSTRUCTION_ONBUILD,
        INSTRUCTION_RUN,
        INSTRUCTION_SHELL,
        INSTRUCTION_STOPSIGNAL,
        INSTRUCTION_USER,
        INSTRUCTION_VOLUME,
        INSTRUCTION_WORKDIR,
} InstructionKind;

/* A here-document: `<<NAME` in the instruction, and the lines below it up to NAME. */
typedef struct Heredoc {
        char *name;    /* without its quotes */
        char *content; /* as it stands in the file, line breaks included */
        bool expand;   /* variables are put in: the name was not quoted */
        bool chomp;    /* <<-: tabs at the beginning of lines are no part of it */
        int descriptor;
} Heredoc;

typedef struct Instruction {
        InstructionKind kind;
        const char *name;    /* in capitals; static */
        int line, last_line; /* where it begins and ends, from 1 */
        char *word;          /* the name as it is written */
        char *text;          /* the whole instruction on one line, as `build` echoes it */
        char *rest;          /* what follows the word and its flags */
        char **flags;        /* "chown=1:2", "link" */
        char **args;         /* for ENV and LABEL: name, value, name, value … */
        bool json;           /* args were written as a JSON list */
        bool old_pairs;      /* ENV and LABEL: written as `name the rest` */
        bool empty_lines;    /* it is continued over an empty line */
        char **comments;     /* those right above it, without the '#' */
        Heredoc *heredocs;
        size_t n_heredocs;
} Instruction;

typedef struct Containerfile {
        char *place;  /* how errors call it */
        char escape;  /* '\\' or '`' */
        char *syntax; /* of the directives: what they say, or NULL */
        char *check;
        Instruction *instructions;
        size_t n;
} Containerfile;

/**
 * containerfile_parse() - read a Dockerfile
 * @text:	@size bytes
 * @place:	what errors begin with: "Dockerfile:3: unknown instruction 'COYP'; …"
 *
 * Return: 0; -EINVAL for what is not a Dockerfile, -EOPNOTSUPP for what this version
 * does not build.
 */
int containerfile_parse(const char *text, size_t size, const char *place, Containerfile **ret,
                        Err *err);
Containerfile *containerfile_free(Containerfile *file);
DEFINE_AUTOPTR(Containerfile, containerfile_free)

/**
 * containerfile_parse_trigger() - read what ONBUILD keeps
 * @text:	one instruction, with the bodies of its here-documents below it
 */
int containerfile_parse_trigger(const char *text, Containerfile **ret, Err *err);

/* The document that `isola build --print-ast` prints; owned by the caller; NULL without memory. */
char *containerfile_json(const Containerfile *file);

/**
 * instruction_parse() - read one instruction
 * @text:	on one line, without comments and continuation
 * @escape:	the file's escape character
 * @ret:	zeroed; its line is left as it is; its here-documents have no content yet; to be
 *		cleared also after a failure
 */
int instruction_parse(const char *text, char escape, Instruction *ret, Err *err);
void instruction_clear(Instruction *instruction);

/* The value of --name, "" for a flag without one, NULL if it was not given. */
const char *instruction_flag(const Instruction *instruction, const char *name);
/* The values of a flag that may be given several times, owned by the caller. */
int instruction_flags(const Instruction *instruction, const char *name, char ***ret);
/* A flag that needs no value: given, or given as true.  -EINVAL for another value. */
int instruction_flag_is_set(const Instruction *instruction, const char *name, Err *err);

/* The here-document that a word such as `<<EOF` stands for, or NULL. */
const Heredoc *instruction_heredoc(const Instruction *instruction, const char *word, char escape);
/* What it holds, without the tabs that it is to lose; owned by the caller; NULL without memory. */
char *heredoc_text(const Heredoc *heredoc);

/* Splits into words as ARG, ENV and LABEL do: quotes hold a word together and stay in it. */
int containerfile_words(const char *text, char escape, char ***ret);
