// SPDX-License-Identifier: Apache-2.0
// The manual as text. Examples come first: most people look for the line to copy.
#include <algorithm>
#include <array>
#include <cstddef>

#include "cli/escape.h"
#include "cli/manual.h"
#include "cli/run_options.h"

namespace recap::cli {
namespace {

constexpr std::size_t kWidth = 90;

constexpr std::string_view kExamples =
    "RECap attaches a function (tcpdump, strace, a shell …) to a running container and removes it\n"
    "without trace. The container needs no tools, is not restarted and not changed.\n"
    "\n"
    "  recap targets                               what can be attached to\n"
    "  recap run tcpdump web -- -i any -c 10       packets, from inside web's network\n"
    "  recap run strace web -- -p 1 -f -c          system calls of web's first process\n"
    "  recap run -it debian:12 web -- bash         any image beside web\n"
    "  recap shell web                             a toolbox shell beside web\n"
    "  recap ps; recap stop --all                  what is attached; remove it\n";

constexpr std::string_view kAfterVerbs =
    "Targets:\n"
    "  NAME, ID or a prefix of it, docker://NAME, podman://NAME, containerd://NAMESPACE/ID,\n"
    "  runc://ID, crun://ID, pod/NAMESPACE/NAME[/CONTAINER], pid:N\n"
    "\n"
    "Exit codes:\n"
    "  the function's own; 124 its --timeout passed; 125 RECap refused or failed (the reason is "
    "on\n"
    "  stderr); 126, 127 the program is not executable, not found; 128+N it ended by signal N\n"
    "\n"
    "`recap VERB --help` explains a verb. `recap doctor` tells what this host can do.\n";

struct Heading {
  Group group;
  std::string_view text;
};

constexpr std::array kHeadings = {
    Heading{Group::kRun, "Attach"},         Heading{Group::kLive, "Live and ended runs"},
    Heading{Group::kFind, "What there is"}, Heading{Group::kImages, "Images"},
    Heading{Group::kHost, "This host"},
};

// "-o, --output FORMAT"; a flag without a short name is indented to where long names start.
std::string left_of(const Flag& flag) {
  std::string out;
  const std::size_t comma = flag.names.find(',');
  if (comma == std::string_view::npos) {
    out.append("    ").append(flag.names);
  } else {
    out.append(flag.names.substr(0, comma)).append(", ").append(flag.names.substr(comma + 1));
  }
  if (!flag.value.empty()) {
    out.append(" ").append(flag.value);
  }
  return out;
}

void pad(std::string& line, std::size_t columns) {
  const std::size_t used = columns_of(line);
  line.append(used < columns ? columns - used : 1, ' ');
}

// `verb` decides whether the defaults of a run are shown.
void append_flags(std::string& out, std::string_view verb, std::span<const Flag> flags,
                  std::size_t indent) {
  for (const Flag& flag : flags) {
    std::string line = "  " + left_of(flag);
    pad(line, indent);
    out.append(line).append(flag.help);
    if (!flag.choices.empty() && flag.names != "-o,--output") {
      out.append(": ").append(flag.choices);
    }
    if (verb == "run" || verb == "shell") {
      const std::string usual = default_of(flag.names.substr(flag.names.find("--")));
      out.append(usual.empty() ? "" : " (default ").append(usual).append(usual.empty() ? "" : ")");
    }
    out += '\n';
  }
}

// `text` in lines of at most kWidth columns.
void append_wrapped(std::string& out, std::string_view text) {
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    const std::string_view word = text.substr(0, end);
    if (column != 0 && column + 1 + columns_of(word) > kWidth) {
      out += '\n';
      column = 0;
    }
    if (column != 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += columns_of(word);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  out += '\n';
}

std::string usage_of(const Manual& manual) {
  std::string out = "recap ";
  out += manual.verb;
  out += " [flags]";
  for (const Operand& operand : manual.operands) {
    const bool bracket = operand.optional && !operand.name.starts_with('[');
    out.append(bracket ? " [" : " ").append(operand.name);
    out.append(operand.many && !operand.name.ends_with(']') ? "…" : "");
    out.append(bracket ? "]" : "");
  }
  return out;
}

}  // namespace

std::string help_of(const Manual& manual) {
  std::string out = usage_of(manual) + "\n\n";
  std::string first(manual.summary);
  first += '.';
  if (first[0] >= 'a' && first[0] <= 'z') {
    first[0] = static_cast<char>(first[0] - 'a' + 'A');
  }
  append_wrapped(out, manual.details.empty() ? first : first + ' ' + std::string(manual.details));
  out.append("\nExamples:\n").append(manual.examples).append("\nFlags:\n");
  std::size_t indent = 0;
  for (const auto flags : {manual.flags, common_flags()}) {
    for (const Flag& flag : flags) {
      indent = std::max(indent, columns_of(left_of(flag)) + 4);
    }
  }
  append_flags(out, manual.verb, manual.flags, indent);
  append_flags(out, manual.verb, common_flags(), indent);
  return out;
}

std::string overview() {
  std::string out(kExamples);
  for (const Heading& heading : kHeadings) {
    out.append("\n").append(heading.text).append(":\n");
    for (const Manual& manual : manuals()) {
      if (manual.group == heading.group) {
        std::string line = "  ";
        line += manual.verb;
        pad(line, 14);
        out.append(line).append(manual.summary).append("\n");
      }
    }
  }
  return out.append("\n").append(kAfterVerbs);
}

}  // namespace recap::cli
