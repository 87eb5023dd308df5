/* Exact projections of fan and cone beams: closed forms, planes, what lies behind the source, threads. */
#include "ct/scan.h"
#include "ct/vectors.h"

static const double pi = 3.14159265358979323846;

enum { VIEWS = 7, ROWS = 19, COLUMNS = 83 };
static double projections[VIEWS][ROWS][COLUMNS], again[VIEWS][ROWS][COLUMNS];

static const double radius = 100;

static kvox_ct_cone_options options_of_scan(void) {
  kvox_ct_cone_options o;
  kvox_ct_cone_options_init(&o);
  o.views = VIEWS;
  o.rows = ROWS;
  o.columns = COLUMNS;
  o.source_to_axis_mm = 300;
  o.source_to_detector_mm = 700;
  o.column_pitch_mm = 6.1;
  o.row_pitch_mm = 21.7;
  o.column_offset_px = 2.75;
  o.row_offset_px = -1.3;
  o.angle_start_deg = 11;
  o.angle_step_deg = 53;
  return o;
}

static void simulate(kvox_context *context, const kvox_ct_geometry *g, const char *name, double *to) {
  kvox_array array;
  kvox_phantom *phantom = NULL;
  const int64_t shape[3] = {VIEWS, ROWS, COLUMNS};
  assert_ok(kvox_array_init(&array, to, KVOX_F64, 3, shape));
  assert_ok(kvox_phantom_create(context, name, radius, 2, &phantom));
  assert_ok(kvox_ct_simulate(context, g, phantom, &array));
  kvox_phantom_destroy(phantom);
}

/* The line of a pixel: a point on it, its direction. */
static void ray_of(const kvox_ct_geometry *g, int view_index, int row, int column, double point[3], double along[3]) {
  kvox_ct_view view;
  assert_ok(kvox_ct_geometry_view(g, view_index, &view));
  const double x = column - 0.5 * (COLUMNS - 1), y = row - 0.5 * (ROWS - 1);
  for (int c = 0; c < 3; c++) {
    const double pixel = view.detector_mm[c] + x * view.column_step_mm[c] + y * view.row_step_mm[c];
    const bool parallel = kvox_ct_geometry_beam(g) == KVOX_CT_PARALLEL;
    const double source = kvox_ct_geometry_beam(g) == KVOX_CT_FAN && c == 2 ? pixel : view.source_mm[c];
    point[c] = pixel;
    along[c] = parallel ? source : pixel - source;
  }
}

/* Density 2, at (0.2, -0.1, 0.15) R, radius 0.4 R: 4 sqrt(r^2 - distance^2). */
static double sphere(const double point[3], const double along[3]) {
  const double center[3] = {0.2 * radius, -0.1 * radius, 0.15 * radius}, r = 0.4 * radius;
  double from[3], moment[3];
  for (int c = 0; c < 3; c++) {
    from[c] = point[c] - center[c];
  }
  kvox_ct_cross(from, along, moment);
  const double squared = r * r - kvox_ct_dot(moment, moment) / kvox_ct_dot(along, along);
  return squared > 0 ? 4 * sqrt(squared) : 0;
}

static kvox_ct_geometry *geometry_of(kvox_context *context, int kind) {
  const kvox_ct_cone_options o = options_of_scan();
  kvox_ct_geometry *g = NULL, *straight = NULL;
  double matrices[12 * VIEWS];
  if (kind == KVOX_CT_FAN) {
    assert_ok(kvox_ct_geometry_create_fan(context, &o, &g));
    return g;
  }
  assert_ok(kvox_ct_geometry_create_cone(context, &o, &g));
  if (kind == KVOX_CT_CONE) {
    return g;
  }
  /* 3: a cone that sags; parallel: its central rays. */
  straight = g;
  kvox_ct_view views[VIEWS];
  uint64_t seed = 11;
  for (int v = 0; v < VIEWS; v++) {
    assert_ok(kvox_ct_geometry_view(straight, v, &views[v]));
    for (int c = 0; c < 3; c++) {
      views[v].source_mm[c] += kind == 3 ? 20 * random_signed(&seed) : -views[v].detector_mm[c];
      views[v].detector_mm[c] *= kind == 3 ? 1 : 0.1;
      views[v].column_step_mm[c] *= kind == 3 ? 1 + 0.05 * random_signed(&seed) : 0.4;
      views[v].row_step_mm[c] *= kind == 3 ? 1 : 0.4;
    }
  }
  kvox_ct_geometry_destroy(straight);
  assert_ok(kvox_ct_geometry_create_views(context, kind == 3 ? KVOX_CT_CONE : KVOX_CT_PARALLEL, ROWS, COLUMNS, views,
                                          VIEWS, &g));
  if (kind == 3) {
    /* Through matrices, as C-arms give them. */
    for (int v = 0; v < VIEWS; v++) {
      assert_ok(kvox_ct_geometry_matrix(g, v, matrices + 12 * v));
    }
    kvox_ct_geometry_destroy(g);
    assert_ok(kvox_ct_geometry_create_matrices(context, ROWS, COLUMNS, 6.1, matrices, VIEWS, &g));
  }
  return g;
}

static void a_sphere_off_centre_is_exact(void **state) {
  for (int kind = 0; kind < 4; kind++) {
    kvox_ct_geometry *g = geometry_of(*state, kind);
    int met = 0;
    simulate(*state, g, "sphere", &projections[0][0][0]);
    for (int v = 0; v < VIEWS; v++) {
      for (int row = 0; row < ROWS; row++) {
        for (int column = 0; column < COLUMNS; column++) {
          double point[3], along[3];
          ray_of(g, v, row, column, point, along);
          const double truth = sphere(point, along);
          met += truth > 0;
          /* Rounding of the distance is worth sqrt(2 r 1e-12) at the rim. */
          assert_close(projections[v][row][column], truth, 2e-5);
        }
      }
    }
    assert_true(met > VIEWS * 50 && met < VIEWS * ROWS * COLUMNS / 2);
    kvox_ct_geometry_destroy(g);
  }
}

/* Every phantom, ray by ray: cut shapes, cylinders without end, ellipsoids turned. */
static void every_phantom_is_its_line_integrals(void **state) {
  static const char *const names[] = {"spheres", "shepp-logan-3d", "forbild-head", "defrise", "cylinder-3d", "edge"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    for (int kind = 1; kind < 4; kind++) {
      kvox_ct_geometry *g = geometry_of(*state, kind);
      kvox_phantom *phantom = NULL;
      assert_ok(kvox_phantom_create(*state, names[i], radius, 2, &phantom));
      simulate(*state, g, names[i], &projections[0][0][0]);
      double most = 0;
      for (int v = 0; v < VIEWS; v++) {
        for (int row = 0; row < ROWS; row++) {
          for (int column = 0; column < COLUMNS; column++) {
            double point[3], along[3];
            ray_of(g, v, row, column, point, along);
            const double truth = kvox_phantom_line_integral(phantom, point, along);
            assert_close(projections[v][row][column], truth, 2e-5);
            most = fmax(most, truth);
          }
        }
      }
      assert_true(most > 20);
      kvox_phantom_destroy(phantom);
      kvox_ct_geometry_destroy(g);
    }
  }
}

/* A wire of 0.4 mm at (30, 20) mm, from a source at (0, -300) mm, over 35 columns: far from the source and thin, where
 * a discriminant of the textbook's form has lost half of its digits. */
static void a_wire_is_exact(void **state) {
  kvox_ct_cone_options o = options_of_scan();
  kvox_ct_geometry *g = NULL;
  o.angle_start_deg = 0;
  o.column_pitch_mm = 0.05;
  o.column_offset_px = -30 * (700.0 / 320) / 0.05;
  assert_ok(kvox_ct_geometry_create_cone(*state, &o, &g));
  simulate(*state, g, "wire", &projections[0][0][0]);
  int met = 0;
  for (int row = 0; row < ROWS; row++) {
    for (int column = 0; column < COLUMNS; column++) {
      double point[3], along[3], moment[2];
      ray_of(g, 0, row, column, point, along);
      /* In the plane: the ray from (-30, -320) about the wire, and its length in space. */
      moment[0] = -30 * along[1] + 320 * along[0];
      moment[1] = along[0] * along[0] + along[1] * along[1];
      const double squared = 0.16 - moment[0] * moment[0] / moment[1];
      const double climb = sqrt(kvox_ct_dot(along, along) / moment[1]);
      assert_close(projections[0][row][column], squared > 0 ? 4 * climb * sqrt(squared) : 0, 1e-6);
      met += squared > 0;
    }
  }
  assert_true(met >= 34 * ROWS);
  kvox_ct_geometry_destroy(g);
}

/* The sphere's shadow: its middle where the centre projects, as wide as its tangents, here by the sum over the row
 * through the middle of a tall detector: magnified, and moved by offsets of parts of a pixel. */
static void shadows_fall_where_they_must(void **state) {
  for (int kind = KVOX_CT_FAN; kind <= KVOX_CT_CONE; kind++) {
    kvox_ct_geometry *g = geometry_of(*state, kind);
    simulate(*state, g, "sphere", &projections[0][0][0]);
    for (int v = 0; v < VIEWS; v++) {
      const double b = (11 + 53 * v) * pi / 180, c = cos(b), s = sin(b);
      const double x = 20, y = -10, z = 15, r = 40;
      const double t = x * c + y * s, depth = 300 + (-x * s + y * c), magnified = 700 / depth;
      const double row = 0.5 * (ROWS - 1) - 1.3 + z * (kind == KVOX_CT_CONE ? magnified : 1) / 21.7;
      /* Tangents from the source to the disc, in the plane of the row nearest to its middle. */
      const double bend = asin(r / hypot(depth, t)), toward = atan2(t, depth);
      const double low = 0.5 * (COLUMNS - 1) + 2.75 + 700 * tan(toward - bend) / 6.1;
      const double high = 0.5 * (COLUMNS - 1) + 2.75 + 700 * tan(toward + bend) / 6.1;
      const int at = (int)nearbyint(row);
      int first = -1, last = -1;
      for (int column = 0; column < COLUMNS; column++) {
        if (projections[v][at][column] > 0) {
          first = first < 0 ? column : first;
          last = column;
        }
      }
      /* The row misses the middle by up to half a row, 4 mm at the sphere of 40 mm: half a percent of its width. */
      assert_true(first >= floor(fmax(low, 0)) && first <= ceil(low) + 1);
      assert_true(last <= ceil(fmin(high, COLUMNS - 1)) && last >= fmin(floor(high), COLUMNS - 1) - 1);
    }
    kvox_ct_geometry_destroy(g);
  }
}

/* Rows of a fan are planes: where the phantom does not change along z they are one, bit by bit; those of a cone are
 * not. */
static void rows_of_a_fan_are_planes(void **state) {
  kvox_ct_geometry *fan = geometry_of(*state, KVOX_CT_FAN), *cone = geometry_of(*state, KVOX_CT_CONE);
  simulate(*state, fan, "discs", &projections[0][0][0]);
  for (int v = 0; v < VIEWS; v++) {
    for (int row = 1; row < ROWS; row++) {
      assert_memory_equal(projections[v][row], projections[v][0], sizeof projections[v][0]);
    }
  }
  simulate(*state, cone, "discs", &again[0][0][0]);
  /* The ray that climbs by tan(e) is longer by 1 / cos(e). */
  const int column = COLUMNS / 2;
  const double x = (column - 0.5 * (COLUMNS - 1) - 2.75) * 6.1, level = hypot(700, x);
  for (int row = 0; row < ROWS; row++) {
    const double up = (row - 0.5 * (ROWS - 1) + 1.3) * 21.7;
    assert_close(again[0][row][column], projections[0][0][column] * hypot(level, up) / level, 1e-9);
  }
  kvox_ct_geometry_destroy(fan);
  kvox_ct_geometry_destroy(cone);
}

/* A source within the object sees what is in front of it, and nothing of what is behind. */
static void nothing_is_seen_behind_the_source(void **state) {
  kvox_ct_cone_options o = options_of_scan();
  kvox_ct_geometry *g = NULL;
  o.source_to_axis_mm = 35; /* inside the sphere of 40 mm in the first view, behind it later */
  assert_ok(kvox_ct_geometry_create_cone(*state, &o, &g));
  simulate(*state, g, "sphere", &projections[0][0][0]);
  int cut = 0;
  for (int v = 0; v < VIEWS; v++) {
    for (int row = 0; row < ROWS; row++) {
      for (int column = 0; column < COLUMNS; column++) {
        const double center[3] = {0.2 * radius, -0.1 * radius, 0.15 * radius}, r = 0.4 * radius;
        double point[3], along[3], from[3];
        kvox_ct_view view;
        assert_ok(kvox_ct_geometry_view(g, v, &view));
        ray_of(g, v, row, column, point, along);
        for (int c = 0; c < 3; c++) {
          from[c] = view.source_mm[c] - center[c];
        }
        /* |from + t along| = r. */
        const double length = sqrt(kvox_ct_dot(along, along)), half = kvox_ct_dot(from, along) / length;
        const double squared = half * half - kvox_ct_dot(from, from) + r * r;
        const double first = squared > 0 ? fmax(-half - sqrt(squared), 0) : 0;
        const double last = squared > 0 ? fmax(-half + sqrt(squared), 0) : 0;
        assert_close(projections[v][row][column], 2 * (last - first), 2e-5);
        cut += squared > 0 && last - first < 2 * sqrt(squared) - 1e-3;
      }
    }
  }
  assert_true(cut > 100);
  kvox_ct_geometry_destroy(g);
}

static void any_threads_the_same_bits(void **state) {
  (void)state;
  for (int kind = KVOX_CT_FAN; kind <= KVOX_CT_CONE; kind++) {
    for (int32_t threads = 1; threads <= 5; threads += 2) {
      kvox_context *context = context_of_threads(threads);
      kvox_ct_geometry *g = geometry_of(context, kind);
      simulate(context, g, "shepp-logan-3d", threads == 1 ? &projections[0][0][0] : &again[0][0][0]);
      if (threads > 1) {
        assert_memory_equal(projections, again, sizeof again);
      }
      kvox_ct_geometry_destroy(g);
      kvox_context_destroy(context);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_sphere_off_centre_is_exact),
      cmocka_unit_test(every_phantom_is_its_line_integrals),
      cmocka_unit_test(a_wire_is_exact),
      cmocka_unit_test(shadows_fall_where_they_must),
      cmocka_unit_test(rows_of_a_fan_are_planes),
      cmocka_unit_test(nothing_is_seen_behind_the_source),
      cmocka_unit_test(any_threads_the_same_bits),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
