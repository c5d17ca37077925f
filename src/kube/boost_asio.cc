// SPDX-License-Identifier: Apache-2.0
// The code of Boost.Asio, compiled once: BOOST_ASIO_SEPARATE_COMPILATION keeps it out of every
// other file that includes the headers.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
