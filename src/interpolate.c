/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "models/optical-flow.h"
#include "models/rife.h"
#include "scene-change.h"
#include "stage.h"
#include "video-frame.h"

#include <svd/interpolator.h>

#define EMBEDDED_MODEL "rife-v4.26"

/* Optical flow finds motion where brightness changes by less. */
#define MAX_FLOW_BRIGHTNESS 0.1

#define N_METHODS (SVD_INTERPOLATION_BLEND + 1)

struct _SvdInterpolator
{
  KilnDevice *device;
  KilnType type;
  char *model;
  KilnRife *rife;               /* NULL: not opened yet */
  KilnWeightStore *store;       /* of its weights */

  /* Of one format: */
  SvdVideoFormat format;
  KilnPixels pixels;
  SvdBuffers buffers;           /* see add_buffers() */
  KilnProgram *reader;          /* bytes in → next */
  KilnProgram *comparer;        /* previous, next → difference */
  KilnProgram *motion;          /* previous, next → motion */
  gboolean have_motion, have_difference;        /* of this pair */
  SvdFrameDifference difference;
  KilnProgram *renderers[N_METHODS];    /* previous, next, timestep → bytes out */
};

/* ---- Methods: the picture between two others, at a timestep */

static const KilnShape one_number = { KILN_F32, 1, 1, 1, 1 };

/* The motion is found once a pair: see prepare_motion(). */
static KilnTensor *
flow (KilnGraph *graph, KilnTensor *previous, KilnTensor *next,
    KilnTensor *timestep)
{
  const KilnShape *picture = kiln_tensor_shape (previous);
  KilnShape shape = kiln_optical_flow_shape (picture->height, picture->width);
  KilnTensor *motion = kiln_graph_input (graph, "motion", &shape);

  return kiln_flow_interpolate (graph, previous, next, motion, timestep);
}

/* previous + timestep · (next − previous) */
static KilnTensor *
blend (KilnGraph *graph, KilnTensor *previous, KilnTensor *next,
    KilnTensor *timestep)
{
  KilnTensor *change = kiln_affine (graph, next, previous, NULL,
      &(KilnAffine) { .a_scale = 1, .b_scale = -1, .type = KILN_F32 });

  return kiln_affine (graph, change, previous, timestep,
      &(KilnAffine) { .a_scale = 1, .b_scale = 1, .type = KILN_F32 });
}

static KilnTensor *
interpolate (SvdInterpolator *self, SvdInterpolation method, KilnGraph *graph,
    KilnTensor *previous, KilnTensor *next, KilnTensor *timestep)
{
  switch (method) {
    case SVD_INTERPOLATION_RIFE:
      return kiln_rife (graph, self->rife, previous, next, timestep);
    case SVD_INTERPOLATION_FLOW:
      return flow (graph, previous, next, timestep);
    case SVD_INTERPOLATION_BLEND:
      return blend (graph, previous, next, timestep);
  }
  g_assert_not_reached ();
}

static KilnGraph *
build_renderer (SvdInterpolator *self, SvdInterpolation method)
{
  KilnShape picture = kiln_pixels_picture_shape (&self->pixels);
  KilnGraph *graph = kiln_graph_new (self->type);
  KilnTensor *previous = kiln_graph_input (graph, "previous", &picture);
  KilnTensor *next = kiln_graph_input (graph, "next", &picture);
  KilnTensor *timestep = kiln_graph_input (graph, "timestep", &one_number);
  KilnTensor *between =
      interpolate (self, method, graph, previous, next, timestep);

  between = kiln_graph_add (graph, &kiln_pixels_write_class, &self->pixels,
      &between, 1);
  kiln_graph_output (graph, between, "bytes out");
  return graph;
}

static gboolean
open_rife (SvdInterpolator *self, GError **error)
{
  if (self->rife == NULL)
    self->rife = kiln_rife_open (self->model, error);
  return self->rife != NULL;
}

static KilnProgram *
get_renderer (SvdInterpolator *self, SvdInterpolation method,
    GCancellable *cancellable, GError **error)
{
  KilnProgram **program = &self->renderers[method];
  g_autoptr (KilnGraph) graph = NULL;

  if (*program != NULL)
    return *program;
  if (method == SVD_INTERPOLATION_RIFE && !open_rife (self, error))
    return NULL;
  graph = build_renderer (self, method);
  *program = kiln_program_new (graph, self->device, self->store,
      self->buffers.items, self->buffers.n, cancellable, error);
  return *program;
}

/* ---- The difference of a pair */

static KilnShape
difference_shape (SvdInterpolator *self)
{
  KilnShape picture = kiln_pixels_picture_shape (&self->pixels);
  KilnCompare params =
      svd_scene_change_params (picture.width, picture.height);
  const KilnShape *pictures[] = { &picture, &picture };
  KilnShape shape;

  kiln_compare_class.infer (&params, pictures, 2, &shape, NULL);
  return shape;
}

static KilnProgram *
new_comparer (SvdInterpolator *self, GCancellable *cancellable,
    GError **error)
{
  KilnShape picture = kiln_pixels_picture_shape (&self->pixels);
  KilnCompare params =
      svd_scene_change_params (picture.width, picture.height);
  g_autoptr (KilnGraph) graph = kiln_graph_new (self->type);
  KilnTensor *pictures[] = {
    kiln_graph_input (graph, "previous", &picture),
    kiln_graph_input (graph, "next", &picture),
  };

  kiln_graph_output (graph, kiln_graph_add (graph, &kiln_compare_class,
          &params, pictures, 2), "difference");
  return kiln_program_new (graph, self->device, NULL, self->buffers.items,
      self->buffers.n, cancellable, error);
}

static gboolean
prepare_difference (SvdInterpolator *self, GCancellable *cancellable,
    GError **error)
{
  KilnShape shape = difference_shape (self);
  gsize n = kiln_shape_bytes (&shape) / sizeof (float);
  g_autofree float *values = NULL;

  if (self->have_difference)
    return TRUE;
  if (self->comparer == NULL)
    self->comparer = new_comparer (self, cancellable, error);
  values = g_new (float, n);
  if (self->comparer == NULL
      || !kiln_program_run (self->comparer, cancellable, error)
      || !svd_buffers_read (&self->buffers, "difference", values, n, error))
    return FALSE;
  self->difference = svd_scene_change_judge (values, &shape);
  self->have_difference = TRUE;
  return TRUE;
}

/* ---- The motion of a pair */

static KilnProgram *
new_motion_program (SvdInterpolator *self, GCancellable *cancellable,
    GError **error)
{
  KilnShape picture = kiln_pixels_picture_shape (&self->pixels);
  g_autoptr (KilnGraph) graph = kiln_graph_new (self->type);
  KilnTensor *motion = kiln_optical_flow (graph,
      kiln_graph_input (graph, "previous", &picture),
      kiln_graph_input (graph, "next", &picture));

  kiln_graph_output (graph, motion, "motion");
  return kiln_program_new (graph, self->device, NULL, self->buffers.items,
      self->buffers.n, cancellable, error);
}

static gboolean
prepare_motion (SvdInterpolator *self, GCancellable *cancellable,
    GError **error)
{
  if (self->have_motion)
    return TRUE;
  if (self->motion == NULL)
    self->motion = new_motion_program (self, cancellable, error);
  self->have_motion = self->motion != NULL
      && kiln_program_run (self->motion, cancellable, error);
  return self->have_motion;
}

/* ---- Formats */

static void
forget_format (SvdInterpolator *self)
{
  for (guint i = 0; i < N_METHODS; i++)
    g_clear_pointer (&self->renderers[i], kiln_program_free);
  g_clear_pointer (&self->reader, kiln_program_free);
  g_clear_pointer (&self->comparer, kiln_program_free);
  g_clear_pointer (&self->motion, kiln_program_free);
  svd_buffers_clear (&self->buffers);
  self->format = (SvdVideoFormat) { 0 };
}

static gboolean
add_buffers (SvdInterpolator *self, GError **error)
{
  KilnShape picture = kiln_pixels_picture_shape (&self->pixels);
  KilnShape bytes = kiln_pixels_bytes_shape (&self->pixels);
  KilnShape difference = difference_shape (self);
  KilnShape motion = kiln_optical_flow_shape (picture.height, picture.width);
  const struct
  {
    const char *name;
    const KilnShape *shape;
    KilnMemory memory;
  } buffers[] = {
    { "bytes in", &bytes, KILN_MEMORY_UPLOAD },
    { "previous", &picture, KILN_MEMORY_DEVICE },
    { "next", &picture, KILN_MEMORY_DEVICE },
    { "difference", &difference, KILN_MEMORY_DOWNLOAD },
    { "motion", &motion, KILN_MEMORY_DEVICE },
    { "timestep", &one_number, KILN_MEMORY_UPLOAD },
    { "bytes out", &bytes, KILN_MEMORY_DOWNLOAD },
  };

  for (guint i = 0; i < G_N_ELEMENTS (buffers); i++)
    if (!svd_buffers_add_in (&self->buffers, self->device, buffers[i].name,
            buffers[i].shape, buffers[i].memory, error))
      return FALSE;
  return TRUE;
}

static gboolean
prepare_reader (SvdInterpolator *self, GCancellable *cancellable,
    GError **error)
{
  KilnShape bytes = kiln_pixels_bytes_shape (&self->pixels);
  g_autoptr (KilnGraph) graph = kiln_graph_new (self->type);
  KilnTensor *picture = kiln_graph_input (graph, "bytes in", &bytes);

  picture = kiln_graph_add (graph, &kiln_pixels_read_class, &self->pixels,
      &picture, 1);
  kiln_graph_output (graph, picture, "next");
  if (!kiln_graph_check (graph, error) || !add_buffers (self, error))
    return FALSE;
  self->reader = kiln_program_new (graph, self->device, NULL,
      self->buffers.items, self->buffers.n, cancellable, error);
  return self->reader != NULL;
}

static gboolean
same_format (const SvdVideoFormat *a, const SvdVideoFormat *b)
{
  return a->format == b->format && a->width == b->width
      && a->height == b->height && a->kr == b->kr && a->kb == b->kb
      && a->full_range == b->full_range;
}

gboolean
svd_interpolator_set_format (SvdInterpolator *self,
    const SvdVideoFormat *format, GCancellable *cancellable, GError **error)
{
  if (self->reader != NULL && same_format (&self->format, format))
    return TRUE;
  forget_format (self);
  if (!svd_video_format_to_pixels (format, &self->pixels, error)
      || !prepare_reader (self, cancellable, error)) {
    forget_format (self);
    return FALSE;
  }
  self->format = *format;
  return TRUE;
}

/* ---- Making and freeing */

static char *
model_path (const char *model)
{
  return model != NULL && *model != 0 ? g_strdup (model)
      : g_build_filename (svd_installed_models (), EMBEDDED_MODEL, NULL);
}

gboolean
svd_interpolator_check_model (const char *model, GError **error)
{
  g_autofree char *path = model_path (model);
  g_autoptr (KilnRife) rife = kiln_rife_open (path, error);

  return rife != NULL;
}

SvdInterpolator *
svd_interpolator_new (SvdDevice *device, const char *model,
    SvdPrecision precision)
{
  SvdInterpolator *self = g_new0 (SvdInterpolator, 1);

  self->device = kiln_device_ref (svd_device_get_kiln (device));
  self->type = svd_choose_type (self->device, precision);
  self->model = model_path (model);
  self->store = kiln_weight_store_new (self->device);
  return self;
}

void
svd_interpolator_free (SvdInterpolator *self)
{
  forget_format (self);
  kiln_weight_store_free (self->store);
  g_clear_pointer (&self->rife, kiln_rife_free);
  g_free (self->model);
  kiln_device_unref (self->device);
  g_free (self);
}

SvdInterpolation
svd_interpolator_get_best (SvdInterpolator *self)
{
  if (!kiln_device_is_cpu (self->device) && open_rife (self, NULL))
    return SVD_INTERPOLATION_RIFE;
  return SVD_INTERPOLATION_FLOW;
}

/* ---- Frames */

gboolean
svd_interpolator_set_next (SvdInterpolator *self, const SvdVideoFrame *frame,
    GCancellable *cancellable, GError **error)
{
  KilnBuffer *bytes = svd_buffers_get (&self->buffers, "bytes in");

  self->have_motion = self->have_difference = FALSE;
  svd_video_frame_load (frame, &self->pixels, kiln_buffer_get_data (bytes));
  return kiln_program_run (self->reader, cancellable, error);
}

gboolean
svd_interpolator_advance (SvdInterpolator *self, GError **error)
{
  KilnShape picture = kiln_pixels_picture_shape (&self->pixels);

  self->have_motion = self->have_difference = FALSE;
  return kiln_buffer_copy (svd_buffers_get (&self->buffers, "next"),
      svd_buffers_get (&self->buffers, "previous"), 0,
      kiln_shape_bytes (&picture), error);
}

gboolean
svd_interpolator_compare (SvdInterpolator *self,
    SvdFrameDifference *difference, GCancellable *cancellable,
    GError **error)
{
  if (!prepare_difference (self, cancellable, error))
    return FALSE;
  *difference = self->difference;
  return TRUE;
}

/* What the method needs to know of the pair; may choose another one. */
static gboolean
prepare_pair (SvdInterpolator *self, SvdInterpolation *method,
    GCancellable *cancellable, GError **error)
{
  if (*method != SVD_INTERPOLATION_FLOW)
    return TRUE;
  if (!prepare_difference (self, cancellable, error))
    return FALSE;
  if (self->difference.brightness <= MAX_FLOW_BRIGHTNESS)
    return prepare_motion (self, cancellable, error);
  *method = SVD_INTERPOLATION_BLEND;
  return TRUE;
}

gboolean
svd_interpolator_render (SvdInterpolator *self, SvdInterpolation method,
    gdouble t, const SvdVideoFrame *frame, GCancellable *cancellable,
    GError **error)
{
  float timestep = t;
  KilnProgram *renderer;
  KilnBuffer *bytes;

  if (!prepare_pair (self, &method, cancellable, error))
    return FALSE;
  renderer = get_renderer (self, method, cancellable, error);
  if (renderer == NULL
      || !svd_buffers_write (&self->buffers, "timestep", &timestep, 1, error)
      || !kiln_program_run (renderer, cancellable, error))
    return FALSE;
  bytes = svd_buffers_get (&self->buffers, "bytes out");
  svd_video_frame_store (frame, &self->pixels, kiln_buffer_get_data (bytes));
  return TRUE;
}
