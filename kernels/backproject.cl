/*
 * Parallel-beam back-projection of a stack of slices; src/ct/backproject.h has the arithmetic, src/ct/ocl.h the layout
 * of a block, src/ct/fixed.h that of places.
 *
 * A work-group takes a part of one tile, PIXELS rows below each other a work-item, LANES slices at once. Views come in
 * passes of VIEWS: where the part meets each of them is worked out once, the samples that it meets go to local memory
 * (STAGED), zeros beyond the detector with them, so that the inner loop tests nothing. Not STAGED, for voxels so coarse
 * that those samples do not fit: each sample is looked up, if it lies on the detector.
 *
 * -D LANES, ITEMS_X, ITEMS_Y, PIXELS, VIEWS, STAGED
 */
#define TILE 32
#define PART_X ITEMS_X
#define PART_Y (ITEMS_Y * PIXELS)

/* s = a x + b y + c in units of 2^-32 columns, and its slopes in columns. */
typedef struct line {
  ulong a, b, c;
  float slope_a, slope_b;
} line;

/* A view as the part of the tile sees it: its samples first ... first + count - 1, counted from the tile's column, and
 * where that column is counted from the detector's first. */
typedef struct meeting {
  float a, b, base;
  int first, count, column;
} meeting;

/* The part's least and greatest s are those of corners, in float too: rounding keeps order. */
static meeting meet(const line l, int2 tile, int2 begin, int columns) {
  const ulong s = l.a * (ulong)tile.x + l.b * (ulong)tile.y + l.c;
  const ulong across = (long)l.a < 0 ? l.a * (TILE - 1) : 0, down = (long)l.b < 0 ? l.b * (TILE - 1) : 0;
  const long column = (long)(s + across + down) >> 32;
  meeting m;
  m.a = l.slope_a;
  m.b = l.slope_b;
  m.base = convert_float_rte((long)(s - ((ulong)column << 32))) * 0x1p-32f;
  const float2 x = (float2)(begin.x, begin.x + PART_X - 1), y = (float2)(begin.y, begin.y + PART_Y - 1);
  const float low = fma(m.a, m.a < 0 ? x.s1 : x.s0, fma(m.b, m.b < 0 ? y.s1 : y.s0, m.base));
  const float high = fma(m.a, m.a < 0 ? x.s0 : x.s1, fma(m.b, m.b < 0 ? y.s0 : y.s1, m.base));
  m.first = (int)low;
  m.column = (int)column;
  m.count = (int)high + 2 - m.first;
  if (m.column + m.first >= columns || m.column + m.first + m.count <= 0) {
    m.count = 0;
  }
  return m;
}

static sample sample_at(global const sample *view, int column, int columns) {
  return column >= 0 && column < columns ? view[column] : (sample)(0);
}

/* The work-item's pixels in the slab: from `voxel` on, LANES slices and PIXELS rows of which so many are the region's.
 * Strides in floats. */
typedef struct place {
  long voxel, stride_k, stride_j;
  int slices, row_begin, row_end;
} place;

static void load(global const float *slab, const place at, sample *sums) {
  for (int p = 0; p < PIXELS; p++) {
    lanes values;
    for (int n = 0; n < LANES; n++) {
      const bool there = n < at.slices && p >= at.row_begin && p < at.row_end;
      values.one[n] = there ? slab[at.voxel + n * at.stride_k + p * at.stride_j] : 0;
    }
    sums[p] = values.all;
  }
}

static void store(global float *slab, const place at, const sample *sums, float scale, float offset) {
  for (int p = at.row_begin; p < at.row_end; p++) {
    lanes values;
    values.all = scale * sums[p] + offset;
    for (int n = 0; n < min(LANES, at.slices); n++) {
      slab[at.voxel + n * at.stride_k + p * at.stride_j] = values.one[n];
    }
  }
}

/* The samples that the part meets, view after view `segment` apart. */
static void stage(global const sample *view, int columns, local const meeting *meetings, int count, int segment,
                  local sample *segments) {
  for (int v = get_local_id(1); v < count; v += ITEMS_Y) {
    const int first = meetings[v].column + meetings[v].first;
    for (int n = get_local_id(0); n < meetings[v].count; n += ITEMS_X) {
      segments[v * segment + n] = sample_at(view + (long)v * columns, first + n, columns);
    }
  }
}

/* Adds a pass's views, in their order, to pixels below (x, y) of the tile. */
static void add(global const sample *view, int columns, local const meeting *meetings, int count, int segment,
                local const sample *segments, int x, int y, sample *sums) {
  sample now[PIXELS]; /* in registers */
#pragma unroll
  for (int p = 0; p < PIXELS; p++) {
    now[p] = sums[p];
  }
  for (int v = 0; v < count; v++) {
    const meeting m = meetings[v];
    if (m.count == 0) {
      continue;
    }
#pragma unroll
    for (int p = 0; p < PIXELS; p++) {
      const float s = fma(m.a, (float)x, fma(m.b, (float)(y + p), m.base));
      const int index = (int)s;
      const sample fraction = (sample)(s - (float)index);
#if STAGED
      local const sample *at = segments + (v * segment + index - m.first);
      const sample low = at[0], high = at[1];
#else
      const sample low = sample_at(view + (long)v * columns, m.column + index, columns);
      const sample high = sample_at(view + (long)v * columns, m.column + index + 1, columns);
#endif
      now[p] += fma(fraction, high - low, low);
    }
  }
#pragma unroll
  for (int p = 0; p < PIXELS; p++) {
    sums[p] = now[p];
  }
}

/*
 * views: the first one's number in the scan, how many, where the first lies in its block, all of the block. region:
 * begin and size along x and y. slab: voxel (slice, j, i) of the region at begin + slice stride_k + j stride_j + i, in
 * floats. `fresh`: sums begin at 0; `last`: voxels become scale x sum + offset.
 */
kernel __attribute__((reqd_work_group_size(ITEMS_X, ITEMS_Y, 1))) void backproject(
    global const line *lines, global const sample *block, int columns, int4 views, global float *slab, long begin,
    long stride_k, long stride_j, int4 region, int slices, float scale, float offset, int fresh, int last, int segment,
    local sample *segments) {
  local meeting meetings[VIEWS];
  const int item_x = get_local_id(0), item_y = get_local_id(1), slice = get_group_id(2) * LANES;
  /* Parts are aligned to the whole grid. */
  const int2 corner =
      (int2)((region.x / PART_X + (int)get_group_id(0)) * PART_X, (region.y / PART_Y + (int)get_group_id(1)) * PART_Y);
  const int2 part = corner % TILE, tile = corner - part;
  const int i = corner.x + item_x - region.x, j = corner.y + item_y * PIXELS - region.y;
  const bool across = i >= 0 && i < region.z;
  const place at = {begin + slice * stride_k + j * stride_j + i,
                    stride_k,
                    stride_j,
                    slices - slice,
                    across ? clamp(-j, 0, PIXELS) : 0,
                    across ? clamp(region.w - j, 0, PIXELS) : 0};
  global const sample *view = block + ((long)get_group_id(2) * views.w + views.z) * columns;
  sample sums[PIXELS];
  for (int p = 0; p < PIXELS; p++) {
    sums[p] = (sample)(0);
  }
  if (!fresh) {
    load(slab, at, sums);
  }
  for (int first = 0; first < views.y; first += VIEWS, view += (long)VIEWS * columns) {
    const int count = min(VIEWS, views.y - first);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int v = item_y * ITEMS_X + item_x; v < count; v += ITEMS_X * ITEMS_Y) {
      meetings[v] = meet(lines[views.x + first + v], tile, part, columns);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
#if STAGED
    stage(view, columns, meetings, count, segment, segments);
    barrier(CLK_LOCAL_MEM_FENCE);
#endif
    add(view, columns, meetings, count, segment, segments, part.x + item_x, part.y + item_y * PIXELS, sums);
  }
  store(slab, at, sums, last ? scale : 1, last ? offset : 0);
}
