/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs of tokens are runs of bytes: these operations only copy. */
#include "elementwise.h"

static guint64
positions (const KilnShape *shape)
{
  return (guint64) shape->height * shape->width;
}

static gboolean
set_tokens (KilnShape *output, guint64 tokens, GError **error)
{
  output->height = 1;
  output->width = tokens;
  if (tokens > 0 && tokens <= G_MAXUINT32 && output->frames > 0
      && output->channels > 0)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "the result is empty or too large");
  return FALSE;
}

/* ---- Join */

static gboolean
join_infer (gconstpointer params, const KilnShape *const *inputs,
    guint n_inputs, KilnShape *output, GError **error)
{
  guint64 tokens = 0;

  *output = *inputs[0];
  for (guint i = 0; i < n_inputs; i++)
    output->frames = MAX (output->frames, inputs[i]->frames);
  for (guint i = 0; i < n_inputs; i++) {
    const KilnShape *x = inputs[i];

    tokens += positions (x);
    if (x->type == output->type && x->channels == output->channels
        && (x->frames == output->frames || x->frames == 1))
      continue;
    {
      g_autofree char *first = kiln_shape_to_string (inputs[0]);
      g_autofree char *other = kiln_shape_to_string (x);

      g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
          "%s cannot follow %s", other, first);
    }
    return FALSE;
  }
  return set_tokens (output, tokens, error);
}

static void
join_record (KilnRecorder *recorder, gconstpointer params,
    const KilnView *inputs, guint n_inputs, const KilnView *output,
    const KilnView *scratch)
{
  guint64 row = kiln_shape_row_bytes (&output->shape);
  guint64 to = output->offset;

  for (guint32 frame = 0; frame < output->shape.frames; frame++)
    for (guint i = 0; i < n_inputs; i++) {
      const KilnView *x = &inputs[i];
      guint64 bytes = positions (&x->shape) * row;
      guint64 from = x->offset + (x->shape.frames > 1 ? frame * bytes : 0);

      kiln_recorder_copy (recorder, x->buffer, from, output->buffer, to,
          bytes);
      to += bytes;
    }
}

const KilnOpClass kiln_join_class = {
  .name = "join",
  .infer = join_infer,
  .record = join_record,
};

/* ---- First */

static gboolean
first_infer (gconstpointer params, const KilnShape *const *inputs,
    guint n_inputs, KilnShape *output, GError **error)
{
  const KilnFirst *first = params;

  *output = *inputs[0];
  if (first->rows > positions (inputs[0])) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "there are no %u positions in %u×%u", first->rows,
        inputs[0]->height, inputs[0]->width);
    return FALSE;
  }
  return set_tokens (output, first->rows, error);
}

static void
first_record (KilnRecorder *recorder, gconstpointer params,
    const KilnView *inputs, guint n_inputs, const KilnView *output,
    const KilnView *scratch)
{
  guint64 row = kiln_shape_row_bytes (&output->shape);
  guint64 from_step = positions (&inputs[0].shape) * row;
  guint64 to_step = positions (&output->shape) * row;

  for (guint32 frame = 0; frame < output->shape.frames; frame++)
    kiln_recorder_copy (recorder, inputs[0].buffer,
        inputs[0].offset + frame * from_step, output->buffer,
        output->offset + frame * to_step, to_step);
}

const KilnOpClass kiln_first_class = {
  .name = "first",
  .params_size = sizeof (KilnFirst),
  .infer = first_infer,
  .record = first_record,
};
