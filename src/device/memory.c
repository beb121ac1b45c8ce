/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"

#include <string.h>

/* After the last byte: see view_range() in commands.c. */
#define SPARE_BYTES 272

struct _KilnBuffer
{
  gatomicrefcount refs;
  KilnDevice *device;
  guint64 size;
  KilnMemory kind;
  VkBuffer buffer;
  VkDeviceMemory memory;
  guint8 *data;
};

/* Whether the device's memory is the host's. A test may want a software
 * device's treated as a card's. */
static gboolean
is_shared (KilnDevice *device)
{
  if (device->info.type == VK_PHYSICAL_DEVICE_TYPE_CPU)
    return kiln_device_is_cpu (device);
  return device->info.type != VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
}

/* ---- Memory types, best first; the first that the device has is taken. */

static guint
wanted_flags (KilnDevice *device, KilnMemory memory,
    VkMemoryPropertyFlags flags[3])
{
  const VkMemoryPropertyFlags visible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT
      | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  const VkMemoryPropertyFlags local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
  guint n = 0;

  switch (memory) {
    case KILN_MEMORY_DEVICE:
      if (is_shared (device))
        flags[n++] = local | visible;
      flags[n++] = local;
      flags[n++] = 0;
      break;
    case KILN_MEMORY_UPLOAD:
      flags[n++] = visible;
      flags[n++] = visible;
      break;
    case KILN_MEMORY_DOWNLOAD:
      flags[n++] = visible | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
      flags[n++] = visible;
      break;
  }
  return n;
}

static gint
find_memory_type (KilnDevice *device, guint32 allowed, KilnMemory memory,
    VkMemoryPropertyFlags *flags)
{
  VkMemoryPropertyFlags wanted[3];
  guint n = wanted_flags (device, memory, wanted);

  for (guint w = 0; w < n; w++)
    for (guint i = 0; i < device->memory.memoryTypeCount; i++) {
      *flags = device->memory.memoryTypes[i].propertyFlags;
      /* What is uploaded takes the device's own only where it has to. */
      if (memory == KILN_MEMORY_UPLOAD && w == 0
          && (*flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT))
        continue;
      if ((allowed & (1u << i)) && (*flags & wanted[w]) == wanted[w])
        return i;
    }
  return -1;
}

/* sign: 1 for a new buffer, −1 for one that goes */
static void
account (KilnBuffer *buffer, gint sign)
{
  KilnDevice *device = buffer->device;

  if (buffer->kind != KILN_MEMORY_DEVICE)
    return;
  g_mutex_lock (&device->memory_lock);
  device->allocated += sign * (gint64) buffer->size;
  device->peak = MAX (device->peak, device->allocated);
  g_mutex_unlock (&device->memory_lock);
}

guint64
kiln_device_get_allocated (KilnDevice *device, guint64 *peak)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&device->memory_lock);

  if (peak != NULL)
    *peak = device->peak;
  return device->allocated;
}

/* ---- Room */

/* What the driver says is free of the largest device-local heap. */
static guint64
query_budget (KilnDevice *device)
{
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT,
  };
  VkPhysicalDeviceMemoryProperties2 properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
    .pNext = &budget,
  };
  const VkPhysicalDeviceMemoryProperties *memory =
      &properties.memoryProperties;
  guint64 size = 0, available = 0;

  vkGetPhysicalDeviceMemoryProperties2 (device->physical, &properties);
  for (guint i = 0; i < memory->memoryHeapCount; i++)
    if ((memory->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
        && memory->memoryHeaps[i].size > size) {
      size = memory->memoryHeaps[i].size;
      available = budget.heapBudget[i]
          - MIN (budget.heapBudget[i], budget.heapUsage[i]);
    }
  return available;
}

guint64
kiln_device_get_room (KilnDevice *device, guint64 budget)
{
  guint64 total = device->info.memory_total;
  guint64 most = budget ? MIN (total, budget) : total;
  guint64 left = most - MIN (most, kiln_device_get_allocated (device, NULL));

  return device->info.memory_budget ? MIN (left, query_budget (device)) : left;
}

guint64
kiln_host_get_room (void)
{
  g_autofree char *text = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/meminfo", &text, NULL, NULL))
    return G_MAXUINT64;
  line = strstr (text, "\nMemAvailable:");
  return line ? g_ascii_strtoull (line + strlen ("\nMemAvailable:"), NULL, 10)
      * 1024 : G_MAXUINT64;
}

gboolean
kiln_device_check_room (KilnDevice *device, guint64 bytes, const char *what,
    GError **error)
{
  guint64 available = kiln_device_get_room (device, 0);
  g_autofree char *needed = g_format_size (bytes);
  g_autofree char *left = g_format_size (available);

  if (bytes <= available)
    return TRUE;
  g_set_error (error, KILN_ERROR, KILN_ERROR_OUT_OF_MEMORY,
      "%s would take %s and %s has %s free; use a smaller size, fewer frames, "
      "fewer of them at once, or fp16", what, needed, device->info.name, left);
  return FALSE;
}

/* ---- Buffers */

static void
set_memory_error (GError **error, KilnBuffer *self, VkResult result)
{
  g_autofree char *asked = g_format_size (self->size);
  g_autofree char *held =
      g_format_size (kiln_device_get_allocated (self->device, NULL));
  g_autofree char *total = g_format_size (self->device->info.memory_total);

  if (result == VK_ERROR_DEVICE_LOST) {
    kiln_set_vk_error (error, result, "allocating memory");
    return;
  }
  g_set_error (error, KILN_ERROR, KILN_ERROR_OUT_OF_MEMORY,
      "Not enough memory on %s: %s more are needed, %s are held already, the "
      "device has %s in all; use a smaller size, fewer frames or fp16",
      self->device->info.name, asked, held, total);
}

static VkResult
allocate (KilnBuffer *self, KilnMemory memory)
{
  VkDevice device = self->device->device;
  gboolean addresses =
      (self->device->info.features & KILN_FEATURE_ADDRESSES) != 0;
  VkBufferCreateInfo buffer_info = {
    .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
    .size = self->size + SPARE_BYTES,
    .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT
        | VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT
        | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT
        | (addresses ? VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT : 0),
  };
  VkMemoryAllocateFlagsInfo flags_info = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
    .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
  };
  VkMemoryAllocateInfo info = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
    .pNext = addresses ? &flags_info : NULL,
  };
  VkMemoryRequirements needs;
  VkMemoryPropertyFlags flags = 0;
  VkResult result =
      vkCreateBuffer (device, &buffer_info, NULL, &self->buffer);
  gint type;

  if (result != VK_SUCCESS)
    return result;
  vkGetBufferMemoryRequirements (device, self->buffer, &needs);
  type = find_memory_type (self->device, needs.memoryTypeBits, memory, &flags);
  if (type < 0 || needs.size > self->device->info.max_allocation)
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  info.allocationSize = needs.size;
  info.memoryTypeIndex = type;
  result = vkAllocateMemory (device, &info, NULL, &self->memory);
  if (result == VK_SUCCESS)
    result = vkBindBufferMemory (device, self->buffer, self->memory, 0);
  if (result == VK_SUCCESS && (flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)
      && (memory != KILN_MEMORY_DEVICE || is_shared (self->device)))
    result = vkMapMemory (device, self->memory, 0, VK_WHOLE_SIZE, 0,
        (void **) &self->data);
  return result;
}

KilnBuffer *
kiln_buffer_new (KilnDevice *device, guint64 size, KilnMemory memory,
    GError **error)
{
  KilnBuffer *self = g_new0 (KilnBuffer, 1);
  VkResult result;

  g_atomic_ref_count_init (&self->refs);
  self->device = kiln_device_ref (device);
  self->size = MAX (size, KILN_BUFFER_MIN_BYTES);
  self->kind = memory;
  account (self, 1);
  /* Software devices' drivers allocate more than there is. */
  result = kiln_device_get_allocated (device, NULL) > device->info.memory_total
      ? VK_ERROR_OUT_OF_DEVICE_MEMORY : allocate (self, memory);
  if (result != VK_SUCCESS) {
    account (self, -1);
    set_memory_error (error, self, result);
    self->size = 0;
    kiln_buffer_unref (self);
    return NULL;
  }
  return self;
}

KilnBuffer *
kiln_buffer_ref (KilnBuffer *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
kiln_buffer_unref (KilnBuffer *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  vkDestroyBuffer (self->device->device, self->buffer, NULL);
  vkFreeMemory (self->device->device, self->memory, NULL);
  account (self, -1);
  kiln_device_unref (self->device);
  g_free (self);
}

guint64
kiln_buffer_get_size (KilnBuffer *self)
{
  return self->size;
}

KilnDevice *
kiln_buffer_get_device (KilnBuffer *self)
{
  return self->device;
}

guint64
kiln_buffer_get_address (KilnBuffer *self)
{
  VkBufferDeviceAddressInfo info = {
    .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
    .buffer = self->buffer,
  };

  return vkGetBufferDeviceAddress (self->device->device, &info);
}

guint8 *
kiln_buffer_get_data (KilnBuffer *self)
{
  return self->data;
}

VkBuffer
kiln_buffer_get_handle (KilnBuffer *self)
{
  return self->buffer;
}

/* ---- Copies from and to the host */

static gboolean
copy_now (KilnBuffer *src, guint64 src_offset, KilnBuffer *dst,
    guint64 dst_offset, guint64 size, GError **error)
{
  KilnRecorder *recorder = kiln_recorder_new (src->device);
  g_autoptr (KilnCommands) commands = NULL;

  kiln_recorder_barrier (recorder);
  kiln_recorder_copy (recorder, src, src_offset, dst, dst_offset, size);
  kiln_recorder_barrier (recorder);
  commands = kiln_recorder_finish (recorder, error);
  return commands != NULL && kiln_commands_run (commands, NULL, error);
}

gboolean
kiln_buffer_write (KilnBuffer *self, guint64 offset, const void *data,
    guint64 size, GError **error)
{
  g_autoptr (KilnBuffer) staging = NULL;

  g_return_val_if_fail (offset + size <= self->size, FALSE);
  if (self->data != NULL) {
    memcpy (self->data + offset, data, size);
    return TRUE;
  }
  staging = kiln_buffer_new (self->device, size, KILN_MEMORY_UPLOAD, error);
  if (staging == NULL)
    return FALSE;
  memcpy (staging->data, data, size);
  return copy_now (staging, 0, self, offset, size, error);
}

gboolean
kiln_buffer_read (KilnBuffer *self, guint64 offset, void *data, guint64 size,
    GError **error)
{
  g_autoptr (KilnBuffer) staging = NULL;

  g_return_val_if_fail (offset + size <= self->size, FALSE);
  if (self->data != NULL) {
    memcpy (data, self->data + offset, size);
    return TRUE;
  }
  staging = kiln_buffer_new (self->device, size, KILN_MEMORY_DOWNLOAD, error);
  if (staging == NULL || !copy_now (self, offset, staging, 0, size, error))
    return FALSE;
  memcpy (data, staging->data, size);
  return TRUE;
}

gboolean
kiln_buffer_copy (KilnBuffer *from, KilnBuffer *to, guint64 to_offset,
    guint64 size, GError **error)
{
  g_return_val_if_fail (size <= from->size && to_offset + size <= to->size,
      FALSE);
  return copy_now (from, 0, to, to_offset, size, error);
}
