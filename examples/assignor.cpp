// SPDX-License-Identifier: Apache-2.0
// An assignor of one's own: each member says how much it can carry, and gets as many partitions for it. Two members, of
// weight 1 and 3: assignor BROKERS GROUP TOPIC
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ottla/consumer.hpp>

using namespace std::chrono_literals;

namespace {

class ByWeight final : public ottla::GroupAssignor {
public:
    explicit ByWeight(int weight) : weight_(weight) {}

    std::string_view name() const noexcept override { return "by-weight"; }
    ottla::RebalanceProtocol protocol() const noexcept override { return ottla::RebalanceProtocol::cooperative; }
    // Travels with each join.
    ottla::Bytes user_data(const std::vector<std::string>&) override {
        return ottla::Bytes::copy_of(std::to_string(weight_));
    }
    // On the member that leads the group. Each partition goes to the one that has the least for its weight.
    ottla::Result<Assignment> assign(const std::vector<Member>& members, const Topics& topics) override {
        Assignment assignment;
        std::vector<double> load(members.size());
        for (const auto& [topic, partitions] : topics)
            for (std::size_t p = 0; p < partitions.size(); ++p) {
                std::size_t best = 0;
                for (std::size_t m = 1; m < members.size(); ++m)
                    if (load[m] + 1 / weight_of(members[m]) < load[best] + 1 / weight_of(members[best])) best = m;
                load[best] += 1 / weight_of(members[best]);
                assignment[members[best].id].partitions[topic].push_back(static_cast<std::int32_t>(p));
            }
        return assignment;
    }

private:
    static double weight_of(const Member& member) { return std::stod(std::string(member.user_data.text())); }

    const int weight_;
};

ottla::Consumer join(char** argv, int weight) {
    ottla::ConsumerOptions options;
    options.assignors = {std::make_shared<ByWeight>(weight)};
    auto consumer =
        ottla::Consumer::create(
            {{"bootstrap.servers", argv[1]}, {"group.id", argv[2]}, {"partition.assignment.strategy", "by-weight"}},
            std::move(options))
            .value();
    consumer.subscribe({argv[3]}).value();
    return consumer;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: assignor BROKERS GROUP TOPIC\n");
        return 2;
    }
    auto light = join(argv, 1);
    auto heavy = join(argv, 3);
    // Until both have their share.
    while (light.assignment().size() * 3 != heavy.assignment().size() || light.assignment().empty())
        for (auto* consumer : {&light, &heavy})
            if (const auto event = consumer->poll(50ms); event && std::holds_alternative<ottla::Error>(*event))
                std::fprintf(stderr, "%s\n", to_string(*event).c_str());
    std::printf("weight 1: %zu partitions\nweight 3: %zu partitions\n", light.assignment().size(),
                heavy.assignment().size());
    light.close(10s).value();
    heavy.close(10s).value();
}
