// SPDX-License-Identifier: Apache-2.0
// The manual as text. Examples come first: most people look for the line to copy.
#include <algorithm>
#include <array>
#include <cstddef>

#include "console/escape.h"
#include "console/manual.h"
#include "console/run_flags.h"

namespace recap::console {
namespace {

constexpr std::size_t kWidth = 90;

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

std::string usage_of(const Program& program, const Manual& manual) {
  std::string out(program.name);
  out.append(" ").append(manual.verb);
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

const Manual* find_manual(const Program& program, std::string_view verb) {
  for (const Manual& manual : program.verbs) {
    if (manual.verb == verb) {
      return &manual;
    }
  }
  return nullptr;
}

std::string help_of(const Program& program, const Manual& manual) {
  std::string out = usage_of(program, manual) + "\n\n";
  std::string first(manual.summary);
  first += '.';
  if (first[0] >= 'a' && first[0] <= 'z') {
    first[0] = static_cast<char>(first[0] - 'a' + 'A');
  }
  append_wrapped(out, manual.details.empty() ? first : first + ' ' + std::string(manual.details));
  out.append("\nExamples:\n").append(manual.examples).append("\nFlags:\n");
  std::size_t indent = 0;
  for (const auto flags : {manual.flags, program.common_flags}) {
    for (const Flag& flag : flags) {
      indent = std::max(indent, columns_of(left_of(flag)) + 4);
    }
  }
  append_flags(out, manual.verb, manual.flags, indent);
  append_flags(out, manual.verb, program.common_flags, indent);
  return out;
}

std::string overview_of(const Program& program) {
  std::string out(program.examples);
  for (const Heading& heading : kHeadings) {
    std::string lines;
    for (const Manual& manual : program.verbs) {
      if (manual.group == heading.group) {
        std::string line = "  ";
        line += manual.verb;
        pad(line, 14);
        lines.append(line).append(manual.summary).append("\n");
      }
    }
    if (!lines.empty()) {
      out.append("\n").append(heading.text).append(":\n").append(lines);
    }
  }
  return out.append("\n").append(program.notes);
}

}  // namespace recap::console
