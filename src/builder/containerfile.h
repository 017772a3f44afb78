/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Dockerfiles, as text becomes instructions
 *
 * containerfile.c knows lines: the parser directives, comments, continuation.
 * instruction.c knows the instructions: one table row says how an
 * instruction's arguments are written and which flags it takes, and a new one
 * is a new row.  Both follow BuildKit's parser (frontend/dockerfile/parser),
 * which is what everybody's files are written for.  What is part of the
 * language but not built yet is refused here, by name and line: nothing is
 * ever ignored.
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

typedef struct Instruction {
        InstructionKind kind;
        const char *name; /* in capitals; static */
        int line;         /* where it begins, from 1 */
        char *text;       /* the whole instruction on one line, as `build` echoes it */
        char *rest;       /* what follows the word and its flags */
        char **flags;     /* "chown=1:2", "link" */
        char **args;      /* for ENV and LABEL: name, value, name, value … */
        bool json;        /* args were written as a JSON list */
} Instruction;

typedef struct Containerfile {
        char *place; /* how errors call it */
        char escape; /* '\\' or '`' */
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
 * instruction_parse() - read one instruction
 * @text:	on one line, without comments and continuation
 * @escape:	the file's escape character
 * @ret:	zeroed; its line is left as it is; to be cleared also after a failure
 */
int instruction_parse(const char *text, char escape, Instruction *ret, Err *err);
void instruction_clear(Instruction *instruction);

/* The value of --name, "" for a flag without one, NULL if it was not given. */
const char *instruction_flag(const Instruction *instruction, const char *name);

/* Splits into words as ARG, ENV and LABEL do: quotes hold a word together and stay in it. */
int containerfile_words(const char *text, char escape, char ***ret);
