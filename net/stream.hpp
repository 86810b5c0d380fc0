// SPDX-License-Identifier: Apache-2.0
// Stream: a connected byte stream seen through a run-time interface, so that TCP, TLS and memory look alike. It meets
// Asio's AsyncStream requirements. One loop's thread only; one read and one write at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include <boost/asio.hpp>
#include <boost/asio/any_completion_handler.hpp>

#include <ottla/protocol/chain.hpp>
#include <ottla/result.hpp>

namespace ottla::base {
class BufferPool;
}

namespace ottla::net {

namespace asio = boost::asio;
using boost::system::error_code;

class Stream {
public:
    using executor_type = asio::any_io_executor;
    using lowest_layer_type = Stream;
    using IoHandler = asio::any_completion_handler<void(error_code, std::size_t)>;

    Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    // Closes. Operations under way end with operation_aborted and do not touch their buffers any more.
    virtual ~Stream() = default;

    virtual executor_type get_executor() = 0;
    // Both complete by way of the executor, never before they return. End of stream: asio::error::eof.
    // `start_write` copies the list of buffers, not the bytes; it may write only part of them.
    virtual void start_read(asio::mutable_buffer into, IoHandler) = 0;
    virtual void start_write(std::span<const asio::const_buffer> from, IoHandler) = 0;
    // May be called again and again. Operations under way end with operation_aborted.
    virtual void close() noexcept = 0;
    // The other end, "10.0.0.7:51234".
    virtual const std::string& peer() const = 0;

    lowest_layer_type& lowest_layer() noexcept { return *this; }

    template <class MutableBuffers, class Token>
    auto async_read_some(const MutableBuffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(
            [this](auto handler, asio::mutable_buffer into) { start_read(into, IoHandler(std::move(handler))); }, token,
            first_of(buffers));
    }

    template <class ConstBuffers, class Token>
    auto async_write_some(const ConstBuffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(error_code, std::size_t)>(
            [this](auto handler, const ConstBuffers& from) {
                asio::const_buffer list[gathered_max];
                std::size_t count = 0;
                for (auto at = asio::buffer_sequence_begin(from);
                     at != asio::buffer_sequence_end(from) && count < gathered_max; ++at)
                    list[count++] = asio::const_buffer(*at);
                start_write({list, count}, IoHandler(std::move(handler)));
            },
            token, buffers);
    }

private:
    static constexpr std::size_t gathered_max = 16;

    template <class MutableBuffers>
    static asio::mutable_buffer first_of(const MutableBuffers& buffers) {
        for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers); ++at)
            if (asio::mutable_buffer(*at).size() != 0) return *at;
        return {};
    }
};

// Writes all of the chain, its memory gathered, its file ranges by large reads into a buffer of `pool`. For whoever
// has the stream to himself (a handshake); connections use WriteQueue. Errors: transport, file_system.
asio::awaitable<Result<void>> write(Stream&, base::BufferPool& pool, protocol::Chain);

// "connection refused" and so on as an Error of code transport (or timed_out, cancelled) that names `where`.
Error transport_error(std::string_view where, const error_code&);

}  // namespace ottla::net
