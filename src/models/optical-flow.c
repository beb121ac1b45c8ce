/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "optical-flow.h"
#include "../ops/motion.h"

/* The finest level of larger pictures has half the size, or a quarter. */
#define MOST_PIXELS (1u << 21)

/* The coarsest level is no larger than this on its shorter side. */
#define COARSEST 24

#define MAX_LEVELS 16

static guint32
divide_up (guint32 a, guint32 b)
{
  return (a + b - 1) / b;
}

static guint32
shrink_of (guint32 height, guint32 width)
{
  guint32 shrink = 1;

  while ((guint64) divide_up (height, shrink) * divide_up (width, shrink)
      > MOST_PIXELS)
    shrink *= 2;
  return shrink;
}

KilnShape
kiln_optical_flow_shape (guint32 height, guint32 width)
{
  guint32 cell = KILN_MOTION_CELL * shrink_of (height, width);

  return (KilnShape) {
    KILN_F32, 2, divide_up (height, cell), divide_up (width, cell), 4
  };
}

static KilnTensor *
search (KilnGraph *graph, KilnTensor *luma, KilnTensor *field,
    guint32 radius, guint32 iterations)
{
  KilnFlowSearch search = { radius, iterations };
  KilnTensor *inputs[] = { luma, field };

  return kiln_graph_add (graph, &kiln_flow_search_class, &search, inputs, 2);
}

/* From coarse to fine: each level begins with the motion of the one before,
 * then lets good motion spread among neighbours. */
static KilnTensor *
search_levels (KilnGraph *graph, KilnTensor *const *levels, guint n)
{
  KilnTensor *field = NULL;

  for (guint i = n; i-- > 0;) {
    field = search (graph, levels[i], field, i == n - 1 ? 4 : 0, 4);
    field = search (graph, levels[i], field, 0, 2);
  }
  return field;
}

KilnTensor *
kiln_optical_flow (KilnGraph *graph, KilnTensor *previous, KilnTensor *next)
{
  const KilnShape *shape = kiln_tensor_shape (previous);
  guint32 shrink = shrink_of (shape->height, shape->width);
  KilnTensor *pictures[] = { previous, next };
  KilnTensor *levels[MAX_LEVELS], *field;
  guint n = 1;

  levels[0] = kiln_graph_add (graph, &kiln_luma_class,
      &(KilnLuma) { shrink }, pictures, 2);
  while (n < MAX_LEVELS) {
    shape = kiln_tensor_shape (levels[n - 1]);
    if (MIN (shape->height, shape->width) <= COARSEST)
      break;
    levels[n] = kiln_graph_add (graph, &kiln_luma_half_class, NULL,
        &levels[n - 1], 1);
    n++;
  }
  field = search_levels (graph, levels, n);
  field = kiln_graph_add (graph, &kiln_flow_check_class, NULL, &field, 1);
  return kiln_graph_add (graph, &kiln_flow_fill_class,
      &(KilnFlowFill) { shrink }, &field, 1);
}

KilnTensor *
kiln_flow_interpolate (KilnGraph *graph, KilnTensor *previous,
    KilnTensor *next, KilnTensor *motion, KilnTensor *timestep)
{
  const KilnShape *shape = kiln_tensor_shape (previous);
  KilnFlowProject project = {
    KILN_MOTION_CELL * shrink_of (shape->height, shape->width)
  };
  KilnTensor *inputs[] = { previous, next, motion, timestep };

  inputs[2] = kiln_graph_add (graph, &kiln_flow_project_class, &project,
      inputs, 4);
  return kiln_graph_add (graph, &kiln_flow_blend_class, &project, inputs, 4);
}
