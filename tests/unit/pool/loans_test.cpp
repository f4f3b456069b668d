// SPDX-License-Identifier: Apache-2.0
#include "pool/loans.h"

#include "support/test_loop.h"

#include <array>
#include <gtest/gtest.h>

namespace ballast::pool {
namespace {

using namespace std::chrono_literals;

class LoansTest : public testing::Test {
protected:
    LoansTest() : now_(loop_.now()) {}

    std::shared_ptr<loop::Recall> lend(BackendId backend, std::string_view holder) {
        auto recall = std::make_shared<loop::Recall>(signal_);
        last_ = loans_.begin(backend, recall, base::Ip::parse(holder).value(), now_);
        now_ += 1s;
        return recall;
    }
    std::shared_ptr<loop::Recall> recall() { return loans_.recall(both_, now_); }

    support::TestLoop loop_;
    loop::Signal signal_{loop_};
    loop::Time now_;
    Loans loans_;
    Loans::Number last_ = 0;
    const std::array<BackendId, 2> both_ = {1, 2};
};

TEST_F(LoansTest, recalls_the_oldest_first_and_each_once) {
    const auto first = lend(1, "192.0.2.1");
    const auto second = lend(2, "192.0.2.2");
    EXPECT_EQ(recall(), first);
    EXPECT_EQ(recall(), second);
    EXPECT_EQ(recall(), nullptr);
    EXPECT_EQ(loans_.recalled(), 2);
}

TEST_F(LoansTest, recalls_first_from_the_holder_with_the_most_loans) {
    const auto of_one = lend(1, "192.0.2.1");
    const auto of_greedy = lend(1, "192.0.2.2");
    lend(1, "192.0.2.2");
    EXPECT_EQ(recall(), of_greedy);
}

TEST_F(LoansTest, recalls_no_loan_that_does_not_help) {
    lend(1, "192.0.2.1");
    EXPECT_EQ(loans_.recall(std::array<BackendId, 1>{2}, now_), nullptr);
    EXPECT_EQ(loans_.recall({}, now_), nullptr);
    EXPECT_EQ(loans_.recall(both_, now_ - 2s), nullptr) << "it was lent later";
    EXPECT_NE(loans_.recall(both_, now_ - 1s), nullptr);
}

TEST_F(LoansTest, says_at_its_end_whether_a_loan_was_recalled) {
    lend(1, "192.0.2.1");
    const auto recalled = last_;
    lend(1, "192.0.2.1");
    const auto kept = last_;
    ASSERT_NE(recall(), nullptr);
    EXPECT_FALSE(loans_.end(recalled));
    EXPECT_TRUE(loans_.end(kept));
    EXPECT_EQ(loans_.recalled(), 0);
}

TEST_F(LoansTest, ends_a_loan_once) {
    lend(1, "192.0.2.1");
    EXPECT_TRUE(loans_.end(0)) << "no loan";
    EXPECT_TRUE(loans_.end(last_));
    EXPECT_TRUE(loans_.end(last_));
    EXPECT_EQ(recall(), nullptr);
}

TEST_F(LoansTest, forgets_loans_that_were_given_back) {
    const auto of_one = lend(1, "192.0.2.1");
    const auto given_back = last_;
    lend(1, "192.0.2.1");
    const auto of_other = lend(1, "192.0.2.2");
    lend(1, "192.0.2.2");
    loans_.end(given_back);
    EXPECT_EQ(recall(), of_other);
}

}  // namespace
}  // namespace ballast::pool
