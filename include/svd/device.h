/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <svd/api.h>

G_BEGIN_DECLS

#define SVD_TYPE_DEVICE (svd_device_get_type ())

/**
 * SvdDevice: a Vulkan device (reference-counted boxed type, thread-safe).
 */
typedef struct _SvdDevice SvdDevice;

SVD_API GType svd_device_get_type (void);

/**
 * svd_device_open:
 * @name: (nullable): an index ("0"), part of a name ("llvmpipe", any case)
 *     or a UUID; %NULL or "": the best there is, discrete before
 *     integrated before CPU
 *
 * Returns: (transfer full): the device, or %NULL: %SVD_ERROR_NO_DEVICE
 *     (the message lists the devices that exist).
 */
SVD_API SvdDevice *svd_device_open (const char *name, GError **error);
SVD_API SvdDevice *svd_device_ref (SvdDevice *device);
SVD_API void svd_device_unref (SvdDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SvdDevice, svd_device_unref)

/* The device's name and driver as the driver gives them. */
SVD_API const char *svd_device_get_name (SvdDevice *device);
SVD_API const char *svd_device_get_driver (SvdDevice *device);

/**
 * svd_memory_budget_parse:
 * @text: (nullable): a number and a unit: "4GB", "3500MB", "2.5GiB" (B, kB,
 *     MB, GB are powers of 1000, KiB, MiB, GiB of 1024; none: bytes), or a
 *     share of all of the device's memory: "50%"; %NULL or "": no budget
 * @device: (nullable): without one there are no shares
 * @bytes: (out): for #SvdStageOptions; 0: no budget
 *
 * Errors: %SVD_ERROR_ARGUMENT.
 */
SVD_API gboolean svd_memory_budget_parse (const char *text,
    SvdDevice *device, guint64 *bytes, GError **error);

/* Bytes the library holds on the device now; @peak: (out) (optional). */
SVD_API guint64 svd_device_get_allocated (SvdDevice *device, guint64 *peak);

G_END_DECLS
