// SPDX-License-Identifier: Apache-2.0
#include "backend/contacts.h"

#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace ballast::backend {
namespace {

base::Ip ip(const std::string& text) { return base::Ip::parse(text).value(); }

class ContactsTest : public testing::Test {
protected:
    std::string source_to(const std::string& backend) {
        const auto contact = contacts_.contact(backend_, 1, {ip(backend), 21});
        return contact.source ? base::to_string(*contact.source) : "none";
    }
    void configure(std::vector<base::Ip> sources) {
        auto pool = std::make_shared<config::Pool>();
        if (!sources.empty()) pool->source = {config::Source::Kind::addresses, std::move(sources)};
        contacts_.configure(pool);
    }

private:
    Knowledge knowledge_;
    Contacts contacts_{std::make_shared<config::Pool>(), knowledge_};
    std::shared_ptr<const config::Backend> backend_ = std::make_shared<config::Backend>();
};

TEST_F(ContactsTest, sources_take_turns_among_those_of_the_backends_family) {
    EXPECT_EQ(source_to("10.0.0.11"), "none");
    configure({ip("192.0.2.1"), ip("192.0.2.2"), ip("2001:db8::1")});
    for (const auto* const wanted : {"192.0.2.1", "192.0.2.2", "192.0.2.1"}) {
        EXPECT_EQ(source_to("10.0.0.11"), wanted);
        EXPECT_EQ(source_to("2001:db8::11"), "2001:db8::1");
    }
    configure({ip("2001:db8::1")});
    EXPECT_EQ(source_to("10.0.0.11"), "none");
}

TEST(Contact, says_why_it_is_not_waited_for) {
    Contact contact;
    const base::Address peer{ip("10.0.0.11"), 21};
    EXPECT_FALSE(contact.is_left());
    contact.patience = [] { return Patience::on; };
    EXPECT_FALSE(contact.is_left());
    contact.patience = [] { return Patience::disabled; };
    EXPECT_TRUE(contact.is_left() && contact.is_disabled());
    EXPECT_EQ(base::to_string(contact.left(peer)), "10.0.0.11:21 was disabled");
    contact.patience = [] { return Patience::given_up; };
    EXPECT_TRUE(contact.is_left() && !contact.is_disabled());
    EXPECT_EQ(base::to_string(contact.left(peer)), "10.0.0.11:21 is not waited for any longer");
}

}  // namespace
}  // namespace ballast::backend
