#include "tool/mri_images.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tool/files.h"

int kvox_tool_mri_allocate(const kvox_tool *tool, const int64_t shape[5], kvox_type type,
                           kvox_tool_mri_images *images) {
  static const double unit[3] = {1, 1, 1};
  /* A volume for its checked memory: a product of more than 2^63 is refused by it, one of two here cannot be more. */
  const int64_t planes = shape[0] <= INT32_MAX && shape[1] <= INT32_MAX ? shape[0] * shape[1] : INT64_MAX;
  const int64_t slices = planes <= INT32_MAX && shape[2] <= INT32_MAX ? planes * shape[2] : INT64_MAX;
  const int64_t size[3] = {shape[4], shape[3], slices};
  kvox_array stack;
  kvox_grid grid;
  kvox_status status = kvox_grid_init(&grid, size, unit, NULL);
  if (status == KVOX_OK) {
    status = kvox_volume_create(tool->context, type, &grid, &images->holder);
  }
  if (status == KVOX_OK) {
    status = kvox_volume_array(images->holder, &stack);
  }
  if (status == KVOX_OK) {
    memcpy(images->shape, shape, sizeof images->shape);
    status = kvox_array_init(&images->array, stack.data, type, 5, shape);
  }
  return kvox_tool_check(tool, status, "the images");
}

int kvox_tool_mri_place_as(const kvox_tool *tool, const kvox_tool_mri_images *like, kvox_tool_mri_images *images) {
  const size_t bytes = 3 * sizeof(double) * (size_t)like->grid.size[2];
  images->grid = like->grid;
  images->origins_mm = malloc(bytes);
  if (images->origins_mm == NULL) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "out of memory for the places of slices");
  }
  memcpy(images->origins_mm, like->origins_mm, bytes);
  return KVOX_TOOL_DONE;
}

void kvox_tool_mri_release(kvox_tool_mri_images *images) {
  kvox_volume_destroy(images->holder);
  free(images->origins_mm);
}

static int is_volume(const char *path) {
  return kvox_tool_has_extension(path, ".mha") || kvox_tool_has_extension(path, ".mhd");
}

int kvox_tool_mri_fits(const kvox_tool *tool, const char *option, const char *path, const int64_t shape[5],
                       kvox_type type, const kvox_tool_mri_write_values *values) {
  const int64_t frames = values->frame.count > 0 ? 1 : shape[0];
  if (values->frame.count > 0 && values->frame.values[0] >= (double)shape[0]) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "--frame is %.0f, there are frames 0 to %" PRId64,
                            values->frame.values[0], shape[0] - 1);
  }
  if (values->slice.count > 0 && values->slice.values[0] >= (double)shape[2]) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "--slice is %.0f, there are slices 0 to %" PRId64,
                            values->slice.values[0], shape[2] - 1);
  }
  if (type == KVOX_C64 && !kvox_tool_has_extension(path, ".npy") && !kvox_tool_has_extension(path, ".cfl")) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s %s: complex images go into .npy or .cfl", option, path);
  }
  if (is_volume(path) && (frames > 1 || shape[1] > 1)) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED,
                            "%s %s: this format holds one volume, there are %" PRId64 " frames of %" PRId64
                            " coils; choose one by --frame K, combine the coils, or write .npy",
                            option, path, frames, shape[1]);
  }
  return KVOX_TOOL_DONE;
}

/* The chosen frame alone, or all. */
static kvox_array frame_of(const kvox_tool_mri_images *images, const kvox_tool_mri_write_values *values) {
  kvox_array array = images->array;
  if (values->frame.count > 0) {
    array.data = (char *)array.data + (int64_t)values->frame.values[0] * array.strides[0];
    array.shape[0] = 1;
  }
  return array;
}

static void leave_out(kvox_array *array, int32_t axis) {
  if (array->shape[axis] == 1) {
    const size_t rest = (size_t)(array->rank - axis - 1);
    memmove(array->shape + axis, array->shape + axis + 1, rest * sizeof array->shape[0]);
    memmove(array->strides + axis, array->strides + axis + 1, rest * sizeof array->strides[0]);
    array->rank--;
  }
}

/* Whether slices lie elsewhere than an even stack puts them, by more than a hundredth of their distance. */
static int is_uneven(const kvox_tool_mri_images *images) {
  const kvox_grid *grid = &images->grid;
  for (int64_t k = 0; k < grid->size[2]; k++) {
    double squares = 0;
    for (int a = 0; a < 3; a++) {
      const double even = grid->origin_mm[a] + grid->axes[2][a] * grid->spacing_mm[2] * (double)k;
      const double off = images->origins_mm[3 * k + a] - even;
      squares += off * off;
    }
    if (!(squares <= 1e-4 * grid->spacing_mm[2] * grid->spacing_mm[2])) {
      return 1;
    }
  }
  return 0;
}

static kvox_status write_volume(const kvox_tool *tool, const char *path, const kvox_array *array,
                                const kvox_tool_mri_images *images, const char *provenance, int32_t compress) {
  kvox_volume *volume = NULL;
  kvox_io_write_options options;
  kvox_io_write_options_init(&options);
  options.compress = compress;
  kvox_status status = kvox_volume_wrap(tool->context, array, &images->grid, &volume);
  if (status == KVOX_OK && is_uneven(images)) {
    status = kvox_volume_set_slice_origins(volume, images->origins_mm);
  }
  if (status == KVOX_OK && provenance != NULL) {
    status = kvox_volume_set_provenance(volume, provenance);
  }
  if (status == KVOX_OK) {
    status = kvox_io_write_volume(tool->context, path, volume, &options);
  }
  kvox_volume_destroy(volume);
  return status;
}

int kvox_tool_mri_write(const kvox_tool *tool, const char *path, const kvox_tool_mri_images *images,
                        const char *provenance, const kvox_tool_mri_write_values *values) {
  kvox_array array = frame_of(images, values);
  if (kvox_tool_has_extension(path, ".png")) {
    return kvox_tool_mri_write_sheet(tool, path, images, values);
  }
  leave_out(&array, 1);
  leave_out(&array, 0);
  const kvox_status status = is_volume(path) ? write_volume(tool, path, &array, images, provenance, values->compress)
                                             : kvox_io_write_array(tool->context, path, &array);
  return kvox_tool_check(tool, status, path);
}
