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

TEST(Known, prefers_pasv_if_feat_lists_no_epsv) {
    Known known;
    known.set_survey(survey_with("SIZE"));
    EXPECT_TRUE(known.prefers_pasv());
    known.set_survey(survey_with("EPSV"));
    EXPECT_FALSE(known.prefers_pasv());
    known.set_survey(Survey());  // no FEAT at all, so nothing is known
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

TEST(Known, a_new_survey_replaces_what_it_learnt_about_the_old_server) {
    Known known;
    known.set_prefers_pasv(true);
    known.set_accepts_rest();
    known.set_survey(survey_with("EPSV"));
    EXPECT_FALSE(known.prefers_pasv());
    EXPECT_FALSE(known.accepts_rest());
}

TEST(Known, guesses_the_noop_code_until_it_was_seen_after_login) {
    Known known;
    EXPECT_FALSE(known.knows_noop());
    known.set_survey(survey_with("EPSV"));  // NOOP was refused before login
    EXPECT_FALSE(known.knows_noop());
    known.set_noop_code(250);
    EXPECT_TRUE(known.knows_noop());
    auto survey = survey_with("EPSV");
    survey.noop_code = 200;
    known.set_survey(std::move(survey));
    EXPECT_TRUE(known.knows_noop());
    EXPECT_EQ(known.noop_code(), 200);
}

TEST(Known, tries_a_second_user_again_after_a_new_survey) {
    Known known;
    known.set_takes_user_again(false);
    known.set_survey(survey_with("EPSV"));
    EXPECT_TRUE(known.takes_user_again());
}

TEST(Knowledge, is_shared_by_all_sessions_on_one_backend) {
    Knowledge knowledge;
    knowledge.of(1)->set_prefers_pasv(true);
    EXPECT_TRUE(knowledge.of(1)->prefers_pasv());
    EXPECT_FALSE(knowledge.of(2)->prefers_pasv());
}

}  // namespace
}  // namespace ballast::backend
