/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ncnn's layers, their parameters and what they become. The parameters'
 * numbers: https://github.com/Tencent/ncnn/wiki/operators */
#include "ncnn-layers.h"

#include <math.h>
#include <string.h>

#include "../ops/elementwise.h"

static double
number (const KilnNcnnLayer *layer, guint id, double fallback)
{
  return kiln_ncnn_layer_get_number (layer, id, fallback);
}

/* ---- Values */

static KilnNcnnValue *
input (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer, guint i)
{
  return &builder->values[builder->blobs[layer->inputs[i]]];
}

static void
set_output (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer, guint i,
    KilnNcnnValue value)
{
  builder->values[layer->outputs[i]] = value;
}

static void
fail (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer, const char *what)
{
  kiln_graph_fail (builder->place.graph, g_error_new (KILN_ERROR,
          KILN_ERROR_MODEL, "%s: layer '%s' (%s): %s",
          kiln_ncnn_net_get_path (builder->net), layer->name, layer->type,
          what));
}

/* A name of a weight that lives as long as the builder. */
static const char *
weight_name (KilnNcnnBuilder *builder, const char *layer, const char *what)
{
  g_autofree char *name = g_strconcat (layer, ".", what, NULL);

  return g_intern_string (name);
}

static KilnTensor *
vector (KilnNcnnBuilder *builder, const char *name, guint32 outputs)
{
  KilnPack pack = { .packing = KILN_PACK_VECTOR, .outputs = outputs };

  return kiln_graph_weight (builder->place.graph, &builder->place.scope,
      &name, 1, &pack);
}

/* ---- Concat, Slice, Crop: nothing but notes */

static const char *
check_axis (const KilnNcnnLayer *layer, guint id)
{
  return number (layer, id, 0) == 0 ? NULL
      : "it works along another axis than the channels";
}

static const char *
find_fault_concat (const KilnNcnnLayer *layer)
{
  return check_axis (layer, 0);
}

static void
build_concat (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  KilnNcnnValue result = *input (builder, layer, 0);

  for (guint i = 1; i < layer->n_inputs; i++) {
    KilnNcnnValue *next = input (builder, layer, i);

    if (next->height != result.height || next->width != result.width) {
      fail (builder, layer, "its inputs are of different sizes");
      return;
    }
    result = kiln_ncnn_value_join (&builder->place, &result, next);
  }
  set_output (builder, layer, 0, result);
}

#define THE_REST (-233)

static const char *
find_fault_slice (const KilnNcnnLayer *layer)
{
  const KilnNcnnParam *sizes = kiln_ncnn_layer_get_param (layer, 0);

  if (sizes == NULL || !sizes->is_array || sizes->n != layer->n_outputs)
    return "there is not a size for each output";
  return check_axis (layer, 1);
}

static void
build_slice (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  const KilnNcnnParam *sizes = kiln_ncnn_layer_get_param (layer, 0);
  KilnNcnnValue *x = input (builder, layer, 0);
  guint32 first = 0;

  for (guint i = 0; i < sizes->n; i++) {
    double left = (double) x->channels - first;
    double size = sizes->values[i] == THE_REST
        ? floor (left / (sizes->n - i)) : sizes->values[i];

    if (!(size >= 1 && size <= left)) {
      fail (builder, layer, "it takes more channels than there are");
      return;
    }
    set_output (builder, layer, i,
        kiln_ncnn_value_cut (&builder->place, x, first, size));
    first += (guint32) size;
  }
}

enum { CROP_STARTS = 9, CROP_ENDS, CROP_AXES };

static const char *
find_fault_crop (const KilnNcnnLayer *layer)
{
  for (guint id = CROP_STARTS; id <= CROP_AXES; id++) {
    const KilnNcnnParam *param = kiln_ncnn_layer_get_param (layer, id);

    if (param == NULL || !param->is_array || param->n != 1)
      return "it is no cut along one axis";
  }
  return check_axis (layer, CROP_AXES);
}

static void
build_crop (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  KilnNcnnValue *x = input (builder, layer, 0);
  double start = number (layer, CROP_STARTS, 0);
  double end = number (layer, CROP_ENDS, 0);

  start += start < 0 ? x->channels : 0;
  end = MIN (end + (end < 0 ? x->channels : 0), x->channels);
  if (!(start >= 0 && start < end)) {
    fail (builder, layer, "it takes channels that are not there");
    return;
  }
  set_output (builder, layer, 0, kiln_ncnn_value_cut (&builder->place, x,
          start, (guint32) end - (guint32) start));
}

/* ---- Convolutions: added to the graph when something reads the result */

enum { ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_LEAKY_RELU };

static const char *
find_fault_convolution (const KilnNcnnLayer *layer)
{
  double kernel = number (layer, 1, 0), stride = number (layer, 3, 1);
  double pad = number (layer, 4, 0);

  if (number (layer, 11, kernel) != kernel
      || number (layer, 13, stride) != stride || number (layer, 14, pad) != pad
      || number (layer, 15, pad) != pad || number (layer, 16, pad) != pad)
    return "its kernel, stride or padding is not the same in all directions";
  if (!(kernel >= 1 && kernel <= 64 && stride >= 1 && stride <= 64
          && pad >= 0 && pad <= 64))
    return "its kernel, stride or padding is not from 1 to 64";
  if (number (layer, 2, 1) != 1 || number (layer, 12, 1) != 1
      || number (layer, 18, 0) != 0 || number (layer, 19, 0) != 0)
    return "dilation and output padding are not supported";
  if (!(number (layer, 9, 0) >= 0
          && number (layer, 9, 0) <= ACTIVATION_LEAKY_RELU))
    return "its activation is not supported";
  return NULL;
}

static void
set_activation (KilnMatmul *matmul, const KilnNcnnLayer *layer)
{
  guint kind = number (layer, 9, ACTIVATION_NONE);

  if (kind != ACTIVATION_NONE)
    matmul->activation = KILN_ACT_LEAKY_RELU;
  if (kind == ACTIVATION_LEAKY_RELU)
    matmul->slope = number (layer, 10, 0);
}

static KilnNcnnProduct *
new_product (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer,
    KilnMatmulKind kind)
{
  KilnNcnnProduct *product = g_new0 (KilnNcnnProduct, 1);
  guint32 pad = number (layer, 4, 0);

  product->matmul = (KilnMatmul) {
    .kind = kind,
    .outputs = number (layer, 0, 0),
    .kernel = number (layer, 1, 0),
    .stride = number (layer, 3, 1),
    .pad = pad,
    .pad_end = pad,
    .scale = 1,
    .residual_scale = 1,
  };
  set_activation (&product->matmul, layer);
  product->activated = product->matmul.activation != KILN_ACT_NONE;
  g_ptr_array_add (builder->products, product);
  return product;
}

static void
set_weights (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer,
    KilnNcnnProduct *product)
{
  KilnGraph *graph = builder->place.graph;
  const char *weight = weight_name (builder, layer->name, "weight");
  const KilnShape *x = kiln_tensor_shape (product->inputs[KILN_MATMUL_X]);
  const KilnMatmul *matmul = &product->matmul;
  KilnPack pack = {
    .packing = KILN_PACK_MATRIX,
    .type = kiln_graph_precision (graph),
    .outputs = matmul->outputs,
    .inputs = x->channels,
    .taps = matmul->kernel * matmul->kernel,
  };

  product->winograd = pack.winograd = kiln_winograd_suits (matmul, x);
  product->inputs[KILN_MATMUL_WEIGHT] = kiln_graph_weight (graph,
      &builder->place.scope, &weight, 1, &pack);
  if (number (layer, 5, 0) != 0)
    product->inputs[KILN_MATMUL_BIAS] = vector (builder,
        weight_name (builder, layer->name, "bias"), pack.outputs);
}

static void
add_product (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer,
    KilnMatmulKind kind, double enlarges)
{
  KilnNcnnValue *x = input (builder, layer, 0);
  KilnNcnnProduct *product = new_product (builder, layer, kind);

  product->inputs[KILN_MATMUL_X] = kiln_ncnn_value_force (&builder->place, x);
  set_weights (builder, layer, product);
  set_output (builder, layer, 0, (KilnNcnnValue) {
        .product = product,
        .height = x->height * enlarges,
        .width = x->width * enlarges,
        .channels = product->matmul.outputs,
        .scale = 1 });
}

/* With a kernel of 3 and padding of 1 and the like: whole sizes divide. */
static double
convolution_enlarges (const KilnNcnnLayer *layer)
{
  return 1 / number (layer, 3, 1);
}

static void
build_convolution (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  add_product (builder, layer, KILN_MATMUL_CONV2D,
      convolution_enlarges (layer));
}

static double
deconvolution_enlarges (const KilnNcnnLayer *layer)
{
  return number (layer, 3, 1);
}

static void
build_deconvolution (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  add_product (builder, layer, KILN_MATMUL_TRANSPOSED,
      deconvolution_enlarges (layer));
}

/* ---- What may become part of a convolution */

/* The convolution that made the input, if none but this layer reads it. */
static KilnNcnnProduct *
own_product (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer, guint i)
{
  guint blob = builder->blobs[layer->inputs[i]];

  return builder->readers[blob] == 1 ? builder->values[blob].product : NULL;
}

static void
pass_on (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer, guint i)
{
  set_output (builder, layer, 0, *input (builder, layer, i));
}

/* A vector of factors before anything else of the epilogue. */
static gboolean
fuse_factor (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer, guint i)
{
  KilnNcnnProduct *product = own_product (builder, layer, i);
  KilnNcnnValue *factor = input (builder, layer, 1 - i);

  if (product == NULL || product->activated || factor->data == NULL
      || product->inputs[KILN_MATMUL_ROW] != NULL
      || product->inputs[KILN_MATMUL_FACTOR] != NULL
      || factor->channels != product->matmul.outputs)
    return FALSE;
  product->inputs[KILN_MATMUL_FACTOR] = vector (builder, factor->data,
      product->matmul.outputs);
  pass_on (builder, layer, i);
  return TRUE;
}

/* A tensor of the result's shape: added before or after the activation. */
static gboolean
fuse_sum (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer, guint i)
{
  KilnNcnnProduct *product = own_product (builder, layer, i);
  const KilnNcnnValue *result = input (builder, layer, i);
  KilnNcnnValue *other = input (builder, layer, 1 - i);
  guint slot;

  if (product == NULL || product->matmul.kind != KILN_MATMUL_CONV2D
      || other == result || other->channels != result->channels
      || other->height != result->height || other->width != result->width)
    return FALSE;
  slot = product->activated ? KILN_MATMUL_RESIDUAL : KILN_MATMUL_ROW;
  if (product->inputs[slot] != NULL
      || product->inputs[KILN_MATMUL_RESIDUAL] != NULL)
    return FALSE;
  product->inputs[slot] = kiln_ncnn_value_force (&builder->place, other);
  pass_on (builder, layer, i);
  return TRUE;
}

static gboolean
fuse_activation (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer,
    const KilnPointwise *pointwise, KilnTensor *slopes)
{
  KilnNcnnProduct *product = own_product (builder, layer, 0);

  if (product == NULL || product->activated
      || (slopes != NULL && product->inputs[KILN_MATMUL_FACTOR] != NULL))
    return FALSE;
  product->activated = TRUE;
  product->matmul.activation = pointwise->activation;
  product->matmul.slope = pointwise->slope;
  if (slopes != NULL)
    product->inputs[KILN_MATMUL_FACTOR] = slopes;
  pass_on (builder, layer, 0);
  return TRUE;
}

/* ---- Elementwise layers */

static KilnTerm
term (const KilnNcnnValue *value, float factor)
{
  return (KilnTerm) {
    value->parts[0].first, factor * value->scale, factor * value->offset
  };
}

static void
add_activation (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer,
    KilnActivation activation, float slope, KilnTensor *slopes)
{
  KilnNcnnValue *x = input (builder, layer, 0);
  KilnPointwise pointwise = {
    .channels = x->channels, .activation = activation, .slope = slope
  };
  KilnTensor *result;

  if (fuse_activation (builder, layer, &pointwise, slopes))
    return;
  kiln_ncnn_value_unite (&builder->place, x);
  pointwise.a = term (x, 1);
  result = kiln_graph_add (builder->place.graph, &kiln_pointwise_class,
      &pointwise, (KilnTensor *[]) { x->parts[0].tensor, NULL, slopes }, 3);
  set_output (builder, layer, 0, kiln_ncnn_value (result, x->height,
          x->width));
}

static void
build_relu (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  add_activation (builder, layer, KILN_ACT_LEAKY_RELU, number (layer, 0, 0),
      NULL);
}

static void
build_prelu (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  const char *name = weight_name (builder, layer->name, "slope");
  guint32 n = number (layer, 0, 0), channels;

  channels = input (builder, layer, 0)->channels;
  if (n == 1)
    add_activation (builder, layer, KILN_ACT_LEAKY_RELU,
        kiln_graph_scalar (builder->place.graph, &builder->place.scope, name),
        NULL);
  else if (n == channels)
    add_activation (builder, layer, KILN_ACT_PRELU, 0,
        vector (builder, name, n));
  else
    fail (builder, layer, "it has slopes for another number of channels");
}

static void
build_sigmoid (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  add_activation (builder, layer, KILN_ACT_SIGMOID, 0, NULL);
}

static const char *
find_fault_clip (const KilnNcnnLayer *layer)
{
  return number (layer, 0, -1) == 0 && number (layer, 1, -1) == 1 ? NULL
      : "it clips to something else than 0 and 1";
}

static void
build_clip (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  add_activation (builder, layer, KILN_ACT_UNIT, 0, NULL);
}

enum { BINARY_ADD, BINARY_SUBTRACT, BINARY_MULTIPLY, BINARY_DIVIDE,
  BINARY_REVERSE_SUBTRACT = 7
};

static gboolean
has_scalar (const KilnNcnnLayer *layer)
{
  return number (layer, 1, 0) != 0;
}

static const char *
find_fault_binary (const KilnNcnnLayer *layer)
{
  double kind = number (layer, 0, BINARY_ADD);

  if (has_scalar (layer) != (layer->n_inputs == 1) || layer->n_inputs > 2)
    return "it has neither two inputs nor one and a number";
  if (kind == BINARY_DIVIDE && has_scalar (layer) && number (layer, 2, 0) != 0)
    return NULL;
  return kind == BINARY_ADD || kind == BINARY_SUBTRACT
      || kind == BINARY_MULTIPLY || kind == BINARY_REVERSE_SUBTRACT ? NULL
      : "its operation is not supported";
}

/* With a number: a note. */
static void
build_scalar (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  KilnNcnnValue value;
  double b = number (layer, 2, 0), factor = 1, offset = 0;

  switch ((guint) number (layer, 0, BINARY_ADD)) {
    case BINARY_ADD:
      offset = b;
      break;
    case BINARY_SUBTRACT:
      offset = -b;
      break;
    case BINARY_MULTIPLY:
      factor = b;
      break;
    case BINARY_DIVIDE:
      factor = 1 / b;
      break;
    case BINARY_REVERSE_SUBTRACT:
      factor = -1;
      offset = b;
      break;
  }
  kiln_ncnn_value_settle (&builder->place, input (builder, layer, 0));
  value = *input (builder, layer, 0);
  value.scale *= factor;
  value.offset = factor * value.offset + offset;
  set_output (builder, layer, 0, value);
}

/* Whether b may be the second of a pair: it is no larger than a. */
static gboolean
goes_with (const KilnNcnnValue *a, const KilnNcnnValue *b)
{
  return (b->channels == a->channels || b->channels == 1)
      && (kiln_ncnn_part_is_everywhere (&b->parts[0])
      || !kiln_ncnn_part_is_everywhere (&a->parts[0]));
}

static void
combine (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer,
    gboolean product, float a_factor, float b_factor)
{
  KilnNcnnValue *a = input (builder, layer, 0), *b = input (builder, layer, 1);
  KilnPointwise pointwise = { .product = product };
  KilnTensor *result;

  kiln_ncnn_value_unite (&builder->place, a);
  kiln_ncnn_value_unite (&builder->place, b);
  pointwise.a = term (a, a_factor);
  pointwise.b = term (b, b_factor);
  if (!goes_with (a, b)) {
    KilnNcnnValue *larger = b;
    KilnTerm larger_term = pointwise.b;

    b = a;
    a = larger;
    pointwise.b = pointwise.a;
    pointwise.a = larger_term;
  }
  if (!goes_with (a, b) || (!kiln_ncnn_part_is_everywhere (&b->parts[0])
          && (a->height != b->height || a->width != b->width))) {
    fail (builder, layer, "its inputs are of different sizes");
    return;
  }
  pointwise.channels = a->channels;
  pointwise.spread = b->channels < a->channels;
  result = kiln_graph_add (builder->place.graph, &kiln_pointwise_class,
      &pointwise, (KilnTensor *[]) { a->parts[0].tensor, b->parts[0].tensor },
      2);
  set_output (builder, layer, 0, kiln_ncnn_value (result, a->height,
          a->width));
}

/* Planes of one number, as 0·x + 1 makes them: the product is a note too. */
static gboolean
multiply_constant (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer,
    guint i)
{
  const KilnNcnnValue *constant = input (builder, layer, i);
  KilnNcnnValue value = *input (builder, layer, 1 - i);

  if (constant->scale != 0 || constant->channels > value.channels
      || constant->height != value.height || constant->width != value.width
      || value.n_parts == 0)
    return FALSE;
  value.scale *= constant->offset;
  value.offset *= constant->offset;
  set_output (builder, layer, 0, value);
  return TRUE;
}

static void
build_pair (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  guint kind = number (layer, 0, BINARY_ADD);

  for (guint i = 0; i < 2; i++)
    if ((kind == BINARY_ADD && fuse_sum (builder, layer, i))
        || (kind == BINARY_MULTIPLY && (fuse_factor (builder, layer, i)
                || multiply_constant (builder, layer, i))))
      return;
  combine (builder, layer, kind == BINARY_MULTIPLY,
      kind == BINARY_REVERSE_SUBTRACT ? -1 : 1,
      kind == BINARY_SUBTRACT ? -1 : 1);
}

static void
build_binary (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  if (has_scalar (layer))
    build_scalar (builder, layer);
  else
    build_pair (builder, layer);
}

static const char *
find_fault_eltwise (const KilnNcnnLayer *layer)
{
  const KilnNcnnParam *factors = kiln_ncnn_layer_get_param (layer, 1);

  if (number (layer, 0, 0) != 1)
    return "it is no sum";
  return factors == NULL || factors->n == 2 ? NULL
      : "there are not two factors for it";
}

static void
build_eltwise (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  const KilnNcnnParam *factors = kiln_ncnn_layer_get_param (layer, 1);

  combine (builder, layer, FALSE, factors ? factors->values[0] : 1,
      factors ? factors->values[1] : 1);
}

/* ---- Interp, PixelShuffle, rife.Warp */

static double
interp_enlarges (const KilnNcnnLayer *layer)
{
  return number (layer, 1, 1);
}

static const char *
find_fault_interp (const KilnNcnnLayer *layer)
{
  double factor = number (layer, 1, 1);

  if (number (layer, 0, 0) != 2 || number (layer, 6, 0) != 0)
    return "it is not bilinear with pixel centres at halves";
  return factor == number (layer, 2, 1) && factor > 0 && factor <= 1024
      && layer->n_inputs == 1 ? NULL
      : "it does not resize by one factor in both directions";
}

/* Each part by itself, and once: the parts of others may be the same. */
static KilnTensor *
resize (KilnNcnnBuilder *builder, KilnTensor *x, guint32 height,
    guint32 width)
{
  KilnBilinear bilinear = { height, width };
  char *key = g_strdup_printf ("%p %u %u", x, height, width);
  KilnTensor *result = g_hash_table_lookup (builder->resized, key);

  if (result == NULL)
    result = kiln_graph_add (builder->place.graph, &kiln_bilinear_class,
        &bilinear, &x, 1);
  g_hash_table_insert (builder->resized, key, result);
  return result;
}

static void
build_interp (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  KilnNcnnValue value;

  kiln_ncnn_value_settle (&builder->place, input (builder, layer, 0));
  value = *input (builder, layer, 0);
  value.height *= interp_enlarges (layer);
  value.width *= interp_enlarges (layer);
  for (guint i = 0; i < value.n_parts; i++)
    if (interp_enlarges (layer) != 1
        && !kiln_ncnn_part_is_everywhere (&value.parts[i]))
      value.parts[i].tensor = resize (builder, value.parts[i].tensor,
          value.height, value.width);
  set_output (builder, layer, 0, value);
}

static double
pixel_shuffle_enlarges (const KilnNcnnLayer *layer)
{
  return number (layer, 0, 1);
}

static const char *
find_fault_pixel_shuffle (const KilnNcnnLayer *layer)
{
  double factor = pixel_shuffle_enlarges (layer);

  return number (layer, 1, 0) == 0 && factor >= 1 && factor <= 64 ? NULL
      : "its factor or mode is not supported";
}

static void
build_pixel_shuffle (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  KilnNcnnValue *x = input (builder, layer, 0);
  KilnPixelShuffle shuffle = { pixel_shuffle_enlarges (layer) };
  KilnTensor *tensor = kiln_ncnn_value_force (&builder->place, x);

  tensor = kiln_graph_add (builder->place.graph, &kiln_pixel_shuffle_class,
      &shuffle, &tensor, 1);
  set_output (builder, layer, 0, kiln_ncnn_value (tensor,
          x->height * shuffle.factor, x->width * shuffle.factor));
}

static void
build_warp (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  KilnNcnnValue *x = input (builder, layer, 0);
  KilnNcnnValue *flow = input (builder, layer, 1);
  KilnWarp warp = { 0 };
  KilnTensor *inputs[2];

  if (flow->channels < 2) {
    fail (builder, layer, "its flow does not have two channels");
    return;
  }
  inputs[0] = kiln_ncnn_value_force (&builder->place, x);
  kiln_ncnn_value_unite (&builder->place, flow);
  if (flow->offset != 0)
    kiln_ncnn_value_force (&builder->place, flow);
  inputs[1] = flow->parts[0].tensor;
  warp.flow_first = flow->parts[0].first;
  warp.flow_scale = flow->scale;
  set_output (builder, layer, 0, kiln_ncnn_value (kiln_graph_add (builder->
              place.graph, &kiln_warp_class, &warp, inputs, 2), x->height,
          x->width));
}

/* ---- MemoryData: a vector */

static const char *
find_fault_data (const KilnNcnnLayer *layer)
{
  return number (layer, 0, 1) == 1 && number (layer, 1, 1) == 1
      && number (layer, 2, 0) >= 1 ? NULL : "it is more than a vector";
}

/* As high and wide as whatever it goes with. */
static void
build_data (KilnNcnnBuilder *builder, const KilnNcnnLayer *layer)
{
  set_output (builder, layer, 0, (KilnNcnnValue) {
        .data = weight_name (builder, layer->name, "data"),
        .channels = number (layer, 2, 0),
        .scale = 1 });
}

/* ---- */

#define BIT(i) (1u << (i))
#define CONVOLUTION_PARAMS (BIT (0) | BIT (1) | BIT (2) | BIT (3) | BIT (4) \
    | BIT (5) | BIT (6) | BIT (9) | BIT (10) | BIT (11) | BIT (12) \
    | BIT (13) | BIT (14) | BIT (15) | BIT (16))

static const KilnNcnnLayerClass classes[] = {
  /* What an Input may say of its size does not bind. */
  { "Input", 0, 1, BIT (0) | BIT (1) | BIT (2) },
  { "MemoryData", 0, 1, BIT (0) | BIT (1) | BIT (2), find_fault_data,
      build_data },
  /* Its copies are known before anything is built. */
  { "Split", 1, -1, 0 },
  { "Concat", -1, 1, BIT (0), find_fault_concat, build_concat },
  { "Slice", 1, -1, BIT (0) | BIT (1), find_fault_slice, build_slice },
  { "Crop", 1, 1, BIT (CROP_STARTS) | BIT (CROP_ENDS) | BIT (CROP_AXES),
      find_fault_crop, build_crop },
  { "Convolution", 1, 1, CONVOLUTION_PARAMS, find_fault_convolution,
      build_convolution, convolution_enlarges },
  { "Deconvolution", 1, 1, CONVOLUTION_PARAMS | BIT (18) | BIT (19),
      find_fault_convolution, build_deconvolution, deconvolution_enlarges },
  { "PReLU", 1, 1, BIT (0), NULL, build_prelu },
  { "ReLU", 1, 1, BIT (0), NULL, build_relu },
  { "Sigmoid", 1, 1, 0, NULL, build_sigmoid },
  { "Clip", 1, 1, BIT (0) | BIT (1), find_fault_clip, build_clip },
  { "BinaryOp", -1, 1, BIT (0) | BIT (1) | BIT (2), find_fault_binary,
      build_binary },
  { "Eltwise", 2, 1, BIT (0) | BIT (1), find_fault_eltwise, build_eltwise },
  { "Interp", 1, 1, BIT (0) | BIT (1) | BIT (2) | BIT (6), find_fault_interp,
      build_interp, interp_enlarges },
  { "PixelShuffle", 1, 1, BIT (0) | BIT (1), find_fault_pixel_shuffle,
      build_pixel_shuffle, pixel_shuffle_enlarges },
  { "rife.Warp", 2, 1, BIT (0), NULL, build_warp },
};

const KilnNcnnLayerClass *
kiln_ncnn_find_class (const char *type)
{
  for (guint i = 0; i < G_N_ELEMENTS (classes); i++)
    if (g_str_equal (type, classes[i].type))
      return &classes[i];
  return NULL;
}
