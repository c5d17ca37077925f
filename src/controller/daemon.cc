// SPDX-License-Identifier: Apache-2.0
#include "controller/daemon.h"

#include <signal.h>

#include <memory>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "controller/hooks.h"
#include "controller/janitor.h"
#include "controller/metric_families.h"
#include "controller/runs.h"
#include "controller/stranded.h"
#include "controller/summaries.h"
#include "kube/client.h"
#include "kube/lease.h"
#include "service/http_server.h"
#include "service/log.h"
#include "service/metrics.h"

namespace recap::controller {
namespace {

using base::Error;
using base::Kind;
using base::Status;
using boost::system::error_code;
using service::HttpAnswer;
using std::chrono::milliseconds;

// Of what somebody waits for, and of cleaning up.
constexpr double kRequestsPerSecond = 100;
constexpr double kDeletionsPerSecond = 50;
constexpr const char* kLease = "recap-controller";

kube::Client make_client(boost::asio::io_context& loop, const kube::Config& config, double qps) {
  kube::ClientOptions options;
  options.qps = qps;
  options.burst = static_cast<int>(2 * qps);
  options.user_agent = "recap-controller";
  return {loop.get_executor(), config, options};
}

class Controller {
 public:
  Controller(boost::asio::io_context& loop, const kube::Config& config, const Words& words)
      : loop_(loop),
        ns_(words.ns.empty() ? config.ns : words.ns),
        client_(make_client(loop, config, kRequestsPerSecond)),
        cleaner_(make_client(loop, config, kDeletionsPerSecond)),
        metrics_(kMetricFamilies),
        server_(loop),
        hook_server_(loop),
        hooks_(std::make_shared<Hooks>(client_, metrics_)),
        signals_(loop, SIGTERM, SIGINT),
        lost_after_(words.lost_after_ms),
        elector_(client_, lease_of(words), [this](bool leads) { on_lead(leads); }) {}

  Status start(const Words& words) {
    serve_health();
    if (!words.listen.empty()) {
      RECAP_TRY(server_.listen(words.listen));
    }
    hooks_->serve(hook_server_);
    if (!words.hooks.empty()) {
      RECAP_TRY(hook_server_.listen(words.hooks, {words.tls_cert, words.tls_key}));
    }
    signals_.async_wait([this](error_code cancelled, int signal) {
      if (!cancelled) {
        end(signal);
      }
    });
    elector_.start();
    return {};
  }

  [[nodiscard]] const Status& outcome() const { return outcome_; }

 private:
  [[nodiscard]] kube::LeaseOptions lease_of(const Words& words) const {
    const milliseconds duration(words.lease_ms);
    return {.ns = ns_,
            .name = kLease,
            .identity = words.identity,
            .duration = duration,
            .renew_deadline = duration * 2 / 3,
            .retry = duration * 2 / 15};
  }

  void on_lead(bool leads) {
    metrics_.set("recap_controller_leading", {}, leads ? 1 : 0);
    if (leads) {
      service::log_info("leading");
      runs_ = std::make_shared<Runs>(client_, metrics_);
      janitor_ = std::make_shared<Janitor>(cleaner_, runs_, metrics_);
      stranded_ = std::make_shared<Stranded>(cleaner_, runs_, lost_after_);
      summaries_ = std::make_shared<Summaries>(client_, ns_);
      runs_->start();
      janitor_->start();
      stranded_->start();
      summaries_->start();
    } else if (!is_ending_) {
      outcome_ = Error(Kind::kBusy, "the Lease was lost: another leads now");
      loop_.stop();
    }
  }

  void end(int signal) {
    service::log_info("ending", {{"signal", signal}});
    is_ending_ = true;
    kube::spawn<void>(loop_.get_executor(), elector_.resign(), [this](const Status& resigned) {
      if (!resigned) {
        service::log_warning("the Lease is not given up", {{"why", resigned.error().message()}});
      }
      loop_.stop();
    });
  }

  [[nodiscard]] bool is_ready() const {
    return runs_ != nullptr ? runs_->is_synced() : !elector_.holder().empty();
  }

  void serve_health() {
    server_.on_get("/livez", [] { return HttpAnswer{.body = "ok\n"}; });
    server_.on_get("/readyz", [this] {
      return is_ready() ? HttpAnswer{.body = "ok\n"}
                        : HttpAnswer{.status = 503,
                                     .body = "the Lease, or CapsuleRuns, were not seen yet\n"};
    });
    server_.on_get("/metrics", [this] {
      count_requests();
      return HttpAnswer{.type = "text/plain; version=0.0.4; charset=utf-8",
                        .body = metrics_.text()};
    });
  }

  void count_requests() {
    constexpr const char* kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
    for (std::size_t i = 0; i < std::size(kClasses); ++i) {
      const auto count = client_.counters().by_class[i] + cleaner_.counters().by_class[i];
      metrics_.set("recap_kube_requests_total", {{"code", kClasses[i]}},
                   static_cast<double>(count));
    }
  }

  boost::asio::io_context& loop_;
  std::string ns_;
  kube::Client client_, cleaner_;
  service::Metrics metrics_;
  service::HttpServer server_, hook_server_;
  std::shared_ptr<Hooks> hooks_;
  boost::asio::signal_set signals_;
  milliseconds lost_after_;
  kube::LeaderElector elector_;
  std::shared_ptr<Runs> runs_;  // of the leader
  std::shared_ptr<Janitor> janitor_;
  std::shared_ptr<Stranded> stranded_;
  std::shared_ptr<Summaries> summaries_;
  Status outcome_;
  bool is_ending_ = false;
};

// The event loop, until somebody asks it to end. Third parties' exceptions end here.
Status run(boost::asio::io_context& loop) {
  try {
    loop.run();
    return {};
  } catch (const std::bad_alloc&) {
    return Error(Kind::kExhausted, "out of memory");
  } catch (const std::exception& error) {
    return Error(Kind::kInternal, error.what());
  }
}

}  // namespace

Status serve(const Words& words) {
  kube::ConfigSources sources;
  sources.kubeconfig = words.kubeconfig;
  const kube::Config config = RECAP_TRY(kube::load_config(sources));
  boost::asio::io_context loop(1);
  Controller controller(loop, config, words);
  RECAP_TRY(controller.start(words));
  RECAP_TRY(run(loop));
  return controller.outcome();
}

}  // namespace recap::controller
