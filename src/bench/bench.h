/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the parts of svd-bench share. */

#include <json-glib/json-glib.h>
#include <svd/svd.h>
#include "../ops/op.h"

G_BEGIN_DECLS

enum { BENCH_ENCODE, BENCH_SAMPLE, BENCH_DECODE, BENCH_N_STAGES };

extern const char *const bench_stage_names[BENCH_N_STAGES];

typedef struct {
  guint width, height, frames;  /* pixels; frames of the clip */
  guint decode_frames;          /* decoded together */
} BenchSize;

/* What a plain test of each kind reaches on the device; 0: it has none of it,
 * or the networks do not use it. On software devices, which take what the
 * machine leaves them, all speeds are those of one core: work over CPU
 * seconds. */
typedef struct {
  double fp32, fp16;            /* FLOP/s of multiply-adds */
  double matrix;                /* of products of fp16 matrices */
  double copy;                  /* bytes/s, read and written */
} BenchPeak;

typedef struct {
  SvdDevice *device;            /* NULL: nothing can be measured */
  SvdModel *model;
  SvdStageOptions options;      /* precision: AUTO resolved */
  BenchSize size;
  guint steps;
  BenchPeak peak;
} Bench;

/* ---- One piece of work, run again and again */

typedef struct {
  double seconds;               /* the fastest run */
  double core_seconds;          /* CPU seconds of the cheapest; on graphics
                                 * cards the same as seconds */
} BenchTime;

/* Runs at least once, and more often until budget seconds are used up. */
gboolean bench_time (KilnCommands *commands, KilnDevice *device,
    double budget, BenchTime *time, GError **error);

/* CPU seconds of the process so far on software devices, else the clock. */
double bench_core_clock (KilnDevice *device);

/* Of that, what work is expected to reach: enough to choose its size by. */
#define BENCH_EXPECTED_SHARE 0.2

/* The least seconds that work may take by what the peak tests reach, products
 * that of the fastest. */
double bench_peak_seconds (const BenchPeak *peak, double flops, double bytes);

gboolean bench_measure_peak (KilnDevice *device, SvdPrecision precision,
    BenchPeak *peak, GError **error);

/* ---- Operations: each kind and shape of the model's networks */

#define BENCH_MAX_TRIALS 16

typedef struct {
  const char *variant;
  double seconds;               /* on software devices, of one core */
  char *refusal;                /* why it is not to be used; NULL: it is right */
} BenchTrial;

typedef struct {
  const char *stage;            /* "encode", "sample", "decode" */
  guint graph, node;            /* where it is first met */
  guint count;                  /* times in one run of the stage's networks */
  char *name, *shapes;
  double flops;                 /* of one, at the clip's size */
  gboolean over_frames;         /* its results are made of several frames */

  /* Measured, at the size that the budget allowed: */
  gboolean measured;
  char *slice_shapes;
  const char *variant;          /* the shader that does most of it */
  double slice_flops, slice_bytes;
  BenchTime time;

  /* Tuned: the first of those that share a choice. */
  char *key;
  BenchTrial trials[BENCH_MAX_TRIALS];
  guint n_trials;
  const BenchTrial *fastest;
  const char *expected;         /* what would be chosen unmeasured */
} BenchRow;

/* (transfer full) (element-type BenchRow) in the order of the networks;
 * only (nullable): rows with this in "stage name: shapes" alone. */
GPtrArray *bench_collect_rows (const Bench *bench, const char *only,
    GError **error);

/* Measures the rows, each for about `budget` seconds. */
gboolean bench_measure_rows (const Bench *bench, GPtrArray *rows,
    double budget, GError **error);

/* Measures the rows with each variant that the device offers, where there are
 * several, each for a part of `budget` seconds, and sets the device's
 * choices: the fastest whose result is right. */
gboolean bench_tune_rows (const Bench *bench, GPtrArray *rows, double budget,
    GError **error);

void bench_print_rows (const Bench *bench, const GPtrArray *rows);
void bench_rows_to_json (const Bench *bench, const GPtrArray *rows,
    JsonBuilder *builder);

/* bench_tune_rows() for all rows or those with `only`. Keeps the choices on
 * disk, for all programs. Into builder, or with none printed. */
gboolean bench_tune (const Bench *bench, const char *only, double budget,
    JsonBuilder *builder, GError **error);

/* ---- Stages and the clip */

typedef struct {
  double load, first, run;      /* seconds */
  guint64 allocated;            /* bytes on the device after it */
} BenchStageTimes;

typedef struct {
  const char *name;
  double flops;
  double core_run;              /* CPU seconds of the run */
  BenchStageTimes cold, warm;   /* without and with shaders on disk */
} BenchStage;

typedef struct {
  BenchStage stages[BENCH_N_STAGES];
  guint passes;                 /* of the UNet in a step */
  double clip;                  /* seconds: picture to frames, all loaded */
  guint64 peak;                 /* bytes on the device at most */
  guint64 compiled, compiled_warm;      /* bytes that caches on disk grew by */
} BenchStages;

/* caches: where bench_scratch_caches_new() has them. */
gboolean bench_measure_stages (Bench *bench, const char *device,
    const char *caches, BenchStages *stages, GError **error);
void bench_print_stages (const Bench *bench, const BenchStages *stages);
void bench_stages_to_json (const Bench *bench, const BenchStages *stages,
    JsonBuilder *builder);

/* ---- Growth with frames and size: computed, and where budget is more than
 * 0, measured as far as a stage is expected to take at most so many seconds.
 * Into builder, or with none printed. */

gboolean bench_run_growth (const Bench *bench, double budget,
    JsonBuilder *builder, GError **error);

/* ---- JSON */

void bench_add_number (JsonBuilder *builder, const char *name, double value);
void bench_add_count (JsonBuilder *builder, const char *name, gint64 value);
void bench_add_text (JsonBuilder *builder, const char *name,
    const char *value);

G_END_DECLS
