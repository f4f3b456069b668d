// SPDX-License-Identifier: Apache-2.0
#include "session/transfer_log.h"

#include <cstdlib>
#include <ctime>
#include <gtest/gtest.h>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;

class TransferLog : public testing::Test {
protected:
    TransferLog() {
        ::setenv("TZ", "UTC", 1);
        ::tzset();
        outcome.result = TransferResult::whole;
        outcome.direction = ftp::Direction::download;
        outcome.bytes = 1234;
        outcome.time = 2500ms;
    }
    [[nodiscard]] TransferRecord record() const {
        const auto client = base::Address::parse("198.51.100.7:50000").value();
        return {"s1", user, "ftp-sales", client, "alf1", verb, file, true, outcome};
    }
    [[nodiscard]] std::string xferlog() const { return xferlog_line(record(), when); }
    [[nodiscard]] std::string json() const { return json_line(record(), when); }

    const std::chrono::system_clock::time_point when{std::chrono::seconds(1'000'000'000)};
    TransferOutcome outcome;
    std::string user = "anna";
    std::string verb = "RETR";
    std::string file = "/in/a.txt";
};

TEST_F(TransferLog, writes_the_fields_of_xferlog) {
    EXPECT_EQ(xferlog(),
              "Sun Sep  9 01:46:40 2001 3 198.51.100.7 1234 /in/a.txt b _ o r anna ftp 0 * c");
}

TEST_F(TransferLog, marks_uploads_anonymous_users_and_incomplete_files) {
    outcome.direction = ftp::Direction::upload;
    outcome.result = TransferResult::failed;
    user = "anonymous";
    EXPECT_EQ(xferlog(),
              "Sun Sep  9 01:46:40 2001 3 198.51.100.7 1234 /in/a.txt b _ i a anonymous ftp 0 * i");
}

TEST_F(TransferLog, keeps_a_name_in_one_word_and_one_line) {
    file = "/two words\n\x7f\x01 and more";
    EXPECT_NE(xferlog().find(" /two_words____and_more b "), std::string::npos) << xferlog();
    file = "";
    EXPECT_NE(xferlog().find(" 1234 - b "), std::string::npos);
    file = "/caf\xe9";  // not UTF-8: passed as it is
    EXPECT_NE(xferlog().find(" /caf\xe9 b "), std::string::npos);
}

TEST_F(TransferLog, writes_json_with_every_field) {
    outcome.reason = "";
    EXPECT_EQ(
        json(),
        R"({"time":"2001-09-09T01:46:40Z","session":"s1","user":"anna","backend_user":"ftp-sales",)"
        R"("client":"198.51.100.7:50000","backend":"alf1","verb":"RETR","file":"/in/a.txt",)"
        R"("direction":"download","bytes":1234,"seconds":2.5,"path":"relay","result":"whole","reason":""})");
}

TEST_F(TransferLog, escapes_names_in_json) {
    file = "a \"b\" \\ \n caf\xe9 caf\xc3\xa9";
    EXPECT_NE(json().find("\"file\":\"a \\\"b\\\" \\\\ \\u000a caf\\u00e9 caf\xc3\xa9\""),
              std::string::npos)
        << json();
}

TEST(TransferResult, has_a_name) {
    EXPECT_EQ(to_string(TransferResult::whole), "whole");
    EXPECT_EQ(to_string(TransferResult::failed), "failed");
    EXPECT_EQ(to_string(TransferResult::aborted), "aborted");
    EXPECT_EQ(to_string(TransferResult::refused), "refused");
    EXPECT_EQ(to_string(TransferResult::not_a_transfer), "not a transfer");
}

}  // namespace
}  // namespace ballast::session
