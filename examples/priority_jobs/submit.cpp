// SPDX-License-Identifier: Apache-2.0
// Hands in jobs, a line each: "urgent 100000" asks for the number of primes below 100000, and soon. Ends when all of
// them are kept: priority_jobs_submit BROKERS < JOBS
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include <ottla/writer.hpp>

#include "topics.hpp"

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: priority_jobs_submit BROKERS < JOBS\n");
        return 2;
    }
    // The records are views of these.
    std::vector<std::string> topics, numbers;
    std::string line;
    while (std::getline(std::cin, line)) {
        const auto space = line.find(' ');
        if (std::ranges::find(jobs::classes, line.substr(0, space)) == jobs::classes.end() || space == line.npos) {
            std::fprintf(stderr, "'%s' is no job: urgent, normal or bulk, and a number\n", line.c_str());
            return 1;
        }
        topics.push_back(jobs::topic_of(line.substr(0, space)));
        numbers.push_back(line.substr(space + 1));
    }
    std::vector<ottla::Record> records;
    for (std::size_t i = 0; i < topics.size(); ++i) records.push_back({.topic = topics[i], .value = numbers[i]});
    if (records.empty()) return 0;

    ottla::WriterConfig config;
    config.brokers = argv[1];
    config.batch_timeout = std::chrono::milliseconds(5);
    auto writer = ottla::Writer::create(std::move(config)).value();
    const auto written = writer.write_messages(records, std::chrono::seconds(30));
    if (!written) std::fprintf(stderr, "%s\n", to_string(written.error()).c_str());
    return written ? 0 : 1;
}
