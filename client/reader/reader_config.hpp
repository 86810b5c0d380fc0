// SPDX-License-Identifier: Apache-2.0
// What a ReaderConfig says, in the consumer's words.
#pragma once

#include <ottla/reader.hpp>

namespace ottla::client {

struct ReaderSettings {
    Config config;
    bool is_member = false;
};

// Errors: invalid_argument, naming the field, and those of Config::set().
Result<ReaderSettings> reader_settings(const ReaderConfig&);

}  // namespace ottla::client
