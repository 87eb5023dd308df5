/* Elements of a dataset as types of ours. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "io/h5.h"

kvox_status kvox_io_h5_choose_type(const kvox_io_h5 *h5, const kvox_io_h5_dataset *d, kvox_type *type) {
  const int64_t size = d->type.size;
  if (d->type.class == KVOX_IO_H5_INTEGER && size <= 4) {
    static const kvox_type types[2][3] = {{KVOX_U8, KVOX_U16, KVOX_U32}, {KVOX_I8, KVOX_I16, KVOX_I32}};
    *type = types[d->type.is_signed][size == 1 ? 0 : size == 2 ? 1 : 2];
    return KVOX_OK;
  }
  if (d->type.class == KVOX_IO_H5_FLOAT && d->type.ieee) {
    *type = size == 2 ? KVOX_F16 : size == 4 ? KVOX_F32 : KVOX_F64;
    return KVOX_OK;
  }
  return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED,
                           "%s has elements of a type that is not read (class %d, %" PRId64
                           " bytes); integers of up to 32 bits and floats of 16, 32 and 64 are",
                           d->name, d->type.class, size);
}

/* The bits of one element, whatever its byte order. */
static uint64_t load_bits(const unsigned char *at, int size, bool big_endian) {
  uint64_t bits = 0;
  for (int i = 0; i < size; i++) {
    bits |= (uint64_t)at[big_endian ? size - 1 - i : i] << (8 * i);
  }
  return bits;
}

/* A signed number is its value; of an unsigned one the bits. */
static uint64_t integer_value(const kvox_io_h5_type *t, uint64_t bits) {
  const int unused = 64 - t->precision;
  bits = bits >> t->offset << unused;
  return t->is_signed ? (uint64_t)((int64_t)bits >> unused) : bits >> unused;
}

/* IEEE 754 of 16, 32 or 64 bits. */
static double float_value(uint64_t bits, int64_t size) {
  if (size == 8) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
  if (size == 4) {
    const uint32_t narrow = (uint32_t)bits;
    float value;
    memcpy(&value, &narrow, sizeof value);
    return (double)value;
  }
  const int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
  const double size_of = exponent == 31  ? (fraction == 0 ? (double)INFINITY : (double)NAN)
                         : exponent == 0 ? ldexp(fraction, -24)
                                         : ldexp(fraction + 1024, exponent - 25);
  return (bits & 0x8000) != 0 ? -size_of : size_of;
}

uint64_t kvox_io_h5_to_integer(const kvox_io_h5_type *t, const unsigned char *at) {
  return integer_value(t, load_bits(at, (int)t->size, t->big_endian));
}

double kvox_io_h5_to_double(const kvox_io_h5_type *t, const unsigned char *at) {
  if (t->class == KVOX_IO_H5_FLOAT) {
    return float_value(load_bits(at, (int)t->size, t->big_endian), t->size);
  }
  const uint64_t value = kvox_io_h5_to_integer(t, at);
  return t->is_signed ? (double)(int64_t)value : (double)value;
}

/* In place where both sizes are equal. */
static void convert_integers(const kvox_io_h5_type *t, const unsigned char *from, int64_t count, int64_t to_size,
                             unsigned char *to) {
  for (int64_t i = 0; i < count; i++) {
    const uint64_t value = kvox_io_h5_to_integer(t, from + i * t->size);
    const uint32_t narrow = (uint32_t)value;
    const uint16_t half = (uint16_t)value;
    const uint8_t byte = (uint8_t)value;
    memcpy(to + i * to_size,
           to_size == 1   ? (const void *)&byte
           : to_size == 2 ? (const void *)&half
                          : &narrow,
           (size_t)to_size);
  }
}

kvox_status kvox_io_h5_read_as(kvox_io_h5 *h5, const kvox_io_h5_dataset *d, kvox_type type, void **memory) {
  const kvox_io_h5_type *t = &d->type;
  const int64_t to_size = (int64_t)kvox_type_size(type), count = d->bytes / t->size;
  const bool whole = t->class == KVOX_IO_H5_FLOAT || (t->precision == 8 * t->size && t->size == to_size);
  kvox_context *context = h5->file->context;
  unsigned char *to = kvox_extend_allocate(context, (uint64_t)(count * to_size));
  unsigned char *from = t->size == to_size || to == NULL ? to : kvox_extend_allocate(context, (uint64_t)d->bytes);
  kvox_status status = from != NULL ? kvox_io_h5_read(h5, d, from) : KVOX_ERROR_MEMORY;
  if (status != KVOX_OK) {
    kvox_extend_release(context, from != to ? from : NULL);
    kvox_extend_release(context, to);
    return status;
  }
  if (!whole) {
    convert_integers(t, from, count, to_size, to);
  } else if (t->big_endian != kvox_io_big_endian()) {
    kvox_io_swap_bytes(to, (size_t)t->size, d->bytes);
  }
  kvox_extend_release(context, from != to ? from : NULL);
  *memory = to;
  return KVOX_OK;
}

kvox_status kvox_io_h5_read_numbers(kvox_io_h5 *h5, const kvox_io_h5_dataset *d, double **numbers) {
  const kvox_io_h5_type *t = &d->type;
  const int64_t count = d->bytes / t->size;
  if (!kvox_io_h5_is_number(t)) {
    return kvox_io_file_fail(h5->file, KVOX_ERROR_UNSUPPORTED, "%s has elements that are no numbers of up to 64 bits",
                             d->name);
  }
  kvox_context *context = h5->file->context;
  double *made = kvox_extend_allocate(context, (uint64_t)count * sizeof *made);
  unsigned char *from = made != NULL ? kvox_extend_allocate(context, (uint64_t)d->bytes) : NULL;
  const kvox_status status = from != NULL ? kvox_io_h5_read(h5, d, from) : KVOX_ERROR_MEMORY;
  for (int64_t i = 0; i < count && status == KVOX_OK; i++) {
    made[i] = kvox_io_h5_to_double(t, from + i * t->size);
  }
  kvox_extend_release(context, from);
  if (status != KVOX_OK) {
    kvox_extend_release(context, made);
    return status;
  }
  *numbers = made;
  return KVOX_OK;
}
