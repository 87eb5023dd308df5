/* Views given one by one that no filtered back-projection holds for: each gets a sentence. */
#include <string.h>

#include "ct/arm.h"

static const double pi = 3.14159265358979323846;

/* Changes view v of a scan; `how` tells which one it is. */
static void spoil(kvox_ct_view *view, int64_t v, int how) {
  const double b = view->angle_deg * pi / 180, ahead[3] = {-sin(b), cos(b), 0};
  const double across[3] = {cos(b), sin(b), 0};
  switch (how) {
    case 0: /* rows lean */
      turn(view->column_step_mm, ahead, 20);
      turn(view->row_step_mm, ahead, 20);
      break;
    case 1: /* the detector lies */ turn(view->row_step_mm, across, 60); break;
    case 2: /* an ellipse */
      for (int c = 0; c < 3; c++) {
        view->source_mm[c] -= 150 * ahead[c] * cos(2 * b);
      }
      break;
    case 3: /* a helix */
    case 4: /* a steep one */
      view->source_mm[2] += (how == 3 ? 0.05 : 0.3) * ((double)v - 120);
      view->detector_mm[2] += (how == 3 ? 0.05 : 0.3) * ((double)v - 120);
      break;
    case 5: /* a view on its side */
      if (v == 7) {
        swap_vectors(view->column_step_mm, view->row_step_mm);
      }
      break;
    case 6: /* beside the detector */
      for (int c = 0; c < 3 && v == 30; c++) {
        view->detector_mm[c] += 60 * across[c];
      }
      break;
    default: /* a slice that one view does not see */ view->detector_mm[2] += v == 30 ? 12 : 0; break;
  }
}

static void what_does_not_hold_gets_a_sentence(void **state) {
  static const char *const sentences[] = {
      "lean out of the plane", "tilted out of the axis", "not near a circle",   "a helix",
      "helix is not a circle", "rows run along",         "beside the detector", "in view 30"};
  const kvox_ct_cone_options co = circle_of(240, 21, 61, 1.5);
  kvox_ct_fbp_plan *plan = NULL;
  kvox_grid grid;
  for (int how = 0; how < 8; how++) {
    kvox_ct_geometry *circle = c_arm(*state, &co, false), *g = NULL;
    const kvox_ct_fbp_options o = options_of(&grid, 21, how == 7 ? 19 : 1, 1);
    kvox_ct_view *views = views_of(circle);
    char text[4096];
    for (int64_t v = 0; v < 240; v++) {
      spoil(&views[v], v, how);
    }
    assert_ok(kvox_ct_geometry_create_views(*state, KVOX_CT_CONE, 21, 61, views, 240, &g));
    assert_fails(KVOX_ERROR_GEOMETRY, sentences[how], kvox_ct_fbp_plan_create(*state, g, &o, &plan));
    assert_fails(KVOX_ERROR_GEOMETRY, sentences[how], kvox_ct_geometry_check(g, &grid, text, sizeof text, NULL));
    kvox_ct_geometry_destroy(g);
    kvox_ct_geometry_destroy(circle);
    free(views);
  }
}

static void an_arc_too_short_gets_a_sentence(void **state) {
  kvox_ct_cone_options co = circle_of(180, 21, 61, 1);
  kvox_ct_fbp_plan *plan = NULL;
  kvox_ct_geometry *g = c_arm(*state, &co, true);
  assert_fails(KVOX_ERROR_GEOMETRY, "arc is too short", kvox_ct_fbp_plan_create(*state, g, NULL, &plan));
  kvox_ct_geometry_destroy(g);
  co = circle_of(240, 21, 61, 1);
  co.column_offset_px = 12;
  g = c_arm(*state, &co, true);
  assert_fails(KVOX_ERROR_GEOMETRY, "offset detector needs a full turn",
               kvox_ct_fbp_plan_create(*state, g, NULL, &plan));
  kvox_ct_geometry_destroy(g);
  assert_null(plan);
}

/* Parallel rays that lean on the axis. */
static void parallel_rays_stay_across_the_axis(void **state) {
  kvox_ct_view views[90] = {{0}};
  kvox_ct_fbp_plan *plan = NULL;
  kvox_ct_geometry *g = NULL;
  for (int v = 0; v < 90; v++) {
    const double b = 2 * v * pi / 180, ray[3] = {-sin(b), cos(b), 0.15};
    views[v].column_step_mm[0] = cos(b);
    views[v].column_step_mm[1] = sin(b);
    views[v].row_step_mm[2] = 1;
    memcpy(views[v].source_mm, ray, sizeof ray);
  }
  assert_ok(kvox_ct_geometry_create_views(*state, KVOX_CT_PARALLEL, 9, 31, views, 90, &g));
  assert_fails(KVOX_ERROR_GEOMETRY, "rays run out of the plane", kvox_ct_fbp_plan_create(*state, g, NULL, &plan));
  kvox_ct_geometry_destroy(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_does_not_hold_gets_a_sentence),
      cmocka_unit_test(an_arc_too_short_gets_a_sentence),
      cmocka_unit_test(parallel_rays_stay_across_the_axis),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
