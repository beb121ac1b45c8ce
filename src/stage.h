/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verbs share: a device, a precision, weights, and the programs
 * recorded for the shapes last seen. */

#include <svd/svd.h>
#include "graph/plan.h"
#include "graph/program.h"
#include "weights/made-up-weights.h"
#include "weights/model-files.h"

G_BEGIN_DECLS

/* The public types are the engine's and the weights room's own. */
KilnDevice *svd_device_get_kiln (SvdDevice *device);
SvdModelFiles *svd_model_get_files (SvdModel *model);

/* Where the models that come with the library are: SVD_MODEL_PATH before it
 * is installed. */
const char *svd_installed_models (void);

/* As svd_model_check_size(). */
gboolean svd_info_check_size (const SvdModelInfo *info, guint width,
    guint height, GError **error);

/* Puts the model's size where 0 is, and checks it. */
gboolean svd_info_resolve_size (const SvdModelInfo *info, guint *width,
    guint *height, GError **error);

typedef struct {
  KilnDevice *device;
  SvdModelFiles *files;
  SvdModelInfo info;
  KilnType type;                /* of activations and weights */
  guint64 budget;               /* bytes; 0: none */
  KilnWeightStore *store;

  GMutex in_use;                /* held while the stage works */
  GDestroyNotify give_back;     /* frees the worker's programs and buffers */
  gpointer worker;
} SvdStage;

/* The element type for activations and weights that a precision means;
 * without a device: as on a graphics card. */
KilnType svd_choose_type (KilnDevice *device, SvdPrecision precision);

/* device: (nullable): without one the stage's graphs can be planned only.
 * options: (nullable) */
void svd_stage_init (SvdStage *stage, SvdDevice *device, SvdModel *model,
    const SvdStageOptions *options);
/* Once it is forgotten, see svd_stage_may_idle(). */
void svd_stage_clear (SvdStage *stage);

/* A part's weights, of the variant that suits the precision where there are
 * two. Belongs to the model's files. Without a device: blank ones. */
KilnWeightSource *svd_stage_get_source (SvdStage *stage, SvdPart part,
    GError **error);

/* The latents of a clip of so many frames of width×height pixels; 0: the
 * model's. */
gboolean svd_stage_get_latents (SvdStage *stage, guint width, guint height,
    guint num_frames, KilnShape *latents, GError **error);

/* Bytes that the stage may take, counting those of the weights that it holds
 * and no other. */
guint64 svd_stage_get_room (SvdStage *stage);

/* Stages that share a device take turns where there is no room for all: one
 * that needs more has those that are not in use give their programs, buffers
 * and weights back, which these load again for their next picture. */

/* From now on the stage may be asked to; give_back is called with worker, by
 * any thread, while the stage is not in use. */
void svd_stage_may_idle (SvdStage *stage, GDestroyNotify give_back,
    gpointer worker);
void svd_stage_forget_idle (SvdStage *stage);

/* Asks others until the stage's room is so many bytes, or none is left; returns
 * the room. */
guint64 svd_stage_make_room (SvdStage *stage, guint64 bytes);

/* Whether what is planned, of which the stage holds at most the weights, fits
 * there once idle stages have given back what it takes: an error with figures
 * if not. `what` would take it: "This size". */
gboolean svd_stage_check_plan (SvdStage *stage, const SvdPlan *plan,
    const char *what, GError **error);

/* Adds what this graph, which may have stuck on an error, takes. */
gboolean svd_plan_add (SvdPlan *plan, KilnGraph *graph, GError **error);

/* The graphs of a stage at a size, 0 being the model's, to be planned or
 * looked into: made without a device. (transfer full) (element-type
 * KilnGraph) */
GPtrArray *svd_encoder_build_graphs (SvdModel *model,
    const SvdStageOptions *options, guint width, guint height,
    GError **error);
GPtrArray *svd_sampler_build_graphs (SvdModel *model,
    const SvdStageOptions *options, guint width, guint height,
    guint num_frames, GError **error);
GPtrArray *svd_decoder_build_graphs (SvdModel *model,
    const SvdStageOptions *options, guint width, guint height,
    guint num_frames, GError **error);

/* Checks the graphs and loads all their weights, which are the same at every
 * size; those that are elsewhere than the graphs want them are loaded again,
 * and no program may use them. Meanwhile shaders are compiled: most sizes take
 * the same. progress (nullable) is told bytes of all weights, phase "load". */
gboolean svd_stage_load (SvdStage *stage, KilnGraph *const *graphs,
    guint n_graphs, SvdProgress progress, gpointer user_data,
    GCancellable *cancellable, GError **error);

/* Gives a graph's result to the caller under this name, as fp32. */
void svd_graph_output_fp32 (KilnGraph *graph, KilnTensor *x,
    const char *name);

/* A graph's buffers by name, allocated for its externals. */
typedef struct {
  KilnExternal items[12];
  guint n;
} SvdBuffers;

/* Adds a buffer for a tensor of this shape, in the device's own memory or
 * in other. */
gboolean svd_buffers_add (SvdBuffers *buffers, KilnDevice *device,
    const char *name, const KilnShape *shape, GError **error);
gboolean svd_buffers_add_in (SvdBuffers *buffers, KilnDevice *device,
    const char *name, const KilnShape *shape, KilnMemory memory,
    GError **error);
KilnBuffer *svd_buffers_get (const SvdBuffers *buffers, const char *name);
void svd_buffers_clear (SvdBuffers *buffers);

/* Writes and reads n floats. */
gboolean svd_buffers_write (const SvdBuffers *buffers, const char *name,
    const float *values, gsize n, GError **error);
gboolean svd_buffers_read (const SvdBuffers *buffers, const char *name,
    float *values, gsize n, GError **error);

/* One fp32 vector, 1×1×1×n. */
KilnShape svd_vector_shape (guint32 n);

/* Between planes [frames][channels][height][width] and fp32 channels-last
 * rows of shape's stride; padding is zero. */
void svd_planes_to_rows (const float *planes, const KilnShape *shape,
    float scale, float *rows);
void svd_rows_to_planes (const float *rows, const KilnShape *shape,
    float *planes);

G_END_DECLS
