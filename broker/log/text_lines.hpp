// SPDX-License-Identifier: Apache-2.0
// TextLines: reads a checkpoint file line by line, each a few words apart by blanks, and says which line is wrong.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string_view>
#include <vector>

#include <ottla/result.hpp>

namespace ottla::broker::log {

class TextLines {
public:
    // `file` is what errors call it.
    TextLines(std::string_view text, std::string_view file) noexcept : rest_(text), file_(file) {}

    // The first two lines of a checkpoint: version 0 and how many entries follow. unsupported_version when it is
    // another version.
    Result<std::int64_t> begin_checkpoint();

    // The next line; false at the end or when it has not exactly `words` words.
    bool next(std::size_t words);
    bool at_end() const noexcept { return rest_.empty(); }
    std::string_view word(std::size_t i) const noexcept { return words_[i]; }
    template <std::integral T>
    bool number(std::size_t i, T& out) const noexcept {
        const auto text = words_[i];
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
        return error == std::errc{} && end == text.data() + text.size();
    }
    // corrupt_storage: "leader-epoch-checkpoint, line 3 does not rise".
    Error error(std::string_view what) const;
    // Word `i` is where version 0 should be: unsupported_version when it is another number, which is not damage but a
    // newer broker's, else corrupt_storage.
    Error version_error(std::size_t i) const;

private:
    std::string_view rest_;
    std::string_view file_;
    std::vector<std::string_view> words_;
    std::size_t line_ = 0;
};

}  // namespace ottla::broker::log
