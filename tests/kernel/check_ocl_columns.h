/* Views stored in columns on a device: what the checks of stages cone and oblique share. */
#ifndef CHECK_OCL_COLUMNS_H
#define CHECK_OCL_COLUMNS_H

#include "kernel/check_ocl_scan.h"

enum { MOST_VIEWS = 40, MOST_SIDE = 45, MOST_SLICES = 40, GRID = 128 };

/* A region of a grid, the views that meet it, and which of their rows are stored. */
typedef struct check_columns {
  check_scan scan;         /* its lines are not used */
  int64_t row, rows, more; /* more: floats between columns or rows that nobody may read */
  bool turned;
  const float **samples; /* [column][row] of each view */
  void *own;             /* the stage's, for these: */
  kvox_status (*create)(kvox_context *context, const struct check_columns *c, kvox_ct_ocl_cone **stage);
  /* The oracle on blocks of voxels above pixel (x, y). */
  void (*pixel)(const struct check_columns *c, int64_t x, int64_t y, int64_t block, int64_t blocks, float *voxels);
} check_columns;

/* Rows, columns, views and a region, at random; `row` apart. */
void check_columns_random(kvox_check *check, check_columns *c);

/* Memory for the views' samples of so many floats each, and where each view's begin. */
float *check_columns_samples(kvox_check *check, check_columns *c, int64_t each, int64_t first);

/* Device against oracle, `share` of the range for each column or row from voxel to voxel, and device against itself
 * with other lanes, another layout, another cut. */
void check_columns_compare(kvox_check *check, check_columns *c, double share);

/* Timing: voxels as fine as rows and columns, seen twice as large; an element is a voxel and a view. `make` fills what
 * is the stage's own of a scan of BENCH_DETECTOR^2 pixels. */
enum { BENCH_SIZE = 128, BENCH_VIEWS = 36, BENCH_DETECTOR = 256 };
void check_columns_bench(kvox_check *check, const char *name, void (*make)(kvox_check *check, check_columns *c));

#endif
