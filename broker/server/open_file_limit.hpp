// SPDX-License-Identifier: Apache-2.0
// How many files and connections this process may have open: as many as the system allows it. Mains only.
#pragma once

#include <cstddef>

#include <ottla/result.hpp>
#include "base/log.hpp"

namespace ottla::broker {

// Whether a broker can live at all: invalid_argument says the limit and how many are needed. Without them its loops and
// signals could not be made.
Result<void> check_open_file_limit(std::size_t loops, std::size_t directories);
// Raises the soft limit to the hard one, and says when that is little for a broker. Returns how many files of logs may
// be kept open (PosixDisk): the rest is for connections, and for files with bytes that are not synced.
std::size_t raise_open_file_limit(const base::Log&);

}  // namespace ottla::broker
