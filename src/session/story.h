// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"
#include "session/fact.h"

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::session {

class Stories;

/// What happened in one session, in order, from its beginning to now. Noting is cheap: the values
/// are copied into a buffer, and become words only when somebody asks. Keeps the beginning and the
/// latest of what was noted, and counts what was left out between them. Belongs to the session and
/// its thread. Callers never note passwords.
class Story {
public:
    /// A longer text loses its middle.
    static constexpr std::size_t text_bytes_max = 512;
    /// What each story may have, whatever the others have.
    static constexpr std::size_t beginning_bytes_max = 2048;
    static constexpr std::size_t latest_bytes_min = 2048;
    /// What it may have in all while there is memory for it.
    static constexpr std::size_t latest_bytes_max = 32768;

    struct Value {
        Value(std::string_view said) : text(said) {}    // NOLINT: as a field's value is written
        Value(const char* said) : text(said) {}         // NOLINT
        Value(const std::string& said) : text(said) {}  // NOLINT
        template <std::integral N>
        Value(N said) : number(static_cast<std::uint64_t>(said)), is_text(false) {}  // NOLINT
        template <typename R, typename P>
        Value(std::chrono::duration<R, P> said)  // NOLINT: microseconds
            : Value(std::chrono::duration_cast<std::chrono::microseconds>(said).count()) {}

        std::string_view text;
        std::uint64_t number = 0;
        bool is_text = true;
    };

    /// Keeps nothing.
    Story() = default;
    /// `stories` has the memory and outlives it. Null: keeps nothing.
    Story(Stories* stories, loop::Time began);
    ~Story();
    Story(const Story&) = delete;
    Story& operator=(const Story&) = delete;

    /// Ask before making values that cost something.
    [[nodiscard]] bool is_kept() const { return stories_ != nullptr; }
    /// Exactly the values of the fact's fields, in their order.
    void note(loop::Time now, Fact fact, std::initializer_list<Value> values = {}) {
        if (is_kept()) append(now, fact, values);
    }

    /// All that it has, as `StoryReader` reads it.
    [[nodiscard]] std::string copy() const;
    [[nodiscard]] std::chrono::system_clock::time_point began_at() const { return began_at_; }

private:
    struct Part {
        std::unique_ptr<char[]> bytes;  // NOLINT: grows by doubling, and is not cleared
        std::uint32_t size = 0;
        std::uint32_t capacity = 0;
        std::uint32_t entries = 0;
        [[nodiscard]] std::size_t room() const { return capacity - size; }
    };
    void append(loop::Time now, Fact fact, std::initializer_list<Value> values);
    [[nodiscard]] Part& part_for(std::size_t bytes);
    [[nodiscard]] bool grow(Part& part, std::size_t bytes, std::size_t bytes_own,
                            std::size_t bytes_max);

    Stories* stories_ = nullptr;
    loop::Time began_;
    std::chrono::system_clock::time_point began_at_;
    Part beginning_;
    bool has_begun_ = false;  // the beginning is full
    // The latest entries. When `newer_` is full, it takes the place of `older_`.
    Part older_;
    Part newer_;
    std::uint64_t left_out_ = 0;
};

/// An entry of a story. Valid as long as the bytes that it was read from.
struct StoryEntry {
    struct Value {
        std::string_view text;
        std::uint64_t number = 0;
    };
    Fact fact = Fact::accepted;
    std::chrono::microseconds after{};              ///< since the session began
    std::array<Value, FactRow::fields_max> values;  ///< in the order of the fact's fields
    std::string_view bytes;                         ///< the entry as it was noted

    [[nodiscard]] std::string_view text(std::string_view field) const {
        return values.at(row_of(fact).index_of(field)).text;
    }
    [[nodiscard]] std::uint64_t number(std::string_view field) const {
        return values.at(row_of(fact).index_of(field)).number;
    }
};

/// Reads the entries of a story's copy, in order.
class StoryReader {
public:
    /// `bytes` outlives it.
    explicit StoryReader(std::string_view bytes) : rest_(bytes) {}
    /// The next one of these facts.
    [[nodiscard]] std::optional<StoryEntry> next(FactSet facts = all_of_them);

private:
    std::string_view rest_;
};

/// Adds one entry to bytes that `StoryReader` reads.
void append_entry(std::string& bytes, std::chrono::microseconds after, Fact fact,
                  std::initializer_list<Story::Value> values);

}  // namespace ballast::session
