// SPDX-License-Identifier: Apache-2.0
#include "session/file_facts.h"

#include <chrono>
#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using ballast::session::difference;
using ballast::session::FileFacts;
using ballast::session::KnownFiles;
namespace ftp = ballast::ftp;
namespace loop = ballast::loop;

FileFacts facts(std::uint64_t size, const char* time) { return {size, time}; }

TEST(FileFacts, are_taken_from_213) {
    FileFacts file;
    file.note("SIZE", ftp::make_reply(213, "1234"));
    file.note("MDTM", ftp::make_reply(213, "20260102030405.678"));
    EXPECT_EQ(file.size, 1234U);
    EXPECT_EQ(file.time, "20260102030405");
    EXPECT_TRUE(file.size && !file.time.empty());
}

TEST(FileFacts, are_not_taken_from_other_replies) {
    FileFacts file;
    file.note("SIZE", ftp::make_reply(550, "1234"));
    file.note("SIZE", ftp::make_reply(213, "about 1234"));
    file.note("MDTM", ftp::make_reply(213, "2026"));
    file.note("MDTM", ftp::make_reply(213, "2026010203040x"));
    file.note("STAT", ftp::make_reply(213, "1234"));
    EXPECT_FALSE(file.size);
    EXPECT_TRUE(file.time.empty());
}

TEST(FileFacts, differ_in_size_or_time) {
    const auto began = facts(10, "20260102030405");
    EXPECT_EQ(difference(began, began, false), "");
    EXPECT_EQ(difference(began, facts(11, "20260102030405"), true),
              "the file has 11 bytes there, not 10");
    EXPECT_EQ(difference(began, facts(10, "20260102030406"), true),
              "the file is of 20260102030406 there, not of 20260102030405");
}

TEST(FileFacts, that_are_not_known_are_a_difference_unless_they_are_trusted) {
    const auto known = facts(10, "20260102030405");
    const FileFacts only_size{10, {}};
    const FileFacts nothing;
    EXPECT_EQ(difference(known, only_size, false),
              "that server does not tell the time of the file");
    EXPECT_EQ(difference(only_size, known, false),
              "the first server does not tell the time of the file");
    EXPECT_EQ(difference(known, nothing, false), "that server does not tell the size of the file");
    EXPECT_EQ(difference(nothing, known, false),
              "the first server does not tell the size of the file");
    for (const auto& one : {known, only_size, nothing})
        for (const auto& other : {known, only_size, nothing})
            EXPECT_EQ(difference(one, other, true), "");
}

TEST(KnownFiles, are_forgotten_after_some_seconds) {
    KnownFiles files;
    const loop::Time now{1h};
    files.add("/a", {10, {}}, now);
    files.add("/a", {{}, "20260102030405"}, now + 1s);
    EXPECT_FALSE(files.find("/a", now + 2s).time.empty());
    EXPECT_FALSE(files.find("/b", now + 2s).size);
    EXPECT_FALSE(files.find("/a", now + 1min).size);
}

TEST(KnownFiles, are_few) {
    KnownFiles files;
    const loop::Time now{1h};
    for (int i = 0; i < 100; ++i) files.add("/" + std::to_string(i), {1, {}}, now);
    EXPECT_FALSE(files.find("/1", now).size);
    EXPECT_TRUE(files.find("/99", now).size);
    files.add(std::string(100'000, 'x'), {1, {}}, now);
    EXPECT_FALSE(files.find(std::string(100'000, 'x'), now).size);
}

}  // namespace
