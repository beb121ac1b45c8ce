/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stage.h"

gboolean
svd_plan_add (SvdPlan *plan, KilnGraph *graph, GError **error)
{
  KilnPlan part;

  if (!kiln_graph_plan (graph, &part, error))
    return FALSE;
  plan->weights += part.weight_bytes;
  plan->streamed += part.streamed_bytes;
  plan->arena += part.arena_bytes;
  plan->buffers += part.external_bytes;
  plan->staging = MAX (plan->staging, part.staging_bytes);
  plan->flops += part.flops;
  return TRUE;
}

guint64
svd_plan_get_peak (const SvdPlan *plan)
{
  return plan->weights + plan->arena + plan->buffers;
}
