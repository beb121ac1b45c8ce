/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "handover.h"

void
svd_handover_init (SvdHandover *self)
{
  *self = (SvdHandover) { 0 };
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
}

void
svd_handover_clear (SvdHandover *self)
{
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
}

static void
set (SvdHandover *self, gboolean *what, gboolean value)
{
  g_mutex_lock (&self->lock);
  *what = value;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

gboolean
svd_handover_wait_empty (SvdHandover *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  while (self->full && !self->stopped)
    g_cond_wait (&self->changed, &self->lock);
  return !self->stopped;
}

void
svd_handover_fill (SvdHandover *self)
{
  set (self, &self->full, TRUE);
}

void
svd_handover_end (SvdHandover *self)
{
  set (self, &self->ended, TRUE);
}

gboolean
svd_handover_wait_full (SvdHandover *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  while (!self->full && !self->ended)
    g_cond_wait (&self->changed, &self->lock);
  return self->full;
}

void
svd_handover_empty (SvdHandover *self)
{
  set (self, &self->full, FALSE);
}

void
svd_handover_stop (SvdHandover *self)
{
  set (self, &self->stopped, TRUE);
}
