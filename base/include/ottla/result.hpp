// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error. Expected failures are values; .value() throws ottla::Exception for those who
// prefer that.
#pragma once

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

#include <ottla/error.hpp>

namespace ottla::inline v0 {

// Found by argument-dependent lookup when .value() meets an error.
[[noreturn]] void throw_exception_from_error(const Error&, const boost::source_location&);

template <class T>
class [[nodiscard]] Result : public boost::system::result<T, Error> {
    using Base = boost::system::result<T, Error>;

public:
    using Base::Base;
    // Names the reason before the sentence when this is an error.
    Result with_context(std::string_view what) && {
        if (this->has_error()) return this->error().with_context(what);
        return std::move(*this);
    }
};

inline Result<void> ok() { return {}; }

}  // namespace ottla::inline v0
