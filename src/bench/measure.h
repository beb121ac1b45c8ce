/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One operation by itself. */

#include "bench.h"
#include "../graph/operations.h"
#include "../ops/variant.h"

G_BEGIN_DECLS

typedef struct {
  KilnView inputs[KILN_OP_MAX_INPUTS], output, scratch;
} BenchTensors;

void bench_tensors_clear (BenchTensors *tensors);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BenchTensors, bench_tensors_clear)

/* Fills tensors, all 0: the inputs with random numbers, always the same. */
gboolean bench_make_tensors (KilnDevice *device,
    const KilnOperation *operation, BenchTensors *tensors, GError **error);

/* Sets the row's time and variant. */
gboolean bench_measure_operation (KilnDevice *device,
    const KilnOperation *operation, const BenchTensors *tensors,
    double budget, BenchRow *row, GError **error);

/* What the choice of a variant depends on, and (transfer container)
 * (element-type KilnVariant) those that may be chosen, in the table's order. */
KilnWork bench_work_of (const KilnOperation *operation);
GPtrArray *bench_find_candidates (KilnDevice *device,
    const KilnOperation *operation);

/* Measures the operation with each variant that the device offers, each for a
 * part of `budget` seconds, and sets the row's trials and which of them is
 * fastest. A variant is refused that fails, or whose result is not that of
 * the last one in the table, which is the plainest. */
gboolean bench_run_trials (KilnDevice *device,
    const KilnOperation *operation, double budget, BenchRow *row,
    GError **error);

G_END_DECLS
