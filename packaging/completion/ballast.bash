# Completion of ballast for bash, made by `ballast completion bash`.

# Names as the running daemon has them. The daemon is the one that the command line means.
_ballast_backends() {
    ballast backends --names "${daemon[@]}" 2>/dev/null |
        grep -E '^[A-Za-z0-9_-]+/[A-Za-z0-9_-]+$'
}

_ballast() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command='' words='' skip='' i
    local -a daemon=() kinds=()
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
        status:-c | status:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        status:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        status:--node) return ;;
        health:-c | health:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        health:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        health:--node) return ;;
        health:--timeout) return ;;
        nodes:-c | nodes:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        nodes:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        nodes:--node) return ;;
        listeners:-c | listeners:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        listeners:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        listeners:--node) return ;;
        pools:-c | pools:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        pools:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        pools:--node) return ;;
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
        backends:--node) return ;;
        backends:--pool) return ;;
        backends:--backend) return ;;
        backends:--state) return ;;
        backends:--health) return ;;
        sessions:-c | sessions:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        sessions:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        sessions:--node) return ;;
        sessions:--user) return ;;
        sessions:--client) return ;;
        sessions:--listener) return ;;
        sessions:--pool) return ;;
        sessions:--backend) return ;;
        sessions:--phase) return ;;
        sessions:--limit) return ;;
        transfers:-c | transfers:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        transfers:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        transfers:--node) return ;;
        transfers:--user) return ;;
        transfers:--client) return ;;
        transfers:--listener) return ;;
        transfers:--pool) return ;;
        transfers:--backend) return ;;
        transfers:--file) return ;;
        transfers:--direction) return ;;
        transfers:--limit) return ;;
        top:-c | top:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        top:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        top:--interval) return ;;
        top:--user) return ;;
        top:--client) return ;;
        top:--listener) return ;;
        top:--pool) return ;;
        top:--backend) return ;;
        events:-c | events:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        events:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        events:--kind) return ;;
        events:--pool) return ;;
        events:--backend) return ;;
        events:--listener) return ;;
        events:--user) return ;;
        events:--client) return ;;
        explain:-c | explain:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        explain:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        explain:--node) return ;;
        explain:--user) return ;;
        explain:--client) return ;;
        explain:--listener) return ;;
        explain:--backend) return ;;
        explain:--file) return ;;
        explain:--from) return ;;
        explain:--to) return ;;
        explain:--limit) return ;;
        probes:-c | probes:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        probes:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        probes:--node) return ;;
        probes:--pool) return ;;
        probes:--backend) return ;;
        probes:--passed) return ;;
        limits:-c | limits:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        limits:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        limits:--node) return ;;
        certificates:-c | certificates:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        certificates:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        certificates:--node) return ;;
        stickiness:-c | stickiness:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        stickiness:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        stickiness:--node) return ;;
        stickiness:--client) return ;;
        stickiness:--user) return ;;
        stickiness:--backend) return ;;
        stickiness:--limit) return ;;
        bans:-c | bans:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        bans:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        bans:--node) return ;;
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
        drain:--node) return ;;
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
        disable:--node) return ;;
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
        ready:--node) return ;;
        weight:-c | weight:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        weight:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        weight:--node) return ;;
        kill:-c | kill:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        kill:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        kill:--node) return ;;
        unban:-c | unban:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        unban:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        unban:--node) return ;;
        unban:--user) return ;;
        forget:-c | forget:--config)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        forget:--socket)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        forget:--node) return ;;
        forget:--client) return ;;
        forget:--user) return ;;
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
        reload:--node) return ;;
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
        upgrade:--node) return ;;
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
        reopen:--node) return ;;
        import:--report) return ;;
        import:--vrrp-out)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        import:--id) return ;;
        import:--certificate)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
    esac
    case $command in
        '') words='run check status health nodes listeners pools backends sessions transfers top events explain probes limits certificates stickiness bans drain disable ready weight kill unban forget reload upgrade reopen import version manual schema completion man help --help --version' ;;
        run) words="--help --config --pid-file" ;;
        check) words="--help --config --user --bind --strict --print --rules" ;;
        status) words="--help --config --socket --node --json --watch" ;;
        health) words="--help --config --socket --node --json --watch --timeout --until-empty" ;;
        nodes) words="--help --config --socket --node --json --watch --rules" ;;
        listeners) words="--help --config --socket --node --json --watch" ;;
        pools) words="--help --config --socket --node --json --watch" ;;
        backends) words="--help --config --socket --node --json --watch --names --pool --backend --state --health" ;;
        sessions) words="--help --config --socket --node --json --watch --names --user --client --listener --pool --backend --phase --limit" ;;
        transfers) words="--help --config --socket --node --json --watch --user --client --listener --pool --backend --file --direction --limit" ;;
        top) words="--help --config --socket --json --interval --watch --user --client --listener --pool --backend" ;;
        events) words="--help --config --socket --json --recent --kind --pool --backend --listener --user --client" ;;
        explain) words="--help --config --socket --node --json --watch --user --client --listener --backend --file --failed --from --to --limit" ;;
        probes) words="--help --config --socket --node --json --watch --pool --backend --passed" ;;
        limits) words="--help --config --socket --node --json --watch" ;;
        certificates) words="--help --config --socket --node --json --watch" ;;
        stickiness) words="--help --config --socket --node --json --watch --names --client --user --backend --limit" ;;
        bans) words="--help --config --socket --node --json --watch" ;;
        drain) words="--help --config --socket --node --json --all --idle --move --wait $(_ballast_backends)" ;;
        disable) words="--help --config --socket --node --json --all $(_ballast_backends)" ;;
        ready) words="--help --config --socket --node --json --all $(_ballast_backends)" ;;
        weight) words="--help --config --socket --node --json $(_ballast_backends)" ;;
        kill) words="--help --config --socket --node --json --transfer" ;;
        unban) words="--help --config --socket --node --json --user" ;;
        forget) words="--help --config --socket --node --json --client --user --all" ;;
        reload) words="--help --config --socket --node --json --upgrade" ;;
        upgrade) words="--help --config --socket --node --json" ;;
        reopen) words="--help --config --socket --node --json" ;;
        import) words="--help --report --vrrp-out --id --certificate keepalived ipvsadm haproxy proftpd" kinds=(-f) ;;
        version) words="--help" ;;
        manual) words="--help --metrics" ;;
        schema) words="--help" ;;
        completion) words="--help bash zsh fish" ;;
        man) words="--help ballast.8 ballast.toml.5" ;;
        help) words="--help run check status health nodes listeners pools backends sessions transfers top events explain probes limits certificates stickiness bans drain disable ready weight kill unban forget reload upgrade reopen import version manual schema completion man help" ;;
    esac
    mapfile -t COMPREPLY < <(compgen "${kinds[@]}" -W "$words" -- "$word")
}
complete -F _ballast ballast
