// SPDX-License-Identifier: Apache-2.0
// recap completion bash|zsh|fish. The scripts are a few lines: they call `recap __complete` with
// the words typed so far (complete.cc), whose answer is lines "WORD\tDESCRIPTION", ":file",
// ":directory".
#include <string>

#include "cli/command.h"
#include "cli/verbs.h"
#include "console/escape.h"
#include "console/output.h"

namespace recap::cli {
namespace {

// bash splits words at ':' and '=' and replaces only the last part, so the line is split here and
// what stands before the last of them is cut from the answers.
constexpr std::string_view kBash = R"(# bash completion for recap
_recap() {
    local line=${COMP_LINE:0:COMP_POINT} word about before
    local -a typed
    read -ra typed <<< "$line"
    [[ $line == *[[:space:]] ]] && typed+=("")
    local now=${typed[${#typed[@]}-1]}
    before=${now%"${now##*[:=]}"}
    COMPREPLY=()
    while IFS=$'\t' read -r word about; do
        case $word in
            :file) compopt -o default ;;
            :directory) compopt -o dirnames ;;
            *) COMPREPLY+=("${word#"$before"}") ;;
        esac
    done < <("${typed[0]}" __complete "${typed[@]:1}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[:=] ]]; then
        compopt -o nospace
    fi
}
complete -F _recap recap
)";

constexpr std::string_view kZsh = R"(#compdef recap
# zsh completion for recap
_recap() {
    local word about
    local -a found
    while IFS=$'\t' read -r word about; do
        case $word in
            :file) _files ;;
            :directory) _files -/ ;;
            *) found+=("${word//:/\\:}:$about") ;;
        esac
    done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    (( $#found )) && _describe recap found
}
if [[ $funcstack[1] == _recap ]]; then
    _recap "$@"
else
    compdef _recap recap
fi
)";

constexpr std::string_view kFish = R"(# fish completion for recap
function __recap_complete
    set -l typed (commandline -opc) (commandline -ct)
    for line in (recap __complete $typed[2..-1] 2>/dev/null)
        switch $line
            case ':file'
                __fish_complete_path (commandline -ct)
            case ':directory'
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
        end
    end
end
complete -c recap -f -a '(__recap_complete)'
)";

}  // namespace

int completion(std::span<char*> args) {
  std::string shell;
  Command command("completion");
  command.operand(shell);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  Output out;
  if (shell == "bash") {
    out << kBash;
  } else if (shell == "zsh") {
    out << kZsh;
  } else if (shell == "fish") {
    out << kFish;
  } else {
    complain("completion", printable(shell, 60) + " is not known; there is bash, zsh and fish");
    return kExitOurs;
  }
  return out.finish("completion");
}

}  // namespace recap::cli
