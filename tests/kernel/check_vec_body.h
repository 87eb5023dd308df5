/* Included once per instruction set, with TABLE naming the table. */
#include "cpu/vec_math.h"
#include "kernel/check_vec.h"

#define FLOATS(name, expression)                                                    \
  static void name(const float *pa, const float *pb, const float *pc, float *out) { \
    const vf a = vf_load(pa), b = vf_load(pb), c = vf_load(pc);                     \
    (void)a, (void)b, (void)c;                                                      \
    vf_store(out, expression);                                                      \
  }
FLOATS(add, vf_add(a, b))
FLOATS(sub, vf_sub(a, b))
FLOATS(mul, vf_mul(a, b))
FLOATS(divide, vf_div(a, b))
FLOATS(fused, vf_fma(a, b, c))
FLOATS(greater, vf_max(a, b))
FLOATS(less, vf_min(a, b))
FLOATS(select_less, vf_select_less(a, b, c, a))
FLOATS(bits, vf_bits(vi_and(vi_bits(a), vi_set(0x7fffffff))))
FLOATS(set, vf_add(vf_set(*pa), vf_zero()))

#define INTS(name, expression)                                           \
  static void name(const int32_t *pa, const int32_t *pb, int32_t *out) { \
    const vi a = vi_load(pa), b = vi_load(pb);                           \
    (void)a, (void)b;                                                    \
    vi_store(out, expression);                                           \
  }
INTS(int_add, vi_add(a, b))
INTS(int_sub, vi_sub(a, b))
INTS(int_max, vi_max(a, b))
INTS(int_min, vi_min(a, b))
INTS(int_and, vi_and(a, b))
INTS(int_or, vi_or(a, b))
INTS(int_left, vi_shift_left(a, VEC_LEFT_BITS))
INTS(int_right, vi_shift_right(a, VEC_RIGHT_BITS))
INTS(int_set, vi_set(*pa))

static void gather_pair(const float *p, const int32_t *index, float *low, float *high) {
  vf l, h;
  vf_gather_pair(p, vi_load(index), &l, &h);
  vf_store(low, l);
  vf_store(high, h);
}

static void add_pairs(float *p, float *q, const int32_t *index, const float *const values[4]) {
  vf_add_pairs(p, q, vi_load(index), vf_load(values[0]), vf_load(values[1]), vf_load(values[2]), vf_load(values[3]));
}

static void pick_pair_2(const float *p, const int32_t *index, float *low, float *high) {
  vf l, h;
  vf_pick_pair_2(p, vi_load(index), &l, &h);
  vf_store(low, l);
  vf_store(high, h);
}

static void pick_pair_3(const float *p, const int32_t *index, float *low, float *high) {
  vf l, h;
  vf_pick_pair_3(p, vi_load(index), &l, &h);
  vf_store(low, l);
  vf_store(high, h);
}

static void pick_sum_close(const float *p, const float *q, float a, const int32_t *index, int64_t first, int64_t second,
                           float *low, float *high) {
  vf l, h;
  vf_pick_sum_close(p, q, vf_set(a), vi_load(index), first, second, &l, &h);
  vf_store(low, l);
  vf_store(high, h);
}

static void pick_sum(const float *p, const float *q, float a, const int32_t *index, int64_t first, int64_t second,
                     float *low, float *high) {
  vf l, h;
  vf_pick_sum(p, q, vf_set(a), vi_load(index), first, second, &l, &h);
  vf_store(low, l);
  vf_store(high, h);
}

static void pick_sum_wide(const float *p, const float *q, float a, const int32_t *index, float *low, float *high) {
  vf l, h;
  vf_pick_sum_wide(p, q, vf_set(a), vi_load(index), &l, &h);
  vf_store(low, l);
  vf_store(high, h);
}

static void gather_sum(const float *p, const float *q, float a, const int32_t *index, float *low, float *high) {
  vf l, h;
  vf_gather_sum(p, q, vf_set(a), vi_load(index), &l, &h);
  vf_store(low, l);
  vf_store(high, h);
}

static void pick(const float *p, const int32_t *index, float *out) { vf_store(out, vf_pick(p, vi_load(index))); }
static void zip(const float *a, const float *b, float *out) {
  vf low, high;
  vf_zip(vf_load(a), vf_load(b), &low, &high);
  vf_store(out, low);
  vf_store(out + VL, high);
}
static void unzip(const float *both, float *a, float *b) {
  vf x, y;
  vf_unzip(vf_load(both), vf_load(both + VL), &x, &y);
  vf_store(a, x);
  vf_store(b, y);
}
static void lane_numbers(float *out) { vf_store(out, vf_lanes()); }
static void truncate_floats(const float *a, int32_t *out) { vi_store(out, vi_truncate(vf_load(a))); }
static void fraction(const float *a, float *out) {
  const vf x = vf_load(a);
  vf_store(out, vf_fraction(x, vi_truncate(x)));
}
static void from_int(const int32_t *a, float *out) { vf_store(out, vf_from_int(vi_load(a))); }
static void load_part(const float *p, int64_t n, float *out) { vf_store(out, vf_load_part(p, n)); }
static void store_part(float *p, const float *values, int64_t n) { vf_store_part(p, vf_load(values), n); }

static void transpose(float *square) {
  vf rows[VL];
  for (int i = 0; i < VL; i++) {
    rows[i] = vf_load(square + i * VL);
  }
  vf_transpose(rows);
  for (int i = 0; i < VL; i++) {
    vf_store(square + i * VL, rows[i]);
  }
}

static void transpose_pairs(float *pairs) {
  vf rows[VL / 2];
  for (int i = 0; i < VL / 2; i++) {
    rows[i] = vf_load(pairs + i * VL);
  }
  vf_transpose_pairs(rows);
  for (int i = 0; i < VL / 2; i++) {
    vf_store(pairs + i * VL, rows[i]);
  }
}

static void swap(const float *a, float *out) { vf_store(out, vf_swap(vf_load(a))); }

static void logarithms(int64_t count, const float *x, float *out) {
  for (int64_t i = 0; i < count; i += VL) {
    const int64_t left = vf_left(count, i);
    vf_store_part(out + i, vf_log(vf_load_part(x + i, left)), left);
  }
}

const kvox_vec_table TABLE = {
    .lanes = VL,
    .floats = {add, sub, mul, divide, fused, greater, less, select_less, bits, set},
    .ints = {int_add, int_sub, int_max, int_min, int_and, int_or, int_left, int_right, int_set},
    .gather_pair = gather_pair,
    .add_pairs = add_pairs,
    .pick_pairs = {pick_pair_2, pick_pair_3},
    .close_rise = VF_CLOSE_RISE,
    .rise = VF_SUM_RISE,
    .wide_rise = VF_WIDE_RISE,
    .pick_sum_close = pick_sum_close,
    .pick_sum = pick_sum,
    .pick_sum_wide = pick_sum_wide,
    .gather_sum = gather_sum,
    .pick = pick,
    .zip = zip,
    .unzip = unzip,
    .lane_numbers = lane_numbers,
    .truncate = truncate_floats,
    .fraction = fraction,
    .from_int = from_int,
    .load_part = load_part,
    .store_part = store_part,
    .transpose = transpose,
    .transpose_pairs = transpose_pairs,
    .swap = swap,
    .left = vf_left,
    .log = logarithms,
};
