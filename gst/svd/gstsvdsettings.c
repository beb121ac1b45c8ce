/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsvdsettings.h"

/* The model and the device are opened when going to PAUSED. */
#define READY_FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | \
    GST_PARAM_MUTABLE_READY)

/* The rest counts from the next picture. */
#define PLAYING_FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | \
    GST_PARAM_MUTABLE_PLAYING)

/* Of video, whose frames have a time that a control source may look at. */
#define CONTROLLABLE_FLAGS (PLAYING_FLAGS | GST_PARAM_CONTROLLABLE)

#define DEFAULT_PRECISION SVD_PRECISION_AUTO
#define DEFAULT_SEED -1
#define DEFAULT_FIT SVD_FIT_CROP
#define DEFAULT_NOISE_AUG_STRENGTH 0.02
#define DEFAULT_STEPS 25
#define DEFAULT_FPS 7
#define DEFAULT_GUIDANCE SVD_GUIDANCE_LINEAR
#define DEFAULT_MOTION_BUCKET_ID 127
#define DEFAULT_MIN_GUIDANCE_SCALE 1.0
#define DEFAULT_MAX_GUIDANCE_SCALE 3.0
#define DEFAULT_METHOD GST_VID_INTERP_METHOD_AUTO
#define DEFAULT_SLOWDOWN 1.0
#define DEFAULT_SCENE_THRESHOLD 0.5
#define DEFAULT_DUPLICATE_THRESHOLD 0.01

GType
gst_svd_fit_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {SVD_FIT_CROP, "Cut what is too much, centred", "crop"},
    {SVD_FIT_PAD, "Add black borders, centred", "pad"},
    {SVD_FIT_STRETCH, "Change the aspect ratio", "stretch"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstSvdFit", values));

  return (GType) type;
}

GType
gst_svd_precision_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {SVD_PRECISION_AUTO, "fp32 on software devices, fp16 on others", "auto"},
    {SVD_PRECISION_FP32, "Store everything as 32-bit floats", "fp32"},
    {SVD_PRECISION_FP16, "Store as 16-bit floats, add up in 32", "fp16"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstSvdPrecision", values));

  return (GType) type;
}

GType
gst_svd_guidance_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {SVD_GUIDANCE_LINEAR, "Smallest in the first frame, largest in the last",
        "linear"},
    {SVD_GUIDANCE_TRIANGULAR, "Smallest at both ends, largest in the middle",
        "triangular"},
    {SVD_GUIDANCE_CONSTANT, "Largest in every frame", "constant"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstSvdGuidance", values));

  return (GType) type;
}

GType
gst_vid_interp_method_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {GST_VID_INTERP_METHOD_AUTO, "rife on graphics cards, flow on software devices", "auto"},
    {GST_VID_INTERP_METHOD_RIFE, "The network RIFE", "rife"},
    {GST_VID_INTERP_METHOD_FLOW, "Dense optical flow", "flow"},
    {GST_VID_INTERP_METHOD_BLEND, "Weighted mean of the two frames", "blend"},
    {GST_VID_INTERP_METHOD_DUPLICATE, "Repeat the earlier frame", "duplicate"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstVidInterpMethod", values));

  return (GType) type;
}

static void
install_model (GObjectClass * klass)
{
  g_object_class_install_property (klass, GST_SVD_PROP_MODEL,
      g_param_spec_string ("model", "Model",
          "Path of the model's folder or .safetensors file, or the repository "
          "at Hugging Face that it was downloaded from, or svd, svd-xt or "
          "svd-xt-1-1 (not set: the small model that comes with the plugin)",
          NULL, READY_FLAGS));

  g_object_class_install_property (klass, GST_SVD_PROP_MEMORY_BUDGET,
      g_param_spec_string ("memory-budget", "Memory budget",
          "The most memory that the elements which share the device may hold "
          "there together, by turns if need be: a size as 4GB, 3500MB or 2GiB, or a share of the "
          "device's memory as 50%; where it is short, svddecode decodes fewer "
          "frames together and svdsample leaves weights in the host's memory, "
          "which takes longer (not set: what is free)", NULL, READY_FLAGS));
}

static void
install_stage (GObjectClass * klass)
{
  g_object_class_install_property (klass, GST_SVD_PROP_DEVICE,
      g_param_spec_string ("device", "Device",
          "Vulkan device: its index, a part of its name or its UUID "
          "(not set: the best there is)", NULL, READY_FLAGS));

  g_object_class_install_property (klass, GST_SVD_PROP_PRECISION,
      g_param_spec_enum ("precision", "Precision",
          "How numbers are stored on the device",
          GST_TYPE_SVD_PRECISION, DEFAULT_PRECISION, READY_FLAGS));
}

static void
install_seed (GObjectClass * klass)
{
  g_object_class_install_property (klass, GST_SVD_PROP_SEED,
      g_param_spec_int64 ("seed", "Seed",
          "Seed of the noise; the same seed and settings repeat a clip "
          "(-1: draw one for each clip and report it)",
          -1, G_MAXINT64, DEFAULT_SEED, PLAYING_FLAGS));
}

static void
install_encode (GObjectClass * klass)
{
  g_object_class_install_property (klass, GST_SVD_PROP_WIDTH,
      g_param_spec_uint ("width", "Width",
          "Width of the clip in pixels, a multiple of the model's factor, "
          "which is 8 as a rule (0: the model's own)",
          0, GST_SVD_MAX_SIZE, 0, PLAYING_FLAGS));

  g_object_class_install_property (klass, GST_SVD_PROP_HEIGHT,
      g_param_spec_uint ("height", "Height",
          "Height of the clip in pixels, a multiple of the model's factor, "
          "which is 8 as a rule (0: the model's own)",
          0, GST_SVD_MAX_SIZE, 0, PLAYING_FLAGS));

  g_object_class_install_property (klass, GST_SVD_PROP_FIT,
      g_param_spec_enum ("fit", "Fit",
          "How a picture of another aspect ratio becomes width x height",
          GST_TYPE_SVD_FIT, DEFAULT_FIT, PLAYING_FLAGS));

  g_object_class_install_property (klass, GST_SVD_PROP_NOISE_AUG_STRENGTH,
      g_param_spec_double ("noise-aug-strength", "Noise augmentation strength",
          "How much noise is added to the picture; more noise means more "
          "motion and less likeness (not set: what the model recommends)",
          0.0, 10.0, DEFAULT_NOISE_AUG_STRENGTH, PLAYING_FLAGS));
}

static void
install_sample (GObjectClass * klass)
{
  g_object_class_install_property (klass, GST_SVD_PROP_NUM_FRAMES,
      g_param_spec_uint ("num-frames", "Number of frames",
          "Frames of a clip (0: what the model was made for)",
          0, 1024, 0, PLAYING_FLAGS));

  g_object_class_install_property (klass, GST_SVD_PROP_STEPS,
      g_param_spec_uint ("steps", "Steps",
          "Denoising steps; more take longer and look better "
          "(not set: what the model recommends)",
          1, 1000, DEFAULT_STEPS, PLAYING_FLAGS));

  g_object_class_install_property (klass, GST_SVD_PROP_SIGMAS,
      gst_param_spec_array ("sigmas", "Sigmas",
          "Noise levels to step through, descending, instead of the model's "
          "own: one step leads from each to the next, so that they are one "
          "more than the steps, which do not count then (empty: none)",
          g_param_spec_double ("sigma", "Sigma", "A noise level",
              0.0, G_MAXFLOAT, 0.0, PLAYING_FLAGS), PLAYING_FLAGS));

  g_object_class_install_property (klass, GST_SVD_PROP_FPS,
      g_param_spec_uint ("fps", "Frames per second",
          "Frames a second of the clip, which the model is told too "
          "(not set: what the model recommends)",
          1, 1000, DEFAULT_FPS, PLAYING_FLAGS));

  g_object_class_install_property (klass, GST_SVD_PROP_MOTION_BUCKET_ID,
      g_param_spec_uint ("motion-bucket-id", "Motion bucket",
          "How much moves (not set: what the model recommends)",
          0, 1023, DEFAULT_MOTION_BUCKET_ID, PLAYING_FLAGS));

  g_object_class_install_property (klass, GST_SVD_PROP_GUIDANCE,
      g_param_spec_enum ("guidance", "Guidance",
          "How the guidance scale goes over the frames",
          GST_TYPE_SVD_GUIDANCE, DEFAULT_GUIDANCE, PLAYING_FLAGS));

  g_object_class_install_property (klass, GST_SVD_PROP_MIN_GUIDANCE_SCALE,
      g_param_spec_double ("min-guidance-scale", "Smallest guidance scale",
          "How closely the clip follows the picture where it does least: in "
          "the first frame, as a rule (not set: what the model recommends)",
          0.0, 100.0, DEFAULT_MIN_GUIDANCE_SCALE, PLAYING_FLAGS));

  g_object_class_install_property (klass, GST_SVD_PROP_MAX_GUIDANCE_SCALE,
      g_param_spec_double ("max-guidance-scale", "Largest guidance scale",
          "How closely the clip follows the picture where it does most: in "
          "the last frame, as a rule; both at 1 or less turn guidance off "
          "and take half the time (not set: what the model recommends)",
          0.0, 100.0, DEFAULT_MAX_GUIDANCE_SCALE, PLAYING_FLAGS));
}

static void
install_decode (GObjectClass * klass)
{
  g_object_class_install_property (klass, GST_SVD_PROP_DECODE_CHUNK_SIZE,
      g_param_spec_uint ("decode-chunk-size", "Decode chunk size",
          "Frames decoded together; fewer need less memory and flicker more "
          "(0: all at once; not set: what the model recommends)",
          0, 1024, 0, PLAYING_FLAGS));
}

static void
install_interpolate (GObjectClass * klass)
{
  g_object_class_install_property (klass, GST_SVD_PROP_MODEL,
      g_param_spec_string ("model", "Model",
          "Folder with flownet.param and flownet.bin of a RIFE network, "
          "version 4 or later (not set: RIFE 4.26, which comes with the "
          "plugin)", NULL, READY_FLAGS));

  g_object_class_install_property (klass, GST_SVD_PROP_METHOD,
      g_param_spec_enum ("method", "Method",
          "How frames between frames are made",
          GST_TYPE_VID_INTERP_METHOD, DEFAULT_METHOD, CONTROLLABLE_FLAGS));

  g_object_class_install_property (klass, GST_SVD_PROP_SLOWDOWN,
      g_param_spec_double ("slowdown", "Slowdown",
          "How many times as long the video shall last (2: half speed)",
          0.01, 100.0, DEFAULT_SLOWDOWN, CONTROLLABLE_FLAGS));

  g_object_class_install_property (klass, GST_SVD_PROP_SCENE_THRESHOLD,
      g_param_spec_double ("scene-threshold", "Scene threshold",
          "How surely two frames are of different scenes, from 0 to 1, above "
          "which the first is repeated (1: never)",
          0.0, 1.0, DEFAULT_SCENE_THRESHOLD, CONTROLLABLE_FLAGS));

  g_object_class_install_property (klass, GST_SVD_PROP_DUPLICATE_THRESHOLD,
      g_param_spec_double ("duplicate-threshold", "Duplicate threshold",
          "Mean difference, as a share of white, in the part of two frames "
          "that differs most, below which they are the same: motion is spread "
          "over up to two that repeat the one before, more go through "
          "(0: never)",
          0.0, 1.0, DEFAULT_DUPLICATE_THRESHOLD, CONTROLLABLE_FLAGS));
}

void
gst_svd_settings_install (GObjectClass * klass, GstSvdProperties groups)
{
  if (groups & GST_SVD_PROPERTIES_MODEL)
    install_model (klass);
  if (groups & GST_SVD_PROPERTIES_STAGE)
    install_stage (klass);
  if (groups & GST_SVD_PROPERTIES_ENCODE)
    install_encode (klass);
  if (groups & GST_SVD_PROPERTIES_SAMPLE)
    install_sample (klass);
  if (groups & GST_SVD_PROPERTIES_SEED)
    install_seed (klass);
  if (groups & GST_SVD_PROPERTIES_DECODE)
    install_decode (klass);
  if (groups & GST_SVD_PROPERTIES_INTERPOLATE)
    install_interpolate (klass);
}

void
gst_svd_settings_init (GstSvdSettings * settings)
{
  *settings = (GstSvdSettings) {
    .precision = DEFAULT_PRECISION,
    .seed = DEFAULT_SEED,
    .fit = DEFAULT_FIT,
    .noise_aug_strength = DEFAULT_NOISE_AUG_STRENGTH,
    .steps = DEFAULT_STEPS,
    .fps = DEFAULT_FPS,
    .guidance = DEFAULT_GUIDANCE,
    .motion_bucket_id = DEFAULT_MOTION_BUCKET_ID,
    .min_guidance_scale = DEFAULT_MIN_GUIDANCE_SCALE,
    .max_guidance_scale = DEFAULT_MAX_GUIDANCE_SCALE,
    .method = DEFAULT_METHOD,
    .slowdown = DEFAULT_SLOWDOWN,
    .scene_threshold = DEFAULT_SCENE_THRESHOLD,
    .duplicate_threshold = DEFAULT_DUPLICATE_THRESHOLD,
  };
}

void
gst_svd_settings_copy (GstSvdSettings * to, const GstSvdSettings * from)
{
  *to = *from;
  to->model = g_strdup (from->model);
  to->device = g_strdup (from->device);
  to->memory_budget = g_strdup (from->memory_budget);
  to->sigmas = from->sigmas != NULL ? g_array_ref (from->sigmas) : NULL;
}

void
gst_svd_settings_clear (GstSvdSettings * settings)
{
  g_clear_pointer (&settings->model, g_free);
  g_clear_pointer (&settings->device, g_free);
  g_clear_pointer (&settings->memory_budget, g_free);
  g_clear_pointer (&settings->sigmas, g_array_unref);
}

gboolean
gst_svd_settings_was_set (const GstSvdSettings * settings,
    GstSvdProperty property)
{
  return (settings->was_set & (1u << property)) != 0;
}

static void
set_string (gchar ** string, const GValue * value)
{
  g_free (*string);
  *string = g_value_dup_string (value);
}

/* A new array each time: copies of the settings share the old one. */
static void
set_sigmas (GArray ** sigmas, const GValue * value)
{
  guint n = gst_value_array_get_size (value);

  g_clear_pointer (sigmas, g_array_unref);
  if (n == 0)
    return;

  *sigmas = g_array_sized_new (FALSE, FALSE, sizeof (gdouble), n);
  for (guint i = 0; i < n; i++) {
    gdouble sigma = g_value_get_double (gst_value_array_get_value (value, i));

    g_array_append_val (*sigmas, sigma);
  }
}

static void
get_sigmas (const GArray * sigmas, GValue * value)
{
  GValue sigma = G_VALUE_INIT;

  g_value_init (&sigma, G_TYPE_DOUBLE);
  for (guint i = 0; sigmas != NULL && i < sigmas->len; i++) {
    g_value_set_double (&sigma, g_array_index (sigmas, gdouble, i));
    gst_value_array_append_value (value, &sigma);
  }
  g_value_unset (&sigma);
}

gboolean
gst_svd_settings_set (GstSvdSettings * self, guint id, const GValue * value)
{
  switch ((GstSvdProperty) id) {
    case GST_SVD_PROP_MODEL:
      set_string (&self->model, value);
      break;
    case GST_SVD_PROP_DEVICE:
      set_string (&self->device, value);
      break;
    case GST_SVD_PROP_PRECISION:
      self->precision = g_value_get_enum (value);
      break;
    case GST_SVD_PROP_MEMORY_BUDGET:
      set_string (&self->memory_budget, value);
      break;
    case GST_SVD_PROP_SEED:
      self->seed = g_value_get_int64 (value);
      break;
    case GST_SVD_PROP_WIDTH:
      self->width = g_value_get_uint (value);
      break;
    case GST_SVD_PROP_HEIGHT:
      self->height = g_value_get_uint (value);
      break;
    case GST_SVD_PROP_FIT:
      self->fit = g_value_get_enum (value);
      break;
    case GST_SVD_PROP_NOISE_AUG_STRENGTH:
      self->noise_aug_strength = g_value_get_double (value);
      break;
    case GST_SVD_PROP_NUM_FRAMES:
      self->num_frames = g_value_get_uint (value);
      break;
    case GST_SVD_PROP_STEPS:
      self->steps = g_value_get_uint (value);
      break;
    case GST_SVD_PROP_SIGMAS:
      set_sigmas (&self->sigmas, value);
      break;
    case GST_SVD_PROP_FPS:
      self->fps = g_value_get_uint (value);
      break;
    case GST_SVD_PROP_MOTION_BUCKET_ID:
      self->motion_bucket_id = g_value_get_uint (value);
      break;
    case GST_SVD_PROP_GUIDANCE:
      self->guidance = g_value_get_enum (value);
      break;
    case GST_SVD_PROP_MIN_GUIDANCE_SCALE:
      self->min_guidance_scale = g_value_get_double (value);
      break;
    case GST_SVD_PROP_MAX_GUIDANCE_SCALE:
      self->max_guidance_scale = g_value_get_double (value);
      break;
    case GST_SVD_PROP_DECODE_CHUNK_SIZE:
      self->decode_chunk_size = g_value_get_uint (value);
      break;
    case GST_SVD_PROP_METHOD:
      self->method = g_value_get_enum (value);
      break;
    case GST_SVD_PROP_SLOWDOWN:
      self->slowdown = g_value_get_double (value);
      break;
    case GST_SVD_PROP_SCENE_THRESHOLD:
      self->scene_threshold = g_value_get_double (value);
      break;
    case GST_SVD_PROP_DUPLICATE_THRESHOLD:
      self->duplicate_threshold = g_value_get_double (value);
      break;
    default:
      return FALSE;
  }

  self->was_set |= 1u << id;
  return TRUE;
}

gboolean
gst_svd_settings_get (const GstSvdSettings * self, guint id, GValue * value)
{
  switch ((GstSvdProperty) id) {
    case GST_SVD_PROP_MODEL:
      g_value_set_string (value, self->model);
      break;
    case GST_SVD_PROP_DEVICE:
      g_value_set_string (value, self->device);
      break;
    case GST_SVD_PROP_PRECISION:
      g_value_set_enum (value, self->precision);
      break;
    case GST_SVD_PROP_MEMORY_BUDGET:
      g_value_set_string (value, self->memory_budget);
      break;
    case GST_SVD_PROP_SEED:
      g_value_set_int64 (value, self->seed);
      break;
    case GST_SVD_PROP_WIDTH:
      g_value_set_uint (value, self->width);
      break;
    case GST_SVD_PROP_HEIGHT:
      g_value_set_uint (value, self->height);
      break;
    case GST_SVD_PROP_FIT:
      g_value_set_enum (value, self->fit);
      break;
    case GST_SVD_PROP_NOISE_AUG_STRENGTH:
      g_value_set_double (value, self->noise_aug_strength);
      break;
    case GST_SVD_PROP_NUM_FRAMES:
      g_value_set_uint (value, self->num_frames);
      break;
    case GST_SVD_PROP_STEPS:
      g_value_set_uint (value, self->steps);
      break;
    case GST_SVD_PROP_SIGMAS:
      get_sigmas (self->sigmas, value);
      break;
    case GST_SVD_PROP_FPS:
      g_value_set_uint (value, self->fps);
      break;
    case GST_SVD_PROP_MOTION_BUCKET_ID:
      g_value_set_uint (value, self->motion_bucket_id);
      break;
    case GST_SVD_PROP_GUIDANCE:
      g_value_set_enum (value, self->guidance);
      break;
    case GST_SVD_PROP_MIN_GUIDANCE_SCALE:
      g_value_set_double (value, self->min_guidance_scale);
      break;
    case GST_SVD_PROP_MAX_GUIDANCE_SCALE:
      g_value_set_double (value, self->max_guidance_scale);
      break;
    case GST_SVD_PROP_DECODE_CHUNK_SIZE:
      g_value_set_uint (value, self->decode_chunk_size);
      break;
    case GST_SVD_PROP_METHOD:
      g_value_set_enum (value, self->method);
      break;
    case GST_SVD_PROP_SLOWDOWN:
      g_value_set_double (value, self->slowdown);
      break;
    case GST_SVD_PROP_SCENE_THRESHOLD:
      g_value_set_double (value, self->scene_threshold);
      break;
    case GST_SVD_PROP_DUPLICATE_THRESHOLD:
      g_value_set_double (value, self->duplicate_threshold);
      break;
    default:
      return FALSE;
  }

  return TRUE;
}

void
gst_svd_settings_get_size (const GstSvdSettings * self, SvdModel * model,
    guint * width, guint * height)
{
  const SvdModelInfo *info = svd_model_get_info (model);

  *width = self->width > 0 ? self->width : info->width;
  *height = self->height > 0 ? self->height : info->height;
}

guint
gst_svd_settings_get_num_frames (const GstSvdSettings * self, SvdModel * model)
{
  return self->num_frames > 0 ? self->num_frames
      : svd_model_get_info (model)->num_frames;
}

guint
gst_svd_settings_get_steps (const GstSvdSettings * self, SvdModel * model)
{
  if (self->sigmas != NULL)
    return self->sigmas->len - 1;

  return gst_svd_settings_was_set (self, GST_SVD_PROP_STEPS) ? self->steps
      : svd_model_get_info (model)->steps;
}

guint
gst_svd_settings_get_fps (const GstSvdSettings * self, SvdModel * model)
{
  return gst_svd_settings_was_set (self, GST_SVD_PROP_FPS) ? self->fps
      : svd_model_get_info (model)->fps;
}

guint
gst_svd_settings_get_decode_chunk_size (const GstSvdSettings * self,
    SvdModel * model)
{
  return gst_svd_settings_was_set (self, GST_SVD_PROP_DECODE_CHUNK_SIZE)
      ? self->decode_chunk_size : svd_model_get_info (model)->decode_chunk_size;
}

SvdEncodeParams
gst_svd_settings_get_encode_params (const GstSvdSettings * self,
    SvdModel * model, guint64 seed)
{
  SvdEncodeParams params = {
    .fit = self->fit,
    .noise_aug_strength = -1.0,
    .seed = seed,
  };

  gst_svd_settings_get_size (self, model, &params.width, &params.height);
  if (gst_svd_settings_was_set (self, GST_SVD_PROP_NOISE_AUG_STRENGTH))
    params.noise_aug_strength = self->noise_aug_strength;

  return params;
}

SvdSampleParams
gst_svd_settings_get_sample_params (const GstSvdSettings * self, guint64 seed)
{
  SvdSampleParams params = {
    .num_frames = self->num_frames,
    .guidance = self->guidance,
    .motion_bucket_id = -1,
    .min_guidance_scale = -1.0,
    .max_guidance_scale = -1.0,
    .seed = seed,
  };

  if (gst_svd_settings_was_set (self, GST_SVD_PROP_STEPS))
    params.steps = self->steps;
  if (self->sigmas != NULL) {
    params.sigmas = (const gdouble *) self->sigmas->data;
    params.n_sigmas = self->sigmas->len;
  }
  if (gst_svd_settings_was_set (self, GST_SVD_PROP_FPS))
    params.fps = self->fps;
  if (gst_svd_settings_was_set (self, GST_SVD_PROP_MOTION_BUCKET_ID))
    params.motion_bucket_id = (gint) self->motion_bucket_id;
  if (gst_svd_settings_was_set (self, GST_SVD_PROP_MIN_GUIDANCE_SCALE))
    params.min_guidance_scale = self->min_guidance_scale;
  if (gst_svd_settings_was_set (self, GST_SVD_PROP_MAX_GUIDANCE_SCALE))
    params.max_guidance_scale = self->max_guidance_scale;

  return params;
}
