// SPDX-License-Identifier: Apache-2.0
// The one table of verbs. A new verb is a file and a row.
#include "tools/ottla/verb.hpp"

namespace ottla::tools {

Action declare_dev(CLI::App&);
Action declare_topic_create(CLI::App&);
Action declare_topic_list(CLI::App&);
Action declare_topic_describe(CLI::App&);
Action declare_topic_delete(CLI::App&);
Action declare_topic_add_partitions(CLI::App&);
Action declare_topic_offsets(CLI::App&);
Action declare_topic_delete_records(CLI::App&);
Action declare_group_list(CLI::App&);
Action declare_group_describe(CLI::App&);
Action declare_group_members(CLI::App&);
Action declare_group_offsets(CLI::App&);
Action declare_group_reset(CLI::App&);
Action declare_group_delete(CLI::App&);
Action declare_group_delete_offsets(CLI::App&);
Action declare_dlq_list(CLI::App&);
Action declare_dlq_show(CLI::App&);
Action declare_dlq_redrive(CLI::App&);
Action declare_replay(CLI::App&);
Action declare_logdirs(CLI::App&);
Action declare_produce(CLI::App&);
Action declare_consume(CLI::App&);
Action declare_bench_produce(CLI::App&);
Action declare_bench_consume(CLI::App&);
Action declare_bench_latency(CLI::App&);
Action declare_bench_end_to_end(CLI::App&);
Action declare_bench_commit(CLI::App&);
Action declare_bench_members(CLI::App&);
Action declare_wire(CLI::App&);
Action declare_log_dump(CLI::App&);
Action declare_log_verify(CLI::App&);

namespace {
constexpr Verb table[] = {
    {"dev", "Run a broker here and now; nothing to configure", declare_dev},
    {"topic", "Create, list, describe and delete topics", nullptr},
    {"topic create", "Create topics", declare_topic_create},
    {"topic list", "List the topics", declare_topic_list},
    {"topic describe", "Show partitions, leaders and offsets of topics", declare_topic_describe},
    {"topic delete", "Delete topics with all their records", declare_topic_delete},
    {"topic add-partitions", "Give a topic more partitions", declare_topic_add_partitions},
    {"topic offsets", "Where partitions begin or end, or the first record at a time", declare_topic_offsets},
    {"topic delete-records", "Delete the oldest records of partitions", declare_topic_delete_records},
    {"group", "List, describe, reset and delete consumer groups", nullptr},
    {"group list", "List the groups", declare_group_list},
    {"group describe", "Show a group's state, its offsets, and how far it is behind", declare_group_describe},
    {"group members", "Show who is in a group and what each has", declare_group_members},
    {"group offsets", "Show or export what a group has committed", declare_group_offsets},
    {"group reset", "Set the offsets of a group that nobody is in", declare_group_reset},
    {"group delete", "Delete groups with all their offsets", declare_group_delete},
    {"group delete-offsets", "Forget what a group has committed for topics", declare_group_delete_offsets},
    {"dlq", "Look at dead letters, and write them back", nullptr},
    {"dlq list", "How many dead letters there are of each origin and error", declare_dlq_list},
    {"dlq show", "Print dead letters", declare_dlq_show},
    {"dlq redrive", "Write dead letters back to where their records stood, each once", declare_dlq_redrive},
    {"replay", "Copy a range of records to a topic or a file, and back", declare_replay},
    {"logdirs", "Show what lies in the brokers' log directories", declare_logdirs},
    {"produce", "Write the lines of standard input as records", declare_produce},
    {"consume", "Read records and print them", declare_consume},
    {"bench", "Measure throughput and latency against a broker", nullptr},
    {"bench produce", "Produce as fast as possible", declare_bench_produce},
    {"bench consume", "Consume as fast as possible", declare_bench_consume},
    {"bench latency", "Time from produce() to the delivery report at a steady rate", declare_bench_latency},
    {"bench end-to-end", "Time from produce() to poll() at a steady rate", declare_bench_end_to_end},
    {"bench commit", "Commit offsets, one after the other", declare_bench_commit},
    {"bench members", "Be members of groups, and say what is given to whom", declare_bench_members},
    {"log", "Look into a broker's files", nullptr},
    {"log dump", "Print segments, indexes and snapshots, as Kafka's dump tool does", declare_log_dump},
    {"log verify", "Look for what is wrong with a broker's files; changes nothing", declare_log_verify},
    {"wire", "Kafka's messages between bytes and JSON", declare_wire},
};
}  // namespace

std::span<const Verb> verbs() { return table; }

}  // namespace ottla::tools
