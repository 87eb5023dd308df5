/*
 * Joseph's projector and its adjoint (see src/ct/rays.h), in voxels of the grid. Where a ray meets a plane of voxels is
 * a whole number with 40 bits behind the point, worked out once a ray: both kernels weigh with the same numbers, so
 * that the adjoint is exact. Each sample, and each voxel at a time, is one work-item's: no atomics, one order.
 */

#define ONE_BITS 40
#define ONE (1L << ONE_BITS)

/* Bits of a distance's fraction that meet a slope: their product fits 64 bits. */
#define PART_BITS 22

/* Windows are so much wider than float says: a part of a column, and of the place itself. */
#define MARGIN 0.05f
#define RELATIVE_MARGIN 1e-5f

/* As kvox_rays_view: `from` with ONE_BITS, `along` of any scale; and the matrix from voxels about the grid's middle. */
typedef struct view {
  long from[3], from_column[3], from_row[3];
  long along[3], along_column[3], along_row[3];
  float matrix[12];
  int axes, unused; /* a bit for each main axis that rays may have */
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

/* Slices that are summed by themselves, before their sum is added: slabs of whole multiples give the same bits. */
#define SLICES 64

/* Planes that are looked at, and voxels of each: what lies between `low` and `high` along m, a and b. */
typedef struct box {
  int low_m, high_m, low_a, high_a, low_b, high_b;
} box;

/* The part of the planes where places along b may be within one voxel of the box, by a bit more than float says. */
static void narrow(box *part, const ray *r) {
  const float at = (float)(r->at_b - ((long)part->low_b << ONE_BITS)) * 0x1p-40f;
  const float slope = (float)r->slope_b * 0x1p-40f, margin = 1.0f + MARGIN + 1e-6f * fabs(at);
  if (fabs(slope) < 1e-6f) {
    return;
  }
  const float one = (-margin - at) / slope, other = ((float)(part->high_b - part->low_b) + margin - at) / slope;
  const float low = (float)part->low_m, high = (float)part->high_m;
  part->low_m = (int)clamp(floor(fmin(one, other)) - 1.0f, low, high);
  part->high_m = (int)clamp(ceil(fmax(one, other)) + 1.0f, low, high);
}

/* voxels: of place 0 along all axes, whether it is there or not. */
static float take(const ray *r, const box *part, global const float *volume, const long voxels, const long stride_m,
                  const long stride_a, const long stride_b) {
  long place_a = r->at_a + part->low_m * r->slope_a, place_b = r->at_b + part->low_m * r->slope_b;
  float sum = 0;
  for (int n = part->low_m; n < part->high_m; n++, place_a += r->slope_a, place_b += r->slope_b) {
    const int at_a = (int)(place_a >> ONE_BITS), at_b = (int)(place_b >> ONE_BITS);
    const bool first_a = at_a >= part->low_a, last_a = at_a + 1 < part->high_a;
    const bool first_b = at_b >= part->low_b, last_b = at_b + 1 < part->high_b;
    if (at_a < part->low_a - 1 || at_a >= part->high_a || at_b < part->low_b - 1 || at_b >= part->high_b) {
      continue;
    }
    const float high_a = fraction(place_a), high_b = fraction(place_b), low_a = 1 - high_a, low_b = 1 - high_b;
    const long voxel = voxels + n * stride_m + at_a * stride_a + at_b * stride_b;
    sum += first_a && first_b ? low_a * low_b * volume[voxel] : 0.0f;
    sum += last_a && first_b ? high_a * low_b * volume[voxel + stride_a] : 0.0f;
    sum += first_a && last_b ? low_a * high_b * volume[voxel + stride_b] : 0.0f;
    sum += last_a && last_b ? high_a * high_b * volume[voxel + stride_a + stride_b] : 0.0f;
  }
  return sum;
}

/* lines: view after view, row after row. sizes: of the grid, .w its slices that the volume has, from slice z_begin on;
 * strides of the volume in floats along x, y, z. ends: .x there is no sum yet, .y this slab is the last. */
kernel void project(global const ray *rays, const int lines, const int columns, global const float *volume,
                    const long begin, const long4 strides, const int4 sizes, const int z_begin, const int2 ends,
                    global float *samples) {
  const int column = get_global_id(0), line = get_global_id(1);
  if (column >= columns || line >= lines) {
    return;
  }
  const ray r = rays[(long)line * columns + column];
  const long stride[3] = {strides.x, strides.y, strides.z}, voxels = begin - z_begin * strides.z;
  const int size[3] = {sizes.x, sizes.y, sizes.z}, z_end = z_begin + sizes.w;
  const int a = r.main == 0 ? 1 : 0, b = r.main == 2 ? 1 : 2;
  float sum = ends.x ? 0.0f : samples[(long)line * columns + column];
  for (int z = z_begin; z < z_end; z += SLICES) {
    box part = {0, size[r.main], 0, size[a], 0, size[b]};
    if (r.main == 2) {
      part.low_m = z;
      part.high_m = min(z + SLICES, z_end);
    } else {
      part.low_b = z;
      part.high_b = min(z + SLICES, z_end);
      narrow(&part, &r);
    }
    sum += take(&r, &part, volume, voxels, stride[r.main], stride[a], stride[b]);
  }
  samples[(long)line * columns + column] = ends.y ? r.plane_mm * sum : sum;
}

/*
 * The adjoint adds in local memory, to a tile of the volume a work-group: rays of one main axis at a time, so that a
 * work-item has a plane of voxels across it, and of that a strip, to itself. It goes over the rays that may meet its
 * strip; no two work-items write to one voxel between two barriers.
 */
#define SIDE 16
#define STRIP 4
#define PARTS (SIDE * SIDE / STRIP)

/* Odd steps spread planes over the banks. */
#define TILE_ROW (SIDE + 1)
#define TILE_SLICE (TILE_ROW * TILE_ROW)

/* Columns and rows, of fans too, that see the point `at` about the grid's middle. */
static float2 seen_at(global const float *m, const float3 at, const int fan) {
  const float depth = fma(m[8], at.x, fma(m[9], at.y, fma(m[10], at.z, m[11])));
  const float u = fma(m[0], at.x, fma(m[1], at.y, fma(m[2], at.z, m[3])));
  const float v = fma(m[4], at.x, fma(m[5], at.y, fma(m[6], at.z, m[7])));
  return (float2)(u / depth, fan ? v : v / depth);
}

/* Columns .x ... .y and rows .z ... .w that may pass between two corners of a plane across `main`: between what sees
 * its corners. */
static int4 window(global const float *m, const int main, const float3 low, const float3 high, const int fan,
                   const int rows, const int columns) {
  float2 least = seen_at(m, low, fan), most = least;
  for (int corner = 1; corner < 4; corner++) {
    const bool up_a = (corner & 1) != 0, up_b = (corner & 2) != 0;
    const float3 at = (float3)((main == 0 ? false : up_a) ? high.x : low.x,
                               (main == 1   ? false
                                : main == 0 ? up_a
                                            : up_b)
                                   ? high.y
                                   : low.y,
                               (main == 2 ? false : up_b) ? high.z : low.z);
    const float2 seen = seen_at(m, at, fan);
    least = fmin(least, seen);
    most = fmax(most, seen);
  }
  const float2 margin = MARGIN + RELATIVE_MARGIN * fmax(fabs(least), fabs(most));
  const float2 last = (float2)((float)columns, (float)rows);
  const float2 begin = clamp(ceil(least - margin), (float2)(0.0f), last);
  const float2 end = clamp(floor(most + margin), (float2)(-1.0f), last - 1.0f);
  return (int4)((int)begin.x, (int)end.x, (int)begin.y, (int)end.y);
}

/* A part of the tile at `origin`: of plane n across `main` what lies between `low` and `high` along a and b. */
typedef struct strip {
  int main, a, b, n, low_b, high_b, high_a;
  long origin_a, origin_b;
  int step_a, step_b;
  local float *voxels; /* of the plane */
} strip;

/* What of a view's rays, lines row.z ... row.w of them, meets the strip. */
static void give(const strip *s, global const ray *rays, global const float *samples, const int4 range,
                 const int columns) {
  for (int row = range.z; row <= range.w; row++) {
    for (int column = range.x; column <= range.y; column++) {
      const int index = row * columns + column;
      global const ray *r = rays + index;
      const long place_a = r->at_a + s->n * r->slope_a - s->origin_a;
      const long place_b = r->at_b + s->n * r->slope_b - s->origin_b;
      const int at_a = (int)(place_a >> ONE_BITS), at_b = (int)(place_b >> ONE_BITS);
      if (r->main != s->main || at_a < -1 || at_a >= s->high_a || at_b < s->low_b - 1 || at_b >= s->high_b) {
        continue;
      }
      const float sample = r->plane_mm * samples[index], high_a = fraction(place_a), high_b = fraction(place_b);
      const float low = (1 - high_a) * sample, high = high_a * sample;
      local float *voxel = s->voxels + at_a * s->step_a + at_b * s->step_b;
      if (at_b >= s->low_b) {
        if (at_a >= 0) {
          voxel[0] += (1 - high_b) * low;
        }
        if (at_a + 1 < s->high_a) {
          voxel[s->step_a] += (1 - high_b) * high;
        }
      }
      if (at_b + 1 < s->high_b) {
        if (at_a >= 0) {
          voxel[s->step_b] += high_b * low;
        }
        if (at_a + 1 < s->high_a) {
          voxel[s->step_a + s->step_b] += high_b * high;
        }
      }
    }
  }
}

/* Part `part` of the tile as a strip; false where it lies beside the grid. */
static bool strip_of(const uint part, const int main, const int origin[3], const int size[3], local float *tile,
                     strip *s) {
  const int steps[3] = {1, TILE_ROW, TILE_SLICE};
  s->main = main;
  s->a = main == 0 ? 1 : 0;
  s->b = main == 2 ? 1 : 2;
  s->n = origin[main] + (int)(part % SIDE);
  s->low_b = (int)(part / SIDE) * STRIP;
  s->high_b = min(s->low_b + STRIP, size[s->b] - origin[s->b]);
  s->high_a = min(SIDE, size[s->a] - origin[s->a]);
  s->origin_a = (long)origin[s->a] << ONE_BITS;
  s->origin_b = (long)origin[s->b] << ONE_BITS;
  s->step_a = steps[s->a];
  s->step_b = steps[s->b];
  s->voxels = tile + (int)(part % SIDE) * steps[main];
  return s->n < size[main] && s->low_b < s->high_b;
}

/* Where the strip and one voxel around it begin and end, about the grid's middle. */
static int4 rays_of(const strip *s, global const float *matrix, const int origin[3], const float4 middle, const int fan,
                    const int rows, const int columns) {
  float low[3], high[3];
  low[s->main] = high[s->main] = (float)s->n;
  low[s->a] = (float)(origin[s->a] - 1);
  high[s->a] = (float)(origin[s->a] + s->high_a);
  low[s->b] = (float)(origin[s->b] + s->low_b - 1);
  high[s->b] = (float)(origin[s->b] + s->high_b);
  return window(matrix, s->main, (float3)(low[0], low[1], low[2]) - middle.xyz,
                (float3)(high[0], high[1], high[2]) - middle.xyz, fan, rows, columns);
}

/* middle: of the grid, in voxels. first: the volume, which begins with slice z_begin, holds nothing yet. A work-group's
 * number is its tile. */
kernel void backproject(global const view *views, const int first_view, const int count, global const ray *rays,
                        global const float *samples, const int rows, const int columns, const int fan,
                        global float *volume, const long begin, const long4 strides, const int4 sizes,
                        const float4 middle, const int z_begin, const int first) {
  local float tile[SIDE * TILE_SLICE];
  const int slice = get_group_id(2) * SIDE;
  const int origin[3] = {get_group_id(0) * SIDE, get_group_id(1) * SIDE, z_begin + slice};
  const int size[3] = {sizes.x, sizes.y, sizes.z};
  const int4 extent = min((int4)(SIDE), sizes - (int4)(origin[0], origin[1], origin[2], 0));
  global float *corner = volume + begin + origin[0] * strides.x + origin[1] * strides.y + slice * strides.z;
  for (uint i = get_local_id(0); i < SIDE * SIDE * SIDE; i += get_local_size(0)) {
    const int x = (int)(i % SIDE), y = (int)(i / SIDE % SIDE), z = (int)(i / (SIDE * SIDE));
    const bool kept = !first && x < extent.x && y < extent.y && z < extent.z;
    tile[z * TILE_SLICE + y * TILE_ROW + x] = kept ? corner[x * strides.x + y * strides.y + z * strides.z] : 0.0f;
  }
  for (int index = 0; index < count; index++) {
    global const view *v = views + first_view + index;
    const long begin_of_view = (long)index * rows * columns;
    for (int main = 0; main < 3; main++) {
      if ((v->axes >> main & 1) == 0) {
        continue;
      }
      barrier(CLK_LOCAL_MEM_FENCE);
      for (uint part = get_local_id(0); part < PARTS; part += get_local_size(0)) {
        strip s;
        if (strip_of(part, main, origin, size, tile, &s)) {
          const int4 range = rays_of(&s, v->matrix, origin, middle, fan, rows, columns);
          give(&s, rays + begin_of_view, samples + begin_of_view, range, columns);
        }
      }
    }
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint i = get_local_id(0); i < SIDE * SIDE * SIDE; i += get_local_size(0)) {
    const int x = (int)(i % SIDE), y = (int)(i / SIDE % SIDE), z = (int)(i / (SIDE * SIDE));
    if (x < extent.x && y < extent.y && z < extent.z) {
      corner[x * strides.x + y * strides.y + z * strides.z] = tile[z * TILE_SLICE + y * TILE_ROW + x];
    }
  }
}
