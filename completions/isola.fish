# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for isola: the program itself knows what fits.

function __isola_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete -- $words[2..-1] 2>/dev/null
end
complete -c isola -a '(__isola_complete)'
