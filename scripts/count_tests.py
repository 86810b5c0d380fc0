#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints 'COUNT passed=N failed=N skipped=N' for the CTest run that just ended in BUILD_DIR: GoogleTest programs count by
their cases (from the XML files in XML_DIR), everything else as one test."""
import glob
import os
import re
import sys
import xml.etree.ElementTree as xml


def main(build, cases):
    passed = failed = skipped = 0
    programs = set()
    for path in glob.glob(os.path.join(cases, "*.xml")):
        programs.add(os.path.basename(path)[:-4])
        for case in xml.parse(path).getroot().iter("testcase"):
            if case.find("failure") is not None:
                failed += 1
            elif case.get("result") == "skipped" or case.get("status") == "notrun":
                skipped += 1
            else:
                passed += 1
    log = open(os.path.join(build, "Testing/Temporary/LastTest.log"), errors="replace").read()
    failures = os.path.join(build, "Testing/Temporary/LastTestsFailed.log")
    broken = {line.split(":", 1)[1].strip() for line in open(failures)} if os.path.exists(failures) else set()
    for name in re.findall(r"^\d+/\d+ Test: (.+)$", log, re.M):
        if name in broken and name not in programs:
            failed += 1
        elif name not in programs:
            passed += 1
    for line in re.findall(r"^SKIPPED: .*$", log, re.M):
        skipped += 1
        print("NOTE " + line)
    for line in re.findall(r"^NOTE .*$", log, re.M):
        print(line)
    print(f"COUNT passed={passed} failed={failed} skipped={skipped}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
