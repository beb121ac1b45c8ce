/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"
#include "program.h"

/* Shaders depend on shapes, and on which inputs there are: one small buffer
 * stands for all memory, the host's since the device's may be full. */
static KilnView
stand_in (KilnBuffer *buffer, const KilnTensor *tensor)
{
  return tensor == NULL ? (KilnView) { 0 }
      : (KilnView) { tensor->shape, buffer, 0 };
}

static void
survey_node (KilnRecorder *recorder, const KilnNode *node, KilnBuffer *buffer)
{
  KilnView inputs[KILN_OP_MAX_INPUTS];
  KilnView output = stand_in (buffer, node->output);
  KilnView scratch = { { KILN_F32, 1, 1, 1, 1 }, buffer, 0 };

  for (guint i = 0; i < node->n_inputs; i++)
    inputs[i] = stand_in (buffer, node->inputs[i]);
  node->klass->record (recorder, node->params, inputs, node->n_inputs,
      &output, &scratch);
}

KilnCompilation *
kiln_graphs_compile (KilnGraph *const *graphs, guint n_graphs,
    KilnDevice *device, GCancellable *cancellable, GError **error)
{
  g_autoptr (KilnBuffer) buffer = kiln_buffer_new (device,
      KILN_BUFFER_MIN_BYTES, KILN_MEMORY_UPLOAD, error);
  KilnRecorder *recorder;

  if (buffer == NULL)
    return NULL;
  recorder = kiln_recorder_new_survey (device);
  for (guint i = 0; i < n_graphs; i++)
    for (guint k = 0; k < graphs[i]->nodes->len; k++)
      survey_node (recorder, graphs[i]->nodes->pdata[k], buffer);
  return kiln_recorder_compile (recorder, cancellable, error);
}
