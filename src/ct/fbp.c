/* Plans of filtered back-projection: what is asked for, checked, and where it is computed. */
#include "ct/fbp.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/number.h"
#include "core/options.h"
#include "core/volume.h"
#include "ct/orbit.h"
#include "ct/provenance.h"

static const char create_name[] = "kvox_ct_fbp_plan_create";

void kvox_ct_fbp_options_init_sized(kvox_ct_fbp_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

static kvox_status check_region(const kvox_ct_fbp_options *o, const kvox_grid *grid, int64_t size[3]) {
  const bool whole = o->region_size[0] == 0 && o->region_size[1] == 0 && o->region_size[2] == 0;
  for (int a = 0; a < 3; a++) {
    size[a] = whole ? grid->size[a] : o->region_size[a];
    if (whole ? o->region_begin[a] != 0
              : size[a] < 1 || o->region_begin[a] < 0 || o->region_begin[a] > grid->size[a] - size[a]) {
      return kvox_fail(KVOX_ERROR_ARGUMENT,
                       "kvox_ct_fbp_plan_create: the region begins at %" PRId64 " and has %" PRId64
                       " voxels along %c, the grid has %" PRId64,
                       o->region_begin[a], size[a], "xyz"[a], grid -> size[a]);
    }
  }
  return KVOX_OK;
}

static kvox_status choose_unit(kvox_ct_fbp_plan *plan, const kvox_ct_fbp_options *o) {
  char water[KVOX_NUMBER_BYTES], air[KVOX_NUMBER_BYTES];
  plan->scale = 1;
  plan->unit = plan->geometry->pitch_known ? KVOX_UNIT_PER_MM : KVOX_UNIT_PER_PIXEL;
  if (!o->hounsfield) {
    return KVOX_OK;
  }
  if (!plan->geometry->pitch_known) {
    return kvox_fail(KVOX_ERROR_GEOMETRY,
                     "HU were asked for, but the column pitch is not known: attenuation is in 1/pixel then");
  }
  const double span = o->mu_water_per_mm - o->mu_air_per_mm;
  if (!isfinite(span) || !(span > 0) || o->mu_air_per_mm < 0) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "HU: mu of water is %s and of air %s per mm; water's must be the greater",
                     kvox_number(o->mu_water_per_mm, water), kvox_number(o->mu_air_per_mm, air));
  }
  plan->unit = KVOX_UNIT_HU;
  plan->scale = (float)(1000 / span);
  plan->offset = (float)(-1000 * o->mu_water_per_mm / span);
  if (!isfinite(plan->scale) || !isfinite(plan->offset)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "HU: mu of water, %s per mm, is so near to that of air, %s, that HU overflow",
                     kvox_number(o->mu_water_per_mm, water), kvox_number(o->mu_air_per_mm, air));
  }
  return KVOX_OK;
}

static const char *const methods[2][3] = {
    {"filtered back-projection, parallel beam", "filtered back-projection, fan beam",
     "Feldkamp, Davis and Kress, cone beam"},
    {"filtered back-projection, parallel beam, each view by itself", "",
     "Feldkamp, Davis and Kress, cone beam, each view by itself"},
};

static kvox_status write_provenance(kvox_ct_fbp_plan *plan, const kvox_ct_fbp_options *o,
                                    const kvox_ct_filter_options *f) {
  kvox_text json;
  kvox_ct_provenance_open(&json, plan->context, plan->device != NULL, plan->geometry,
                          methods[plan->geometry->described != NULL][plan->geometry->beam]);
  kvox_json_string(&json, "window", kvox_ct_window_name(f->window));
  kvox_json_number(&json, "cutoff", f->cutoff > 0 ? f->cutoff : 1);
  kvox_json_integer(&json, "transform_length", plan->transform_length);
  kvox_json_bool(&json, "corrected_counts", plan->correction != NULL);
  kvox_json_bool(&json, "hounsfield", o->hounsfield != 0);
  if (o->hounsfield) {
    kvox_json_number(&json, "mu_water_per_mm", o->mu_water_per_mm);
    kvox_json_number(&json, "mu_air_per_mm", o->mu_air_per_mm);
  }
  plan->provenance = kvox_ct_provenance_close(&json, &plan->result);
  return json.status;
}

static kvox_status make_fdk(kvox_ct_fbp_plan *plan, const kvox_ct_filter_options *f) {
  const kvox_ct_fdk_request request = {.context = plan->context,
                                       .geometry = plan->geometry,
                                       .correction = plan->correction,
                                       .filter = f,
                                       .grid = &plan->grid,
                                       .begin = plan->begin,
                                       .size = plan->size,
                                       .memory_limit = plan->memory_limit,
                                       .stream_window = plan->stream_window,
                                       .scale = plan->scale,
                                       .offset = plan->offset,
                                       .name = create_name};
  if (plan->context->ocl != NULL && plan->stream_window == 0) {
    const kvox_sentence before = kvox_sentence_keep();
    const kvox_status status = kvox_ct_fbp_ocl_make(plan, f, &request);
    if (status == KVOX_OK || !kvox_context_falls_back(plan->context, status, create_name, &before)) {
      return status;
    }
    kvox_ct_fbp_ocl_drop(plan);
  }
  KVOX_TRY(kvox_ct_fdk_make(&request, &plan->fdk));
  plan->transform_length = plan->fdk->filter->length;
  return KVOX_OK;
}

static bool needs_fdk(const kvox_ct_fbp_plan *plan) {
  return plan->geometry->beam != KVOX_CT_PARALLEL || plan->geometry->described != NULL;
}

static kvox_status make_stream(kvox_ct_fbp_plan *plan, const kvox_ct_filter_options *f) {
  if (plan->context->ocl != NULL) {
    const kvox_sentence before = kvox_sentence_keep();
    const kvox_status status =
        kvox_fail(KVOX_ERROR_UNSUPPORTED, "%s: views as they arrive are reconstructed on the CPU alone", create_name);
    if (!kvox_context_falls_back(plan->context, status, create_name, &before)) {
      return status;
    }
  }
  return needs_fdk(plan) ? make_fdk(plan, f) : kvox_ct_fbp_cpu_make(plan, f);
}

/* On the context's device where it has one, else on the CPU. */
static kvox_status make_way(kvox_ct_fbp_plan *plan, const kvox_ct_filter_options *f) {
  if (plan->stream_window > 0) {
    return make_stream(plan, f);
  }
  if (needs_fdk(plan)) {
    return make_fdk(plan, f);
  }
  if (plan->context->ocl != NULL) {
    const kvox_sentence before = kvox_sentence_keep();
    const kvox_status status = kvox_ct_fbp_ocl_make(plan, f, NULL);
    if (status == KVOX_OK || !kvox_context_falls_back(plan->context, status, create_name, &before)) {
      return status;
    }
    kvox_ct_fbp_ocl_drop(plan);
  }
  return kvox_ct_fbp_cpu_make(plan, f);
}

static kvox_status fill_plan(kvox_ct_fbp_plan *plan, const kvox_ct_fbp_options *o, const kvox_ct_filter_options *f) {
  if (o->grid != NULL) {
    plan->grid = *o->grid;
    KVOX_TRY(kvox_grid_check(&plan->grid, create_name));
  } else {
    KVOX_TRY(kvox_ct_geometry_default_grid(plan->geometry, &plan->grid));
  }
  KVOX_TRY(check_region(o, &plan->grid, plan->size));
  memcpy(plan->begin, o->region_begin, sizeof plan->begin);
  plan->result = plan->grid;
  for (int a = 0; a < 3; a++) {
    plan->result.origin_mm[a] += (double)plan->begin[a] * plan->grid.spacing_mm[a];
    plan->result.size[a] = plan->size[a];
  }
  KVOX_TRY(kvox_grid_check(&plan->result, "kvox_ct_fbp_plan_create: the region"));
  KVOX_TRY(kvox_ct_orbit_check(plan->geometry, create_name));
  KVOX_TRY(kvox_ct_geometry_check_grid(plan->geometry, &plan->result, create_name));
  if (!o->allow_short_arc) {
    KVOX_TRY(kvox_ct_geometry_check_arc(plan->geometry, create_name));
  }
  KVOX_TRY(choose_unit(plan, o));
  KVOX_TRY(kvox_ct_correction_check(f->correction, plan->geometry->rows, plan->geometry->columns));
  plan->correction = kvox_ct_correction_hold(f->correction);
  plan->memory_limit = o->memory_limit != 0 ? o->memory_limit : plan->context->memory_limit;
  if (o->stream_window < 0) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: stream_window is %" PRId64 ", must not be negative", create_name,
                     o->stream_window);
  }
  plan->stream_window = o->stream_window;
  KVOX_TRY(make_way(plan, f));
  return write_provenance(plan, o, f);
}

kvox_status kvox_ct_fbp_plan_create(kvox_context *context, const kvox_ct_geometry *geometry,
                                    const kvox_ct_fbp_options *options, kvox_ct_fbp_plan **plan) {
  kvox_ct_fbp_options o = {.struct_size = sizeof o};
  kvox_ct_filter_options f = {.struct_size = sizeof f};
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(geometry);
  KVOX_REQUIRE(plan);
  if (options != NULL) {
    KVOX_TRY(kvox_options_load(&o, sizeof o, options, "kvox_ct_fbp_options"));
  }
  if (o.filter != NULL) {
    KVOX_TRY(kvox_options_load(&f, sizeof f, o.filter, "kvox_ct_filter_options"));
  }
  kvox_ct_fbp_plan *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  atomic_init(&made->holders, 1);
  made->context = kvox_context_hold(context);
  made->geometry = kvox_ct_geometry_hold(geometry);
  const kvox_status status = fill_plan(made, &o, &f);
  if (status != KVOX_OK) {
    kvox_ct_fbp_plan_destroy(made);
    return status;
  }
  *plan = made;
  return KVOX_OK;
}

kvox_ct_fbp_plan *kvox_ct_fbp_plan_hold(const kvox_ct_fbp_plan *plan) {
  /* Only the count changes, which nobody sees. */
  kvox_ct_fbp_plan *held = (kvox_ct_fbp_plan *)(uintptr_t)plan;
  atomic_fetch_add_explicit(&held->holders, 1, memory_order_relaxed);
  return held;
}

void kvox_ct_fbp_plan_destroy(kvox_ct_fbp_plan *plan) {
  if (plan == NULL || atomic_fetch_sub_explicit(&plan->holders, 1, memory_order_acq_rel) != 1) {
    return;
  }
  kvox_context *context = plan->context;
  kvox_ct_fbp_ocl_drop(plan);
  kvox_ct_fbp_cpu_drop(plan);
  kvox_ct_fdk_drop(plan->fdk);
  kvox_ct_correction_destroy(plan->correction);
  kvox_ct_geometry_destroy(plan->geometry);
  kvox_release(context->heap, plan->provenance);
  kvox_release(context->heap, plan);
  kvox_context_destroy(context);
}

kvox_status kvox_ct_fbp_plan_memory(const kvox_ct_fbp_plan *plan, kvox_memory_use *memory) {
  KVOX_REQUIRE(plan);
  KVOX_REQUIRE(memory);
  *memory = (kvox_memory_use){.plan = sizeof *plan + strlen(plan->provenance) + 1};
  if (plan->fdk != NULL) {
    memory->plan += kvox_ct_fdk_bytes(plan->fdk);
    memory->workspace = kvox_ct_fdk_workspace(plan->fdk);
  } else {
    (plan->device != NULL ? kvox_ct_fbp_ocl_memory : kvox_ct_fbp_cpu_memory)(plan, memory);
  }
  return KVOX_OK;
}

kvox_status kvox_ct_fbp_plan_grid(const kvox_ct_fbp_plan *plan, kvox_grid *grid) {
  KVOX_REQUIRE(plan);
  KVOX_REQUIRE(grid);
  *grid = plan->result;
  return KVOX_OK;
}

const char *kvox_ct_fbp_plan_provenance(const kvox_ct_fbp_plan *plan) { return plan != NULL ? plan->provenance : ""; }

static kvox_status execute_way(const kvox_ct_fbp_plan *plan, kvox_workspace *workspace, const kvox_array *projections,
                               const kvox_array *volume) {
  if (plan->fdk != NULL) {
    return kvox_ct_fdk_execute(plan->fdk, workspace, projections, volume);
  }
  return (plan->device != NULL ? kvox_ct_fbp_ocl_execute : kvox_ct_fbp_cpu_execute)(plan, workspace, projections,
                                                                                    volume);
}

kvox_status kvox_ct_fbp_check_volume(const kvox_ct_fbp_plan *plan, const kvox_volume *volume, uint32_t types) {
  const int64_t shape[3] = {plan->result.size[2], plan->result.size[1], plan->result.size[0]};
  KVOX_TRY(kvox_array_check_shape(&volume->array, "volume", KVOX_TYPE_BIT(KVOX_F32) | types, 3, shape));
  KVOX_TRY(kvox_array_check_result(&volume->array, "volume"));
  return kvox_array_check_rows(&volume->array, "volume");
}

kvox_status kvox_ct_fbp_execute(const kvox_ct_fbp_plan *plan, kvox_workspace *workspace, const kvox_array *projections,
                                kvox_volume *volume) {
  KVOX_REQUIRE(plan);
  KVOX_REQUIRE(volume);
  const kvox_ct_geometry *g = plan->geometry;
  const int64_t input[3] = {g->views, g->rows, g->columns};
  KVOX_TRY(kvox_array_check_shape(projections, "projections", KVOX_REAL_TYPES | KVOX_ON_DEVICE_TOO, 3, input));
  KVOX_TRY(kvox_ct_fbp_check_volume(plan, volume, KVOX_ON_DEVICE_TOO));
  KVOX_TRY(kvox_array_check_apart(projections, "projections", &volume->array, "volume"));
  kvox_ocl *ocl = plan->device != NULL ? plan->context->ocl : NULL;
  KVOX_TRY(kvox_ocl_check_place(ocl, projections, "projections"));
  KVOX_TRY(kvox_ocl_check_place(ocl, &volume->array, "volume"));
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(plan->context, workspace, &taken));
  kvox_status status = execute_way(plan, taken, projections, &volume->array);
  if (status == KVOX_OK) {
    status = kvox_volume_describe(volume, &plan->result, plan->unit, plan->provenance);
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}
