/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-svdsample
 * @title: svdsample
 * @see_also: #svdencode, #svddecode, #svdbin
 *
 * The second stage of Stable Video Diffusion, and the longest: makes the
 * latents of a clip out of noise and the conditioning from #svdencode.
 *
 * Each step posts a progress message of the code "sample", whose structure
 * has the fields step, steps and percent. While the weights are loaded, before
 * the first clip, messages of the code "load" have the field percent. Which seed a clip was made from is
 * said by an element message "svd-seed" and a tag of the same name. Where
 * #GstSvdSample:seed is -1 and #svdencode has drawn one for the picture, that
 * one is used, so that a single number repeats the clip.
 *
 * #GstSvdSample:sigmas replaces the model's schedule as diffusers' argument of
 * that name does. Ten steps that were optimised for the published checkpoints
 * (Align Your Steps, Sabour et al. 2024) are
 * `sigmas="<700,54.5,15.886,7.977,4.248,1.789,0.981,0.403,0.173,0.034,0.002>"`.
 *
 * #GstSvdSample:guidance says how the scale of classifier-free guidance goes
 * from #GstSvdSample:min-guidance-scale to #GstSvdSample:max-guidance-scale
 * over the frames i = 0 to n - 1: linear, min + (max - min) i / (n - 1);
 * triangular, min + (max - min) (1 - |1 - 2 i / (n - 1)|), as SV3D's, for
 * clips that end where they begin; constant, max. Where no frame's scale is
 * above 1, the model runs once a step instead of twice.
 *
 * Where the memory of the device, or #GstSvdSample:memory-budget, does not
 * suffice for all weights, some stay in the host's memory and are copied in
 * every step. That takes longer, and a warning tells how many bytes they are.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=conditioning.bin blocksize=16644 ! 'other/tensors,format=static,num_tensors=3,types=(string)float32.float32.float32,dimensions=(string)16:16:16.64.1' ! svdsample ! filesink location=latents.bin
 * ]|
 * Makes a clip's latents from a stored conditioning.
 */

#include "gstsvdsample.h"

#include "gstsvdcaps.h"
#include "gstsvdprogress.h"
#include "gstsvdseed.h"

GST_DEBUG_CATEGORY_STATIC (gst_svd_sample_debug);
#define GST_CAT_DEFAULT gst_svd_sample_debug

#define PROGRESS_CODE "sample"

struct _GstSvdSample
{
  GstSvdStage parent;

  /* Under the stream lock. */
  GstSvdTensor tensors[GST_SVD_CONDITIONING_TENSORS];
  gboolean loading;             /* has been posted to have started */
  guint64 streamed;             /* bytes of weights, as posted last */
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_SVD_CONDITIONING_CAPS));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_SVD_LATENTS_CAPS));

G_DEFINE_TYPE_WITH_CODE (GstSvdSample, gst_svd_sample, GST_TYPE_SVD_STAGE,
    GST_DEBUG_CATEGORY_INIT (gst_svd_sample_debug, "svdsample", 0,
        "Conditioning to latents"));
GST_ELEMENT_REGISTER_DEFINE (svdsample, "svdsample", GST_RANK_NONE,
    GST_TYPE_SVD_SAMPLE);

static gpointer
gst_svd_sample_load (GstSvdStage * stage, const SvdStageOptions * options,
    GCancellable * cancellable, GError ** error)
{
  return svd_sampler_new (gst_svd_stage_get_device (stage),
      gst_svd_stage_get_model (stage), options, gst_svd_stage_post_load,
      stage, cancellable, error);
}

static gboolean
gst_svd_sample_check_weights (GstSvdStage * stage,
    const SvdStageOptions * options, GError ** error)
{
  return svd_sampler_check (gst_svd_stage_get_device (stage),
      gst_svd_stage_get_model (stage), options, error);
}

static void
gst_svd_sample_unload (gpointer worker)
{
  svd_sampler_free (worker);
}

static gboolean
gst_svd_sample_check (GstSvdStage * stage, const GstSvdSettings * settings,
    GError ** error)
{
  SvdSampleParams params = gst_svd_settings_get_sample_params (settings, 0);

  return svd_sample_params_check (&params, error);
}

static gboolean
gst_svd_sample_set_caps (GstSvdStage * stage, GstCaps * caps, GError ** error)
{
  GstSvdSample *self = GST_SVD_SAMPLE (stage);
  const SvdModelInfo *info =
      svd_model_get_info (gst_svd_stage_get_model (stage));
  const guint *latents = self->tensors[0].dims;
  const guint *embedding = self->tensors[1].dims;
  gint fps_n, fps_d;

  if (!gst_svd_tensors_from_caps (self->tensors, G_N_ELEMENTS (self->tensors),
          &fps_n, &fps_d, caps, error))
    return FALSE;

  if (latents[2] == info->latent_channels && latents[3] == 1
      && gst_svd_tensor_get_size (&self->tensors[1]) / sizeof (gfloat)
      == info->embedding_size
      && gst_svd_tensor_get_size (&self->tensors[2]) == sizeof (gfloat))
    return TRUE;

  g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
      "The conditioning has dimensions %u:%u:%u:%u and %u where this model "
      "needs width:height:%u:1 and %u: use the model that made it.",
      latents[0], latents[1], latents[2], latents[3], embedding[0],
      info->latent_channels, info->embedding_size);
  return FALSE;
}

static void
describe (GstSvdTensor * tensor, const guint * image_latents, guint frames)
{
  *tensor = (GstSvdTensor) {
    {image_latents[0], image_latents[1], image_latents[2], frames}
  };
}

static GstCaps *
gst_svd_sample_get_caps (GstSvdStage * stage, const GstSvdSettings * settings,
    GError ** error)
{
  GstSvdSample *self = GST_SVD_SAMPLE (stage);
  SvdModel *model = gst_svd_stage_get_model (stage);
  GstSvdTensor tensor;

  describe (&tensor, self->tensors[0].dims,
      gst_svd_settings_get_num_frames (settings, model));

  return gst_svd_tensors_to_caps (&tensor, 1,
      (gint) gst_svd_settings_get_fps (settings, model), 1);
}

/* A view of the numbers, not to be cleared. */
static SvdConditioning
view_conditioning (const GstSvdSample * self, gfloat * data)
{
  const GstSvdTensor *tensors = self->tensors;
  gfloat *embedding = data
      + gst_svd_tensor_get_size (&tensors[0]) / sizeof (gfloat);
  gsize embedding_size =
      gst_svd_tensor_get_size (&tensors[1]) / sizeof (gfloat);

  return (SvdConditioning) {
    .width = tensors[0].dims[0],
    .height = tensors[0].dims[1],
    .channels = tensors[0].dims[2],
    .image_latents = data,
    .embedding_size = (guint) embedding_size,
    .image_embedding = embedding,
    .noise_aug_strength = embedding[embedding_size],
  };
}

/* Once for each number of bytes. */
static void
warn_of_streaming (GstSvdSample * self)
{
  guint64 streamed = svd_sampler_get_streamed
      (gst_svd_stage_get_worker (GST_SVD_STAGE (self)));
  g_autofree gchar *size = g_format_size (streamed);

  if (streamed > 0 && streamed != self->streamed)
    GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS,
        ("There is no memory on the device for all weights: %s stay in the "
            "host's and are copied in every step, which takes longer; a "
            "smaller size, fewer frames or precision=fp16 need less.", size),
        (NULL));
  self->streamed = streamed;
}

static void
end_load (GstSvdSample * self, const GError * error)
{
  if (self->loading)
    gst_svd_progress_post_end (GST_ELEMENT (self), "load", "Loaded the model",
        error);
  self->loading = FALSE;
}

/* Where there is little memory, weights are loaded for the clip's size. */
static void
post_load (GstSvdSample * self, guint64 done, guint64 total)
{
  if (!self->loading)
    gst_svd_progress_post (GST_ELEMENT (self), GST_PROGRESS_TYPE_START, "load",
        "Loading the model");
  self->loading = TRUE;
  gst_svd_stage_post_load ("load", done, total, self);
  if (done == total)
    end_load (self, NULL);
}

static void
post_step (const char *phase, guint64 done, guint64 total, gpointer user_data)
{
  if (g_str_equal (phase, "load"))
    post_load (user_data, done, total);
  else if (done == 0)
    /* The start has been posted already. */
    warn_of_streaming (user_data);
  else
    gst_svd_progress_post_step (user_data, GST_PROGRESS_TYPE_CONTINUE,
        PROGRESS_CODE, (guint) done, (guint) total);
}

static GstBuffer *
make_buffer (const SvdLatents * latents, GstBuffer * conditioning)
{
  GstSvdTensor tensor = { {latents->width, latents->height, latents->channels,
          latents->frames}
  };
  GstBuffer *buffer = gst_buffer_new ();

  gst_svd_tensor_append (&tensor, latents->data, buffer);
  gst_buffer_copy_into (buffer, conditioning, GST_BUFFER_COPY_FLAGS
      | GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  return buffer;
}

static GstFlowReturn
gst_svd_sample_process (GstSvdStage * stage, GstBuffer * buffer,
    const GstSvdSettings * settings, GCancellable * cancellable,
    GError ** error)
{
  GstSvdSample *self = GST_SVD_SAMPLE (stage);
  GstElement *element = GST_ELEMENT (stage);
  GstPad *srcpad = gst_svd_stage_get_src_pad (stage);
  SvdModel *model = gst_svd_stage_get_model (stage);
  g_autofree gfloat *data = NULL;
  g_auto (SvdLatents) latents = { 0, };
  guint64 seed = gst_svd_seed_choose (settings->seed, buffer);
  SvdSampleParams params = gst_svd_settings_get_sample_params (settings, seed);
  SvdConditioning conditioning;
  GError *sample_error = NULL;

  data = gst_svd_tensors_read (self->tensors, G_N_ELEMENTS (self->tensors),
      buffer, error);
  if (data == NULL)
    return GST_FLOW_ERROR;

  gst_svd_seed_report (element, srcpad, settings->seed, seed);
  gst_svd_progress_post_step (element, GST_PROGRESS_TYPE_START, PROGRESS_CODE,
      0, gst_svd_settings_get_steps (settings, model));

  conditioning = view_conditioning (self, data);
  svd_sampler_sample (gst_svd_stage_get_worker (stage), &conditioning, &params,
      post_step, element, &latents, cancellable, &sample_error);
  end_load (self, sample_error);
  gst_svd_progress_post_end (element, PROGRESS_CODE, "Made the clip's latents",
      sample_error);
  if (sample_error != NULL) {
    g_propagate_error (error, sample_error);
    return GST_FLOW_ERROR;
  }

  return gst_pad_push (srcpad, make_buffer (&latents, buffer));
}

static void
gst_svd_sample_init (GstSvdSample * self)
{
}

static void
gst_svd_sample_class_init (GstSvdSampleClass * klass)
{
  GstSvdStageClass *stage_class = GST_SVD_STAGE_CLASS (klass);

  stage_class->load = gst_svd_sample_load;
  stage_class->unload = gst_svd_sample_unload;
  stage_class->check_weights = gst_svd_sample_check_weights;
  stage_class->check = gst_svd_sample_check;
  stage_class->set_caps = gst_svd_sample_set_caps;
  stage_class->get_caps = gst_svd_sample_get_caps;
  stage_class->process = gst_svd_sample_process;

  gst_svd_stage_class_install (stage_class,
      GST_SVD_PROPERTIES_MODEL | GST_SVD_PROPERTIES_SAMPLE
      | GST_SVD_PROPERTIES_SEED,
      &sink_template, &src_template);
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass),
      "Stable Video Diffusion sampler", "Filter/Video",
      "Makes the latents of a clip out of noise and a picture's conditioning",
      "gst-svd contributors");
}
