#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""svd-bench: every operation is a row, and what it prints can be read."""

import json
import subprocess
import sys

BENCH, PLAN = sys.argv[1:]
count = 0


def run(program, *args):
    return subprocess.run([program, *args], capture_output=True, text=True)


def read(program, *args):
    return json.loads(run(program, "--json", *args).stdout)


def check(what, ok, detail=""):
    global count
    count += 1
    print(f"{'ok' if ok else 'not ok'} {count} - {what} {detail}".rstrip(), flush=True)


def work(rows, stage):
    return sum(row["times"] * row["flop"] for row in rows
               if row["stage"] == stage and row["operation"] != "euler")


# Listed, not measured. The plan's clip is decoded in one go: so is the rows'.
listed = read(BENCH, "--random", "--operations", "--time=0", "--precision=fp16",
              "--decode-chunk-size=0")
check("the peak of halves is measured where they are used", listed["peak_fp16_flops"] > 1e8,
      f"{listed['peak_fp16_flops']:.2e} FLOP/s")
plan = read(PLAN, "svd-xt-configs", "--decode-chunk-size=0")
rows = listed["operations"]
for stage in ("encode", "sample", "decode"):
    share = work(rows, stage) / plan[stage]["flops"]
    check(f"SVD-XT's rows are all of the work to {stage}", abs(share - 1) < 1e-9, f"{share}")
for shape in ("25×72×128×320", "25×36×64×640", "25×18×32×1280", "25×9×16×1280"):
    check(f"there are convolutions of {shape}",
          any(row["operation"].startswith("conv 3×3") and shape in row["shapes"] for row in rows))

tiny = read(BENCH, "--operations", "--time=0.001")
check("the device and its driver are named", "llvmpipe" in tiny["device"].lower()
      and "Mesa" in tiny["driver"], f"{tiny['device']}; {tiny['driver']}")
check("each row was measured", len(tiny["operations"]) > 80 and all(
    row["seconds"] > 0 and row["of_peak"] > 0 and row["variant"] for row in tiny["operations"]),
    f"{len(tiny['operations'])} rows")
check("Winograd's rows name the product that is most of it", all(
    row["variant"].startswith("matmul_linear_") for row in tiny["operations"]
    if " Winograd" in row["operation"]))
check("peaks are sane", 1e9 < tiny["peak_fp32_flops"] < 1e12 and 1e8 < tiny["peak_copy_bytes"] < 1e12,
      f"{tiny['peak_fp32_flops']:.2e} FLOP/s, {tiny['peak_copy_bytes']:.2e} B/s")
def least_seconds(row):
    return max(row["measured_flop"] / tiny["peak_fp32_flops"],
               row["measured_bytes"] / tiny["peak_copy_bytes"])


# Times themselves are not judged: the machine may be busy.
check("the share of the peak is the least time over the measured one", all(
    abs(row["of_peak"] * row["core_seconds"] / least_seconds(row) - 1) < 1e-6
    for row in tiny["operations"]))
check("no core does a TFLOP a second", all(
    row["measured_flop"] < 1e12 * row["core_seconds"] for row in tiny["operations"]))

stages = read(BENCH, "--random", "svd-tiny", "--stages", "--width=64", "--height=64", "--frames=2",
              "--steps=1")
for name, stage in stages["stages"].items():
    check(f"{name}: all times are there", all(stage[p][t] > 0 for p in ("cold", "warm")
                                              for t in ("load", "first", "run")))
check("a warm start compiles next to nothing",
      stages["compiled_bytes"] > 1e5
      and 20 * stages["compiled_warm_bytes"] < stages["compiled_bytes"],
      f"{stages['compiled_bytes']} bytes of shaders, {stages['compiled_warm_bytes']} more")
check("a whole clip ran", stages["clip_seconds"] > 0 and stages["peak_bytes"] > 1e6)

growth = read(BENCH, "--growth", "--time=0", "--random")["growth"]
check("frames, steps and sizes grow in turn",
      [p["steps"] for p in growth] == [1] * 5 + [2, 4, 8] + [1] * 3
      and len({p["frames"] for p in growth}) == 5 and len({p["width"] for p in growth}) == 4)
by_frames = [p["flop_other"] / p["frames"] for p in growth if (p["width"], p["height"]) == (256, 256)]
check("work outside attention grows with frames", max(by_frames) < 1.01 * min(by_frames),
      f"{min(by_frames):.3e} to {max(by_frames):.3e} FLOP a frame")


# However long a row may take, and however fast the machine: what an operation works along stays.
def sizes(shapes):
    return tuple(int(size) for size in shapes.split(" ")[0].split("×"))


short = read(BENCH, "--random", "--operations", "--time=0.0001", "--width=256", "--height=128",
             "--frames=6", "--decode-chunk-size=6", "--only=attention")["operations"]
along = [(sizes(row["shapes"]), sizes(row["measured_shapes"])) for row in short
         if " over frames" in row["operation"]]
across = [(sizes(row["shapes"]), sizes(row["measured_shapes"])) for row in short
          if " over frames" not in row["operation"]]
check("operations over frames are measured with all of them, at fewer positions",
      along and all(cut[0] == whole[0] == 6 for whole, cut in along)
      and any(cut[1:3] < whole[1:3] for whole, cut in along), str(along))
check("others with fewer frames, and at all positions unless one frame is too much",
      across and all(cut[1:3] == whole[1:3] or cut[0] == 1 for whole, cut in across)
      and any(cut[0] < whole[0] for whole, cut in across), str(across))

table = run(BENCH, "--operations", "--only=attention", "--time=0.001")
check("without --json it is a table", table.returncode == 0 and "attention, " in table.stdout
      and "GFLOP/s" in table.stdout)
for what, args, words in (("an unknown precision", ["--precision=fp8"], "fp16 or fp32"),
                          ("too many frames", ["--frames=5000"], "1 to 1024"),
                          ("no frame", ["--frames=0"], "1 to 1024"),
                          ("no model", ["nowhere/at/all"], "no model")):
    refused = run(BENCH, "--operations", *args)
    check(f"{what} is refused in one line", refused.returncode == 1
          and words in refused.stderr and refused.stderr.count("\n") == 1, refused.stderr.strip())
print(f"1..{count}")
