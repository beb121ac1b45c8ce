# SPDX-License-Identifier: LGPL-2.1-or-later
"""A CSV file of losses that survives restarts, and its picture."""

import csv
import pathlib
import time


class LossLog:
    def __init__(self, path, fields):
        self.path, self.fields = pathlib.Path(path), ["stage", "step", "seconds", *fields]
        self.started = time.time()
        if not self.path.exists():
            with self.path.open("w", newline="") as file:
                csv.writer(file).writerow(self.fields)

    def write(self, stage, step, **values):
        row = {"stage": stage, "step": step, "seconds": f"{time.time() - self.started:.0f}"}
        row.update({name: f"{value:.5f}" for name, value in values.items()})
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self.fields).writerow(row)
        print(" ".join(f"{name}={value}" for name, value in row.items()), flush=True)

    def plot(self):
        """Every column against the row number, since steps restart with each stage."""
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        with self.path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        fields = self.fields[3:]
        figure, axes = pyplot.subplots(len(fields), 1, figsize=(8, 2.2 * len(fields)), squeeze=False)
        for axis, name in zip(axes[:, 0], fields):
            points = [(i, float(row[name])) for i, row in enumerate(rows) if row[name]]
            axis.plot(*zip(*points)) if points else None
            axis.set_ylabel(name)
            axis.grid(True, alpha=0.3)
        axes[-1, 0].set_xlabel("log line")
        figure.tight_layout()
        figure.savefig(self.path.with_suffix(".png"), dpi=100)
        pyplot.close(figure)
