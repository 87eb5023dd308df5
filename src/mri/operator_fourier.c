/* The transform as a part of operators. */
#include <inttypes.h>
#include <string.h>

#include "core/fail.h"
#include "core/options.h"
#include "mri/fourier.h"
#include "mri/operator_ocl.h"

enum { MOST_LEADING = KVOX_MAX_RANK - 3 };

typedef struct fourier_part {
  kvox_mri_fourier *fourier;
} fourier_part;

static kvox_status apply(const kvox_mri_leaf *leaf, bool adjoint, kvox_workspace *workspace, const kvox_array *in,
                         const kvox_array *out) {
  const fourier_part *part = leaf->own;
  return adjoint ? kvox_mri_fourier_to_image(part->fourier, workspace, in, out)
                 : kvox_mri_fourier_to_kspace(part->fourier, workspace, in, out);
}

static void drop(kvox_mri_leaf *leaf) { kvox_mri_fourier_destroy(((fourier_part *)leaf->own)->fourier); }

static const kvox_mri_leaf_way fourier_way = {.apply = apply, .drop = drop};

/* What is 0 in the options stands for another size. */
static int64_t size_of(const kvox_mri_fourier_options *o, int axis, bool image) {
  const int64_t transform = o->transform_size[axis] != 0 ? o->transform_size[axis] : o->kspace_size[axis];
  return !image ? o->kspace_size[axis] : o->image_size[axis] != 0 ? o->image_size[axis] : transform;
}

static kvox_status make(kvox_mri_leaf *leaf, const kvox_mri_fourier_options *options, int32_t leading,
                        const int64_t *sizes) {
  static const char name[] = "kvox_mri_operator_create_fourier";
  fourier_part *part = leaf->own;
  kvox_mri_fourier_options o = {.struct_size = sizeof o};
  KVOX_TRY(kvox_options_load(&o, sizeof o, options, "kvox_mri_fourier_options"));
  KVOX_TRY(kvox_mri_fourier_create(leaf->context, &o, &part->fourier));
  int64_t image[KVOX_MAX_RANK], kspace[KVOX_MAX_RANK];
  for (int32_t d = 0; d < leading; d++) {
    image[d] = kspace[d] = sizes[d];
  }
  leaf->in_place = true;
  for (int a = 0; a < 3; a++) {
    image[leading + 2 - a] = size_of(&o, a, true);
    kspace[leading + 2 - a] = size_of(&o, a, false);
    leaf->in_place = leaf->in_place && size_of(&o, a, true) == size_of(&o, a, false);
  }
  KVOX_TRY(kvox_mri_shape_make(name, leading + 3, image, &leaf->in));
  KVOX_TRY(kvox_mri_shape_make(name, leading + 3, kspace, &leaf->out));
  kvox_memory_use memory;
  KVOX_TRY(kvox_mri_fourier_memory(part->fourier, &memory));
  leaf->scratch = memory.workspace;
  leaf->bytes += memory.plan;
  leaf->device = memory.device;
  return kvox_mri_leaf_ocl_fourier(leaf, part->fourier);
}

kvox_status kvox_mri_operator_create_fourier(kvox_context *context, const kvox_mri_fourier_options *options,
                                             int32_t leading, const int64_t *sizes, kvox_mri_operator **operation) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(options);
  KVOX_REQUIRE(operation);
  if (leading < 0 || leading > MOST_LEADING || (leading > 0 && sizes == NULL)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_operator_create_fourier: leading is %" PRId32
                     ", must be from 0 to %d, and sizes not NULL",
                     leading, MOST_LEADING);
  }
  kvox_mri_leaf *leaf = NULL;
  KVOX_TRY(kvox_mri_leaf_start(context, &fourier_way, sizeof(fourier_part), &leaf));
  return kvox_mri_operator_of_leaf(make(leaf, options, leading, sizes), leaf, operation);
}
