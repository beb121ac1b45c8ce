/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-vidinterp
 * @title: vidinterp
 * @see_also: #svdbin
 *
 * Makes frames between frames. The frame rate follows from the caps, as with
 * videorate: ask for another one behind this element, and each frame of it
 * shows its own moment, for which #GstVidInterp:method makes a picture from
 * the frames before and after. #GstVidInterp:slowdown stretches the time. A
 * frame that is there already goes through as it is, and so does all of a
 * video whose rate and speed stay.
 *
 * Backwards playback works the same way. Where frames are missing (a gap, or
 * times that jump) the last one is repeated. Interlaced video is refused: put
 * deinterlace in front.
 *
 * In a live pipeline there is a latency of one frame and the time that making
 * frames takes. Where frames come too late the method becomes a cheaper one,
 * which a QoS message tells, and later a better one is tried again.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=5 pattern=ball ! video/x-raw,framerate=10/1 ! vidinterp ! video/x-raw,framerate=24/1 ! videoconvert ! jpegenc ! avimux ! filesink location=smooth.avi
 * ]|
 * Makes a video of 10 frames a second one of 24.
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=5 pattern=ball ! vidinterp slowdown=4 ! videoconvert ! jpegenc ! avimux ! filesink location=slow.avi
 * ]|
 * Slow motion.
 */

#include "gstvidinterpprivate.h"

GST_DEBUG_CATEGORY (gst_vid_interp_debug);
#define GST_CAT_DEFAULT gst_vid_interp_debug

#define FORMATS "{ I420, NV12, YUY2, I420_10LE, P010_10LE, RGB, BGR, RGBx, " \
    "BGRx, RGBA, BGRA }"

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (FORMATS)));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (FORMATS)));

G_DEFINE_TYPE_WITH_CODE (GstVidInterp, gst_vid_interp, GST_TYPE_SVD_STAGE,
    GST_DEBUG_CATEGORY_INIT (gst_vid_interp_debug, "vidinterp", 0,
        "Frames between frames"));
GST_ELEMENT_REGISTER_DEFINE (vidinterp, "vidinterp", GST_RANK_NONE,
    GST_TYPE_VID_INTERP);

/* The worker. */

/* Mistakes show early, if the network is to be used. */
static gboolean
gst_vid_interp_open_model (GstSvdStage * stage, const gchar * path,
    GError ** error)
{
  GstVidInterpMethod method;

  g_object_get (stage, "method", &method, NULL);
  if ((path == NULL || *path == '\0') && method != GST_VID_INTERP_METHOD_RIFE)
    return TRUE;

  if (svd_interpolator_check_model (path, error))
    return TRUE;

  if (g_error_matches (*error, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
    g_clear_error (error);
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
        "There is no RIFE network in %s: set the model property to a folder "
        "with flownet.param and flownet.bin, or leave it for the one that "
        "comes with the plugin.", path);
  }
  return FALSE;
}

static void
gst_vid_interp_close_model (GstSvdStage * stage)
{
}

static gpointer
gst_vid_interp_load (GstSvdStage * stage, const SvdStageOptions * options,
    GCancellable * cancellable, GError ** error)
{
  GstVidInterp *self = GST_VID_INTERP (stage);
  g_autofree gchar *model = NULL;
  SvdInterpolator *interpolator;

  g_object_get (self, "model", &model, NULL);
  interpolator = svd_interpolator_new (gst_svd_stage_get_device (stage),
      model, options->precision);
  gst_vid_interp_pair_set_interpolator (&self->pair, interpolator);
  self->best = gst_vid_interp_best_method (interpolator);
  return interpolator;
}

static void
gst_vid_interp_unload (gpointer worker)
{
  svd_interpolator_free (worker);
}

/* Input. */

/* What had no time follows the one before. */
static GstClockTime
pts_of (GstVidInterp * self, GstBuffer * buffer)
{
  GstBuffer *previous = gst_vid_interp_last_frame (self)->buffer;

  if (GST_BUFFER_PTS_IS_VALID (buffer))
    return GST_BUFFER_PTS (buffer);
  if (previous != NULL && GST_BUFFER_PTS_IS_VALID (previous))
    return GST_BUFFER_PTS (previous) + gst_vid_interp_duration_of (self,
        previous);
  return self->segment.start;
}

static void
update_settings (GstVidInterp * self, const GstSvdSettings * settings)
{
  GstVidInterpMethod method = settings->method == GST_VID_INTERP_METHOD_AUTO
      ? self->best : settings->method;

  GST_OBJECT_LOCK (self);
  if (method != self->method)
    gst_vid_interp_quality_reset (&self->quality);
  self->method = method;
  GST_OBJECT_UNLOCK (self);
}

static gboolean
same_rate (const GstVideoInfo * a, const GstVideoInfo * b)
{
  return gst_util_fraction_compare (a->fps_n, a->fps_d, b->fps_n, b->fps_d)
      == 0;
}

static void
update_mode (GstVidInterp * self)
{
  gboolean was_kept = self->keep, changed;
  GstClockTime frame;

  self->keep = self->out_info.fps_n <= 0
      || (same_rate (&self->in_info, &self->out_info)
      && !gst_vid_interp_time_is_stretched (&self->time));
  /* The last frame went through, the next ones are counted from it. */
  if (was_kept && !self->keep && self->previous.buffer != NULL) {
    gst_vid_interp_start_timeline (self, self->previous.place);
    gst_svd_timeline_skip_to (&self->timeline, self->previous.place
        + gst_vid_interp_tolerance (self) + 1);
  }

  frame = self->keep || self->in_info.fps_n <= 0 ? 0
      : gst_vid_interp_frame_duration (&self->in_info);
  GST_OBJECT_LOCK (self);
  changed = gst_vid_interp_latency_set_frame (&self->latency, frame);
  GST_OBJECT_UNLOCK (self);

  if (changed)
    gst_vid_interp_post_latency (self);
}

/* Next becomes previous, and goes out if the output has a frame there. */
static GstFlowReturn
take_over (GstVidInterp * self, const GstVidInterpFrame * next,
    GError ** error)
{
  if (!gst_vid_interp_advance (self, next, error))
    return GST_FLOW_ERROR;
  return gst_vid_interp_push_previous (self);
}

static GstFlowReturn
gst_vid_interp_process (GstSvdStage * stage, GstBuffer * buffer,
    const GstSvdSettings * settings, GCancellable * cancellable,
    GError ** error)
{
  GstVidInterp *self = GST_VID_INTERP (stage);
  GstClockTime pts = pts_of (self, buffer);
  GstClockTime duration = gst_vid_interp_duration_of (self, buffer);
  GstFlowReturn flow;
  GstVidInterpFrame next;

  update_settings (self, settings);
  gst_vid_interp_update_slowdown (self, settings->slowdown, pts, duration);
  update_mode (self);
  next = (GstVidInterpFrame) {
    .buffer = buffer,
    .place = gst_vid_interp_time_place (&self->time, pts, duration),
    .serial = ++self->serial,
  };

  if (self->previous.buffer == NULL)
    return take_over (self, &next, error);

  if (next.place <= gst_vid_interp_last_frame (self)->place) {
    GST_WARNING_OBJECT (self, "dropping a frame that is not later than the "
        "one before: %" GST_PTR_FORMAT, buffer);
    return GST_FLOW_OK;
  }

  flow = gst_vid_interp_go_on (self, &next, settings, cancellable, error);
  if (flow != GST_FLOW_OK || gst_vid_interp_is_held (self, &next))
    return flow;
  return take_over (self, &next, error);
}

/* Events and queries. */

static void
note_qos (GstVidInterp * self, GstEvent * event)
{
  GST_OBJECT_LOCK (self);
  gst_event_parse_qos (event, NULL, NULL, &self->qos_lateness,
      &self->qos_time);
  GST_OBJECT_UNLOCK (self);
}

static gboolean
gst_vid_interp_sink_event (GstSvdStage * stage, GstEvent * event)
{
  GstVidInterp *self = GST_VID_INTERP (stage);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_SEGMENT:
      return gst_vid_interp_handle_segment (self, event);
    case GST_EVENT_GAP:
      return gst_vid_interp_handle_gap (self, event);
    case GST_EVENT_EOS:
      gst_vid_interp_drain (self);
      break;
    default:
      break;
  }

  return GST_SVD_STAGE_CLASS (gst_vid_interp_parent_class)->sink_event (stage,
      event);
}

static gboolean
gst_vid_interp_src_event (GstSvdStage * stage, GstEvent * event)
{
  GstVidInterp *self = GST_VID_INTERP (stage);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_SEEK:
      event = gst_vid_interp_unstretch_seek (self, event);
      break;
    case GST_EVENT_QOS:
      note_qos (self, event);
      break;
    case GST_EVENT_LATENCY:
      GST_OBJECT_LOCK (self);
      gst_event_parse_latency (event, &self->pipeline_latency);
      GST_OBJECT_UNLOCK (self);
      break;
    default:
      break;
  }

  return GST_SVD_STAGE_CLASS (gst_vid_interp_parent_class)->src_event (stage,
      event);
}

static gboolean
gst_vid_interp_query (GstSvdStage * stage, GstPad * pad, GstQuery * query)
{
  GstVidInterp *self = GST_VID_INTERP (stage);

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
      return gst_vid_interp_answer_caps (self, pad, query);
    case GST_QUERY_LATENCY:
      return gst_vid_interp_answer_latency (self, query);
    case GST_QUERY_POSITION:
    case GST_QUERY_DURATION:
      return gst_vid_interp_answer_position (self, query);
    default:
      return GST_SVD_STAGE_CLASS (gst_vid_interp_parent_class)->query (stage,
          pad, query);
  }
}

static void
gst_vid_interp_reset (GstSvdStage * stage)
{
  GstVidInterp *self = GST_VID_INTERP (stage);

  gst_vid_interp_forget_frames (self);
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
  self->have_segment = FALSE;
  gst_vid_interp_time_init (&self->time, &self->segment,
      gst_vid_interp_get_slowdown (self));
  gst_svd_timeline_reset (&self->timeline);
  self->discont = TRUE;
  self->processed = 0;

  GST_OBJECT_LOCK (self);
  gst_vid_interp_quality_reset (&self->quality);
  self->qos_time = GST_CLOCK_TIME_NONE;
  GST_OBJECT_UNLOCK (self);
}

/* The class. */

static void
gst_vid_interp_finalize (GObject * object)
{
  GstVidInterp *self = GST_VID_INTERP (object);

  gst_vid_interp_forget_frames (self);
  gst_clear_caps (&self->in_caps);

  G_OBJECT_CLASS (gst_vid_interp_parent_class)->finalize (object);
}

static void
gst_vid_interp_init (GstVidInterp * self)
{
  self->slowdown = 1.0;
  self->pipeline_latency = GST_CLOCK_TIME_NONE;
  gst_video_info_init (&self->in_info);
  gst_video_info_init (&self->out_info);
  gst_vid_interp_reset (GST_SVD_STAGE (self));
}

static void
gst_vid_interp_class_init (GstVidInterpClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstSvdStageClass *stage_class = GST_SVD_STAGE_CLASS (klass);

  object_class->finalize = gst_vid_interp_finalize;

  stage_class->open_model = gst_vid_interp_open_model;
  stage_class->close_model = gst_vid_interp_close_model;
  stage_class->load = gst_vid_interp_load;
  stage_class->unload = gst_vid_interp_unload;
  stage_class->set_caps = gst_vid_interp_set_caps;
  stage_class->get_caps = gst_vid_interp_get_caps;
  stage_class->process = gst_vid_interp_process;
  stage_class->sink_event = gst_vid_interp_sink_event;
  stage_class->src_event = gst_vid_interp_src_event;
  stage_class->query = gst_vid_interp_query;
  stage_class->reset = gst_vid_interp_reset;

  gst_svd_stage_class_install (stage_class, GST_SVD_PROPERTIES_INTERPOLATE,
      &sink_template, &src_template);
  gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass),
      "Video frame interpolator", "Filter/Effect/Video",
      "Makes frames between frames: another frame rate, or slow motion",
      "gst-svd contributors");
  gst_type_mark_as_plugin_api (GST_TYPE_VID_INTERP_METHOD, 0);
}
