// SPDX-License-Identifier: Apache-2.0
// Reliability case 15: SIGTERM while a process waits in flush() for a broker that never answers.
#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <ottla/producer.hpp>

namespace ottla {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t records = 1000;

// Connections are accepted by the kernel, and nobody reads them.
class DeafBroker {
public:
    DeafBroker() {
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof any;
        EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&any), size), 0);
        EXPECT_EQ(::listen(socket_, 16), 0);
        EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&any), &size), 0);
        port_ = ntohs(any.sin_port);
    }
    DeafBroker(const DeafBroker&) = delete;
    DeafBroker& operator=(const DeafBroker&) = delete;
    ~DeafBroker() { ::close(socket_); }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

private:
    int socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int port_ = 0;
};

// A program as they are: one thread flushes, another waits for the signal, and closes. 0: each record was reported
// once, as not delivered.
int program(const std::string& brokers, int ready) {
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &term, nullptr);
    auto producer = Producer::create({{"bootstrap.servers", brokers}, {"log_level", 0}}).value();
    std::vector<std::atomic<int>> reports(records);
    std::atomic<int> delivered{0};
    for (auto& count : reports) {
        const auto taken = producer.produce(Record{.topic = "t", .value = "v"}, [&](const DeliveryReport& report) {
            ++count;
            if (report) ++delivered;
        });
        if (!taken) return 1;
    }
    std::thread waits([&] {
        int signal = 0;
        ::sigwait(&term, &signal);
        (void)producer.close(200ms);
    });
    if (::write(ready, "!", 1) != 1) return 2;
    (void)producer.flush(1h);
    waits.join();
    if (delivered != 0) return 3;
    for (const auto& count : reports)
        if (count != 1) return 4;
    return 0;
}

TEST(FaultCase15, sigterm_during_a_flush_ends_it_and_reports_each_record_once) {
    const DeafBroker broker;
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::alarm(60);
        ::_exit(program(broker.address(), ready[1]));
    }
    ::close(ready[1]);
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
    const auto asked = std::chrono::steady_clock::now();
    ::kill(child, SIGTERM);
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - asked, 10s);
}

}  // namespace
}  // namespace ottla
