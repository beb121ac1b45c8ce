/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The networks that svd-bench takes apart. */

#include "bench.h"
#include "../graph/operations.h"
#include "../graph/plan.h"
#include "../stage.h"

G_BEGIN_DECLS

/* (transfer full) (element-type KilnGraph) of one of bench_stage_names. */
GPtrArray *bench_build_graphs (const Bench *bench, const char *stage,
    const BenchSize *size, GError **error);

/* "25×72×128×320 fp16 → 25×72×128×640 fp16" */
char *bench_describe_shapes (const KilnOperation *operation);

G_END_DECLS
