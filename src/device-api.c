/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stage.h"

/* An SvdDevice is the engine's device under its public name. */

G_DEFINE_BOXED_TYPE (SvdDevice, svd_device, svd_device_ref, svd_device_unref)

GQuark
svd_error_quark (void)
{
  return KILN_ERROR;
}

/* The public codes are the engine's. */
G_STATIC_ASSERT ((gint) SVD_ERROR_NO_DEVICE == KILN_ERROR_NO_DEVICE);
G_STATIC_ASSERT ((gint) SVD_ERROR_MODEL == KILN_ERROR_MODEL);
G_STATIC_ASSERT ((gint) SVD_ERROR_ARGUMENT == KILN_ERROR_ARGUMENT);

KilnDevice *
svd_device_get_kiln (SvdDevice *device)
{
  return (KilnDevice *) device;
}

SvdDevice *
svd_device_open (const char *name, GError **error)
{
  return (SvdDevice *) kiln_device_open (name, error);
}

SvdDevice *
svd_device_ref (SvdDevice *device)
{
  return (SvdDevice *) kiln_device_ref (svd_device_get_kiln (device));
}

void
svd_device_unref (SvdDevice *device)
{
  kiln_device_unref (svd_device_get_kiln (device));
}

const char *
svd_device_get_name (SvdDevice *device)
{
  return kiln_device_get_info (svd_device_get_kiln (device))->name;
}

const char *
svd_device_get_driver (SvdDevice *device)
{
  return kiln_device_get_info (svd_device_get_kiln (device))->driver;
}

guint64
svd_device_get_allocated (SvdDevice *device, guint64 *peak)
{
  return kiln_device_get_allocated (svd_device_get_kiln (device), peak);
}
