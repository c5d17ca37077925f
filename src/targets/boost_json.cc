// SPDX-License-Identifier: Apache-2.0
// The code of Boost.JSON, compiled into this layer: Debian ships the library as a shared object
// only in its default form, and `recap` is static.
#include <boost/json/src.hpp>
