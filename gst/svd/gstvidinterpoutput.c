/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstvidinterpprivate.h"

#define GST_CAT_DEFAULT gst_vid_interp_debug

/* A frame so near to one that is there, as a share of the time between two,
 * is that one: times are often rounded to milliseconds. */
#define NEAR 32

static const SvdInterpolation methods[] = {
  [GST_VID_INTERP_METHOD_RIFE] = SVD_INTERPOLATION_RIFE,
  [GST_VID_INTERP_METHOD_FLOW] = SVD_INTERPOLATION_FLOW,
  [GST_VID_INTERP_METHOD_BLEND] = SVD_INTERPOLATION_BLEND,
};

GstVidInterpMethod
gst_vid_interp_best_method (SvdInterpolator * interpolator)
{
  SvdInterpolation best = svd_interpolator_get_best (interpolator);

  for (guint i = GST_VID_INTERP_METHOD_RIFE; i < G_N_ELEMENTS (methods); i++)
    if (methods[i] == best)
      return i;
  g_return_val_if_reached (GST_VID_INTERP_METHOD_BLEND);
}

/* Times. */

GstClockTime
gst_vid_interp_frame_duration (const GstVideoInfo * info)
{
  if (info->fps_n <= 0)
    return GST_CLOCK_TIME_NONE;
  return gst_util_uint64_scale_int (GST_SECOND, info->fps_d, info->fps_n);
}

GstClockTime
gst_vid_interp_duration_of (GstVidInterp * self, GstBuffer * buffer)
{
  GstClockTime nominal = gst_vid_interp_frame_duration (&self->in_info);

  if (GST_BUFFER_DURATION_IS_VALID (buffer))
    return GST_BUFFER_DURATION (buffer);
  return GST_CLOCK_TIME_IS_VALID (nominal) ? nominal : 0;
}

GstClockTime
gst_vid_interp_tolerance (GstVidInterp * self)
{
  GstClockTime duration = gst_vid_interp_frame_duration (&self->in_info);

  return GST_CLOCK_TIME_IS_VALID (duration)
      ? gst_vid_interp_time_stretch (&self->time, duration) / NEAR : 0;
}

/* Frames that have come in. */

const GstVidInterpFrame *
gst_vid_interp_last_frame (GstVidInterp * self)
{
  return self->n_held > 0 ? &self->held[self->n_held - 1] : &self->previous;
}

void
gst_vid_interp_forget_held (GstVidInterp * self)
{
  for (guint i = 0; i < self->n_held; i++)
    gst_clear_buffer (&self->held[i].buffer);
  self->n_held = 0;
}

void
gst_vid_interp_forget_frames (GstVidInterp * self)
{
  gst_vid_interp_forget_held (self);
  gst_clear_buffer (&self->previous.buffer);
  self->still = FALSE;
}

/* Output. */

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
  gst_vid_interp_update_quality (self, buffer);

  GST_LOG_OBJECT (self, "pushing %" GST_PTR_FORMAT, buffer);
  return gst_pad_push (gst_vid_interp_src_pad (self), buffer);
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

GstVidInterpMethod
gst_vid_interp_choose_method (GstVidInterp * self)
{
  GstVidInterpMethod method;

  GST_OBJECT_LOCK (self);
  method = gst_vid_interp_quality_choose (&self->quality, self->method);
  GST_OBJECT_UNLOCK (self);

  return method;
}

static GstBuffer *
interpolate (GstVidInterp * self, GstVidInterpMethod method,
    GstClockTime place, const GstVidInterpFrame * next,
    GCancellable * cancellable, GError ** error)
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
    gst_vid_interp_note_compute_time (self, begin);
  else
    self->preparing += (g_get_monotonic_time () - begin) * GST_USECOND;
  self->warm |= 1u << method;
  return buffer;
}

/* The last frame that came before this place, or at it. */
static const GstVidInterpFrame *
frame_at (GstVidInterp * self, GstClockTime place)
{
  GstClockTime near = gst_vid_interp_tolerance (self);
  const GstVidInterpFrame *frame = &self->previous;

  for (guint i = 0; i < self->n_held; i++)
    if (self->held[i].place <= place + near)
      frame = &self->held[i];
  return frame;
}

/* The picture at this place, from the previous frame on and before next. */
static GstBuffer *
make_frame (GstVidInterp * self, GstVidInterpChange change, GstClockTime place,
    const GstVidInterpFrame * next, GCancellable * cancellable, GError ** error)
{
  GstVidInterpMethod method = gst_vid_interp_choose_method (self);

  if (change == GST_VID_INTERP_CHANGE_MOTION
      && method != GST_VID_INTERP_METHOD_DUPLICATE
      && place > self->previous.place + gst_vid_interp_tolerance (self))
    return interpolate (self, method, place, next, cancellable, error);
  return gst_buffer_ref (frame_at (self, place)->buffer);
}

gboolean
gst_vid_interp_next_place (GstVidInterp * self, GstClockTime end,
    GstClockTime * place)
{
  *place = gst_svd_timeline_get_time (&self->timeline);
  return *place + gst_vid_interp_tolerance (self) < end;
}

static GstFlowReturn
repeat_until (GstVidInterp * self, GstClockTime end)
{
  GstFlowReturn flow = GST_FLOW_OK;
  GstClockTime place;

  while (flow == GST_FLOW_OK && gst_vid_interp_next_place (self, end, &place))
    flow = push_next (self, gst_buffer_ref (frame_at (self, place)->buffer));
  return flow;
}

GstFlowReturn
gst_vid_interp_fill_until (GstVidInterp * self, GstVidInterpChange change,
    const GstVidInterpFrame * next, GCancellable * cancellable, GError ** error)
{
  GstFlowReturn flow = GST_FLOW_OK;
  GstClockTime place;

  while (flow == GST_FLOW_OK
      && gst_vid_interp_next_place (self, next->place, &place)) {
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
GstFlowReturn
gst_vid_interp_release_held (GstVidInterp * self, GstVidInterpChange change,
    const GstVidInterpFrame * next, GCancellable * cancellable, GError ** error)
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

void
gst_vid_interp_start_timeline (GstVidInterp * self, GstClockTime place)
{
  if (!gst_svd_timeline_is_started (&self->timeline))
    gst_svd_timeline_start (&self->timeline, place);
  gst_svd_timeline_skip_to (&self->timeline, place);
}

GstFlowReturn
gst_vid_interp_push_previous (GstVidInterp * self)
{
  GstClockTime place = self->previous.place;
  GstClockTime near = gst_vid_interp_tolerance (self);

  if (self->keep)
    return push (self, gst_buffer_ref (self->previous.buffer));

  gst_vid_interp_start_timeline (self, place > near
      && gst_svd_timeline_is_started (&self->timeline) ? place - near : place);
  if (gst_svd_timeline_get_time (&self->timeline) > place + near)
    return GST_FLOW_OK;
  return push_next (self, gst_buffer_ref (self->previous.buffer));
}

void
gst_vid_interp_drain (GstVidInterp * self)
{
  const GstVidInterpFrame *last = gst_vid_interp_last_frame (self);

  if (self->previous.buffer == NULL)
    return;

  if (self->keep)
    gst_vid_interp_release_held (self, GST_VID_INTERP_CHANGE_STILL, NULL, NULL,
        NULL);
  else
    repeat_until (self, last->place + gst_vid_interp_time_stretch (&self->time,
            gst_vid_interp_duration_of (self, last->buffer)));
  gst_vid_interp_forget_frames (self);
}
