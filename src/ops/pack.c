/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack.h"
#include "winograd.h"

static guint32
padded_inputs (const KilnPack *pack)
{
  return (pack->inputs + 3u) & ~3u;
}

static guint32
n_panels (const KilnPack *pack)
{
  if (pack->geglu)
    return (pack->outputs / 2 + 3) / 4;
  return (pack->outputs + KILN_PACK_COLUMNS - 1) / KILN_PACK_COLUMNS;
}

/* Of the packed tensor: the taps of one matrix. */
static guint32
packed_taps (const KilnPack *pack)
{
  return pack->winograd ? 1 : pack->taps;
}

KilnShape
kiln_pack_shape (const KilnPack *pack)
{
  switch (pack->packing) {
    case KILN_PACK_MATRIX:
      return (KilnShape) {
        pack->type, pack->winograd ? KILN_WINOGRAD_PLACES : 1,
        n_panels (pack), packed_taps (pack) * padded_inputs (pack),
        KILN_PACK_COLUMNS
      };
    case KILN_PACK_VECTOR:
      return (KilnShape) {
        KILN_F32, 1, 1, 1, n_panels (pack) * KILN_PACK_COLUMNS
      };
    case KILN_PACK_ROWS:
      return (KilnShape) { pack->type, 1, 1, pack->outputs, pack->inputs };
  }
  g_assert_not_reached ();
}

static KilnBinding
source_window (KilnSourceType type, KilnBuffer *source, guint64 offset,
    guint64 elements, guint32 *base)
{
  guint size = type == KILN_SOURCE_F32 ? 4 : 2;
  KilnDevice *device = kiln_buffer_get_device (source);
  guint64 alignment = kiln_device_get_info (device)->storage_alignment;
  guint64 start = offset - offset % alignment;
  guint64 end = (offset + elements * size + 3) & ~(guint64) 3;

  *base = (offset - start) / size;
  return (KilnBinding) { source, start, end - start };
}

static void
record_matrix (KilnRecorder *recorder, const KilnPack *pack,
    KilnSourceType source_type, KilnBuffer *source, guint64 source_offset,
    guint32 first_output, guint32 n_outputs, const KilnView *packed)
{
  struct
  {
    guint32 source_base, first_output, n_outputs, outputs;
    guint32 inputs, padded_inputs, taps;
    guint32 first_panel, n_panels, packed_base, place;
  } push = {
    .first_output = first_output, .n_outputs = n_outputs,
    .outputs = pack->outputs, .inputs = pack->inputs,
    .padded_inputs = padded_inputs (pack), .taps = pack->taps,
  };
  guint32 columns = KILN_PACK_COLUMNS;
  guint32 first = pack->geglu ? 0 : first_output / columns;
  guint32 end = pack->geglu ? n_panels (pack)
      : (first_output + n_outputs + columns - 1) / columns;
  guint64 panel_rows = (guint64) packed_taps (pack) * push.padded_inputs;
  guint64 at_once = kiln_rows_per_dispatch (kiln_recorder_get_device (recorder),
      panel_rows, 0, kiln_shape_row_bytes (&packed->shape), 64) / panel_rows;
  KilnDispatch dispatch = {
    .shader = kiln_shader_variant ("pack_matrix", pack->type),
    .specs = {
      source_type, pack->geglu, pack->transposed, pack->winograd
    },
    .n_specs = 4,
    .n_bindings = 2,
    .push = &push,
    .push_size = sizeof push,
  };

  dispatch.bindings[0] = source_window (source_type, source, source_offset,
      (guint64) n_outputs * pack->inputs * pack->taps, &push.source_base);
  for (push.place = 0; push.place < packed->shape.frames; push.place++)
    for (guint32 panel = first; panel < end; panel += at_once) {
      guint64 row = (push.place * (guint64) packed->shape.height + panel)
          * panel_rows;

      push.first_panel = panel;
      push.n_panels = MIN (at_once, end - panel);
      dispatch.bindings[1] = kiln_view_window (packed, row,
          push.n_panels * panel_rows, &push.packed_base);
      dispatch.invocations = push.n_panels * panel_rows * 2;
      /* As long as so many take: a kernel is read number by number. */
      if (pack->winograd)
        dispatch.flops = 4096.0 * dispatch.invocations;
      kiln_recorder_dispatch (recorder, &dispatch);
    }
}

/* Vectors are one row; parts of a stacked one stand one after another. */
static void
record_rows (KilnRecorder *recorder, const KilnPack *pack,
    KilnSourceType source_type, KilnBuffer *source, guint64 source_offset,
    guint32 first_output, guint32 n_outputs, const KilnView *packed)
{
  gboolean vector = pack->packing == KILN_PACK_VECTOR;
  gboolean last = first_output + n_outputs == pack->outputs;
  guint32 channels = vector ? n_outputs : pack->inputs;
  guint32 rows = vector ? 1 : n_outputs;
  guint32 first_vector = vector ? first_output / 4 : 0;
  guint32 stride = kiln_shape_stride (&packed->shape) / 4;
  struct
  {
    guint32 source_base, channels, n_vectors, vectors_a_row, packed_base;
  } push = { .channels = channels, .vectors_a_row = stride };
  KilnDispatch dispatch = {
    .shader = kiln_shader_variant ("pack_rows", packed->shape.type),
    .specs = { source_type, pack->geglu },
    .n_specs = 2,
    .n_bindings = 2,
    .push = &push,
    .push_size = sizeof push,
  };

  dispatch.bindings[0] = source_window (source_type, source, source_offset,
      (guint64) rows * channels, &push.source_base);
  dispatch.bindings[1] = kiln_view_window (packed, vector ? 0 : first_output,
      rows, &push.packed_base);
  push.packed_base += first_vector;
  push.n_vectors = vector && !last ? channels / 4
      : rows * stride - first_vector;
  dispatch.invocations = push.n_vectors;
  kiln_recorder_dispatch (recorder, &dispatch);
}

void
kiln_pack_record (KilnRecorder *recorder, const KilnPack *pack,
    KilnSourceType source_type, KilnBuffer *source, guint64 source_offset,
    guint32 first_output, guint32 n_outputs, const KilnView *packed)
{
  if (pack->packing == KILN_PACK_MATRIX)
    record_matrix (recorder, pack, source_type, source, source_offset,
        first_output, n_outputs, packed);
  else
    record_rows (recorder, pack, source_type, source, source_offset,
        first_output, n_outputs, packed);
}
