/* Operators inside: a chain of steps, each a part or its adjoint. */
#ifndef KVOX_MRI_OPERATOR_INSIDE_H
#define KVOX_MRI_OPERATOR_INSIDE_H

#include <stdbool.h>

#include "context/workspace.h"
#include "core/array.h"
#include "core/size.h"
#include "kvox/mri_operator.h"
#include "mri/product.h"

typedef struct kvox_mri_shape {
  int32_t rank;
  int64_t sizes[KVOX_MAX_RANK];
} kvox_mri_shape;

/* Checks rank and sizes and that c64 of them fit the memory. */
kvox_status kvox_mri_shape_make(const char *name, int32_t rank, const int64_t *sizes, kvox_mri_shape *shape);

typedef struct kvox_mri_leaf kvox_mri_leaf;

/*
 * How one kind of part is computed on the CPU. On a device a part has something else beside this; a chain whose parts
 * all have is executed there. `own` is the kind's.
 */
typedef struct kvox_mri_leaf_way {
  /* The part or its adjoint. The arrays were checked: of the part's shapes, apart, or the same one where in_place. It
   * begins an execution of its own, which takes no more than the part's scratch. */
  kvox_status (*apply)(const kvox_mri_leaf *leaf, bool adjoint, kvox_workspace *workspace, const kvox_array *in,
                       const kvox_array *out);
  /* What `own` holds; also of a part that was not finished. NULL: nothing. */
  void (*drop)(kvox_mri_leaf *leaf);
} kvox_mri_leaf_way;

/* A part; immutable, held by every chain that it is in. */
struct kvox_mri_leaf {
  const kvox_mri_leaf_way *way;
  kvox_context *context;
  atomic_int holders;
  kvox_mri_shape in, out;
  bool in_place;    /* may give its result in the array that it takes */
  uint64_t scratch; /* bytes of a workspace */
  uint64_t bytes;   /* held */
  uint64_t device;  /* kvox_memory_use of it */
  void *own;
  bool only_there;                   /* what it was made of lies on the device */
  struct kvox_mri_leaf_there *there; /* the same on a device; NULL: on the CPU alone. See operator_ocl.h */
};

/* `own_bytes` of zeros at `own`. */
kvox_status kvox_mri_leaf_start(kvox_context *context, const kvox_mri_leaf_way *way, uint64_t own_bytes,
                                kvox_mri_leaf **leaf);
void kvox_mri_leaf_drop(kvox_mri_leaf *leaf);

/* An operator of that one part, whose hold it takes over; where `status` is a failure, or this fails, it is dropped. */
kvox_status kvox_mri_operator_of_leaf(kvox_status status, kvox_mri_leaf *leaf, kvox_mri_operator **operation);

/* Where a step puts its result. */
enum { KVOX_MRI_TO_OUT = -1, KVOX_MRI_BUFFERS = 2 };

typedef struct kvox_mri_step {
  kvox_mri_leaf *leaf;
  bool adjoint;
  int32_t to[2]; /* in a forward run and in an adjoint one: a buffer, or KVOX_MRI_TO_OUT */
} kvox_mri_step;

/* What an execution takes; the buffers lie behind each other, before the scratch of steps. */
typedef struct kvox_mri_route {
  uint64_t buffers[KVOX_MRI_BUFFERS], scratch, bytes;
} kvox_mri_route;

struct kvox_mri_operator {
  kvox_context *context;
  kvox_mri_shape in, out;
  int64_t count;
  kvox_mri_step *steps; /* the first is applied first */
  kvox_mri_route routes[2];
  struct kvox_mri_operator_device *device; /* NULL: on the CPU */
};

static inline const kvox_mri_shape *kvox_mri_step_in(const kvox_mri_step *step, bool adjoint) {
  return step->adjoint != adjoint ? &step->leaf->out : &step->leaf->in;
}

static inline const kvox_mri_shape *kvox_mri_step_out(const kvox_mri_step *step, bool adjoint) {
  return step->adjoint != adjoint ? &step->leaf->in : &step->leaf->out;
}

/* ---- What parts share ---- */

/* Runs body over `count` rows (or other pieces) of `work` operations as the whole of an execution, named `stage`. */
kvox_status kvox_mri_leaf_run(const kvox_mri_leaf *leaf, kvox_workspace *workspace, const char *stage, int64_t count,
                              int64_t work, kvox_body body, void *data);

/* Which row of a smaller array, whose axes are the last ones of `shape` or 1, belongs to row `row` of the shape; both
 * are counted in C order. `sizes` are those of the smaller one, last axis left out. */
int64_t kvox_mri_row_of(const kvox_mri_shape *shape, int64_t row, int32_t rank, const int64_t *sizes);

/* `array` has the last axes of `shape`, or 1 instead. */
kvox_status kvox_mri_check_last_axes(const char *name, const kvox_array *array, uint32_t types,
                                     const kvox_mri_shape *shape);

/* Copies of c64 runs, steps in bytes; and zeros. */
void kvox_mri_copy_run(int64_t count, const char *from, int64_t from_step, char *to, int64_t to_step);
void kvox_mri_zero_run(int64_t count, char *to, int64_t step);

/* The failure of the first sample of a row of `in` that is not finite, or of their product. */
kvox_status kvox_mri_row_not_finite(const kvox_array *in, int64_t row);

/* KVOX_ERROR_DATA where an element of c64 is not finite. */
kvox_status kvox_mri_check_finite(const kvox_context *context, const char *name, const kvox_array *array);

#endif
