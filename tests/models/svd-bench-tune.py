#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""svd-bench --tune: what it measures is kept, and decides what runs later.

The software device plays a graphics card, which has several variants of
products and attention. Which is fastest is not judged: the machine may be
busy."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

BENCH = sys.argv[1]
PRODUCTS = {"tile", "tile-small", "scalar"}
ATTENTION = {"flash", "flash-wide", "scalar"}
count = 0
cache = tempfile.TemporaryDirectory()
env = {**os.environ, "XDG_CACHE_HOME": cache.name, "KILN_NOT_SOFTWARE": "1"}


def run(*args, **more):
    return subprocess.run([BENCH, "--precision=fp32", "--time=0.01", *args], text=True,
                          capture_output=True, env={**env, **more}, check=False)


def read(*args, **more):
    return json.loads(run("--json", *args, **more).stdout)


def check(what, ok, detail=""):
    global count
    count += 1
    print(f"{'ok' if ok else 'not ok'} {count} - {what} {detail}".rstrip(), flush=True)


def shaders(only, **more):
    rows = read("--operations", f"--only={only}", **more)["operations"]
    return {row["variant"] for row in rows}


def matches(variant, shader):
    return shader.split("_")[-2] == variant.split("-")[0]


PRODUCT = "linear: 1×1×1×256"
SPATIAL = "attention, "

before = shaders(PRODUCT)
tuned = []
for only, names in (PRODUCT, PRODUCTS), (SPATIAL, ATTENTION):
    choices = read("--tune", f"--only={only}")["choices"]
    tuned += choices
    check(f"{only}: every variant was measured", choices and all(
        set(row["seconds"]) == names and min(row["seconds"].values()) > 0 for row in choices))
    check(f"{only}: the least time is the choice", all(
        row["seconds"][row["fastest"]] == min(row["seconds"].values()) for row in choices))
    check(f"{only}: none was refused", not any(row["refused"] for row in choices),
          "; ".join(str(row["refused"]) for row in choices if row["refused"]))

files = list(pathlib.Path(cache.name, "gst-svd").glob("choices-*.txt"))
check("there is one file", len(files) == 1)
text = files[0].read_text(encoding="ascii")
head, *lines = text.splitlines()
check("it has the choices of both runs, sorted", lines == sorted(
    f"{row['key']} {row['fastest']}" for row in tuned), f"{len(lines)} choices")

for wanted in "tile", "scalar":
    files[0].write_text("\n".join([head] + [
        f"{row['key']} {wanted}" for row in tuned if row["key"].startswith("matmul")]) + "\n",
        encoding="ascii")
    check(f"with {wanted} in the file that is what runs",
          all(matches(wanted, shader) for shader in shaders(PRODUCT)))
check("KILN_KERNELS goes before the file",
      all(matches("tile", shader) for shader in shaders(PRODUCT, KILN_KERNELS="tile-small")))

# Were one of these read, scalar would run, or nothing.
for what, content in {
        "of other shaders": text.replace(head, head[:-1] + "!").replace(" tile", " scalar"),
        "that is empty": "",
        "of noise": bytes(range(256)).decode("latin1") * 8,
        "with a variant that there is not": text.replace(" scalar", " gone")
        .replace(" tile-small", " gone").replace(" tile", " gone"),
        "with lines that are none": f"{head}\n\n \nmatmul_linear_f32\n 1x2x3 \n\n"}.items():
    files[0].write_text(content, encoding="latin1")
    check(f"a file {what} is as none", shaders(PRODUCT) == before)
both = run("--tune", "--stages")
check("--tune and --stages together are refused", both.returncode == 1
      and "run --tune alone first" in both.stderr, both.stderr.strip())
read("--tune", f"--only={PRODUCT}")
check("tuning replaces a bad file", files[0].read_text(encoding="ascii").startswith(head + "\n"))

del env["KILN_NOT_SOFTWARE"]
files[0].write_text("\n".join([head] + [f"{row['key']} tile" for row in tuned]), encoding="ascii")
check("a choice that the device does not offer is as none",
      not any(matches("tile", shader) for shader in shaders(PRODUCT)))
print(f"1..{count}")
