/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "model-lookup.h"

#include <stdio.h>
#include <string.h>
#include <glib/gstdio.h>

#include "fault.h"
#include "tensor-source.h"

#define DEFAULT_MODEL "svd-tiny"
#define MAX_FILES 3

/* The pattern means configurations and fp16 weights, an eighth of it all. */
#define DOWNLOAD "hf download %s --include \"*.[fj]*\""

/* The published models. Files are those of the original layout, under the
 * names that they are published and passed on by; first the one to prefer. */
typedef struct {
  const char *name;
  const char *repository;       /* at Hugging Face, or NULL */
  const char *files[MAX_FILES];
} Known;

static const Known known_models[] = {
  {DEFAULT_MODEL, NULL, {NULL}},
  {"svd", "stabilityai/stable-video-diffusion-img2vid",
      {"svd.safetensors", "svd_image_decoder.safetensors"}},
  {"svd-xt", "stabilityai/stable-video-diffusion-img2vid-xt",
      {"svd_xt.safetensors", "svd_xt_image_decoder.safetensors"}},
  {"svd-xt-1-1", "stabilityai/stable-video-diffusion-img2vid-xt-1-1",
      {"svd_xt_1_1.safetensors"}},
};

/* A folder that an environment variable names. */
typedef struct {
  const char *variable;
  const char *below;
} Place;

/* The first that is set counts, as in huggingface_hub. */
static const Place hugging_face_caches[] = {
  {"HF_HUB_CACHE", ""},
  {"HUGGINGFACE_HUB_CACHE", ""},
  {"HF_HOME", "hub"},
  {"XDG_CACHE_HOME", "huggingface/hub"},
};

/* All that are set count. ComfyUI itself reads no variable; these are those
 * of its Manager. */
static const Place comfyui_checkpoints[] = {
  {"COMFYUI_MODEL_PATH", "checkpoints"},
  {"COMFYUI_PATH", "models/checkpoints"},
};

typedef struct {
  const char *asked;
  const Known *known;           /* or NULL */
  const char *repository;       /* or NULL */
  GPtrArray *names;             /* of folders and files to look for */
  GString *looked;              /* where that was */
  GError *incomplete;           /* what was found and cannot be used */
} Lookup;

/* ---- What is asked for */

static const Known *
find_known (const char *asked)
{
  for (guint i = 0; i < G_N_ELEMENTS (known_models); i++)
    if (g_str_equal (asked, known_models[i].name)
        || g_strcmp0 (asked, known_models[i].repository) == 0)
      return &known_models[i];
  return NULL;
}

/* "owner/name", of the characters that Hugging Face allows. */
static gboolean
is_repository (const char *asked)
{
  const char *slash = strchr (asked, '/');

  return slash && slash != asked && slash[1] && !strchr (slash + 1, '/')
      && *asked != '.' && slash[1] != '.'
      && strspn (asked, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_./")
      == strlen (asked);
}

static gboolean
is_name (const char *asked)
{
  return *asked != '.' && !g_path_is_absolute (asked)
      && (is_repository (asked) || !strpbrk (asked, "/\\"));
}

static void
add_name (Lookup *self, const char *name, const char *suffix)
{
  g_ptr_array_add (self->names, g_strconcat (name, suffix, NULL));
}

static void
list_names (Lookup *self)
{
  const Known *known = self->known;

  if (known && !g_str_equal (known->name, self->asked))
    add_name (self, known->name, "");
  add_name (self, self->asked, "");
  if (self->repository)
    add_name (self, strchr (self->repository, '/') + 1, "");
  for (guint i = 0; known && i < MAX_FILES && known->files[i]; i++)
    add_name (self, known->files[i], "");
  if (!known)
    add_name (self, self->asked, ".safetensors");
}

static void
lookup_init (Lookup *self, const char *asked)
{
  self->asked = asked;
  self->known = find_known (asked);
  self->repository = self->known ? self->known->repository
      : is_repository (asked) ? asked : NULL;
  self->names = g_ptr_array_new_with_free_func (g_free);
  self->looked = g_string_new (NULL);
  list_names (self);
}

static void
lookup_clear (Lookup *self)
{
  g_ptr_array_unref (self->names);
  g_string_free (self->looked, TRUE);
  g_clear_error (&self->incomplete);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Lookup, lookup_clear)

/* ---- Folders of models */

static void
note (Lookup *self, const char *path)
{
  g_string_append_printf (self->looked, "%s%s", self->looked->len ? ", " : "",
      path);
}

static char *
find_in (Lookup *self, const char *folder, GFileTest test)
{
  note (self, folder);
  for (guint i = 0; i < self->names->len; i++) {
    g_autofree char *path =
        g_build_filename (folder, self->names->pdata[i], NULL);

    if (g_file_test (path, test))
      return g_steal_pointer (&path);
  }
  return NULL;
}

/* NULL where the variable is not set. */
static char *
get_folder (const Place *place)
{
  const char *value = g_getenv (place->variable);

  return value && *value ? g_build_filename (value, place->below, NULL) : NULL;
}

/* Only files: its folders are the user's own order, not models. */
static char *
find_in_comfyui (Lookup *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (comfyui_checkpoints); i++) {
    g_autofree char *folder = get_folder (&comfyui_checkpoints[i]);
    char *found = folder ? find_in (self, folder, G_FILE_TEST_IS_REGULAR)
        : NULL;

    if (found)
      return found;
  }
  return NULL;
}

static char *
find_in_data (Lookup *self)
{
  g_autofree char *folder = g_build_filename (g_get_user_data_dir (),
      "gst-svd", "models", NULL);

  return find_in (self, folder, G_FILE_TEST_EXISTS);
}

/* ---- Hugging Face's cache:
 *
 * models--OWNER--NAME/refs/main             the commit that "main" was
 * models--OWNER--NAME/snapshots/COMMIT/…    links to
 * models--OWNER--NAME/blobs/… */

static char *
get_hugging_face_cache (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (hugging_face_caches); i++) {
    char *folder = get_folder (&hugging_face_caches[i]);

    if (folder)
      return folder;
  }
  return g_build_filename (g_get_home_dir (), ".cache", "huggingface", "hub",
      NULL);
}

static char *
get_repository_folder (const char *cache, const char *repository)
{
  g_auto (GStrv) parts = g_strsplit (repository, "/", 2);
  g_autofree char *name = g_strjoin ("--", "models", parts[0], parts[1], NULL);

  return g_build_filename (cache, name, NULL);
}

/* The snapshot of "main", NULL without one. What the reference holds becomes
 * part of a path, hence only a hash will do. */
static char *
get_snapshot (const char *repository_folder)
{
  g_autofree char *reference = g_build_filename (repository_folder, "refs",
      "main", NULL);
  char commit[65] = "";
  FILE *file = g_fopen (reference, "rb");

  if (!file)
    return NULL;
  commit[fread (commit, 1, sizeof commit - 1, file)] = 0;
  fclose (file);
  g_strchomp (commit);
  if (!*commit || strspn (commit, "0123456789abcdef") != strlen (commit))
    return NULL;
  return g_build_filename (repository_folder, "snapshots", commit, NULL);
}

/* What a diffusers folder lacks, NULL for nothing. Links that lead nowhere
 * are not there either. */
static char *
find_missing (const char *folder)
{
  static const char *const configs[] = { "unet/config.json",
    "vae/config.json", "image_encoder/config.json",
    "scheduler/scheduler_config.json"
  };
  static const char *const parts[] = { "unet", "vae", "image_encoder" };

  for (guint i = 0; i < G_N_ELEMENTS (configs); i++) {
    g_autofree char *path = g_build_filename (folder, configs[i], NULL);

    if (!g_file_test (path, G_FILE_TEST_EXISTS))
      return g_strdup (configs[i]);
  }
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
    g_autofree char *path = g_build_filename (folder, parts[i], NULL);

    if (!kiln_tensor_source_has_weights (path))
      return g_strconcat (parts[i], "'s .safetensors", NULL);
  }
  return NULL;
}

static void
set_incomplete (Lookup *self, const char *snapshot, const char *missing)
{
  if (!self->incomplete)
    kiln_model_fault (&self->incomplete, snapshot, "the download is "
        "incomplete: %s is missing; run again: " DOWNLOAD, missing,
        self->repository);
}

/* The snapshot itself where it is complete, else a single file in it. */
static char *
find_in_hugging_face_cache (Lookup *self)
{
  g_autofree char *cache = NULL, *folder = NULL, *snapshot = NULL;
  g_autofree char *missing = NULL;
  char *file;

  if (!self->repository)
    return NULL;
  cache = get_hugging_face_cache ();
  folder = get_repository_folder (cache, self->repository);
  note (self, folder);
  snapshot = get_snapshot (folder);
  if (!snapshot)
    return NULL;
  missing = find_missing (snapshot);
  if (!missing)
    return g_steal_pointer (&snapshot);
  for (guint i = 0; self->known && i < MAX_FILES && self->known->files[i];
      i++) {
    file = g_build_filename (snapshot, self->known->files[i], NULL);
    if (g_file_test (file, G_FILE_TEST_EXISTS))
      return file;
    g_free (file);
  }
  set_incomplete (self, snapshot, missing);
  return NULL;
}

/* ---- Nothing found */

static void
report_no_path (const char *asked, GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (known_models); i++)
    g_string_append_printf (names, "%s%s", i ? ", " : "",
        known_models[i].name);
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
      "There is no model %s: give the path of a folder in diffusers' layout or "
      "of an original .safetensors file, a repository of Hugging Face, or one "
      "of %s", asked, names->str);
}

static void
report (Lookup *self, GError **error)
{
  if (self->incomplete)
    g_propagate_error (error, g_steal_pointer (&self->incomplete));
  else if (self->repository)
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
        "There is no model %s in %s: accept its licence at "
        "https://huggingface.co/%s and download it with: " DOWNLOAD,
        self->asked, self->looked->str, self->repository, self->repository);
  else if (self->known)
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
        "There is no model %s in %s: it comes with gst-svd; install that, or "
        "set SVD_MODEL_PATH to the folder models of its source", self->asked,
        self->looked->str);
  else
    report_no_path (self->asked, error);
}

char *
svd_model_lookup (const char *model, const char *installed, GError **error)
{
  const char *asked = model && *model ? model : DEFAULT_MODEL;
  g_auto (Lookup) self = { NULL };
  char *found;

  lookup_init (&self, asked);
  if (!(self.known && g_str_equal (self.known->name, asked))) {
    if (g_file_test (asked, G_FILE_TEST_EXISTS))
      return g_strdup (asked);
    if (!is_name (asked)) {
      report_no_path (asked, error);
      return NULL;
    }
  }
  found = find_in_hugging_face_cache (&self);
  if (!found)
    found = find_in_comfyui (&self);
  if (!found)
    found = find_in_data (&self);
  if (!found)
    found = find_in (&self, installed, G_FILE_TEST_EXISTS);
  if (!found)
    report (&self, error);
  return found;
}
