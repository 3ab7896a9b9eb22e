"""How shells complete the words of pipsqueak, from the table of its arguments.

The scripts need no pipsqueak: aliases are the names of key files, and card sets are named in
theirs. In bash and zsh a word may be split at its equals sign, or not.
"""

from collections.abc import Iterable
from string import Template

from seeclient.algorithms import MODULES
from seeclient.arguments import NAMES, NUMBERS, VERBS
from seeclient.keys import PREFIX
from seeclient.values import HIGHEST
from seemachine.lms.parameters import OTS_SETS, TREE_SETS
from seemachine.mldsa.parameters import MLDSA_SETS

FLAGS = ("--json", "--help", "--version")
FILES = ("msgfile", "sigfile", "verify")
FOLDERS = ("msgdir", "sigdir")
# Beyond that, a number is better typed than chosen.
MOST = 32
# A line of the file of a card set; read by sed.
CARD_SET = r's/^ *"name": "\(.*\)",*$/\1/p'
WORLD = "${SEEMACHINE_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/seemachine}"

BASH = Template("""\
_pipsqueak() {
    local line=${COMP_LINE:0:COMP_POINT} file aliases=
    local cur=${line##*[[:space:]]}
    local value=${cur#*=} kept=
    [[ $COMP_WORDBREAKS == *=* ]] || kept=${cur%"$value"}
    case $cur in
        alias=*)
            for file in "${NFAST_KMLOCAL:-$world/kmdata/local}"/$prefix*; do
                aliases+=" ${file##*/$prefix}"
            done
            COMPREPLY=($(compgen -P "$kept" -W "$aliases" -- "$value")) ;;
        token=*)
            COMPREPLY=($(compgen -P "$kept" -W "$(sed -n '$cardsets' \\
                "${NFAST_KMLOCAL:-$world/kmdata/local}"/cards_* 2>/dev/null)" -- "$value")) ;;
$cases
        $files)
            compopt -o filenames 2>/dev/null
            COMPREPLY=($(compgen -P "$kept" -f -- "$value")) ;;
        $folders)
            compopt -o filenames 2>/dev/null
            COMPREPLY=($(compgen -P "$kept" -d -- "$value")) ;;
        *=*) ;;
        *)
            COMPREPLY=($(compgen -W "$words" -- "$cur"))
            [[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null ;;
    esac
}
complete -F _pipsqueak pipsqueak
""")
ZSH = Template("""\
_pipsqueak() {
    local -a aliases=("${NFAST_KMLOCAL:-$world/kmdata/local}"/$prefix*(N:t))
    case $PREFIX in
        alias=*) compset -P '*='; compadd -- ${aliases#$prefix} ;;
        token=*) compset -P '*='; compadd -- ${(f)"$(sed -n '$cardsets' /dev/null \\
            "${NFAST_KMLOCAL:-$world/kmdata/local}"/cards_*(N))"} ;;
$cases
        $files) compset -P '*='; _files ;;
        $folders) compset -P '*='; _files -/ ;;
        *=*) ;;
        -*) compadd -- $flags ;;
        *) compadd -- $verbs; compadd -S '' -- $names ;;
    esac
}
compdef _pipsqueak pipsqueak
""")
FISH = Template("""\
function __pipsqueak
    set -l cur (commandline -ct)
    set -l value (string replace -r '^[a-z]*=' '' -- $cur)
    set -l data $XDG_DATA_HOME ~/.local/share
    set -l home $SEEMACHINE_HOME $data[1]/seemachine
    set -l keys $NFAST_KMLOCAL $home[1]/kmdata/local
    switch $cur
        case 'alias=*'
            for file in $keys[1]/$prefix*
                echo alias=(string replace -r '.*/$prefix' '' -- $file)
            end
        case 'token=*'
            for file in $keys[1]/cards_*
                echo token=(sed -n '$cardsets' $file)
            end
$cases
        case $files
            set -l name (string replace -r '=.*' '=' -- $cur)
            string replace -r '^' $name (__fish_complete_path $value)
        case $folders
            set -l name (string replace -r '=.*' '=' -- $cur)
            string replace -r '^' $name (__fish_complete_directories $value '')
        case '*=*'
        case '*'
            printf '%s\\n' $words
    end
end
complete -c pipsqueak -f -a '(__pipsqueak)'
""")


def values() -> dict[str, tuple[str, ...]]:
    """What each argument can be, of those with few values."""
    numbers = {name: HIGHEST[name] for name in NUMBERS if HIGHEST[name] <= MOST}
    return {
        "algorithm": tuple(name.lower() for name in MODULES),
        "mldsacode": tuple(each.name for each in MLDSA_SETS),
        "lmscode": tuple(each.name for each in TREE_SETS),
        "lmotscode": tuple(each.name for each in OTS_SETS),
        "resume": ("yes",),
        "replace": ("yes",),
        "deterministic": ("yes",),
        "partial": ("yes",),
        **{name: tuple(map(str, range(most + 1))) for name, most in numbers.items()},
    }


def script(shell: str) -> str:
    """What `bash`, `zsh` or `fish` reads to complete pipsqueak."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]()


def _bash() -> str:
    cases = (
        f'        {name}=*) COMPREPLY=($(compgen -P "$kept" -W "{_spaced(known)}" -- "$value")) ;;'
        for name, known in values().items()
    )
    words = _spaced((*VERBS, *_assigned(), *FLAGS))
    return _filled(BASH, cases, "|", words=words)


def _zsh() -> str:
    cases = (
        f"        {name}=*) compset -P '*='; compadd -- {_spaced(known)} ;;"
        for name, known in values().items()
    )
    return _filled(
        ZSH,
        cases,
        "|",
        flags=_spaced(FLAGS),
        verbs=_spaced(VERBS),
        names=_spaced(_assigned()),
    )


def _fish() -> str:
    cases = (
        f"        case '{name}=*'\n            printf '%s\\n' {name}={{{','.join(known)}}}"
        if len(known) > 1
        else f"        case '{name}=*'\n            echo {name}={known[0]}"
        for name, known in values().items()
    )
    words = _spaced((*VERBS, *_assigned(), *FLAGS))
    return _filled(FISH, cases, " ", "'", words=words)


def _filled(
    template: Template, cases: Iterable[str], between: str, quote: str = "", **more: str
) -> str:
    """`between` and `quote` are those of the patterns of a case."""
    patterns = {
        name: between.join(f"{quote}{each}=*{quote}" for each in names)
        for name, names in (("files", FILES), ("folders", FOLDERS))
    }
    return template.safe_substitute(
        patterns,
        cases="\n".join(cases),
        prefix=PREFIX,
        world=WORLD,
        cardsets=CARD_SET,
        **more,
    )


def _assigned() -> list[str]:
    return [f"{name}=" for name in NAMES]


def _spaced(words: Iterable[str]) -> str:
    return " ".join(words)
