/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "device.h"

G_BEGIN_DECLS

/* What was measured to be best on this device: names for keys, both without
 * line breaks. A text file for each device and driver, beside the pipelines',
 * keeps them; a device reads it when it is opened. One that other shaders
 * wrote, or that cannot be read, is as none. */

/* NULL: nothing was measured. The name is interned. */
const char *kiln_device_get_choice (KilnDevice *device, const char *key);

/* name: (nullable): NULL forgets. Until kiln_device_save_choices() only this
 * process knows. */
void kiln_device_set_choice (KilnDevice *device, const char *key,
    const char *name);

/* Replaces the file as a whole. */
gboolean kiln_device_save_choices (KilnDevice *device, GError **error);

/* Where that file is, or would be. */
const char *kiln_device_get_choices_path (KilnDevice *device);

G_END_DECLS
