// SPDX-License-Identifier: Apache-2.0
// examples/priority_jobs: urgent jobs overtake a long queue, nothing is lost by a kill, and nobody starves who is not
// to.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>
#include <ottla/broker/cluster.hpp>

#include "tests/examples/programs.hpp"

namespace ottla {
namespace {

using namespace std::chrono_literals;
using namespace test_programs;

class PriorityJobs : public ::testing::Test {
protected:
    PriorityJobs() {
        for (const char* topic : {"jobs.urgent", "jobs.normal", "jobs.bulk"}) cluster.create_topic(topic).value();
    }
    void submit(const std::string& name, int count, int below) {
        const auto ran = run("yes '" + name + " " + std::to_string(below) + "' | head -" + std::to_string(count) +
                             " | " OTTLA_PRIORITY_JOBS_SUBMIT " " + cluster.bootstrap_servers());
        ASSERT_EQ(ran.status, 0) << ran.output;
    }
    std::vector<std::string> worker(const std::string& starvation_ms, const std::string& count) const {
        return {OTTLA_PRIORITY_JOBS_WORKER, cluster.bootstrap_servers(), "workers", starvation_ms, count};
    }
    static auto lines(std::size_t count) {
        return [count](const std::string& seen) { return lines_of(seen).size() >= count; };
    }
    static std::ptrdiff_t count_of(const std::string& name, const std::string& output) {
        return std::ranges::count_if(lines_of(output), [&](const auto& l) { return l.starts_with("jobs." + name); });
    }

    broker::Cluster cluster = broker::Cluster::start().value();
};

TEST_F(PriorityJobs, urgent_jobs_overtake_a_long_queue) {
    submit("bulk", 400, 300'000);
    Started works(worker("0", "460"));
    ASSERT_TRUE(works.read_until(lines(20), 20s)) << works.seen();
    submit("urgent", 30, 1000);
    submit("normal", 30, 1000);
    ASSERT_TRUE(works.read_until(lines(460), 25s)) << works.seen();
    EXPECT_EQ(works.end(0), 0);
    const auto done = lines_of(works.seen());
    EXPECT_EQ(done[0], "jobs.bulk[0]@0: 25997 primes below 300000");
    const auto of = [&](const char* name) { return [name](const std::string& l) { return l.starts_with(name); }; };
    const auto urgent = std::ranges::find_if(done, of("jobs.urgent"));
    const auto normal = std::ranges::find_if(done, of("jobs.normal"));
    // They may come in two fetches.
    EXPECT_EQ(std::count_if(urgent, urgent + 60, of("jobs.urgent")), 30);
    EXPECT_GT(normal, urgent);
    EXPECT_GT(std::count_if(normal, done.end(), of("jobs.bulk")), 100) << "they did not wait for the queue";
    EXPECT_EQ(std::set<std::string>(done.begin(), done.end()).size(), 460U) << "each once";
}

TEST_F(PriorityJobs, a_worker_that_is_killed_loses_no_job) {
    submit("bulk", 150, 100'000);
    submit("urgent", 150, 100'000);
    std::set<std::string> done;
    {
        Started works(worker("0", "300"));
        ASSERT_TRUE(works.read_until(lines(170), 20s)) << works.seen();
        works.end(SIGKILL);
        const auto seen = lines_of(works.seen());
        done.insert(seen.begin(), seen.end());
    }
    Started next(worker("0", "-1"));
    const auto is_all = [&](const std::string& seen) {
        const auto all = lines_of(seen);
        done.insert(all.begin(), all.end());
        return done.size() == 300;
    };
    // The coordinator waits first for the session of the member that is gone.
    ASSERT_TRUE(next.read_until(is_all, 40s)) << done.size();
    EXPECT_EQ(next.end(SIGTERM), 0);
    Started nothing_left(worker("0", "-1"));
    EXPECT_FALSE(nothing_left.read_until(lines(1), 1s)) << nothing_left.seen();
    EXPECT_EQ(nothing_left.end(SIGTERM), 0);
}

TEST_F(PriorityJobs, a_job_whose_result_is_lost_is_not_done) {
    submit("normal", 20, 1000);
    const auto ran = run(OTTLA_PRIORITY_JOBS_WORKER " " + cluster.bootstrap_servers() + " workers 0 20 >/dev/full");
    EXPECT_NE(ran.status, 0);
    EXPECT_NE(ran.output.find("a result cannot be written: "), std::string::npos) << ran.output;
    Started next(worker("0", "20"));
    EXPECT_TRUE(next.read_until(lines(20), 20s)) << next.seen();
    EXPECT_EQ(next.end(0), 0);
}

TEST_F(PriorityJobs, bulk_jobs_get_their_turn_when_they_have_waited_long) {
    submit("urgent", 2000, 300'000);
    Started works(worker("20", "2200"));
    ASSERT_TRUE(works.read_until(lines(5), 20s)) << works.seen();
    submit("bulk", 200, 1000);
    ASSERT_TRUE(works.read_until(lines(2200), 60s)) << works.seen();
    EXPECT_EQ(works.end(0), 0);
    const auto done = lines_of(works.seen());
    const auto last_urgent =
        std::find_if(done.rbegin(), done.rend(), [](const auto& l) { return l.starts_with("jobs.urgent"); }).base();
    EXPECT_GT(std::count_if(done.begin(), last_urgent, [](const auto& l) { return l.starts_with("jobs.bulk"); }), 5);
}

TEST_F(PriorityJobs, what_is_no_job_is_refused) {
    const auto ran = run("echo 'soon 7' | " OTTLA_PRIORITY_JOBS_SUBMIT " " + cluster.bootstrap_servers());
    EXPECT_NE(ran.status, 0);
    EXPECT_EQ(ran.output, "'soon 7' is no job: urgent, normal or bulk, and a number\n");
    EXPECT_NE(run(OTTLA_PRIORITY_JOBS_WORKER " " + cluster.bootstrap_servers() + " g -5")
                  .output.find("starvation_limit is -5"),
              std::string::npos);
}

}  // namespace
}  // namespace ottla
