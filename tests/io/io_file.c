/* What all formats share: names, files that cannot be, writes that are cut short, many threads at once. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "files.h"

static float samples[24];

static kvox_array sample_array(void) { return array_of(samples, KVOX_F32, 3, (int64_t[]){2, 3, 4}); }

static kvox_volume *sample_volume(void) {
  const kvox_array array = sample_array();
  const double spacing[3] = {1, 2, 3};
  kvox_grid grid;
  kvox_volume *volume = NULL;
  assert_ok(kvox_grid_init(&grid, (int64_t[]){4, 3, 2}, spacing, NULL));
  assert_ok(kvox_volume_wrap(context, &array, &grid, &volume));
  return volume;
}

static void nulls(void **state) {
  (void)state;
  kvox_volume *volume = NULL;
  kvox_io_array *array = NULL;
  kvox_io_scan *scan = NULL;
  kvox_ct_geometry *geometry = NULL;
  const kvox_array given = sample_array();
  assert_fails(KVOX_ERROR_ARGUMENT, "context is NULL", kvox_io_read_volume(NULL, "x.npy", &volume));
  assert_fails(KVOX_ERROR_ARGUMENT, "path is NULL", kvox_io_read_volume(context, NULL, &volume));
  assert_fails(KVOX_ERROR_ARGUMENT, "volume is NULL", kvox_io_read_volume(context, "x.npy", NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "context is NULL", kvox_io_read_array(NULL, "x.npy", &array));
  assert_fails(KVOX_ERROR_ARGUMENT, "path is NULL", kvox_io_read_scan(context, NULL, &scan));
  assert_fails(KVOX_ERROR_ARGUMENT, "geometry is NULL", kvox_io_read_ct_geometry(context, "x.json", NULL, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "context is NULL", kvox_io_read_ct_geometry(NULL, "x.json", NULL, &geometry));
  assert_fails(KVOX_ERROR_ARGUMENT, "volume is NULL", kvox_io_write_volume(context, "x.npy", NULL, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "context is NULL", kvox_io_write_array(NULL, "x.npy", &given));
  assert_fails(KVOX_ERROR_ARGUMENT, "array: the array is NULL", kvox_io_write_array(context, "x.npy", NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "path is NULL", kvox_io_write_scan(context, NULL, &given, NULL, NULL, NULL));
  assert_fails(KVOX_ERROR_ARGUMENT, "geometry is NULL", kvox_io_write_ct_geometry(context, "x.json", NULL));
  kvox_io_array_destroy(NULL);
  kvox_io_scan_destroy(NULL);
  assert_null(kvox_io_array_view(NULL));
  assert_null(kvox_io_scan_projections(NULL));
  assert_null(kvox_io_scan_flat(NULL));
  assert_null(kvox_io_scan_dark(NULL));
  assert_null(kvox_io_scan_angles_deg(NULL));
}

static void extensions(void **state) {
  (void)state;
  kvox_volume *volume = NULL;
  kvox_io_array *array = NULL;
  kvox_io_scan *scan = NULL;
  const kvox_array given = sample_array();
  kvox_volume *held = sample_volume();
  assert_fails(KVOX_ERROR_UNSUPPORTED, "x.dcm: volumes are read by the ending of the name, one of .npy .mha .mhd",
               kvox_io_read_volume(context, "/tmp/x.dcm", &volume));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "one of .npy .png", kvox_io_read_array(context, "x.mha", &array));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "one of .npy .mha .mhd .h5 .hdf5", kvox_io_read_scan(context, "x", &scan));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "one of .npy .png", kvox_io_write_array(context, "npy", &given));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "one of .npy .png", kvox_io_write_array(context, ".npy", &given));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "one of .npy .mha .mhd .png", kvox_io_write_volume(context, "", held, NULL));
  assert_fails(KVOX_ERROR_UNSUPPORTED, "one of .npy .h5 .hdf5",
               kvox_io_write_scan(context, "x.mha", &given, NULL, NULL, NULL));
  kvox_volume_destroy(held);
}

static void options(void **state) {
  (void)state;
  kvox_volume *volume = sample_volume();
  kvox_io_write_options how;
  struct {
    kvox_io_write_options known;
    int64_t later;
  } newer = {.later = 0};
  memset(&how, 0x55, sizeof how);
  kvox_io_write_options_init(&how);
  assert_true(how.struct_size == sizeof how && how.slice == -1 && how.compress == 0 && how.window_width == 0);
  assert_ok(kvox_io_write_volume(context, at("o.npy"), volume, &how));
  how.struct_size = 0;
  assert_fails(KVOX_ERROR_ARGUMENT, "struct_size is 0", kvox_io_write_volume(context, at("o.npy"), volume, &how));
  kvox_io_write_options_init_sized(&newer.known, sizeof newer);
  assert_ok(kvox_io_write_volume(context, at("o.npy"), volume, &newer.known));
  newer.later = 1;
  assert_fails(KVOX_ERROR_UNSUPPORTED, "newer library",
               kvox_io_write_volume(context, at("o.npy"), volume, &newer.known));
  kvox_io_write_options_init_sized(NULL, sizeof how);
  kvox_volume_destroy(volume);
}

static kvox_status read_any(const char *path) {
  kvox_volume *volume = NULL;
  kvox_io_array *array = NULL;
  kvox_io_scan *scan = NULL;
  kvox_ct_geometry *geometry = NULL;
  const char *dot = strrchr(path, '.');
  kvox_status status = KVOX_OK;
  if (strcmp(dot, ".json") == 0) {
    status = kvox_io_read_ct_geometry(context, path, NULL, &geometry);
  } else if (strcmp(dot, ".png") == 0) {
    status = kvox_io_read_array(context, path, &array);
  } else if (strcmp(dot, ".h5") == 0) {
    status = kvox_io_read_scan(context, path, &scan);
  } else {
    status = kvox_io_read_volume(context, path, &volume);
  }
  assert_true(volume == NULL && array == NULL && scan == NULL && geometry == NULL);
  return status;
}

static const char *const one_of_each[] = {"f.npy", "f.mha", "f.mhd", "f.png", "f.h5", "f.json"};
enum { EACH = sizeof one_of_each / sizeof one_of_each[0] };

/* Missing, a folder, a pipe that nobody writes, a file taken for a folder, empty. */
static void unreadable(void **state) {
  (void)state;
  count_files(true);
  for (int i = 0; i < EACH; i++) {
    char name[64], path[400];
    const char *file = one_of_each[i];
    snprintf(path, sizeof path, "%s", at(file));
    snprintf(name, sizeof name, "%s: it cannot be opened: there is no such file", file);
    assert_fails(KVOX_ERROR_IO, name, read_any(path));
    mkdir(path, 0777);
    snprintf(name, sizeof name, "%s: it is a folder", file);
    assert_fails(KVOX_ERROR_IO, name, read_any(path));
    rmdir(path);
    assert_int_equal(mkfifo(path, 0666), 0);
    assert_fails(KVOX_ERROR_IO, "no regular file", read_any(path));
    unlink(path);
    put_file(file, "", 0);
    assert_int_equal(read_any(path), KVOX_ERROR_FORMAT);
    strcat(path, "/f.npy");
    assert_fails(KVOX_ERROR_IO, "is no folder", read_any(path));
  }
  count_files(true);
}

static kvox_status write_any(const char *path) {
  const kvox_array array = sample_array();
  const char *dot = strrchr(path, '.');
  if (strcmp(dot, ".h5") == 0) {
    return kvox_io_write_scan(context, path, &array, NULL, NULL, NULL);
  }
  if (strcmp(dot, ".json") == 0) {
    kvox_ct_parallel_options how;
    kvox_ct_geometry *geometry = NULL;
    kvox_ct_parallel_options_init(&how);
    how.views = how.rows = how.columns = 2;
    how.angle_step_deg = 90;
    assert_ok(kvox_ct_geometry_create_parallel(context, &how, &geometry));
    const kvox_status status = kvox_io_write_ct_geometry(context, path, geometry);
    kvox_ct_geometry_destroy(geometry);
    return status;
  }
  kvox_volume *volume = sample_volume();
  const kvox_status status = kvox_io_write_volume(context, path, volume, NULL);
  kvox_volume_destroy(volume);
  return status;
}

static void unwritable(void **state) {
  (void)state;
  count_files(true);
  for (int i = 0; i < EACH; i++) {
    char path[400], words[64];
    const char *file = one_of_each[i];
    snprintf(path, sizeof path, "%s/%s", at("nowhere"), file);
    snprintf(words, sizeof words, "%s: it cannot be written: there is no such", file);
    assert_fails(KVOX_ERROR_IO, words, write_any(path));
    put_file("plain", "", 0);
    snprintf(path, sizeof path, "%s/%s", at("plain"), file);
    assert_fails(KVOX_ERROR_IO, "is no folder", write_any(path));
    unlink(at("plain"));
    snprintf(path, sizeof path, "%s", at(file));
    mkdir(path, 0777);
    assert_fails(KVOX_ERROR_IO, "there is a folder of that name", write_any(path));
    rmdir(path);
    mkfifo(path, 0666);
    assert_fails(KVOX_ERROR_IO, "a device or pipe", write_any(path));
    unlink(path);
    assert_int_equal(count_files(false), 0);
  }
}

/* The disk fills up in the middle (here: files may not grow): what was there stays, nothing new appears. */
static void cut_short(void **state) {
  (void)state;
  enum { SIDE = 128 };
  struct rlimit before, small;
  static float large[SIDE * SIDE * SIDE];
  fill(large, sizeof large);
  const kvox_array array = array_of(large, KVOX_F32, 3, (int64_t[]){SIDE, SIDE, SIDE});
  const kvox_array picture = array_of(large, KVOX_U16, 2, (int64_t[]){SIDE * SIDE, SIDE});
  const double spacing[3] = {1, 1, 1};
  kvox_grid grid;
  kvox_volume *volume = NULL;
  kvox_io_write_options packed;
  assert_ok(kvox_grid_init(&grid, (int64_t[]){SIDE, SIDE, SIDE}, spacing, NULL));
  assert_ok(kvox_volume_wrap(context, &array, &grid, &volume));
  kvox_io_write_options_init(&packed);
  packed.compress = 1;
  for (int i = 0; i < SIDE * SIDE * SIDE; i++) {
    large[i] = (float)(((uint32_t)i * 2654435761u) % 16777213u); /* does not compress */
  }
  count_files(true);
  put_file("cut.npy", "old", 3);

  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before;
  small.rlim_cur = 1000000;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  assert_fails(KVOX_ERROR_IO, "cut.npy: it cannot be written: the file would be larger",
               kvox_io_write_array(context, at("cut.npy"), &array));
  assert_fails(KVOX_ERROR_IO, "cut.mha: ", kvox_io_write_volume(context, at("cut.mha"), volume, NULL));
  assert_fails(KVOX_ERROR_IO, "cut.mha: ", kvox_io_write_volume(context, at("cut.mha"), volume, &packed));
  assert_fails(KVOX_ERROR_IO, "cut.raw: ", kvox_io_write_volume(context, at("cut.mhd"), volume, NULL));
  assert_fails(KVOX_ERROR_IO, "cut.zraw: ", kvox_io_write_volume(context, at("cut.mhd"), volume, &packed));
  assert_fails(KVOX_ERROR_IO, "cut.png: ", kvox_io_write_array(context, at("cut.png"), &picture));
  assert_fails(KVOX_ERROR_IO, "cut.h5: ", kvox_io_write_scan(context, at("cut.h5"), &array, NULL, NULL, NULL));
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);

  assert_int_equal(count_files(false), 1);
  size_t size = 0;
  unsigned char *old = get_file("cut.npy", &size);
  assert_string_equal((char *)old, "old");
  free(old);
  kvox_volume_destroy(volume);
}

/* A path without a folder lies in the working folder; links to files are followed for reading, replaced in writing. */
static void plain_names(void **state) {
  (void)state;
  char here[1024];
  assert_non_null(getcwd(here, sizeof here));
  count_files(true);
  assert_int_equal(chdir(folder), 0);
  for (int i = 0; i < EACH; i++) {
    assert_ok(write_any(one_of_each[i]));
  }
  kvox_volume *volume = NULL;
  assert_ok(kvox_io_read_volume(context, "f.mhd", &volume));
  kvox_volume_destroy(volume);
  assert_int_equal(symlink("f.npy", "link.npy"), 0);
  assert_ok(kvox_io_read_volume(context, "link.npy", &volume));
  kvox_volume_destroy(volume);
  assert_int_equal(chdir(here), 0);
  assert_int_equal(count_files(true), EACH + 2);
}

/* The mode of a new file follows the process' mask, as anybody's new file does; that of a replaced one stays. */
static void modes(void **state) {
  (void)state;
  struct stat ours, plain;
  put_file("plain", "", 0);
  assert_ok(write_any(at("f.npy")));
  assert_int_equal(stat(at("f.npy"), &ours), 0);
  assert_int_equal(stat(at("plain"), &plain), 0);
  assert_int_equal(ours.st_mode, plain.st_mode);
  assert_int_equal(chmod(at("f.npy"), 0640), 0);
  assert_ok(write_any(at("f.npy")));
  assert_int_equal(stat(at("f.npy"), &ours), 0);
  assert_int_equal(ours.st_mode & 0777, 0640);
}

typedef struct worker {
  pthread_t thread;
  int number;
  bool good;
} worker;

/* Each thread writes and reads files of its own and, all at once, the same ones. */
static void *work(void *data) {
  worker *w = data;
  const kvox_array array = array_of(samples, KVOX_F32, 3, (int64_t[]){2, 3, 4});
  const double angles[2] = {0, 90};
  char mine[400], ours[400];
  w->good = true;
  for (int i = 0; i < 20 && w->good; i++) {
    kvox_io_scan *scan = NULL;
    const char *const kind = i % 2 == 0 ? "h5" : "npy";
    snprintf(mine, sizeof mine, "%s/own%d.%s", folder, w->number, kind);
    snprintf(ours, sizeof ours, "%s/ours.%s", folder, kind);
    const double *given = i % 2 == 0 ? angles : NULL;
    for (int n = 0; n < 2; n++) {
      const char *path = n == 0 ? mine : ours;
      w->good = w->good && kvox_io_write_scan(context, path, &array, NULL, NULL, given) == KVOX_OK &&
                kvox_io_read_scan(context, path, &scan) == KVOX_OK &&
                memcmp(kvox_io_scan_projections(scan)->data, samples, sizeof samples) == 0;
      kvox_io_scan_destroy(scan);
      scan = NULL;
    }
    w->good = w->good && kvox_io_read_scan(context, "/nowhere/x.h5", &scan) == KVOX_ERROR_IO;
  }
  return NULL;
}

static void threads(void **state) {
  (void)state;
  worker workers[4];
  fill(samples, sizeof samples);
  count_files(true);
  for (int i = 0; i < 4; i++) {
    workers[i].number = i;
    assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(workers[i].thread, NULL);
    assert_true(workers[i].good);
  }
  assert_int_equal(count_files(true), 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nulls),       cmocka_unit_test(extensions), cmocka_unit_test(options),
      cmocka_unit_test(unreadable),  cmocka_unit_test(unwritable), cmocka_unit_test(cut_short),
      cmocka_unit_test(plain_names), cmocka_unit_test(modes),      cmocka_unit_test(threads),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
