// SPDX-License-Identifier: Apache-2.0
// Declarations from a directory of manifests: every *.yaml, *.yml and *.json in it. A file that is
// changed, added or removed takes effect within a second (inotify). A file that is wrong keeps
// what it said before, and the log says what is wrong with it.
#pragma once

#include <map>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "caplet/declared.h"
#include "kube/kinds_parse.h"

namespace recap::caplet {

class ManifestDir : public DeclaredSource {
 public:
  ManifestDir(boost::asio::io_context& loop, std::string path);
  void start(OnChange on_change) override;

 private:
  struct File {
    std::string text;
    std::vector<kube::Manifest> manifests;
  };

  void wait_for_change();
  void read_soon();
  void read();
  base::Status read_files(std::map<std::string, std::string>& texts) const;
  void take_all(std::map<std::string, std::string> texts);
  void take(const std::string& name, std::string text);

  std::string path_;
  OnChange on_change_;
  boost::asio::posix::stream_descriptor inotify_;
  boost::asio::steady_timer timer_;
  std::map<std::string, File> files_;
  bool was_read_ = false;
};

// All declarations of some manifests; runs on demand find the Capsules that they refer to. What is
// declared twice or refers to nothing is left out, and said in `problems`.
std::vector<DeclaredPtr> declare_all(const std::vector<kube::Manifest>& manifests,
                                     std::vector<std::string>& problems);

}  // namespace recap::caplet
