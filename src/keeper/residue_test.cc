// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <gtest/gtest.h>

#include "keeper/active_run.h"

namespace recap::keeper {
namespace {

TEST(Residue, HasItsClass) {
  const auto run = std::make_unique<ActiveRun>();
  run->add_named_residue("network: a route was added");
  ASSERT_EQ(run->record.residue_count, 1U);
  EXPECT_EQ(run->record.residue[0].what, "network");
  EXPECT_EQ(run->record.residue[0].detail, "a route was added");
}

TEST(Residue, OfAnUnknownClassIsUnverified) {
  const auto run = std::make_unique<ActiveRun>();
  for (const char* text : {"mount: one is left", "no class at all", ""}) {
    run->add_named_residue(text);
    ASSERT_GT(run->record.residue_count, 0U);
    const run::Residue& last = run->record.residue[run->record.residue_count - 1];
    EXPECT_EQ(last.what, "unverified");
    EXPECT_EQ(last.detail, text);
  }
  EXPECT_EQ(run->record.residue_count, 3U);
}

}  // namespace
}  // namespace recap::keeper
