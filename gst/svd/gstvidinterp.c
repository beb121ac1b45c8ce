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

#include "gstvidinterp.h"

#include "gstsvdtimeline.h"
#include "gstvidinterplatency.h"
#include "gstvidinterppair.h"
#include "gstvidinterpquality.h"
#include "gstvidinterptime.h"

GST_DEBUG_CATEGORY_STATIC (gst_vid_interp_debug);
#define GST_CAT_DEFAULT gst_vid_interp_debug

/* A frame so near to one that is there, as a share of the time between two,
 * is that one: times are often rounded to milliseconds. */
#define NEAR 32

/* Frames farther apart than so many are not neighbours. */
#define MAX_DISTANCE 4

/* So many frames like the one before may be animation on threes; more are a
 * picture that stands still. */
#define MAX_HELD 2

/* What happens from one frame to the next. */
typedef enum
{
  MOTION,
  CUT,                          /* or whatever nothing can be made between */
  STILL,
} Change;

struct _GstVidInterp
{
  GstSvdStage parent;

  /* Under the stream lock. */
  GstCaps *in_caps;
  GstVideoInfo in_info, out_info;       /* differ in the rate */
  gboolean have_out_info;
  gboolean keep;                /* all frames go through at their own times */
  gboolean live;

  GstSegment segment;           /* of the input */
  gboolean have_segment;
  GstVidInterpTime time;
  GstSvdTimeline timeline;      /* of the output, on the line of places */
  gboolean discont;

  GstVidInterpFrame previous;               /* no buffer: none */
  GstVidInterpFrame held[MAX_HELD];         /* came later and look the same */
  guint n_held;
  gboolean still;               /* more of the same have come */
  guint64 serial;
  GstVidInterpPair pair;
  GstVidInterpMethod best;      /* for the device */
  guint warm;                   /* bit 1 << method: has made a frame of this format */
  GstClockTime preparing;       /* took so long since the last look at the quality */
  guint64 processed;

  /* Under the object lock. */
  gdouble slowdown;
  GstVidInterpMethod method;    /* that is wanted */
  GstVidInterpQuality quality;
  GstClockTime qos_time;        /* running time of the sink's last report; or none */
  GstClockTimeDiff qos_lateness;
  GstVidInterpLatency latency;
  GstClockTime pipeline_latency;
};

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

static GstPad *
src_pad (GstVidInterp * self)
{
  return gst_svd_stage_get_src_pad (GST_SVD_STAGE (self));
}

static GstPad *
sink_pad (GstVidInterp * self)
{
  return gst_svd_stage_get_sink_pad (GST_SVD_STAGE (self));
}

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

static const SvdInterpolation methods[] = {
  [GST_VID_INTERP_METHOD_RIFE] = SVD_INTERPOLATION_RIFE,
  [GST_VID_INTERP_METHOD_FLOW] = SVD_INTERPOLATION_FLOW,
  [GST_VID_INTERP_METHOD_BLEND] = SVD_INTERPOLATION_BLEND,
};

static GstVidInterpMethod
best_method (SvdInterpolator * interpolator)
{
  SvdInterpolation best = svd_interpolator_get_best (interpolator);

  for (guint i = GST_VID_INTERP_METHOD_RIFE; i < G_N_ELEMENTS (methods); i++)
    if (methods[i] == best)
      return i;
  g_return_val_if_reached (GST_VID_INTERP_METHOD_BLEND);
}

static gpointer
gst_vid_interp_load (GstSvdStage * stage, SvdPrecision precision,
    GCancellable * cancellable, GError ** error)
{
  GstVidInterp *self = GST_VID_INTERP (stage);
  g_autofree gchar *model = NULL;
  SvdInterpolator *interpolator;

  g_object_get (self, "model", &model, NULL);
  interpolator = svd_interpolator_new (gst_svd_stage_get_device (stage),
      model, precision);
  gst_vid_interp_pair_set_interpolator (&self->pair, interpolator);
  self->best = best_method (interpolator);
  return interpolator;
}

static void
gst_vid_interp_unload (gpointer worker)
{
  svd_interpolator_free (worker);
}

/* Latency. */

static GstClockTime
frame_duration (const GstVideoInfo * info)
{
  if (info->fps_n <= 0)
    return GST_CLOCK_TIME_NONE;
  return gst_util_uint64_scale_int (GST_SECOND, info->fps_d, info->fps_n);
}

static void
post_latency (GstVidInterp * self)
{
  if (self->live)
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_latency (GST_OBJECT (self)));
}

static void
note_compute_time (GstVidInterp * self, gint64 begin)
{
  GstClockTime elapsed = (g_get_monotonic_time () - begin) * GST_USECOND;
  gboolean changed;

  GST_OBJECT_LOCK (self);
  changed = gst_vid_interp_latency_note (&self->latency, elapsed,
      frame_duration (&self->out_info));
  GST_OBJECT_UNLOCK (self);

  if (changed)
    post_latency (self);
}

static gboolean
is_live (GstVidInterp * self)
{
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  gboolean live = FALSE;

  if (gst_pad_peer_query (sink_pad (self), query))
    gst_query_parse_latency (query, &live, NULL, NULL);
  return live;
}

static gboolean
answer_latency (GstVidInterp * self, GstQuery * query)
{
  GstClockTime min, max, own;
  gboolean live;

  if (!gst_pad_peer_query (sink_pad (self), query))
    return FALSE;

  gst_query_parse_latency (query, &live, &min, &max);
  GST_OBJECT_LOCK (self);
  own = gst_vid_interp_latency_get (&self->latency);
  GST_OBJECT_UNLOCK (self);

  GST_DEBUG_OBJECT (self, "own latency %" GST_TIME_FORMAT,
      GST_TIME_ARGS (own));
  if (GST_CLOCK_TIME_IS_VALID (max))
    max += own;
  gst_query_set_latency (query, live, min + own, max);
  return TRUE;
}

/* Times. */

static GstClockTime
duration_of (GstVidInterp * self, GstBuffer * buffer)
{
  GstClockTime nominal = frame_duration (&self->in_info);

  if (GST_BUFFER_DURATION_IS_VALID (buffer))
    return GST_BUFFER_DURATION (buffer);
  return GST_CLOCK_TIME_IS_VALID (nominal) ? nominal : 0;
}

/* A frame at most so far away from another is that one. */
static GstClockTime
tolerance (GstVidInterp * self)
{
  GstClockTime duration = frame_duration (&self->in_info);

  return GST_CLOCK_TIME_IS_VALID (duration)
      ? gst_vid_interp_time_stretch (&self->time, duration) / NEAR : 0;
}

static const GstVidInterpFrame *
last_frame (GstVidInterp * self)
{
  return self->n_held > 0 ? &self->held[self->n_held - 1] : &self->previous;
}

/* What had no time follows the one before. */
static GstClockTime
pts_of (GstVidInterp * self, GstBuffer * buffer)
{
  GstBuffer *previous = last_frame (self)->buffer;

  if (GST_BUFFER_PTS_IS_VALID (buffer))
    return GST_BUFFER_PTS (buffer);
  if (previous != NULL && GST_BUFFER_PTS_IS_VALID (previous))
    return GST_BUFFER_PTS (previous) + duration_of (self, previous);
  return self->segment.start;
}

static gdouble
get_slowdown (GstVidInterp * self)
{
  gdouble slowdown;

  GST_OBJECT_LOCK (self);
  slowdown = self->slowdown;
  GST_OBJECT_UNLOCK (self);

  return slowdown;
}

/* Output. */

static void
forget_held (GstVidInterp * self)
{
  for (guint i = 0; i < self->n_held; i++)
    gst_clear_buffer (&self->held[i].buffer);
  self->n_held = 0;
}

static void
forget_frames (GstVidInterp * self)
{
  forget_held (self);
  gst_clear_buffer (&self->previous.buffer);
  self->still = FALSE;
}

static GstClockTime
running_time_of (GstVidInterp * self, GstBuffer * buffer)
{
  GstSegment segment = self->segment;

  gst_vid_interp_time_stretch_segment (&self->time, &segment);
  return gst_segment_to_running_time (&segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (buffer));
}

static void
post_qos (GstVidInterp * self, GstBuffer * buffer, GstClockTime running_time,
    GstClockTimeDiff lateness)
{
  GstMessage *message = gst_message_new_qos (GST_OBJECT (self), self->live,
      running_time, gst_segment_to_stream_time (&self->segment,
          GST_FORMAT_TIME, GST_BUFFER_PTS (buffer)),
      GST_BUFFER_PTS (buffer), GST_BUFFER_DURATION (buffer));

  gst_message_set_qos_values (message, lateness, 1.0,
      gst_vid_interp_quality_get (&self->quality));
  gst_message_set_qos_stats (message, GST_FORMAT_BUFFERS, self->processed, 0);
  gst_element_post_message (GST_ELEMENT (self), message);
}

/* How late a frame of a live source is when it leaves. */
static gboolean
measure_lateness (GstVidInterp * self, GstClockTime running_time,
    GstClockTimeDiff * lateness)
{
  g_autoptr (GstClock) clock = gst_element_get_clock (GST_ELEMENT (self));
  GstClockTime deadline;

  if (clock == NULL || !GST_CLOCK_TIME_IS_VALID (self->pipeline_latency)
      || GST_STATE (self) != GST_STATE_PLAYING)
    return FALSE;

  deadline = running_time + gst_element_get_base_time (GST_ELEMENT (self))
      + self->pipeline_latency;
  *lateness = GST_CLOCK_DIFF (deadline, gst_clock_get_time (clock));
  return TRUE;
}

/* What the sink has reported last, once. */
static gboolean
take_report (GstVidInterp * self, GstClockTime * running_time,
    GstClockTimeDiff * lateness)
{
  GST_OBJECT_LOCK (self);
  *running_time = self->qos_time;
  *lateness = self->qos_lateness;
  self->qos_time = GST_CLOCK_TIME_NONE;
  GST_OBJECT_UNLOCK (self);

  return GST_CLOCK_TIME_IS_VALID (*running_time);
}

static void
update_quality (GstVidInterp * self, GstBuffer * buffer)
{
  GstClockTime now = g_get_monotonic_time () * GST_USECOND;
  GstClockTime running_time = running_time_of (self, buffer);
  GstClockTimeDiff lateness;
  gboolean known = self->live && GST_CLOCK_TIME_IS_VALID (running_time)
      ? measure_lateness (self, running_time, &lateness)
      : take_report (self, &running_time, &lateness);
  gboolean changed;

  if (!known || self->keep)
    return;

  /* Less than half a frame is no harm. */
  lateness -= frame_duration (&self->out_info) / 2;
  GST_OBJECT_LOCK (self);
  gst_vid_interp_quality_excuse (&self->quality, now, self->preparing);
  self->preparing = 0;
  changed = gst_vid_interp_quality_update (&self->quality, self->method, now,
      lateness);
  GST_OBJECT_UNLOCK (self);

  if (changed)
    post_qos (self, buffer, running_time, lateness);
}

/* Takes the buffer. */
static GstFlowReturn
push (GstVidInterp * self, GstBuffer * buffer)
{
  if (self->discont && !GST_BUFFER_FLAG_IS_SET (buffer,
          GST_BUFFER_FLAG_DISCONT)) {
    buffer = gst_buffer_make_writable (buffer);
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  }
  self->discont = FALSE;
  self->processed++;
  update_quality (self, buffer);

  GST_LOG_OBJECT (self, "pushing %" GST_PTR_FORMAT, buffer);
  return gst_pad_push (src_pad (self), buffer);
}

/* The next frame of the output's rate, with these pixels: the very buffer if
 * it has the right times. Takes the buffer. */
static GstFlowReturn
push_next (GstVidInterp * self, GstBuffer * buffer)
{
  g_autoptr (GstBuffer) stamp = gst_buffer_new ();
  GstClockTime pts;

  gst_svd_timeline_stamp (&self->timeline, stamp);
  pts = gst_vid_interp_time_pts (&self->time, GST_BUFFER_PTS (stamp),
      GST_BUFFER_DURATION (stamp));

  if (GST_BUFFER_PTS (buffer) != pts
      || GST_BUFFER_DURATION (buffer) != GST_BUFFER_DURATION (stamp)) {
    buffer = gst_buffer_make_writable (buffer);
    GST_BUFFER_PTS (buffer) = pts;
    GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
    GST_BUFFER_DURATION (buffer) = GST_BUFFER_DURATION (stamp);
    GST_BUFFER_OFFSET (buffer) = GST_BUFFER_OFFSET (stamp);
    GST_BUFFER_OFFSET_END (buffer) = GST_BUFFER_OFFSET_END (stamp);
    GST_BUFFER_FLAG_UNSET (buffer, GST_BUFFER_FLAG_DISCONT);
  }
  return push (self, buffer);
}

/* Making frames. */

static GstVidInterpMethod
choose_method (GstVidInterp * self)
{
  GstVidInterpMethod method;

  GST_OBJECT_LOCK (self);
  method = gst_vid_interp_quality_choose (&self->quality, self->method);
  GST_OBJECT_UNLOCK (self);

  return method;
}

static GstBuffer *
interpolate (GstVidInterp * self, GstVidInterpMethod method,
    GstClockTime place, const GstVidInterpFrame * next, GCancellable * cancellable,
    GError ** error)
{
  GstClockTime start = self->previous.place;
  gint64 begin = g_get_monotonic_time ();
  GstBuffer *buffer;

  if (!gst_vid_interp_pair_load (&self->pair, &self->previous, next,
          cancellable, error))
    return NULL;
  buffer = gst_vid_interp_pair_render (&self->pair, methods[method],
      (gdouble) (place - start) / (next->place - start), cancellable, error);
  if (self->warm & 1u << method)
    note_compute_time (self, begin);
  else
    self->preparing += (g_get_monotonic_time () - begin) * GST_USECOND;
  self->warm |= 1u << method;
  return buffer;
}

/* The last frame that came before this place, or at it. */
static const GstVidInterpFrame *
frame_at (GstVidInterp * self, GstClockTime place)
{
  GstClockTime near = tolerance (self);
  const GstVidInterpFrame *frame = &self->previous;

  for (guint i = 0; i < self->n_held; i++)
    if (self->held[i].place <= place + near)
      frame = &self->held[i];
  return frame;
}

/* The picture at this place, from the previous frame on and before next. */
static GstBuffer *
make_frame (GstVidInterp * self, Change change, GstClockTime place,
    const GstVidInterpFrame * next, GCancellable * cancellable, GError ** error)
{
  GstVidInterpMethod method = choose_method (self);

  if (change == MOTION && method != GST_VID_INTERP_METHOD_DUPLICATE
      && place > self->previous.place + tolerance (self))
    return interpolate (self, method, place, next, cancellable, error);
  return gst_buffer_ref (frame_at (self, place)->buffer);
}

/* The place of the output's next frame, if that is before this end. */
static gboolean
next_place (GstVidInterp * self, GstClockTime end, GstClockTime * place)
{
  *place = gst_svd_timeline_get_time (&self->timeline);
  return *place + tolerance (self) < end;
}

static GstFlowReturn
repeat_until (GstVidInterp * self, GstClockTime end)
{
  GstFlowReturn flow = GST_FLOW_OK;
  GstClockTime place;

  while (flow == GST_FLOW_OK && next_place (self, end, &place))
    flow = push_next (self, gst_buffer_ref (frame_at (self, place)->buffer));
  return flow;
}

/* At the output's rate. */
static GstFlowReturn
fill_until (GstVidInterp * self, Change change, const GstVidInterpFrame * next,
    GCancellable * cancellable, GError ** error)
{
  GstFlowReturn flow = GST_FLOW_OK;
  GstClockTime place;

  while (flow == GST_FLOW_OK && next_place (self, next->place, &place)) {
    GstBuffer *buffer = make_frame (self, change, place, next, cancellable,
        error);

    if (buffer == NULL)
      return GST_FLOW_ERROR;
    flow = push_next (self, buffer);
  }
  return flow;
}

/* Where all frames go through: those that were held, or what they should
 * have been. */
static GstFlowReturn
release_held (GstVidInterp * self, Change change, const GstVidInterpFrame * next,
    GCancellable * cancellable, GError ** error)
{
  GstFlowReturn flow = GST_FLOW_OK;

  for (guint i = 0; flow == GST_FLOW_OK && i < self->n_held; i++) {
    const GstVidInterpFrame *held = &self->held[i];
    GstBuffer *buffer = make_frame (self, change, held->place, next,
        cancellable, error);

    if (buffer == NULL)
      return GST_FLOW_ERROR;
    if (buffer != held->buffer)
      gst_buffer_copy_into (buffer, held->buffer,
          GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
    flow = push (self, buffer);
  }
  return flow;
}

static void
start_timeline (GstVidInterp * self, GstClockTime place)
{
  if (!gst_svd_timeline_is_started (&self->timeline))
    gst_svd_timeline_start (&self->timeline, place);
  gst_svd_timeline_skip_to (&self->timeline, place);
}

/* The frame itself, if the output has one at its place. */
static GstFlowReturn
push_previous (GstVidInterp * self)
{
  GstClockTime place = self->previous.place, near = tolerance (self);

  if (self->keep)
    return push (self, gst_buffer_ref (self->previous.buffer));

  start_timeline (self, place > near
      && gst_svd_timeline_is_started (&self->timeline) ? place - near : place);
  if (gst_svd_timeline_get_time (&self->timeline) > place + near)
    return GST_FLOW_OK;
  return push_next (self, gst_buffer_ref (self->previous.buffer));
}

/* After the last frame of something: for as long as that lasts. */
static void
drain (GstVidInterp * self)
{
  const GstVidInterpFrame *last = last_frame (self);

  if (self->previous.buffer == NULL)
    return;

  if (self->keep)
    release_held (self, STILL, NULL, NULL, NULL);
  else
    repeat_until (self, last->place + gst_vid_interp_time_stretch (&self->time,
            duration_of (self, last->buffer)));
  forget_frames (self);
}

/* From one frame to the next. */

static gboolean
are_neighbours (GstVidInterp * self, const GstVidInterpFrame * next)
{
  GstClockTime duration = frame_duration (&self->in_info);

  return !GST_CLOCK_TIME_IS_VALID (duration)
      || next->place - last_frame (self)->place <= MAX_DISTANCE
      * gst_vid_interp_time_stretch (&self->time, duration);
}

/* Spreading motion over frames that repeat means waiting for the one after
 * them, for which there is no time where it is live. */
static gboolean
may_hold (GstVidInterp * self, const GstSvdSettings * settings)
{
  return !self->live && settings->duplicate_threshold > 0.0
      && self->method != GST_VID_INTERP_METHOD_DUPLICATE;
}

/* Whether a frame would be made between the two if there were motion. */
static gboolean
is_needed (GstVidInterp * self, const GstVidInterpFrame * next)
{
  GstClockTime place;

  if (self->n_held > 0)
    return TRUE;
  return !self->keep && next_place (self, next->place, &place);
}

static gboolean
judge (GstVidInterp * self, const GstVidInterpFrame * next,
    const GstSvdSettings * settings, Change * change,
    GCancellable * cancellable, GError ** error)
{
  SvdFrameDifference difference;

  *change = CUT;
  if (!are_neighbours (self, next)
      || choose_method (self) == GST_VID_INTERP_METHOD_DUPLICATE)
    return TRUE;

  *change = MOTION;
  if (!may_hold (self, settings) && !is_needed (self, next))
    return TRUE;
  if (!gst_vid_interp_pair_load (&self->pair, &self->previous, next,
          cancellable, error)
      || !svd_interpolator_compare (self->pair.interpolator, &difference,
          cancellable, error))
    return FALSE;

  GST_LOG_OBJECT (self, "largest difference %f, scene change %f",
      difference.largest, difference.scene);
  if (difference.largest < settings->duplicate_threshold)
    *change = STILL;
  else if (difference.scene > settings->scene_threshold)
    *change = CUT;
  return TRUE;
}

static gboolean
hold (GstVidInterp * self, const GstVidInterpFrame * frame)
{
  if (self->still || self->n_held == MAX_HELD)
    return FALSE;

  self->held[self->n_held] = *frame;
  gst_buffer_ref (frame->buffer);
  self->n_held++;
  return TRUE;
}

/* Next becomes previous. */
static gboolean
advance (GstVidInterp * self, const GstVidInterpFrame * next, GError ** error)
{
  if (!gst_vid_interp_pair_advance (&self->pair, next, error))
    return FALSE;
  forget_held (self);
  gst_buffer_replace (&self->previous.buffer, next->buffer);
  self->previous.place = next->place;
  self->previous.serial = next->serial;
  return TRUE;
}

static gboolean
is_held (GstVidInterp * self, const GstVidInterpFrame * frame)
{
  return self->n_held > 0
      && self->held[self->n_held - 1].serial == frame->serial;
}

static GstFlowReturn
go_on (GstVidInterp * self, const GstVidInterpFrame * next,
    const GstSvdSettings * settings, GCancellable * cancellable,
    GError ** error)
{
  Change change;

  if (!judge (self, next, settings, &change, cancellable, error))
    return GST_FLOW_ERROR;
  if (change == STILL && may_hold (self, settings) && hold (self, next))
    return GST_FLOW_OK;

  self->still = change == STILL;
  return self->keep ? release_held (self, change, next, cancellable, error)
      : fill_until (self, change, next, cancellable, error);
}

/* Input. */

static void
update_slowdown (GstVidInterp * self, gdouble slowdown, GstClockTime pts,
    GstClockTime duration)
{
  GstSegment segment = self->segment;

  if (slowdown == get_slowdown (self))
    return;

  GST_OBJECT_LOCK (self);
  self->slowdown = slowdown;
  GST_OBJECT_UNLOCK (self);

  gst_vid_interp_time_stretch_segment (&self->time, &segment);
  gst_vid_interp_time_set_slowdown (&self->time, slowdown, pts, duration);
  /* Nobody knows where it ends now. */
  if (segment.rate > 0.0)
    segment.stop = GST_CLOCK_TIME_NONE;
  segment.duration = GST_CLOCK_TIME_NONE;
  gst_pad_push_event (src_pad (self), gst_event_new_segment (&segment));
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
    start_timeline (self, self->previous.place);
    gst_svd_timeline_skip_to (&self->timeline, self->previous.place
        + tolerance (self) + 1);
  }

  frame = self->keep || self->in_info.fps_n <= 0 ? 0
      : frame_duration (&self->in_info);
  GST_OBJECT_LOCK (self);
  changed = gst_vid_interp_latency_set_frame (&self->latency, frame);
  GST_OBJECT_UNLOCK (self);

  if (changed)
    post_latency (self);
}

static GstFlowReturn
gst_vid_interp_process (GstSvdStage * stage, GstBuffer * buffer,
    const GstSvdSettings * settings, GCancellable * cancellable,
    GError ** error)
{
  GstVidInterp *self = GST_VID_INTERP (stage);
  GstClockTime pts = pts_of (self, buffer);
  GstClockTime duration = duration_of (self, buffer);
  GstFlowReturn flow;
  GstVidInterpFrame next;

  update_settings (self, settings);
  update_slowdown (self, settings->slowdown, pts, duration);
  update_mode (self);
  next = (GstVidInterpFrame) {
    .buffer = buffer,
    .place = gst_vid_interp_time_place (&self->time, pts, duration),
    .serial = ++self->serial,
  };

  if (self->previous.buffer == NULL)
    return advance (self, &next, error) ? push_previous (self)
        : GST_FLOW_ERROR;

  if (next.place <= last_frame (self)->place) {
    GST_WARNING_OBJECT (self, "dropping a frame that is not later than the "
        "one before: %" GST_PTR_FORMAT, buffer);
    return GST_FLOW_OK;
  }

  flow = go_on (self, &next, settings, cancellable, error);
  if (flow != GST_FLOW_OK || is_held (self, &next))
    return flow;
  return advance (self, &next, error) ? push_previous (self) : GST_FLOW_ERROR;
}

/* Caps. */

static gboolean
gst_vid_interp_set_caps (GstSvdStage * stage, GstCaps * caps, GError ** error)
{
  GstVidInterp *self = GST_VID_INTERP (stage);
  GstVideoInfo info;

  if (!gst_video_info_from_caps (&info, caps)) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "These caps are not of a video: put videoconvert in front of %s.",
        GST_OBJECT_NAME (self));
    return FALSE;
  }
  if (GST_VIDEO_INFO_IS_INTERLACED (&info)) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "Interlaced video cannot be interpolated: put deinterlace in front "
        "of %s.", GST_OBJECT_NAME (self));
    return FALSE;
  }

  drain (self);
  gst_caps_replace (&self->in_caps, caps);
  self->in_info = info;
  gst_vid_interp_pair_set_info (&self->pair, &info);
  self->have_out_info = FALSE;
  self->warm = 0;
  self->live = is_live (self);
  return TRUE;
}

/* The caps with any frame rate. */
static GstCaps *
any_rate (GstCaps * caps)
{
  caps = gst_caps_make_writable (caps);
  gst_caps_set_simple (caps, "framerate", GST_TYPE_FRACTION_RANGE, 0, 1,
      G_MAXINT, 1, NULL);
  return caps;
}

/* The rate that downstream wants, or the input's. */
static GstCaps *
choose_caps (GstVidInterp * self, GError ** error)
{
  g_autoptr (GstCaps) filter = any_rate (gst_caps_ref (self->in_caps));
  g_autoptr (GstCaps) allowed =
      gst_pad_peer_query_caps (src_pad (self), filter);

  if (gst_caps_is_empty (allowed)) {
    g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
        "What follows %s does not take such frames at any rate: put "
        "videoconvert in between.", GST_OBJECT_NAME (self));
    return NULL;
  }

  allowed = gst_caps_make_writable (gst_caps_truncate (g_steal_pointer
          (&allowed)));
  gst_structure_fixate_field_nearest_fraction (gst_caps_get_structure
      (allowed, 0), "framerate", self->in_info.fps_n, self->in_info.fps_d);
  return gst_caps_fixate (g_steal_pointer (&allowed));
}

static GstCaps *
gst_vid_interp_get_caps (GstSvdStage * stage, const GstSvdSettings * settings,
    GError ** error)
{
  GstVidInterp *self = GST_VID_INTERP (stage);
  gboolean reconfigure = gst_pad_check_reconfigure (src_pad (self));
  g_autoptr (GstCaps) caps = NULL;

  if (self->have_out_info && !reconfigure)
    return gst_pad_get_current_caps (src_pad (self));

  caps = choose_caps (self, error);
  if (caps == NULL)
    return NULL;

  gst_video_info_from_caps (&self->out_info, caps);
  self->have_out_info = TRUE;
  if (self->out_info.fps_n > 0)
    gst_svd_timeline_set_rate (&self->timeline, self->out_info.fps_n,
        self->out_info.fps_d);
  GST_INFO_OBJECT (self, "making %d/%d of %d/%d frames a second",
      self->out_info.fps_n, self->out_info.fps_d, self->in_info.fps_n,
      self->in_info.fps_d);
  return g_steal_pointer (&caps);
}

/* What one pad can do follows from the other's peer. */
static gboolean
answer_caps (GstVidInterp * self, GstPad * pad, GstQuery * query)
{
  GstPad *other = pad == src_pad (self) ? sink_pad (self) : src_pad (self);
  g_autoptr (GstCaps) template = gst_pad_get_pad_template_caps (pad);
  g_autoptr (GstCaps) peer = NULL;
  g_autoptr (GstCaps) result = NULL;
  GstCaps *filter;

  peer = gst_pad_peer_query_caps (other, template);
  result = any_rate (g_steal_pointer (&peer));
  gst_query_parse_caps (query, &filter);
  if (filter != NULL) {
    GstCaps *filtered = gst_caps_intersect_full (filter, result,
        GST_CAPS_INTERSECT_FIRST);

    gst_caps_unref (result);
    result = filtered;
  }
  gst_query_set_caps_result (query, result);
  return TRUE;
}

/* Events and queries. */

/* Times go on. */
static gboolean
is_same_segment (GstVidInterp * self, GstEvent * event)
{
  GstSegment segment;

  gst_event_copy_segment (event, &segment);
  segment.position = self->segment.position;
  return gst_segment_is_equal (&segment, &self->segment);
}

static gboolean
handle_segment (GstVidInterp * self, GstEvent * event)
{
  GstSegment segment;
  gdouble slowdown;
  GstEvent *out;

  if (self->have_segment && is_same_segment (self, event)
      && !gst_vid_interp_time_is_stretched (&self->time))
    return gst_pad_push_event (src_pad (self), event);

  drain (self);
  gst_event_copy_segment (event, &self->segment);
  self->have_segment = TRUE;
  if (self->segment.format != GST_FORMAT_TIME) {
    gst_segment_init (&self->segment, GST_FORMAT_TIME);
    GST_WARNING_OBJECT (self, "a segment not in time is taken for all of it");
  }

  g_object_get (self, "slowdown", &slowdown, NULL);
  GST_OBJECT_LOCK (self);
  self->slowdown = slowdown;
  GST_OBJECT_UNLOCK (self);
  gst_vid_interp_time_init (&self->time, &self->segment, slowdown);
  gst_svd_timeline_reset (&self->timeline);
  if (self->out_info.fps_n > 0)
    gst_svd_timeline_set_rate (&self->timeline, self->out_info.fps_n,
        self->out_info.fps_d);

  segment = self->segment;
  gst_vid_interp_time_stretch_segment (&self->time, &segment);
  out = gst_event_new_segment (&segment);
  gst_event_set_seqnum (out, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return gst_pad_push_event (src_pad (self), out);
}

static gboolean
handle_gap (GstVidInterp * self, GstEvent * event)
{
  GstClockTime pts, duration;
  GstEvent *out;

  gst_event_parse_gap (event, &pts, &duration);
  drain (self);
  duration = gst_vid_interp_time_stretch (&self->time, duration);
  pts = gst_vid_interp_time_pts (&self->time,
      gst_vid_interp_time_place (&self->time, pts, duration), duration);
  out = gst_event_new_gap (pts, duration);
  gst_event_set_seqnum (out, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return gst_pad_push_event (src_pad (self), out);
}

static gboolean
gst_vid_interp_sink_event (GstSvdStage * stage, GstEvent * event)
{
  GstVidInterp *self = GST_VID_INTERP (stage);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_SEGMENT:
      return handle_segment (self, event);
    case GST_EVENT_GAP:
      return handle_gap (self, event);
    case GST_EVENT_EOS:
      drain (self);
      break;
    default:
      break;
  }

  return GST_SVD_STAGE_CLASS (gst_vid_interp_parent_class)->sink_event (stage,
      event);
}

static gint64
divide (gint64 time, gdouble slowdown)
{
  return time > 0 ? (gint64) (time / slowdown) : time;
}

/* The times of the input that those of the output come from. */
static GstEvent *
unstretch_seek (GstVidInterp * self, GstEvent * event)
{
  gdouble slowdown = get_slowdown (self), rate;
  GstFormat format;
  GstSeekFlags flags;
  GstSeekType start_type, stop_type;
  gint64 start, stop;
  GstEvent *out;

  gst_event_parse_seek (event, &rate, &format, &flags, &start_type, &start,
      &stop_type, &stop);
  if (format != GST_FORMAT_TIME || slowdown == 1.0)
    return event;

  out = gst_event_new_seek (rate, format, flags, start_type,
      divide (start, slowdown), stop_type, divide (stop, slowdown));
  gst_event_set_seqnum (out, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return out;
}

static void
note_qos (GstVidInterp * self, GstEvent * event)
{
  GST_OBJECT_LOCK (self);
  gst_event_parse_qos (event, NULL, NULL, &self->qos_lateness,
      &self->qos_time);
  GST_OBJECT_UNLOCK (self);
}

static gboolean
gst_vid_interp_src_event (GstSvdStage * stage, GstEvent * event)
{
  GstVidInterp *self = GST_VID_INTERP (stage);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_SEEK:
      event = unstretch_seek (self, event);
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

static gint64
multiply (gint64 time, gdouble slowdown)
{
  return time > 0 ? (gint64) (time * slowdown) : time;
}

static gboolean
answer_position (GstVidInterp * self, GstQuery * query)
{
  gdouble slowdown = get_slowdown (self);
  GstFormat format;
  gint64 time;

  if (!gst_pad_peer_query (sink_pad (self), query))
    return FALSE;

  if (GST_QUERY_TYPE (query) == GST_QUERY_POSITION) {
    gst_query_parse_position (query, &format, &time);
    if (format == GST_FORMAT_TIME)
      gst_query_set_position (query, format, multiply (time, slowdown));
  } else {
    gst_query_parse_duration (query, &format, &time);
    if (format == GST_FORMAT_TIME)
      gst_query_set_duration (query, format, multiply (time, slowdown));
  }
  return TRUE;
}

static gboolean
gst_vid_interp_query (GstSvdStage * stage, GstPad * pad, GstQuery * query)
{
  GstVidInterp *self = GST_VID_INTERP (stage);

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
      return answer_caps (self, pad, query);
    case GST_QUERY_LATENCY:
      return answer_latency (self, query);
    case GST_QUERY_POSITION:
    case GST_QUERY_DURATION:
      return answer_position (self, query);
    default:
      return GST_SVD_STAGE_CLASS (gst_vid_interp_parent_class)->query (stage,
          pad, query);
  }
}

static void
gst_vid_interp_reset (GstSvdStage * stage)
{
  GstVidInterp *self = GST_VID_INTERP (stage);

  forget_frames (self);
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
  self->have_segment = FALSE;
  gst_vid_interp_time_init (&self->time, &self->segment, get_slowdown (self));
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

  forget_frames (self);
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
