// SPDX-License-Identifier: Apache-2.0
#include "caplet/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/inotify.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>

#include "caplet/drain.h"
#include "caplet/host.h"
#include "caplet/http_sd.h"
#include "caplet/keepers.h"
#include "caplet/kube_node.h"
#include "caplet/local_source.h"
#include "caplet/log.h"
#include "caplet/manifest_dir.h"
#include "caplet/scrape.h"
#include "linux/fs.h"
#include "service/http_server.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Status;
using boost::system::error_code;
using service::HttpServer;

// Listing containers, and recovering runs, which waits for processes.
constexpr std::size_t kWorkers = 2;

// Tells a Caplet that `caplet drain` was called.
class DrainWatch {
 public:
  DrainWatch(boost::asio::io_context& loop, const capsule::Dirs& dirs, std::function<void()> drain)
      : inotify_(loop), mark_(drain_mark(dirs)), drain_(std::move(drain)) {
    (void)linux::unlink_at(linux::kCwd, mark_.c_str());
    error_code failed;
    inotify_.assign(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), failed);
    (void)::inotify_add_watch(inotify_.native_handle(), (dirs.data + "/caplet").c_str(), IN_CREATE);
    wait();
  }

 private:
  void wait() {
    inotify_.async_read_some(boost::asio::buffer(buffer_), [this](error_code failed, std::size_t) {
      if (failed) {
        return;
      }
      if (linux::stat_at(linux::kCwd, mark_.c_str(), AT_SYMLINK_NOFOLLOW)) {
        log_info("draining: every run is ended, and no other starts");
        drain_();
      }
      wait();
    });
  }

  boost::asio::posix::stream_descriptor inotify_;
  std::array<char, 1024> buffer_{};
  std::string mark_;
  std::function<void()> drain_;
};

void set_up_http(HttpServer& server, const std::string& address, const Caplet& caplet,
                 Metrics& metrics, const KubeNode* kube) {
  constexpr const char* kPrometheus = "text/plain; version=0.0.4; charset=utf-8";
  server.on_get("/livez", [] { return HttpAnswer{.body = "ok\n"}; });
  server.on_get("/readyz", [&caplet] {
    return caplet.is_ready() ? HttpAnswer{.body = "ok\n"}
                             : HttpAnswer{.status = 503,
                                          .body =
                                              "targets or declarations were "
                                              "not seen yet\n"};
  });
  server.on_get("/metrics", [&metrics, kube] {
    if (kube != nullptr) {
      kube->count_requests(metrics);
    }
    return HttpAnswer{.type = kPrometheus, .body = metrics.text()};
  });
  server.on_get("/http_sd", [&caplet, address] {
    return HttpAnswer{.type = "application/json", .body = http_sd_json(caplet, address)};
  });
}

// Prometheus' way to an exporter that runs as a Capsule: /scrape/RUN.
void serve_exporters(HttpServer& server, const Caplet& caplet, const targets::Roots& roots,
                     boost::asio::io_context& loop, boost::asio::thread_pool& workers) {
  server.on_get_below("/scrape/", [&](const std::string& run_id, HttpServer::Answer answer) {
    const std::vector<Caplet::Exporter> exporters = caplet.exporters();
    const auto exporter = std::ranges::find(exporters, run_id, &Caplet::Exporter::run_id);
    if (exporter == exporters.end() || exporter->assignment->target() == nullptr) {
      answer({.status = 404, .body = "no such exporter\n"});
      return;
    }
    boost::asio::post(workers, [&loop, roots, target = exporter->assignment->target()->target,
                                spec = exporter->scrape, answer = std::move(answer)] {
      boost::asio::post(loop, [answer, found = scrape(target, roots, spec)] { answer(found); });
    });
  });
}

// The event loop, until a signal asks it to end. Third parties' exceptions end here.
Status run(boost::asio::io_context& loop) {
  try {
    loop.run();
    return {};
  } catch (const std::bad_alloc&) {
    return Error(Kind::kExhausted, "out of memory; the next Caplet takes the runs over");
  } catch (const std::exception& error) {
    return Error(Kind::kInternal, error.what());
  }
}

// Who says what is declared and which targets are there.
struct Sources {
  std::unique_ptr<LocalSource> containers;
  std::unique_ptr<ManifestDir> manifests;
  std::unique_ptr<KubeNode> kube;
};

base::Result<Sources> make_sources(const Words& words, boost::asio::io_context& loop,
                                   boost::asio::thread_pool& workers) {
  Sources sources;
  sources.containers = std::make_unique<LocalSource>(loop, workers, words.options.roots);
  if (words.manifests.empty()) {
    sources.kube = RECAP_TRY(KubeNode::make(loop, words, *sources.containers));
  } else {
    sources.manifests = std::make_unique<ManifestDir>(loop, words.manifests);
  }
  return sources;
}

Status start(Caplet& caplet, Sources& sources) {
  if (sources.kube) {
    caplet.report_to(sources.kube->reporter());
    caplet.obey(sources.kube->ceilings());
    sources.kube->report_on(caplet);
    return caplet.start(sources.kube->targets(), sources.kube->declared());
  }
  return caplet.start(*sources.containers, *sources.manifests);
}

}  // namespace

Status serve(const Words& words) {
  boost::asio::io_context loop(1);
  HttpServer server(loop);
  RECAP_TRY(words.listen.empty() ? Status() : server.listen(words.listen));
  RECAP_TRY(settle_on_node(words.options.dirs));
  RECAP_TRY(words.options.dirs.ensure());
  StateStore store = RECAP_TRY(StateStore::open(words.options.dirs.data));
  boost::asio::thread_pool workers(kWorkers);
  Metrics metrics(metric_families());
  metrics.set("recap_build_info", {{"version", RECAP_VERSION}}, 1);
  Keepers keepers(loop, workers, words.options.dirs);
  Caplet caplet(loop, keepers, words.options, std::move(store), metrics);
  Sources sources = RECAP_TRY(make_sources(words, loop, workers));
  set_up_http(server, words.listen, caplet, metrics, sources.kube.get());
  serve_exporters(server, caplet, words.options.roots, loop, workers);
  const DrainWatch drain_watch(loop, words.options.dirs, [&caplet] { caplet.drain(); });
  boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
  signals.async_wait([&loop](error_code, int signal) {
    log_info("ending; the runs live on", {{"signal", signal}});
    loop.stop();
  });
  RECAP_TRY(start(caplet, sources));
  const Status ended = run(loop);
  caplet.save_counts();
  workers.join();
  return ended;
}

}  // namespace recap::caplet
