/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"

#include <string.h>
#include <unistd.h>

#define VALIDATION_LAYER "VK_LAYER_KHRONOS_validation"

void
kiln_set_vk_error (GError **error, VkResult result, const char *what)
{
  switch (result) {
    case VK_ERROR_DEVICE_LOST:
      g_set_error (error, KILN_ERROR, KILN_ERROR_DEVICE_LOST,
          "The Vulkan device was lost (%s); restart the pipeline, and if it "
          "happens again update the driver", what);
      break;
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
      g_set_error (error, KILN_ERROR, KILN_ERROR_OUT_OF_MEMORY,
          "Not enough memory (%s); use a smaller size or fewer frames", what);
      break;
    default:
      g_set_error (error, KILN_ERROR, KILN_ERROR_UNSUPPORTED,
          "Vulkan failed with code %d (%s)", result, what);
  }
}

/* ---- Instance */

/* Validation messages become warnings, which tests make fatal. */
static VKAPI_ATTR VkBool32 VKAPI_CALL
on_validation_message (VkDebugUtilsMessageSeverityFlagBitsEXT severity,
    VkDebugUtilsMessageTypeFlagsEXT types,
    const VkDebugUtilsMessengerCallbackDataEXT *data, void *user_data)
{
  g_warning ("Vulkan validation: %s", data->pMessage);
  return VK_FALSE;
}

static const VkDebugUtilsMessengerCreateInfoEXT messenger_info = {
  .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
  .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT
      | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
  .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
  .pfnUserCallback = on_validation_message,
};

static void
start_messenger (KilnDevice *self)
{
  PFN_vkCreateDebugUtilsMessengerEXT create =
      (PFN_vkCreateDebugUtilsMessengerEXT)
      vkGetInstanceProcAddr (self->instance, "vkCreateDebugUtilsMessengerEXT");

  if (create != NULL)
    create (self->instance, &messenger_info, NULL, &self->messenger);
}

static void
stop_messenger (KilnDevice *self)
{
  PFN_vkDestroyDebugUtilsMessengerEXT destroy =
      (PFN_vkDestroyDebugUtilsMessengerEXT)
      vkGetInstanceProcAddr (self->instance,
      "vkDestroyDebugUtilsMessengerEXT");

  if (destroy != NULL && self->messenger != VK_NULL_HANDLE)
    destroy (self->instance, self->messenger, NULL);
}

static gboolean
create_instance (VkInstance *instance, gboolean validate, GError **error)
{
  const char *layers[] = { VALIDATION_LAYER };
  const char *extensions[] = { VK_EXT_DEBUG_UTILS_EXTENSION_NAME };
  VkApplicationInfo application = {
    .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
    .pApplicationName = "gst-svd",
    .apiVersion = VK_API_VERSION_1_3,   /* at most: devices of 1.2 do, too */
  };
  VkInstanceCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
    .pNext = validate ? &messenger_info : NULL,
    .pApplicationInfo = &application,
    .enabledLayerCount = validate ? 1 : 0,
    .ppEnabledLayerNames = layers,
    .enabledExtensionCount = validate ? 1 : 0,
    .ppEnabledExtensionNames = extensions,
  };
  VkResult result = vkCreateInstance (&info, NULL, instance);

  if (result == VK_SUCCESS)
    return TRUE;
  if (result == VK_ERROR_LAYER_NOT_PRESENT)
    g_set_error (error, KILN_ERROR, KILN_ERROR_UNSUPPORTED,
        "KILN_VALIDATION is set but %s is not installed", VALIDATION_LAYER);
  else
    g_set_error (error, KILN_ERROR, KILN_ERROR_NO_DEVICE,
        "No Vulkan driver found (code %d); install one, for instance "
        "mesa-vulkan-drivers, which also has a software device", result);
  return FALSE;
}

/* ---- Choosing a device */

static void
format_uuid (const guint8 *bytes, char text[37])
{
  g_snprintf (text, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
      "%02x%02x%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2], bytes[3],
      bytes[4], bytes[5], bytes[6], bytes[7], bytes[8], bytes[9], bytes[10],
      bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]);
}

static guint64
largest_local_heap (VkPhysicalDevice physical)
{
  VkPhysicalDeviceMemoryProperties memory;
  guint64 largest = 0;

  vkGetPhysicalDeviceMemoryProperties (physical, &memory);
  for (guint i = 0; i < memory.memoryHeapCount; i++)
    if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
      largest = MAX (largest, memory.memoryHeaps[i].size);
  return largest;
}

/* A software device's memory is the host's, whatever its heap's size says: of
 * Mesa's, 2 GiB everywhere (22.3) or more than there is. */
static guint64
total_memory (VkPhysicalDevice physical, VkPhysicalDeviceType type)
{
  if (type == VK_PHYSICAL_DEVICE_TYPE_CPU)
    return (guint64) sysconf (_SC_PHYS_PAGES) * sysconf (_SC_PAGESIZE);
  return largest_local_heap (physical);
}

/* A test may lower the binding range, so that small tensors are split as
 * large ones are on devices with a small limit; alignment is then the
 * strictest that Vulkan allows. */
static void
limit_storage_range (KilnDeviceInfo *info)
{
  const char *text = g_getenv ("KILN_MAX_STORAGE_RANGE");
  guint64 limit = text ? g_ascii_strtoull (text, NULL, 10) : 0;

  if (limit == 0)
    return;
  info->max_storage_range = MIN (info->max_storage_range, limit);
  info->storage_alignment = 256;
}

/* Likewise, that of a smaller device. */
static guint64
limit_memory (guint64 total)
{
  const char *text = g_getenv ("KILN_MAX_MEMORY");
  guint64 limit = text ? g_ascii_strtoull (text, NULL, 10) : 0;

  return limit ? MIN (total, limit) : total;
}

/* Software devices run a workgroup as a loop on one core: large groups spare
 * them nothing, small ones leave work for every core. */
static void
query_software (const VkPhysicalDeviceLimits *limits, KilnDeviceInfo *info)
{
  info->group_size = 64;
  /* A test may want what graphics processors get. */
  if (info->type != VK_PHYSICAL_DEVICE_TYPE_CPU
      || g_getenv ("KILN_NOT_SOFTWARE") != NULL)
    return;
  info->features |= KILN_FEATURE_SOFTWARE;
  info->group_size = 32;
  /* Texels of four halves are the smallest that tensors are read as. */
  info->max_storage_range = MIN (info->max_storage_range,
      (guint64) limits->maxTexelBufferElements * 8);
  info->storage_alignment = MAX (info->storage_alignment,
      limits->minTexelBufferOffsetAlignment);
}

static void
query_info (VkInstance instance, VkPhysicalDevice physical,
    KilnDeviceInfo *info)
{
  VkPhysicalDeviceVulkan12Properties v12 = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES,
  };
  VkPhysicalDeviceVulkan11Properties v11 = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES,
    .pNext = &v12,
  };
  VkPhysicalDeviceProperties2 properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
    .pNext = &v11,
  };
  const VkPhysicalDeviceLimits *limits = &properties.properties.limits;
  const char *kernels = g_getenv ("KILN_KERNELS");

  vkGetPhysicalDeviceProperties2 (physical, &properties);
  g_strlcpy (info->name, properties.properties.deviceName,
      sizeof info->name);
  g_snprintf (info->driver, sizeof info->driver, "%s %s", v12.driverName,
      v12.driverInfo);
  info->type = properties.properties.deviceType;
  format_uuid (v11.deviceUUID, info->uuid);
  info->max_storage_range = limits->maxStorageBufferRange;
  info->max_group_size = limits->maxComputeWorkGroupInvocations;
  info->max_shared_bytes = limits->maxComputeSharedMemorySize;
  info->max_allocation = v11.maxMemoryAllocationSize;
  info->storage_alignment =
      MAX (limits->minStorageBufferOffsetAlignment, 16);
  info->features = 0;
  info->kernels = kernels != NULL ? g_intern_string (kernels) : "";
  kiln_features_query (instance, physical, info);
  query_software (limits, info);
  limit_storage_range (info);
  info->timestamp_period = limits->timestampComputeAndGraphics
      ? limits->timestampPeriod : 0;
  info->memory_total = limit_memory (total_memory (physical, info->type));
}

static const char *
type_name (VkPhysicalDeviceType type)
{
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return "discrete";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return "integrated";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return "virtual";
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return "software";
    default:
      return "other";
  }
}

static guint
type_rank (VkPhysicalDeviceType type)
{
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return 0;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return 1;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return 2;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return 3;
    default:
      return 4;
  }
}

static VkPhysicalDevice *
enumerate (VkInstance instance, guint32 *n)
{
  VkPhysicalDevice *devices;

  *n = 0;
  vkEnumeratePhysicalDevices (instance, n, NULL);
  devices = g_new0 (VkPhysicalDevice, *n + 1);
  vkEnumeratePhysicalDevices (instance, n, devices);
  return devices;
}

static gboolean
has_vulkan_12 (VkPhysicalDevice physical)
{
  VkPhysicalDeviceProperties properties;

  vkGetPhysicalDeviceProperties (physical, &properties);
  return properties.apiVersion >= VK_API_VERSION_1_2;
}

static gboolean
matches (const char *which, guint index, const KilnDeviceInfo *info)
{
  g_autofree char *name = NULL;
  g_autofree char *part = NULL;
  char *end;
  guint64 number;

  if (which == NULL || *which == '\0')
    return TRUE;
  if (g_ascii_strcasecmp (which, info->uuid) == 0)
    return TRUE;
  number = g_ascii_strtoull (which, &end, 10);
  if (*end == '\0')
    return number == index;
  name = g_utf8_casefold (info->name, -1);
  part = g_utf8_casefold (which, -1);
  return strstr (name, part) != NULL;
}

static char *
list_devices (VkInstance instance)
{
  GString *text = g_string_new (NULL);
  guint32 n;
  g_autofree VkPhysicalDevice *devices = enumerate (instance, &n);

  for (guint i = 0; i < n; i++) {
    KilnDeviceInfo info;

    if (!has_vulkan_12 (devices[i]))
      continue;
    query_info (instance, devices[i], &info);
    g_string_append_printf (text, "%s%u: %s (%s, %s)", text->len ? "\n" : "",
        i, info.name, type_name (info.type), info.uuid);
  }
  return g_string_free (text, FALSE);
}

static gboolean
choose_physical (KilnDevice *self, const char *which, GError **error)
{
  guint32 n;
  g_autofree VkPhysicalDevice *devices = enumerate (self->instance, &n);
  g_autofree char *list = NULL;

  for (guint i = 0; i < n; i++) {
    KilnDeviceInfo info;

    if (!has_vulkan_12 (devices[i]))
      continue;
    query_info (self->instance, devices[i], &info);
    if (!matches (which, i, &info))
      continue;
    if (self->physical == VK_NULL_HANDLE
        || type_rank (info.type) < type_rank (self->info.type)) {
      self->physical = devices[i];
      self->info = info;
    }
  }
  if (self->physical != VK_NULL_HANDLE)
    return TRUE;

  list = list_devices (self->instance);
  if (*list == '\0')
    g_set_error (error, KILN_ERROR, KILN_ERROR_NO_DEVICE,
        "No Vulkan 1.2 device found; install a driver, for instance "
        "mesa-vulkan-drivers, which also has a software device");
  else
    g_set_error (error, KILN_ERROR, KILN_ERROR_NO_DEVICE,
        "No Vulkan device is called \"%s\"; choose one of:\n%s", which, list);
  return FALSE;
}

/* ---- The logical device */

static gboolean
find_queue_family (KilnDevice *self, GError **error)
{
  guint32 n = 0;
  g_autofree VkQueueFamilyProperties *families = NULL;

  vkGetPhysicalDeviceQueueFamilyProperties (self->physical, &n, NULL);
  families = g_new0 (VkQueueFamilyProperties, n);
  vkGetPhysicalDeviceQueueFamilyProperties (self->physical, &n, families);
  for (guint i = 0; i < n; i++) {
    if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT))
      continue;
    self->queue_family = i;
    if (families[i].timestampValidBits == 0)
      self->info.timestamp_period = 0;
    return TRUE;
  }
  g_set_error (error, KILN_ERROR, KILN_ERROR_UNSUPPORTED,
      "The device %s has no compute queue; choose another", self->info.name);
  return FALSE;
}

static gboolean
create_device (KilnDevice *self, GError **error)
{
  float priority = 1;
  VkDeviceQueueCreateInfo queue = {
    .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
    .queueFamilyIndex = self->queue_family,
    .queueCount = 1,
    .pQueuePriorities = &priority,
  };
  VkDeviceCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
    .queueCreateInfoCount = 1,
    .pQueueCreateInfos = &queue,
  };
  VkPhysicalDeviceProperties properties;
  VkResult result = kiln_features_create_device (self->physical, &self->info,
      &info, &self->device);

  if (result != VK_SUCCESS) {
    kiln_set_vk_error (error, result, "creating the device");
    return FALSE;
  }
  vkGetDeviceQueue (self->device, self->queue_family, 0, &self->queue);
  vkGetPhysicalDeviceMemoryProperties (self->physical, &self->memory);
  vkGetPhysicalDeviceProperties (self->physical, &properties);
  self->max_groups_x = properties.limits.maxComputeWorkGroupCount[0];
  return TRUE;
}

KilnDevice *
kiln_device_open (const char *which, GError **error)
{
  g_autoptr (KilnDevice) self = g_new0 (KilnDevice, 1);
  gboolean validate = g_getenv ("KILN_VALIDATION") != NULL;

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->queue_lock);
  g_mutex_init (&self->pipelines_lock);
  g_cond_init (&self->pipeline_compiled);
  g_mutex_init (&self->choices_lock);
  g_mutex_init (&self->memory_lock);
  if (!create_instance (&self->instance, validate, error))
    return NULL;
  if (validate)
    start_messenger (self);
  if (!choose_physical (self, which, error)
      || !find_queue_family (self, error)
      || !create_device (self, error)
      || !kiln_pipelines_init (self, error))
    return NULL;
  kiln_choices_init (self);
  return g_steal_pointer (&self);
}

KilnDevice *
kiln_device_ref (KilnDevice *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
kiln_device_unref (KilnDevice *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  if (self->device != VK_NULL_HANDLE) {
    kiln_choices_clear (self);
    kiln_pipelines_clear (self);
    vkDestroyDevice (self->device, NULL);
  }
  if (self->instance != VK_NULL_HANDLE) {
    stop_messenger (self);
    vkDestroyInstance (self->instance, NULL);
  }
  g_mutex_clear (&self->queue_lock);
  g_mutex_clear (&self->pipelines_lock);
  g_cond_clear (&self->pipeline_compiled);
  g_mutex_clear (&self->choices_lock);
  g_mutex_clear (&self->memory_lock);
  g_free (self);
}

const KilnDeviceInfo *
kiln_device_get_info (KilnDevice *self)
{
  return &self->info;
}

char *
kiln_device_describe (KilnDevice *self)
{
  const KilnDeviceInfo *info = &self->info;
  GString *text = g_string_new (NULL);

  g_string_printf (text, "%s, %s, subgroups of %u", info->name, info->driver,
      info->subgroup_size);
  if (info->max_subgroup_size > info->min_subgroup_size)
    g_string_append_printf (text, " (%u to %u)", info->min_subgroup_size,
        info->max_subgroup_size);
  if (info->features & KILN_FEATURE_FLOAT16)
    g_string_append (text, ", fp16 arithmetic");
  if (info->features & KILN_FEATURE_MATRIX)
    g_string_append_printf (text, ", cooperative matrices%s of %u×%u×%u",
        info->features & KILN_FEATURE_MATRIX2 ? " 2" : "", info->matrix_rows,
        info->matrix_columns, info->matrix_depth);
  if (info->features & KILN_FEATURE_TENSORS)
    g_string_append (text, " and of workgroups");
  return g_string_free (text, FALSE);
}

gboolean
kiln_device_is_cpu (KilnDevice *self)
{
  return (self->info.features & KILN_FEATURE_SOFTWARE) != 0;
}

/* Measured on software, guessed low elsewhere: a piece should take about a
 * tenth of a second. */
double
kiln_device_get_dispatch_flops (KilnDevice *self)
{
  switch (self->info.type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return 2e11;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return 1e9;
    default:
      return 2e10;
  }
}
