/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <svd/svd.h>

G_BEGIN_DECLS

/* The properties of all the elements have one numbering, so that svdbin has
 * the same as its stages without writing them down twice. */
typedef enum {
  GST_SVD_PROP_0,

  GST_SVD_PROP_MODEL,
  GST_SVD_PROP_DEVICE,
  GST_SVD_PROP_PRECISION,
  GST_SVD_PROP_MEMORY_BUDGET,

  GST_SVD_PROP_SEED,

  GST_SVD_PROP_WIDTH,
  GST_SVD_PROP_HEIGHT,
  GST_SVD_PROP_FIT,
  GST_SVD_PROP_NOISE_AUG_STRENGTH,

  GST_SVD_PROP_NUM_FRAMES,
  GST_SVD_PROP_STEPS,
  GST_SVD_PROP_SIGMAS,
  GST_SVD_PROP_FPS,
  GST_SVD_PROP_MOTION_BUCKET_ID,
  GST_SVD_PROP_GUIDANCE,
  GST_SVD_PROP_MIN_GUIDANCE_SCALE,
  GST_SVD_PROP_MAX_GUIDANCE_SCALE,

  GST_SVD_PROP_DECODE_CHUNK_SIZE,

  GST_SVD_PROP_METHOD,
  GST_SVD_PROP_SLOWDOWN,
  GST_SVD_PROP_SCENE_THRESHOLD,
  GST_SVD_PROP_DUPLICATE_THRESHOLD,
} GstSvdProperty;

typedef enum {
  GST_SVD_PROPERTIES_STAGE = 1 << 0,    /* device, precision */
  GST_SVD_PROPERTIES_MODEL = 1 << 1,    /* model, memory-budget */
  GST_SVD_PROPERTIES_SEED = 1 << 2,
  GST_SVD_PROPERTIES_ENCODE = 1 << 3,
  GST_SVD_PROPERTIES_SAMPLE = 1 << 4,
  GST_SVD_PROPERTIES_DECODE = 1 << 5,
  GST_SVD_PROPERTIES_INTERPOLATE = 1 << 6,
  GST_SVD_PROPERTIES_BIN = (1 << 6) - 1,        /* of svdbin's stages */
} GstSvdProperties;

/* Largest width or height of a clip. */
#define GST_SVD_MAX_SIZE 16384

/* How vidinterp makes frames: from the best to the cheapest. */
typedef enum {
  GST_VID_INTERP_METHOD_AUTO,
  GST_VID_INTERP_METHOD_RIFE,
  GST_VID_INTERP_METHOD_FLOW,
  GST_VID_INTERP_METHOD_BLEND,
  GST_VID_INTERP_METHOD_DUPLICATE,
} GstVidInterpMethod;

#define GST_TYPE_SVD_FIT (gst_svd_fit_get_type ())
#define GST_TYPE_SVD_PRECISION (gst_svd_precision_get_type ())
#define GST_TYPE_SVD_GUIDANCE (gst_svd_guidance_get_type ())
#define GST_TYPE_VID_INTERP_METHOD (gst_vid_interp_method_get_type ())
GType gst_svd_fit_get_type (void);
GType gst_svd_precision_get_type (void);
GType gst_vid_interp_method_get_type (void);
GType gst_svd_guidance_get_type (void);

/* Values of the properties. What the user has not set is the model's to
 * recommend, so it must be known which were. */
typedef struct {
  guint32 was_set;              /* bit 1 << GstSvdProperty */

  gchar *model;
  gchar *device;
  SvdPrecision precision;
  gchar *memory_budget;
  gint64 seed;

  guint width, height;
  SvdFit fit;
  gdouble noise_aug_strength;

  guint num_frames;
  guint steps;
  GArray *sigmas;               /* of gdouble; NULL: none */
  guint fps;
  guint motion_bucket_id;
  SvdGuidance guidance;
  gdouble min_guidance_scale, max_guidance_scale;

  guint decode_chunk_size;

  GstVidInterpMethod method;
  gdouble slowdown;
  gdouble scene_threshold;
  gdouble duplicate_threshold;
} GstSvdSettings;

void gst_svd_settings_install (GObjectClass * klass, GstSvdProperties groups);

void gst_svd_settings_init (GstSvdSettings * settings);
void gst_svd_settings_copy (GstSvdSettings * to, const GstSvdSettings * from);
void gst_svd_settings_clear (GstSvdSettings * settings);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GstSvdSettings, gst_svd_settings_clear)

gboolean gst_svd_settings_was_set (const GstSvdSettings * settings,
    GstSvdProperty property);

/* FALSE: there is no such property. */
gboolean gst_svd_settings_set (GstSvdSettings * settings, guint id,
    const GValue * value);
gboolean gst_svd_settings_get (const GstSvdSettings * settings, guint id,
    GValue * value);

/* Size of the clip: the user's, else the model's. */
void gst_svd_settings_get_size (const GstSvdSettings * settings,
    SvdModel * model, guint * width, guint * height);

/* Frames of the clip: the user's, else the model's. */
guint gst_svd_settings_get_num_frames (const GstSvdSettings * settings,
    SvdModel * model);

/* Denoising steps: those between the user's sigmas, the user's number, or
 * the model's. */
guint gst_svd_settings_get_steps (const GstSvdSettings * settings,
    SvdModel * model);

/* Frames a second of the clip: the user's, else the model's. */
guint gst_svd_settings_get_fps (const GstSvdSettings * settings,
    SvdModel * model);

/* Frames decoded together: the user's, else the model's. */
guint gst_svd_settings_get_decode_chunk_size (const GstSvdSettings * settings,
    SvdModel * model);

SvdEncodeParams gst_svd_settings_get_encode_params (const GstSvdSettings *
    settings, SvdModel * model, guint64 seed);
/* The sigmas are the settings' own. */
SvdSampleParams gst_svd_settings_get_sample_params (const GstSvdSettings *
    settings, guint64 seed);

G_END_DECLS
