// SPDX-License-Identifier: Apache-2.0
#include "targets/reference.h"

#include <gtest/gtest.h>

namespace recap::targets {
namespace {

using Form = Reference::Form;

TEST(Reference, Forms) {
  EXPECT_EQ(parse_reference("web")->form, Form::kAny);
  EXPECT_EQ(parse_reference("docker://web")->runtime, "docker");
  const auto containerd = parse_reference("containerd://k8s.io/abc");
  EXPECT_EQ(containerd->ns, "k8s.io");
  EXPECT_EQ(containerd->name, "abc");
  EXPECT_EQ(parse_reference("containerd://abc")->ns, "");
  const auto pod = parse_reference("pod/shop/web-0/nginx");
  EXPECT_EQ(pod->form, Form::kPod);
  EXPECT_EQ(pod->ns + "," + pod->name + "," + pod->container, "shop,web-0,nginx");
  EXPECT_EQ(parse_reference("pod/shop/web-0")->container, "");
  EXPECT_EQ(parse_reference("pid:4194304")->pid, 4194304U);
}

TEST(Reference, WhatIsNoneIsInvalid) {
  for (const std::string bad : {"",
                                ".",
                                "..",
                                "a/b",
                                "/etc",
                                "docker://",
                                "docker://a/b",
                                "docker://..",
                                "lxc://a",
                                "://a",
                                "containerd:///a",
                                "containerd://../a",
                                "containerd://a/b/c",
                                "pod/",
                                "pod/a",
                                "pod/a/",
                                "pod//b",
                                "pod/a/b/",
                                "pod/a/b/c/d",
                                "pid:",
                                "pid:0",
                                "pid:-1",
                                "pid:+1",
                                "pid:07",
                                "pid:1 ",
                                "pid:4194305",
                                "pid:18446744073709551617",
                                "a\x1b[2J",
                                "a\nb",
                                "\x7f",
                                "caf\xc3\xa9"}) {
    const auto reference = parse_reference(bad);
    ASSERT_FALSE(reference) << bad;
    EXPECT_EQ(reference.error().kind(), base::Kind::kInvalid) << bad;
  }
  EXPECT_FALSE(parse_reference(std::string_view("a\0b", 3)));
}

TEST(Reference, MessagesAreShortAndHarmless) {
  const auto escape = parse_reference("web\x1b]52;c;AAAA\x07");
  EXPECT_EQ(escape.error().message().find('\x1b'), std::string_view::npos);
  EXPECT_NE(escape.error().message().find("\\x1b"), std::string_view::npos);
  const auto huge = parse_reference(std::string(1 << 20, 'a'));
  ASSERT_FALSE(huge);
  EXPECT_LT(huge.error().message().size(), 200U);
  EXPECT_TRUE(parse_reference(std::string(255, 'a')));
  EXPECT_FALSE(parse_reference(std::string(257, 'a')));
}

}  // namespace
}  // namespace recap::targets
