/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Makes a C file with a text in it: embed NAME FILE prints `const char NAME[] = "…";`. */

#include <stdio.h>

int main(int argc, char **argv) {
        FILE *f = argc == 3 ? fopen(argv[2], "r") : NULL;
        int c;

        if (!f) {
                perror(argc == 3 ? argv[2] : "usage: embed NAME FILE");
                return 1;
        }
        printf("extern const char %s[];\nconst char %s[] =\n        \"", argv[1], argv[1]);
        while ((c = getc(f)) != EOF) {
                if (c == '\n')
                        fputs("\\n\"\n        \"", stdout);
                else if (c == '"' || c == '\\')
                        printf("\\%c", c);
                else if (c < ' ' || c > '~' || c == '?')
                        printf("\\%03o", (unsigned) c);
                else
                        putchar(c);
        }
        puts("\";");
        return ferror(f) || fclose(f) != 0 || fflush(stdout) != 0;
}
