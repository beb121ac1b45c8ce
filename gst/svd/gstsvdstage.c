/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsvdstage.h"

#include "gstsvddevice.h"
#include "gstsvderror.h"
#include "gstsvdprogress.h"

GST_DEBUG_CATEGORY_STATIC (gst_svd_stage_debug);
#define GST_CAT_DEFAULT gst_svd_stage_debug

typedef struct
{
  GstPad *sinkpad, *srcpad;

  /* Under the object lock. */
  GstSvdSettings settings;
  SvdDevice *device;
  gchar *device_name;           /* what it was asked for by */
  GCancellable *cancellable;    /* of the work in progress and until a flush ends */

  /* From READY to PAUSED until back to NULL. */
  gboolean model_is_open;
  gchar *model_name;            /* what it was asked for by */
  SvdModel *model;              /* unless the subclass has one of its own */
  SvdStageOptions options;      /* of the worker */

  /* Under the stream lock. */
  gpointer worker;
  guint loaded_percent;         /* as posted last */
  gboolean have_caps;
  GstCaps *bad_caps;            /* have been refused, and the error posted */
} GstSvdStagePrivate;

#define PRIV(self) \
    ((GstSvdStagePrivate *) gst_svd_stage_get_instance_private (self))

G_DEFINE_ABSTRACT_TYPE_WITH_CODE (GstSvdStage, gst_svd_stage, GST_TYPE_ELEMENT,
    G_ADD_PRIVATE (GstSvdStage);
    GST_DEBUG_CATEGORY_INIT (gst_svd_stage_debug, "svdstage", 0,
        "Base class of the Stable Video Diffusion elements"));

GstPad *
gst_svd_stage_get_src_pad (GstSvdStage * self)
{
  return PRIV (self)->srcpad;
}

GstPad *
gst_svd_stage_get_sink_pad (GstSvdStage * self)
{
  return PRIV (self)->sinkpad;
}

SvdModel *
gst_svd_stage_get_model (GstSvdStage * self)
{
  return PRIV (self)->model;
}

SvdDevice *
gst_svd_stage_get_device (GstSvdStage * self)
{
  return PRIV (self)->device;
}

gpointer
gst_svd_stage_get_worker (GstSvdStage * self)
{
  return PRIV (self)->worker;
}

static void
copy_settings (GstSvdStage * self, GstSvdSettings * settings)
{
  GST_OBJECT_LOCK (self);
  gst_svd_settings_copy (settings, &PRIV (self)->settings);
  GST_OBJECT_UNLOCK (self);
}

/* Cancelling.
 *
 * A cancelled GCancellable stays until the flush or the pause has ended and
 * is then replaced rather than reset: whoever still holds it stays cancelled. */

static void
cancel (GstSvdStage * self)
{
  GCancellable *cancellable;

  GST_OBJECT_LOCK (self);
  cancellable = g_object_ref (PRIV (self)->cancellable);
  GST_OBJECT_UNLOCK (self);

  g_cancellable_cancel (cancellable);
  g_object_unref (cancellable);
}

static void
renew_cancellable (GstSvdStage * self)
{
  GCancellable *cancellable = g_cancellable_new ();

  GST_OBJECT_LOCK (self);
  g_set_object (&PRIV (self)->cancellable, cancellable);
  GST_OBJECT_UNLOCK (self);

  g_object_unref (cancellable);
}

static GCancellable *
ref_cancellable (GstSvdStage * self)
{
  GCancellable *cancellable;

  GST_OBJECT_LOCK (self);
  cancellable = g_object_ref (PRIV (self)->cancellable);
  GST_OBJECT_UNLOCK (self);

  return cancellable;
}

/* Opening and closing. */

static void
unload (GstSvdStage * self)
{
  GstSvdStagePrivate *priv = PRIV (self);

  if (priv->worker != NULL)
    GST_SVD_STAGE_GET_CLASS (self)->unload (priv->worker);
  priv->worker = NULL;
}

static void
gst_svd_stage_default_close_model (GstSvdStage * self)
{
  g_clear_pointer (&PRIV (self)->model, svd_model_unref);
}

static void
close_model (GstSvdStage * self)
{
  GstSvdStagePrivate *priv = PRIV (self);

  unload (self);
  if (priv->model_is_open)
    GST_SVD_STAGE_GET_CLASS (self)->close_model (self);
  priv->model_is_open = FALSE;
  g_clear_pointer (&priv->model_name, g_free);
}

static void
close_device (GstSvdStage * self)
{
  GstSvdStagePrivate *priv = PRIV (self);
  SvdDevice *device;

  unload (self);

  GST_OBJECT_LOCK (self);
  device = g_steal_pointer (&priv->device);
  g_clear_pointer (&priv->device_name, g_free);
  GST_OBJECT_UNLOCK (self);

  g_clear_pointer (&device, svd_device_unref);
}

static void
close_all (GstSvdStage * self)
{
  close_model (self);
  close_device (self);
}

/* Not set and empty mean the same. */
static gboolean
is_same (const gchar * a, const gchar * b)
{
  return g_str_equal (a != NULL ? a : "", b != NULL ? b : "");
}

/* Properties may have changed since the last time. */
static void
close_outdated (GstSvdStage * self, const GstSvdSettings * settings)
{
  GstSvdStagePrivate *priv = PRIV (self);

  if (!is_same (priv->model_name, settings->model))
    close_model (self);
  if (!is_same (priv->device_name, settings->device))
    close_device (self);
}

static gboolean
gst_svd_stage_default_open_model (GstSvdStage * self, const gchar * name,
    GError ** error)
{
  SvdModel *model = svd_model_open (name, error);

  if (model == NULL)
    return FALSE;

  GST_INFO_OBJECT (self, "opened %s", svd_model_get_path (model));
  PRIV (self)->model = model;
  return TRUE;
}

static gboolean
open_model (GstSvdStage * self, const GstSvdSettings * settings,
    GError ** error)
{
  GstSvdStagePrivate *priv = PRIV (self);

  if (priv->model_is_open)
    return TRUE;

  priv->model_is_open = GST_SVD_STAGE_GET_CLASS (self)->open_model (self,
      settings->model, error);
  priv->model_name = g_strdup (settings->model);
  return priv->model_is_open;
}

/* Keeps the first device; takes the reference. */
static void
take_device (GstSvdStage * self, SvdDevice * device, const gchar * name)
{
  GstSvdStagePrivate *priv = PRIV (self);

  GST_OBJECT_LOCK (self);
  if (priv->device == NULL) {
    priv->device = g_steal_pointer (&device);
    priv->device_name = g_strdup (name);
  }
  GST_OBJECT_UNLOCK (self);

  g_clear_pointer (&device, svd_device_unref);
}

static gboolean
has_device (GstSvdStage * self)
{
  gboolean has;

  GST_OBJECT_LOCK (self);
  has = PRIV (self)->device != NULL;
  GST_OBJECT_UNLOCK (self);

  return has;
}

static gboolean
open_device (GstSvdStage * self, const GstSvdSettings * settings,
    GError ** error)
{
  GstElement *element = GST_ELEMENT (self);
  SvdDevice *device;

  if (!has_device (self))
    gst_svd_device_request (element);
  if (has_device (self))
    return TRUE;

  device = svd_device_open (settings->device, error);
  if (device == NULL)
    return FALSE;

  GST_INFO_OBJECT (self, "opened %s (%s)", svd_device_get_name (device),
      svd_device_get_driver (device));

  gst_svd_device_announce (element, device, settings->device);
  take_device (self, device, settings->device);
  return TRUE;
}

static gboolean
set_options (GstSvdStage * self, const GstSvdSettings * settings,
    GError ** error)
{
  GstSvdStagePrivate *priv = PRIV (self);
  SvdStageOptions options = { settings->precision, 0 };

  if (!svd_memory_budget_parse (settings->memory_budget, priv->device,
          &options.memory_budget, error))
    return FALSE;

  if (options.precision != priv->options.precision
      || options.memory_budget != priv->options.memory_budget)
    unload (self);
  priv->options = options;
  return TRUE;
}

static gboolean
open_all (GstSvdStage * self)
{
  GstSvdStageClass *klass = GST_SVD_STAGE_GET_CLASS (self);
  g_auto (GstSvdSettings) settings = { 0, };
  g_autoptr (GError) error = NULL;

  copy_settings (self, &settings);
  close_outdated (self, &settings);
  if (open_model (self, &settings, &error)
      && (klass->check == NULL || klass->check (self, &settings, &error))
      && open_device (self, &settings, &error)
      && set_options (self, &settings, &error)
      && (klass->check_weights == NULL
          || klass->check_weights (self, &PRIV (self)->options, &error)))
    return TRUE;

  gst_svd_error_post (GST_ELEMENT (self), error);
  close_all (self);
  return FALSE;
}

static void
reset (GstSvdStage * self)
{
  GstSvdStageClass *klass = GST_SVD_STAGE_GET_CLASS (self);

  if (klass->reset != NULL)
    klass->reset (self);
}

static void
forget_caps (GstSvdStage * self)
{
  PRIV (self)->have_caps = FALSE;
  gst_clear_caps (&PRIV (self)->bad_caps);
}

static GstStateChangeReturn
gst_svd_stage_change_state (GstElement * element, GstStateChange transition)
{
  GstSvdStage *self = GST_SVD_STAGE (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    renew_cancellable (self);
    reset (self);
    if (!open_all (self))
      return GST_STATE_CHANGE_FAILURE;
  } else if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    /* Before the pads are deactivated, which waits for the streaming thread. */
    cancel (self);
  }

  ret = GST_ELEMENT_CLASS (gst_svd_stage_parent_class)->change_state (element,
      transition);

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    forget_caps (self);
  else if (transition == GST_STATE_CHANGE_READY_TO_NULL)
    close_all (self);

  return ret;
}

static void
gst_svd_stage_set_context (GstElement * element, GstContext * context)
{
  GstSvdStage *self = GST_SVD_STAGE (element);
  g_auto (GstSvdSettings) settings = { 0, };
  SvdDevice *device;

  copy_settings (self, &settings);
  device = gst_svd_device_context_get (context, settings.device);
  if (device != NULL)
    take_device (self, device, settings.device);

  GST_ELEMENT_CLASS (gst_svd_stage_parent_class)->set_context (element,
      context);
}

/* Streaming. */

/* Reports why something failed; cancelling is no error. */
static GstFlowReturn
fail (GstSvdStage * self, const GError * error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
    GST_DEBUG_OBJECT (self, "cancelled");
    return GST_FLOW_FLUSHING;
  }

  gst_svd_error_post (GST_ELEMENT (self), error);
  return GST_FLOW_ERROR;
}

static gboolean
negotiate (GstSvdStage * self, const GstSvdSettings * settings, GError ** error)
{
  GstSvdStagePrivate *priv = PRIV (self);
  g_autoptr (GstCaps) current = gst_pad_get_current_caps (priv->srcpad);
  g_autoptr (GstCaps) caps = NULL;

  caps = GST_SVD_STAGE_GET_CLASS (self)->get_caps (self, settings, error);
  if (caps == NULL)
    return FALSE;

  /* If downstream refuses, pushing the next buffer says so. */
  if (current == NULL || !gst_caps_is_equal (current, caps))
    gst_pad_push_event (priv->srcpad, gst_event_new_caps (caps));
  return TRUE;
}

static gboolean
handle_caps (GstSvdStage * self, GstCaps * caps, GError ** error)
{
  GstSvdStageClass *klass = GST_SVD_STAGE_GET_CLASS (self);
  g_auto (GstSvdSettings) settings = { 0, };

  PRIV (self)->have_caps = FALSE;
  if (!klass->set_caps (self, caps, error))
    return FALSE;

  copy_settings (self, &settings);
  PRIV (self)->have_caps = negotiate (self, &settings, error);
  return PRIV (self)->have_caps;
}

/* Refused caps come again with each buffer; one error is enough. */
static gboolean
take_caps (GstSvdStage * self, GstCaps * caps)
{
  GstSvdStagePrivate *priv = PRIV (self);
  g_autoptr (GError) error = NULL;

  if (caps == priv->bad_caps)
    return FALSE;

  gst_clear_caps (&priv->bad_caps);
  if (handle_caps (self, caps, &error))
    return TRUE;

  priv->bad_caps = gst_caps_ref (caps);
  fail (self, error);
  return FALSE;
}

void
gst_svd_stage_post_load (const char *phase, guint64 done, guint64 total,
    gpointer stage)
{
  GstSvdStagePrivate *priv = PRIV (stage);
  guint percent = total > 0 ? (guint) (100 * done / total) : 100;

  if (percent == priv->loaded_percent)
    return;

  priv->loaded_percent = percent;
  gst_svd_progress_post_percent (stage, "load", "Loading the model", percent);
}

static gboolean
load (GstSvdStage * self, GCancellable * cancellable, GError ** error)
{
  GstSvdStagePrivate *priv = PRIV (self);
  GError *load_error = NULL;

  if (priv->worker != NULL)
    return TRUE;

  priv->loaded_percent = 0;
  gst_svd_progress_post (GST_ELEMENT (self), GST_PROGRESS_TYPE_START, "load",
      "Loading the model");
  priv->worker = GST_SVD_STAGE_GET_CLASS (self)->load (self,
      &priv->options, cancellable, &load_error);
  gst_svd_progress_post_end (GST_ELEMENT (self), "load", "Loaded the model",
      load_error);

  if (load_error != NULL)
    g_propagate_error (error, load_error);
  return priv->worker != NULL;
}

/* Properties may follow a control source. */
static void
sync_settings (GstSvdStage * self, GstBuffer * buffer)
{
  g_autoptr (GstEvent) event = NULL;
  const GstSegment *segment;
  GstClockTime time;

  if (!gst_object_has_active_control_bindings (GST_OBJECT (self)))
    return;
  event = gst_pad_get_sticky_event (PRIV (self)->sinkpad, GST_EVENT_SEGMENT, 0);
  if (event == NULL)
    return;

  gst_event_parse_segment (event, &segment);
  if (segment->format != GST_FORMAT_TIME)
    return;
  time = gst_segment_to_stream_time (segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (buffer));
  if (GST_CLOCK_TIME_IS_VALID (time))
    gst_object_sync_values (GST_OBJECT (self), time);
}

static GstFlowReturn
process (GstSvdStage * self, GstBuffer * buffer, GError ** error)
{
  g_autoptr (GCancellable) cancellable = ref_cancellable (self);
  g_auto (GstSvdSettings) settings = { 0, };

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return GST_FLOW_ERROR;

  if (!PRIV (self)->have_caps) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE,
        "There is data without caps: say what it is by a capsfilter in front "
        "of %s, as its documentation shows.", GST_OBJECT_NAME (self));
    return GST_FLOW_ERROR;
  }

  sync_settings (self, buffer);
  copy_settings (self, &settings);
  if (!negotiate (self, &settings, error)
      || !load (self, cancellable, error))
    return GST_FLOW_ERROR;

  return GST_SVD_STAGE_GET_CLASS (self)->process (self, buffer, &settings,
      cancellable, error);
}

static GstFlowReturn
gst_svd_stage_chain (GstPad * pad, GstObject * parent, GstBuffer * buffer)
{
  GstSvdStage *self = GST_SVD_STAGE (parent);
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow;

  flow = process (self, buffer, &error);
  gst_buffer_unref (buffer);

  return error != NULL ? fail (self, error) : flow;
}

static gboolean
gst_svd_stage_default_sink_event (GstSvdStage * self, GstEvent * event)
{
  GstCaps *caps;
  gboolean ok;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      ok = take_caps (self, caps);
      gst_event_unref (event);
      return ok;
    case GST_EVENT_FLUSH_START:
      cancel (self);
      break;
    case GST_EVENT_FLUSH_STOP:
      renew_cancellable (self);
      gst_clear_caps (&PRIV (self)->bad_caps);
      reset (self);
      break;
    default:
      break;
  }

  return gst_pad_event_default (PRIV (self)->sinkpad, GST_OBJECT (self), event);
}

static gboolean
gst_svd_stage_sink_event (GstPad * pad, GstObject * parent, GstEvent * event)
{
  GstSvdStage *self = GST_SVD_STAGE (parent);

  return GST_SVD_STAGE_GET_CLASS (self)->sink_event (self, event);
}

static gboolean
gst_svd_stage_default_src_event (GstSvdStage * self, GstEvent * event)
{
  return gst_pad_event_default (PRIV (self)->srcpad, GST_OBJECT (self), event);
}

static gboolean
gst_svd_stage_src_event (GstPad * pad, GstObject * parent, GstEvent * event)
{
  GstSvdStage *self = GST_SVD_STAGE (parent);

  return GST_SVD_STAGE_GET_CLASS (self)->src_event (self, event);
}

static gboolean
handle_context_query (GstSvdStage * self, GstQuery * query)
{
  GstSvdStagePrivate *priv = PRIV (self);
  gboolean handled;

  GST_OBJECT_LOCK (self);
  handled = gst_svd_device_handle_query (query, priv->device,
      priv->device_name);
  GST_OBJECT_UNLOCK (self);

  return handled;
}

static gboolean
gst_svd_stage_default_query (GstSvdStage * self, GstPad * pad, GstQuery * query)
{
  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CONTEXT:
      if (handle_context_query (self, query))
        return TRUE;
      break;
    case GST_QUERY_LATENCY:
      /* A clip takes as long as it takes, and has its own time: whatever the
       * source is, what comes out is not live. */
      gst_query_set_latency (query, FALSE, 0, GST_CLOCK_TIME_NONE);
      return TRUE;
    default:
      break;
  }

  return gst_pad_query_default (pad, GST_OBJECT (self), query);
}

static gboolean
gst_svd_stage_query (GstPad * pad, GstObject * parent, GstQuery * query)
{
  GstSvdStage *self = GST_SVD_STAGE (parent);

  return GST_SVD_STAGE_GET_CLASS (self)->query (self, pad, query);
}

/* Properties. */

static void
gst_svd_stage_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstSvdStage *self = GST_SVD_STAGE (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_svd_settings_set (&PRIV (self)->settings, id, value);
  GST_OBJECT_UNLOCK (self);

  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_svd_stage_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstSvdStage *self = GST_SVD_STAGE (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_svd_settings_get (&PRIV (self)->settings, id, value);
  GST_OBJECT_UNLOCK (self);

  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

/* The class. */

static void
gst_svd_stage_constructed (GObject * object)
{
  GstSvdStage *self = GST_SVD_STAGE (object);
  GstSvdStagePrivate *priv = PRIV (self);
  GstElementClass *klass = GST_ELEMENT_GET_CLASS (self);

  G_OBJECT_CLASS (gst_svd_stage_parent_class)->constructed (object);

  priv->sinkpad = gst_pad_new_from_template
      (gst_element_class_get_pad_template (klass, "sink"), "sink");
  gst_pad_set_chain_function (priv->sinkpad, gst_svd_stage_chain);
  gst_pad_set_event_function (priv->sinkpad, gst_svd_stage_sink_event);
  gst_pad_set_query_function (priv->sinkpad, gst_svd_stage_query);
  gst_element_add_pad (GST_ELEMENT (self), priv->sinkpad);

  priv->srcpad = gst_pad_new_from_template
      (gst_element_class_get_pad_template (klass, "src"), "src");
  gst_pad_set_event_function (priv->srcpad, gst_svd_stage_src_event);
  gst_pad_set_query_function (priv->srcpad, gst_svd_stage_query);
  gst_element_add_pad (GST_ELEMENT (self), priv->srcpad);
}

static void
gst_svd_stage_finalize (GObject * object)
{
  GstSvdStage *self = GST_SVD_STAGE (object);

  close_all (self);
  forget_caps (self);
  gst_svd_settings_clear (&PRIV (self)->settings);
  g_clear_object (&PRIV (self)->cancellable);

  G_OBJECT_CLASS (gst_svd_stage_parent_class)->finalize (object);
}

static void
gst_svd_stage_init (GstSvdStage * self)
{
  gst_svd_settings_init (&PRIV (self)->settings);
  PRIV (self)->cancellable = g_cancellable_new ();
}

static void
gst_svd_stage_class_init (GstSvdStageClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->constructed = gst_svd_stage_constructed;
  object_class->finalize = gst_svd_stage_finalize;

  element_class->change_state = gst_svd_stage_change_state;
  element_class->set_context = gst_svd_stage_set_context;

  klass->open_model = gst_svd_stage_default_open_model;
  klass->close_model = gst_svd_stage_default_close_model;
  klass->sink_event = gst_svd_stage_default_sink_event;
  klass->src_event = gst_svd_stage_default_src_event;
  klass->query = gst_svd_stage_default_query;

  gst_type_mark_as_plugin_api (GST_TYPE_SVD_STAGE, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SVD_FIT, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SVD_PRECISION, 0);
}

void
gst_svd_stage_class_install (GstSvdStageClass * klass,
    GstSvdProperties properties, GstStaticPadTemplate * sink,
    GstStaticPadTemplate * src)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  /* These two are not inherited. */
  object_class->set_property = gst_svd_stage_set_property;
  object_class->get_property = gst_svd_stage_get_property;

  gst_svd_settings_install (object_class,
      GST_SVD_PROPERTIES_STAGE | properties);
  gst_element_class_add_static_pad_template (element_class, sink);
  gst_element_class_add_static_pad_template (element_class, src);
}
