/*
 * Rows of projections to lanes of slices and back, for the matched pair; src/ct/ocl.h has the layouts, src/ct/rows.h
 * what a place is.
 *
 * -D LANES
 */

/* A slice lies on (1 - fraction) row + fraction (row + 1). */
typedef struct place {
  int row;
  float fraction;
} place;

/* A row: which of the detector's, and the slices that lie on it. */
typedef struct row {
  int detector_row, begin, end;
} row;

typedef struct cut {
  long block_view, block_views;
  int views, slice, slices, row, rows, columns;
} cut;

/* Lane 0 of a group's sample in the block. */
static long block_at(const cut c, int group, int view, int column) {
  return ((group * c.block_views + c.block_view + view) * c.columns + column) * LANES;
}

/* Item (column, view, group). */
kernel void take(const cut c, global const place *places, global const float *lines, global float *block) {
  const int column = (int)get_global_id(0), view = (int)get_global_id(1), group = (int)get_global_id(2);
  if (column >= c.columns || view >= c.views) {
    return;
  }
  global float *const lanes = block + block_at(c, group, view, column);
  for (int lane = 0; lane < LANES; lane++) {
    float value = 0;
    if (group * LANES + lane < c.slices) {
      const place p = places[c.slice + group * LANES + lane];
      const long at = ((long)view * c.rows + p.row - c.row) * c.columns + column;
      value = lines[at];
      if (p.fraction > 0) {
        value += p.fraction * (lines[at + c.columns] - value);
      }
    }
    lanes[lane] = value;
  }
}

/* Item (column, row, view): strides in floats. */
kernel void give(const cut c, global const place *places, global const row *rows, global const float *block,
                 const float scale, global float *projections, const long offset, const long view_step,
                 const long row_step) {
  const int column = (int)get_global_id(0), view = (int)get_global_id(2);
  if (column >= c.columns || (int)get_global_id(1) >= c.rows) {
    return;
  }
  const int here = c.row + (int)get_global_id(1);
  const row r = rows[here];
  global float *const at = projections + offset + view * view_step + r.detector_row * row_step + column;
  const int end = min(r.end, c.slice + c.slices);
  float sum = *at;
  for (int slice = max(r.begin, c.slice); slice < end; slice++) {
    const place p = places[slice];
    const float upper = scale * p.fraction, weight = p.row == here ? scale - upper : upper;
    const uint in_slab = (uint)(slice - c.slice);
    sum += weight * block[block_at(c, (int)(in_slab / LANES), view, column) + (in_slab & (LANES - 1))];
  }
  *at = sum;
}

/* Item (column, row, view). */
kernel void clear(const int columns, global float *projections, const long offset, const long view_step,
                  const long row_step) {
  const long column = (long)get_global_id(0), row_index = (long)get_global_id(1), view = (long)get_global_id(2);
  if (column < columns) {
    projections[offset + view * view_step + row_index * row_step + column] = 0;
  }
}
