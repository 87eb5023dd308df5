/* Line integrals against closed forms and against quadrature of the values. */
#include "phantom/phantom.h"
#include "support.h"

static kvox_phantom *empty(kvox_context *context) {
  kvox_phantom *phantom = NULL;
  assert_ok(kvox_phantom_start(context, 1, 1, &phantom));
  return phantom;
}

static void move(const double from[3], double length, const double direction[3], double out[3]) {
  for (int c = 0; c < 3; c++) {
    out[c] = from[c] + length * direction[c];
  }
}

/* A ball of radius r met at distance d: 2 sqrt(r^2 - d^2), from any point of the line and for any length of direction.
 */
static void test_ball(void **state) {
  kvox_context *context = *state;
  kvox_phantom *ball = empty(context);
  const double center[3] = {3, -4, 5}, r = 7, semi[3] = {r, r, r};
  assert_ok(kvox_phantom_add_turned(ball, 0.5, center, semi, 33));
  uint64_t seed = 1;
  for (int i = 0; i < 200; i++) {
    double axes[3][3], point[3];
    random_axes(&seed, axes);
    const double d = 8 * fabs(random_signed(&seed));
    move(center, d, axes[0], point);
    move(point, 1000 * random_signed(&seed), axes[1], point);
    const double stretch = 1 + 3 * fabs(random_signed(&seed));
    const double direction[3] = {stretch * axes[1][0], stretch * axes[1][1], stretch * axes[1][2]};
    const double truth = d < r ? sqrt(r * r - d * d) : 0; /* times 2 times the density of 0.5 */
    /* The distance is known to 1e-13 (a point 1000 mm away); near the rim the chord has an endless slope. */
    const double tolerance = fabs(d - r) < 1e-3 ? 1e-5 : 1e-10;
    assert_true(fabs(kvox_phantom_line_integral(ball, point, direction) - truth) < tolerance);
  }
  kvox_phantom_destroy(ball);
}

/* Through the centre of an ellipsoid the chord is 2 / |M n|, M the axes over the semi-axes. */
static void test_turned_ellipsoid(void **state) {
  kvox_context *context = *state;
  uint64_t seed = 2;
  for (int i = 0; i < 100; i++) {
    kvox_phantom *phantom = empty(context);
    double axes[3][3], n[3], center[3], m[3];
    random_axes(&seed, axes);
    random_direction(&seed, n);
    random_direction(&seed, center);
    const double semi[3] = {1.5 + random_signed(&seed), 1.5 + random_signed(&seed), 1.5 + random_signed(&seed)};
    assert_ok(kvox_phantom_add(phantom, 1, center, (const double(*)[3])axes, semi));
    for (int r = 0; r < 3; r++) {
      m[r] = dot(axes[r], n) / semi[r];
    }
    double point[3];
    move(center, 10, n, point);
    assert_true(fabs(kvox_phantom_line_integral(phantom, point, n) - 2 / sqrt(dot(m, m))) < 1e-13);
    /* Its surface lies where the values say: half the chord away from the centre. */
    const double half = 1 / sqrt(dot(m, m));
    move(center, half * (1 - 1e-9), n, point);
    assert_true(kvox_phantom_value(phantom, point) == 1);
    move(center, half * (1 + 1e-9), n, point);
    assert_true(kvox_phantom_value(phantom, point) == 0);
    kvox_phantom_destroy(phantom);
  }
}

/* A cylinder about z met at an angle a to its axis: the chord of its section over sin a; along the axis: no end. */
static void test_cylinder(void **state) {
  kvox_context *context = *state;
  kvox_phantom *phantom = empty(context);
  const double center[3] = {0.5, 0.25, 0}, semi[3] = {2, 2, (double)INFINITY};
  assert_ok(kvox_phantom_add_turned(phantom, 1, center, semi, 0));
  for (int i = 1; i < 20; i++) {
    const double a = pi * i / 40, n[3] = {sin(a), 0, cos(a)}, point[3] = {-3, 0.25 + 1.2, 17};
    assert_true(fabs(kvox_phantom_line_integral(phantom, point, n) - 3.2 / sin(a)) < 1e-12 / sin(a));
  }
  const double up[3] = {0, 0, 1}, in[3] = {1, 1, 0}, out[3] = {3, 1, 0};
  assert_true(isinf(kvox_phantom_line_integral(phantom, in, up)));
  assert_true(kvox_phantom_line_integral(phantom, out, up) == 0);
  kvox_phantom_destroy(phantom);
}

/* A thin wire seen from far away keeps its digits. */
static void test_far_away(void **state) {
  kvox_context *context = *state;
  kvox_phantom *phantom = empty(context);
  const double center[3] = {0, 0, 0}, semi[3] = {0.05, 0.05, (double)INFINITY};
  assert_ok(kvox_phantom_add_turned(phantom, 1, center, semi, 0));
  const double n[3] = {1, 0, 0}, point[3] = {-1e5, 0.03, 0};
  /* Naively the discriminant would lose (1e5 / 0.05)^2 * 1e-16 = 4e-4 of itself. */
  assert_true(fabs(kvox_phantom_line_integral(phantom, point, n) - 0.08) < 1e-13);
  kvox_phantom_destroy(phantom);
}

/* A plane and its opposite cut a shape into two parts: their chords and values add up to the whole's. */
static void test_planes(void **state) {
  kvox_context *context = *state;
  uint64_t seed = 3;
  for (int i = 0; i < 200; i++) {
    kvox_phantom *whole = empty(context), *parts = empty(context);
    double axes[3][3], normal[3], center[3], point[3], n[3];
    random_axes(&seed, axes);
    random_direction(&seed, normal);
    random_direction(&seed, center);
    const double back[3] = {-normal[0], -normal[1], -normal[2]}, offset = random_signed(&seed);
    const double semi[3] = {2 + random_signed(&seed), 2 + random_signed(&seed), 2 + random_signed(&seed)};
    assert_ok(kvox_phantom_add(whole, 1, center, (const double(*)[3])axes, semi));
    assert_ok(kvox_phantom_add(parts, 1, center, (const double(*)[3])axes, semi));
    assert_ok(kvox_phantom_cut(parts, normal, offset));
    assert_ok(kvox_phantom_add(parts, 1, center, (const double(*)[3])axes, semi));
    assert_ok(kvox_phantom_cut(parts, back, -offset));
    for (int ray = 0; ray < 10; ray++) {
      random_direction(&seed, n);
      for (int c = 0; c < 3; c++) {
        point[c] = center[c] + 2 * random_signed(&seed);
      }
      const double truth = kvox_phantom_line_integral(whole, point, n);
      assert_true(fabs(kvox_phantom_line_integral(parts, point, n) - truth) < 1e-13);
      assert_true(kvox_phantom_value(parts, point) == kvox_phantom_value(whole, point));
    }
    kvox_phantom_destroy(whole);
    kvox_phantom_destroy(parts);
  }
  /* Half a ball along its cut's normal: the radius. */
  kvox_phantom *half = empty(context);
  const double center[3] = {1, 2, 3}, semi[3] = {4, 4, 4}, x[3] = {1, 0, 0};
  assert_ok(kvox_phantom_add_turned(half, 1, center, semi, 0));
  assert_ok(kvox_phantom_cut(half, x, 0));
  assert_true(fabs(kvox_phantom_line_integral(half, center, x) - 4) < 1e-14);
  kvox_phantom_destroy(half);
}

/* Every phantom, random rays: the midpoint rule over the values. Each shape that the ray meets has one chord, which the
 * rule knows to within one step. */
static void test_quadrature(void **state) {
  kvox_context *context = *state;
  enum { RAYS = 24, STEPS = 5000 };
  const double radius = 100, length = 5 * radius, step = length / STEPS;
  const char *name;
  for (int32_t i = 0; (name = kvox_phantom_name(i)) != NULL; i++) {
    kvox_phantom *phantom = phantom_of(context, name, radius);
    uint64_t seed = 4;
    int met = 0;
    for (int ray = 0; ray < RAYS; ray++) {
      double n[3], start[3];
      random_direction(&seed, n);
      n[2] *= 0.2; /* across the cylinders */
      const double across = sqrt(dot(n, n));
      for (int c = 0; c < 3; c++) {
        n[c] /= across;
        start[c] = 0.6 * radius * random_signed(&seed) - 0.5 * length * n[c];
      }
      double sum = 0, bound = 1e-9;
      for (int s = 0; s < STEPS; s++) {
        double point[3];
        move(start, (s + 0.5) * step, n, point);
        sum += kvox_phantom_value(phantom, point) * step;
      }
      for (int32_t s = 0; s < phantom->shape_count; s++) {
        const double chord = kvox_shape_chord(phantom->shapes + s, kvox_phantom_cuts(phantom), start, n);
        bound += chord > 0 ? step * fabs(phantom->shapes[s].density) : 0;
      }
      const double integral = kvox_phantom_line_integral(phantom, start, n);
      assert_true(fabs(integral - sum) <= bound);
      met += integral > 0;
    }
    assert_true(met >= RAYS / 3 || strcmp(name, "wire") == 0);
    kvox_phantom_destroy(phantom);
  }
}

/* A row of parallel lines is the lines one by one. */
static void test_row(void **state) {
  kvox_context *context = *state;
  enum { COUNT = 400 };
  const double radius = 100;
  const char *name;
  for (int32_t i = 0; (name = kvox_phantom_name(i)) != NULL; i++) {
    kvox_phantom *phantom = phantom_of(context, name, radius);
    uint64_t seed = 8;
    for (int row = 0; row < 20; row++) {
      double axes[3][3], first[3], step[3], sums[COUNT];
      random_axes(&seed, axes);
      for (int c = 0; c < 3; c++) {
        /* Not across the lines, and not of length 1. */
        step[c] = 0.55 * axes[0][c] + 0.2 * axes[1][c];
        axes[1][c] *= 1.5;
        first[c] = 0.4 * radius * random_signed(&seed) - 0.5 * COUNT * step[c];
      }
      kvox_phantom_line_row(phantom, first, step, axes[1], COUNT, sums);
      for (int s = 0; s < COUNT; s++) {
        double point[3];
        move(first, s, step, point);
        /* 1e-13 of rounding in a line's place grows to its root at a rim. */
        assert_true(fabs(sums[s] - kvox_phantom_line_integral(phantom, point, axes[1])) < 1e-4);
      }
    }
    kvox_phantom_destroy(phantom);
  }
  /* Along the axis of a cylinder: no end inside, nothing outside. */
  kvox_phantom *edge = phantom_of(context, "edge", 10);
  const double up[3] = {0, 0, -1}, first[3] = {-9, -1, 0}, step[3] = {4, 0, 0};
  double sums[6];
  kvox_phantom_line_row(edge, first, step, up, 6, sums);
  for (int s = 0; s < 6; s++) {
    assert_true(s == 2 || s == 3 ? isinf(sums[s]) && sums[s] > 0 : sums[s] == 0);
  }
  kvox_phantom_destroy(edge);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ball),   cmocka_unit_test(test_turned_ellipsoid), cmocka_unit_test(test_cylinder),
      cmocka_unit_test(test_planes), cmocka_unit_test(test_far_away),         cmocka_unit_test(test_quadrature),
      cmocka_unit_test(test_row),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
