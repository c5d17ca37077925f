// SPDX-License-Identifier: Apache-2.0
#include "caplet/http_sd.h"

#include "capsule/json.h"

namespace recap::caplet {

std::string http_sd_json(const Caplet& caplet, const std::string& address) {
  capsule::JsonWriter json;
  json.begin_array();
  for (const Caplet::Exporter& exporter : caplet.exporters()) {
    const NodeTarget* target = exporter.assignment->target();
    if (target == nullptr) {
      continue;
    }
    const kube::ObjectMeta& capsule = exporter.assignment->declared()->capsule.meta;
    json.begin_object().key("targets").begin_array().text(address).end_array();
    json.key("labels").begin_object();
    json.key("__metrics_path__").text("/scrape/" + exporter.run_id);
    json.key("recap_capsule").text(capsule.name).key("recap_target").text(target->name);
    if (!target->target.pod.empty()) {
      json.key("namespace").text(target->target.pod_namespace);
      json.key("pod").text(target->target.pod).key("container").text(target->target.container);
    }
    json.end_object().end_object();
  }
  json.end_array();
  return json.take();
}

}  // namespace recap::caplet
