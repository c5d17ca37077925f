// SPDX-License-Identifier: Apache-2.0
#include "capsule/record_json.h"

#include <linux/capability.h>

#include <gtest/gtest.h>

namespace recap::capsule {
namespace {

run::Record example() {
  run::Record record;
  record.run_id = "0123456789ab";
  record.target = {"docker", "c0ffee", "web\x1b[2J", 4711, 99};
  record.image = {"tcpdump", "sha256:aa"};
  record.share = run::kShareNet | run::kSharePid;
  record.view = run::View::kTarget;
  record.capabilities = std::uint64_t{1} << CAP_NET_RAW;
  record.attach_us = 1500;
  record.exit_code = 137;
  record.exit_signal = 9;
  record.reason = run::Reason::kDeadline;
  record.residue_verified = true;
  return record;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(RecordJson, HasTheFieldsThatProgramsRely) {
  const std::string json = record_json(example());
  for (const char* part :
       {"\"id\": \"0123456789ab\"", "\"runtime\": \"docker\"", "\"container\": \"c0ffee\"",
        "\"pid\": 4711", "\"ref\": \"tcpdump\"", "\"digest\": \"sha256:aa\"",
        "\"view\": \"target\"", "\"NET_RAW\"", "\"attach_ms\": 1.500", "\"code\": 137",
        "\"signal\": 9", "\"reason\": \"DeadlineExceeded\"", "\"verified\": true",
        "\"found\": []"}) {
    EXPECT_TRUE(contains(json, part)) << part << " is not in " << json;
  }
}

TEST(RecordJson, IsHarmlessOnATerminal) {
  EXPECT_EQ(record_json(example()).find('\x1b'), std::string::npos);
}

TEST(RecordJson, NamesTheResidue) {
  run::Record record = example();
  record.residue_verified = false;
  record.residue[0] = {"process", "pid 12 (sleep)"};
  record.residue_count = 1;
  const std::string json = record_json(record);
  EXPECT_TRUE(contains(json, "\"verified\": false"));
  EXPECT_TRUE(contains(json, "\"what\": \"process\""));
  EXPECT_TRUE(contains(json, "\"detail\": \"pid 12 (sleep)\""));
}

}  // namespace
}  // namespace recap::capsule
