/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <svd/svd.h>

#include "gstsvdsettings.h"

G_BEGIN_DECLS

#define GST_TYPE_SVD_STAGE (gst_svd_stage_get_type ())
G_DECLARE_DERIVABLE_TYPE (GstSvdStage, gst_svd_stage, GST, SVD_STAGE,
    GstElement)

/**
 * GstSvdStageClass: what makes svdencode, svdsample and svddecode differ.
 *
 * The base class has the pads, the common properties, the model, the device
 * and the worker (the library's object with the weights); it cancels, posts
 * errors, negotiates and answers queries. Errors are returned as GErrors and
 * posted once, by the base class. All but the first two run with the model
 * open, the worker's with the device open too.
 *
 * @open_model: opens the model of this name (%NULL: the one that comes with
 *     the plugin); here an #SvdModel
 * @close_model: closes it
 * @load: makes the worker; called in the streaming thread for the first picture
 * @unload: frees it
 * @check: (optional): whether the model can do what the properties ask for,
 *     so that mistakes show before data flows
 * @check_weights: (optional): whether the model's files have what load will
 *     want; called with the device open
 * @set_caps: reads the sink pad's caps
 * @get_caps: (transfer full): the src pad's caps for the next clip
 * @process: makes the clip of one buffer, and pushes it; returns what pushing
 *     did, or sets the error
 * @sink_event: handles events from upstream; chain up for the rest
 * @src_event: handles events from downstream; chain up for the rest
 * @query: handles queries on either pad; chain up for the rest
 * @reset: (optional): forget where the stream was: after a flush, or at its end
 */
struct _GstSvdStageClass
{
  GstElementClass parent_class;

  gboolean (*open_model) (GstSvdStage * stage, const gchar * name,
      GError ** error);
  void (*close_model) (GstSvdStage * stage);
  gpointer (*load) (GstSvdStage * stage, const SvdStageOptions * options,
      GCancellable * cancellable, GError ** error);
  void (*unload) (gpointer worker);
  gboolean (*check) (GstSvdStage * stage, const GstSvdSettings * settings,
      GError ** error);
  gboolean (*check_weights) (GstSvdStage * stage,
      const SvdStageOptions * options, GError ** error);
  gboolean (*set_caps) (GstSvdStage * stage, GstCaps * caps, GError ** error);
  GstCaps *(*get_caps) (GstSvdStage * stage, const GstSvdSettings * settings,
      GError ** error);
  GstFlowReturn (*process) (GstSvdStage * stage, GstBuffer * buffer,
      const GstSvdSettings * settings, GCancellable * cancellable,
      GError ** error);
  gboolean (*sink_event) (GstSvdStage * stage, GstEvent * event);
  gboolean (*src_event) (GstSvdStage * stage, GstEvent * event);
  gboolean (*query) (GstSvdStage * stage, GstPad * pad, GstQuery * query);
  void (*reset) (GstSvdStage * stage);
};

/* For class_init: the common properties and these, and the pads. */
void gst_svd_stage_class_install (GstSvdStageClass * klass,
    GstSvdProperties properties, GstStaticPadTemplate * sink,
    GstStaticPadTemplate * src);

/* An #SvdProgress for load, with the stage as its data: posts how many
 * percent of the weights are loaded. */
void gst_svd_stage_post_load (const char *phase, guint64 done, guint64 total,
    gpointer stage);

GstPad *gst_svd_stage_get_src_pad (GstSvdStage * stage);
GstPad *gst_svd_stage_get_sink_pad (GstSvdStage * stage);
SvdModel *gst_svd_stage_get_model (GstSvdStage * stage);
SvdDevice *gst_svd_stage_get_device (GstSvdStage * stage);
gpointer gst_svd_stage_get_worker (GstSvdStage * stage);

G_END_DECLS
