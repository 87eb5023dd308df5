/*
 * Stage "correct": samples of any real type to line integrals. A work-item has one pixel of one view; columns run along
 * the first index, so that neighbours read and write neighbouring addresses.
 */

/* kvox_type; correct_ocl.c checks that the numbers agree. */
enum { U8 = 1, I8, U16, I16, U32, I32, F16, F32, F64 };

/* A whole element of `size` bytes at any address; devices and hosts are little-endian. */
static ulong bytes_at(global const uchar *at, int size) {
  ulong bits = 0;
  for (int i = 0; i < size; i++) {
    bits |= (ulong)at[i] << (8 * i);
  }
  return bits;
}

/* IEEE 754 binary16; subnormals are multiples of 2^-24. */
static float float_of_half(uint half_bits) {
  const uint sign = (half_bits & 0x8000u) << 16, exponent = half_bits >> 10 & 0x1fu, fraction = half_bits & 0x3ffu;
  const uint wide = (exponent == 31 ? 255u : exponent + 112u) << 23 | fraction << 13;
  const uint magnitude = exponent == 0 ? as_uint((float)fraction * 0x1p-24f) : wide;
  return as_float(sign | magnitude);
}

/*
 * IEEE 754 binary64 without doubles, rounded to nearest even. Of the significand of 53 bits a normal float keeps 24, a
 * subnormal one fewer; a carry out of the kept bits raises the exponent as it should, up to infinity.
 */
static float float_of_double(ulong bits) {
  const uint sign = (uint)(bits >> 32) & 0x80000000u;
  const int exponent = (int)(bits >> 52) & 0x7ff;
  const ulong fraction = bits & 0xfffffffffffffUL;
  const int narrow = exponent - 1023 + 127; /* the float's, biased; normal from 1 on */
  const int dropped = clamp(30 - narrow, 29, 54);
  const ulong significand = fraction | 1UL << 52; /* of a subnormal double all bits are dropped */
  const ulong rest = significand & ((1UL << dropped) - 1), tie = 1UL << (dropped - 1);
  ulong kept = significand >> dropped;
  kept += rest > tie || (rest == tie && (kept & 1) != 0);
  const uint finite = (uint)kept + ((uint)(clamp(narrow, 1, 255) - 1) << 23);
  const uint infinite = 0x7f800000u | (exponent == 0x7ff && fraction != 0 ? 0x400000u : 0u);
  return as_float(sign | (narrow >= 255 ? infinite : finite));
}

static int size_of(const int type) { return type <= I8 ? 1 : type <= I16 || type == F16 ? 2 : type == F64 ? 8 : 4; }

/* `aligned`, as the neighbours are side by side, or byte by byte. */
#define READ(type, at) (aligned ? *(global const type *)(at) : (type)bytes_at((at), sizeof(type)))

static float sample_at(global const uchar *at, const int type, const int aligned) {
  switch (type) {
    case U8: return (float)*at;
    case I8: return (float)(char)*at;
    case U16: return (float)READ(ushort, at);
    case I16: return (float)READ(short, at);
    case U32: return (float)READ(uint, at);
    case I32: return (float)READ(int, at);
    case F16: return float_of_half(READ(ushort, at));
    case F32: return as_float(READ(uint, at));
    default: return float_of_double(READ(ulong, at));
  }
}

/* Where samples lie, in bytes; their numbers, and the detector's row that is their first. */
typedef struct layout {
  long begin, view_stride, row_stride, column_stride;
  long views, rows, columns, first_row;
  long type; /* kvox_type */
} layout;

/* Of the detector's pixels. Where the inverse gain is negative the pixel is bad: what it counted is not looked at. */
typedef struct pixels {
  global const float *dark, *inverse_gain;
  float least;
} pixels;

/* p = -log(max(count - dark, least) / gain), NaN of a count that is not finite. */
static float line_integral(float count, float dark, float inverse_gain, float least) {
  const float p = 0 - natural_log(fmax(count - dark, least) * fabs(inverse_gain));
  return isfinite(count) || inverse_gain < 0 ? p : NAN;
}

/*
 * The work-item's sample to lines[view][row][column]: a count's line integral, else (no `dark`) what it is. Returns the
 * sample's number in C order, which the host bounds to 32 bits, where it is not finite, else all ones. `dense` and
 * `type` are constants where this is called, so that CPUs get loops over columns without branches.
 */
static uint take(global const uchar *samples, const layout at, const pixels of, const int dense, const int type,
                 global float *lines) {
  const long column = get_global_id(0), row = get_global_id(1), view = get_global_id(2);
  if (column >= at.columns || row >= at.rows) {
    return UINT_MAX;
  }
  const long across = column * (dense ? size_of(type) : at.column_stride);
  float p = sample_at(samples + at.begin + view * at.view_stride + row * at.row_stride + across, type, dense);
  if (of.dark != 0) {
    const long pixel = (at.first_row + row) * at.columns + column;
    p = line_integral(p, of.dark[pixel], of.inverse_gain[pixel], of.least);
  }
  const long line = (view * at.rows + row) * at.columns + column;
  lines[line] = p;
  return isfinite(p) ? UINT_MAX : (uint)line;
}

/* The barrier parts what a CPU's compiler makes a vector loop of from what it cannot. */
static void tell(const uint spoilt, global uint *flag) {
  barrier(CLK_LOCAL_MEM_FENCE);
  if (spoilt != UINT_MAX) {
    atomic_min(flag, spoilt);
  }
}

/* Of one type: columns side by side at aligned addresses, or whatever there is. */
#define KERNELS(name, dense, type)                                                                                  \
  kernel void convert_##name(global const uchar *samples, const layout at, global float *lines, global uint *flags, \
                             const long flag) {                                                                     \
    const pixels of = {0, 0, 0};                                                                                    \
    tell(take(samples, at, of, dense, type, lines), flags + flag);                                                  \
  }                                                                                                                 \
  kernel void correct_##name(global const uchar *samples, const layout at, global float *lines, global uint *flags, \
                             const long flag, global const float *dark, global const float *inverse_gain,           \
                             const float least) {                                                                   \
    const pixels of = {dark, inverse_gain, least};                                                                  \
    tell(take(samples, at, of, dense, type, lines), flags + flag);                                                  \
  }
KERNELS(u8, 1, U8)
KERNELS(i8, 1, I8)
KERNELS(u16, 1, U16)
KERNELS(i16, 1, I16)
KERNELS(u32, 1, U32)
KERNELS(i32, 1, I32)
KERNELS(f16, 1, F16)
KERNELS(f32, 1, F32)
KERNELS(f64, 1, F64)
KERNELS(any, 0, (int)at.type)

/*
 * The straight line between the good neighbours, or the only one's value. `bad` has each bad pixel's row and column,
 * and the first and one past the last column of the run that it belongs to.
 */
kernel void bridge(global const int *bad, const long first, const long count, const long first_row, const long rows,
                   const long columns, global float *lines) {
  const long index = get_global_id(0), view = get_global_id(1);
  if (index >= count) {
    return;
  }
  const int4 pixel = vload4(first + index, bad);
  global float *line = lines + (view * rows + (pixel.x - first_row)) * columns;
  const int left = pixel.z - 1, right = pixel.w;
  const float low = line[left >= 0 ? left : right], high = line[right < columns ? right : left];
  line[pixel.y] = low + (high - low) * divide((float)(pixel.y - left), (float)(right - left));
}
