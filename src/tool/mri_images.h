/* Images of kvox mri in memory, and how they become files. */
#ifndef KVOX_TOOL_MRI_IMAGES_H
#define KVOX_TOOL_MRI_IMAGES_H

#include "kvox/io.h"
#include "tool/tool.h"

/* Prepared with zeros; released by kvox_tool_mri_release. */
typedef struct kvox_tool_mri_images {
  int64_t shape[5];    /* frame, coil, z, y, x */
  kvox_array array;    /* f32 or c64 of that shape, dense */
  kvox_volume *holder; /* of its memory */
  kvox_grid grid;      /* of one frame */
  double *origins_mm;  /* 3 a slice; the images' */
  double phase_period; /* not 0: a phase, shown from -half to half of it */
} kvox_tool_mri_images;

/* How a picture looks, and which part of the images a file gets; count 0: all. */
typedef struct kvox_tool_mri_write_values {
  kvox_tool_numbers frame, slice, grey;
  int32_t compress;
} kvox_tool_mri_write_values;

/* Memory for images of a shape; the grid is zero. */
int kvox_tool_mri_allocate(const kvox_tool *tool, const int64_t shape[5], kvox_type type, kvox_tool_mri_images *images);
/* The same frame in space as those of `like`. */
int kvox_tool_mri_place_as(const kvox_tool *tool, const kvox_tool_mri_images *like, kvox_tool_mri_images *images);
void kvox_tool_mri_release(kvox_tool_mri_images *images);

/* Whether `path` can hold images of this shape and type; asked before they are computed. */
int kvox_tool_mri_fits(const kvox_tool *tool, const char *option, const char *path, const int64_t shape[5],
                       kvox_type type, const kvox_tool_mri_write_values *values);

/* Writes .npy and .cfl ([frame, coil, z, y, x] without frames and coils of 1), .mha and .mhd (one frame), .png. */
int kvox_tool_mri_write(const kvox_tool *tool, const char *path, const kvox_tool_mri_images *images,
                        const char *provenance, const kvox_tool_mri_write_values *values);

/* A contact sheet: all slices of all frames and coils beside and below each other, each the right way up. */
int kvox_tool_mri_write_sheet(const kvox_tool *tool, const char *path, const kvox_tool_mri_images *images,
                              const kvox_tool_mri_write_values *values);

#endif
