/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-svddecode
 * @title: svddecode
 * @see_also: #svdsample, #svdbin
 *
 * The last stage of Stable Video Diffusion: turns the latents from #svdsample
 * into the frames of the clip. Clips follow one another without gaps: the
 * first starts where the first picture did, each other where the one before
 * has ended. Frames are pushed as soon as their chunk is decoded, see
 * #GstSvdDecode:decode-chunk-size, and the next chunk is decoded meanwhile,
 * however long downstream takes for them. Where that is not set and the memory
 * does not suffice for what the model recommends, fewer frames are decoded
 * together and an info message says how many.
 *
 * Latents may come from a file. They have no time then and the caps say how
 * many frames a second there are.
 *
 * Each chunk posts progress messages of the code "decode", when it is waited
 * for and when it is complete, whose structure has the fields step, steps
 * (chunks) and percent.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=latents.bin blocksize=229376 ! 'other/tensors,format=static,num_tensors=1,types=(string)float32,dimensions=(string)16:16:16:14,framerate=7/1' ! svddecode ! videoconvert ! jpegenc ! avimux ! filesink location=clip.avi
 * ]|
 * Makes a clip of stored latents.
 */

#include "gstsvddecode.h"

#include <gst/video/video.h>

#include "gstsvdcaps.h"
#include "gstsvdprogress.h"
#include "gstsvdtimeline.h"

GST_DEBUG_CATEGORY_STATIC (gst_svd_decode_debug);
#define GST_CAT_DEFAULT gst_svd_decode_debug

#define PROGRESS_CODE "decode"

struct _GstSvdDecode
{
  GstSvdStage parent;

  /* Under the stream lock. */
  GstSvdTensor tensor;
  gint fps_n, fps_d;
  guint told_chunk;             /* frames decoded together, as posted last */

  GstVideoInfo rgba;            /* of what the library gives */
  GstVideoInfo info;            /* of the frames that go out */
  GstVideoConverter *converter;

  GstSegment segment;           /* of the input */
  gboolean have_segment;        /* and of the output too */
  gboolean discont;

  /* Changed under the stream lock and the object lock. */
  GstSvdTimeline timeline;
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_SVD_LATENTS_CAPS));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("{ RGBx, BGRx, xRGB, xBGR, RGBA, "
            "BGRA, ARGB, ABGR, RGB, BGR }")));

G_DEFINE_TYPE_WITH_CODE (GstSvdDecode, gst_svd_decode, GST_TYPE_SVD_STAGE,
    GST_DEBUG_CATEGORY_INIT (gst_svd_decode_debug, "svddecode", 0,
        "Latents to frames"));
GST_ELEMENT_REGISTER_DEFINE (svddecode, "svddecode", GST_RANK_NONE,
    GST_TYPE_SVD_DECODE);

static gpointer
gst_svd_decode_load (GstSvdStage * stage, const SvdStageOptions * options,
    GCancellable * cancellable, GError ** error)
{
  return svd_decoder_new (gst_svd_stage_get_device (stage),
      gst_svd_stage_get_model (stage), options, gst_svd_stage_post_load,
      stage, cancellable, error);
}

static gboolean
gst_svd_decode_check_weights (GstSvdStage * stage,
    const SvdStageOptions * options, GError ** error)
{
  return svd_decoder_check (gst_svd_stage_get_device (stage),
      gst_svd_stage_get_model (stage), options, error);
}

static void
gst_svd_decode_unload (gpointer worker)
{
  svd_decoder_free (worker);
}

/* Caps. */

static gboolean
gst_svd_decode_set_caps (GstSvdStage * stage, GstCaps * caps, GError ** error)
{
  GstSvdDecode *self = GST_SVD_DECODE (stage);
  const SvdModelInfo *info =
      svd_model_get_info (gst_svd_stage_get_model (stage));
  const guint *dims = self->tensor.dims;

  if (!gst_svd_tensors_from_caps (&self->tensor, 1, &self->fps_n, &self->fps_d,
          caps, error))
    return FALSE;

  if (dims[2] != info->latent_channels) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "The latents have %u channels where this model needs %u: use the "
        "model that made them.", dims[2], info->latent_channels);
    return FALSE;
  }

  if ((guint64) dims[0] * info->factor > G_MAXINT16
      || (guint64) dims[1] * info->factor > G_MAXINT16) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "Frames of latents of %u x %u would be too large: correct the "
        "dimensions in the caps.", dims[0], dims[1]);
    return FALSE;
  }

  if (self->fps_n <= 0) {
    self->fps_n = (gint) info->fps;
    self->fps_d = 1;
  }
  return TRUE;
}

static void
clear_converter (GstSvdDecode * self)
{
  g_clear_pointer (&self->converter, gst_video_converter_free);
}

/* The first format that downstream takes. */
static GstCaps *
choose_caps (GstSvdDecode * self)
{
  GstSvdStage *stage = GST_SVD_STAGE (self);
  GstPad *srcpad = gst_svd_stage_get_src_pad (stage);
  guint factor = svd_model_get_info (gst_svd_stage_get_model (stage))->factor;
  g_autoptr (GstCaps) template = gst_pad_get_pad_template_caps (srcpad);
  g_autoptr (GstCaps) filter = gst_caps_make_writable (g_steal_pointer
      (&template));
  g_autoptr (GstCaps) allowed = NULL;

  gst_caps_set_simple (filter,
      "width", G_TYPE_INT, (gint) (self->tensor.dims[0] * factor),
      "height", G_TYPE_INT, (gint) (self->tensor.dims[1] * factor),
      "framerate", GST_TYPE_FRACTION, self->fps_n, self->fps_d,
      "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1,
      "interlace-mode", G_TYPE_STRING, "progressive", NULL);

  allowed = gst_pad_peer_query_caps (srcpad, filter);
  if (gst_caps_is_empty (allowed))
    return NULL;

  return gst_caps_fixate (g_steal_pointer (&allowed));
}

static GstCaps *
gst_svd_decode_get_caps (GstSvdStage * stage, const GstSvdSettings * settings,
    GError ** error)
{
  GstSvdDecode *self = GST_SVD_DECODE (stage);
  g_autoptr (GstCaps) caps = choose_caps (self);
  GstVideoInfo info;

  if (caps == NULL || !gst_video_info_from_caps (&info, caps)) {
    guint factor = svd_model_get_info (gst_svd_stage_get_model (stage))->factor;

    g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
        "What follows %s does not take RGB frames of %u x %u at %d/%d a "
        "second: put videoconvert and videoscale in between.",
        GST_OBJECT_NAME (self), self->tensor.dims[0] * factor,
        self->tensor.dims[1] * factor, self->fps_n, self->fps_d);
    return NULL;
  }

  GST_OBJECT_LOCK (self);
  gst_svd_timeline_set_rate (&self->timeline, self->fps_n, self->fps_d);
  GST_OBJECT_UNLOCK (self);

  if (self->converter != NULL && gst_video_info_is_equal (&self->info, &info))
    return g_steal_pointer (&caps);

  clear_converter (self);
  self->info = info;
  gst_video_info_set_format (&self->rgba, GST_VIDEO_FORMAT_RGBA, info.width,
      info.height);
  self->rgba.fps_n = info.fps_n;
  self->rgba.fps_d = info.fps_d;
  self->converter = gst_video_converter_new (&self->rgba, &self->info, NULL);

  return g_steal_pointer (&caps);
}

/* Frames. */

/* Times of what comes in matter for the start of the first clip only. */
static void
start_timeline (GstSvdDecode * self, GstBuffer * buffer)
{
  GstClockTime base = 0;

  if (gst_svd_timeline_is_started (&self->timeline))
    return;

  if (self->segment.format == GST_FORMAT_TIME) {
    base = self->segment.start;
    if (GST_BUFFER_PTS_IS_VALID (buffer))
      base = MAX (base, GST_BUFFER_PTS (buffer));
  }

  GST_OBJECT_LOCK (self);
  gst_svd_timeline_start (&self->timeline, base);
  GST_OBJECT_UNLOCK (self);
}

static void
stamp (GstSvdDecode * self, GstBuffer * buffer)
{
  GST_OBJECT_LOCK (self);
  gst_svd_timeline_stamp (&self->timeline, buffer);
  GST_OBJECT_UNLOCK (self);

  if (self->discont)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  self->discont = FALSE;
}

static GstBuffer *
make_frame (GstSvdDecode * self, const guint8 * pixels)
{
  g_autoptr (GstBuffer) in = NULL;
  GstBuffer *out;
  GstVideoFrame in_frame, out_frame;

  in = gst_buffer_new_wrapped_full (GST_MEMORY_FLAG_READONLY,
      (gpointer) pixels, GST_VIDEO_INFO_SIZE (&self->rgba), 0,
      GST_VIDEO_INFO_SIZE (&self->rgba), NULL, NULL);
  out = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&self->info), NULL);

  gst_video_frame_map (&in_frame, &self->rgba, in, GST_MAP_READ);
  gst_video_frame_map (&out_frame, &self->info, out, GST_MAP_WRITE);
  gst_video_converter_frame (self->converter, &in_frame, &out_frame);
  gst_video_frame_unmap (&out_frame);
  gst_video_frame_unmap (&in_frame);

  return out;
}

typedef struct
{
  GstSvdDecode *self;
  guint n_frames, chunk_size;
  GstFlowReturn flow;
} Push;

static void
post_chunk (const Push * push, GstProgressType type, guint done)
{
  gst_svd_progress_post_step (GST_ELEMENT (push->self), type, PROGRESS_CODE,
      done, (push->n_frames + push->chunk_size - 1) / push->chunk_size);
}

static gboolean
push_frame (guint index, guint width, guint height, const guint8 * pixels,
    gpointer user_data)
{
  Push *push = user_data;
  GstSvdDecode *self = push->self;
  GstBuffer *frame = make_frame (self, pixels);

  /* A chunk's frames come when all of it is done. Though the next one is being
   * decoded, nothing is said to be in progress while they are pushed: an
   * application that waits for that before it goes to PLAYING, as
   * gst-launch-1.0 does, would wait for ever. */
  if (index % push->chunk_size == 0)
    post_chunk (push, GST_PROGRESS_TYPE_COMPLETE, index / push->chunk_size + 1);
  stamp (self, frame);
  GST_LOG_OBJECT (self, "frame %u of the clip: %" GST_PTR_FORMAT, index, frame);
  push->flow = gst_pad_push (gst_svd_stage_get_src_pad (GST_SVD_STAGE (self)),
      frame);

  if (push->flow != GST_FLOW_OK)
    return FALSE;

  if ((index + 1) % push->chunk_size == 0 && index + 1 < push->n_frames)
    post_chunk (push, GST_PROGRESS_TYPE_START, (index + 1) / push->chunk_size);
  return TRUE;
}

/* What the user has set, else as many as fit of what the model recommends. */
static guint
choose_chunk_size (GstSvdDecode * self, const GstSvdSettings * settings,
    const SvdLatents * latents)
{
  GstSvdStage *stage = GST_SVD_STAGE (self);
  guint wanted = gst_svd_settings_get_decode_chunk_size (settings,
      gst_svd_stage_get_model (stage));
  guint chunk;

  if (wanted == 0 || wanted > latents->frames)
    wanted = latents->frames;
  if (gst_svd_settings_was_set (settings, GST_SVD_PROP_DECODE_CHUNK_SIZE))
    return wanted;

  chunk = svd_decoder_choose_chunk_size (gst_svd_stage_get_worker (stage),
      latents, wanted);
  if (chunk < wanted && chunk != self->told_chunk)
    GST_ELEMENT_INFO (self, RESOURCE, SETTINGS,
        ("Frames decoded together: %u, since there is no memory for %u.",
            chunk, wanted), (NULL));
  self->told_chunk = chunk;
  return chunk;
}

static GstFlowReturn
gst_svd_decode_process (GstSvdStage * stage, GstBuffer * buffer,
    const GstSvdSettings * settings, GCancellable * cancellable,
    GError ** error)
{
  GstSvdDecode *self = GST_SVD_DECODE (stage);
  const guint *dims = self->tensor.dims;
  g_autofree gfloat *data = NULL;
  SvdLatents latents;
  Push push = { self, dims[3], 0, GST_FLOW_OK };
  GError *decode_error = NULL;

  data = gst_svd_tensors_read (&self->tensor, 1, buffer, error);
  if (data == NULL)
    return GST_FLOW_ERROR;

  latents = (SvdLatents) {
    .width = dims[0],
    .height = dims[1],
    .channels = dims[2],
    .frames = dims[3],
    .data = data,
  };
  push.chunk_size = choose_chunk_size (self, settings, &latents);

  start_timeline (self, buffer);
  post_chunk (&push, GST_PROGRESS_TYPE_START, 0);
  svd_decoder_decode (gst_svd_stage_get_worker (stage), &latents,
      push.chunk_size, push_frame, &push, cancellable, &decode_error);
  if (decode_error != NULL) {
    gst_svd_progress_post_end (GST_ELEMENT (stage), PROGRESS_CODE, NULL,
        decode_error);
    g_propagate_error (error, decode_error);
    return GST_FLOW_ERROR;
  }

  return push.flow;
}

/* Events and queries. */

/* The output has one segment, in time, in which all clips follow one another:
 * whatever format and however many segments the input has. */
static gboolean
handle_segment (GstSvdDecode * self, GstEvent * event)
{
  GstSvdStage *stage = GST_SVD_STAGE (self);
  GstSegment segment;
  GstEvent *out;

  gst_event_copy_segment (event, &self->segment);
  if (self->have_segment) {
    gst_event_unref (event);
    return TRUE;
  }
  self->have_segment = TRUE;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  if (self->segment.format == GST_FORMAT_TIME && self->segment.rate > 0.0) {
    segment = self->segment;
    /* A clip is longer than its picture. */
    segment.stop = GST_CLOCK_TIME_NONE;
    segment.duration = GST_CLOCK_TIME_NONE;
  }

  out = gst_event_new_segment (&segment);
  gst_event_set_seqnum (out, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return gst_pad_push_event (gst_svd_stage_get_src_pad (stage), out);
}

static gboolean
gst_svd_decode_sink_event (GstSvdStage * stage, GstEvent * event)
{
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_SEGMENT:
      return handle_segment (GST_SVD_DECODE (stage), event);
    case GST_EVENT_GAP:
      /* Of another time; frames without gaps follow anyway. */
      gst_event_unref (event);
      return TRUE;
    default:
      return GST_SVD_STAGE_CLASS (gst_svd_decode_parent_class)->sink_event
          (stage, event);
  }
}

/* Upstream finds the picture of that time, whose clip starts there. */
static gboolean
can_seek (GstSvdDecode * self, GstEvent * event)
{
  GstFormat format;
  gdouble rate;

  gst_event_parse_seek (event, &rate, &format, NULL, NULL, NULL, NULL, NULL);
  if (format == GST_FORMAT_TIME && rate > 0.0)
    return TRUE;

  GST_DEBUG_OBJECT (self, "cannot seek in %s at rate %f",
      gst_format_get_name (format), rate);
  return FALSE;
}

static gboolean
gst_svd_decode_src_event (GstSvdStage * stage, GstEvent * event)
{
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_SEEK:
      if (can_seek (GST_SVD_DECODE (stage), event))
        break;
      gst_event_unref (event);
      return FALSE;
    case GST_EVENT_QOS:
      /* A clip must have all its frames, and upstream has other times. */
      gst_event_unref (event);
      return TRUE;
    default:
      break;
  }

  return GST_SVD_STAGE_CLASS (gst_svd_decode_parent_class)->src_event (stage,
      event);
}

static gboolean
answer_position (GstSvdDecode * self, GstQuery * query)
{
  GstFormat format;
  GstClockTime position;

  gst_query_parse_position (query, &format, NULL);
  if (format != GST_FORMAT_TIME)
    return FALSE;

  GST_OBJECT_LOCK (self);
  position = gst_svd_timeline_get_time (&self->timeline);
  GST_OBJECT_UNLOCK (self);

  gst_query_set_position (query, format, (gint64) position);
  return GST_CLOCK_TIME_IS_VALID (position);
}

static gboolean
gst_svd_decode_query (GstSvdStage * stage, GstPad * pad, GstQuery * query)
{
  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_POSITION:
      return answer_position (GST_SVD_DECODE (stage), query);
    case GST_QUERY_DURATION:
      /* Nobody knows how many pictures will come. */
      return FALSE;
    default:
      return GST_SVD_STAGE_CLASS (gst_svd_decode_parent_class)->query (stage,
          pad, query);
  }
}

static void
gst_svd_decode_reset (GstSvdStage * stage)
{
  GstSvdDecode *self = GST_SVD_DECODE (stage);

  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  self->have_segment = FALSE;
  self->discont = TRUE;

  GST_OBJECT_LOCK (self);
  gst_svd_timeline_reset (&self->timeline);
  GST_OBJECT_UNLOCK (self);
}

/* The class. */

static void
gst_svd_decode_finalize (GObject * object)
{
  clear_converter (GST_SVD_DECODE (object));

  G_OBJECT_CLASS (gst_svd_decode_parent_class)->finalize (object);
}

static void
gst_svd_decode_init (GstSvdDecode * self)
{
  gst_svd_decode_reset (GST_SVD_STAGE (self));
}

static void
gst_svd_decode_class_init (GstSvdDecodeClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstSvdStageClass *stage_class = GST_SVD_STAGE_CLASS (klass);

  object_class->finalize = gst_svd_decode_finalize;

  stage_class->load = gst_svd_decode_load;
  stage_class->unload = gst_svd_decode_unload;
  stage_class->check_weights = gst_svd_decode_check_weights;
  stage_class->set_caps = gst_svd_decode_set_caps;
  stage_class->get_caps = gst_svd_decode_get_caps;
  stage_class->process = gst_svd_decode_process;
  stage_class->sink_event = gst_svd_decode_sink_event;
  stage_class->src_event = gst_svd_decode_src_event;
  stage_class->query = gst_svd_decode_query;
  stage_class->reset = gst_svd_decode_reset;

  gst_svd_stage_class_install (stage_class,
      GST_SVD_PROPERTIES_MODEL | GST_SVD_PROPERTIES_DECODE,
      &sink_template, &src_template);
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass),
      "Stable Video Diffusion decoder", "Filter/Converter/Video",
      "Turns the latents of a clip into its frames", "gst-svd contributors");
}
