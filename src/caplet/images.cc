// SPDX-License-Identifier: Apache-2.0
#include "caplet/images.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "capsule/program.h"
#include "capsule/stage.h"
#include "linux/fs.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

constexpr seconds kFirstBackOff{10};
constexpr seconds kLongestBackOff{300};
constexpr seconds kFresh{10};
constexpr std::size_t kMaxMessage = 600;

bool is_last_line(std::string_view text, const std::string& line) {
  const std::string whole = line + "\n";
  return text == whole || text.ends_with("\n" + whole);
}

}  // namespace

struct Images::Fetch {
  Fetch(boost::asio::io_context& loop, std::string name)
      : reference(std::move(name)), output(loop) {}
  std::string reference;
  boost::asio::posix::stream_descriptor output;
  std::array<char, 1024> buffer{};
  std::string last_words;     // what the program said at the end: why it failed
  linux::UniqueFd auth_file;  // of memory: it has no name that could outlive us
};

Images::Images(boost::asio::io_context& loop, const capsule::Dirs& dirs, OnFetched on_fetched)
    : loop_(loop), store_(dirs.store()), on_fetched_(std::move(on_fetched)) {}

Images::~Images() = default;

Result<image::PreparedImage> Images::get(const kube::FunctionSpec& function) {
  const std::string& reference = function.reference();
  auto found = image::find(store_, reference);
  if ((found && !is_wanted_anew(function)) || (!found && found.error().kind() != Kind::kNotFound)) {
    return found;
  }
  if (!function.function.empty()) {
    return Error(Kind::kNotFound, "there is no function '" + reference.substr(0, 64) +
                                      "' in this node's catalogue: install it, or give an image");
  }
  if (function.pull == kube::PullPolicy::kNever) {
    return Error(Kind::kNotFound, "the image " + reference.substr(0, 200) +
                                      " is not on this node, and imagePullPolicy is Never");
  }
  const auto waits = backoffs_.find(reference);
  if (waits != backoffs_.end() && BootClock::now() < waits->second.until) {
    return Error(Kind::kTimeout, waits->second.why);
  }
  if (!fetches_.contains(reference)) {
    RECAP_TRY(start(reference));
  }
  return Error(Kind::kBusy, "the image is being fetched");
}

bool Images::is_wanted_anew(const kube::FunctionSpec& function) const {
  const auto fetched = fetched_.find(function.reference());
  return function.function.empty() && function.pull == kube::PullPolicy::kAlways &&
         (fetched == fetched_.end() || fetched->second + kFresh < BootClock::now());
}

Status Images::use_credential_providers(const std::string& config, const std::string& bin_dir) {
  if (config.empty() && bin_dir.empty()) {
    return {};
  }
  credentials_ = RECAP_TRY(RegistryCredentials::make(loop_.get_executor(), config, bin_dir));
  return {};
}

Status Images::start(const std::string& reference) {
  const auto fetch = std::make_shared<Fetch>(loop_, reference);
  if (credentials_ == nullptr) {
    return pull(fetch);
  }
  fetches_[reference] = fetch;
  credentials_->find(reference, [this, fetch](linux::UniqueFd auth_file) {
    fetch->auth_file = std::move(auth_file);
    if (const Status started = pull(fetch); !started) {
      fetch->last_words = started.error().message();
      finish(fetch);
    }
  });
  return {};
}

Status Images::pull(const std::shared_ptr<Fetch>& fetch) {
  linux::Pipe pipe = RECAP_TRY(linux::make_pipe());
  std::vector<std::string> argv{capsule::program_path("recap-image"), "pull", "--quiet"};
  if (fetch->auth_file.get() >= 0) {
    argv.push_back("--authfile=/proc/" + std::to_string(::getpid()) + "/fd/" +
                   std::to_string(fetch->auth_file.get()));
  }
  argv.push_back(fetch->reference);
  // Nobody waits for it: the kernel reaps it (capsule/start.cc), and its end is the end of the
  // pipe.
  (void)RECAP_TRY(capsule::start_program(argv, pipe.write.get()));
  boost::system::error_code failed;
  fetch->output.assign(pipe.read.release(), failed);
  fetches_[fetch->reference] = fetch;
  read_more(fetch);
  return {};
}

void Images::read_more(const std::shared_ptr<Fetch>& fetch) {
  fetch->output.async_read_some(
      boost::asio::buffer(fetch->buffer),
      [this, fetch](const boost::system::error_code& failed, std::size_t size) {
        if (failed == boost::asio::error::operation_aborted) {
          return;
        }
        fetch->last_words.append(fetch->buffer.data(), size);
        const std::size_t length = fetch->last_words.size();
        fetch->last_words.erase(0, length - std::min(length, kMaxMessage));
        failed ? finish(fetch) : read_more(fetch);
      });
}

void Images::finish(const std::shared_ptr<Fetch>& fetch) {
  const std::string reference = fetch->reference;
  fetches_.erase(reference);
  Status status;
  // Whoever fetched it says so in a last line of a form that no refusal has; an older image may be
  // there in any case.
  const auto image = image::find(store_, reference);
  if (image && is_last_line(fetch->last_words, image->reference + " " + image->digest)) {
    backoffs_.erase(reference);
    fetched_[reference] = BootClock::now();
  } else {
    BackOff& backoff = backoffs_[reference];
    backoff.wait =
        backoff.wait == seconds(0) ? kFirstBackOff : std::min(backoff.wait * 2, kLongestBackOff);
    backoff.until = BootClock::now() + backoff.wait;
    backoff.why = "the image " + reference.substr(0, 200) + " could not be fetched: " +
                  fetch->last_words.substr(0, fetch->last_words.find_last_not_of('\n') + 1);
    status = Error(Kind::kNotFound, backoff.why);
  }
  on_fetched_(reference, status);
}

}  // namespace recap::caplet
