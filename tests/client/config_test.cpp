// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <ottla/config.hpp>

#include "client/config/property_table.hpp"

namespace ottla {
namespace {

using State = ConfigProperty::State;

std::string text_of(const Result<void>& r) { return r ? std::string() : std::string(r.error().text()); }

// A value that the property must take, or nothing when it takes none.
std::optional<std::string> good_value(const client::Property& p) {
    using enum client::PropertyType;
    switch (p.type) {
        case boolean: return "false";
        case integer:
        case real: return std::to_string(p.greatest);
        case choice: return std::string(p.choices.substr(0, p.choices.find(',')));
        case list: return p.choices.empty() ? "a,b" : std::string(p.choices.substr(0, p.choices.find(',')));
        case text: return "anything";
        case pointer: return std::nullopt;
    }
    return std::nullopt;
}

TEST(Config, every_property_takes_what_it_should_and_nothing_else) {
    EXPECT_EQ(config_properties().size(), 194U);
    for (const ConfigProperty& row : config_properties()) {
        SCOPED_TRACE(row.name);
        const client::Property& p = *client::find_property(row.name);
        EXPECT_EQ(row.state == State::implemented, row.note.empty() || row.name == "security.protocol")
            << "what is not done says why";
        EXPECT_TRUE(row.alias_of.empty() || client::find_property(row.alias_of));
        Config config;
        if (row.state == State::refused) {
            EXPECT_NE(text_of(config.set(row.name, "something else")).find(row.note), std::string::npos);
            continue;
        }
        const auto good = good_value(p);
        ASSERT_TRUE(good.has_value());
        EXPECT_EQ(text_of(config.set(row.name, *good)), "");
        EXPECT_EQ(config.get(row.name), *good);
        EXPECT_TRUE(row.alias_of.empty() || config.get(row.alias_of) == *good);
        EXPECT_TRUE(row.default_value.empty() || config.set(row.name, row.default_value));

        using enum client::PropertyType;
        if (p.type == integer || p.type == real) {
            EXPECT_EQ(text_of(config.set(row.name, p.least)), "");
            for (const std::string& bad : {std::to_string(p.least - 1), std::to_string(p.greatest + 1),
                                           std::string("ten"), std::string("10ms"), std::string()}) {
                const auto said = text_of(config.set(row.name, bad));
                EXPECT_NE(said.find(row.name), std::string::npos) << bad;
                EXPECT_NE(said.find(std::to_string(p.greatest)), std::string::npos) << bad;
            }
            EXPECT_NE(text_of(config.set(row.name, true)), "");
        }
        if (p.type == boolean) {
            EXPECT_NE(text_of(config.set(row.name, "maybe")), "");
            EXPECT_NE(text_of(config.set(row.name, 1)), "");
            EXPECT_EQ(text_of(config.set(row.name, true)), "");
        }
        if (p.type == choice || (p.type == list && !p.choices.empty())) {
            EXPECT_NE(text_of(config.set(row.name, "no such word")).find(p.choices), std::string::npos);
        }
    }
}

TEST(Config, an_unknown_name_is_told_its_nearest) {
    const std::pair<const char*, const char*> typos[] = {
        {"bootstrap.server", "bootstrap.servers"},
        {"boostrap.servers", "bootstrap.servers"},
        {"linger_ms", "linger.ms"},
        {"fetch.max.wait.ms", "fetch.wait.max.ms"},
        {"auto.offset.rest", "auto.offset.reset"},
        {"Compression.Type", "compression.type"},
    };
    for (const auto& [typo, meant] : typos) {
        Config config;
        EXPECT_NE(text_of(config.set(typo, "1")).find(std::string("'") + meant + "'"), std::string::npos) << typo;
        EXPECT_NE(text_of((Config{{typo, 1}}).check()).find(meant), std::string::npos) << typo;
    }
    Config config;
    EXPECT_EQ(text_of(config.set("zzzzzzzzzzzzzzzzzzzz", "1")), "there is no setting 'zzzzzzzzzzzzzzzzzzzz'");
}

TEST(Config, other_names_mean_the_same_property) {
    Config config{{"metadata.broker.list", "a:1"}, {"bootstrap.servers", "b:2"}, {"queue.buffering.max.ms", 7}};
    EXPECT_EQ(config.get("metadata.broker.list"), "b:2");
    EXPECT_EQ(config.get("linger.ms"), "7");
    EXPECT_EQ(config.entries().size(), 2U);
    ASSERT_TRUE(config.set("linger.ms=0.5").has_value());
    EXPECT_EQ(config.get("queue.buffering.max.ms"), "0.5");
    EXPECT_EQ(config.get("{topic}.acks"), "all");
    EXPECT_FALSE(config.set("linger.ms").has_value());
}

TEST(Config, secrets_are_not_shown) {
    Config config{
        {"sasl.password", "s3cret"}, {"ssl.key.pem", "s3cret"}, {"sasl.passwort", "s3cret"}, {"client.id", "me"}};
    EXPECT_EQ(to_string(config).find("s3cret"), std::string::npos);
    EXPECT_NE(to_string(config).find("client.id=me"), std::string::npos);
    EXPECT_EQ(text_of(config.check()).find("s3cret"), std::string::npos);
    for (const char* name : {"sasl.password", "ssl.key.password", "ssl.key.pem", "ssl.keystore.password"}) {
        Config one;
        EXPECT_EQ(text_of(one.set(name, "s3cret")).find("s3cret"), std::string::npos) << name;
        EXPECT_TRUE(client::find_property(name)->is_secret) << name;
    }
}

TEST(Config, a_refused_setting_may_be_written_out_with_its_default) {
    Config config;
    EXPECT_EQ(text_of(config.set("enable.ssl.certificate.verification", "true")), "");
    EXPECT_NE(text_of(config.set("security.protocol", "ssl")).find("TLS"), std::string::npos);
    EXPECT_NE(text_of(config.set("transactional.id", "x")).find("transactions"), std::string::npos);
    EXPECT_NE(text_of(config.set("dr_cb", "x")).find("events()"), std::string::npos);
}

}  // namespace
}  // namespace ottla
