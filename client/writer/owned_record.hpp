// SPDX-License-Identifier: Apache-2.0
// OwnedRecord: a record that keeps what it shows, while it waits for room in the producer's queue.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ottla/record.hpp>

namespace ottla::client {

class OwnedRecord {
public:
    explicit OwnedRecord(const Record& r) : shown_(r), topic_(r.topic), key_(copy(r.key)), value_(copy(r.value)) {
        for (const Header& h : r.headers) headers_.emplace_back(std::string(h.name), copy(h.value));
    }

    // Valid as long as this stays where it is, and `headers` as it is.
    Record view(std::vector<Header>& headers) const {
        headers.clear();
        for (const auto& [name, value] : headers_) headers.push_back({name, show(value)});
        Record r = shown_;
        r.topic = topic_;
        r.key = show(key_);
        r.value = show(value_);
        r.headers = headers;
        return r;
    }

private:
    using Copy = std::optional<std::string>;
    static Copy copy(BytesView bytes) { return bytes.is_null() ? Copy() : Copy(std::string(bytes.text())); }
    static BytesView show(const Copy& copied) { return copied ? BytesView(*copied) : BytesView(); }

    Record shown_;  // what owns nothing of it
    std::string topic_;
    Copy key_;
    Copy value_;
    std::vector<std::pair<std::string, Copy>> headers_;
};

}  // namespace ottla::client
