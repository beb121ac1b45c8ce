/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include "memory.h"

G_BEGIN_DECLS

#define KILN_MAX_BINDINGS 10
#define KILN_TEXEL_BINDINGS KILN_MAX_BINDINGS  /* what TEXEL_LOADS adds to a binding */
#define KILN_MAX_SPECS 15
#define KILN_PUSH_BYTES 128

/* A range of a buffer as one shader binding. The offset may be anything
 * that is a multiple of 16 bytes: the recorder aligns it down for Vulkan,
 * which is why shaders get their base from kiln_binding_align(). */
typedef struct {
  KilnBuffer *buffer;
  guint64 offset;
  guint64 size;
  VkFormat format;              /* of four channels, when read as texels */
} KilnBinding;

/* One dispatch of a shader. */
typedef struct {
  const char *shader;           /* name in the shader table, e.g. "affine_f32" */
  const char *variant;          /* for profiles: which of several ways this is; or NULL */
  guint32 group_size;           /* invocations of a workgroup; 0: the device's */
  guint32 subgroup_size;        /* that the shader counts on; 0: any */
  guint32 specs[KILN_MAX_SPECS];/* specialization constants 0… */
  guint n_specs;
  KilnBinding bindings[KILN_MAX_BINDINGS];
  guint n_bindings;
  guint32 texels;               /* bit i: binding i is read as texels */
  const void *push;             /* push constants, copied */
  gsize push_size;
  guint64 invocations;          /* 1-D; the recorder folds it into x, y */
  double flops;                 /* estimate: where to cut into pieces */
} KilnDispatch;

/* Collects dispatches and copies; errors stick and come out of finish(). */
typedef struct _KilnRecorder KilnRecorder;

/* Recorded work, submitted any number of times, in pieces that are short
 * enough to cancel between them. Keeps its buffers alive. */
typedef struct _KilnCommands KilnCommands;

KilnRecorder *kiln_recorder_new (KilnDevice *device);
/* One that records nothing: given the same work first, it finds out which
 * shaders that takes, for kiln_recorder_compile(). */
KilnRecorder *kiln_recorder_new_survey (KilnDevice *device);
KilnDevice *kiln_recorder_get_device (KilnRecorder *recorder);

/* Names the work that follows, for timings ("conv2d 320x72x128"). */
void kiln_recorder_label (KilnRecorder *recorder, const char *label);
void kiln_recorder_dispatch (KilnRecorder *recorder, const KilnDispatch *dispatch);
void kiln_recorder_copy (KilnRecorder *recorder, KilnBuffer *src,
    guint64 src_offset, KilnBuffer *dst, guint64 dst_offset, guint64 size);

/* The shader that does most of what was recorded; NULL: none. */
const char *kiln_recorder_get_main_shader (KilnRecorder *recorder);

/* All that was recorded before is visible to all that follows. */
void kiln_recorder_barrier (KilnRecorder *recorder);

/* Makes the recorder fail with this error unless it already has one. */
void kiln_recorder_take_error (KilnRecorder *recorder, GError *error);

/* (transfer full) recorder; returns the commands or NULL with error. */
KilnCommands *kiln_recorder_finish (KilnRecorder *recorder, GError **error);

/* Shaders being compiled, on all processors, while others work. */
typedef struct _KilnCompilation KilnCompilation;

/* (transfer full) recorder, a survey. Begins to compile what it found, so that
 * recording the same need not. NULL with error set where recording failed. */
KilnCompilation *kiln_recorder_compile (KilnRecorder *recorder,
    GCancellable *cancellable, GError **error);

/* Waits until all are compiled: seconds, if the driver has nothing on disk.
 * cancellable is looked at between shaders; a driver cannot be interrupted in
 * one. */
gboolean kiln_compilation_finish (KilnCompilation *compilation,
    GError **error);

/* Waits only for those being compiled, if it was not finished. */
void kiln_compilation_free (KilnCompilation *compilation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnCompilation, kiln_compilation_free)

/* Submits and waits. Between pieces looks at cancellable: returns FALSE
 * with G_IO_ERROR_CANCELLED after the pieces in flight are done. */
gboolean kiln_commands_run (KilnCommands *commands, GCancellable *cancellable,
    GError **error);
void kiln_commands_free (KilnCommands *commands);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnCommands, kiln_commands_free)

/* Nanoseconds a label took in the last run, in recording order; only when
 * the environment variable KILN_PROFILE was set at recording. */
typedef struct {
  const char *label;
  const char *variant;          /* of its dispatches; or NULL */
  guint64 nanoseconds;
  double flops;
} KilnTiming;
const KilnTiming *kiln_commands_get_timings (KilnCommands *commands, guint *n);

/* How many floating-point operations one dispatch should have at most, so
 * that it stays well under a second on this device. */
double kiln_device_get_dispatch_flops (KilnDevice *device);

G_END_DECLS
