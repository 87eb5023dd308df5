/* The vector layer of one instruction set as plain functions on arrays of `lanes` elements. */
#ifndef KVOX_TESTS_KERNEL_CHECK_VEC_H
#define KVOX_TESTS_KERNEL_CHECK_VEC_H

#include <stdint.h>

typedef void (*kvox_vec_float_function)(const float *a, const float *b, const float *c, float *out);
typedef void (*kvox_vec_int_function)(const int32_t *a, const int32_t *b, int32_t *out);

/* In the order of the table's arrays and of their scalar twins. */
enum { VEC_ADD, VEC_SUB, VEC_MUL, VEC_DIV, VEC_FMA, VEC_MAX, VEC_MIN, VEC_SELECT_LESS, VEC_BITS, VEC_SET, VEC_FLOATS };
enum {
  VEC_INT_ADD,
  VEC_INT_SUB,
  VEC_INT_MAX,
  VEC_INT_MIN,
  VEC_INT_AND,
  VEC_INT_OR,
  VEC_INT_LEFT,
  VEC_INT_RIGHT,
  VEC_INT_SET,
  VEC_INTS
};

/* Shifts take constants: these. */
enum { VEC_LEFT_BITS = 5, VEC_RIGHT_BITS = 7 };

typedef struct kvox_vec_table {
  int32_t lanes;
  kvox_vec_float_function floats[VEC_FLOATS];
  kvox_vec_int_function ints[VEC_INTS];
  void (*gather_pair)(const float *p, const int32_t *index, float *low, float *high);
  void (*add_pairs)(float *p, float *q, const int32_t *index, const float *const values[4]);
  void (*pick_pairs[2])(const float *p, const int32_t *index, float *low, float *high); /* of 2 and 3 vectors */
  double close_rise, rise, wide_rise; /* that lanes of pick_sum_close, pick_sum, pick_sum_wide may lie apart */
  void (*pick_sum_close)(const float *p, const float *q, float a, const int32_t *index, int64_t first, int64_t second,
                         float *low, float *high);
  void (*pick_sum)(const float *p, const float *q, float a, const int32_t *index, int64_t first, int64_t second,
                   float *low, float *high);
  void (*pick_sum_wide)(const float *p, const float *q, float a, const int32_t *index, float *low, float *high);
  void (*gather_sum)(const float *p, const float *q, float a, const int32_t *index, float *low, float *high);
  void (*pick)(const float *p, const int32_t *index, float *out);
  void (*zip)(const float *a, const float *b, float *out);
  void (*unzip)(const float *both, float *a, float *b);
  void (*lane_numbers)(float *out);
  void (*truncate)(const float *a, int32_t *out);
  void (*fraction)(const float *a, float *out);
  void (*from_int)(const int32_t *a, float *out);
  void (*load_part)(const float *p, int64_t n, float *out);
  void (*store_part)(float *p, const float *values, int64_t n);
  void (*transpose)(float *square);
  void (*transpose_pairs)(float *pairs); /* lanes / 2 rows of lanes */
  void (*swap)(const float *a, float *out);
  int64_t (*left)(int64_t count, int64_t done);
  void (*log)(int64_t count, const float *x, float *out);
} kvox_vec_table;

extern const kvox_vec_table kvox_vec_table_avx2, kvox_vec_table_avx512, kvox_vec_table_neon;

#endif
