/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"
#include "profile.h"
#include "program.h"

#include <string.h>

struct _KilnProgram
{
  KilnCommands *commands;
};

/* What recording needs to turn tensors into views. */
typedef struct {
  KilnWeightStore *store;
  const KilnExternal *externals;
  guint n_externals;
  GPtrArray *banks;             /* KilnBuffer: the arena */
  guint64 bank;                 /* bytes each but the last */
} Binder;

void
kiln_program_free (KilnProgram *self)
{
  kiln_commands_free (self->commands);
  g_free (self);
}

gboolean
kiln_program_run (KilnProgram *self, GCancellable *cancellable,
    GError **error)
{
  if (!kiln_commands_run (self->commands, cancellable, error))
    return FALSE;
  kiln_profile_print (self->commands);
  return TRUE;
}

/* ---- Binding */

static KilnView
view_of_place (const Binder *binder, const KilnPlace *place, KilnShape shape)
{
  return (KilnView) {
    shape, binder->banks->pdata[place->offset / binder->bank],
    place->offset % binder->bank
  };
}

static gboolean
find_external (const Binder *binder, const KilnTensor *tensor,
    KilnView *view, GError **error)
{
  guint64 bytes = kiln_shape_bytes (&tensor->shape);

  for (guint i = 0; i < binder->n_externals; i++) {
    const KilnExternal *external = &binder->externals[i];

    if (strcmp (external->name, tensor->external) != 0)
      continue;
    if (kiln_buffer_get_size (external->buffer) < bytes)
      break;
    *view = (KilnView) { tensor->shape, external->buffer, 0 };
    return TRUE;
  }
  g_set_error (error, KILN_ERROR, KILN_ERROR_ARGUMENT,
      "no memory of %" G_GUINT64_FORMAT " bytes was given for \"%s\"", bytes,
      tensor->external);
  return FALSE;
}

static gboolean
view_of (const Binder *binder, const KilnTensor *tensor, KilnView *view,
    GError **error)
{
  if (tensor == NULL) {
    *view = (KilnView) { 0 };
    return TRUE;
  }
  if (tensor->external != NULL)
    return find_external (binder, tensor, view, error);
  if (tensor->weight != NULL && !tensor->streamed)
    *view = kiln_weight_store_get (binder->store, tensor);
  else
    *view = view_of_place (binder, &tensor->place, tensor->shape);
  return TRUE;
}

/* ---- Recording */

static void
label_node (KilnRecorder *recorder, const KilnNode *node)
{
  g_autofree char *in = kiln_shape_to_string (&node->inputs[0]->shape);
  g_autofree char *out = kiln_shape_to_string (&node->output->shape);
  g_autofree char *label =
      g_strdup_printf ("%s %s → %s", node->klass->name, in, out);

  kiln_recorder_label (recorder, label);
}

/* What the next node reads of the host's: its copying has this node's time. */
static void
record_streaming (KilnRecorder *recorder, const Binder *binder,
    KilnGraph *graph, guint next)
{
  const KilnNode *node =
      next < graph->nodes->len ? graph->nodes->pdata[next] : NULL;

  for (guint i = 0; node != NULL && i < node->n_inputs; i++) {
    const KilnTensor *tensor = node->inputs[i];
    KilnView from, to;

    if (tensor == NULL || !tensor->streamed
        || tensor->place.first + 1 != next)
      continue;
    from = kiln_weight_store_get (binder->store, tensor);
    to = view_of_place (binder, &tensor->place, tensor->shape);
    kiln_recorder_copy (recorder, from.buffer, from.offset, to.buffer,
        to.offset, kiln_shape_bytes (&tensor->shape));
  }
}

static gboolean
record_node (KilnRecorder *recorder, const Binder *binder,
    KilnGraph *graph, guint index, GError **error)
{
  const KilnNode *node = graph->nodes->pdata[index];
  KilnView inputs[KILN_OP_MAX_INPUTS], output, scratch = { 0 };
  KilnShape bytes = { KILN_F32, 1, 1, 1, node->scratch.bytes / 4 };

  for (guint i = 0; i < node->n_inputs; i++)
    if (!view_of (binder, node->inputs[i], &inputs[i], error))
      return FALSE;
  if (!view_of (binder, node->output, &output, error))
    return FALSE;
  if (node->scratch.bytes > 0)
    scratch = view_of_place (binder, &node->scratch, bytes);
  label_node (recorder, node);
  /* One place for all hazards: what an operation reads was written, and
   * what it overwrites was read, by operations before this barrier. */
  kiln_recorder_barrier (recorder);
  record_streaming (recorder, binder, graph, index + 1);
  node->klass->record (recorder, node->params, inputs, node->n_inputs,
      &output, &scratch);
  return TRUE;
}

static KilnCommands *
make_commands (KilnGraph *graph, KilnDevice *device, const Binder *binder,
    GCancellable *cancellable, GError **error)
{
  KilnRecorder *recorder = kiln_recorder_new (device);
  GError *failure = NULL;

  for (guint i = 0; i < graph->nodes->len; i++)
    if (g_cancellable_set_error_if_cancelled (cancellable, &failure)
        || !record_node (recorder, binder, graph, i, &failure)) {
      kiln_recorder_take_error (recorder, failure);
      break;
    }
  kiln_recorder_barrier (recorder);
  return kiln_recorder_finish (recorder, error);
}

static gboolean
allocate_arena (Binder *binder, KilnDevice *device, guint64 bytes,
    GError **error)
{
  for (guint64 done = 0; done < bytes; done += binder->bank) {
    KilnBuffer *bank = kiln_buffer_new (device,
        MIN (binder->bank, bytes - done), KILN_MEMORY_DEVICE, error);

    if (bank == NULL)
      return FALSE;
    g_ptr_array_add (binder->banks, bank);
  }
  return TRUE;
}

KilnProgram *
kiln_program_new (KilnGraph *graph, KilnDevice *device,
    KilnWeightStore *store, const KilnExternal *externals, guint n_externals,
    GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) banks =
      g_ptr_array_new_with_free_func ((GDestroyNotify) kiln_buffer_unref);
  Binder binder = {
    .store = store,
    .externals = externals,
    .n_externals = n_externals,
    .banks = banks,
    .bank = kiln_device_get_info (device)->max_allocation & ~(guint64) 4095,
  };
  g_autoptr (KilnCompilation) shaders = NULL;
  KilnCommands *commands;
  KilnProgram *self;
  KilnPlan plan;

  if (!kiln_graph_place (graph, binder.bank, &plan, error))
    return NULL;
  shaders = kiln_graphs_compile (&graph, 1, device, cancellable, error);
  if (shaders == NULL)
    return NULL;
  if (store != NULL
      && !kiln_weight_store_load (store, graph, NULL, NULL, cancellable,
          error))
    return NULL;
  if (!kiln_device_check_room (device, plan.arena_bytes, "This size", error)
      || !allocate_arena (&binder, device, plan.arena_bytes, error)
      || !kiln_compilation_finish (shaders, error))
    return NULL;
  commands = make_commands (graph, device, &binder, cancellable, error);
  if (commands == NULL)
    return NULL;
  self = g_new0 (KilnProgram, 1);
  self->commands = commands;
  return self;
}
