// SPDX-License-Identifier: Apache-2.0
#include "image/pull.h"

#include <gtest/gtest.h>

#include "image/options.h"
#include "image/skopeo.h"

namespace recap::image {
namespace {

TEST(PullSource, Table) {
  struct Case {
    std::string text, location, name;
  };
  const Case cases[] = {
      {"busybox", "docker://docker.io/library/busybox:latest", "docker.io/library/busybox:latest"},
      {"docker://a/b:1", "docker://docker.io/a/b:1", "docker.io/a/b:1"},
      {"localhost:5000/x", "docker://localhost:5000/x:latest", "localhost:5000/x:latest"},
      {"docker-daemon:x:2", "docker-daemon:x:2", "docker.io/library/x:2"},
      {"containers-storage:localhost/x", "containers-storage:localhost/x", "localhost/x:latest"},
      {"containers-storage:[vfs@/a+/b]localhost/x:3", "containers-storage:[vfs@/a+/b]localhost/x:3",
       "localhost/x:3"},
      {"oci:/tmp/dir", "oci:/tmp/dir", ""},
      {"oci:/tmp/dir:x/y:1", "oci:/tmp/dir:x/y:1", "docker.io/x/y:1"},
      {"docker-archive:/tmp/a.tar:x:1", "docker-archive:/tmp/a.tar:x:1", "docker.io/library/x:1"},
      {"dir:/tmp/a", "dir:/tmp/a", ""},
  };
  for (const Case& one : cases) {
    const auto source = parse_pull_source(one.text);
    ASSERT_TRUE(source) << one.text;
    EXPECT_EQ(source->location, one.location) << one.text;
    EXPECT_EQ(source->name, one.name) << one.text;
  }
  for (const char* bad : {"", "--help", "-q", "X Y", "docker://", "docker://-x", "http://x/y",
                          "\033[2J", "tarball:/x", "ostree:x@/y"}) {
    EXPECT_FALSE(parse_pull_source(bad)) << bad;
  }
}

TEST(Skopeo, LastMessage) {
  EXPECT_EQ(last_message("time=\"1\" level=info msg=\"a\"\n"
                         "time=\"2\" level=fatal msg=\"reading \\\"x\\\": denied\"\n"),
            "reading \"x\": denied");
  EXPECT_EQ(last_message("level=fatal msg=\"two:\\n\\t* lines\"\n"), "two:  * lines");
  EXPECT_EQ(last_message("one\ntwo\n\n"), "two");
  EXPECT_EQ(last_message(""), "");
  EXPECT_EQ(last_message("msg=\"cut"), "cut");
}

std::string parsed(std::vector<std::string_view> words) {
  constexpr std::array kKnown = {OptionSpec{"--name", true}, OptionSpec{"--quiet", false, "-q"}};
  const auto options = parse_options(words, kKnown);
  if (!options) {
    return "error";
  }
  std::string out = options->value("--name") + "|" + options->value("--quiet");
  for (const std::string& argument : options->arguments) {
    out += "|" + argument;
  }
  return out;
}

TEST(Options, Table) {
  EXPECT_EQ(parsed({"a"}), "||a");
  EXPECT_EQ(parsed({"--name", "n", "a"}), "n||a");
  EXPECT_EQ(parsed({"a", "--name=n=m", "-q"}), "n=m|yes|a");
  EXPECT_EQ(parsed({"--", "--name"}), "||--name");
  EXPECT_EQ(parsed({"-"}), "||-");
  EXPECT_EQ(parsed({"--name="}), "|");
  EXPECT_EQ(parsed({"--name"}), "error");
  EXPECT_EQ(parsed({"--quiet=yes"}), "error");
  EXPECT_EQ(parsed({"--unknown"}), "error");
  EXPECT_EQ(parsed({"-q", "-q"}), "error");
}

}  // namespace
}  // namespace recap::image
