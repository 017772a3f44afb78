# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for isola: the program itself knows what fits.

function __isola_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l family
    if string match -q '*isola-oci' -- $words[1]
        set words[1] (string replace -r -- '-oci$' '' $words[1])
        set family oci
    end
    $words[1] __complete -- $family $words[2..-1] 2>/dev/null
end
complete -c isola -a '(__isola_complete)'
complete -c isola-oci -a '(__isola_complete)'
