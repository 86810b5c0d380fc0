#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The newest librdkafka, through its Python wheel, against our broker."""
import unittest

from harness import Broker, librdkafka_python, main, run

PROGRAM = r"""
import sys
from confluent_kafka import Producer, Consumer, TopicPartition, KafkaException, OFFSET_BEGINNING
from confluent_kafka.admin import AdminClient, NewTopic, NewPartitions, ConfigResource

bootstrap = sys.argv[1]
admin = AdminClient({"bootstrap.servers": bootstrap})
for f in admin.create_topics([NewTopic("rdk", 3, 1, config={"max.message.bytes": "2000000"})]).values(): f.result(15)
try:
    for f in admin.create_topics([NewTopic("rdk", 3, 1)]).values(): f.result(15)
    raise SystemExit("a topic was created twice")
except KafkaException as e:
    assert e.args[0].name() == "TOPIC_ALREADY_EXISTS", e
for f in admin.create_partitions([NewPartitions("rdk", 4)]).values(): f.result(15)
assert len(admin.list_topics("rdk", timeout=15).topics["rdk"].partitions) == 4
config = list(admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, "rdk")]).values())[0].result(15)
assert config["max.message.bytes"].value == "2000000", config["max.message.bytes"]
assert admin.describe_cluster().result(15).nodes

sent = {}
for settings in [{"acks": 0}, {"acks": 1}, {"acks": "all"}, {"enable.idempotence": True}] + [
        {"compression.type": c, "linger.ms": 20} for c in ("gzip", "snappy", "lz4", "zstd")]:
    name = "-".join(f"{k}={v}" for k, v in settings.items())
    failed = []
    p = Producer({"bootstrap.servers": bootstrap, **settings})
    for i in range(5000):
        p.produce("rdk", partition=i % 4, key=f"{name}/{i}", value=f"value {i} " + "y" * (i % 300),
                  headers=[("h", b"1"), ("h", None)], on_delivery=lambda e, m: failed.append(e) if e else None)
        if i % 1000 == 0: p.poll(0)
    assert p.flush(30) == 0, name
    assert not failed, (name, failed[:3])
    sent[name] = 5000

c = Consumer({"bootstrap.servers": bootstrap, "group.id": "none", "enable.auto.commit": False, "enable.partition.eof": False,
              "check.crcs": True})
c.assign([TopicPartition("rdk", p, OFFSET_BEGINNING) for p in range(4)])
ends = [c.get_watermark_offsets(TopicPartition("rdk", p), timeout=15) for p in range(4)]
total = sum(high - low for low, high in ends)
assert total == sum(sent.values()), (ends, sum(sent.values()))
next_offset, last, seen = [0] * 4, {}, 0
while seen < total:
    for m in c.consume(1000, timeout=15) or [None]:
        assert m is not None and not m.error(), m and m.error()
        assert m.offset() == next_offset[m.partition()], (m.partition(), m.offset())
        next_offset[m.partition()] += 1
        name, i = m.key().decode().rsplit("/", 1)
        assert last.get((name, m.partition()), -1) < int(i), "order"
        last[(name, m.partition())] = int(i)
        assert m.value().startswith(b"value %d " % int(i)) and m.headers() == [("h", b"1"), ("h", None)]
        seen += 1
times = c.offsets_for_times([TopicPartition("rdk", 0, 0)], timeout=15)
assert times[0].offset == 0, times
c.close()
for f in admin.delete_topics(["rdk"]).values(): f.result(15)
assert "rdk" not in admin.list_topics(timeout=15).topics
print("moved", total)
"""


class Librdkafka(unittest.TestCase):
    def test_topics_all_acks_all_codecs_and_reading_back(self):
        python = librdkafka_python()
        with Broker() as broker:
            self.assertIn("moved 40000", run([python, "-c", PROGRAM, broker.bootstrap], timeout=120).stdout)


if __name__ == "__main__":
    main()
