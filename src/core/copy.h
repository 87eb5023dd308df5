/* Copies between arrays of any strides. */
#ifndef KVOX_CORE_COPY_H
#define KVOX_CORE_COPY_H

#include "kvox/array.h"

/*
 * Describes the same pairs of elements in the order of `lead`'s memory: its steps positive and falling, indices of one
 * element gone, runs through which both step evenly made one index. Elements that lie on one another (a step of 0) come
 * first, as repetitions of the rest. At least one index is left. Arrays of one shape.
 */
void kvox_copy_order(kvox_array *lead, kvox_array *other);

/* Both in the host's memory, of one type and shape, apart. */
void kvox_copy_elements(const kvox_array *from, const kvox_array *to);

#endif
