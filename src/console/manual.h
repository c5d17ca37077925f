// SPDX-License-Identifier: Apache-2.0
// What people are told about each verb of a program, in one table: --help, the arguments a verb
// accepts (command.h) and completion are all made from it, so none of them can say something else.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace recap::console {

// What a word may be, for completion.
enum class Words : std::uint8_t {
  kNothing,
  kFile,
  kDirectory,
  kTarget,
  kRun,  // live or ended
  kLiveRun,
  kImage,
  kFunction,  // a function of the catalogue or an image of the store
  kVerb,
  kRunPath,  // RUN:PATH or a local path
  kCommand,  // what follows belongs to somebody else
};

struct Flag {
  std::string_view names = {};  // "-o,--output": short one first, if there is one
  std::string_view value = {};  // "FORMAT"; empty: a switch
  std::string_view help = {};
  Words words = Words::kNothing;
  std::string_view choices = {};  // "table json"; empty: anything
};

struct Operand {
  std::string_view name = {};
  Words words = Words::kNothing;
  bool optional = false;
  bool many = false;
  std::string_view choices = {};  // "bash zsh fish"; empty: anything
};

enum class Group : std::uint8_t { kRun, kLive, kFind, kImages, kHost };

struct Manual {
  std::string_view verb;
  Group group;
  std::string_view summary;  // one line, no full stop
  std::string_view details;  // sentences, may be empty
  std::span<const Flag> flags;
  std::span<const Operand> operands;
  std::string_view examples;  // lines, each ended by \n
};

// A command line: `recap`, `kubectl recap`.
struct Program {
  std::string_view name;               // as people type it
  std::span<const Manual> verbs;       // grouped
  std::span<const Flag> common_flags;  // that every verb has
  std::string_view examples;           // what its --help begins with, lines
  std::string_view notes;              // and ends with
};

// nullptr when there is no such verb.
const Manual* find_manual(const Program& program, std::string_view verb);

// "recap ps [flags] …", what `recap VERB --help` prints.
std::string help_of(const Program& program, const Manual& manual);

// What `recap --help` prints: examples, the verbs in groups, exit codes.
std::string overview_of(const Program& program);

}  // namespace recap::console
