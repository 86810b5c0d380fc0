// SPDX-License-Identifier: Apache-2.0
// Function<R(Args...)>: a move-only callable. What fits into 32 bytes lives inside, so that a delivery callback
// costs no allocation. (std::move_only_function is C++23.)
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
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
    static constexpr std::size_t word = sizeof(void*);

    struct Table {
        R (*call)(void*, Args&&...);
        void (*move)(void* from, void* to) noexcept;  // leaves nothing behind in `from`; null: its bytes are all
        void (*destroy)(void*) noexcept;              // null: nothing to do
        std::uint8_t words;                           // what it fills of the store
        bool is_plain;                                // two with the same bytes do the same
    };
    using Move = void (*)(void*, void*) noexcept;
    using Destroy = void (*)(void*) noexcept;

    template <class F>
    static constexpr bool fits =
        sizeof(F) <= inline_bytes && alignof(F) <= word && std::is_nothrow_move_constructible_v<F>;
    template <class F>
    static constexpr bool plain = std::is_trivially_copyable_v<F> && std::is_trivially_destructible_v<F> &&
                                  (std::is_empty_v<F> || (sizeof(F) == word && alignof(F) == word) ||
                                   (std::has_unique_object_representations_v<F> && sizeof(F) % word == 0));

    template <class F>
    static constexpr Table inline_table = {
        [](void* f, Args&&... args) -> R { return std::invoke(*static_cast<F*>(f), std::forward<Args>(args)...); },
        std::is_trivially_copyable_v<F> ? Move(nullptr) : Move([](void* from, void* to) noexcept {
            ::new (to) F(std::move(*static_cast<F*>(from)));
            static_cast<F*>(from)->~F();
        }),
        std::is_trivially_destructible_v<F> ? Destroy(nullptr)
                                            : Destroy([](void* f) noexcept { static_cast<F*>(f)->~F(); }),
        std::is_empty_v<F>&& plain<F> ? 0 : (sizeof(F) + word - 1) / word, plain<F>};

    template <class F>
    static constexpr Table heap_table = {
        [](void* f, Args&&... args) -> R { return std::invoke(**static_cast<F**>(f), std::forward<Args>(args)...); },
        nullptr, [](void* f) noexcept { delete *static_cast<F**>(f); }, 1, false};

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

    // For who keeps many, in no more memory than each needs: it moves into as many bytes, aligned as a pointer, and
    // back. Must hold something; where it is moved from, nothing is left.
    std::size_t packed_bytes() const noexcept { return word * (1 + table_->words); }
    void pack(std::byte* to) noexcept {
        std::memcpy(to, &table_, word);
        if (table_->move) {
            table_->move(store_, to + word);
        } else {
            std::memcpy(to + word, store_, word * table_->words);
        }
        table_ = nullptr;
    }
    static Function unpack(std::byte* from) noexcept {
        Function f;
        std::memcpy(&f.table_, from, word);
        if (f.table_->move) {
            f.table_->move(from + word, f.store_);
        } else {
            std::memcpy(f.store_, from + word, word * f.table_->words);
        }
        return f;
    }
    // What has no state but plain bytes may be unpacked as often as one likes, and two of the same bytes are one.
    bool is_plain() const noexcept { return table_ != nullptr && table_->is_plain; }
    // Of something plain.
    Function plain_copy() const noexcept {
        Function f;
        f.table_ = table_;
        std::memcpy(f.store_, store_, inline_bytes);
        return f;
    }
    // Of something plain that was packed.
    bool is_same_as(const std::byte* packed) const noexcept {
        const Table* other = nullptr;
        std::memcpy(&other, packed, word);
        if (table_ != other) return false;
        for (std::size_t i = 0; i < word * table_->words; i += word)
            if (std::memcmp(store_ + i, packed + word + i, word) != 0) return false;
        return true;
    }

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
    alignas(word) std::byte store_[inline_bytes];
};

}  // namespace ottla::inline v0
