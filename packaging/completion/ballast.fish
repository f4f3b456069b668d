# Completion of ballast for fish, made by `ballast completion fish`.

function __ballast_backends
    set -l words (commandline -opc)
    set -l daemon
    for i in (seq 2 (math (count $words) - 1))
        contains -- $words[$i] -c --config --socket
        and set -a daemon $words[$i] $words[(math $i + 1)]
    end
    ballast backends --names $daemon 2>/dev/null
end

complete -c ballast -f
complete -c ballast -n __fish_use_subcommand -s h -l help -d 'print help'
complete -c ballast -n __fish_use_subcommand -s V -l version -d 'print the version'

complete -c ballast -n __fish_use_subcommand -a run -d 'run the load balancer until SIGTERM'
complete -c ballast -n '__fish_seen_subcommand_from run' -s h -l help -d 'print this help'
complete -c ballast -n '__fish_seen_subcommand_from run' -s c -l config -r -F -d 'the configuration file'
complete -c ballast -n '__fish_seen_subcommand_from run' -l pid-file -r -F -d 'write the process id there when ready, and again after an upgrade'

complete -c ballast -n __fish_use_subcommand -a check -d 'report everything that is wrong with the configuration, and what would fail at start'
complete -c ballast -n '__fish_seen_subcommand_from check' -s h -l help -d 'print this help'
complete -c ballast -n '__fish_seen_subcommand_from check' -s c -l config -r -F -d 'the configuration file'
complete -c ballast -n '__fish_seen_subcommand_from check' -l user -x -d 'check as the user that Ballast runs as: whether it may bind its ports, read keys and passwords, and write its logs (for root)'
complete -c ballast -n '__fish_seen_subcommand_from check' -l bind -d 'try to bind every address, including those that the running Ballast holds'
complete -c ballast -n '__fish_seen_subcommand_from check' -l strict -d 'count warnings as errors'
complete -c ballast -n '__fish_seen_subcommand_from check' -l print -d 'print the configuration with every setting written out'

complete -c ballast -n __fish_use_subcommand -a backends -d 'list its backends, their states and their sessions'
complete -c ballast -n '__fish_seen_subcommand_from backends' -s h -l help -d 'print this help'
complete -c ballast -n '__fish_seen_subcommand_from backends' -s c -l config -r -F -d 'the configuration file'
complete -c ballast -n '__fish_seen_subcommand_from backends' -l socket -r -F -d 'the socket of the running Ballast, instead of the one that the configuration file names'
complete -c ballast -n '__fish_seen_subcommand_from backends' -l json -d 'print the reply as JSON'
complete -c ballast -n '__fish_seen_subcommand_from backends' -l watch -d 'look again every two seconds, or in this interval'
complete -c ballast -n '__fish_seen_subcommand_from backends' -l names -d 'print names alone, for scripts'
complete -c ballast -n '__fish_seen_subcommand_from backends' -l pool -x -d 'only of these pools'
complete -c ballast -n '__fish_seen_subcommand_from backends' -l backend -x -d 'only these backends'
complete -c ballast -n '__fish_seen_subcommand_from backends' -l state -x -d 'only in this state, such as drain'
complete -c ballast -n '__fish_seen_subcommand_from backends' -l health -x -d 'only with this health, such as down'

complete -c ballast -n __fish_use_subcommand -a drain -d 'no new sessions; those that are there go on'
complete -c ballast -n '__fish_seen_subcommand_from drain' -s h -l help -d 'print this help'
complete -c ballast -n '__fish_seen_subcommand_from drain' -s c -l config -r -F -d 'the configuration file'
complete -c ballast -n '__fish_seen_subcommand_from drain' -l socket -r -F -d 'the socket of the running Ballast, instead of the one that the configuration file names'
complete -c ballast -n '__fish_seen_subcommand_from drain' -l json -d 'print the reply as JSON'
complete -c ballast -n '__fish_seen_subcommand_from drain' -l all -d 'the whole balancer instead of one backend'
complete -c ballast -n '__fish_seen_subcommand_from drain' -l idle -d 'end idle sessions with 421, busy ones when they are'
complete -c ballast -n '__fish_seen_subcommand_from drain' -l wait -d 'return when the last session has left'
complete -c ballast -n '__fish_seen_subcommand_from drain' -a '(__ballast_backends)'

complete -c ballast -n __fish_use_subcommand -a disable -d 'no new sessions; all that are there end'
complete -c ballast -n '__fish_seen_subcommand_from disable' -s h -l help -d 'print this help'
complete -c ballast -n '__fish_seen_subcommand_from disable' -s c -l config -r -F -d 'the configuration file'
complete -c ballast -n '__fish_seen_subcommand_from disable' -l socket -r -F -d 'the socket of the running Ballast, instead of the one that the configuration file names'
complete -c ballast -n '__fish_seen_subcommand_from disable' -l json -d 'print the reply as JSON'
complete -c ballast -n '__fish_seen_subcommand_from disable' -l all -d 'the whole balancer instead of one backend'
complete -c ballast -n '__fish_seen_subcommand_from disable' -a '(__ballast_backends)'

complete -c ballast -n __fish_use_subcommand -a ready -d 'undo drain or disable'
complete -c ballast -n '__fish_seen_subcommand_from ready' -s h -l help -d 'print this help'
complete -c ballast -n '__fish_seen_subcommand_from ready' -s c -l config -r -F -d 'the configuration file'
complete -c ballast -n '__fish_seen_subcommand_from ready' -l socket -r -F -d 'the socket of the running Ballast, instead of the one that the configuration file names'
complete -c ballast -n '__fish_seen_subcommand_from ready' -l json -d 'print the reply as JSON'
complete -c ballast -n '__fish_seen_subcommand_from ready' -l all -d 'the whole balancer instead of one backend'
complete -c ballast -n '__fish_seen_subcommand_from ready' -a '(__ballast_backends)'

complete -c ballast -n __fish_use_subcommand -a reload -d 'let the running Ballast read its configuration again; with an error nothing changes'
complete -c ballast -n '__fish_seen_subcommand_from reload' -s h -l help -d 'print this help'
complete -c ballast -n '__fish_seen_subcommand_from reload' -s c -l config -r -F -d 'the configuration file'
complete -c ballast -n '__fish_seen_subcommand_from reload' -l socket -r -F -d 'the socket of the running Ballast, instead of the one that the configuration file names'
complete -c ballast -n '__fish_seen_subcommand_from reload' -l json -d 'print the reply as JSON'
complete -c ballast -n '__fish_seen_subcommand_from reload' -l upgrade -d 'upgrade instead, if the installed program is another than the running one'

complete -c ballast -n __fish_use_subcommand -a upgrade -d 'replace the running Ballast by the installed program; sessions go on and no client is refused'
complete -c ballast -n '__fish_seen_subcommand_from upgrade' -s h -l help -d 'print this help'
complete -c ballast -n '__fish_seen_subcommand_from upgrade' -s c -l config -r -F -d 'the configuration file'
complete -c ballast -n '__fish_seen_subcommand_from upgrade' -l socket -r -F -d 'the socket of the running Ballast, instead of the one that the configuration file names'
complete -c ballast -n '__fish_seen_subcommand_from upgrade' -l json -d 'print the reply as JSON'

complete -c ballast -n __fish_use_subcommand -a reopen -d 'let it reopen its log files, for logrotate'
complete -c ballast -n '__fish_seen_subcommand_from reopen' -s h -l help -d 'print this help'
complete -c ballast -n '__fish_seen_subcommand_from reopen' -s c -l config -r -F -d 'the configuration file'
complete -c ballast -n '__fish_seen_subcommand_from reopen' -l socket -r -F -d 'the socket of the running Ballast, instead of the one that the configuration file names'
complete -c ballast -n '__fish_seen_subcommand_from reopen' -l json -d 'print the reply as JSON'

complete -c ballast -n __fish_use_subcommand -a version -d 'print the version'
complete -c ballast -n '__fish_seen_subcommand_from version' -s h -l help -d 'print this help'

complete -c ballast -n __fish_use_subcommand -a manual -d 'print the reference of all configuration keys as Markdown'
complete -c ballast -n '__fish_seen_subcommand_from manual' -s h -l help -d 'print this help'

complete -c ballast -n __fish_use_subcommand -a schema -d 'print a JSON Schema of the configuration, for editors'
complete -c ballast -n '__fish_seen_subcommand_from schema' -s h -l help -d 'print this help'

complete -c ballast -n __fish_use_subcommand -a completion -d 'print the completion of this command line for a shell'
complete -c ballast -n '__fish_seen_subcommand_from completion' -s h -l help -d 'print this help'
complete -c ballast -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'

complete -c ballast -n __fish_use_subcommand -a man -d 'print a manual page, for man -l'
complete -c ballast -n '__fish_seen_subcommand_from man' -s h -l help -d 'print this help'
complete -c ballast -n '__fish_seen_subcommand_from man' -a 'ballast.8 ballast.toml.5'

complete -c ballast -n __fish_use_subcommand -a help -d 'print this help, or the options of a command'
complete -c ballast -n '__fish_seen_subcommand_from help' -s h -l help -d 'print this help'
complete -c ballast -n '__fish_seen_subcommand_from help' -a 'run check backends drain disable ready reload upgrade reopen version manual schema completion man help'
