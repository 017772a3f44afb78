/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a program file is for: by its ELF header, in the words of images ("arm64").
 *
 * Return: NULL for a file that is none, cannot be read, or is for a machine without such a word.
 */
const char *program_architecture(const char *path);
