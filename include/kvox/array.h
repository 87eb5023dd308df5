/* Kvox: arrays are described, not owned. */
#ifndef KVOX_ARRAY_H
#define KVOX_ARRAY_H

#include <kvox/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The type of one element, in the machine's byte order. */
typedef int32_t kvox_type;

enum {
  KVOX_U8 = 1,
  KVOX_I8 = 2,
  KVOX_U16 = 3,
  KVOX_I16 = 4,
  KVOX_U32 = 5,
  KVOX_I32 = 6,
  KVOX_F16 = 7, /* IEEE 754 binary16 */
  KVOX_F32 = 8,
  KVOX_F64 = 9,
  KVOX_C64 = 10 /* two floats: real, imaginary */
};

#define KVOX_MAX_RANK 8

/* Memory on a device; see kvox/device.h. */
typedef struct kvox_buffer kvox_buffer;

/*
 * A view of somebody's memory. The slowest index comes first, as in C and numpy: a volume is [k, j, i], projections are
 * [view, row, column]. Strides are in bytes and may be negative or padded. Kvox never keeps `data` after a call
 * returns unless the call's comment says so, and never writes through an array that it takes as const. An array on a
 * device has a `buffer`, and `data` is then an offset in bytes; only calls whose comments say so take such arrays. This
 * struct is fixed: it does not grow.
 */
typedef struct kvox_array {
  void *data;
  kvox_type type;
  int32_t rank;
  int64_t shape[KVOX_MAX_RANK];
  int64_t strides[KVOX_MAX_RANK];
  kvox_buffer *buffer; /* NULL: the host's memory */
} kvox_array;

/* Bytes of one element; 0 for a number that is no type. */
KVOX_API size_t kvox_type_size(kvox_type type);

/* "u8", "f32", ...; "?" for a number that is no type. A constant string. */
KVOX_API const char *kvox_type_name(kvox_type type);

/*
 * Describes `data` as a dense array (last index fastest, no padding). `shape` has `rank` entries, each at least 1.
 * Fails with KVOX_ERROR_ARGUMENT (NULL, unknown type, rank or size out of range) or KVOX_ERROR_SIZE (more bytes than
 * 2^63 - 1). Touches nothing behind `data`.
 */
KVOX_API kvox_status kvox_array_init(kvox_array *array, void *data, kvox_type type, int32_t rank, const int64_t *shape);

/*
 * The SHA-256 (FIPS 180-4) of what an array holds, as 64 hexadecimal digits and a 0: to show years later which samples
 * a result came from. It is that of the text "TYPE SIZE SIZE ...\n" (its type's name and shape) followed by the
 * elements in C order, in little-endian bytes; strides do not matter. Nothing else computes it unasked: it takes some 3
 * ns a byte.
 */
KVOX_API kvox_status kvox_array_sha256(const kvox_array *array, char hex[65]);

#ifdef __cplusplus
}
#endif

#endif
