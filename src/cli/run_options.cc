// SPDX-License-Identifier: Apache-2.0
#include "cli/run_options.h"

#include <stdlib.h>

#include "cli/manual.h"
#include "console/flag_parser.h"

namespace recap::cli {
namespace {

using base::Status;

base::Error invalid(std::string_view message) { return {base::Kind::kInvalid, message}; }

Status apply(RunOptions& options, const GivenFlag& given) {
  if (given.name == "--help") {
    options.help = true;
  } else if (given.name == "--state-dir") {
    ::setenv("RECAP_STATE_DIR", std::string(given.value).c_str(), 1);
  } else if (given.name == "--data-dir") {
    ::setenv("RECAP_DATA_DIR", std::string(given.value).c_str(), 1);
  } else {
    return apply_run_flag(options, given);
  }
  return {};
}

std::string_view advice_of(std::string_view verb) {
  return verb == "shell" ? "; a command and its arguments come behind `--`"
                         : "; arguments of the function come behind `--`";
}

Status take_operands(std::string_view verb, RunOptions& options, const ParsedWords& parsed) {
  const auto& words = parsed.words;
  capsule::RunRequest& request = options.request;
  const bool is_shell = verb == "shell";
  if (words.empty()) {
    return invalid(base::concat<300>(
        "say which target: recap ",
        is_shell ? "shell TARGET [-- COMMAND [ARG…]]" : "run FUNCTION|IMAGE TARGET [-- ARG…]",
        ", or recap targets to see what there is"));
  }
  const std::size_t most = is_shell ? 1 : 2;
  if (words.size() > most) {
    return invalid(
        base::concat<300>("unexpected word '", words[most].substr(0, 60), "'", advice_of(verb)));
  }
  request.target = words.back();
  options.terminal_by_itself = words.size() == 1;
  request.image = words.size() == 2 ? std::string(words.front()) : capsule::kDefaultFunction;
  request.words.assign(parsed.rest.begin(), parsed.rest.end());
  return {};
}

Status check_together(const RunOptions& options) {
  const capsule::RunRequest& request = options.request;
  if (request.terminal && !request.interactive && !request.detached) {
    return invalid("stdin is required for containers with -t/--tty: add -i, as in -it");
  }
  if (request.detached && request.interactive && !request.terminal) {
    return invalid("-d gives stdin to nobody: leave out -i, or use -dit and `recap attach`");
  }
  if (request.detached && request.out == "-") {
    return invalid("-d returns before there is an artifact: name a directory or a file with --out");
  }
  if (request.detached && !request.report.empty()) {
    return invalid("-d returns before there is a record: use `recap inspect` later");
  }
  if (request.terminal && request.out == "-") {
    return invalid("-t and --out - both need stdout: name a directory or a file with --out");
  }
  if (request.target.size() > 4096 || request.image.size() > 4096) {
    return invalid("the name of the image or of the target is longer than 4096 bytes");
  }
  return {};
}

}  // namespace

base::Result<RunOptions> parse_run_options(std::string_view verb, std::span<char*> args) {
  RunOptions options;
  const ParsedWords parsed = RECAP_TRY(
      parse_words(args, {manual_of(verb)->flags, program().common_flags}, advice_of(verb)));
  for (const GivenFlag& given : parsed.flags) {
    RECAP_TRY(apply(options, given));
  }
  if (!options.help) {
    RECAP_TRY(take_operands(verb, options, parsed));
    RECAP_TRY(check_together(options));
  }
  return options;
}

}  // namespace recap::cli
