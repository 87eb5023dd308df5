/*
 * Stage "filter": rows of line integrals to complex rows, two views in one, and back to filtered, weighted views. The
 * transforms between these kernels are VkFFT's. Built with LANES, slices interleaved in a group, and TILE, columns of a
 * work-group of `unpack`.
 */

/* Where a slice lies between detector rows: (1 - fraction) row + fraction (row + 1). */
typedef struct row_place {
  long row;
  float fraction; /* 0: that row alone */
  int unused;
} row_place;

/* The float between two rows of one view. */
static float between(global const float *at, const float fraction, const long columns) {
  const float low = *at;
  return fraction == 0 ? low : low + fraction * (at[columns] - low);
}

/*
 * pairs[pair][slice][before + i] = view 2 pair + i view 2 pair + 1 of the slice, zeros before and behind up to
 * `length`; rows begin `step` apart. A last view has no partner. `lines` [view][row][column] begins with row
 * `first_row`.
 */
kernel void pack(global const float *lines, const long rows, const long columns, const long before,
                 const long first_row, const long views, const long first_pair, global const row_place *places,
                 const long first_slice, const long slices, const long length, const long step, global float2 *pairs) {
  const long i = get_global_id(0), slice = get_global_id(1), pair = get_global_id(2);
  if (i >= length) {
    return;
  }
  float2 sample = (float2)(0, 0);
  if (i >= before && i < before + columns) {
    global const row_place *place = places + first_slice + slice;
    const long view = 2 * (first_pair + pair);
    global const float *at = lines + (view * rows + (place->row - first_row)) * columns + (i - before);
    sample.x = between(at, place->fraction, columns);
    if (view + 1 < views) {
      sample.y = between(at + rows * columns, place->fraction, columns);
    }
  }
  pairs[(pair * slices + slice) * step + i] = sample;
}

/* Every complex row times the response, the transform of a real and even kernel: it is real. */
kernel void multiply(global float2 *pairs, const long length, const long step, global const float *response) {
  const long k = get_global_id(0), row = get_global_id(1);
  if (k < length) {
    pairs[row * step + k] *= response[k];
  }
}

/*
 * The first `columns` of each row, times the weight of its view, to out[group][view][column][lane], whose groups,
 * views and columns begin so many floats apart. Read along columns, written along lanes and columns: a tile is turned
 * in local memory. `pairs` begins with the first slice of group `first_group`; lanes beyond its `slices` are 0.
 */
kernel void unpack(global const float2 *pairs, const long step, const long columns, const long slices,
                   const long first_group, const long views, const long first_pair, global const float *weights,
                   const long first_weight, const int weigh, global float *out, const long begin, const long group_step,
                   const long view_step, const long column_step) {
  local float2 tile[LANES][TILE + 1];
  const long first_column = (long)get_group_id(0) * TILE, group = get_group_id(1), pair = get_group_id(2);
  const int x = get_local_id(0), lane = get_local_id(1);
  const long slice = group * LANES + lane, column = first_column + x;
  const bool is_there = column < columns && slice < slices;
  tile[lane][x] = is_there ? pairs[(pair * slices + slice) * step + column] : (float2)(0, 0);
  barrier(CLK_LOCAL_MEM_FENCE);

  const int place = lane * TILE + x; /* in the tile as it is written */
  if (first_column + place / LANES >= columns) {
    return;
  }
  const float2 sample = tile[place % LANES][place / LANES];
  const long view = 2 * (first_pair + pair);
  global const float *weight = weights + first_weight + view;
  global float *to = out + begin + (first_group + group) * group_step + view * view_step +
                     (first_column + place / LANES) * column_step + place % LANES;
  to[0] = (weigh ? weight[0] : 1) * sample.x;
  if (view + 1 < views) {
    to[view_step] = (weigh ? weight[1] : 1) * sample.y;
  }
}
