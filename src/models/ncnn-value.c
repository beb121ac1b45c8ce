/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ncnn-value.h"

gboolean
kiln_ncnn_part_is_everywhere (const KilnNcnnPart *part)
{
  return kiln_shape_rows (kiln_tensor_shape (part->tensor)) == 1;
}

KilnNcnnValue
kiln_ncnn_value (KilnTensor *tensor, guint32 height, guint32 width)
{
  guint32 channels = kiln_tensor_shape (tensor)->channels;

  return (KilnNcnnValue) {
    .parts = { { tensor, 0, channels } },
    .n_parts = 1,
    .height = height,
    .width = width,
    .channels = channels,
    .scale = 1,
  };
}

static gboolean
is_scaled (const KilnNcnnValue *value)
{
  return value->scale != 1 || value->offset != 0;
}

static void
replace (KilnNcnnValue *value, KilnTensor *tensor)
{
  *value = kiln_ncnn_value (tensor, value->height, value->width);
}

/* Side by side as one tensor; without scale and offset. */
static KilnTensor *
stack_parts (const KilnNcnnPlace *place, const KilnNcnnValue *value)
{
  KilnStack stack = { .height = value->height, .width = value->width };
  KilnTensor *inputs[KILN_STACK_MAX_PARTS];

  for (guint i = 0; i < value->n_parts; i++) {
    inputs[i] = value->parts[i].tensor;
    stack.parts[i].first = value->parts[i].first;
    stack.parts[i].channels = value->parts[i].channels;
  }
  return kiln_graph_add (place->graph, &kiln_stack_class, &stack, inputs,
      value->n_parts);
}

/* Applies scale and offset of the only part. */
static KilnTensor *
scale_part (const KilnNcnnPlace *place, const KilnNcnnValue *value)
{
  KilnPointwise pointwise = {
    .a = { value->parts[0].first, value->scale, value->offset },
    .channels = value->channels,
  };

  return kiln_graph_add (place->graph, &kiln_pointwise_class, &pointwise,
      (KilnTensor *[]) { value->parts[0].tensor }, 1);
}

static KilnTensor *
add_product (KilnGraph *graph, const KilnNcnnProduct *product)
{
  const KilnOpClass *klass = product->winograd ? &kiln_winograd_class
      : &kiln_matmul_class;

  return kiln_graph_add (graph, klass, &product->matmul, product->inputs,
      KILN_MATMUL_N_INPUTS);
}

void
kiln_ncnn_value_settle (const KilnNcnnPlace *place, KilnNcnnValue *value)
{
  KilnPack pack = {
    .packing = KILN_PACK_ROWS, .type = kiln_graph_precision (place->graph),
    .outputs = 1, .inputs = value->channels
  };

  if (value->product != NULL)
    replace (value, add_product (place->graph, value->product));
  else if (value->data != NULL)
    replace (value, kiln_graph_weight (place->graph, &place->scope,
            &value->data, 1, &pack));
}

void
kiln_ncnn_value_unite (const KilnNcnnPlace *place, KilnNcnnValue *value)
{
  float scale = value->scale, offset = value->offset;

  kiln_ncnn_value_settle (place, value);
  if (value->n_parts < 2)
    return;
  replace (value, stack_parts (place, value));
  value->scale = scale;
  value->offset = offset;
}

KilnTensor *
kiln_ncnn_value_force (const KilnNcnnPlace *place, KilnNcnnValue *value)
{
  KilnNcnnPart *part = &value->parts[0];

  kiln_ncnn_value_unite (place, value);
  if (is_scaled (value))
    replace (value, scale_part (place, value));
  if (kiln_tensor_shape (part->tensor)->channels != value->channels
      || (kiln_ncnn_part_is_everywhere (part)
          && (guint64) value->height * value->width > 1))
    replace (value, stack_parts (place, value));
  return part->tensor;
}

KilnNcnnValue
kiln_ncnn_value_cut (const KilnNcnnPlace *place, KilnNcnnValue *value,
    guint32 first, guint32 channels)
{
  KilnNcnnValue result;
  guint32 begin = 0, end = first + channels;

  kiln_ncnn_value_settle (place, value);
  result = *value;
  result.channels = channels;
  result.n_parts = 0;
  for (guint i = 0; i < value->n_parts; i++) {
    KilnNcnnPart part = value->parts[i];
    guint32 from = MAX (first, begin), to = MIN (end, begin + part.channels);

    if (from < to)
      result.parts[result.n_parts++] = (KilnNcnnPart) {
        part.tensor, part.first + from - begin, to - from
      };
    begin += part.channels;
  }
  return result;
}

/* Leaves nothing but parts, and no more than `most` of them. */
static void
make_parts (const KilnNcnnPlace *place, KilnNcnnValue *value, guint most)
{
  kiln_ncnn_value_settle (place, value);
  if (is_scaled (value))
    kiln_ncnn_value_force (place, value);
  if (value->n_parts > most)
    kiln_ncnn_value_unite (place, value);
}

KilnNcnnValue
kiln_ncnn_value_join (const KilnNcnnPlace *place, KilnNcnnValue *a,
    KilnNcnnValue *b)
{
  KilnNcnnValue result;

  make_parts (place, b, KILN_STACK_MAX_PARTS - 1);
  make_parts (place, a, KILN_STACK_MAX_PARTS - b->n_parts);
  result = *a;
  for (guint i = 0; i < b->n_parts; i++)
    result.parts[result.n_parts++] = b->parts[i];
  result.channels += b->channels;
  return result;
}
