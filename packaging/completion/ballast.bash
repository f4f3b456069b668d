# Completion of ballast for bash, made by `ballast completion bash`.

# Names as the running daemon has them. The daemon is the one that the command line means.
_ballast_backends() {
    ballast backends --names "${daemon[@]}" 2>/dev/null |
        grep -E '^[A-Za-z0-9_-]+/[A-Za-z0-9_-]+$'
}

_ballast() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command='' words='' skip='' i
    local -a daemon=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case $skip${COMP_WORDS[i]} in
            -c | --config | --socket)
                daemon+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
                skip=value:
                continue
                ;;
            value:* | -*) ;;
            *) [[ $command ]] || command=${COMP_WORDS[i]} ;;
        esac
        skip=''
    done
    case $command:$before in
        run:-c | run:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        run:--pid-file)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        check:-c | check:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        check:--user) return ;;
        backends:-c | backends:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        backends:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        backends:--pool) return ;;
        backends:--backend) return ;;
        backends:--state) return ;;
        backends:--health) return ;;
        drain:-c | drain:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        drain:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        disable:-c | disable:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        disable:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        ready:-c | ready:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        ready:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        reload:-c | reload:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        reload:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        upgrade:-c | upgrade:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        upgrade:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        reopen:-c | reopen:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        reopen:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
    esac
    case $command in
        '') words='run check backends drain disable ready reload upgrade reopen version manual schema completion man help --help --version' ;;
        run) words="--help --config --pid-file" ;;
        check) words="--help --config --user --bind --strict --print" ;;
        backends) words="--help --config --socket --json --watch --names --pool --backend --state --health" ;;
        drain) words="--help --config --socket --json --all --idle --wait $(_ballast_backends)" ;;
        disable) words="--help --config --socket --json --all $(_ballast_backends)" ;;
        ready) words="--help --config --socket --json --all $(_ballast_backends)" ;;
        reload) words="--help --config --socket --json --upgrade" ;;
        upgrade) words="--help --config --socket --json" ;;
        reopen) words="--help --config --socket --json" ;;
        version) words="--help" ;;
        manual) words="--help" ;;
        schema) words="--help" ;;
        completion) words="--help bash zsh fish" ;;
        man) words="--help ballast.8 ballast.toml.5" ;;
        help) words="--help run check backends drain disable ready reload upgrade reopen version manual schema completion man help" ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _ballast ballast
