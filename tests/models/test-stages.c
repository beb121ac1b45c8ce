/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library's verbs against whole runs of diffusers' pipeline: each by
 * itself on the golden of the one before, then all three in a row. */
#include <svd/svd.h>

#include "../../src/graph/program.h"
#include "golden.h"
#include "measure.h"

/* One run of the goldens at one precision. */
typedef struct {
  const char *checkpoint;
  const char *run;              /* "guided", "plain" or "sigmas" */
  SvdPrecision precision;
  SvdGuidance guidance;
} Case;

typedef struct {
  const Case *what;
  char *column;
  Golden *golden;
  SvdModel *model;
} Run;

/* What may be off: issue 3's bounds for fp32 and fp16. */
typedef struct {
  double f32, f16;
} Bounds;

static const Bounds embedding_bounds = { 3e-5, 4e-3 };
static const Bounds image_latents_bounds = { 3e-5, 7e-3 };
static const Bounds latents_bounds = { 2e-4, 1e-2 };
static const Bounds frames_bounds = { 75, 50 };

static SvdDevice *device;

static void
run_init (Run *self, const Case *what)
{
  g_autoptr (GError) error = NULL;

  self->what = what;
  self->column = g_strdup_printf ("%s %s", what->checkpoint,
      what->precision == SVD_PRECISION_FP16 ? "f16" : "f32");
  self->golden = golden_open (what->checkpoint);
  self->model = svd_model_open (golden_get_model_path (self->golden), &error);
  g_assert_no_error (error);
}

static void
run_clear (Run *self)
{
  svd_model_unref (self->model);
  golden_free (self->golden);
  g_free (self->column);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Run, run_clear)

static const KilnSafetensorsEntry *
entry (const Run *self, const char *key)
{
  return golden_entry (self->golden, "%s/%s", self->what->run, key);
}

static double
number (const Run *self, const char *member)
{
  return golden_number (self->golden, self->what->run, member);
}

static double
bound (const Run *self, const Bounds *bounds)
{
  return self->what->precision == SVD_PRECISION_FP16 ? bounds->f16
      : bounds->f32;
}

static void
compare (const Run *self, const char *stage, const char *key,
    const float *values, const Bounds *bounds)
{
  g_autofree char *name = g_strdup_printf ("%s: %s", self->what->run, stage);
  g_autofree float *expected = NULL;
  gsize n;

  expected = golden_floats (entry (self, key), &n);
  measure_error (name, self->column, relative_l2 (values, expected, n),
      bound (self, bounds));
}

/* ---- Encoding */

/* R, G, B and a byte that is to be ignored. */
static guint8 *
read_picture (const Run *self, SvdPicture *picture)
{
  const KilnSafetensorsEntry *rgb = entry (self, "picture");
  gsize n = rgb->info.shape[0] * rgb->info.shape[1];
  guint8 *pixels = g_malloc (4 * n);

  g_assert_cmpstr (rgb->dtype, ==, "U8");
  for (gsize i = 0; i < n; i++) {
    memcpy (pixels + 4 * i, rgb->info.data + 3 * i, 3);
    pixels[4 * i + 3] = i;
  }
  *picture = (SvdPicture) {
    .height = rgb->info.shape[0], .width = rgb->info.shape[1],
    .stride = 4 * rgb->info.shape[1], .pixels = pixels
  };
  return pixels;
}

static void
encode (const Run *self, SvdConditioning *conditioning)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdEncoder) encoder = svd_encoder_new (device, self->model,
      &(SvdStageOptions) { self->what->precision }, NULL, NULL, NULL, &error);
  const SvdEncodeParams params = {
    .width = number (self, "width"),
    .height = number (self, "height"),
    .fit = SVD_FIT_STRETCH,
    .noise_aug_strength = number (self, "noise_aug_strength"),
    .seed = number (self, "seed"),
  };
  SvdPicture picture;
  g_autofree guint8 *pixels = read_picture (self, &picture);

  g_assert_no_error (error);
  svd_encoder_encode (encoder, &picture, &params, conditioning, NULL, &error);
  g_assert_no_error (error);
}

static void
test_encode (gconstpointer data)
{
  g_auto (Run) self = { 0 };
  g_auto (SvdConditioning) conditioning = { 0 };

  run_init (&self, data);
  encode (&self, &conditioning);
  compare (&self, "image embedding", "image_embedding",
      conditioning.image_embedding, &embedding_bounds);
  compare (&self, "image latents", "image_latents",
      conditioning.image_latents, &image_latents_bounds);
}

/* ---- Sampling */

/* The run's own sigmas; NULL where it follows the model's schedule. */
static double *
get_sigmas (const Run *self, guint *n)
{
  g_autofree float *sigmas = NULL;
  double *given;
  gsize n_sigmas;

  *n = 0;
  if (strcmp (self->what->run, "sigmas") != 0)
    return NULL;
  sigmas = golden_floats (entry (self, "sigmas"), &n_sigmas);
  given = g_new (double, n_sigmas);
  for (gsize i = 0; i < n_sigmas; i++)
    given[i] = sigmas[i];
  *n = n_sigmas;
  return given;
}

static void
sample (const Run *self, const SvdConditioning *conditioning,
    SvdLatents *latents)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdSampler) sampler = svd_sampler_new (device, self->model,
      &(SvdStageOptions) { self->what->precision }, NULL, NULL, NULL, &error);
  guint n_sigmas;
  g_autofree double *sigmas = get_sigmas (self, &n_sigmas);
  const SvdSampleParams params = {
    .num_frames = number (self, "num_frames"),
    .steps = number (self, "num_inference_steps"),
    .sigmas = sigmas,
    .n_sigmas = n_sigmas,
    .fps = number (self, "fps"),
    .motion_bucket_id = number (self, "motion_bucket_id"),
    .guidance = self->what->guidance,
    .min_guidance_scale = number (self, "min_guidance_scale"),
    .max_guidance_scale = number (self, "max_guidance_scale"),
    .seed = number (self, "seed"),
  };

  g_assert_no_error (error);
  svd_sampler_sample (sampler, conditioning, &params, NULL, NULL, latents,
      NULL, &error);
  g_assert_no_error (error);
}

static SvdConditioning
read_conditioning (const Run *self)
{
  const guint64 *shape = entry (self, "image_latents")->info.shape;
  gsize n_embedding;
  float *embedding = golden_floats (entry (self, "image_embedding"),
      &n_embedding);

  return (SvdConditioning) {
    .channels = shape[1], .height = shape[2], .width = shape[3],
    .image_latents = golden_floats (entry (self, "image_latents"), NULL),
    .embedding_size = n_embedding, .image_embedding = embedding,
    .noise_aug_strength = number (self, "noise_aug_strength"),
  };
}

static void
test_sample (gconstpointer data)
{
  g_auto (Run) self = { 0 };
  g_auto (SvdConditioning) conditioning = { 0 };
  g_auto (SvdLatents) latents = { 0 };

  run_init (&self, data);
  conditioning = read_conditioning (&self);
  sample (&self, &conditioning, &latents);
  compare (&self, "sampled latents", "latents", latents.data,
      &latents_bounds);
}

/* The linker puts this in front of kiln_program_run(). */
static guint n_programs_run;

gboolean __real_kiln_program_run (KilnProgram *program,
    GCancellable *cancellable, GError **error);
gboolean __wrap_kiln_program_run (KilnProgram *program,
    GCancellable *cancellable, GError **error);

gboolean
__wrap_kiln_program_run (KilnProgram *program, GCancellable *cancellable,
    GError **error)
{
  n_programs_run++;
  return __real_kiln_program_run (program, cancellable, error);
}

/* A step runs the UNet with the picture, without it where there is guidance,
 * and Euler's step. */
static void
test_passes (void)
{
  static const struct {
    SvdGuidance guidance;
    double min, max;
    guint n_programs;
  } cases[] = {
    { SVD_GUIDANCE_LINEAR, 1, 3, 3 },
    { SVD_GUIDANCE_LINEAR, 1, 1, 2 },
    { SVD_GUIDANCE_TRIANGULAR, 0.5, 1, 2 },
    { SVD_GUIDANCE_CONSTANT, 3, 1, 2 },
    { SVD_GUIDANCE_CONSTANT, 1, 3, 3 },
  };
  const Case what = { "gamma", "sigmas", SVD_PRECISION_FP32 };
  g_autoptr (GError) error = NULL;
  g_auto (Run) self = { 0 };
  g_auto (SvdConditioning) conditioning = { 0 };
  g_autoptr (SvdSampler) sampler = NULL;

  run_init (&self, &what);
  conditioning = read_conditioning (&self);
  sampler = svd_sampler_new (device, self.model,
      &(SvdStageOptions) { what.precision }, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (SvdLatents) latents = { 0 };
    const SvdSampleParams params = {
      .num_frames = 3, .steps = 2, .guidance = cases[i].guidance,
      .min_guidance_scale = cases[i].min, .max_guidance_scale = cases[i].max,
    };

    n_programs_run = 0;
    svd_sampler_sample (sampler, &conditioning, &params, NULL, NULL, &latents,
        NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (n_programs_run, ==, 2 * cases[i].n_programs);
  }
}

/* ---- Decoding */

typedef struct {
  guint8 *frames;               /* RGB */
  guint n_frames;
} Clip;

static gboolean
collect_frame (guint index, guint width, guint height, const guint8 *pixels,
    gpointer user_data)
{
  Clip *clip = user_data;
  gsize n = (gsize) width * height;
  guint8 *frame;

  g_assert_cmpuint (index, ==, clip->n_frames);
  clip->frames = g_realloc (clip->frames, (index + 1) * n * 3);
  frame = clip->frames + index * n * 3;
  for (gsize i = 0; i < n; i++) {
    memcpy (frame + 3 * i, pixels + 4 * i, 3);
    g_assert_cmpuint (pixels[4 * i + 3], ==, 255);
  }
  clip->n_frames++;
  return TRUE;
}

static void
decode (const Run *self, const SvdLatents *latents, const char *stage)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdDecoder) decoder = svd_decoder_new (device, self->model,
      &(SvdStageOptions) { self->what->precision }, NULL, NULL, NULL, &error);
  const KilnSafetensorsEntry *expected = entry (self, "frames_u8");
  g_autofree char *name = g_strdup_printf ("%s: %s", self->what->run, stage);
  Clip clip = { 0 };

  g_assert_no_error (error);
  svd_decoder_decode (decoder, latents, number (self, "decode_chunk_size"),
      collect_frame, &clip, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (clip.n_frames, ==, expected->info.shape[0]);
  measure_psnr (name, self->column, psnr_bytes (clip.frames,
          expected->info.data, expected->info.size),
      bound (self, &frames_bounds));
  g_free (clip.frames);
}

static void
test_decode (gconstpointer data)
{
  g_auto (Run) self = { 0 };
  g_auto (SvdLatents) latents = { 0 };
  const guint64 *shape;

  run_init (&self, data);
  shape = entry (&self, "latents")->info.shape;
  latents = (SvdLatents) {
    .frames = shape[1], .channels = shape[2], .height = shape[3],
    .width = shape[4],
    .data = golden_floats (entry (&self, "latents"), NULL),
  };
  decode (&self, &latents, "decoded frames");
}

/* ---- All three */

static void
test_whole (gconstpointer data)
{
  g_auto (Run) self = { 0 };
  g_auto (SvdConditioning) conditioning = { 0 };
  g_auto (SvdLatents) latents = { 0 };

  run_init (&self, data);
  encode (&self, &conditioning);
  sample (&self, &conditioning, &latents);
  compare (&self, "final latents", "latents", latents.data, &latents_bounds);
  decode (&self, &latents, "final frames");
}

static void
add (const char *what, const Case *test, GTestDataFunc func)
{
  g_autofree char *path = g_strdup_printf ("/stages/%s/%s/%s/%s",
      test->checkpoint,
      test->precision == SVD_PRECISION_FP16 ? "f16" : "f32", test->run, what);

  g_test_add_data_func (path, test, func);
}

static void
add_all (const Case *test)
{
  add ("encode", test, test_encode);
  add ("sample", test, test_sample);
  add ("decode", test, test_decode);
  add ("whole", test, test_whole);
}

int
main (int argc, char **argv)
{
  static const char *const checkpoints[] = { "alpha", "beta", "gamma" };
  static const char *const runs[] = { "guided", "plain" };
  /* As tools/golden/specs.py has it, a checkpoint each. */
  static const SvdGuidance curves[] = {
    SVD_GUIDANCE_LINEAR, SVD_GUIDANCE_TRIANGULAR, SVD_GUIDANCE_CONSTANT
  };
  static const Case full_size[] = {
    { "svd-xt", "guided", SVD_PRECISION_FP32 },
    { "svd-xt", "plain", SVD_PRECISION_FP32 },
    { "svd-xt", "guided", SVD_PRECISION_FP16 },
    { "svd-xt", "plain", SVD_PRECISION_FP16 },
  };
  static Case cases[2 * 3 * 2], sigmas[2 * 3];
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  device = svd_device_open (NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    cases[i] = (Case) {
      checkpoints[i / 2 % 3], runs[i % 2],
      i < 6 ? SVD_PRECISION_FP32 : SVD_PRECISION_FP16
    };
    add_all (&cases[i]);
  }
  for (guint i = 0; i < G_N_ELEMENTS (sigmas); i++) {
    sigmas[i] = (Case) {
      checkpoints[i % 3], "sigmas",
      i < 3 ? SVD_PRECISION_FP32 : SVD_PRECISION_FP16, curves[i % 3]
    };
    add ("sample", &sigmas[i], test_sample);
  }
  /* "tests/run full-size" asks for these. */
  for (guint i = 0; i < G_N_ELEMENTS (full_size) && g_test_slow (); i++)
    add_all (&full_size[i]);
  g_test_add_func ("/stages/passes", test_passes);
  result = g_test_run ();
  measure_print_table ();
  svd_device_unref (device);
  return result;
}
