/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * KilnError: what can go wrong in the engine.
 * @KILN_ERROR_NO_DEVICE: no Vulkan device, or none of the asked name
 * @KILN_ERROR_DEVICE_LOST: the driver gave up; a new device must be opened
 * @KILN_ERROR_OUT_OF_MEMORY: host or device memory does not suffice
 * @KILN_ERROR_UNSUPPORTED: the device lacks what the work needs
 * @KILN_ERROR_SHAPE: tensors do not fit together
 * @KILN_ERROR_MODEL: a model file is missing, damaged or contradicts itself
 * @KILN_ERROR_ARGUMENT: a value is out of its range
 *
 * Cancelling is reported as %G_IO_ERROR_CANCELLED, as everywhere in GIO.
 */
typedef enum {
  KILN_ERROR_NO_DEVICE,
  KILN_ERROR_DEVICE_LOST,
  KILN_ERROR_OUT_OF_MEMORY,
  KILN_ERROR_UNSUPPORTED,
  KILN_ERROR_SHAPE,
  KILN_ERROR_MODEL,
  KILN_ERROR_ARGUMENT,
} KilnError;

#define KILN_ERROR (kiln_error_quark ())
GQuark kiln_error_quark (void);

G_END_DECLS
