import type { Command } from './command';

/** A function for bash that completes subcommands, options, networks and namespaces. */
export function bashCompletion(commands: readonly Command[]): string {
  const names = [...commands.map(({ name }) => name), 'help'].join(' ');
  return `# bash completion for trestle
_trestle_words() {
  case $1 in
    NETWORK) "\${COMP_WORDS[0]}" networks 2>/dev/null | cut -f 1 ;;
    NETNS) ls /run/netns 2>/dev/null ;;
    TYPE) "\${COMP_WORDS[0]}" plugins 2>/dev/null ;;
    COMMAND) echo ${names} ;;
  esac
}

_trestle() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]}
  local options='' operands='' valued='' kind='' at=0 i kinds
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W '${names}' -- "$word")
    return
  fi
  case $command in
${commands.map(entry).join('\n')}
    help) operands='COMMAND' ;;
    *) return ;;
  esac
  for ((i = 2; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      --) compopt -o default; return ;;
      -*) [[ " $valued " != *" \${COMP_WORDS[i]}:"* ]] || ((i++)) ;;
      *) ((at++)) ;;
    esac
  done
  for i in $valued; do
    [ "\${i%:*}" != "$before" ] || kind=\${i#*:}
  done
  read -ra kinds <<<"$operands"
  kind=\${kind:-\${kinds[at]:-}}
  [ "$kind" != FILE ] || compopt -o default
  [[ $word = -* ]] || options=$(_trestle_words "$kind")
  mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}

complete -F _trestle trestle
`;
}

function entry({ name, options = {}, operands = '', takesCommand }: Command): string {
  const own = Object.entries(options);
  const shown = [...own.map(([option]) => `--${option}`), '--help', ...(takesCommand ? ['--'] : [])].join(' ');
  const valued = own.flatMap(([option, { value }]) => (value ? [`--${option}:${value}`] : [])).join(' ');
  return `    ${name}) options='${shown}' operands='${operands}' valued='${valued}' ;;`;
}
