"""`jobdeck completion`: the completion script for a shell, to be sourced or put where the shell looks."""

from __future__ import annotations

import argparse

from core.service import Invalid
from tui import options, say

DETAILS = """\
bash:  eval "$(jobdeck completion bash)"          in ~/.bashrc
zsh:   eval "$(jobdeck completion zsh)"           in ~/.zshrc, after compinit
fish:  jobdeck completion fish > ~/.config/fish/completions/jobdeck.fish"""

_BASH = r"""# completion of jobdeck for bash
_jobdeck() {
    local IFS=$'\n' line word typed
    local -a words
    typed=${COMP_WORDS[COMP_CWORD]}
    words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=()
    while IFS= read -r line; do
        word=${line%%$'\t'*}
        case $word in
            __files__) compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$typed")) ;;
            __directories__) compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -d -- "$typed")) ;;
            *) COMPREPLY+=("$(printf '%q' "$word")") ;;
        esac
    done < <("${COMP_WORDS[0]}" __complete -- "${words[@]}" 2>/dev/null)
}
complete -F _jobdeck jobdeck
"""

_ZSH = r"""#compdef jobdeck
# completion of jobdeck for zsh
_jobdeck() {
    local line word about
    local -a offers typed
    typed=("${(@)words[2,CURRENT]}")
    while IFS= read -r line; do
        word=${line%%$'\t'*}
        about=${line#*$'\t'}
        case $word in
            __files__) _files ;;
            __directories__) _files -/ ;;
            *) offers+=("${word//:/\\:}:$about") ;;
        esac
    done < <("${words[1]}" __complete -- "${(@)typed}" 2>/dev/null)
    (( ${#offers} )) && _describe -V jobdeck offers
}
if [ "${funcstack[1]}" = _jobdeck ]; then
    _jobdeck "$@"
else
    compdef _jobdeck jobdeck
fi
"""

_FISH = r"""# completion of jobdeck for fish
function __jobdeck_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    for line in ($words[1] __complete -- $words[2..-1] "$typed" 2>/dev/null)
        switch $line
            case '__files__*'
                __fish_complete_path "$typed"
            case '__directories__*'
                __fish_complete_directories "$typed"
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c jobdeck -f -k -a '(__jobdeck_complete)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of completion."""
    parser.add_argument("shell", metavar="SHELL", help="bash, zsh or fish")
    options.add_json(parser, '{"shell": …, "script": …} as JSON')


async def run(arguments: argparse.Namespace) -> int:
    """Write the script."""
    shell = arguments.shell.rsplit("/", 1)[-1].lower()
    if shell not in SCRIPTS:
        raise Invalid(f"There is no completion for {arguments.shell!r}; there is for: {', '.join(SCRIPTS)}.")
    if arguments.json:
        say.write_json({"shell": shell, "script": SCRIPTS[shell]})
    else:
        say.write(SCRIPTS[shell])
    return 0
