/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* PyTorch's CPU generator: the numbers that torch.randn(n, generator =
 * torch.Generator("cpu").manual_seed(seed)) gives in fp32, call by call.
 *
 * mt19937 (Matsumoto and Nishimura 1998) under the Box-Muller transform, as
 * ATen/native/cpu/DistributionTemplates.h arranges them. The position in
 * the stream is exact; values agree within about 1e-6, as PyTorch's own
 * vectorised and plain paths do among themselves. */
typedef struct _KilnNoise KilnNoise;

/* As PyTorch, only the seed's lower 32 bits count. */
KilnNoise *kiln_noise_new (guint64 seed);
void kiln_noise_free (KilnNoise *noise);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnNoise, kiln_noise_free)

/* One torch.randn of n numbers. The numbers depend on how draws are split
 * into calls, as they do there. FALSE with error where cancellable (nullable)
 * has ended it, after which the position in the stream is anywhere. */
gboolean kiln_noise_draw (KilnNoise *noise, float *out, gsize n,
    GCancellable *cancellable, GError **error);

/* Leaves the state that kiln_noise_draw() of n numbers would, without the
 * work of making them. */
void kiln_noise_skip (KilnNoise *noise, gsize n);

G_END_DECLS
