/*
 * Joseph's projector and its adjoint (see src/ct/rays.h), in voxels of the grid. Where a ray meets a plane of voxels is
 * a whole number with 40 bits behind the point, worked out once a ray: both kernels weigh with the same numbers, so
 * that the adjoint is exact. Each sample, and each voxel, is one work-item's: no atomics, one order.
 */

#define ONE_BITS 40
#define ONE (1L << ONE_BITS)

/* Bits of a distance's fraction that meet a slope: their product fits 64 bits. */
#define PART_BITS 22

/* The window of a voxel is so much wider than float says: a part of a column, and of the place itself. */
#define MARGIN 0.05f
#define RELATIVE_MARGIN 1e-5f

/* As kvox_rays_view: `from` with ONE_BITS, `along` of any scale; and the matrix from voxels about the grid's middle. */
typedef struct view {
  long from[3], from_column[3], from_row[3];
  long along[3], along_column[3], along_row[3];
  float matrix[12];
} view;

/* Where it meets plane 0 of its main axis along the two others, and steps from plane to plane. */
typedef struct ray {
  long at_a, at_b, slope_a, slope_b;
  int main;
  float plane_mm;
} ray;

/* a / b with ONE_BITS, for |a| <= |b| < 2^62, rounded. */
static long quotient(long a, long b) {
  const ulong divisor = abs(b);
  ulong rest = abs(a), result = 0;
  for (int bit = 0; bit < ONE_BITS; bit++) {
    rest <<= 1;
    result <<= 1;
    if (rest >= divisor) {
      rest -= divisor;
      result |= 1;
    }
  }
  result += 2 * rest >= divisor ? 1 : 0;
  return (a < 0) != (b < 0) ? -(long)result : (long)result;
}

/* from_a - from_m * slope, all with ONE_BITS. */
static long at_plane_0(long from_a, long from_m, long slope) {
  const long whole = from_m >> ONE_BITS, part = (from_m & (ONE - 1)) >> (ONE_BITS - PART_BITS);
  return from_a - whole * slope - ((part * slope) >> PART_BITS);
}

/* The root of `square`, nearer than sqrt() must be. */
static float root(float square) {
  const float about = sqrt(square);
  return fma(fma(-about, about, square), 0.5f / about, about);
}

/* A slope to 24 bits, which float holds. */
static float coarse(long slope) { return (float)(int)(slope >> (ONE_BITS - 24)) * 0x1p-24f; }

kernel void lay(global const view *views, const int first_view, const int count, const int rows, const int columns,
                const float4 spacing_mm, global ray *rays) {
  const int column = get_global_id(0), row = get_global_id(1), index = get_global_id(2);
  if (column >= columns || row >= rows || index >= count) {
    return;
  }
  global const view *v = views + first_view + index;
  const float spacing[3] = {spacing_mm.x, spacing_mm.y, spacing_mm.z};
  long from[3], along[3];
  int m = 0;
  for (int i = 0; i < 3; i++) {
    from[i] = v->from[i] + column * v->from_column[i] + row * v->from_row[i];
    along[i] = v->along[i] + column * v->along_column[i] + row * v->along_row[i];
    m = abs(along[i]) > abs(along[m]) ? i : m;
  }
  const int a = m == 0 ? 1 : 0, b = m == 2 ? 1 : 2;
  ray r;
  r.main = m;
  r.slope_a = quotient(along[a], along[m]);
  r.slope_b = quotient(along[b], along[m]);
  r.at_a = at_plane_0(from[a], from[m], r.slope_a);
  r.at_b = at_plane_0(from[b], from[m], r.slope_b);
  const float step_a = coarse(r.slope_a) * spacing[a], step_b = coarse(r.slope_b) * spacing[b];
  r.plane_mm = root(fma(step_a, step_a, fma(step_b, step_b, spacing[m] * spacing[m])));
  rays[((long)index * rows + row) * columns + column] = r;
}

/* What of a place lies behind its whole part: 24 bits, which float holds. */
static float fraction(long place) { return (float)(int)((place >> (ONE_BITS - 24)) & 0xffffff) * 0x1p-24f; }

/* lines: view after view, row after row. sizes: of the grid; strides of the volume in floats along x, y, z. */
kernel void project(global const ray *rays, const int lines, const int columns, global const float *volume,
                    const long begin, const long4 strides, const int4 sizes, global float *samples) {
  const int column = get_global_id(0), line = get_global_id(1);
  if (column >= columns || line >= lines) {
    return;
  }
  const ray r = rays[(long)line * columns + column];
  const long stride[3] = {strides.x, strides.y, strides.z};
  const int size[3] = {sizes.x, sizes.y, sizes.z};
  const int a = r.main == 0 ? 1 : 0, b = r.main == 2 ? 1 : 2;
  const long stride_a = stride[a], stride_b = stride[b], stride_m = stride[r.main];
  const int size_a = size[a], size_b = size[b], size_m = size[r.main];
  long place_a = r.at_a, place_b = r.at_b;
  float sum = 0;
  for (int n = 0; n < size_m; n++, place_a += r.slope_a, place_b += r.slope_b) {
    const int at_a = (int)(place_a >> ONE_BITS), at_b = (int)(place_b >> ONE_BITS);
    if (at_a < -1 || at_a >= size_a || at_b < -1 || at_b >= size_b) {
      continue;
    }
    const float high_a = fraction(place_a), high_b = fraction(place_b), low_a = 1 - high_a, low_b = 1 - high_b;
    global const float *voxel = volume + begin + n * stride_m + at_a * stride_a + at_b * stride_b;
    const bool first_a = at_a >= 0, last_a = at_a + 1 < size_a, first_b = at_b >= 0, last_b = at_b + 1 < size_b;
    sum += first_a && first_b ? low_a * low_b * voxel[0] : 0.0f;
    sum += last_a && first_b ? high_a * low_b * voxel[stride_a] : 0.0f;
    sum += first_a && last_b ? low_a * high_b * voxel[stride_b] : 0.0f;
    sum += last_a && last_b ? high_a * high_b * voxel[stride_a + stride_b] : 0.0f;
  }
  samples[(long)line * columns + column] = r.plane_mm * sum;
}

/*
 * Columns x.x ... x.y and rows x.z ... x.w that may pass within one voxel of `at`, places about the grid's middle. With
 * u = U / d in the middle of that box, a step s within it moves the column by (U - u d)(s) / d(at + s).
 */
static int4 window(global const float *m, const float3 at, const int fan, const int rows, const int columns) {
  const float depth = fma(m[8], at.x, fma(m[9], at.y, fma(m[10], at.z, m[11])));
  const float nearest = depth - (fabs(m[8]) + fabs(m[9]) + fabs(m[10]));
  const float u = fma(m[0], at.x, fma(m[1], at.y, fma(m[2], at.z, m[3]))) / depth;
  const float v = fma(m[4], at.x, fma(m[5], at.y, fma(m[6], at.z, m[7]))) / (fan ? 1.0f : depth);
  const float w = fan ? 0.0f : v;
  const float2 reach =
      (float2)((fabs(m[0] - u * m[8]) + fabs(m[1] - u * m[9]) + fabs(m[2] - u * m[10])) / nearest,
               (fabs(m[4] - w * m[8]) + fabs(m[5] - w * m[9]) + fabs(m[6] - w * m[10])) / (fan ? 1.0f : nearest));
  const float2 middle = (float2)(u, v);
  const float2 half_width = reach + MARGIN + RELATIVE_MARGIN * (fabs(middle) + reach);
  const float2 last = (float2)((float)columns, (float)rows);
  const float2 begin = clamp(ceil(middle - half_width), (float2)(0.0f), last);
  const float2 end = clamp(floor(middle + half_width), (float2)(-1.0f), last - 1.0f);
  return (int4)((int)begin.x, (int)end.x, (int)begin.y, (int)end.y);
}

/* What voxel `idx` is worth to the place of a ray: 0 from one voxel away. */
static float worth(const long place, const int idx) {
  const int away = idx - (int)(place >> ONE_BITS);
  const float high = fraction(place);
  return away == 0 ? 1 - high : away == 1 ? high : 0.0f;
}

/* middle: of the grid, in voxels. first: the volume holds nothing yet. */
kernel void backproject(global const view *views, const int first_view, const int count, global const ray *rays,
                        global const float *samples, const int rows, const int columns, const int fan,
                        global float *volume, const long begin, const long4 strides, const int4 sizes,
                        const float4 middle, const int first) {
  const int x = get_global_id(0), y = get_global_id(1), z = get_global_id(2);
  if (x >= sizes.x || y >= sizes.y || z >= sizes.z) {
    return;
  }
  const int index[3] = {x, y, z};
  const float3 at = (float3)((float)x - middle.x, (float)y - middle.y, (float)z - middle.z);
  global float *voxel = volume + begin + x * strides.x + y * strides.y + z * strides.z;
  float sum = first ? 0.0f : *voxel;
  for (int view = 0; view < count; view++) {
    const int4 range = window(views[first_view + view].matrix, at, fan, rows, columns);
    for (int row = range.z; row <= range.w; row++) {
      const long line = ((long)view * rows + row) * columns;
      for (int column = range.x; column <= range.y; column++) {
        const ray r = rays[line + column];
        const int a = r.main == 0 ? 1 : 0, b = r.main == 2 ? 1 : 2;
        const long n = index[r.main];
        const float weight = worth(r.at_a + n * r.slope_a, index[a]) * worth(r.at_b + n * r.slope_b, index[b]);
        sum += weight * (r.plane_mm * samples[line + column]);
      }
    }
  }
  *voxel = sum;
}
