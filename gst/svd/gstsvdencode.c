/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-svdencode
 * @title: svdencode
 * @see_also: #svdsample, #svdbin
 *
 * The first stage of Stable Video Diffusion: turns each picture into what
 * #svdsample must know of it (its latents, its embedding and how much noise
 * was added), as three tensors. They can be stored in a file and used again.
 *
 * Pictures of any size are scaled to #GstSvdEncode:width by
 * #GstSvdEncode:height. Pixels are taken as square; alpha and interlacing are
 * ignored. If photographs lie on their side, put videoflip method=automatic in
 * front.
 *
 * Each picture posts progress messages of the code "encode", when it comes and
 * when it is complete.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=photo.jpg ! jpegdec ! videoconvert ! svdencode ! filesink location=conditioning.bin
 * ]|
 * Stores the conditioning of a photograph.
 */

#include "gstsvdencode.h"

#include <gst/video/video.h>

#include "gstsvdcaps.h"
#include "gstsvdprogress.h"
#include "gstsvdseed.h"

GST_DEBUG_CATEGORY_STATIC (gst_svd_encode_debug);
#define GST_CAT_DEFAULT gst_svd_encode_debug

#define PROGRESS_CODE "encode"

/* Pixels a picture; more are refused before anything is allocated. */
#define MAX_PIXELS ((guint64) 16384 * 16384)

struct _GstSvdEncode
{
  GstSvdStage parent;

  /* Under the stream lock. */
  GstVideoInfo info;            /* of the pictures that come in */
  GstVideoInfo rgbx;            /* of what the library takes */
  GstVideoConverter *converter; /* NULL: they are the same */
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("{ RGBx, RGBA, RGB, BGRx, BGRA, "
            "BGR, xRGB, ARGB, xBGR, ABGR, GRAY8 }")));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_SVD_CONDITIONING_CAPS));

G_DEFINE_TYPE_WITH_CODE (GstSvdEncode, gst_svd_encode, GST_TYPE_SVD_STAGE,
    GST_DEBUG_CATEGORY_INIT (gst_svd_encode_debug, "svdencode", 0,
        "Picture to conditioning"));
GST_ELEMENT_REGISTER_DEFINE (svdencode, "svdencode", GST_RANK_NONE,
    GST_TYPE_SVD_ENCODE);

static gpointer
gst_svd_encode_load (GstSvdStage * stage, const SvdStageOptions * options,
    GCancellable * cancellable, GError ** error)
{
  return svd_encoder_new (gst_svd_stage_get_device (stage),
      gst_svd_stage_get_model (stage), options, gst_svd_stage_post_load,
      stage, cancellable, error);
}

static gboolean
gst_svd_encode_check_weights (GstSvdStage * stage,
    const SvdStageOptions * options, GError ** error)
{
  return svd_encoder_check (gst_svd_stage_get_device (stage),
      gst_svd_stage_get_model (stage), options, error);
}

static void
gst_svd_encode_unload (gpointer worker)
{
  svd_encoder_free (worker);
}

static gboolean
gst_svd_encode_check (GstSvdStage * stage, const GstSvdSettings * settings,
    GError ** error)
{
  SvdModel *model = gst_svd_stage_get_model (stage);
  guint width, height;

  gst_svd_settings_get_size (settings, model, &width, &height);
  if (svd_model_check_size (model, width, height, error))
    return TRUE;

  /* Not the stream's shape is wrong but what the user asked for. */
  if (error != NULL && g_error_matches (*error, SVD_ERROR, SVD_ERROR_SHAPE))
    (*error)->code = SVD_ERROR_ARGUMENT;
  return FALSE;
}

/* Converting. */

static void
clear_converter (GstSvdEncode * self)
{
  g_clear_pointer (&self->converter, gst_video_converter_free);
}

/* The library ignores the fourth byte, alpha or not. */
static gboolean
is_rgbx (const GstVideoInfo * info)
{
  return GST_VIDEO_INFO_FORMAT (info) == GST_VIDEO_FORMAT_RGBx
      || GST_VIDEO_INFO_FORMAT (info) == GST_VIDEO_FORMAT_RGBA;
}

static gboolean
gst_svd_encode_set_caps (GstSvdStage * stage, GstCaps * caps, GError ** error)
{
  GstSvdEncode *self = GST_SVD_ENCODE (stage);
  gint width, height;

  clear_converter (self);

  if (!gst_video_info_from_caps (&self->info, caps)) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "The picture's caps cannot be used: put videoconvert in front of %s.",
        GST_OBJECT_NAME (self));
    return FALSE;
  }

  width = GST_VIDEO_INFO_WIDTH (&self->info);
  height = GST_VIDEO_INFO_HEIGHT (&self->info);
  if ((guint64) width * height > MAX_PIXELS) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "A picture of %d x %d pixels is too large, 16384 x 16384 is the "
        "most: scale it down with videoscale first.", width, height);
    return FALSE;
  }

  if (is_rgbx (&self->info))
    return TRUE;

  gst_video_info_set_format (&self->rgbx, GST_VIDEO_FORMAT_RGBx, width, height);
  GST_VIDEO_INFO_FPS_N (&self->rgbx) = GST_VIDEO_INFO_FPS_N (&self->info);
  GST_VIDEO_INFO_FPS_D (&self->rgbx) = GST_VIDEO_INFO_FPS_D (&self->info);
  /* Fields stay woven: the picture is taken as it is. */
  GST_VIDEO_INFO_INTERLACE_MODE (&self->rgbx) =
      GST_VIDEO_INFO_INTERLACE_MODE (&self->info);
  self->converter = gst_video_converter_new (&self->info, &self->rgbx, NULL);
  if (self->converter != NULL)
    return TRUE;

  g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
      "The picture cannot be converted to RGBx: put videoconvert in front "
      "of %s.", GST_OBJECT_NAME (self));
  return FALSE;
}

/* A frame of RGBx: in, or converted from it. The caller unmaps it. */
static gboolean
map_picture (GstSvdEncode * self, GstBuffer * buffer, GstVideoFrame * picture,
    GError ** error)
{
  GstVideoFrame in;
  GstBuffer *converted;
  gboolean ok;

  if (!gst_video_frame_map (&in, &self->info, buffer, GST_MAP_READ)) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "A picture has %" G_GSIZE_FORMAT " bytes where its caps say %"
        G_GSIZE_FORMAT ": correct the caps.", gst_buffer_get_size (buffer),
        GST_VIDEO_INFO_SIZE (&self->info));
    return FALSE;
  }

  if (self->converter == NULL) {
    *picture = in;
    return TRUE;
  }

  converted = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&self->rgbx),
      NULL);
  ok = converted != NULL && gst_video_frame_map (picture, &self->rgbx,
      converted, GST_MAP_READWRITE);
  if (ok)
    gst_video_converter_frame (self->converter, &in, picture);
  else
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT,
        "There is no memory for a picture of %d x %d pixels: scale it down "
        "first.", GST_VIDEO_INFO_WIDTH (&in.info),
        GST_VIDEO_INFO_HEIGHT (&in.info));

  /* The mapped frame has its own reference. */
  gst_clear_buffer (&converted);
  gst_video_frame_unmap (&in);
  return ok;
}

static SvdPicture
view_picture (const GstVideoFrame * frame)
{
  return (SvdPicture) {
    .width = GST_VIDEO_FRAME_WIDTH (frame),
    .height = GST_VIDEO_FRAME_HEIGHT (frame),
    .stride = GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0),
    .pixels = GST_VIDEO_FRAME_PLANE_DATA (frame, 0),
  };
}

/* Tensors. */

static void
describe (GstSvdTensor * tensors, guint width, guint height, guint channels,
    guint embedding_size)
{
  tensors[0] = (GstSvdTensor) { {width, height, channels, 1} };
  tensors[1] = (GstSvdTensor) { {embedding_size, 1, 1, 1} };
  tensors[2] = (GstSvdTensor) { {1, 1, 1, 1} };
}

static GstCaps *
gst_svd_encode_get_caps (GstSvdStage * stage, const GstSvdSettings * settings,
    GError ** error)
{
  GstSvdEncode *self = GST_SVD_ENCODE (stage);
  SvdModel *model = gst_svd_stage_get_model (stage);
  const SvdModelInfo *info = svd_model_get_info (model);
  GstSvdTensor tensors[GST_SVD_CONDITIONING_TENSORS];
  guint width, height;

  if (!gst_svd_encode_check (stage, settings, error))
    return NULL;

  gst_svd_settings_get_size (settings, model, &width, &height);
  describe (tensors, width / info->factor, height / info->factor,
      info->latent_channels, info->embedding_size);

  return gst_svd_tensors_to_caps (tensors, G_N_ELEMENTS (tensors),
      GST_VIDEO_INFO_FPS_N (&self->info), GST_VIDEO_INFO_FPS_D (&self->info));
}

static GstBuffer *
make_buffer (const SvdConditioning * conditioning, GstBuffer * picture)
{
  GstSvdTensor tensors[GST_SVD_CONDITIONING_TENSORS];
  GstBuffer *buffer = gst_buffer_new ();

  describe (tensors, conditioning->width, conditioning->height,
      conditioning->channels, conditioning->embedding_size);
  gst_svd_tensor_append (&tensors[0], conditioning->image_latents, buffer);
  gst_svd_tensor_append (&tensors[1], conditioning->image_embedding, buffer);
  gst_svd_tensor_append (&tensors[2], &conditioning->noise_aug_strength,
      buffer);

  gst_buffer_copy_into (buffer, picture, GST_BUFFER_COPY_FLAGS
      | GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  return buffer;
}

static GstFlowReturn
gst_svd_encode_process (GstSvdStage * stage, GstBuffer * buffer,
    const GstSvdSettings * settings, GCancellable * cancellable,
    GError ** error)
{
  GstSvdEncode *self = GST_SVD_ENCODE (stage);
  g_auto (SvdConditioning) conditioning = { 0, };
  guint64 seed = gst_svd_seed_choose (settings->seed, buffer);
  SvdEncodeParams params = gst_svd_settings_get_encode_params (settings,
      gst_svd_stage_get_model (stage), seed);
  GstPad *srcpad = gst_svd_stage_get_src_pad (stage);
  GstVideoFrame frame;
  SvdPicture picture;
  GstBuffer *out;
  GError *encode_error = NULL;

  if (!map_picture (self, buffer, &frame, error))
    return GST_FLOW_ERROR;

  gst_svd_progress_post (GST_ELEMENT (self), GST_PROGRESS_TYPE_START,
      PROGRESS_CODE, "Encoding the picture");
  picture = view_picture (&frame);
  svd_encoder_encode (gst_svd_stage_get_worker (stage), &picture, &params,
      &conditioning, cancellable, &encode_error);
  gst_video_frame_unmap (&frame);
  gst_svd_progress_post_end (GST_ELEMENT (self), PROGRESS_CODE,
      "Encoded the picture", encode_error);
  if (encode_error != NULL) {
    g_propagate_error (error, encode_error);
    return GST_FLOW_ERROR;
  }

  gst_svd_seed_report (GST_ELEMENT (self), srcpad, settings->seed, seed);
  out = make_buffer (&conditioning, buffer);
  gst_svd_seed_attach (settings->seed, seed, out);
  return gst_pad_push (srcpad, out);
}

static gboolean
gst_svd_encode_query (GstSvdStage * stage, GstPad * pad, GstQuery * query)
{
  if (GST_QUERY_TYPE (query) == GST_QUERY_ALLOCATION) {
    /* Any strides will do. */
    gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
    return TRUE;
  }

  return GST_SVD_STAGE_CLASS (gst_svd_encode_parent_class)->query (stage, pad,
      query);
}

static void
gst_svd_encode_finalize (GObject * object)
{
  clear_converter (GST_SVD_ENCODE (object));

  G_OBJECT_CLASS (gst_svd_encode_parent_class)->finalize (object);
}

static void
gst_svd_encode_init (GstSvdEncode * self)
{
}

static void
gst_svd_encode_class_init (GstSvdEncodeClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstSvdStageClass *stage_class = GST_SVD_STAGE_CLASS (klass);

  object_class->finalize = gst_svd_encode_finalize;

  stage_class->load = gst_svd_encode_load;
  stage_class->unload = gst_svd_encode_unload;
  stage_class->check_weights = gst_svd_encode_check_weights;
  stage_class->check = gst_svd_encode_check;
  stage_class->set_caps = gst_svd_encode_set_caps;
  stage_class->get_caps = gst_svd_encode_get_caps;
  stage_class->process = gst_svd_encode_process;
  stage_class->query = gst_svd_encode_query;

  gst_svd_stage_class_install (stage_class,
      GST_SVD_PROPERTIES_MODEL | GST_SVD_PROPERTIES_ENCODE
      | GST_SVD_PROPERTIES_SEED,
      &sink_template, &src_template);
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass),
      "Stable Video Diffusion picture encoder", "Filter/Converter/Video",
      "Turns a picture into the conditioning of a clip",
      "gst-svd contributors");
}
