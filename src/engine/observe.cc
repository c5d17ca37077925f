// SPDX-License-Identifier: Apache-2.0
#include "engine/observe.h"

#include <algorithm>

#include "base/fixed_string.h"
#include "linux/memory.h"

namespace recap::engine {

namespace {

constexpr int kTries = 5;  // of a picture that nothing changed meanwhile

Status make_room(Observation& seen) {
  constexpr std::size_t kNameBytes = Observation::kMax * std::size_t{128};
  const auto objects =
      RECAP_TRY(linux::map_memory(Observation::kMax * sizeof(Observation::Object)));
  const auto names = RECAP_TRY(linux::map_memory(kNameBytes));
  seen.objects = {reinterpret_cast<Observation::Object*>(objects.data()), Observation::kMax};
  seen.names = {reinterpret_cast<char*>(names.data()), names.size()};
  return {};
}

void remember(Observation& seen, std::uint64_t identity, std::string_view name) {
  if (!seen.status) {
    return;
  }
  if (seen.count == seen.objects.size() || seen.names.size() - seen.names_size < name.size()) {
    seen.status = base::Error(base::Kind::kExhausted, "there are more than 65536 of them");
    return;
  }
  seen.objects[seen.count++] = {.identity = identity,
                                .name = static_cast<std::uint32_t>(seen.names_size),
                                .name_size = static_cast<std::uint32_t>(name.size())};
  std::ranges::copy(name, seen.names.begin() + static_cast<std::ptrdiff_t>(seen.names_size));
  seen.names_size += name.size();
}

// The first failure is the one that counts; false when another look may succeed.
bool look(Observation& seen, const run::Spec& spec, const RunIds& ids, const Target& target) {
  seen.count = 0;
  seen.names_size = 0;
  Status read = each_object(spec, ids, target, [&](std::uint64_t identity, std::string_view name) {
    remember(seen, identity, name);
  });
  if (!read && seen.status && read.error().kind() == base::Kind::kBusy) {
    return false;
  }
  if (seen.status) {
    seen.status = std::move(read);
  }
  return true;
}

std::span<const Observation::Object> objects_of(const Observation& seen) {
  return seen.objects.first(seen.count);
}

// Those of `some` that are not among `others`, each once.
template <typename F>
void each_missing(const Observation& some, const Observation& others, F&& visit) {
  const auto other = objects_of(others);
  const Observation::Object* last = nullptr;
  for (const Observation::Object& object : objects_of(some)) {
    const bool is_new = last == nullptr || last->identity != object.identity;
    last = &object;
    if (is_new &&
        !std::ranges::binary_search(other, object.identity, {}, &Observation::Object::identity)) {
      visit(std::string_view(some.names.data() + object.name, object.name_size));
    }
  }
}

}  // namespace

Observation observe(const run::Spec& spec, const RunIds& ids, const Target& target) {
  Observation seen;
  seen.status = make_room(seen);
  int tries = seen.status ? kTries : 0;
  while (tries > 0 && !look(seen, spec, ids, target)) {
    if (--tries == 0) {
      seen.status = base::Error(base::Kind::kBusy, "it changes too fast");
    }
  }
  std::ranges::sort(seen.objects.first(seen.count), {}, &Observation::Object::identity);
  return seen;
}

void compare(const Observation& before, const Observation& after, void* context,
             ReportDifference report) {
  for (const Observation* seen : {&before, &after}) {
    if (!seen->status) {
      report(context, base::concat<240>("unverified: what the function may have changed in the "
                                        "target was not compared: ",
                                        seen->status.error().message())
                          .view());
      return;
    }
  }
  each_missing(after, before, [&](std::string_view name) { report(context, name); });
  each_missing(before, after, [&](std::string_view name) {
    if (!name.starts_with("stopped")) {  // one that goes on is none of ours
      report(context, base::concat<200>(name, " was there before and is gone").view());
    }
  });
}

}  // namespace recap::engine
