/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elementwise.h"

static KilnShape
last_shape (const KilnPlanes *planes, KilnType type)
{
  return (KilnShape) {
    type, planes->frames, planes->height, planes->width, planes->channels
  };
}

static guint64
frame_values (const KilnPlanes *planes)
{
  return (guint64) planes->channels * planes->height * planes->width;
}

static gboolean
infer (gconstpointer params, const KilnShape *const *inputs, guint n_inputs,
    KilnShape *output, GError **error)
{
  const KilnPlanes *planes = params;
  guint64 values = frame_values (planes) * planes->frames;
  KilnShape last = last_shape (planes,
      planes->to_planes ? inputs[0]->type : planes->type);
  KilnShape flat = { KILN_F32, 1, 1, 1, values };
  const KilnShape *wanted = planes->to_planes ? &last : &flat;
  g_autofree char *text = NULL;

  *output = planes->to_planes ? flat : last;
  if (values == 0 || values > G_MAXUINT32 || output->type == KILN_U8) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
        "%u×%u×%u×%u values are none, too many, or 8-bit", planes->frames,
        planes->channels, planes->height, planes->width);
    return FALSE;
  }
  if (wanted->frames == inputs[0]->frames
      && wanted->height == inputs[0]->height
      && wanted->width == inputs[0]->width
      && wanted->channels == inputs[0]->channels
      && wanted->type == inputs[0]->type)
    return TRUE;
  text = kiln_shape_to_string (inputs[0]);
  g_set_error (error, KILN_ERROR, KILN_ERROR_SHAPE,
      "%s does not hold %u frames of %u planes of %ux%u", text,
      planes->frames, planes->channels, planes->width, planes->height);
  return FALSE;
}

static double
flops (gconstpointer params, const KilnShape *const *inputs,
    const KilnShape *output)
{
  const KilnPlanes *planes = params;

  return 2.0 * frame_values (planes) * planes->frames;
}

/* Some frames' planes. They may start anywhere in a vector: base counts
 * single numbers. The last frame's window holds the padding too. */
static KilnBinding
planes_window (const KilnView *flat, guint64 first, guint64 n, guint32 *base)
{
  guint64 end = (first + n + 3) / 4;
  KilnView view = *flat;
  KilnBinding binding;

  view.shape = (KilnShape) { KILN_F32, 1, 1, end, 4 };
  binding = kiln_view_window (&view, first / 4, end - first / 4, base);
  *base = *base * 4 + first % 4;
  binding.format = VK_FORMAT_R32_SFLOAT;
  return binding;
}

static const char *
shader_name (KilnDevice *device, const KilnPlanes *planes, KilnType last)
{
  return kiln_shader_for (device,
      planes->to_planes ? "planes_to" : "planes_from", last);
}

static void
record (KilnRecorder *recorder, gconstpointer params, const KilnView *inputs,
    guint n_inputs, const KilnView *output, const KilnView *scratch)
{
  KilnDevice *device = kiln_recorder_get_device (recorder);
  const KilnPlanes *planes = params;
  const KilnView *last = planes->to_planes ? &inputs[0] : output;
  const KilnView *flat = planes->to_planes ? output : &inputs[0];
  guint64 positions = (guint64) planes->height * planes->width;
  guint64 frame_bytes = sizeof (float) * positions
      * kiln_shape_stride (&last->shape);
  guint64 at_once = kiln_rows_per_dispatch (device, 1, 0, frame_bytes + 16, 4.0 * frame_values (planes));
  struct
  {
    guint32 last_base, planes_base, n, positions, channels, vectors, padding;
    float scale, offset;
  } push = {
    .positions = positions,
    .channels = planes->channels,
    .vectors = kiln_shape_stride (&last->shape) / 4,
    .scale = planes->scale,
    .offset = planes->offset,
  };
  KilnDispatch dispatch = {
    .shader = shader_name (device, planes, last->shape.type),
    .n_bindings = 2,
    .texels = kiln_texels_for (device, planes->to_planes ? 1 << 0 : 1 << 1),
    .push = &push,
    .push_size = sizeof push,
  };

  for (guint64 frame = 0; frame < planes->frames; frame += at_once) {
    guint64 n = MIN (at_once, planes->frames - frame);
    guint64 values = n * frame_values (planes);

    dispatch.bindings[0] = kiln_view_window (last, frame * positions,
        n * positions, &push.last_base);
    dispatch.bindings[1] = planes_window (flat,
        frame * frame_values (planes), values, &push.planes_base);
    push.n = n * positions * push.vectors;
    push.padding = frame + n == planes->frames
        ? kiln_shape_stride (&flat->shape) - flat->shape.channels : 0;
    dispatch.invocations = push.n;
    dispatch.flops = 4.0 * values;
    kiln_recorder_dispatch (recorder, &dispatch);
  }
}

const KilnOpClass kiln_planes_class = {
  .name = "planes",
  .params_size = sizeof (KilnPlanes),
  .infer = infer,
  .flops = flops,
  .record = record,
};
