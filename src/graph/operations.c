/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "operations.h"
#include "private.h"

guint
kiln_graph_get_n_operations (KilnGraph *graph)
{
  return graph->nodes->len;
}

KilnOperation
kiln_graph_get_operation (KilnGraph *graph, guint i)
{
  const KilnNode *node = graph->nodes->pdata[i];
  KilnOperation operation = {
    .klass = node->klass,
    .params = node->params,
    .n_inputs = node->n_inputs,
    .output = node->output->shape,
    .scratch_bytes = node->scratch.bytes,
  };

  for (guint j = 0; j < node->n_inputs; j++) {
    if (node->inputs[j] == NULL)
      continue;
    operation.inputs[j] = &node->inputs[j]->shape;
    if (node->inputs[j]->weight != NULL)
      operation.weights |= 1u << j;
  }
  if (node->klass->flops != NULL)
    operation.flops = node->klass->flops (node->params, operation.inputs,
        &operation.output);
  return operation;
}
