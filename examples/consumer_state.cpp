// SPDX-License-Identifier: Apache-2.0
// Counts the messages of each partition, and keeps the counts in a directory while the partitions move between members:
// each count is saved when its partition is given back, with the offset that it belongs to, and loaded by whoever gets
// it next: consumer_state BROKERS GROUP TOPIC DIRECTORY COUNT
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <ottla/consumer.hpp>

using namespace std::chrono_literals;

namespace {

struct State {
    std::int64_t offset = 0;  // of the first message that is not counted
    long count = 0;
};

class Counts {
public:
    explicit Counts(std::filesystem::path directory) : directory_(std::move(directory)) {}

    // From the saved offset on, whatever the group has committed: count and offset always belong together.
    void load(ottla::Consumer& consumer, std::span<const ottla::TopicPartition> partitions) {
        for (const auto& tp : partitions) {
            State state;
            std::ifstream(file(tp.partition)) >> state.offset >> state.count;
            counts_[tp.partition] = state;
            consumer.seek({tp.topic, tp.partition, state.offset}).value();
            std::printf("partition %d has %ld\n", tp.partition, state.count);
        }
    }
    void save(std::span<const ottla::TopicPartition> partitions) {
        for (const auto& tp : partitions) {
            const State& state = counts_[tp.partition];
            const auto written = file(tp.partition).concat(".new");
            std::ofstream(written) << state.offset << ' ' << state.count << '\n';
            std::filesystem::rename(written, file(tp.partition));
            std::printf("partition %d is saved with %ld\n", tp.partition, state.count);
        }
        forget(partitions);
    }
    void forget(std::span<const ottla::TopicPartition> partitions) {
        for (const auto& tp : partitions) counts_.erase(tp.partition);
    }
    void count(const ottla::Message& message) {
        auto& state = counts_[message.partition()];
        ++state.count;
        state.offset = message.offset() + 1;
    }

private:
    std::filesystem::path file(std::int32_t partition) const { return directory_ / std::to_string(partition); }

    std::filesystem::path directory_;
    std::map<std::int32_t, State> counts_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 6) {
        std::fprintf(stderr, "usage: consumer_state BROKERS GROUP TOPIC DIRECTORY COUNT\n");
        return 2;
    }
    auto consumer =
        ottla::Consumer::create({{"bootstrap.servers", argv[1]}, {"group.id", argv[2]}, {"enable.auto.commit", false}});
    if (!consumer) {
        std::fprintf(stderr, "%s\n", to_string(consumer.error()).c_str());
        return 1;
    }
    Counts counts(argv[4]);
    ottla::RebalanceCallbacks callbacks;
    callbacks.assigned = [&](ottla::Consumer& c, auto partitions) { counts.load(c, partitions); };
    // Nobody else has them until this returns.
    callbacks.revoked = [&](ottla::Consumer&, auto partitions) { counts.save(partitions); };
    // Somebody else has them, and goes on from what was saved last: what was counted since is his.
    callbacks.lost = [&](ottla::Consumer&, auto partitions) { counts.forget(partitions); };
    consumer->subscribe({argv[3]}, std::move(callbacks)).value();
    for (long left = std::atol(argv[5]); left > 0;) {
        auto message = consumer->read_message(1s);
        if (message) {
            counts.count(*message);
            --left;
        } else if (!message.error().is_timeout()) {
            std::fprintf(stderr, "%s\n", to_string(message.error()).c_str());
        }
    }
    consumer->close(10s).value();  // gives them back, and so saves them
}
