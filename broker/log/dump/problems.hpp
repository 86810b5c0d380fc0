// SPDX-License-Identifier: Apache-2.0
// Problems: where a verification tells what it finds, a line each, and counts.
#pragma once

#include <string>
#include <string_view>

#include <fmt/core.h>

#include <ottla/bytes.hpp>
#include "broker/log/disk.hpp"
#include "broker/log/dump/findings.hpp"
#include "broker/log/dump/verify.hpp"

namespace ottla::broker::log::dump {

inline constexpr std::size_t verified_file_bytes_max = 1U << 30;

class Problems {
public:
    Problems(Disk& disk, Verified& verified, const TextSink& sink) : disk_(disk), verified_(verified), sink_(sink) {}

    Disk& disk() const noexcept { return disk_; }
    void begin_partition() { ++verified_.partitions; }
    void begin_file() { ++verified_.files; }
    void say(const std::string& path, std::string_view what) {
        ++verified_.problems;
        sink_(fmt::format("{}: {}\n", path, what));
    }
    // A small file, given to `look(text)` unless it cannot be read.
    template <class Look>
    void with_text(const std::string& path, const Look& look) {
        begin_file();
        const auto text = read_text(disk_, path, verified_file_bytes_max);
        text ? look(*text) : say(path, text.error().text());
    }
    // One that `parse(text)` reads, or says why not; what it says is given to `look`.
    template <class Parse, class Look>
    void parsed(const std::string& path, const Parse& parse, const Look& look) {
        with_text(path, [&](const std::string& text) {
            const auto said = parse(text);
            said ? look(*said) : say(path, said.error().text());
        });
    }

private:
    Disk& disk_;
    Verified& verified_;
    const TextSink& sink_;
};

}  // namespace ottla::broker::log::dump
