/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stage.h"

/* All that could be idle. A stage is in use while its own lock is held. */
static GMutex stages_lock;
static GPtrArray *stages;       /* SvdStage */

void
svd_stage_may_idle (SvdStage *self, GDestroyNotify give_back, gpointer worker)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&stages_lock);

  self->give_back = give_back;
  self->worker = worker;
  if (stages == NULL)
    stages = g_ptr_array_new ();
  g_ptr_array_add (stages, self);
}

void
svd_stage_forget_idle (SvdStage *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&stages_lock);

  if (stages == NULL)
    return;
  g_ptr_array_remove (stages, self);
  if (stages->len == 0)
    g_clear_pointer (&stages, g_ptr_array_unref);
}

guint64
svd_stage_make_room (SvdStage *self, guint64 bytes)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&stages_lock);
  guint64 room = svd_stage_get_room (self);

  for (guint i = 0; stages != NULL && i < stages->len && room < bytes; i++) {
    SvdStage *other = stages->pdata[i];

    if (other == self || other->device != self->device
        || !g_mutex_trylock (&other->in_use))
      continue;
    other->give_back (other->worker);
    kiln_weight_store_clear (other->store);
    g_mutex_unlock (&other->in_use);
    room = svd_stage_get_room (self);
  }
  return room;
}
