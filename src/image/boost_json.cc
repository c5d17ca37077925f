// SPDX-License-Identifier: Apache-2.0
// The code of Boost.JSON, compiled into this half of the layer: the library is used header-only.
#include <boost/json/src.hpp>
