/* The published values at named points, the catalogue, and bad arguments. */
#include "support.h"

typedef struct named_point {
  double x, y, z, value;
  const char *what;
} named_point;

static void check(kvox_context *context, const char *name, double radius_mm, double unit_mm, const named_point *points,
                  size_t count) {
  kvox_phantom *phantom = phantom_of(context, name, radius_mm);
  /* Heads are published with the face towards +y; in the world that is posterior. */
  const double up = strncmp(name, "shepp", 5) == 0 || strncmp(name, "forbild", 7) == 0 ? -1 : 1;
  for (size_t i = 0; i < count; i++) {
    const double at[3] = {points[i].x * unit_mm, up * points[i].y * unit_mm, points[i].z * unit_mm};
    const double value = kvox_phantom_value(phantom, at);
    if (!(fabs(value - points[i].value) < 1e-12)) {
      fail_msg("%s, %s: %.17g, must be %.17g", name, points[i].what, value, points[i].value);
    }
  }
  kvox_phantom_destroy(phantom);
}

#define CHECK(name, radius_mm, unit_mm, points) \
  check(*state, name, radius_mm, unit_mm, points, sizeof points / sizeof *points)

static void test_shepp_logan(void **state) {
  const named_point points[] = {
      {0, 0.9, 0, 1, "skull, front"},
      {0, -0.91, 5, 1, "skull, back, any z"},
      {0.68, 0, 0, 1, "skull, side"},
      {0.5, 0, 0, 0.2, "brain"},
      {0.22, 0, 0, 0, "ventricle at +x"},
      {-0.22, 0, 0, 0, "ventricle at -x"},
      {-0.328, 0.333, 0, 0, "the longer ventricle is at -x and leans outward at +y"},
      {0.328, 0.333, 0, 0.2, "its mirror image"},
      {-0.328, -0.333, 0, 0.2, "its other mirror image"},
      {0, 0.35, 0, 0.3, "tumour at +y"},
      {0, -0.35, 0, 0.2, "its mirror image"},
      {0, 0.08, 0, 0.3, "small, above"},
      {0, -0.1, 0, 0.3, "small, below"},
      {-0.08, -0.605, 0, 0.3, "lying, at -x"},
      {-0.12, -0.605, 0, 0.3, "it is wide"},
      {0, -0.606, 0, 0.3, "round"},
      {0.06, -0.605, 0, 0.3, "standing, at +x"},
      {0.06, -0.565, 0, 0.3, "it is tall"},
      {0.7, 0.7, 0, 0, "air"},
  };
  CHECK("shepp-logan", 1, 1, points);
  CHECK("shepp-logan", 123, 123, points);
  const named_point original[] = {
      {0, 0.9, 0, 2, "skull"},      {0.5, 0, 0, 1.02, "brain"},  {0.22, 0, 0, 1, "ventricle"},
      {0, 0.35, 0, 1.03, "tumour"}, {0, 0.08, 0, 1.03, "small"}, {0.06, -0.605, 0, 1.03, "standing"},
  };
  CHECK("shepp-logan-original", 1, 1, original);
}

static void test_shepp_logan_3d(void **state) {
  const named_point points[] = {
      {0, 0, 0.89, 1, "skull, top"},       {0, 0, 0.91, 0, "above it"},          {0, 0, 0, 0.2, "brain"},
      {-0.22, 0, -0.25, 0, "ventricle"},   {-0.328, 0.333, -0.25, 0, "leaning"}, {0.328, 0.333, -0.25, 0.2, "mirror"},
      {0, 0.35, -0.25, 0.4, "tumour"},     {0, 0.35, 0.4, 0.2, "above it"},      {0, 0.08, -0.25, 0.4, "small"},
      {0.06, -0.105, 0.625, 0.4, "upper"}, {0, 0.1, 0.625, 0, "upper, dark"},    {0.06, -0.69, -0.25, 0.3, "tall"},
      {-0.12, -0.65, -0.25, 0.3, "wide"},
  };
  CHECK("shepp-logan-3d", 1, 1, points);
  const named_point original[] = {
      {0, 0, 0.89, 2, "skull"}, {0, 0, 0, 1.02, "brain"}, {0, 0.35, -0.25, 1.04, "tumour"}, {0, 0.1, 0.625, 1, "dark"}};
  CHECK("shepp-logan-3d-original", 1, 1, original);
}

/* Materials of the paper: bone 1.8, brain 1.05, fluid 1.045, spheres 1.0475 and 1.0525, blood 1.055, eyes 1.06. */
static void test_forbild_head(void **state) {
  const named_point common[] = {
      {3, -3, 0, 1.05, "brain"},
      {0, -11.8, 0, 1.8, "skull"},
      {0, 11.7, 9, 1.8, "skull, front, any z"},
      {9.8, 5, 0, 0, "air"},
      {1, 9.5, 0, 0, "frontal sinus"},
      {0, 9.6, 0, 1.8, "its septum"},
      {4.7, 4.3, 0, 1.06, "eye at +x"},
      {-4.7, 4.3, 0, 1.06, "eye at -x"},
      {4.7, -4.3, 0, 1.05, "no eye at -y"},
      {0, -3.6, 0, 1.045, "ventricle"},
      {6.39395, -6.39395, 0, 1.055, "haematoma at +x"},
      {-6.39395, -6.39395, 0, 1.05, "none at -x"},
      {-1.08, -9, 0, 1.0525, "denser sphere at -x"},
      {1.08, -9, 0, 1.0475, "lighter sphere at +x"},
      {0, 3.6, 0, 1.8, "bone between the eyes"},
      {1.1, 3.8, 0, 1.8, "it is a bar"},
      {1.3, 3.6, 0, 1.05, "of this length"},
      {0, 3.95, 0, 1.05, "and this thickness"},
      {1.9, 5.4, 0, 1.8, "bone"},
      {-2.36, 6.17, 0, 1.8, "which leans outward at the front, -x"},
      {2.36, 6.17, 0, 1.8, "and +x"},
      {-1.44, 6.17, 0, 1.05, "not inward"},
      {-5.5, 7.5, 0, 1.8, "bone behind the eye at -x"},
      {0, -11, 0, 1.8, "protuberance at the back"},
      {0, -10.5, 0, 1.8, "its tip"},
      {0, -10.3, 0, 1.05, "before it"},
  };
  CHECK("forbild-head", 128, 10, common);
  CHECK("forbild-head-plain", 128, 10, common);
  CHECK("forbild-head", 12.8, 1, common);
  const named_point ears[] = {
      {8.8, 0, 0, 0, "air cell"},
      {8.6, 0, 0, 1.8, "bone between cells"},
      {8.93, 0.3, 0, 1.8, "bone at the skull"},
      {8.8 - 0.2 - 2.8, 0.346410161513775, 0, 0, "last cell of the next row"},
      {8.8 - 0.4 - 2.8, 0.69282032302755, 0, 1.8, "one less in the row after"},
      {8.8 - 2.8, 0.69282032302755, 0, 0, "whose last is here"},
      {8.6 - 2.0, -1.03923048454133, 0, 0, "last cell of the outermost row"},
      {-8.8, 0, 0, 1.05, "none at -x"},
      {-7, -1, 0, 1.8, "first disc of the pattern"},
      {-7, -1 + 0.0357, 0, 1.05, "gap after it"},
      {-6.92, -1 + 8 * 0.0312, 0, 1.8, "last disc of the second group"},
      {-6.76, -1 + 36 * 0.04 + 8 * 0.025, 0, 1.8, "last disc of all"},
      {-6.72, -1 + 36 * 0.04 + 8 * 0.025, 0, 1.05, "beside it"},
  };
  CHECK("forbild-head", 128, 10, ears);
  const named_point plain[] = {
      {8.8, 0, 0, 1.05, "brain"}, {8.93, 0.3, 0, 1.05, "brain to the skull"}, {-7, -1, 0, 1.05, "no pattern"}};
  CHECK("forbild-head-plain", 128, 10, plain);
}

static void test_own(void **state) {
  const named_point cylinder[] = {{0.79, 0, 3, 1, "water"}, {0, -0.81, 0, 0, "air"}};
  CHECK("cylinder", 50, 50, cylinder);
  const named_point discs[] = {
      {0, 0, 0, 1, "body"},
      {0.45, 0.3, 0, 1.5, "denser"},
      {-0.35, 0.4, 0, 0.5, "lighter"},
      {-0.4, -0.35, 0, 1.25, "slightly denser"},
      {0.25, -0.5, 0, 0, "hole"},
      {0.1, 0.05, 0, 2, "bone"},
      {0.84, -0.08, 0, 1, "off centre"},
      {-0.76, -0.08, 0, 0, "by 0.05"},
  };
  CHECK("discs", 50, 50, discs);
  const named_point wire[] = {{0.3, 0.2, 0, 1, "wire"}, {0.3045, 0.2, 0, 0, "beside it"}};
  CHECK("wire", 50, 50, wire);
  const named_point edge[] = {{0.2, 0.29, 0, 1, "disc"}, {0.2, 0.31, 0, 0, "air"}};
  CHECK("edge", 50, 50, edge);
}

/* What the header promises of all: nothing beyond the radius, the density multiplies, every name has its line. */
static void test_all(void **state) {
  kvox_context *context = *state;
  const char *name;
  int32_t count = 0;
  for (; (name = kvox_phantom_name(count)) != NULL; count++) {
    assert_true(strlen(kvox_phantom_description(count)) > 20);
    kvox_phantom *one = phantom_of(context, name, 40), *two = NULL;
    assert_ok(kvox_phantom_create(context, name, 40, -2.5, &two));
    uint64_t seed = 5;
    for (int i = 0; i < 2000; i++) {
      const double at[3] = {80 * random_signed(&seed), 80 * random_signed(&seed), 40 * random_signed(&seed)};
      const double value = kvox_phantom_value(one, at);
      if (hypot(at[0], at[1]) > 40) {
        assert_true(value == 0);
      }
      assert_true(fabs(kvox_phantom_value(two, at) + 2.5 * value) < 1e-12);
    }
    const double nowhere[3] = {(double)NAN, 0, 0};
    assert_true(kvox_phantom_value(one, nowhere) == 0);
    kvox_phantom_destroy(one);
    kvox_phantom_destroy(two);
  }
  assert_true(count >= 8);
  assert_null(kvox_phantom_name(-1));
  assert_null(kvox_phantom_description(count));
}

static void test_bad_arguments(void **state) {
  kvox_context *context = *state;
  kvox_phantom *phantom = NULL;
  assert_int_equal(kvox_phantom_create(context, "shep-logan", 1, 1, &phantom), KVOX_ERROR_ARGUMENT);
  assert_non_null(strstr(kvox_last_error(), "\"shep-logan\"; there are shepp-logan, "));
  assert_non_null(strstr(kvox_last_error(), ", edge"));
  assert_int_equal(kvox_phantom_create(context, "edge", 0, 1, &phantom), KVOX_ERROR_ARGUMENT);
  assert_non_null(strstr(kvox_last_error(), "radius_mm is 0"));
  assert_int_equal(kvox_phantom_create(context, "edge", -3, 1, &phantom), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_phantom_create(context, "edge", (double)NAN, 1, &phantom), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_phantom_create(context, "edge", 1, (double)INFINITY, &phantom), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_phantom_create(NULL, "edge", 1, 1, &phantom), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_phantom_create(context, NULL, 1, 1, &phantom), KVOX_ERROR_ARGUMENT);
  assert_int_equal(kvox_phantom_create(context, "edge", 1, 1, NULL), KVOX_ERROR_ARGUMENT);
  assert_null(phantom);
  kvox_phantom_destroy(NULL);
}

/* A phantom keeps its context alive. */
static void test_context_first(void **state) {
  (void)state;
  kvox_context *context = context_of_threads(1);
  kvox_phantom *phantom = phantom_of(context, "edge", 1);
  kvox_context_destroy(context);
  const double at[3] = {0.2, 0, 0};
  assert_true(kvox_phantom_value(phantom, at) == 1);
  kvox_phantom_destroy(phantom);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shepp_logan),   cmocka_unit_test(test_shepp_logan_3d),
      cmocka_unit_test(test_forbild_head),  cmocka_unit_test(test_own),
      cmocka_unit_test(test_all),           cmocka_unit_test(test_bad_arguments),
      cmocka_unit_test(test_context_first),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
