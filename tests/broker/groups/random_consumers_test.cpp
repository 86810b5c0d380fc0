// SPDX-License-Identifier: Apache-2.0
// A group of the consumer protocol under random members that come, go, crash, hold on to what they should give up and
// lose answers, with topics that change, appends that fail and restarts. No partition ever has two owners, no epoch
// goes back, and in the end all agree. OTTLA_CONSUMERS_SEED=N runs one seed.
#include <cstdlib>

#include "tests/broker/groups/consumer_script.hpp"

namespace ottla::broker::groups {
namespace {

// A slow one works on what it had until it is done with giving up, and only then on what is new.
struct ConsumerClient : ConsumerScript::Member {
    std::optional<TopicPartitions> giving_up_for;
    bool says_all = false;  // its next heartbeat, as after every answer that it did not get
};

class RandomConsumers {
public:
    explicit RandomConsumers(std::uint64_t seed) : random_(seed), script_(settings(random_)) {
        for (std::uint8_t i = 0; i < 3; ++i) {
            counts_.push_back(static_cast<std::int32_t>(random_.between(1, 6)));
            topics_.push_back(script_.make_topic(name_of_topic(i), counts_.back()));
        }
        for (int i = 0; i < 5; ++i) {
            ConsumerClient client;
            client.id = "m" + std::to_string(i);
            client.topics = some_topics();
            if (i < 2) client.instance = "i" + std::to_string(i);
            clients_.push_back(client);
        }
    }

    void run(int steps) {
        for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
            step();
            check();
        }
        converge();
    }

private:
    static GroupSettings settings(base::Random& random) {
        GroupSettings settings = GroupScript::quick();
        settings.consumer.assignors = {random.chance(0.7) ? "uniform" : "range"};
        return settings;
    }
    static std::string name_of_topic(std::size_t i) { return "t" + std::to_string(i); }
    std::vector<std::string> some_topics() {
        std::vector<std::string> topics;
        for (std::size_t i = 0; i < 3; ++i) {
            if (random_.chance(0.7)) topics.push_back(name_of_topic(i));
        }
        return topics;
    }

    void step() {
        ConsumerClient& client = clients_[random_.below(clients_.size())];
        const auto dice = random_.below(100);
        if (dice < 55) {
            heartbeat(client);
        } else if (dice < 70) {
            join(client);
        } else if (dice < 74) {
            leave(client);
        } else if (dice < 78) {
            crash(client);
        } else if (dice < 82) {
            client.topics = some_topics();
            if (client.epoch != 0) subscribe(client);
        } else if (dice < 86) {
            grow();
        } else if (dice < 90) {
            script_.fail_next_append(ErrorCode::coordinator_not_available);
        } else if (dice < 93) {
            script_.restart();
        } else {
            script_.pass(std::chrono::seconds(random_.between(1, 20)));
        }
    }

    // Some do not say what they have, some are slow, some answers are lost.
    void heartbeat(ConsumerClient& client) {
        if (client.epoch == 0) return;
        if (client.giving_up_for && random_.chance(0.5)) finish(client);
        auto request = all_of_it(client);
        if (!client.says_all && random_.chance(0.2)) request.topic_partitions.reset();
        send(client, request);
    }
    static ConsumerGroupHeartbeatRequest all_of_it(const ConsumerClient& client) {
        auto request = ConsumerScript::beating(client);
        if (!client.says_all) return request;
        request.subscribed_topic_names = client.topics;
        request.rebalance_timeout_ms = 60'000;
        return request;
    }
    static void finish(ConsumerClient& client) {
        if (client.giving_up_for) client.owned = *std::exchange(client.giving_up_for, std::nullopt);
    }
    void subscribe(ConsumerClient& client) {
        auto request = ConsumerScript::beating(client);
        request.subscribed_topic_names = client.topics;
        send(client, request);
    }
    void join(ConsumerClient& client) {
        if (client.epoch != 0) return;
        send(client, ConsumerScript::joining(client));
    }
    void send(ConsumerClient& client, const ConsumerGroupHeartbeatRequest& request) {
        const Ticket ticket = script_.send(request, 1);
        client.says_all = script_.failure(ticket) != ErrorCode::none || random_.chance(0.1);
        if (client.says_all) return;
        const auto& answer = script_.answer<ConsumerGroupHeartbeatResponse>(ticket);
        const auto code = code_of(answer.error_code);
        if (code != ErrorCode::none) return refused(client, code);
        EXPECT_GE(answer.member_epoch, client.epoch);
        client.epoch = answer.member_epoch;
        if (!answer.assignment) return;
        TopicPartitions told;
        for (const auto& one : answer.assignment->topic_partitions)
            told[one.topic_id].insert(one.partitions.begin(), one.partitions.end());
        client.giving_up_for = std::move(told);
        if (random_.chance(0.8)) finish(client);
    }
    void refused(ConsumerClient& client, ErrorCode code) {
        const bool is_out = code == ErrorCode::unknown_member_id || code == ErrorCode::fenced_member_epoch ||
                            code == ErrorCode::fenced_instance_id || code == ErrorCode::group_id_not_found;
        EXPECT_TRUE(is_out || code == ErrorCode::unreleased_instance_id) << static_cast<int>(code);
        forget(client);
    }
    static void forget(ConsumerClient& client) {
        client.epoch = 0;
        client.owned.clear();
        client.giving_up_for.reset();
    }
    void leave(ConsumerClient& client) {
        if (client.epoch == 0) return;
        auto request = ConsumerScript::beating(client);
        request.topic_partitions.reset();
        request.member_epoch = client.instance && random_.chance(0.7) ? static_leave_epoch : leave_epoch;
        script_.send(request, 1);
        forget(client);
        client.id += "'";
    }
    // Without a word; it comes back as somebody else.
    void crash(ConsumerClient& client) {
        forget(client);
        client.id += "*";
    }
    void grow() {
        const std::size_t i = random_.below(topics_.size());
        if (counts_[i] >= 10) return;
        script_.add_partitions(topics_[i], counts_[i], counts_[i] + 1);
        ++counts_[i];
    }

    // What clients work on, as they know it: nobody has what another has. Who is out without knowing it does not count.
    void check() {
        const auto group = script_.described_consumer();
        std::map<std::pair<Uuid, std::int32_t>, std::string> owners;
        for (const auto& client : clients_) {
            const auto at = std::ranges::find(group.members, client.id, &DescribedMember::member_id);
            if (client.epoch == 0 || at == group.members.end()) continue;
            for (const auto& [topic, numbers] : client.owned) {
                for (const auto number : numbers) {
                    const auto& owner = owners.try_emplace({topic, number}, client.id).first->second;
                    EXPECT_EQ(owner, client.id) << "two owners of partition " << number;
                }
            }
        }
        if (group.error_code != 0) return;
        EXPECT_GE(group.group_epoch, epoch_);
        EXPECT_LE(group.assignment_epoch, group.group_epoch);
        epoch_ = group.group_epoch;
    }

    // Whoever is in goes on quietly: then all partitions of what is read have an owner, and everybody knows.
    void converge() {
        for (auto& client : clients_) finish(client);
        script_.fail_append_after(0, ErrorCode::none);
        for (int round = 0; round < 60; ++round) {
            script_.pass(5s);
            for (auto& client : clients_) {
                if (client.epoch == 0) {
                    ConsumerScript::take(client, script_.ask_beat(ConsumerScript::joining(client)));
                } else if (ConsumerScript::take(client, script_.ask_beat(all_of_it(client))) != ErrorCode::none) {
                    forget(client);
                }
                client.says_all = false;
            }
        }
        const auto group = script_.described_consumer();
        EXPECT_EQ(group.group_state, "Stable");
        EXPECT_EQ(group.members.size(), clients_.size());
        TopicPartitions owned, wanted;
        for (const auto& client : clients_) {
            for (const auto& [topic, numbers] : client.owned) owned[topic].insert(numbers.begin(), numbers.end());
        }
        for (std::size_t i = 0; i < topics_.size(); ++i) {
            const bool is_read = std::ranges::any_of(
                clients_, [&](auto& one) { return std::ranges::count(one.topics, name_of_topic(i)) != 0; });
            if (is_read) wanted.merge(all_of(topics_[i], counts_[i]));
        }
        EXPECT_EQ(owned, wanted);
    }

    using DescribedMember = protocol::ConsumerGroupDescribeResponse::Member;

    base::Random random_;
    ConsumerScript script_;
    std::vector<ConsumerClient> clients_;
    std::vector<Uuid> topics_;
    std::vector<std::int32_t> counts_;
    std::int32_t epoch_ = 0;
};

TEST(RandomConsumers, never_share_a_partition_and_agree_in_the_end) {
    const char* const only = std::getenv("OTTLA_CONSUMERS_SEED");
    const std::uint64_t first = only ? std::strtoull(only, nullptr, 10) : 1;
    const std::uint64_t last = only ? first : 300;
    for (std::uint64_t seed = first; seed <= last && !HasFailure(); ++seed) {
        SCOPED_TRACE("OTTLA_CONSUMERS_SEED=" + std::to_string(seed));
        RandomConsumers group(seed);
        group.run(300);
    }
}

}  // namespace
}  // namespace ottla::broker::groups
