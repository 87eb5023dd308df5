#include "tool/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
  const char *extension;
  int reads, writes;
} formats[] = {
    {".npy", KVOX_TOOL_VOLUME_FILE | KVOX_TOOL_SCAN_FILE | KVOX_TOOL_GEOMETRY_FILE | KVOX_TOOL_KSPACE_FILE,
     KVOX_TOOL_VOLUME_FILE | KVOX_TOOL_SCAN_FILE | KVOX_TOOL_GEOMETRY_FILE | KVOX_TOOL_KSPACE_FILE |
         KVOX_TOOL_IMAGE_FILE},
    {".mha", KVOX_TOOL_VOLUME_FILE | KVOX_TOOL_SCAN_FILE, KVOX_TOOL_VOLUME_FILE | KVOX_TOOL_IMAGE_FILE},
    {".mhd", KVOX_TOOL_VOLUME_FILE | KVOX_TOOL_SCAN_FILE, KVOX_TOOL_VOLUME_FILE | KVOX_TOOL_IMAGE_FILE},
    {".h5", KVOX_TOOL_SCAN_FILE | KVOX_TOOL_KSPACE_FILE, KVOX_TOOL_SCAN_FILE},
    {".hdf5", KVOX_TOOL_SCAN_FILE | KVOX_TOOL_KSPACE_FILE, KVOX_TOOL_SCAN_FILE},
    {".mrd", KVOX_TOOL_KSPACE_FILE, 0},
    {".dat", KVOX_TOOL_KSPACE_FILE, 0},
    {".cfl", KVOX_TOOL_KSPACE_FILE, KVOX_TOOL_KSPACE_FILE | KVOX_TOOL_IMAGE_FILE},
    {".png", 0, KVOX_TOOL_VOLUME_FILE | KVOX_TOOL_IMAGE_FILE},
    {".json", KVOX_TOOL_GEOMETRY_FILE, KVOX_TOOL_GEOMETRY_FILE},
    {".xml", KVOX_TOOL_GEOMETRY_FILE, KVOX_TOOL_GEOMETRY_FILE},
    {".txt", KVOX_TOOL_GEOMETRY_FILE, KVOX_TOOL_GEOMETRY_FILE},
};
enum { FORMATS = sizeof formats / sizeof formats[0] };

static const char *const contents[] = {"volume", "scan", "geometry", "k-space", "image"}; /* in the order of the bits */
enum { CONTENTS = sizeof contents / sizeof contents[0] };

int kvox_tool_has_extension(const char *path, const char *extension) {
  const size_t length = strlen(path), tail = strlen(extension);
  return length > tail && strcasecmp(path + length - tail, extension) == 0;
}

static void list_contents(cJSON *format, const char *name, int what) {
  cJSON *list = cJSON_AddArrayToObject(format, name);
  for (int bit = 0; bit < CONTENTS; bit++) {
    if (what & (1 << bit)) {
      cJSON_AddItemToArray(list, cJSON_CreateString(contents[bit]));
    }
  }
}

void kvox_tool_report_formats(cJSON *report) {
  cJSON *list = cJSON_AddArrayToObject(report, "formats");
  for (size_t i = 0; i < FORMATS; i++) {
    cJSON *format = cJSON_CreateObject();
    cJSON_AddStringToObject(format, "extension", formats[i].extension);
    list_contents(format, "read", formats[i].reads);
    list_contents(format, "write", formats[i].writes);
    cJSON_AddItemToArray(list, format);
  }
}

static int check_extension(const kvox_tool *tool, const char *option, const char *path, int what) {
  char known[128] = "";
  size_t used = 0;
  for (size_t i = 0; i < FORMATS; i++) {
    if (formats[i].writes & what) {
      if (kvox_tool_has_extension(path, formats[i].extension)) {
        return KVOX_TOOL_DONE;
      }
      const int added = snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "", formats[i].extension);
      used += (size_t)added;
    }
  }
  return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s %s: the extension must be one of %s", option, path, known);
}

/* The folder of `path` into `folder`, freed by the caller; NULL: no memory. */
static char *folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  const size_t length = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
  char *folder = malloc(length + 1);
  if (folder != NULL) {
    memcpy(folder, slash == NULL ? "." : path, length);
    folder[length] = '\0';
  }
  return folder;
}

static const char *name_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

/* The same file: by its inode, or before it is there by its folder and name. */
static int is_same_file(const char *a, const char *b) {
  struct stat sa, sb;
  const int have_a = stat(a, &sa) == 0, have_b = stat(b, &sb) == 0;
  if (have_a && have_b) {
    return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
  }
  if (have_a != have_b || strcmp(name_of(a), name_of(b)) != 0) {
    return 0;
  }
  char *folder_a = folder_of(a), *folder_b = folder_of(b);
  const int same = folder_a != NULL && folder_b != NULL && stat(folder_a, &sa) == 0 && stat(folder_b, &sb) == 0 &&
                   sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
  free(folder_a);
  free(folder_b);
  return same;
}

static int check_folder(const kvox_tool *tool, const char *option, const char *path) {
  char *folder = folder_of(path);
  struct stat found;
  int code = KVOX_TOOL_DONE;
  if (folder == NULL) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s %s: out of memory", option, path);
  }
  if (stat(folder, &found) != 0) {
    code = kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s %s: the folder %s cannot be used (%s); make it first", option,
                            path, folder, strerror(errno));
  } else if (!S_ISDIR(found.st_mode)) {
    code = kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s %s: %s is no folder", option, path, folder);
  } else if (access(folder, W_OK | X_OK) != 0) {
    code = kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s %s: the folder %s cannot be written (%s); choose another",
                            option, path, folder, strerror(errno));
  } else if (stat(path, &found) == 0 && S_ISDIR(found.st_mode)) {
    code = kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s %s: this is a folder; name a file", option, path);
  }
  free(folder);
  return code;
}

int kvox_tool_check_output(const kvox_tool *tool, const char *option, const char *path, int what,
                           const char *const *others, size_t count) {
  int code = check_extension(tool, option, path, what);
  if (code == KVOX_TOOL_DONE) {
    code = check_folder(tool, option, path);
  }
  for (size_t i = 0; i < count && code == KVOX_TOOL_DONE; i++) {
    if (others[i] != NULL && is_same_file(path, others[i])) {
      code = kvox_tool_refuse(tool, KVOX_TOOL_FAILED,
                              "%s %s: this is also %s, which it would overwrite; choose another name", option, path,
                              others[i]);
    }
  }
  return code;
}
