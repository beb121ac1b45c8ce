/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each network by itself against diffusers, on the goldens' own inputs. */
#include "measure.h"
#include "networks.h"

typedef struct {
  const char *checkpoint;
  KilnType type;
} Variant;

static KilnDevice *device;

static double
bound (const Checkpoint *checkpoint, double f32, double f16)
{
  return checkpoint->type == KILN_F16 ? f16 : f32;
}

static void
compare (const Checkpoint *checkpoint, const char *stage,
    const float *values, const float *expected, gsize n, double f32,
    double f16)
{
  measure_error (stage, checkpoint->column, relative_l2 (values, expected, n),
      bound (checkpoint, f32, f16));
}

static void
test_unet (gconstpointer data)
{
  const Variant *variant = data;
  g_auto (Checkpoint) checkpoint = { 0 };

  checkpoint_init (&checkpoint, variant->checkpoint, device, variant->type);
  for (guint i = 0; i < 3; i++) {
    g_autoptr (Net) net = build_golden_unet (&checkpoint, i);
    g_autofree char *stage = g_strdup_printf ("UNet, case %u", i);
    g_autofree float *values = NULL, *expected = NULL;
    gsize n;

    net_run (net);
    values = net_read_planes (net, "out");
    expected = golden_floats (golden_entry (checkpoint.golden,
            "unet/case.%u/out", i), &n);
    compare (&checkpoint, stage, values, expected, n, 3e-5, 8e-3);
  }
}

/* The first step of the whole run: the unconditional pass, which sees
 * zeros for the embedding, and the conditional one. */
static void
test_unet_passes (gconstpointer data)
{
  static const char *const stages[] = {
    "UNet, unconditional", "UNet, conditional"
  };
  const Variant *variant = data;
  g_auto (Checkpoint) checkpoint = { 0 };
  g_autofree float *embedding = NULL, *none = NULL, *sample = NULL;
  g_autofree float *expected = NULL, *timesteps = NULL;
  const KilnSafetensorsEntry *input;
  float ids[3];
  gsize n_embedding, n_sample, n_out;
  Golden *golden;

  checkpoint_init (&checkpoint, variant->checkpoint, device, variant->type);
  golden = checkpoint.golden;
  ids[0] = golden_number (golden, "guided", "fps") - 1;
  ids[1] = golden_number (golden, "guided", "motion_bucket_id");
  ids[2] = golden_number (golden, "guided", "noise_aug_strength");
  input = golden_entry (golden, "guided/unet_input.0");
  sample = golden_floats (input, &n_sample);
  expected = golden_floats (golden_entry (golden, "guided/unet_output.0"),
      &n_out);
  timesteps = golden_floats (golden_entry (golden, "guided/timesteps"), NULL);
  embedding = golden_floats (golden_entry (golden, "guided/image_embedding"),
      &n_embedding);
  none = g_new0 (float, n_embedding);
  for (guint i = 0; i < 2; i++) {
    const guint64 *shape = input->info.shape;
    g_autoptr (Net) net = build_unet (&checkpoint, &(UnetCase) {
          .frames = shape[1], .channels = shape[2], .height = shape[3],
          .width = shape[4], .sample = sample + i * n_sample / 2,
          .timestep = timesteps, .ids = ids,
          .context = i ? embedding : none });
    g_autofree float *values = NULL;

    net_run (net);
    values = net_read_planes (net, "out");
    compare (&checkpoint, stages[i], values, expected + i * n_out / 2,
        n_out / 2, 3e-5, 8e-3);
  }
}

static void
test_clip (gconstpointer data)
{
  const Variant *variant = data;
  g_auto (Checkpoint) checkpoint = { 0 };
  g_autoptr (Net) net = NULL;
  g_autofree float *values = NULL, *expected = NULL;
  gsize n;

  checkpoint_init (&checkpoint, variant->checkpoint, device, variant->type);
  net = build_golden_clip (&checkpoint);
  net_run (net);
  values = net_read_planes (net, "embedding");
  expected = golden_floats (golden_entry (checkpoint.golden,
          "clip/image_embeds"), &n);
  compare (&checkpoint, "CLIP", values, expected, n, 3e-5, 4e-3);
}

static void
test_vae_encoder (gconstpointer data)
{
  const Variant *variant = data;
  g_auto (Checkpoint) checkpoint = { 0 };
  g_autoptr (Net) net = NULL;
  g_autofree float *values = NULL, *expected = NULL;
  gsize n;

  checkpoint_init (&checkpoint, variant->checkpoint, device, variant->type);
  net = build_golden_vae_encoder (&checkpoint);
  net_run (net);
  /* Means first; the goldens leave out the variances. */
  values = net_read_planes (net, "moments");
  expected = golden_floats (golden_entry (checkpoint.golden,
          "vae_encode/mode"), &n);
  compare (&checkpoint, "VAE encoder, mode", values, expected, n, 3e-5, 7e-3);
}

static void
test_vae_decoder (gconstpointer data)
{
  const Variant *variant = data;
  g_auto (Checkpoint) checkpoint = { 0 };
  g_autoptr (Net) net = NULL;
  g_autofree float *values = NULL, *expected = NULL;
  gsize n;

  checkpoint_init (&checkpoint, variant->checkpoint, device, variant->type);
  net = build_golden_vae_decoder (&checkpoint);
  net_run (net);
  values = net_read_planes (net, "frames");
  expected = golden_floats (golden_entry (checkpoint.golden,
          "vae_decode/frames"), &n);
  compare (&checkpoint, "VAE decoder", values, expected, n, 3e-5, 5e-3);
}

/* Two frames at once: temporal layers do not see across the edges. */
static void
test_vae_decoder_chunks (gconstpointer data)
{
  const Variant *variant = data;
  g_auto (Checkpoint) checkpoint = { 0 };
  const KilnSafetensorsEntry *entry;
  g_autofree float *z = NULL, *expected = NULL, *values = NULL;
  gsize n_z, n, frames;

  checkpoint_init (&checkpoint, variant->checkpoint, device, variant->type);
  entry = golden_entry (checkpoint.golden, "vae_decode/z");
  frames = entry->info.shape[0];
  z = golden_floats (entry, &n_z);
  expected = golden_floats (golden_entry (checkpoint.golden,
          "vae_decode/frames_chunk_2"), &n);
  values = g_new (float, n);
  for (guint i = 0; i < frames; i += 2) {
    guint n_chunk = MIN (2, frames - i);
    g_autoptr (Net) net = build_vae_decoder (&checkpoint, n_chunk,
        entry->info.shape[2], entry->info.shape[3], z + i * n_z / frames);
    g_autofree float *chunk = NULL;

    net_run (net);
    chunk = net_read_planes (net, "frames");
    memcpy (values + i * n / frames, chunk,
        n_chunk * n / frames * sizeof *values);
  }
  compare (&checkpoint, "VAE decoder, chunks of 2", values, expected, n, 3e-5,
      5e-3);
}

/* What comes out of a whole run's decoder, before clamping and rounding. */
static void
test_decoded (gconstpointer data)
{
  const Variant *variant = data;
  g_auto (Checkpoint) checkpoint = { 0 };
  const SvdVaeConfig *config;
  const KilnSafetensorsEntry *entry;
  g_autoptr (Net) net = NULL;
  g_autofree float *z = NULL, *values = NULL, *expected = NULL;
  gsize n_z, n;

  checkpoint_init (&checkpoint, variant->checkpoint, device, variant->type);
  config = svd_model_files_get_vae_config (checkpoint.files, NULL);
  entry = golden_entry (checkpoint.golden, "guided/latents");
  z = golden_floats (entry, &n_z);
  for (gsize i = 0; i < n_z; i++)
    z[i] /= config->scaling_factor;
  net = build_vae_decoder (&checkpoint, entry->info.shape[1],
      entry->info.shape[3], entry->info.shape[4], z);
  net_run (net);
  values = net_read_planes (net, "frames");
  expected = golden_floats (golden_entry (checkpoint.golden,
          "guided/decoded"), &n);
  compare (&checkpoint, "VAE decoder, guided run", values, expected, n, 3e-5,
      5e-3);
  /* From [−1, 1] to pictures' [0, 1]. */
  for (gsize i = 0; i < n; i++) {
    values[i] = CLAMP (values[i] / 2 + 0.5f, 0, 1);
    expected[i] = CLAMP (expected[i] / 2 + 0.5f, 0, 1);
  }
  measure_psnr ("VAE decoder, guided run, as pictures", checkpoint.column,
      psnr_floats (values, expected, n), bound (&checkpoint, 75, 50));
}

static void
add (const char *what, const Variant *variant, GTestDataFunc func)
{
  g_autofree char *path = g_strdup_printf ("/networks/%s/%s/%s",
      variant->checkpoint, variant->type == KILN_F16 ? "f16" : "f32", what);

  g_test_add_data_func (path, variant, func);
}

static void
add_all (const Variant *variant)
{
  add ("clip", variant, test_clip);
  add ("vae-encoder", variant, test_vae_encoder);
  add ("unet", variant, test_unet);
  add ("unet-passes", variant, test_unet_passes);
  add ("vae-decoder", variant, test_vae_decoder);
  add ("vae-decoder-chunks", variant, test_vae_decoder_chunks);
  add ("decoded", variant, test_decoded);
}

int
main (int argc, char **argv)
{
  static const Variant variants[] = {
    { "alpha", KILN_F32 }, { "beta", KILN_F32 }, { "gamma", KILN_F32 },
    { "alpha", KILN_F16 }, { "beta", KILN_F16 }, { "gamma", KILN_F16 },
  };
  static const Variant full_size[] = {
    { "svd-xt", KILN_F32 }, { "svd-xt", KILN_F16 }
  };
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  device = kiln_device_open (NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (variants); i++)
    add_all (&variants[i]);
  /* "tests/run full-size" asks for these. */
  for (guint i = 0; i < G_N_ELEMENTS (full_size) && g_test_slow (); i++)
    add_all (&full_size[i]);
  result = g_test_run ();
  measure_print_table ();
  kiln_device_unref (device);
  return result;
}
