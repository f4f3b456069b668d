// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"

#include <string>

namespace ballast::admin {

/// The body of an answer that goes on until somebody ends it, such as a stream of events. Whoever
/// sends it asks, sends, and waits. Belongs to the control thread.
class Feed {
public:
    Feed() = default;
    virtual ~Feed() = default;
    Feed(const Feed&) = delete;
    Feed& operator=(const Feed&) = delete;

    /// The signal to raise when there is something to take; null for none. It must live until it is
    /// replaced.
    virtual void attach(loop::Signal* signal) = 0;
    /// Appends what is there now: nothing, or some 64 KiB at most. False: that was the end.
    [[nodiscard]] virtual bool take(std::string& into) = 0;
    /// When to ask again although nothing was raised, for signs of life. `never` is allowed.
    [[nodiscard]] virtual loop::Deadline due() const = 0;
};

}  // namespace ballast::admin
