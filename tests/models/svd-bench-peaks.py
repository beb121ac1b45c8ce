#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""svd-bench measures a peak of everything that it says the device has."""

import re
import subprocess
import sys

# No operation is called so: the peaks alone are measured.
text = subprocess.run([sys.argv[1], "--precision=fp16", "--operations", "--only=none of them"],
                      check=True, stdout=subprocess.PIPE, text=True).stdout
device = text.splitlines()[0]
peaks = re.search(r"([\d.]+) GFLOP/s fp32 multiply-adds, ([\d.]+) fp16, ([\d.]+) fp16 matrices.*\n"
                  r" *([\d.]+) GB/s", text)
has = (True, "fp16 arithmetic" in device, "cooperative matrices" in device, True)

print("1..1")
print("ok" if [float(peak) > 0 for peak in peaks.groups()] == list(has) else "not ok",
      "1 - peaks of what the device has:", device, *peaks.groups())
