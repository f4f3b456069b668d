// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"
#include "ftp/reply.h"
#include "loop/loop.h"
#include "loop/task.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::session {

/// What tells one state of a file from another, as far as its server has said (RFC 3659 3 and 4).
struct FileFacts {
    std::optional<std::uint64_t> size;  ///< in TYPE I
    std::string time;                   ///< YYYYMMDDhhmmss; empty: not known

    /// Takes in an answer to SIZE or MDTM. Other replies than 213 tell nothing.
    void note(std::string_view verb, const ftp::Reply& reply);
    /// Takes over what is not known yet.
    void complete(const FileFacts& other);
};

/// How the file on another backend differs from the one that a download began with, in words.
/// Empty: it does not. What one of them has not said counts as a difference unless `trusts`.
[[nodiscard]] std::string difference(const FileFacts& began, const FileFacts& other, bool trusts);

/// The commands that ask for what `facts` lacks. `size_is_announced`: its 150 will tell the size,
/// so SIZE is not asked.
[[nodiscard]] std::vector<std::string> questions(std::string_view path, const FileFacts& facts,
                                                 bool size_is_announced = false);
/// Sends them and hears the answers. In one write if the backend is known to read several commands
/// at once.
[[nodiscard]] loop::Task<base::Result<>> ask(backend::Leg& leg, std::vector<std::string> lines,
                                             FileFacts& facts);
/// Hears the answers to questions that were sent.
[[nodiscard]] loop::Task<base::Result<>> hear_answers(backend::Leg& leg,
                                                      std::vector<std::string> lines,
                                                      FileFacts& facts);

/// What one session has learnt about files, for some seconds: most clients ask for SIZE and MDTM
/// themselves.
class KnownFiles {
public:
    void add(std::string_view path, const FileFacts& facts, loop::Time now);
    [[nodiscard]] FileFacts find(std::string_view path, loop::Time now) const;

private:
    struct Entry {
        std::string path;
        FileFacts facts;
        loop::Time at;
    };
    std::vector<Entry> entries_;  // the latest last
};

}  // namespace ballast::session
