/*
 * Back-projection of a fan or cone beam onto a slab of an upright grid; src/ct/cone.h says what a view is. Neither the
 * column that a voxel meets nor its depth depends on z, and the row is affine in z.
 *
 * A work-item takes LANES voxels above one pixel, part of a block of BLOCK that is aligned to the grid; a work-group
 * takes a part of a tile of pixels, aligned to it too. Where the middle of a tile meets a view is found in whole numbers
 * once for a group, in passes of VIEWS; what a pixel and a voxel add to that are floats, small ones: coordinates are
 * right to some 2^-19 of a sample on any detector, and neither the cut into slabs and regions nor that into groups and
 * lanes changes a bit.
 *
 * TURNED: the rows of a column lie side by side (CPUs), else the columns of a row (GPUs).
 *
 * -D LANES, ITEMS_X, ITEMS_Y, VIEWS, TURNED
 */
#define TILE 32
#define BLOCK 16

/* Depth in units of 2^-50, columns counted from `middle` and rows counted from the axis, both at depth 1, in units of
 * 2^-36; the row of the axis in units of 2^-32. */
typedef struct view {
  ulong da, db, dc;
  ulong ua, ub, uc;
  ulong va, vb, vc;
} view;

/* A view as the tile's middle and the block's first voxel see it. */
typedef struct meeting {
  float ea, eb;            /* depth grows by so many times itself from pixel to pixel */
  float inverse;           /* of the depth */
  float ua, ub, u;         /* columns from pixel to pixel; where the middle lies beyond `column` */
  float away, v, slope;    /* rows from the axis; where the first voxel lies beyond `row`; rows from voxel to voxel */
  int column, row;
} meeting;

/* q / depth, in units of 2^-32, where q is in units of 2^-36 and 1 / depth is inverse x 2^(shift - 75). */
static long over_depth(ulong q, long inverse, int shift) {
  const long product = mul_hi((long)q, inverse);
  return shift >= 15 ? product << (shift - 15) : product >> (15 - shift);
}

/* 2^125 / m for m of 64 bits, right to 60: a division of 32 bits and a step of Newton. */
static long invert(ulong m) {
  const ulong about = ULONG_MAX / (m >> 32); /* 2^96 / m */
  const ulong low = m * about, high = mul_hi(m, about);
  const long rest = (long)(((1UL << 32) - high) << 32) - (long)(low >> 32);
  return (long)(about << 29) + mul_hi((long)(about << 29), rest);
}

static float of_fraction(long fixed) { return convert_float_rte((uint)fixed) * 0x1p-32f; }

static meeting meet(const view v, int2 middle, int block, int column, int fan) {
  const ulong x = (ulong)(long)middle.x, y = (ulong)(long)middle.y, k = (ulong)block * BLOCK;
  const ulong depth = v.da * x + v.db * y + v.dc;
  const int shift = (int)clz(depth);
  const long inverse = invert(depth << shift);
  const long u = over_depth(v.ua * x + v.ub * y + v.uc, inverse, shift);
  const ulong away = v.va * k + v.vb;
  const long row = (fan ? (long)away >> 4 : over_depth(away, inverse, shift));
  const long place = row + (long)v.vc;
  const float middle_u = convert_float_rte(u) * 0x1p-32f;
  meeting m;
  m.inverse = ldexp(convert_float_rte(inverse), shift - 75);
  const float a = convert_float_rte((long)v.da) * 0x1p-50f, b = convert_float_rte((long)v.db) * 0x1p-50f;
  m.ea = a * m.inverse;
  m.eb = b * m.inverse;
  m.ua = fma(-middle_u, a, convert_float_rte((long)v.ua) * 0x1p-36f) * m.inverse;
  m.ub = fma(-middle_u, b, convert_float_rte((long)v.ub) * 0x1p-36f) * m.inverse;
  m.u = of_fraction(u);
  m.column = column + (int)(u >> 32);
  m.away = convert_float_rte(row) * 0x1p-32f;
  m.v = of_fraction(place);
  m.row = (int)(place >> 32);
  m.slope = convert_float_rte((long)v.va) * 0x1p-36f * (fan ? 1 : m.inverse);
  return m;
}

/* What of a view is stored: rows `row` ... row + rows - 1, others are zero; steps in floats. */
typedef struct stored {
  int columns, row, rows;
  int row_step, column_step;
} stored;

#if TURNED
#define ROW_STEP(s) 1
#define COLUMN_STEP(s) (s).column_step
#else
#define ROW_STEP(s) (s).row_step
#define COLUMN_STEP(s) 1
#endif

static float sample_at(global const float *samples, const stored s, int column, int row) {
  const bool there = column >= 0 && column < s.columns && row >= 0 && row < s.rows;
  return there ? samples[(long)column * COLUMN_STEP(s) + (long)row * ROW_STEP(s)] : 0;
}

/* Adds a view to the voxels above pixel (x, y), counted from the tile's middle. `lane` is the first one's place in the
 * block. */
static sample add_view(const meeting m, global const float *samples, const stored s, float x, float y, float lane,
                       int fan, sample sums) {
  const float e = fma(m.ea, x, m.eb * y);
  const float inverse = divide(1, 1 + e);
  const float u = fma(fma(m.ua, x, m.ub * y), inverse, m.u);
  const int whole = convert_int_rtn(u), column = m.column + whole;
  if (column < -1 || column >= s.columns) {
    return sums;
  }
  const float fraction = u - (float)whole, weight = m.inverse * inverse * (m.inverse * inverse);
  const float high_part = weight * fraction, low_part = weight - high_part;
  const float slope = fan ? m.slope : m.slope * inverse, first = fan ? m.v : fma(-m.away, e * inverse, m.v);
  const int row = m.row - s.row;
  lanes now, all;
  all.all = sums;
  for (int n = 0; n < LANES; n++) {
    const float v = fma(slope, lane + (float)n, first);
    const int at = convert_int_rtn(v);
    const float f = v - (float)at;
    const float low = fma(low_part, sample_at(samples, s, column, row + at),
                          high_part * sample_at(samples, s, column + 1, row + at));
    const float high = fma(low_part, sample_at(samples, s, column, row + at + 1),
                           high_part * sample_at(samples, s, column + 1, row + at + 1));
    now.one[n] = all.one[n] + fma(f, high - low, low);
  }
  return now.all;
}

/* The work-item's voxels in the slab: from `voxel` on, stride_k floats apart, begin ... end - 1 of them the region's. */
typedef struct place {
  long voxel, stride_k;
  int begin, end;
} place;

static sample load(global const float *slab, const place at) {
  lanes values;
  for (int n = 0; n < LANES; n++) {
    values.one[n] = n >= at.begin && n < at.end ? slab[at.voxel + n * at.stride_k] : 0;
  }
  return values.all;
}

static void store(global float *slab, const place at, const sample sums, float scale, float offset) {
  lanes values;
  values.all = scale * sums + offset;
  for (int n = at.begin; n < at.end; n++) {
    slab[at.voxel + n * at.stride_k] = values.one[n];
  }
}

/*
 * views: the first one's number in the scan, how many, where the first lies in its block. column: what views count
 * columns from. slab: voxel (k, j, i) of it at begin + k stride_k + j stride_j + i, in floats; corner and size: of it in
 * the grid, along x, y and z. `fresh`: sums begin at 0; `last`: voxels become scale x sum + offset.
 */
kernel __attribute__((reqd_work_group_size(ITEMS_X, ITEMS_Y, 1))) void cone(
    global const view *scan, global const float *block, const long view_step, const stored s, int4 views, int column,
    int fan, global float *slab, long begin, long stride_k, long stride_j, int4 corner, int4 size, float scale,
    float offset, int fresh, int last) {
  local meeting meetings[VIEWS];
  const int2 part = (int2)((corner.x / ITEMS_X + (int)get_group_id(0)) * ITEMS_X,
                           (corner.y / ITEMS_Y + (int)get_group_id(1)) * ITEMS_Y);
  const int2 middle = part - part % TILE + TILE / 2;
  const int2 pixel = part + (int2)(get_local_id(0), get_local_id(1)), at_pixel = pixel - corner.xy;
  const int first = (corner.z / LANES + (int)get_group_id(2)) * LANES, k = first - corner.z;
  const bool there = at_pixel.x >= 0 && at_pixel.x < size.x && at_pixel.y >= 0 && at_pixel.y < size.y;
  const place at = {begin + k * stride_k + at_pixel.y * stride_j + at_pixel.x, stride_k,
                    there ? clamp(-k, 0, LANES) : 0, there ? clamp(size.z - k, 0, LANES) : 0};
  const float x = (float)(pixel.x - middle.x), y = (float)(pixel.y - middle.y), lane = (float)(first % BLOCK);
  sample sums = fresh ? (sample)(0) : load(slab, at);
  for (int from = 0; from < views.y; from += VIEWS) {
    const int count = min(VIEWS, views.y - from);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int v = get_local_id(1) * ITEMS_X + get_local_id(0); v < count; v += ITEMS_X * ITEMS_Y) {
      meetings[v] = meet(scan[views.x + from + v], middle, first / BLOCK, column, fan);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    global const float *samples = block + (views.z + from) * view_step;
    for (int v = 0; at.begin < at.end && v < count; v++, samples += view_step) {
      sums = add_view(meetings[v], samples, s, x, y, lane, fan, sums);
    }
  }
  store(slab, at, sums, last ? scale : 1, last ? offset : 0);
}
