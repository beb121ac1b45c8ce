/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"

#include <string.h>

/* ---- Scopes */

KilnScope
kiln_scope_root (KilnWeightSource *source)
{
  return (KilnScope) { .source = source };
}

KilnScope
kiln_scope (const KilnScope *parent, const char *format, ...)
{
  KilnScope scope = *parent;
  gsize used = strlen (scope.prefix);
  va_list args;

  if (used > 0 && used + 1 < sizeof scope.prefix)
    scope.prefix[used++] = '.';
  va_start (args, format);
  g_vsnprintf (scope.prefix + used, sizeof scope.prefix - used, format, args);
  va_end (args);
  return scope;
}

char *
kiln_scope_name (const KilnScope *scope, const char *name)
{
  return *scope->prefix ? g_strconcat (scope->prefix, ".", name, NULL)
      : g_strdup (name);
}

gboolean
kiln_scope_has (const KilnScope *scope, const char *name)
{
  g_autofree char *full = kiln_scope_name (scope, name);
  KilnWeightInfo info = { 0 };

  /* One of a type that nothing reads is there: asking for it is an error. */
  return scope->source->find (scope->source, full, &info)
      || (scope->source->get_unusable_type != NULL
      && scope->source->get_unusable_type (scope->source, full) != NULL);
}

/* ---- Graphs */

static KilnTensor *
new_tensor (KilnGraph *self)
{
  KilnTensor *tensor = g_new0 (KilnTensor, 1);

  tensor->node = -1;
  g_ptr_array_add (self->tensors, tensor);
  return tensor;
}

static void
free_tensor (KilnTensor *tensor)
{
  if (tensor->weight != NULL) {
    g_free (tensor->weight->key);
    g_free (tensor->weight->parts);
    g_free (tensor->weight);
  }
  g_free (tensor->external);
  g_free (tensor);
}

static void
free_node (KilnNode *node)
{
  g_free (node->params);
  g_free (node);
}

KilnGraph *
kiln_graph_new (KilnType type)
{
  KilnGraph *self = g_new0 (KilnGraph, 1);

  self->type = type;
  self->tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) free_tensor);
  self->nodes = g_ptr_array_new_with_free_func ((GDestroyNotify) free_node);
  self->weights = g_hash_table_new (g_str_hash, g_str_equal);
  self->broken = new_tensor (self);
  self->broken->shape = (KilnShape) { type, 1, 1, 1, 1 };
  return self;
}

void
kiln_graph_free (KilnGraph *self)
{
  g_hash_table_unref (self->weights);
  g_ptr_array_unref (self->nodes);
  g_ptr_array_unref (self->tensors);
  g_clear_error (&self->error);
  g_free (self);
}

gboolean
kiln_graph_check (KilnGraph *self, GError **error)
{
  if (self->error == NULL)
    return TRUE;
  g_propagate_error (error, g_error_copy (self->error));
  return FALSE;
}

void
kiln_graph_fail (KilnGraph *self, GError *error)
{
  if (self->error == NULL)
    self->error = error;
  else
    g_error_free (error);
}

KilnType
kiln_graph_precision (KilnGraph *self)
{
  return self->type;
}

const KilnShape *
kiln_tensor_shape (const KilnTensor *tensor)
{
  return &tensor->shape;
}

KilnTensor *
kiln_graph_input (KilnGraph *self, const char *name, const KilnShape *shape)
{
  KilnTensor *tensor = new_tensor (self);

  tensor->shape = *shape;
  tensor->external = g_strdup (name);
  return tensor;
}

void
kiln_graph_output (KilnGraph *self, KilnTensor *tensor, const char *name)
{
  if (self->error != NULL)
    return;
  g_return_if_fail (tensor->node >= 0 && tensor->external == NULL);
  tensor->external = g_strdup (name);
}

/* ---- Operations */

static void
fail_operation (KilnGraph *self, const KilnOpClass *klass,
    KilnTensor *const *inputs, guint n_inputs, GError *error)
{
  GString *text = g_string_new (klass->name);

  for (guint i = 0; i < n_inputs; i++) {
    g_autofree char *shape = NULL;

    if (inputs[i] == NULL || inputs[i]->weight != NULL)
      continue;
    shape = kiln_shape_to_string (&inputs[i]->shape);
    g_string_append_printf (text, "%s%s", i ? ", " : " of ", shape);
  }
  g_prefix_error (&error, "%s: ", text->str);
  g_string_free (text, TRUE);
  kiln_graph_fail (self, error);
}

KilnTensor *
kiln_graph_add (KilnGraph *self, const KilnOpClass *klass,
    gconstpointer params, KilnTensor *const *inputs, guint n_inputs)
{
  const KilnShape *shapes[KILN_OP_MAX_INPUTS] = { NULL };
  KilnShape shape = { .type = self->type };
  GError *error = NULL;
  KilnNode *node;

  g_return_val_if_fail (n_inputs <= KILN_OP_MAX_INPUTS, self->broken);
  if (self->error != NULL)
    return self->broken;
  for (guint i = 0; i < n_inputs; i++)
    shapes[i] = inputs[i] ? &inputs[i]->shape : NULL;
  if (!klass->infer (params, shapes, n_inputs, &shape, &error)) {
    fail_operation (self, klass, inputs, n_inputs, error);
    return self->broken;
  }

  node = g_new0 (KilnNode, 1);
  node->klass = klass;
  node->params = g_memdup2 (params, klass->params_size);
  node->n_inputs = n_inputs;
  for (guint i = 0; i < n_inputs; i++)
    node->inputs[i] = inputs[i];
  node->output = new_tensor (self);
  node->output->shape = shape;
  node->output->node = self->nodes->len;
  if (klass->scratch != NULL)
    node->scratch.bytes = klass->scratch (params, shapes, &shape);
  g_ptr_array_add (self->nodes, node);
  return node->output;
}
