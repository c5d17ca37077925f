# SPDX-License-Identifier: Apache-2.0
# Our own kinds (kinds.h), apart from the client: what only reads manifests needs no TLS.
find_package(Boost 1.74 REQUIRED)
find_package(yaml-cpp REQUIRED)
recap_layer(kube_kinds
  SOURCES kinds.cc kinds_execution.cc kinds_fields.cc kinds_function.cc kinds_parse.cc
          kinds_policy.cc kinds_quantity.cc kinds_yaml.cc
  LINKS recap_policy recap_targets yaml-cpp Boost::headers
  TESTS kinds_test.cc)
