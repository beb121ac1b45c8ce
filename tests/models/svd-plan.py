#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What svd-plan says of SVD-XT, from its published configs alone, and what it refuses."""

import json
import pathlib
import subprocess
import sys

PLAN, MODEL = sys.argv[1], pathlib.Path(__file__).parents[2] / "models" / "svd-xt-configs"
count = 0


def plan(*args):
    return subprocess.run([PLAN, *args], capture_output=True, text=True)


def check(what, ok, detail=""):
    global count
    count += 1
    print(f"{'ok' if ok else 'not ok'} {count} - {what} {detail}".rstrip(), flush=True)


def stages(*args):
    return json.loads(plan(str(MODEL), "--json", *args).stdout)


full = stages("--decode-chunk-size=2")
# fp16: two bytes a parameter, padded to whole panels.
for stage, parameters in (("sample", 1_524_623_082), ("encode", 632_076_800 + 34_163_664)):
    weights = full[stage]["weights"] / 2
    check(f"the weights to {stage} are all there", 0.96 < weights / parameters < 1.01,
          f"{weights / parameters:.4f} of {parameters}")
for stage, most in (("sample", 4.5e9), ("decode", 3e9), ("encode", 2e9)):
    check(f"SVD-XT, 25 frames of 1024x576: to {stage} takes at most {most / 1e9} GB",
          full[stage]["peak"] <= most, f"{full[stage]['peak'] / 1e9:.2f} GB")
small = stages("--width=512", "--height=288", "--decode-chunk-size=2")
check("a quarter of the pixels, a quarter of the activations",
      0.2 < small["sample"]["arena"] / full["sample"]["arena"] < 0.3)
check("one frame at once takes half", 0.45 < stages("--frames=24", "--decode-chunk-size=1")["decode"]["arena"]
      / stages("--frames=24", "--decode-chunk-size=2")["decode"]["arena"] < 0.55)
small = stages("--memory-budget=4.5GB")
check("a budget lowers the frames decoded together to what fits",
      small["decode_chunk_size"] == 5 and small["decode"]["peak"] <= 4.5e9
      < stages("--decode-chunk-size=6")["decode"]["peak"], str(small["decode_chunk_size"]))
for budget in (4e9, 3e9, 2e9):
    tight = stages(f"--memory-budget={budget:.0f}")
    streamed, arena = tight["sample"]["streamed"], tight["sample"]["arena"]
    check(f"in {budget / 1e9:.0f} GB the UNet streams what does not fit, beside the same arena",
          tight["sample"]["peak"] <= budget and arena < 1.01 * full["sample"]["arena"]
          and streamed < 1.2 * (full["sample"]["peak"] - budget), f"{streamed / 1e6:.0f} MB")
table = plan(str(MODEL), "--precision=fp32", "--frames=14")
check("without --json it is a table", table.returncode == 0 and "sample" in table.stdout
      and "14 frames of 1024x576, fp32" in table.stdout)
for what, args, words in (
        ("an odd size", [str(MODEL), "--width=1023"], "multiples of 8"),
        ("an unknown precision", [str(MODEL), "--precision=fp8"], "fp16 or fp32"),
        ("a small budget", [str(MODEL), "--memory-budget=1GB"], "the memory budget leaves 1.0"),
        ("an unknown unit", [str(MODEL), "--memory-budget=4XB"], "4GB, 3500MB or 2GiB"),
        ("a share of no device", [str(MODEL), "--memory-budget=50%"], "no device"),
        ("too many frames", [str(MODEL), "--frames=5000"], "1 to 1024"),
        ("no model", ["nowhere/at/all"], "no model")):
    refused = plan(*args)
    check(f"{what} is refused in one line", refused.returncode == 1
          and words in refused.stderr and refused.stderr.count("\n") == 1, refused.stderr.strip())
print(f"1..{count}")
