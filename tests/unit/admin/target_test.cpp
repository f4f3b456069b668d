// SPDX-License-Identifier: Apache-2.0
#include "admin/target.h"

#include <gtest/gtest.h>

namespace ballast::admin {
namespace {

using Segments = std::vector<std::string>;

TEST(Target, falls_into_decoded_segments) {
    EXPECT_EQ(segments_of("/"), Segments{""});
    EXPECT_EQ(segments_of("/v1/backends"), (Segments{"v1", "backends"}));
    EXPECT_EQ(segments_of("/a//b/"), (Segments{"a", "", "b", ""}));
    EXPECT_EQ(segments_of("/a?b=/c"), Segments{"a"});
    EXPECT_EQ(segments_of("/a%2Fb%2fc/%0A%00"), (Segments{"a/b/c", std::string("\n\0", 2)}));
    EXPECT_EQ(segments_of("/%2e%2E/../."), (Segments{"..", "..", "."}));
    EXPECT_EQ(segments_of("/100%25"), Segments{"100%"});
    EXPECT_EQ(segments_of("/+"), Segments{"+"});
}

TEST(Target, is_refused_if_it_is_no_path_or_an_escape_is_wrong) {
    for (const auto* const target : {"", "*", "v1", "http://x/v1", "/%", "/%2", "/%2g", "/%g2",
                                     "/% 2", "/%+2", "/%-2", "/%2/"})
        EXPECT_EQ(segments_of(target), std::nullopt) << target;
}

TEST(Target, may_have_a_query) {
    using Query = std::map<std::string, std::string, std::less<>>;
    EXPECT_EQ(query_of("/a"), Query());
    EXPECT_EQ(query_of("/a?"), Query());
    EXPECT_EQ(query_of("/a?b=c&d=%26%3D&e&f=g=h&"),
              (Query{{"b", "c"}, {"d", "&="}, {"e", ""}, {"f", "g=h"}}));
    EXPECT_EQ(query_of("/a?b=1&b=2"), (Query{{"b", "2"}}));
    EXPECT_EQ(query_of("/a?b+c=d+e"), (Query{{"b+c", "d+e"}}));
    EXPECT_EQ(query_of("/a?b=%2"), std::nullopt);
    EXPECT_EQ(query_of("/a?%=b"), std::nullopt);
}

TEST(Target, carries_every_name) {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
    EXPECT_EQ(segments_of("/" + percent_encoded(all)), Segments{all});
    EXPECT_EQ(percent_encoded("f-1_a.b~Z"), "f-1_a.b~Z");
    EXPECT_EQ(percent_encoded("a/b c\xe9"), "a%2Fb%20c%E9");
}

}  // namespace
}  // namespace ballast::admin
