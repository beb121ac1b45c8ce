/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An ncnn network from anywhere: text, a zero byte, and its weights. It must
 * end in a network with its weights or an error, whatever the bytes. */

#include <string.h>

#include "../../src/weights/ncnn-weights.h"
#include "fuzz.h"

static const char *const suffixes[] = { "weight", "bias", "slope", "data" };

/* Every byte that the reader hands out must be there to be read. */
static void
read_all (const KilnNcnnNet *net, KilnWeightSource *source)
{
  G_GNUC_UNUSED volatile guint8 sum = 0;

  for (guint i = 0; i < kiln_ncnn_net_get_n_layers (net); i++)
    for (guint j = 0; j < G_N_ELEMENTS (suffixes); j++) {
      g_autofree char *name = g_strconcat (
          kiln_ncnn_net_get_layer (net, i)->name, ".", suffixes[j], NULL);
      KilnWeightInfo info;

      if (source->find (source, name, &info))
        for (gsize k = 0; k < info.size; k++)
          sum += info.data[k];
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const uint8_t *zero = size ? memchr (data, 0, size) : NULL;
  gsize length = zero ? (gsize) (zero - data) : size;
  gsize rest = zero ? length + 1 : size;
  g_autoptr (GBytes) bytes = g_bytes_new (data + rest, size - rest);
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnNcnnWeights) weights = NULL;
  g_autoptr (KilnNcnnNet) net =
      kiln_ncnn_net_parse ((const char *) data, length, "input", &error);

  if (net)
    weights = kiln_ncnn_weights_new_from_bytes (net, bytes, "input", &error);
  g_assert_true ((weights == NULL) == (error != NULL));
  if (weights)
    read_all (net, kiln_ncnn_weights_as_source (weights));
  return 0;
}
