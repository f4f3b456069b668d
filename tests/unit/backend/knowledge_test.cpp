// SPDX-License-Identifier: Apache-2.0
#include "backend/knowledge.h"

#include <gtest/gtest.h>

namespace ballast::backend {
namespace {

Survey survey_with(const char* label, const char* parameters = "") {
    Survey survey;
    survey.answers_feat = true;
    survey.features.add(label, parameters);
    return survey;
}

TEST(Known, without_a_survey_asks_for_epsv_and_does_not_promise_rest) {
    const Known known;
    EXPECT_EQ(known.survey(), nullptr);
    EXPECT_FALSE(known.prefers_pasv());
    EXPECT_FALSE(known.accepts_rest());
    EXPECT_EQ(known.noop_code(), 200);
}

TEST(Known, prefers_pasv_where_feat_lists_no_epsv) {
    Known known;
    known.set_survey(survey_with("SIZE"));
    EXPECT_TRUE(known.prefers_pasv());
    known.set_survey(survey_with("EPSV"));
    EXPECT_FALSE(known.prefers_pasv());
    known.set_survey(Survey());  // no FEAT at all: nothing is known
    EXPECT_FALSE(known.prefers_pasv());
}

TEST(Known, accepts_rest_by_survey_or_by_experience) {
    Known known;
    known.set_survey(survey_with("REST", "STREAM"));
    EXPECT_TRUE(known.accepts_rest());
    known.set_survey(survey_with("SIZE"));
    EXPECT_FALSE(known.accepts_rest());
    known.set_accepts_rest();
    EXPECT_TRUE(known.accepts_rest());
}

TEST(Known, forgets_at_a_new_survey_what_it_learnt_of_the_server_before) {
    Known known;
    known.set_prefers_pasv(true);
    known.set_accepts_rest();
    known.set_survey(survey_with("EPSV"));
    EXPECT_FALSE(known.prefers_pasv());
    EXPECT_FALSE(known.accepts_rest());
}

TEST(Known, guesses_noop_while_nobody_has_heard_its_answer_after_log_in) {
    Known known;
    EXPECT_FALSE(known.knows_noop());
    known.set_survey(survey_with("EPSV"));  // NOOP was refused before log-in
    EXPECT_FALSE(known.knows_noop());
    known.set_noop_code(250);
    EXPECT_TRUE(known.knows_noop());
    auto survey = survey_with("EPSV");
    survey.noop_code = 200;
    known.set_survey(std::move(survey));
    EXPECT_TRUE(known.knows_noop());
    EXPECT_EQ(known.noop_code(), 200);
}

TEST(Known, asks_again_after_a_new_survey_whether_a_second_user_is_taken) {
    Known known;
    known.set_takes_user_again(false);
    known.set_survey(survey_with("EPSV"));
    EXPECT_TRUE(known.takes_user_again());
}

TEST(Knowledge, is_shared_by_all_who_ask_for_one_backend) {
    Knowledge knowledge;
    knowledge.of(1)->set_prefers_pasv(true);
    EXPECT_TRUE(knowledge.of(1)->prefers_pasv());
    EXPECT_FALSE(knowledge.of(2)->prefers_pasv());
}

}  // namespace
}  // namespace ballast::backend
