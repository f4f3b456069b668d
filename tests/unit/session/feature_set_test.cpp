// SPDX-License-Identifier: Apache-2.0
#include "session/feature_set.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::session {
namespace {

std::shared_ptr<const backend::Survey> survey_of(const std::string& lines) {
    auto survey = std::make_shared<backend::Survey>();
    survey->answers_feat = true;
    survey->features = ftp::Features::parse("211-Features:\r\n" + lines + "211 End\r\n");
    return survey;
}

std::string features_of(const std::vector<std::string>& backends) {
    std::vector<std::shared_ptr<const backend::Survey>> surveys;
    for (const auto& lines : backends) surveys.push_back(survey_of(lines));
    return feature_set(surveys).to_lines();
}

TEST(FeatureSet, without_a_survey_is_what_ballast_adds) {
    EXPECT_EQ(features_of({}), " EPRT\r\n EPSV\r\n");
}

TEST(FeatureSet, is_what_all_backends_have_in_common) {
    EXPECT_EQ(features_of({" MDTM\r\n SIZE\r\n", " SIZE\r\n TVFS\r\n"}),
              " EPRT\r\n EPSV\r\n SIZE\r\n");
}

TEST(FeatureSet, omits_what_ballast_does_not_support) {
    EXPECT_EQ(features_of({" AUTH TLS\r\n PBSZ\r\n PROT\r\n CCC\r\n HOST\r\n SSCN\r\n CPSV\r\n"
                           " ESTA\r\n SPSV\r\n LPRT\r\n RANG STREAM\r\n SIZE\r\n"}),
              " EPRT\r\n EPSV\r\n SIZE\r\n");
}

TEST(FeatureSet, is_only_what_ballast_adds_if_one_backend_has_no_feat) {
    EXPECT_EQ(features_of({"", " SIZE\r\n"}), " EPRT\r\n EPSV\r\n");
}

}  // namespace
}  // namespace ballast::session
