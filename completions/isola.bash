# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for isola: the program itself knows what fits.

_isola() {
    local word=${COMP_WORDS[COMP_CWORD]} line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$word" 2>/dev/null)
}
complete -o bashdefault -o default -F _isola isola
