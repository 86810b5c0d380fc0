// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "protocol/generator/emit.hpp"
#include "protocol/generator/names.hpp"
#include "protocol/generator/spec.hpp"

namespace ottla::generator {
namespace {

TEST(Versions, are_read_as_specs_write_them) {
    EXPECT_EQ(Versions::parse("0+"), (Versions{0, Versions::open}));
    EXPECT_EQ(Versions::parse("3-5"), (Versions{3, 5}));
    EXPECT_EQ(Versions::parse("4"), (Versions{4, 4}));
    EXPECT_TRUE(Versions::parse("none")->empty());
    for (const char* bad : {"", "+", "a", "3-", "-3", "5-3", "1+2", "0x1", "99999"})
        EXPECT_FALSE(Versions::parse(bad)) << bad;
    EXPECT_EQ(condition({3, Versions::open}, {0, 9}), "v >= 3");
    EXPECT_EQ(condition({0, Versions::open}, {0, 9}), "");
    EXPECT_EQ(condition({10, Versions::open}, {0, 9}), "false");
    EXPECT_EQ(condition({2, 4}, {0, 9}), "v >= 2 && v <= 4");
    EXPECT_EQ(condition({9, 20}, {0, 9}), "v >= 9");
}

TEST(Names, become_snake_case) {
    EXPECT_EQ(snake_case("TopicId"), "topic_id");
    EXPECT_EQ(snake_case("KRaftVersionRecord"), "kraft_version_record");
    EXPECT_EQ(snake_case("ISRNodes"), "isr_nodes");
    EXPECT_EQ(snake_case("IsrNodesV2"), "isr_nodes_v2");
    EXPECT_EQ(member_name("Default"), "default_");
    EXPECT_EQ(camel_case("TopicId"), "topicId");
}

// All that Apache Kafka's own files have and ours have not is in specs/SampleRequest.json.
TEST(SpecReader, reads_apache_kafkas_own_style) {
    const Spec spec = read_spec(OTTLA_SOURCE_DIR "/tests/protocol/specs/SampleRequest.json");
    EXPECT_EQ(spec.name, "SampleRequest");
    EXPECT_EQ(spec.valid, (Versions{1, 4}));
    EXPECT_TRUE(spec.latest_version_unstable);
    ASSERT_EQ(spec.structs.size(), 2U);
    EXPECT_EQ(spec.structs[0].name, "Place") << "inner structs come first";
    EXPECT_EQ(spec.structs[1].context, (Versions{1, 4}));
    const auto& fields = spec.root.fields;
    EXPECT_EQ(fields[0].tag, 1U);
    EXPECT_TRUE(fields[0].default_null);
    EXPECT_EQ(fields[1].default_text, "2147483647");
    EXPECT_EQ(fields[2].versions, (Versions{4, Versions::open}))
        << "a tagged field without versions has its tagged ones";
    EXPECT_TRUE(fields[3].flexible.empty());

    const std::string header = emit_header(spec, "SampleResponse");
    EXPECT_NE(header.find("using Response = SampleResponse;"), std::string::npos);
    EXPECT_NE(header.find("static constexpr VersionRange stable_versions{1, 3};"), std::string::npos);
    EXPECT_NE(header.find("double rate = 0.5;"), std::string::npos);
    const std::string walk = emit_walk(spec);
    EXPECT_NE(walk.find("op.string(\"oldText\", m.old_text, false);"), std::string::npos);
    EXPECT_NE(walk.find("op.array(\"topics\", m.topics, compact, v >= 2, v);"), std::string::npos);
    EXPECT_NE(walk.find("to.string(\"clusterId\", m.cluster_id, true, true);"), std::string::npos);
}

TEST(SpecReader, finds_the_end_of_every_comment) {
    for (const char* comment :
         {"/* a */", "/***/", "/* a **/", "/****/", "/* a ****/", "/**/", "/* \" */", "// **/ \"\n"}) {
        const Spec spec = read_spec_text(
            "C.json", comment + std::string(R"({"type": "data", "name": "C", )") + comment +
                          R"("validVersions": "0", "flexibleVersions": "none", "fields": []})" + comment);
        EXPECT_EQ(spec.name, "C") << comment;
    }
    const Spec kept = read_spec_text("C.json", R"({"type": "data", "name": "C", "validVersions": "0",
        "flexibleVersions": "none", "fields": [
        {"name": "A", "type": "string", "versions": "0+", "default": "/* \" // **/"}]})");
    EXPECT_EQ(kept.root.fields[0].default_text, R"("/* \" // **/")") << "text is no comment";
}

TEST(SpecReader, skips_messages_that_are_no_more) {
    const Spec spec = read_spec_text(
        "Gone.json", R"({"apiKey": 7, "type": "request", "name": "GoneRequest", "validVersions": "none"})");
    EXPECT_FALSE(spec.has_fields());
    EXPECT_EQ(emit_message_table({spec}).find("GoneRequest"), std::string::npos);
}

TEST(SpecReader, a_bare_null_is_no_default_and_the_word_is) {
    const Spec spec = read_spec_text(
        "N.json", R"({"type": "data", "name": "N", "validVersions": "0", "flexibleVersions": "none", "fields": [
        {"name": "A", "type": "[]int32", "versions": "0+", "nullableVersions": "0+", "default": null},
        {"name": "B", "type": "[]int32", "versions": "0+", "nullableVersions": "0+", "default": "null"}]})");
    const std::string header = emit_header(spec, "");
    EXPECT_NE(header.find("std::optional<std::vector<std::int32_t>> a = std::vector<std::int32_t>{};"),
              std::string::npos);
    EXPECT_NE(header.find("std::optional<std::vector<std::int32_t>> b;"), std::string::npos);
}

std::string with_fields(const std::string& fields) {
    return R"({"type": "data", "name": "X", "validVersions": "0-3", "flexibleVersions": "2+", "fields": [)" + fields +
           "]}";
}

TEST(SpecReader, tells_file_field_and_reason) {
    const std::pair<std::string, const char*> bad[] = {
        {"{", "X.json: line 1: not JSON: incomplete JSON"},
        {"/* one\n two **/ // three\n{,", "X.json: line 3: not JSON: syntax error"},
        {"{} /* open", "X.json: line 1: not JSON: extra data"},
        {"[]", "X.json: the spec is not an object"},
        {R"({"type": "data", "validVersions": "0"})", "X.json: 'name' is missing"},
        {R"({"type": "letter", "name": "X", "validVersions": "0"})", "X.json: the type 'letter' is not known"},
        {R"({"type": "request", "name": "X", "validVersions": "0"})", "X.json: 'apiKey' is missing"},
        {R"({"type": "data", "name": "X", "validVersions": "0+"})", "X.json: 'validVersions' must have an end"},
        {R"({"type": "data", "name": "X", "validVersions": "0", "flexibleVersions": "none", "colour": 1})",
         "X.json: the key 'colour' is not known"},
        {with_fields(R"({"name": "A", "type": "int33", "versions": "0+"})"),
         "X.json: field 'A': the type 'int33' is not known"},
        {with_fields(R"({"name": "A", "type": "[]Foo", "versions": "0+"})"),
         "X.json: field 'X.A': the type 'Foo' is not known"},
        {with_fields(R"({"name": "A", "type": "int32", "versions": "2-1"})"),
         "X.json: field 'A': 'versions' is \"2-1\", which is not a range of versions"},
        {with_fields(R"({"name": "A", "type": "int32"})"), "X.json: field 'A': 'versions' is missing"},
        {with_fields(R"({"name": "A", "type": "int8", "versions": "0+", "default": "128"})"),
         "X.json: field 'A': the default '128' does not fit the type"},
        {with_fields(R"({"name": "A", "type": "string", "versions": "0+", "default": "null"})"),
         "X.json: field 'A': the default is null, but the field is never nullable"},
        {with_fields(R"({"name": "A", "type": "int32", "versions": "0+", "nullableVersions": "0+"})"),
         "X.json: field 'A': 'nullableVersions' is given, but this type can't be null"},
        {with_fields(R"({"name": "A", "type": "int32", "versions": "0+", "tag": 0, "taggedVersions": "0+"})"),
         "X.json: field 'A': 'taggedVersions' 0+ is not within flexibleVersions 2+"},
        {with_fields(R"({"name": "A", "type": "int32", "versions": "0+", "taggedVersions": "2+"})"),
         "X.json: field 'A': 'taggedVersions' is given without 'tag'"},
        {with_fields(R"({"name": "A", "type": "int32", "versions": "2+", "tag": 0, "taggedVersions": "2+"},
                        {"name": "B", "type": "int32", "versions": "2+", "tag": 0, "taggedVersions": "2+"})"),
         "X.json: field 'B': the tag 0 is taken by another field"},
        {with_fields(
             R"({"name": "A", "type": "int32", "versions": "0+"}, {"name": "A", "type": "int32", "versions": "0+"})"),
         "X.json: field 'A': there are two fields of this name"},
        {with_fields(
             R"({"name": "A", "type": "[]S", "versions": "0+", "fields": [{"name": "B", "type": "int32", "versions": "0+", "size": 4}]})"),
         "X.json: field 'A.B': the key 'size' is not known"},
        {with_fields(
             R"({"name": "A", "type": "[]S", "versions": "0+", "fields": [{"name": "B", "type": "[]S", "versions": "0+"}]})"),
         "X.json: field 'S': the struct holds itself"},
        {with_fields(R"({"name": "A", "type": "[][]int32", "versions": "0+"})"),
         "X.json: field 'A': an array of arrays is not allowed"},
    };
    for (const auto& [text, reason] : bad) {
        try {
            (void)read_spec_text("X.json", text);
            ADD_FAILURE() << "accepted: " << text;
        } catch (const SpecError& e) {
            EXPECT_STREQ(e.what(), reason);
        }
    }
}

// To be read by people; `OTTLA_REWRITE_GOLDEN=1` writes it anew after a change of the generator.
TEST(Emit, writes_what_the_golden_copy_shows) {
    const std::string root = OTTLA_SOURCE_DIR;
    const Spec spec = read_spec(root + "/protocol/specs/clients/FetchRequest.json");
    const std::pair<const char*, std::string> files[] = {{"fetch_request.hpp", emit_header(spec, "FetchResponse")},
                                                         {"fetch_request_walk.hpp", emit_walk(spec)},
                                                         {"fetch_request.cpp", emit_source(spec)},
                                                         {"fetch_request_json.cpp", emit_json(spec)}};
    for (const auto& [name, text] : files) {
        const std::string path = root + "/tests/golden/generator/" + name + ".txt";
        if (std::getenv("OTTLA_REWRITE_GOLDEN")) std::ofstream(path) << text;
        std::ifstream in(path);
        std::stringstream golden;
        golden << in.rdbuf();
        EXPECT_EQ(text, golden.str()) << name;
    }
}

}  // namespace
}  // namespace ottla::generator
