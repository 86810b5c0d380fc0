// SPDX-License-Identifier: Apache-2.0
// Boost.JSON, compiled. Nothing else stands here.
#include <boost/json/src.hpp>
