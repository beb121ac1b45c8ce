/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstvidinterpprivate.h"

#define GST_CAT_DEFAULT gst_vid_interp_debug

/* Frames farther apart than so many are not neighbours. */
#define MAX_DISTANCE 4

static gboolean
are_neighbours (GstVidInterp * self, const GstVidInterpFrame * next)
{
  GstClockTime duration = gst_vid_interp_frame_duration (&self->in_info);

  return !GST_CLOCK_TIME_IS_VALID (duration)
      || next->place - gst_vid_interp_last_frame (self)->place <= MAX_DISTANCE
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
  return !self->keep && gst_vid_interp_next_place (self, next->place, &place);
}

static gboolean
judge (GstVidInterp * self, const GstVidInterpFrame * next,
    const GstSvdSettings * settings, GstVidInterpChange * change,
    GCancellable * cancellable, GError ** error)
{
  SvdFrameDifference difference;

  *change = GST_VID_INTERP_CHANGE_CUT;
  if (!are_neighbours (self, next)
      || gst_vid_interp_choose_method (self) == GST_VID_INTERP_METHOD_DUPLICATE)
    return TRUE;

  *change = GST_VID_INTERP_CHANGE_MOTION;
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
    *change = GST_VID_INTERP_CHANGE_STILL;
  else if (difference.scene > settings->scene_threshold)
    *change = GST_VID_INTERP_CHANGE_CUT;
  return TRUE;
}

static gboolean
hold (GstVidInterp * self, const GstVidInterpFrame * frame)
{
  if (self->still || self->n_held == GST_VID_INTERP_MAX_HELD)
    return FALSE;

  self->held[self->n_held] = *frame;
  gst_buffer_ref (frame->buffer);
  self->n_held++;
  return TRUE;
}

gboolean
gst_vid_interp_advance (GstVidInterp * self, const GstVidInterpFrame * next,
    GError ** error)
{
  if (!gst_vid_interp_pair_advance (&self->pair, next, error))
    return FALSE;
  gst_vid_interp_forget_held (self);
  gst_buffer_replace (&self->previous.buffer, next->buffer);
  self->previous.place = next->place;
  self->previous.serial = next->serial;
  return TRUE;
}

gboolean
gst_vid_interp_is_held (GstVidInterp * self, const GstVidInterpFrame * frame)
{
  return self->n_held > 0
      && self->held[self->n_held - 1].serial == frame->serial;
}

GstFlowReturn
gst_vid_interp_go_on (GstVidInterp * self, const GstVidInterpFrame * next,
    const GstSvdSettings * settings, GCancellable * cancellable,
    GError ** error)
{
  GstVidInterpChange change;

  if (!judge (self, next, settings, &change, cancellable, error))
    return GST_FLOW_ERROR;
  if (change == GST_VID_INTERP_CHANGE_STILL && may_hold (self, settings)
      && hold (self, next))
    return GST_FLOW_OK;

  self->still = change == GST_VID_INTERP_CHANGE_STILL;
  if (self->keep)
    return gst_vid_interp_release_held (self, change, next, cancellable,
        error);
  return gst_vid_interp_fill_until (self, change, next, cancellable, error);
}
