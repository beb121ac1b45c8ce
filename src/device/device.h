/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <vulkan/vulkan.h>
#include "error.h"

G_BEGIN_DECLS

/* A Vulkan device with one compute queue, its pipeline cache and its
 * limits. Reference counted; all functions may be called from any thread. */
typedef struct _KilnDevice KilnDevice;

/* What a device has beyond the least of Vulkan 1.2. */
typedef enum {
  KILN_FEATURE_SOFTWARE = 1 << 0,       /* see kiln_device_is_cpu() */
  KILN_FEATURE_FLOAT16 = 1 << 1,        /* arithmetic on halves */
  KILN_FEATURE_SUBGROUPS = 1 << 3,      /* sums, broadcasts, shuffles in subgroups */
  KILN_FEATURE_SUBGROUP_SIZE = 1 << 4,  /* a pipeline may ask for a size */
  /* Descriptors may lie in buffers. Not used, but Mesa's software device
   * calls a function for each texel since it has that, and loads a number
   * once that all of a subgroup want. */
  KILN_FEATURE_DESCRIPTOR_BUFFER = 1 << 2,
  KILN_FEATURE_MATRIX = 1 << 5, /* a subgroup multiplies matrices of halves */
  KILN_FEATURE_MATRIX2 = 1 << 6,        /* reduces, converts, computes with them */
  KILN_FEATURE_ADDRESSES = 1 << 7,      /* shaders may read buffers by address */
  KILN_FEATURE_TENSORS = 1 << 8,        /* a workgroup multiplies slices of tensors */
} KilnFeatures;

typedef struct {
  char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
  char driver[VK_MAX_DRIVER_NAME_SIZE + VK_MAX_DRIVER_INFO_SIZE];
  char uuid[37];                /* deviceUUID as text, 8-4-4-4-12 */
  VkPhysicalDeviceType type;
  guint features;               /* KilnFeatures */
  const char *kernels;          /* what KILN_KERNELS names; "": nothing */
  guint32 subgroup_size;        /* where a pipeline asks for none */
  guint32 min_subgroup_size, max_subgroup_size;
  /* With KILN_FEATURE_MATRIX, of what is multiplied at once: the result's
   * rows and columns, and how many products each sum has. */
  guint32 matrix_rows, matrix_columns, matrix_depth;
  guint32 group_size;           /* invocations of a workgroup, most often */
  guint32 max_group_size;
  guint32 max_shared_bytes;     /* of memory that a workgroup shares */
  guint64 max_storage_range;    /* bytes one shader binding may span */
  guint64 max_allocation;       /* bytes one VkDeviceMemory may have */
  guint64 storage_alignment;    /* bytes; binding offsets are multiples */
  guint64 memory_total;         /* bytes of the largest device-local heap; of
                                 * software devices, the host's memory */
  gboolean memory_budget;       /* the driver tells what is free of it */
  float timestamp_period;       /* nanoseconds a tick; 0: no timestamps */
} KilnDeviceInfo;

/**
 * kiln_device_open:
 * @which: (nullable): an index ("0"), a part of the name ("llvmpipe",
 *     any case), or a UUID; %NULL or "" takes the best: discrete before
 *     integrated before virtual before CPU
 *
 * Returns: (transfer full): a new device, or %NULL with @error set
 *     (%KILN_ERROR_NO_DEVICE lists those that exist).
 */
KilnDevice *kiln_device_open (const char *which, GError **error);
KilnDevice *kiln_device_ref (KilnDevice *device);
void kiln_device_unref (KilnDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnDevice, kiln_device_unref)

const KilnDeviceInfo *kiln_device_get_info (KilnDevice *device);

/* (transfer full): one line for people: name, driver, and what matters for
 * speed. */
char *kiln_device_describe (KilnDevice *device);

/* True for software devices: they want no shared memory, no barriers, fp32. */
gboolean kiln_device_is_cpu (KilnDevice *device);

G_END_DECLS
