/*
 * The transpose of back-projection, by gathering: a sample of a view is the sum, over the pixels that meet it, of
 * weight x pixel, with weight 1 - |s - column| where that is positive. No two work-items write one sample, and each
 * takes its pixels in one order.
 *
 * A work-item has one column of one view, LANES slices at once. It walks the image along the axis along which s changes
 * less (y), and meets on each row of the walk a few pixels along the other (x). Both axes are turned so that s grows
 * along them. Places are whole numbers in units of 2^-32 columns: no pixel is missed or taken twice.
 *
 * -D LANES, ITEMS_X, ITEMS_Y
 */
/* Rows that are summed before they join the total, which keeps the rounding of long sums down. */
#define PART 32

#define ONE ((long)1 << 32)

/* s = a x + b y + c; the slopes as floats are for others. */
typedef struct line {
  long a, b, c;
  float slope_a, slope_b;
} line;

/* image[y][x][lane] of one group of slices. slab, strides: in floats, from the group's first slice; `slices` of them
 * are there, the other lanes are zero. */
kernel void interleave(global const float *slab, long begin, long stride_k, long stride_j, int2 size, int slices,
                       global sample *image) {
  const int x = get_global_id(0), y = get_global_id(1);
  if (x < size.x && y < size.y) {
    global const float *voxel = slab + begin + y * stride_j + x;
    lanes values;
    for (int n = 0; n < LANES; n++) {
      values.one[n] = n < slices ? voxel[n * stride_k] : 0;
    }
    image[(long)y * size.x + x] = values.all;
  }
}

/* d = s - column at pixel (x, y) of the turned image: a x + b y + d, a >= b >= 0. Pixel (x, y) lies at first + x
 * stride_x + y stride_y of `size_x` x `size_y`. */
typedef struct walk {
  long a, b, d;
  int size_x, size_y;
  long first, stride_x, stride_y;
} walk;

static walk turn(const line l, int2 begin, int2 size, int column) {
  const ulong at = (ulong)l.a * (ulong)begin.x + (ulong)l.b * (ulong)begin.y + (ulong)l.c;
  walk w = {l.a, l.b, (long)(at - ((ulong)column << 32)), size.x, size.y, 0, 1, size.x};
  if (abs(l.b) > abs(l.a)) {
    walk other = {w.b, w.a, w.d, w.size_y, w.size_x, 0, w.stride_y, w.stride_x};
    w = other;
  }
  if (w.a < 0) {
    w.d += w.a * (w.size_x - 1);
    w.first += w.stride_x * (w.size_x - 1);
    w.a = -w.a;
    w.stride_x = -w.stride_x;
  }
  if (w.b < 0) {
    w.d += w.b * (w.size_y - 1);
    w.first += w.stride_y * (w.size_y - 1);
    w.b = -w.b;
    w.stride_y = -w.stride_y;
  }
  return w;
}

/* b > 0. */
static long divide_down(long a, long b) {
  const long quotient = a / b;
  return quotient * b > a ? quotient - 1 : quotient;
}

/* Rows y.x <= y < y.y meet the column, others do not; at either end one more may be among them. */
static int2 rows(const walk w) {
  const long lowest = -ONE - w.a * (w.size_x - 1) - w.d, highest = ONE - w.d; /* lowest < b y < highest */
  if (w.b == 0) {
    return lowest < 0 && highest > 0 ? (int2)(0, w.size_y) : (int2)(0, 0);
  }
  const long first = divide_down(lowest, w.b), last = divide_down(highest, w.b) + 1;
  return (int2)((int)clamp(first, 0L, (long)w.size_y), (int)clamp(last, 0L, (long)w.size_y));
}

/* 1 - |d| as float, 0 where it is negative. 2^32 - 1 rounds to 2^32, which is one. */
static float weight(long d) {
  const long left = ONE - (long)abs(d);
  return convert_float_rte((uint)clamp(left, 0L, 0xffffffffL)) * 0x1p-32f;
}

/* views: as in backproject.cl. begin, size: the region's, along x and y. */
kernel __attribute__((reqd_work_group_size(ITEMS_X, ITEMS_Y, 1))) void project(global const line *lines,
                                                                               global const sample *image, int2 begin,
                                                                               int2 size, int columns, int4 views,
                                                                               int group, global sample *block) {
  const int column = get_global_id(0), view = get_global_id(1);
  if (column >= columns || view >= views.y) {
    return;
  }
  const walk w = turn(lines[views.x + view], begin, size, column);
  const int2 range = rows(w);
  /* The pixels of a row with d > -1 begin at x, where d is `d`; `count` of them reach d >= 1. */
  long x = 0, d = w.d + w.b * range.x, count = w.size_x;
  if (w.a > 0) {
    x = divide_down(-ONE - d, w.a) + 1;
    d += w.a * x;
    count = (2 * ONE - 1) / w.a + 1;
  }
  sample total = (sample)(0);
  for (int part_begin = range.x; part_begin < range.y; part_begin += PART) {
    const int part_end = min(part_begin + PART, range.y);
    sample part = (sample)(0);
    for (int y = part_begin; y < part_end; y++) {
      const int x_begin = (int)max(x, 0L), x_end = (int)min(x + count, (long)w.size_x);
      global const sample *pixel = image + w.first + y * w.stride_y + x_begin * w.stride_x;
      long here = d + (x_begin - x) * w.a;
      for (int n = x_begin; n < x_end; n++) {
        part = fma((sample)weight(here), *pixel, part);
        here += w.a;
        pixel += w.stride_x;
      }
      /* b <= a: the next row begins here or one pixel before. */
      d += w.b;
      if (d - w.a > -ONE) {
        d -= w.a;
        x--;
      }
    }
    total += part;
  }
  block[(((long)group * views.w + views.z) + view) * columns + column] = total;
}
