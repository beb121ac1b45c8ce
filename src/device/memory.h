/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "device.h"

G_BEGIN_DECLS

typedef enum {
  KILN_MEMORY_DEVICE,           /* device-local; mapped only where the device's is the host's */
  KILN_MEMORY_UPLOAD,           /* the host's where it has its own, written by the CPU */
  KILN_MEMORY_DOWNLOAD,         /* host-visible and cached, read by the CPU */
} KilnMemory;

/* What the smallest buffer takes. */
#define KILN_BUFFER_MIN_BYTES 256

/* A storage buffer with memory of its own. Reference counted. */
typedef struct _KilnBuffer KilnBuffer;

/* Fails with KILN_ERROR_OUT_OF_MEMORY, figures in the message. */
KilnBuffer *kiln_buffer_new (KilnDevice *device, guint64 size,
    KilnMemory memory, GError **error);
KilnBuffer *kiln_buffer_ref (KilnBuffer *buffer);
void kiln_buffer_unref (KilnBuffer *buffer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KilnBuffer, kiln_buffer_unref)

guint64 kiln_buffer_get_size (KilnBuffer *buffer);
KilnDevice *kiln_buffer_get_device (KilnBuffer *buffer);

/* Where shaders find it, with KILN_FEATURE_ADDRESSES. */
guint64 kiln_buffer_get_address (KilnBuffer *buffer);

/* The buffer's bytes (persistently mapped, coherent), NULL if not visible. */
guint8 *kiln_buffer_get_data (KilnBuffer *buffer);

/* Copies between host and buffer, through staging where it is not visible.
 * They wait until the copy is done; no submitted work may use the bytes. */
gboolean kiln_buffer_write (KilnBuffer *buffer, guint64 offset,
    const void *data, guint64 size, GError **error);
gboolean kiln_buffer_read (KilnBuffer *buffer, guint64 offset,
    void *data, guint64 size, GError **error);

/* Copies the first `size` bytes of `from` on the device, and waits. */
gboolean kiln_buffer_copy (KilnBuffer *from, KilnBuffer *to,
    guint64 to_offset, guint64 size, GError **error);

/* Bytes of the host's memory that programs may still take; G_MAXUINT64 where
 * the system does not say. */
guint64 kiln_host_get_room (void);

/* Bytes of DEVICE memory that buffers of this device hold now, and the most
 * they held. */
guint64 kiln_device_get_allocated (KilnDevice *device, guint64 *peak);

/* Bytes that buffers of this device may still take: what its driver says is
 * free (VK_EXT_memory_budget: other programs count too), else its memory
 * beyond this device's buffers; at most what these leave of `budget` bytes,
 * unless that is 0. */
guint64 kiln_device_get_room (KilnDevice *device, guint64 budget);

/* FALSE with KILN_ERROR_OUT_OF_MEMORY and figures where there is no room for
 * so many bytes more. `what` takes them: "The weights", "This size". */
gboolean kiln_device_check_room (KilnDevice *device, guint64 bytes,
    const char *what, GError **error);

G_END_DECLS
