# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for isola: the program itself knows what fits.

# Bash takes a word apart at the characters of COMP_WORDBREAKS, ':' and '=' among them; isola wants
# it whole ("image:tag", "--option=value"), and bash wants only what comes after the last of them.
_isola() {
    local line word fixed
    local -a words
    COMPREPLY=()
    read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
    [[ ${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]] && words+=("")
    word=${words[-1]}
    local program=${COMP_WORDS[0]} family=
    [[ $program == *isola-oci ]] && program=${program%-oci} family=oci
    fixed=${word%"${word##*["${COMP_WORDBREAKS//[^:=]/}"]}"}
    [[ $COMP_WORDBREAKS == *[:=]* ]] || fixed=
    while IFS= read -r line; do
        COMPREPLY+=("${line#"$fixed"}")
    done < <("$program" __complete -- $family "${words[@]:1}" 2>/dev/null)
}
complete -o bashdefault -o default -F _isola isola isola-oci
