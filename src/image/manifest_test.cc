// SPDX-License-Identifier: Apache-2.0
#include "image/manifest.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "image/config.h"
#include "image/json.h"

namespace recap::image {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');
const std::string kDockerType = "application/vnd.docker.distribution.manifest.v2+json";

std::string descriptor(const std::string& type, const std::string& digest = kDigest) {
  return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":5}})", type, digest);
}

std::string manifest(const std::string& more = "", const std::string& layers = "",
                     const std::string& config_type = std::string(kOciConfigType)) {
  return fmt::format(
      R"({{"schemaVersion":2,"config":{},"layers":[{}]{}}})", descriptor(config_type),
      layers.empty() ? descriptor("application/vnd.oci.image.layer.v1.tar+gzip") : layers, more);
}

TEST(Manifest, Reads) {
  const auto parsed = parse_manifest(manifest(), kOciManifestType);
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->layers.size(), 1U);
  EXPECT_EQ(parsed->config.digest.text(), kDigest);
  EXPECT_EQ(parsed->layers[0].size, 5U);
}

TEST(Manifest, ConfusionIsRefused) {
  const std::string bad[] = {
      manifest(R"(,"manifests":[])"),
      manifest(R"(,"fsLayers":[])"),
      manifest(R"(,"mediaType":"application/vnd.oci.image.index.v1+json")"),
      manifest(fmt::format(R"(,"mediaType":"{}")", kDockerType)),
      manifest(R"(,"layers":[])"),
      manifest(R"(,"Layers":[])"),
      manifest(R"(,"CONFIG":{})"),
      R"({"schemaVersion":1,"config":{},"layers":[]})",
      R"({"schemaVersion":2,"manifests":[]})",
      R"({"schemaVersion":2,"config":{}})",
      R"([])",
      R"({)",
      "",
      manifest() + "x",
      manifest() + manifest(),
      "//comment\n" + manifest(),
  };
  for (const std::string& text : bad) {
    EXPECT_FALSE(parse_manifest(text, kOciManifestType)) << text;
  }
  EXPECT_FALSE(parse_manifest(manifest(), kDockerType));  // Docker's always say what they are
  EXPECT_TRUE(
      parse_manifest(manifest(fmt::format(R"(,"mediaType":"{}")", kDockerType)), kDockerType));
  EXPECT_FALSE(parse_index(manifest(), kOciIndexType));
  EXPECT_FALSE(parse_index(R"({"schemaVersion":2,"manifests":[],"layers":[]})", kOciIndexType));
}

TEST(Manifest, DigestsAreChecked) {
  const std::string type = "application/vnd.oci.image.layer.v1.tar";
  for (const std::string& digest :
       {"sha256:" + std::string(64, 'A'), "sha256:" + std::string(63, 'a'),
        std::string("sha256:../../../../../../etc/passwd"), "sha512:" + std::string(128, 'a'),
        std::string(""), std::string("sha256:"), "sha256:" + std::string(64, 'a') + "\\u0000"}) {
    EXPECT_FALSE(parse_manifest(manifest("", descriptor(type, digest)), kOciManifestType))
        << digest;
  }
  const std::string negative = R"({"mediaType":")" + type + R"(","digest":")" + kDigest + R"(",)";
  EXPECT_FALSE(parse_manifest(manifest("", negative + R"("size":-1})"), kOciManifestType));
  EXPECT_FALSE(parse_manifest(manifest("", negative + R"("size":1e3})"), kOciManifestType));
  EXPECT_FALSE(parse_manifest(manifest("", negative + R"("size":"5"})"), kOciManifestType));
  EXPECT_FALSE(
      parse_manifest(manifest("", negative + R"("size":18446744073709551615})"), kOciManifestType));
}

TEST(Manifest, StrangeLayersAndConfigsAreNamed) {
  for (const char* type : {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                           "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
                           "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
                           "application/vnd.in-toto+json", ""}) {
    const auto parsed = parse_manifest(manifest("", descriptor(type)), kOciManifestType);
    ASSERT_FALSE(parsed) << type;
    EXPECT_EQ(parsed.error().kind(), base::Kind::kUnsupported);
  }
  const auto artifact = parse_manifest(manifest("", "", "application/vnd.cncf.helm.config.v1+json"),
                                       kOciManifestType);
  ASSERT_FALSE(artifact);
  EXPECT_EQ(artifact.error().kind(), base::Kind::kUnsupported);
}

TEST(Manifest, LayersAreCounted) {
  std::string layers;
  for (int i = 0; i < 121; ++i) {
    layers += (i == 0 ? "" : ",") + descriptor("application/vnd.oci.image.layer.v1.tar");
  }
  EXPECT_FALSE(parse_manifest(manifest("", layers), kOciManifestType));
  EXPECT_FALSE(parse_manifest(
      R"({"schemaVersion":2,"layers":[],"config":)" + descriptor(std::string(kOciConfigType)) + "}",
      kOciManifestType));
}

Descriptor variant(const std::string& os, const std::string& arch,
                   const std::string& variant = "") {
  Descriptor out;
  out.platform = {os, arch, variant};
  return out;
}

TEST(Platform, ChoosesThisMachine) {
  const std::string here(host_architecture());
  const std::vector<Descriptor> entries = {variant("windows", here), variant("linux", "s390x"),
                                           variant("linux", here, "v3"), variant("linux", here),
                                           variant("unknown", "unknown")};
  const auto chosen = choose_platform(entries);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->platform.variant, "");
  const auto none = choose_platform({variant("linux", "s390x"), variant("windows", here)});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind(), base::Kind::kUnsupported);
  EXPECT_NE(none.error().message().find("linux/s390x"), std::string_view::npos);
  EXPECT_TRUE(choose_platform({Descriptor{}}));  // a single one without a platform
}

TEST(Json, Limits) {
  std::string deep;
  for (int i = 0; i < 40; ++i) {
    deep += R"({"a":)";
  }
  deep += "1" + std::string(40, '}');
  EXPECT_FALSE(parse_object(deep, "it"));
  EXPECT_FALSE(parse_object(R"({"a":")" + std::string(5 << 20, 'x') + R"("})", "it"));
  EXPECT_FALSE(parse_object(R"({"a":1,"a":2})", "it"));
  EXPECT_FALSE(parse_object(R"({"a":{"b":1,"\u0062":2}})", "it"));
  EXPECT_TRUE(parse_object(R"({"labels":{"Name":"1","name":"2"}})", "it"));
  EXPECT_FALSE(parse_object(R"({"labels":{"name":"1","name":"2"}})", "it"));
}

std::string config(const std::string& process, const std::string& more = "") {
  return fmt::format(
      R"({{"os":"linux","architecture":"{}","config":{{{}}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}{}}})",
      host_architecture(), process, kDigest, more);
}

TEST(Config, Reads) {
  const auto parsed =
      parse_config(config(R"("Entrypoint":["/a","b c"],"Cmd":null,"Env":["A=1","B="],"User":"u:g",
                "WorkingDir":"x/../y//z/","Labels":{"a":"b"})",
                          R"(,"created":"2024-05-06T07:08:09.123Z")"));
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->entrypoint, (std::vector<std::string>{"/a", "b c"}));
  EXPECT_TRUE(parsed->command.empty());
  EXPECT_EQ(parsed->env.size(), 2U);
  EXPECT_EQ(parsed->workdir, "/y/z");
  EXPECT_EQ(parsed->user, "u:g");
  EXPECT_EQ(parsed->created_s, 1714979289);
  EXPECT_EQ(parsed->diff_ids.size(), 1U);
}

TEST(Config, ReservedLabelsAreNotKept) {
  const auto parsed = parse_config(config(
      R"("Labels":{"io.kubernetes.x":"1","io.containerd.y":"1","cdi.k8s.io/z":"1","mine":"1"})"));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->labels.size(), 1U);
  EXPECT_TRUE(parsed->labels.contains("mine"));
}

TEST(Config, NonsenseIsRefused) {
  for (const char* process :
       {R"("Env":["A"])", R"("Env":["=1"])", R"("Env":"A=1")", R"("Env":["A=\u0000"])",
        R"("Cmd":[1])", R"("Cmd":"sh")", R"("User":0)", R"("Labels":[])", R"("Labels":{"a":1})",
        R"("WorkingDir":{})", R"("Cmd":["a\u0000b"])"}) {
    EXPECT_FALSE(parse_config(config(process))) << process;
  }
  EXPECT_EQ(parse_config(config(R"("WorkingDir":"../../..")"))->workdir, "/");
  EXPECT_FALSE(parse_config("{}"));
  const auto other = parse_config(
      R"({"os":"linux","architecture":"s390x","rootfs":{"type":"layers","diff_ids":[]}})");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind(), base::Kind::kUnsupported);
}

}  // namespace
}  // namespace recap::image
