// SPDX-License-Identifier: Apache-2.0
// Boost.JSON, compiled. Nothing else stands here, so that a program that has it from elsewhere does not meet it twice.
#include <boost/json/src.hpp>
