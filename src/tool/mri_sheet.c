/* Contact sheets: axial slices with anterior up and the patient's right on the left, coronal and sagittal ones with
 * superior up (and anterior on the left). */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool/mri_images.h"

/* One tile: `levels` with these strides is already turned; it is drawn with square pixels, each `fold` x `fold`. */
typedef struct sheet_tile {
  int64_t height, width;             /* of the data, as it is shown */
  int64_t row_stride, column_stride; /* bytes */
  int64_t first;                     /* the offset of the top left sample within a slice */
  int64_t shown_height, shown_width;
  int64_t fold;
} sheet_tile;

enum { GAP = 2 };

static double along(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/* What columns and rows of the picture should run along, in LPS, by the axis that the slice's normal is nearest to. */
static void wanted_directions(const double x[3], const double y[3], double columns[3], double rows[3]) {
  const double normal[3] = {x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]};
  const int sagittal = fabs(normal[0]) > fabs(normal[1]) && fabs(normal[0]) > fabs(normal[2]);
  const int axial = !sagittal && fabs(normal[2]) >= fabs(normal[1]);
  memcpy(columns, (const double[3]){sagittal ? 0 : 1, sagittal ? 1 : 0, 0}, 3 * sizeof(double));
  memcpy(rows, (const double[3]){0, axial ? 1 : 0, axial ? 0 : -1}, 3 * sizeof(double));
}

static sheet_tile turn(const kvox_tool_mri_images *images, const kvox_array *levels) {
  const double *x = images->grid.axes[0], *y = images->grid.axes[1];
  double columns[3], rows[3];
  wanted_directions(x, y, columns, rows);
  const int transposed = fabs(along(y, columns)) > fabs(along(x, columns));
  const int a = transposed ? 3 : 4, b = transposed ? 4 : 3; /* the array's axes along columns and rows */
  const int back_a = along(transposed ? y : x, columns) < 0, back_b = along(transposed ? x : y, rows) < 0;
  sheet_tile tile = {.height = levels->shape[b], .width = levels->shape[a]};
  tile.row_stride = back_b ? -levels->strides[b] : levels->strides[b];
  tile.column_stride = back_a ? -levels->strides[a] : levels->strides[a];
  tile.first =
      (back_b ? (tile.height - 1) * levels->strides[b] : 0) + (back_a ? (tile.width - 1) * levels->strides[a] : 0);
  const double column_step = images->grid.spacing_mm[transposed ? 1 : 0];
  const double row_step = images->grid.spacing_mm[transposed ? 0 : 1];
  const double least = column_step < row_step ? column_step : row_step;
  tile.shown_width = (int64_t)((double)tile.width * column_step / least + 0.5);
  tile.shown_height = (int64_t)((double)tile.height * row_step / least + 0.5);
  return tile;
}

/* Where pixel `i` of `shown` lies between `size` samples: the lower one, and the part of the next in 1/256. */
static int64_t place(int64_t i, int64_t shown, int64_t size, int *part) {
  const double at = ((double)i + 0.5) * (double)size / (double)shown - 0.5;
  const double clamped = at < 0 ? 0 : at > (double)(size - 1) ? (double)(size - 1) : at;
  const int64_t low = (int64_t)clamped;
  *part = (int)((clamped - (double)low) * 256 + 0.5);
  return low;
}

/* Draws a tile, linear between samples where pixels are not square. */
static void draw(const sheet_tile *tile, const unsigned char *slice, unsigned char *to, int64_t pitch) {
  const unsigned char *first = slice + tile->first;
  for (int64_t j = 0; j < tile->fold * tile->shown_height; j++) {
    int row_part = 0, part = 0;
    const int64_t row = place(j / tile->fold, tile->shown_height, tile->height, &row_part);
    const unsigned char *upper = first + row * tile->row_stride;
    const unsigned char *lower = row_part > 0 ? upper + tile->row_stride : upper;
    for (int64_t i = 0; i < tile->fold * tile->shown_width; i++) {
      const int64_t column = place(i / tile->fold, tile->shown_width, tile->width, &part);
      const int64_t here = column * tile->column_stride, next = part > 0 ? here + tile->column_stride : here;
      const int above = upper[here] * (256 - part) + upper[next] * part;
      const int below = lower[here] * (256 - part) + lower[next] * part;
      to[j * pitch + i] = (unsigned char)((above * (256 - row_part) + below * row_part + 32768) >> 16);
    }
  }
}

/* As many columns as make the sheet about square. */
static int64_t columns_for(int64_t tiles, int64_t height, int64_t width) {
  const int64_t columns = (int64_t)ceil(sqrt((double)tiles * (double)height / (double)width) - 1e-9);
  return columns < 1 ? 1 : columns > tiles ? tiles : columns;
}

/* How often each pixel of a small tile is repeated, so that it can be looked at and the sheet still be shown. */
static int64_t fold_for(const sheet_tile *tile, int64_t rows, int64_t columns) {
  enum { SMALL = 192, LARGEST_SHEET = 4096 };
  const int64_t height = tile->shown_height, width = tile->shown_width, longer = height > width ? height : width;
  int64_t fold = (SMALL + longer - 1) / longer;
  while (fold > 1 && (rows * fold * height > LARGEST_SHEET || columns * fold * width > LARGEST_SHEET)) {
    fold--;
  }
  return fold < 1 ? 1 : fold;
}

static int arrange(const kvox_tool *tool, const char *path, const kvox_tool_mri_images *images,
                   const kvox_array *levels) {
  sheet_tile tile = turn(images, levels);
  const int64_t tiles = levels->shape[0] * levels->shape[1] * levels->shape[2];
  const int64_t columns = columns_for(tiles, tile.shown_height, tile.shown_width);
  const int64_t rows = (tiles + columns - 1) / columns;
  tile.fold = fold_for(&tile, rows, columns);
  const int64_t height = tile.fold * tile.shown_height + GAP, width = tile.fold * tile.shown_width + GAP;
  const int64_t shape[2] = {rows * height - GAP, columns * width - GAP};
  kvox_array sheet;
  unsigned char *pixels =
      shape[0] <= INT32_MAX && shape[1] <= INT32_MAX ? calloc((size_t)shape[0], (size_t)shape[1]) : NULL;
  if (pixels == NULL) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED,
                            "%s: no memory for a picture of %" PRId64 " x %" PRId64
                            " pixels; choose a slice by --slice",
                            path, shape[1], shape[0]);
  }
  for (int64_t t = 0; t < tiles; t++) {
    const int64_t z = t % levels->shape[2], c = t / levels->shape[2] % levels->shape[1];
    const int64_t f = t / (levels->shape[2] * levels->shape[1]);
    const unsigned char *slice =
        (const unsigned char *)levels->data + f * levels->strides[0] + c * levels->strides[1] + z * levels->strides[2];
    const int64_t top = t / columns * height, left = t % columns * width;
    draw(&tile, slice, pixels + top * shape[1] + left, shape[1]);
  }
  kvox_status status = kvox_array_init(&sheet, pixels, KVOX_U8, 2, shape);
  if (status == KVOX_OK) {
    status = kvox_io_write_array(tool->context, path, &sheet);
  }
  free(pixels);
  return kvox_tool_check(tool, status, path);
}

static kvox_array part_of(const kvox_tool_mri_images *images, const kvox_tool_mri_write_values *values) {
  const kvox_tool_numbers *const chosen[] = {&values->frame, NULL, &values->slice};
  kvox_array part = images->array;
  for (int a = 0; a < 3; a++) {
    if (chosen[a] != NULL && chosen[a]->count > 0) {
      part.data = (char *)part.data + (int64_t)chosen[a]->values[0] * part.strides[a];
      part.shape[a] = 1;
    }
  }
  return part;
}

int kvox_tool_mri_write_sheet(const kvox_tool *tool, const char *path, const kvox_tool_mri_images *images,
                              const kvox_tool_mri_write_values *values) {
  const kvox_array grey = part_of(images, values);
  double center = values->grey.values[0], width = values->grey.values[1];
  int64_t count = 1;
  kvox_status status = KVOX_OK;
  for (int a = 0; a < 5; a++) {
    count *= grey.shape[a];
  }
  unsigned char *memory = malloc((size_t)count);
  if (memory == NULL) {
    return kvox_tool_refuse(tool, KVOX_TOOL_FAILED, "%s: out of memory for the picture", path);
  }
  if (values->grey.count == 0 && images->phase_period > 0) {
    center = 0;
    width = images->phase_period;
  } else if (values->grey.count == 0) {
    status = kvox_picture_auto_window(tool->context, &grey, 0.005, 0.995, &center, &width);
  }
  kvox_array levels;
  if (status == KVOX_OK) {
    status = kvox_array_init(&levels, memory, KVOX_U8, 5, grey.shape);
  }
  if (status == KVOX_OK) {
    status = kvox_picture_window(tool->context, &grey, KVOX_WINDOW_LINEAR_EXACT, center, width, &levels);
  }
  const int code = status == KVOX_OK ? arrange(tool, path, images, &levels) : kvox_tool_check(tool, status, path);
  free(memory);
  return code;
}
