/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"

#include <string.h>

/* The optional features that shaders may use, as chains for Vulkan. */
typedef struct {
  VkPhysicalDeviceFeatures2 core;
  VkPhysicalDeviceVulkan11Features v11;
  VkPhysicalDeviceVulkan12Features v12;
  VkPhysicalDeviceSubgroupSizeControlFeaturesEXT sizes;
#ifdef KILN_COOPERATIVE_MATRIX
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrix;
#endif
#ifdef KILN_COOPERATIVE_MATRIX2
  VkPhysicalDeviceCooperativeMatrix2FeaturesNV matrix2;
  VkPhysicalDeviceMaintenance4Features maintenance4;    /* with matrix2 */
#endif
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
chain (Features *self, gboolean sizes, gboolean matrix, gboolean matrix2)
{
  *self = (Features) {
    .core = { VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &self->v11 },
    .v11 = { VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
        &self->v12 },
    .v12 = { VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES },
    .sizes = {
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT },
  };
  if (sizes)
    self->v12.pNext = &self->sizes;
#ifdef KILN_COOPERATIVE_MATRIX
  self->matrix.sType =
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR;
  self->matrix.pNext = self->v12.pNext;
  if (matrix)
    self->v12.pNext = &self->matrix;
#endif
#ifdef KILN_COOPERATIVE_MATRIX2
  self->matrix2.sType =
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV;
  self->matrix2.pNext = &self->maintenance4;
  self->maintenance4.sType =
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES;
  self->maintenance4.pNext = self->v12.pNext;
  if (matrix2)
    self->v12.pNext = &self->matrix2;
#endif
}

static void
query_subgroups (VkPhysicalDevice physical, KilnDeviceInfo *info,
    gboolean control)
{
  const VkSubgroupFeatureFlags wanted = VK_SUBGROUP_FEATURE_BASIC_BIT
      | VK_SUBGROUP_FEATURE_ARITHMETIC_BIT | VK_SUBGROUP_FEATURE_BALLOT_BIT
      | VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
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

#ifdef KILN_COOPERATIVE_MATRIX

/* Whether shaders can use it: they sum products of halves in fp32, and
 * divide parts of 16×16 of a result into such matrices, which have whole
 * panels of 8 columns. */
static gboolean
fits (const VkCooperativeMatrixPropertiesKHR *size)
{
  return size->scope == VK_SCOPE_SUBGROUP_KHR
      && size->AType == VK_COMPONENT_TYPE_FLOAT16_KHR
      && size->BType == VK_COMPONENT_TYPE_FLOAT16_KHR
      && size->CType == VK_COMPONENT_TYPE_FLOAT32_KHR
      && size->ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR
      && 16 % size->MSize == 0 && 16 % size->NSize == 0
      && 32 % size->KSize == 0 && size->NSize % 8 == 0 && size->KSize % 4 == 0;
}

/* Mesa's software device lists matrices of 8×8 at any width, but gives each
 * invocation a row: with more than 8 of them (LP_NATIVE_VECTOR_WIDTH=512) its
 * compiler reads past what it has and crashes (docs/kernels.md). */
static gboolean
works (const VkCooperativeMatrixPropertiesKHR *size,
    const KilnDeviceInfo *info)
{
  return info->type != VK_PHYSICAL_DEVICE_TYPE_CPU
      || size->MSize == info->subgroup_size;
}

/* The largest matrices, for which a number is loaded least often. */
static void
query_matrix_size (VkInstance instance, VkPhysicalDevice physical,
    KilnDeviceInfo *info)
{
  PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR get =
      (PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)
      vkGetInstanceProcAddr (instance,
      "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
  g_autofree VkCooperativeMatrixPropertiesKHR *sizes = NULL;
  guint32 n = 0, most = 0;

  get (physical, &n, NULL);
  sizes = g_new0 (VkCooperativeMatrixPropertiesKHR, n);
  for (guint32 i = 0; i < n; i++)
    sizes[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
  get (physical, &n, sizes);
  for (guint32 i = 0; i < n; i++) {
    guint32 volume = sizes[i].MSize * sizes[i].NSize * sizes[i].KSize;

    if (!fits (&sizes[i]) || !works (&sizes[i], info) || volume <= most)
      continue;
    most = volume;
    info->matrix_rows = sizes[i].MSize;
    info->matrix_columns = sizes[i].NSize;
    info->matrix_depth = sizes[i].KSize;
    info->features |= KILN_FEATURE_MATRIX;
  }
}

static void
query_matrix (VkInstance instance, VkPhysicalDevice physical,
    KilnDeviceInfo *info)
{
  VkPhysicalDeviceCooperativeMatrixPropertiesKHR stages = {
    .sType =
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR,
  };
  VkPhysicalDeviceProperties2 properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
    .pNext = &stages,
  };
  Features has;

  if (!has_extension (physical, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME))
    return;
  chain (&has, FALSE, TRUE, FALSE);
  vkGetPhysicalDeviceFeatures2 (physical, &has.core);
  vkGetPhysicalDeviceProperties2 (physical, &properties);
  if (has.matrix.cooperativeMatrix && has.v12.shaderFloat16
      && has.v12.vulkanMemoryModel && (stages.cooperativeMatrixSupportedStages
          & VK_SHADER_STAGE_COMPUTE_BIT) != 0)
    query_matrix_size (instance, physical, info);
}

#endif

#ifdef KILN_COOPERATIVE_MATRIX2

/* Whether 256 invocations can multiply halves to such sums: 256 rows, 64 or
 * 128 columns, 64 deep (matmul_matrix2.comp). */
static gboolean
fits_workgroup (const VkCooperativeMatrixFlexibleDimensionsPropertiesNV *size,
    VkComponentTypeKHR sums)
{
  return size->scope == VK_SCOPE_WORKGROUP_KHR
      && size->workgroupInvocations == 256
      && size->AType == VK_COMPONENT_TYPE_FLOAT16_KHR
      && size->BType == VK_COMPONENT_TYPE_FLOAT16_KHR
      && size->CType == sums && size->ResultType == sums
      && 256 % size->MGranularity == 0 && 64 % size->NGranularity == 0
      && 64 % size->KGranularity == 0;
}

/* Sums are fp32; what is stored of them is halves. */
static gboolean
has_workgroup_sizes (VkInstance instance, VkPhysicalDevice physical)
{
  PFN_vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV get =
      (PFN_vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV)
      vkGetInstanceProcAddr (instance,
      "vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV");
  g_autofree VkCooperativeMatrixFlexibleDimensionsPropertiesNV *sizes = NULL;
  gboolean single = FALSE, half = FALSE;
  guint32 n = 0;

  get (physical, &n, NULL);
  sizes = g_new0 (VkCooperativeMatrixFlexibleDimensionsPropertiesNV, n);
  for (guint32 i = 0; i < n; i++)
    sizes[i].sType =
        VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_FLEXIBLE_DIMENSIONS_PROPERTIES_NV;
  get (physical, &n, sizes);
  for (guint32 i = 0; i < n; i++) {
    single |= fits_workgroup (&sizes[i], VK_COMPONENT_TYPE_FLOAT32_KHR);
    half |= fits_workgroup (&sizes[i], VK_COMPONENT_TYPE_FLOAT16_KHR);
  }
  return single && half;
}

static gboolean
has_tensors (VkInstance instance, VkPhysicalDevice physical,
    const VkPhysicalDeviceCooperativeMatrix2FeaturesNV *has)
{
  VkPhysicalDeviceCooperativeMatrix2PropertiesNV most = {
    .sType =
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_PROPERTIES_NV,
  };
  VkPhysicalDeviceProperties2 properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
    .pNext = &most,
  };

  vkGetPhysicalDeviceProperties2 (physical, &properties);
  return has->cooperativeMatrixWorkgroupScope
      && has->cooperativeMatrixFlexibleDimensions
      && has->cooperativeMatrixTensorAddressing
      && has->cooperativeMatrixPerElementOperations
      && most.cooperativeMatrixWorkgroupScopeMaxWorkgroupSize >= 256
      && most.cooperativeMatrixFlexibleDimensionsMaxDimension >= 256
      && has_workgroup_sizes (instance, physical);
}

/* Sums become factors of the next product where matrices are as deep as they
 * are wide. Such shaders are SPIR-V 1.6, in which the size of workgroups is a
 * matter of maintenance4: both belong to Vulkan 1.3. */
static void
query_matrix2 (VkInstance instance, VkPhysicalDevice physical,
    KilnDeviceInfo *info)
{
  VkPhysicalDeviceProperties properties;
  Features has;

  vkGetPhysicalDeviceProperties (physical, &properties);
  if (properties.apiVersion < VK_API_VERSION_1_3
      || (info->features & KILN_FEATURE_MATRIX) == 0
      || !has_extension (physical, VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME))
    return;
  chain (&has, FALSE, FALSE, TRUE);
  vkGetPhysicalDeviceFeatures2 (physical, &has.core);
  if (!has.maintenance4.maintenance4)
    return;
  if (info->matrix_columns == info->matrix_depth
      && has.matrix2.cooperativeMatrixReductions
      && has.matrix2.cooperativeMatrixConversions
      && has.matrix2.cooperativeMatrixPerElementOperations)
    info->features |= KILN_FEATURE_MATRIX2;
  if (has_tensors (instance, physical, &has.matrix2))
    info->features |= KILN_FEATURE_TENSORS;
}

#endif

void
kiln_features_query (VkInstance instance, VkPhysicalDevice physical,
    KilnDeviceInfo *info)
{
  gboolean sizes =
      has_extension (physical, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
  Features has;

  chain (&has, sizes, FALSE, FALSE);
  vkGetPhysicalDeviceFeatures2 (physical, &has.core);
  if (has.v12.shaderFloat16)
    info->features |= KILN_FEATURE_FLOAT16;
  /* Only software devices gain by them. */
  if (info->type == VK_PHYSICAL_DEVICE_TYPE_CPU && has.v12.bufferDeviceAddress
      && has.core.features.shaderInt64)
    info->features |= KILN_FEATURE_ADDRESSES;
  if (has_extension (physical, VK_EXT_DESCRIPTOR_BUFFER_EXTENSION_NAME))
    info->features |= KILN_FEATURE_DESCRIPTOR_BUFFER;
  query_subgroups (physical, info, sizes && has.sizes.subgroupSizeControl
      && has.sizes.computeFullSubgroups);
#ifdef KILN_COOPERATIVE_MATRIX
  query_matrix (instance, physical, info);
#endif
#ifdef KILN_COOPERATIVE_MATRIX2
  query_matrix2 (instance, physical, info);
#endif
  info->memory_budget =
      has_extension (physical, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
}

VkResult
kiln_features_create_device (VkPhysicalDevice physical,
    const KilnDeviceInfo *info, VkDeviceCreateInfo *create, VkDevice *device)
{
  const char *extensions[3];
  gboolean sizes = (info->features & KILN_FEATURE_SUBGROUP_SIZE) != 0;
  gboolean matrix = (info->features & KILN_FEATURE_MATRIX) != 0;
  gboolean reduced = (info->features & KILN_FEATURE_MATRIX2) != 0;
  gboolean tensors = (info->features & KILN_FEATURE_TENSORS) != 0;
  gboolean matrix2 = reduced || tensors;
  gboolean addresses = (info->features & KILN_FEATURE_ADDRESSES) != 0;
  Features wanted;

  chain (&wanted, sizes, matrix, matrix2);
  wanted.core.features.shaderInt64 = addresses;
  wanted.v12.bufferDeviceAddress = addresses;
  wanted.v12.shaderFloat16 = (info->features & KILN_FEATURE_FLOAT16) != 0;
  wanted.sizes.subgroupSizeControl = sizes;
  wanted.sizes.computeFullSubgroups = sizes;
  create->pNext = &wanted.core;
  create->enabledExtensionCount = 0;
  create->ppEnabledExtensionNames = extensions;
  if (sizes)
    extensions[create->enabledExtensionCount++] =
        VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME;
#ifdef KILN_COOPERATIVE_MATRIX
  wanted.matrix.cooperativeMatrix = matrix;
  wanted.v12.vulkanMemoryModel = matrix;
  if (matrix)
    extensions[create->enabledExtensionCount++] =
        VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME;
#endif
#ifdef KILN_COOPERATIVE_MATRIX2
  wanted.matrix2.cooperativeMatrixReductions = reduced;
  wanted.matrix2.cooperativeMatrixConversions = reduced;
  wanted.matrix2.cooperativeMatrixPerElementOperations = matrix2;
  wanted.matrix2.cooperativeMatrixWorkgroupScope = tensors;
  wanted.matrix2.cooperativeMatrixFlexibleDimensions = tensors;
  wanted.matrix2.cooperativeMatrixTensorAddressing = tensors;
  wanted.maintenance4.maintenance4 = matrix2;
  if (matrix2)
    extensions[create->enabledExtensionCount++] =
        VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME;
#endif
  return vkCreateDevice (physical, create, NULL, device);
}
