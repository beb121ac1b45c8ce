/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of models, looked up in made-up caches. */

#include "../../src/weights/model-lookup.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "../../src/device/error.h"
#include "support.h"

#define XT "stabilityai/stable-video-diffusion-img2vid-xt"
#define XT_FOLDER "hub/models--stabilityai--stable-video-diffusion-img2vid-xt/"
#define COMMIT "9cf024d5bfa8f56622af86c884f26a52f6676f2e"
#define SNAPSHOT XT_FOLDER "snapshots/" COMMIT "/"

static char *root;              /* has hub, comfyui, data and installed */

static void
set_folder (const char *variable, const char *folder)
{
  g_autofree char *path = g_build_filename (root, folder, NULL);

  g_setenv (variable, path, TRUE);
}

static void
setup (void)
{
  root = make_folder ();
  set_folder ("HF_HUB_CACHE", "hub");
  set_folder ("COMFYUI_PATH", "comfyui");
}

static void
teardown (void)
{
  g_unsetenv ("HF_HUB_CACHE");
  g_unsetenv ("COMFYUI_PATH");
  g_unsetenv ("COMFYUI_MODEL_PATH");
  remove_folder (root);
  g_clear_pointer (&root, g_free);
}

static void
put (const char *name)
{
  write_file (root, name, "x");
}

/* A file of the snapshot, as the cache has them: a link to a blob. */
static void
link_blob (const char *name)
{
  g_autofree char *path = g_strconcat (SNAPSHOT, name, NULL);
  g_autofree char *link = g_build_filename (root, path, NULL);
  g_autofree char *blob = g_build_filename (root, XT_FOLDER "blobs", name,
      NULL);
  g_autofree char *folder = g_path_get_dirname (link);

  write_file (root, XT_FOLDER "refs/main", COMMIT);
  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_cmpint (symlink (blob, link), ==, 0);
}

static void
put_in_snapshot (const char *name)
{
  g_autofree char *blob = g_strconcat (XT_FOLDER "blobs/", name, NULL);

  put (blob);
  link_blob (name);
}

static const char *const snapshot_files[] = {
  "model_index.json", "unet/config.json", "vae/config.json",
  "image_encoder/config.json", "scheduler/scheduler_config.json",
  "unet/diffusion_pytorch_model.fp16.safetensors",
  "vae/diffusion_pytorch_model.safetensors",
  "image_encoder/model.safetensors"
};

static char *
lookup (const char *name, GError **error)
{
  g_autofree char *installed = g_build_filename (root, "installed", NULL);

  return svd_model_lookup (name, installed, error);
}

static void
assert_found (const char *name, const char *where)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *found = lookup (name, &error);
  g_autofree char *expected = g_build_filename (root, where, NULL);
  gsize length = strlen (expected);

  g_assert_no_error (error);
  if (g_str_has_suffix (expected, "/"))
    expected[length - 1] = 0;
  g_assert_cmpstr (found, ==, expected);
}

static void
assert_not_found (const char *name, const char *const *parts)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (lookup (name, &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  g_test_message ("%s", error->message);
  for (guint i = 0; parts[i]; i++)
    if (!strstr (error->message, parts[i]))
      g_error ("'%s' is not in: %s", parts[i], error->message);
}

static void
test_default (void)
{
  setup ();
  put ("installed/svd-tiny/unet/config.json");
  assert_found (NULL, "installed/svd-tiny");
  assert_found ("", "installed/svd-tiny");
  assert_found ("svd-tiny", "installed/svd-tiny");
  teardown ();
}

static void
test_paths (void)
{
  g_autofree char *file = NULL, *missing = NULL, *repository = NULL;
  g_autofree char *folder = NULL;

  setup ();
  put ("svd/my.safetensors");
  file = g_build_filename (root, "svd", "my.safetensors", NULL);
  missing = g_build_filename (root, "svd", "none.safetensors", NULL);
  assert_found (file, "svd/my.safetensors");
  assert_not_found (missing, (const char *[]) { missing, "give the path of",
          "svd-xt-1-1", NULL });
  /* Relative ones come before repositories, but after the short names. */
  g_assert_cmpint (g_chdir (root), ==, 0);
  put (XT "/unet/config.json");
  repository = lookup (XT, NULL);
  g_assert_cmpstr (repository, ==, XT);
  folder = lookup ("./svd", NULL);
  g_assert_cmpstr (folder, ==, "./svd");
  assert_not_found ("svd", (const char *[]) { "hf download", NULL });
  g_assert_cmpint (g_chdir ("/"), ==, 0);
  teardown ();
}

static void
test_snapshot (void)
{
  setup ();
  for (guint i = 0; i < G_N_ELEMENTS (snapshot_files); i++)
    put_in_snapshot (snapshot_files[i]);
  assert_found (XT, SNAPSHOT);
  assert_found ("svd-xt", SNAPSHOT);
  assert_not_found ("svd", (const char *[]) { "There is no model svd", NULL });
  assert_not_found ("svd-xt-1-1", (const char *[]) { "xt-1-1", NULL });
  /* The folder, not the file, where both are complete. */
  put_in_snapshot ("svd_xt.safetensors");
  assert_found ("svd-xt", SNAPSHOT);
  teardown ();
}

static void
test_single_file_in_snapshot (void)
{
  setup ();
  put_in_snapshot ("model_index.json");
  put_in_snapshot ("svd_xt_image_decoder.safetensors");
  assert_found (XT, SNAPSHOT "svd_xt_image_decoder.safetensors");
  put_in_snapshot ("svd_xt.safetensors");
  assert_found (XT, SNAPSHOT "svd_xt.safetensors");
  assert_found ("svd-xt", SNAPSHOT "svd_xt.safetensors");
  teardown ();
}

/* One file after the other is a link that leads nowhere, which is what a
 * download that was cut short leaves, or is not there at all. */
static void
test_incomplete_snapshot (void)
{
  for (guint missing = 1; missing < G_N_ELEMENTS (snapshot_files); missing++)
    for (guint dangling = 0; dangling < 2; dangling++) {
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) part = g_strsplit (snapshot_files[missing], "/", 2);

      setup ();
      for (guint i = 0; i < G_N_ELEMENTS (snapshot_files); i++)
        if (i != missing)
          put_in_snapshot (snapshot_files[i]);
      if (dangling)
        link_blob (snapshot_files[missing]);
      g_assert_null (lookup ("svd-xt", &error));
      g_assert_nonnull (strstr (error->message, "hf download " XT));
      g_assert_nonnull (strstr (error->message, part[0]));
      assert_model_error (&error, "incomplete");
      /* Another place may have all of it. */
      put ("comfyui/models/checkpoints/svd_xt.safetensors");
      assert_found ("svd-xt", "comfyui/models/checkpoints/svd_xt.safetensors");
      teardown ();
    }
}

/* What becomes part of a path must be a hash. */
static void
test_bad_references (void)
{
  static const char *const bad[] = { "", "\n", "..", "../../evil", "/etc",
    COMMIT "/..", COMMIT " x", "ABCDEF", "\xff\xfe"
  };

  setup ();
  for (guint i = 0; i < G_N_ELEMENTS (snapshot_files); i++)
    put_in_snapshot (snapshot_files[i]);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    write_file (root, XT_FOLDER "refs/main", bad[i]);
    assert_not_found ("svd-xt", (const char *[]) { "hf download", NULL });
  }
  write_file (root, XT_FOLDER "refs/main", COMMIT "\n");
  assert_found ("svd-xt", SNAPSHOT);
  teardown ();
}

/* The variables of huggingface_hub, the strongest first. */
static void
test_cache_variables (void)
{
  static const struct {
    const char *variable, *folder;
  } caches[] = {
    {"HF_HUB_CACHE", "a"}, {"HUGGINGFACE_HUB_CACHE", "b"},
    {"HF_HOME", "c/hub"}, {"XDG_CACHE_HOME", "d/huggingface/hub"},
  };

  setup ();
  set_folder ("HF_HUB_CACHE", "a");
  set_folder ("HUGGINGFACE_HUB_CACHE", "b");
  set_folder ("HF_HOME", "c");
  set_folder ("XDG_CACHE_HOME", "d");
  for (guint i = 0; i < G_N_ELEMENTS (caches); i++) {
    g_autofree char *expected = g_build_filename (root, caches[i].folder,
        "models--stabilityai--stable-video-diffusion-img2vid", NULL);

    assert_not_found ("svd", (const char *[]) { expected, NULL });
    g_unsetenv (caches[i].variable);
  }
  assert_not_found ("svd", (const char *[]) {
        ".cache/huggingface/hub/models--stabilityai", NULL });
  teardown ();
}

static void
test_comfyui (void)
{
  setup ();
  put ("comfyui/models/checkpoints/svd.safetensors");
  put ("comfyui/models/checkpoints/SVD/mine.safetensors");
  put ("comfyui/models/checkpoints/svd-xt/readme");
  assert_found ("svd", "comfyui/models/checkpoints/svd.safetensors");
  assert_found ("stabilityai/stable-video-diffusion-img2vid",
      "comfyui/models/checkpoints/svd.safetensors");
  assert_found ("SVD/mine.safetensors",
      "comfyui/models/checkpoints/SVD/mine.safetensors");
  assert_found ("SVD/mine", "comfyui/models/checkpoints/SVD/mine.safetensors");
  assert_not_found ("svd-xt", (const char *[]) { "comfyui/models", NULL });
  /* Models that lie elsewhere. */
  set_folder ("COMFYUI_MODEL_PATH", "models");
  put ("models/checkpoints/svd.safetensors");
  assert_found ("svd", "models/checkpoints/svd.safetensors");
  teardown ();
}

/* Folders and files of the user's own, and those installed, by any name. */
static void
test_own_models (void)
{
  static const struct {
    const char *name, *file, *found;
  } cases[] = {
    {"svd-xt", "svd-xt/unet/config.json", "svd-xt"},
    {"svd-xt", "svd_xt.safetensors", "svd_xt.safetensors"},
    {"svd-xt", "stable-video-diffusion-img2vid-xt/vae/config.json",
        "stable-video-diffusion-img2vid-xt"},
    {XT, XT "/unet/config.json", XT},
    {XT, "svd-xt/unet/config.json", "svd-xt"},
    {"mine", "mine/unet/config.json", "mine"},
    {"mine", "mine.safetensors", "mine.safetensors"},
    {"mine.safetensors", "mine.safetensors", "mine.safetensors"},
    {"me/mine", "mine/unet/config.json", "mine"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *file = g_build_filename ("gst-svd", "models",
        cases[i].file, NULL);
    g_autofree char *own = g_build_filename (g_get_user_data_dir (),
        "gst-svd", "models", cases[i].found, NULL);
    g_autofree char *installed_file = g_build_filename ("installed",
        cases[i].file, NULL);
    g_autofree char *installed = g_build_filename ("installed",
        cases[i].found, NULL);
    g_autofree char *found = NULL;

    setup ();
    put (installed_file);
    assert_found (cases[i].name, installed);
    write_file (g_get_user_data_dir (), file, "x");
    found = lookup (cases[i].name, NULL);
    g_assert_cmpstr (found, ==, own);
    remove_folder (g_get_user_data_dir ());
    teardown ();
  }
}

static void
test_errors (void)
{
  setup ();
  assert_not_found ("svd-xt", (const char *[]) {
        "There is no model svd-xt in ", "comfyui/models/checkpoints",
        "gst-svd/models", "installed", "accept its licence at "
        "https://huggingface.co/" XT, "hf download " XT, NULL });
  assert_not_found ("someone/some-model", (const char *[]) {
        "models--someone--some-model", "hf download someone/some-model",
        NULL });
  assert_not_found ("svd-tiny", (const char *[]) { "SVD_MODEL_PATH", NULL });
  assert_not_found ("svdxt", (const char *[]) { "There is no model svdxt",
        "svd, svd-xt, svd-xt-1-1", NULL });
  assert_not_found ("/no/such", (const char *[]) { "/no/such", NULL });
  assert_not_found ("../a/b/c", (const char *[]) { "../a/b/c", NULL });
  assert_not_found ("a/b/c", (const char *[]) { "a/b/c", NULL });
  teardown ();
}

int
main (int argc, char **argv)
{
  g_autofree char *data = make_folder ();

  /* GLib reads it once. */
  remove_folder (data);
  g_setenv ("XDG_DATA_HOME", data, TRUE);
  g_unsetenv ("COMFYUI_MODEL_PATH");
  g_unsetenv ("HUGGINGFACE_HUB_CACHE");
  g_unsetenv ("HF_HOME");

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model-lookup/default", test_default);
  g_test_add_func ("/model-lookup/paths", test_paths);
  g_test_add_func ("/model-lookup/snapshot", test_snapshot);
  g_test_add_func ("/model-lookup/single-file-in-snapshot",
      test_single_file_in_snapshot);
  g_test_add_func ("/model-lookup/incomplete-snapshot",
      test_incomplete_snapshot);
  g_test_add_func ("/model-lookup/bad-references", test_bad_references);
  g_test_add_func ("/model-lookup/cache-variables", test_cache_variables);
  g_test_add_func ("/model-lookup/comfyui", test_comfyui);
  g_test_add_func ("/model-lookup/own-models", test_own_models);
  g_test_add_func ("/model-lookup/errors", test_errors);
  return g_test_run ();
}
