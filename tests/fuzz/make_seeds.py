# SPDX-License-Identifier: Apache-2.0
"""make_seeds.py DIR: what the fuzz targets of the storage begin with, from the golden files of Apache Kafka, into
DIR/<target>/. The layouts are those of log_files.hpp and of the targets."""
import base64
import pathlib
import struct
import sys

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
SUFFIXES = [".log", ".index", ".timeindex", ".txnindex", ".snapshot", ".checkpoint"]
TEXTS = ["-offset-checkpoint", "leader-epoch-checkpoint", "partition.metadata", "meta.properties",
         ".kafka_cleanshutdown", "quorum-state"]


def packed(file):
    """One file as log_files.hpp reads it; nothing for a file of another kind."""
    if file.name == "leader-epoch-checkpoint":
        kind, offset = len(SUFFIXES), 0
    elif file.suffix in SUFFIXES:
        kind, offset = SUFFIXES.index(file.suffix), file.name.split(".")[0].split("-")[0]
        offset = int(offset) if offset.isdigit() else 0
    else:
        return b""
    content = file.read_bytes()
    return struct.pack(">BHH", kind, offset, len(content)) + content


def varint(number):
    number = (number << 1) ^ (number >> 63)
    out = b""
    while number > 0x7f:
        out += bytes([number & 0x7f | 0x80])
        number >>= 7
    return out + bytes([number])


def batch(base_offset, values):
    """A record batch of them; the target makes its checksum right."""
    records = b""
    for i, value in enumerate(values):
        record = b"\0" + varint(0) + varint(i) + varint(-1) + varint(len(value)) + value + varint(0)
        records += varint(len(record)) + record
    body = struct.pack(">ibIhiqqqhii", 0, 2, 0, 0, len(values) - 1, 0, 0, -1, -1, -1, len(values)) + records
    return struct.pack(">qi", base_offset, len(body)) + body


def read_varint(data, at):
    number, shift = 0, 0
    while True:
        byte = data[at]
        number, shift, at = number | (byte & 0x7f) << shift, shift + 7, at + 1
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at


def group_records(log):
    """Keys and values of a log's records, each pair behind its lengths, as the target reads them."""
    out, start = b"", 0
    while start < len(log):
        length, = struct.unpack_from(">i", log, start + 8)
        count, = struct.unpack_from(">i", log, start + 57)
        at = start + 61
        for _ in range(count):
            size, at = read_varint(log, at)
            end, at = at + size, at + 1
            parts = []
            for skipped in (2, 0):  # the deltas of time and offset stand before the key
                for _ in range(skipped):
                    _, at = read_varint(log, at)
                part_size, at = read_varint(log, at)
                parts.append(log[at:at + part_size] if part_size >= 0 else None)
                at += max(part_size, 0)
            key, value = parts
            out += struct.pack(">HH", len(key or b""), 0xffff if value is None else len(value)) + (key or b"") + (value or b"")
            at = end
        start += 12 + length
    return out


def metadata_snapshot(bootstrap, records):
    """The header of one, the records, and its footer behind them."""
    def size_at(position):
        return 12 + struct.unpack_from(">i", bootstrap, position + 8)[0]
    header = bootstrap[:size_at(0)]
    last = 0
    while last + size_at(last) < len(bootstrap):
        last += size_at(last)
    footer = struct.pack(">q", 1 + len(records)) + bootstrap[last + 8:]
    return header + batch(1, records) + footer


def main(out):
    def seed(target, name, content):
        (out / target).mkdir(parents=True, exist_ok=True)
        (out / target / name).write_bytes(content)

    directories = {file.parent for file in GOLDEN.rglob("*.log")} | {GOLDEN / "messages"}
    for directory in sorted(directories):
        name = "_".join(directory.relative_to(GOLDEN).parts)
        files = b"".join(packed(file) for file in sorted(directory.iterdir()))
        for how in (0, 2, 5):
            seed("log_recovery", f"{name}_{how}", bytes([how]) + files)
        for how in (0, 7, 8, 16, 4 + 32, 4 + 64):
            seed("log_dump", f"{name}_{how}", bytes([how]) + files)
    for file in sorted(GOLDEN.rglob("*")):
        name = "_".join(file.relative_to(GOLDEN).parts)
        if file.suffix == ".snapshot":
            seed("producer_snapshot", name, file.read_bytes())
        for kind, ending in enumerate(TEXTS):
            if file.name.endswith(ending) or file.name.startswith("quorum-state") and ending == "quorum-state":
                seed("log_texts", name, bytes([kind]) + file.read_bytes())
                break
    for file in sorted((GOLDEN / "groups").glob("*.log")):
        seed("group_records", file.stem, group_records(file.read_bytes()))
    lines = (GOLDEN / "messages" / "metadata-records.txt").read_text().splitlines()
    records = [bytes.fromhex(line.split()[-1]) for line in lines if line.partition(" ")[0].endswith("Record")]
    seed("metadata_records", "all", b"".join(struct.pack(">H", len(record)) + record for record in records))
    bootstrap = (GOLDEN / "messages" / "bootstrap.checkpoint").read_bytes()
    seed("metadata_snapshot", "bootstrap", b"\1" + bootstrap)
    seed("metadata_snapshot", "records", b"\0" + metadata_snapshot(bootstrap, records))
    for i, record in enumerate(records):
        seed("metadata_snapshot", f"record_{i}", b"\0" + metadata_snapshot(bootstrap, [record]))
    seed("log_texts", "directory", bytes([6]) + b"orders-3")
    # Each encoding of a commit's map, as in tests/client/offset_map_test.cpp; the payloads without base64, too.
    maps = ("bAAMBgsA", "YSi1L/0AWCkAAAAMBgsA", "bwAAAAwGCwA=", "cyi1L/0AWDkAAAAAAAwGCwA=", "bgABAAIABQACAAEAAQ==",
            "Sii1L/0AWGEAAAABAAIABQACAAEAAQ==", "ZQAAAAEAAAACAAAABQAAAAIAAAABAAAAAQ==",
            "cCi1L/0AWMEAAAAAAAEAAAACAAAABQAAAAIAAAABAAAAAQ==")
    for i, text in enumerate(maps):
        seed("offset_map", f"text_{i}", text.encode())
        seed("offset_map", f"bytes_{i}", base64.b64decode(text))


main(pathlib.Path(sys.argv[1]))
