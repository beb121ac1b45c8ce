/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the plan foretells, a device then holds. */

#include <svd/svd.h>
#include <math.h>
#include <string.h>

#define FRAMES 5
#define CHUNK 3

typedef struct {
  SvdStageOptions options;
  guint width, height;
} Case;

/* Within 5 % of the plan, whose stage alone has used the device. */
static void
check (SvdDevice *device, const char *stage, const SvdPlan *plan)
{
  guint64 peak, planned = svd_plan_get_peak (plan);

  svd_device_get_allocated (device, &peak);
  g_test_message ("%s: planned %" G_GUINT64_FORMAT ", held %" G_GUINT64_FORMAT
      " bytes", stage, planned, peak);
  g_assert_cmpfloat ((double) peak, >, 0.95 * planned);
  g_assert_cmpfloat ((double) peak, <, 1.05 * planned);
}

static SvdDevice *
open_device (void)
{
  g_autoptr (GError) error = NULL;
  SvdDevice *device = svd_device_open (NULL, &error);

  g_assert_no_error (error);
  return device;
}

static void
encode (SvdModel *model, const Case *c, SvdConditioning *conditioning)
{
  g_autoptr (SvdDevice) device = open_device ();
  g_autofree guint8 *pixels = g_malloc0 (4 * c->width * c->height);
  const SvdPicture picture = { c->width, c->height, 4 * c->width, pixels };
  const SvdEncodeParams params = {
    .width = c->width, .height = c->height, .noise_aug_strength = -1
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdEncoder) encoder = svd_encoder_new (device, model,
      &c->options, NULL, NULL, NULL, &error);
  SvdPlan plan;

  g_assert_no_error (error);
  svd_encoder_encode (encoder, &picture, &params, conditioning, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (svd_encoder_plan (model, &c->options, c->width, c->height,
          &plan, &error));
  check (device, "encode", &plan);
}

static void
sample (SvdModel *model, const Case *c, const SvdConditioning *conditioning,
    SvdLatents *latents)
{
  g_autoptr (SvdDevice) device = open_device ();
  const SvdSampleParams params = {
    .num_frames = FRAMES, .steps = 1, .motion_bucket_id = -1,
    .min_guidance_scale = -1, .max_guidance_scale = -1
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdSampler) sampler = svd_sampler_new (device, model,
      &c->options, NULL, NULL, NULL, &error);
  SvdPlan plan;

  g_assert_no_error (error);
  svd_sampler_sample (sampler, conditioning, &params, NULL, NULL, latents,
      NULL, &error);
  g_assert_no_error (error);
  g_assert_true (svd_sampler_plan (model, &c->options, c->width, c->height,
          FRAMES, &plan, &error));
  check (device, "sample", &plan);
}

static gboolean
ignore_frame (guint index, guint width, guint height, const guint8 *pixels,
    gpointer user_data)
{
  return TRUE;
}

static void
decode (SvdModel *model, const Case *c, const SvdLatents *latents)
{
  g_autoptr (SvdDevice) device = open_device ();
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdDecoder) decoder = svd_decoder_new (device, model,
      &c->options, NULL, NULL, NULL, &error);
  SvdPlan plan;

  g_assert_no_error (error);
  svd_decoder_decode (decoder, latents, CHUNK, ignore_frame, NULL, NULL,
      &error);
  g_assert_no_error (error);
  g_assert_true (svd_decoder_plan (model, &c->options, c->width, c->height,
          FRAMES, CHUNK, &plan, &error));
  check (device, "decode", &plan);
}

static void
test_clip (gconstpointer data)
{
  const Case *c = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdModel) model = svd_model_open (NULL, &error);
  g_auto (SvdConditioning) conditioning = { 0 };
  g_auto (SvdLatents) latents = { 0 };

  g_assert_no_error (error);
  encode (model, c, &conditioning);
  sample (model, c, &conditioning, &latents);
  decode (model, c, &latents);
}

/* What cannot fit is refused with figures before it is allocated. */
static void
test_too_little (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdModel) model = svd_model_open (NULL, &error);
  g_autofree float *data = g_new0 (float, 16 * 16 * 16 * 8);
  const SvdLatents latents = { 16, 16, 16, 8, data };
  g_autoptr (SvdDevice) device = NULL;
  g_autoptr (SvdDecoder) decoder = NULL;
  const SvdStageOptions options = { SVD_PRECISION_FP16 };
  guint64 before, peak;

  g_assert_no_error (error);
  g_setenv ("KILN_MAX_MEMORY", "40000000", TRUE);
  device = open_device ();
  g_unsetenv ("KILN_MAX_MEMORY");
  decoder = svd_decoder_new (device, model, &options, NULL, NULL, NULL,
      &error);
  g_assert_no_error (error);
  before = svd_device_get_allocated (device, NULL);
  g_assert_false (svd_decoder_decode (decoder, &latents, 8, ignore_frame,
          NULL, NULL, &error));
  g_assert_error (error, SVD_ERROR, SVD_ERROR_OUT_OF_MEMORY);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, "fewer frames"));
  svd_device_get_allocated (device, &peak);
  g_assert_cmpuint (peak, <, before + 16 * 1024 * 1024);
  g_clear_error (&error);

  /* A frame at once fits. */
  g_assert_true (svd_decoder_decode (decoder, &latents, 1, ignore_frame,
          NULL, NULL, &error));
  g_assert_no_error (error);
}

/* Of eight frames, three together in the memory of three; no more is held. */
static void
test_chunks (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdModel) model = svd_model_open (NULL, &error);
  g_autofree float *data = g_new0 (float, 8 * 8 * 16 * 8);
  const SvdLatents latents = { 8, 8, 16, 8, data };
  SvdStageOptions options = { SVD_PRECISION_FP32 };
  g_autoptr (SvdDevice) device = open_device ();
  g_autoptr (SvdDecoder) decoder = NULL;
  SvdPlan plan;
  guint chunk;

  g_assert_no_error (error);
  g_assert_true (svd_decoder_plan (model, &options, 64, 64, 8, 3, &plan,
          &error));
  options.memory_budget = svd_plan_get_peak (&plan) + 1000;
  g_assert_true (svd_decoder_plan (model, &options, 64, 64, 8, 0, &plan,
          &error));
  g_assert_cmpuint (plan.decode_chunk_size, ==, 3);
  decoder = svd_decoder_new (device, model, &options, NULL, NULL, NULL,
      &error);
  g_assert_no_error (error);
  chunk = svd_decoder_choose_chunk_size (decoder, &latents, 0);
  g_assert_cmpuint (chunk, ==, 3);
  g_assert_true (svd_decoder_decode (decoder, &latents, chunk, ignore_frame,
          NULL, NULL, &error));
  check (device, "decode in chunks", &plan);
  g_assert_cmpuint (svd_decoder_choose_chunk_size (decoder, &latents, 0), ==,
      chunk);
  g_assert_false (svd_decoder_decode (decoder, &latents, chunk + 1,
          ignore_frame, NULL, NULL, &error));
  g_assert_error (error, SVD_ERROR, SVD_ERROR_OUT_OF_MEMORY);
}

/* A chunk's frames in the host's memory while the next is decoded, if there is
 * a next. */
static void
test_chunk_buffer (void)
{
  const guint64 frame = 1024 * 576 * 4 * sizeof (float);
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdModel) model = svd_model_open (NULL, &error);
  SvdPlan plan;

  g_assert_no_error (error);
  g_assert_true (svd_decoder_plan (model, NULL, 1024, 576, 9, 8, &plan,
          &error));
  g_assert_cmpuint (plan.staging, ==, 8 * frame);
  g_assert_true (svd_decoder_plan (model, NULL, 1024, 576, 8, 8, &plan,
          &error));
  g_assert_cmpuint (plan.staging, <, 8 * frame);
}

static SvdConditioning
wavy_conditioning (SvdModel *model, guint width, guint height)
{
  const SvdModelInfo *info = svd_model_get_info (model);
  SvdConditioning conditioning = {
    .width = width, .height = height, .channels = info->latent_channels,
    .embedding_size = info->embedding_size
  };
  gsize n = (gsize) width * height * info->latent_channels;

  conditioning.image_latents = g_new (float, n);
  conditioning.image_embedding = g_new (float, info->embedding_size);
  for (gsize i = 0; i < n; i++)
    conditioning.image_latents[i] = sin (i);
  for (gsize i = 0; i < info->embedding_size; i++)
    conditioning.image_embedding[i] = cos (i);
  return conditioning;
}

static void
sample_within (SvdModel *model, const SvdStageOptions *options,
    const SvdConditioning *conditioning, guint frames, SvdLatents *latents)
{
  g_autoptr (SvdDevice) device = open_device ();
  const SvdSampleParams params = {
    .num_frames = frames, .steps = 2, .motion_bucket_id = -1,
    .min_guidance_scale = 1, .max_guidance_scale = 3
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdSampler) sampler = svd_sampler_new (device, model, options,
      NULL, NULL, NULL, &error);
  guint factor = svd_model_get_info (model)->factor;
  SvdPlan plan;

  g_assert_no_error (error);
  svd_sampler_sample (sampler, conditioning, &params, NULL, NULL, latents,
      NULL, &error);
  g_assert_no_error (error);
  svd_sampler_plan (model, options, conditioning->width * factor,
      conditioning->height * factor, frames, &plan, &error);
  g_assert_no_error (error);
  g_test_message ("%" G_GUINT64_FORMAT " bytes of weights in host memory",
      plan.streamed);
  g_assert_cmpuint (svd_sampler_get_streamed (sampler), ==, plan.streamed);
  g_assert_cmpint (plan.streamed > 0, ==, options->memory_budget > 0);
  check (device, "sample", &plan);
}

/* With most weights in host memory the numbers are the same, bit for bit. */
static void
test_streaming (gconstpointer data)
{
  SvdStageOptions options = { GPOINTER_TO_INT (data) };
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdModel) model = svd_model_open (NULL, &error);
  g_auto (SvdConditioning) conditioning = wavy_conditioning (model, 8, 8);
  gsize n = 8 * 8 * conditioning.channels;
  g_auto (SvdLatents) resident = { 0 };
  g_auto (SvdLatents) streamed = { 0 };
  SvdPlan plan;

  g_assert_no_error (error);
  sample_within (model, &options, &conditioning, 3, &resident);
  g_assert_true (svd_sampler_plan (model, &options, 64, 64, 3, &plan, NULL));
  options.memory_budget = svd_plan_get_peak (&plan) / 2;
  sample_within (model, &options, &conditioning, 3, &streamed);
  g_assert_cmpmem (resident.data, 3 * n * sizeof (float), streamed.data,
      3 * n * sizeof (float));
}

typedef struct {
  SvdEncoder *encoder;
  SvdSampler *sampler;
  SvdDecoder *decoder;
} Stages;

/* Encodes, samples and decodes: 64×64, three frames. */
static void
make_clip (const Stages *stages, SvdLatents *latents)
{
  g_autofree guint8 *pixels = g_malloc0 (4 * 64 * 64);
  const SvdPicture picture = { 64, 64, 4 * 64, pixels };
  const SvdEncodeParams encode_params = { .width = 64, .height = 64 };
  const SvdSampleParams params = {
    .num_frames = 3, .steps = 1, .motion_bucket_id = -1,
    .min_guidance_scale = 1, .max_guidance_scale = 1
  };
  g_auto (SvdConditioning) conditioning = { 0 };
  g_autoptr (GError) error = NULL;

  svd_encoder_encode (stages->encoder, &picture, &encode_params,
      &conditioning, NULL, &error);
  g_assert_no_error (error);
  svd_sampler_sample (stages->sampler, &conditioning, &params, NULL, NULL,
      latents, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (svd_sampler_get_streamed (stages->sampler), ==, 0);
  g_assert_cmpuint (svd_decoder_choose_chunk_size (stages->decoder, latents,
          0), ==, 3);
  svd_decoder_decode (stages->decoder, latents, 3, ignore_frame, NULL, NULL,
      &error);
  g_assert_no_error (error);
}

/* Three stages in the memory of the largest: each has the others give theirs
 * back, so that none has to do with less. */
static void
test_turns (void)
{
  SvdStageOptions options = { SVD_PRECISION_FP32 };
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdModel) model = svd_model_open (NULL, &error);
  g_autoptr (SvdDevice) device = open_device ();
  g_auto (SvdLatents) first = { 0 };
  g_auto (SvdLatents) second = { 0 };
  SvdPlan plans[3];
  Stages stages;
  guint64 peak;

  g_assert_no_error (error);
  g_assert_true (svd_encoder_plan (model, &options, 64, 64, &plans[0], NULL));
  g_assert_true (svd_sampler_plan (model, &options, 64, 64, 3, &plans[1],
          NULL));
  g_assert_true (svd_decoder_plan (model, &options, 64, 64, 3, 0, &plans[2],
          NULL));
  for (guint i = 0; i < 3; i++)
    options.memory_budget =
        MAX (options.memory_budget, svd_plan_get_peak (&plans[i]));

  stages.encoder = svd_encoder_new (device, model, &options, NULL, NULL, NULL,
      &error);
  g_assert_no_error (error);
  stages.sampler = svd_sampler_new (device, model, &options, NULL, NULL, NULL,
      &error);
  g_assert_no_error (error);
  stages.decoder = svd_decoder_new (device, model, &options, NULL, NULL, NULL,
      &error);
  g_assert_no_error (error);
  make_clip (&stages, &first);
  make_clip (&stages, &second);
  g_assert_cmpmem (first.data, 3 * 64 * first.channels * sizeof (float),
      second.data, 3 * 64 * second.channels * sizeof (float));
  svd_device_get_allocated (device, &peak);
  g_test_message ("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes",
      peak, options.memory_budget);
  g_assert_cmpuint (peak, <=, options.memory_budget);
  svd_encoder_free (stages.encoder);
  svd_sampler_free (stages.sampler);
  svd_decoder_free (stages.decoder);
  g_assert_cmpuint (svd_device_get_allocated (device, NULL), ==, 0);
}

static void
test_parse_budget (void)
{
  static const struct {
    const char *text;
    guint64 bytes;
  } rows[] = {
    { NULL, 0 }, { "", 0 }, { "123", 123 }, { "4GB", 4000000000 },
    { "3500 MB", 3500000000 }, { "1.5gib", 3ull << 29 }, { "8kB", 8000 },
  };
  static const char *const bad[] = {
    "0", "-1", "x", "4 G B", "4XB", "nan", "1e30GB", "0%", "101%", "%", "0.1B"
  };
  g_autoptr (SvdDevice) device = open_device ();
  guint64 bytes, half;

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_assert_true (svd_memory_budget_parse (rows[i].text, NULL, &bytes, NULL));
    g_assert_cmpuint (bytes, ==, rows[i].bytes);
  }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (svd_memory_budget_parse (bad[i], device, &bytes, &error));
    g_assert_error (error, SVD_ERROR, SVD_ERROR_ARGUMENT);
    g_assert_nonnull (strstr (error->message, bad[i]));
  }
  g_assert_false (svd_memory_budget_parse ("50%", NULL, &bytes, NULL));
  g_assert_true (svd_memory_budget_parse ("50%", device, &half, NULL));
  g_assert_true (svd_memory_budget_parse ("100%", device, &bytes, NULL));
  g_assert_cmpuint (half, ==, bytes / 2);
}

int
main (int argc, char **argv)
{
  static const Case small = { { SVD_PRECISION_FP32 }, 128, 96 };
  static const Case large = { { SVD_PRECISION_FP16 }, 192, 128 };

  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/memory/fp32", &small, test_clip);
  g_test_add_data_func ("/memory/fp16", &large, test_clip);
  g_test_add_func ("/memory/too-little", test_too_little);
  g_test_add_func ("/memory/chunks", test_chunks);
  g_test_add_func ("/memory/chunk-buffer", test_chunk_buffer);
  g_test_add_data_func ("/memory/streaming/fp32",
      GINT_TO_POINTER (SVD_PRECISION_FP32), test_streaming);
  g_test_add_data_func ("/memory/streaming/fp16",
      GINT_TO_POINTER (SVD_PRECISION_FP16), test_streaming);
  g_test_add_func ("/memory/turns", test_turns);
  g_test_add_func ("/memory/parse-budget", test_parse_budget);
  return g_test_run ();
}
