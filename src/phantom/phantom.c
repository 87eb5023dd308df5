#include "phantom/phantom.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "core/number.h"
#include "core/size.h"

static const double degree = 0.017453292519943295; /* pi / 180 */

kvox_status kvox_phantom_start(kvox_context *context, double scale_mm, double density, kvox_phantom **phantom) {
  kvox_phantom *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  made->scale_mm = scale_mm;
  made->density = density;
  *phantom = made;
  return KVOX_OK;
}

void kvox_phantom_destroy(kvox_phantom *phantom) {
  if (phantom == NULL) {
    return;
  }
  kvox_context *context = phantom->context;
  kvox_release(context->heap, phantom->shapes);
  kvox_release(context->heap, phantom->planes);
  kvox_release(context->heap, phantom->bounds);
  kvox_release(context->heap, phantom);
  kvox_context_destroy(context);
}

/* Room for one more item after `count`. */
static kvox_status grow(kvox_heap *heap, void **items, int32_t count, int32_t *room, size_t item_size) {
  if (count < *room) {
    return KVOX_OK;
  }
  const int32_t more = count == 0 ? 16 : 2 * count;
  void *larger = kvox_allocate(heap, (uint64_t)more * item_size);
  if (larger == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  if (count > 0) {
    memcpy(larger, *items, (size_t)count * item_size);
  }
  kvox_release(heap, *items);
  *items = larger;
  *room = more;
  return KVOX_OK;
}

kvox_status kvox_phantom_add(kvox_phantom *phantom, double density, const double center[3], const double axes[3][3],
                             const double semi_axes[3]) {
  void *items = phantom->shapes;
  KVOX_TRY(grow(phantom->context->heap, &items, phantom->shape_count, &phantom->shape_room, sizeof *phantom->shapes));
  phantom->shapes = items;
  kvox_shape *shape = phantom->shapes + phantom->shape_count++;
  *shape = (kvox_shape){
      .density = density * phantom->density, .first_plane = phantom->plane_count, .first_bound = phantom->bound_count};
  for (int r = 0; r < 3; r++) {
    shape->center_mm[r] = center[r] * phantom->scale_mm;
    for (int c = 0; c < 3; c++) {
      shape->unit[r][c] = axes[r][c] / (semi_axes[r] * phantom->scale_mm);
    }
  }
  return KVOX_OK;
}

kvox_status kvox_phantom_add_turned(kvox_phantom *phantom, double density, const double center[3],
                                    const double semi_axes[3], double turn_deg) {
  const double c = cos(turn_deg * degree), s = sin(turn_deg * degree);
  const double axes[3][3] = {{c, s, 0}, {-s, c, 0}, {0, 0, 1}};
  return kvox_phantom_add(phantom, density, center, axes, semi_axes);
}

kvox_status kvox_phantom_cut(kvox_phantom *phantom, const double normal[3], double offset) {
  void *items = phantom->planes;
  KVOX_TRY(grow(phantom->context->heap, &items, phantom->plane_count, &phantom->plane_room, sizeof *phantom->planes));
  phantom->planes = items;
  phantom->planes[phantom->plane_count++] =
      (kvox_plane){.normal = {normal[0], normal[1], normal[2]}, .offset_mm = offset * phantom->scale_mm};
  phantom->shapes[phantom->shape_count - 1].planes++;
  return KVOX_OK;
}

/* An empty bound of the last shape. */
static kvox_status add_bound(kvox_phantom *phantom, kvox_bound **bound) {
  void *items = phantom->bounds;
  KVOX_TRY(grow(phantom->context->heap, &items, phantom->bound_count, &phantom->bound_room, sizeof *phantom->bounds));
  phantom->bounds = items;
  *bound = phantom->bounds + phantom->bound_count++;
  **bound = (kvox_bound){.is_cone = false};
  phantom->shapes[phantom->shape_count - 1].bounds++;
  return KVOX_OK;
}

kvox_status kvox_phantom_bound(kvox_phantom *phantom, const double center[3], const double axes[3][3],
                               const double semi_axes[3]) {
  kvox_bound *bound = NULL;
  KVOX_TRY(add_bound(phantom, &bound));
  for (int r = 0; r < 3; r++) {
    bound->center_mm[r] = center[r] * phantom->scale_mm;
    for (int c = 0; c < 3; c++) {
      bound->unit[r][c] = axes[r][c] / (semi_axes[r] * phantom->scale_mm);
    }
  }
  return KVOX_OK;
}

kvox_status kvox_phantom_bound_cone(kvox_phantom *phantom, const double apex[3], const double axis[3], double slope) {
  kvox_bound *bound = NULL;
  KVOX_TRY(add_bound(phantom, &bound));
  bound->is_cone = true;
  /* Two unit vectors across the axis: the first is across it and the axis of the frame that is farthest from it. */
  int far = 0;
  for (int c = 1; c < 3; c++) {
    far = fabs(axis[c]) < fabs(axis[far]) ? c : far;
  }
  const double across = sqrt(1 - axis[far] * axis[far]);
  for (int c = 0; c < 3; c++) {
    bound->center_mm[c] = apex[c] * phantom->scale_mm;
    bound->unit[0][c] = ((c == far) - axis[far] * axis[c]) / across;
    bound->unit[2][c] = axis[c] * slope;
  }
  const double *first = bound->unit[0];
  for (int c = 0; c < 3; c++) {
    bound->unit[1][c] = axis[(c + 1) % 3] * first[(c + 2) % 3] - axis[(c + 2) % 3] * first[(c + 1) % 3];
  }
  return KVOX_OK;
}

static const kvox_phantom_entry *find(const char *name) {
  const kvox_phantom_entry *entry;
  for (int32_t i = 0; (entry = kvox_phantom_entry_at(i)) != NULL; i++) {
    if (strcmp(entry->name, name) == 0) {
      return entry;
    }
  }
  char known[512];
  size_t used = 0;
  for (int32_t i = 0; (entry = kvox_phantom_entry_at(i)) != NULL && used < sizeof known; i++) {
    used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ", entry->name);
  }
  kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_phantom_create: there is no phantom \"%.40s\"; there are %s", name, known);
  return NULL;
}

static void mirror_y(kvox_phantom *phantom) {
  for (int32_t i = 0; i < phantom->shape_count; i++) {
    kvox_shape *shape = &phantom->shapes[i];
    shape->center_mm[1] = -shape->center_mm[1];
    for (int r = 0; r < 3; r++) {
      shape->unit[r][1] = -shape->unit[r][1];
    }
  }
  for (int32_t i = 0; i < phantom->plane_count; i++) {
    phantom->planes[i].normal[1] = -phantom->planes[i].normal[1];
  }
  for (int32_t i = 0; i < phantom->bound_count; i++) {
    kvox_bound *bound = &phantom->bounds[i];
    bound->center_mm[1] = -bound->center_mm[1];
    for (int r = 0; r < 3; r++) {
      bound->unit[r][1] = -bound->unit[r][1];
    }
  }
}

kvox_status kvox_phantom_create(kvox_context *context, const char *name, double radius_mm, double density,
                                kvox_phantom **phantom) {
  char number[KVOX_NUMBER_BYTES];
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(name);
  KVOX_REQUIRE(phantom);
  /* Squares of coordinates and their inverses stay finite between these. */
  if (!(radius_mm >= 1e-100 && radius_mm <= 1e100)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_phantom_create: radius_mm is %s, must be positive and finite",
                     kvox_number(radius_mm, number));
  }
  if (!isfinite(density)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_phantom_create: density is %s, must be finite",
                     kvox_number(density, number));
  }
  const kvox_phantom_entry *entry = find(name);
  if (entry == NULL) {
    return KVOX_ERROR_ARGUMENT;
  }
  kvox_phantom *made = NULL;
  KVOX_TRY(kvox_phantom_start(context, radius_mm / entry->extent, density, &made));
  const kvox_status status = entry->build(made);
  if (status != KVOX_OK) {
    kvox_phantom_destroy(made);
    return status;
  }
  if (entry->face_up) {
    mirror_y(made);
  }
  *phantom = made;
  return KVOX_OK;
}

const char *kvox_phantom_name(int32_t index) {
  const kvox_phantom_entry *entry = kvox_phantom_entry_at(index);
  return entry != NULL ? entry->name : NULL;
}

const char *kvox_phantom_description(int32_t index) {
  const kvox_phantom_entry *entry = kvox_phantom_entry_at(index);
  return entry != NULL ? entry->description : NULL;
}

double kvox_phantom_value(const kvox_phantom *phantom, const double point_mm[3]) {
  double sum = 0;
  for (int32_t i = 0; i < phantom->shape_count; i++) {
    if (kvox_shape_holds(phantom->shapes + i, kvox_phantom_cuts(phantom), point_mm)) {
      sum += phantom->shapes[i].density;
    }
  }
  return sum;
}

double kvox_phantom_line_integral(const kvox_phantom *phantom, const double point_mm[3], const double direction[3]) {
  double sum = 0;
  for (int32_t i = 0; i < phantom->shape_count; i++) {
    const double chord = kvox_shape_chord(phantom->shapes + i, kvox_phantom_cuts(phantom), point_mm, direction);
    if (isinf(chord)) {
      return (double)INFINITY;
    }
    sum += phantom->shapes[i].density * chord;
  }
  return sum;
}

bool kvox_phantom_endless_in_z(const kvox_phantom *phantom) {
  for (int32_t i = 0; i < phantom->shape_count; i++) {
    const kvox_shape *shape = phantom->shapes + i;
    if (shape->unit[0][2] != 0 || shape->unit[1][2] != 0 || shape->unit[2][2] != 0) {
      return false;
    }
  }
  for (int32_t i = 0; i < phantom->plane_count; i++) {
    if (phantom->planes[i].normal[2] != 0) {
      return false;
    }
  }
  for (int32_t i = 0; i < phantom->bound_count; i++) {
    const kvox_bound *bound = phantom->bounds + i;
    if (bound->unit[0][2] != 0 || bound->unit[1][2] != 0 || bound->unit[2][2] != 0) {
      return false;
    }
  }
  return true;
}
