#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Takes the code out of the documents, so that what a reader copies is compiled and run: every ```cpp block that is a whole
program (it has a main), and every ```sh block marked so: ```sh run, or ```sh run until TEXT, which need not end by itself. Usage:
extract.py ROOT OUT; prints the files made.

The address localhost:9092 (or 127.0.0.1:9092) becomes that of the test's broker, programs are found without their
build/dev/bin/, and a line that starts `ottla dev` is left out, for the test has started it."""
import glob
import os
import re
import sys

BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```\s*$", re.M | re.S)
ADDRESS = r"(?:localhost|127\.0\.0\.1):9092"


def program(document, line, code):
    code = re.sub(rf'"{ADDRESS}"', 'std::getenv("OTTLA_BOOTSTRAP")', code)
    return f'// SPDX-License-Identifier: Apache-2.0\n#include <cstdlib>\n#line {line} "{document}"\n{code}'


def script(code, until):
    lines = [l for l in code.replace("build/dev/bin/", "").split("\n") if not l.startswith("ottla dev")]
    return f"# until {until}\n" * bool(until) + "set -euo pipefail\n" + re.sub(ADDRESS, "$OTTLA_BOOTSTRAP", "\n".join(lines))


def write(path, text):
    if not os.path.exists(path) or open(path).read() != text:
        with open(path, "w") as f:
            f.write(text)


def main(root, out):
    os.makedirs(out, exist_ok=True)
    made = []
    for path in sorted([os.path.join(root, "README.md")] + glob.glob(os.path.join(root, "docs/**/*.md"), recursive=True)):
        if not os.path.exists(path):
            continue
        document = os.path.relpath(path, root)
        text = open(path, encoding="utf-8").read()
        for match in BLOCK.finditer(text):
            language, info, code = match.groups()
            line = text.count("\n", 0, match.start(3)) + 1
            name = f"{re.sub(r'[^a-z0-9]+', '_', document[:-3].lower())}_{line}"
            if language == "cpp" and re.search(r"\bint main\(", code):
                made.append(f"docs_{name}.cpp")
                write(os.path.join(out, made[-1]), program(document, line, code))
            elif language == "sh" and (run := re.fullmatch(r"run(?: until (.*))?", info.strip())):
                made.append(f"docs_{name}.sh")
                write(os.path.join(out, made[-1]), script(code, run[1]))
    print(";".join(made))


if __name__ == "__main__":
    main(*sys.argv[1:3])
