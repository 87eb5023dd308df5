/* The matched pair of projector and back-projector: what is asked for, checked, and where it is computed. */
#include "ct/operator.h"

#include <inttypes.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/options.h"
#include "core/volume.h"
#include "ct/provenance.h"

static const char create_name[] = "kvox_ct_operator_create";

/* Voxel volume over pixel area: what a projection collects is what the volume holds. One slice on one row is a plane,
 * whose thickness has no say. */
static double mass_scale(const kvox_ct_geometry *g, const kvox_grid *grid) {
  const double area = grid->spacing_mm[0] * grid->spacing_mm[1] / g->column_pitch_mm;
  return g->rows == 1 && grid->size[2] == 1 ? area : area * grid->spacing_mm[2] / g->row_pitch_mm;
}

static kvox_status write_provenance(kvox_ct_operator *operation, const kvox_ct_geometry *geometry) {
  static const char *const by_rays[] = {"adjoint of Joseph's projector, parallel beam",
                                        "adjoint of Joseph's projector, fan beam",
                                        "adjoint of Joseph's projector, cone beam"};
  const char *method = operation->way->joseph ? by_rays[geometry->beam] : "matched back-projection, parallel beam";
  kvox_text json;
  kvox_ct_provenance_open(&json, operation->context, operation->way->on_device, geometry, method);
  if (!operation->way->joseph) {
    kvox_json_number(&json, "scale", (double)operation->scale);
  }
  operation->provenance = kvox_ct_provenance_close(&json, &operation->grid);
  return json.status;
}

void kvox_ct_operator_options_init_sized(kvox_ct_operator_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

static kvox_status make(kvox_ct_operator *made, const kvox_ct_geometry *geometry, const kvox_ct_operator_way *way) {
  const kvox_status status = way->make(made, geometry);
  if (status == KVOX_OK) {
    made->way = way;
  } else {
    way->drop(made);
  }
  return status;
}

/* On the context's device where it has one, else on the CPU. */
static kvox_status make_either(kvox_ct_operator *made, const kvox_ct_geometry *geometry,
                               const kvox_ct_operator_way *device, const kvox_ct_operator_way *cpu) {
  if (made->context->ocl != NULL) {
    const kvox_sentence before = kvox_sentence_keep();
    const kvox_status status = make(made, geometry, device);
    if (status == KVOX_OK || !kvox_context_falls_back(made->context, status, create_name, &before)) {
      return status;
    }
  }
  return make(made, geometry, cpu);
}

/* Whether it is Joseph's projector. */
static kvox_status choose_method(const kvox_ct_geometry *geometry, int32_t method, bool *joseph) {
  const bool circular_parallel = geometry->beam == KVOX_CT_PARALLEL && geometry->described == NULL;
  if (method != KVOX_CT_OPERATOR_AUTO && method != KVOX_CT_OPERATOR_PIXEL_DRIVEN && method != KVOX_CT_OPERATOR_JOSEPH) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "%s: method is %" PRId32
                     ", must be KVOX_CT_OPERATOR_AUTO (0), KVOX_CT_OPERATOR_PIXEL_DRIVEN (1) or "
                     "KVOX_CT_OPERATOR_JOSEPH (2)",
                     create_name, method);
  }
  *joseph = method == KVOX_CT_OPERATOR_JOSEPH || (method == KVOX_CT_OPERATOR_AUTO && !circular_parallel);
  return *joseph ? KVOX_OK : kvox_ct_geometry_check_parallel(geometry, create_name);
}

static kvox_status fill_operator(kvox_ct_operator *made, const kvox_ct_geometry *geometry,
                                 const kvox_ct_operator_options *options) {
  KVOX_TRY(options->grid != NULL ? kvox_grid_check(options->grid, create_name)
                                 : kvox_ct_geometry_default_grid(geometry, &made->grid));
  if (options->grid != NULL) {
    made->grid = *options->grid;
  }
  made->unit = geometry->pitch_known ? KVOX_UNIT_PER_MM : KVOX_UNIT_PER_PIXEL;
  made->memory_limit = options->memory_limit != 0 ? options->memory_limit : made->context->memory_limit;
  kvox_ct_geometry_shape(geometry, made->shape);
  bool joseph = false;
  KVOX_TRY(choose_method(geometry, options->method, &joseph));
  if (joseph) {
    KVOX_TRY(make_either(made, geometry, &kvox_ct_operator_rays_ocl_way, &kvox_ct_operator_rays_way));
  } else {
    KVOX_TRY(kvox_ct_geometry_check_grid(geometry, &made->grid, create_name));
    made->scale = (float)mass_scale(geometry, &made->grid);
    KVOX_TRY(make_either(made, geometry, &kvox_ct_operator_ocl_way, &kvox_ct_operator_cpu_way));
  }
  return write_provenance(made, geometry);
}

kvox_status kvox_ct_operator_create(kvox_context *context, const kvox_ct_geometry *geometry,
                                    const kvox_ct_operator_options *options, kvox_ct_operator **operation) {
  kvox_ct_operator_options o = {.struct_size = sizeof o};
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(operation);
  if (options != NULL) {
    KVOX_TRY(kvox_options_load(&o, sizeof o, options, "kvox_ct_operator_options"));
  }
  kvox_ct_operator *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  const kvox_status status = fill_operator(made, geometry, &o);
  if (status != KVOX_OK) {
    kvox_ct_operator_destroy(made);
    return status;
  }
  *operation = made;
  return KVOX_OK;
}

void kvox_ct_operator_destroy(kvox_ct_operator *operation) {
  if (operation == NULL) {
    return;
  }
  kvox_context *context = operation->context;
  if (operation->way != NULL) {
    operation->way->drop(operation);
  }
  kvox_release(context->heap, operation->provenance);
  kvox_release(context->heap, operation);
  kvox_context_destroy(context);
}

kvox_status kvox_ct_operator_memory(const kvox_ct_operator *operation, kvox_memory_use *memory) {
  KVOX_REQUIRE(operation);
  KVOX_REQUIRE(memory);
  *memory = (kvox_memory_use){.plan = sizeof *operation + strlen(operation->provenance) + 1};
  operation->way->memory(operation, memory);
  return KVOX_OK;
}

kvox_status kvox_ct_operator_grid(const kvox_ct_operator *operation, kvox_grid *grid) {
  KVOX_REQUIRE(operation);
  KVOX_REQUIRE(grid);
  *grid = operation->grid;
  return KVOX_OK;
}

static kvox_status check(const kvox_ct_operator *o, const kvox_array *volume, const kvox_array *projections) {
  static const uint32_t floats = KVOX_TYPE_BIT(KVOX_F32) | KVOX_ON_DEVICE_TOO;
  const int64_t shape[3] = {o->grid.size[2], o->grid.size[1], o->grid.size[0]};
  const kvox_ocl *ocl = o->way->on_device ? o->context->ocl : NULL;
  KVOX_TRY(kvox_array_check_shape(volume, "volume", floats, 3, shape));
  KVOX_TRY(kvox_array_check_shape(projections, "projections", floats, 3, o->shape));
  KVOX_TRY(kvox_ocl_check_place(ocl, volume, "volume"));
  KVOX_TRY(kvox_ocl_check_place(ocl, projections, "projections"));
  KVOX_TRY(kvox_array_check_rows(volume, "volume"));
  KVOX_TRY(kvox_array_check_rows(projections, "projections"));
  return kvox_array_check_apart(projections, "projections", volume, "volume");
}

static kvox_status run(const kvox_ct_operator *o, kvox_workspace *workspace, const kvox_array *volume,
                       const kvox_array *projections, kvox_ct_operator_side side) {
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(o->context, workspace, &taken));
  const kvox_status status = side(o, taken, volume, projections);
  kvox_workspace_give_up(workspace, taken);
  return status;
}

kvox_status kvox_ct_project(const kvox_ct_operator *operation, kvox_workspace *workspace, const kvox_volume *volume,
                            const kvox_array *projections) {
  KVOX_REQUIRE(operation);
  KVOX_REQUIRE(volume);
  KVOX_TRY(check(operation, &volume->array, projections));
  KVOX_TRY(kvox_array_check_result(projections, "projections"));
  return run(operation, workspace, &volume->array, projections, operation->way->project);
}

kvox_status kvox_ct_backproject(const kvox_ct_operator *operation, kvox_workspace *workspace,
                                const kvox_array *projections, kvox_volume *volume) {
  KVOX_REQUIRE(operation);
  KVOX_REQUIRE(volume);
  KVOX_TRY(check(operation, &volume->array, projections));
  KVOX_TRY(kvox_array_check_result(&volume->array, "volume"));
  KVOX_TRY(run(operation, workspace, &volume->array, projections, operation->way->backproject));
  return kvox_volume_describe(volume, &operation->grid, operation->unit, operation->provenance);
}
