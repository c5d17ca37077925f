// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "kube/bytes.h"
#include "kube/config.h"
#include "kube/exec_credential.h"

namespace recap::kube {
namespace {

using base::Kind;
using base::Result;

class Kubeconfig : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "kubeconfig-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    std::filesystem::remove_all(folder_);
    for (const char* name : {"KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"}) {
      unsetenv(name);
    }
  }

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }

  // A kubeconfig with one context, whose cluster and user have these fields.
  static std::string with(const std::string& cluster, const std::string& user) {
    return "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
           "contexts: [{name: c, context: {cluster: k, user: u, namespace: shop}}]\n"
           "clusters: [{name: k, cluster: {" +
           cluster +
           "}}]\n"
           "users: [{name: u, user: {" +
           user + "}}]\n";
  }

  Result<Config> parse(const std::string& text, ConfigSources sources = {}) {
    return parse_kubeconfig({{text, folder_, "test"}}, sources);
  }

  std::string folder_;
};

constexpr const char* kServer = "server: 'https://10.0.0.1:6443'";

TEST_F(Kubeconfig, ReadsServerTrustCertificateAndNamespace) {
  write("ca.crt", "CA");
  write("key", "KEY");
  const auto config =
      parse(with(std::string(kServer) + ", certificate-authority: ca.crt, tls-server-name: api",
                 "client-certificate: missing, client-certificate-data: Q0VSVA==, client-key: key, "
                 "as: jane, as-groups: [dev]"));
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->host, "10.0.0.1");
  EXPECT_EQ(config->port, 6443);
  EXPECT_TRUE(config->tls);
  EXPECT_EQ(config->ca_pem, "CA");
  EXPECT_EQ(config->tls_server_name, "api");
  EXPECT_EQ(config->client_cert_pem, "CERT");  // data wins over the file
  EXPECT_EQ(config->client_key_pem, "KEY");
  EXPECT_EQ(config->impersonate_user, "jane");
  EXPECT_EQ(config->impersonate_groups, std::vector<std::string>{"dev"});
  EXPECT_EQ(config->ns, "shop");
}

TEST_F(Kubeconfig, ATokensFileBeatsItsTextAndBothAPlugin) {
  const std::string exec =
      ", exec: {apiVersion: client.authentication.k8s.io/v1, command: ./get-token, args: [a, b], "
      "env: [{name: N, value: V}], interactiveMode: Never, provideClusterInfo: true}";
  auto config = parse(with(kServer, "token: abc, tokenFile: tok" + exec));
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(std::get<TokenFile>(config->credential).path, folder_ + "/tok");
  config = parse(with(kServer, "token: abc" + exec));
  ASSERT_TRUE(config);
  EXPECT_EQ(std::get<StaticToken>(config->credential).token, "abc");
  config = parse(with(kServer, exec.substr(2)));
  ASSERT_TRUE(config);
  const auto& plugin = std::get<ExecPlugin>(config->credential);
  EXPECT_EQ(plugin.command, folder_ + "/./get-token");
  EXPECT_EQ(plugin.args, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(plugin.env.at(0), (std::pair<std::string, std::string>("N", "V")));
  EXPECT_TRUE(plugin.provide_cluster);
}

TEST_F(Kubeconfig, SaysWhatIsWrong) {
  const struct {
    std::string cluster, user;
    Kind kind;
    std::string_view says;
  } cases[] = {
      {std::string(kServer) + ", insecure-skip-tls-verify: true", "", Kind::kDenied, "insecure"},
      {std::string(kServer) + ", proxy-url: 'http://p'", "", Kind::kUnsupported, "proxy-url"},
      {"", "", Kind::kInvalid, "https://"},
      {"server: 'ftp://x'", "", Kind::kInvalid, "ftp://x"},
      {"server: 'https://x:99999'", "", Kind::kInvalid, "port"},
      {"server: 'https://user@x'", "", Kind::kInvalid, "user@x"},
      {std::string(kServer) + ", certificate-authority-data: '***'", "", Kind::kInvalid, "base64"},
      {std::string(kServer) + ", certificate-authority: gone", "", Kind::kNotFound, "gone"},
      {kServer, "username: a, password: b", Kind::kUnsupported, "username"},
      {kServer, "auth-provider: {name: gcp}", Kind::kUnsupported, "auth-provider"},
      {kServer, "client-certificate-data: Q0VSVA==", Kind::kInvalid, "need each other"},
      {kServer, "token: 123", Kind::kInvalid, "quote it"},
      {kServer, "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x}",
       Kind::kUnsupported, "v1beta1"},
      {kServer, "exec: {apiVersion: client.authentication.k8s.io/v1}", Kind::kInvalid, "command"},
  };
  for (const auto& each : cases) {
    const auto config = parse(with(each.cluster, each.user));
    ASSERT_FALSE(config) << each.says;
    EXPECT_EQ(config.error().kind(), each.kind) << config.error().message();
    EXPECT_NE(config.error().message().find(each.says), std::string_view::npos)
        << config.error().message();
  }
  for (const std::string& text : {std::string("]["), std::string(","), std::string("a: b\n---\n]"),
                                  std::string("[]"), with(kServer, "") + "---\nx"}) {
    EXPECT_FALSE(parse(text)) << text;
  }
}

TEST_F(Kubeconfig, InsecureIsForThoseWhoSaySo) {
  ConfigSources sources;
  sources.allow_insecure = true;
  const auto config =
      parse(with(std::string(kServer) + ", insecure-skip-tls-verify: true", ""), sources);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_TRUE(config->insecure_skip_tls_verify);
}

TEST_F(Kubeconfig, TheFirstFileWins) {
  const std::string first = write("first", with("server: 'https://first'", "token: one"));
  const std::string second =
      write("second",
            "current-context: d\ncontexts: [{name: d, context: {cluster: k, user: v}}]\n"
            "clusters: [{name: k, cluster: {server: 'https://second'}}]\n"
            "users: [{name: v, user: {token: two}}]\n");
  setenv("KUBECONFIG", (folder_ + "/missing::" + first + ":" + second).c_str(), 1);
  auto config = load_config();
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->host, "first");
  EXPECT_EQ(std::get<StaticToken>(config->credential).token, "one");
  ConfigSources other;
  other.context = "d";
  config = load_config(other);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->host, "first");
  EXPECT_EQ(std::get<StaticToken>(config->credential).token, "two");
  other.context = "none";
  EXPECT_FALSE(load_config(other));
  other.kubeconfig = folder_ + "/missing";
  EXPECT_EQ(load_config(other).error().kind(), Kind::kNotFound);
}

TEST_F(Kubeconfig, WithoutOneAPodsServiceAccountCounts) {
  setenv("KUBECONFIG", (folder_ + "/missing").c_str(), 1);
  ConfigSources sources;
  sources.service_account = folder_;
  EXPECT_EQ(load_config(sources).error().kind(), Kind::kNotFound);
  setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
  setenv("KUBERNETES_SERVICE_PORT", "443", 1);
  EXPECT_FALSE(load_config(sources));
  write("ca.crt", "CA");
  write("token", "T\n");
  write("namespace", "recap-system");
  const auto config = load_config(sources);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->host, "fd00::1");
  EXPECT_EQ(config->ns, "recap-system");
  EXPECT_EQ(server_url(*config), "https://[fd00::1]:443");
  EXPECT_EQ(std::get<TokenFile>(config->credential).path, folder_ + "/token");
}

TEST(Server, IsTakenApart) {
  Config config;
  ASSERT_TRUE(set_server(config, "https://[fd00::1]:6443/clusters/a/"));
  EXPECT_EQ(config.host, "fd00::1");
  EXPECT_EQ(config.port, 6443);
  EXPECT_EQ(config.base_path, "/clusters/a");
  ASSERT_TRUE(set_server(config, "http://localhost"));
  EXPECT_EQ(config.port, 80);
  EXPECT_FALSE(config.tls);
  for (const char* url : {"https://", "https://:1", "https://a b", "https://[::1", "https://a:0"}) {
    EXPECT_FALSE(set_server(config, url)) << url;
  }
}

TEST(Base64, GoesBothWays) {
  for (const std::string text : {"", "a", "ab", "abc", "abcd", "\xff\x00\xfe"}) {
    EXPECT_EQ(decode_base64(encode_base64(text)), text);
  }
  EXPECT_EQ(encode_base64("hello"), "aGVsbG8=");
  EXPECT_EQ(decode_base64("aGVs\nbG8=\n"), "hello");
  for (const char* wrong : {"a", "aGVsbG8", "aGV=bG8=", "a===", "a*==", "===="}) {
    EXPECT_FALSE(decode_base64(wrong)) << wrong;
  }
}

TEST(ExecCredential, IsReadStrictly) {
  const std::string head =
      R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",)";
  const auto good = parse_exec_credential(
      head + R"("status":{"token":"t","expirationTimestamp":"2023-11-14T22:13:20Z"}})");
  ASSERT_TRUE(good) << good.error().message();
  EXPECT_EQ(good->token, "t");
  EXPECT_EQ(good->expires_ns, 1'700'000'000'000'000'000);
  for (const std::string& wrong :
       {std::string("no"), std::string("{}"), head + R"("status":{}})",
        head + R"("status":{"clientCertificateData":"c"}})",
        head + R"("status":{"token":"t","expirationTimestamp":"tomorrow"}})"}) {
    EXPECT_FALSE(parse_exec_credential(wrong)) << wrong;
  }
}

TEST(ExecCredential, ThePluginIsToldTheClusterIfItAsks) {
  Config config;
  config.host = "h";
  config.ca_pem = "CA";
  ExecPlugin plugin;
  EXPECT_EQ(exec_info(plugin, config),
            R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",)"
            R"("spec":{"interactive":false}})");
  plugin.provide_cluster = true;
  EXPECT_NE(
      exec_info(plugin, config)
          .find(R"("cluster":{"server":"https://h:443","certificate-authority-data":"Q0E="})"),
      std::string::npos);
}

}  // namespace
}  // namespace recap::kube
