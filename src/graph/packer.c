/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packer.h"

struct _KilnPacker
{
  GThreadPool *pool;
  GCancellable *cancellable;
  GMutex lock;
  GCond idle;
  guint n_jobs;                 /* pushed and not done */
};

typedef struct {
  const KilnPack *pack;
  const KilnPackPart *parts;
  guint n_parts;
  guint32 first, n;
  guint8 *to;
} Job;

static void
run_job (gpointer data, gpointer user_data)
{
  g_autofree Job *job = data;
  KilnPacker *self = user_data;

  if (!g_cancellable_is_cancelled (self->cancellable))
    kiln_pack_slices (job->pack, job->parts, job->n_parts, job->first, job->n,
        job->to);
  g_mutex_lock (&self->lock);
  if (--self->n_jobs == 0)
    g_cond_signal (&self->idle);
  g_mutex_unlock (&self->lock);
}

KilnPacker *
kiln_packer_new (GCancellable *cancellable)
{
  KilnPacker *self = g_new0 (KilnPacker, 1);

  g_mutex_init (&self->lock);
  g_cond_init (&self->idle);
  if (cancellable != NULL)
    self->cancellable = g_object_ref (cancellable);
  self->pool = g_thread_pool_new (run_job, self, g_get_num_processors (),
      FALSE, NULL);
  return self;
}

void
kiln_packer_free (KilnPacker *self)
{
  g_thread_pool_free (self->pool, FALSE, TRUE);
  g_clear_object (&self->cancellable);
  g_cond_clear (&self->idle);
  g_mutex_clear (&self->lock);
  g_free (self);
}

void
kiln_packer_push (KilnPacker *self, const KilnPack *pack,
    const KilnPackPart *parts, guint n_parts, guint32 first, guint32 n,
    guint8 *to)
{
  Job job = { pack, parts, n_parts, first, n, to };

  g_mutex_lock (&self->lock);
  self->n_jobs++;
  g_mutex_unlock (&self->lock);
  g_thread_pool_push (self->pool, g_memdup2 (&job, sizeof job), NULL);
}

gboolean
kiln_packer_wait (KilnPacker *self, GError **error)
{
  g_mutex_lock (&self->lock);
  while (self->n_jobs > 0)
    g_cond_wait (&self->idle, &self->lock);
  g_mutex_unlock (&self->lock);
  return !g_cancellable_set_error_if_cancelled (self->cancellable, error);
}
