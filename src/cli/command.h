/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Commands
 *
 * A command is one file, cmd_<name>.c, that says everything about itself in
 * one COMMAND() stanza: how it is called, what --help, the man page and shell
 * completion say about it, which options it has and what runs.  The stanza
 * places a pointer in a section of the binary; command_main() walks that
 * section.  There is no list of commands to keep.
 *
 * The function parses nothing and prints results only; errors go back through
 * err and are printed once, by main().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cold.h"
#include "base/err.h"
#include "base/home.h"

#define ARGS_ANY (-1)

typedef enum OptionKind {
        OPTION_END,
        OPTION_GROUP,  /* a heading in --help; only .help is set */
        OPTION_FLAG,   /* bool; --x, --x=false; true where not given if made by OPT_FLAG_ON() */
        OPTION_STRING, /* const char *; the last one counts; NULL where not given */
        OPTION_LIST, /* const char **, NULL-terminated, in the order given; NULL where not given */
        OPTION_SIZE, /* uint64_t, bytes: "512m"; 0 where not given */
        OPTION_SPAN, /* int64_t, milliseconds: "1.5s", bare numbers are seconds; -1 where not given
                      */
        OPTION_INT,  /* int; 0 where not given */
        OPTION_DOUBLE, /* double; 0 where not given */
} OptionKind;

typedef struct Option {
        OptionKind kind;
        char short_name; /* 0 for none */
        const char *name;
        const char *value; /* how --help calls the value; NULL for a flag */
        size_t offset;
        const char *help;      /* NULL: understood, but shown nowhere (another spelling) */
        const char *completes; /* "container", "image", "network", "volume", "file", "dir", or
                                  "a|b|c"; may be NULL */
} Option;

/* What a command is called with. */
typedef struct CommandInput {
        const void *options; /* its own struct */
        char **args;         /* operands, NULL-terminated */
        int n_args;
        const Home *home;             /* open, unless the command says no_home */
        const struct OciProgram *oci; /* of the commands called "oci ...": cli/oci.h */
} CommandInput;

typedef struct Command {
        const char *name; /* "stop", or with its family: "network create" */
        const char
                *alias; /* other names, separated by commas: "container ls,container ps"; or NULL */
        const char *group; /* heading in `isola --help` */
        const char *synopsis;
        const char *summary;
        const Option *options;
        size_t options_size; /* of the struct that options are parsed into */
        int min_args, max_args;
        bool options_first; /* stop at the first operand: what follows belongs to the inner program
                             */
        bool hidden;        /* "__monitor": not in help, man pages and completion */
        bool no_home;       /* needs no state directories */
        const char *completes; /* what its operands are, as in Option */
        /* Return: the exit code (0 or more), or a negative errno with err set. */
        int (*run)(const CommandInput *in, Err *err);
        /*
         * Exit code for a negative errno: 1 if 0; Docker's 125 for run, create, start, exec.  A
         * wrong option is 125 for every command, as with Docker.
         */
        int failure_code;
} Command;

/* COMMAND(stop) = { .name = "stop", ... }; */
#define COMMAND(id)                                                                \
        static const Command command_##id;                                         \
        __attribute__((__section__("isola_commands"), __used__, __retain__))       \
        NO_REDZONE static const Command *const command_entry_##id = &command_##id; \
        static const Command command_##id

/* clang would put a red zone between the entries under AddressSanitizer, gcc would reverse them. */
#ifdef __clang__
#define NO_REDZONE __attribute__((__no_sanitize__("address")))
#else
#define NO_REDZONE __attribute__((__no_reorder__))
#endif

#define OPTION_MEMBER_(T, m, C)                                                        \
        (offsetof(T, m) +                                                              \
         0 * sizeof(struct {                                                           \
                 _Static_assert(__builtin_types_compatible_p(typeof(((T *) 0)->m), C), \
                                #T "." #m " does not fit its option's kind");          \
                 int ignored;                                                          \
         }))
#define OPT_GROUP(h) \
        { OPTION_GROUP, 0, NULL, NULL, 0, h, NULL }
#define OPT_FLAG(s, n, T, m, h) \
        { OPTION_FLAG, s, n, NULL, OPTION_MEMBER_(T, m, bool), h, NULL }
#define OPT_FLAG_ON(s, n, T, m, h) \
        { OPTION_FLAG, s, n, "true|false", OPTION_MEMBER_(T, m, bool), h, NULL }
#define OPT_STRING(s, n, T, m, v, h, ...) \
        { OPTION_STRING, s, n, v, OPTION_MEMBER_(T, m, const char *), h, ##__VA_ARGS__ }
#define OPT_LIST(s, n, T, m, v, h, ...) \
        { OPTION_LIST, s, n, v, OPTION_MEMBER_(T, m, const char **), h, ##__VA_ARGS__ }
#define OPT_SIZE(s, n, T, m, v, h) \
        { OPTION_SIZE, s, n, v, OPTION_MEMBER_(T, m, uint64_t), h, NULL }
#define OPT_SPAN(s, n, T, m, v, h) \
        { OPTION_SPAN, s, n, v, OPTION_MEMBER_(T, m, int64_t), h, NULL }
#define OPT_INT(s, n, T, m, v, h) \
        { OPTION_INT, s, n, v, OPTION_MEMBER_(T, m, int), h, NULL }
#define OPT_DOUBLE(s, n, T, m, v, h) \
        { OPTION_DOUBLE, s, n, v, OPTION_MEMBER_(T, m, double), h, NULL }

/* The program: global options, the command, its options, its run(); prints errors. */
int command_main(int argc, char **argv);

/* What stands before a command's own options, and how its error is told. */
typedef struct CommandContext {
        const char *root, *run_root;  /* from --root and --run-root, or NULL */
        const struct OciProgram *oci; /* or NULL */
        int (*complain)(const struct CommandContext *context, Err *err);
        int usage_code; /* the exit code for a wrong option */
} CommandContext;

/* Reads the options of a command, runs it, tells its error; returns the exit code. */
int command_execute(const Command *c, const CommandContext *context, char *const *argv);

/* "unknown command '…'", with the nearest one; @words: NULL-terminated, at least one. */
int command_unknown(char *const *words, Err *err);

/* The options that stand before a command. */
const Option *command_globals(void);

/* All commands, sorted by group and name, NULL-terminated; owned by the caller. */
const Command **command_list(void);

/**
 * command_find() - the command that words begin with
 * @words:	NULL-terminated; the longest name that fits is taken ("network create")
 * @ret_used:	how many words its name has; may be NULL
 *
 * Return: the command, or NULL.
 */
const Command *command_find(char *const *words, int *ret_used);

/*
 * Prints an error below main(), for a command that goes on with its next operand: "isola: …" and
 * "hint: …" on stderr; the Err is empty afterwards.  Returns its code.
 */
int command_complain(Err *err);

/* Text whose line breaks are ours; what a terminal would obey never reaches one. */
void command_print(int fd, const char *text);
