/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"

#include <string.h>

/* The optional features that shaders may use, as chains for Vulkan. */
typedef struct {
  VkPhysicalDeviceFeatures2 core;
  VkPhysicalDeviceVulkan11Features v11;
  VkPhysicalDeviceVulkan12Features v12;
  VkPhysicalDeviceSubgroupSizeControlFeaturesEXT sizes;
} Features;

static gboolean
has_extension (VkPhysicalDevice physical, const char *name)
{
  g_autofree VkExtensionProperties *extensions = NULL;
  guint32 n = 0;

  vkEnumerateDeviceExtensionProperties (physical, NULL, &n, NULL);
  extensions = g_new0 (VkExtensionProperties, n);
  vkEnumerateDeviceExtensionProperties (physical, NULL, &n, extensions);
  for (guint32 i = 0; i < n; i++)
    if (strcmp (extensions[i].extensionName, name) == 0)
      return TRUE;
  return FALSE;
}

/* What belongs to an extension is chained only where there is one. */
static void
chain (Features *self, gboolean sizes)
{
  *self = (Features) {
    .core = { VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &self->v11 },
    .v11 = { VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
        &self->v12 },
    .v12 = { VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
        sizes ? &self->sizes : NULL },
    .sizes = {
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT },
  };
}

static void
query_subgroups (VkPhysicalDevice physical, KilnDeviceInfo *info,
    gboolean control)
{
  const VkSubgroupFeatureFlags wanted = VK_SUBGROUP_FEATURE_BASIC_BIT
      | VK_SUBGROUP_FEATURE_ARITHMETIC_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
  VkPhysicalDeviceSubgroupSizeControlPropertiesEXT sizes = {
    .sType =
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT,
  };
  VkPhysicalDeviceVulkan11Properties v11 = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES,
    .pNext = control ? &sizes : NULL,
  };
  VkPhysicalDeviceProperties2 properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
    .pNext = &v11,
  };

  vkGetPhysicalDeviceProperties2 (physical, &properties);
  if ((v11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0
      && (v11.subgroupSupportedOperations & wanted) == wanted)
    info->features |= KILN_FEATURE_SUBGROUPS;
  info->subgroup_size = v11.subgroupSize;
  info->min_subgroup_size = control ? sizes.minSubgroupSize : v11.subgroupSize;
  info->max_subgroup_size = control ? sizes.maxSubgroupSize : v11.subgroupSize;
  if (control
      && (sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0)
    info->features |= KILN_FEATURE_SUBGROUP_SIZE;
}

void
kiln_features_query (VkPhysicalDevice physical, KilnDeviceInfo *info)
{
  gboolean sizes =
      has_extension (physical, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
  Features has;

  chain (&has, sizes);
  vkGetPhysicalDeviceFeatures2 (physical, &has.core);
  if (has.v12.shaderFloat16)
    info->features |= KILN_FEATURE_FLOAT16;
  if (has.v11.storageBuffer16BitAccess)
    info->features |= KILN_FEATURE_STORAGE16;
  query_subgroups (physical, info, sizes && has.sizes.subgroupSizeControl
      && has.sizes.computeFullSubgroups);
  info->memory_budget =
      has_extension (physical, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
}

VkResult
kiln_features_create_device (VkPhysicalDevice physical,
    const KilnDeviceInfo *info, VkDeviceCreateInfo *create, VkDevice *device)
{
  const char *extensions[] = { VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME };
  gboolean sizes = (info->features & KILN_FEATURE_SUBGROUP_SIZE) != 0;
  Features wanted;

  chain (&wanted, sizes);
  wanted.v12.shaderFloat16 = (info->features & KILN_FEATURE_FLOAT16) != 0;
  wanted.v11.storageBuffer16BitAccess =
      (info->features & KILN_FEATURE_STORAGE16) != 0;
  wanted.sizes.subgroupSizeControl = sizes;
  wanted.sizes.computeFullSubgroups = sizes;
  create->pNext = &wanted.core;
  create->enabledExtensionCount = sizes ? 1 : 0;
  create->ppEnabledExtensionNames = extensions;
  return vkCreateDevice (physical, create, NULL, device);
}
