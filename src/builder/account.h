/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A build's account of itself
 *
 * Plain, it is lines that are printed where they arise.  For a display (display.h) each stage is
 * built in a process of its own, which reports what happens as records in a pipe.
 */

#include "builder/step.h"

typedef enum AccountRecord {
        ACCOUNT_BEGIN,  /* a step begins: "NUMBER/OF\0TEXT"; the one before has ended */
        ACCOUNT_CACHED, /* its result was there */
        ACCOUNT_LINE,   /* something was done for it, such as a pull */
        ACCOUNT_OUTPUT, /* what its command wrote to standard output */
        ACCOUNT_ERRORS, /* and to standard error */
        ACCOUNT_RECORDS,
} AccountRecord;

/* Says that an instruction's turn has come; @number: its place in the stage, from 1. */
void account_step(const Build *build, const Instruction *instruction, size_t number, size_t of);
void account_cached(const Build *build);
/* What a command has written; @error: to its standard error. */
void account_output(const Build *build, bool error, const char *bytes, size_t n);

/**
 * account_read() - take one record out of what has come
 * @at:		where to begin in the @length bytes of @text; moved behind the record
 * Return: 1; 0 if it has not come as a whole; -EBADMSG.
 */
int account_read(const char *text, size_t length, size_t *at, AccountRecord *ret,
                 const char **ret_bytes, size_t *ret_n);
