// SPDX-License-Identifier: Apache-2.0
#include "caplet/kube_reporter.h"

#include <utility>

#include <boost/json/array.hpp>
#include <openssl/evp.h>

#include "linux/process.h"

namespace recap::caplet {
namespace {

namespace json = boost::json;

// Of each stream; with base64 both stay below the 48 KiB that the kind allows.
constexpr std::size_t kTailBytes = std::size_t{16} << 10;

json::object terminal(const kube::ObjectMeta& run, bool succeeded, std::string_view reason,
                      std::string_view message, json::object result) {
  const std::int64_t now_s = linux::wall_clock_s();
  json::object status{{"phase", succeeded ? "Succeeded" : "Failed"},
                      {"observedGeneration", run.generation},
                      {"completionTime", api_time(now_s)},
                      {"targets", json::object{{"total", 1},
                                               {"pending", 0},
                                               {"active", 0},
                                               {"succeeded", succeeded ? 1 : 0},
                                               {"failed", succeeded ? 0 : 1},
                                               {"skipped", 0}}}};
  status["conditions"] = json::array{
      condition(succeeded ? "Complete" : "Failed", true, reason, message, run.generation)};
  if (!result.empty()) {
    status["startTime"] =
        result.contains("startTime") ? result["startTime"] : json::value(api_time(now_s));
    status["results"] = json::array{std::move(result)};
  }
  return status;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t size = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || text.size() < size || lead == 0) {
      return false;
    }
    // Longer than needed, a surrogate, or beyond Unicode: a reader of JSON would replace it.
    const auto second = size > 1 ? static_cast<unsigned char>(text[1]) : 0x80;
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) {
      return false;
    }
    for (std::size_t i = 1; i < size; ++i) {
      if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) {
        return false;
      }
    }
    text.remove_prefix(size);
  }
  return true;
}

// A tail that was cut may begin in the middle of a character.
std::string_view from_character(const OutputTail& output) {
  const std::string_view tail = output.bytes;
  if (tail.size() >= output.total) {
    return tail;
  }
  std::size_t skip = 0;
  while (skip < 3 && skip < tail.size() &&
         (static_cast<unsigned char>(tail[skip]) & 0xc0) == 0x80) {
    ++skip;
  }
  return tail.substr(skip);
}

std::string base64(std::string_view bytes) {
  std::vector<unsigned char> text(4 * ((bytes.size() + 2) / 3) + 1);
  const int size =
      ::EVP_EncodeBlock(text.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                        static_cast<int>(bytes.size()));
  return {text.begin(), text.begin() + size};
}

const char* kind_of(const Assignment& assignment) { return assignment.declared()->kind.c_str(); }

json::object place_of(const Assignment& assignment, const std::string& node) {
  json::object place{{"node", node}};
  if (const NodeTarget* target = assignment.target()) {
    place["pod"] = target->target.pod;
    place["container"] = target->target.container;
  } else {
    place["pod"] = assignment.declared()->once->pod;
  }
  return place;
}

}  // namespace

void add_output(json::object& result, const OutputTail& out, const OutputTail& err) {
  const std::string_view text_out = from_character(out);
  const std::string_view text_err = from_character(err);
  const bool is_text = is_utf8(text_out) && is_utf8(text_err);
  result["outputBytes"] = static_cast<std::int64_t>(out.total);
  result["errorBytes"] = static_cast<std::int64_t>(err.total);
  result["outputEncoding"] = is_text ? "Text" : "Base64";
  result["outputTail"] = is_text ? std::string(text_out) : base64(out.bytes);
  result["errorTail"] = is_text ? std::string(text_err) : base64(err.bytes);
}

json::object KubeReporter::result_of(const Assignment& assignment, const RunResult& result) const {
  json::object object = place_of(assignment, node_);
  object["runID"] = result.id;
  object["imageDigest"] = result.image_digest;
  object["exitCode"] = result.exit_code;
  object["reason"] = result.reason;
  object["message"] = result.message;
  object["retries"] =
      assignment.state().once.attempts > 0 ? assignment.state().once.attempts - 1 : 0;
  object["startTime"] = api_time(result.started_at_s);
  object["completionTime"] = api_time(linux::wall_clock_s());
  object["attachMs"] = result.attach_s * 1000;
  object["escapeMs"] = result.escape_s * 1000;
  add_output(object, output_tail(dirs_, result.id, "stdout", kTailBytes),
             output_tail(dirs_, result.id, "stderr", kTailBytes));
  return object;
}

void KubeReporter::on_started(const Assignment& assignment, const std::string&) {
  const Declared& declared = *assignment.declared();
  if (!declared.once) {
    return;  // policies carry no running status
  }
  const kube::ObjectMeta& run = declared.capsule.meta;
  status_.write(run, {{"phase", "Running"},
                      {"observedGeneration", run.generation},
                      {"startTime", api_time(linux::wall_clock_s())},
                      {"targets", json::object{{"total", 1}, {"active", 1}}}});
}

void KubeReporter::note_ending(const Assignment& assignment, const RunResult& result) {
  json::object ending{{"time", api_time(linux::wall_clock_s())},
                      {"node", node_},
                      {"exitCode", result.exit_code},
                      {"reason", result.reason},
                      {"message", result.message}};
  if (const NodeTarget* target = assignment.target()) {
    ending["namespace"] = target->target.pod_namespace;
    ending["pod"] = target->target.pod;
    ending["container"] = target->target.container;
  }
  LastEndings& last = endings_[assignment.declared()->key];
  (result.succeeded() ? last.success : last.failure) = std::move(ending);
}

void KubeReporter::on_ended(const Assignment& assignment, const RunResult& result) {
  if (!assignment.declared()) {
    return;  // what was deleted has nobody to be told
  }
  const Declared& declared = *assignment.declared();
  if (declared.once) {
    if (assignment.state().once.done) {
      status_.write(declared.capsule.meta,
                    terminal(declared.capsule.meta, result.succeeded(), result.reason,
                             result.message, result_of(assignment, result)));
    }
    return;
  }
  note_ending(assignment, result);
  if (!result.succeeded() && result.reason != "Stopped" && result.reason != "TargetGone") {
    record(assignment, true, "RunFailed",
           "run " + result.id + " failed: exit code " + std::to_string(result.exit_code) + ", " +
               result.reason + (result.message.empty() ? "" : ": " + result.message));
  }
  if (result.residue != 0) {
    record(assignment, true, "ResidueFound",
           "run " + result.id + " left " + std::to_string(result.residue) +
               " things that Escape could not undo");
  }
}

void KubeReporter::on_refused(const Assignment& assignment, std::string_view reason,
                              std::string_view message) {
  const Declared& declared = *assignment.declared();
  if (!declared.once) {
    record(assignment, true, reason == "Denied" ? "RunDenied" : "RunRefused", std::string(message));
    return;
  }
  json::object result = place_of(assignment, node_);
  result["exitCode"] = 125;
  result["reason"] = reason;
  result["message"] = message;
  status_.write(declared.capsule.meta,
                terminal(declared.capsule.meta, false, reason, message, std::move(result)));
}

void KubeReporter::on_unsupported(const Assignment& assignment, std::string_view message) {
  record(assignment, true, "Unsupported", "node " + node_ + ": " + std::string(message));
}

void KubeReporter::on_no_target(const Declared& declared) {
  const std::string& pod = declared.once->pod;
  const std::string message = "pod " + pod + " has no such running container on node " + node_;
  json::object result{{"node", node_},
                      {"pod", pod},
                      {"exitCode", 125},
                      {"reason", "TargetGone"},
                      {"message", message}};
  status_.write(declared.capsule.meta,
                terminal(declared.capsule.meta, false, "TargetGone", message, std::move(result)));
}

void KubeReporter::record(const Assignment& assignment, bool warning, std::string_view reason,
                          std::string note) {
  const kube::ObjectMeta& meta = assignment.declared()->capsule.meta;
  if (const NodeTarget* target = assignment.target()) {
    note = "pod " + target->target.pod_namespace + "/" + target->target.pod + ", container " +
           target->target.container + ": " + note;
  }
  kube::Event event{
      .regarding = {kube::kApiVersion, kind_of(assignment), meta.ns, meta.name, meta.uid},
      .warning = warning,
      .reason = std::string(reason),
      .action = "Run",
      .note = std::move(note)};
  events_.record(event);
  const NodeTarget* target = assignment.target();
  if (target != nullptr && assignment.declared()->capsule.pod_events) {
    event.regarding = {"v1", "Pod", target->target.pod_namespace, target->target.pod,
                       target->pod_uid};
    event.note = std::string(kind_of(assignment)) + " " + meta.name + ": " + event.note;
    events_.record(event);
  }
}

}  // namespace recap::caplet
