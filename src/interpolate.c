/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stage.h"
#include "video-frame.h"

#include <svd/interpolator.h>

#define N_METHODS (SVD_INTERPOLATION_BLEND + 1)

struct _SvdInterpolator
{
  KilnDevice *device;
  KilnType type;

  /* Of one format: */
  SvdVideoFormat format;
  KilnPixels pixels;
  SvdBuffers buffers;           /* bytes in, previous, next, timestep, bytes out */
  KilnProgram *reader;          /* bytes in → next */
  KilnProgram *renderers[N_METHODS];    /* previous, next, timestep → bytes out */
};

/* ---- Methods: the picture between two others, at a timestep */

static const KilnShape one_number = { KILN_F32, 1, 1, 1, 1 };

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

static KilnGraph *
build_renderer (SvdInterpolator *self, SvdInterpolation method)
{
  KilnShape picture = kiln_pixels_picture_shape (&self->pixels);
  KilnGraph *graph = kiln_graph_new (self->type);
  KilnTensor *previous = kiln_graph_input (graph, "previous", &picture);
  KilnTensor *next = kiln_graph_input (graph, "next", &picture);
  KilnTensor *timestep = kiln_graph_input (graph, "timestep", &one_number);
  KilnTensor *between = blend (graph, previous, next, timestep);

  between = kiln_graph_add (graph, &kiln_pixels_write_class, &self->pixels,
      &between, 1);
  kiln_graph_output (graph, between, "bytes out");
  return graph;
}

static KilnProgram *
get_renderer (SvdInterpolator *self, SvdInterpolation method,
    GCancellable *cancellable, GError **error)
{
  KilnProgram **program = &self->renderers[method];
  g_autoptr (KilnGraph) graph = NULL;

  if (*program != NULL)
    return *program;
  graph = build_renderer (self, method);
  *program = kiln_program_new (graph, self->device, NULL, self->buffers.items,
      self->buffers.n, cancellable, error);
  return *program;
}

/* ---- Formats */

static void
forget_format (SvdInterpolator *self)
{
  for (guint i = 0; i < N_METHODS; i++)
    g_clear_pointer (&self->renderers[i], kiln_program_free);
  g_clear_pointer (&self->reader, kiln_program_free);
  svd_buffers_clear (&self->buffers);
  self->format = (SvdVideoFormat) { 0 };
}

static gboolean
add_buffers (SvdInterpolator *self, GError **error)
{
  KilnShape picture = kiln_pixels_picture_shape (&self->pixels);
  KilnShape bytes = kiln_pixels_bytes_shape (&self->pixels);
  const struct
  {
    const char *name;
    const KilnShape *shape;
    KilnMemory memory;
  } buffers[] = {
    { "bytes in", &bytes, KILN_MEMORY_UPLOAD },
    { "previous", &picture, KILN_MEMORY_DEVICE },
    { "next", &picture, KILN_MEMORY_DEVICE },
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

SvdInterpolator *
svd_interpolator_new (SvdDevice *device, SvdPrecision precision)
{
  SvdInterpolator *self = g_new0 (SvdInterpolator, 1);

  self->device = kiln_device_ref (svd_device_get_kiln (device));
  self->type = svd_choose_type (self->device, precision);
  return self;
}

void
svd_interpolator_free (SvdInterpolator *self)
{
  forget_format (self);
  kiln_device_unref (self->device);
  g_free (self);
}

/* ---- Frames */

gboolean
svd_interpolator_set_next (SvdInterpolator *self, const SvdVideoFrame *frame,
    GCancellable *cancellable, GError **error)
{
  KilnBuffer *bytes = svd_buffers_get (&self->buffers, "bytes in");

  svd_video_frame_load (frame, &self->pixels, kiln_buffer_get_data (bytes));
  return kiln_program_run (self->reader, cancellable, error);
}

gboolean
svd_interpolator_advance (SvdInterpolator *self, GError **error)
{
  KilnShape picture = kiln_pixels_picture_shape (&self->pixels);

  return kiln_buffer_copy (svd_buffers_get (&self->buffers, "next"),
      svd_buffers_get (&self->buffers, "previous"),
      kiln_shape_bytes (&picture), error);
}

gboolean
svd_interpolator_render (SvdInterpolator *self, SvdInterpolation method,
    gdouble t, const SvdVideoFrame *frame, GCancellable *cancellable,
    GError **error)
{
  KilnProgram *renderer = get_renderer (self, method, cancellable, error);
  KilnBuffer *bytes;
  float timestep = t;

  if (renderer == NULL
      || !svd_buffers_write (&self->buffers, "timestep", &timestep, 1, error)
      || !kiln_program_run (renderer, cancellable, error))
    return FALSE;
  bytes = svd_buffers_get (&self->buffers, "bytes out");
  svd_video_frame_store (frame, &self->pixels, kiln_buffer_get_data (bytes));
  return TRUE;
}
