/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elementwise.h"

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnSinusoid *sinusoid = params;
  const KilnShape *x = inputs[0];
  guint64 values = (guint64) x->channels * sinusoid->size;

  if (x->type != KILN_F32 || kiln_shape_rows (x) != 1 || values == 0
      || values > G_MAXUINT32 || sinusoid->size % 2 != 0) {
    g_autofree char *text = kiln_shape_to_string (x);

    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "%s cannot be embedded in %u channels each", text, sinusoid->size);
    return FALSE;
  }
  *output = (KilnShape) {
    output->type, 1, 1, sinusoid->flatten ? 1 : x->channels,
    sinusoid->flatten ? values : sinusoid->size
  };
  return TRUE;
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnSinusoid *sinusoid = params;
  guint64 rows = kiln_shape_rows (&output->shape);
  struct
  {
    guint32 n, vectors, channels, size;
  } push = {
    .n = rows * kiln_shape_stride (&output->shape) / 4,
    .vectors = kiln_shape_stride (&output->shape) / 4,
    .channels = output->shape.channels,
    .size = sinusoid->size,
  };
  guint32 base;
  KilnDispatch dispatch = {
    .shader = kiln_shader_for (device, "sinusoid", output->shape.type),
    .bindings = {
      kiln_view_window (&inputs[0], 0, 1, &base),
      kiln_view_window (output, 0, rows, &base),
    },
    .n_bindings = 2,
    .texels = kiln_texels_for (device, 1 << 0),
    .push = &push,
    .push_size = sizeof push,
    .invocations = push.n,
    .flops = 200.0 * push.n,
  };

  kiln_recorder_dispatch (recorder, &dispatch);
}

const KilnOpClass kiln_sinusoid_class = {
  .name = "sinusoid",
  .params_size = sizeof (KilnSinusoid),
  .infer = infer,
  .record = record,
};
