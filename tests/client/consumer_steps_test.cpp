// SPDX-License-Identifier: Apache-2.0
// The whole way of a consumer that reads assigned partitions, without a group, and the same with every step failing in
// every way: each message comes once and in order, whatever is answered on the way.
#include "tests/client/consumer_script.hpp"

namespace ottla::client {
namespace {

using namespace std::chrono_literals;
using Failure = FetchBroker::Failure;

class StepsScript {
public:
    StepsScript(int failing_step, Failure failure, ErrorCode code) {
        s.broker.failing_step = failing_step;
        s.broker.failure = failure;
        s.broker.failing_with = code;
    }

    // A place is looked up, records are read, another leader comes and is asked where its log parts, more is read, and
    // a seek goes back from the end. Returns the number of steps.
    int run() {
        auto& b = s.broker;
        b.epoch_end = FetchState::EpochEnd{0, 3};
        b.ends_of_epochs = {{0, 3}, {1, 6}};
        b.log = {{0, batch_of(0, 3)}};
        b.high = 3;
        s.consumer->assign({{"t", 0, Offset::beginning()}}).value();
        until([&] { return read == "v0 v1 v2 "; });
        b.leader_epoch = 1;
        until([&] { return !b.epochs_asked.empty(); });
        b.log[3] = batch_of(3, 3, 1);
        b.high = 6;
        until([&] { return read == "v0 v1 v2 v3 v4 v5 "; });
        b.log[4] = batch_of(4, 2, 1);
        s.consumer->seek({"t", 0, Offset::tail(2)}).value();
        until([&] { return read == "v0 v1 v2 v3 v4 v5 v4 v5 "; });
        const int steps = b.steps;
        s.loop.run_for(2s);
        take();
        EXPECT_EQ(read, "v0 v1 v2 v3 v4 v5 v4 v5 ");
        EXPECT_EQ(s.consumer->position({{"t", 0}})[0].offset, Offset(6));
        return steps;
    }

private:
    template <class Done>
    void until(Done done) {
        const auto limit = s.loop.timers.now() + 300s;
        for (take(); !done() && s.loop.timers.now() < limit; take()) s.loop.run_for(50ms);
        EXPECT_TRUE(done()) << read << said;
    }
    void take() {
        while (const auto event = s.consumer->poll(0s)) {
            if (const auto* m = std::get_if<Message>(&*event)) read += std::string(m->value().text()) + " ";
            if (const auto* e = std::get_if<PartitionError>(&*event)) {
                EXPECT_TRUE(e->goes_on) << to_string(*e);
                EXPECT_FALSE(e->moved_to.is_absolute()) << to_string(*e);
                said += to_string(*e) + "; ";
            }
        }
    }

    std::string read, said;
    ConsumerScript s{Config{{"metadata.max.age.ms", 1000}, {"socket.timeout.ms", 5000}}};
};

TEST(ConsumerSteps, gets_over_any_failure_of_any_step) {
    const ErrorCode errors[] = {
        ErrorCode::unknown_topic_or_partition, ErrorCode::leader_not_available,
        ErrorCode::not_leader_or_follower,     ErrorCode::request_timed_out,
        ErrorCode::replica_not_available,      ErrorCode::kafka_storage_error,
        ErrorCode::fenced_leader_epoch,        ErrorCode::unknown_leader_epoch,
        ErrorCode::offset_not_available,       ErrorCode::corrupt_message,
        ErrorCode::unknown_server_error,
    };
    const int steps = StepsScript(-1, Failure::error, ErrorCode::none).run();
    EXPECT_GT(steps, 8);
    for (int step = 0; step < steps; ++step) {
        for (const auto failure : {Failure::close, Failure::silence, Failure::noise}) {
            SCOPED_TRACE("step " + std::to_string(step) + " fails in way " + std::to_string(static_cast<int>(failure)));
            StepsScript(step, failure, ErrorCode::none).run();
        }
        for (const auto code : errors) {
            SCOPED_TRACE("step " + std::to_string(step) + " fails with " + std::string(name(code)));
            StepsScript(step, Failure::error, code).run();
        }
    }
}

}  // namespace
}  // namespace ottla::client
