// SPDX-License-Identifier: Apache-2.0
// Coroutines of this layer: a Task<T> is awaited and then is a base::Result<T>.
//
//   Task<std::string> name_of_node(Client client, std::string node) {
//     RECAP_AWAIT(auto object, client.get({kNodes, "", node}));   // or returns its error
//     co_return std::string(text_at(object, {"metadata", "name"}));
//   }
//
// Three rules, because g++ 12 destroys twice what is built inside a co_await expression, and
// because an argument taken by reference is gone when the coroutine goes on:
//   - a coroutine takes its parameters by value;
//   - no braces and no lambda stand behind a co_await: RECAP_AWAIT builds the task in a statement
//     of its own, everything else gives a name to its arguments first;
//   - a coroutine that uses an object keeps it alive (a shared_ptr among its parameters), for it
//   may
//     be resumed, or destroyed with the event loop, after everybody else has let go.
//
// Everything here runs on one thread, the one that runs the executor's context.
#pragma once

#include <exception>
#include <functional>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>

#include "base/result.h"

namespace recap::kube {

template <typename T>
using Task = boost::asio::awaitable<base::Result<T>>;

using Executor = boost::asio::any_io_executor;

// Runs `task`; `done` gets its result on the executor's thread. A third party's exception (no
// memory) leaves through the context's run().
template <typename T>
void spawn(const Executor& executor, Task<T> task, std::function<void(base::Result<T>)> done) {
  boost::asio::co_spawn(
      executor, std::move(task),
      [done = std::move(done)](const std::exception_ptr& error, base::Result<T> result) {
        if (error) {
          std::rethrow_exception(error);
        }
        done(std::move(result));
      });
}

// Runs a job that has nothing to say when it ends.
inline void spawn(const Executor& executor, boost::asio::awaitable<void> job) {
  boost::asio::co_spawn(executor, std::move(job), [](const std::exception_ptr& error) {
    if (error) {
      std::rethrow_exception(error);
    }
  });
}

}  // namespace recap::kube

#define RECAP_KUBE_JOIN(a, b) a##b
#define RECAP_KUBE_UNIQUE(a, b) RECAP_KUBE_JOIN(a, b)

// RECAP_AWAIT(auto x, task): `x` is the value of `task`, or the coroutine ends with its error.
// Several statements: not for the body of an `if` without braces.
#define RECAP_AWAIT(declaration, ...)                                         \
  auto RECAP_KUBE_UNIQUE(recap_task_, __LINE__) = __VA_ARGS__;                \
  auto RECAP_KUBE_UNIQUE(recap_result_, __LINE__) =                           \
      co_await std::move(RECAP_KUBE_UNIQUE(recap_task_, __LINE__));           \
  if (!RECAP_KUBE_UNIQUE(recap_result_, __LINE__).has_value()) [[unlikely]] { \
    co_return std::move(RECAP_KUBE_UNIQUE(recap_result_, __LINE__)).error();  \
  }                                                                           \
  declaration = *std::move(RECAP_KUBE_UNIQUE(recap_result_, __LINE__))

// The same for a Task<void>, and for a value nobody needs.
#define RECAP_AWAIT_OK(...)                               \
  do {                                                    \
    auto recap_task_ = __VA_ARGS__;                       \
    auto recap_result_ = co_await std::move(recap_task_); \
    if (!recap_result_.has_value()) [[unlikely]] {        \
      co_return std::move(recap_result_).error();         \
    }                                                     \
  } while (false)

// The same for a plain Result inside a coroutine, where RECAP_TRY's statement expression makes
// g++ 12 crash: RECAP_CO_TRY(auto x, parse(text)).
#define RECAP_CO_TRY(declaration, ...)                                        \
  auto RECAP_KUBE_UNIQUE(recap_result_, __LINE__) = __VA_ARGS__;              \
  if (!RECAP_KUBE_UNIQUE(recap_result_, __LINE__).has_value()) [[unlikely]] { \
    co_return std::move(RECAP_KUBE_UNIQUE(recap_result_, __LINE__)).error();  \
  }                                                                           \
  declaration = *std::move(RECAP_KUBE_UNIQUE(recap_result_, __LINE__))
