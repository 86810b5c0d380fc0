// SPDX-License-Identifier: Apache-2.0
// Function<R(Args...)>: a move-only callable. What fits into 32 bytes lives inside, so that a delivery callback
// costs no allocation. (std::move_only_function is C++23.)
#pragma once

#include <concepts>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace ottla::inline v0 {

template <class Signature>
class Function;

template <class R, class... Args>
class Function<R(Args...)> {
    static constexpr std::size_t inline_bytes = 32;

    struct Table {
        R (*call)(void*, Args&&...);
        void (*move)(void* from, void* to) noexcept;  // leaves nothing behind in `from`; null: its bytes are all
        void (*destroy)(void*) noexcept;              // null: nothing to do
    };
    using Move = void (*)(void*, void*) noexcept;
    using Destroy = void (*)(void*) noexcept;

    template <class F>
    static constexpr bool fits =
        sizeof(F) <= inline_bytes && alignof(F) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<F>;

    template <class F>
    static constexpr Table inline_table = {
        [](void* f, Args&&... args) -> R { return std::invoke(*static_cast<F*>(f), std::forward<Args>(args)...); },
        std::is_trivially_copyable_v<F> ? Move(nullptr) : Move([](void* from, void* to) noexcept {
            ::new (to) F(std::move(*static_cast<F*>(from)));
            static_cast<F*>(from)->~F();
        }),
        std::is_trivially_destructible_v<F> ? Destroy(nullptr)
                                            : Destroy([](void* f) noexcept { static_cast<F*>(f)->~F(); })};

    template <class F>
    static constexpr Table heap_table = {
        [](void* f, Args&&... args) -> R { return std::invoke(**static_cast<F**>(f), std::forward<Args>(args)...); },
        nullptr, [](void* f) noexcept { delete *static_cast<F**>(f); }};

public:
    Function() noexcept = default;
    Function(std::nullptr_t) noexcept {}

    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, Function> && std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
    Function(F&& f) {
        using Stored = std::decay_t<F>;
        if constexpr (fits<Stored>) {
            ::new (static_cast<void*>(store_)) Stored(std::forward<F>(f));
            table_ = &inline_table<Stored>;
        } else {
            ::new (static_cast<void*>(store_)) Stored*(new Stored(std::forward<F>(f)));
            table_ = &heap_table<Stored>;
        }
    }

    Function(Function&& other) noexcept : table_(std::exchange(other.table_, nullptr)) { take_from(other); }
    Function& operator=(Function&& other) noexcept {
        if (this == &other) return *this;
        clear();
        table_ = std::exchange(other.table_, nullptr);
        take_from(other);
        return *this;
    }
    ~Function() { clear(); }

    explicit operator bool() const noexcept { return table_ != nullptr; }
    // Must hold something.
    R operator()(Args... args) { return table_->call(store_, std::forward<Args>(args)...); }

private:
    void take_from(Function& other) noexcept {
        if (!table_) return;
        if (table_->move) {
            table_->move(other.store_, store_);
        } else {
            // With what the callable does not fill, which GCC sees where it is inlined.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
            std::memcpy(store_, other.store_, inline_bytes);
#pragma GCC diagnostic pop
        }
    }
    void clear() noexcept {
        if (table_ && table_->destroy) table_->destroy(store_);
    }

    const Table* table_ = nullptr;
    alignas(std::max_align_t) std::byte store_[inline_bytes];
};

}  // namespace ottla::inline v0
