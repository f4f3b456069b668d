// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/story.h"

#include <string>

namespace ballast::session {

/// Whether the entry says nothing about this field: an empty text, or what did not happen.
[[nodiscard]] bool is_absent(const FactField& field, const StoryEntry::Value& value);

/// The entry as one English sentence. It has the bytes that peers have sent, control characters
/// and other than UTF-8 included.
[[nodiscard]] std::string sentence_of(const StoryEntry& entry);

}  // namespace ballast::session
