/*
 * Stage "maps": in each voxel the first eigenvector of the sum of z z^H over a window, with the arithmetic of the CPU's
 * vector kernels (src/mri/walsh_body.h). Matrices are packed: pair (i, j), j <= i, at i (i + 1) / 2 + j, all real
 * parts, then all imaginary ones. An element lies over all voxels of a piece, [element][row][x]; rows are whole LANES.
 */

/* As in mri/walsh.h. */
enum { ROWS = 4, STEPS = 20 };
#define LEAST 0x1p-120f
#define LITTLE 1e-12f

/* Rows of voxels of a piece, and the steps from element to element and from row to row, in floats. */
typedef struct matrices {
  long coils, pairs, x, rows, row, element;
} matrices;

/* ---- The sum over all samples ---- */

/* The exponent of the largest part of a sample in a row; samples that are not finite. */
kernel void measure_rows(global const float2 *images, const coil_samples at, const sample_box box, const matrices m,
                         global float *rows, global uint *flags, const long flag) {
  const long y = get_global_id(0), z = get_global_id(1), row = z * box.y + y;
  if (y >= box.y || z >= box.z) {
    return;
  }
  global const float2 *from = images + at.begin + z * at.z + y * at.y;
  float most = 0;
  long first = box.x;
  for (long c = 0; c < m.coils; c++, from += at.coil) {
    for (long x = 0; x < box.x; x++) {
      const float2 sample = from[x * at.x];
      first = !isfinite(sample.x) || !isfinite(sample.y) ? min(first, x) : first;
      most = fmax(most, fmax(fabs(sample.x), fabs(sample.y)));
    }
  }
  if (first < box.x) {
    atomic_min(flags + flag, (uint)(row * box.x + first));
  }
  const int exponent = clamp(as_int(most) >> 23, 1, 253) - 127;
  rows[row * (2 * m.pairs + 1) + 2 * m.pairs] = (float)exponent;
}

static float power_of_two(const int exponent) { return as_float((exponent + 127) << 23); }

/* Rows of pairs: the coil that pair p begins with. */
static long coil_of(const long p) {
  long i = (long)(0.5f * (sqrt(8 * (float)p + 1) - 1));
  while (i * (i + 1) / 2 > p) {
    i--;
  }
  while ((i + 1) * (i + 2) / 2 <= p) {
    i++;
  }
  return i;
}

/* Of each row the sum of z z^H, z so scaled that the largest is 1 to 2. */
kernel void add_rows(global const float2 *images, const coil_samples at, const sample_box box, const matrices m,
                     global float *rows) {
  const long p = get_global_id(0), y = get_global_id(1), z = get_global_id(2), row = z * box.y + y;
  if (p >= m.pairs || y >= box.y || z >= box.z) {
    return;
  }
  global float *to = rows + row * (2 * m.pairs + 1);
  global const float2 *from = images + at.begin + z * at.z + y * at.y;
  const float scale = power_of_two(-(int)to[2 * m.pairs]);
  const long i = coil_of(p), j = p - i * (i + 1) / 2;
  float real = 0, imaginary = 0;
  for (long x = 0; x < box.x; x++) {
    const float2 a = scale * from[i * at.coil + x * at.x], b = scale * from[j * at.coil + x * at.x];
    real = fma(a.x, b.x, fma(a.y, b.y, real));
    imaginary = fma(a.y, b.x, fma(-a.x, b.y, imaginary));
  }
  to[p] = real;
  to[m.pairs + p] = imaginary;
}

/* ---- The sums over windows ---- */

/* Over the rows and slices of the window about each voxel, as far as there are any. `images` has the piece's halo:
 * `lead` of it lie before the piece, in all there are `size`. */
typedef struct window {
  long lead_z, lead_y, size_z, size_y, radius_z, radius_y;
} window;

kernel void add_columns(global const float2 *images, const coil_samples at, const window w, const sample_box box,
                        const matrices m, const float scale, global float *columns) {
  const long x = get_global_id(0), y = get_global_id(1), z = get_global_id(2);
  if (x >= m.row || y >= box.y || z >= box.z) {
    return;
  }
  const long first_z = max(z + w.lead_z - w.radius_z, 0L), last_z = min(z + w.lead_z + w.radius_z, w.size_z - 1);
  const long first_y = max(y + w.lead_y - w.radius_y, 0L), last_y = min(y + w.lead_y + w.radius_y, w.size_y - 1);
  global const float2 *from = images + at.begin + min(x, box.x - 1) * at.x;
  global float *to = columns + (z * box.y + y) * m.row + x;
  for (long i = 0; i < m.coils; i++) {
    for (long j = 0; j <= i; j += ROWS) {
      float2 sums[ROWS];
      for (int r = 0; r < ROWS; r++) {
        sums[r] = (float2)(0);
      }
      for (long k = first_z; k <= last_z; k++) {
        for (long l = first_y; l <= last_y; l++) {
          global const float2 *here = from + k * at.z + l * at.y;
          const float2 a = scale * here[i * at.coil];
          for (int r = 0; r < ROWS; r++) {
            const float2 b = scale * here[min(j + r, i) * at.coil];
            sums[r].x = fma(a.x, b.x, fma(a.y, b.y, sums[r].x));
            sums[r].y = fma(a.y, b.x, fma(-a.x, b.y, sums[r].y));
          }
        }
      }
      global float *element = to + (i * (i + 1) / 2 + j) * m.element;
      for (int r = 0; r < ROWS && j + r <= i; r++, element += m.element) {
        element[0] = x < box.x ? sums[r].x : 0;
        element[m.pairs * m.element] = x < box.x ? sums[r].y : 0;
      }
    }
  }
}

/* Along x. */
kernel void add_window(global const float *columns, const matrices m, const long radius, global float *sums) {
  const long x = get_global_id(0), row = get_global_id(1), element = get_global_id(2);
  if (x >= m.row || row >= m.rows || element >= 2 * m.pairs) {
    return;
  }
  const long at = element * m.element + row * m.row;
  float sum = 0;
  for (long i = x - radius; i <= x + radius; i++) {
    sum += i >= 0 && i < m.row ? columns[at + i] : 0;
  }
  sums[at + x] = sum;
}

/* ---- The first eigenvector, of LANES voxels ---- */

typedef struct pair {
  sample re, im;
} pair;

static sample load(global const float *at) { return *(global const sample *)at; }

static void store(global float *at, const sample value) { *(global sample *)at = value; }

/* Element (i, j). Of its imaginary part, where i is j, what is rounding is left out. */
static pair element_of(const matrices m, global const float *sums, const long i, const long j) {
  const long high = max(i, j), low = min(i, j);
  global const float *at = sums + (high * (high + 1) / 2 + low) * m.element;
  pair e = {load(at), load(at + m.pairs * m.element)};
  e.im = i == j ? (sample)(0) : i > j ? e.im : (sample)(0) - e.im;
  return e;
}

static pair vector_at(const matrices m, global const float *v, const long c) {
  const pair z = {load(v + c * m.element), load(v + (m.coils + c) * m.element)};
  return z;
}

static void put_vector(const matrices m, global float *v, const long c, const pair z) {
  store(v + c * m.element, z.re);
  store(v + (m.coils + c) * m.element, z.im);
}

static sample square_of(const pair z) { return fma(z.re, z.re, z.im * z.im); }

static pair add_product(const pair sum, const pair a, const pair b) {
  const pair result = {fma(-a.im, b.im, fma(a.re, b.re, sum.re)), fma(a.im, b.re, fma(a.re, b.im, sum.im))};
  return result;
}

/* a where x > 0, else b. */
static sample where_positive(const sample x, const sample a, const sample b) {
  return select(b, a, isgreater(x, (sample)(0)));
}

static sample inverse_root(const sample squares) {
  const sample root = sqrt(squares);
  return where_positive(root, 1 / root, (sample)(0));
}

static bool is_any(const sample x) {
  lanes all;
  bool any_of = false;
  all.all = x;
  for (int i = 0; i < LANES; i++) {
    any_of = any_of || all.one[i] > 0;
  }
  return any_of;
}

static void take_longest(const matrices m, global const float *sums, const sample scale, global float *found) {
  sample most = (sample)(-1);
  for (long j = 0; j < m.coils; j++) {
    sample squares = (sample)(0);
    for (long i = 0; i < m.coils; i++) {
      const pair e = element_of(m, sums, i, j), scaled = {scale * e.re, scale * e.im};
      squares += square_of(scaled);
    }
    for (long i = 0; i < m.coils; i++) {
      const pair e = element_of(m, sums, i, j);
      pair old = {(sample)(0), (sample)(0)};
      if (j > 0) {
        old = vector_at(m, found, i);
      }
      const pair chosen = {select(old.re, scale * e.re, isless(most, squares)),
                           select(old.im, scale * e.im, isless(most, squares))};
      put_vector(m, found, i, chosen);
    }
    most = fmax(most, squares);
  }
  const sample inverse = inverse_root(most);
  for (long c = 0; c < 2 * m.coils; c++) {
    store(found + c * m.element, load(found + c * m.element) * inverse);
  }
}

/* `rows` rows from `first` on times v. */
static sample multiply_rows(const matrices m, global const float *sums, const sample scale, global const float *v,
                            global float *next, const long first, const int rows) {
  pair total[ROWS];
  sample squares = (sample)(0);
  for (int r = 0; r < rows; r++) {
    total[r].re = total[r].im = (sample)(0);
  }
  for (long j = 0; j < m.coils; j++) {
    const pair z = vector_at(m, v, j);
    for (int r = 0; r < rows; r++) {
      total[r] = add_product(total[r], element_of(m, sums, first + r, j), z);
    }
  }
  for (int r = 0; r < rows; r++) {
    const pair scaled = {scale * total[r].re, scale * total[r].im};
    put_vector(m, next, first + r, scaled);
    squares += square_of(scaled);
  }
  return squares;
}

static sample multiply(const matrices m, global const float *sums, const sample scale, global const float *v,
                       global float *next) {
  sample squares = (sample)(0);
  long i = 0;
  for (; i + ROWS <= m.coils; i += ROWS) {
    squares += multiply_rows(m, sums, scale, v, next, i, ROWS);
  }
  for (; i < m.coils; i++) {
    squares += multiply_rows(m, sums, scale, v, next, i, 1);
  }
  return squares;
}

/* `vectors` has room for two [2][coil]: the first is what is found. A lane that has come to rest stays. */
kernel void find_first(global const float *all_sums, const matrices m, global float *vectors) {
  const long x = (long)get_global_id(0) * LANES, row = get_global_id(1), at = row * m.row + x;
  if (x >= m.row || row >= m.rows) {
    return;
  }
  global const float *sums = all_sums + at;
  global float *found = vectors + at, *next = found + 2 * m.coils * m.element;
  sample trace = (sample)(0);
  for (long c = 0; c < m.coils; c++) {
    trace += element_of(m, sums, c, c).re;
  }
  const sample scale = select((sample)(0), 1 / trace, isless((sample)(LEAST), trace));
  take_longest(m, sums, scale, found);
  sample going = where_positive(scale, (sample)(1), (sample)(0));
  for (int step = 0; step < STEPS && is_any(going); step++) {
    const sample squares = multiply(m, sums, scale, found, next), inverse = inverse_root(squares);
    sample change = (sample)(0);
    going = where_positive(squares, going, (sample)(0));
    for (long c = 0; c < 2 * m.coils; c++) {
      const sample old = load(found + c * m.element), now = load(next + c * m.element) * inverse, by = now - old;
      change = fma(by, by, change);
      store(found + c * m.element, where_positive(going, now, old));
    }
    going = select(going, (sample)(0), isless(change, (sample)(LITTLE)));
  }
}

/* ---- Maps ---- */

static float2 multiplied(const float2 sum, const float2 a, const float2 b) {
  return (float2)(fma(-a.y, b.y, fma(a.x, b.x, sum.x)), fma(a.y, b.x, fma(a.x, b.y, sum.y)));
}

/* `factor` [coil][coil], lower (where `has_factor`), times what was found, in the phase in which `reference` sees it.
 */
kernel void put_maps(global const float *vectors, const matrices m, global const float2 *reference,
                     global const float2 *factor, const int has_factor, global float2 *maps, const coil_samples maps_at,
                     const sample_box box) {
  if (!is_within(box)) {
    return;
  }
  const long row = (long)get_global_id(2) * box.y + (long)get_global_id(1);
  global const float *re = vectors + row * m.row + (long)get_global_id(0), *im = re + m.coils * m.element;
  global float2 *to = maps + place_of(maps_at);
  float2 seen = (float2)(0);
  for (long c = 0; c < m.coils; c++) {
    const float2 r = reference[c];
    seen = multiplied(seen, (float2)(r.x, -r.y), (float2)(re[c * m.element], im[c * m.element]));
  }
  const float size = sqrt(fma(seen.x, seen.x, seen.y * seen.y));
  const float2 turn = size > 0 ? (float2)(seen.x / size, (0 - seen.y) / size) : (float2)(1, 0);
  for (long c = 0; c < m.coils; c++) {
    float2 u = (float2)(re[c * m.element], im[c * m.element]);
    for (long k = 0; has_factor && k <= c; k++) {
      const float2 part = (float2)(re[k * m.element], im[k * m.element]);
      u = multiplied(k == 0 ? (float2)(0) : u, factor[c * m.coils + k], part);
    }
    to[c * maps_at.coil] = multiplied((float2)(0), u, turn);
  }
}
