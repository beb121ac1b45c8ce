/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiles every variant of the kernels that the first device offers, and
 * says how long each took. A driver's own statistics tell the rest; Mesa's
 * compiles for AMD's cards where there is none (docs/kernels.md). */
#include "device/private.h"
#include "ops/attention.h"
#include "ops/matmul.h"
#include "ops/normalization.h"
#include "ops/variant.h"

typedef struct {
  const char *family;
  const KilnOpClass *klass;
} Family;

static const Family families[] = {
  { "matmul_linear", &kiln_matmul_class },
  { "matmul_conv2d", &kiln_matmul_class },
  { "matmul_temporal", &kiln_matmul_class },
  { "matmul_transposed", &kiln_matmul_class },
  { "attention", &kiln_attention_class },
  { "layer_norm", &kiln_layer_norm_class },
};

#define BLOCK_WIDTH 32

/* As the families' record() sets them for a plain product, and for heads of
 * 64 channels or as wide as the variant takes. */
static void
set_specs (KilnDispatch *dispatch, const Family *family,
    const KilnVariant *variant, const KilnDeviceInfo *info)
{
  guint32 *specs = dispatch->specs;

  if (family->klass == &kiln_matmul_class) {
    specs[5] = variant->rows;
    specs[6] = variant->columns;
    specs[7] = variant->depth;
    specs[8] = variant->slices ? BLOCK_WIDTH : info->matrix_rows;
    specs[9] = info->matrix_columns;
    specs[10] = info->matrix_depth;
    specs[11] = variant->subgroups;
    dispatch->n_specs = variant->subgroups ? 12 : variant->slices ? 9 : 8;
  } else if (family->klass == &kiln_attention_class) {
    specs[0] = variant->columns > 128 ? variant->columns / 4 : 16;
    specs[1] = variant->rows;
    specs[2] = variant->depth;
    specs[3] = info->matrix_rows;
    specs[4] = info->matrix_columns;
    specs[5] = info->matrix_depth;
    specs[6] = variant->subgroups;
    dispatch->n_specs = variant->subgroups ? 7 : 3;
  } else if (variant->group_size > 0) {
    specs[0] = variant->rows;
    dispatch->n_specs = 1;
  }
}

/* Not all take every family. */
static gboolean
has_shader (const Family *family, const KilnVariant *variant)
{
  return !variant->slices || g_str_equal (family->family, "matmul_linear")
      || g_str_equal (family->family, "matmul_conv2d");
}

static gboolean
compile (KilnDevice *device, const Family *family, const KilnVariant *variant,
    KilnType type)
{
  KilnDispatch dispatch = { 0 };
  g_autoptr (GError) error = NULL;
  gint64 start = g_get_monotonic_time ();
  gboolean is_new;

  kiln_variant_set_shader (variant, device, family->family, type, &dispatch);
  set_specs (&dispatch, family, variant, kiln_device_get_info (device));
  g_print ("%s, %s\n", dispatch.shader, variant->name);
  if (kiln_device_get_pipeline (device, &dispatch, &is_new, &error)
      == VK_NULL_HANDLE) {
    g_printerr ("%s\n", error->message);
    return FALSE;
  }
  g_print ("%.0f ms\n", (g_get_monotonic_time () - start) * 1e-3);
  return TRUE;
}

int
main (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KilnDevice) device = kiln_device_open (NULL, &error);
  gboolean ok = TRUE;

  if (device == NULL) {
    g_printerr ("%s\n", error->message);
    return 77;                  /* skipped */
  }
  g_print ("%s\n", kiln_device_get_info (device)->name);
  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    for (const KilnVariant *v = families[i].klass->variants; v->name; v++)
      for (KilnType type = KILN_F32; type <= KILN_F16; type++)
        if (kiln_variant_supports (v, device, type)
            && has_shader (&families[i], v))
          ok = compile (device, &families[i], v, type) && ok;
  return !ok;
}
