// SPDX-License-Identifier: Apache-2.0
// limitclient: the least a Kafka client can do against the null broker, one thread, blocking socket: the practical
// ceiling.
//   limitclient produce HOST:PORT --n N --size B --parts P [--batch BYTES] [--inflight K] [--per-request M]
//   limitclient latency HOST:PORT --n N --size B --parts P --rate RECORDS_PER_S [--inflight K]
//   limitclient consume HOST:PORT --n N --parts P [--crc none|3way] [--inflight K] [--max BYTES_PER_PARTITION]
//       [--per-request M]
// All take [--topic T] and [--crc 3way|vpcl].
// produce: copies every payload into its batch record by record (varints, time stamps per message), CRC-32C, Produce v9
//   acks=-1, M partitions in a request, K requests in flight, one indirect call per message when its acknowledgement
//   arrives.
// latency: records fall due at an even pace; what is due goes out at once, together when K requests are in flight.
//   Measured from the time a record was due to its acknowledgement.
// consume: Fetch v12 for M partitions at a time, walks every record, one indirect call per record with a view of its
//   value.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include "limit_consume.hpp"
#include "limit_produce.hpp"
int main(int argc, char** argv) {
    if (argc < 3) return 2;
    std::string mode = argv[1], boot = argv[2];
    Options o;
    for (int i = 3; i + 1 < argc; i += 2) {
        std::string a = argv[i], v = argv[i + 1];
        if (a == "--n")
            o.n = atoll(v.c_str());
        else if (a == "--size")
            o.size = (size_t)atoll(v.c_str());
        else if (a == "--parts")
            o.parts = atoi(v.c_str());
        else if (a == "--batch")
            o.batch = (size_t)atoll(v.c_str());
        else if (a == "--inflight")
            o.infl = atoi(v.c_str());
        else if (a == "--per-request")
            o.per_request = atoi(v.c_str());
        else if (a == "--topic")
            o.topic = v.substr(0, 249);
        else if (a == "--rate")
            o.rate = atof(v.c_str());
        else if (a == "--crc")
            o.crc = v;
        else if (a == "--max")
            o.pmax = atoi(v.c_str());
    }
    fd = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, 4);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons((uint16_t)atoi(boot.substr(boot.find(':') + 1).c_str()));
    if (connect(fd, (sockaddr*)&a, sizeof a)) {
        perror("connect");
        return 1;
    }
    int failed = 0;
    if (mode == "produce")
        produce(o);
    else if (mode == "latency")
        latency(o);
    else
        failed = consume(o);
    fflush(stdout);
    _exit(failed);
}
