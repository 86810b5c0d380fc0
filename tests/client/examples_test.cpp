// SPDX-License-Identifier: Apache-2.0
// The examples do what they say: run as programs, against a broker in this process.
#include <array>
#include <cstdio>
#include <string>

#include <gtest/gtest.h>
#include <ottla/broker/cluster.hpp>

namespace ottla {
namespace {

struct Ran {
    int status;
    std::string output;
};

Ran run(const std::string& command) {
    Ran ran{-1, {}};
    FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    if (!pipe) return ran;
    std::array<char, 4096> chunk;
    while (const auto n = fread(chunk.data(), 1, chunk.size(), pipe)) ran.output.append(chunk.data(), n);
    ran.status = pclose(pipe);
    return ran;
}

class Examples : public ::testing::Test {
protected:
    broker::Cluster cluster = broker::Cluster::start().value();
    std::string brokers = " " + cluster.bootstrap_servers() + " ";
};

TEST_F(Examples, what_the_producer_writes_the_consumer_reads) {
    cluster.create_topic("words").value();
    const auto written = run("printf 'one\\ntwo\\nthree\\n' | " OTTLA_EXAMPLE_PRODUCER + brokers + "words");
    EXPECT_EQ(written.status, 0);
    EXPECT_EQ(written.output, "words[0]@0 persisted\nwords[0]@1 persisted\nwords[0]@2 persisted\n");
    const auto read = run(OTTLA_EXAMPLE_CONSUMER + brokers + "words");
    EXPECT_EQ(read.status, 0);
    EXPECT_EQ(read.output,
              "words[0]@0 key=null value=one\nwords[0]@1 key=null value=two\nwords[0]@2 key=null value=three\n");
}

TEST_F(Examples, admin_makes_and_removes_a_topic) {
    const auto ran = run(OTTLA_EXAMPLE_ADMIN + brokers + "passing");
    EXPECT_EQ(ran.status, 0) << ran.output;
    EXPECT_NE(ran.output.find("retention.ms=3600000 (dynamic_topic)"), std::string::npos) << ran.output;
    EXPECT_TRUE(ran.output.ends_with("done\n")) << ran.output;
}

}  // namespace
}  // namespace ottla
