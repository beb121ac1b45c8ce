/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks.h"

#include "../../src/models/clip-vision.h"
#include "../../src/models/spatiotemporal-unet.h"
#include "../../src/models/temporal-vae.h"

void
checkpoint_init (Checkpoint *self, const char *name, KilnDevice *device,
    KilnType type)
{
  g_autoptr (GError) error = NULL;

  self->golden = golden_open (name);
  self->files = svd_model_files_open (golden_get_model_path (self->golden),
      &error);
  g_assert_no_error (error);
  self->column =
      g_strdup_printf ("%s %s", name, type == KILN_F16 ? "f16" : "f32");
  self->device = kiln_device_ref (device);
  self->type = type;
  self->store = kiln_weight_store_new (device);
}

void
checkpoint_clear (Checkpoint *self)
{
  g_clear_pointer (&self->store, kiln_weight_store_free);
  g_clear_pointer (&self->device, kiln_device_unref);
  g_clear_pointer (&self->column, g_free);
  g_clear_pointer (&self->files, svd_model_files_unref);
  g_clear_pointer (&self->golden, golden_free);
}

static KilnScope
root (const Checkpoint *self, SvdPart part)
{
  g_autoptr (GError) error = NULL;
  KilnWeightSource *source =
      svd_model_files_get_source (self->files, part, FALSE, &error);

  g_assert_no_error (error);
  return kiln_scope_root (source);
}

/* ---- Networks */

static Net *
new_net (const Checkpoint *self)
{
  Net *net = net_new (self->device, self->type);

  net_share_weights (net, self->store);
  return net;
}

Net *
build_unet (const Checkpoint *self, const UnetCase *inputs)
{
  const SvdUnetConfig *config =
      svd_model_files_get_unet_config (self->files, NULL);
  KilnScope scope = root (self, SVD_PART_UNET);
  Net *net = new_net (self);
  g_autofree float *numbers = g_new (float, inputs->frames);
  SvdUnetInputs tensors;

  for (guint i = 0; i < inputs->frames; i++)
    numbers[i] = i;
  tensors = (SvdUnetInputs) {
    .sample = net_planes (net, "sample", inputs->frames, inputs->height,
        inputs->width, inputs->channels, inputs->sample),
    .timestep = net_vector (net, "timestep", 1, inputs->timestep),
    .added_time_ids = net_vector (net, "ids", 3, inputs->ids),
    .frames = net_vector (net, "numbers", inputs->frames, numbers),
    .context = kiln_convert (net->graph, net_vector (net, "context",
            config->cross_attention_dim[0], inputs->context), self->type),
  };
  net_output (net, "out", svd_unet (net->graph, &scope, config, &tensors));
  return net;
}

Net *
build_clip (const Checkpoint *self, const float *pixels)
{
  const SvdClipConfig *config =
      svd_model_files_get_clip_config (self->files, NULL);
  KilnScope scope = root (self, SVD_PART_IMAGE_ENCODER);
  Net *net = new_net (self);
  KilnTensor *x = net_planes (net, "pixels", 1, config->image_size,
      config->image_size, 3, pixels);

  net_output (net, "embedding",
      svd_clip_vision (net->graph, &scope, config, x));
  return net;
}

Net *
build_vae_encoder (const Checkpoint *self, guint32 height, guint32 width,
    const float *pixels)
{
  const SvdVaeConfig *config =
      svd_model_files_get_vae_config (self->files, NULL);
  KilnScope scope = root (self, SVD_PART_VAE);
  Net *net = new_net (self);
  KilnTensor *x = net_planes (net, "pixels", 1, height, width, 3, pixels);

  net_output (net, "moments", svd_vae_encode (net->graph, &scope, config, x));
  return net;
}

Net *
build_vae_decoder (const Checkpoint *self, guint32 frames, guint32 height,
    guint32 width, const float *z)
{
  const SvdVaeConfig *config =
      svd_model_files_get_vae_config (self->files, NULL);
  KilnScope scope = root (self, SVD_PART_VAE);
  Net *net = new_net (self);
  KilnTensor *x = net_planes (net, "z", frames, height, width,
      config->latent_channels, z);

  net_output (net, "frames", svd_vae_decode (net->graph, &scope, config, x));
  return net;
}

/* ---- Of the goldens' inputs */

Net *
build_golden_unet (const Checkpoint *self, guint n)
{
  Golden *golden = self->golden;
  const KilnSafetensorsEntry *entry =
      golden_entry (golden, "unet/case.%u/sample", n);
  const guint64 *shape = entry->info.shape;
  g_autofree float *sample = golden_floats (entry, NULL);
  g_autofree float *timestep = golden_floats (golden_entry (golden,
          "unet/case.%u/timestep", n), NULL);
  g_autofree float *ids = golden_floats (golden_entry (golden,
          "unet/case.%u/added_time_ids", n), NULL);
  g_autofree float *context = golden_floats (golden_entry (golden,
          "unet/case.%u/encoder_hidden_states", n), NULL);

  return build_unet (self, &(UnetCase) {
        .frames = shape[1], .channels = shape[2], .height = shape[3],
        .width = shape[4], .sample = sample, .timestep = timestep,
        .ids = ids, .context = context });
}

Net *
build_golden_clip (const Checkpoint *self)
{
  g_autofree float *pixels = golden_floats (golden_entry (self->golden,
          "clip/pixel_values"), NULL);

  return build_clip (self, pixels);
}

Net *
build_golden_vae_encoder (const Checkpoint *self)
{
  const KilnSafetensorsEntry *entry =
      golden_entry (self->golden, "vae_encode/picture");
  g_autofree float *pixels = golden_floats (entry, NULL);

  return build_vae_encoder (self, entry->info.shape[2], entry->info.shape[3],
      pixels);
}

Net *
build_golden_vae_decoder (const Checkpoint *self)
{
  const KilnSafetensorsEntry *entry =
      golden_entry (self->golden, "vae_decode/z");
  const guint64 *shape = entry->info.shape;
  g_autofree float *z = golden_floats (entry, NULL);

  return build_vae_decoder (self, shape[0], shape[2], shape[3], z);
}
