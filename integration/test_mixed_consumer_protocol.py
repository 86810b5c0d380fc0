#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Groups of the consumer protocol (KIP-848) with members of several makes: ours, Apache Kafka's Java client and librdkafka, on our broker
and, in the full run, on Apache Kafka 4.3.1, while somebody writes; and ours beside members of the classic protocol, so that the group goes over between the
protocols as members come and are killed. The groups are tried side by side."""
import concurrent.futures
import json
import os
import unittest

from harness import KAFKA, Broker, apache_kafka, kafka_env, kafka_setup, librdkafka_python, main, program
from test_mixed_groups import BROKER, LIBRDKAFKA_MEMBER, java_member, librdkafka_member, take_over, words

# Who is killed is missed soon.
SOON = ["group.consumer.min.session.timeout.ms=3000", "group.consumer.session.timeout.ms=5000", "group.consumer.min.heartbeat.interval.ms=300",
        "group.consumer.heartbeat.interval.ms=300"]


def settings(assignor):
    more = {"group.remote.assignor": assignor} if assignor in ("uniform", "range") else {}
    return {"group.protocol": "consumer", "auto.commit.interval.ms": 200, **more}


def ours(bootstrap, group, topic, assignor):
    return [program("ottla"), "consume", topic, "-b", bootstrap, "-g", group, "-O", "start", "-f", "%p %o %v\n", *words(settings(assignor))], None


def javas(bootstrap, group, topic, assignor):
    properties = [word for name, value in {**settings(assignor), "auto.offset.reset": "earliest"}.items()
                  for word in ("--command-property", f"{name}={value}")]
    shown = [word for what in ("partition", "offset", "value") for word in ("--formatter-property", f"print.{what}=true")]
    return [KAFKA, "run", "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", bootstrap, "--topic", topic, "--group", group,
            *properties, *shown], dict(kafka_env(), JVM="-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC")


def librdkafkas(bootstrap, group, topic, assignor):
    every = {"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest", **settings(assignor)}
    return [librdkafka_python(), "-c", LIBRDKAFKA_MEMBER, json.dumps(every), topic], None


# By the coordinator's assignor; by one of the classic protocol, which the others speak, and share out by once ours is gone. (One of
# librdkafka's that leads with cooperative-sticky keeps data in its assignments, which Apache Kafka does not let go over either.)
MIXTURES = {"uniform": (javas, librdkafkas), "range": (javas,), "cooperative-sticky": (java_member,), "roundrobin": (librdkafka_member,)}


class MixedConsumerProtocol(unittest.TestCase):
    def share_on(self, bootstrap):
        with concurrent.futures.ThreadPoolExecutor(len(MIXTURES)) as pool:
            running = {assignor: pool.submit(take_over, bootstrap, assignor, others, ours) for assignor, others in MIXTURES.items()}
        for assignor, work in running.items():
            with self.subTest(assignor=assignor):
                work.result()

    @classmethod
    def setUpClass(cls):
        kafka_setup()
        librdkafka_python()

    def test_on_our_broker(self):
        with Broker(*(word for line in BROKER + SOON for word in ("-c", line))) as broker:
            self.share_on(broker.bootstrap)

    @unittest.skipUnless(os.environ.get("OTTLA_FULL"), "in the full run")
    def test_on_apache_kafka(self):
        with apache_kafka(1, *BROKER, *SOON) as bootstrap:
            self.share_on(bootstrap)


if __name__ == "__main__":
    main()
