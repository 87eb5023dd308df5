/*
 * Back-projection of a fan or cone beam onto a slab of an upright grid; src/ct/cone.h says what a view is. Neither the
 * column that a voxel meets nor its depth depends on z, and the row is affine in z. At the end the same for views of
 * any kind, of which none of this is true; src/ct/oblique.h says what these are.
 *
 * A work-item takes voxels above one pixel: LANES of a block of BLOCK, which are aligned to the grid, or BLOCKS whole
 * ones of these. A work-group takes a part of a tile of pixels, aligned to the grid too. Where the middle of a tile
 * meets a view is found in whole numbers once for a group, in passes of VIEWS; what a pixel and a voxel add to that are
 * floats, small ones: coordinates are right to some 2^-19 of a sample on any detector, and neither the cut into slabs
 * and regions nor that into groups and lanes changes a bit.
 *
 * TURNED: the rows of a column lie side by side (CPUs), else the columns of a row (GPUs).
 *
 * -D LANES, BLOCKS, ITEMS_X, ITEMS_Y, VIEWS, TURNED
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

/* A view as the tile's middle and the blocks' first voxels see it. */
typedef struct meeting {
  float ea, eb;    /* depth grows by so many times itself from pixel to pixel */
  float inverse;   /* of the depth */
  float ua, ub, u; /* columns from pixel to pixel; where the middle lies beyond `column` */
  float slope;     /* rows from voxel to voxel */
  int column;
  float away[BLOCKS], v[BLOCKS]; /* rows from the axis; where the first voxel lies beyond `row` */
  int row[BLOCKS];
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

static void meet(const view v, int2 middle, int voxel, int column, int fan, local meeting *m) {
  const ulong x = (ulong)(long)middle.x, y = (ulong)(long)middle.y;
  const ulong depth = v.da * x + v.db * y + v.dc;
  const int shift = (int)clz(depth);
  const long inverse = invert(depth << shift);
  const long u = over_depth(v.ua * x + v.ub * y + v.uc, inverse, shift);
  const float middle_u = convert_float_rte(u) * 0x1p-32f, near = ldexp(convert_float_rte(inverse), shift - 75);
  const float a = convert_float_rte((long)v.da) * 0x1p-50f, b = convert_float_rte((long)v.db) * 0x1p-50f;
  m->inverse = near;
  m->ea = a * near;
  m->eb = b * near;
  m->ua = fma(-middle_u, a, convert_float_rte((long)v.ua) * 0x1p-36f) * near;
  m->ub = fma(-middle_u, b, convert_float_rte((long)v.ub) * 0x1p-36f) * near;
  m->u = of_fraction(u);
  m->column = column + (int)(u >> 32);
  m->slope = convert_float_rte((long)v.va) * 0x1p-36f * (fan ? 1 : near);
  for (int n = 0; n < BLOCKS; n++) {
    const ulong away = v.va * (ulong)(voxel + n * BLOCK) + v.vb;
    const long rows = fan ? (long)away >> 4 : over_depth(away, inverse, shift), place = rows + (long)v.vc;
    m->away[n] = convert_float_rte(rows) * 0x1p-32f;
    m->v[n] = of_fraction(place);
    m->row[n] = (int)(place >> 32);
  }
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
  return there ? samples[column * COLUMN_STEP(s) + row * ROW_STEP(s)] : 0;
}

/* A view as voxels above a pixel see it: the columns `column` and `column` + 1 in parts of the view's weight; voxel `n`
 * meets row + first + slope n. */
typedef struct line {
  int column;
  float low_part, high_part;
  int row;
  float first, slope;
} line;

/* Of columns and rows that are stored and others. */
static float take_any(const line l, global const float *samples, const stored s, float voxel) {
  const float v = fma(l.slope, voxel, l.first), whole = floor(v);
  const int row = l.row + (int)whole;
  const float low =
      fma(l.low_part, sample_at(samples, s, l.column, row), l.high_part * sample_at(samples, s, l.column + 1, row));
  const float high = fma(l.low_part, sample_at(samples, s, l.column, row + 1),
                         l.high_part * sample_at(samples, s, l.column + 1, row + 1));
  return fma(v - whole, high - low, low);
}

/* The same where all are stored; `samples` of the line's column and row. */
static float take_inside(const line l, global const float *samples, const stored s, float voxel) {
  const float v = fma(l.slope, voxel, l.first), whole = floor(v);
  global const float *from = samples + (int)whole * ROW_STEP(s), *to = from + ROW_STEP(s);
  const float low = fma(l.low_part, from[0], l.high_part * from[COLUMN_STEP(s)]);
  const float high = fma(l.low_part, to[0], l.high_part * to[COLUMN_STEP(s)]);
  return fma(v - whole, high - low, low);
}

#if TURNED && LANES == 16
/* As shuffle(), which PoCL does in memory; compilers find one instruction for this. */
static sample pick(const sample from, const int16 index) {
#ifdef __clang__
  const int16 i = index & 15;
  return (sample)(from[i.s0], from[i.s1], from[i.s2], from[i.s3], from[i.s4], from[i.s5], from[i.s6], from[i.s7],
                  from[i.s8], from[i.s9], from[i.sa], from[i.sb], from[i.sc], from[i.sd], from[i.se], from[i.sf]);
#else
  return shuffle(from, as_uint16(index & 15));
#endif
}

/* Rows 16 n ... of the line's two columns. */
static sample blend(const line l, global const float *samples, const stored s, int n) {
  return fma((sample)(l.low_part), vload16(n, samples), l.high_part * vload16(n, samples + COLUMN_STEP(s)));
}

/* Rows are blended once, and voxels take from the blend; `samples` of the first voxel's row. Of two vectors of rows, or
 * of three: apart, because compilers know pick() only where nothing of it is shared between branches. */
static sample take_two(const line l, global const float *samples, const stored s, const sample v) {
  const sample whole = floor(v), first = blend(l, samples, s, 0), second = blend(l, samples, s, 1);
  const int16 at = convert_int16(whole), from = at - at.s0, to = from + 1;
  const sample low = select(pick(first, from), pick(second, from), from > 15);
  const sample high = select(pick(first, to), pick(second, to), to > 15);
  return fma(v - whole, high - low, low);
}

/* Value `index` of three vectors. */
static sample pick_three(const sample first, const sample second, const sample third, const int16 index) {
  return select(select(pick(first, index), pick(second, index), index > 15), pick(third, index), index > 31);
}

static sample take_three(const line l, global const float *samples, const stored s, const sample v) {
  const sample third = blend(l, samples, s, 2), second = blend(l, samples, s, 1), first = blend(l, samples, s, 0);
  const sample whole = floor(v);
  const int16 at = convert_int16(whole), from = at - at.s0;
  const sample low = pick_three(first, second, third, from), high = pick_three(first, second, third, from + 1);
  return fma(v - whole, high - low, low);
}

/* The same at either end of the rows, some of which are not stored; `samples` of row `base`. */
static sample take_end(const line l, global const float *samples, const stored s, int base, const sample v) {
  const sample third = blend(l, samples, s, 2), second = blend(l, samples, s, 1), first = blend(l, samples, s, 0);
  const sample whole = floor(v), zero = (sample)(0);
  const int16 from = convert_int16(whole) + (l.row - base), to = from + 1;
  const int rows = s.rows - base;
  const sample low = select(zero, pick_three(first, second, third, from), from >= 0 && from < rows);
  const sample high = select(zero, pick_three(first, second, third, to), to >= 0 && to < rows);
  return fma(v - whole, high - low, low);
}
#endif

/* Adds a view to voxels `voxel` ... voxel + LANES - 1 of a block. */
static sample add_line(const line l, global const float *samples, const stored s, float voxel, const sample sums) {
  const int begin = l.row + (int)floor(fma(l.slope, voxel, l.first));
  const int end = l.row + (int)floor(fma(l.slope, voxel + (LANES - 1), l.first)) + 2;
  if (begin >= s.rows || end <= 0) {
    return sums;
  }
  const bool columns_inside = l.column >= 0 && l.column + 1 < s.columns, inside = begin >= 0 && end <= s.rows;
#if TURNED && LANES == 16
  if (columns_inside && end - begin <= 48 && s.column_step >= 48) {
    const sample steps = (sample)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const sample v = fma((sample)(l.slope), voxel + steps, (sample)(l.first));
    const int base = clamp(begin, 0, s.column_step - 48);
    samples += l.column * s.column_step + base;
    if (!inside || base != begin) {
      return sums + take_end(l, samples, s, base, v);
    }
    return sums + (end - begin <= 32 ? take_two(l, samples, s, v) : take_three(l, samples, s, v));
  }
#endif
  lanes now;
  now.all = sums;
  if (!columns_inside || !inside) {
    for (int n = 0; n < LANES; n++) {
      now.one[n] += take_any(l, samples, s, voxel + (float)n);
    }
    return now.all;
  }
  samples += l.column * COLUMN_STEP(s) + l.row * ROW_STEP(s);
  for (int n = 0; n < LANES; n++) {
    now.one[n] += take_inside(l, samples, s, voxel + (float)n);
  }
  return now.all;
}

/* Adds a view to the voxels above pixel (x, y), counted from the tile's middle. */
static void add_view(local const meeting *m, global const float *samples, const stored s, float x, float y, float voxel,
                     int fan, sample *sums) {
  const float e = fma(m->ea, x, m->eb * y), inverse = divide(1, 1 + e);
  const float u = fma(fma(m->ua, x, m->ub * y), inverse, m->u), depth = m->inverse * inverse;
  const float whole = floor(u);
  line l = {.column = m->column + (int)whole, .slope = fan ? m->slope : m->slope * inverse};
  if (l.column < -1 || l.column >= s.columns) {
    return;
  }
  const float weight = depth * depth, nearer = fan ? 0 : e * inverse;
  l.high_part = weight * (u - whole);
  l.low_part = weight - l.high_part;
  for (int n = 0; n < BLOCKS; n++) {
    l.row = m->row[n] - s.row;
    l.first = fma(-m->away[n], nearer, m->v[n]);
    sums[n] = add_line(l, samples, s, voxel, sums[n]);
  }
}

/* The work-item's voxels in the slab: from `voxel` on, stride_k floats apart, begin ... end - 1 of them the region's.
 */
typedef struct place {
  long voxel, stride_k;
  int begin, end;
} place;

static void load(global const float *slab, const place at, sample *sums) {
  for (int b = 0; b < BLOCKS; b++) {
    lanes values;
    for (int n = 0; n < LANES; n++) {
      const int k = b * LANES + n;
      values.one[n] = k >= at.begin && k < at.end ? slab[at.voxel + k * at.stride_k] : 0;
    }
    sums[b] = values.all;
  }
}

static void store(global float *slab, const place at, const sample *sums, float scale, float offset) {
  for (int b = 0; b < BLOCKS; b++) {
    lanes values;
    values.all = scale * sums[b] + offset;
    for (int n = 0; n < LANES; n++) {
      const int k = b * LANES + n;
      if (k >= at.begin && k < at.end) {
        slab[at.voxel + k * at.stride_k] = values.one[n];
      }
    }
  }
}

/*
 * views: the first one's number in the scan, how many, where the first lies in its block. counted: the column and row
 * that views are counted from, whether rows do not diverge. slab: voxel (k, j, i) of it at begin + k stride_k + j
 * stride_j + i, in floats; corner and size: of it in the grid, along x, y and z. `fresh`: sums begin at 0; `last`:
 * voxels become scale x sum + offset.
 */
kernel __attribute__((reqd_work_group_size(ITEMS_X, ITEMS_Y, 1))) void cone(
    global const view *scan, global const float *block, const long view_step, const stored s, int4 views, int4 counted,
    global float *slab, long begin, long stride_k, long stride_j, int4 corner, int4 size, float scale, float offset,
    int fresh, int last) {
  local meeting meetings[VIEWS];
  const int2 part = (int2)((corner.x & ~(ITEMS_X - 1)) + (int)get_group_id(0) * ITEMS_X,
                           (corner.y & ~(ITEMS_Y - 1)) + (int)get_group_id(1) * ITEMS_Y);
  const int2 middle = part - (part & (TILE - 1)) + TILE / 2;
  const int2 pixel = part + (int2)(get_local_id(0), get_local_id(1)), at_pixel = pixel - corner.xy;
  const int first = (corner.z & ~(LANES * BLOCKS - 1)) + (int)get_group_id(2) * (LANES * BLOCKS);
  const int k = first - corner.z;
  const bool there = at_pixel.x >= 0 && at_pixel.x < size.x && at_pixel.y >= 0 && at_pixel.y < size.y;
  const place at = {begin + k * stride_k + at_pixel.y * stride_j + at_pixel.x, stride_k,
                    there ? clamp(-k, 0, LANES * BLOCKS) : 0, there ? clamp(size.z - k, 0, LANES * BLOCKS) : 0};
  const float x = (float)(pixel.x - middle.x), y = (float)(pixel.y - middle.y), voxel = (float)(first & (BLOCK - 1));
  sample sums[BLOCKS];
  for (int n = 0; n < BLOCKS; n++) {
    sums[n] = (sample)(0);
  }
  if (!fresh) {
    load(slab, at, sums);
  }
  for (int from = 0; from < views.y; from += VIEWS) {
    const int count = min(VIEWS, views.y - from);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int v = get_local_id(1) * ITEMS_X + get_local_id(0); v < count; v += ITEMS_X * ITEMS_Y) {
      meet(scan[views.x + from + v], middle, first & ~(BLOCK - 1), counted.x, counted.z, meetings + v);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    global const float *samples = block + (views.z + from) * view_step;
    for (int v = 0; at.begin < at.end && v < count; v++, samples += view_step) {
      add_view(meetings + v, samples, s, x, y, voxel, counted.z, sums);
    }
  }
  store(slab, at, sums, last ? scale : 1, last ? offset : 0);
}

/* ---- Views of any kind ---- */

/* Column depth, row depth and depth of a voxel: times x, y, z and 1. Depth in units of 2^-50, the others in units of
 * 2^-36, counted from `middle`. */
typedef struct matrix {
  ulong column[4], row[4], depth[4];
} matrix;

/* A view as the tile's middle in the first voxels of a block sees it: what depth grows by from voxel to voxel, as parts
 * of itself, and so do column and row times the depth that they have less; where this voxel lies beyond `column` and
 * `row`. */
typedef struct sight {
  float inverse; /* of the depth */
  float e[3], u[3], v[3];
  float in_column, in_row;
  int column, row;
} sight;

static ulong weigh_index(const ulong m[4], ulong x, ulong y, ulong z) { return m[0] * x + m[1] * y + m[2] * z + m[3]; }

static void see(global const matrix *scan, int2 at_pixel, int voxel, int2 middle, local sight *s) {
  const matrix m = *scan;
  const ulong x = (ulong)(long)at_pixel.x, y = (ulong)(long)at_pixel.y, z = (ulong)(long)voxel;
  const ulong depth = weigh_index(m.depth, x, y, z);
  const int shift = (int)clz(depth);
  const long inverse = invert(depth << shift);
  const long u = over_depth(weigh_index(m.column, x, y, z), inverse, shift);
  const long v = over_depth(weigh_index(m.row, x, y, z), inverse, shift);
  const float near = ldexp(convert_float_rte(inverse), shift - 75);
  const float at_u = convert_float_rte(u) * 0x1p-32f, at_v = convert_float_rte(v) * 0x1p-32f;
  s->inverse = near;
  for (int c = 0; c < 3; c++) {
    const float e = convert_float_rte((long)m.depth[c]) * 0x1p-50f;
    s->e[c] = e * near;
    s->u[c] = fma(-at_u, e, convert_float_rte((long)m.column[c]) * 0x1p-36f) * near;
    s->v[c] = fma(-at_v, e, convert_float_rte((long)m.row[c]) * 0x1p-36f) * near;
  }
  s->in_column = of_fraction(u);
  s->in_row = of_fraction(v);
  s->column = middle.x + (int)(u >> 32);
  s->row = middle.y + (int)(v >> 32);
}

/* 1 / b as divide() has it. */
static sample invert_all(const sample b) {
  const sample one = (sample)(1), about = one / b;
  const sample inverse = fma(fma(-b, about, one), about, about);
  return fma(fma(-b, inverse, one), inverse, inverse);
}

/* What a coordinate is whole of, from `base` on; far outside, what is far outside. */
static int whole_from(int base, float whole) { return base + (int)clamp(whole, -0x1p29f, 0x1p29f); }

/* Adds a view to voxels `voxel` ... voxel + LANES - 1 of a block, above the pixel (x, y) from the tile's middle. */
static sample add_sight(const sight m, global const float *samples, const stored s, float x, float y, float voxel,
                        const sample sums) {
  lanes along, column, row, corners[4];
  for (int n = 0; n < LANES; n++) {
    along.one[n] = voxel + (float)n;
  }
  const sample e = fma((sample)(m.e[2]), along.all, (sample)(fma(m.e[0], x, m.e[1] * y)));
  const sample inverse = invert_all(1 + e), depth = m.inverse * inverse;
  const sample du = fma((sample)(m.u[2]), along.all, (sample)(fma(m.u[0], x, m.u[1] * y)));
  const sample dv = fma((sample)(m.v[2]), along.all, (sample)(fma(m.v[0], x, m.v[1] * y)));
  const sample u = fma(du, inverse, (sample)(m.in_column)), v = fma(dv, inverse, (sample)(m.in_row));
  column.all = floor(u);
  row.all = floor(v);
  const sample right = u - column.all, below = v - row.all;
  bool inside = true, seen = false;
  int at_column[LANES], at_row[LANES];
  for (int n = 0; n < LANES; n++) {
    const int c = whole_from(m.column, column.one[n]), r = whole_from(m.row - s.row, row.one[n]);
    inside &= (c >= 0) & (c + 1 < s.columns) & (r >= 0) & (r + 1 < s.rows);
    seen |= (c >= -1) & (c < s.columns) & (r >= -1) & (r < s.rows);
    at_column[n] = c;
    at_row[n] = r;
  }
  if (!seen) {
    return sums;
  }
  for (int n = 0; inside && n < LANES; n++) {
    global const float *from = samples + at_column[n] * COLUMN_STEP(s) + at_row[n] * ROW_STEP(s);
    corners[0].one[n] = from[0];
    corners[1].one[n] = from[COLUMN_STEP(s)];
    corners[2].one[n] = from[ROW_STEP(s)];
    corners[3].one[n] = from[COLUMN_STEP(s) + ROW_STEP(s)];
  }
  for (int n = 0; !inside && n < LANES; n++) {
    for (int corner = 0; corner < 4; corner++) {
      corners[corner].one[n] = sample_at(samples, s, at_column[n] + (corner & 1), at_row[n] + (corner >> 1));
    }
  }
  const sample low = fma(right, corners[1].all - corners[0].all, corners[0].all);
  const sample high = fma(right, corners[3].all - corners[2].all, corners[2].all);
  return fma(depth * depth, fma(below, high - low, low), sums);
}

/* As kernel cone. */
kernel __attribute__((reqd_work_group_size(ITEMS_X, ITEMS_Y, 1))) void oblique(
    global const matrix *scan, global const float *block, const long view_step, const stored s, int4 views,
    int4 counted, global float *slab, long begin, long stride_k, long stride_j, int4 corner, int4 size, float scale,
    float offset, int fresh, int last) {
  local sight sights[VIEWS * BLOCKS];
  const int2 part = (int2)((corner.x & ~(ITEMS_X - 1)) + (int)get_group_id(0) * ITEMS_X,
                           (corner.y & ~(ITEMS_Y - 1)) + (int)get_group_id(1) * ITEMS_Y);
  const int2 middle = part - (part & (TILE - 1)) + TILE / 2;
  const int2 pixel = part + (int2)(get_local_id(0), get_local_id(1)), at_pixel = pixel - corner.xy;
  const int first = (corner.z & ~(LANES * BLOCKS - 1)) + (int)get_group_id(2) * (LANES * BLOCKS);
  const int k = first - corner.z, block_first = first & ~(BLOCK - 1);
  /* Blocks of the group that the slab has: others may lie behind the source. */
  const int from_block = max(-k, 0) / LANES, end_block = min((size.z - k + LANES - 1) / LANES, BLOCKS);
  const bool there = at_pixel.x >= 0 && at_pixel.x < size.x && at_pixel.y >= 0 && at_pixel.y < size.y;
  const place at = {begin + k * stride_k + at_pixel.y * stride_j + at_pixel.x, stride_k,
                    there ? clamp(-k, 0, LANES * BLOCKS) : 0, there ? clamp(size.z - k, 0, LANES * BLOCKS) : 0};
  const float x = (float)(pixel.x - middle.x), y = (float)(pixel.y - middle.y), voxel = (float)(first & (BLOCK - 1));
  sample sums[BLOCKS];
  for (int n = 0; n < BLOCKS; n++) {
    sums[n] = (sample)(0);
  }
  if (!fresh) {
    load(slab, at, sums);
  }
  for (int from = 0; from < views.y; from += VIEWS) {
    const int count = min(VIEWS, views.y - from);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int n = get_local_id(1) * ITEMS_X + get_local_id(0); n < count * BLOCKS; n += ITEMS_X * ITEMS_Y) {
      const int b = n & (BLOCKS - 1);
      if (b >= from_block && b < end_block) {
        see(scan + views.x + from + n / BLOCKS, middle, block_first + b * BLOCK, counted.xy, sights + n);
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    global const float *samples = block + (views.z + from) * view_step;
    for (int v = 0; at.begin < at.end && v < count; v++, samples += view_step) {
      for (int n = from_block; n < end_block; n++) {
        sums[n] = add_sight(sights[v * BLOCKS + n], samples, s, x, y, voxel, sums[n]);
      }
    }
  }
  store(slab, at, sums, last ? scale : 1, last ? offset : 0);
}
